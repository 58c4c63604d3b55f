//! `--clean-urls`, `--spa` and `--not-found`.

use super::{FILE, ask, body, field, head, serve, status};
use crate::support::Tree;

const NAVIGATION: &str = "Accept: text/html,application/xhtml+xml,*/*;q=0.8";

#[test]
fn a_page_is_found_without_its_extension() {
    let tree = Tree::new();
    tree.file("about.html", "about")
        .file("old.htm", "old")
        .file("docs.html", "docs")
        .file("both", "a file")
        .file("both.html", "a page")
        .file("dir/a", "")
        .file("dir.html", "no")
        .file("indexed/index.html", "index")
        .file("indexed.html", "no")
        .file("v1.2.html", "dotted")
        .file("app.js.html", "no")
        .file("sp ace?.html", "space")
        .file("sub/deep.html", "deep")
        .link("out.html", "/etc/hostname")
        .settle();
    let server = serve(&tree, &["--clean-urls", "--symlinks", "inside"]);
    for (target, code, content) in [
        ("/about", "200", "about"),
        ("/about?q=1", "200", "about"),
        ("/about.html?q=1", "200", "about"),
        ("/about/", "200", "about"),
        ("/old", "200", "old"),
        ("/docs/", "200", "docs"),
        ("/docs/?q", "200", "docs"),
        ("/both", "200", "a file"),
        ("/dir", "301", ""),
        ("/indexed/", "200", "index"),
        ("/indexed", "301", ""),
        ("/v1.2", "200", "dotted"),
        ("/sp%20ace%3f", "200", "space"),
        ("/sub/deep", "200", "deep"),
        ("/x/../about", "200", "about"),
        ("//about", "200", "about"),
        ("/ABOUT", "404", ""),
        ("/app.js", "404", ""),
        ("/about.htm", "404", ""),
        ("/nothing", "404", ""),
        ("/out", "404", ""),
        ("/..%2f", "301", ""),
    ] {
        let answer = ask(&server, &[&format!("GET {target}")]);
        assert_eq!(status(&answer), code, "{target}: {answer}");
        if !content.is_empty() {
            assert_eq!(body(&answer), content, "{target}");
        }
    }
    assert_eq!(
        ask(&server, &["HEAD /about"]),
        format!(
            "HTTP/1.0 200 OK\r\nContent-type: text/html\r\nContent-Length: 5\r\n{FILE}\
             ETag: \"5-6553f100.0\"\r\n\r\n"
        )
    );
    let current = ["GET /about", "If-None-Match: \"5-6553f100.0\""];
    assert_eq!(status(&ask(&server, &current)), "304");
    assert_eq!(
        body(&ask(&server, &["GET /about", "Range: bytes=1-2"])),
        "bo"
    );
    assert_eq!(status(&ask(&server, &["POST /about"])), "501");
}

/// The shape of what routers build: a page, and scripts with a hash in their names.
#[test]
fn an_application_gets_its_page_for_what_is_not_there() {
    let tree = Tree::new();
    tree.file("index.html", "<div id=app>")
        .file("assets/index-BK3x.js", "js")
        .file("folder/a.txt", "")
        .script("cgi-bin/s", "#!/bin/sh\necho; echo ran\n")
        .settle();
    let server = serve(&tree, &["--spa", "--cgi"]);
    let shell = format!(
        "HTTP/1.0 200 OK\r\nContent-type: text/html\r\nContent-Length: 12\r\n{FILE}\
         ETag: \"c-6553f100.0\"\r\nCache-Control: no-cache\r\nVary: Accept\r\n\r\n"
    );
    for target in [
        "/users/7",
        "/users/jane.doe",
        "/users/?q=a.js",
        "/a/b/c/",
        "/v1.2",
        "/users/%C3%A9",
    ] {
        let answer = ask(&server, &[&format!("GET {target}"), NAVIGATION]);
        assert_eq!(answer, format!("{shell}<div id=app>"), "{target}");
        let answer = ask(&server, &[&format!("HEAD {target}"), NAVIGATION]);
        assert_eq!(answer, shell, "{target}");
    }
    let tag = "If-None-Match: \"c-6553f100.0\"";
    assert_eq!(
        ask(&server, &["GET /users/7", NAVIGATION, tag]),
        "HTTP/1.0 304 Not Modified\r\nCache-Control: no-cache\r\nVary: Accept\r\n\
         ETag: \"c-6553f100.0\"\r\n\r\n"
    );
    // What is not a navigation to a page.
    for lines in [
        &["GET /users/7"][..],
        &["GET /users/7", "Accept: */*"],
        &["GET /users/7", "Accept: application/json"],
        &["GET /users/7", "Accept: text/html;q=0, */*"],
    ] {
        let answer = ask(&server, lines);
        assert_eq!(status(&answer), "404", "{answer}");
        assert_eq!(field(&answer, "Vary"), Some("Accept"), "{answer}");
    }
    for (lines, code) in [
        ("GET /assets/index-OLD1.js", "404"),
        ("GET /logo.png", "404"),
        ("GET /missing.html", "404"),
        ("GET /archive.gz", "404"),
        ("GET /assets/index-BK3x.js/", "404"),
        ("GET /cgi-bin/missing", "404"),
        ("GET /cgi-bin/", "403"),
        ("POST /users/7", "501"),
        ("GET /%00", "404"),
    ] {
        let answer = ask(&server, &[lines, NAVIGATION]);
        assert_eq!(status(&answer), code, "{answer}");
        assert_eq!(field(&answer, "Vary"), None, "{answer}");
    }
    // What is there is there.
    assert_eq!(
        body(&ask(&server, &["GET /assets/index-BK3x.js", NAVIGATION])),
        "js"
    );
    assert_eq!(
        body(&ask(&server, &["GET /cgi-bin/s", NAVIGATION])),
        "ran\n"
    );
    assert_eq!(status(&ask(&server, &["GET /folder", NAVIGATION])), "301");
    let listing = ask(&server, &["GET /folder/", NAVIGATION]);
    assert!(body(&listing).contains("a.txt"), "{listing}");
}

