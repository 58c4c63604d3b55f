//! The beginning of a connection: the PROXY header and the TLS handshake.

use super::Connection;
use crate::http::{HttpError, Peer, Response, StatusCode, TrustedProxy, header};
use crate::server::access_log::Client;
use crate::server::admission::Verdict;
use crate::server::channel::Spoken;
use crate::server::clock::Clock;
use crate::tls::{Tls, TlsError};
use crate::wire::{self, CloseReason, HeaderLines};
use std::io;

impl Connection<'_> {
    /// Reads the PROXY header and performs the TLS handshake, where either is in use, then serves
    /// or refuses the client.
    ///
    /// # Errors
    /// The PROXY header cannot be read, or the handshake fails.
    pub(super) fn greet_and_serve(
        &mut self,
        tls: Option<&Tls>,
        verdict: Verdict,
        clock: &mut Clock,
    ) -> io::Result<CloseReason> {
        let config = self.context.config;
        let is_proxy = |proxy: &TrustedProxy| proxy.covers(&self.peer);
        if config.proxy_protocol
            && config.trusted_proxies.iter().any(is_proxy)
            && let Some(client) = self.channel.receive_proxy_header()?
        {
            self.peer = Peer::Ip(client);
            self.client = Client::new(self.peer.clone());
        }
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

    /// Answers a client that speaks HTTP on an HTTPS port.
    #[inline(never)]
    fn redirect_to_https(&mut self, clock: &mut Clock) -> CloseReason {
        let (mut head, mut lines) = (Vec::new(), HeaderLines::new());
        self.channel.begin_request();
        let read = wire::read(
            &mut self.channel,
            &mut head,
            &mut lines,
            self.context.config,
        );
        let Ok(Some(Ok(line))) = read else {
            // It does not speak HTTP either.
            return CloseReason::Ended;
        };
        let port = self.context.server.port();
        let fields = lines.fields();
        let Some(location) = wire::https_location(&line, fields, port) else {
            let error = HttpError::new(StatusCode::BAD_REQUEST);
            let error = error.with_message("This port speaks HTTPS");
            return self.reject(&line, fields, &error, clock);
        };
        let response = Response::new(StatusCode::MOVED_PERMANENTLY)
            .with_header(header::CONNECTION, "close")
            .with_header(header::LOCATION, location);
        self.answer_unheard(&line, fields, response, clock)
    }
}
