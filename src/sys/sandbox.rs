//! Confining the process, so that a fault in it cannot do more than it was meant to do: Landlock
//! on Linux, nothing elsewhere.

use std::io;
use std::path::Path;

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
/// `directory`, writing to `uploads`, and what `purpose` needs; it cannot be undone. Without scripts, TCP ports can be
/// neither bound nor connected to any more (Linux 6.7). What is already open stays usable.
///
/// The rule is for the directory that is there now: one that is made later at its place is not
/// covered.
#[cfg(target_os = "linux")]
pub(crate) fn confine(
    directory: &Path,
    purpose: Purpose,
    uploads: Option<&Path>,
) -> io::Result<()> {
    // The last file that is needed from elsewhere.
    super::time_zone();
    let ruleset = ruleset(purpose).map_err(|_| {
        io::Error::new(
            io::ErrorKind::Unsupported,
            "the kernel offers no Landlock (it takes Linux 5.13, and Landlock enabled)",
        )
    })?;
    enforce(ruleset, directory, purpose, uploads).map_err(io::Error::other)
}

/// As above, where there is nothing to do it with.
#[cfg(not(target_os = "linux"))]
pub(crate) fn confine(_: &Path, _: Purpose, _: Option<&Path>) -> io::Result<()> {
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
    purpose: Purpose,
    uploads: Option<&Path>,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    use landlock::{AccessFs, PathBeneath, PathFd, RulesetCreatedAttr, path_beneath_rules};
    // A single file has no names in it.
    let read = if directory.is_dir() {
        AccessFs::ReadFile | AccessFs::ReadDir
    } else {
        AccessFs::ReadFile.into()
    };
    let run = read | AccessFs::Execute;
    // Files are made, written, and given their names.
    let receive = AccessFs::WriteFile
        | AccessFs::MakeReg
        | AccessFs::RemoveFile
        | AccessFs::Truncate
        | AccessFs::Refer;
    let ruleset = match uploads {
        Some(directory) => ruleset.add_rule(PathBeneath::new(
            PathFd::new(directory)?,
            AccessFs::ReadFile | AccessFs::ReadDir | receive,
        ))?,
        None => ruleset,
    };
    let ruleset = match purpose {
        Purpose::Files => ruleset.add_rule(PathBeneath::new(PathFd::new(directory)?, read))?,
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
    ruleset.restrict_self()?;
    Ok(())
}
