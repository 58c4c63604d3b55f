//! Numbers as text, where `format!` would cost more than all else about them.

/// Appends `number` in decimal.
pub(crate) fn push_decimal(out: &mut impl Extend<u8>, number: u64) {
    push::<10>(out, number);
}

/// Appends `number` in lower-case hexadecimal.
pub(crate) fn push_hexadecimal(out: &mut impl Extend<u8>, number: u64) {
    push::<16>(out, number);
}

/// A base that is known when this is compiled takes no division.
fn push<const BASE: u64>(out: &mut impl Extend<u8>, number: u64) {
    // Room for the largest: 20 digits in decimal.
    let mut digits = [0; 20];
    let mut left = number;
    let mut count = 0;
    for place in digits.iter_mut().rev() {
        let digit = u8::try_from(left % BASE).unwrap_or(0);
        *place = digit + if digit < 10 { b'0' } else { b'a' - 10 };
        left /= BASE;
        count += 1;
        if left == 0 {
            break;
        }
    }
    out.extend(digits.into_iter().skip(digits.len() - count));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_format_writes_them() {
        for number in [0, 1, 9, 10, 15, 16, 99, 100, 1023, 1 << 32, u64::MAX] {
            let (mut decimal, mut hexadecimal) = (Vec::new(), Vec::new());
            push_decimal(&mut decimal, number);
            push_hexadecimal(&mut hexadecimal, number);
            assert_eq!(decimal, format!("{number}").into_bytes());
            assert_eq!(hexadecimal, format!("{number:x}").into_bytes());
        }
    }
}
