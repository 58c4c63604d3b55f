//! Files, directories and listings over the network, where the recorded rows do not reach
//! (contract, section 4).

use crate::support::{AfterSending, Connection, Response, Running, Tree, exchange, get, not_run};
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{FileExt, PermissionsExt};

fn serve(tree: &Tree) -> Running {
    Running::rhttp(["--directory".as_ref(), tree.path().as_os_str()])
}

#[test]
fn every_size_arrives_whole() {
    let tree = Tree::new();
    let pattern: Vec<u8> = (0..=255_u8).cycle().take(3_000_001).collect();
    let sizes = [
        0,
        1,
        1023,
        4096,
        16 * 1024 - 1,
        16 * 1024,
        16 * 1024 + 1,
        65_536,
        1_000_000,
        pattern.len(),
    ];
    for size in sizes {
        tree.file(&format!("{size}.bin"), &pattern[..size]);
    }
    let server = serve(&tree);
    for size in sizes {
        let response = get(&server, &format!("/{size}.bin"));
        assert_eq!(
            response.field("Content-Length"),
            Some(size.to_string().as_str())
        );
        assert!(response.body == pattern[..size], "{size}");
    }
}

#[test]
fn a_file_beyond_32_bits_has_its_true_length() {
    let tree = Tree::new();
    let file = File::create(tree.path().join("large")).expect("a file");
    file.set_len(5 * 1024 * 1024 * 1024).expect("a sparse file");
    let server = serve(&tree);
    let answer = exchange(
        server.address(),
        &["HEAD /large HTTP/1.0\r\n\r\n"],
        AfterSending::StayOpen,
    );
    assert_eq!(
        Response::parse(&answer).field("Content-Length"),
        Some("5368709120")
    );
}

#[test]
fn a_file_that_shrinks_while_it_is_sent_cuts_the_connection() {
    let tree = Tree::new();
    let path = tree.path().join("shrinking");
    let size = 64 * 1024 * 1024;
    let file = File::create(&path).expect("a file");
    file.set_len(size)
        .expect("it is large enough not to fit into any buffer");
    let server = serve(&tree);
    let mut client = Connection::open(server.address());
    client
        .send(b"GET /shrinking HTTP/1.0\r\n\r\n")
        .expect("it is sent");
    // The head has come, so the sending has begun; the rest does not fit into the buffers.
    let head = client.read_until(|bytes| bytes.ends_with(b"\r\n\r\n"));
    file.set_len(0).expect("it is cut");
    let body = client.read_to_end().bytes;
    let head = String::from_utf8_lossy(&head).into_owned();
    assert!(head.contains("Content-Length: 67108864\r\n"), "{head}");
    assert!((body.len() as u64) < size);
}

#[test]
fn a_file_that_grows_is_sent_as_long_as_promised() {
    let tree = Tree::new();
    let size = 8 * 1024 * 1024;
    let file = File::create(tree.path().join("growing")).expect("a file");
    file.set_len(size).expect("it is large");
    let server = serve(&tree);
    let mut client = Connection::open(server.address());
    client
        .send(b"GET /growing HTTP/1.0\r\n\r\n")
        .expect("it is sent");
    client.read_until(|bytes| bytes.ends_with(b"\r\n\r\n"));
    file.write_all_at(b"more", size).expect("it grows");
    assert_eq!(client.read_to_end().bytes.len() as u64, size);
}

#[test]
fn only_regular_files_are_served_and_nothing_blocks() {
    let tree = Tree::new();
    tree.fifo("fifo")
        .link("device", "/dev/zero")
        .link("loop", "loop")
        .link("gone", "nowhere");
    let _socket =
        std::os::unix::net::UnixListener::bind(tree.path().join("socket")).expect("a socket");
    let server = serve(&tree);
    for name in [
        "fifo", "device", "loop", "gone", "socket", "missing", "fifo/", "a\0b",
    ] {
        let response = get(&server, &format!("/{name}"));
        assert_eq!(
            response.status_line, "HTTP/1.0 404 File not found",
            "{name}"
        );
    }
}

