//! What the standard library lacks: passive addresses, `sendfile`, limits, local time, the user
//! `nobody`, what children inherit, confinement, scheduling, files that change.

mod clock;
mod memory;
mod sandbox;
mod schedule;
mod watched;

pub(crate) use clock::uptime;
pub(crate) use memory::memory_limit;
pub(crate) use sandbox::{Purpose, Reach, confine};
pub(crate) use schedule::{
    ThreadId, allowed_cpus, current_cpu, incoming_cpu, move_to_cpu, start_at_once, wait_for_turn,
    yield_to_others,
};
pub(crate) use watched::Watched;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use nix::sys::signal::SigSet;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::retry_on_intr;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use socket2::{Domain, SockAddr, Socket, Type};
#[cfg(target_os = "linux")]
use socket2::{SockFilter, SockRef};
use std::env;
use std::fs::{self, File, Permissions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// The address that `host` and `port` stand for; without a host, all interfaces.
///
/// It is the first answer of `getaddrinfo` for a passive socket, as in CPython's
/// `_get_best_family`, so both choose the same family on the same machine.
pub(crate) fn passive_address(host: Option<&str>, port: u16) -> io::Result<SocketAddr> {
    let hints = dns_lookup::AddrInfoHints {
        flags: libc::AI_PASSIVE,
        socktype: libc::SOCK_STREAM,
        ..dns_lookup::AddrInfoHints::default()
    };
    let mut found = dns_lookup::getaddrinfo(host, Some(&port.to_string()), Some(hints))?;
    let first = found.next().ok_or(io::ErrorKind::AddrNotAvailable)??;
    Ok(first.sockaddr)
}

/// Listens on `address` as CPython's server does: old connections of an earlier server do not block
/// the port, and an IPv6 wildcard accepts IPv4 clients too.
pub(crate) fn listen(address: SocketAddr, backlog: i32) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.bind(&address.into())?;
    socket.listen(backlog)?;
    Ok(socket.into())
}

/// Listens at `path`, where nothing exists yet. The socket has `mode`, or what the umask leaves,
/// before anybody can connect to it.
pub(crate) fn listen_at(path: &Path, backlog: i32, mode: Option<u32>) -> io::Result<UnixListener> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&SockAddr::unix(path)?)?;
    if let Some(mode) = mode {
        fs::set_permissions(path, Permissions::from_mode(mode))?;
    }
    socket.listen(backlog)?;
    Ok(socket.into())
}

/// Raises the limit on open descriptors to the highest that the process may set.
///
/// Failure is harmless; the server just admits fewer connections.
pub(crate) fn raise_descriptor_limit() {
    // The most that macOS accepts, whatever limit it reports.
    const OPEN_MAX: u64 = 10_240;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raise = |current| setrlimit(Resource::Nofile, Rlimit { current, maximum });
    if raise(maximum).is_err() && current.is_some_and(|current| current < OPEN_MAX) {
        let _ = raise(Some(OPEN_MAX));
    }
}

/// How many open descriptors the process may have.
pub(crate) fn descriptor_limit() -> usize {
    let limit = getrlimit(Resource::Nofile).current;
    limit.map_or(usize::MAX, |limit| {
        usize::try_from(limit).unwrap_or(usize::MAX)
    })
}

/// How many more bytes of address space the process may take, if that is limited (`ulimit -v`,
/// `ulimit -d`).
pub(crate) fn spare_address_space() -> Option<usize> {
    let limits = [Resource::As, Resource::Data].map(|resource| getrlimit(resource).current);
    let limit = limits.into_iter().flatten().min()?;
    let taken = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = taken
        .split(' ')
        .next()
        .and_then(|pages| pages.parse().ok())
        .unwrap_or(0);
    let taken = pages.saturating_mul(rustix::param::page_size() as u64);
    usize::try_from(limit.saturating_sub(taken)).ok()
}

/// How many mappings the process may have, if the system reports it.
pub(crate) fn most_mappings() -> Option<usize> {
    let text = fs::read_to_string("/proc/sys/vm/max_map_count").ok()?;
    text.trim().parse().ok()
}

