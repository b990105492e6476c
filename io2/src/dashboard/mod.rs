//! The dashboard: what every executor of the process does, in a browser.
//!
//! There is one a process, on a thread of its own with an executor of its own, so that it answers while
//! the others are stuck. It is hidden from what it shows. It reads what executors publish, and touches
//! nothing of theirs but by mail, which they open between two turns; so whatever browsers do, and
//! however many there are, executors do not notice.
//!
//! * This module: starting, once a process, and the errors of that.
//! * [`server`]: connections and their limits. [`patience`]: when one has taken nothing for too long.
//! * [`routes`]: who may ask, and for what.
//! * [`events`]: what is sent as it happens. [`snapshot`] writes it down, [`json`] how.
//! * [`tasks`]: dumps of executors, asked for by mail. [`letter`] is how the answer comes back.
//! * `page`: what runs in the browser.

mod body;
mod events;
mod json;
mod letter;
mod patience;
mod routes;
mod server;
mod snapshot;
mod tasks;
mod token;

use std::io::{self, ErrorKind, Write as _};
use std::net::{SocketAddr, TcpListener, ToSocketAddrs as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, mpsc};

use self::routes::Site;
use self::token::Token;
use crate::config::{ExecutorConfig, Preempt};
use crate::executor;
use crate::lock::lock;
use crate::observe::{self, dashboard_url};
use crate::trace;

/// Asks for a dashboard in a program that does not.
const VARIABLE: &str = "IO2_DASHBOARD";

static RUNNING: Mutex<Option<Dashboard>> = Mutex::new(None);

/// The environment is asked once.
static ENVIRONMENT_ASKED: AtomicBool = AtomicBool::new(false);

/// The dashboard that runs.
struct Dashboard {
    /// The child of a fork has none.
    process: u32,
    /// What was asked for, and what that has become.
    asked: Vec<SocketAddr>,
    bound: SocketAddr,
    by_environment: bool,
}

/// Starts the dashboard that an executor, or the environment, asks for; unless it runs already.
pub(crate) fn start(config: &ExecutorConfig) -> io::Result<()> {
    match &config.dashboard {
        Some(address) => launch(address, false),
        None => {
            start_by_environment();
            Ok(())
        }
    }
}

/// What goes wrong is said, and the program runs on.
fn start_by_environment() {
    if ENVIRONMENT_ASKED.swap(true, Ordering::Relaxed) {
        return;
    }
    let Some(address) = std::env::var_os(VARIABLE).filter(|value| !value.is_empty()) else {
        return;
    };
    let address = address.to_string_lossy();
    match launch(&address, true) {
        Ok(()) => {
            if let Some(url) = dashboard_url() {
                // Whoever set the variable has perhaps no other way to learn the token.
                let _ = writeln!(io::stderr(), "io2: dashboard at {url}");
            }
        }
        Err(error) => trace::dashboard_failed(&address, &error),
    }
}

fn launch(address: &str, by_environment: bool) -> io::Result<()> {
    let asked = resolve(address)?;
    // Held until it runs, or does not: executors that start meanwhile are to share it.
    let mut running = lock(&RUNNING);
    if let Some(other) = running.as_ref()
        && other.process == std::process::id()
    {
        if asked
            .iter()
            .any(|it| other.asked.contains(it) || *it == other.bound)
        {
            return Ok(());
        }
        let text = format!(
            "the dashboard of this process is at {} already, and a process has one: give all executors \
             the same address, not `{address}` to one of them",
            other.bound
        );
        // What the environment says must not end the program.
        if other.by_environment || by_environment {
            drop(running);
            trace::dashboard_failed(address, &text);
            return Ok(());
        }
        return Err(io::Error::new(ErrorKind::InvalidInput, text));
    }
    let listener = bind(address, &asked)?;
    let bound = listener.local_addr()?;
    let token = Token::new()?;
    let url = format!("http://{}/?token={}", reachable(bound), token.as_str());
    serve(listener, Site::new(token, bound))?;
    *running = Some(Dashboard {
        process: std::process::id(),
        asked,
        bound,
        by_environment,
    });
    observe::dashboard::open(&url);
    // A subscriber may ask for the address.
    drop(running);
    trace::dashboard(&url);
    Ok(())
}

