//! Listening sockets.

use crate::http::Peer;
use crate::sys;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, retry_on_intr};
use std::io;
use std::net::{Shutdown, TcpListener};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Duration;

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
pub struct Listener {
    socket: Socket,
    /// Of a socket that another process keeps.
    bell: Option<Bell>,
}

/// Ends the waits for a socket that must not be shut down.
#[derive(Debug)]
struct Bell {
    heard: UnixStream,
    rung: UnixStream,
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    /// The same socket, which another process keeps: it still listens when this server has ended,
    /// and the clients that were not accepted wait for the next one.
    ///
    /// # Errors
    /// There is no descriptor left, or the socket cannot be set up.
    pub(crate) fn kept_by_another(self) -> io::Result<Self> {
        let (heard, rung) = UnixStream::pair()?;
        let bell = Some(Bell { heard, rung });
        let listener = Self { bell, ..self };
        listener.set_nonblocking(false)?;
        Ok(listener)
    }

    /// Accepts the next connection. Without one, it gives up after the receive timeout, or after
    /// `limit` where the socket is another process's.
    pub(super) fn accept(&self, limit: Duration) -> io::Result<(OwnedFd, Peer)> {
        let Some(bell) = &self.bell else {
            return self.accept_now();
        };
        loop {
            self.wait(bell, limit)?;
            match self.accept_now() {
                // Another thread was faster.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                accepted => return accepted,
            }
        }
    }

    /// Waits for a client or the bell.
    fn wait(&self, bell: &Bell, limit: Duration) -> io::Result<()> {
        let limit = Timespec::try_from(limit).ok();
        let mut polled = [
            PollFd::new(self, PollFlags::IN),
            PollFd::new(&bell.heard, PollFlags::IN),
        ];
        match retry_on_intr(|| poll(&mut polled, limit.as_ref()))? {
            0 => Err(Errno::AGAIN.into()),
            _ if polled[1].revents().is_empty() => Ok(()),
            _ => Err(Errno::CANCELED.into()),
        }
    }

    /// Whether a client waits to be accepted. On a socket that another process keeps each client wakes
    /// all threads that wait, so none more should be started for it, and the answer is no.
    pub(super) fn has_clients(&self) -> bool {
        self.bell.is_none() && !sys::events_now(self, PollFlags::IN).is_empty()
    }

    /// Accepts a connection as the socket is set: at once, or when there is one.
    pub(super) fn accept_now(&self) -> io::Result<(OwnedFd, Peer)> {
        match &self.socket {
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
        match &self.socket {
            Socket::Tcp(listener) => Ok(listener.local_addr()?.into()),
            Socket::Unix(listener) => {
                let path = listener.local_addr()?.as_pathname().map(Into::into);
                Ok(Peer::Unix(path))
            }
        }
    }

    /// Sets whether [`accept_now`](Self::accept_now) returns at once when there is no connection. On
    /// a socket of another process it always does: one of several threads that were woken gets the
    /// client.
    pub(super) fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        let nonblocking = nonblocking || self.bell.is_some();
        match &self.socket {
            Socket::Tcp(listener) => listener.set_nonblocking(nonblocking),
            Socket::Unix(listener) => listener.set_nonblocking(nonblocking),
        }
    }

    /// Ignores clients that connect from now on, but not those in the middle of the handshake. At a
    /// path there is no handshake.
    pub(super) fn ignore_new_clients(&self) {
        if let Socket::Tcp(listener) = &self.socket {
            sys::ignore_new_clients(listener);
        }
    }

    /// Makes every [`accept`](Self::accept) return from now on, if the socket is another process's,
    /// and returns whether it is.
    pub(super) fn leave_to_its_keeper(&self) -> bool {
        let Some(bell) = &self.bell else {
            return false;
        };
        // Whoever listens to the other end finds the end of the stream.
        let _ = bell.rung.shutdown(Shutdown::Both);
        true
    }

    /// Makes every thread that is blocked in [`accept`](Self::accept) return, and frees the port,
    /// unless the socket is another process's. `waiting` tells how many threads there are.
    #[cfg(target_os = "linux")]
    pub(super) fn wake(&self, _: impl Fn() -> usize) {
        if self.leave_to_its_keeper() {
            return;
        }
        // This fails on a socket that no longer listens.
        let _ = rustix::net::shutdown(self, rustix::net::Shutdown::Both);
    }

    /// As above, on systems where waking each thread takes a connection.
    ///
    /// Other clients may come first, or there may be no descriptor for it, so this is retried for a
    /// while.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn wake(&self, waiting: impl Fn() -> usize) {
        const TIMES: usize = 100;
        const PAUSE: Duration = Duration::from_millis(10);
        if self.leave_to_its_keeper() {
            return;
        }
        let Ok(address) = self.local_addr() else {
            return;
        };
        for _ in 0..TIMES {
            let waiting = waiting();
            if waiting == 0 {
                return;
            }
            for _ in 0..waiting {
                knock(&address);
            }
            std::thread::sleep(PAUSE);
        }
    }
}

/// Connects to a listener, and drops the connection.
#[cfg(not(target_os = "linux"))]
fn knock(address: &Peer) {
    use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
    // This fails where other clients have come first.
    match address {
        Peer::Ip(SocketAddr::V4(address)) if address.ip().is_unspecified() => {
            let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, address.port()));
        }
        Peer::Ip(SocketAddr::V6(address)) if address.ip().is_unspecified() => {
            let _ = TcpStream::connect((Ipv6Addr::LOCALHOST, address.port()));
        }
        Peer::Ip(address) => drop(TcpStream::connect(address)),
        Peer::Unix(path) => drop(path.as_ref().map(UnixStream::connect)),
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.socket {
            Socket::Tcp(listener) => listener.as_fd(),
            Socket::Unix(listener) => listener.as_fd(),
        }
    }
}

impl From<Socket> for Listener {
    fn from(socket: Socket) -> Self {
        Self { socket, bell: None }
    }
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Self {
        Socket::Tcp(listener).into()
    }
}

impl From<UnixListener> for Listener {
    fn from(listener: UnixListener) -> Self {
        Socket::Unix(listener).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpStream;

    #[test]
    fn a_listener_has_clients_until_they_are_accepted() {
        let tcp = TcpListener::bind("127.0.0.1:0").expect("there are ports");
        let address = tcp.local_addr().expect("it is bound");
        let directory = tempfile::tempdir().expect("there is room");
        let path = directory.path().join("socket");
        let unix = UnixListener::bind(&path).expect("the path is free");
        let (tcp, unix) = (Listener::from(tcp), Listener::from(unix));
        assert!(!tcp.has_clients() && !unix.has_clients());

        let _clients = [address; 2].map(|address| TcpStream::connect(address).expect("it listens"));
        let _client = UnixStream::connect(&path).expect("it listens");
        assert!(tcp.has_clients() && unix.has_clients());
        unix.accept_now().expect("there is a client");
        tcp.accept_now().expect("there is a client");
        assert!(tcp.has_clients() && !unix.has_clients());
        let kept = tcp.kept_by_another().expect("there are descriptors");
        assert!(!kept.has_clients());
        kept.accept_now().expect("there is another");
    }
}
