//! Dates in header fields (RFC 9110 §5.6.7).

use super::two_digits;
use jiff::SignedDuration;
use jiff::civil::DateTime;
use nix::time::{ClockId, clock_gettime};
use smallvec::SmallVec;
use std::fmt;

/// The last second whose year has four digits: 31 December 9999, 23:59:59.
const LAST: i64 = 253_402_300_799;
/// The first such second: 1 January of the year 0.
const FIRST: i64 = -62_167_219_200;

/// It advances with the system's timer, every few milliseconds, as the times of most files do, and
/// costs less than the standard library's.
#[cfg(target_os = "linux")]
const CLOCK: ClockId = ClockId::CLOCK_REALTIME_COARSE;
#[cfg(not(target_os = "linux"))]
const CLOCK: ClockId = ClockId::CLOCK_REALTIME;

/// A moment in whole seconds, as header fields carry it: `Sun, 06 Nov 1994 08:49:37 GMT`.
///
/// ```
/// use rhttp::http::HttpDate;
///
/// let date = HttpDate::parse(b"Sun, 06 Nov 1994 08:49:37 GMT").expect("it is a date");
/// assert_eq!(date.as_unix(), 784_111_777);
/// assert_eq!(HttpDate::parse(b"Sunday, 06-Nov-94 08:49:37 GMT"), Some(date));
/// assert!(date < HttpDate::now());
///
/// let epoch = HttpDate::from_unix(0).expect("a year with four digits");
/// assert_eq!(epoch.to_string(), "Thu, 01 Jan 1970 00:00:00 GMT");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[doc(alias = "date_time_string")]
pub struct HttpDate(i64);

impl HttpDate {
    /// The moment `seconds` after (or before) 1970, or `None` outside the years 0 to 9999, which
    /// this format cannot express.
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

    /// The current second. On Linux it may be a few milliseconds late, as the times of most files
    /// are.
    pub fn now() -> Self {
        // By a more precise clock than the one for `Date`, a file could be later than its response.
        // The clock is always there.
        let second = clock_gettime(CLOCK).map_or(0, |time| time.tv_sec());
        Self(second.clamp(FIRST, LAST))
    }

    /// What [`Display`](fmt::Display) writes, without the machinery of formatting, which alone takes
    /// 1,400 instructions.
    pub(crate) fn to_text(self) -> [u8; 29] {
        // Not jiff's `Timestamp`, which ends a day before the year 9999 does.
        let time = EPOCH.checked_add(SignedDuration::from_secs(self.0));
        let time = time.unwrap_or(EPOCH);
        let weekday = usize::try_from(time.weekday().to_monday_zero_offset()).unwrap_or(0);
        let month = usize::try_from(time.month() - 1).unwrap_or(0);
        let day_name = WEEKDAYS
            .get(weekday)
            .and_then(|name| name.as_bytes().first_chunk());
        let month_name = MONTHS
            .get(month)
            .and_then(|name| name.as_bytes().first_chunk());
        let &[w1, w2, w3] = day_name.unwrap_or(b"Mon");
        let &[m1, m2, m3] = month_name.unwrap_or(b"Jan");
        let year = time.year().unsigned_abs();
        let [[y1, y2], [y3, y4]] = [year / 100, year % 100].map(two_digits);
        let [[d1, d2], [h1, h2], [n1, n2], [s1, s2]] =
            [time.day(), time.hour(), time.minute(), time.second()].map(two_digits);
        [
            w1, w2, w3, b',', b' ', d1, d2, b' ', m1, m2, m3, b' ', y1, y2, y3, y4, b' ', h1, h2,
            b':', n1, n2, b':', s1, s2, b' ', b'G', b'M', b'T',
        ]
    }

