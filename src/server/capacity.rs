//! How many connections a server can have: the limits on its process bound it.

use crate::files;
use crate::sys;

/// Descriptors that belong to no connection: the standard ones, the listener, and what a handler or
/// the system library may open at any time.
const RESERVED_DESCRIPTORS: usize = 16;
/// Connections beyond the cap that may be open while they are being refused.
const MAX_REFUSED: usize = 64;
/// Threads that may wait for connections at a time, when there is no rush.
const MAX_WAITING: usize = 64;
/// Address space that a connection may take: its thread's stack of 1 MiB with its guard, and what
/// it allocates.
const ADDRESS_SPACE: usize = 5 * 256 * 1024;
/// Memory that a connection may take: the part of its stack that it uses, its buffers, a TLS
/// session, and a listing that is too small to be counted.
const MEMORY: usize = 96 * 1024;
/// Mappings of a connection's thread: its stack, its guard, and one to spare.
const MAPPINGS: usize = 3;
/// Mappings that belong to no connection.
const RESERVED_MAPPINGS: usize = 1024;

/// How many connections there may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Capacity {
    /// Connections being served.
    pub(super) served: usize,
    /// Connections being refused, beyond those.
    pub(super) refused: usize,
    /// Threads that may wait for a connection. More use the room of connections.
    pub(super) waiting: usize,
}

impl Capacity {
    /// What there is room for in this process, but no more than `max_connections`.
    pub(super) fn of_process(max_connections: usize) -> Self {
        let space = sys::spare_address_space().unwrap_or(usize::MAX);
        let memory = sys::memory_limit().unwrap_or(usize::MAX);
        let mappings = sys::most_mappings().unwrap_or(usize::MAX);
        let threads = threads(space, memory, mappings);
        Self::within(sys::descriptor_limit(), threads, max_connections)
    }

    /// Each connection needs a descriptor, and one for what it is sent. (A script has two pipes, but
    /// not all connections need these at once; a request that finds no descriptor left is answered
    /// with 503.) A thread that waits in `accept` already
    /// holds one for the next client.
    fn within(descriptors: usize, threads: usize, max_connections: usize) -> Self {
        let reserved = RESERVED_DESCRIPTORS + files::most_kept_open(descriptors);
        let descriptors = descriptors.saturating_sub(reserved);
        let refused = (descriptors.min(threads) / 8).clamp(1, MAX_REFUSED);
        let waiting = (descriptors.min(threads) / 8).clamp(1, MAX_WAITING);
        let others = refused + waiting;
        let served = (descriptors.saturating_sub(others) / 2).min(threads.saturating_sub(others));
        Self {
            served: served.max(1).min(max_connections),
            refused,
            waiting,
        }
    }
}

/// How many threads there is room for. Half of the address space and of the memory is for
/// connections: large listings, unfinished heads and the rest of the program share the other half.
fn threads(space: usize, memory: usize, mappings: usize) -> usize {
    let mappings = mappings.saturating_sub(RESERVED_MAPPINGS) / MAPPINGS;
    let memory = memory / 2 / MEMORY;
    mappings.min(memory).min(space / 2 / ADDRESS_SPACE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_with_any_limit() {
        const ALL: usize = usize::MAX;
        const MIB: usize = 1024 * 1024;
        for (descriptors, space, memory, mappings, max_connections, expected) in [
            (0, ALL, ALL, ALL, 8192, (1, 1, 1)),
            (17, ALL, ALL, ALL, 8192, (1, 1, 1)),
            (64, ALL, ALL, ALL, 8192, (17, 5, 5)),
            (1024, ALL, ALL, ALL, 8192, (408, 64, 64)),
            (1_000_000, ALL, ALL, ALL, 8192, (8192, 64, 64)),
            (1_000_000, ALL, ALL, 65_530, 100_000, (21_374, 64, 64)),
            (1_000_000, 190 * MIB, ALL, ALL, 8192, (58, 9, 9)),
            (1_000_000, 1990 * MIB, ALL, ALL, 8192, (668, 64, 64)),
            (1_000_000, 0, ALL, ALL, 8192, (1, 1, 1)),
            (1_000_000, ALL, ALL, 0, 8192, (1, 1, 1)),
            (1_000_000, ALL, 64 * MIB, ALL, 8192, (257, 42, 42)),
            (1_000_000, ALL, 0, ALL, 8192, (1, 1, 1)),
        ] {
            let threads = threads(space, memory, mappings);
            let capacity = Capacity::within(descriptors, threads, max_connections);
            let Capacity {
                served,
                refused,
                waiting,
            } = capacity;
            assert_eq!(
                (served, refused, waiting),
                expected,
                "{descriptors} {space} {memory} {mappings}"
            );
            if descriptors > 64 {
                let kept = RESERVED_DESCRIPTORS + files::most_kept_open(descriptors);
                assert!(kept + 2 * served + refused + waiting <= descriptors);
            }
        }
        let unbounded = Capacity::within(ALL, threads(ALL, ALL, ALL), ALL);
        assert!(unbounded.served > 1_000_000);
    }
}
