//! One connection, from its first request to its end.

use super::access_log::AccessLog;
use super::admission::{Ticket, Verdict};
use super::clock::Clock;
use super::stream::Stream;
use crate::config::Config;
use crate::files;
use crate::handler::Handler;
use crate::http::{
    Body, Exchange, FieldLines, FilePart, HttpError, Method, Request, RequestBody, RequestLine,
    Response, StatusCode, Version, range_length,
};
use crate::wire::{self, CONTINUE, Head, Incoming, Lines, Reader, ResponseFraming};
use std::fs::File;
use std::io;
use std::mem;
use std::net::SocketAddr;
use std::ops::Range;
use std::os::unix::fs::FileExt;

/// Files up to this many bytes are read and go out in one write with the head.
const SMALL_FILE: u64 = 16 * 1024;
/// Bytes that a stream is asked for at a time.
const CHUNK: usize = 64 * 1024;
/// Bytes that it is asked for as long as it does not yield so many: most have little to say, and
/// memory that nobody touches costs nothing.
const FIRST_CHUNK: usize = 4 * 1024;
/// Buffers that had to grow beyond this are not kept while the next request is awaited.
const KEPT_CAPACITY: usize = 1024;

/// What a connection needs of its server.
pub(super) struct Context<'s> {
    pub(super) handler: &'s dyn Handler,
    pub(super) config: &'s Config,
    pub(super) log: &'s AccessLog,
    pub(super) server_addr: SocketAddr,
}

/// Why no further request is read from a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CloseReason {
    /// The client is done, too slow, or gone: there is nobody to wait for.
    Ended,
    /// The last response was sent; the client may still be sending.
    Answered,
}

/// Whether a connection goes on after a response.
#[derive(Clone, Copy, Debug)]
struct Persistence {
    /// The client counts on it.
    expected: bool,
    /// Nothing on this side is against it.
    possible: bool,
}

/// A connection that is being served.
pub(super) struct Connection<'s> {
    context: &'s Context<'s>,
    ticket: &'s Ticket,
    stream: &'s Stream<'s>,
    client: SocketAddr,
    clock: Clock,
    /// Where the next response is put together.
    out: Vec<u8>,
}

impl<'s> Connection<'s> {
    /// Serves the client's requests, one after the other, until the connection ends; or tells it
    /// that there is no room.
    pub(super) fn run(
        context: &'s Context<'s>,
        ticket: &Ticket,
        client: SocketAddr,
        verdict: Verdict,
    ) {
        let Ok(stream) = Stream::new(ticket, context.config) else {
            return;
        };
        let mut connection = Connection {
            context,
            ticket,
            stream: &stream,
            client,
            clock: Clock::new(),
            out: Vec::new(),
        };
        let reason = match verdict {
            Verdict::Serve => connection.serve(),
            Verdict::Refuse => connection.refuse(),
            Verdict::TurnAway => {
                connection.refuse();
                return stream.close_at_once();
            }
        };
        match reason {
            CloseReason::Ended => {}
            CloseReason::Answered => stream.linger(),
        }
    }

    /// Answers whatever will be asked, without waiting for it.
    fn refuse(&mut self) -> CloseReason {
        let line = wire::no_line(&[], Version::HTTP_10);
        self.reject(&line, &HttpError::overloaded())
    }

    #[inline(never)]
    fn serve(&mut self) -> CloseReason {
        let mut reader = Reader::new(self.stream);
        let mut head = Vec::new();
        // How it ends when no further request comes. Once something was answered, the client may
        // still be reading that, and closing with bytes unread would reset it.
        let mut without_request = CloseReason::Ended;
        loop {
            self.stream.begin_request();
            if self.out.capacity() > KEPT_CAPACITY {
                self.out = Vec::new();
            }
            let Ok(incoming) = reader.read(&mut head, self.context.config) else {
                return without_request;
            };
            let close = match &incoming {
                Incoming::End if self.ticket.is_unheard() => Some(self.refuse()),
                Incoming::End => Some(without_request),
                Incoming::Rejected(rejected) => Some(self.reject(&rejected.line, &rejected.error)),
                Incoming::Request { line, lines } => self.answer(line, lines, &mut reader),
            };
            if let Some(reason) = close {
                return reason;
            }
            without_request = CloseReason::Answered;
        }
    }

