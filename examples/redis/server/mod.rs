//! The server, with all but its arguments and signals.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use io2::net::TcpListener;
use io2::sync::{CancellationToken, watch};
use io2::time;

use self::log::{Failed, Log, Writer};
use self::storage::Storage;
use self::store::{Store, now};

mod command;
mod connection;
mod log;
mod record;
mod replay;
mod resp;
pub(crate) mod storage;
mod store;

/// How often keys that have expired are freed.
const EXPIRY: Duration = Duration::from_millis(100);
/// How long clients may take for their last replies when the server ends.
const GRACE: Duration = Duration::from_secs(5);

/// What all tasks share.
#[derive(Debug)]
struct Server {
    store: RefCell<Store>,
    log: Log,
}

/// Reads the log and serves clients until `stop` is cancelled. Returns when the last change is on
/// the disk; an error says that the log failed, be it long ago.
pub(crate) async fn run<S: Storage>(
    storage: S,
    listener: TcpListener,
    stop: &CancellationToken,
) -> io::Result<()> {
    let mut store = Store::default();
    let end = replay::replay(&storage, |change| store.replay(change)).await?;
    while store.expire(now()) {
        io2::yield_if_needed().await;
    }
    let server = Rc::new(Server {
        store: RefCell::new(store),
        log: Log::new(end),
    });
    let writing = io2::spawn(write(server.clone(), Writer::new(storage, end)));
    let expiring = io2::spawn(expire(server.clone()));
    let accepted = accept(&server, listener, stop).await;
    server.log.close();
    expiring.cancel().await;
    let written = writing.await;
    accepted.and(written)
}

/// Serves clients, and at the end waits for those that are there.
async fn accept(
    server: &Rc<Server>,
    listener: TcpListener,
    stop: &CancellationToken,
) -> io::Result<()> {
    let mut incoming = listener.incoming();
    // Each connection has a receiver, and when the last is gone the channel is closed.
    let (all, one) = watch::channel(());
    while let Some(stream) = stop.run_until_cancelled(incoming.next()).await {
        let (stream, server, stop, one) = (stream?, server.clone(), stop.clone(), one.clone());
        io2::spawn(async move {
            // A client that goes in the middle is its own concern.
            let _ = connection::serve(&stream, &server, &stop).await;
            drop(one);
        });
    }
    drop((incoming, listener, one));
    let _ = time::timeout(GRACE, all.closed()).await;
    Ok(())
}

/// Writes the log until it is closed or fails.
async fn write<S: Storage>(server: Rc<Server>, mut writer: Writer<S>) -> io::Result<()> {
    let mut written = Ok(());
    while let Some(batch) = server.log.next().await {
        if let Err(Failed { error, cut }) = writer.write(&batch).await {
            eprintln!("redis: writing the log: {error}; from now on changes are refused");
            if let Err(error) = cut {
                eprintln!(
                    "redis: cutting it: {error}; the last changes may come back with the next start"
                );
                server.log.unknown(batch.number);
            }
            written = Err(error);
            break;
        }
        // Whoever is told of the batch finds the store in the same state.
        server.store.borrow_mut().synced(batch.number);
        server.log.synced(batch.number);
    }
    server.store.borrow_mut().roll_back();
    server.log.end();
    written
}

/// Frees what has expired. Nobody is shown it even before: the store sees to that.
async fn expire(server: Rc<Server>) {
    let mut ticks = time::interval(EXPIRY);
    loop {
        ticks.tick().await;
        while server.store.borrow_mut().expire(now()) {
            io2::yield_now().await;
        }
    }
}
