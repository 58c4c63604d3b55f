//! Which script a request means, and what the rest of its path is: CPython's `is_cgi` and the
//! first half of its `run_cgi`.
//!
//! Both questions, "is it a script?" and "which file?", are answered from the same decoded path
//! without dot segments, so no spelling of a path can be a script for one and a file for the other.

use crate::http::RequestTarget;
use std::borrow::Cow;

/// A path that leads to a script, taken apart: `/cgi-bin/sub/name/path/info`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Script {
    /// The whole path, decoded, with a slash at its start.
    path: Vec<u8>,
    /// Where the script's own name starts and ends in it.
    name: std::ops::Range<usize>,
}

impl Script {
    /// The script that `target` means, if it is in one of `directories` (named without slashes
    /// around them). As in CPython, directories are entered as long as `is_directory` is true for a
    /// path below the root; the next name is the script, and the rest its path info.
    ///
    /// # Errors
    /// The errors of `is_directory`.
    pub(crate) fn find<E>(
        target: RequestTarget<'_>,
        directories: &[Vec<u8>],
        is_directory: impl Fn(&[u8]) -> Result<bool, E>,
    ) -> Result<Option<Self>, E> {
        let Some(relative) = target.to_relative_path() else {
            return Ok(None);
        };
        let mut path = Vec::with_capacity(relative.len() + 2);
        path.push(b'/');
        path.extend_from_slice(&relative);
        if !relative.is_empty() && target.names_directory() {
            path.push(b'/');
        }
        let Some(directory) = directories
            .iter()
            .filter(|directory| is_below(&path, directory))
            .min_by_key(|directory| directory.len())
        else {
            return Ok(None);
        };

        // The slash after the directory.
        let mut slash = if directory.is_empty() {
            0
        } else {
            directory.len() + 1
        };
        loop {
            let rest = path.get(slash + 1..).unwrap_or_default();
            let end = memchr::memchr(b'/', rest).map(|length| slash + 1 + length);
            match end {
                Some(end) if is_directory(path.get(1..end).unwrap_or_default())? => slash = end,
                _ => {
                    let name = slash + 1..end.unwrap_or(path.len());
                    return Ok(Some(Self { path, name }));
                }
            }
        }
    }

    /// The script's own name: its first argument.
    pub(crate) fn name(&self) -> &[u8] {
        self.path.get(self.name.clone()).unwrap_or_default()
    }

    /// The path of its file, below the root.
    pub(crate) fn file(&self) -> &[u8] {
        self.path.get(1..self.name.end).unwrap_or_default()
    }

    /// `SCRIPT_NAME`.
    pub(crate) fn script_name(&self) -> &[u8] {
        self.path.get(..self.name.end).unwrap_or_default()
    }

    /// `SCRIPT_NAME` as quoted in messages.
    pub(crate) fn to_text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.script_name())
    }

    /// `PATH_INFO`.
    pub(crate) fn path_info(&self) -> &[u8] {
        self.path.get(self.name.end..).unwrap_or_default()
    }
}

