//! The time as text, made once a second.

use crate::http::HttpDate;
use crate::sys;

/// Remembers what the current second looks like.
pub(super) struct Clock {
    second: HttpDate,
    date: String,
    log_time: String,
}

impl Clock {
    /// A clock that shows the current second.
    pub(super) fn new() -> Self {
        let second = HttpDate::now();
        Self {
            second,
            date: second.to_string(),
            log_time: sys::log_time(second.as_unix()),
        }
    }

    /// Looks at the time again.
    pub(super) fn tick(&mut self) {
        if HttpDate::now() != self.second {
            *self = Self::new();
        }
    }

    /// The current second.
    pub(super) fn second(&self) -> HttpDate {
        self.second
    }

    /// For the `Date` field.
    pub(super) fn date(&self) -> &str {
        &self.date
    }

    /// For the log.
    pub(super) fn log_time(&self) -> &str {
        &self.log_time
    }
}
