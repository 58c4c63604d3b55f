//! Request targets (RFC 9112 §3.2) and how CPython reads them.

use super::surrogates::{Piece, pieces};
use super::{HeaderValue, Latin1};
use percent_encoding::percent_decode;
use smallvec::SmallVec;
use std::borrow::Cow;

/// What a request asks for: path, query and fragment as the client wrote them.
///
/// Two things are settled on construction, so that no handler can get them wrong: leading slashes
/// count as one, because a client takes `//host/` in a redirect for another server
/// (CVE-2021-28861), and of an absolute `http://host/path` only the path is kept.
///
/// ```
/// use rhttp::http::RequestTarget;
///
/// let target = RequestTarget::new(b"//docs/r%C3%A9sum%C3%A9/?lang=fr");
/// assert_eq!(target.as_text().as_bytes(), b"/docs/r%C3%A9sum%C3%A9/?lang=fr");
/// assert_eq!(target.path(), b"/docs/r%C3%A9sum%C3%A9/");
/// assert_eq!(target.query(), Some(b"lang=fr".as_slice()));
/// assert!(target.has_trailing_slash());
/// assert_eq!(target.to_display(), "/docs/r\u{e9}sum\u{e9}/?lang=fr".as_bytes());
///
/// // No file is above the root, however it is written.
/// let target = RequestTarget::new(b"/%2e%2e/%2e%2e/etc/passwd");
/// assert_eq!(target.to_relative_path().as_deref(), Some(b"etc/passwd".as_slice()));
///
/// // A redirect leads to this server.
/// let target = RequestTarget::new(b"//evil.example");
/// assert_eq!(target.to_directory_location().as_bytes(), b"/evil.example/");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestTarget<'a>(&'a [u8]);

impl<'a> RequestTarget<'a> {
    /// The target that `word` in a request line names.
    pub fn new(word: &'a [u8]) -> Self {
        // Unlike CPython: absolute-form (RFC 9112 §3.2.2) is understood, as all servers must.
        let target = without_authority(word).unwrap_or(word);
        let slashes = target.iter().take_while(|&&byte| byte == b'/').count();
        Self(target.get(slashes.saturating_sub(1)..).unwrap_or_default())
    }

    /// All of it.
    pub fn as_text(self) -> Latin1<'a> {
        Latin1::new(self.0)
    }

    /// The part before the query and the fragment, not decoded.
    pub fn path(self) -> &'a [u8] {
        // Most paths are too short for a vectorized search to pay off.
        let end = self.0.iter().position(|byte| matches!(byte, b'?' | b'#'));
        self.0
            .get(..end.unwrap_or(self.0.len()))
            .unwrap_or_default()
    }

    /// The part after the first `?`, not decoded; a fragment counts as part of it, as it does in
    /// CPython's CGI.
    pub fn query(self) -> Option<&'a [u8]> {
        let mark = memchr::memchr(b'?', self.0)?;
        self.0.get(mark + 1..)
    }

    /// Whether the path, as written, ends in a slash: then only a directory can match.
    pub fn has_trailing_slash(self) -> bool {
        self.path().ends_with(b"/")
    }

    /// Whether the path, once decoded, ends in a slash or in a dot segment: then it names a
    /// directory, or everything below a file.
    pub(crate) fn names_directory(self) -> bool {
        let decoded = unquote(self.path());
        let last = decoded.rsplit(|&byte| byte == b'/').next();
        matches!(last.unwrap_or_default(), b"" | b"." | b"..")
    }

    /// The path with percent-encoding undone and dot segments resolved: file names between slashes,
    /// none of them `.` or `..`. `None` when no file can have that name. CPython's
    /// `translate_path`.
    ///
    /// This is the one place where a target becomes file names. Decoding comes first, so an
    /// encoded slash is a slash and an encoded dot a dot, and `..` never leaves the root.
    ///
    /// ```
    /// use rhttp::http::RequestTarget;
    ///
    /// let path = RequestTarget::new(b"/a%20b/../c").to_relative_path();
    /// assert_eq!(path.as_deref(), Some(b"c".as_slice()));
    /// ```
    #[doc(alias = "translate_path")]
    pub fn to_relative_path(self) -> Option<Cow<'a, [u8]>> {
        let raw = self.path();
        let directory = raw.strip_suffix(b"/").filter(|path| !path.is_empty());
        let plain = directory.unwrap_or(raw);
        if is_plain(plain) {
            return plain.get(1..).map(Cow::Borrowed);
        }
        let decoded = unquote(raw);
        let mut path = Vec::with_capacity(decoded.len());
        for segment in decoded.split(|&byte| byte == b'/') {
            match segment {
                b"" | b"." => {}
                b".." => {
                    let parent = memchr::memrchr(b'/', &path).unwrap_or(0);
                    path.truncate(parent);
                }
                name => {
                    if !path.is_empty() {
                        path.push(b'/');
                    }
                    path.extend_from_slice(name);
                }
            }
        }
        to_file_name(path).map(Cow::Owned)
    }

    /// The whole target in readable form, for the title of a listing: CPython's `displaypath`. It
    /// is text except for the bytes of undecodable names.
    pub fn to_display(self) -> Vec<u8> {
        let mut display = Vec::with_capacity(self.0.len());
        for piece in pieces(&unquote(self.0)) {
            match piece {
                Piece::Text(text) => display.extend_from_slice(text.as_bytes()),
                Piece::Escaped(byte) => display.push(byte),
                // Unlike CPython, which fails to encode its page.
                Piece::Surrogate | Piece::Invalid(_) => {
                    display.extend_from_slice("\u{fffd}".as_bytes());
                }
            }
        }
        display
    }

    /// The same target with a slash after its path, for a redirect; an empty query or fragment
    /// is dropped, as `urlunsplit` does.
    ///
    /// It always leads to this server, whatever the client wrote: it has no scheme and no
    /// authority, and backslashes (which browsers take for slashes), spaces and control characters
    /// are percent-encoded.
    pub fn to_directory_location(self) -> HeaderValue {
        let (rest, fragment) = split_once(self.0, b'#');
        let (path, query) = split_once(rest, b'?');
        let mut location = SmallVec::<[u8; 128]>::new();
        let first_segment = split_once(path, b'/').0;
        if first_segment.contains(&b':') {
            // Unlike CPython: `a:b/` would be taken for a URL with the scheme `a`.
            location.push(b'/');
        }
        push_quoted(path, &mut location);
        if !path.ends_with(b"/") {
            location.push(b'/');
        }
        for (mark, part) in [(b'?', query), (b'#', fragment)] {
            if !part.is_empty() {
                location.push(mark);
                push_quoted(part, &mut location);
            }
        }
        // Every byte that a field value may not hold is encoded, so this never falls back.
        HeaderValue::from_bytes(&location).unwrap_or_else(|| HeaderValue::from("/"))
    }
}

