//! Listings over the network: one directory in three representations (contract, section 9).

use crate::load::serve;
use crate::support::{AfterSending, Response, Running, Tree, exchange};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::process::Command;
use std::time::{Duration, UNIX_EPOCH};

const PAGE: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
const JSON: &str = "application/json";

/// When all files of a tree were modified: 22 November 2026, 07:21:05.
const MODIFIED: u64 = 1_795_332_065;

fn ask(server: &Running, method: &str, target: &str, fields: &str) -> Response {
    let request = format!("{method} {target} HTTP/1.0\r\n{fields}\r\n");
    Response::parse(&exchange(
        server.address(),
        &[request],
        AfterSending::StayOpen,
    ))
}

fn accepting(server: &Running, target: &str, accept: &str) -> Response {
    ask(server, "GET", target, &format!("Accept: {accept}\r\n"))
}

fn text(response: &Response) -> &str {
    std::str::from_utf8(&response.body).expect("it is text")
}

/// Some files, a directory, a link to each, and one to nowhere.
fn tree() -> Tree {
    let tree = Tree::new();
    tree.file("file10", "1")
        .file("file2", "12345")
        .file("b \"&.txt", vec![b'x'; 2048])
        .directory("sub")
        .link("z", "file2")
        .link("y", "sub")
        .link("x", "nowhere");
    let time = UNIX_EPOCH + Duration::from_secs(MODIFIED);
    for name in ["file10", "file2", "b \"&.txt", "sub"] {
        let file = File::open(tree.path().join(name)).expect("it opens");
        file.set_modified(time).expect("it can be dated");
    }
    tree
}

#[test]
fn one_directory_has_three_representations() {
    let tree = tree();
    let server = serve(&tree, "");
    for (accept, media_type, start) in [
        (PAGE, "text/html; charset=utf-8", "<!DOCTYPE html>"),
        (JSON, "application/json", "[\n{"),
        ("*/*", "text/html; charset=utf-8", "<!DOCTYPE HTML>"),
        (
            "text/html;q=0.9",
            "text/html; charset=utf-8",
            "<!DOCTYPE HTML>",
        ),
    ] {
        let response = accepting(&server, "/", accept);
        assert_eq!(response.status(), 200);
        assert_eq!(response.field("Content-Type"), Some(media_type), "{accept}");
        assert_eq!(response.field("Vary"), Some("Accept"), "{accept}");
        assert_eq!(response.field("X-Content-Type-Options"), Some("nosniff"));
        assert!(text(&response).starts_with(start), "{accept}");
        let head = ask(&server, "HEAD", "/", &format!("Accept: {accept}\r\n"));
        let without_date = |response: &Response| {
            let mut lines = response.field_lines.clone();
            lines.retain(|line| !line.starts_with("Date: "));
            lines
        };
        assert_eq!(without_date(&head), without_date(&response), "{accept}");
        assert!(head.body.is_empty());
    }
    let plain = ask(&server, "GET", "/", "");
    assert!(text(&plain).starts_with("<!DOCTYPE HTML>\n<html lang=\"en\">"));
    assert_eq!(plain.field("Vary"), Some("Accept"));
    assert_eq!(plain.field("ETag"), None);
}

#[test]
fn json_is_what_jq_reads() {
    let tree = tree();
    let server = serve(&tree, "");
    let expected = r#"[
{"name":"sub","type":"directory","size":null,"mtime":"2026-11-22T07:21:05Z","url":"sub/","link":false},
{"name":"y","type":"directory","size":null,"mtime":"2026-11-22T07:21:05Z","url":"y/","link":true},
{"name":"b \"&.txt","type":"file","size":2048,"mtime":"2026-11-22T07:21:05Z","url":"b%20%22%26.txt","link":false},
{"name":"file2","type":"file","size":5,"mtime":"2026-11-22T07:21:05Z","url":"file2","link":false},
{"name":"file10","type":"file","size":1,"mtime":"2026-11-22T07:21:05Z","url":"file10","link":false},
{"name":"x","type":"other","size":null,"mtime":null,"url":"x","link":true},
{"name":"z","type":"file","size":5,"mtime":"2026-11-22T07:21:05Z","url":"z","link":true}
]
"#;
    assert_eq!(text(&accepting(&server, "/", JSON)), expected);
    for entry in entries(&server, "/") {
        let url = entry["url"].as_str().expect("a URL");
        let found = ask(&server, "GET", &format!("/{url}"), "").status();
        assert_eq!(found, if entry["type"] == "other" { 404 } else { 200 });
    }
}

