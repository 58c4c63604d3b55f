//! `--upload`: files from clients.

use super::{ask, content, form_of, names_in, post, put, serve};
use crate::support::{Connection, Response, Tree, get};
use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::os::unix::net::UnixListener;

#[test]
fn without_the_flag_post_and_put_are_501() {
    let tree = Tree::new();
    let server = serve(tree.path(), &["--tar"]);
    assert_eq!(put(&server, "/a", "", "x").status(), 501);
    assert_eq!(
        post(&server, "/", "", &form_of(&[("a", "x")])).status(),
        501
    );
    assert!(names_in(tree.path()).is_empty());
}

#[test]
fn a_put_makes_a_file_and_replaces_none() {
    let tree = Tree::new();
    tree.directory("dir");
    let server = serve(tree.path(), &["--upload"]);
    let made = put(&server, "/dir/a%20b.txt", "", "content");
    assert_eq!(made.status_line, "HTTP/1.0 201 Created");
    assert_eq!(made.field("Location"), Some("/dir/a%20b.txt"));
    assert_eq!(made.field("Content-Length"), Some("0"));
    assert_eq!(content(&tree, "dir/a b.txt").as_deref(), Some("content"));
    assert_eq!(get(&server, "/dir/a%20b.txt").body, b"content");

    let again = put(&server, "/dir/a%20b.txt", "", "other");
    assert_eq!(
        again.status_line,
        "HTTP/1.0 409 There is a file of this name already"
    );
    assert_eq!(content(&tree, "dir/a b.txt").as_deref(), Some("content"));
    assert_eq!(put(&server, "/missing/a", "", "x").status(), 409);
    assert_eq!(put(&server, "/dir", "", "x").status(), 409);
    assert_eq!(put(&server, "/dir/", "", "x").status(), 400);
    assert_eq!(put(&server, "/", "", "x").status(), 400);
    // Only whole files: a part must not be taken for one (RFC 9110, 14.5).
    let part = put(&server, "/part", "Content-Range: bytes 0-0/5\r\n", "x");
    assert_eq!(part.status(), 400);
    assert_eq!(names_in(tree.path()), ["dir"]);
    assert_eq!(names_in(&tree.path().join("dir")), ["a b.txt"]);
    // The mask of the process decides who may read it.
    let given = fs::metadata(tree.path().join("dir/a b.txt")).map(|file| file.mode() & 0o7777);
    let own = tree.path().join("own");
    fs::write(&own, "").expect("a file");
    assert_eq!(
        given.ok(),
        fs::metadata(&own).map(|file| file.mode() & 0o7777).ok()
    );
}

#[test]
fn with_overwrite_a_put_replaces_a_file_in_one_step() {
    let tree = Tree::new();
    tree.file("a", "old");
    let server = serve(tree.path(), &["--upload", "--overwrite"]);
    let replaced = put(&server, "/a", "", "new");
    assert_eq!(replaced.status_line, "HTTP/1.0 204 No Content");
    assert_eq!(content(&tree, "a").as_deref(), Some("new"));
    assert_eq!(put(&server, "/b", "", "b").status(), 201);
    assert_eq!(names_in(tree.path()), ["a", "b"]);

    // The conditions of RFC 9110 hold for it.
    tree.settle();
    let etag = get(&server, "/a").field("ETag").expect("a tag").to_owned();
    for (target, fields, status) in [
        ("/a", "If-None-Match: *\r\n".to_owned(), 412),
        ("/a", "If-Match: \"other\"\r\n".to_owned(), 412),
        ("/new", "If-Match: *\r\n".to_owned(), 412),
        ("/a", format!("If-Match: {etag}\r\n"), 204),
        ("/new", "If-None-Match: *\r\n".to_owned(), 201),
    ] {
        let answer = put(&server, target, &fields, "x");
        assert_eq!(answer.status(), status, "{target} {fields}");
    }
}

