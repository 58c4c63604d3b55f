//! Opening what is beneath a directory and nothing else, wherever symbolic links lead.
//!
//! The kernel does it in one step where it can: `openat2` on Linux since 5.6. Elsewhere the path is
//! walked name by name without following any link, and links are read and walked the same way.
//! Either way no name is checked and then opened by a path that may have changed since: swapping
//! links in between cannot lead the server outside.

use rustix::fs::{Mode, OFlags, openat, readlinkat};
use rustix::io::{Errno, Result};
use std::ffi::OsStr;
use std::fs;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Where symbolic links in a served directory may lead. The path of the directory itself may
/// always have links in it.
///
/// ```
/// use rhttp::{FileHandler, Symlinks};
///
/// // Links from one of the directories to another work, but lead nowhere else.
/// let homes = FileHandler::new("/srv/homes").with_symlinks(Symlinks::Inside);
/// // What strangers upload is served as it is, or not at all.
/// let incoming = FileHandler::new("/srv/incoming").with_symlinks(Symlinks::Never);
///
/// assert_eq!(Symlinks::default(), Symlinks::Follow);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Symlinks {
    /// Anywhere, as in CPython.
    #[default]
    Follow,
    /// To files and directories inside the served directory. An absolute link counts as inside
    /// when it names the served directory by the path it was given by, or by its real path.
    Inside,
    /// Nowhere: nothing is served by way of a link.
    Never,
}

/// Links followed on the way to one file; the same limit as Linux's.
const MAX_LINKS: usize = 40;
/// Directories opened on the way to one file: no honest path needs this many.
const MAX_STEPS: usize = 4096;

/// Flags for opening a directory that is only traversed. Without `O_PATH` it must be readable.
const PASSED: OFlags =
    OFlags::DIRECTORY
        .union(OFlags::CLOEXEC)
        .union(if cfg!(target_os = "linux") {
            NO_ACCESS
        } else {
            OFlags::RDONLY
        });

/// Flags for opening something only to learn its type.
#[cfg(target_os = "linux")]
pub(super) const NO_ACCESS: OFlags = OFlags::PATH.union(OFlags::CLOEXEC);
/// As above, without blocking.
#[cfg(not(target_os = "linux"))]
pub(super) const NO_ACCESS: OFlags = OFlags::NONBLOCK.union(OFlags::CLOEXEC);

/// Opens `path` below `directory`, following only such links as `symlinks` allows.
///
/// The directory is opened by its path each time, so a replaced directory is picked up.
pub(super) fn open(
    directory: &Path,
    path: &[u8],
    symlinks: Symlinks,
    flags: OFlags,
) -> Result<OwnedFd> {
    let base = rustix::fs::open(directory, PASSED, Mode::empty())?;
    #[cfg(target_os = "linux")]
    match in_one_step(&base, path, symlinks, flags) {
        // Older kernels do not have the call, and some seccomp filters forbid it. The other two
        // errors are not final: a name on the way was moved in the meantime, or a link is absolute
        // and yet leads inside.
        Err(Errno::NOSYS | Errno::PERM | Errno::AGAIN | Errno::XDEV) => {}
        answer => return answer,
    }
    walk(directory, &base, path, symlinks, flags)
}

#[cfg(target_os = "linux")]
fn in_one_step(base: impl AsFd, path: &[u8], symlinks: Symlinks, flags: OFlags) -> Result<OwnedFd> {
    use rustix::fs::{ResolveFlags, openat2};
    let mut resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    if symlinks == Symlinks::Never {
        resolve |= ResolveFlags::NO_SYMLINKS;
    }
    let path = if path.is_empty() { b"." } else { path };
    openat2(base, path, flags, Mode::empty(), resolve)
}

/// Opens the directory at `path` below the open directory `top`; no name on the way may be a link.
pub(super) fn open_directory(top: BorrowedFd<'_>, path: &[u8]) -> Result<OwnedFd> {
    const READ: OFlags = OFlags::RDONLY
        .union(OFlags::DIRECTORY)
        .union(OFlags::CLOEXEC);
    #[cfg(target_os = "linux")]
    match in_one_step(top, path, Symlinks::Never, READ) {
        Err(Errno::NOSYS | Errno::PERM | Errno::AGAIN | Errno::NAMETOOLONG) => {}
        answer => return answer,
    }
    let mut here = openat(top, ".", READ, Mode::empty())?;
    let names = path.split(|&byte| byte == b'/');
    for name in names.filter(|name| !name.is_empty()) {
        here = open_name(here.as_fd(), name, READ)?;
    }
    Ok(here)
}

