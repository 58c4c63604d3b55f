//! The time as text, formatted once a second.

use crate::http::HttpDate;
use crate::sys;
use smallvec::SmallVec;
use std::cell::OnceCell;

/// Short ASCII.
type Text = SmallVec<[u8; 64]>;

/// One moment, to the second, in the forms that a response needs. It is taken once per response, so
/// that everything that states the time agrees.
pub(super) struct Now {
    /// For validators.
    pub(super) second: HttpDate,
    /// The line of the `Date` field, and the end of the line before it.
    pub(super) date_line: Text,
    /// For the log.
    pub(super) log_time: Text,
    /// For the log in another format; filled on first use.
    record_time: OnceCell<String>,
}

impl Now {
    /// The current second.
    pub(super) fn current() -> Self {
        Self::at(HttpDate::now())
    }

    fn at(second: HttpDate) -> Self {
        Self {
            second,
            date_line: Text::from_slice(format!("\r\nDate: {second}\r\n").as_bytes()),
            log_time: Text::from_slice(sys::log_time(second.as_unix()).as_bytes()),
            record_time: OnceCell::new(),
        }
    }

    /// The moment as `format` writes seconds since 1970. The format is always the same.
    pub(super) fn record_time(&self, format: impl FnOnce(i64) -> String) -> &str {
        self.record_time
            .get_or_init(|| format(self.second.as_unix()))
    }
}

/// Remembers what the current second looks like.
///
/// Each thread that serves connections has one on its stack. On the heap it would pin the top of
/// the arena and stop glibc from trimming it.
pub(super) struct Clock {
    now: Now,
}

impl Clock {
    /// A clock that shows the current second.
    pub(super) fn new() -> Self {
        Self {
            now: Now::current(),
        }
    }

    /// The current second.
    pub(super) fn now(&mut self) -> &Now {
        let second = HttpDate::now();
        if second != self.now.second {
            self.now = Now::at(second);
        }
        &self.now
    }

    /// The second that was current when it was last asked for.
    pub(super) fn last(&self) -> &Now {
        &self.now
    }
}
