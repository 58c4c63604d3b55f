//! Reusable buffers for requests and responses.

use crate::sys;
use crate::wire::Output;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Buffers that a CPU's pool keeps while unused. More are in use at once only when clients do not
/// read what they are sent.
const MAX_KEPT: usize = 8;
/// Smallest buffer for a head, in bytes. What is freed of smaller ones does not join what is free
/// around it at once (glibc's fast bins), which could keep a heap from being given back.
const MIN_HEAD: usize = 512;
/// Largest head whose buffer is kept, in bytes.
const MAX_HEAD: usize = 4 * 1024;
/// Largest buffer of a response that is kept, in bytes: a small file and its head.
const MAX_OUT: usize = 24 * 1024;

/// The buffers shared by all connections of a server.
///
/// A connection needs them only while it serves a request. A set per connection would cost memory
/// while the connection is idle; and the buffers that a CPU used last are still in its cache. So
/// there is a pool for each CPU.
#[derive(Debug)]
pub(super) struct Buffers(Box<[Pool]>);

/// Unused buffers. A pool has cache lines of its own, which other CPUs leave alone.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Pool(Mutex<Vec<RequestBuffers>>);

/// The buffers of one request.
#[derive(Debug, Default)]
pub(super) struct RequestBuffers {
    /// The bytes of its head, from which everything that is known about it borrows.
    pub(super) head: Vec<u8>,
    /// What is sent in response.
    pub(super) out: Output,
    /// The number of the pool from which they come.
    pool: usize,
}

impl Buffers {
    /// A pool for each of this many CPUs, or one if their number is unknown.
    pub(super) fn new(cpus: usize) -> Self {
        Self((0..cpus.max(1)).map(|_| Pool::default()).collect())
    }

    /// Empty buffers.
    pub(super) fn take(&self) -> RequestBuffers {
        let pool = sys::current_cpu() % self.0.len().max(1);
        let kept = self.0.get(pool).and_then(|pool| pool.lock().pop());
        let mut buffers = kept.unwrap_or_default();
        buffers.head.reserve(MIN_HEAD);
        buffers.pool = pool;
        buffers
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
        let Some(pool) = self.0.get(buffers.pool) else {
            return;
        };
        let mut kept = pool.lock();
        if kept.len() < MAX_KEPT {
            kept.push(buffers);
        }
    }

    /// Drops the buffers that are not in use.
    pub(super) fn clear(&self) {
        for pool in &self.0 {
            *pool.lock() = Vec::new();
        }
    }
}

impl Pool {
    fn lock(&self) -> MutexGuard<'_, Vec<RequestBuffers>> {
        // Nothing panics while the lock is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_are_empty_and_neither_too_many_nor_too_large() {
        // One pool, whatever CPU the test is on.
        let buffers = Buffers::new(1);
        for (size, kept) in [(10, true), (MAX_OUT + 1, false)] {
            let mut used = RequestBuffers::default();
            used.head.extend_from_slice(&vec![b'x'; size]);
            used.out.push(&vec![b'x'; size]);
            buffers.give_back(used);
            let capacities = buffers.0[0].lock().pop().map(|again| {
                assert_eq!((again.head.len(), again.out.len()), (0, 0));
                (again.head.capacity() > 0, again.out.capacity() > 0)
            });
            assert_eq!(capacities, Some((kept, kept)), "{size}");
        }
        for _ in 0..=MAX_KEPT {
            buffers.give_back(RequestBuffers::default());
        }
        assert_eq!(buffers.0[0].lock().len(), MAX_KEPT);
        buffers.clear();
        assert_eq!(buffers.0[0].lock().capacity(), 0);
    }
}
