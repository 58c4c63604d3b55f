use super::*;
use crate::files::catalogue::Details;
use ring::digest::{SHA256, digest};

/// The part of a page that does not depend on the listing may be this long.
const MOST_BYTES: usize = 8 * 1024;

fn read(target: &[u8], sorting: Sorting, catalogue: Catalogue) -> String {
    read_with(Links::default(), target, sorting, catalogue)
}

fn read_with(links: Links, target: &[u8], sorting: Sorting, mut catalogue: Catalogue) -> String {
    catalogue.sort(sorting);
    let page = page(RequestTarget::new(target), sorting, links, catalogue)
        .expect("there is memory for it");
    String::from_utf8(page.as_ref().to_vec()).expect("it is UTF-8")
}

/// A source of a Content-Security-Policy (CSP 3, §2.3.1): the digest in base64.
fn source(text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut encoded = String::new();
    for three in digest(&SHA256, text.as_ref()).as_ref().chunks(3) {
        let byte = |place: usize| u32::from(three.get(place).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let digit = usize::try_from(bits >> (18 - 6 * place) & 63).expect("it is small");
            let is_there = place <= three.len();
            encoded.push(if is_there { DIGITS[digit].into() } else { '=' });
        }
    }
    format!("'sha256-{encoded}'")
}

/// The policy for a page, by what stands between its tags.
pub(in super::super) fn policy_of(page: &str) -> String {
    let digests = |start: &str, end: &str| {
        let ends = page.split(start).skip(1);
        let texts = ends.map(|rest| rest.split_once(end).expect("it ends").0);
        texts.map(source).collect::<Vec<_>>().join(" ")
    };
    let (style, script) = (
        digests("<style>", "</style>"),
        digests("<script>", "</script>"),
    );
    format!(
        "script-src 'self' {script}; style-src 'self' {style}; object-src 'none'; base-uri 'none'"
    )
}

#[test]
fn the_policy_lets_the_page_s_own_style_and_script_through() {
    for links in all_links() {
        let page = read_with(links, b"/", Sorting::default(), Catalogue::new());
        assert_eq!(links.policy(), policy_of(&page), "{links:?}");
    }
    assert_eq!(
        source(""),
        "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
    );
}

fn all_links() -> [Links; 4] {
    let flags = [(false, false), (true, false), (false, true), (true, true)];
    flags.map(|(archive, form)| Links { archive, form })
}

#[test]
fn links_are_there_as_far_as_they_are_wanted_and_change_nothing_else() {
    const TAR: &str = "<a href=\"?tar\">Download all</a>";
    const UPLOAD: &str = "<a href=\"?upload\">Send files</a>";
    let read = |links| read_with(links, b"/a/", Sorting::default(), Catalogue::new());
    let plain = read(Links::default());
    for links in all_links() {
        let page = read(links);
        assert_eq!(page.contains(TAR), links.archive);
        assert_eq!(page.contains(UPLOAD), links.form);
        let more = [TAR, UPLOAD, "<nav aria-label=\"This folder\">", "</nav>\n"];
        let style = format!("<style>{LINKS_STYLE}</style>\n");
        let mut rest = page.replace(&style, "").replace("</ol></nav>", "<above>");
        for part in more {
            rest = rest.replace(part, "");
        }
        assert_eq!(rest, plain.replace("</ol></nav>", "<above>"));
    }
}

#[test]
fn the_page_itself_is_small() {
    let links = Links {
        archive: true,
        form: true,
    };
    let size = |catalogue| read_with(links, b"/a/b/c/", Sorting::default(), catalogue).len();
    let empty = size(Catalogue::new());
    let with = |names: usize| {
        let mut catalogue = Catalogue::new();
        for _ in 0..names {
            assert_eq!(catalogue.push(b"name", false, file(None)), Ok(()));
        }
        size(catalogue)
    };
    let (one, two) = (with(1), with(2));
    let without_names = one - (two - one);
    assert!(empty < MOST_BYTES, "{empty}");
    assert!(without_names < MOST_BYTES, "{without_names}");
}

