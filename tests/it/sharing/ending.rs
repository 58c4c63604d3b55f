//! A server that ends by itself, a single file, and what a person at a terminal is told.

use super::{ask, content, folder, get_with, put, serve};
use crate::support::{Connection, Running, Tree, find_program, get, not_run, say_not_run};
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

#[test]
fn once_a_file_was_sent_the_server_ends() {
    let tree = folder();
    tree.file("folder/sub/index.html", "an index");
    for (target, fields) in [
        ("/folder/a.txt", ""),
        ("/folder/sub/large", "Range: bytes=100-\r\n"),
        ("/folder/sub/large", "Range: bytes=-5\r\n"),
        ("/folder/sub/large", "Range: bytes=0-1,299999-\r\n"),
        ("/folder/?tar", ""),
        ("/folder/?tar", "Range: bytes=512-\r\n"),
    ] {
        let mut server = serve(tree.path(), &["--once", "--tar"]);
        // None of these is it.
        for (target, fields, status) in [
            ("/", "", 200),
            ("/folder/sub/", "", 200),
            ("/missing", "", 404),
            ("/folder", "", 301),
            ("/folder/sub/large", "Range: bytes=0-299998\r\n", 206),
            ("/folder/?tar", "Range: bytes=0-511\r\n", 206),
        ] {
            assert_eq!(
                get_with(&server, target, fields).status(),
                status,
                "{target}"
            );
        }
        let head = format!("HEAD {target} HTTP/1.0\r\n\r\n");
        assert_eq!(ask(&server, head).status(), 200);
        let response = get_with(&server, target, fields);
        assert!(matches!(response.status(), 200 | 206), "{target}");
        assert!(server.wait().success(), "{target} {fields}");
    }
}

#[test]
fn once_holds_for_a_kept_connection_too() {
    let tree = folder();
    let mut server = serve(tree.path(), &["--once", "--protocol", "HTTP/1.1"]);
    let mut connection = Connection::open(server.address());
    let request = b"GET /folder/a.txt HTTP/1.1\r\nHost: a\r\n\r\n";
    connection.send(request).expect("it is sent");
    connection.read_until(|bytes| bytes.ends_with(b"the first"));
    // The client stays, and the server does not.
    assert!(server.wait().success());
}

#[test]
fn a_download_that_was_cut_does_not_end_the_server() {
    const LARGE: u64 = 64 << 20;
    let tree = Tree::new();
    tree.file("large", "");
    let large = fs::File::options()
        .write(true)
        .open(tree.path().join("large"));
    large
        .and_then(|file| file.set_len(LARGE))
        .expect("a sparse file");
    let mut server = serve(tree.path(), &["--once"]);
    let mut connection = Connection::open(server.address());
    connection
        .send(b"GET /large HTTP/1.0\r\n\r\n")
        .expect("it is sent");
    connection.read_until(|bytes| bytes.ends_with(b"\r\n\r\n"));
    drop(connection);
    assert_eq!(get(&server, "/").status(), 200);
    assert_eq!(get(&server, "/large").body.len() as u64, LARGE);
    assert!(server.wait().success());
}

