//! Serves nothing without a password: `--auth-file` (RFC 7617).

use super::passwords::{Busy, Passwords};
use crate::handler::{Answered, Handler, Log};
use crate::http::{FieldLines, HttpError, Request, Response, StatusCode, decode_base64, header};
use smallvec::SmallVec;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Makes a browser ask for a password, and names the encoding in which to send it.
const CHALLENGE: &str = "Basic realm=\"rhttp\", charset=\"UTF-8\"";

/// Requires a password before another handler decides anything.
///
/// A client without one learns nothing about what is there: every path and method is answered with
/// 401. Only what the connection itself refuses (400, 431, 503) comes before that. The inner
/// handler gets the user from [`Request::user`].
///
/// Passwords are sent in the clear unless the connection is encrypted.
///
/// ```no_run
/// use rhttp::{Authentication, FileHandler, Passwords};
///
/// let passwords = Passwords::open("/etc/rhttp/passwords")?;
/// let files = Authentication::new(FileHandler::new("/srv/www"), passwords);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Authentication<H> {
    inner: H,
    passwords: Passwords,
    /// Why the passwords could not be renewed, until that is logged.
    failure: Mutex<Option<io::Error>>,
    has_failure: AtomicBool,
}

impl<H> Authentication<H> {
    /// Answers as `inner` does to clients that send one of these passwords.
    pub fn new(inner: H, passwords: Passwords) -> Self {
        Self {
            inner,
            passwords,
            failure: Mutex::default(),
            has_failure: AtomicBool::new(false),
        }
    }

    fn failure(&self) -> MutexGuard<'_, Option<io::Error>> {
        // Nothing panics while the lock is held.
        self.failure.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The user who has sent a request, if the credentials are correct.
    fn check(&self, fields: FieldLines<'_>) -> Result<Arc<str>, HttpError> {
        let mut lines = fields.get_all(header::AUTHORIZATION);
        let (line, None) = (lines.next(), lines.next()) else {
            return Err(HttpError::new(StatusCode::BAD_REQUEST));
        };
        let encoded = line.and_then(basic).ok_or_else(unauthorized)?;
        if let Some(user) = self.passwords.user_of(encoded) {
            return Ok(user);
        }
        let decoded = Credentials::decode(encoded).ok_or_else(unauthorized)?;
        let (user, password) = (decoded.user(), decoded.password());
        let verified = self.passwords.verify(encoded, user, password);
        // Not a 503: no memory that others hold would help.
        let busy = |Busy| {
            let error = HttpError::new(StatusCode::TOO_MANY_REQUESTS);
            error.with_header(header::RETRY_AFTER, 1)
        };
        verified.map_err(busy)?.ok_or_else(unauthorized)
    }
}

impl<H: Handler> Handler for Authentication<H> {
    fn handle(&self, request: &mut Request<'_>) -> Result<Response, HttpError> {
        if let Some(error) = self.passwords.renew() {
            *self.failure() = Some(error);
            self.has_failure.store(true, Ordering::Release);
        }
        let user = self.check(request.headers())?;
        let mut request = request.with_user(&user);
        // The inner handler is asked only now: before, its decision would have revealed something.
        self.inner.expect_continue(&request)?;
        self.inner.handle(&mut request)
    }

    fn expect_continue(&self, _: &Request<'_>) -> Result<(), HttpError> {
        Ok(())
    }

    fn log_request(&self, log: &dyn Log, answered: &Answered<'_>) {
        // A lock for each request would be one that all of them take.
        if self.has_failure.load(Ordering::Relaxed)
            && self.has_failure.swap(false, Ordering::Acquire)
            && let Some(error) = self.failure().take()
        {
            self.log_message(log, format_args!("{error}").into());
        }
        self.inner.log_request(log, answered);
    }

    forward_hooks!(self => self.inner; server_version, error_response, amend, log_error,
        log_message);
}

fn unauthorized() -> HttpError {
    HttpError::new(StatusCode::UNAUTHORIZED).with_header(header::WWW_AUTHENTICATE, CHALLENGE)
}

/// What is encoded in the value of an `Authorization` field of the scheme `Basic`.
fn basic(value: &[u8]) -> Option<&[u8]> {
    let value = value.trim_ascii();
    let space = value.iter().position(|&byte| byte == b' ')?;
    let (scheme, encoded) = value.split_at_checked(space)?;
    scheme
        .eq_ignore_ascii_case(b"basic")
        .then(|| encoded.trim_ascii())
}

/// The user and password of Basic credentials (RFC 7617 §2): text with a colon in it.
struct Credentials {
    text: SmallVec<[u8; 128]>,
    colon: usize,
}

impl Credentials {
    fn decode(encoded: &[u8]) -> Option<Self> {
        let text = decode_base64(encoded)?;
        let colon = text.iter().position(|&byte| byte == b':')?;
        let is_user_text = std::str::from_utf8(text.get(..colon)?).is_ok();
        let is_valid = is_user_text && !text.iter().any(u8::is_ascii_control);
        is_valid.then_some(Self { text, colon })
    }

    fn user(&self) -> &str {
        let user = self.text.get(..self.colon).unwrap_or_default();
        std::str::from_utf8(user).unwrap_or_default()
    }

    fn password(&self) -> &[u8] {
        self.text.get(self.colon + 1..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_a_user_and_a_password() {
        for (value, expected) in [
            ("Basic dTpw", Some(("u", "p"))),
            ("bAsIc   dTpw ", Some(("u", "p"))),
            // u:p:q
            ("Basic dTpwOnE=", Some(("u", "p:q"))),
            // u: and :p
            ("Basic dTo=", Some(("u", ""))),
            ("Basic OnA=", Some(("", "p"))),
            // \u{e9}:\u{e9}
            ("Basic w6k6w6k=", Some(("\u{e9}", "\u{e9}"))),
            // u, without a colon
            ("Basic dQ==", None),
            // u:p\n
            ("Basic dTpwCg==", None),
            // A user that is not UTF-8
            ("Basic 6TpwOnA=", None),
            ("Bearer dTpw", None),
            ("Basic", None),
            ("Basic !", None),
            ("", None),
        ] {
            let found = basic(value.as_bytes()).and_then(Credentials::decode);
            let found = found.as_ref().map(|found| (found.user(), found.password()));
            let expected =
                expected.map(|(user, password): (&str, &str)| (user, password.as_bytes()));
            assert_eq!(found, expected, "{value}");
        }
    }
}
