//! Clocks for what need not be precise: they advance with the system's timer, every few
//! milliseconds, and reading them takes a fraction of the usual time.

use nix::time::{ClockId, clock_gettime};
use std::time::Duration;

#[cfg(target_os = "linux")]
const MONOTONIC: ClockId = ClockId::CLOCK_MONOTONIC_COARSE;
#[cfg(not(target_os = "linux"))]
const MONOTONIC: ClockId = ClockId::CLOCK_MONOTONIC;

/// From this clock Linux takes the times of files.
#[cfg(target_os = "linux")]
const REAL_TIME: ClockId = ClockId::CLOCK_REALTIME_COARSE;
#[cfg(not(target_os = "linux"))]
const REAL_TIME: ClockId = ClockId::CLOCK_REALTIME;

/// The time since some fixed moment before the process started.
pub(crate) fn coarse_uptime() -> Duration {
    // The clock is always there.
    clock_gettime(MONOTONIC)
        .map(Duration::from)
        .unwrap_or_default()
}

/// Seconds since 1970.
pub(crate) fn coarse_unix_time() -> i64 {
    // The clock is always there.
    clock_gettime(REAL_TIME).map_or(0, |time| time.tv_sec())
}
