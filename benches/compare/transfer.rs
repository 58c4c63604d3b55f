//! What a single client does: it reads what is large, sends what is large, or
//! stays.

use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::client::{Connection, Request};
use crate::origin::Origin;

/// Opened together: the shortest backlog, CPython's, holds no more.
const OPENED_AT_ONCE: usize = 5;
const OPENING_LIMIT: Duration = Duration::from_secs(60);

pub(crate) struct Ask<'a> {
    pub(crate) origin: &'a Origin,
    pub(crate) path: &'a str,
    pub(crate) request: &'a Request,
}

/// A file on its way into the tree.
pub(crate) struct Delivery<'a> {
    pub(crate) origin: &'a Origin,
    pub(crate) path: &'a str,
    pub(crate) way: Way,
    pub(crate) source: PathBuf,
    pub(crate) destination: PathBuf,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Put,
    Copy,
    /// And waited for until it is on the disk.
    CopyAndSync,
}

pub(crate) struct Moved {
    pub(crate) bytes: u64,
    pub(crate) seconds: f64,
    /// When each answer began, in milliseconds from the beginning of its connection.
    pub(crate) first_bytes: Vec<f64>,
}

/// Reads the answer again and again, for the time given.
pub(crate) fn download(ask: &Ask<'_>, time: Duration) -> io::Result<Moved> {
    let started = Instant::now();
    let mut bytes = 0;
    let mut first_bytes = Vec::new();
    while started.elapsed() < time {
        let before = Instant::now();
        let mut connection = Connection::open(ask.origin)?;
        connection.send(ask.path, ask.request)?;
        let head = connection.head()?;
        first_bytes.push(before.elapsed().as_secs_f64() * 1e3);
        connection.body(&head, &mut |piece| {
            bytes += piece.len() as u64;
            Ok(())
        })?;
    }
    Ok(Moved {
        bytes,
        seconds: started.elapsed().as_secs_f64(),
        first_bytes,
    })
}

/// Sends the file again and again, for this long. The time that it takes to
/// delete it in between does not count.
pub(crate) fn upload(delivery: &Delivery<'_>, time: Duration) -> io::Result<Moved> {
    let mut bytes = 0;
    let mut taken = Duration::ZERO;
    while taken < time {
        let before = Instant::now();
        bytes += deliver(delivery)?;
        taken += before.elapsed();
        fs::remove_file(&delivery.destination)?;
    }
    Ok(Moved {
        bytes,
        seconds: taken.as_secs_f64(),
        first_bytes: Vec::new(),
    })
}

/// Once, and how many bytes it was.
pub(crate) fn deliver(delivery: &Delivery<'_>) -> io::Result<u64> {
    let (source, destination) = (&delivery.source, &delivery.destination);
    let mut file = File::open(source)?;
    let length = file.metadata()?.len();
    if delivery.way == Way::Put {
        let mut connection = Connection::open(delivery.origin)?;
        let head = connection.put(delivery.path, &mut file, length)?;
        return match head.status {
            201 | 204 => Ok(length),
            status => Err(io::Error::other(format!("answers {status} to PUT"))),
        };
    }
    let status = Command::new("cp").arg(source).arg(destination).status()?;
    if !status.success() {
        return Err(io::Error::other("cp failed"));
    }
    if delivery.way == Way::CopyAndSync {
        File::open(destination)?.sync_all()?;
    }
    Ok(length)
}

/// Connections that have each had an answer.
pub(crate) fn open(ask: &Ask<'_>, connections: usize) -> io::Result<Vec<Connection>> {
    let mut open = Vec::new();
    let started = Instant::now();
    while open.len() < connections {
        if started.elapsed() > OPENING_LIMIT {
            return Err(io::Error::other("takes more than a minute to open them"));
        }
        let mut fresh = Vec::new();
        for _ in 0..OPENED_AT_ONCE.min(connections - open.len()) {
            let mut connection = Connection::open_small(ask.origin)?;
            connection.send(ask.path, ask.request)?;
            fresh.push(connection);
        }
        for connection in &mut fresh {
            connection.receive(&mut |_| Ok(()))?;
        }
        open.append(&mut fresh);
    }
    Ok(open)
}
