//! Bodies that flow both ways at once: for responses that are produced from the request's body
//! while both are still in transit.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Read};
use std::os::fd::BorrowedFd;
use std::time::Duration;

/// The content of a response that consumes the request's body while it is sent.
///
/// One thread moves both: it waits for whichever side is ready, so neither has to be held in memory
/// and neither can block the other.
pub(crate) trait Exchange: Send {
    /// Reads as [`Read::read`] does, and moves `request` along in the meantime.
    ///
    /// # Errors
    /// The recipient is gone, or the expected data cannot arrive.
    fn read(&mut self, request: &mut RequestBody<'_>, buffer: &mut [u8]) -> io::Result<usize>;

    /// Ends the exchange once everything that can be sent has been sent. The return value is
    /// logged.
    ///
    /// An exchange that is dropped without this call has failed: nobody waits for its end.
    fn finish(self: Box<Self>) -> Option<Cow<'static, str>>;
}

/// Why an exchange has failed, where only the program behind it is to blame; it is logged.
#[derive(Debug)]
pub(crate) struct ExchangeFailed(pub(crate) Cow<'static, str>);

impl fmt::Display for ExchangeFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ExchangeFailed {}

/// The body of a request: CPython's `rfile`, with the framing removed. The end of the body reads as
/// end of file.
///
/// ```
/// use rhttp::http::RequestBody;
/// use std::io::Read;
///
/// let mut body = RequestBody::from(b"name=value".as_slice());
/// let mut text = String::new();
/// body.read_to_string(&mut text)?;
/// assert_eq!(text, "name=value");
/// assert!(body.is_finished());
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "rfile")]
pub struct RequestBody<'a>(Origin<'a>);

/// Where a body comes from.
enum Origin<'a> {
    Connection(&'a mut dyn BodySource),
    Memory(&'a [u8]),
}

/// A body that a connection receives.
pub(crate) trait BodySource: Read {
    /// Whether it has been read to the end.
    fn is_finished(&self) -> bool;

    /// Waits until part of `wait` is ready, or its time limit is reached.
    ///
    /// # Errors
    /// The client is gone, or has kept the server waiting for too long.
    fn wait(&mut self, wait: &Wait<'_>) -> io::Result<Ready>;
}

impl<'a> RequestBody<'a> {
    /// A body that comes from a connection.
    pub(crate) fn received(source: &'a mut dyn BodySource) -> Self {
        Self(Origin::Connection(source))
    }

    /// The same body, lent out.
    pub(super) fn reborrow(&mut self) -> RequestBody<'_> {
        RequestBody(match &mut self.0 {
            Origin::Connection(source) => Origin::Connection(&mut **source),
            Origin::Memory(bytes) => Origin::Memory(bytes),
        })
    }

    /// Whether it has been read to the end.
    pub fn is_finished(&self) -> bool {
        match &self.0 {
            Origin::Connection(source) => source.is_finished(),
            Origin::Memory(bytes) => bytes.is_empty(),
        }
    }

    /// Waits as [`BodySource::wait`] does. A body in memory never waits: all is ready.
    pub(crate) fn wait(&mut self, wait: &Wait<'_>) -> io::Result<Ready> {
        match &mut self.0 {
            Origin::Connection(source) => source.wait(wait),
            Origin::Memory(_) => Ok(wait.all_ready()),
        }
    }
}

/// No body.
impl Default for RequestBody<'_> {
    fn default() -> Self {
        Self(Origin::Memory(&[]))
    }
}

/// A body in memory, for tests of handlers.
impl<'a> From<&'a [u8]> for RequestBody<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self(Origin::Memory(bytes))
    }
}

impl Read for RequestBody<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            Origin::Connection(source) => source.read(buffer),
            Origin::Memory(bytes) => bytes.read(buffer),
        }
    }
}

/// What to wait for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wait<'a> {
    /// Something can be read from this descriptor, or it has reached its end.
    pub(crate) readable: Option<BorrowedFd<'a>>,
    /// Something can be written to this descriptor, or it has lost its reader.
    pub(crate) writable: Option<BorrowedFd<'a>>,
    /// Some of the body can be read, or it has reached its end.
    pub(crate) body: bool,
    /// This much time has passed.
    pub(crate) limit: Option<Duration>,
}

/// Which parts of a [`Wait`] are ready; none if its time limit has passed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ready {
    /// The descriptor to read from.
    pub(crate) readable: bool,
    /// The descriptor to write to.
    pub(crate) writable: bool,
    /// The body.
    pub(crate) body: bool,
}

impl Wait<'_> {
    /// The result if nothing has to be waited for.
    pub(crate) fn all_ready(&self) -> Ready {
        Ready {
            readable: self.readable.is_some(),
            writable: self.writable.is_some(),
            body: self.body,
        }
    }
}
