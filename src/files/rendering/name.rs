//! Names on the page for people: plain text, whatever they contain, that cannot pass for another
//! name.

use super::is_plain;
use crate::files::listing::Entry;
use crate::files::media_type::split_extension;

/// Appends a file's or a directory's name. The extension of a file is isolated: no text that runs
/// from right to left, or is made to, can make another extension appear in its place.
pub(super) fn push_file_name(entry: Entry<'_>, page: &mut Vec<u8>) {
    if entry.name.is_ascii() || entry.is_directory {
        return push_name(entry.name, page);
    }
    let name = String::from_utf8_lossy(entry.name);
    let (stem, extension) = split_extension(&name);
    push_isolated(stem.as_bytes(), page);
    if !extension.is_empty() {
        push_isolated(extension.as_bytes(), page);
    }
}

/// Appends a name, isolated from the text around it if it might run in another direction.
pub(super) fn push_name(name: &[u8], page: &mut Vec<u8>) {
    if name.is_ascii() {
        push_text(name, page);
    } else {
        push_isolated(name, page);
    }
}

fn push_isolated(name: &[u8], page: &mut Vec<u8>) {
    page.extend_from_slice(b"<bdi>");
    push_text(name, page);
    page.extend_from_slice(b"</bdi>");
}

/// Appends text with `&`, `<` and `>` escaped. Control characters are shown as their pictures, and
/// what is not UTF-8 as U+FFFD.
pub(super) fn push_text(text: &[u8], page: &mut Vec<u8>) {
    if is_plain(text) {
        return page.extend_from_slice(text);
    }
    for chunk in text.utf8_chunks() {
        for part in chunk
            .valid()
            .split_inclusive(|c: char| c.is_ascii_control())
        {
            let last = part.chars().next_back().filter(char::is_ascii_control);
            let shown = part.len() - usize::from(last.is_some());
            html_escape::encode_text_to_vec(part.get(..shown).unwrap_or_default(), page);
            let picture = last.and_then(|control| match control {
                '\u{7f}' => Some('\u{2421}'),
                control => char::from_u32(0x2400 + u32::from(control)),
            });
            if let Some(picture) = picture {
                page.extend_from_slice(picture.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
        if !chunk.invalid().is_empty() {
            page.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_shown_as_text_and_its_extension_by_itself() {
        for (name, is_directory, expected) in [
            ("a.txt".as_bytes(), false, "a.txt"),
            (b"<b>&\"'", false, "&lt;b&gt;&amp;\"'"),
            (b"a\tb\n\x7f", false, "a\u{2409}b\u{240a}\u{2421}"),
            (b"\xff\xfe", false, "<bdi>\u{fffd}\u{fffd}</bdi>"),
            ("\u{e9}.d".as_bytes(), true, "<bdi>\u{e9}.d</bdi>"),
            (
                "photo\u{202e}gnp.exe".as_bytes(),
                false,
                "<bdi>photo\u{202e}gnp</bdi><bdi>.exe</bdi>",
            ),
            (
                "\u{5e9}\u{5dc}\u{5d5}\u{5dd}.pdf".as_bytes(),
                false,
                "<bdi>\u{5e9}\u{5dc}\u{5d5}\u{5dd}</bdi><bdi>.pdf</bdi>",
            ),
        ] {
            let entry = Entry {
                name,
                is_directory,
                is_link: false,
            };
            let mut page = Vec::new();
            push_file_name(entry, &mut page);
            assert_eq!(String::from_utf8_lossy(&page), expected);
        }
    }
}
