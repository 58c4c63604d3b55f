//! The time as text, made once a second.

use crate::http::HttpDate;
use crate::sys;
use smallvec::SmallVec;

/// Remembers what the current second looks like.
///
/// A thread that waits for connections keeps it. In the heap, it would lie behind what the last
/// connection has freed, and keep that from going back to the system.
pub(super) struct Clock {
    second: HttpDate,
    date: Text,
    log_time: Text,
}

/// Short ASCII.
type Text = SmallVec<[u8; 32]>;

impl Clock {
    /// A clock that shows the current second.
    pub(super) fn new() -> Self {
        let second = HttpDate::now();
        Self {
            second,
            date: Text::from_slice(second.to_string().as_bytes()),
            log_time: Text::from_slice(sys::log_time(second.as_unix()).as_bytes()),
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
    pub(super) fn date(&self) -> &[u8] {
        &self.date
    }

    /// For the log.
    pub(super) fn log_time(&self) -> &[u8] {
        &self.log_time
    }
}