/// Opens a file in an open directory, unless its name has become a link.
pub(crate) fn open_file(directory: &impl AsFd, name: &[u8]) -> Result<OwnedFd> {
    open_name(directory.as_fd(), name, super::opening::FLAGS)
}

/// Walks from `base`, which is the open `directory`, to `path`.
fn walk(
    directory: &Path,
    base: &OwnedFd,
    path: &[u8],
    symlinks: Symlinks,
    flags: OFlags,
) -> Result<OwnedFd> {
    let (mut links, mut steps) = (0, 0);
    // The names still to be walked, the next one last.
    let mut ahead = Vec::new();
    push_names(path, &mut ahead);
    // The names of the directories that lead from `base` to `here`, none of them a link.
    let mut passed = Vec::<Vec<u8>>::new();
    let mut here = None;
    while steps < MAX_STEPS {
        steps += 1;
        let at = here.as_ref().map_or(base.as_fd(), AsFd::as_fd);
        let Some(name) = ahead.pop() else {
            return openat(at, ".", flags, Mode::empty());
        };
        if name == b".." {
            // The `..` of an open directory may be outside by now; the names already passed never
            // are.
            passed.pop().ok_or(Errno::XDEV)?;
            here = reopen(base, &passed)?;
            steps += passed.len();
            continue;
        }
        match readlinkat(at, OsStr::from_bytes(&name), Vec::new()) {
            Ok(_) if symlinks == Symlinks::Never || links == MAX_LINKS => return Err(Errno::LOOP),
            Ok(target) => {
                links += 1;
                let target = Path::new(OsStr::from_bytes(target.as_bytes()));
                if target.is_absolute() {
                    push_names(inside(target, directory).ok_or(Errno::XDEV)?, &mut ahead);
                    passed.clear();
                    here = None;
                } else {
                    push_names(target.as_os_str().as_bytes(), &mut ahead);
                }
            }
            // Not a link.
            Err(Errno::INVAL) if ahead.is_empty() => return open_name(at, &name, flags),
            Err(Errno::INVAL) => {
                here = Some(open_name(at, &name, PASSED)?);
                passed.push(name);
            }
            Err(error) => return Err(error),
        }
    }
    Err(Errno::LOOP)
}

/// Opens a name in a directory, unless it has become a link.
fn open_name(at: BorrowedFd<'_>, name: &[u8], flags: OFlags) -> Result<OwnedFd> {
    openat(
        at,
        OsStr::from_bytes(name),
        flags | OFlags::NOFOLLOW,
        Mode::empty(),
    )
}

/// Opens the directory to which `names` lead; `None` for `base` itself.
fn reopen(base: &OwnedFd, names: &[Vec<u8>]) -> Result<Option<OwnedFd>> {
    let mut here = None;
    for name in names {
        let at = here.as_ref().map_or(base.as_fd(), AsFd::as_fd);
        here = Some(open_name(at, name, PASSED)?);
    }
    Ok(here)
}

/// Puts the names in `path` in front of those in `ahead`.
fn push_names(path: &[u8], ahead: &mut Vec<Vec<u8>>) {
    ahead.extend(
        path.split(|&byte| byte == b'/')
            .rev()
            .filter(|name| !matches!(*name, b"" | b"."))
            .map(<[u8]>::to_vec),
    );
}

