//! The page for people and the page that sends files, as far as they go together.

use super::{get_with, serve};
use crate::support::{Running, Tree};
use std::path::Path;

const HTML: &str = "Accept: text/html\r\n";
const TAR: &str = "<a href=\"?tar\">Download all</a>";
const UPLOAD: &str = "<a href=\"?upload\">Send files</a>";

/// The links on the page for people: to the archive, and to the form.
fn links(server: &Running, target: &str) -> (bool, bool) {
    let page = get_with(server, target, HTML);
    assert_eq!(page.status(), 200, "{target}");
    let text = String::from_utf8_lossy(&page.body).into_owned();
    (text.contains(TAR), text.contains(UPLOAD))
}

#[test]
fn links_are_there_with_their_flags_and_where_files_go_to_what_is_shown() {
    let tree = Tree::new();
    tree.directory("www/incoming/sub")
        .directory("www/.hidden")
        .directory("www/same")
        .directory("outside/same")
        .link("www/out", "../outside")
        .link("www/in", "incoming");
    let www = tree.path().join("www");
    let option = |directory: &Path| format!("--upload={}", directory.display());
    let (incoming, outside) = (
        option(&www.join("incoming")),
        option(&tree.path().join("outside")),
    );
    for (flags, target, expected) in [
        (vec![], "/", (false, false)),
        (vec!["--tar"], "/", (true, false)),
        (vec!["--tar"], "/out/", (true, false)),
        (vec!["--upload"], "/", (false, true)),
        (vec!["--upload"], "/in/", (false, true)),
        (vec!["--upload"], "/out/", (false, false)),
        (vec!["--upload"], "/.hidden/", (false, false)),
        (vec![&incoming, "--tar"], "/", (true, false)),
        (vec![&incoming, "--tar"], "/incoming/sub/", (true, true)),
        (vec![&outside], "/", (false, false)),
        (vec![&outside], "/same/", (false, false)),
    ] {
        let server = serve(&www, &flags);
        assert_eq!(links(&server, target), expected, "{flags:?} {target}");
    }
}

#[test]
fn pages_with_other_links_have_other_tags() {
    let tree = Tree::new();
    tree.file("a", "x");
    let mut tags = Vec::new();
    for flags in [
        vec![],
        vec!["--tar"],
        vec!["--upload"],
        vec!["--tar", "--upload"],
    ] {
        let server = serve(tree.path(), &flags);
        let page = get_with(&server, "/", HTML);
        let tag = page.field("ETag").expect("a tag").to_owned();
        assert!(tag.starts_with("W/"), "{tag}");
        let again = format!("{HTML}If-None-Match: {tag}\r\n");
        assert_eq!(get_with(&server, "/", &again).status(), 304);
        tags.push(tag);
    }
    tags.sort();
    tags.dedup();
    assert_eq!(tags.len(), 4);
}
