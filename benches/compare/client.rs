//! A small HTTP client for what wrk cannot do: compare bytes, read one large
//! answer, hold idle connections, and time a first answer.

use std::fs::File;
use std::io::{self, BufRead, Read, Write};

use rustls::HandshakeKind;

use crate::origin::{Origin, Stream};
use crate::target::Version;

/// A read's size: large, so that the client is not what limits a download.
const BUFFER: usize = 256 * 1024;

/// A GET request but for its path.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) version: Version,
    pub(crate) fields: Vec<String>,
}

impl Request {
    pub(crate) fn plain() -> Self {
        Self {
            version: Version::Http11,
            fields: Vec::new(),
        }
    }
}

pub(crate) struct Head {
    pub(crate) status: u16,
    fields: Vec<(String, String)>,
    http_1_0: bool,
}

impl Head {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let found = self
            .fields
            .iter()
            .find(|(field, _)| field.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Does the server say that it closes the connection after this answer?
    pub(crate) fn closes(&self) -> bool {
        match self.field("Connection") {
            Some(value) if value.eq_ignore_ascii_case("close") => true,
            Some(value) if value.eq_ignore_ascii_case("keep-alive") => false,
            _ => self.http_1_0,
        }
    }

    /// Is the end of the body known before the connection ends?
    pub(crate) fn has_length(&self) -> bool {
        !matches!(self.framing(), Ok(Framing::UntilClose))
    }

    fn framing(&self) -> io::Result<Framing> {
        if matches!(self.status, 204 | 304) {
            return Ok(Framing::Length(0));
        }
        let chunked = self
            .field("Transfer-Encoding")
            .is_some_and(|value| value == "chunked");
        match self.field("Content-Length") {
            _ if chunked => Ok(Framing::Chunked),
            Some(length) => length
                .parse()
                .map(Framing::Length)
                .map_err(|_| malformed("length")),
            None => Ok(Framing::UntilClose),
        }
    }
}

enum Framing {
    Length(u64),
    Chunked,
    UntilClose,
}

pub(crate) struct Connection {
    stream: Stream,
}

impl Connection {
    pub(crate) fn open(origin: &Origin) -> io::Result<Self> {
        Self::open_with_buffer(origin, BUFFER)
    }

    /// For many connections at once, whose answers are short.
    pub(crate) fn open_small(origin: &Origin) -> io::Result<Self> {
        Self::open_with_buffer(origin, 4096)
    }

    fn open_with_buffer(origin: &Origin, buffer: usize) -> io::Result<Self> {
        let stream = origin.connect(buffer)?;
        Ok(Self { stream })
    }

    /// Sends a file, and reads the answer.
    pub(crate) fn put(&mut self, path: &str, file: &mut File, length: u64) -> io::Result<Head> {
        let head =
            format!("PUT {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n");
        self.stream.write_all(head.as_bytes())?;
        self.stream.send(file)?;
        self.receive(&mut |_| Ok(()))
    }

    /// How its TLS session came about.
    pub(crate) fn handshake(&self) -> Option<HandshakeKind> {
        self.stream.handshake()
    }

    pub(crate) fn send(&mut self, path: &str, request: &Request) -> io::Result<()> {
        let version = match request.version {
            Version::Http10 => "HTTP/1.0",
            Version::Http11 => "HTTP/1.1",
        };
        let mut text = format!("GET {path} {version}\r\nHost: localhost\r\n");
        for field in &request.fields {
            text.push_str(field);
            text.push_str("\r\n");
        }
        text.push_str("\r\n");
        self.stream.write_all(text.as_bytes())?;
        self.stream.flush()
    }

    /// Has the server closed it, while nobody asked for anything?
    pub(crate) fn has_ended(&mut self) -> bool {
        self.stream.has_ended()
    }

    /// Reads one answer, handing its body to `take` piece by piece.
    pub(crate) fn receive(
        &mut self,
        take: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<Head> {
        let head = self.head()?;
        self.body(&head, take)?;
        Ok(head)
    }

    pub(crate) fn body(
        &mut self,
        head: &Head,
        take: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        match head.framing()? {
            Framing::Length(length) => self.pass_on(Some(length), take),
            Framing::UntilClose => self.pass_on(None, take),
            Framing::Chunked => loop {
                let line = self.line()?;
                let size = line.split(';').next().unwrap_or_default().trim();
                let size = u64::from_str_radix(size, 16).map_err(|_| malformed("chunk"))?;
                self.pass_on(Some(size), take)?;
                self.line()?;
                if size == 0 {
                    return Ok(());
                }
            },
        }
    }

    pub(crate) fn head(&mut self) -> io::Result<Head> {
        let first = self.line()?;
        let mut words = first.split(' ');
        let http_1_0 = match words.next() {
            Some("HTTP/1.0") => true,
            Some("HTTP/1.1") => false,
            _ => return Err(malformed("status line")),
        };
        let status = words.next().and_then(|word| word.parse().ok());
        let status = status.ok_or_else(|| malformed("status line"))?;
        let mut fields = Vec::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                return Ok(Head {
                    status,
                    fields,
                    http_1_0,
                });
            }
            let (name, value) = line.split_once(':').ok_or_else(|| malformed("field"))?;
            fields.push((name.to_owned(), value.trim().to_owned()));
        }
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if Read::by_ref(&mut self.stream)
            .take(64 * 1024)
            .read_line(&mut line)?
            == 0
        {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end_matches(['\r', '\n']).to_owned())
    }

    fn pass_on(
        &mut self,
        length: Option<u64>,
        take: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut left = length.unwrap_or(u64::MAX);
        while left > 0 {
            let there = self.stream.fill_buf()?;
            if there.is_empty() {
                return match length {
                    Some(_) => Err(io::ErrorKind::UnexpectedEof.into()),
                    None => Ok(()),
                };
            }
            let some = there.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            take(there.get(..some).unwrap_or(there))?;
            self.stream.consume(some);
            left -= some as u64;
        }
        Ok(())
    }
}

/// One request on a connection of its own, its body collected.
pub(crate) fn fetch(origin: &Origin, path: &str, request: &Request) -> io::Result<(Head, Vec<u8>)> {
    let mut body = Vec::new();
    let mut connection = Connection::open(origin)?;
    connection.send(path, request)?;
    let head = connection.receive(&mut |bytes| {
        body.extend_from_slice(bytes);
        Ok(())
    })?;
    Ok((head, body))
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("malformed {what}"))
}
