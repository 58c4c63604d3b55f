//! Which connections are served on the CPU that their packets arrive on.
//!
//! The kernel leaves a thread on the CPU where it last ran. A client's packets arrive on the CPU of
//! the client, or of a queue of the network card. If the two differ, each request wakes a thread on
//! another CPU, and the data moves between caches. Two busy clients with 64 connections get a third
//! fewer responses then, with four times the p99 latency.
//!
//! So a busy connection looks, now and then, where its packets arrive, and its thread moves there. The
//! thread is not bound to that CPU: if it has too much to do, the kernel moves threads away again. And
//! no thread moves to a CPU on which more than 1.5 times its share of the busy connections arrive.

use crate::sys;
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A connection is busy after this many small responses, until it ends. Most have fewer.
const FEW: u32 = 4;
/// Small responses from one look to the next. The kernel, too, moves threads, and undoes in
/// milliseconds what a look has done: with 32 responses or more between looks, 500 clients on one CPU
/// might wait four times as long as 500 on the other, for half a second.
const INTERVAL: u32 = 8;
/// Largest response that counts, in bytes. A larger one takes longer to copy than a thread to wake,
/// and two CPUs copy faster than one: with 64 KiB moving gains 20 %, with 100 KiB it loses 20 %.
const SMALL: u64 = 72 * 1024;

/// How many busy connections there are, and where they are served.
#[derive(Debug)]
pub(super) struct Affinity {
    /// For each CPU, by its number: the busy connections whose packets arrive there.
    arriving: Box<[AtomicUsize]>,
    /// How many CPUs this process might use at the start.
    cpus: usize,
    /// All busy connections.
    busy: AtomicUsize,
}

impl Affinity {
    /// No connections yet. The process may use the CPUs `allowed`, by their numbers in order.
    pub(super) fn new(allowed: &[usize]) -> Self {
        let end = allowed.last().map_or(0, |last| last + 1);
        Self {
            arriving: (0..end).map(|_| AtomicUsize::new(0)).collect(),
            cpus: allowed.len().max(1),
            busy: AtomicUsize::new(0),
        }
    }

    /// A connection that has just been accepted.
    pub(super) fn newcomer(&self) -> Home<'_> {
        Home {
            affinity: self,
            cpu: None,
            is_busy: false,
            until_look: FEW,
        }
    }

    /// Whether threads may move to `cpu`: at most 1.5 times its share of the busy connections arrive
    /// there. With no more busy connections than CPUs none may, because the kernel finds an idle CPU
    /// for each.
    fn has_room(&self, cpu: usize) -> bool {
        let busy = self.busy.load(Ordering::Relaxed);
        let share = busy.div_ceil(self.cpus);
        let arriving = self.arriving.get(cpu);
        let is_fair = |count: &AtomicUsize| count.load(Ordering::Relaxed) <= share + share / 2;
        busy > self.cpus && arriving.is_some_and(is_fair)
    }
}

/// Where one connection is served. It is counted until it is dropped.
#[derive(Debug)]
pub(super) struct Home<'s> {
    affinity: &'s Affinity,
    /// The CPU that its packets arrived on at the last look.
    cpu: Option<usize>,
    is_busy: bool,
    /// Small responses until the next look.
    until_look: u32,
}

