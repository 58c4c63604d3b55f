//! Confining the process, so that a fault in it cannot do more than it was meant to do: Landlock
//! on Linux, nothing elsewhere.

use std::io;
use std::path::{Path, PathBuf};

/// What the process may reach beside the directory that it serves.
#[derive(Clone, Debug)]
#[cfg_attr(
    not(target_os = "linux"),
    expect(dead_code, reason = "nothing confines there")
)]
pub(crate) struct Beside {
    /// Files that are read again when they change; so the rules are for the directories they are in.
    pub(crate) read: Vec<PathBuf>,
    /// The log, which is made anew at its place when it was moved away.
    pub(crate) log: Option<PathBuf>,
}

/// What the process does after it was confined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// It reads what it serves.
    Files,
    /// It runs scripts, too. They are confined with it: they may read and run what is served and
    /// what the system's programs consist of, and write nothing but `/dev/null`.
    Scripts,
}

/// Where a system keeps the programs that scripts are written for, and what those need.
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

/// Files outside of those that the loader, the C library and many scripts ask for.
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

/// Takes from this thread, and from all that it starts, every access to files but reading
/// `directory`, what is `beside` it, and what `purpose` needs; it cannot be undone. Without scripts,
/// TCP ports can be neither bound nor connected to any more (Linux 6.7). What is already open stays
/// usable.
///
/// With scripts the log cannot be made anew: they would get its directory to write to.
///
/// The rule is for the directory that is there now: one that is made later at its place is not
/// covered.
#[cfg(target_os = "linux")]
pub(crate) fn confine(directory: &Path, beside: &Beside, purpose: Purpose) -> io::Result<()> {
    // The last file that is needed from elsewhere.
    super::time_zone();
    let ruleset = ruleset(purpose).map_err(|_| {
        io::Error::new(
            io::ErrorKind::Unsupported,
            "the kernel offers no Landlock (it takes Linux 5.13, and Landlock enabled)",
        )
    })?;
    enforce(ruleset, directory, beside, purpose).map_err(io::Error::other)
}

/// As above, where there is nothing to do it with.
#[cfg(not(target_os = "linux"))]
pub(crate) fn confine(_: &Path, _: &Beside, _: Purpose) -> io::Result<()> {
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "only Linux has Landlock",
    ))
}

/// All that can be forbidden: what the first Landlock knows must be, the rest where it is known.
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
    directory: &Path,
    beside: &Beside,
    purpose: Purpose,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    use landlock::{AccessFs, PathBeneath, PathFd, RulesetCreatedAttr, path_beneath_rules};
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let run = read | AccessFs::Execute;
    let ruleset = match purpose {
        Purpose::Files => ruleset
            .add_rule(PathBeneath::new(PathFd::new(directory)?, read))?
            .add_rules(path_beneath_rules(
                beside.log.as_deref().and_then(directory_of_file),
                AccessFs::WriteFile | AccessFs::MakeReg,
            ))?,
        // Of these paths, those that are not there need no rule.
        Purpose::Scripts => ruleset
            .add_rule(PathBeneath::new(PathFd::new(directory)?, run))?
            .add_rules(path_beneath_rules(PROGRAMS, run))?
            .add_rules(path_beneath_rules(SYSTEM_FILES, read))?
            .add_rules(path_beneath_rules(
                ["/dev/null"],
                AccessFs::ReadFile | AccessFs::WriteFile,
            ))?,
    };
    // Where the files themselves are, too, if what was named are links. A file that takes the place of
    // another must be readable, so the rule is for the directory.
    let files = &beside.read;
    let resolved = files.iter().filter_map(|path| path.canonicalize().ok());
    let directories: Vec<_> = files
        .iter()
        .cloned()
        .chain(resolved)
        .filter_map(|path| path.parent().map(Path::to_path_buf))
        .collect();
    let ruleset = ruleset.add_rules(path_beneath_rules(directories, AccessFs::ReadFile))?;
    ruleset.restrict_self()?;
    Ok(())
}

/// Where the file at `path` is, if that is no device or pipe.
#[cfg(target_os = "linux")]
fn directory_of_file(path: &Path) -> Option<PathBuf> {
    let path = path.canonicalize().ok().filter(|path| path.is_file())?;
    path.parent().map(Path::to_path_buf)
}
