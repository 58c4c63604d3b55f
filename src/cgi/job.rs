//! A script to be started: the same whichever process starts it.

use super::environment::Variable;
use crate::sys;
use rustix::io::Errno;
#[cfg(target_os = "linux")]
use std::ffi::OsStr;
use std::ffi::OsString;
use std::io;
#[cfg(target_os = "linux")]
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command};

/// What interprets a script's file.
#[derive(Clone, Copy, Debug)]
enum Runner {
    /// The kernel knows binaries, and the interpreters that scripts name in their first line.
    Kernel,
    /// The shell runs everything else, as everywhere on Unix.
    Shell,
}

/// What is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Job {
    /// The script's file.
    pub(super) file: PathBuf,
    /// Its name, as it is told.
    pub(super) name: OsString,
    /// Its only argument, if there is one.
    pub(super) argument: Option<OsString>,
    /// Variables in addition to those of the process that starts it.
    pub(super) environment: Vec<Variable>,
}

impl Job {
    /// Starts the script in a process group of its own. `connect` says what its standard input and
    /// output are; the rest is inherited. It runs as `user`, if that is not the user of this
    /// process.
    ///
    /// If no user is set, std starts it with `posix_spawn`, which does not copy this process's
    /// memory map; a change of user takes `fork`. Either way no code of ours runs in between. std
    /// does not restrict what is inherited: all descriptors close on `exec`, and
    /// [`sys::isolate_children`] takes care of signals.
    ///
    /// # Errors
    /// Those of the system; `InvalidInput` if there is a NUL in the argument.
    pub(super) fn spawn(
        &self,
        user: Option<sys::User>,
        connect: impl Fn(&mut Command) -> io::Result<()>,
    ) -> io::Result<Child> {
        let spawn = |runner| {
            let mut command = self.command(runner);
            connect(&mut command)?;
            // A group of its own, so that everything it starts can be ended with it.
            command.process_group(0);
            if let Some(user) = user {
                // std also drops the supplementary groups, before it sets the user.
                command.gid(user.group).uid(user.id);
            }
            command.spawn()
        };
        match spawn(Runner::Kernel) {
            // After `fork` the C library may do this by itself; after `posix_spawn` it does not.
            Err(error) if Errno::from_io_error(&error) == Some(Errno::NOEXEC) => {
                spawn(Runner::Shell)
            }
            spawned => spawned,
        }
    }

    fn command(&self, runner: Runner) -> Command {
        let mut command = match runner {
            Runner::Kernel => {
                let mut command = Command::new(&self.file);
                command.arg0(&self.name);
                command
            }
            Runner::Shell => {
                let mut command = Command::new("/bin/sh");
                command.arg(&self.file);
                command
            }
        };
        command.args(&self.argument);
        for (name, value) in &self.environment {
            match value {
                Some(value) => command.env(&**name, value),
                None => command.env_remove(&**name),
            };
        }
        command
    }

    /// The job as bytes for another process.
    #[cfg(target_os = "linux")]
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        put(&mut bytes, Some(self.file.as_os_str()));
        put(&mut bytes, Some(&self.name));
        put(&mut bytes, self.argument.as_deref());
        for (name, value) in &self.environment {
            put(&mut bytes, Some(OsStr::new(&**name)));
            put(&mut bytes, value.as_deref());
        }
        bytes
    }

    /// The job that was encoded as these bytes, if they are one.
    #[cfg(target_os = "linux")]
    pub(super) fn decode(mut bytes: &[u8]) -> Option<Self> {
        let mut job = Self {
            file: take(&mut bytes)??.into(),
            name: take(&mut bytes)??,
            argument: take(&mut bytes)?,
            environment: Vec::new(),
        };
        while !bytes.is_empty() {
            let name = take(&mut bytes)??.into_string().ok()?;
            job.environment.push((name.into(), take(&mut bytes)?));
        }
        Some(job)
    }
}

/// Appends a text with its length, or that there is none.
#[cfg(target_os = "linux")]
fn put(bytes: &mut Vec<u8>, text: Option<&OsStr>) {
    bytes.push(text.is_some().into());
    if let Some(text) = text {
        bytes.extend_from_slice(&(text.len() as u64).to_le_bytes());
        bytes.extend_from_slice(text.as_bytes());
    }
}

/// Takes from the start what was [`put`] there; `None` if nothing was.
#[cfg(target_os = "linux")]
#[expect(
    clippy::option_option,
    reason = "there may be a text, if the bytes are right"
)]
fn take(bytes: &mut &[u8]) -> Option<Option<OsString>> {
    let (is_some, rest) = bytes.split_first()?;
    *bytes = rest;
    if *is_some == 0 {
        return Some(None);
    }
    let (length, rest) = bytes.split_first_chunk()?;
    let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
    let (text, rest) = rest.split_at_checked(length)?;
    *bytes = rest;
    Some(Some(OsString::from_vec(text.to_vec())))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_the_same_on_the_other_side() {
        for argument in [
            None,
            Some(OsString::new()),
            Some(OsString::from_vec(vec![0, 0xff])),
        ] {
            let job = Job {
                file: "./cgi-bin/a".into(),
                name: "a".into(),
                argument,
                environment: vec![
                    ("A".into(), Some("1".into())),
                    ("B".into(), None),
                    ("C".into(), Some(OsString::new())),
                ],
            };
            let bytes = job.encode();
            assert_eq!(Job::decode(&bytes), Some(job.clone()));
            for length in 0..bytes.len() {
                let part = Job::decode(bytes.get(..length).unwrap_or_default());
                assert_ne!(part, Some(job.clone()), "{length} bytes");
            }
        }
    }
}
