//! Confining the process, so that a fault in it cannot do more than the process is meant to do:
//! Landlock on Linux, nothing elsewhere.

use std::io;
use std::path::Path;

/// What the process does once it is confined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// It reads the files that it serves.
    Files,
    /// It also runs scripts, which are confined with it: they may read and run what is served and
    /// what the system's programs consist of, and write nothing but `/dev/null`.
    Scripts,
}

/// Where a system keeps the programs that run scripts, and what those need.
#[cfg(target_os = "linux")]
const PROGRAMS: &[&str] = &[
    "/bin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/nix/store",
    "/opt",
    "/sbin",
    "/usr",
];

/// Files outside of those directories that the loader, the C library and many scripts need.
#[cfg(target_os = "linux")]
const SYSTEM_FILES: &[&str] = &[
    "/dev/random",
    "/dev/urandom",
    "/dev/zero",
    "/etc/alternatives",
    "/etc/group",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/nsswitch.conf",
    "/etc/passwd",
];

/// What a confined process may still access in the file system.
#[cfg_attr(
    not(target_os = "linux"),
    expect(dead_code, reason = "nothing is confined elsewhere")
)]
pub(crate) struct Reach<'p> {
    /// The directory, or the single file, that it serves.
    pub(crate) served: &'p Path,
    /// The directory that uploads go to.
    pub(crate) uploads: Option<&'p Path>,
    /// Files that it reads again when they change: they stay readable with everything in their
    /// directories, because a file that replaces another is a different file.
    pub(crate) renewed: Vec<&'p Path>,
    /// The file that the log is appended to, which may be recreated; not with scripts, which would
    /// then be able to write to its directory.
    pub(crate) log: Option<&'p Path>,
    pub(crate) purpose: Purpose,
}

/// Denies this thread, and all threads that it starts, any file access that `reach` does not name;
/// this cannot be undone. Without scripts, TCP ports can no longer be bound or connected to (Linux
/// 6.7); with scripts, nobody but root can trace this process any more. What is already open stays
/// usable.
///
/// The rules cover the directories that exist now: one that later replaces such a directory is not
/// covered.
#[cfg(target_os = "linux")]
pub(crate) fn confine(reach: &Reach<'_>) -> io::Result<()> {
    // The last file that is needed from outside.
    super::time_zone();
    let ruleset = ruleset(reach.purpose).map_err(|_| {
        io::Error::new(
            io::ErrorKind::Unsupported,
            "the kernel offers no Landlock (it takes Linux 5.13, and Landlock enabled)",
        )
    })?;
    enforce(ruleset, reach).map_err(io::Error::other)?;
    if reach.purpose == Purpose::Scripts {
        forbid_tracing()?;
    }
    Ok(())
}

/// Lets no process of the same user read the memory or take the descriptors of this one (`ptrace(2)`,
/// "Ptrace access mode checking"). Landlock allows that within the sandbox, so scripts of an ordinary
/// user could get at keys, passwords, and files that they may not open.
#[cfg(target_os = "linux")]
fn forbid_tracing() -> io::Result<()> {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};
    Ok(set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}

/// As above, on systems without a sandbox.
#[cfg(not(target_os = "linux"))]
pub(crate) fn confine(_: &Reach<'_>) -> io::Result<()> {
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "the kernel offers no Landlock",
    ))
}

/// Everything that can be forbidden: what the first version of Landlock supports is required, the
/// rest is forbidden where it is supported.
#[cfg(target_os = "linux")]
fn ruleset(purpose: Purpose) -> Result<landlock::RulesetCreated, landlock::RulesetError> {
    use landlock::{
        ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, Scope,
    };
    let files = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(ABI::V1))?
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(ABI::V7))?;
    match purpose {
        Purpose::Files => files
            .handle_access(AccessNet::from_all(ABI::V7))?
            .scope(Scope::from_all(ABI::V7))?
            .create(),
        // They may talk to a database.
        Purpose::Scripts => files.create(),
    }
}

#[cfg(target_os = "linux")]
fn enforce(
    ruleset: landlock::RulesetCreated,
    reach: &Reach<'_>,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    use landlock::{AccessFs, PathBeneath, PathFd, RulesetCreatedAttr, path_beneath_rules};
    // A single file has no entries to list.
    let read = if reach.served.is_dir() {
        AccessFs::ReadFile | AccessFs::ReadDir
    } else {
        AccessFs::ReadFile.into()
    };
    let run = read | AccessFs::Execute;
    // Uploads are created, written, and given their names.
    let receive = AccessFs::ReadFile
        | AccessFs::ReadDir
        | AccessFs::WriteFile
        | AccessFs::MakeReg
        | AccessFs::RemoveFile
        | AccessFs::Truncate
        | AccessFs::Refer;
    let ruleset = match reach.uploads {
        Some(directory) => ruleset.add_rule(PathBeneath::new(PathFd::new(directory)?, receive))?,
        None => ruleset,
    };
    let served = PathFd::new(reach.served)?;
    let ruleset = match reach.purpose {
        Purpose::Files => ruleset.add_rule(PathBeneath::new(served, read))?,
        // Those of these paths that do not exist need no rule.
        Purpose::Scripts => ruleset
            .add_rule(PathBeneath::new(served, run))?
            .add_rules(path_beneath_rules(PROGRAMS, run))?
            .add_rules(path_beneath_rules(SYSTEM_FILES, read))?
            // This program itself starts the scripts of another user.
            .add_rules(path_beneath_rules(
                std::env::current_exe().ok(),
                AccessFs::ReadFile | AccessFs::Execute,
            ))?
            .add_rules(path_beneath_rules(
                ["/dev/null"],
                AccessFs::ReadFile | AccessFs::WriteFile,
            ))?,
    };
    // Also the directories of the files themselves, if the named paths are links.
    let resolved = reach
        .renewed
        .iter()
        .filter_map(|path| path.canonicalize().ok());
    let renewed = reach
        .renewed
        .iter()
        .map(|path| path.to_path_buf())
        .chain(resolved);
    let renewed: Vec<_> = renewed
        .filter_map(|path| path.parent().map(Path::to_path_buf))
        .collect();
    let log = reach.log.filter(|_| reach.purpose == Purpose::Files);
    let log = log.and_then(directory_of_file);
    ruleset
        .add_rules(path_beneath_rules(renewed, AccessFs::ReadFile))?
        .add_rules(path_beneath_rules(
            log,
            AccessFs::WriteFile | AccessFs::MakeReg,
        ))?
        .restrict_self()?;
    Ok(())
}

/// The directory of the file at `path`, unless that is a device or a pipe.
#[cfg(target_os = "linux")]
fn directory_of_file(path: &Path) -> Option<std::path::PathBuf> {
    let path = path.canonicalize().ok().filter(|path| path.is_file())?;
    path.parent().map(Path::to_path_buf)
}
