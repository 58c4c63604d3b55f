//! The place of the process that starts scripts, on systems that have none.

use super::job::Job;
use super::launch::Started;
use crate::sys;
use std::io;
use std::process::ExitStatus;

/// A script that another process has started: there is none.
pub(super) enum Remote {}

/// Each script is started with `fork`.
pub(crate) fn use_starter() {}

/// This process is never one that starts scripts.
pub(crate) fn serve_if_asked() -> Option<io::Result<()>> {
    None
}

/// This process has to start the script itself.
pub(super) fn start(_: &Job, _: sys::User, _: bool) -> Option<io::Result<Started>> {
    None
}

impl Remote {
    pub(super) fn id(&self) -> u32 {
        match *self {}
    }

    pub(super) fn has_ended(&self) -> bool {
        match *self {}
    }

    pub(super) fn is_ours(&self) -> bool {
        match *self {}
    }

    pub(super) fn observe(&self) {
        match *self {}
    }

    pub(super) fn status(&self) -> Option<ExitStatus> {
        match *self {}
    }

    pub(super) fn release(&self) {
        match *self {}
    }
}