/// Whether `path` is `directory` itself, followed by a slash, or something in it.
fn is_below(path: &[u8], directory: &[u8]) -> bool {
    directory.is_empty()
        || path
            .get(1..)
            .and_then(|path| path.strip_prefix(directory))
            .is_some_and(|rest| rest.starts_with(b"/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `SCRIPT_NAME`, name and path info, where `cgi-bin/sub` and `cgi-bin/sub/sub` are
    /// directories.
    fn find(target: &str) -> Option<[String; 3]> {
        let directories = [b"cgi-bin".to_vec(), b"htbin".to_vec()];
        let is_directory =
            |path: &[u8]| Ok::<_, ()>([&b"cgi-bin/sub"[..], b"cgi-bin/sub/sub"].contains(&path));
        let target = RequestTarget::new(target.as_bytes());
        let script = Script::find(target, &directories, is_directory).ok()??;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert_eq!(script.script_name(), [b"/", script.file()].concat());
        Some([
            text(script.script_name()),
            text(script.name()),
            text(script.path_info()),
        ])
    }

    #[test]
    fn a_path_is_taken_apart_as_cpython_does() {
        for (target, expected) in [
            ("/cgi-bin/a", ["/cgi-bin/a", "a", ""]),
            ("/htbin/a?b/c", ["/htbin/a", "a", ""]),
            ("/cgi-bin/a/b/c", ["/cgi-bin/a", "a", "/b/c"]),
            ("/cgi-bin/a/", ["/cgi-bin/a", "a", "/"]),
            ("/cgi-bin/a/b/", ["/cgi-bin/a", "a", "/b/"]),
            ("/cgi-bin/a/b/..", ["/cgi-bin/a", "a", "/"]),
            ("/cgi-bin/a/.", ["/cgi-bin/a", "a", "/"]),
            ("/cgi-bin/", ["/cgi-bin/", "", ""]),
            ("/cgi-bin/.", ["/cgi-bin/", "", ""]),
            ("/cgi-bin/a/..", ["/cgi-bin/", "", ""]),
            ("/cgi-bin/sub", ["/cgi-bin/sub", "sub", ""]),
            ("/cgi-bin/sub/", ["/cgi-bin/sub/", "", ""]),
            ("/cgi-bin/sub/a", ["/cgi-bin/sub/a", "a", ""]),
            ("/cgi-bin/sub/sub/a/b", ["/cgi-bin/sub/sub/a", "a", "/b"]),
            ("/cgi-bin/sub/a/sub/b", ["/cgi-bin/sub/a", "a", "/sub/b"]),
            ("/x/../cgi-bin/a", ["/cgi-bin/a", "a", ""]),
            ("//cgi-bin//a", ["/cgi-bin/a", "a", ""]),
            ("/%63gi-bin/a", ["/cgi-bin/a", "a", ""]),
            ("/cgi-bin%2fa", ["/cgi-bin/a", "a", ""]),
            ("/cgi-bin%2Fa%2Fb", ["/cgi-bin/a", "a", "/b"]),
            ("/./cgi-bin/%2e/a", ["/cgi-bin/a", "a", ""]),
            ("/../cgi-bin/a", ["/cgi-bin/a", "a", ""]),
            ("http://host/cgi-bin/a", ["/cgi-bin/a", "a", ""]),
            ("cgi-bin/a", ["/cgi-bin/a", "a", ""]),
            ("/cgi-bin/a%20b", ["/cgi-bin/a b", "a b", ""]),
            ("/cgi-bin/a%3fb", ["/cgi-bin/a?b", "a?b", ""]),
        ] {
            assert_eq!(find(target), Some(expected.map(String::from)), "{target}");
        }
    }

    #[test]
    fn all_else_is_no_script() {
        for target in [
            "/",
            "/a",
            "/cgi-bin",
            "/cgi-bin/..",
            "/cgi-bin/../a",
            "/cgi-binx/a",
            "/x/cgi-bin/a",
            "/cgi-bin./a",
            "/cgi-bin%20/a",
            "/CGI-BIN/a",
            "/a?/cgi-bin/a",
            "/cgi-bin/%00",
        ] {
            assert_eq!(find(target), None, "{target}");
        }
    }

    #[test]
    fn the_whole_tree_can_be_scripts() {
        let target = RequestTarget::new(b"/a/b");
        let script = Script::find(target, &[Vec::new()], |_| Ok::<_, ()>(false));
        assert_eq!(
            script.map(|script| script.map(|script| script.script_name().to_vec())),
            Ok(Some(b"/a".to_vec()))
        );
    }

    #[test]
    fn what_cannot_be_told_is_no_script_by_another_name() {
        let target = RequestTarget::new(b"/cgi-bin/sub/a");
        let script = Script::find(target, &[b"cgi-bin".to_vec()], |_| Err("no descriptor"));
        assert_eq!(script, Err("no descriptor"));
    }
}
