//! One connection, from its first request to its end.

mod answer;
mod greeting;
mod refusal;
mod report;
mod request_content;
mod transmission;

use super::access_log::Client;
use super::admission::Verdict;
use super::affinity::Home;
use super::buffers::RequestBuffers;
use super::channel::Channel;
use super::clock::{Clock, Now};
use super::context::Context;
use super::ticket::Ticket;
use crate::handler::Answered;
use crate::http::{
    FieldLines, Method, Peer, Request, RequestBody, RequestLine, Response, Scheme, StatusCode,
    Version,
};
use crate::wire::{
    self, CloseReason, Delivery, Facts, Head, HeaderLines, Input, Next, Output, Persistence,
    ReceivedHead, RequestFraming, ResponseEnd, Source,
};
use answer::{delivers, respond};
use request_content::RequestContent;
use std::time::Instant;
use std::{io, mem};
use transmission::Transmission;

/// A connection that is being served.
pub(super) struct Connection<'s> {
    context: &'s Context<'s>,
    ticket: &'s Ticket,
    channel: Channel<'s>,
    /// The other end, or the client that a PROXY header has named.
    peer: Peer,
    /// The client whose request is served, as the log shows it.
    client: Client,
    /// When the head of the request was complete, or the connection was accepted.
    begun: Instant,
    /// The CPU that its packets arrive on.
    home: Home<'s>,
}

impl<'s> Connection<'s> {
    /// Serves the client's requests, one after the other, until the connection ends; or refuses
    /// the connection.
    pub(super) fn run(
        context: &'s Context<'s>,
        ticket: &'s Ticket,
        client: Peer,
        verdict: Verdict,
        clock: &mut Clock,
    ) {
        // It stays in this place: each move of it would take a kilobyte of stack for good.
        let mut input = Input::default();
        let Ok(channel) = Channel::new(ticket, context, &mut input) else {
            return;
        };
        let mut connection = Connection {
            context,
            ticket,
            channel,
            client: Client::new(client.clone()),
            peer: client,
            begun: Instant::now(),
            home: context.affinity.newcomer(),
        };
        match (verdict, context.tls) {
            // A TLS client could only be answered after a handshake.
            (Verdict::RefuseAndDrop, Some(_)) => connection.channel.close_at_once(),
            (Verdict::RefuseAndDrop, None) => {
                connection.refuse(clock);
                connection.channel.close_at_once();
            }
            (verdict, tls) => {
                let Ok(reason) = connection.greet_and_serve(tls, verdict, clock) else {
                    return;
                };
                connection.channel.close(reason);
            }
        }
    }

    #[inline(never)]
    fn serve(&mut self, clock: &mut Clock) -> CloseReason {
        loop {
            match self.serve_request(clock) {
                Next::Keep => self
                    .home
                    .answered(self.ticket.socket(), self.channel.sent()),
                Next::Close(reason) => return reason,
            }
        }
    }

    /// Serves one request: receives it, parses it, handles it, completes the response, sends that,
    /// and keeps the connection or closes it.
    #[inline(never)]
    fn serve_request(&mut self, clock: &mut Clock) -> Next {
        self.channel.begin_request();
        let head = match wire::receive_head(&mut self.channel, self.context.config) {
            Ok(Some(head)) => head,
            Ok(None) if self.ticket.owes_response() => {
                return Next::Close(self.refuse(clock));
            }
            Err(error) if error.kind() == io::ErrorKind::OutOfMemory => {
                return Next::Close(self.reject_head(clock));
            }
            Ok(None) | Err(_) => return Next::Close(self.without_request()),
        };
        let mut buffers = self.context.buffers.take();
        let next = self.serve_head(head, &mut buffers, clock);
        self.context.buffers.give_back(buffers);
        next
    }

    /// Serves the request whose head has been received.
    fn serve_head(
        &mut self,
        head: ReceivedHead,
        RequestBuffers {
            head: bytes, out, ..
        }: &mut RequestBuffers,
        clock: &mut Clock,
    ) -> Next {
        let mut lines = HeaderLines::new();
        let input = self.channel.input();
        let parsed = head.parse(input, bytes, &mut lines, self.context.config);
        self.channel.begin_work();
        let line = match parsed {
            Ok(line) => line,
            Err(rejected) => {
                let (line, fields) = (&rejected.line, FieldLines::default());
                return Next::Close(self.reject(line, fields, &rejected.error, clock));
            }
        };
        if self.context.records.is_some() {
            self.begun = Instant::now();
        }
        let fields = lines.fields();
        let framing = wire::check_host(&line, fields);
        let framing = match framing.and_then(|()| wire::request_framing(&line, fields)) {
            Ok(framing) => framing,
            Err(error) => return Next::Close(self.reject(&line, fields, &error, clock)),
        };
        let scheme = self.identify(fields);
        self.answer(&line, fields, framing, scheme, out, clock)
    }

