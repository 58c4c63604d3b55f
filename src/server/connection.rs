//! One connection, from its first request to its end.

mod answer;
mod request_content;
mod transmission;

use super::access_log::{AccessLog, Client};
use super::admission::{Admission, Verdict};
use super::buffers::Buffers;
use super::channel::Channel;
use super::clock::{Clock, Now};
use super::heads::Heads;
use super::ticket::Ticket;
use crate::config::Config;
use crate::handler::{Answered, Handler};
use crate::http::{
    Exchange, ExchangeFailed, FieldLines, HttpError, Method, Peer, Request, RequestBody,
    RequestLine, Response, StatusCode, Version,
};
use crate::wire::{
    self, CloseReason, Delivery, Facts, Head, Incoming, Lines, Next, RequestFraming, ResponseEnd,
    Source,
};
use answer::{complete, delivers, handle, is_shortage, reads, refusal};
use request_content::RequestContent;
use std::{io, mem};
use transmission::Transmission;

/// What a connection needs of its server.
pub(super) struct Context<'s> {
    pub(super) handler: &'s dyn Handler,
    pub(super) config: &'s Config,
    pub(super) log: &'s AccessLog,
    pub(super) admission: &'s Admission,
    pub(super) heads: Heads,
    pub(super) buffers: Buffers,
    pub(super) server: &'s Peer,
}

