//! `Range` (RFC 9110 §14): which bytes of some content a client requests.

use crate::http::{members, parse_saturating};
use smallvec::SmallVec;
use std::ops::Range;

/// The most ranges in one request; a field with more is ignored (§14.2). This bounds the work that
/// a short request can cause, and is more than PDF readers request at a time.
const MAX_RANGES: usize = 200;

/// Ranges with at least one byte each.
type Satisfiable = SmallVec<[Range<u64>; 4]>;

/// What a `Range` field selects from content of a known size.
///
/// ```
/// use rhttp::Selection;
/// assert_eq!(Selection::new(b"bytes=0-99", 1000), Selection::One(0..100));
/// assert_eq!(Selection::new(b"bytes=-100", 1000), Selection::One(900..1000));
/// assert_eq!(Selection::new(b"bytes=0-9,500-", 1000), Selection::Several(vec![0..10, 500..1000]));
/// assert_eq!(Selection::new(b"bytes=1000-", 1000), Selection::Unsatisfiable);
/// assert_eq!(Selection::new(b"pages=1-2", 1000), Selection::Whole);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// Everything: the server does not understand the field, and ignores it.
    Whole,
    /// These bytes, at least one.
    One(Range<u64>),
    /// These bytes, in this order: at least two ranges, none of them empty, no two of which
    /// overlap or touch.
    Several(Vec<Range<u64>>),
    /// Nothing, because no range begins inside the content: 416.
    Unsatisfiable,
}

impl Selection {
    /// Reads the value of a `Range` field for content of `size` bytes.
    ///
    /// Ranges that overlap or touch become one, at the place of the first of them, as §15.3.7.2
    /// allows. So no byte is sent twice, and what is sent is bounded by the content's size.
    pub fn new(value: &[u8], size: u64) -> Self {
        let Some(ranges) = satisfiable(value, size) else {
            return Self::Whole;
        };
        if let [range] = &*ranges {
            return Self::One(range.clone());
        }
        let mut ranges = merged(ranges);
        match ranges.len() {
            0 => Self::Unsatisfiable,
            1 => ranges.pop().map_or(Self::Unsatisfiable, Self::One),
            _ => Self::Several(ranges),
        }
    }
}

/// The ranges of a `ranges-specifier` (§14.1.1) that select something, in order. `None` if the
/// specifier is invalid, not in bytes, or has too many ranges.
fn satisfiable(value: &[u8], size: u64) -> Option<Satisfiable> {
    let (unit, set) = value.split_at_checked(b"bytes=".len())?;
    if !unit.eq_ignore_ascii_case(b"bytes=") {
        return None;
    }
    let specs = members(set);
    let mut count = 0;
    let mut ranges = Satisfiable::new();
    for spec in specs {
        let range = resolve(spec, size)?;
        count += 1;
        if count > MAX_RANGES {
            return None;
        }
        if !range.is_empty() {
            ranges.push(range);
        }
    }
    (count > 0).then_some(ranges)
}

/// One range of content of `size` bytes (§14.1.2), empty if it is not satisfiable. `None` if it is
/// invalid.
fn resolve(spec: &[u8], size: u64) -> Option<Range<u64>> {
    let (first, last) = spec.split_at_checked(memchr::memchr(b'-', spec)?)?;
    let last = last.get(1..)?;
    if first.is_empty() {
        let length = parse_saturating(last)?;
        // A suffix of an empty file is the whole file, which `Content-Range` cannot express.
        return (size > 0 || length == 0).then(|| size.saturating_sub(length)..size);
    }
    let first = parse_saturating(first)?;
    let last = if last.is_empty() {
        u64::MAX
    } else {
        parse_saturating(last)?
    };
    (first <= last).then(|| first.min(size)..last.saturating_add(1).min(size))
}

/// The same bytes in ranges that neither overlap nor touch, each at the place of the first range
/// that was merged into it.
fn merged(ranges: Satisfiable) -> Vec<Range<u64>> {
    let mut sorted: SmallVec<[(usize, Range<u64>); 4]> = ranges.into_iter().enumerate().collect();
    sorted.sort_unstable_by_key(|(_, range)| range.start);
    let mut merged: Vec<(usize, Range<u64>)> = Vec::with_capacity(sorted.len());
    for (place, range) in sorted {
        match merged.last_mut() {
            Some((first, last)) if range.start <= last.end => {
                last.end = last.end.max(range.end);
                *first = place.min(*first);
            }
            _ => merged.push((place, range)),
        }
    }
    merged.sort_unstable_by_key(|&(place, _)| place);
    merged.into_iter().map(|(_, range)| range).collect()
}

#[cfg(test)]
mod tests {
    use super::Selection::{One, Several, Unsatisfiable, Whole};
    use super::*;

