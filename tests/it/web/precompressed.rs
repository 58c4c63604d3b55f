//! `--precompressed`: the table of codings, methods, ranges and conditions.

use super::{FILE, ask, ask_bytes, body, field, serve, status};
use crate::support::{Tree, eventually};
use std::fs::File;
use std::time::{Duration, UNIX_EPOCH};

const PLAIN: &str = "console.log('plain');";
/// What it is in each coding: only its beginning counts.
const GZIP: &str = "\u{1f}gzipped";
const BROTLI: &str = "brotli";

fn gzip() -> Vec<u8> {
    [b"\x1f\x8b".as_slice(), b"gzip bytes"].concat()
}

fn zstandard() -> Vec<u8> {
    [b"\x28\xb5\x2f\xfd".as_slice(), b"zstd"].concat()
}

/// A script with siblings of different lengths.
fn tree() -> Tree {
    let tree = Tree::new();
    tree.file("app.js", PLAIN)
        .file("app.js.br", BROTLI)
        .file("app.js.gz", gzip())
        .file("app.js.zst", zstandard())
        .settle();
    tree
}

/// What a client says that it takes, and what it gets.
const TAKEN: [(&str, Option<&str>); 12] = [
    ("gzip, deflate, br, zstd", Some("br")),
    ("gzip, deflate", Some("gzip")),
    ("GZIP, x-br", Some("gzip")),
    ("x-gzip", Some("gzip")),
    ("br;q=0.5, zstd", Some("zstd")),
    ("br;q=0, *;q=0.1", Some("zstd")),
    ("*", Some("br")),
    ("identity", None),
    ("identity, br;q=0.9", None),
    ("identity;q=0", None),
    ("deflate", None),
    ("", None),
];

/// Content and tag of each representation.
fn representation(coding: Option<&str>) -> (Vec<u8>, String) {
    let content = match coding {
        Some("br") => BROTLI.into(),
        Some("zstd") => zstandard(),
        Some("gzip") => gzip(),
        _ => PLAIN.into(),
    };
    let suffix = coding.map_or_else(String::new, |coding| format!("-{coding}"));
    let tag = format!("\"{:x}-6553f100.0{suffix}\"", content.len());
    (content, tag)
}