fn entries(server: &Running, target: &str) -> Vec<Value> {
    let response = accepting(server, target, JSON);
    serde_json::from_slice(&response.body).expect("it is an array")
}

fn names(server: &Running, target: &str) -> Vec<String> {
    let name = |entry: Value| entry["name"].as_str().expect("a name").to_owned();
    entries(server, target).into_iter().map(name).collect()
}

/// The names on the page for people, in their order.
fn shown(server: &Running, target: &str) -> Vec<String> {
    let response = accepting(server, target, PAGE);
    let rows = text(&response).split("<tr role=\"row\" class=").skip(1);
    let name = |row: &str| {
        let (_, name) = row
            .split_once("\">")
            .and_then(|(_, row)| row.split_once("\"><a href=\""))?;
        let (_, name) = name.split_once("\">")?;
        Some(name.split_once("</a>")?.0.replace("&amp;", "&"))
    };
    rows.map(|row| name(row).expect("a row has a name"))
        .collect()
}

#[test]
fn the_query_says_how_both_are_sorted() {
    let tree = tree();
    let server = serve(&tree, "");
    for (query, expected) in [
        ("", ["sub", "y", "b \"&.txt", "file2", "file10", "x", "z"]),
        (
            "?sort=name&order=desc",
            ["y", "sub", "z", "x", "file10", "file2", "b \"&.txt"],
        ),
        (
            "?sort=size&order=desc",
            ["sub", "y", "b \"&.txt", "file2", "z", "file10", "x"],
        ),
        (
            "?order=asc&sort=size&other",
            ["sub", "y", "x", "file10", "file2", "z", "b \"&.txt"],
        ),
        (
            "?sort=kind",
            ["sub", "y", "x", "file2", "file10", "z", "b \"&.txt"],
        ),
        (
            "?sort=nonsense&order=sideways",
            ["sub", "y", "b \"&.txt", "file2", "file10", "x", "z"],
        ),
    ] {
        let target = format!("/{query}");
        assert_eq!(names(&server, &target), expected, "{query}");
        assert_eq!(shown(&server, &target), expected, "{query}");
    }
    let page = accepting(&server, "/?sort=size&order=desc", PAGE);
    assert!(text(&page).contains("<a href=\"sub/?sort=size&amp;order=desc\">sub</a>"));
}

#[test]
fn a_page_with_the_times_of_another_zone_has_another_tag() {
    let tree = tree();
    let tag_in = |zone: &str, accept: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rhttp"));
        command.args(["0", "--bind", "127.0.0.1", "--directory"]);
        command.arg(tree.path()).env("TZ", zone);
        let server = Running::start(command);
        let answer = accepting(&server, "/", accept);
        answer.field("ETag").expect("a tag").to_owned()
    };
    assert_eq!(tag_in("UTC0", PAGE), tag_in("UTC0", PAGE));
    assert_ne!(tag_in("UTC0", PAGE), tag_in("XXX-9", PAGE));
    // JSON has universal times.
    assert_eq!(tag_in("UTC0", JSON), tag_in("XXX-9", JSON));
}

