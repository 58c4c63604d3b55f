//! From a target to a file: what is a name, and what is shown of it.

use super::{get, raw, serve, text, tree};
use crate::support::Readable;

#[test]
fn lesson_01_a_redirect_never_starts_with_two_slashes() {
    let tree = tree();
    let server = serve(&tree, &[]);
    for target in [
        "//dir",
        "///dir",
        "//host/../dir",
        "//host/%2e%2e/dir",
        "//host/..",
        "/%2fdir",
        "//host//..",
        "/.//dir",
    ] {
        let response = get(&server, target);
        assert_eq!(response.status(), 301, "{target}");
        let location = response.field("Location").unwrap_or_default();
        assert!(
            location.starts_with('/') && !location.starts_with("//"),
            "{target}: {location}"
        );
    }
}

#[test]
fn lesson_02_a_redirect_has_no_backslash_control_or_space() {
    let tree = tree();
    tree.directory("www/a b")
        .directory("www/\\evil")
        .directory("www/c\u{1}");
    let server = serve(&tree, &[]);
    for (target, location) in [
        ("/\\\\evil/%2e%2e/dir", "/%5C%5Cevil/%2e%2e/dir/"),
        ("/\\evil", "/%5Cevil/"),
        ("/a%20b", "/a%20b/"),
        ("/c\u{1}", "/c%01/"),
        ("/dir?a=\\\u{7f}", "/dir/?a=%5C%7F"),
    ] {
        let response = get(&server, target);
        assert_eq!(response.field("Location"), Some(location), "{target}");
    }
}

#[test]
fn lesson_03_odd_segments_are_names_like_any_other() {
    let tree = tree();
    // On Unix these are names, and nothing more: no drive, no device, no parent.
    for name in ["c:", "nul", "dots...", "space ", "back\\slash", ".. "] {
        tree.file(&format!("www/{name}"), "a name");
    }
    let server = serve(&tree, &[]);
    for target in [
        "/c:",
        "/nul",
        "/dots...",
        "/space%20",
        "/back%5cslash",
        "/..%20",
    ] {
        assert_eq!(text(&get(&server, target)), "a name", "{target}");
    }
    for target in [
        "/..%20/secret",
        "/..%5csecret",
        "/.../secret",
        "/..%00/secret",
        "/%00",
        "/file%00.html",
        "/c:/../../secret",
        "/%5c%5chost%5cshare",
        "/nul/",
        "/file./",
    ] {
        let response = get(&server, target);
        assert_eq!(response.status(), 404, "{target}");
    }
}

#[test]
fn lesson_05_no_answer_tells_where_the_files_are() {
    let tree = tree();
    let server = serve(&tree, &[]);
    let place = tree.path().to_string_lossy().into_owned();
    for request in [
        "GET /?%ff%fe HTTP/1.0\r\n\r\n",
        "GET /%ff HTTP/1.0\r\n\r\n",
        "GET /nope HTTP/1.0\r\n\r\n",
        "GET /dir HTTP/1.0\r\n\r\n",
        "GET /dir/ HTTP/1.0\r\n\r\n",
        "GET /file/ HTTP/1.0\r\n\r\n",
        "GET /%00 HTTP/1.0\r\n\r\n",
        "PUT /file HTTP/1.0\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "rubbish\r\n\r\n",
    ] {
        let answer = raw(&server, request);
        assert!(
            !String::from_utf8_lossy(&answer).contains(&place),
            "{request:?}"
        );
    }
}

#[test]
fn lesson_12_a_file_name_is_never_markup() {
    let tree = tree();
    for name in [
        "<script>alert(1)<",
        "\"onmouseover=\"alert(1)",
        "'&lt;'",
        "javascript:alert(1)",
        "a\u{2028}b",
    ] {
        tree.file(&format!("www/names/{name}"), "");
    }
    let server = serve(&tree, &[]);
    let page = get(&server, "/names/?<script>");
    assert!(!text(&page).contains("<script"), "{}", text(&page));
    assert!(
        !text(&page).contains("href=\"javascript:"),
        "{}",
        text(&page)
    );
    assert!(
        !text(&page).contains("\"onmouseover=\"alert(1)\">"),
        "{}",
        text(&page)
    );
    for response in [page, get(&server, "/<script>")] {
        assert!(!text(&response).contains("<script"));
        assert_eq!(
            response.field("Content-Security-Policy"),
            Some("script-src 'self'; object-src 'none'; base-uri 'none'")
        );
        assert_eq!(response.field("X-Content-Type-Options"), Some("nosniff"));
    }
}

#[test]
fn lesson_19_a_path_is_checked_as_it_is_opened() {
    let tree = tree();
    let server = serve(&tree, &[]);
    for target in [
        "/../secret",
        "/%2e%2e/secret",
        "/%2e%2e%2fsecret",
        "/..%2fsecret",
        "/dir/../../secret",
        "/dir%2f..%2f..%2fsecret",
        "/../www-private/file",
        "/./../www-private/file",
        "-private/file",
        "/%252e%252e/secret",
        "//../secret",
        "/.%2e/secret",
    ] {
        let response = get(&server, target);
        assert_eq!(response.status(), 404, "{target}");
    }
    for target in [
        "/./file",
        "//file",
        "/%66ile",
        "/dir/%2e%2e/file",
        "/dir%2f..%2ffile",
        "/dir/./../file",
    ] {
        assert_eq!(text(&get(&server, target)), "0123456789", "{target}");
    }
}

#[test]
fn lesson_20_no_path_is_odd_enough_to_break_the_server() {
    let tree = tree();
    tree.link("www/loop", "loop")
        .link("www/nowhere", "missing")
        .directory("www/form\u{c}feed");
    let server = serve(&tree, &[]);
    // Every single byte, alone, before a directory, and encoded.
    for byte in 0..=u8::MAX {
        for target in [
            vec![b'/', byte],
            vec![byte],
            [b"/dir".as_slice(), &[byte]].concat(),
            format!("/dir/%{byte:02x}").into_bytes(),
            format!("/form%0cfeed?%{byte:02x}").into_bytes(),
        ] {
            raw(
                &server,
                [b"GET ".as_slice(), &target, b" HTTP/1.0\r\n\r\n"].concat(),
            );
        }
    }
    for target in ["/loop", "/nowhere", "/loop/", "/nowhere/x"] {
        assert_eq!(get(&server, target).status(), 404, "{target}");
    }
    let response = get(&server, "/form%0cfeed");
    assert_eq!(response.field("Location"), Some("/form%0cfeed/"));
    let long = format!("/{}", "a/".repeat(30_000));
    assert_eq!(get(&server, &long).status(), 404);
    assert_eq!(text(&get(&server, "/file")), "0123456789");
    for line in server.log() {
        assert!(line.starts_with(b"127.0.0.1 - - ["), "{}", Readable(&line));
    }
}
