use crate::files::{Catalogue, Kind, rendering};
use crate::http::RequestTarget;

/// JSON has an object for each name on a line of its own, with a URL that leads to it.
pub(super) fn check(catalogue: Catalogue) {
    let names: Vec<_> = catalogue
        .iter()
        .map(|(entry, details)| (entry.name.to_vec(), entry.is_link, details.kind))
        .collect();
    let rendering = rendering::json(catalogue);
    let json = rendering.as_ref().map(|json| str::from_utf8(json.as_ref()));
    let Ok(Ok(json)) = json else {
        unreachable!("it is UTF-8, and there is memory for it")
    };
    let lines = json
        .strip_prefix("[\n")
        .and_then(|json| json.strip_suffix("]\n"));
    let mut lines = lines.unwrap_or_default().lines();
    for (place, (name, is_link, kind)) in names.iter().enumerate() {
        let line = lines.next().unwrap_or_default();
        let line = if place + 1 < names.len() {
            line.strip_suffix(",").unwrap_or_default()
        } else {
            line
        };
        let rest = line.strip_prefix("{\"name\":\"").unwrap_or_default();
        let (found, rest) = string(rest);
        assert_eq!(found, String::from_utf8_lossy(name));
        let (word, rest) = string(rest.strip_prefix(",\"type\":\"").unwrap_or_default());
        let expected = match kind {
            Kind::Folder => "directory",
            Kind::BrokenLink | Kind::Special => "other",
            _ => "file",
        };
        assert_eq!(word, expected);
        let rest = rest.strip_prefix(",\"size\":").unwrap_or_default();
        let (size, rest) = rest.split_once(",\"mtime\":").unwrap_or_default();
        assert!(size == "null" || size.parse::<u64>().is_ok(), "{line}");
        let (_, rest) = rest.split_once(",\"url\":\"").unwrap_or_default();
        let (url, rest) = string(rest);
        check_url(&url, name, *kind);
        assert_eq!(rest, format!(",\"link\":{is_link}}}"));
    }
    assert_eq!(lines.next(), None);
}

/// The string that begins a text, its first quote aside, and what follows it (RFC 8259 §7).
fn string(text: &str) -> (String, &str) {
    let mut string = String::new();
    let mut characters = text.chars();
    loop {
        match characters.next() {
            Some('"') => return (string, characters.as_str()),
            Some('\\') => match characters.next() {
                Some('u') => {
                    let digits: String = characters.by_ref().take(4).collect();
                    let code = u32::from_str_radix(&digits, 16).ok();
                    string.extend(code.and_then(char::from_u32));
                }
                Some(escaped @ ('"' | '\\')) => string.push(escaped),
                other => unreachable!("{other:?} in {text}"),
            },
            Some(character @ ' '..) => string.push(character),
            other => unreachable!("{other:?} in {text}"),
        }
    }
}

fn check_url(url: &str, name: &[u8], kind: Kind) {
    assert_eq!(url.ends_with('/'), kind == Kind::Folder, "{url}");
    let target = [b"/base/", url.as_bytes()].concat();
    let path = RequestTarget::new(&target).to_relative_path();
    assert_eq!(
        path.as_deref(),
        Some([b"base/", name].concat().as_slice()),
        "{url}"
    );
}
