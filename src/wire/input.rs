//! Bytes that were received and not consumed yet.

use std::{io, mem};

/// Bytes that a new buffer has room for: more than most heads take. It is kept while a connection
/// is idle.
const CAPACITY: usize = 1024;
/// Buffers that had to grow beyond this are not kept for the next request.
const KEPT_CAPACITY: usize = 4 * 1024;

/// Bytes received and not consumed, in the order in which they arrived.
#[derive(Debug, Default)]
pub(crate) struct Input {
    /// What is not consumed starts at `start`.
    bytes: Vec<u8>,
    start: usize,
}

impl Input {
    /// The bytes that are not consumed.
    pub(crate) fn unread(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }

    /// Marks the first `count` unread bytes as consumed.
    pub(crate) fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.bytes.len());
        if self.start == self.bytes.len() {
            self.bytes.clear();
            self.start = 0;
        }
    }

    /// The buffer to receive into, with room for `wanted` bytes, and for at least one.
    ///
    /// # Errors
    /// There is not enough memory.
    pub(crate) fn space(&mut self, wanted: usize) -> io::Result<&mut Vec<u8>> {
        if self.start > 0 {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        if self.bytes.capacity() - self.bytes.len() < wanted.max(1) {
            let reserved = self.bytes.try_reserve(wanted.max(CAPACITY));
            reserved.map_err(|_| io::ErrorKind::OutOfMemory)?;
        }
        Ok(&mut self.bytes)
    }

    /// Appends a few bytes that were not received.
    pub(super) fn append(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Takes back the buffer of the last head, so that the next head needs no new one.
    pub(super) fn reuse(&mut self, spent: &mut Vec<u8>) {
        spent.clear();
        if spent.capacity() > KEPT_CAPACITY {
            *spent = Vec::new();
        }
        if self.bytes.is_empty() {
            mem::swap(&mut self.bytes, spent);
            *spent = Vec::new();
            if self.bytes.capacity() > KEPT_CAPACITY {
                self.bytes = Vec::new();
            }
        }
    }

    /// Moves the first `count` unread bytes to `head`: without a copy if it is all of them, which
    /// is the usual case.
    pub(super) fn take(&mut self, count: usize, head: &mut Vec<u8>) {
        head.clear();
        if self.start == 0 && count == self.bytes.len() {
            mem::swap(&mut self.bytes, head);
        } else {
            head.extend_from_slice(self.unread().get(..count).unwrap_or_default());
            self.consume(count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_buffer_serves_one_head_after_the_other() {
        let mut input = Input::default();
        let mut head = Vec::new();
        input.append(b"first");
        let buffer = input.unread().as_ptr();
        for next in ["second", "third"] {
            input.take(input.unread().len(), &mut head);
            assert_eq!(head.as_ptr(), buffer);
            assert!(input.unread().is_empty());
            input.reuse(&mut head);
            assert_eq!(head.capacity(), 0);
            input.append(next.as_bytes());
        }
        assert_eq!(
            (input.unread(), input.unread().as_ptr()),
            (b"third".as_slice(), buffer)
        );
    }

    #[test]
    fn what_lies_beyond_a_head_stays() {
        let mut input = Input::default();
        let mut head = Vec::new();
        input.append(b"headbody");
        input.take(4, &mut head);
        input.reuse(&mut Vec::new());
        assert_eq!(
            (head.as_slice(), input.unread()),
            (b"head".as_slice(), b"body".as_slice())
        );
        input.consume(2);
        input.append(b"!");
        assert_eq!(input.unread(), b"dy!");
        input.consume(99);
        assert_eq!(input.unread(), b"");
    }

    #[test]
    fn a_large_buffer_is_not_kept() {
        let mut input = Input::default();
        let mut head = Vec::new();
        input.append(&[b'x'; KEPT_CAPACITY + 1]);
        input.take(KEPT_CAPACITY + 1, &mut head);
        input.reuse(&mut head);
        assert_eq!((head.capacity(), input.bytes.capacity()), (0, 0));
    }
}
