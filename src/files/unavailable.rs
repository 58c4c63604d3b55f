//! Why something is not opened: it is absent, or resources are exhausted.

use rustix::fs::{FileType, Stat};
use rustix::io::Errno;
use std::collections::TryReserveError;
use std::io;

/// Why something is not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unavailable {
    /// It is not there, or the client may not know that it is.
    Absent,
    /// No descriptor or memory is available for it now.
    Shortage,
}

impl From<Errno> for Unavailable {
    fn from(error: Errno) -> Self {
        match error {
            // `EAGAIN`: the file is busy because its lease has not been given up.
            Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::AGAIN => Self::Shortage,
            _ => Self::Absent,
        }
    }
}

impl From<io::Error> for Unavailable {
    fn from(error: io::Error) -> Self {
        Errno::from_io_error(&error).map_or(Self::Absent, Self::from)
    }
}

impl From<TryReserveError> for Unavailable {
    fn from(_: TryReserveError) -> Self {
        Self::Shortage
    }
}

/// Turns the result of a `stat` into a file type, unknown if there is no such file. Only a shortage
/// is an error: something that could not be examined must not be taken for absent.
pub(super) fn file_type_of(stat: rustix::io::Result<Stat>) -> Result<FileType, Unavailable> {
    match stat.map_err(Unavailable::from) {
        Ok(stat) => Ok(FileType::from_raw_mode(stat.st_mode)),
        Err(Unavailable::Absent) => Ok(FileType::Unknown),
        Err(Unavailable::Shortage) => Err(Unavailable::Shortage),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shortage_is_not_taken_for_absence() {
        for error in [Errno::MFILE, Errno::NFILE, Errno::NOMEM] {
            assert_eq!(Unavailable::from(error), Unavailable::Shortage);
            assert_eq!(
                Unavailable::from(io::Error::from(error)),
                Unavailable::Shortage
            );
            assert_eq!(file_type_of(Err(error)), Err(Unavailable::Shortage));
        }
        for error in [
            Errno::NOENT,
            Errno::ACCESS,
            Errno::LOOP,
            Errno::NAMETOOLONG,
            Errno::NOTDIR,
        ] {
            assert_eq!(Unavailable::from(error), Unavailable::Absent);
            assert_eq!(file_type_of(Err(error)), Ok(FileType::Unknown));
        }
    }
}
