//! Times in the formats of ISO 8601 and RFC 3339.

use crate::sys;
use jiff::civil::DateTime;

/// The seconds since 1970 whose years have four digits in every time zone but for the last day.
const NAMED: std::ops::RangeInclusive<i64> = -62_167_219_200..=253_402_214_400;

/// A local time, for people and for programs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    local: DateTime,
    /// Seconds east of Greenwich.
    offset: i32,
}

impl Moment {
    /// The local time `seconds` after 1970, unless its year does not fit into four digits.
    pub(super) fn local(seconds: i64) -> Option<Self> {
        let (local, offset) = sys::local_time(seconds).filter(|_| NAMED.contains(&seconds))?;
        Some(Self { local, offset })
    }

    /// The same in UTC.
    pub(super) fn universal(seconds: i64) -> Option<Self> {
        let time = sys::universal_time(seconds).filter(|_| NAMED.contains(&seconds))?;
        Some(Self {
            local: time,
            offset: 0,
        })
    }

    /// `2026-11-22 07:21`
    pub(super) fn push_minute(self, text: &mut Vec<u8>) {
        self.push_date(text);
        text.push(b' ');
        self.push_hour_and_minute(text);
    }

    /// `2026-11-22T07:21:00+01:00`, or with `Z` in UTC.
    pub(super) fn push_rfc_3339(self, text: &mut Vec<u8>) {
        self.push_date(text);
        text.push(b'T');
        self.push_hour_and_minute(text);
        text.push(b':');
        push_two(text, self.local.second().unsigned_abs().into());
        if self.offset == 0 {
            text.push(b'Z');
            return;
        }
        text.push(if self.offset < 0 { b'-' } else { b'+' });
        let minutes = u64::from(self.offset.unsigned_abs() / 60);
        push_two(text, minutes / 60);
        text.push(b':');
        push_two(text, minutes % 60);
    }

    fn push_date(self, text: &mut Vec<u8>) {
        let year: u64 = self.local.year().unsigned_abs().into();
        push_two(text, year / 100);
        push_two(text, year % 100);
        text.push(b'-');
        push_two(text, self.local.month().unsigned_abs().into());
        text.push(b'-');
        push_two(text, self.local.day().unsigned_abs().into());
    }

    fn push_hour_and_minute(self, text: &mut Vec<u8>) {
        push_two(text, self.local.hour().unsigned_abs().into());
        text.push(b':');
        push_two(text, self.local.minute().unsigned_abs().into());
    }
}

fn push_two(text: &mut Vec<u8>, number: u64) {
    let digit = |number: u64| b'0' + u8::try_from(number % 10).unwrap_or(0);
    text.extend_from_slice(&[digit(number / 10), digit(number)]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_the_standards_say() {
        for (seconds, offset, minute, rfc_3339) in [
            (0, 0, "1970-01-01 00:00", "1970-01-01T00:00:00Z"),
            (
                1_795_332_065,
                3600,
                "2026-11-22 08:21",
                "2026-11-22T08:21:05+01:00",
            ),
            (
                1_795_332_065,
                -12_600,
                "2026-11-22 03:51",
                "2026-11-22T03:51:05-03:30",
            ),
            (
                -62_167_219_200,
                0,
                "0000-01-01 00:00",
                "0000-01-01T00:00:00Z",
            ),
        ] {
            let moment = Moment::universal(seconds + i64::from(offset));
            let moment = moment.map(|moment| Moment { offset, ..moment });
            let moment = moment.expect("four digits name it");
            let (mut text, mut exact) = (Vec::new(), Vec::new());
            moment.push_minute(&mut text);
            moment.push_rfc_3339(&mut exact);
            assert_eq!(String::from_utf8_lossy(&text), minute);
            assert_eq!(String::from_utf8_lossy(&exact), rfc_3339);
        }
        for far in [i64::MIN, i64::MAX, -62_167_219_201, 253_402_300_800] {
            assert!(Moment::universal(far).is_none(), "{far}");
            assert!(Moment::local(far).is_none(), "{far}");
        }
    }
}
