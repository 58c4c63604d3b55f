//! Which thread gets a CPU first, and which CPU it gets. A failure of any of this costs only speed.

#[cfg(target_os = "linux")]
use nix::sched::{CpuSet, sched_getaffinity};
use std::os::fd::BorrowedFd;
#[cfg(target_os = "linux")]
use std::sync::atomic::Ordering;

/// The number of the CPU that the calling thread is on; it may be on another at once.
pub(crate) fn current_cpu() -> usize {
    #[cfg(target_os = "linux")]
    return nix::sched::sched_getcpu().unwrap_or(0);
    #[cfg(not(target_os = "linux"))]
    0
}

/// The numbers of the CPUs that the calling thread may use, in order; none where that is unknown.
pub(crate) fn allowed_cpus() -> Vec<usize> {
    #[cfg(target_os = "linux")]
    if let Ok(mask) = sched_getaffinity(linux::THIS) {
        let is_allowed = |&cpu: &usize| mask.is_set(cpu) == Ok(true);
        return (0..CpuSet::count()).filter(is_allowed).collect();
    }
    Vec::new()
}

/// A thread of this process. Its number may be another's once it has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ThreadId(#[cfg(target_os = "linux")] nix::unistd::Pid);

impl ThreadId {
    /// The calling thread.
    pub(crate) fn current() -> Self {
        Self(
            #[cfg(target_os = "linux")]
            nix::unistd::gettid(),
        )
    }

    /// Whether it has ended, so that its stack is not in use; where that is unknown, it has.
    #[cfg_attr(
        not(target_os = "linux"),
        expect(clippy::unused_self, reason = "Linux needs it")
    )]
    pub(crate) fn has_ended(self) -> bool {
        #[cfg(target_os = "linux")]
        return sched_getaffinity(self.0).is_err();
        #[cfg(not(target_os = "linux"))]
        true
    }
}

/// The CPU that handled the last packet received on a TCP connection (`SO_INCOMING_CPU`); `None` for
/// other sockets.
pub(crate) fn incoming_cpu(socket: BorrowedFd<'_>) -> Option<usize> {
    #[cfg(target_os = "linux")]
    {
        let cpu = rustix::net::sockopt::socket_incoming_cpu(socket).ok()?;
        // Of other sockets, Linux says -1.
        usize::try_from(cpu)
            .ok()
            .filter(|&cpu| cpu < CpuSet::count())
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = socket;
        None
    }
}

/// Moves the calling thread to this CPU, if it may use it, and returns whether it did. The kernel may
/// move it again at any time.
pub(crate) fn move_to_cpu(cpu: usize) -> bool {
    #[cfg(target_os = "linux")]
    return linux::move_to_cpu(cpu);
    #[cfg(not(target_os = "linux"))]
    {
        let _ = cpu;
        false
    }
}

/// Makes the calling thread wait for the CPU until other threads need it less.
///
/// A thread that writes what other threads queue for it should not preempt them each time: while it
/// waits, more accumulates, and is written in one go.
pub(crate) fn yield_to_others() {
    // On other systems this would slow down the whole process.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::setpriority_process(None, 10);
}

/// Makes the calling thread wait for its turn when it has work to do, instead of preempting the
/// thread that has the CPU (`SCHED_BATCH`).
///
/// A client with many connections then sends all its requests before the first is answered, and a
/// CPU switches threads once for each of them, not twice. On an idle CPU a thread continues at
/// once, as always.
pub(crate) fn wait_for_turn() {
    #[cfg(target_os = "linux")]
    if linux::exchange(linux::OTHER, linux::BATCH) {
        linux::WAITS.store(true, Ordering::Relaxed);
    }
}

/// Calls `start` as a thread that does not wait for its turn: what it starts inherits that.
pub(crate) fn start_at_once<T>(start: impl FnOnce() -> T) -> T {
    #[cfg(target_os = "linux")]
    let waits = linux::WAITS.load(Ordering::Relaxed) && linux::exchange(linux::BATCH, linux::OTHER);
    let started = start();
    #[cfg(target_os = "linux")]
    if waits {
        linux::exchange(linux::OTHER, linux::BATCH);
    }
    started
}

#[cfg(target_os = "linux")]
mod linux {
    use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
    use nix::unistd::Pid;
    use std::sync::atomic::AtomicBool;
    use thread_priority::NormalThreadSchedulePolicy::{Batch, Other};
    use thread_priority::ThreadSchedulePolicy::{self, Normal};
    use thread_priority::{
        ThreadPriority, set_thread_priority_and_policy, thread_native_id, thread_schedule_policy,
    };

    /// Whether this program itself has made its threads wait for their turn.
    pub(super) static WAITS: AtomicBool = AtomicBool::new(false);
    pub(super) const OTHER: ThreadSchedulePolicy = Normal(Other);
    pub(super) const BATCH: ThreadSchedulePolicy = Normal(Batch);

