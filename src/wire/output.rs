//! Bytes that are about to be sent.

use crate::http::PushSlice;

/// A buffer in which a response is put together.
///
/// Unlike a vector, it keeps bytes beyond its end initialized when it is emptied, so a file can be
/// read into it without zeroing the place first.
#[derive(Debug, Default)]
pub(crate) struct Output {
    /// What is to be sent is the first `filled` bytes.
    bytes: Vec<u8>,
    filled: usize,
}

impl Output {
    /// What is to be sent.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.filled).unwrap_or_default()
    }

    /// How many bytes are to be sent.
    pub(crate) fn len(&self) -> usize {
        self.filled
    }

    /// How many bytes of memory it takes.
    pub(crate) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Makes sure that this many more bytes fit.
    pub(crate) fn reserve(&mut self, count: usize) {
        let end = self.filled + count;
        if end > self.bytes.len() {
            self.bytes.resize(end, 0);
        }
    }

    /// Adds bytes.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.space(bytes.len()).copy_from_slice(bytes);
        self.advance(bytes.len());
    }

    /// The place of the next `count` bytes.
    pub(crate) fn space(&mut self, count: usize) -> &mut [u8] {
        let end = self.filled + count;
        if end > self.bytes.len() {
            self.grow(end);
        }
        self.bytes.get_mut(self.filled..end).unwrap_or_default()
    }

    /// Adds the next `count` bytes, which were written to [`space`](Self::space).
    pub(crate) fn advance(&mut self, count: usize) {
        self.filled = (self.filled + count).min(self.bytes.len());
    }

    /// Removes everything.
    pub(crate) fn clear(&mut self) {
        self.filled = 0;
    }

    #[cold]
    fn grow(&mut self, end: usize) {
        self.bytes.resize(end.max(2 * self.bytes.len()), 0);
    }
}

impl PushSlice for Output {
    fn push_slice(&mut self, bytes: &[u8]) {
        self.push(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_out_as_they_went_in() {
        let mut output = Output::default();
        output.push(b"head");
        output.space(4).copy_from_slice(b"file");
        output.advance(3);
        output.push(b"!");
        assert_eq!((output.bytes(), output.len()), (b"headfil!".as_slice(), 8));
        output.clear();
        assert_eq!(output.bytes(), b"");
        output.reserve(100);
        assert!(output.capacity() >= 100);
        output.push(b"next");
        assert_eq!(output.bytes(), b"next");
        // What is not there cannot be added.
        output.advance(usize::MAX / 2);
        assert_eq!(output.len(), output.bytes().len());
    }
}