/// Keeps glibc's allocator from reserving address space where it is scarce: it takes 64 MiB for
/// each of up to eight arenas per CPU. The number of arenas is read from the environment when a
/// process starts, so this re-executes the program, once.
#[cfg(target_env = "gnu")]
pub(crate) fn save_address_space() {
    use std::os::unix::process::CommandExt;
    const ARENAS: &str = "MALLOC_ARENA_MAX";
    const PLENTY: usize = 16 * 1024 * 1024 * 1024;
    let is_scarce = spare_address_space().is_some_and(|spare| spare < PLENTY);
    let mut arguments = env::args_os();
    if let (true, None, Some(name), Ok(program)) = (
        is_scarce,
        env::var_os(ARENAS),
        arguments.next(),
        env::current_exe(),
    ) {
        // This returns only if it fails; the limit on connections holds all the same.
        let mut again = std::process::Command::new(program);
        let _ = again.arg0(name).args(arguments).env(ARENAS, "1").exec();
    }
}

/// Other allocators do not reserve such space.
#[cfg(not(target_env = "gnu"))]
pub(crate) fn save_address_space() {}

/// Makes a listener ignore clients that connect from now on, but not those in the middle of the
/// handshake. The ignored ones soon retry, and find no server or the next one. Closing the listener
/// while clients connect would reset some.
#[cfg(target_os = "linux")]
pub(crate) fn ignore_new_clients(listener: &TcpListener) {
    use libc::{BPF_ABS, BPF_ALU, BPF_AND, BPF_B, BPF_JEQ, BPF_JMP, BPF_K, BPF_LD, BPF_RET};
    // Where the flags are in a TCP header (RFC 9293 §3.1), and those that identify a first packet.
    const FLAGS_AT: u32 = 13;
    const SYN: u32 = 0x02;
    const SYN_OR_ACK: u32 = 0x12;
    let step = |code: u32, if_not, value| {
        SockFilter::new(u16::try_from(code).unwrap_or(0), 0, if_not, value)
    };
    let filter = [
        step(BPF_LD | BPF_B | BPF_ABS, 0, FLAGS_AT),
        step(BPF_ALU | BPF_AND | BPF_K, 0, SYN_OR_ACK),
        step(BPF_JMP | BPF_JEQ | BPF_K, 1, SYN),
        step(BPF_RET | BPF_K, 0, 0),
        step(BPF_RET | BPF_K, 0, u32::MAX),
    ];
    // Without the filter, the listener behaves as on other systems.
    let _ = SockRef::from(listener).attach_filter(&filter);
}

/// Other systems have no such filter.
#[cfg(not(target_os = "linux"))]
pub(crate) fn ignore_new_clients(_: &TcpListener) {}

/// Which of `events` have happened on `descriptor`, without waiting for any; an error or the end of
/// the other side is among them, asked for or not. None if that is unknown.
pub(crate) fn events_now(descriptor: impl AsFd, events: PollFlags) -> PollFlags {
    let mut polled = [PollFd::new(&descriptor, events)];
    let polling = retry_on_intr(|| poll(&mut polled, Some(&Timespec::default())));
    let [polled] = polled;
    polling.map_or(PollFlags::empty(), |_| polled.revents())
}

/// Sends at most `count` bytes of `file` from `offset` on, and returns how many. Zero means the end
/// of the file.
///
/// On Linux the kernel moves the bytes without a copy (`std::io::copy` no longer does that).
#[cfg(target_os = "linux")]
pub(crate) fn send_file(
    socket: impl AsFd,
    file: &File,
    offset: u64,
    count: u64,
) -> rustix::io::Result<usize> {
    // The kernel does not accept more than this at a time.
    const MAX: usize = 0x7fff_f000;
    let count = usize::try_from(count).unwrap_or(MAX).min(MAX);
    rustix::fs::sendfile(socket, file, Some(&mut { offset }), count)
}

