mod json;
mod page;

use crate::files::{Catalogue, Details, Entry, Kind, Listing, Sorting, rendering};
use crate::http::RequestTarget;

/// Listings: a reader of HTML finds the names that went in, each with a link that leads to it,
/// and no element that a name or a title brought along.
pub fn listings(data: &[u8]) {
    let mut parts = data.split(|&byte| byte == 0);
    let target = parts.next().unwrap_or_default();
    let title = RequestTarget::new(target).to_display();
    let entries: Vec<_> = parts
        .map(|part| part.split_last().unwrap_or((&0, &[])))
        .filter(|(_, name)| !matches!(*name, b"" | b"." | b"..") && !name.contains(&b'/'))
        .map(|(kind, name)| Entry {
            name,
            is_directory: kind & 1 != 0,
            is_link: kind & 2 != 0,
        })
        .collect();
    page::check(target, catalogue(&entries));
    json::check(catalogue(&entries));
    let page = classic(&title, &entries);

    let mut tokens = tokens(&page);
    let title_line = [b"Directory listing for ", title.as_slice()].concat();
    for expected in [
        "!DOCTYPE HTML",
        "html lang=\"en\"",
        "head",
        "meta charset=\"utf-8\"",
        "title",
    ] {
        assert_eq!(tokens.next(), Some(Token::Tag(expected.as_bytes())));
    }
    assert_eq!(tokens.next(), Some(Token::Text(title_line.clone())));
    for expected in ["/title", "/head", "body", "h1"] {
        assert_eq!(tokens.next(), Some(Token::Tag(expected.as_bytes())));
    }
    assert_eq!(tokens.next(), Some(Token::Text(title_line)));
    for expected in ["/h1", "hr", "ul"] {
        assert_eq!(tokens.next(), Some(Token::Tag(expected.as_bytes())));
    }
    for entry in &entries {
        assert_eq!(tokens.next(), Some(Token::Tag(b"li")));
        check_link(tokens.next().as_ref(), entry);
        let mark: &[u8] = match (entry.is_link, entry.is_directory) {
            (true, _) => b"@",
            (false, true) => b"/",
            (false, false) => b"",
        };
        let text = [entry.name, mark].concat();
        assert_eq!(tokens.next(), Some(Token::Text(text)));
        assert_eq!(tokens.next(), Some(Token::Tag(b"/a")));
        assert_eq!(tokens.next(), Some(Token::Tag(b"/li")));
    }
    for expected in ["/ul", "hr", "/body", "/html"] {
        assert_eq!(tokens.next(), Some(Token::Tag(expected.as_bytes())));
    }
    assert_eq!(tokens.next(), None);
}

/// The page that lists `entries`, in their order.
fn classic(title: &[u8], entries: &[Entry<'_>]) -> Vec<u8> {
    let mut listing = Listing::new();
    for entry in entries {
        assert_eq!(listing.push(*entry), Ok(()));
    }
    let page = rendering::classic(title, listing);
    assert!(page.is_ok(), "{page:?}");
    page.map(|page| page.as_ref().to_vec()).unwrap_or_default()
}

/// The same names with details, in order.
fn catalogue(entries: &[Entry<'_>]) -> Catalogue {
    let mut catalogue = Catalogue::new();
    for entry in entries {
        let first = entry.name.first().copied().unwrap_or(0);
        let details = Details {
            kind: match first % 4 {
                _ if entry.is_directory => Kind::Folder,
                0 if entry.is_link => Kind::BrokenLink,
                1 => Kind::Special,
                2 => Kind::Image,
                _ => Kind::Text,
            },
            size: (!entry.is_directory && first % 3 > 0).then(|| 1 << (first % 64)),
            modified: (first % 5 > 0).then(|| i64::from(first) << (first % 55)),
        };
        assert_eq!(catalogue.push(entry.name, entry.is_link, details), Ok(()));
    }
    catalogue.sort(Sorting::default());
    catalogue
}

/// Follows a link from the listing of `/base/`.
fn check_link(tag: Option<&Token<'_>>, entry: &Entry<'_>) {
    let Some(Token::Tag(tag)) = tag else {
        unreachable!("{tag:?} is no link to {entry:?}");
    };
    let link = tag
        .strip_prefix(b"a href=\"")
        .and_then(|tag| tag.strip_suffix(b"\""))
        .unwrap_or_default();
    let shown = link.escape_ascii();
    // Nothing that ends the attribute, begins a scheme, a query or a fragment, or is no URL.
    assert!(
        link.iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"%_.-~/".contains(byte)),
        "{shown}"
    );
    assert_eq!(link.ends_with(b"/"), entry.is_directory, "{shown}");
    assert!(!link.starts_with(b"/"), "{shown}");
    let target = [b"/base/", link].concat();
    let path = RequestTarget::new(&target).to_relative_path();
    let expected = [b"base/", entry.name].concat();
    assert_eq!(path.as_deref(), Some(expected.as_slice()), "{shown}");
}

#[derive(Debug, PartialEq, Eq)]
enum Token<'p> {
    /// What stands between `<` and `>`.
    Tag(&'p [u8]),
    /// Text with its entities decoded; line feeds between tags are left out.
    Text(Vec<u8>),
}

/// Takes a page apart as the HTML standard's tokenizer does, as far as our pages go.
fn tokens(mut page: &[u8]) -> impl Iterator<Item = Token<'_>> {
    let mut in_link = false;
    std::iter::from_fn(move || {
        loop {
            if let Some(rest) = page.strip_prefix(b"<") {
                let end = rest.iter().position(|&byte| byte == b'>')?;
                let tag = rest.get(..end)?;
                page = rest.get(end + 1..)?;
                in_link = tag.starts_with(b"a ");
                return Some(Token::Tag(tag));
            }
            let end = page.iter().position(|&byte| byte == b'<');
            let (text, rest) = page.split_at(end.unwrap_or(page.len()));
            if text.is_empty() {
                return None;
            }
            page = rest;
            if in_link || text != b"\n" {
                return Some(Token::Text(decode(text)));
            }
        }
    })
}

/// Decodes the entities that are used; another one is an error.
fn decode(mut text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::new();
    while let Some((&byte, rest)) = text.split_first() {
        text = rest;
        if byte == b'&' {
            let (character, rest) = [(b"amp;".as_slice(), b'&'), (b"lt;", b'<'), (b"gt;", b'>')]
                .iter()
                .find_map(|(name, character)| Some((*character, text.strip_prefix(*name)?)))
                .unwrap_or_else(|| unreachable!("a bare ampersand in {}", text.escape_ascii()));
            decoded.push(character);
            text = rest;
        } else {
            decoded.push(byte);
        }
    }
    decoded
}