#[test]
fn with_overwrite_a_put_replaces_nothing_but_files() {
    let tree = Tree::new();
    tree.file("file", "old").directory("directory");
    let path = |name: &str| tree.path().join(name);
    symlink("file", path("link")).expect("a link");
    symlink("nowhere", path("dangling")).expect("a link");
    let _socket = UnixListener::bind(path("socket")).expect("a socket");
    let node = |name: &str, kind| mknodat(CWD, path(name), kind, Mode::RUSR, makedev(1, 3));
    node("fifo", FileType::Fifo).expect("a FIFO");
    let mut names = vec!["directory", "link", "dangling", "socket", "fifo"];
    // Not everybody may make one.
    if node("device", FileType::CharacterDevice).is_ok() {
        names.push("device");
    }
    let metadata = |name: &str| fs::symlink_metadata(path(name)).expect("it is there");
    for policy in ["follow", "inside", "never"] {
        let arguments = ["--upload", "--overwrite", "--symlinks", policy];
        let server = serve(tree.path(), &arguments);
        for name in &names {
            let before = metadata(name);
            let answer = put(&server, &format!("/{name}"), "", "new");
            assert_eq!(
                answer.status_line, "HTTP/1.0 409 What has this name is not a file",
                "{policy} {name}"
            );
            let after = metadata(name);
            assert_eq!(before.ino(), after.ino(), "{policy} {name}");
            assert_eq!(before.mode(), after.mode(), "{policy} {name}");
        }
    }
    assert_eq!(content(&tree, "file").as_deref(), Some("old"));
    assert!(!path("nowhere").exists());
}

/// What comes to have the name while the file is received counts, too.
#[test]
fn with_overwrite_a_put_replaces_nothing_that_came_later_but_a_file() {
    let tree = Tree::new();
    let arguments = ["--upload", "--overwrite", "--protocol", "HTTP/1.1"];
    let server = serve(tree.path(), &arguments);
    let mut client = Connection::open(server.address());
    let head = "PUT /a HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";
    client.send(head.as_bytes()).expect("it is sent");
    client.read_until(|bytes| bytes.ends_with(b"\r\n\r\n"));
    let path = tree.path().join("a");
    symlink("nowhere", &path).expect("a link");
    client.send(b"new").expect("it is sent");
    let answer = client.read_until(|bytes| bytes.ends_with(b"</html>\n"));
    assert_eq!(
        Response::parse(&answer).status_line,
        "HTTP/1.1 409 What has this name is not a file"
    );
    assert!(path.is_symlink());
    assert_eq!(names_in(tree.path()), ["a"]);
}

/// So two clients that have read the same version cannot both replace it.
#[test]
fn a_condition_of_a_put_holds_until_its_file_is_received() {
    let tree = Tree::new();
    tree.file("a", "old").settle();
    let arguments = ["--upload", "--overwrite", "--protocol", "HTTP/1.1"];
    let server = serve(tree.path(), &arguments);
    let if_unchanged = || {
        let answer = get(&server, "/a");
        let tag = answer.field("ETag").expect("it is settled");
        format!("/a HTTP/1.1\r\nIf-Match: {tag}")
    };
    let put_while = |target: &str, change: &dyn Fn()| {
        let mut client = Connection::open(server.address());
        let rest = "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n";
        let head = format!("PUT {target}\r\n{rest}");
        client.send(head.as_bytes()).expect("it is sent");
        let interim = client.read_until(|bytes| bytes.ends_with(b"\r\n\r\n"));
        assert!(interim.starts_with(b"HTTP/1.1 100 "), "{target}");
        change();
        client.send(b"new").expect("it is sent");
        let answer = client.read_until(|bytes| bytes.ends_with(b"</html>\n"));
        assert_eq!(Response::parse(&answer).status(), 412, "{target}");
    };
    let target = if_unchanged();
    put_while(&target, &|| {
        put_while(&target, &|| {
            fs::write(tree.path().join("a"), "changed").expect("it is there");
            tree.settle();
        });
    });
    assert_eq!(content(&tree, "a").as_deref(), Some("changed"));
    put_while("/b HTTP/1.1\r\nIf-None-Match: *", &|| {
        tree.file("b", "other");
    });
    assert_eq!(content(&tree, "b").as_deref(), Some("other"));
    put_while(&if_unchanged(), &|| {
        fs::remove_file(tree.path().join("a")).expect("it is there");
    });
    assert_eq!(names_in(tree.path()), ["b"]);
}

