//! What is wrong with uploads elsewhere (lessons 3, 4 and 7 to 11), and what must not come of it here.

use super::{ask, content, form_of, names_in, post, put, serve};
use crate::support::{Connection, Running, Tree, get, say_not_run};
use rustix::process::Signal;
use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// Names that no file may be given.
const BAD_NAMES: &[&str] = &[
    "..", ".", ".hidden", "../x", "a/b", "/x", "..\\x", "a\\b", "C:x", "x:stream", "x.", "x ",
    "CON", "nul.txt",
];

#[test]
fn lesson_8_a_name_in_a_form_is_one_component() {
    let tree = Tree::new();
    tree.directory("www/a").file("outside", "old");
    let server = serve(&tree.path().join("www"), &["--upload", "--overwrite"]);
    for name in BAD_NAMES
        .iter()
        .chain(&["../outside", "x\u{1}", "x\u{7f}", "x\0y"])
    {
        let quoted = name.replace('\\', "\\\\");
        let answer = post(&server, "/?upload", "", &form_of(&[(&quoted, "new")]));
        assert_eq!(answer.status(), 400, "{name:?}");
    }
    assert_eq!(names_in(&tree.path().join("www")), ["a"]);
    assert_eq!(content(&tree, "outside").as_deref(), Some("old"));
}

#[test]
fn lesson_3_a_name_in_a_target_is_checked_when_it_is_decoded() {
    let tree = Tree::new();
    tree.directory("www/a/.git").file("outside", "old");
    let server = serve(&tree.path().join("www"), &["--upload", "--overwrite"]);
    for name in BAD_NAMES {
        let encoded = name.bytes().fold(String::new(), |encoded, byte| {
            encoded + &format!("%{byte:02x}")
        });
        assert_eq!(
            put(&server, &format!("/a/{encoded}"), "", "new").status(),
            400,
            "{name}"
        );
    }
    for target in [
        "/../outside",
        "/a/../../outside",
        "/a/../x",
        "/a//x",
        "/./x",
        "/%2e%2e/outside",
        "/a%2fx",
        "/a/..%2f..%2foutside",
        "/..%5coutside",
        "/a/%2e%2e%2foutside",
        "/x%00",
        "/x%0a",
        "/a/.git/config",
        "/x%7f",
        "/x%c2%85",
    ] {
        assert_eq!(put(&server, target, "", "new").status(), 400, "{target}");
    }
    assert_eq!(names_in(&tree.path().join("www")), ["a"]);
    assert_eq!(names_in(&tree.path().join("www/a")), [".git"]);
    assert!(names_in(&tree.path().join("www/a/.git")).is_empty());
    assert_eq!(content(&tree, "outside").as_deref(), Some("old"));
}

#[test]
fn lesson_9_and_10_no_link_leads_an_upload_outside() {
    let tree = Tree::new();
    tree.directory("www/dir").directory("outside");
    let www = tree.path().join("www");
    symlink("../outside", www.join("out")).expect("a link");
    symlink(tree.path().join("outside"), www.join("absolute")).expect("a link");
    symlink("dir", www.join("in")).expect("a link");
    symlink("../outside/made", www.join("dangling")).expect("a link");
    for (policy, inside) in [("follow", 201), ("inside", 201), ("never", 409)] {
        let server = serve(&www, &["--upload", "--symlinks", policy]);
        for target in ["/out/x", "/absolute/x", "/dangling"] {
            assert_eq!(
                put(&server, target, "", "x").status(),
                409,
                "{policy} {target}"
            );
        }
        let form = form_of(&[("x", "x")]);
        assert_eq!(
            post(&server, "/out/?upload", "", &form).status(),
            409,
            "{policy}"
        );
        let target = format!("/in/{policy}");
        assert_eq!(put(&server, &target, "", "x").status(), inside, "{policy}");
    }
    assert!(names_in(&tree.path().join("outside")).is_empty());
}

