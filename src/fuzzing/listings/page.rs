use super::{Token, check_link, tokens};
use crate::files::rendering::Links;
use crate::files::{Catalogue, Entry, Kind, Sorting, rendering};
use crate::http::RequestTarget;

/// The page for people has a row for each name, with a link that leads to it, and no element that a
/// name or a target brought along.
pub(super) fn check(target: &[u8], catalogue: Catalogue) {
    // Its order is that of the page.
    let names: Vec<_> = catalogue
        .iter()
        .map(|(entry, details)| (entry.name.to_vec(), entry.is_link, details.kind))
        .collect();
    let target = RequestTarget::new(target);
    let Ok(page) = rendering::page(target, Sorting::default(), Links::default(), catalogue) else {
        unreachable!("there is memory for it")
    };

    let (head, rest) = split_once(page.as_ref(), b"</style>");
    let (body, script) = split_once(rest, b"<script>");
    let (_, end) = split_once(script, b"</script>");
    assert_eq!(end, b"\n</body>\n</html>\n");
    check_head(split_once(head, b"<style>").0);
    let mut tokens = tokens(body).filter(|token| {
        // Nothing that stands between elements is a name.
        !matches!(token, Token::Text(text) if text.iter().all(u8::is_ascii_whitespace))
    });
    let mut next = || tokens.next();
    for expected in ["/head", "body", "header", "div"] {
        assert_eq!(next(), Some(Token::Tag(expected.as_bytes())));
    }
    // What is above.
    loop {
        match next() {
            Some(Token::Tag(b"/header")) => break,
            Some(Token::Tag(tag)) => assert!(is_of_heading(tag), "{}", tag.escape_ascii()),
            Some(Token::Text(_)) => {}
            None => unreachable!("the header has no end"),
        }
    }
    assert_eq!(next(), Some(Token::Tag(b"main")));
    if names.is_empty() {
        assert_eq!(next(), Some(Token::Tag(b"p")));
        return;
    }
    while next() != Some(Token::Tag(b"/thead")) {}
    for (place, (name, is_link, kind)) in names.iter().enumerate() {
        let entry = Entry {
            name,
            is_directory: *kind == Kind::Folder,
            is_link: *is_link,
        };
        if place % 128 == 0 {
            if place > 0 {
                assert_eq!(next(), Some(Token::Tag(b"/tbody")));
            }
            assert_eq!(next(), Some(Token::Tag(b"tbody role=\"rowgroup\"")));
        }
        check_row(&mut next, &entry, *kind);
    }
    for expected in ["/tbody", "/table", "/div", "/main"] {
        assert_eq!(next(), Some(Token::Tag(expected.as_bytes())));
    }
    assert_eq!(next(), None);
}

fn check_head(head: &[u8]) {
    let mut tags = tokens(head).filter_map(|token| match token {
        Token::Tag(tag) => Some(tag),
        Token::Text(_) => None,
    });
    for expected in ["!DOCTYPE", "html", "head", "meta", "meta", "meta", "title"] {
        let tag = tags.next().unwrap_or_default();
        assert!(
            tag.starts_with(expected.as_bytes()),
            "{}",
            tag.escape_ascii()
        );
    }
    assert_eq!(tags.next(), Some(b"/title".as_slice()));
    assert_eq!(
        tags.next(),
        Some(b"link rel=\"icon\" href=\"data:,\"".as_slice())
    );
    assert_eq!(tags.next(), None);
}

/// A link in the header leads up and nowhere else.
fn is_of_heading(tag: &[u8]) -> bool {
    const PLAIN: [&[u8]; 11] = [
        b"nav aria-label=\"Folders above\"",
        b"/nav",
        b"ol",
        b"/ol",
        b"li",
        b"/li",
        b"/a",
        b"h1",
        b"/h1",
        b"bdi",
        b"/bdi",
    ];
    let is_up = |link: &[u8]| {
        let link = link.strip_suffix(b" rel=\"up\"").unwrap_or(link);
        let link = link.strip_suffix(b"\"").unwrap_or_default();
        link.as_chunks::<3>().0.iter().all(|up| up == b"../") && link.len().is_multiple_of(3)
    };
    PLAIN.contains(&tag)
        || tag == b"/div"
        || tag.starts_with(b"input type=\"search\" ")
        || tag.strip_prefix(b"a href=\"").is_some_and(is_up)
}

fn check_row<'p>(next: &mut impl FnMut() -> Option<Token<'p>>, entry: &Entry<'_>, kind: Kind) {
    let row = next();
    let is_row =
        matches!(row, Some(Token::Tag(tag)) if tag.starts_with(b"tr role=\"row\" class=\""));
    assert!(is_row, "{row:?}");
    let header = Token::Tag(b"th scope=\"row\" role=\"rowheader\"");
    assert_eq!(next(), Some(header));
    check_link(next().as_ref(), entry);
    let mut text = Vec::new();
    loop {
        match next() {
            Some(Token::Text(part)) => text.extend_from_slice(&part),
            Some(Token::Tag(b"bdi" | b"/bdi")) => {}
            Some(Token::Tag(b"/a")) => break,
            other => unreachable!("{other:?} in {entry:?}"),
        }
    }
    let shown: String = String::from_utf8_lossy(entry.name)
        .chars()
        .map(|character| match character {
            '\u{7f}' => '\u{2421}',
            '\0'..' ' => char::from_u32(0x2400 + u32::from(character)).unwrap_or(character),
            other => other,
        })
        .collect();
    assert_eq!(String::from_utf8(text), Ok(shown));
    assert_eq!(next(), Some(Token::Tag(b"/th")));
    assert_eq!(next(), Some(Token::Tag(b"td role=\"cell\"")));
    let word = next();
    let is_kind =
        matches!(&word, Some(Token::Text(word)) if word.starts_with(kind.word().as_bytes()));
    assert!(is_kind, "{word:?}");
    while next() != Some(Token::Tag(b"/tr")) {}
}

fn split_once<'t>(text: &'t [u8], mark: &[u8]) -> (&'t [u8], &'t [u8]) {
    let found = memchr::memmem::find(text, mark);
    let place = found.unwrap_or_else(|| unreachable!("no {}", mark.escape_ascii()));
    let (before, after) = text.split_at(place);
    (before, after.get(mark.len()..).unwrap_or_default())
}
