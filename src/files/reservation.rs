//! The memory budget that all listings share; each returns its part once it has been sent.
//!
//! A listing stays in memory until its client has received it. Without a bound, a few clients that
//! request the listing of a large directory and do not read it would take all the memory.

use super::unavailable::Unavailable;
use crate::sys;
use std::collections::TryReserveError;
use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::available_parallelism;
use std::time::Duration;

/// Listings up to this size are not counted: nearly all listings are this small.
const SMALL: usize = 64 * 1024;
/// The size up to which a vector is on the heap, whose memory is at hand again for the next one: the
/// system fills each new page with zeros. Most large listings are this small.
pub(super) const ON_HEAP: usize = 512 * 1024;
/// Bytes that a vector reserves at least when it grows.
const FIRST: usize = 1024;
/// Bytes that all larger ones may take together: a million names of usual length.
const LARGE_IN_ALL: usize = 256 * 1024 * 1024;
/// The minimum size of a large block. Blocks of more than 32 MiB are always mapped individually by
/// the C library's allocator, and unmapped when they are freed; smaller ones it keeps for later, in
/// each of many arenas. Pages of a block that are never touched take no memory.
const BLOCK: usize = if cfg!(target_pointer_width = "64") {
    33 * 1024 * 1024
} else {
    1024 * 1024
};

/// How long a large listing waits while others are being built.
const PATIENCE: Duration = Duration::from_secs(30);

/// A number of bytes, and how many of them are in use.
#[derive(Debug)]
struct Budget {
    most: usize,
    /// The same, or a quarter of the address space or of the memory if that is less.
    bytes: OnceLock<usize>,
    taken: AtomicUsize,
    /// The number of large listings being built: more at a time than there are processors would
    /// take memory without being faster.
    growing: Mutex<usize>,
    grown: Condvar,
}

impl Budget {
    const fn new(bytes: usize) -> Self {
        Self {
            most: bytes,
            bytes: OnceLock::new(),
            taken: AtomicUsize::new(0),
            growing: Mutex::new(0),
            grown: Condvar::new(),
        }
    }

    fn bytes(&self) -> usize {
        *self.bytes.get_or_init(|| {
            let limits = [sys::spare_address_space(), sys::memory_limit()];
            let spare = limits.into_iter().flatten().min();
            self.most.min(spare.map_or(usize::MAX, |spare| spare / 4))
        })
    }

    fn growing(&self) -> MutexGuard<'_, usize> {
        self.growing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until one more listing may grow.
    fn begin_growing(&self) -> Result<(), Unavailable> {
        static AT_A_TIME: OnceLock<usize> = OnceLock::new();
        let at_a_time = *AT_A_TIME.get_or_init(|| available_parallelism().map_or(1, Into::into));
        let (mut growing, waited) = self
            .grown
            .wait_timeout_while(self.growing(), PATIENCE, |growing| *growing >= at_a_time)
            .unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() {
            return Err(Unavailable::Shortage);
        }
        *growing += 1;
        Ok(())
    }

    fn end_growing(&self) {
        let mut growing = self.growing();
        *growing = growing.saturating_sub(1);
        self.grown.notify_one();
    }
}

/// Shared by all servers in the process, as memory is.
static LISTINGS: Budget = Budget::new(LARGE_IN_ALL);

/// The memory of one listing, given back on drop.
#[derive(Debug)]
pub(crate) struct Reservation {
    budget: &'static Budget,
    taken: usize,
    is_growing: bool,
}

impl Reservation {
    /// No memory yet.
    pub(crate) const fn new() -> Self {
        Self::of(&LISTINGS)
    }

    const fn of(budget: &'static Budget) -> Self {
        Self {
            budget,
            taken: 0,
            is_growing: false,
        }
    }

