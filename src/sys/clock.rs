//! Clocks that cost less than the standard library's.

use nix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// From this clock Linux takes the times of files. It advances with the system's timer, every few
/// milliseconds.
#[cfg(target_os = "linux")]
const REAL_TIME: ClockId = ClockId::CLOCK_REALTIME_COARSE;
#[cfg(not(target_os = "linux"))]
const REAL_TIME: ClockId = ClockId::CLOCK_REALTIME;

/// The time since some fixed moment before the process started. It is precise: which of two
/// connections has been idle for longer may be a matter of microseconds.
pub(crate) fn uptime() -> Duration {
    // The clock is always there.
    clock_gettime(ClockId::CLOCK_MONOTONIC)
        .map(Duration::from)
        .unwrap_or_default()
}

/// Seconds since 1970.
pub(crate) fn coarse_unix_time() -> i64 {
    // The clock is always there.
    clock_gettime(REAL_TIME).map_or(0, |time| time.tv_sec())
}
