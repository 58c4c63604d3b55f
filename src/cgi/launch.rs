//! How a script is started: by this process, or by the [`starter`].

use super::Script;
use super::environment::{Variable, text};
use super::job::Job;
use super::starter::{self, Remote};
use crate::sys;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, ExitStatus, Stdio};
use std::sync::Arc;

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

/// A script that has been started, and our ends of its standard input and output.
pub(super) struct Started {
    pub(super) process: Handle,
    pub(super) stdin: Option<ChildStdin>,
    pub(super) stdout: Option<ChildStdout>,
}

/// The process of a script.
pub(super) enum Handle {
    /// A child of this process.
    Child(Child),
    /// A child of the starter.
    #[cfg_attr(
        not(target_os = "linux"),
        expect(dead_code, reason = "there is no starter")
    )]
    Remote(Arc<Remote>),
}

impl Launch<'_> {
    /// Starts the script.
    pub(super) fn start(self) -> io::Result<Started> {
        // As in CPython: a query that is not a form is passed as an argument, always exactly one.
        let is_form = self.query.contains(&b'=');
        let space = |&byte: &u8| if byte == b'+' { b' ' } else { byte };
        let argument: Vec<u8> = self.query.iter().map(space).collect();
        let job = Job {
            file: self.file.into(),
            name: OsStr::from_bytes(self.script.name()).into(),
            argument: (!is_form).then(|| text(&argument)),
            environment: self.environment,
        };
        if let Some(user) = self.user
            && let Some(started) = starter::start(&job, user, self.has_body)
        {
            return started;
        }
        let mut child = job.spawn(self.user, |command| {
            command.stdin(if self.has_body {
                Stdio::piped()
            } else {
                Stdio::null()
            });
            command.stdout(Stdio::piped());
            Ok(())
        })?;
        Ok(Started {
            stdin: child.stdin.take(),
            stdout: child.stdout.take(),
            process: Handle::Child(child),
        })
    }
}

impl Handle {
    /// The id of the process, and of its group.
    pub(super) fn id(&self) -> u32 {
        match self {
            Self::Child(child) => child.id(),
            Self::Remote(remote) => remote.id(),
        }
    }

    /// How the process has ended, if it has: as last observed, if it is not a child of this one.
    /// If it is, it is reaped then.
    pub(super) fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        match self {
            Self::Child(child) => child.try_wait(),
            Self::Remote(remote) => Ok(remote.status()),
        }
    }

    /// The process, if it is not a child of this one.
    pub(super) fn remote(&self) -> Option<&Arc<Remote>> {
        match self {
            Self::Child(_) => None,
            Self::Remote(remote) => Some(remote),
        }
    }
}
