//! Content that consists of many pieces, most of which are files: an archive.

use std::fs::File;
use std::io;
use std::ops::Range;

/// Content assembled from bytes and files. Its length and its order are fixed; each file is opened
/// only when its turn comes, so that the content does not hold a descriptor for every file.
pub(crate) trait Segments: Send + Sync {
    /// The total length in bytes.
    fn length(&self) -> u64;

    /// How much memory it holds until it has been sent.
    fn memory(&self) -> usize;

    /// Hands the bytes `range` to `sink`, piece by piece and in order.
    ///
    /// # Errors
    /// A file is no longer what it was when the length was fixed, or the sink has failed.
    fn send(&self, range: Range<u64>, sink: &mut dyn SegmentSink) -> io::Result<()>;

    /// What to log once it has been sent.
    fn remark(&self) -> Option<String>;
}

/// Receives the pieces.
pub(crate) trait SegmentSink {
    /// Takes bytes.
    fn bytes(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Takes a range of a file; a short file is an error.
    fn file(&mut self, file: &File, range: Range<u64>) -> io::Result<()>;
}
