//! What is wrong with archives elsewhere (lessons 7 to 11 and 23), and what must not come of it here.

use super::{ask, folder, get_with, serve};
use crate::support::{Connection, Ending, Running, Tree, get};
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, symlink};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

fn holds(archive: &[u8], text: &str) -> bool {
    archive
        .windows(text.len())
        .any(|part| part == text.as_bytes())
}

/// Bytes of memory that a server has taken at most.
fn peak_memory(server: &Running) -> u64 {
    let status =
        fs::read_to_string(format!("/proc/{}/status", server.pid())).expect("Linux tells it");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
    kib.and_then(|kib| kib.parse::<u64>().ok())
        .expect("a number")
        * 1024
}

#[test]
fn lesson_9_links_in_an_archive_follow_the_policy() {
    let tree = Tree::new();
    tree.file("secret/file", "the secret")
        .file("www/d/file", "public")
        .link("www/d/in", "file")
        .link("www/d/above", "../top")
        .link("www/d/out", "../../secret/file")
        .link("www/d/outside", "../../secret")
        .link("www/d/absolute", tree.path().join("secret/file"))
        .link("www/d/nowhere", "missing")
        .file("www/top", "beside");
    for (policy, expected) in [
        (
            "follow",
            vec![
                "above", "absolute", "file", "in", "nowhere", "out", "outside",
            ],
        ),
        ("inside", vec!["file", "in"]),
        ("never", vec!["file"]),
    ] {
        let server = serve(&tree.path().join("www"), &["--tar", "--symlinks", policy]);
        let body = get(&server, "/d/?tar").body;
        // A link is a link: what it leads to is never in the archive.
        assert!(!holds(&body, "the secret"), "{policy}");
        let mut archive = tar::Archive::new(body.as_slice());
        let names: Vec<_> = archive
            .entries()
            .expect("an archive")
            .skip(1)
            .map(|entry| {
                let entry = entry.expect("an entry");
                let path = entry.path().expect("a path");
                path.file_name()
                    .expect("a name")
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
        assert_eq!(names, expected, "{policy}");
        let through = get(&server, "/d/outside/?tar");
        assert_eq!(through.status() == 200, policy == "follow", "{policy}");
    }
}

#[test]
fn lesson_11_an_exchanged_directory_leads_nowhere() {
    let tree = Tree::new();
    tree.file("secret/file", "the secret")
        .file("www/d/file", "public");
    for number in 0..50 {
        tree.file(&format!("www/d/{number}/file"), "public");
    }
    let server = serve(&tree.path().join("www"), &["--tar", "--symlinks", "never"]);
    let done = AtomicBool::new(false);
    let victim = tree.path().join("www/d/25");
    let hidden = tree.path().join("aside");
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                fs::rename(&victim, &hidden).expect("it is moved");
                symlink("../../secret", &victim).expect("a link");
                fs::remove_file(&victim).expect("it is removed");
                fs::rename(&hidden, &victim).expect("it is moved back");
            }
        });
        for _ in 0..200 {
            let mut connection = Connection::open(server.address());
            connection
                .send(b"GET /d/?tar HTTP/1.0\r\n\r\n")
                .expect("it is sent");
            let answer = connection.read_to_end();
            assert!(!holds(&answer.bytes, "the secret"));
        }
        done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn lesson_4_the_scripts_are_in_no_archive() {
    let tree = Tree::new();
    tree.script("cgi-bin/script", "#!/bin/sh\n# the secret\n")
        .file("cgi-bin/below/more", "the secret")
        .file("page", "public")
        .link("scripts", "cgi-bin");
    let server = serve(tree.path(), &["--tar", "--cgi"]);
    let body = get(&server, "/?tar").body;
    assert!(holds(&body, "public") && !holds(&body, "the secret") && !holds(&body, "cgi-bin/"));
    for target in [
        "/cgi-bin/?tar",
        "/cgi-bin/below/?tar",
        "/scripts/?tar",
        "/%63gi-bin/?tar",
    ] {
        let response = get(&server, target);
        assert!(!holds(&response.body, "the secret"), "{target}");
        assert_ne!(
            response.field("Content-Type"),
            Some("application/x-tar"),
            "{target}"
        );
    }
}

#[test]
fn lesson_23_devices_and_pipes_are_left_out_and_nothing_waits_for_them() {
    let tree = folder();
    tree.fifo("folder/fifo");
    std::os::unix::net::UnixListener::bind(tree.path().join("folder/socket")).expect("a socket");
    let server = serve(tree.path(), &["--tar"]);
    let response = get(&server, "/folder/?tar");
    assert_eq!(response.status(), 200);
    assert!(!holds(&response.body, "fifo") && !holds(&response.body, "socket"));
}