fn resolve(address: &str) -> io::Result<Vec<SocketAddr>> {
    let advice = "it must be an address and a port, such as 127.0.0.1:7070";
    let found = address.to_socket_addrs().map_err(|error| {
        let text = format!("the dashboard cannot listen on `{address}`: {error}; {advice}");
        io::Error::new(ErrorKind::InvalidInput, text)
    })?;
    Ok(found.collect())
}

fn bind(address: &str, asked: &[SocketAddr]) -> io::Result<TcpListener> {
    TcpListener::bind(asked).map_err(|error| {
        let advice = match error.kind() {
            ErrorKind::AddrInUse => {
                "; another program, or another run of this one, has it: take another port, or 0 for \
                 any that is free"
            }
            ErrorKind::AddrNotAvailable => {
                "; this machine has no such address: 127.0.0.1 is always there"
            }
            ErrorKind::PermissionDenied => "; ports from 1024 on need no privilege",
            _ => "",
        };
        let text = format!("the dashboard cannot listen on `{address}`: {error}{advice}");
        io::Error::new(error.kind(), text)
    })
}

/// An address that a browser on this machine can open.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        let loopback: std::net::IpAddr = match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        };
        address.set_ip(loopback);
    }
    address
}

/// Forgets the dashboard when its thread ends, so that the next executor that asks for one gets it.
struct Gone;

impl Drop for Gone {
    fn drop(&mut self) {
        let mut running = lock(&RUNNING);
        if running
            .as_ref()
            .is_some_and(|it| it.process == std::process::id())
        {
            *running = None;
            observe::dashboard::close();
        }
    }
}

/// Makes the thread, and returns when it serves.
fn serve(listener: TcpListener, site: Site) -> io::Result<()> {
    let (told, ready) = mpsc::channel();
    let began = told.clone();
    let run = move || {
        let _gone = Gone;
        // Dropped before: who waits for the start holds what that one wants.
        let told = told;
        // Spans of this thread would be in the way of those that are looked for.
        trace::silence();
        let mut config = ExecutorConfig::new()
            .name("io2-dashboard")
            .preempt(Preempt::Off)
            .watchdog(false);
        config.hidden = true;
        let served = async move {
            let listener = crate::net::TcpListener::from_std(listener)?;
            let _ = began.send(Ok(()));
            server::serve(listener, site).await
        };
        let ran = executor::run(config, served, |_| Ok(()), |_| ());
        if let Err(error) = ran.and_then(|served| served) {
            // Nobody listens unless it has failed to start.
            let _ = told.send(Err(error));
        }
    };
    std::thread::Builder::new()
        .name("io2-dashboard".to_owned())
        .spawn(run)?;
    ready
        .recv()
        .unwrap_or_else(|_| Err(io::Error::other("the dashboard's thread has ended")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_a_port_or_a_host_is_refused_with_an_example() {
        for wrong in ["", "7070", "127.0.0.1", "127.0.0.1:", "127.0.0.1:70700"] {
            let error = resolve(wrong).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{wrong}");
            assert!(error.to_string().contains("127.0.0.1:7070"), "{error}");
        }
        assert_eq!(resolve("[::1]:7").unwrap(), ["[::1]:7".parse().unwrap()]);
    }

    #[test]
    fn an_address_that_the_machine_does_not_have_is_refused_with_one_that_it_has() {
        // Reserved for documentation.
        let error = bind("192.0.2.1:0", &resolve("192.0.2.1:0").unwrap()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);
        assert!(error.to_string().contains("127.0.0.1"), "{error}");
    }

    #[test]
    fn the_address_that_is_told_can_be_opened() {
        let told = |address: &str| reachable(address.parse().unwrap()).to_string();
        assert_eq!(told("0.0.0.0:7070"), "127.0.0.1:7070");
        assert_eq!(told("[::]:7070"), "[::1]:7070");
        assert_eq!(told("10.1.2.3:7070"), "10.1.2.3:7070");
    }
}
