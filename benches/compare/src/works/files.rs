//! Files: no-ops, random reads, long reads and writes past the page cache, and appends.

/// Bytes of a long read or write.
pub const LONG: usize = 1 << 20;

macro_rules! no_ops {
    ($($module:ident = $($peer:ident)::+;)+) => {
        pub mod no_ops {
            $(pub mod $module {
                use crate::meter::Meter;
                pub use crate::peers::$($peer)::+::NAME;
                use crate::peers::$($peer)::+::*;
                use crate::sample::Sample;

                async fn repeat(units: u64) -> u64 {
                    let null = open("/dev/null").await;
                    for _ in 0..units {
                        no_op(&null).await;
                    }
                    units
                }

                pub fn depth_1(units: u64) -> Sample {
                    run(async move {
                        let meter = Meter::start();
                        repeat(units).await;
                        meter.end(units)
                    })
                }

                pub fn depth_32(units: u64) -> Sample {
                    run(async move {
                        let meter = Meter::start();
                        let each = units / 32;
                        let handles: Vec<_> = (0..32).map(|_| spawn(repeat(each))).collect();
                        let mut sum = 0;
                        for handle in handles {
                            sum += join(handle).await;
                        }
                        assert_eq!(sum, each * 32);
                        meter.end(sum)
                    })
                }
            })+
        }
    };
}

no_ops! {
    io2 = io2;
    tokio_uring = tokio_uring;
    monoio = monoio;
    monoio_tuned = monoio::tuned;
    glommio = glommio;
    compio = compio;
    kimojio = kimojio;
}

macro_rules! reads {
    ($($module:ident = $($peer:ident)::+;)+) => {
        pub mod reads {
            $(pub mod $module {
                use crate::meter::Meter;
                pub use crate::peers::$($peer)::+::NAME;
                use crate::peers::$($peer)::+::*;
                use crate::sample::Sample;
                use crate::works::data::{BLOCK, Offsets, check, path};

                async fn repeat(task: u64, units: u64) -> u64 {
                    let file = open(path()).await;
                    let (mut offsets, mut buf) = (Offsets::new(task), buffer(BLOCK));
                    for _ in 0..units {
                        let block = offsets.block();
                        buf = read(&file, buf, block * BLOCK as u64).await;
                        check(buf.bytes(), block);
                    }
                    units
                }

                fn at_depth(depth: u64, units: u64) -> Sample {
                    run(async move {
                        let meter = Meter::start();
                        let each = units / depth;
                        let handles: Vec<_> = (0..depth).map(|task| spawn(repeat(task, each))).collect();
                        let mut sum = 0;
                        for handle in handles {
                            sum += join(handle).await;
                        }
                        assert_eq!(sum, each * depth);
                        meter.end(sum)
                    })
                }

                pub fn depth_1(units: u64) -> Sample {
                    at_depth(1, units)
                }

                pub fn depth_32(units: u64) -> Sample {
                    at_depth(32, units)
                }

                pub fn depth_128(units: u64) -> Sample {
                    at_depth(128, units)
                }

                use crate::works::files::Bytes as _;
            })+
        }
    };
}

reads! {
    io2 = io2;
    io2_registered = io2::registered;
    io2_direct = io2::direct;
    tokio = tokio;
    tokio_uring = tokio_uring;
    monoio = monoio;
    monoio_tuned = monoio::tuned;
    glommio = glommio;
    glommio_direct = glommio::direct;
    compio = compio;
    smol = smol;
    kimojio = kimojio;
}

/// What is in a peer's buffer.
pub trait Bytes {
    fn bytes(&self) -> &[u8];
}

impl Bytes for Vec<u8> {
    fn bytes(&self) -> &[u8] {
        self
    }
}

impl Bytes for io2::buf::RegisteredBuf {
    fn bytes(&self) -> &[u8] {
        self
    }
}

impl Bytes for io2::buf::AlignedBuf {
    fn bytes(&self) -> &[u8] {
        self
    }
}

impl Bytes for Option<glommio::io::ReadResult> {
    fn bytes(&self) -> &[u8] {
        self.as_deref().unwrap_or_default()
    }
}

/// Long reads and writes of io2, one after the other.
pub mod longs {
    use super::LONG;
    use crate::meter::Meter;
    use crate::peers::io2::direct::{filled, open, open_to_write, read, write};
    pub use crate::peers::io2::{NAME, run};
    use crate::sample::Sample;
    use crate::works::data::{check_long, check_written, path, scratch};

    pub fn read_long(units: u64) -> Sample {
        run(async move {
            let (file, mut buf) = (open(path()).await, filled(LONG, 0));
            let meter = Meter::start();
            for number in 0..units {
                buf = read(&file, buf, number * LONG as u64).await;
                check_long(&buf, number);
            }
            meter.end(units)
        })
    }

    pub fn write_long(units: u64) -> Sample {
        let name = scratch();
        let sample = run(async {
            let (file, mut buf) = (open_to_write(&name).await, filled(LONG, 7));
            let meter = Meter::start();
            for number in 0..units {
                buf = write(&file, buf, number * LONG as u64).await;
            }
            meter.end(units)
        });
        check_written(&name, units * LONG as u64, |_| 7);
        sample
    }
}

macro_rules! appends {
    ($($module:ident = $($peer:ident)::+;)+) => {
        pub mod appends {
            $(pub mod $module {
                use crate::meter::Meter;
                pub use crate::peers::$($peer)::+::NAME;
                use crate::peers::$($peer)::+::*;
                use crate::sample::Sample;
                use crate::works::data::{BLOCK, check_written, scratch};

                pub fn append_blocks(units: u64) -> Sample {
                    let path = scratch();
                    let place = path.clone();
                    let sample = run(async move {
                        let file = create(&place).await;
                        let mut buf = vec![0; BLOCK];
                        let meter = Meter::start();
                        for block in 0..units {
                            buf.fill(block as u8);
                            buf = append(&file, buf, block * BLOCK as u64).await;
                        }
                        meter.end(units)
                    });
                    check_written(&path, units * BLOCK as u64, |block| block as u8);
                    sample
                }
            })+
        }
    };
}

appends! {
    io2 = io2::append;
    tokio_uring = tokio_uring::append;
    monoio = monoio::append;
    compio = compio::append;
}
