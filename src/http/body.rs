//! The content of a response.

use super::representation::{FileState, Representation};
use super::{Exchange, Headers, HttpDate, Segments};
use std::borrow::Cow;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::sync::Arc;

/// The content of a response. It knows its own length, so that the length declared and the
/// bytes sent cannot disagree.
///
/// ```
/// use rhttp::http::Body;
///
/// assert!(Body::default().is_empty());
/// assert_eq!(Body::from("text").len(), Some(4));
/// assert_eq!(Body::from("text").as_bytes(), Some(b"text".as_slice()));
/// assert_eq!(Body::stream(std::io::repeat(b'x'), None).len(), None);
/// ```
#[derive(Default)]
pub struct Body(pub(crate) Content);

/// What a body consists of.
#[derive(Default)]
pub(crate) enum Content {
    /// Nothing.
    #[default]
    Empty,
    /// Bytes in memory.
    Bytes(Cow<'static, [u8]>),
    /// Bytes in memory that something else holds, until they are sent.
    Held(Box<dyn AsRef<[u8]> + Send>),
    /// The bytes `range` of a file.
    File {
        of: Arc<Representation>,
        range: Range<u64>,
    },
    /// Ranges of a file with bytes between them, one after the other.
    Parts {
        of: Arc<Representation>,
        parts: Vec<FilePart>,
    },
    /// Ranges of an archive with bytes before each, one after the other.
    Segments {
        of: Arc<dyn Segments>,
        parts: Vec<FilePart>,
    },
    /// Bytes that a reader yields as the client takes them.
    Stream {
        reader: Box<dyn Read + Send>,
        length: Option<u64>,
    },
    /// Bytes produced while the request's body is still being fed to whatever produces them.
    Exchange {
        /// What is available already; it goes out together with the head.
        first: Vec<u8>,
        rest: Box<dyn Exchange>,
        length: Option<u64>,
    },
}

/// Some bytes, followed by a range of a file or an archive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FilePart {
    /// What goes before the range.
    pub(crate) head: Vec<u8>,
    /// Byte offsets in the file or archive; empty when there is only the head.
    pub(crate) range: Range<u64>,
}

impl Body {
    /// A whole file, in its current state. The kernel sends it without a copy where it can.
    ///
    /// In a response with status 200 to GET or HEAD this is all that a handler has to do for
    /// validators, conditions and ranges; the crate's page has an example. If the file is shorter
    /// by the time it is sent, the connection is cut, so that the client can tell; if it has grown,
    /// no more is sent than was promised.
    ///
    /// # Errors
    /// The file's metadata cannot be read, or it is not a regular file.
    pub fn file(file: File) -> io::Result<Self> {
        let all = 0..file.metadata()?.len();
        Self::file_range(file, all)
    }

    /// The bytes `range` of a file, treated as the whole content: the ranges that clients ask for
    /// are ranges of these.
    ///
    /// ```
    /// use rhttp::http::Body;
    /// use std::io::Write;
    ///
    /// // A small archive of which one entry is sent, without a copy of it.
    /// let mut file = tempfile::tempfile()?;
    /// file.write_all(b"first second third")?;
    /// let second = Body::file_range(file, 6..12)?;
    /// assert_eq!(second.len(), Some(6));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`file`](Self::file).
    pub fn file_range(file: File, range: Range<u64>) -> io::Result<Self> {
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let state = FileState {
            size: range_length(&range),
            ..FileState::from(&metadata)
        };
        let of = Representation::new(file.into(), state, Headers::new(), HttpDate::now());
        Ok(Self(Content::File {
            of: of.into(),
            range,
        }))
    }

    /// The bytes that `reader` yields, read as the client takes them. With a `length`, exactly this
    /// many are sent; without one, everything up to the reader's end. An error from the reader, or
    /// an early end, cuts the connection.
    pub fn stream(reader: impl Read + Send + 'static, length: Option<u64>) -> Self {
        Self(Content::Stream {
            reader: Box::new(reader),
            length,
        })
    }

    /// The bytes of something that is dropped once they are sent.
    pub(crate) fn held(bytes: impl AsRef<[u8]> + Send + 'static) -> Self {
        Self(Content::Held(Box::new(bytes)))
    }