    #[test]
    fn a_field_selects_what_rfc_9110_says() {
        const LARGE: u64 = 5 << 30;
        for (value, size, expected) in [
            // §14.1.2: first and last, both included; an open end; a suffix.
            ("bytes=0-0", 10, One(0..1)),
            ("bytes=0-9", 10, One(0..10)),
            ("bytes=2-4", 10, One(2..5)),
            ("bytes=9-9", 10, One(9..10)),
            ("bytes=4-", 10, One(4..10)),
            ("bytes=0-", 10, One(0..10)),
            ("bytes=-1", 10, One(9..10)),
            ("bytes=-10", 10, One(0..10)),
            // Anything beyond the end is cut off.
            ("bytes=5-10", 10, One(5..10)),
            ("bytes=-11", 10, One(0..10)),
            ("bytes=0-18446744073709551615", 10, One(0..10)),
            ("bytes=1-99999999999999999999999", 10, One(1..10)),
            ("bytes=-99999999999999999999999", 10, One(0..10)),
            (
                "bytes=4294967296-4294967297",
                LARGE,
                One(4_294_967_296..4_294_967_298),
            ),
            ("bytes=-1", LARGE, One(LARGE - 1..LARGE)),
            // Entirely beyond the end.
            ("bytes=10-", 10, Unsatisfiable),
            ("bytes=10-20", 10, Unsatisfiable),
            ("bytes=-0", 10, Unsatisfiable),
            ("bytes=-0,10-", 10, Unsatisfiable),
            ("bytes=18446744073709551615-", 10, Unsatisfiable),
            ("bytes=99999999999999999999999-", 10, Unsatisfiable),
            // An empty file.
            ("bytes=0-", 0, Unsatisfiable),
            ("bytes=0-0", 0, Unsatisfiable),
            ("bytes=-0", 0, Unsatisfiable),
            ("bytes=-5", 0, Whole),
            // Several, in the order of the request; those beyond the end are left out.
            ("bytes=0-1,4-5", 10, Several(vec![0..2, 4..6])),
            ("bytes=4-5,0-1", 10, Several(vec![4..6, 0..2])),
            ("bytes=0-1,20-30,-1", 10, Several(vec![0..2, 9..10])),
            ("bytes=0-1,20-30", 10, One(0..2)),
            // Overlapping and adjacent ones become one, at the place of the first.
            ("bytes=0-4,2-6", 10, One(0..7)),
            ("bytes=0-1,2-3", 10, One(0..4)),
            ("bytes=2-3,0-1", 10, One(0..4)),
            ("bytes=0-9,3-4", 10, One(0..10)),
            ("bytes=0-0,0-0,0-0", 10, One(0..1)),
            (
                "bytes=8-9,0-1,4-5,1-2",
                10,
                Several(vec![8..10, 0..3, 4..6]),
            ),
            ("bytes=0-1,-1,7-8", 10, Several(vec![0..2, 7..10])),
            // §14.1: units are compared without regard to case; others are ignored.
            ("BYTES=0-1", 10, One(0..2)),
            ("bytes = 0-1", 10, Whole),
            ("items=0-1", 10, Whole),
            ("byte=0-1", 10, Whole),
            ("bytes", 10, Whole),
            ("bytes 0-1", 10, Whole),
            ("", 10, Whole),
            // §5.6.1: lists with white space and empty members.
            ("bytes=0-1 , 4-5", 10, Several(vec![0..2, 4..6])),
            ("bytes=\t0-1,\t,,4-5,", 10, Several(vec![0..2, 4..6])),
            ("bytes=", 10, Whole),
            ("bytes=,", 10, Whole),
            // §14.1.1: an invalid field is ignored as a whole.
            ("bytes=5-2", 10, Whole),
            ("bytes=0-1,5-2", 10, Whole),
            ("bytes=-", 10, Whole),
            ("bytes=--1", 10, Whole),
            ("bytes=1", 10, Whole),
            ("bytes=1-2-3", 10, Whole),
            ("bytes=0 -1", 10, Whole),
            ("bytes=+0-1", 10, Whole),
            ("bytes=0x0-1", 10, Whole),
            ("bytes=a-b", 10, Whole),
            ("bytes=0-1;4-5", 10, Whole),
            ("bytes=0-1,bytes=4-5", 10, Whole),
            ("bytes=*", 10, Whole),
        ] {
            assert_eq!(
                Selection::new(value.as_bytes(), size),
                expected,
                "{value} of {size}"
            );
        }
    }

    #[test]
    fn more_ranges_than_anybody_needs_are_ignored() {
        let field = |count: u64| {
            let specs: Vec<_> = (0..count).map(|n| format!("{0}-{0}", 2 * n)).collect();
            format!("bytes={}", specs.join(","))
        };
        let selected = Selection::new(field(200).as_bytes(), 1000);
        assert!(matches!(selected, Several(ranges) if ranges.len() == MAX_RANGES));
        assert_eq!(Selection::new(field(201).as_bytes(), 1000), Whole);
        // Ranges that select nothing count as well.
        assert_eq!(Selection::new(field(201).as_bytes(), 2), Whole);
    }
}