    /// Finds out which client the peer asks for, if it is a trusted proxy, and what that client
    /// speaks.
    fn identify(&mut self, fields: FieldLines<'_>) -> Scheme {
        let proxies = &self.context.config.trusted_proxies;
        if proxies.is_empty() {
            return self.context.scheme();
        }
        let said = wire::forwarded(&self.peer, fields, proxies);
        let client = match said.client {
            Some(ip) => Peer::Ip((ip, 0).into()),
            None => self.peer.clone(),
        };
        if client != *self.client.peer() {
            self.client = Client::new(client);
        }
        said.scheme.unwrap_or(self.context.scheme())
    }

    /// Handles one request and sends the response.
    fn answer(
        &mut self,
        line: &RequestLine<'_>,
        fields: FieldLines<'_>,
        framing: RequestFraming,
        scheme: Scheme,
        out: &mut Output,
        clock: &mut Clock,
    ) -> Next {
        let Context { config, server, .. } = *self.context;
        let owes_continue = wire::expects_continue(line, fields, config.protocol);
        let mut content = RequestContent::new(framing, owes_continue, config.max_discarded_body);
        let mut received = content.on(&mut self.channel);
        let peers = (self.client.peer(), server);
        let body = RequestBody::received(&mut received);
        let mut request = Request::new(*line, fields, peers, body)
            .with_protocol(config.protocol)
            .with_scheme(scheme);
        let mut response = respond(self.context, &self.client, &mut request, clock);

        let expectation = wire::Expectation::of(line, fields, config.protocol);
        let answered = Answered::new(line, fields, &response);
        let now = clock.last();
        self.send(
            &answered,
            &mut response,
            expectation,
            &mut content,
            out,
            now,
        )
    }

    /// Logs the request, sends the response, and decides what becomes of the connection.
    fn send(
        &mut self,
        answered: &Answered<'_>,
        response: &mut Response,
        expectation: wire::Expectation,
        content: &mut RequestContent,
        out: &mut Output,
        now: &Now,
    ) -> Next {
        let Context {
            handler, config, ..
        } = *self.context;
        if self.context.records.is_none() {
            handler.log_request(&self.context.log.of(&self.client, now), answered);
        }
        let line = answered.line;
        let spoken = line.version.min(config.protocol);
        let framing = wire::response_framing(response.status, response.body.len(), spoken);
        let facts = Facts {
            expectation,
            is_last: self.ticket.is_last(),
            body_is_bounded: content.is_read() || response.body.is_exchange() && content.is_small(),
            response: ResponseEnd::of(&response.headers, framing),
        };
        let persistence = facts.persistence();
        let head = Head {
            protocol: config.protocol,
            server: handler.server_version(),
            date_line: &now.date_line,
            framing,
            persistence,
        };
        let is_delivery = config.ends_after_delivery && delivers(line, response);
        let (sent, length) = self.transmit(line, &head, response, content, out);
        if is_delivery && sent.is_ok() {
            self.context.admission.begin_closing();
        }
        self.ticket.answered();
        self.record(answered, &sent, length, now);
        self.next(persistence, expectation, &sent, content)
    }

    /// Sends head and body; also returns how many bytes of the body were sent.
    #[inline]
    fn transmit(
        &mut self,
        line: &RequestLine<'_>,
        head: &Head<'_>,
        response: &mut Response,
        content: &mut RequestContent,
        out: &mut Output,
    ) -> (io::Result<()>, u64) {
        if response.status < StatusCode::BAD_REQUEST {
            let told = content.on(&mut self.channel).send_continue();
            if told.is_err() {
                return (told, 0);
            }
        }
        transmission::reserve(out, &response.body);
        // HTTP/0.9 has no response heads.
        if line.version != Version::HTTP_09 {
            head.write(response, out);
        }
        let head_length = out.len() as u64;
        let body = mem::take(&mut response.body);
        let remark = body.remark();
        self.channel.begin_response(body.memory());
        let transmission = Transmission {
            channel: &mut self.channel,
            out,
            framing: head.framing,
            content,
        };
        let sent = if line.method == Method::HEAD || !response.status.allows_content() {
            transmission.send_head(body)
        } else {
            transmission.send(body)
        };
        self.channel.end_response();
        let length = self.channel.sent().saturating_sub(head_length);
        (self.finish(sent, remark), length)
    }

    /// What becomes of the connection now that the response was sent, or could not be. What is left
    /// of the request's body is discarded if another request may follow it.
    fn next(
        &mut self,
        persistence: Persistence,
        expectation: wire::Expectation,
        sent: &io::Result<()>,
        content: &mut RequestContent,
    ) -> Next {
        if sent.is_ok() && persistence.persists() && !content.is_read() {
            let body = content.on(&mut self.channel);
            body.discard(self.context.config.max_discarded_body);
        }
        let delivery = Delivery {
            is_whole: sent.is_ok(),
            body_is_read: content.is_read(),
            has_unread: !self.channel.input().unread().is_empty(),
        };
        wire::next(persistence, expectation, delivery)
    }

    /// How to close a connection on which no further request arrives. Once a response was sent, the
    /// client may still be reading it, and closing with bytes unread would reset the connection.
    fn without_request(&self) -> CloseReason {
        if self.ticket.is_answered() {
            CloseReason::Answered
        } else {
            CloseReason::Ended
        }
    }
}