    /// All of a file.
    pub(crate) fn representation(of: Arc<Representation>) -> Self {
        let range = 0..of.state.size;
        Self(Content::File { of, range })
    }

    /// All of an archive.
    pub(crate) fn segments(of: impl Segments + 'static) -> Self {
        let part = FilePart {
            head: Vec::new(),
            range: 0..of.length(),
        };
        Self(Content::Segments {
            of: Arc::new(of),
            parts: vec![part],
        })
    }

    /// The bytes, if they are in memory.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match &self.0 {
            Content::Empty => Some(&[]),
            Content::Bytes(bytes) => Some(bytes),
            Content::Held(holder) => Some((**holder).as_ref()),
            _ => None,
        }
    }

    /// The number of bytes, or `None` for a stream of unknown length.
    pub fn len(&self) -> Option<u64> {
        match &self.0 {
            Content::Empty | Content::Bytes(_) | Content::Held(_) => {
                u64::try_from(self.as_bytes()?.len()).ok()
            }
            Content::File { range, .. } => Some(range_length(range)),
            Content::Parts { parts, .. } | Content::Segments { parts, .. } => {
                let lengths = parts
                    .iter()
                    .map(|part| range_length(&part.range).saturating_add(part.head.len() as u64));
                Some(lengths.fold(0, u64::saturating_add))
            }
            Content::Stream { length, .. } | Content::Exchange { length, .. } => *length,
        }
    }

    /// Whether it is known to have no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == Some(0)
    }

    /// How much memory it holds until it is sent, where that is a lot.
    pub(crate) fn memory(&self) -> usize {
        const FEW: u64 = 64 * 1024;
        match &self.0 {
            Content::Bytes(_) | Content::Held(_) | Content::Stream { .. } => {
                let bytes = self.len().filter(|&bytes| bytes > FEW);
                bytes.map_or(0, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX))
            }
            Content::Segments { of, .. } => Some(of.memory())
                .filter(|&bytes| bytes as u64 > FEW)
                .unwrap_or(0),
            _ => 0,
        }
    }

    /// What to log once it has been sent.
    pub(crate) fn remark(&self) -> Option<Cow<'static, str>> {
        match &self.0 {
            Content::Segments { of, .. } => of.remark().map(Cow::Owned),
            _ => None,
        }
    }

    /// Whether it is a file or an archive, or a part that includes its end.
    pub(crate) fn completes_file(&self) -> bool {
        let reaches = |parts: &[FilePart], end| parts.iter().any(|part| part.range.end >= end);
        match &self.0 {
            Content::File { of, range } => range.end >= of.state.size,
            Content::Parts { of, parts } => reaches(parts, of.state.size),
            Content::Segments { of, parts } => reaches(parts, of.length()),
            _ => false,
        }
    }

    /// Whether it is produced from the request's body while that is being received.
    pub(crate) fn is_exchange(&self) -> bool {
        matches!(self.0, Content::Exchange { .. })
    }

    /// The representation that this is, in whole or in part.
    pub(crate) fn of(&self) -> Option<&Representation> {
        match &self.0 {
            Content::File { of, .. } | Content::Parts { of, .. } => Some(of),
            _ => None,
        }
    }
}

pub(crate) fn range_length(range: &Range<u64>) -> u64 {
    range.end.saturating_sub(range.start)
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Content::Bytes(Cow::Owned(bytes)))
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Self::from(text.into_bytes())
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Self(Content::Bytes(Cow::Borrowed(text.as_bytes())))
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Content::Empty => f.write_str("Empty"),
            Content::Bytes(bytes) => write!(f, "Bytes({})", bytes.len()),
            Content::Held(holder) => write!(f, "Held({})", (**holder).as_ref().len()),
            Content::File { range, .. } => write!(f, "File({range:?})"),
            Content::Parts { parts, .. } => write!(f, "Parts({})", parts.len()),
            Content::Segments { parts, .. } => write!(f, "Segments({})", parts.len()),
            Content::Stream { length, .. } => write!(f, "Stream({length:?})"),
            Content::Exchange { length, .. } => write!(f, "Exchange({length:?})"),
        }
    }
}