#[test]
fn each_coding_is_a_representation_of_its_own() {
    let tree = tree();
    let server = serve(&tree, &["--precompressed"]);
    // All that is known of all codings: only the chosen one's tag may count.
    let tags: Vec<_> = [None, Some("br"), Some("zstd"), Some("gzip")]
        .map(|coding| representation(coding).1)
        .into();
    for (accepted, coding) in TAKEN {
        let accept = format!("Accept-Encoding: {accepted}");
        let (content, tag) = representation(coding);
        let size = content.len();
        let encoded = coding.map_or_else(String::new, |coding| {
            format!("Content-Encoding: {coding}\r\n")
        });
        let kind = "Content-type: text/javascript\r\n";
        let about =
            |length: usize| format!("{kind}Content-Length: {length}\r\n{FILE}ETag: {tag}\r\n");
        let vary = "Vary: Accept-Encoding\r\n";
        let whole = format!("HTTP/1.0 200 OK\r\n{}{encoded}{vary}\r\n", about(size));
        let part = format!(
            "HTTP/1.0 206 Partial Content\r\n{}{encoded}{vary}Content-Range: bytes 1-3/{size}\r\n\r\n",
            about(3)
        );
        let current = format!("HTTP/1.0 304 Not Modified\r\n{vary}ETag: {tag}\r\n\r\n");
        let range = "Range: bytes=1-3";
        let same = format!("If-None-Match: {tag}");
        let same_range = format!("If-Range: {tag}");
        for method in ["GET", "HEAD"] {
            let line = format!("{method} /app.js");
            let is_get = method == "GET";
            let check = |fields: &[&str], expected: &str, expected_body: &[u8]| {
                let lines = [&[line.as_str(), &accept], fields].concat();
                let (head, body) = ask_bytes(&server, &lines);
                assert_eq!(head, expected, "{lines:?}");
                let expected_body = if is_get { expected_body } else { b"" };
                assert_eq!(body, expected_body, "{lines:?}");
            };
            let (ranged, ranged_body) = if is_get {
                (&part, &content[1..4])
            } else {
                (&whole, &content[..])
            };
            check(&[], &whole, &content);
            check(&[range], ranged, ranged_body);
            check(&[&same], &current, b"");
            check(&["If-None-Match: *"], &current, b"");
            check(&[&same, range], &current, b"");
            check(&[&same_range, range], ranged, ranged_body);
            let date = "Tue, 14 Nov 2023 22:13:20 GMT";
            check(&[&format!("If-Modified-Since: {date}")], &current, b"");
            check(&[&format!("If-Range: {date}"), range], ranged, ranged_body);
            for holds in [
                format!("If-Match: {tag}"),
                "If-Match: *".into(),
                format!("If-Unmodified-Since: {date}"),
            ] {
                check(&[&holds], &whole, &content);
                check(&[&holds, range], ranged, ranged_body);
                check(&[&holds, &same, range], &current, b"");
            }
            for other in tags.iter().filter(|other| **other != tag) {
                check(&[&format!("If-None-Match: {other}")], &whole, &content);
                check(&[&format!("If-Range: {other}"), range], &whole, &content);
                let lines = [line.as_str(), &accept, &format!("If-Match: {other}")];
                let (head, _) = ask_bytes(&server, &lines);
                assert_eq!(status(&head), "412", "{head}");
                assert_eq!(field(&head, "Vary"), Some("Accept-Encoding"), "{head}");
                assert_eq!(field(&head, "Content-Encoding"), None, "{head}");
            }
        }
        let lines = ["GET /app.js", &accept, "Range: bytes=99-"];
        let (head, _) = ask_bytes(&server, &lines);
        assert_eq!(status(&head), "416", "{head}");
        let all = format!("bytes */{size}");
        assert_eq!(field(&head, "Content-Range"), Some(all.as_str()));
        assert_eq!(field(&head, "Vary"), Some("Accept-Encoding"), "{head}");
        assert_eq!(field(&head, "Content-Encoding"), None, "{head}");
        let (head, body) = ask_bytes(&server, &["GET /app.js", &accept, "Range: bytes=0-0,2-3"]);
        assert_eq!(status(&head), "206", "{head}");
        assert_eq!(field(&head, "Content-Encoding"), coding, "{head}");
        let size = format!("/{size}\r\n");
        let parts = body
            .windows(size.len())
            .filter(|window| *window == size.as_bytes());
        assert_eq!(parts.count(), 2, "{head}");
    }
    let none = "Accept-Encoding: ";
    for fields in [&[][..], &["Range: bytes=1-3"], &["If-None-Match: *"]] {
        for method in ["GET", "HEAD"] {
            let line = format!("{method} /app.js");
            let lines = [&[line.as_str()], fields].concat();
            let answer = ask_bytes(&server, &lines);
            let same = ask_bytes(&server, &[&lines[..], &[none]].concat());
            assert_eq!(answer, same, "{lines:?}");
        }
    }
}

#[test]
fn without_the_flag_nothing_of_it_is_seen() {
    let tree = tree();
    tree.file("game.wasm.br", "x");
    let server = serve(&tree, &[]);
    let answer = ask(&server, &["GET /app.js", "Accept-Encoding: br, gzip"]);
    assert_eq!(body(&answer), PLAIN);
    assert_eq!(
        (field(&answer, "Vary"), field(&answer, "Content-Encoding")),
        (None, None)
    );
    let answer = ask(&server, &["GET /game.wasm.br", "Accept-Encoding: br, gzip"]);
    assert_eq!(
        (field(&answer, "Vary"), field(&answer, "Content-Encoding")),
        (None, None)
    );
}