/// A connection that is being served.
pub(super) struct Connection<'s> {
    context: &'s Context<'s>,
    ticket: &'s Ticket,
    channel: Channel<'s>,
    client: Client,
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
        let Ok(channel) = Channel::new(ticket, context) else {
            return;
        };
        let mut connection = Connection {
            context,
            ticket,
            channel,
            client: Client::new(client),
        };
        match verdict {
            Verdict::Serve => {
                let reason = connection.serve(clock);
                connection.channel.close(reason);
            }
            Verdict::Refuse => {
                let reason = connection.refuse(clock);
                connection.channel.close(reason);
            }
            Verdict::RefuseAndDrop => {
                connection.refuse(clock);
                connection.channel.close_at_once();
            }
        }
    }

    /// Answers whatever will be asked, without waiting for it.
    fn refuse(&mut self, clock: &mut Clock) -> CloseReason {
        let line = wire::no_request_line(Version::HTTP_10);
        self.reject(&line, &HttpError::overloaded(), clock)
    }

    /// Gives up a head that there is no memory for.
    fn drop_head(&mut self, clock: &mut Clock) -> CloseReason {
        let line = wire::no_request_line(Version::HTTP_10);
        let error = HttpError::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
        self.reject(&line, &error, clock)
    }

    #[inline(never)]
    fn serve(&mut self, clock: &mut Clock) -> CloseReason {
        let mut head = Vec::new();
        loop {
            match self.serve_request(&mut head, clock) {
                Next::Keep => {}
                Next::Close(reason) => return reason,
            }
        }
    }

    /// Serves one request: read it, handle it, complete the response, send that, and keep the
    /// connection or close it.
    #[inline(never)]
    fn serve_request(&mut self, head: &mut Vec<u8>, clock: &mut Clock) -> Next {
        let mut lines = Lines::new();
        self.channel.begin_request();
        let line = match wire::read(&mut self.channel, head, &mut lines, self.context.config) {
            Ok(Incoming::Request(line)) => line,
            Ok(Incoming::Rejected(rejected)) => {
                return Next::Close(self.reject(&rejected.line, &rejected.error, clock));
            }
            Ok(Incoming::End) if self.ticket.owes_response() => {
                return Next::Close(self.refuse(clock));
            }
            Err(error) if error.kind() == io::ErrorKind::OutOfMemory => {
                return Next::Close(self.drop_head(clock));
            }
            Ok(Incoming::End) | Err(_) => return Next::Close(self.without_request()),
        };
        self.channel.begin_work();
        let fields = FieldLines::new(&lines);
        let framing = wire::check_host(&line, fields);
        let framing = match framing.and_then(|()| wire::request_framing(&line, fields)) {
            Ok(framing) => framing,
            Err(error) => return Next::Close(self.reject(&line, &error, clock)),
        };
        self.answer(&line, fields, framing, clock)
    }

    /// Handles one request and sends the response.
    fn answer(
        &mut self,
        line: &RequestLine<'_>,
        fields: FieldLines<'_>,
        framing: RequestFraming,
        clock: &mut Clock,
    ) -> Next {
        let Context {
            handler,
            config,
            server,
            ..
        } = *self.context;
        let owes_continue = wire::expects_continue(line, fields, config.protocol);
        let mut content = RequestContent::new(framing, owes_continue, config.max_discarded_body);
        let mut received = content.on(&mut self.channel);
        let peers = (self.client.peer(), server);
        let body = RequestBody::received(&mut received);
        let mut request = Request::new(*line, fields, peers, body).with_protocol(config.protocol);
        let mut result = handle(handler, &mut request);
        if is_shortage(&result) && reads(line) && self.context.admission.evict_stalled() {
            result = handle(handler, &mut request);
        }
        let now = clock.now();
        let response = complete(self.context, &self.client, &request, result, now);

        let client = wire::Expectation::of(line, fields, config.protocol);
        let answered = Answered::new(line, fields, &response);
        self.send(&answered, response, client, &mut content, now)
    }

    /// Answers what is not a request, or one whose body cannot be told from the next request.
    #[inline(never)]
    fn reject(
        &mut self,
        line: &RequestLine<'_>,
        error: &HttpError,
        clock: &mut Clock,
    ) -> CloseReason {
        let now = clock.now();
        let response = refusal(self.context, &self.client, line, error, now);
        let client = wire::Expectation::of_rejected(line.version, self.context.config.protocol);
        let answered = Answered::new(line, FieldLines::default(), &response);
        match self.send(
            &answered,
            response,
            client,
            &mut RequestContent::lost(),
            now,
        ) {
            Next::Keep => CloseReason::Answered,
            Next::Close(reason) => reason,
        }
    }

    /// Logs the request, sends the response, and decides what becomes of the connection.
    fn send(
        &mut self,
        answered: &Answered<'_>,
        response: Response,
        client: wire::Expectation,
        content: &mut RequestContent,
        now: &Now,
    ) -> Next {
        let Context {
            handler, config, ..
        } = *self.context;
        handler.log_request(&self.context.log.of(&self.client, now), answered);
        let line = answered.line;
        let spoken = line.version.min(config.protocol);
        let framing = wire::response_framing(response.status, response.body.len(), spoken);
        let facts = Facts {
            client,
            is_last: self.ticket.is_last(),
            body_is_bounded: content.is_read() || response.body.is_exchange() && content.is_small(),
            response: ResponseEnd::of(&response.headers, framing),
        };
        let persistence = facts.persistence();
        let head = Head {
            protocol: config.protocol,
            server: handler.server_version(),
            date: &now.date,
            framing,
            persistence,
        };
        let is_delivery = config.ends_after_delivery && delivers(line, &response);
        let sent = self.transmit(line, &head, response, content);
        if is_delivery && sent.is_ok() {
            self.context.admission.begin_closing();
        }
        self.ticket.answered();
        if sent.is_ok() && persistence.persists() && !content.is_read() {
            let body = content.on(&mut self.channel);
            body.discard(config.max_discarded_body);
        }
        let delivery = Delivery {
            is_whole: sent.is_ok(),
            body_is_read: content.is_read(),
            has_unread: !self.channel.input().unread().is_empty(),
        };
        wire::next(persistence, client, delivery)
    }

    /// Sends head and body.
    fn transmit(
        &mut self,
        line: &RequestLine<'_>,
        head: &Head<'_>,
        mut response: Response,
        content: &mut RequestContent,
    ) -> io::Result<()> {
        if response.status < StatusCode::BAD_REQUEST {
            content.on(&mut self.channel).send_continue()?;
        }
        let mut out = self.context.buffers.take();
        transmission::reserve(&mut out, &response.body);
        // A client that speaks HTTP/0.9 does not know what a head is.
        if line.version != Version::HTTP_09 {
            head.write(&response, &mut out);
        }
        let body = mem::take(&mut response.body);
        let remark = body.remark();
        self.channel.begin_response(body.memory());
        let transmission = Transmission {
            channel: &mut self.channel,
            out: &mut out,
            framing: head.framing,
            content,
        };
        let sent = if line.method == Method::HEAD || !response.status.allows_content() {
            transmission.send_head(body)
        } else {
            transmission.send(body)
        };
        self.context.buffers.give_back(out);
        let cause = sent.as_ref().err().and_then(io::Error::get_ref);
        if let Some(ExchangeFailed(message)) = cause.and_then(|cause| cause.downcast_ref()) {
            self.log_message(message);
        }
        let finished = sent?.and_then(Exchange::finish);
        for message in finished.into_iter().chain(remark) {
            self.log_message(&message);
        }
        Ok(())
    }

    /// Logs what a response's own program has to say after it.
    fn log_message(&self, message: &str) {
        // The response may have taken long.
        let now = Now::current();
        let log = self.context.log.of(&self.client, &now);
        let handler = self.context.handler;
        handler.log_message(&log, format_args!("{message}"));
    }

    /// How a connection ends on which no further request comes. Once something was answered, the
    /// client may still be reading that, and closing with bytes unread would reset it.
    fn without_request(&self) -> CloseReason {
        if self.ticket.is_answered() {
            CloseReason::Answered
        } else {
            CloseReason::Ended
        }
    }
}