/// Other systems have other calls, which rustix does not offer.
#[cfg(not(target_os = "linux"))]
pub(crate) fn send_file(_: impl AsFd, _: &File, _: u64, _: u64) -> rustix::io::Result<usize> {
    Err(rustix::io::Errno::NOSYS)
}

/// The local time zone, read once, as the C library does.
///
/// The first call needs more stack than a connection's thread has.
pub(crate) fn time_zone() -> &'static TimeZone {
    &zone().0
}

/// What tells the local time zone from others, after a restart too.
pub(crate) fn time_zone_hash() -> u64 {
    zone().1
}

fn zone() -> &'static (TimeZone, u64) {
    static ZONE: OnceLock<(TimeZone, u64)> = OnceLock::new();
    ZONE.get_or_init(|| {
        let mut hasher = DefaultHasher::new();
        let name = env::var_os("TZ");
        name.hash(&mut hasher);
        if name.is_some() {
            return (TimeZone::system(), hasher.finish());
        }
        // jiff would search all zones for the name of this machine's, which the log does not show:
        // that takes longer than everything else at startup.
        let data = fs::read("/etc/localtime").ok();
        data.hash(&mut hasher);
        let zone = data.and_then(|data| TimeZone::tzif("local", &data).ok());
        (zone.unwrap_or(TimeZone::UTC), hasher.finish())
    })
}

/// The local time `seconds` after 1970, as it appears in the log: `22/Nov/2026 07:21:00`.
pub(crate) fn log_time(seconds: i64) -> String {
    let time = Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH);
    time_zone()
        .to_datetime(time)
        .strftime("%d/%b/%Y %H:%M:%S")
        .to_string()
}

/// The same with the zone, as Apache and nginx write it: `22/Nov/2026:07:21:00 +0000`.
pub(crate) fn combined_time(seconds: i64) -> String {
    let time = Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH);
    let time = time.to_zoned(time_zone().clone());
    time.strftime("%d/%b/%Y:%H:%M:%S %z").to_string()
}

/// The same in UTC (RFC 3339): `2026-11-22T07:21:00Z`.
pub(crate) fn utc_time(seconds: i64) -> String {
    let time = Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH);
    time.to_string()
}

/// The local time `seconds` after 1970, and how many seconds it is ahead of universal time; `None`
/// for times ten thousand years away.
pub(crate) fn local_time(seconds: i64) -> Option<(DateTime, i32)> {
    let time = Timestamp::from_second(seconds).ok()?;
    let offset = time_zone().to_offset(time);
    Some((offset.to_datetime(time), offset.seconds()))
}

/// The universal time `seconds` after 1970; `None` for times ten thousand years away.
pub(crate) fn universal_time(seconds: i64) -> Option<DateTime> {
    let time = Timestamp::from_second(seconds).ok()?;
    Some(Offset::UTC.to_datetime(time))
}

/// The path of an open file with all symbolic links resolved. It was opened through `path`.
#[cfg(target_os = "linux")]
pub(crate) fn location(file: &impl AsFd, path: impl FnOnce() -> PathBuf) -> io::Result<PathBuf> {
    use std::os::fd::AsRawFd;
    let link = format!("/proc/self/fd/{}", file.as_fd().as_raw_fd());
    // Without /proc, fall back to the path.
    fs::read_link(link).or_else(|_| path().canonicalize())
}

/// As above, on systems where only the path is known.
#[cfg(not(target_os = "linux"))]
pub(crate) fn location(_: &impl AsFd, path: impl FnOnce() -> PathBuf) -> io::Result<PathBuf> {
    path().canonicalize()
}

/// The name that this machine gives itself; this makes no network request.
pub(crate) fn host_name() -> String {
    rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned()
}

/// A user and its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) id: u32,
    pub(crate) group: u32,
}

