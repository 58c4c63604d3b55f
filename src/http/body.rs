//! What a response carries.

use super::Exchange;
use std::borrow::Cow;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::sync::Arc;
use std::time::SystemTime;

/// The content of a response. It knows its own length, so that the length declared and the
/// bytes sent cannot disagree.
#[derive(Default)]
pub enum Body {
    /// Nothing.
    #[default]
    Empty,
    /// Bytes in memory.
    Bytes(Cow<'static, [u8]>),
    /// The bytes `range` of an open file, sent by the kernel without a copy where it can.
    ///
    /// If the file has become shorter when it is sent, the connection is cut, so that the client
    /// can tell; if it has grown, no more than `range` is sent.
    File {
        /// The file; its position does not matter. Others may be sending it too: who reads it
        /// reads at offsets, and neither seeks in it nor locks it.
        file: Arc<File>,
        /// Byte offsets in it.
        range: Range<u64>,
        /// When it was last modified, if that is known. From this and its length the content of
        /// a response gets its validators.
        modified: Option<SystemTime>,
    },
    /// Ranges of an open file with bytes between them, one after the other. As with a file, what
    /// has become shorter cuts the connection.
    Parts {
        /// The file; its position does not matter.
        file: Arc<File>,
        /// What is sent, in this order.
        parts: Vec<FilePart>,
    },
    /// Bytes that a reader yields as the client takes them.
    Stream {
        /// Where they come from. An error from it cuts the connection.
        reader: Box<dyn Read + Send>,
        /// Their number, if it is known beforehand; exactly as many are sent.
        length: Option<u64>,
    },
    /// Bytes that come while the request's body is still going to where they come from.
    Exchange {
        /// What is there already; it goes out together with the head.
        first: Vec<u8>,
        /// Where the rest comes from. An error from it cuts the connection.
        rest: Box<dyn Exchange>,
        /// Their number in all, if it is known beforehand; exactly as many are sent.
        length: Option<u64>,
    },
}

/// Bytes, and the range of a file that follows them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilePart {
    /// What goes before the range.
    pub head: Vec<u8>,
    /// Byte offsets in the file; none where the head is all.
    pub range: Range<u64>,
}

impl Body {
    /// All of a file, as long and as old as it is now.
    ///
    /// In a response with status 200 to GET or HEAD this is all that a handler has to do for
    /// validators, conditions and ranges; the crate's page has an example.
    ///
    /// # Errors
    /// The system does not tell the file's size, or it is no regular file.
    pub fn file(file: File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        Ok(Self::File {
            file: file.into(),
            range: 0..metadata.len(),
            modified: metadata.modified().ok(),
        })
    }

    /// The number of bytes, or `None` for a stream that ends when it ends.
    pub fn len(&self) -> Option<u64> {
        match self {
            Body::Empty => Some(0),
            Body::Bytes(bytes) => u64::try_from(bytes.len()).ok(),
            Body::File { range, .. } => Some(range_length(range)),
            Body::Parts { parts, .. } => {
                let lengths = parts
                    .iter()
                    .map(|part| range_length(&part.range).saturating_add(part.head.len() as u64));
                Some(lengths.fold(0, u64::saturating_add))
            }
            Body::Stream { length, .. } | Body::Exchange { length, .. } => *length,
        }
    }

    /// Whether it is known to have no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == Some(0)
    }
}

pub(crate) fn range_length(range: &Range<u64>) -> u64 {
    range.end.saturating_sub(range.start)
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Body::Bytes(Cow::Owned(bytes))
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Body::from(text.into_bytes())
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Body::Bytes(Cow::Borrowed(text.as_bytes()))
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Body::Empty => f.write_str("Empty"),
            Body::Bytes(bytes) => write!(f, "Bytes({})", bytes.len()),
            Body::File { range, .. } => write!(f, "File({range:?})"),
            Body::Parts { parts, .. } => write!(f, "Parts({})", parts.len()),
            Body::Stream { length, .. } => write!(f, "Stream({length:?})"),
            Body::Exchange { length, .. } => write!(f, "Exchange({length:?})"),
        }
    }
}
