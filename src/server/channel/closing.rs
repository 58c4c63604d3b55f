//! How a connection is closed.

use super::Channel;
use crate::wire::CloseReason;
use std::time::{Duration, Instant};

/// How long to keep reading from a client that may still be sending after it has been answered.
const LINGER: Duration = Duration::from_secs(30);
/// How long the client may be silent during that time.
pub(super) const LINGER_SILENCE: Duration = Duration::from_secs(2);
/// Responses up to this many bytes fit into the smallest receive buffer that clients have, so they
/// have reached the client, or nearly, when the last call to send them returns. The rest of a
/// larger one may wait here until the client reads, and a reset would destroy it.
const SOON_SENT: u64 = 2 * 1024;
/// A client that was sent more than this takes a long time to read it, and is silent until then.
const LONG_READ: u64 = 64 * 1024;

impl Channel<'_> {
    /// Closes the connection in the way that its last response calls for.
    pub(in crate::server) fn close(&mut self, reason: CloseReason) {
        match reason {
            CloseReason::Cut => {}
            CloseReason::Ended => self.transport.announce_end(),
            CloseReason::Agreed if self.is_settled() => {}
            CloseReason::Agreed | CloseReason::Answered => self.linger(),
        }
    }

    /// Discards what the client has already sent, so that its response usually survives closing the
    /// connection right away.
    pub(in crate::server) fn close_at_once(&mut self) {
        self.transport.discard_now();
    }

    /// Whether the connection can be closed without harm to the last response although the client
    /// has not closed it yet: the client has sent nothing more, and will soon have received all
    /// that was sent to it.
    fn is_settled(&mut self) -> bool {
        self.sent <= SOON_SENT
            && !self.transport.must_announce_end()
            && !self.transport.has_arrived()
    }

    /// Ends a connection on which the client may still be sending.
    ///
    /// A socket closed with unread bytes resets the connection, as does one that gets bytes after
    /// it was closed, and the reset may reach the client before it has read the response. So the
    /// end is announced first, and what still arrives is discarded, within bounds on the silence,
    /// the total time, and the bytes. A lingering connection may be evicted.
    fn linger(&mut self) {
        if self.transport.finish().is_err() {
            return;
        }
        // It is not idle, whatever it was before.
        self.ticket.begin_work();
        self.ticket.begin_wait();
        let limit = self.config.head_timeout;
        let limit = limit.map_or(LINGER, |limit| limit.min(LINGER));
        // Only a few can be refused at a time.
        let limit = if self.ticket.is_refused() {
            limit.min(LINGER_SILENCE)
        } else {
            limit
        };
        let deadline = Instant::now() + limit;
        // After a large response the client is silent because it reads.
        let silence = if self.sent > LONG_READ {
            limit
        } else {
            LINGER_SILENCE
        };
        let mut left = self.config.max_discarded_body;
        let mut buffer = vec![0; 4 * 1024];
        while left > 0 {
            let silence = deadline
                .saturating_duration_since(Instant::now())
                .min(silence);
            if silence.is_zero() {
                return;
            }
            match self.transport.receive(&mut buffer, Some(silence)) {
                Ok(0) | Err(_) => return,
                Ok(count) => left = left.saturating_sub(count as u64),
            }
        }
    }
}