/// Whether a path is a slash followed by names exactly as they are in the file system, separated by
/// slashes: nothing is encoded, and no segment is empty or begins with a dot.
fn is_plain(path: &[u8]) -> bool {
    let mut before = 0;
    for &byte in path {
        let is_plain = match before {
            0 => byte == b'/',
            b'/' => !matches!(byte, b'/' | b'.'),
            _ => true,
        };
        if !is_plain || matches!(byte, b'%' | 0 | 0x80..) {
            return false;
        }
        before = byte;
    }
    // A slash at the end is not part of the name.
    before != 0 && (before != b'/' || path.len() == 1)
}

/// The path of an absolute `http:` or `https:` target.
fn without_authority(word: &[u8]) -> Option<&[u8]> {
    let rest = ["http://", "https://"].iter().find_map(|scheme| {
        let (start, rest) = word.split_at_checked(scheme.len())?;
        start
            .eq_ignore_ascii_case(scheme.as_bytes())
            .then_some(rest)
    })?;
    let end = rest.iter().position(|byte| b"/?#".contains(byte));
    Some(end.and_then(|end| rest.get(end..)).unwrap_or(b"/"))
}

/// Splits at the first `mark`; without one, the second part is empty.
fn split_once(text: &[u8], mark: u8) -> (&[u8], &[u8]) {
    let end = memchr::memchr(mark, text).unwrap_or(text.len());
    let (before, after) = text.split_at_checked(end).unwrap_or((text, &[]));
    (before, after.get(1..).unwrap_or_default())
}

/// Undoes percent-encoding as `urllib.parse.unquote` does, trying `errors='surrogatepass'` first
/// and, if that fails, replacing whatever is not text. The result is text in the sense of
/// [`surrogates`](super::surrogates).
///
/// Each run of ASCII is decoded on its own: a non-ASCII byte that the client did not encode is a
/// Latin-1 character by itself and never part of another.
pub(crate) fn unquote(raw: &[u8]) -> Cow<'_, [u8]> {
    if raw.is_ascii() && !raw.contains(&b'%') {
        return Cow::Borrowed(raw);
    }
    let strict = unquote_runs(raw, |run| {
        let valid = pieces(run).all(|piece| !matches!(piece, Piece::Invalid(_)));
        valid.then(|| run.to_vec())
    });
    let lossy = || {
        unquote_runs(raw, |run| {
            Some(String::from_utf8_lossy(run).into_owned().into_bytes())
        })
    };
    Cow::Owned(strict.or_else(lossy).unwrap_or_default())
}

/// Decodes each run of ASCII with `decode` and spells all other bytes as Latin-1 characters.
fn unquote_runs(raw: &[u8], decode: impl Fn(&[u8]) -> Option<Vec<u8>>) -> Option<Vec<u8>> {
    let mut text = Vec::with_capacity(raw.len());
    for run in raw.chunk_by(|a, b| a.is_ascii() == b.is_ascii()) {
        if run.is_ascii() {
            let decoded: Vec<u8> = percent_decode(run).collect();
            text.extend_from_slice(&decode(&decoded)?);
        } else {
            text.extend_from_slice(Latin1::new(run).to_string().as_bytes());
        }
    }
    Some(text)
}

