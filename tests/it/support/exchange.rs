//! One connection, from its first byte to its last.

use super::{PATIENCE, Readable, Response, Running, secure};
use rhttp::http::Scheme;
use rustls::{ClientConnection, StreamOwned};
use socket2::{Domain, Socket, Type};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};

/// What a client does when it has sent its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AfterSending {
    /// It says that nothing more will come, and reads.
    HalfClose,
    /// It reads, until the server closes the connection by itself.
    StayOpen,
}

/// All that a server sent on a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) bytes: Vec<u8>,
    pub(crate) ending: Ending,
}

/// How a server ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// As it should.
    Closed,
    /// With a reset, which can destroy what was sent before.
    Reset,
    /// Without the word that TLS has for the end: what was sent may be not all.
    Cut,
    /// Not at all, until the client's patience was at its end.
    TimedOut,
}

/// Where a server is, and what it speaks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    address: SocketAddr,
    scheme: Scheme,
}

impl From<SocketAddr> for Target {
    fn from(address: SocketAddr) -> Self {
        let scheme = Scheme::Http;
        Self { address, scheme }
    }
}

impl From<&Running> for Target {
    fn from(server: &Running) -> Self {
        let (address, scheme) = (server.address(), server.scheme());
        Self { address, scheme }
    }
}

/// Sends a request piece by piece and returns all that comes back.
///
/// Panics if the server does not close the connection in time, or resets it.
pub(crate) fn exchange(
    server: impl Into<Target>,
    pieces: &[impl AsRef<[u8]>],
    after: AfterSending,
) -> Vec<u8> {
    let Answer { bytes, ending } = Connection::open(server).converse(pieces, after);
    assert_eq!(ending, Ending::Closed, "after {}", Readable(&bytes));
    bytes
}

/// Asks for a target in HTTP/1.0.
pub(crate) fn get(server: &Running, target: &str) -> Response {
    let request = format!("GET {target} HTTP/1.0\r\n\r\n");
    Response::parse(&exchange(server, &[request], AfterSending::StayOpen))
}

/// A client's end of a connection.
pub(crate) struct Connection(Stream);

enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Connection {
    pub(crate) fn open(server: impl Into<Target>) -> Self {
        let Target { address, scheme } = server.into();
        let stream = TcpStream::connect_timeout(&address, PATIENCE).expect("the server accepts");
        Self::of(stream, scheme)
    }

    /// Connects from an address of choice, by which the log then tells connections apart.
    pub(crate) fn open_from(client: IpAddr, server: impl Into<Target>) -> Self {
        let Target { address, scheme } = server.into();
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)
            .expect("a socket can be made");
        let any_port = SocketAddr::new(client, 0);
        socket
            .bind(&any_port.into())
            .expect("the client's address is one of ours");
        socket
            .connect_timeout(&address.into(), PATIENCE)
            .expect("the server accepts");
        Self::of(socket.into(), scheme)
    }

    /// Connects with a receive buffer of this many bytes, or of the fewest that the system allows.
    pub(crate) fn open_with_receive_buffer(server: impl Into<Target>, size: usize) -> Self {
        let Target { address, scheme } = server.into();
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)
            .expect("a socket can be made");
        socket
            .set_recv_buffer_size(size)
            .expect("the size can be set");
        socket
            .connect_timeout(&address.into(), PATIENCE)
            .expect("the server accepts");
        Self::of(socket.into(), scheme)
    }

    fn of(stream: TcpStream, scheme: Scheme) -> Self {
        stream.set_nodelay(true).expect("delay can be switched off");
        stream
            .set_read_timeout(Some(PATIENCE))
            .expect("the time can be limited");
        stream
            .set_write_timeout(Some(PATIENCE))
            .expect("the time can be limited");
        Self(match scheme {
            Scheme::Http => Stream::Plain(stream),
            Scheme::Https => Stream::Tls(secure(stream).into()),
        })
    }

    /// Sends all pieces and reads to the end.
    pub(crate) fn converse(mut self, pieces: &[impl AsRef<[u8]>], after: AfterSending) -> Answer {
        let sent = self.send_all(pieces, after);
        // A server that stopped reading may have answered all the same.
        let mut answer = self.read_to_end();
        if sent.is_err() {
            answer.ending = Ending::Reset;
        }
        answer
    }

    fn send_all(&mut self, pieces: &[impl AsRef<[u8]>], after: AfterSending) -> io::Result<()> {
        for piece in pieces {
            self.send(piece.as_ref())?;
        }
        match after {
            AfterSending::HalfClose => self.finish(),
            AfterSending::StayOpen => Ok(()),
        }
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    /// Says that nothing more will be sent.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Stream::Plain(stream) => stream.shutdown(Shutdown::Write),
            Stream::Tls(stream) => {
                while stream.conn.is_handshaking() {
                    stream.conn.complete_io(&mut stream.sock)?;
                }
                stream.conn.send_close_notify();
                stream.flush()?;
                stream.sock.shutdown(Shutdown::Write)
            }
        }
    }

    /// Reads until `enough` says so, or panics.
    pub(crate) fn read_until(&mut self, enough: impl Fn(&[u8]) -> bool) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut byte = [0];
        while !enough(&bytes) {
            match self.0.read(&mut byte) {
                Ok(1..) => bytes.push(byte[0]),
                other => panic!("{other:?} after {}", Readable(&bytes)),
            }
        }
        bytes
    }

    /// Reads until the server ends the connection.
    pub(crate) fn read_to_end(&mut self) -> Answer {
        let mut bytes = Vec::new();
        let ending = match self.0.read_to_end(&mut bytes) {
            Ok(_) => Ending::Closed,
            Err(error) => match error.kind() {
                ErrorKind::ConnectionReset => Ending::Reset,
                ErrorKind::UnexpectedEof => Ending::Cut,
                ErrorKind::WouldBlock | ErrorKind::TimedOut => Ending::TimedOut,
                _ => panic!("{error} after {}", Readable(&bytes)),
            },
        };
        Answer { bytes, ending }
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

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}
