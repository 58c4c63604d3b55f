//! Where to listen: addresses, paths, or sockets that a service manager hands over.

use super::args::{self, Args, Place};
use crate::server::Listener;
use crate::sys;
use anyhow::{Context, Result};
use listenfd::ListenFd;
use std::fs;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};
use std::{fmt, io};

/// How long to retry a port that is in use, and the pause between tries.
const PORT_LIMIT: Duration = Duration::from_millis(200);
const PORT_PAUSE: Duration = Duration::from_millis(5);

/// The port of CPython's server.
const USUAL_PORT: u16 = 8000;

/// What a server is to listen on, resolved but not bound yet.
pub(super) enum Wanted {
    /// Sockets that already listen.
    HandedOver(Vec<Listener>),
    Places(Vec<Address>),
}

/// A place as an address of the system.
pub(super) enum Address {
    Ip(SocketAddr, String),
    Path(PathBuf),
}

/// The files of Unix sockets that this process has created.
#[derive(Debug, Default)]
pub(super) struct SocketFiles(Vec<SocketFile>);

#[derive(Debug, PartialEq, Eq)]
struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

/// Finds out what to listen on. Sockets that are handed over (`sd_listen_fds(3)`) replace
/// everything that would be bound, so no other place may be requested then.
///
/// # Errors
/// A host is unknown, or what is handed over does not listen.
pub(super) fn wanted(args: &Args) -> Result<Wanted> {
    let mut handed_over = ListenFd::from_env();
    if handed_over.len() == 0 {
        let port = args.port.unwrap_or(USUAL_PORT);
        let everywhere = [Place::Everywhere];
        let places = if args.bind.is_empty() {
            everywhere.as_slice()
        } else {
            &args.bind
        };
        let addresses: Result<_> = places.iter().map(|place| address(place, port)).collect();
        return Ok(Wanted::Places(addresses?));
    }
    if !args.bind.is_empty() || args.port.is_some() {
        args::wrong("sockets were handed over (LISTEN_FDS), so there is nothing to bind");
    }
    let mut listeners = Vec::new();
    for index in 0..handed_over.len() {
        let listener = take(&mut handed_over, index);
        let cannot = || format!("cannot listen on descriptor {index} of those handed over");
        let listener = listener.and_then(Listener::kept_by_another);
        listeners.push(listener.with_context(cannot)?);
    }
    Ok(Wanted::HandedOver(listeners))
}

/// Takes a socket that was handed over: TCP or Unix, and listening.
fn take(handed_over: &mut ListenFd, index: usize) -> io::Result<Listener> {
    let listener = match handed_over.take_tcp_listener(index) {
        Ok(listener) => listener.map(Listener::from),
        Err(_) => handed_over.take_unix_listener(index)?.map(Listener::from),
    };
    let listener = listener.ok_or(io::ErrorKind::NotFound)?;
    // Apple's systems do not report this; accepting fails there.
    #[cfg(not(target_vendor = "apple"))]
    if !rustix::net::sockopt::socket_acceptconn(&listener)? {
        return Err(io::Error::other("it does not listen"));
    }
    Ok(listener)
}

fn address(place: &Place, port: u16) -> Result<Address> {
    let host = match place {
        Place::Path(path) => return Ok(Address::Path(path.clone())),
        Place::Host(host) => Some(host.as_str()),
        Place::Everywhere => None,
    };
    let name = match host {
        Some(host) => format!("{host} port {port}"),
        None => format!("port {port}"),
    };
    let address = sys::passive_address(host, port);
    let address = address.with_context(|| format!("cannot listen on {name}"))?;
    Ok(Address::Ip(address, name))
}

impl Wanted {
    /// The IP addresses among them.
    pub(super) fn ips(&self) -> Vec<IpAddr> {
        match self {
            Self::HandedOver(listeners) => {
                let addresses = listeners
                    .iter()
                    .filter_map(|listener| listener.local_addr().ok());
                addresses.filter_map(|address| address.ip()).collect()
            }
            Self::Places(addresses) => addresses.iter().filter_map(Address::ip).collect(),
        }
    }

    /// Listens on all of them. The sockets that this creates at paths have `mode`.
    ///
    /// # Errors
    /// One of them is not available.
    pub(super) fn listen(
        self,
        backlog: i32,
        mode: Option<u32>,
    ) -> Result<(Vec<Listener>, SocketFiles)> {
        let mut files = SocketFiles::default();
        let addresses = match self {
            Self::HandedOver(listeners) => return Ok((listeners, files)),
            Self::Places(addresses) => addresses,
        };
        let mut listeners = Vec::new();
        for address in addresses {
            match address.listen(backlog, mode, &mut files) {
                Ok(listener) => listeners.push(listener),
                Err(error) => {
                    files.remove();
                    return Err(error).with_context(|| format!("cannot listen on {address}"));
                }
            }
        }
        Ok((listeners, files))
    }
}

impl Address {
    /// Listens on it; a file that this creates is recorded in `files`.
    fn listen(
        &self,
        backlog: i32,
        mode: Option<u32>,
        files: &mut SocketFiles,
    ) -> io::Result<Listener> {
        Ok(match self {
            Self::Ip(address, _) => listen(*address, backlog)?.into(),
            Self::Path(path) => {
                let listener = listen_at(path, backlog, mode)?;
                files.0.push(SocketFile::at(path)?);
                listener.into()
            }
        })
    }

    fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Ip(address, _) => Some(address.ip()),
            Self::Path(_) => None,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(_, name) => f.write_str(name),
            Self::Path(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// Listens on `address`. A server that was just told to end frees its port a moment later, so the
/// port is retried for that long.
fn listen(address: SocketAddr, backlog: i32) -> io::Result<TcpListener> {
    let start = Instant::now();
    loop {
        match sys::listen(address, backlog) {
            Err(error)
                if error.kind() == io::ErrorKind::AddrInUse && start.elapsed() < PORT_LIMIT =>
            {
                thread::sleep(PORT_PAUSE);
            }
            result => return result,
        }
    }
}

/// Listens at a path. A stale socket, on which nobody listens any more, is replaced; anything else
/// stays.
fn listen_at(path: &Path, backlog: i32, mode: Option<u32>) -> io::Result<UnixListener> {
    match sys::listen_at(path, backlog, mode) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
        result => return result,
    }
    if !fs::symlink_metadata(path)?.file_type().is_socket() {
        return Err(io::Error::other("a file is there that is not a socket"));
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path)?,
        _ => return Err(io::Error::other("another server listens there")),
    }
    sys::listen_at(path, backlog, mode)
}

impl SocketFiles {
    /// Removes them, unless other files have taken their place.
    pub(super) fn remove(&self) {
        for file in &self.0 {
            let is_ours = SocketFile::at(&file.path).is_ok_and(|there| there == *file);
            if is_ours {
                // A sandbox may forbid it; the next server replaces it.
                let _ = fs::remove_file(&file.path);
            }
        }
    }
}

impl SocketFile {
    fn at(path: &Path) -> io::Result<Self> {
        let path = std::path::absolute(path)?;
        let metadata = fs::symlink_metadata(&path)?;
        Ok(Self {
            path,
            device: metadata.dev(),
            inode: metadata.ino(),
        })
    }
}
