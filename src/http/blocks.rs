//! Looks at sixteen bytes of text at a time.

use wide::u8x16;

/// How many bytes are looked at together.
pub(crate) const BLOCK: usize = 16;

/// How many bytes at the beginning of `text` are such that `is` sets their bits.
#[inline]
pub(crate) fn leading(text: &[u8], is: impl Fn(u8x16) -> u8x16) -> usize {
    let marks = |block| is(u8x16::new(block)).to_bitmask();
    let mut rest = text;
    while let Some((block, after)) = rest.split_first_chunk() {
        let found = marks(*block).trailing_ones() as usize;
        if found < BLOCK {
            return text.len() - rest.len() + found;
        }
        rest = after;
    }
    // The last block may overlap the one before it.
    let (last, seen) = match text.last_chunk() {
        Some(last) => (*last, BLOCK - rest.len()),
        None => (padded(text), 0),
    };
    let found = (marks(last) >> seen).trailing_ones() as usize;
    text.len() - rest.len() + found.min(rest.len())
}

/// Whether all bytes of `text` are such that `is` sets their bits.
#[inline]
pub(crate) fn all(text: &[u8], is: impl Fn(u8x16) -> u8x16) -> bool {
    leading(text, is) == text.len()
}

/// Text of less than a block, followed by zeros.
fn padded(text: &[u8]) -> [u8; BLOCK] {
    const HALF: usize = BLOCK / 2;
    let mut block = [0; BLOCK];
    match (text.first_chunk::<HALF>(), text.last_chunk::<HALF>()) {
        // Copies of known sizes are cheap.
        (Some(first), Some(last)) => {
            if let Some(start) = block.get_mut(..HALF) {
                start.copy_from_slice(first);
            }
            if let Some(end) = block.get_mut(text.len() - HALF..text.len()) {
                end.copy_from_slice(last);
            }
        }
        _ => block
            .iter_mut()
            .zip(text)
            .for_each(|(to, from)| *to = *from),
    }
    block
}

/// The bytes that are `from`, `to` or between them.
pub(crate) fn between(from: u8, to: u8, block: u8x16) -> u8x16 {
    let distance = block - u8x16::splat(from);
    distance.min(u8x16::splat(to - from)).simd_eq(distance)
}

/// The bytes that are one of these.
pub(crate) fn one_of<const N: usize>(bytes: [u8; N], block: u8x16) -> u8x16 {
    let equal = |byte| block.simd_eq(u8x16::splat(byte));
    bytes
        .into_iter()
        .map(equal)
        .fold(u8x16::ZERO, |set, of| set | of)
}

/// Letters of ASCII.
pub(crate) fn letters(block: u8x16) -> u8x16 {
    // This bit makes them lower-case.
    between(b'a', b'z', block | u8x16::splat(0x20))
}

/// Visible ASCII and spaces.
pub(crate) fn printable(block: u8x16) -> u8x16 {
    between(b' ', b'~', block)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_counted_up_to_the_first_other_one() {
        for length in [0, 1, 15, 16, 17, 40] {
            for place in 0..length {
                for byte in 0..=255 {
                    let mut text = vec![b'~'; length];
                    text[place] = byte;
                    let expected = if (b' '..=b'~').contains(&byte) {
                        length
                    } else {
                        place
                    };
                    assert_eq!(leading(&text, printable), expected, "{byte} at {place}");
                }
            }
        }
        let any = |block| between(0, 255, block);
        assert_eq!(leading(&[0; 20], any), 20);
        assert_eq!(leading(&[], any), 0);
        let named = |block| one_of(*b"abz", block);
        assert!(all(b"", named) && all(b"abzzzzzzzzzzzzzzzzzba", named));
        assert!(!all(b"abc", named) && !all(b"abzzzzzzzzzzzzzzzzzc", named));
    }
}