#[test]
fn a_poll_of_what_has_not_changed_is_304() {
    let tree = tree();
    let server = serve(&tree, "");
    let mut tags = BTreeSet::new();
    for (accept, target) in [
        (PAGE, "/"),
        (PAGE, "/?sort=size&order=desc"),
        (JSON, "/"),
        (JSON, "/?sort=size&order=desc"),
    ] {
        let accept = format!("Accept: {accept}\r\n");
        let tag = |response: &Response| response.field("ETag").expect("a tag").to_owned();
        let first = tag(&ask(&server, "GET", target, &accept));
        assert!(first.starts_with("W/\""), "{first}");
        let condition = format!("{accept}If-None-Match: {first}\r\n");
        for method in ["GET", "HEAD"] {
            let response = ask(&server, method, target, &condition);
            assert_eq!(response.status(), 304, "{target}");
            assert_eq!(response.field("ETag"), Some(first.as_str()));
            assert_eq!(response.field("Vary"), Some("Accept"));
            assert!(response.body.is_empty());
        }
        fs::write(tree.path().join("file2"), "other").expect("it can be written");
        let second = tag(&ask(&server, "GET", target, &condition));
        assert_ne!(second, first, "the time has changed");
        assert!(tags.insert(first) && tags.insert(second));
        let strong = format!("{accept}If-Match: \"x\"\r\n");
        assert_eq!(ask(&server, "GET", target, &strong).status(), 412);
        let file = File::open(tree.path().join("file2")).expect("it opens");
        file.set_modified(UNIX_EPOCH + Duration::from_secs(MODIFIED))
            .expect("it can be dated");
    }
}

#[test]
fn the_style_of_listings_is_the_operator_s() {
    let tree = tree();
    let classic = serve(&tree, "--listing classic");
    let auto = serve(&tree, "--listing auto");
    let expected = ask(&auto, "GET", "/", "").body;
    for accept in [PAGE, JSON, "*/*"] {
        let response = accepting(&classic, "/", accept);
        assert_eq!(response.body, expected, "{accept}");
        assert_eq!(response.field("Vary"), None);
    }
    let off = serve(&tree, "--listing off");
    for accept in [PAGE, JSON, "*/*"] {
        let response = accepting(&off, "/", accept);
        assert_eq!(
            response.status_line,
            "HTTP/1.0 404 No permission to list directory"
        );
        assert_eq!(accepting(&off, "/sub", accept).status(), 301);
        assert_eq!(accepting(&off, "/file2", accept).body, b"12345");
    }
}

#[test]
fn a_link_tells_nothing_of_where_it_may_not_lead() {
    let outside = Tree::new();
    outside.file("secret", "123").directory("secrets");
    let tree = tree();
    let path = |name: &str| outside.path().join(name).display().to_string();
    tree.link("out", path("secret"))
        .link("outs", path("secrets"));
    for (symlinks, inside, out) in [
        ("follow", ("file", 5.into()), ("file", 3.into())),
        ("inside", ("file", 5.into()), ("other", Value::Null)),
        ("never", ("other", Value::Null), ("other", Value::Null)),
    ] {
        let server = serve(&tree, &format!("--symlinks {symlinks}"));
        let entries = entries(&server, "/");
        let find = |name: &str| entries.iter().find(|entry| entry["name"] == name);
        for (name, (kind, size)) in [("z", inside), ("out", out)] {
            let entry = find(name).expect("it is listed");
            assert_eq!(entry["type"], kind, "{symlinks} {name}");
            assert_eq!(entry["size"], size, "{symlinks} {name}");
            assert_eq!(entry["link"], true);
        }
        let kind = &find("outs").expect("it is listed")["type"];
        assert_eq!(*kind == "directory", symlinks == "follow", "{symlinks}");
    }
}

#[test]
fn the_page_of_very_many_names_is_whole() {
    /// A server that is not optimized takes its time.
    const NAMES: usize = if cfg!(debug_assertions) {
        20_000
    } else {
        100_000
    };
    let tree = Tree::new();
    for number in 0..NAMES {
        File::create(tree.path().join(format!("file{number}"))).expect("a file");
    }
    let server = serve(&tree, "");
    let names = shown(&server, "/");
    assert_eq!(names.len(), NAMES);
    for (place, name) in names.iter().enumerate() {
        assert_eq!(*name, format!("file{place}"));
    }
    assert_eq!(entries(&server, "/").len(), NAMES);
}
