//! What a server does between its turns, when others are measured.

use std::time::{Duration, Instant};

use crate::server::Usage;

/// Ticks of a hundredth of a second tell nothing about less.
const ENOUGH: Duration = Duration::from_secs(1);

pub(crate) struct Between {
    /// When the last turn ended, and the processor seconds taken until then.
    since: Instant,
    before: f64,
    elapsed: Duration,
    cpu_seconds: f64,
}

impl Between {
    pub(crate) fn new(usage: &Usage) -> Self {
        Self {
            since: Instant::now(),
            before: usage.cpu_seconds,
            elapsed: Duration::ZERO,
            cpu_seconds: 0.0,
        }
    }

    pub(crate) fn begin(&mut self, usage: &Usage) {
        self.since = Instant::now();
        self.before = usage.cpu_seconds;
    }

    pub(crate) fn end(&mut self, usage: &Usage) {
        self.elapsed += self.since.elapsed();
        // A child that has ended takes its time with it.
        self.cpu_seconds += (usage.cpu_seconds - self.before).max(0.0);
    }

    /// The share of a processor that the server took; zero if nobody else was measured for long
    /// enough to tell.
    pub(crate) fn busy(&self) -> f64 {
        if self.elapsed < ENOUGH {
            return 0.0;
        }
        self.cpu_seconds / self.elapsed.as_secs_f64()
    }
}