/// The rest of an absolute path after the path of `directory`.
fn inside<'p>(path: &'p Path, directory: &Path) -> Option<&'p [u8]> {
    let rest = path.strip_prefix(directory).ok().or_else(|| {
        let real = fs::canonicalize(directory).ok()?;
        path.strip_prefix(real).ok()
    })?;
    Some(rest.as_os_str().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io;
    use std::os::unix::fs::symlink;

    const READ: OFlags = OFlags::RDONLY.union(OFlags::CLOEXEC);

    /// A directory to serve beside one that is not, with links of all kinds.
    fn tree() -> tempfile::TempDir {
        let tree = tempfile::tempdir().expect("a temporary directory");
        let path = |name: &str| tree.path().join(name);
        for directory in ["secret", "secret/d", "www", "www/d", "www/d/e", "www-too"] {
            fs::create_dir(path(directory)).expect("a directory");
        }
        for (file, content) in [
            ("secret/f", "secret"),
            ("www-too/f", "secret"),
            ("www/f", "f"),
            ("www/d/e/g", "g"),
        ] {
            fs::write(path(file), content).expect("a file");
        }
        for (link, target) in [
            ("near", "f"),
            ("down", "d/./e//g"),
            ("dir", "d"),
            ("d/up", "../f"),
            ("d/e/up", "../../f"),
            ("d/round", "../d/../near"),
            ("self", "."),
            ("out", "../secret/f"),
            ("out-dir", "../secret"),
            ("out-and-in", "../www/f"),
            ("d/out", "../../secret/f"),
            ("by-out", "d/../../secret/f"),
            ("through", "dir/../out"),
            ("loop", "loop"),
            ("nowhere", "missing"),
            ("beyond", "f/../f"),
        ] {
            symlink(target, path("www").join(link)).expect("a link");
        }
        for (link, target) in [
            ("abs", "www/d/e/g"),
            ("abs-dir", "www"),
            ("abs-out", "secret/f"),
            ("abs-by-out", "www/../secret/f"),
            ("abs-beside", "www-too/f"),
        ] {
            symlink(path(target), path("www").join(link)).expect("a link");
        }
        symlink("/etc/passwd", path("www/etc")).expect("a link");
        symlink("www", path("served")).expect("a link");
        tree
    }

    /// The path, and what is read through it under `inside` and `never`.
    const CASES: &[(&str, Option<&str>, Option<&str>)] = &[
        ("f", Some("f"), Some("f")),
        ("d/e/g", Some("g"), Some("g")),
        ("near", Some("f"), None),
        ("down", Some("g"), None),
        ("dir/e/g", Some("g"), None),
        ("d/up", Some("f"), None),
        ("dir/e/up", Some("f"), None),
        ("d/round", Some("f"), None),
        ("self/self/near", Some("f"), None),
        ("out", None, None),
        ("out-dir/f", None, None),
        ("out-and-in", None, None),
        ("d/out", None, None),
        ("by-out", None, None),
        ("through", None, None),
        ("loop", None, None),
        ("nowhere", None, None),
        ("missing", None, None),
        ("f/f", None, None),
        ("beyond", None, None),
        ("abs", Some("g"), None),
        ("abs-dir/d/up", Some("f"), None),
        ("abs-out", None, None),
        ("abs-by-out", None, None),
        ("abs-beside", None, None),
        ("etc", None, None),
    ];

    #[test]
    fn links_lead_where_the_policy_says_and_no_further() {
        let tree = tree();
        let served = tree.path().join("served");
        let base = rustix::fs::open(&served, PASSED, Mode::empty()).expect("it opens");
        let read = |file: Result<OwnedFd>| {
            file.ok()
                .and_then(|file| io::read_to_string(File::from(file)).ok())
        };
        for &(path, inside, never) in CASES {
            for (symlinks, expected) in [(Symlinks::Inside, inside), (Symlinks::Never, never)] {
                let opened = read(open(&served, path.as_bytes(), symlinks, READ));
                assert_eq!(opened.as_deref(), expected, "{path} {symlinks:?}");
                let walked = read(walk(&served, &base, path.as_bytes(), symlinks, READ));
                assert_eq!(walked.as_deref(), expected, "{path} {symlinks:?}, walked");
            }
        }
    }

    #[test]
    fn the_directory_itself_is_the_empty_path() {
        let tree = tree();
        let served = tree.path().join("served");
        let base = rustix::fs::open(&served, PASSED, Mode::empty()).expect("it opens");
        let names = |directory: Result<OwnedFd>| {
            let directory = directory.expect("it opens");
            rustix::fs::Dir::read_from(&directory)
                .expect("it can be read")
                .count()
        };
        let expected = fs::read_dir(&served).expect("it can be read").count() + 2;
        assert_eq!(names(open(&served, b"", Symlinks::Never, READ)), expected);
        assert_eq!(
            names(walk(&served, &base, b"", Symlinks::Never, READ)),
            expected
        );
        assert_eq!(
            names(walk(&served, &base, b"self", Symlinks::Inside, READ)),
            expected
        );
    }

    #[test]
    fn a_walk_has_an_end() {
        let tree = tempfile::tempdir().expect("a temporary directory");
        fs::create_dir(tree.path().join("d")).expect("a directory");
        symlink("d/../".repeat(600), tree.path().join("0")).expect("a link");
        for level in 1..10 {
            let target = format!("{}/", level - 1).repeat(10);
            symlink(target, tree.path().join(level.to_string())).expect("a link");
        }
        let base = rustix::fs::open(tree.path(), PASSED, Mode::empty()).expect("it opens");
        let walked = |path: &[u8]| walk(tree.path(), &base, path, Symlinks::Inside, READ).map(drop);
        assert_eq!(walked(b"0"), Ok(()));
        assert_eq!(walked(b"0/0/0/0"), Err(Errno::LOOP));
        assert_eq!(walked(b"9"), Err(Errno::LOOP));
    }
}
