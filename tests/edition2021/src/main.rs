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

    #[test]
    fn main_runs() {
        assert_eq!(super::main(), Ok(()));
    }
}