#[test]
fn only_a_sibling_that_is_what_it_should_be_is_used() {
    let tree = Tree::new();
    tree.file("stale.js", PLAIN)
        .file("stale.js.br", BROTLI)
        .file("fake.js", PLAIN)
        .file("fake.js.gz", GZIP)
        .file("empty.js", PLAIN)
        .file("empty.js.gz", "")
        .file("empty.js.br", "")
        .file("alone.js.br", BROTLI)
        .file("dir.js", PLAIN)
        .directory("dir.js.br");
    tree.file("linked.js", PLAIN)
        .link("linked.js.br", "/etc/hostname")
        .file("pipe.js", PLAIN)
        .fifo("pipe.js.br");
    tree.file("index.html", "<p>").file("index.html.br", BROTLI);
    let newer = UNIX_EPOCH + Duration::new(1_700_000_000, 1);
    let original = File::options()
        .append(true)
        .open(tree.path().join("stale.js"));
    let original = original.expect("it opens");
    original.set_modified(newer).expect("the time can be set");
    let server = serve(&tree, &["--precompressed", "--symlinks", "inside"]);
    let taken = "Accept-Encoding: br, gzip, zstd";
    for name in [
        "stale.js",
        "fake.js",
        "empty.js",
        "dir.js",
        "linked.js",
        "pipe.js",
    ] {
        let answer = ask(&server, &[&format!("GET /{name}"), taken]);
        assert_eq!(body(&answer), PLAIN, "{name}");
        assert_eq!(field(&answer, "Content-Encoding"), None, "{name}");
        assert_eq!(field(&answer, "Vary"), Some("Accept-Encoding"), "{name}");
    }
    let answer = ask(&server, &["GET /alone.js", taken]);
    assert_eq!((status(&answer), field(&answer, "Vary")), ("404", None));
    let answer = ask(&server, &["GET /", taken]);
    assert_eq!(body(&answer), BROTLI);
    assert_eq!(field(&answer, "Content-Type"), Some("text/html"));
    // Once it is made again, it is sent again.
    let sibling = File::options()
        .append(true)
        .open(tree.path().join("stale.js.br"));
    let sibling = sibling.expect("it opens");
    sibling.set_modified(newer).expect("the time can be set");
    let answer = ask(&server, &["GET /stale.js", taken]);
    assert_eq!(body(&answer), BROTLI);
    assert_eq!(
        field(&answer, "Last-Modified"),
        Some("Tue, 14 Nov 2023 22:13:20 GMT")
    );
}

#[test]
fn a_sibling_that_appears_is_soon_used_and_one_that_goes_is_not() {
    let tree = Tree::new();
    tree.file("app.js", PLAIN).settle();
    let server = serve(&tree, &["--precompressed"]);
    let coding = || {
        let answer = ask(&server, &["GET /app.js", "Accept-Encoding: br, gzip"]);
        let coding = field(&answer, "Content-Encoding").map(str::to_owned);
        let expected = if coding.is_some() { BROTLI } else { PLAIN };
        assert_eq!(body(&answer), expected);
        coding
    };
    assert_eq!((coding(), coding()), (None, None));
    tree.file("app.js.br", BROTLI);
    eventually("the compressed file", || coding().as_deref() == Some("br"));
    std::fs::remove_file(tree.path().join("app.js.br")).expect("it can be removed");
    assert_eq!(coding(), None);
}

#[test]
fn a_sibling_asked_for_by_its_own_name_is_itself() {
    let tree = tree();
    tree.file("notes.txt", "notes")
        .file("notes.txt.gz", gzip())
        .settle();
    let server = serve(&tree, &["--precompressed"]);
    for _ in 0..2 {
        let (head, _) = ask_bytes(&server, &["GET /notes.txt", "Accept-Encoding: gzip"]);
        assert_eq!(field(&head, "Content-Type"), Some("text/plain"));
        assert_eq!(field(&head, "ETag"), Some("\"c-6553f100.0-gzip\""));
        assert_eq!(field(&head, "Content-Encoding"), Some("gzip"));
        let (head, _) = ask_bytes(&server, &["GET /notes.txt.gz", "Accept-Encoding: gzip"]);
        assert_eq!(field(&head, "Content-Type"), Some("application/gzip"));
        assert_eq!(field(&head, "ETag"), Some("\"c-6553f100.0\""));
        assert_eq!(field(&head, "Content-Encoding"), None);
    }
}

/// As game engines export them: the type of the content, its coding, and the type for who does not take
/// that.
const EXPORTS: [(&str, &str, &str, &str); 5] = [
    (
        "game.wasm.br",
        "application/wasm",
        "br",
        "application/octet-stream",
    ),
    (
        "game.data.gz",
        "application/octet-stream",
        "gzip",
        "application/gzip",
    ),
    (
        "game.framework.js.gz",
        "text/javascript",
        "gzip",
        "application/gzip",
    ),
    (
        "game.symbols.json.br",
        "application/json",
        "br",
        "application/octet-stream",
    ),
    (
        "game.pck.zst",
        "application/octet-stream",
        "zstd",
        "application/zstd",
    ),
];