#[test]
fn after_its_time_a_server_lets_responses_end_and_ends() {
    let tree = Tree::new();
    tree.file("large", vec![b'x'; 32 << 20]);
    let start = Instant::now();
    let mut server = serve(tree.path(), &["--for", "1s"]);
    let mut connection = Connection::open_with_receive_buffer(server.address(), 4096);
    connection
        .send(b"GET /large HTTP/1.0\r\n\r\n")
        .expect("it is sent");
    connection.read_until(|bytes| bytes.ends_with(b"\r\n\r\n"));
    // It takes no new clients, but that one gets its file.
    let connect = || {
        let limit = Duration::from_millis(100);
        std::net::TcpStream::connect_timeout(&server.address(), limit)
    };
    // On a busy machine a connection may take its time before, too.
    while start.elapsed() < Duration::from_secs(1) || connect().is_ok() {
        assert!(start.elapsed() < crate::support::PATIENCE);
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(connection.read_to_end().bytes.len(), 32 << 20);
    assert!(server.wait().success());
}

#[test]
fn a_single_file_is_all_there_is() {
    let tree = Tree::new();
    tree.file("www/a b.txt", "content")
        .file("www/secret", "secret")
        .directory("in");
    let file = tree.path().join("www/a b.txt");
    let server = serve(&file, &[]);
    let root = get(&server, "/");
    assert_eq!(root.status(), 302);
    assert_eq!(root.field("Location"), Some("/a%20b.txt"));
    let response = get_with(&server, "/a%20b.txt", "Range: bytes=0-2\r\n");
    assert_eq!(
        (response.status(), response.body.as_slice()),
        (206, b"con".as_slice())
    );
    assert_eq!(
        get(&server, "/a%20b.txt").field("Content-type"),
        Some("text/plain")
    );
    for target in [
        "/secret",
        "/../www/secret",
        "/a%20b.txt/",
        "/a%20b.txt/x",
        "/.",
        "/www/",
        "/?tar",
    ] {
        let response = get(&server, target);
        assert!(matches!(response.status(), 302 | 404), "{target}");
        assert!(
            !response.body.windows(6).any(|part| part == b"secret"),
            "{target}"
        );
    }
    assert_eq!(
        ask(&server, "POST /a%20b.txt HTTP/1.0\r\n\r\n").status(),
        501
    );

    let upload = format!("--upload={}", tree.path().join("in").display());
    let server = serve(&file, &[&upload]);
    assert_eq!(put(&server, "/new", "", "x").status(), 201);
    assert_eq!(content(&tree, "in/new").as_deref(), Some("x"));
    for flag in ["--cgi", "--tar", "--upload"] {
        let output = Command::new(env!("CARGO_BIN_EXE_rhttp"))
            .args(["0", flag, "--directory"])
            .arg(&file)
            .output()
            .expect("it runs");
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(
            stderr.starts_with(&format!("rhttp: {flag} takes a directory")),
            "{stderr}"
        );
    }
}

#[test]
fn a_single_file_is_all_that_a_sandbox_lets_it_read() {
    let tree = Tree::new();
    tree.file("www/file", "content");
    let mut command = Command::new(env!("CARGO_BIN_EXE_rhttp"));
    command.args([
        "0",
        "--bind",
        "127.0.0.1",
        "--sandbox",
        "--once",
        "--directory",
    ]);
    command.arg(tree.path().join("www/file"));
    let probe = Command::new("timeout")
        .arg("0.3")
        .arg(command.get_program())
        .args(command.get_args())
        .output();
    let stderr = probe.expect("it runs").stderr;
    if String::from_utf8_lossy(&stderr).contains("no Landlock") {
        return not_run("the kernel offers no Landlock");
    }
    let mut server = Running::start(command);
    assert_eq!(get(&server, "/file").body, b"content");
    assert!(server.wait().success());
}

/// What a server prints on a terminal, all of it.
fn on_a_terminal(arguments: &str) -> Option<String> {
    let Some(script) = find_program("script") else {
        not_run("script is not there");
        return None;
    };
    let tree = Tree::new();
    let command = format!("{} 0 --for 1s {arguments}", env!("CARGO_BIN_EXE_rhttp"));
    let output = Command::new(script)
        .current_dir(tree.path())
        .args(["-qec", &command, "/dev/null"])
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .output()
        .expect("it runs");
    assert!(output.status.success());
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn a_person_at_a_terminal_is_told_the_addresses() {
    let Some(text) = on_a_terminal("") else {
        return;
    };
    let mut lines = text.lines();
    assert!(
        lines
            .next()
            .expect("a banner")
            .starts_with("Serving HTTP on "),
        "{text}"
    );
    for line in lines {
        let is_url = line.starts_with("http://") && line.ends_with('/');
        assert!(
            is_url && !line.contains("127.0.0.1") && !line.contains("[fe80"),
            "{text}"
        );
    }
    // On one's own machine alone there is nothing to tell.
    let text = on_a_terminal("--bind 127.0.0.1 --qr").expect("as before");
    assert_eq!(text.lines().count(), 1, "{text}");
}

#[test]
fn a_code_is_shown_on_a_terminal_alone() {
    let Some(text) = on_a_terminal("--qr") else {
        return;
    };
    let has_address = text.lines().any(|line| line.starts_with("http://"));
    assert_eq!(text.contains('\u{2588}'), has_address, "{text}");

    let tree = Tree::new();
    let mut server = serve(tree.path(), &["--qr", "--open", "--for", "1s"]);
    assert!(server.wait().success());
    assert_eq!(server.output().len(), 1);
    assert!(server.log().is_empty());
}

#[test]
fn a_browser_that_cannot_be_opened_is_one_line() {
    let Some(text) = on_a_terminal("--bind 127.0.0.1 --open") else {
        return;
    };
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(
        lines[0].starts_with("rhttp: cannot open a browser: "),
        "{text}"
    );
    assert!(
        lines[1].starts_with("Serving HTTP on 127.0.0.1 port "),
        "{text}"
    );
}

/// A code on a terminal as a picture: eight dots for a module.
fn picture(text: &str) -> Vec<u8> {
    let lines = text
        .lines()
        .filter(|line| line.starts_with("\u{1b}[38;5;16;48;5;231m"));
    let mut rows = Vec::new();
    for line in lines {
        let line = line.split('m').nth(1).expect("what stands between colours");
        let modules = line.trim_end_matches("\u{1b}[0");
        for half in ["\u{2580}\u{2588}", "\u{2584}\u{2588}"] {
            let row = modules.chars().map(|module| half.contains(module));
            rows.push(row.collect::<Vec<_>>());
        }
    }
    let (width, height) = (rows[0].len() * 8, rows.len() * 8);
    let mut picture = format!("P5 {width} {height} 255\n").into_bytes();
    for row in &rows {
        for _ in 0..8 {
            picture.extend(row.iter().flat_map(|&dark| [if dark { 0 } else { 255 }; 8]));
        }
    }
    picture
}

#[test]
fn a_code_is_read_as_the_address_on_the_terminal() {
    let Some(text) = on_a_terminal("--qr") else {
        return;
    };
    let Some(url) = text.lines().find(|line| line.starts_with("http://")) else {
        return say_not_run("a QR code, for this machine has no address on a network");
    };
    let Some(zbarimg) = find_program("zbarimg") else {
        return say_not_run("a QR code, for there is no zbarimg");
    };
    let tree = Tree::new();
    tree.file("code.pgm", picture(&text));
    let output = Command::new(zbarimg)
        .args(["--quiet", "--raw"])
        .arg(tree.path().join("code.pgm"))
        .output()
        .expect("it runs");
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), url);
}
