//! Reusable buffers for requests and responses.

use crate::wire::Output;
use std::sync::{Mutex, PoisonError};

/// Buffers kept while unused. More are in use at once only when clients do not read what they are
/// sent.
const MAX_KEPT: usize = 16;
/// Largest head whose buffer is kept, in bytes.
const MAX_HEAD: usize = 4 * 1024;
/// Largest buffer of a response that is kept, in bytes: a small file and its head.
const MAX_OUT: usize = 24 * 1024;

/// The buffers shared by all connections of a server.
///
/// A connection needs them only while it serves a request. A set per connection would cost memory
/// while the connection is idle; and the buffers that were used last are still in the CPU caches.
#[derive(Debug, Default)]
pub(super) struct Buffers(Mutex<Vec<RequestBuffers>>);

/// The buffers of one request.
#[derive(Debug, Default)]
pub(super) struct RequestBuffers {
    /// The bytes of its head, from which everything that is known about it borrows.
    pub(super) head: Vec<u8>,
    /// What is sent in response.
    pub(super) out: Output,
}

impl Buffers {
    /// Empty buffers.
    pub(super) fn take(&self) -> RequestBuffers {
        self.lock(Vec::pop).unwrap_or_default()
    }

    /// Takes buffers back.
    pub(super) fn give_back(&self, mut buffers: RequestBuffers) {
        buffers.head.clear();
        buffers.out.clear();
        if buffers.head.capacity() > MAX_HEAD {
            buffers.head = Vec::new();
        }
        if buffers.out.capacity() > MAX_OUT {
            buffers.out = Output::default();
        }
        self.lock(|kept| {
            if kept.len() < MAX_KEPT {
                kept.push(buffers);
            }
        });
    }

    fn lock<T>(&self, use_kept: impl FnOnce(&mut Vec<RequestBuffers>) -> T) -> T {
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
        for (size, kept) in [(10, true), (MAX_OUT + 1, false)] {
            let mut used = RequestBuffers::default();
            used.head.extend_from_slice(&vec![b'x'; size]);
            used.out.push(&vec![b'x'; size]);
            buffers.give_back(used);
            let again = buffers.take();
            assert_eq!((again.head.len(), again.out.len()), (0, 0));
            assert_eq!(again.head.capacity() > 0, kept, "{size}");
            assert_eq!(again.out.capacity() > 0, kept, "{size}");
        }
        for _ in 0..=MAX_KEPT {
            buffers.give_back(RequestBuffers::default());
        }
        assert_eq!(buffers.lock(|kept| kept.len()), MAX_KEPT);
    }
}