    /// Grows or shrinks the reservation to `bytes`.
    ///
    /// # Errors
    /// The budget is exhausted.
    pub(crate) fn resize(&mut self, bytes: usize) -> Result<(), Unavailable> {
        // In steps, because this is called for each name.
        let wanted = if bytes <= SMALL {
            0
        } else {
            bytes.next_multiple_of(SMALL)
        };
        let Some(more) = wanted.checked_sub(self.taken) else {
            let less = self.taken - wanted;
            self.budget.taken.fetch_sub(less, Ordering::Relaxed);
            self.taken = wanted;
            return Ok(());
        };
        if more > 0 {
            if !self.is_growing {
                self.budget.begin_growing()?;
                self.is_growing = true;
            }
            let add = |taken: usize| {
                let taken = taken.checked_add(more)?;
                (taken <= self.budget.bytes()).then_some(taken)
            };
            self.budget
                .taken
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, add)
                .map_err(|_| Unavailable::Shortage)?;
            self.taken = wanted;
        }
        Ok(())
    }

    /// The listing has reached its final size; others may grow.
    pub(crate) fn end_growing(&mut self) {
        if mem::take(&mut self.is_growing) {
            self.budget.end_growing();
        }
    }

    /// Whether it is small enough not to be counted.
    pub(super) fn is_small(&self) -> bool {
        self.taken == 0
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.end_growing();
        self.budget.taken.fetch_sub(self.taken, Ordering::Relaxed);
    }
}

/// Reserves space for `more` elements; a vector that becomes large gets a block of its own.
pub(crate) fn grow<T>(elements: &mut Vec<T>, more: usize) -> Result<(), TryReserveError> {
    let wanted = elements.len().saturating_add(more);
    if wanted <= elements.capacity() {
        return Ok(());
    }
    let size = size_of::<T>().max(1);
    let capacity = if wanted.saturating_mul(size) <= ON_HEAP {
        // Not one by one at first: most directories are small. Each growth is a copy.
        let usual = elements.len().saturating_mul(4).max(FIRST / size);
        wanted.max(usual.min(ON_HEAP / size))
    } else {
        wanted.saturating_mul(2).max(BLOCK / size)
    };
    elements.try_reserve_exact(capacity - elements.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_shared_and_given_back() {
        static BUDGET: Budget = Budget::new(4 * SMALL);
        let (mut one, mut two) = (Reservation::of(&BUDGET), Reservation::of(&BUDGET));
        assert_eq!(one.resize(3 * SMALL), Ok(()));
        assert_eq!(*BUDGET.growing(), 1);
        one.end_growing();
        assert_eq!(*BUDGET.growing(), 0);
        assert_eq!(two.resize(SMALL), Ok(()), "that is not counted");
        assert!(two.is_small());
        assert_eq!(two.resize(SMALL + 1), Err(Unavailable::Shortage));
        assert_eq!(one.resize(2 * SMALL), Ok(()));
        assert_eq!(two.resize(SMALL + 1), Ok(()));
        assert!(!two.is_small());
        two.end_growing();
        assert_eq!(one.resize(3 * SMALL), Err(Unavailable::Shortage));
        drop(one);
        assert_eq!(two.resize(4 * SMALL), Ok(()));
        assert_eq!(two.resize(usize::MAX - SMALL), Err(Unavailable::Shortage));
        drop(two);
        assert_eq!(*BUDGET.growing(), 0);
        assert_eq!(BUDGET.taken.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn what_is_large_has_a_block_of_its_own() {
        let mut bytes = Vec::<u8>::new();
        assert_eq!(grow(&mut bytes, 1), Ok(()));
        assert_eq!(bytes.capacity(), FIRST);
        assert_eq!(grow(&mut bytes, ON_HEAP), Ok(()));
        assert_eq!(bytes.capacity(), ON_HEAP);
        assert_eq!(grow(&mut bytes, ON_HEAP + 1), Ok(()));
        assert!(bytes.capacity() >= BLOCK);
        assert!(grow(&mut bytes, usize::MAX).is_err());
    }
}