/// The user that scripts run as: `nobody` if this process runs as root, otherwise its own user.
///
/// # Errors
/// The process is only partly root. Then std would not drop root's groups, or scripts could regain
/// root.
pub(crate) fn unprivileged_user() -> io::Result<Option<User>> {
    /// The kernel's ids for nobody, for systems that have no user of that name.
    const OVERFLOW: User = User {
        id: 65_534,
        group: 65_534,
    };
    static NOBODY: OnceLock<User> = OnceLock::new();
    let is_root = rustix::process::geteuid().is_root();
    if rustix::process::getuid().is_root() != is_root {
        return Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "of the real and the effective user one is root, the other is not",
        ));
    }
    Ok(is_root.then(|| {
        *NOBODY.get_or_init(|| {
            let found = nix::unistd::User::from_name("nobody").ok().flatten();
            found.map_or(OVERFLOW, |user| User {
                id: user.uid.as_raw(),
                group: user.gid.as_raw(),
            })
        })
    }))
}

/// Unblocks the signals that the parent process had blocked: otherwise SIGTERM could not end the
/// server or its children. A log that exceeds the file size limit becomes a log that cannot be
/// written, instead of ending the process. Must be called before any thread is started.
pub(crate) fn unblock_signals() -> io::Result<()> {
    SigSet::empty().thread_set_mask()?;
    // Unlike an ignored signal, one with a handler goes back to its default in children.
    signal_hook::flag::register(libc::SIGXFSZ, Arc::default())?;
    Ok(())
}

/// Undoes what this process may have inherited and would pass on to its children: descriptors other
/// than 0, 1 and 2, and ignored signals, which it returns. Must be called before any thread is
/// started.
pub(crate) fn isolate_children() -> io::Result<Vec<i32>> {
    close_fds::set_fds_cloexec(3, &[]);
    let ignored = ignored_signals();
    for &signal in &ignored {
        // A handled signal goes back to its default after `exec`, and a handler that only sets a
        // flag still ignores it here. std takes care of SIGPIPE; some signals cannot be handled.
        if signal != libc::SIGPIPE && !signal_hook::consts::FORBIDDEN.contains(&signal) {
            signal_hook::flag::register(signal, Arc::default())?;
        }
    }
    Ok(ignored)
}

/// The signals that this process was started to ignore, as `nohup` does; none if the system does
/// not report them.
fn ignored_signals() -> Vec<i32> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or_default();
    // Those beyond are the C library's own signals and real-time signals.
    (1..32)
        .filter(|signal| mask & (1 << (signal - 1)) != 0)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpStream;

    #[test]
    fn all_interfaces_is_what_no_host_means() {
        let address = passive_address(None, 8000).expect("a machine has interfaces");
        assert!(address.ip().is_unspecified());
        assert_eq!(address.port(), 8000);
        assert_eq!(
            passive_address(Some("127.0.0.1"), 0).ok(),
            "127.0.0.1:0".parse().ok()
        );
        assert_eq!(
            passive_address(Some("::1"), 80).ok(),
            "[::1]:80".parse().ok()
        );
        assert!(passive_address(Some("no such host"), 80).is_err());
    }

    #[test]
    fn the_local_zone_is_the_system_s() {
        let now = Timestamp::now();
        if env::var_os("TZ").is_none() {
            let expected = TimeZone::system().to_offset(now);
            assert_eq!(time_zone().to_offset(now), expected);
        }
    }

    #[test]
    fn a_file_is_sent_from_any_offset() {
        let listener = listen("127.0.0.1:0".parse().expect("an address"), 1).expect("it listens");
        let mut client =
            TcpStream::connect(listener.local_addr().expect("it has one")).expect("it connects");
        let (socket, _) = listener.accept().expect("a connection");
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(b"0123456789").expect("it is written");
        assert_eq!(send_file(&socket, &file, 3, 4).expect("it is sent"), 4);
        assert_eq!(send_file(&socket, &file, 8, 100).expect("it is sent"), 2);
        assert_eq!(
            send_file(&socket, &file, 10, 100).expect("nothing is left"),
            0
        );
        drop(socket);
        let mut received = String::new();
        client
            .read_to_string(&mut received)
            .expect("it is received");
        assert_eq!(received, "345689");
    }
}
