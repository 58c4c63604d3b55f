//! Directory listings: CPython's page, byte for byte (`list_directory`).

use super::{LONGEST_LINK, LONGEST_TEXT, Rendering, Writer, is_plain, push_link};
use crate::files::listing::{Entry, Listing};
use crate::files::unavailable::Unavailable;

/// The page that shows `listing` under `title`.
///
/// # Errors
/// No memory is available for it.
pub(crate) fn classic(title: &[u8], mut listing: Listing) -> Result<Rendering, Unavailable> {
    let size = listing.size();
    let mut writer = Writer::new(listing.reservation_mut(), size);
    let page = writer.room(512 + 2 * LONGEST_TEXT * title.len())?;
    page.extend_from_slice(
        b"<!DOCTYPE HTML>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Directory listing for ",
    );
    push_text(title, page);
    page.extend_from_slice(b"</title>\n</head>\n<body>\n<h1>Directory listing for ");
    push_text(title, page);
    page.extend_from_slice(b"</h1>\n<hr>\n<ul>\n");
    for entry in listing.iter() {
        let page = writer.room(64 + (LONGEST_LINK + LONGEST_TEXT) * entry.name.len())?;
        push_entry(entry, page);
    }
    drop(listing);
    let page = writer.room(64)?;
    page.extend_from_slice(b"</ul>\n<hr>\n</body>\n</html>\n");
    writer.finish()
}

/// Appends the line for one name.
fn push_entry(entry: Entry<'_>, page: &mut Vec<u8>) {
    page.extend_from_slice(b"<li><a href=\"");
    push_link(entry.name, page);
    page.extend_from_slice(if entry.is_directory { b"/\">" } else { b"\">" });
    push_text(entry.name, page);
    // A link to a directory is shown with `@` and leads to `/`.
    page.extend_from_slice(match entry {
        Entry { is_link: true, .. } => b"@",
        Entry {
            is_directory: true, ..
        } => b"/",
        _ => b"",
    });
    page.extend_from_slice(b"</a></li>\n");
}

/// Appends text with `&`, `<` and `>` escaped. Bytes that are not UTF-8 cannot be any of them.
fn push_text(text: &[u8], page: &mut Vec<u8>) {
    if is_plain(text) {
        return page.extend_from_slice(text);
    }
    for chunk in text.utf8_chunks() {
        html_escape::encode_text_to_vec(chunk.valid(), page);
        page.extend_from_slice(chunk.invalid());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Body, Content};

    fn entry<N: AsRef<[u8]> + ?Sized>(name: &N, is_directory: bool, is_link: bool) -> Entry<'_> {
        Entry {
            name: name.as_ref(),
            is_directory,
            is_link,
        }
    }

    fn read(title: &[u8], listing: Listing) -> Vec<u8> {
        let page = classic(title, listing).expect("there is memory for it");
        page.as_ref().to_vec()
    }

    #[test]
    fn the_page_is_the_reference_s() {
        let mut listing = Listing::new();
        for entry in [
            entry("a&b", false, false),
            entry("d", true, false),
            entry("l \"'", true, true),
            entry("x<\u{e9}", false, true),
            entry(b"\x80:", false, false),
        ] {
            assert_eq!(listing.push(entry), Ok(()));
        }
        let expected = b"<!DOCTYPE HTML>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
            <title>Directory listing for /&lt;&gt;&amp;\"</title>\n</head>\n<body>\n\
            <h1>Directory listing for /&lt;&gt;&amp;\"</h1>\n<hr>\n<ul>\n\
            <li><a href=\"a%26b\">a&amp;b</a></li>\n\
            <li><a href=\"d/\">d/</a></li>\n\
            <li><a href=\"l%20%22%27/\">l \"'@</a></li>\n\
            <li><a href=\"x%3C%C3%A9\">x&lt;\xc3\xa9@</a></li>\n\
            <li><a href=\"%ED%B2%80%3A\">\x80:</a></li>\n\
            </ul>\n<hr>\n</body>\n</html>\n";
        assert_eq!(
            read(b"/<>&\"", listing).escape_ascii().to_string(),
            expected.escape_ascii().to_string()
        );
    }

    #[test]
    fn a_large_page_is_sent_from_its_room_and_a_small_one_as_it_is() {
        let body = |names: usize| {
            let mut listing = Listing::new();
            for _ in 0..names {
                assert_eq!(listing.push(entry("\u{1f600}A", false, false)), Ok(()));
            }
            classic(b"/", listing).map(Body::from)
        };
        assert!(body(10).is_ok_and(|body| matches!(body.0, Content::Bytes(_))));
        let large = body(10_000).expect("there is memory for it");
        assert!(matches!(large.0, Content::Held(_)));
        assert!(large.memory() > 10_000);
        let bytes = large.as_bytes().unwrap_or_default();
        assert_eq!(u64::try_from(bytes.len()).ok(), large.len());
        assert!(bytes.ends_with(b"</html>\n"));
    }
}
