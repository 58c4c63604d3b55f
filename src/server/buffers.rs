//! Reusable buffers in which connections assemble their responses.

use std::sync::{Mutex, PoisonError};

/// Buffers kept while unused. More are in use at once only when clients do not read what they are
/// sent.
const MAX_KEPT: usize = 16;
/// Largest buffer that is kept, in bytes: a small file and its head.
const MAX_CAPACITY: usize = 24 * 1024;

/// The buffers shared by all connections of a server.
///
/// A connection needs one only while it sends. One per connection would cost memory while the
/// connection is idle; and the buffer that was used last is still in the CPU caches.
#[derive(Debug, Default)]
pub(super) struct Buffers(Mutex<Vec<Vec<u8>>>);

impl Buffers {
    /// An empty buffer.
    pub(super) fn take(&self) -> Vec<u8> {
        self.lock(Vec::pop).unwrap_or_default()
    }

    /// Takes a buffer back.
    pub(super) fn give_back(&self, mut buffer: Vec<u8>) {
        buffer.clear();
        if (1..=MAX_CAPACITY).contains(&buffer.capacity()) {
            self.lock(|kept| {
                if kept.len() < MAX_KEPT {
                    kept.push(buffer);
                }
            });
        }
    }

    fn lock<T>(&self, use_kept: impl FnOnce(&mut Vec<Vec<u8>>) -> T) -> T {
        // Nothing panics while the lock is held.
        use_kept(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_are_empty_and_neither_too_many_nor_too_large() {
        let buffers = Buffers::default();
        for capacity in [0, 10, MAX_CAPACITY + 1] {
            let mut buffer = Vec::with_capacity(capacity);
            buffer.extend_from_slice(&b"0123456789"[..capacity.min(10)]);
            buffers.give_back(buffer);
        }
        let buffer = buffers.take();
        assert_eq!((buffer.len(), buffer.capacity()), (0, 10));
        assert_eq!(buffers.take().capacity(), 0);
        for _ in 0..=MAX_KEPT {
            buffers.give_back(vec![0]);
        }
        assert_eq!(buffers.lock(|kept| kept.len()), MAX_KEPT);
    }
}
