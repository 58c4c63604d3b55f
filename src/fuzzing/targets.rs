use crate::http::RequestTarget;

/// Targets: the path stays below the root, and a redirect leads to the same directory of this
/// server.
pub fn targets(data: &[u8]) {
    let target = RequestTarget::new(data);
    let path = target.to_relative_path();
    if let Some(path) = &path {
        assert!(!path.contains(&0), "{}", path.escape_ascii());
        assert!(
            path.is_empty()
                || path
                    .split(|&byte| byte == b'/')
                    .all(|name| !matches!(name, b"" | b"." | b"..")),
            "{}",
            path.escape_ascii()
        );
    }

    let location = target.to_directory_location();
    let location = location.as_bytes();
    let shown = location.escape_ascii();
    // As browsers read it (the WHATWG's URL standard): no scheme, no authority, nothing that
    // they drop or take for a slash.
    assert!(!location.starts_with(b"//"), "{shown}");
    assert!(
        location
            .iter()
            .all(|&byte| byte > b' ' && byte != 0x7f && byte != b'\\'),
        "{shown}"
    );
    let first = location
        .split(|byte| b"/?#".contains(byte))
        .next()
        .unwrap_or_default();
    assert!(!first.contains(&b':'), "{shown}");
    let back = RequestTarget::new(location);
    assert!(back.has_trailing_slash(), "{shown}");
    assert_eq!(back.to_relative_path(), path, "{shown}");

    let title = target.to_display();
    assert!(title.len() <= 6 * data.len() + 1);
}
