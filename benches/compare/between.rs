//! What a server does between its turns, when others are measured.

use std::time::{Duration, Instant};

use crate::server::Usage;

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
        self.cpu_seconds += usage.cpu_seconds - self.before;
    }

    /// The share of a processor that the server took.
    pub(crate) fn busy(&self) -> f64 {
        let elapsed = self.elapsed.as_secs_f64();
        self.cpu_seconds / elapsed.max(f64::MIN_POSITIVE)
    }
}