    /// Reads the three formats of RFC 9110 (IMF-fixdate, RFC 850, asctime); `None` for anything
    /// else.
    ///
    /// As in CPython, the day of the week need not be correct, and two-digit years from 69 on
    /// belong to the last century.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?.trim_matches([' ', '\t']);
        let parts: SmallVec<[&str; 8]> = text.split(' ').collect();
        let (year, month, day, time) = match *parts.as_slice() {
            // Sun, 06 Nov 1994 08:49:37 GMT
            [weekday, day, month, year, time, "GMT"] => {
                is_weekday(weekday.strip_suffix(',')?, Some(3))?;
                (digits(year, 4)?, month, digits(day, 2)?, time)
            }
            // Sunday, 06-Nov-94 08:49:37 GMT
            [weekday, date, time, "GMT"] => {
                is_weekday(weekday.strip_suffix(',')?, None)?;
                let (day, rest) = date.split_once('-')?;
                let (month, year) = rest.split_once('-')?;
                let year = digits(year, 2)?;
                let century = if year > 68 { 1900 } else { 2000 };
                (century + year, month, digits(day, 2)?, time)
            }
            // Sun Nov  6 08:49:37 1994
            [weekday, month, "", day, time, year] => {
                is_weekday(weekday, Some(3))?;
                (digits(year, 4)?, month, digits(day, 1)?, time)
            }
            [weekday, month, day, time, year] => {
                is_weekday(weekday, Some(3))?;
                (digits(year, 4)?, month, digits(day, 2)?, time)
            }
            _ => return None,
        };
        let month = MONTHS
            .iter()
            .zip(1..)
            .find_map(|(&name, number)| (name == month).then_some(number))?;
        let (hour, rest) = time.split_once(':')?;
        let (minute, second) = rest.split_once(':')?;
        let small = |text| digits(text, 2).and_then(|number| i8::try_from(number).ok());
        let moment = DateTime::new(
            year,
            month,
            i8::try_from(day).ok()?,
            small(hour)?,
            small(minute)?,
            small(second)?,
            0,
        );
        Self::from_unix(moment.ok()?.duration_since(EPOCH).as_secs())
    }
}

const EPOCH: DateTime = jiff::civil::datetime(1970, 1, 1, 0, 0, 0, 0);
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
const WEEKDAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];

/// Whether `name` is a day of the week, cut to `length` letters.
fn is_weekday(name: &str, length: Option<usize>) -> Option<()> {
    WEEKDAYS
        .iter()
        .any(|day| day.get(..length.unwrap_or(day.len())) == Some(name))
        .then_some(())
}

/// A number of exactly `count` digits.
fn digits(text: &str, count: usize) -> Option<i16> {
    let is_number = text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok())?
}

impl fmt::Display for HttpDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(str::from_utf8(&self.to_text()).unwrap_or_default())
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
        // Steps that are no whole number of days, weeks, months or centuries.
        for seconds in (FIRST..LAST).step_by(7_919 * 8_640 + 61) {
            let time = EPOCH.checked_add(SignedDuration::from_secs(seconds));
            let time = time.expect("it has a name");
            let expected = time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
            assert_eq!(HttpDate(seconds).to_string(), expected);
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
            "Mon, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            " Sun, 06 Nov 1994 08:49:37 GMT ",
        ] {
            assert_eq!(HttpDate::parse(text.as_bytes()), moment, "{text}");
        }
        for (text, seconds) in [
            ("Wed, 31 Dec 1969 23:59:59 GMT", -1),
            ("Wednesday, 31-Dec-69 23:59:59 GMT", -1),
            ("Sunday, 01-Jan-68 00:00:00 GMT", 3_092_601_600),
            ("Wed Nov 16 08:49:37 1994", 784_111_777 + 10 * 86_400),
            ("Fri, 31 Dec 9999 23:59:59 GMT", LAST),
        ] {
            assert_eq!(
                HttpDate::parse(text.as_bytes()),
                HttpDate::from_unix(seconds),
                "{text}"
            );
        }
        for text in [
            "",
            "yesterday",
            "784111777",
            "\u{e9}",
            "Sun, 06 Nov 1994 08:49:37 EST",
            "Sun, 06 Nov 1994 08:49:37",
            "sun, 06 nov 1994 08:49:37 gmt",
            "Day, 06 Nov 1994 08:49:37 GMT",
            "Sun, 6 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 8:49:37 GMT",
            "Sun, 06 Nov 1994 08:49 GMT",
            "Sun, 06 Nov 1994 08:49:60 GMT",
            "Sun, 06 Nov 1994 24:49:37 GMT",
            "Sun, 31 Nov 1994 08:49:37 GMT",
            "Sun, 06 Foo 1994 08:49:37 GMT",
            "Sun, 06 Nov 19940 08:49:37 GMT",
            "Sun, 06 Nov 1994 +8:49:37 GMT",
        ] {
            assert_eq!(HttpDate::parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(HttpDate::parse(b"\xff"), None);
    }
}