fn file(size: Option<u64>) -> Details {
    Details {
        kind: Kind::Text,
        size,
        modified: None,
    }
}

#[test]
fn each_name_has_a_row_and_the_order_goes_with_the_links() {
    let mut catalogue = Catalogue::new();
    let of_kind = |kind| Details { kind, ..file(None) };
    for (name, is_link, details) in [
        (b"a&b.txt".as_slice(), false, file(Some(1536))),
        (b"d", false, of_kind(Kind::Folder)),
        (b"l", true, file(Some(5))),
        (b"x", true, of_kind(Kind::BrokenLink)),
    ] {
        assert_eq!(catalogue.push(name, is_link, details), Ok(()));
    }
    let sorting = Sorting {
        column: Column::Size,
        direction: Direction::Descending,
    };
    let page = read(b"/one//%3Ctwo%3E/?sort=size&order=desc", sorting, catalogue);
    for part in [
        "<title>/one//&lt;two&gt;/</title>",
        "<ol><li><a href=\"../../../?sort=size&amp;order=desc\">Files</a></li>\
         <li><a href=\"../?sort=size&amp;order=desc\" rel=\"up\">one</a></li></ol>",
        "<h1>&lt;two&gt;</h1>",
        "<caption>1 folder, 2 files, 1 other, 1.5 KiB</caption>",
        "<th scope=\"col\" role=\"columnheader\"><a href=\"?sort=name&amp;order=asc\">Name</a></th>",
        "<th scope=\"col\" role=\"columnheader\" aria-sort=\"descending\">\
         <a href=\"?sort=size&amp;order=asc\">Size</a></th>",
        "<th scope=\"col\" role=\"columnheader\"><a href=\"?sort=time&amp;order=desc\">Modified</a></th>",
        "<tbody role=\"rowgroup\">\n\
         <tr role=\"row\" class=\"d\"><th scope=\"row\" role=\"rowheader\">\
         <a href=\"d/?sort=size&amp;order=desc\">d</a></th><td role=\"cell\">Folder</td>\
         <td role=\"cell\"></td><td role=\"cell\"></td></tr>\n\
         <tr role=\"row\" class=\"t\"><th scope=\"row\" role=\"rowheader\">\
         <a href=\"a%26b.txt\">a&amp;b.txt</a></th><td role=\"cell\">Text</td>\
         <td role=\"cell\" title=\"1,536 bytes\">1.5 KiB</td><td role=\"cell\"></td></tr>\n\
         <tr role=\"row\" class=\"t l\"><th scope=\"row\" role=\"rowheader\">\
         <a href=\"l\">l</a></th><td role=\"cell\">Text (link)</td>\
         <td role=\"cell\">5 B</td><td role=\"cell\"></td></tr>\n\
         <tr role=\"row\" class=\"b\"><th scope=\"row\" role=\"rowheader\">\
         <a href=\"x\">x</a></th><td role=\"cell\">Broken link</td>\
         <td role=\"cell\"></td><td role=\"cell\"></td></tr>\n\
         </tbody>\n</table></div></main>",
    ] {
        assert!(page.contains(part), "{part}\nin {page}");
    }
}

#[test]
fn a_path_that_goes_to_and_fro_has_no_links_to_that() {
    let page = |path: &str| read(path.as_bytes(), Sorting::default(), Catalogue::new());
    let heading = |path: &str| {
        let page = page(path);
        let (_, rest) = page.split_once("<header><div>").expect("it is there");
        rest.split_once("</div>").expect("it ends").0.to_owned()
    };
    for (path, plain) in [
        ("/./", "/"),
        ("/a/../", "/"),
        ("/../../", "/"),
        ("/a/./b/../%2E%2e/c/%2e/d/", "/c/d/"),
    ] {
        assert_eq!(heading(path), heading(plain), "{path}");
    }
    // A link for each of as many segments as fit into a request would add up to more than a
    // gigabyte.
    for path in ["./".repeat(32_000), "a/../".repeat(12_000)] {
        let length = page(&format!("/{path}")).len();
        assert!(length < 2 * MOST_BYTES + path.len(), "{length}");
    }
}