#[test]
fn lesson_11_an_exchanged_directory_leads_no_upload_outside() {
    let tree = Tree::new();
    tree.directory("www/dir").directory("outside");
    let server = serve(&tree.path().join("www"), &["--upload"]);
    let done = AtomicBool::new(false);
    let (directory, aside) = (tree.path().join("www/dir"), tree.path().join("aside"));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                fs::rename(&directory, &aside).expect("it is moved");
                symlink("../outside", &directory).expect("a link");
                fs::remove_file(&directory).expect("it is removed");
                fs::rename(&aside, &directory).expect("it is moved back");
            }
        });
        for number in 0..200 {
            let answer = put(&server, &format!("/dir/{number}"), "", "x");
            assert!(
                matches!(answer.status(), 201 | 409),
                "{}",
                answer.status_line
            );
        }
        done.store(true, Ordering::Relaxed);
    });
    assert!(names_in(&tree.path().join("outside")).is_empty());
}

#[test]
fn lesson_4_nothing_is_put_among_scripts() {
    let tree = Tree::new();
    tree.script(
        "cgi-bin/script",
        "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\nran'\n",
    )
    .directory("cgi-bin/below");
    symlink("cgi-bin", tree.path().join("scripts")).expect("a link");
    let server = serve(tree.path(), &["--upload", "--overwrite", "--cgi"]);
    for target in [
        "/cgi-bin/x",
        "/cgi-bin/script",
        "/%63gi-bin/x",
        "/cgi-bin/below/x",
        "/scripts/x",
    ] {
        assert_eq!(
            put(&server, target, "", "#!/bin/sh").status(),
            403,
            "{target}"
        );
    }
    let form = form_of(&[("x", "#!/bin/sh")]);
    for target in ["/cgi-bin/?upload", "/scripts/?upload"] {
        assert_eq!(post(&server, target, "", &form).status(), 403, "{target}");
    }
    assert_eq!(names_in(&tree.path().join("cgi-bin")), ["below", "script"]);
    // Forms for scripts reach the scripts, from any client and under any path.
    for target in ["/cgi-bin/script/", "/cgi-bin/script/.x/a:b/"] {
        let answer = post(&server, target, "Sec-Fetch-Site: cross-site\r\n", &form);
        assert_eq!(answer.status(), 200, "{target}");
        assert_eq!(answer.body, b"ran", "{target}");
    }
}

#[test]
fn a_page_of_another_site_cannot_send_files() {
    let tree = Tree::new();
    let server = serve(tree.path(), &["--upload"]);
    let form = form_of(&[("a", "x")]);
    for (fields, allowed) in [
        ("", true),
        ("Sec-Fetch-Site: same-origin\r\n", true),
        ("Sec-Fetch-Site: none\r\n", true),
        ("Sec-Fetch-Site: cross-site\r\n", false),
        ("Sec-Fetch-Site: same-site\r\n", false),
        ("Host: a:1\r\nOrigin: http://a:1\r\n", true),
        ("Host: a:1\r\nOrigin: http://a\r\n", false),
        ("Host: a:1\r\nOrigin: http://evil\r\n", false),
        ("Host: a:1\r\nOrigin: null\r\n", false),
        ("Origin: http://a:1\r\n", false),
        (
            "Host: a:1\r\nOrigin: http://a:1\r\nOrigin: http://evil\r\n",
            false,
        ),
    ] {
        let posted = post(&server, "/?upload", fields, &form);
        assert_eq!(posted.status(), if allowed { 303 } else { 403 }, "{fields}");
        let name = format!("/{}", fields.len());
        let sent = put(&server, &name, fields, "x");
        assert_eq!(sent.status(), if allowed { 201 } else { 403 }, "{fields}");
    }
}

