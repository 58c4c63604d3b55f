//! Memory that goes back to the system after many connections.
//!
//! The allocator of glibc returns a heap from its end, up to the last piece in use. It takes for used
//! what it keeps for later: small pieces until a large one is freed; a few of each size for every
//! thread, until that thread ends; and what belongs to the stacks of ended threads, while these are
//! not too many. One such piece can keep megabytes. So all threads that were there for connections
//! end when no client comes for a while, and then what they have left is returned. The last one ends
//! as well, and so does the thread that started them all. Only then does the main thread start the
//! next one that waits for clients, so nothing that this one needs lies among what they have left.
//! Other allocators do without.

use crate::sys;
use std::hint;
use std::thread;
use std::time::{Duration, Instant};

/// How long to wait for the last thread to end: on a busy machine it may have to wait for its turn.
const END_LIMIT: Duration = Duration::from_secs(1);

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

/// Waits until a thread that is about to end has ended, so that its stack can be released.
pub(super) fn wait_for_end(last: sys::ThreadId) {
    let start = Instant::now();
    while !last.has_ended() && start.elapsed() < END_LIMIT {
        thread::sleep(Duration::from_micros(200));
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
