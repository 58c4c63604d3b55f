//! Bodies that go both ways at once: what a response needs that is made from the request's body
//! while both are under way.

use std::borrow::Cow;
use std::io::{self, Read};
use std::os::fd::BorrowedFd;
use std::time::Duration;

/// The content of a response that uses up the request's body while it is sent.
///
/// One thread moves both: it waits for whichever side can go on, so neither has to be held in
/// memory and neither can block the other.
pub trait Exchange: Send {
    /// Reads as [`Read::read`] does, moving `request` along meanwhile.
    ///
    /// # Errors
    /// There is nobody to send to any more, or what should have come cannot come.
    fn read(&mut self, request: &mut dyn RequestBody, buffer: &mut [u8]) -> io::Result<usize>;

    /// All was sent that can be sent. What it returns is logged.
    ///
    /// Dropped without this, the exchange has failed: nobody waits for it.
    fn finish(self: Box<Self>) -> Option<Cow<'static, str>>;
}

/// The body of a request with its framing taken off: the end of the body reads as the end of a
/// file.
pub trait RequestBody: Read {
    /// Whether all of it was read.
    fn is_finished(&self) -> bool;

    /// Waits until something of `wait` is there, or its limit is reached.
    ///
    /// # Errors
    /// The client is gone, or has kept everybody waiting for too long.
    fn wait(&mut self, wait: &Wait<'_>) -> io::Result<Ready>;
}

/// What to wait for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wait<'a> {
    /// Something can be read from this descriptor, or it has come to its end.
    pub readable: Option<BorrowedFd<'a>>,
    /// Something can be written to this descriptor, or nobody reads it any more.
    pub writable: Option<BorrowedFd<'a>>,
    /// Something of the body can be read, or it has come to its end.
    pub body: bool,
    /// So much time has passed.
    pub limit: Option<Duration>,
}

/// What is there of a [`Wait`]; nothing when its time has passed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ready {
    /// Its descriptor to read from.
    pub readable: bool,
    /// Its descriptor to write to.
    pub writable: bool,
    /// The body.
    pub body: bool,
}

/// No body. It never waits for descriptors: they are all ready.
impl RequestBody for io::Empty {
    fn is_finished(&self) -> bool {
        true
    }

    fn wait(&mut self, wait: &Wait<'_>) -> io::Result<Ready> {
        Ok(all_of(wait))
    }
}

/// A body in memory, for tests of handlers. It never waits for descriptors: they are all ready.
impl RequestBody for &[u8] {
    fn is_finished(&self) -> bool {
        self.is_empty()
    }

    fn wait(&mut self, wait: &Wait<'_>) -> io::Result<Ready> {
        Ok(all_of(wait))
    }
}

fn all_of(wait: &Wait<'_>) -> Ready {
    Ready {
        readable: wait.readable.is_some(),
        writable: wait.writable.is_some(),
        body: wait.body,
    }
}
