//! The memory that unfinished request heads take, with a bound on their total.

use crate::sys;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes that all large unfinished heads together may take: 128 of the largest.
const IN_ALL: usize = 64 * 1024 * 1024;
/// A buffer up to this size is not counted: it is kept for the next request anyway.
const SMALL: usize = 4 * 1024;

/// The budget for the unfinished heads of all connections of a server.
#[derive(Debug)]
pub(super) struct Heads {
    /// In bytes.
    budget: usize,
    taken: AtomicUsize,
}

/// What the size of a head means for the budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeadSize {
    /// It is not counted.
    Small,
    /// It is counted, or was until now.
    Counted,
    /// It has grown, and all heads together exceed the budget.
    TooLarge,
}

/// One connection's share of the budget.
#[derive(Debug)]
pub(super) struct HeadShare<'h> {
    heads: &'h Heads,
    bytes: usize,
}

impl Default for Heads {
    fn default() -> Self {
        let limits = [sys::spare_address_space(), sys::memory_limit()];
        let spare = limits.into_iter().flatten().min();
        Self {
            budget: IN_ALL.min(spare.map_or(usize::MAX, |spare| spare / 8)),
            taken: AtomicUsize::new(0),
        }
    }
}

impl Heads {
    /// The share of a connection that holds nothing yet.
    pub(super) fn share(&self) -> HeadShare<'_> {
        HeadShare {
            heads: self,
            bytes: 0,
        }
    }
}

impl HeadShare<'_> {
    /// The bytes that all unfinished heads may take.
    pub(super) fn budget(&self) -> usize {
        self.heads.budget
    }

    /// Records that the buffer of the head now has this size.
    pub(super) fn resize(&mut self, bytes: usize) -> HeadSize {
        let bytes = if bytes > SMALL { bytes } else { 0 };
        if bytes == 0 && self.bytes == 0 {
            return HeadSize::Small;
        }
        let taken = &self.heads.taken;
        let before = taken.fetch_add(bytes, Ordering::Relaxed);
        taken.fetch_sub(self.bytes, Ordering::Relaxed);
        let has_grown = bytes > self.bytes;
        let all = before.saturating_sub(self.bytes).saturating_add(bytes);
        self.bytes = bytes;
        if has_grown && all > self.heads.budget {
            HeadSize::TooLarge
        } else {
            HeadSize::Counted
        }
    }
}

impl Drop for HeadShare<'_> {
    fn drop(&mut self) {
        self.resize(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_grows_beyond_the_budget_is_too_large() {
        let heads = Heads {
            budget: 20_000,
            taken: AtomicUsize::new(0),
        };
        let (mut first, mut second) = (heads.share(), heads.share());
        assert_eq!(first.resize(SMALL), HeadSize::Small);
        assert_eq!(first.resize(10_000), HeadSize::Counted);
        assert_eq!(second.resize(10_000), HeadSize::Counted);
        assert_eq!(second.resize(10_001), HeadSize::TooLarge);
        assert_eq!(second.resize(9_000), HeadSize::Counted, "it has shrunk");
        assert_eq!(first.resize(0), HeadSize::Counted);
        assert_eq!(second.resize(20_000), HeadSize::Counted);
        assert_eq!(first.resize(0), HeadSize::Small);
        drop(second);
        drop(first);
        assert_eq!(heads.taken.into_inner(), 0);
    }
}