#[test]
fn what_browsers_load_is_sent_in_the_coding_that_its_name_says() {
    let tree = Tree::new();
    for (name, ..) in EXPORTS {
        tree.file(name, "0123456789");
    }
    tree.settle();
    let server = serve(
        &tree,
        &["--precompressed", "--content-type", "text/x-other"],
    );
    for (name, media_type, coding, plain) in EXPORTS {
        // What decodes it, and what takes it as a file: the same bytes under different tags, for a
        // cache that has both learns from a 304 which of them is current.
        let encoded = format!("Content-Encoding: {coding}\r\n");
        let tags = [
            format!("\"a-6553f100.0-{coding}\""),
            "\"a-6553f100.0\"".into(),
        ];
        for (accept, media_type, encoded, tag, other) in [
            (
                "gzip, br, zstd",
                media_type,
                encoded.as_str(),
                &tags[0],
                &tags[1],
            ),
            ("*", media_type, &encoded, &tags[0], &tags[1]),
            ("identity", plain, "", &tags[1], &tags[0]),
            ("identity, *;q=0", plain, "", &tags[1], &tags[0]),
        ] {
            let accept = format!("Accept-Encoding: {accept}");
            let about = |length: usize| {
                format!("Content-type: {media_type}\r\nContent-Length: {length}\r\n{FILE}")
            };
            let rest = format!("ETag: {tag}\r\n{encoded}Vary: Accept-Encoding\r\n");
            let whole = format!("HTTP/1.0 200 OK\r\n{}{rest}\r\n", about(10));
            let part = format!(
                "HTTP/1.0 206 Partial Content\r\n{}{rest}Content-Range: bytes 2-3/10\r\n\r\n",
                about(2)
            );
            let range = "Range: bytes=2-3";
            for method in ["GET", "HEAD"] {
                let line = format!("{method} /{name}");
                let is_get = method == "GET";
                let check = |fields: &[&str], expected: &str, content: &str| {
                    let lines = [&[line.as_str(), &accept], fields].concat();
                    let content = if is_get { content } else { "" };
                    assert_eq!(
                        ask(&server, &lines),
                        expected.to_owned() + content,
                        "{lines:?}"
                    );
                };
                let (ranged, content) = if is_get {
                    (&part, "23")
                } else {
                    (&whole, "0123456789")
                };
                check(&[], &whole, "0123456789");
                check(&[range], ranged, content);
                check(&[range, &format!("If-Range: {tag}")], ranged, content);
                check(
                    &[range, &format!("If-Range: {other}")],
                    &whole,
                    "0123456789",
                );
                check(&[&format!("If-None-Match: {other}")], &whole, "0123456789");
                check(&[&format!("If-Match: {tag}")], &whole, "0123456789");
                for known in [tag, "*"] {
                    let lines = [&line, accept.as_str(), &format!("If-None-Match: {known}")];
                    let answer = ask(&server, &lines);
                    assert_eq!(status(&answer), "304", "{answer}");
                    assert_eq!(field(&answer, "ETag"), Some(tag.as_str()), "{answer}");
                    assert_eq!(field(&answer, "Vary"), Some("Accept-Encoding"), "{answer}");
                    assert_eq!(field(&answer, "Content-Encoding"), None, "{answer}");
                }
                let lines = [&line, accept.as_str(), &format!("If-Match: {other}")];
                let answer = ask(&server, &lines);
                assert_eq!(status(&answer), "412", "{answer}");
                assert_eq!(field(&answer, "Vary"), Some("Accept-Encoding"), "{answer}");
            }
        }
    }
}

#[test]
fn a_compressed_file_that_no_browser_loads_is_a_download() {
    let tree = Tree::new();
    tree.file("archive.tar.gz", "x").file("x.gz", "x").settle();
    let server = serve(&tree, &["--precompressed"]);
    for name in ["archive.tar.gz", "x.gz"] {
        let answer = ask(&server, &[&format!("GET /{name}"), "Accept-Encoding: gzip"]);
        assert_eq!(
            field(&answer, "Content-Type"),
            Some("application/gzip"),
            "{name}"
        );
        assert_eq!(field(&answer, "Content-Encoding"), None, "{name}");
    }
}
