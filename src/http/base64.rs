//! Base64 (RFC 4648 §4), the encoding of Basic credentials.

use smallvec::SmallVec;

/// Decodes Base64 as Python's `binascii.a2b_base64` does: characters outside the alphabet are
/// skipped.
pub(crate) fn decode_base64(encoded: &[u8]) -> Option<SmallVec<[u8; 128]>> {
    if !encoded.is_ascii() {
        return None;
    }
    let mut decoded = SmallVec::new();
    let (mut bits, mut digits, mut padding) = (0_u32, 0_u32, 0_u32);
    for &byte in encoded {
        let digit = DIGITS.get(usize::from(byte)).copied().unwrap_or(NONE);
        if digit == NONE {
            if byte == b'=' && digits >= 2 {
                padding += 1;
                if digits + padding >= 4 {
                    return Some(decoded);
                }
            }
            continue;
        }
        padding = 0;
        bits = bits << 6 | u32::from(digit);
        digits = (digits + 1) % 4;
        // Each of the second, third and fourth digits completes a byte.
        let complete = match digits {
            2 => bits >> 4,
            3 => bits >> 2,
            0 => bits,
            _ => continue,
        };
        let [lowest, ..] = complete.to_le_bytes();
        decoded.push(lowest);
    }
    (digits == 0).then_some(decoded)
}

/// What a byte outside the alphabet stands for.
const NONE: u8 = 64;

/// What each byte stands for. Looking it up is much faster than comparing it.
#[expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "the compiler computes it"
)]
const DIGITS: [u8; 256] = {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut digits = [NONE; 256];
    let mut digit = 0;
    while digit < ALPHABET.len() {
        digits[ALPHABET[digit] as usize] = digit as u8;
        digit += 1;
    }
    digits
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_read_as_python_reads_it() {
        for (encoded, expected) in [
            ("", Some("")),
            ("dXNlcjpwYXNz", Some("user:pass")),
            ("dTpw", Some("u:p")),
            ("dXNlcjpwYQ==", Some("user:pa")),
            ("dXNlcjpwYXM=", Some("user:pas")),
            ("dXNlcjpwYQ==dXNl", Some("user:pa")),
            ("dX-Nlc jpw.YQ==", Some("user:pa")),
            ("dXNlcjpwYQ=", None),
            ("dXNlcjpwYQ", None),
            ("dXNlcjpwY", None),
            ("=", Some("")),
            ("dXNlcjpwYQ=x=", Some("user:pa\x0c")),
        ] {
            assert_eq!(
                decode_base64(encoded.as_bytes()),
                expected.map(|text| SmallVec::from_slice(text.as_bytes())),
                "{encoded}"
            );
        }
    }
}
