//! The names that clients may give to uploaded files.

/// The longest name that file systems allow, in bytes.
const MOST_BYTES: usize = 255;

/// Names of devices on Windows, with any extension: a tree may be shared with Windows.
const DEVICES: &[&str] = &["con", "prn", "aux", "nul"];
/// Names of devices when followed by a digit.
const NUMBERED_DEVICES: &[&str] = &["com", "lpt"];

/// Checks that a file may be called `name`, which is decoded: it is a single component on every
/// system, and is neither hidden nor special.
///
/// # Errors
/// The reason why not, for people to read.
pub(crate) fn check_name(name: &[u8]) -> Result<(), &'static str> {
    let Ok(text) = std::str::from_utf8(name) else {
        return Err("A file name must be UTF-8");
    };
    match name {
        [] => return Err("A file name is missing"),
        [b'.', ..] => return Err("A file name must not begin with a dot"),
        [.., b'.' | b' '] => return Err("A file name must not end in a dot or a space"),
        _ if name.len() > MOST_BYTES => return Err("A file name is longer than 255 bytes"),
        _ => {}
    }
    if text.contains(['/', '\\', ':']) {
        return Err("A file name must have no slash, backslash or colon");
    }
    if text.chars().any(char::is_control) {
        return Err("A file name must have no control characters");
    }
    if is_device(text) {
        return Err("A file name must not be that of a device");
    }
    Ok(())
}

fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default();
    let stem = stem.trim_end().to_ascii_lowercase();
    let is_numbered = |device: &&str| {
        let digit = stem.strip_prefix(*device).map(str::as_bytes);
        matches!(digit, Some([b'1'..=b'9']))
    };
    DEVICES.contains(&stem.as_str()) || NUMBERED_DEVICES.iter().any(is_numbered)
}

/// The name of another file beside one called `name`: `name (1).txt`.
pub(crate) fn numbered(name: &str, number: u32) -> String {
    // A name that begins with its only dot has no extension; such names are refused anyway.
    let (stem, extension) = match name.rfind('.') {
        Some(dot) if dot > 0 => name.split_at(dot),
        _ => (name, ""),
    };
    let mark = format!(" ({number})");
    let room = MOST_BYTES.saturating_sub(mark.len() + extension.len());
    let mut end = stem.len().min(room);
    while !stem.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{mark}{extension}", stem.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_component_everywhere() {
        for name in [
            "a",
            "a.txt",
            "a b",
            "\u{e9}",
            "..a",
            "a..b",
            "-rf",
            "~",
            "a%2fb",
            "con1",
            "common.txt",
            "lpt0",
            "\u{202e}x",
            "'\"<>|?*",
        ] {
            let expected = name.starts_with('.');
            assert_eq!(check_name(name.as_bytes()).is_err(), expected, "{name}");
        }
        for name in [
            "",
            ".",
            "..",
            ".hidden",
            "a/b",
            "../a",
            "/a",
            "a\\b",
            "..\\a",
            "c:",
            "a:stream",
            "a.",
            "a ",
            "a. .",
            "a\0",
            "a\n",
            "\u{1b}[0m",
            "a\u{85}",
            "CON",
            "nul.txt",
            "Com1",
            "lpt9.x.y",
            "aux .c",
        ] {
            assert!(check_name(name.as_bytes()).is_err(), "{name}");
        }
        assert!(check_name(b"\xff").is_err());
        assert!(check_name(&[b'a'; 255]).is_ok());
        assert!(check_name(&[b'a'; 256]).is_err());
    }

    #[test]
    fn a_number_stands_before_the_extension() {
        assert_eq!(numbered("a.txt", 1), "a (1).txt");
        assert_eq!(numbered("a.tar.gz", 12), "a.tar (12).gz");
        assert_eq!(numbered("a", 2), "a (2)");
        let long = format!("{}.txt", "\u{e9}".repeat(125));
        assert_eq!(
            numbered(&long, 1),
            format!("{} (1).txt", "\u{e9}".repeat(123))
        );
    }
}
