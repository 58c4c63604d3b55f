//! Dates in header fields (RFC 9110 §5.6.7).

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The last second that four digits can name: 31 December 9999, 23:59:59.
const LAST: i64 = 253_402_300_799;
/// The first: 1 January of the year 0.
const FIRST: i64 = -62_167_219_200;

/// A moment in whole seconds, as header fields carry it: `Sun, 06 Nov 1994 08:49:37 GMT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[doc(alias = "date_time_string")]
pub struct HttpDate(i64);

impl HttpDate {
    /// The moment `seconds` after (or before) 1970, or `None` outside the years 0 to 9999, which
    /// this format cannot name.
    pub const fn from_unix(seconds: i64) -> Option<Self> {
        if seconds >= FIRST && seconds <= LAST {
            Some(Self(seconds))
        } else {
            None
        }
    }

    /// Seconds since 1970; negative before.
    pub const fn as_unix(self) -> i64 {
        self.0
    }

    /// The current second.
    pub fn now() -> Self {
        let elapsed = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self(i64::try_from(elapsed.as_secs()).map_or(LAST, |seconds| seconds.min(LAST)))
    }

    /// Reads the three formats of RFC 9110 (IMF-fixdate, RFC 850, asctime); `None` for all else.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let time = httpdate::parse_http_date(std::str::from_utf8(text).ok()?.trim()).ok()?;
        let seconds = match time.duration_since(UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_secs()).ok()?,
            Err(before) => -i64::try_from(before.duration().as_secs()).ok()?,
        };
        Self::from_unix(seconds)
    }
}

impl fmt::Display for HttpDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Ok(seconds) = u64::try_from(self.0) {
            httpdate::HttpDate::from(UNIX_EPOCH + Duration::from_secs(seconds)).fmt(f)
        } else {
            // Files from before 1970 exist, and httpdate does not know that time.
            let time = jiff::Timestamp::from_second(self.0).map_err(|_| fmt::Error)?;
            time.strftime("%a, %d %b %Y %H:%M:%S GMT").fmt(f)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_the_years_0_to_9999() {
        for (seconds, expected) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (-1, "Wed, 31 Dec 1969 23:59:59 GMT"),
            (LAST, "Fri, 31 Dec 9999 23:59:59 GMT"),
            (FIRST, "Sat, 01 Jan 0000 00:00:00 GMT"),
        ] {
            let date = HttpDate::from_unix(seconds).map(|date| date.to_string());
            assert_eq!(date.as_deref(), Some(expected));
        }
        for outside in [LAST + 1, FIRST - 1, i64::MAX, i64::MIN] {
            assert_eq!(HttpDate::from_unix(outside), None);
        }
    }

    #[test]
    fn reads_the_three_formats_and_nothing_else() {
        let moment = HttpDate::from_unix(784_111_777);
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(HttpDate::parse(text.as_bytes()), moment, "{text}");
        }
        for text in [
            "",
            "yesterday",
            "Sun, 06 Nov 1994 08:49:37 EST",
            "784111777",
            "\u{e9}",
        ] {
            assert_eq!(HttpDate::parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(HttpDate::parse(b"\xff"), None);
    }
}
