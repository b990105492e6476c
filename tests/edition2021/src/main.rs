//! The attributes in a program of edition 2021 that calls the runtime by another name.

const DEPTH: u32 = 8;

#[renamed::main(crate = renamed, ring_depth = DEPTH)]
async fn main() -> Result<(), std::fmt::Error> {
    let text = String::from("a temporary at the end of a body lives as long as it must");
    std::fmt::Write::write_str(&mut String::new(), text.as_str())
}

#[cfg(test)]
mod tests {
    use renamed as runtime;

    #[renamed::test(crate = ::renamed, ring_depth = super::DEPTH, preempt = "fail")]
    async fn a_renamed_dependency_is_found() {
        assert_eq!(renamed::ring_info().unwrap().depth, super::DEPTH);
    }

    #[runtime::test(crate = runtime)]
    async fn so_is_a_path_that_is_not_absolute() -> Result<(), Box<dyn std::error::Error>> {
        Ok(())
    }

    #[renamed::preemptible(crate = renamed, every = 2)]
    async fn digits(cell: &std::cell::RefCell<String>) -> usize {
        let mut digits = 0;
        let text = cell.borrow().clone();
        for letter in text.chars() {
            digits += usize::from(letter.is_ascii_digit());
        }
        #[renamed::no_yield]
        while let Some(letter) = cell.borrow_mut().pop() {
            digits += usize::from(letter.is_ascii_digit());
        }
        // Its temporary lives until the end of the body, as it does in this edition.
        digits + cell.borrow().len()
    }

    #[renamed::test(crate = renamed)]
    #[renamed::preemptible]
    async fn loops_yield_in_a_renamed_runtime() {
        let cell = std::cell::RefCell::new("a1b22".to_owned());
        let mut sum = 0;
        while sum < 10 {
            sum += digits(&cell).await;
            cell.borrow_mut().push_str("3x");
        }
        assert_eq!(sum, 6 + 2 + 2);
    }

    #[test]
    fn main_runs() {
        assert_eq!(super::main(), Ok(()));
    }
}
