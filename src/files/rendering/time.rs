//! Times in the formats of ISO 8601 and RFC 3339.

use crate::http::two_digits;
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

    /// `2026-11-22T07:21:00+01:00`, or with `Z` in UTC.
    pub(super) fn to_rfc_3339(self) -> Rfc3339 {
        let Self { local, offset } = self;
        let year = local.year().unsigned_abs();
        let minutes = offset.unsigned_abs() / 60;
        let [[y1, y2], [y3, y4]] = [year / 100, year % 100].map(two_digits);
        let [[m1, m2], [d1, d2]] = [local.month(), local.day()].map(two_digits);
        let [[h1, h2], [n1, n2], [s1, s2]] =
            [local.hour(), local.minute(), local.second()].map(two_digits);
        let (sign, length) = match offset {
            0 => (b'Z', 20),
            ..0 => (b'-', 25),
            _ => (b'+', 25),
        };
        let [[o1, o2], [p1, p2]] = [minutes / 60, minutes % 60].map(two_digits);
        Rfc3339 {
            text: [
                y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T', h1, h2, b':', n1, n2, b':', s1,
                s2, sign, o1, o2, b':', p1, p2,
            ],
            length,
        }
    }
}

/// A time as RFC 3339 writes it.
pub(super) struct Rfc3339 {
    text: [u8; 25],
    length: usize,
}

impl Rfc3339 {
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.text.get(..self.length).unwrap_or_default()
    }

    /// `2026-11-22 07:21`
    pub(super) fn minute(&self) -> [u8; 16] {
        let mut minute = [b' '; 16];
        for (byte, of_text) in minute.iter_mut().zip(self.text) {
            if of_text != b'T' {
                *byte = of_text;
            }
        }
        minute
    }
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
            let text = moment.to_rfc_3339();
            assert_eq!(String::from_utf8_lossy(&text.minute()), minute);
            assert_eq!(String::from_utf8_lossy(text.as_bytes()), rfc_3339);
        }
        for far in [i64::MIN, i64::MAX, -62_167_219_201, 253_402_300_800] {
            assert!(Moment::universal(far).is_none(), "{far}");
            assert!(Moment::local(far).is_none(), "{far}");
        }
    }
}
