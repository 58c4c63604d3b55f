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
    let mut unit = 1024;
    for (name, is_last) in UNITS
        .into_iter()
        .zip([false, false, false, false, false, true])
    {
        let tenths = (u128::from(size) * 10 + unit / 2) / unit;
        if tenths < 10_240 || is_last {
            let tenths = u64::try_from(tenths).unwrap_or(u64::MAX);
            push_grouped(tenths / 10, page);
            page.push(b'.');
            push_decimal(page, tenths % 10);
            page.extend_from_slice(name);
            return;
        }
        unit *= 1024;
    }
}

/// A number with a comma before every three digits.
pub(super) fn push_grouped(number: u64, page: &mut Vec<u8>) {
    if number < 1000 {
        return push_decimal(page, number);
    }
    let mut digits = Vec::with_capacity(20);
    push_decimal(&mut digits, number);
    for (place, digit) in digits.iter().enumerate() {
        let left = digits.len() - place;
        if place > 0 && left % 3 == 0 {
            page.push(b',');
        }
        page.push(*digit);
    }
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
