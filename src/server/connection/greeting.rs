//! The beginning of a connection on a port for HTTPS.

use super::Connection;
use crate::http::{FieldLines, HttpError, Response, StatusCode, header};
use crate::server::admission::Verdict;
use crate::server::channel::Spoken;
use crate::server::clock::Clock;
use crate::tls::{Tls, TlsError};
use crate::wire::{self, CloseReason, Incoming, Lines};
use std::io;

impl Connection<'_> {
    /// Agrees on TLS with the client, if that is spoken here, and serves or refuses it.
    ///
    /// # Errors
    /// There is nobody to talk to.
    pub(super) fn greet_and_serve(
        &mut self,
        tls: Option<&Tls>,
        verdict: Verdict,
        clock: &mut Clock,
    ) -> io::Result<CloseReason> {
        if let Some(tls) = tls {
            let log = self.context.log;
            let report = |error: &TlsError| log.note(format_args!("{error}; the old pair stays"));
            if self.channel.begin_tls(tls, report)? == Spoken::Plain {
                return Ok(self.redirect_to_https(clock));
            }
        }
        Ok(match verdict {
            Verdict::Serve => self.serve(clock),
            Verdict::Refuse | Verdict::RefuseAndDrop => self.refuse(clock),
        })
    }

    /// Answers a client that speaks HTTP where HTTPS is spoken.
    #[inline(never)]
    fn redirect_to_https(&mut self, clock: &mut Clock) -> CloseReason {
        let (mut head, mut lines) = (Vec::new(), Lines::new());
        self.channel.begin_request();
        let read = wire::read(
            &mut self.channel,
            &mut head,
            &mut lines,
            self.context.config,
        );
        let Ok(Incoming::Request(line)) = read else {
            // It does not speak HTTP either.
            return CloseReason::Ended;
        };
        let port = self.context.server.port();
        let Some(location) = wire::https_location(&line, FieldLines::new(&lines), port) else {
            let error = HttpError::new(StatusCode::BAD_REQUEST);
            return self.reject(&line, &error.with_message("This port speaks HTTPS"), clock);
        };
        let response = Response::new(StatusCode::MOVED_PERMANENTLY)
            .with_header(header::CONNECTION, "close")
            .with_header(header::LOCATION, location);
        self.answer_unheard(&line, response, clock)
    }
}