#[test]
fn lesson_7_a_cut_upload_leaves_nothing() {
    let tree = Tree::new();
    let server = serve(tree.path(), &["--upload", "--overwrite"]);
    let part = "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"c\"\r\n\r\nhalf";
    for request in [
        "PUT /a HTTP/1.0\r\nContent-Length: 100\r\n\r\nhalf".to_owned(),
        "PUT /b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n".to_owned(),
        format!(
            "POST / HTTP/1.0\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 1000\r\n\r\n{part}"
        ),
        format!(
            "POST / HTTP/1.0\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: {}\r\n\r\n{part}",
            part.len()
        ),
    ] {
        let mut connection = Connection::open(server.address());
        connection.send(request.as_bytes()).expect("it is sent");
        connection.finish().expect("it is finished");
        let answer = connection.read_to_end();
        let text = String::from_utf8_lossy(&answer.bytes).into_owned();
        assert!(text.is_empty() || text.contains(" 400 "), "{text}");
        assert!(names_in(tree.path()).is_empty(), "{request}");
    }
}

#[test]
fn a_server_that_is_killed_leaves_no_part_under_a_name() {
    let tree = Tree::new();
    let mut server = serve(tree.path(), &["--upload", "--protocol", "HTTP/1.1"]);
    let mut connection = Connection::open(server.address());
    let head = "PUT /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 100\r\n\r\n";
    connection.send(head.as_bytes()).expect("it is sent");
    connection.read_until(|bytes| bytes.ends_with(b"\r\n\r\n"));
    connection.send(b"half").expect("it is sent");
    // The file is there already, though it has no name.
    wait_for_unnamed_file(&server);
    server.signal(Signal::KILL);
    assert!(!server.wait().success());
    assert!(names_in(tree.path()).is_empty());
}

/// Waits until a server has a file open that has no name.
fn wait_for_unnamed_file(server: &Running) {
    let start = std::time::Instant::now();
    while start.elapsed() < crate::support::PATIENCE {
        let open = fs::read_dir(format!("/proc/{}/fd", server.pid())).expect("Linux tells it");
        let mut targets = open
            .flatten()
            .filter_map(|entry| fs::read_link(entry.path()).ok());
        if targets.any(|target| target.to_string_lossy().ends_with(" (deleted)")) {
            return;
        }
        thread::yield_now();
    }
    panic!("no upload has begun");
}

#[test]
fn fifty_uploads_at_once_are_all_there() {
    let tree = Tree::new();
    let server = serve(tree.path(), &["--upload"]);
    let text = |number: usize| number.to_string().repeat(50_000);
    thread::scope(|scope| {
        for number in 0..50 {
            let (server, text) = (&server, text);
            scope.spawn(move || {
                let answer = put(server, &format!("/{number}"), "", &text(number));
                assert_eq!(answer.status(), 201);
                // All want the same name.
                let form = form_of(&[("same", &number.to_string())]);
                assert_eq!(post(server, "/", "", &form).status(), 303);
            });
        }
    });
    for number in 0..50 {
        assert!(
            content(&tree, &number.to_string()) == Some(text(number)),
            "{number}"
        );
    }
    let same: Vec<_> = names_in(tree.path())
        .into_iter()
        .filter(|name| name.starts_with("same"))
        .collect();
    assert_eq!(same.len(), 50);
    let mut contents: Vec<_> = same
        .iter()
        .filter_map(|name| content(&tree, name))
        .collect();
    contents.sort();
    contents.dedup();
    assert_eq!(contents.len(), 50, "none took the place of another");
}

#[test]
fn a_large_upload_takes_no_memory() {
    let tree = Tree::new();
    let server = serve(tree.path(), &["--upload"]);
    assert_eq!(put(&server, "/small", "", "x").status(), 201);
    let peak = || {
        let status = fs::read_to_string(format!("/proc/{}/status", server.pid()));
        let status = status.expect("Linux tells it");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
        kib.and_then(|kib| kib.parse::<u64>().ok())
            .expect("a number")
    };
    let before = peak();
    let large = "x".repeat(64 << 20);
    assert_eq!(put(&server, "/put", "", &large).status(), 201);
    assert_eq!(
        post(&server, "/", "", &form_of(&[("form", &large)])).status(),
        303
    );
    assert!(peak() - before < 4096, "{} KiB", peak() - before);
    for name in ["put", "form"] {
        assert!(content(&tree, name).as_ref() == Some(&large));
    }
}

