//! The attributes mind no name in the program, and stay quiet under every lint.
#![deny(
    clippy::all,
    clippy::pedantic,
    missing_docs,
    unreachable_pub,
    unsafe_code,
    unused,
    unused_qualifications,
    warnings
)]

/// Each of these would be found by a path that is not absolute.
mod shadowed {
    #![no_implicit_prelude]
    #![expect(dead_code, non_camel_case_types, reason = "only the names matter")]

    fn drop() {}
    fn guard_held_over_yield() {}
    fn need_preempt() {}
    fn yield_now() {}
    mod core {}
    mod io2 {}
    mod std {}
    mod tests {}
    struct Box;
    struct Future;
    struct Option;
    struct Result;
    struct Some;
    struct str;
    struct u32;
    fn body() {}
    fn main() {}
    fn test() {}

    const DEPTH: ::core::primitive::u32 = 16;
    const NAME: &::core::primitive::str = "bare";

    #[::io2::test(ring_depth = DEPTH, name = NAME, preempt = "fail", timeout_ms = 5_000)]
    async fn names_are_absolute() {
        ::core::assert_eq!(::io2::ring_info().unwrap().depth, 16);
    }

    #[::io2::test]
    async fn a_result_is_named_absolutely() -> ::core::result::Result<(), ::std::io::Error> {
        ::core::result::Result::Ok(())
    }

    #[::io2::test]
    #[should_panic(expected = "as asked")]
    async fn a_panic_is_named_absolutely() {
        ::core::panic!("as asked");
    }

    #[::io2::main]
    async fn number() -> ::core::primitive::u8 {
        5
    }

    #[::core::prelude::v1::test]
    fn a_function_is_named_absolutely() {
        ::core::assert_eq!(number(), 5);
    }

    /// Variables of the same names as those of the expansion, and items where a check comes first.
    #[::io2::preemptible(every = 2)]
    async fn stepped(times: ::core::primitive::usize) -> ::core::primitive::usize {
        const NONE: ::core::primitive::usize = 0;
        let iterations_0 = times;
        let mut iterations_1 = NONE;
        for _ in 0..iterations_0 {
            const ONE: ::core::primitive::usize = 1;
            while iterations_1 & 1 == 0 {
                iterations_1 += ONE;
            }
            iterations_1 += 1;
        }
        iterations_1
    }

    #[::io2::test]
    #[::io2::preemptible]
    async fn loops_name_things_absolutely() {
        let mut rounds = 0;
        let steps = loop {
            rounds += 1;
            if rounds == 3 {
                break stepped(rounds).await;
            }
        };
        ::core::assert_eq!(steps, 6);
    }
}

mod imported {
    use io2::test;

    #[test]
    async fn the_attribute_can_be_imported() {}

    #[test(ring_depth = 8)]
    async fn and_used_again() {
        assert_eq!(io2::ring_info().unwrap().depth, 8);
    }
}

macro_rules! tests {
    ($($name:ident $depth:literal $body:block)*) => {
        $(#[io2::test(ring_depth = $depth)] async fn $name() $body)*
    };
}

tests! {
    a_macro_makes_a_test 32 { assert_eq!(io2::ring_info().unwrap().depth, 32) }
    a_macro_makes_another_one 2 { let depth = 2; assert_eq!(io2::ring_info().unwrap().depth, depth); }
}

macro_rules! with_depth {
    ($name:ident, $depth:expr) => {
        #[io2::test(ring_depth = $depth)]
        async fn $name() {
            assert_eq!(io2::ring_info().unwrap().depth, $depth);
        }
    };
}

with_depth!(an_expression_of_a_macro_is_a_value, 2 * 4);

/// Documented, as a private module need not be.
#[io2::test]
#[expect(unused_mut, reason = "attributes stay")]
async fn attributes_stay() {
    let mut five = 5;
    assert_eq!(five, 5);
}

#[io2::test]
async fn inner_attributes_stay() {
    #![expect(unused_variables, reason = "attributes stay")]
    let five = 5;
}

#[io2::test]
#[cfg(any())]
async fn what_is_configured_out_is_not_there() {
    does_not_exist()
}

#[io2::test]
#[ignore = "ignored tests stay ignored"]
async fn what_is_ignored_does_not_run() {
    panic!("it ran");
}

#[io2::test]
async fn items_in_the_body_are_found() {
    const FIVE: u8 = five();
    const fn five() -> u8 {
        5
    }
    assert_eq!(FIVE, 5);
}

trait Job {
    fn run(self) -> u32;
}

struct Five;

impl Job for Five {
    #[io2::main]
    async fn run(self) -> u32 {
        self.five().await
    }
}

impl Five {
    async fn five(&self) -> u32 {
        io2::yield_now().await;
        5
    }

    #[io2::main(crate = ::io2)]
    async fn by_reference(&self, other: &str) -> usize {
        other.len() + self.five().await as usize
    }

    #[io2::main(ring_depth = { const EIGHT: u32 = 8; EIGHT * 2 }, name = concat!("a", "b"),)]
    pub(crate) async fn pattern((a, b): (u8, u8), [c, ..]: [u8; 2]) -> u8 {
        a + b + c
    }

    #[io2::main]
    async fn lifetime<'a>(kept: &'a str, _dropped: &str) -> &'a str {
        kept
    }

    #[io2::main]
    async fn boxed(fail: u8) -> Result<Box<dyn std::fmt::Debug>, Box<dyn std::error::Error>> {
        if fail == 1 {
            return Err("as asked".into());
        }
        if fail == 2 {
            Err(std::fmt::Error)?;
        }
        Ok(Box::new(5))
    }

    #[io2::main]
    async fn opaque() -> impl std::fmt::Debug {
        5
    }

    #[io2::main]
    async fn any(shown: impl std::fmt::Debug) -> String {
        format!("{shown:?}")
    }

    #[io2::main]
    async fn moved(text: String) -> String {
        text
    }
}

#[test]
fn functions_with_parameters_keep_them() {
    assert_eq!(Five.run(), 5);
    assert_eq!(Five.by_reference("abc"), 8);
    assert_eq!(Five::pattern((1, 2), [3, 4]), 6);
    assert_eq!(Five::lifetime("a", "b"), "a");
    assert_eq!(Five::boxed(1).unwrap_err().to_string(), "as asked");
    assert!(Five::boxed(2).unwrap_err().is::<std::fmt::Error>());
    assert!(Five::boxed(0).is_ok());
    assert_eq!(format!("{:?}", Five::opaque()), "5");
    assert_eq!(Five::any('a'), "'a'");
    assert_eq!(Five::moved("a".to_owned()), "a");
}
