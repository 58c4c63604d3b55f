//! Numbers to text and back, where `format!` would cost more than the rest of the work.

use smallvec::{Array, SmallVec};

/// The digits of a number.
struct Digits {
    /// Room for the largest: 20 digits in decimal.
    bytes: [u8; 20],
    start: usize,
}

/// Appends `number` in decimal.
pub(crate) fn push_decimal(out: &mut impl PushSlice, number: u64) {
    out.push_slice(Digits::of::<10>(number).as_bytes());
}

/// Appends `number` in lower-case hexadecimal.
pub(crate) fn push_hexadecimal(out: &mut impl PushSlice, number: u64) {
    out.push_slice(Digits::of::<16>(number).as_bytes());
}

/// 1*DIGIT; a number too large for its type becomes the type's maximum.
pub(crate) fn parse_saturating(digits: &[u8]) -> Option<u64> {
    fold(digits, |number, digit| {
        Some(number.saturating_mul(10).saturating_add(digit))
    })
}

/// 1*DIGIT that fits.
pub(crate) fn parse_decimal(digits: &[u8]) -> Option<u64> {
    fold(digits, |number, digit| {
        number.checked_mul(10)?.checked_add(digit)
    })
}

fn fold(digits: &[u8], add: impl Fn(u64, u64) -> Option<u64>) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        add(number, digit)
    })
}

/// The two digits of a number below 100. Looking them up takes a third of what dividing takes.
pub(crate) fn two_digits(number: impl TryInto<usize>) -> [u8; 2] {
    let number = number.try_into().unwrap_or(0);
    DIGITS.get(number).copied().unwrap_or(*b"00")
}

#[expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "the compiler computes it"
)]
const DIGITS: [[u8; 2]; 100] = {
    let mut digits = [[0; 2]; 100];
    let mut number = 0;
    while number < digits.len() {
        digits[number] = [b'0' + number as u8 / 10, b'0' + number as u8 % 10];
        number += 1;
    }
    digits
};

/// A buffer to which bytes can be appended.
pub(crate) trait PushSlice {
    fn push_slice(&mut self, bytes: &[u8]);
}

impl PushSlice for Vec<u8> {
    fn push_slice(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

impl<A: Array<Item = u8>> PushSlice for SmallVec<A> {
    fn push_slice(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

impl Digits {
    /// With a base known at compile time, no division is needed.
    fn of<const BASE: u64>(number: u64) -> Self {
        let mut bytes = [0; 20];
        let mut start = bytes.len();
        let mut left = number;
        for place in bytes.iter_mut().rev() {
            let digit = u8::try_from(left % BASE).unwrap_or(0);
            *place = digit + if digit < 10 { b'0' } else { b'a' - 10 };
            left /= BASE;
            start -= 1;
            if left == 0 {
                break;
            }
        }
        Self { bytes, start }
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_that_are_digits_alone() {
        const MOST: u64 = u64::MAX;
        for (digits, exact, saturated) in [
            ("0", Some(0), Some(0)),
            ("007", Some(7), Some(7)),
            ("18446744073709551615", Some(MOST), Some(MOST)),
            ("18446744073709551616", None, Some(MOST)),
            ("99999999999999999999999", None, Some(MOST)),
            ("", None, None),
            ("+1", None, None),
            ("-1", None, None),
            ("1 ", None, None),
            ("0x1", None, None),
        ] {
            assert_eq!(parse_decimal(digits.as_bytes()), exact, "{digits:?}");
            assert_eq!(parse_saturating(digits.as_bytes()), saturated, "{digits:?}");
        }
    }

    #[test]
    fn numbers_are_written_as_format_writes_them() {
        for number in [0, 1, 9, 10, 15, 16, 99, 100, 1023, 1 << 32, u64::MAX] {
            let (mut decimal, mut hexadecimal) = (Vec::new(), Vec::new());
            push_decimal(&mut decimal, number);
            push_hexadecimal(&mut hexadecimal, number);
            assert_eq!(decimal, format!("{number}").into_bytes());
            assert_eq!(hexadecimal, format!("{number:x}").into_bytes());
        }
        for number in 0..100 {
            assert_eq!(
                two_digits(number).as_slice(),
                format!("{number:02}").as_bytes()
            );
        }
    }
}
