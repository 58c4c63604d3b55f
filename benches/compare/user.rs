//! Whom a server runs as that starts scripts.
//!
//! Under root some servers start their scripts as nobody and others as root. The
//! change of user costs time, so there are two workloads: in one all servers run
//! as nobody from the start, in the other each does as it does under root.

use std::io;
use std::os::unix::fs::chown;
use std::path::Path;
use std::process::Command;

use rustix::fs::Mode;

use crate::installed::program;

const TOOL: &str = "setpriv";
/// What stands for nobody, user and group, in the kernel.
const NOBODY: u32 = 65_534;

/// Why scripts cannot be compared here.
pub(crate) fn cannot() -> Option<String> {
    (is_root() && program(TOOL).is_none())
        .then(|| format!("{TOOL} is not installed, without which scripts run as different users"))
}

/// Why no server can be started by root here.
pub(crate) fn cannot_be_root() -> Option<String> {
    (!is_root()).then(|| "root does not measure".to_owned())
}

/// What is made from now on, others may read.
pub(crate) fn share() {
    rustix::process::umask(Mode::from_raw_mode(0o022));
}

/// The command that runs a server as an ordinary user; it may write to `place`.
pub(crate) fn ordinary(server: &Path, place: &Path) -> io::Result<Command> {
    if !is_root() {
        return Ok(Command::new(server));
    }
    let tool = program(TOOL).ok_or(io::ErrorKind::NotFound)?;
    chown(place, Some(NOBODY), Some(NOBODY))?;
    let mut command = Command::new(tool);
    command.args([
        &format!("--reuid={NOBODY}"),
        &format!("--regid={NOBODY}"),
        "--clear-groups",
    ]);
    command.arg(server);
    Ok(command)
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