    /// The calling thread, where an id is asked for.
    pub(super) const THIS: Pid = Pid::from_raw(0);

    pub(super) fn move_to_cpu(cpu: usize) -> bool {
        let mut only = CpuSet::new();
        let Ok(allowed) = sched_getaffinity(THIS) else {
            return false;
        };
        let may_use = allowed.is_set(cpu) == Ok(true) && only.set(cpu).is_ok();
        if !may_use || sched_setaffinity(THIS, &only).is_err() {
            return false;
        }
        allow(&allowed);
        true
    }

    /// Lets the calling thread use these CPUs. If it might have used all that its control group has,
    /// that holds for those that the group gets later, too: its own mask would leave them out.
    fn allow(cpus: &CpuSet) {
        let mut all = CpuSet::new();
        for cpu in 0..CpuSet::count() {
            let _ = all.set(cpu);
        }
        let set = sched_setaffinity(THIS, &all).and_then(|()| sched_getaffinity(THIS));
        if set.as_ref() != Ok(cpus) {
            let _ = sched_setaffinity(THIS, cpus);
        }
    }

    /// Gives the calling thread another policy if it has the expected one: a user who starts the
    /// program under a third policy has reasons. Returns whether it has done so.
    pub(super) fn exchange(expected: ThreadSchedulePolicy, policy: ThreadSchedulePolicy) -> bool {
        if thread_schedule_policy() != Ok(expected) {
            return false;
        }
        // The crate also sets the nice value, which must not change. On its scale, 0 to 99 stand
        // for 19 to -20; this is a number in the middle of those that stand for the current value.
        let nice = rustix::process::getpriority_process(None).unwrap_or(0);
        let priority = u8::try_from(((19 - nice) * 99 - 1) / 39).unwrap_or(0);
        let Ok(priority) = priority.try_into().map(ThreadPriority::Crossplatform) else {
            return false;
        };
        set_thread_priority_and_policy(thread_native_id(), priority, policy).is_ok()
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::linux::{BATCH, OTHER, THIS};
    use super::*;
    use nix::sched::sched_setaffinity;
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;
    use thread_priority::thread_schedule_policy;

    #[test]
    fn waiting_for_a_turn_leaves_the_nice_value() {
        for more in 0..20 {
            // Linux has a policy and a nice value for each thread.
            let thread = std::thread::spawn(move || {
                let nice = rustix::process::nice(more).expect("it may be raised");
                wait_for_turn();
                assert_eq!(thread_schedule_policy(), Ok(BATCH));
                assert_eq!(start_at_once(thread_schedule_policy), Ok(OTHER));
                assert_eq!(thread_schedule_policy(), Ok(BATCH));
                assert_eq!(rustix::process::getpriority_process(None), Ok(nice));
            });
            thread.join().expect("it does not panic");
        }
    }

    #[test]
    fn a_thread_moves_to_any_cpu_it_may_use_and_may_use_the_others_still() {
        let cpus = allowed_cpus();
        assert!(cpus.is_empty() || cpus.contains(&current_cpu()));
        for &cpu in &cpus {
            // The kernel may move it on before it looks where it is.
            let arrives = || move_to_cpu(cpu) && current_cpu() == cpu;
            assert!((0..1000).any(|_| arrives()), "{cpu} of {cpus:?}");
            assert_eq!(allowed_cpus(), cpus);
        }
        assert!(!move_to_cpu(CpuSet::count()));
        assert_eq!(allowed_cpus(), cpus);

        // One that the user has bound stays bound.
        let (Some(&cpu), Some(&other)) = (cpus.first(), cpus.get(1)) else {
            return;
        };
        let mut only = CpuSet::new();
        only.set(cpu).expect("it has a number");
        sched_setaffinity(THIS, &only).expect("it is allowed");
        assert!(move_to_cpu(cpu));
        assert!(!move_to_cpu(other));
        assert_eq!(allowed_cpus(), [cpu]);
    }

    #[test]
    fn a_thread_has_ended_when_it_is_no_longer_there() {
        assert!(!ThreadId::current().has_ended());
        let other = std::thread::spawn(ThreadId::current).join();
        let other = other.expect("it does not panic");
        while !other.has_ended() {
            std::thread::yield_now();
        }
    }

    #[test]
    fn packets_arrive_on_a_cpu_but_those_of_unix_sockets() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there are ports");
        let address = listener.local_addr().expect("it is bound");
        let _client = TcpStream::connect(address).expect("it listens");
        let (server, _) = listener.accept().expect("a client came");
        assert!(incoming_cpu(server.as_fd()).is_some());
        let (unix, _) = UnixStream::pair().expect("there are descriptors");
        assert_eq!(incoming_cpu(unix.as_fd()), None);
    }
}
