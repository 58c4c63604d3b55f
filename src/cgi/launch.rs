//! What a script is started with.

use super::Script;
use super::environment::{Variable, text};
use crate::sys;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// Who makes sense of a script's file.
#[derive(Clone, Copy, Debug)]
pub(super) enum Runner {
    /// It knows binaries, and the interpreters that a script names in its first line.
    Kernel,
    /// All else is for it, as everywhere on Unix.
    Shell,
}

/// What a script is started with.
pub(crate) struct Launch<'a> {
    /// Its file.
    pub(crate) file: &'a Path,
    /// Which script it is.
    pub(crate) script: &'a Script,
    /// The query as received.
    pub(crate) query: &'a [u8],
    /// Variables beside the server's own.
    pub(crate) environment: Vec<Variable>,
    /// Whom it runs as, if not as the server.
    pub(crate) user: Option<sys::User>,
    /// Whether there is something for it to read.
    pub(crate) has_body: bool,
}

impl Launch<'_> {
    /// The command that runs the script.
    ///
    /// As long as no user is set, std starts it with `posix_spawn`, which does not copy the
    /// server's memory map; a change of user takes `fork`. Either way nothing of ours runs in
    /// between. std sets no limits on what is inherited: descriptors all close on `exec`, and
    /// [`sys::isolate_children`] sees to signals.
    pub(super) fn command(&self, runner: Runner) -> Command {
        let mut command = match runner {
            Runner::Kernel => {
                let mut command = Command::new(self.file);
                command.arg0(OsStr::from_bytes(self.script.name()));
                command
            }
            Runner::Shell => {
                let mut command = Command::new("/bin/sh");
                command.arg(self.file);
                command
            }
        };
        // As in CPython: a query that is not a form is an argument, always exactly one.
        let query: Vec<u8> = self
            .query
            .iter()
            .map(|&byte| if byte == b'+' { b' ' } else { byte })
            .collect();
        if !query.contains(&b'=') {
            command.arg(text(&query));
        }
        for (name, value) in &self.environment {
            match value {
                Some(value) => command.env(&**name, value),
                None => command.env_remove(&**name),
            };
        }
        command.stdin(if self.has_body {
            Stdio::piped()
        } else {
            Stdio::null()
        });
        command.stdout(Stdio::piped());
        // A group of its own, so that what it starts can be ended with it.
        command.process_group(0);
        if let Some(user) = self.user {
            // std drops the supplementary groups as well, before it sets the user.
            command.gid(user.group).uid(user.id);
        }
        command
    }
}