    /// Answers one request. `None`: the connection goes on.
    #[inline(never)]
    fn answer(
        &mut self,
        line: &RequestLine<'_>,
        lines: &Lines<'_>,
        reader: &mut Reader<&'s Stream<'s>>,
    ) -> Option<CloseReason> {
        let Context {
            handler,
            config,
            server_addr,
            ..
        } = *self.context;
        let fields = FieldLines::new(lines);
        let framing = match wire::request_framing(line, fields) {
            Ok(framing) => framing,
            Err(error) => return Some(self.reject(line, &error)),
        };
        let is_bearable = framing.may_be_discarded(config.max_discarded_body);
        let mut body = reader.body(framing);
        let mut request = Request::new(*line, fields, (self.client, server_addr), &mut body)
            .with_protocol(config.protocol);

        if wire::expects_continue(line, fields, config.protocol) {
            let go_on = handler.expect_continue(&request);
            match go_on {
                Ok(()) if self.stream.send([CONTINUE, &[]]).is_err() => {
                    return Some(CloseReason::Ended);
                }
                Ok(()) => {}
                Err(error) => return Some(self.reject(line, &error)),
            }
        }
        let result = handler.handle(&mut request);
        self.clock.tick();
        let result = result
            .and_then(final_response)
            .and_then(|response| files::respond(&request, response, self.clock.second()));
        let response = result.unwrap_or_else(|error| self.error_response(&error));
        // What an exchange leaves unread is known when it is over: then the connection closes
        // unannounced, which a client has to expect at any time (RFC 9112 §9.6).
        let is_exchange = matches!(response.body, Body::Exchange { .. });
        let persistence = Persistence {
            expected: wire::persists(line, fields, config.protocol),
            possible: (body.is_finished() || is_exchange && is_bearable) && !self.ticket.is_last(),
        };
        let close = self.send(line, response, persistence, &mut body);
        if close.is_none() && !body.is_finished() {
            discard(&mut body, config.max_discarded_body);
        }
        close.or_else(|| (!body.is_finished()).then_some(CloseReason::Answered))
    }

    /// Answers what is no request, or one whose body cannot be told from the next request.
    #[inline(never)]
    fn reject(&mut self, line: &RequestLine<'_>, error: &HttpError) -> CloseReason {
        let response = self.error_response(error);
        let persistence = Persistence {
            expected: line.version.min(self.context.config.protocol) >= Version::HTTP_11,
            possible: false,
        };
        self.send(line, response, persistence, &mut io::empty())
            .unwrap_or(CloseReason::Answered)
    }

    /// The page for an error, which is logged.
    fn error_response(&mut self, error: &HttpError) -> Response {
        self.clock.tick();
        let handler = self.context.handler;
        handler.log_error(&self.context.log.of(self.client.ip(), &self.clock), error);
        handler.error_response(error)
    }

    /// Logs the request and sends the response, at the time that the clock shows already: what
    /// was made for this response may depend on it. `None`: the connection goes on.
    fn send(
        &mut self,
        line: &RequestLine<'_>,
        response: Response,
        Persistence { expected, possible }: Persistence,
        request: &mut dyn RequestBody,
    ) -> Option<CloseReason> {
        let handler = self.context.handler;
        handler.log_request(
            &self.context.log.of(self.client.ip(), &self.clock),
            line,
            response.status,
        );
        self.stream.begin_response();
        let framing = wire::response_framing(
            response.status,
            response.body.len(),
            line.version,
            self.context.config.protocol,
        );
        let says_close = wire::has_close(&response.headers);
        let persists = expected && possible && !says_close && framing != ResponseFraming::Close;
        let announce = expected && !persists && !says_close;
        let sent = self.transmit(line, response, framing, announce, request);
        self.ticket.answered();
        match sent {
            Err(_) => Some(CloseReason::Ended),
            Ok(()) if persists => None,
            Ok(()) => Some(CloseReason::Answered),
        }
    }

    /// Sends head and body.
    fn transmit(
        &mut self,
        line: &RequestLine<'_>,
        response: Response,
        framing: ResponseFraming,
        close: bool,
        request: &mut dyn RequestBody,
    ) -> io::Result<()> {
        let handler = self.context.handler;
        self.out.clear();
        // A client that speaks HTTP/0.9 does not know what a head is.
        if line.version != Version::HTTP_09 {
            let head = Head {
                protocol: self.context.config.protocol,
                server: handler.server_version(),
                date: self.clock.date(),
                framing,
                close,
            };
            head.write(&response, &mut self.out);
        }
        if line.method == Method::HEAD || !response.status.allows_content() {
            self.stream.send([&self.out, &[]])?;
            if let Body::Exchange { rest, .. } = response.body {
                self.finish(rest);
            }
            return Ok(());
        }
        match response.body {
            Body::Empty => self.stream.send([&self.out, &[]]),
            Body::Bytes(bytes) => self.stream.send([&self.out, &bytes]),
            Body::File { file, range, .. } => self.send_file(&file, range),
            Body::Parts { file, parts } => self.send_parts(&file, parts),
            Body::Stream { mut reader, length } => {
                let head = mem::take(&mut self.out);
                self.stream.send([&head, &[]])?;
                self.send_stream(|buffer| reader.read(buffer), length, framing)
            }
            Body::Exchange {
                first,
                mut rest,
                length,
            } => {
                let left = self.send_first(&first, length, framing)?;
                self.send_stream(|buffer| rest.read(request, buffer), left, framing)?;
                self.finish(rest);
                Ok(())
            }
        }
    }

