//! One connection, from its first request to its end.

mod transmit;

use super::access_log::AccessLog;
use super::admission::{Ticket, Verdict};
use super::buffers::Buffers;
use super::clock::Clock;
use super::stream::Stream;
use crate::config::Config;
use crate::files;
use crate::handler::Handler;
use crate::http::{
    Body, FieldLines, HttpError, Request, RequestBody, RequestLine, Response, StatusCode, Version,
};
use crate::wire::{self, CONTINUE, Incoming, Lines, Reader, ResponseFraming};
use std::fs::File;
use std::io;
use std::mem;
use std::net::SocketAddr;
use std::sync::Arc;

/// What a connection needs of its server.
pub(super) struct Context<'s> {
    pub(super) handler: &'s dyn Handler,
    pub(super) config: &'s Config,
    pub(super) log: &'s AccessLog,
    pub(super) buffers: Buffers,
    pub(super) server_addr: SocketAddr,
}

/// Why no further request is read from a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CloseReason {
    /// The client is done, too slow, or gone: there is nobody to wait for.
    Ended,
    /// The last response was sent; the client may still be sending.
    Answered,
    /// The last response was sent, and the client has sent all that it is going to: it said that it
    /// would ask for nothing else (RFC 9112 §9.6), and asked for nothing that takes a body.
    Agreed,
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
    clock: &'s mut Clock,
    /// Where a response is put together; empty while none is sent.
    out: Vec<u8>,
    /// The file that was asked for last. While it is open, nobody else has to open it.
    file: Option<Arc<File>>,
}

impl<'s> Connection<'s> {
    /// Serves the client's requests, one after the other, until the connection ends; or tells it
    /// that there is no room.
    pub(super) fn run(
        context: &'s Context<'s>,
        ticket: &Ticket,
        client: SocketAddr,
        verdict: Verdict,
        clock: &mut Clock,
    ) {
        let Ok(stream) = Stream::new(ticket, context.config) else {
            return;
        };
        let mut connection = Connection {
            context,
            ticket,
            stream: &stream,
            client,
            clock,
            out: Vec::new(),
            file: None,
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
            CloseReason::Agreed if stream.is_settled() => {}
            CloseReason::Agreed | CloseReason::Answered => {
                // Whoever is waited for only to leave keeps no file open.
                connection.file = None;
                stream.linger();
            }
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
            let incoming = reader.read(&mut head, self.context.config);
            let Ok(incoming) = &incoming else {
                return without_request;
            };
            let close = match incoming {
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
        let mut response = self.respond(&mut request);
        // What an exchange leaves unread is known when it is over: then the connection closes
        // unannounced, which a client has to expect at any time (RFC 9112 §9.6).
        let is_exchange = matches!(response.body, Body::Exchange { .. });
        let persistence = Persistence {
            expected: wire::persists(line, fields, config.protocol),
            possible: (body.is_finished() || is_exchange && is_bearable) && !self.ticket.is_last(),
        };
        let close = self.send(line, &mut response, persistence, &mut body);
        if close.is_none() && !body.is_finished() {
            discard(&mut body, config.max_discarded_body);
        }
        let is_read = body.is_finished();
        match close {
            None if is_read => None,
            Some(CloseReason::Answered)
                if is_read && !reader.has_unread() && wire::is_last(line, fields) =>
            {
                Some(CloseReason::Agreed)
            }
            close => close.or(Some(CloseReason::Answered)),
        }
    }

    /// What the handler answers, as this client gets it. While the response is sent, the stack
    /// that this took is free for that.
    #[inline(never)]
    fn respond(&mut self, request: &mut Request<'_>) -> Response {
        let mut result = self.context.handler.handle(request);
        if let Ok(response) = &mut result
            && let Err(error) = self.complete(request, response)
        {
            result = Err(error);
        }
        result.unwrap_or_else(|error| self.error_response(&error))
    }

    /// Makes of a handler's response what this client gets.
    fn complete(
        &mut self,
        request: &Request<'_>,
        response: &mut Response,
    ) -> Result<(), HttpError> {
        // A 1xx cannot be the last word on a request.
        if response.status < StatusCode::OK {
            return Err(HttpError::new(StatusCode::INTERNAL_SERVER_ERROR));
        }
        self.file = match &response.body {
            Body::File { file, .. } => Some(Arc::clone(file)),
            _ => None,
        };
        self.clock.tick();
        files::respond(request, response, self.clock.second())
    }

    /// Answers what is no request, or one whose body cannot be told from the next request.
    #[inline(never)]
    fn reject(&mut self, line: &RequestLine<'_>, error: &HttpError) -> CloseReason {
        let mut response = self.error_response(error);
        let persistence = Persistence {
            expected: line.version.min(self.context.config.protocol) >= Version::HTTP_11,
            possible: false,
        };
        self.send(line, &mut response, persistence, &mut io::empty())
            .unwrap_or(CloseReason::Answered)
    }

    /// The page for an error, which is logged.
    #[inline(never)]
    fn error_response(&mut self, error: &HttpError) -> Response {
        self.clock.tick();
        let handler = self.context.handler;
        handler.log_error(&self.context.log.of(self.client.ip(), self.clock), error);
        handler.error_response(error)
    }

    /// Logs the request and sends the response, at the time that the clock shows already: what
    /// was made for this response may depend on it. `None`: the connection goes on.
    fn send(
        &mut self,
        line: &RequestLine<'_>,
        response: &mut Response,
        Persistence { expected, possible }: Persistence,
        request: &mut dyn RequestBody,
    ) -> Option<CloseReason> {
        let handler = self.context.handler;
        handler.log_request(
            &self.context.log.of(self.client.ip(), self.clock),
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
        self.out = self.context.buffers.take();
        let sent = self.transmit(line, response, framing, announce, request);
        self.context.buffers.give_back(mem::take(&mut self.out));
        self.ticket.answered();
        match sent {
            Err(_) => Some(CloseReason::Ended),
            Ok(()) if persists => None,
            Ok(()) => Some(CloseReason::Answered),
        }
    }
}

/// Throws away what a script has left of a body that is not too large. Its buffer costs a
/// connection two pages of stack for good, so it is taken where there is something to throw away.
#[inline(never)]
fn discard(body: &mut dyn RequestBody, limit: u64) {
    let _ = io::copy(&mut io::Read::take(body, limit), &mut io::sink());
}
