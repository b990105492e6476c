//! Tasks that are spawned and joined, and that yield.

macro_rules! tasks {
    ($($module:ident = $($peer:ident)::+;)+) => {
        $(pub mod $module {
            use crate::meter::Meter;
            pub use crate::peers::$($peer)::+::NAME;
            use crate::peers::$($peer)::+::*;
            use crate::sample::Sample;

            async fn spawn_and_join(tasks: u64) -> u64 {
                let handles: Vec<_> = (0..tasks).map(|n| spawn(async move { n })).collect();
                let mut sum = 0;
                for handle in handles {
                    sum += join(handle).await;
                }
                sum
            }

            pub fn spawn_1000(units: u64) -> Sample {
                run(async move {
                    spawn_and_join(1000).await;
                    let meter = Meter::start();
                    for _ in 0..units / 1000 {
                        assert_eq!(spawn_and_join(1000).await, 999 * 500);
                    }
                    meter.end(units / 1000 * 1000)
                })
            }

            pub fn spawn_1(units: u64) -> Sample {
                run(async move {
                    spawn_and_join(1).await;
                    let (meter, mut sum) = (Meter::start(), 0);
                    for n in 0..units {
                        sum += join(spawn(async move { n })).await;
                    }
                    assert_eq!(sum, units * (units - 1) / 2);
                    meter.end(units)
                })
            }

            fn yields(tasks: u64, units: u64) -> Sample {
                run(async move {
                    let meter = Meter::start();
                    let each = units / tasks;
                    let spin = || {
                        spawn(async move {
                            let mut yields = 0;
                            while yields < each {
                                yield_now().await;
                                yields += 1;
                            }
                            yields
                        })
                    };
                    let handles: Vec<_> = (0..tasks).map(|_| spin()).collect();
                    let mut sum = 0;
                    for handle in handles {
                        sum += join(handle).await;
                    }
                    assert_eq!(sum, each * tasks);
                    meter.end(each * tasks)
                })
            }

            pub fn yield_2(units: u64) -> Sample {
                yields(2, units)
            }

            pub fn yield_1000(units: u64) -> Sample {
                yields(1000, units)
            }
        })+
    };
}

tasks! {
    raw = raw;
    io2 = io2;
    io2_off = io2::off;
    tokio = tokio;
    tokio_uring = tokio_uring;
    monoio = monoio;
    glommio = glommio;
    compio = compio;
    smol = smol;
    kimojio = kimojio;
}
