//! The page for people and the page that sends files, as far as they go together.

use super::{content, get_with, names_in, serve, url};
use crate::support::webdriver::{Browser, axe, key};
use crate::support::{Running, Tree, not_run};
use serde_json::json;
use std::fs::File;
use std::path::{Path, PathBuf};

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

fn start(tree: &Tree, flags: &[&str]) -> Option<(Running, Browser)> {
    let flags = [&["--upload", "--tar", "--protocol", "HTTP/1.1"], flags].concat();
    let server = serve(tree.path(), &flags);
    if let Some(browser) = Browser::start() {
        return Some((server, browser));
    }
    not_run("pages that send files, for there is no Chromium with chromedriver");
    None
}

/// Remembers, for the page after this one too, what is said while files are sent.
const WATCH: &str = "
    const said = new Set();
    new MutationObserver(() => {
        for (const part of document.querySelectorAll('form li, [role=status]'))
            said.add((part.querySelector('progress') ? 'bar ' : '') + part.textContent);
        sessionStorage.said = JSON.stringify([...said]);
    }).observe(document.querySelector('form'), {subtree: true, childList: true, attributes: true});";

fn said(browser: &Browser) -> Vec<String> {
    let said = browser.run("return JSON.parse(sessionStorage.said);");
    serde_json::from_value(said).expect("texts")
}

#[test]
fn files_are_dropped_and_chosen_and_their_progress_is_shown() {
    let tree = Tree::new();
    tree.file("out/one", vec![b'1'; 3_000_000])
        .file("out/two <b>.txt", "second")
        .file("out/three", "third")
        .directory("in");
    let Some((server, browser)) = start(&tree, &[]) else {
        return;
    };
    let file = |name: &str| tree.path().join("out").join(name);
    browser.open(&url(&server, "/in/"));
    browser.click("a[href='?upload']");
    browser.wait_for("location.search === '?upload'");
    browser.run(WATCH);
    browser.drop_files((5, 5), &[&file("one")]);
    browser.wait_for("document.querySelector('button').textContent === 'Send 1 file'");
    // What is dropped comes to what is there already.
    browser.drop_files((200, 400), &[&file("two <b>.txt")]);
    browser.wait_for("document.querySelector('button').textContent === 'Send 2 files'");
    browser.click("button");
    browser.wait_for("location.pathname + location.search === '/in/'");
    let said = said(&browser);
    let is_said = |text: &str| said.iter().any(|said| said == text);
    assert!(is_said("bar one100 % of 2.9 MiB"), "{said:?}");
    assert!(is_said("two <b>.txtSent"), "{said:?}");
    assert!(is_said("Sending 2 of 2"), "{said:?}");
    assert_eq!(names_in(&tree.path().join("in")), ["one", "two <b>.txt"]);
    assert_eq!(
        content(&tree, "in/one").map(|text| text.len()),
        Some(3_000_000)
    );

    browser.open(&url(&server, "/in/?upload"));
    browser.choose("input", &[&file("three")]);
    browser.click("button");
    browser.wait_for("location.pathname + location.search === '/in/'");
    assert_eq!(content(&tree, "in/three").as_deref(), Some("third"));

    assert_eq!(browser.console(), Vec::<String>::new());
}

#[test]
fn cancel_leads_back_and_leaves_no_part_of_a_file() {
    let tree = Tree::new();
    tree.file("out/endless", "").directory("in");
    let path = tree.path().join("out/endless");
    let file = File::options().write(true).open(&path).expect("a file");
    file.set_len(1 << 30).expect("it has holes");
    let Some((server, browser)) = start(&tree, &[]) else {
        return;
    };
    browser.open(&url(&server, "/in/?upload"));
    browser.choose("input", &[&path]);
    browser.click("button");
    browser.wait_for("document.querySelector('progress').value > 0");
    browser.click("footer a");
    browser.wait_for("location.pathname + location.search === '/in/'");
    server.wait_for_log(|lines| {
        let is_end = |line: &Vec<u8>| String::from_utf8_lossy(line).contains("POST /in/?upload");
        lines.iter().any(is_end).then_some(())
    });
    assert_eq!(names_in(&tree.path().join("in")), Vec::<String>::new());
}

#[test]
fn a_refusal_is_shown_and_what_was_refused_can_be_tried_again() {
    let tree = Tree::new();
    tree.file("out/large", vec![b'x'; 8_000_000])
        .file("out/small", "small")
        .directory("in");
    let Some((server, browser)) = start(&tree, &["--max-upload", "1K"]) else {
        return;
    };
    let files = ["out/large", "out/small"].map(|name| tree.path().join(name));
    browser.open(&url(&server, "/in/?upload"));
    browser.choose("input", &files.each_ref().map(PathBuf::as_path));
    browser.click("button");
    let shown = "return [...document.querySelectorAll('form li'), document.querySelector('footer')]
        .map(part => part.textContent);";
    let button = "document.querySelector('button').textContent";
    browser.wait_for(&format!("{button} === 'Try again'"));
    assert_eq!(
        browser.run(shown),
        json!([
            "large7.6 MiBThis is more than may be sent here (413)",
            "smallSent",
            "Try againCancel1 file sent, 1 refused"
        ])
    );
    assert_eq!(names_in(&tree.path().join("in")), ["small"]);

    // The folder is removed while its form is open.
    std::fs::remove_dir_all(tree.path().join("in")).expect("it is removed");
    browser.click("button");
    let row = "document.querySelector('form li').textContent";
    let refused = "large7.6 MiBThere is no such directory to send to (409)";
    browser.wait_for(&format!("{row} === '{refused}'"));
    let is_told = |line: &String| line.contains("status of 413") || line.contains("status of 409");
    let console = browser.console();
    assert!(console.iter().all(is_told), "{console:?}");
}

#[test]
fn the_pages_fit_on_a_phone_and_are_in_nobody_s_way() {
    let tree = Tree::new();
    tree.file("in/a.txt", "x")
        .file(&format!("out/{}", "x".repeat(255)), "x");
    let Some((server, browser)) = start(&tree, &[]) else {
        return;
    };
    let axe = axe();
    let long = tree.path().join("out").join("x".repeat(255));
    for (width, scheme) in [
        (360, "light"),
        (360, "dark"),
        (1280, "light"),
        (1280, "dark"),
    ] {
        browser.resize(width, 800);
        browser.prefer(scheme);
        for target in ["/in/", "/in/?upload"] {
            browser.open(&url(&server, target));
            if target.ends_with("upload") {
                browser.choose("input", &[&long]);
            }
            let fits = "return document.documentElement.scrollWidth <= innerWidth;";
            assert_eq!(browser.run(fits), true, "{target} {width}");
            if let Some(axe) = &axe {
                assert_eq!(browser.run(axe), json!([]), "{target} {width} {scheme}");
            }
        }
    }
    // Each link has its turn on the way of the Tab key.
    browser.open(&url(&server, "/in/"));
    let mut reached = Vec::new();
    for _ in 0..4 {
        browser.press(key::TAB);
        reached.push(browser.run("return document.activeElement.textContent;"));
    }
    assert_eq!(reached, ["Files", "Download all", "Send files", ""]);
    assert_eq!(browser.console(), Vec::<String>::new());
}