#[test]
fn lesson_23_a_truncated_archive_never_looks_whole() {
    // More than all the buffers on the way hold, so that the server cannot be done with it.
    const LARGE: u64 = 64 << 20;
    for change in ["shrink", "grow", "touch", "replace", "remove"] {
        let tree = Tree::new();
        tree.file("d/a", "").file("d/b", "content");
        let first = File::options().write(true).open(tree.path().join("d/a"));
        first
            .and_then(|file| file.set_len(LARGE))
            .expect("a sparse file");
        let server = serve(tree.path(), &["--tar"]);
        let mut connection = Connection::open(server.address());
        connection
            .send(b"GET /d/?tar HTTP/1.0\r\n\r\n")
            .expect("it is sent");
        let head = connection.read_until(|bytes| bytes.ends_with(b"\r\n\r\n"));
        let head = String::from_utf8_lossy(&head).into_owned();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("Content-Length: "))
            .and_then(|length| length.parse::<u64>().ok())
            .expect("a length");
        let path = tree.path().join("d/b");
        match change {
            "shrink" => fs::write(&path, "con"),
            "grow" => File::options()
                .append(true)
                .open(&path)
                .and_then(|mut file| file.write_all(b"more")),
            "touch" => {
                File::open(&path).and_then(|file| file.set_modified(std::time::SystemTime::now()))
            }
            "replace" => fs::write(path.with_extension("new"), "content")
                .and_then(|()| fs::rename(path.with_extension("new"), &path)),
            _ => fs::remove_file(&path),
        }
        .expect("it is changed");
        let answer = connection.read_to_end();
        assert!(answer.ending != Ending::TimedOut, "{change}");
        assert!((answer.bytes.len() as u64) < length, "{change}");
        assert!(!holds(&answer.bytes, "content"), "{change}");
    }
}

#[test]
fn lesson_23_a_large_archive_takes_no_memory() {
    const SIZE: u64 = 256 << 20;
    let tree = Tree::new();
    tree.file("d/large", "");
    let large = File::options()
        .write(true)
        .open(tree.path().join("d/large"));
    large
        .and_then(|file| file.set_len(SIZE))
        .expect("a sparse file");
    let server = serve(tree.path(), &["--tar"]);
    assert_eq!(get(&server, "/d/large").status(), 200);
    let before = peak_memory(&server);
    let response = get(&server, "/d/?tar");
    assert_eq!(response.body.len() as u64, SIZE + 512 * 4);
    let taken = peak_memory(&server) - before;
    assert!(taken < 4 << 20, "{taken} bytes");
}

#[test]
fn lesson_12_a_name_cannot_break_out_of_its_field() {
    let tree = Tree::new();
    let name = "a\"; x=\r\nX-Evil: 1";
    tree.file(&format!("{name}/f"), "content");
    let server = serve(tree.path(), &["--tar"]);
    let response = get(&server, "/a%22;%20x=%0D%0AX-Evil:%201/?tar");
    assert_eq!(response.status(), 200);
    assert_eq!(
        response.field("Content-Disposition"),
        Some(
            "attachment; filename=\"a_; x=__X-Evil: 1.tar\"; \
             filename*=UTF-8''a%22%3B%20x%3D%0D%0AX-Evil%3A%201.tar"
        )
    );
    assert_eq!(response.field("X-Evil"), None);
}

#[test]
fn directories_beyond_all_reason_are_refused_as_a_whole() {
    let tree = Tree::new();
    let deep = |depth: usize| vec!["d"; depth].join("/");
    tree.file(&format!("fine/{}/f", deep(128)), "content")
        .directory(&format!("deep/{}", deep(129)));
    let server = serve(tree.path(), &["--tar"]);
    assert_eq!(get(&server, "/fine/?tar").status(), 200);
    let refused = get(&server, "/deep/?tar");
    assert_eq!(
        refused.status_line,
        "HTTP/1.0 500 Directories are nested too deeply for an archive"
    );
}

#[test]
fn what_nobody_may_read_is_left_out_and_logged() {
    use std::os::unix::fs::PermissionsExt;
    let tree = folder();
    let path = |name: &str| tree.path().join("folder").join(name);
    for name in ["a.txt", "sub/deep"] {
        fs::set_permissions(path(name), fs::Permissions::from_mode(0o0))
            .expect("the mode can be set");
    }
    if !rustix::process::geteuid().is_root() {
        let server = serve(tree.path(), &["--tar"]);
        assert_eq!(get(&server, "/folder/?tar").status(), 200);
        server.wait_for_log(|lines| {
            let last = lines.last()?;
            let text = "the archive lacks 2 names that may not be read";
            last.ends_with(text.as_bytes()).then_some(())
        });
    }
    // So that it can be removed.
    fs::set_permissions(path("sub/deep"), fs::Permissions::from_mode(0o755)).expect("as it was");
}

#[test]
fn only_the_exact_query_of_a_directory_means_an_archive() {
    let tree = folder();
    tree.file("folder/index.html", "the index");
    let server = serve(tree.path(), &["--tar"]);
    let is_archive = |target: &str| {
        let response = get(&server, target);
        response.field("Content-Type") == Some("application/x-tar")
    };
    // An index page does not stand in its way.
    assert!(is_archive("/folder/?tar"));
    for target in [
        "/folder/?tar=1",
        "/folder/?Tar",
        "/folder/?x&tar",
        "/folder/a.txt?tar",
        "/folder/",
    ] {
        assert!(!is_archive(target), "{target}");
    }
    let redirect = get(&server, "/folder?tar");
    assert_eq!(redirect.status(), 301);
    assert_eq!(redirect.field("Location"), Some("/folder/?tar"));
    assert_eq!(get(&server, "/missing/?tar").status(), 404);
    let post = ask(&server, "POST /folder/?tar HTTP/1.0\r\n\r\n");
    assert_eq!(post.status(), 501);
    let inode = fs::metadata(tree.path()).expect("it is there").ino();
    assert!(inode > 0);
    let several = get_with(&server, "/folder/?tar", "Range: bytes=0-0\r\n");
    assert_eq!(several.body, b"f");
}