    /// Lets an exchange come to its end, and logs what it has to say.
    fn finish(&mut self, exchange: Box<dyn Exchange>) {
        if let Some(message) = exchange.finish() {
            self.clock.tick();
            let log = self.context.log.of(self.client.ip(), &self.clock);
            self.context
                .handler
                .log_message(&log, format_args!("{message}"));
        }
    }

    /// Sends the head and the bytes that are there already; tells how many of `length` are left.
    fn send_first(
        &mut self,
        first: &[u8],
        length: Option<u64>,
        framing: ResponseFraming,
    ) -> io::Result<Option<u64>> {
        let room = length.map_or(usize::MAX, |length| {
            usize::try_from(length).unwrap_or(usize::MAX)
        });
        let first = first.get(..room).unwrap_or(first);
        let mut head = mem::take(&mut self.out);
        if framing == ResponseFraming::Chunked && !first.is_empty() {
            wire::write_chunk_size(first.len(), &mut head);
            head.extend_from_slice(first);
            head.extend_from_slice(b"\r\n");
            self.stream.send([&head, &[]])?;
        } else {
            self.stream.send([&head, first])?;
        }
        Ok(length.map(|length| length.saturating_sub(first.len() as u64)))
    }

    /// Sends the head and a file: a small one together with the head.
    fn send_file(&mut self, file: &File, range: Range<u64>) -> io::Result<()> {
        if range_length(&range) > SMALL_FILE {
            return self.stream.send_file(&self.out, file, range);
        }
        self.gather(file, range)?;
        self.stream.send([&self.out, &[]])
    }

    /// Sends the head and the parts of a file: small ones together with what goes before them.
    fn send_parts(&mut self, file: &File, parts: Vec<FilePart>) -> io::Result<()> {
        for FilePart { head, range } in parts {
            self.out.extend_from_slice(&head);
            let length = range_length(&range);
            if length.saturating_add(self.out.len() as u64) > SMALL_FILE {
                self.stream.send_file(&self.out, file, range)?;
                self.out.clear();
            } else {
                self.gather(file, range)?;
            }
        }
        self.stream.send([&self.out, &[]])
    }

    /// Adds a small range of a file to what is sent next. Where the file has become shorter, what
    /// is left of it is sent, and the connection cannot go on.
    fn gather(&mut self, file: &File, range: Range<u64>) -> io::Result<()> {
        let start = self.out.len();
        let length = usize::try_from(range_length(&range)).unwrap_or(0);
        self.out.resize(start + length, 0);
        let content = self.out.get_mut(start..).unwrap_or_default();
        let read = read_up_to(content, |buffer, offset| {
            file.read_at(buffer, range.start + offset)
        })?;
        if read == length {
            return Ok(());
        }
        self.out.truncate(start + read);
        self.stream.send([&self.out, &[]])?;
        Err(io::ErrorKind::UnexpectedEof.into())
    }

    /// Sends what `read` yields, as it comes.
    #[inline(never)]
    fn send_stream(
        &mut self,
        mut read: impl FnMut(&mut [u8]) -> io::Result<usize>,
        length: Option<u64>,
        framing: ResponseFraming,
    ) -> io::Result<()> {
        let mut left = length.unwrap_or(u64::MAX);
        let mut buffer = vec![0; FIRST_CHUNK];
        while left > 0 {
            let room = usize::try_from(left).unwrap_or(CHUNK).min(buffer.len());
            let count = match read(buffer.get_mut(..room).unwrap_or_default()) {
                Ok(0) if length.is_some() => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            left -= count as u64;
            let is_filled = count == buffer.len();
            let bytes = buffer.get(..count).unwrap_or_default();
            if framing == ResponseFraming::Chunked {
                self.out.clear();
                wire::write_chunk_size(count, &mut self.out);
                self.out.extend_from_slice(bytes);
                self.out.extend_from_slice(b"\r\n");
                self.stream.send([&self.out, &[]])?;
            } else {
                self.stream.send([bytes, &[]])?;
            }
            if is_filled {
                buffer.resize(CHUNK, 0);
            }
        }
        match framing {
            ResponseFraming::Chunked => self.stream.send([b"0\r\n\r\n", &[]]),
            _ => Ok(()),
        }
    }
}

/// Throws away what a script has left of a body that is not too large. Its buffer costs a
/// connection two pages of stack for good, so it is taken where there is something to throw away.
#[inline(never)]
fn discard(body: &mut dyn RequestBody, limit: u64) {
    let _ = io::copy(&mut io::Read::take(body, limit), &mut io::sink());
}

/// The response, if it can be the last word on a request: a handler's 1xx cannot.
fn final_response(response: Response) -> Result<Response, HttpError> {
    if response.status < StatusCode::OK {
        return Err(HttpError::new(StatusCode::INTERNAL_SERVER_ERROR));
    }
    Ok(response)
}

/// Reads until `buffer` is full or there is no more, and tells how much there was.
fn read_up_to(
    buffer: &mut [u8],
    mut read_at: impl FnMut(&mut [u8], u64) -> io::Result<usize>,
) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match read_at(buffer.get_mut(filled..).unwrap_or_default(), filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
