//! Natural order: `file2` sorts before `file10`.

/// Numbers with fewer digits have a marker of their own; all others have the last one, and their
/// length after it.
const LONG: usize = 9;

/// Appends a key of a name in which no letter but those of ASCII is in upper case. Keys that are
/// compared as bytes put names in natural order: case is ignored, numbers are compared by value and
/// sort where ASCII has digits. Names that differ only in leading zeros have the same key.
///
/// A number becomes a digit that tells how many digits follow, and these; so a shorter one is less.
pub(super) fn push_key(name: &[u8], key: &mut Vec<u8>) {
    // A number of one digit becomes two bytes, and no other becomes more than that for each of its.
    let start = key.len();
    key.resize(start + 2 * name.len(), 0);
    let mut places = key.get_mut(start..).unwrap_or_default().iter_mut();
    let mut push = |byte| {
        if let Some(place) = places.next() {
            *place = byte;
        }
    };
    let mut rest = name;
    while let [byte, after @ ..] = rest {
        if !byte.is_ascii_digit() {
            push(byte.to_ascii_lowercase());
            rest = after;
            continue;
        }
        let end = rest.iter().position(|byte| !byte.is_ascii_digit());
        let (digits, after) = rest.split_at(end.unwrap_or(rest.len()));
        let value = without_zeros(digits);
        match u8::try_from(value.len()) {
            Ok(length) if value.len() < LONG => push(b'0' + length),
            _ => {
                push(b'9');
                (value.len() as u64)
                    .to_be_bytes()
                    .into_iter()
                    .for_each(&mut push);
            }
        }
        value.iter().copied().for_each(&mut push);
        rest = after;
    }
    let unused = places.len();
    key.truncate(key.len() - unused);
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
    use std::cmp::Ordering;

    fn compare(a: &[u8], b: &[u8]) -> Ordering {
        let [a_key, b_key] = [a, b].map(|name| {
            let mut key = Vec::new();
            push_key(name, &mut key);
            key
        });
        a_key.cmp(&b_key).then_with(|| a.cmp(b))
    }

    #[test]
    fn numbers_are_compared_by_their_value() {
        let sorted: &[&str] = &[
            "",
            "0",
            "00",
            "1",
            "2",
            "10",
            "99999999",
            "100000000",
            "999999999",
            "1000000000",
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
