//! Reads the names in a directory, one after the other.

use super::unavailable::{Unavailable, file_type_of};
use rustix::fs::{AtFlags, FileType, SeekFrom};
use std::ffi::CStr;
use std::os::fd::BorrowedFd;

/// Bytes of a directory read at a time, as the C library does.
#[cfg(target_os = "linux")]
const DIRECTORY_BUFFER: usize = 32 * 1024;

/// Iterates over the names in an open directory, from its first one, each with its type, links not
/// followed.
pub(super) fn for_each_name(
    directory: BorrowedFd<'_>,
    mut take: impl FnMut(&CStr, FileType) -> Result<(), Unavailable>,
) -> Result<(), Unavailable> {
    rustix::fs::seek(directory, SeekFrom::Start(0))?;
    read_names(directory, |name, kind| {
        if matches!(name.to_bytes(), b"." | b"..") {
            return Ok(());
        }
        // Some file systems do not return the type with the name.
        let kind = match kind {
            FileType::Unknown => file_type_of(rustix::fs::statat(
                directory,
                name,
                AtFlags::SYMLINK_NOFOLLOW,
            ))?,
            kind => kind,
        };
        take(name, kind)
    })
}

/// Iterates over all that an open directory returns from where it was last read.
#[cfg(target_os = "linux")]
fn read_names(
    directory: BorrowedFd<'_>,
    mut take: impl FnMut(&CStr, FileType) -> Result<(), Unavailable>,
) -> Result<(), Unavailable> {
    use rustix::fs::RawDir;
    let mut buffer = Vec::new();
    buffer.try_reserve_exact(DIRECTORY_BUFFER)?;
    let mut entries = RawDir::new(directory, buffer.spare_capacity_mut());
    while let Some(entry) = entries.next() {
        let entry = entry?;
        take(entry.file_name(), entry.file_type())?;
    }
    Ok(())
}

/// As above, by the C library, with a descriptor of its own and an allocation for each name.
#[cfg(not(target_os = "linux"))]
fn read_names(
    directory: BorrowedFd<'_>,
    mut take: impl FnMut(&CStr, FileType) -> Result<(), Unavailable>,
) -> Result<(), Unavailable> {
    for entry in rustix::fs::Dir::read_from(directory)? {
        let entry = entry?;
        take(entry.file_name(), entry.file_type())?;
    }
    Ok(())
}
