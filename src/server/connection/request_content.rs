//! The body of the request that is being answered.

use crate::http::{BodySource, Ready, Wait};
use crate::server::channel::Channel;
use crate::wire::{CONTINUE, RequestFraming, UnframedBody, Unread};
use std::io::{self, Read};

/// How far a request's body was read, and whether its client was told to send it.
pub(super) struct RequestContent {
    unread: Unread,
    /// The client waits for `100 Continue` (RFC 9110 §10.1.1).
    owes_continue: bool,
    is_small: bool,
}

/// The body as a handler reads it.
pub(super) struct Received<'r, 'c> {
    content: &'r mut RequestContent,
    channel: &'r mut Channel<'c>,
}

impl RequestContent {
    /// A body of which nothing was read yet. At most `limit` bytes of it may be discarded.
    pub(super) fn new(framing: RequestFraming, owes_continue: bool, limit: u64) -> Self {
        Self {
            unread: Unread::new(framing),
            owes_continue,
            is_small: framing.may_be_discarded(limit),
        }
    }

    /// A body whose end cannot be known, so none of it is read.
    pub(super) fn lost() -> Self {
        Self {
            unread: Unread::lost(),
            owes_continue: false,
            is_small: false,
        }
    }

    /// The body as it arrives over `channel`.
    pub(super) fn on<'r, 'c>(&'r mut self, channel: &'r mut Channel<'c>) -> Received<'r, 'c> {
        Received {
            content: self,
            channel,
        }
    }

    /// Whether all of it was read.
    pub(super) fn is_read(&self) -> bool {
        self.unread.is_finished()
    }

    /// Whether discarding the rest of it is cheap, as far as its framing shows.
    pub(super) fn is_small(&self) -> bool {
        self.is_small
    }
}

impl<'c> Received<'_, 'c> {
    /// Tells the client to send the body, if it is waiting for that.
    pub(super) fn send_continue(&mut self) -> io::Result<()> {
        if self.content.owes_continue {
            self.content.owes_continue = false;
            self.channel.send([CONTINUE, &[]])?;
        }
        Ok(())
    }

    /// Discards the rest of the body, up to `limit` bytes.
    ///
    /// The buffer for that costs a connection two pages of stack for good, so it is allocated only
    /// where there is something to discard.
    #[inline(never)]
    pub(super) fn discard(self, limit: u64) {
        let _ = io::copy(&mut self.take(limit), &mut io::sink());
    }

    fn unframed(&mut self) -> UnframedBody<'_, Channel<'c>> {
        UnframedBody::new(self.channel, &mut self.content.unread)
    }
}

impl Read for Received<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.send_continue()?;
        self.unframed().read(buffer)
    }
}

impl BodySource for Received<'_, '_> {
    fn is_finished(&self) -> bool {
        self.content.is_read()
    }

    fn wait(&mut self, wait: &Wait<'_>) -> io::Result<Ready> {
        if wait.body {
            self.send_continue()?;
        }
        self.unframed().wait(wait)
    }
}