#[test]
fn a_form_makes_a_file_for_each_and_numbers_those_that_are_there() {
    let tree = Tree::new();
    tree.file("dir/a.txt", "old");
    let server = serve(tree.path(), &["--upload", "--overwrite"]);
    let form = form_of(&[
        ("a.txt", "first"),
        ("a.txt", "second"),
        ("\u{e9} b", "\r\n--\r\n--bX"),
    ]);
    let answer = post(&server, "/dir/?upload", "", &form);
    assert_eq!(answer.status_line, "HTTP/1.0 400 Bad Request");
    // Of the last, what looks like a boundary is malformed; those before it stay.
    for (name, expected) in [
        ("a.txt", "old"),
        ("a (1).txt", "first"),
        ("a (2).txt", "second"),
    ] {
        let path = format!("dir/{name}");
        assert_eq!(content(&tree, &path).as_deref(), Some(expected), "{name}");
    }
    let form = form_of(&[("\u{e9} b", "\r\n--\r\n-b"), ("empty", "")]);
    let answer = post(&server, "/dir/", "", &form);
    assert_eq!(answer.status_line, "HTTP/1.0 303 See Other");
    assert_eq!(answer.field("Location"), Some("/dir/"));
    assert_eq!(
        content(&tree, "dir/\u{e9} b").as_deref(),
        Some("\r\n--\r\n-b")
    );
    assert_eq!(content(&tree, "dir/empty").as_deref(), Some(""));
    assert_eq!(names_in(&tree.path().join("dir")).len(), 5);
}

#[test]
fn the_form_without_javascript_is_a_page() {
    let tree = Tree::new();
    tree.directory("dir");
    let server = serve(tree.path(), &["--upload"]);
    for target in ["/?upload", "/dir/?upload"] {
        let page = get(&server, target);
        assert_eq!(page.status(), 200, "{target}");
        let text = String::from_utf8_lossy(&page.body).into_owned();
        assert!(
            text.contains(
                "<form method=\"post\" enctype=\"multipart/form-data\" action=\"?upload\">"
            )
        );
        assert!(text.contains("type=\"file\" name=\"files\" multiple"));
    }
    assert_eq!(get(&server, "/missing/?upload").status(), 404);
    // A program that wants no page is not led to one.
    let form = form_of(&[("a", "x")]);
    let taken = post(
        &server,
        "/dir/?upload",
        "Accept: application/json\r\n",
        &form,
    );
    assert_eq!(taken.status(), 201);
    assert_eq!(taken.field("Location"), Some("/dir/"));
    assert_eq!(names_in(&tree.path().join("dir")), ["a"]);
    // What a browser sends in which nothing was chosen.
    let nothing = post(&server, "/?upload", "", &form_of(&[("", "")]));
    assert_eq!(nothing.status_line, "HTTP/1.0 400 No file was chosen");
    let text = ask(
        &server,
        "POST /?upload HTTP/1.0\r\nContent-Type: text/plain\r\nContent-Length: 1\r\n\r\nx",
    );
    assert_eq!(text.status(), 415);
    assert_eq!(names_in(tree.path()), ["dir"]);
}