/// The bytes that name a file in the file system; `None` for text that cannot be a file name.
fn to_file_name(text: Vec<u8>) -> Option<Vec<u8>> {
    if text.contains(&0) {
        return None;
    }
    if std::str::from_utf8(&text).is_ok() {
        return Some(text);
    }
    let mut name = Vec::with_capacity(text.len());
    for piece in pieces(&text) {
        match piece {
            Piece::Text(text) => name.extend_from_slice(text.as_bytes()),
            Piece::Escaped(byte) => name.push(byte),
            Piece::Surrogate | Piece::Invalid(_) => return None,
        }
    }
    Some(name)
}

/// Appends `part` of a target, with backslashes, spaces and control characters percent-encoded. A
/// C1 control is encoded as the UTF-8 of the Latin-1 character, so that it decodes to the same
/// name.
fn push_quoted(part: &[u8], location: &mut SmallVec<[u8; 128]>) {
    for &byte in part {
        if byte <= b' ' || byte == 0x7f || byte == b'\\' || (0x80..0xa0).contains(&byte) {
            let mut utf8 = [0; 2];
            for &byte in char::from(byte).encode_utf8(&mut utf8).as_bytes() {
                location.extend_from_slice(percent_encoding::percent_encode_byte(byte).as_bytes());
            }
        } else {
            location.push(byte);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(target: &str) -> Option<Vec<u8>> {
        RequestTarget::new(target.as_bytes())
            .to_relative_path()
            .map(|path| path.to_vec())
    }

    #[test]
    fn a_target_becomes_a_path_below_the_root() {
        for (target, expected) in [
            ("/", ""),
            ("", ""),
            ("*", "*"),
            ("?x", ""),
            ("/a/b", "a/b"),
            ("//a//b/", "a/b"),
            ("/a/./b/../c", "a/c"),
            ("/../../etc/passwd", "etc/passwd"),
            ("../../etc/passwd", "etc/passwd"),
            ("/a/%2e%2e/%2E%2e/b", "b"),
            ("/a%2f..%2fb", "b"),
            ("/a/..b/...", "a/..b/..."),
            ("/a?b/../c#d", "a"),
            ("/a#b?c", "a"),
            ("/a%20b+c%25", "a b+c%"),
            ("/%zz%4", "%zz%4"),
            ("/%C3%A9", "\u{e9}"),
            ("http://host:1/a?b", "a"),
            ("HTTPS://host", ""),
            ("http://host?a", ""),
            ("ftp://host/a", "ftp:/host/a"),
            ("/x:y\\z", "x:y\\z"),
            ("/%ff", "\u{fffd}"),
        ] {
            assert_eq!(
                path(target).as_deref(),
                Some(expected.as_bytes()),
                "{target}"
            );
        }
    }

    #[test]
    fn undecodable_names_come_back_as_they_were() {
        assert_eq!(path("/%ED%B2%80").as_deref(), Some(b"\x80".as_slice()));
        assert_eq!(
            path("/%ED%B3%BF%ED%B2%A0").as_deref(),
            Some(b"\xff\xa0".as_slice())
        );
        // A Latin-1 character that the client did not encode.
        let raw = RequestTarget::new(b"/\xe9")
            .to_relative_path()
            .map(|path| path.to_vec());
        assert_eq!(raw.as_deref(), Some("\u{e9}".as_bytes()));
    }

    #[test]
    fn what_no_file_can_be_called_has_no_path() {
        for target in ["/%00", "/a%00b/c", "/%ED%A0%80", "/%ED%BF%BF"] {
            assert_eq!(path(target), None, "{target}");
        }
    }

    #[test]
    fn a_redirect_leads_nowhere_but_here() {
        for (target, expected) in [
            ("/sub", "/sub/"),
            ("//evil/..", "/evil/../"),
            ("/sub?a=b#c", "/sub/?a=b#c"),
            ("/sub?", "/sub/"),
            ("/", "/"),
            ("/?a", "/?a"),
            ("/sub#", "/sub/"),
            ("/sub#a?b", "/sub/#a?b"),
            ("/\\evil", "/%5Cevil/"),
            ("/a\x01\x7f", "/a%01%7F/"),
            ("/sub;a?b\\", "/sub;a/?b%5C"),
            ("sub", "sub/"),
            ("javascript:x", "/javascript:x/"),
            ("http://host//evil", "/evil/"),
            ("?x", "/?x"),
        ] {
            let location = RequestTarget::new(target.as_bytes()).to_directory_location();
            assert_eq!(location.as_bytes(), expected.as_bytes(), "{target}");
        }
        let location = RequestTarget::new(b"/\x90\xe9").to_directory_location();
        assert_eq!(location.as_bytes(), b"/%C2%90\xe9/");
    }

    #[test]
    fn a_title_shows_the_whole_target() {
        for (target, expected) in [
            ("/a%20b?c=%3Cd%3E", b"/a b?c=<d>".as_slice()),
            ("/%ED%B2%80", b"/\x80"),
            ("/%ff", "/\u{fffd}".as_bytes()),
            ("/%ED%A0%80", "/\u{fffd}".as_bytes()),
        ] {
            assert_eq!(
                RequestTarget::new(target.as_bytes()).to_display(),
                expected,
                "{target}"
            );
        }
    }
}