impl Home<'_> {
    /// Notes that a response of `sent` bytes was sent. Now and then, the calling thread moves to the
    /// CPU that the packets of `socket` arrive on.
    #[inline]
    pub(super) fn answered(&mut self, socket: BorrowedFd<'_>, sent: u64) {
        if sent > SMALL {
            return;
        }
        self.until_look -= 1;
        if self.until_look == 0 {
            self.look(socket);
            self.until_look = INTERVAL;
        }
    }

    #[cold]
    fn look(&mut self, socket: BorrowedFd<'_>) {
        let Some(cpu) = sys::incoming_cpu(socket) else {
            return;
        };
        self.arrive(cpu);
        if sys::current_cpu() != cpu && self.affinity.has_room(cpu) {
            sys::move_to_cpu(cpu);
        }
    }

    /// Counts it as a busy connection whose packets arrive on `cpu`.
    fn arrive(&mut self, cpu: usize) {
        if !self.is_busy {
            self.is_busy = true;
            self.affinity.busy.fetch_add(1, Ordering::Relaxed);
        }
        if self.cpu != Some(cpu) {
            self.leave();
            if let Some(count) = self.affinity.arriving.get(cpu) {
                count.fetch_add(1, Ordering::Relaxed);
                self.cpu = Some(cpu);
            }
        }
    }

    fn leave(&mut self) {
        let cpu = self.cpu.take();
        if let Some(count) = cpu.and_then(|cpu| self.affinity.arriving.get(cpu)) {
            count.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Home<'_> {
    fn drop(&mut self) {
        self.leave();
        if self.is_busy {
            self.affinity.busy.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Busy connections whose packets arrive on these CPUs.
    fn arriving<'a>(affinity: &'a Affinity, cpus: &[usize]) -> Vec<Home<'a>> {
        let home = |&cpu: &usize| {
            let mut home = affinity.newcomer();
            home.arrive(cpu);
            home
        };
        cpus.iter().map(home).collect()
    }

    #[test]
    fn a_cpu_takes_half_as_many_again_as_its_share() {
        for (allowed, cpus, expected) in [
            (vec![0, 1], vec![0, 1, 0, 1], vec![true, true]),
            // Three quarters are the most.
            (vec![0, 1], vec![0, 0, 0, 1], vec![true, true]),
            (vec![0, 1], vec![0, 0, 0, 0], vec![false, true]),
            (vec![0, 1], vec![0, 0, 0, 0, 0, 0, 1, 1], vec![true, true]),
            (vec![0, 1], vec![0, 0, 0, 0, 0, 0, 0, 1], vec![false, true]),
            // The kernel finds an idle CPU for each.
            (vec![0, 1], vec![0, 1], vec![false, false]),
            (vec![0, 1], vec![0, 1, 1], vec![true, true]),
            // The share counts the CPUs that the process may use.
            (vec![1, 3], vec![1, 1, 1, 1], vec![true, false, true, true]),
            // No threads can be on a CPU beyond the last that the process may use.
            (vec![0, 1], vec![5, 5, 5], vec![true, true]),
            (vec![], vec![0, 0], vec![false, false]),
        ] {
            let affinity = Affinity::new(&allowed);
            let _homes = arriving(&affinity, &cpus);
            let found: Vec<_> = (0..expected.len())
                .map(|cpu| affinity.has_room(cpu))
                .collect();
            assert_eq!(found, expected, "{allowed:?} {cpus:?}");
        }
    }

    #[test]
    fn connections_count_where_they_arrive_until_they_end() {
        let affinity = Affinity::new(&[0, 1]);
        let counts = || {
            let count = |count: &AtomicUsize| count.load(Ordering::Relaxed);
            (
                count(&affinity.busy),
                count(&affinity.arriving[0]),
                count(&affinity.arriving[1]),
            )
        };
        let mut homes = arriving(&affinity, &[0, 0, 1]);
        assert_eq!(counts(), (3, 2, 1));
        for home in &mut homes {
            home.arrive(1);
        }
        assert_eq!(counts(), (3, 0, 3));
        homes.truncate(1);
        assert_eq!(counts(), (1, 0, 1));
        drop(homes);
        drop(affinity.newcomer());
        assert_eq!(counts(), (0, 0, 0));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_connection_is_busy_after_a_few_small_responses() {
        use std::net::{TcpListener, TcpStream};
        use std::os::fd::AsFd;

        let listener = TcpListener::bind("127.0.0.1:0").expect("there are ports");
        let address = listener.local_addr().expect("it is bound");
        let client = TcpStream::connect(address).expect("it listens");
        let affinity = Affinity::new(&sys::allowed_cpus());
        let mut home = affinity.newcomer();
        let busy = || affinity.busy.load(Ordering::Relaxed);
        for _ in 1..FEW {
            home.answered(client.as_fd(), SMALL);
            home.answered(client.as_fd(), SMALL + 1);
        }
        assert_eq!(busy(), 0);
        home.answered(client.as_fd(), SMALL);
        assert_eq!(busy(), 1);
        assert_eq!(home.until_look, INTERVAL);
        for _ in 0..INTERVAL {
            home.answered(client.as_fd(), 0);
        }
        assert_eq!(home.until_look, INTERVAL);
        assert_eq!(busy(), 1);
    }
}
