//! One connection, from its first byte to its last.

use super::{PATIENCE, Readable, Response, Running};
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
    /// Not at all, until the client's patience was at its end.
    TimedOut,
}

/// Sends a request piece by piece and returns all that comes back.
///
/// Panics if the server does not close the connection in time, or resets it.
pub(crate) fn exchange(
    server: SocketAddr,
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
    Response::parse(&exchange(
        server.address(),
        &[request],
        AfterSending::StayOpen,
    ))
}

/// A client's end of a connection.
pub(crate) struct Connection(TcpStream);

impl Connection {
    pub(crate) fn open(server: SocketAddr) -> Self {
        let stream = TcpStream::connect_timeout(&server, PATIENCE).expect("the server accepts");
        Self::of(stream)
    }

    /// Connects from an address of choice, by which the log then tells connections apart.
    pub(crate) fn open_from(client: IpAddr, server: SocketAddr) -> Self {
        let socket = Socket::new(Domain::for_address(server), Type::STREAM, None)
            .expect("a socket can be made");
        let any_port = SocketAddr::new(client, 0);
        socket
            .bind(&any_port.into())
            .expect("the client's address is one of ours");
        socket
            .connect_timeout(&server.into(), PATIENCE)
            .expect("the server accepts");
        Self::of(socket.into())
    }

    /// Connects with a receive buffer of this many bytes, or of the fewest that the system allows.
    pub(crate) fn open_with_receive_buffer(server: SocketAddr, size: usize) -> Self {
        let socket = Socket::new(Domain::for_address(server), Type::STREAM, None)
            .expect("a socket can be made");
        socket
            .set_recv_buffer_size(size)
            .expect("the size can be set");
        socket
            .connect_timeout(&server.into(), PATIENCE)
            .expect("the server accepts");
        Self::of(socket.into())
    }

    fn of(stream: TcpStream) -> Self {
        stream.set_nodelay(true).expect("delay can be switched off");
        stream
            .set_read_timeout(Some(PATIENCE))
            .expect("the time can be limited");
        stream
            .set_write_timeout(Some(PATIENCE))
            .expect("the time can be limited");
        Self(stream)
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
        self.0.shutdown(Shutdown::Write)
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
        let ending = match self.0.read_to_end(&mut bytes).map_err(|error| error.kind()) {
            Ok(_) => Ending::Closed,
            Err(ErrorKind::ConnectionReset) => Ending::Reset,
            Err(ErrorKind::WouldBlock | ErrorKind::TimedOut) => Ending::TimedOut,
            Err(kind) => panic!("{kind} after {}", Readable(&bytes)),
        };
        Answer { bytes, ending }
    }
}
