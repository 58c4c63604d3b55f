//! Media types by file name: CPython's tables first, 3.12's before 3.14's, then `mime_guess`'s with
//! a few corrections.
//!
//! Unlike CPython, the machine's own tables (`/etc/mime.types` and the like) are never read: a
//! file has the same type on every machine.

mod table;

use std::borrow::Cow;

/// The type of a file called `name` as `mimetypes.guess_type` finds it, or else `mime_guess`.
pub(crate) fn builtin_media_type(name: &str) -> Option<&'static str> {
    let mut name = Cow::Borrowed(name);
    let (mut stem, mut extension) = split_extension(&name);
    if extension.is_empty() {
        return None;
    }
    // `.tgz` is short for `.tar.gz`. No suffix expands to another short one.
    if let Some(long) = find(table::SUFFIXES, &lower(extension)) {
        name = Cow::Owned(format!("{stem}.{long}"));
        (stem, extension) = split_extension(&name);
    }
    // The type is that of the content, regardless of the encoding.
    if find(table::ENCODINGS, without_dot(extension)).is_some() {
        (_, extension) = split_extension(stem);
    }
    let lower = lower(extension);
    [table::TYPES, table::ADDED, table::CORRECTED]
        .into_iter()
        .find_map(|table| find(table, &lower))
        .or_else(|| mime_guess::from_ext(without_dot(extension)).first_raw())
}

/// Whether `name` has an extension with a known media type: such a name means a file, not a page.
pub(crate) fn has_known_extension(name: &str) -> bool {
    let (_, extension) = split_extension(name);
    let is_coded = || {
        let lower = lower(extension);
        let mut codings = table::ENCODINGS.iter().map(|(coding, _)| *coding);
        lower == "zst" || codings.any(|coding| coding.eq_ignore_ascii_case(&lower))
    };
    !extension.is_empty() && (builtin_media_type(name).is_some() || is_coded())
}

/// Splits a file name into stem and extension (with its dot) as `posixpath.splitext` does: dots
/// at the start of a name are part of it.
pub(crate) fn split_extension(path: &str) -> (&str, &str) {
    let bytes = path.as_bytes();
    // Extensions are short, so that most of a name is not looked at.
    let end = bytes.iter().rposition(|byte| matches!(byte, b'.' | b'/'));
    let stem = end.and_then(|end| bytes.get(..end)).unwrap_or_default();
    let before = stem.iter().rfind(|&&byte| byte != b'.');
    match bytes.get(stem.len()) {
        Some(b'.') if before.is_some_and(|&byte| byte != b'/') => {
            path.split_at_checked(stem.len()).unwrap_or((path, ""))
        }
        _ => (path, ""),
    }
}

fn without_dot(extension: &str) -> &str {
    extension.strip_prefix('.').unwrap_or_default()
}

/// The extension in lower case and without its dot.
fn lower(extension: &str) -> Cow<'_, str> {
    to_lowercase(without_dot(extension))
}

/// Python's `lower()`, which also covers non-ASCII letters (a Kelvin sign is a kind of `K`).
pub(crate) fn to_lowercase(text: &str) -> Cow<'_, str> {
    if text
        .bytes()
        .all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase())
    {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.to_lowercase())
    }
}

fn find(table: &[(&'static str, &'static str)], extension: &str) -> Option<&'static str> {
    let index = table.binary_search_by(|row| row.0.cmp(extension)).ok()?;
    table.get(index).map(|row| row.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sorted_so_that_they_can_be_searched() {
        for table in [
            table::TYPES,
            table::SUFFIXES,
            table::ENCODINGS,
            table::ADDED,
            table::CORRECTED,
        ] {
            assert!(table.is_sorted_by_key(|row| row.0));
        }
    }

    #[test]
    fn cpython_3_14_added_types_and_changed_none_here() {
        assert_eq!(table::ADDED.len(), 49);
        for (extension, media_type) in table::ADDED {
            assert_eq!(find(table::TYPES, extension), None, "{extension}");
            // `.gz` is an encoding first.
            let expected = (*extension != "gz").then_some(*media_type);
            assert_eq!(builtin_media_type(&format!("a.{extension}")), expected);
        }
    }

    #[test]
    fn files_are_told_from_pages_by_their_extension() {
        for (name, expected) in [
            ("app.js", true),
            ("LOGO.PNG", true),
            ("a.gz", true),
            ("a.Z", true),
            ("x.br", true),
            ("x.zst", true),
            ("data.tar.xz", true),
            ("about", false),
            ("jane.doe", false),
            ("v1.2", false),
            (".well-known", false),
            ("a.", false),
            ("", false),
        ] {
            assert_eq!(has_known_extension(name), expected, "{name}");
        }
    }

    #[test]
    fn only_what_is_wrong_is_corrected() {
        for (extension, media_type) in table::CORRECTED {
            let guessed = mime_guess::from_ext(extension).first_raw();
            assert!(
                guessed.is_some_and(|guessed| guessed != *media_type),
                "{extension}"
            );
        }
    }

    #[test]
    fn extensions_are_split_as_python_splits_them() {
        for (path, expected) in [
            ("a.html", ("a", ".html")),
            ("/d.x/a", ("/d.x/a", "")),
            (".html", (".html", "")),
            ("..html", ("..html", "")),
            ("a..html", ("a.", ".html")),
            (".a.html", (".a", ".html")),
            ("a.", ("a", ".")),
            ("", ("", "")),
            ("...", ("...", "")),
            ("a.b/c", ("a.b/c", "")),
            ("a.b/.c", ("a.b/.c", "")),
            ("a.b/..c.d", ("a.b/..c", ".d")),
            ("a/", ("a/", "")),
            ("\u{e9}.\u{e9}", ("\u{e9}", ".\u{e9}")),
        ] {
            assert_eq!(split_extension(path), expected, "{path}");
        }
    }

    #[test]
    fn types_are_cpython_s_and_then_mime_guess_s() {
        for (name, expected) in [
            ("a.html", Some("text/html")),
            ("a.HTM", Some("text/html")),
            ("a.js", Some("text/javascript")),
            ("a.wasm", Some("application/wasm")),
            ("a.tgz", Some("application/x-tar")),
            ("a.svgz", Some("image/svg+xml")),
            ("a.txt.br", Some("text/plain")),
            ("a.br", None),
            ("a", None),
            ("a.", None),
            (".html", None),
            ("a.unknownext", None),
            ("a.woff2", Some("font/woff2")),
            // 3.14's where 3.12 has none; 3.12's where both have one.
            ("a.rpm", Some("application/x-rpm")),
            ("a.MD", Some("text/markdown")),
            ("a.avi", Some("video/x-msvideo")),
            ("a.wav", Some("audio/x-wav")),
            // mime_guess's, and corrections of its errors.
            ("a.geojson", Some("application/geo+json")),
            ("a.ts", Some("video/mp2t")),
            ("a.js.map", Some("application/json")),
            ("a.hxt", Some("application/octet-stream")),
        ] {
            assert_eq!(builtin_media_type(name), expected, "{name}");
        }
    }
}