#[test]
fn with_a_sandbox_the_kernel_lets_it_write_there_alone() {
    let tree = Tree::new();
    tree.file("www/page", "public")
        .directory("in")
        .directory("www/sub");
    let upload = format!("--upload={}", tree.path().join("in").display());
    let arguments = ["0", "--bind", "127.0.0.1", "--sandbox", &upload];
    let probe = std::process::Command::new("timeout")
        .args(["0.3", env!("CARGO_BIN_EXE_rhttp")])
        .args(arguments)
        .output()
        .expect("it runs");
    if String::from_utf8_lossy(&probe.stderr).contains("no Landlock") {
        return crate::support::not_run("the kernel offers no Landlock");
    }
    let server = serve(
        &tree.path().join("www"),
        &["--sandbox", &upload, "--overwrite"],
    );
    assert_eq!(put(&server, "/a", "", "x").status(), 201);
    assert_eq!(put(&server, "/a", "", "y").status(), 204);
    assert_eq!(
        post(&server, "/", "", &form_of(&[("a", "x")])).status(),
        303
    );
    assert_eq!(get(&server, "/page").body, b"public");
    assert_eq!(names_in(&tree.path().join("in")), ["a", "a (1)"]);
    assert_eq!(content(&tree, "in/a").as_deref(), Some("y"));
}

#[test]
fn what_is_no_form_is_refused_with_a_reason() {
    let tree = Tree::new();
    let server = serve(tree.path(), &["--upload"]);
    for body in [
        "",
        "nothing",
        "--b",
        "--b\r\n",
        "--b\r\n\r\nx\r\n--b--",
        "--b\r\nContent-Disposition: form-data; filename=\"a\"; filename=\"b\"\r\n\r\nx\r\n--b--",
        "--b\r\nContent-Disposition: form-data; filename=\"a\r\n\r\nx\r\n--b--",
        "--bx\r\n\r\n",
    ] {
        assert_eq!(post(&server, "/?upload", "", body).status(), 400, "{body}");
    }
    let long = format!("--b\r\nX: {}\r\n\r\n", "x".repeat(20_000));
    let late = "x".repeat(200_000) + "\r\n" + &form_of(&[("a", "x")]);
    for body in [long, late] {
        assert_eq!(post(&server, "/?upload", "", &body).status(), 400);
    }
    let kind = "Content-Type: multipart/form-data\r\nContent-Length: 0\r\n";
    assert_eq!(
        ask(&server, format!("POST /?upload HTTP/1.0\r\n{kind}\r\n")).status(),
        415
    );
    assert!(names_in(tree.path()).is_empty());
}

#[test]
fn a_full_disk_is_507_and_nothing_is_left() {
    let tree = Tree::new();
    tree.directory("small");
    let small = tree.path().join("small");
    let run = |program: &str, arguments: &[&str]| {
        let status = Command::new(program).args(arguments).arg(&small).status();
        status.is_ok_and(|status| status.success())
    };
    // Without the permission to mount, there is no small disk to test with.
    let is_root = rustix::process::geteuid().is_root();
    if !is_root || !run("mount", &["-t", "tmpfs", "-o", "size=1m", "tmpfs"]) {
        return say_not_run("a full disk, for none can be mounted");
    }
    let server = serve(
        &small,
        &["--upload", "--max-upload", "1G", "--protocol", "HTTP/1.1"],
    );
    let content = "x".repeat(2 << 20);
    let known = put(&server, "/known", "Host: a\r\n", &content);
    let head = "PUT /unknown HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let request = format!("{head}{:x}\r\n{content}\r\n0\r\n\r\n", content.len());
    let unknown = ask(&server, request);
    let left = names_in(&small);
    let fits = put(&server, "/fits", "Host: a\r\n", "x");
    drop(server);
    let is_unmounted = run("umount", &["--lazy"]);
    for answer in [known, unknown] {
        assert_eq!(answer.status_line, "HTTP/1.1 507 The disk is full");
    }
    assert!(left.is_empty() && is_unmounted);
    assert_eq!(fits.status(), 201);
}
