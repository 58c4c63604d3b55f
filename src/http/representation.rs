//! One state of a file, ready to be sent (RFC 9110 §3.2).

use super::{Coding, HeaderName, Headers, HttpDate, Validators, header};
use std::fs::{File, Metadata};
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A time in a file's metadata: seconds since 1970, and nanoseconds after that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Timestamp {
    pub(crate) seconds: i64,
    pub(crate) nanoseconds: u32,
}

/// The part of a file's metadata from which its validators are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileState {
    /// Bytes.
    pub(crate) size: u64,
    /// When the content was last modified.
    pub(crate) modified: Timestamp,
    /// When the content or the metadata last changed (`ctime`): nobody can set this back.
    pub(crate) changed: Timestamp,
}

/// One state of a file: the open file, and everything that a response says about it. It is made
/// once for each state, however often that is sent.
#[derive(Debug)]
pub(crate) struct Representation {
    pub(crate) file: Arc<File>,
    pub(crate) state: FileState,
    pub(crate) validators: Validators,
    /// `Content-type` and the fields that belong to it; the length comes after them.
    pub(crate) kind: Headers,
    /// `Last-Modified`, where CPython sends it, and then the fields that caches and downloads need.
    pub(crate) fields: Headers,
    /// The coding in which it stands in for another file; `None` for a file served as itself.
    pub(crate) coding: Option<Coding>,
    /// The lines of a response that sends all of it: `kind`, the length, and `fields`.
    pub(crate) whole: Box<[u8]>,
    /// The number of the list of private directories in none of which the file was found; 0 if it
    /// has not been looked for in any.
    pub(crate) cleared_by: AtomicU64,
    /// Codings in which no file can stand in for it.
    pub(crate) lacking: Lacking,
}

/// Codings in which no file can stand in for another one, remembered until the second ends. One that
/// appears in the meantime is used a moment later, which does no harm: its content is the same.
///
/// Above one bit for each coding is the second since 1970.
#[derive(Debug, Default)]
pub(crate) struct Lacking(AtomicU64);

impl Lacking {
    /// Whether this coding was found to be lacking in this second.
    pub(crate) fn contains(&self, coding: Coding, second: i64) -> bool {
        let known = self.0.load(Ordering::Relaxed);
        known >> CODINGS == second.cast_unsigned() && known & bit(coding) != 0
    }

    /// Forgets what was found in another second than this one; returns whether there was one.
    pub(crate) fn begin(&self, second: i64) -> bool {
        let second = second.cast_unsigned();
        let is_other = self.0.load(Ordering::Relaxed) >> CODINGS != second;
        if is_other {
            self.0.store(second << CODINGS, Ordering::Relaxed);
        }
        is_other
    }

    /// Whether all codings were found to be lacking in this second.
    pub(crate) fn contains_all(&self, second: i64) -> bool {
        let all = second << CODINGS | ((1 << CODINGS) - 1);
        self.0.load(Ordering::Relaxed) == all.cast_unsigned()
    }

    /// Notes that this coding is lacking in this second.
    pub(crate) fn insert(&self, coding: Coding, second: i64) {
        let known = self.0.load(Ordering::Relaxed);
        // What another thread notes at the same time may be lost, and is found again.
        if known >> CODINGS == second.cast_unsigned() {
            self.0.store(known | bit(coding), Ordering::Relaxed);
        }
    }
}

/// How many codings there are.
const CODINGS: usize = Coding::ALL.len();

fn bit(coding: Coding) -> u64 {
    1 << coding as u64
}

impl Timestamp {
    /// The time that a system call returned. Out-of-range nanoseconds mean that the file system has
    /// no timestamps; they count as zero.
    pub(crate) fn new(seconds: i64, nanoseconds: i64) -> Self {
        let nanoseconds = u32::try_from(nanoseconds).unwrap_or(0);
        Self {
            seconds,
            nanoseconds: if nanoseconds < 1_000_000_000 {
                nanoseconds
            } else {
                0
            },
        }
    }
}

impl From<&Metadata> for FileState {
    fn from(metadata: &Metadata) -> Self {
        Self {
            size: metadata.len(),
            modified: Timestamp::new(metadata.mtime(), metadata.mtime_nsec()),
            changed: Timestamp::new(metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

impl Representation {
    /// CPython's spelling, on files and listings (errors use the other one).
    pub(crate) const CONTENT_TYPE: HeaderName<'static> = HeaderName::from_static("Content-type");

    /// The representation of a file that is in this state at the time `now`.
    pub(crate) fn new(file: Arc<File>, state: FileState, kind: Headers, now: HttpDate) -> Self {
        Self::in_coding(None, file, state, kind, now)
    }

    /// The same for a file that stands in for another one in this coding: the tags of the two
    /// differ, even if they have the same size and time.
    pub(crate) fn in_coding(
        coding: Option<Coding>,
        file: Arc<File>,
        state: FileState,
        kind: Headers,
        now: HttpDate,
    ) -> Self {
        let validators = Validators::of_state(&state, now).in_coding(coding);
        let mut fields = Headers::new();
        if let Some(date) = validators.last_modified() {
            fields.append(header::LAST_MODIFIED, date);
        }
        // Unlike CPython: ranges and entity tags.
        fields.extend_with(header::ACCEPT_RANGES, b"bytes");
        if let Some(etag) = validators.etag() {
            fields.append(header::ETAG, etag.clone());
        }
        Self {
            whole: whole(&kind, state.size, &fields),
            file,
            state,
            validators,
            kind,
            fields,
            coding,
            cleared_by: AtomicU64::new(0),
            lacking: Lacking::default(),
        }
    }

    /// The same state of the same file, with other fields.
    pub(crate) fn with_fields(&self, fields: Headers) -> Self {
        Self {
            file: Arc::clone(&self.file),
            state: self.state,
            validators: self.validators.clone(),
            kind: self.kind.clone(),
            whole: whole(&self.kind, self.state.size, &fields),
            fields,
            coding: self.coding,
            cleared_by: AtomicU64::new(0),
            lacking: Lacking::default(),
        }
    }

    /// The fields of a file of this media type.
    pub(crate) fn kind(media_type: &str) -> Headers {
        let mut kind = Headers::new();
        kind.append(Self::CONTENT_TYPE, media_type);
        kind
    }
}

fn whole(kind: &Headers, size: u64, fields: &Headers) -> Box<[u8]> {
    let mut length = Headers::new();
    length.append(header::CONTENT_LENGTH, size);
    [kind, &length, fields]
        .map(Headers::as_bytes)
        .concat()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lacking_is_remembered_until_the_second_ends() {
        let lacking = Lacking::default();
        let found = |second| Coding::ALL.map(|coding| lacking.contains(coding, second));
        assert!(lacking.begin(7) && !lacking.begin(7));
        for coding in Coding::ALL {
            assert!(!lacking.contains(coding, 7) && !lacking.contains_all(7));
            lacking.insert(coding, 7);
            assert!(lacking.contains(coding, 7));
        }
        assert_eq!(found(7), [true; 3]);
        assert_eq!(found(8), [false; 3]);
        assert!(lacking.contains_all(7) && !lacking.contains_all(8));
        lacking.insert(Coding::Zstandard, 8);
        assert_eq!(found(8), [false; 3]);
        assert!(lacking.begin(8));
        lacking.insert(Coding::Zstandard, 8);
        assert_eq!(found(8), [false, true, false]);
        // Not even if the clock is set back.
        assert_eq!(found(7), [false; 3]);
    }
}
