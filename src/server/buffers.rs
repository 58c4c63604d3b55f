//! Reusable buffers in which connections assemble their responses.

use crate::wire::Output;
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
pub(super) struct Buffers(Mutex<Vec<Output>>);

impl Buffers {
    /// An empty buffer.
    pub(super) fn take(&self) -> Output {
        self.lock(Vec::pop).unwrap_or_default()
    }

    /// Takes a buffer back.
    pub(super) fn give_back(&self, mut buffer: Output) {
        buffer.clear();
        if (1..=MAX_CAPACITY).contains(&buffer.capacity()) {
            self.lock(|kept| {
                if kept.len() < MAX_KEPT {
                    kept.push(buffer);
                }
            });
        }
    }

    fn lock<T>(&self, use_kept: impl FnOnce(&mut Vec<Output>) -> T) -> T {
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
            let mut buffer = Output::default();
            buffer.reserve(capacity);
            buffer.push(b"0123456789".get(..capacity).unwrap_or_default());
            buffers.give_back(buffer);
        }
        let buffer = buffers.take();
        assert_eq!((buffer.len(), buffer.capacity()), (0, 10));
        assert_eq!(buffers.take().capacity(), 0);
        for _ in 0..=MAX_KEPT {
            let mut buffer = Output::default();
            buffer.reserve(1);
            buffers.give_back(buffer);
        }
        assert_eq!(buffers.lock(|kept| kept.len()), MAX_KEPT);
    }
}
