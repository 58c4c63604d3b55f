//! Scripts that nobody waits for: they are ended where they must be, and reaped in any case.
//!
//! A thread looks after them, so that no connection has to. It is there only while there are any.

use super::groups::{self, GRACE};
use rustix::process::Signal;
use std::process::Child;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How often they are looked after.
const TICK: Duration = Duration::from_millis(50);

static ORPHANS: Mutex<Orphans> = Mutex::new(Orphans {
    children: Vec::new(),
    has_guardian: false,
});

#[derive(Debug)]
struct Orphans {
    children: Vec<Orphan>,
    /// A thread looks after them.
    has_guardian: bool,
}

#[derive(Debug)]
struct Orphan {
    child: Child,
    /// When its group is killed.
    end: Option<Instant>,
}

/// Lets a script run on, and reaps it when it has ended.
pub(super) fn leave(child: Child) {
    adopt(Orphan { child, end: None });
}

/// Asks a script, and all it has started, to end; what does not is killed.
///
/// It is not reaped before that: only as long as its id is taken, its group's is surely its own.
pub(super) fn end(child: Child) {
    groups::signal(child.id(), Signal::TERM);
    let end = Some(Instant::now() + GRACE);
    adopt(Orphan { child, end });
}

fn adopt(orphan: Orphan) {
    let mut orphans = lock();
    orphans.children.push(orphan);
    if !orphans.has_guardian {
        let guardian = thread::Builder::new().name("scripts".into());
        let spawned = guardian.stack_size(64 * 1024).spawn(look_after);
        // Without a thread to be had, the next orphan's finds this one as well.
        orphans.has_guardian = spawned.is_ok();
    }
}

fn look_after() {
    loop {
        let mut orphans = lock();
        orphans.children.retain_mut(|orphan| !orphan.is_gone());
        if orphans.children.is_empty() {
            orphans.has_guardian = false;
            return;
        }
        drop(orphans);
        thread::sleep(TICK);
    }
}

impl Orphan {
    fn is_gone(&mut self) -> bool {
        if let Some(end) = self.end {
            if Instant::now() < end {
                return false;
            }
            groups::signal(self.child.id(), Signal::KILL);
        }
        !matches!(groups::reap(&mut self.child), Ok(None))
    }
}

fn lock() -> MutexGuard<'static, Orphans> {
    // Nothing panics while it is held.
    ORPHANS.lock().unwrap_or_else(PoisonError::into_inner)
}
