//! Natural order: `file2` sorts before `file10`.

use std::cmp::Ordering;

/// Compares two names, with numbers in them compared by value. Digits sort where ASCII has them.
/// Names that differ only in leading zeros are compared as bytes.
pub(super) fn compare(a: &[u8], b: &[u8]) -> Ordering {
    let (mut left, mut right) = (a, b);
    loop {
        let common = common_prefix(left, right);
        // A number that begins in the common prefix may end differently.
        let digits = digits_at_end(left.get(..common).unwrap_or_default());
        let start = common - digits;
        let (number, left_rest) = split_number(left.get(start..).unwrap_or_default());
        let (other, right_rest) = split_number(right.get(start..).unwrap_or_default());
        if number.is_empty() || other.is_empty() {
            let order = left.get(common..).cmp(&right.get(common..));
            return order.then_with(|| a.cmp(b));
        }
        let (value, other) = (without_zeros(number), without_zeros(other));
        let order = value.len().cmp(&other.len()).then_with(|| value.cmp(other));
        if order.is_ne() {
            return order;
        }
        (left, right) = (left_rest, right_rest);
    }
}

fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

fn digits_at_end(text: &[u8]) -> usize {
    let is_digit = |byte: &&u8| byte.is_ascii_digit();
    text.iter().rev().take_while(is_digit).count()
}

/// The digits at the start, and what follows them.
fn split_number(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| !byte.is_ascii_digit());
    text.split_at(end.unwrap_or(text.len()))
}

fn without_zeros(mut digits: &[u8]) -> &[u8] {
    while let [b'0', rest @ ..] = digits {
        digits = rest;
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_compared_by_their_value() {
        let sorted: &[&str] = &[
            "",
            "0",
            "00",
            "1",
            "2",
            "10",
            "18446744073709551616",
            "a",
            "a-1",
            "a1",
            "a1-2",
            "a01-10",
            "a01b",
            "a1b",
            "a2",
            "a10",
            "a10b2",
            "a10b10",
            "a100",
            "ab",
            "v1.2.3",
            "v1.2.10",
            "v1.10",
        ];
        for (place, a) in sorted.iter().enumerate() {
            for (other, b) in sorted.iter().enumerate() {
                let found = compare(a.as_bytes(), b.as_bytes());
                assert_eq!(found, place.cmp(&other), "{a} {b}");
            }
        }
    }

    proptest! {
        #[test]
        fn it_is_an_order(a in "[01a-]{0,6}", b in "[01a-]{0,6}", c in "[01a-]{0,6}") {
            let [a, b, c] = [&a, &b, &c].map(String::as_bytes);
            prop_assert_eq!(compare(a, b), compare(b, a).reverse());
            prop_assert_eq!(compare(a, b).is_eq(), a == b);
            if compare(a, b).is_le() && compare(b, c).is_le() {
                prop_assert!(compare(a, c).is_le());
            }
        }
    }
}
