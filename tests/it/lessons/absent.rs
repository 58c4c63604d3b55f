//! Features that rhttp does not have, and so not their faults.

use super::{ask, get, serve, text, tree};
use std::fs;
use std::path::Path;
use std::process::Command;

/// Everything below a directory: paths and contents.
fn snapshot(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("it can be read") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(snapshot(&path));
        }
        found.push((
            path.display().to_string(),
            fs::read(&path).unwrap_or_default(),
        ));
    }
    found.sort();
    found
}

#[test]
fn lesson_08_nothing_can_be_uploaded() {
    let tree = tree();
    let server = serve(&tree, &[]);
    let before = snapshot(tree.path());
    let form = "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"../x\"\r\n\r\nx\r\n--b--\r\n";
    for (method, target) in [
        ("PUT", "/new"),
        ("PUT", "/file"),
        ("PUT", "/../new"),
        ("POST", "/"),
        ("POST", "/upload?path=/"),
        ("PATCH", "/file"),
        ("DELETE", "/file"),
        ("MKCOL", "/new"),
    ] {
        let response = ask(
            &server,
            format!(
                "{method} {target} HTTP/1.0\r\nContent-Type: multipart/form-data; boundary=b\r\n\
                 Content-Length: {}\r\n\r\n{form}",
                form.len()
            ),
        );
        assert_eq!(response.status(), 501, "{method} {target}");
    }
    assert_eq!(snapshot(tree.path()), before);
}

#[test]
fn lesson_10_nothing_can_be_copied_or_moved() {
    let tree = tree();
    tree.link("www/out", "..");
    let server = serve(&tree, &[]);
    let before = snapshot(&tree.path().join("www/dir"));
    for method in ["COPY", "MOVE", "LINK", "LOCK", "PROPFIND"] {
        let request =
            format!("{method} /file HTTP/1.0\r\nDestination: /out/new\r\nOverwrite: T\r\n\r\n");
        assert_eq!(ask(&server, request).status(), 501, "{method}");
    }
    assert_eq!(snapshot(&tree.path().join("www/dir")), before);
    assert!(!tree.path().join("new").exists());
}

#[test]
fn lesson_13_there_is_no_password_to_guess_or_to_leak() {
    let tree = tree();
    let server = serve(&tree, &[]);
    let plain = text(&get(&server, "/file"));
    for credentials in ["Basic YTpi", "Basic", "Bearer x", "Digest username=\"a\""] {
        let request = format!("GET /file HTTP/1.0\r\nAuthorization: {credentials}\r\n\r\n");
        assert_eq!(text(&ask(&server, request)), plain);
    }
    let help = Command::new(env!("CARGO_BIN_EXE_rhttp"))
        .arg("--help")
        .output()
        .expect("it runs");
    // Where they are named, they are in a file.
    let help = String::from_utf8_lossy(&help.stdout).to_lowercase();
    let names_password = |line: &&str| line.contains("auth") || line.contains("password");
    let flags = help
        .lines()
        .filter(|line| line.trim_start().starts_with('-'));
    let named: Vec<_> = flags.filter(names_password).map(str::trim).collect();
    assert_eq!(named.len(), 2, "{named:?}");
    assert!(
        named.iter().all(|line| line.contains("-file <")),
        "{named:?}"
    );
}

#[test]
fn lesson_23_no_archive_is_read_and_none_made_unasked() {
    let tree = tree();
    tree.file("www/dir.zip", "a file");
    let server = serve(&tree, &[]);
    let listing = text(&get(&server, "/dir/"));
    let listed = |query: &str| listing.replace("/dir/<", &format!("/dir/{query}<"));
    for query in ["?zip", "?tar", "?tar_gz", "?download=zip", "?format=tar.gz"] {
        assert_eq!(
            text(&get(&server, &format!("/dir/{query}"))),
            listed(query),
            "{query}"
        );
    }
    for target in ["/dir.tar", "/dir.tar.gz", "/dir/archive.zip"] {
        assert_eq!(get(&server, target).status(), 404, "{target}");
    }
    assert_eq!(text(&get(&server, "/dir.zip")), "a file");
    // Nothing that could read one is in the program.
    let lock = include_str!("../../../Cargo.lock");
    for name in ["async-tar", "tokio-tar", "zip", "async_zip", "flate2"] {
        assert!(!lock.contains(&format!("name = \"{name}\"\n")), "{name}");
    }
    // The tests read what the program writes.
    let manifest = include_str!("../../../Cargo.toml");
    let uses: Vec<_> = manifest
        .lines()
        .filter(|line| line.starts_with("tar = ") || line.contains("dep:tar"))
        .collect();
    assert_eq!(
        uses,
        [
            "tar = { version = \"0.4\", default-features = false, optional = true }",
            "fuzzing = [\"dep:tar\"]",
            "tar = { version = \"0.4\", default-features = false }",
        ]
    );
}

#[test]
fn lesson_24_there_is_no_route_but_the_files() {
    let tree = tree();
    let server = serve(&tree, &[]);
    let expected = text(&get(&server, "/nope"));
    for target in [
        "/health",
        "/healthz",
        "/metrics",
        "/favicon.ico",
        "/robots.txt",
        "/__rhttp__/index.js",
        "/__dufs_v0.1.0__/index.css",
        "/.well-known/security.txt",
        "/admin",
        "/server-status",
        "/api",
    ] {
        let response = get(&server, target);
        assert_eq!(
            (response.status(), text(&response)),
            (404, expected.clone()),
            "{target}"
        );
    }
    // What is generated refers to nothing but names in the directory.
    for page in [expected, text(&get(&server, "/"))] {
        assert!(!page.contains("src=") && !page.contains("<link") && !page.contains("url("));
    }
}