#[test]
fn uploads_go_to_the_directory_for_them_alone() {
    let tree = Tree::new();
    tree.directory("www/incoming/sub")
        .directory("www/other")
        .directory("outside");
    let www = tree.path().join("www");
    let incoming = format!("--upload={}", www.join("incoming").display());
    let server = serve(&www, &[&incoming]);
    assert_eq!(put(&server, "/incoming/a", "", "x").status(), 201);
    assert_eq!(put(&server, "/incoming/sub/a", "", "x").status(), 201);
    assert_eq!(put(&server, "/a", "", "x").status(), 403);
    assert_eq!(put(&server, "/other/a", "", "x").status(), 403);
    assert_eq!(put(&server, "/incoming2/a", "", "x").status(), 403);
    assert_eq!(
        post(&server, "/other/?upload", "", &form_of(&[("a", "x")])).status(),
        403
    );
    // From the page at the top, files go where they are taken.
    assert_eq!(
        post(&server, "/?upload", "", &form_of(&[("b", "x")])).status(),
        303
    );
    assert_eq!(names_in(&www.join("incoming")), ["a", "b", "sub"]);
    assert_eq!(names_in(&www), ["incoming", "other"]);

    let outside = format!("--upload={}", tree.path().join("outside").display());
    let server = serve(&www, &[&outside]);
    assert_eq!(put(&server, "/a", "", "x").status(), 201);
    assert_eq!(names_in(&tree.path().join("outside")), ["a"]);
    assert_eq!(get(&server, "/a").status(), 404);
}

#[test]
fn what_is_too_large_is_refused_before_it_is_sent() {
    let tree = Tree::new();
    let server = serve(
        tree.path(),
        &["--upload", "--max-upload", "1K", "--protocol", "HTTP/1.1"],
    );
    let head = "PUT /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n";
    let mut connection = Connection::open(server.address());
    connection
        .send(format!("{head}Content-Length: 1025\r\n\r\n").as_bytes())
        .expect("it is sent");
    let answer = connection.read_until(|bytes| bytes.ends_with(b"\r\n\r\n"));
    assert!(answer.starts_with(b"HTTP/1.1 413 This is more than may be sent here\r\n"));
    // An honest one is asked for its body only when all else is settled.
    let mut connection = Connection::open(server.address());
    connection
        .send(format!("{head}Content-Length: 1\r\nConnection: close\r\n\r\n").as_bytes())
        .expect("it is sent");
    connection.read_until(|bytes| bytes == b"HTTP/1.1 100 Continue\r\n\r\n");
    connection.send(b"x").expect("it is sent");
    assert!(connection.read_to_end().bytes.starts_with(b"HTTP/1.1 201 "));
    // Of what does not say its length, the bytes are counted.
    let chunk = format!("401\r\n{}\r\n0\r\n\r\n", "x".repeat(1025));
    let head =
        "PUT /b HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(ask(&server, format!("{head}{chunk}")).status(), 413);
    let form = form_of(&[("c", &"x".repeat(1025))]);
    assert_eq!(post(&server, "/", "Host: a\r\n", &form).status(), 413);
    assert_eq!(names_in(tree.path()), ["a"]);
}

#[test]
fn what_was_sent_by_somebody_is_not_taken_for_something_else() {
    let tree = Tree::new();
    tree.file("page.txt", "<script>");
    let server = serve(tree.path(), &["--upload"]);
    for target in ["/page.txt", "/", "/missing"] {
        let response = get(&server, target);
        let values: Vec<_> = response
            .fields()
            .filter(|(name, _)| *name == "X-Content-Type-Options")
            .collect();
        assert_eq!(values, [("X-Content-Type-Options", "nosniff")], "{target}");
    }
}

#[test]
fn a_wrong_command_line_says_so() {
    use std::process::Command;
    for (arguments, code) in [
        (vec!["--overwrite"], 2),
        (vec!["--max-upload", "1K"], 2),
        (vec!["--upload", "--max-upload", "much"], 2),
        (vec!["--upload=/nowhere/at/all"], 1),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_rhttp"))
            .args(["0", "--bind", "127.0.0.1"])
            .args(&arguments)
            .output()
            .expect("it runs");
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
    }
}
