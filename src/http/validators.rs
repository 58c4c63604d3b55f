//! Validators: what distinguishes one state of some content from another (RFC 9110 §8.8).

use super::representation::FileState;
use super::{Coding, HeaderValue, HttpDate, push_hexadecimal};
use smallvec::SmallVec;
use std::fs::Metadata;

/// Seconds for which a file must have been left alone before its metadata proves that nothing has
/// changed since. No file system in use has a clock coarser than FAT's.
const SETTLED_AFTER: i64 = 2;

/// What distinguishes one state of some content from another (§8.8): an entity tag and a date.
///
/// A file's tag is made from its size and its modification time, to the nanosecond, and from
/// nothing that differs from one machine to the next: copies of a tree behind one load balancer
/// have the same tags.
///
/// A file that was written or replaced within the last two seconds might change again without a
/// trace in either, so it has no tag yet, and its date proves nothing. Thus a tag never changes
/// while the file stays the same, and never stays the same when the file changes. A recent write
/// also shows in the file's `ctime`, which nobody can set back; a `ctime` in the future, after the
/// clock was set back, counts as recent.
///
/// ```
/// use rhttp::{Validators, http::HttpDate};
///
/// let now = HttpDate::now();
/// let file = tempfile::NamedTempFile::new()?;
/// let fresh = Validators::of_file(&file.as_file().metadata()?, now);
/// assert_eq!(fresh.etag(), None);
///
/// let later = HttpDate::from_unix(now.as_unix() + 10).expect("a year with four digits");
/// let settled = Validators::of_file(&file.as_file().metadata()?, later);
/// assert!(settled.etag().is_some_and(|etag| etag.as_bytes().starts_with(b"\"0-")));
///
/// // Of content that a handler generates itself, from a database for example.
/// let row = Validators::default().with_etag(b"\"version-7\"").with_modified(784_111_777, now);
/// assert_eq!(row.last_modified(), HttpDate::parse(b"Sun, 06 Nov 1994 08:49:37 GMT"));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Validators {
    etag: Option<HeaderValue>,
    last_modified: Option<HttpDate>,
    /// Seconds since 1970, of any magnitude.
    modified: Option<i64>,
    /// Whether a later change would show in the modification time.
    is_settled: bool,
}

impl Validators {
    /// The validators of a file.
    pub fn of_file(metadata: &Metadata, now: HttpDate) -> Self {
        Self::of_state(&FileState::from(metadata), now)
    }

    pub(crate) fn of_state(state: &FileState, now: HttpDate) -> Self {
        let mut validators = Self::default().with_modified(state.modified.seconds, now);
        let is_fresh = state.is_fresh(now);
        validators.is_settled &= !is_fresh;
        validators.etag = (!is_fresh).then(|| file_tag(state));
        validators
    }

    /// The validators of a file that stands in for another one in this coding.
    pub(crate) fn in_coding(mut self, coding: Option<Coding>) -> Self {
        if let (Some(coding), Some(etag)) = (coding, &self.etag) {
            let mut tag = SmallVec::from_slice(etag.as_bytes());
            tag.pop();
            tag.push(b'-');
            tag.extend_from_slice(coding.name().as_bytes());
            tag.push(b'"');
            self.etag = Some(HeaderValue::printable(tag));
        }
        self
    }

    /// The same with this value of an `ETag` field, or with no tag if the value is not an entity
    /// tag. For content that a handler generates itself, starting from `Validators::default()`.
    pub fn with_etag(mut self, value: &[u8]) -> Self {
        let is_tag = EntityTag::take(value).is_some_and(|(_, rest)| rest.is_empty());
        self.etag = HeaderValue::from_bytes(value).filter(|_| is_tag);
        self
    }

    /// The same with a modification time, in seconds since 1970.
    pub fn with_modified(mut self, seconds: i64, now: HttpDate) -> Self {
        // Unlike CPython: never later than `Date` (§8.8.2.1), which is not before `now`.
        self.last_modified = HttpDate::from_unix(seconds.min(now.as_unix()));
        self.modified = Some(seconds);
        self.is_settled = now.as_unix().saturating_sub(seconds) > SETTLED_AFTER;
        self
    }

    /// The value of the `ETag` field.
    pub fn etag(&self) -> Option<&HeaderValue> {
        self.etag.as_ref()
    }

    /// The value of the `Last-Modified` field, if the year has at most four digits.
    pub fn last_modified(&self) -> Option<HttpDate> {
        self.last_modified
    }

    /// When the content was modified, in seconds since 1970, of any magnitude.
    pub(crate) fn modified(&self) -> Option<i64> {
        self.modified
    }

    /// Whether a later change would show in the modification time.
    pub(crate) fn is_settled(&self) -> bool {
        self.is_settled
    }
}

impl FileState {
    /// Whether the file might change again without a trace in its metadata.
    pub(crate) fn is_fresh(&self, now: HttpDate) -> bool {
        let is_recent = |seconds| now.as_unix().saturating_sub(seconds) <= SETTLED_AFTER;
        // A file may be dated in the future; any change to it gives it another date.
        is_recent(self.changed.seconds)
            || is_recent(self.modified.seconds) && self.modified.seconds <= now.as_unix()
    }
}

/// An entity tag (§8.8.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EntityTag<'a> {
    is_weak: bool,
    /// The text between the quotes.
    opaque: &'a [u8],
}

/// How two entity tags are compared (§8.8.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    /// Equal, and neither is weak: the same bytes.
    Strong,
    /// Equal apart from weakness: one can stand in for the other.
    Weak,
}

impl<'a> EntityTag<'a> {
    /// The tag at the start of `text`, and what follows it.
    pub(crate) fn take(text: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (is_weak, quoted) = match text.strip_prefix(b"W/") {
            Some(quoted) => (true, quoted),
            None => (false, text),
        };
        let text = quoted.strip_prefix(b"\"")?;
        // Commas and backslashes are characters like any other.
        let end = text
            .iter()
            .position(|byte| !matches!(byte, b'!' | b'#'..=b'~' | 0x80..))?;
        let (opaque, rest) = text.split_at_checked(end)?;
        let rest = rest.strip_prefix(b"\"")?;
        Some((Self { is_weak, opaque }, rest))
    }

    /// The tags of a list, up to the first syntax error.
    pub(crate) fn list(mut rest: &'a [u8]) -> impl Iterator<Item = Self> {
        std::iter::from_fn(move || {
            while let [b' ' | b'\t' | b',', tail @ ..] = rest {
                rest = tail;
            }
            let tag;
            (tag, rest) = Self::take(rest)?;
            let is_member = matches!(rest.trim_ascii_start(), [] | [b',', ..]);
            is_member.then_some(tag)
        })
    }

    pub(crate) fn is_equal(self, other: EntityTag<'_>, comparison: Comparison) -> bool {
        self.opaque == other.opaque
            && (comparison == Comparison::Weak || !(self.is_weak || other.is_weak))
    }
}

/// A file's tag. The separators between the numbers keep different tags different as text.
fn file_tag(state: &FileState) -> HeaderValue {
    let mut tag = SmallVec::new();
    tag.push(b'"');
    push_hexadecimal(&mut tag, state.size);
    tag.push(b'-');
    push_hexadecimal(&mut tag, state.modified.seconds.cast_unsigned());
    tag.push(b'.');
    push_hexadecimal(&mut tag, state.modified.nanoseconds.into());
    tag.push(b'"');
    HeaderValue::printable(tag)
}