#[test]
fn an_application_without_its_page_is_not_there() {
    let tree = Tree::new();
    tree.file("a.txt", "");
    let server = serve(&tree, &["--spa"]);
    let navigation = ["GET /users/7", NAVIGATION];
    assert_eq!(status(&ask(&server, &navigation)), "404");
    tree.file("index.htm", "app");
    assert_eq!(body(&ask(&server, &navigation)), "app");
    tree.file("index.html", "new");
    assert_eq!(body(&ask(&server, &navigation)), "new");
}

#[test]
fn a_cache_flag_goes_for_the_application_s_page() {
    let tree = Tree::new();
    tree.file("index.html", "app");
    let server = serve(&tree, &["--spa", "--cache", "no-store"]);
    let answer = ask(&server, &["GET /users/7", NAVIGATION]);
    assert_eq!(
        field(&answer, "Cache-Control"),
        Some("no-store"),
        "{answer}"
    );
}

#[test]
fn a_page_of_one_s_own_is_sent_for_what_is_not_there() {
    let tree = Tree::new();
    tree.file("404.html", "Oh no")
        .file("404.html.gz", b"\x1f\x8b")
        .file("a.txt", "0123456789")
        .settle();
    let server = serve(&tree, &["--not-found", "404.html", "--precompressed"]);
    let expected = "HTTP/1.0 404 File not found\r\nConnection: close\r\nContent-Type: text/html\r\n\
         Content-Length: 5\r\nX-Content-Type-Options: nosniff\r\n\r\n";
    for fields in [
        &[][..],
        &["Range: bytes=0-1"],
        &["If-None-Match: *"],
        &["If-Match: \"x\""],
        &["If-Modified-Since: Tue, 14 Nov 2029 22:13:20 GMT"],
        &["Accept-Encoding: gzip"],
    ] {
        let lines = [&["GET /missing.png"], fields].concat();
        assert_eq!(
            ask(&server, &lines),
            format!("{expected}Oh no"),
            "{fields:?}"
        );
        let lines = [&["HEAD /missing.png"], fields].concat();
        assert_eq!(ask(&server, &lines), expected, "{fields:?}");
    }
    assert_eq!(body(&ask(&server, &["GET /a.txt"])), "0123456789");
    assert_eq!(status(&ask(&server, &["GET /404.html"])), "200");
    let log = server.wait_for_log(|lines| lines.get(..2).map(<[_]>::to_vec));
    assert!(log[0].ends_with(b"code 404, message File not found"));
    assert!(log[1].ends_with(b"\"GET /missing.png HTTP/1.0\" 404 -"));
}

#[test]
fn without_the_page_or_from_outside_the_usual_one_is_sent() {
    let tree = Tree::new();
    tree.file("a.txt", "")
        .link("out.html", "/etc/hostname")
        .directory("dir");
    for page in [
        "404.html",
        "dir",
        "../../etc/hostname",
        "out.html",
        "/etc/hostname",
    ] {
        let server = serve(&tree, &["--not-found", page, "--symlinks", "inside"]);
        let answer = ask(&server, &["GET /missing"]);
        assert!(
            head(&answer).starts_with("HTTP/1.0 404 File not found\r\n"),
            "{answer}"
        );
        assert!(
            body(&answer).contains("<p>Error code: 404</p>"),
            "{page}: {answer}"
        );
    }
}

#[test]
fn navigations_get_the_application_and_the_rest_the_page() {
    let tree = Tree::new();
    tree.file("index.html", "app")
        .file("errors/not found#1.html", "Oh no")
        .file("about.html", "about");
    let flags = [
        "--spa",
        "--clean-urls",
        "--not-found",
        "errors/not found#1.html",
    ];
    let server = serve(&tree, &flags);
    for (lines, code, content) in [
        (&["GET /users/7", NAVIGATION][..], "200", "app"),
        (&["GET /about", NAVIGATION], "200", "about"),
        (&["GET /about"], "200", "about"),
        (&["GET /users/7"], "404", "Oh no"),
        (&["GET /missing.js", NAVIGATION], "404", "Oh no"),
    ] {
        let answer = ask(&server, lines);
        assert_eq!(
            (status(&answer), body(&answer)),
            (code, content),
            "{lines:?}"
        );
    }
}
