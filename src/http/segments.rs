//! Content that consists of many pieces, most of which are files: an archive.

use std::fs::File;
use std::io;
use std::ops::Range;

/// Content put together from bytes and files. Its length and its order are settled; the files are
/// opened when their turn comes, so that it holds no descriptor for each.
pub(crate) trait Segments: Send + Sync {
    /// Bytes in all.
    fn length(&self) -> u64;

    /// Bytes of memory that it holds until it was sent.
    fn memory(&self) -> usize;

    /// Hands the bytes `range` to `sink`, piece by piece and in their order.
    ///
    /// # Errors
    /// A file is not any more what it was when the length was settled, or the sink has failed.
    fn send(&self, range: Range<u64>, sink: &mut dyn SegmentSink) -> io::Result<()>;

    /// What the log is to say once it was sent.
    fn remark(&self) -> Option<String>;
}

/// What takes pieces.
pub(crate) trait SegmentSink {
    /// Takes bytes.
    fn bytes(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Takes a range of a file; a file that is shorter is an error.
    fn file(&mut self, file: &File, range: Range<u64>) -> io::Result<()>;
}
