//! What is opened, and how.

use super::open_files::Stamp;
use super::sibling::is_in;
use crate::http::{Coding, Headers, HttpDate, Representation};
use rustix::fs::{FileType, OFlags};
use rustix::io::Errno;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// Non-blocking: something that has become a FIFO since it was checked opens at once, and is then
/// refused.
pub(super) const FLAGS: OFlags = OFlags::RDONLY
    .union(OFlags::CLOEXEC)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY);

/// How long the holder of a write lease may take to give the file up (`fcntl(2)`, `F_SETLEASE`).
const LEASE_LIMIT: Duration = Duration::from_secs(5);
/// How long to wait between two attempts to open such a file.
const LEASE_PAUSE: Duration = Duration::from_millis(10);

/// Something open, and its metadata.
pub(super) enum Opened {
    /// A regular file.
    File(Arc<Representation>),
    /// A directory, with its stamp if it may be kept open.
    Directory(OwnedFd, Option<Box<Stamp>>),
    /// Anything else.
    Other,
}

/// A file that has just been opened, with its metadata.
pub(super) fn with_stamp(file: OwnedFd) -> rustix::io::Result<(OwnedFd, Stamp)> {
    let stamp = Stamp::from(&rustix::fs::fstat(&file)?);
    Ok((file, stamp))
}

/// Whether a directory that stays open can be read again from its start. That is asked too much of
/// some file systems: sshfs shows an empty directory then.
#[cfg(target_os = "linux")]
pub(super) fn can_be_read_again(directory: &OwnedFd) -> bool {
    use rustix::fs::{FsWord, fstatfs};
    /// ext2 to ext4, XFS, Btrfs, F2FS, bcachefs, ZFS, tmpfs, overlayfs.
    const LOCAL: [u32; 8] = [
        0xef53,
        0x5846_5342,
        0x9123_683e,
        0xf2f5_2010,
        0xca45_1a4e,
        0x2fc1_2fc1,
        0x0102_1994,
        0x794c_7630,
    ];
    #[allow(
        clippy::cast_lossless,
        clippy::cast_possible_wrap,
        reason = "the field has other types on other systems"
    )]
    let is = |of: FsWord| LOCAL.iter().any(|&magic| magic as FsWord == of);
    fstatfs(directory).is_ok_and(|found| is(found.f_type))
}

/// Whether a directory that stays open can be read again from its start.
#[cfg(not(target_os = "linux"))]
pub(super) fn can_be_read_again(_: &OwnedFd) -> bool {
    false
}

pub(super) fn represent(
    file: OwnedFd,
    stamp: &Stamp,
    coding: Option<Coding>,
    kind: impl Fn() -> Headers,
) -> Opened {
    if stamp.kind == FileType::Directory {
        return Opened::Directory(file, None);
    }
    if !stamp.is_regular() || coding.is_some_and(|coding| !is_in(coding, &file)) {
        return Opened::Other;
    }
    let file = Arc::new(File::from(file));
    let now = HttpDate::now();
    let representation = Representation::in_coding(coding, file, stamp.state, kind(), now);
    Opened::File(representation.into())
}

pub(super) fn file_type(file: OwnedFd) -> rustix::io::Result<FileType> {
    let stat = rustix::fs::fstat(file)?;
    Ok(FileType::from_raw_mode(stat.st_mode))
}

/// Refuses to open anything that is neither a file nor a directory: merely opening a FIFO is
/// noticed by the processes waiting at its other end.
pub(super) fn must_be_served(kind: FileType) -> rustix::io::Result<()> {
    match kind {
        FileType::RegularFile | FileType::Directory => Ok(()),
        _ => Err(Errno::NXIO),
    }
}

/// Opens a file on which another process may hold a lease. The first attempt makes the kernel ask
/// for the lease back; a non-blocking open fails until it is given up.
pub(super) fn past_lease(
    open: impl Fn() -> rustix::io::Result<OwnedFd>,
) -> rustix::io::Result<OwnedFd> {
    let first = open();
    if !matches!(first, Err(Errno::AGAIN)) {
        return first;
    }
    let start = Instant::now();
    loop {
        thread::sleep(LEASE_PAUSE);
        match open() {
            Err(Errno::AGAIN) if start.elapsed() < LEASE_LIMIT => {}
            opened => return opened,
        }
    }
}
