//! Memory that goes back to the system after many connections.
//!
//! The allocator of glibc returns a heap from its end, up to the last piece in use. It takes for used
//! what it keeps for later: small pieces until a large one is freed; a few of each size for every
//! thread, until that thread ends; and what belongs to the stacks of ended threads, while these are
//! not too many. One such piece can keep megabytes. So all threads that were there for connections
//! end when no client comes for a while, and then what they have left is returned: that of the last
//! one and of the thread that started them, too, before the next one starts to wait for clients. It
//! is started by another thread, so that nothing of its own lies between what they had. Other
//! allocators do without.

use crate::sys;
use std::hint;
use std::thread;

/// A piece of a thread's heap. Where it is dropped, what is free at the end of that heap is returned.
pub(super) struct Piece(Vec<u8>);

impl Piece {
    /// A piece of the heap of this thread.
    pub(super) fn new() -> Self {
        // Large enough to trigger merging (64 KiB), too small to get its own mapping (128 KiB).
        const LARGE: usize = 96 * 1024;
        Self(Vec::with_capacity(LARGE))
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        // An allocation that nobody looks at might never be made.
        hint::black_box(&self.0);
    }
}

/// Makes glibc give up the stacks of ended threads. Only those beyond 40 MiB go: that is exceeded by
/// a stack of which nothing is used. Where address space is limited, others may need it more.
pub(super) fn release_stacks() {
    const BEYOND: usize = 41 * 1024 * 1024;
    if cfg!(target_env = "gnu")
        && sys::spare_address_space().is_none()
        && let Ok(thread) = thread::Builder::new().stack_size(BEYOND).spawn(|| {})
    {
        let _ = thread.join();
    }
}