#[test]
fn a_directory_that_is_removed_and_comes_back_is_served_again() {
    let tree = Tree::new();
    tree.file("served/a.txt", "old");
    let directory = tree.path().join("served");
    let server = Running::rhttp(["--directory".as_ref(), directory.as_os_str()]);
    assert_eq!(get(&server, "/a.txt").body, b"old");
    fs::remove_dir_all(&directory).expect("it is removed");
    assert_eq!(get(&server, "/a.txt").status(), 404);
    assert_eq!(get(&server, "/").status(), 404);
    tree.file("served/a.txt", "new");
    assert_eq!(get(&server, "/a.txt").body, b"new");
    assert_eq!(get(&server, "/").status(), 200);
}

#[test]
fn a_changed_file_is_never_served_from_before() {
    let tree = Tree::new();
    tree.file("a", "0");
    let server = serve(&tree);
    let mut file = File::options()
        .write(true)
        .truncate(true)
        .open(tree.path().join("a"))
        .expect("it opens");
    for round in 0..200 {
        file.set_len(0).expect("it is emptied");
        file.write_all_at(format!("{round:03}").as_bytes(), 0)
            .expect("it is written");
        file.flush().expect("it is flushed");
        assert_eq!(get(&server, "/a").body, format!("{round:03}").into_bytes());
    }
}

#[test]
fn what_may_not_be_read_is_not_there() {
    let tree = Tree::new();
    tree.file("secret.txt", "x")
        .file("closed/a.txt", "readable")
        .file("indexed/index.html", "x");
    let set = |path: &str, mode: u32| {
        fs::set_permissions(tree.path().join(path), fs::Permissions::from_mode(mode))
            .expect("the mode can be set");
    };
    set("secret.txt", 0o000);
    set("closed", 0o311);
    set("indexed/index.html", 0o000);
    set("", 0o755);
    let Some(server) = Running::of_ordinary_user(&tree) else {
        return not_run(
            "modes keep nothing from root, and there is no setpriv to be somebody else",
        );
    };
    assert_eq!(
        get(&server, "/secret.txt").status_line,
        "HTTP/1.0 404 File not found"
    );
    // A directory that may be searched but not read: its files are there, its listing is not.
    assert_eq!(get(&server, "/closed").status(), 301);
    assert_eq!(
        get(&server, "/closed/").status_line,
        "HTTP/1.0 404 No permission to list directory"
    );
    assert_eq!(get(&server, "/closed/a.txt").body, b"readable");
    // An index page that is there counts, even if it cannot be opened.
    assert_eq!(
        get(&server, "/indexed/").status_line,
        "HTTP/1.0 404 File not found"
    );
    set("closed", 0o755);
}

#[test]
fn pages_of_our_own_run_no_script_that_stands_in_them() {
    let tree = Tree::new();
    tree.file("a.txt", "");
    let server = serve(&tree);
    for (target, guarded) in [("/", true), ("/missing", true), ("/a.txt", false)] {
        let response = get(&server, target);
        assert_eq!(
            response.field("X-Content-Type-Options"),
            guarded.then_some("nosniff"),
            "{target}"
        );
        assert_eq!(
            response.field("Content-Security-Policy"),
            guarded.then_some("script-src 'self'; object-src 'none'; base-uri 'none'"),
            "{target}"
        );
    }
}

#[test]
fn a_listing_of_a_hundred_thousand_names_is_whole() {
    let tree = Tree::new();
    tree.directory("many");
    for number in 0..100_000 {
        File::create(tree.path().join(format!("many/{number:06}"))).expect("a file");
    }
    let server = serve(&tree);
    let page = get(&server, "/many/").body;
    let page = String::from_utf8(page).expect("the names are ASCII");
    let names: Vec<_> = page
        .lines()
        .filter(|line| line.starts_with("<li>"))
        .collect();
    assert_eq!(names.len(), 100_000);
    assert_eq!(names[99_999], "<li><a href=\"099999\">099999</a></li>");
}
