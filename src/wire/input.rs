//! Bytes that were received and not consumed yet.

use std::{fmt, io};

/// Bytes that need no allocation: more than most heads take. A connection has this room while it is
/// idle, too.
const FEW: usize = 1024;

/// Bytes received and not consumed, in the order in which they arrived.
///
/// The room for a few of them is part of this value, so of a thread's stack: memory on the heap that
/// is as long-lived as a connection would keep the allocator from returning what lies below it.
pub(crate) struct Input {
    few: [u8; FEW],
    /// The room in place of `few`, once that was too small.
    many: Vec<u8>,
    /// What is not consumed starts here,
    start: usize,
    /// and ends here.
    end: usize,
}

impl Default for Input {
    fn default() -> Self {
        Self {
            few: [0; FEW],
            many: Vec::new(),
            start: 0,
            end: 0,
        }
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Input(\"{}\")", self.unread().escape_ascii())
    }
}

impl Input {
    fn room(&self) -> &[u8] {
        if self.many.is_empty() {
            &self.few
        } else {
            &self.many
        }
    }

    fn room_mut(&mut self) -> &mut [u8] {
        if self.many.is_empty() {
            &mut self.few
        } else {
            &mut self.many
        }
    }

    /// The bytes that are not consumed.
    pub(crate) fn unread(&self) -> &[u8] {
        self.room().get(self.start..self.end).unwrap_or_default()
    }

    /// Marks the first `count` unread bytes as consumed.
    pub(crate) fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }

    /// Where to receive into: `wanted` bytes, and at least one. What was received there must be
    /// [added](Self::advance).
    ///
    /// # Errors
    /// There is not enough memory.
    pub(crate) fn space(&mut self, wanted: usize) -> io::Result<&mut [u8]> {
        let (start, end) = (self.start, self.end);
        if start > 0 {
            self.room_mut().copy_within(start..end, 0);
            (self.start, self.end) = (0, end - start);
        }
        if self.room().len() - self.end < wanted.max(1) {
            self.grow(wanted)?;
        }
        let end = self.end;
        Ok(self.room_mut().get_mut(end..).unwrap_or_default())
    }

    #[cold]
    fn grow(&mut self, wanted: usize) -> io::Result<()> {
        let length = (self.end + wanted).max(2 * self.room().len());
        let more = length - self.many.len();
        let reserved = self.many.try_reserve_exact(more);
        reserved.map_err(|_| io::ErrorKind::OutOfMemory)?;
        if self.many.is_empty() {
            self.many.extend_from_slice(&self.few);
        }
        self.many.resize(length, 0);
        Ok(())
    }

    /// Adds the next `count` bytes, which were written to [`space`](Self::space).
    pub(crate) fn advance(&mut self, count: usize) {
        self.end = (self.end + count).min(self.room().len());
    }

    /// Bytes of memory that it takes on the heap.
    pub(crate) fn memory(&self) -> usize {
        self.many.capacity()
    }

    /// Appends a few bytes that were not received.
    pub(super) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Some(place) = self.space(bytes.len())?.get_mut(..bytes.len()) {
            place.copy_from_slice(bytes);
        }
        self.advance(bytes.len());
        Ok(())
    }

    /// Drops what is unread, and gives up all memory on the heap.
    pub(crate) fn clear(&mut self) {
        self.consume(self.unread().len());
        self.shrink();
    }

    /// Gives up memory on the heap that what is unread does not need.
    pub(crate) fn shrink(&mut self) {
        let (start, end) = (self.start, self.end);
        if !self.many.is_empty() && end - start <= FEW {
            let many = std::mem::take(&mut self.many);
            let unread = many.get(start..end).unwrap_or_default();
            if let Some(place) = self.few.get_mut(..unread.len()) {
                place.copy_from_slice(unread);
            }
            (self.start, self.end) = (0, end - start);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(bytes: &[u8]) -> Input {
        let mut input = Input::default();
        input.append(bytes).expect("there is memory");
        input
    }

    #[test]
    fn what_is_not_consumed_stays() {
        let mut input = received(b"headbody");
        input.consume(6);
        input.append(b"!").expect("there is memory");
        assert_eq!(input.unread(), b"dy!");
        input.consume(99);
        assert_eq!(input.unread(), b"");
        assert_eq!(input.memory(), 0);
    }

    #[test]
    fn much_takes_memory_until_little_is_left() {
        let bytes: Vec<u8> = (0..=u8::MAX).cycle().take(3 * FEW).collect();
        let mut input = Input::default();
        for part in bytes.chunks(100) {
            input.append(part).expect("there is memory");
        }
        assert_eq!(input.unread(), bytes);
        assert!(input.memory() >= bytes.len());
        input.shrink();
        assert_eq!(input.unread(), bytes);
        input.consume(2 * FEW + 1);
        input.shrink();
        assert_eq!(input.unread(), &bytes[2 * FEW + 1..]);
        assert_eq!(input.memory(), 0);
        assert!(input.space(5 * FEW).expect("there is memory").len() >= 5 * FEW);
        assert_eq!(input.unread(), &bytes[2 * FEW + 1..]);
    }
}
