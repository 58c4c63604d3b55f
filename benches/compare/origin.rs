//! Where a server answers, and the bytes to and from it: plain, or in TLS.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::client::ClientConfig;
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, HandshakeKind, StreamOwned};

use crate::certificate::HOST;

/// Longer than the slowest listing of the slowest peer.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Clone)]
pub(crate) struct Origin {
    pub(crate) port: u16,
    /// In TLS, with such a client.
    pub(crate) tls: Option<Arc<ClientConfig>>,
}

/// A connection's bytes. Reads are as large as `buffer`, so that the client is not what limits a
/// download: the TLS library itself would ask for 4 KiB at a time.
pub(crate) enum Stream {
    Plain(BufReader<TcpStream>),
    Tls(Box<BufReader<StreamOwned<ClientConnection, Gathered>>>),
}

impl Origin {
    pub(crate) fn connect(&self, buffer: usize) -> io::Result<Stream> {
        let socket = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_nodelay(true)?;
        let Some(config) = &self.tls else {
            return Ok(Stream::Plain(BufReader::with_capacity(buffer, socket)));
        };
        let name = ServerName::try_from(HOST).map_err(io::Error::other)?;
        let tls = ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
        let gathered = Gathered(BufReader::with_capacity(buffer, socket));
        let stream = StreamOwned::new(tls, gathered);
        let stream = BufReader::with_capacity(buffer, stream);
        Ok(Stream::Tls(Box::new(stream)))
    }
}

impl Stream {
    /// How the TLS session came about; nothing as long as it has not.
    pub(crate) fn handshake(&self) -> Option<HandshakeKind> {
        match self {
            Self::Plain(_) => None,
            Self::Tls(stream) => stream.get_ref().conn.handshake_kind(),
        }
    }

    /// Sends a file, as the kernel does it best.
    pub(crate) fn send(&mut self, file: &mut File) -> io::Result<u64> {
        match self {
            Self::Plain(stream) => io::copy(file, stream.get_mut()),
            Self::Tls(stream) => io::copy(file, stream.get_mut()),
        }
    }

    /// Has the server closed it, while nobody asked for anything?
    pub(crate) fn has_ended(&mut self) -> bool {
        let nothing_there = |error: io::Error| error.kind() == io::ErrorKind::WouldBlock;
        let tried = match self {
            Self::Plain(stream) => {
                let socket = stream.get_ref();
                let free = socket.set_nonblocking(true);
                free.and_then(|()| socket.peek(&mut [0]))
            }
            // What is there may be a ticket: only a look at what is in it tells.
            Self::Tls(stream) => {
                let free = stream.get_ref().sock.0.get_ref().set_nonblocking(true);
                free.and_then(|()| stream.get_mut().read(&mut [0]))
            }
        };
        !tried.is_err_and(nothing_there)
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl BufRead for Stream {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        match self {
            Self::Plain(stream) => stream.fill_buf(),
            Self::Tls(stream) => stream.fill_buf(),
        }
    }

    fn consume(&mut self, amount: usize) {
        match self {
            Self::Plain(stream) => stream.consume(amount),
            Self::Tls(stream) => stream.consume(amount),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.get_mut().write(bytes),
            Self::Tls(stream) => stream.get_mut().write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.get_mut().flush(),
            Self::Tls(stream) => stream.get_mut().flush(),
        }
    }
}

/// A socket that is read in large pieces, and written to as it is.
pub(crate) struct Gathered(BufReader<TcpStream>);

impl Read for Gathered {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Gathered {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.get_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.get_mut().flush()
    }
}
