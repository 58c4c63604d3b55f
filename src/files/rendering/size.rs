//! Byte counts, for people.

use crate::http::push_decimal;

/// `0 B`, `1.5 KiB`, `1,023.9 PiB`
pub(super) fn push_size(size: u64, page: &mut Vec<u8>) {
    const UNITS: [&[u8]; 6] = [b" KiB", b" MiB", b" GiB", b" TiB", b" PiB", b" EiB"];
    if size < 1024 {
        push_decimal(page, size);
        page.extend_from_slice(b" B");
        return;
    }
    let (mut unit, mut shift) = (0, 10);
    let mut number = tenths(size, shift);
    // In the last unit every size is less than this.
    while number >= 10_240 {
        unit += 1;
        shift += 10;
        number = tenths(size, shift);
    }
    push_grouped(number / 10, page);
    page.extend_from_slice(&[b'.', digit(number)]);
    page.extend_from_slice(UNITS.get(unit).copied().unwrap_or_default());
}

/// A number of tenths of 2^`shift` bytes, rounded.
fn tenths(size: u64, shift: u32) -> u64 {
    let tenths = (u128::from(size) * 10 + (1 << (shift - 1))) >> shift;
    u64::try_from(tenths).unwrap_or(u64::MAX)
}

/// A number with a comma before every three digits.
pub(super) fn push_grouped(number: u64, page: &mut Vec<u8>) {
    if number < 1000 {
        return push_decimal(page, number);
    }
    push_grouped(number / 1000, page);
    let [hundreds, tens, ones] = [number / 100, number / 10, number].map(digit);
    page.extend_from_slice(&[b',', hundreds, tens, ones]);
}

/// The last digit of a number.
fn digit(number: u64) -> u8 {
    b'0' + u8::try_from(number % 10).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_in_binary_units() {
        for (size, expected) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (1_048_524, "1,023.9 KiB"),
            (1_048_525, "1.0 MiB"),
            (5 << 30, "5.0 GiB"),
            (u64::MAX, "16.0 EiB"),
        ] {
            let mut text = Vec::new();
            push_size(size, &mut text);
            assert_eq!(String::from_utf8_lossy(&text), expected);
        }
    }

    #[test]
    fn long_numbers_are_grouped() {
        for (number, expected) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (18_446_744_073_709_551_615, "18,446,744,073,709,551,615"),
        ] {
            let mut text = Vec::new();
            push_grouped(number, &mut text);
            assert_eq!(String::from_utf8_lossy(&text), expected);
        }
    }
}
