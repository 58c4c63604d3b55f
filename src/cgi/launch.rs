//! How a script is started.

use super::Script;
use super::environment::{Variable, text};
use crate::sys;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// What interprets a script's file.
#[derive(Clone, Copy, Debug)]
pub(super) enum Runner {
    /// The kernel knows binaries, and the interpreters that scripts name in their first line.
    Kernel,
    /// The shell runs everything else, as everywhere on Unix.
    Shell,
}

/// How a script is started.
pub(crate) struct Launch<'a> {
    /// Its file.
    pub(crate) file: &'a Path,
    /// The script itself.
    pub(crate) script: &'a Script,
    /// The query as received.
    pub(crate) query: &'a [u8],
    /// Variables in addition to the server's own.
    pub(crate) environment: Vec<Variable>,
    /// The user that it runs as, if not the server's.
    pub(crate) user: Option<sys::User>,
    /// Whether the request has a body for it to read.
    pub(crate) has_body: bool,
}

impl Launch<'_> {
    /// The command that runs the script.
    ///
    /// If no user is set, std starts it with `posix_spawn`, which does not copy the server's memory
    /// map; a change of user takes `fork`. Either way no code of ours runs in between. std does not
    /// restrict what is inherited: all descriptors close on `exec`, and [`sys::isolate_children`]
    /// takes care of signals.
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
        // As in CPython: a query that is not a form is passed as an argument, always exactly one.
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
        // A group of its own, so that everything it starts can be ended with it.
        command.process_group(0);
        if let Some(user) = self.user {
            // std also drops the supplementary groups, before it sets the user.
            command.gid(user.group).uid(user.id);
        }
        command
    }
}
