//! Listening sockets.

use crate::http::Peer;
use crate::sys;
use std::io;
use std::net::TcpListener;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixListener;

/// A listening socket: TCP, or Unix at a path.
///
/// ```
/// use rhttp::{FileHandler, Listener, Server};
/// use std::os::unix::net::UnixListener;
///
/// let directory = tempfile::tempdir()?;
/// let path = directory.path().join("socket");
/// let listener: Listener = UnixListener::bind(&path)?.into();
/// let server = Server::new(listener, FileHandler::new("."))?;
/// assert_eq!(server.local_addr().to_string(), format!("unix:{}", path.display()));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Listener(Socket);

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    /// Accepts the next connection.
    pub(super) fn accept(&self) -> io::Result<(OwnedFd, Peer)> {
        match &self.0 {
            Socket::Tcp(listener) => {
                let (socket, client) = listener.accept()?;
                Ok((socket.into(), client.into()))
            }
            Socket::Unix(listener) => {
                let (socket, client) = listener.accept()?;
                let path = client.as_pathname().map(Into::into);
                Ok((socket.into(), Peer::Unix(path)))
            }
        }
    }

    /// The address at which clients reach it.
    pub(crate) fn local_addr(&self) -> io::Result<Peer> {
        match &self.0 {
            Socket::Tcp(listener) => Ok(listener.local_addr()?.into()),
            Socket::Unix(listener) => {
                let path = listener.local_addr()?.as_pathname().map(Into::into);
                Ok(Peer::Unix(path))
            }
        }
    }

    /// Sets whether [`accept`](Self::accept) returns at once when there is no connection.
    pub(super) fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        match &self.0 {
            Socket::Tcp(listener) => listener.set_nonblocking(nonblocking),
            Socket::Unix(listener) => listener.set_nonblocking(nonblocking),
        }
    }

    /// Ignores clients that connect from now on, but not those in the middle of the handshake. At a
    /// path there is no handshake.
    pub(super) fn ignore_new_clients(&self) {
        if let Socket::Tcp(listener) = &self.0 {
            sys::ignore_new_clients(listener);
        }
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.0 {
            Socket::Tcp(listener) => listener.as_fd(),
            Socket::Unix(listener) => listener.as_fd(),
        }
    }
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Self {
        Self(Socket::Tcp(listener))
    }
}

impl From<UnixListener> for Listener {
    fn from(listener: UnixListener) -> Self {
        Self(Socket::Unix(listener))
    }
}
