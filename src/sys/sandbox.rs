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

/// What a confined process may still use of the file system.
#[cfg_attr(
    not(target_os = "linux"),
    expect(dead_code, reason = "nothing is confined elsewhere")
)]
pub(crate) struct Reach<'p> {
    /// The directory, or the single file, that it serves.
    pub(crate) served: &'p Path,
    /// The directory that uploads go to.
    pub(crate) uploads: Option<&'p Path>,
    /// Files that it reads again when they change: they stay readable with all that is beside them,
    /// because a file that takes the place of another is another file.
    pub(crate) renewed: Vec<&'p Path>,
    /// The file that the log is appended to, which may be made anew; not with scripts, which would
    /// get its directory to write to.
    pub(crate) log: Option<&'p Path>,
    pub(crate) purpose: Purpose,
}

/// Takes from this thread, and from all that it starts, every access to files but that which `reach`
/// names; it cannot be undone. Without scripts, TCP ports can be neither bound nor connected to any
/// more (Linux 6.7). What is already open stays usable.
///
/// The rules are for the directories that are there now: one that is made later at the place of one is
/// not covered.
#[cfg(target_os = "linux")]
pub(crate) fn confine(reach: &Reach<'_>) -> io::Result<()> {
    // The last file that is needed from elsewhere.
    super::time_zone();
    let ruleset = ruleset(reach.purpose).map_err(|_| {
        io::Error::new(
            io::ErrorKind::Unsupported,
            "the kernel offers no Landlock (it takes Linux 5.13, and Landlock enabled)",
        )
    })?;
    enforce(ruleset, reach).map_err(io::Error::other)
}

/// As above, where there is nothing to do it with.
#[cfg(not(target_os = "linux"))]
pub(crate) fn confine(_: &Reach<'_>) -> io::Result<()> {
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
    reach: &Reach<'_>,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    use landlock::{AccessFs, PathBeneath, PathFd, RulesetCreatedAttr, path_beneath_rules};
    // A single file has no names in it.
    let read = if reach.served.is_dir() {
        AccessFs::ReadFile | AccessFs::ReadDir
    } else {
        AccessFs::ReadFile.into()
    };
    let run = read | AccessFs::Execute;
    // Files are made, written, and given their names.
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
        // Of these paths, those that are not there need no rule.
        Purpose::Scripts => ruleset
            .add_rule(PathBeneath::new(served, run))?
            .add_rules(path_beneath_rules(PROGRAMS, run))?
            .add_rules(path_beneath_rules(SYSTEM_FILES, read))?
            .add_rules(path_beneath_rules(
                ["/dev/null"],
                AccessFs::ReadFile | AccessFs::WriteFile,
            ))?,
    };
    // Also where the files themselves are, if what was named are links.
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

/// Where the file at `path` is, if that is no device or pipe.
#[cfg(target_os = "linux")]
fn directory_of_file(path: &Path) -> Option<std::path::PathBuf> {
    let path = path.canonicalize().ok().filter(|path| path.is_file())?;
    path.parent().map(Path::to_path_buf)
}
