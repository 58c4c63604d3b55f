//! Files and listings that one client has been sent, and what another gets when they have changed
//! since.

use crate::load::{ask, get, read_response, serve};
use crate::support::{AfterSending, Response, Running, Tree, exchange, not_run};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

/// What happens to a file that is served, and what it holds then; `None`: it is not there.
type Change = (&'static str, fn(&Path), Option<&'static str>);

const CHANGES: &[Change] = &[
    ("nothing", |_| (), Some("old")),
    (
        "it grows",
        |path| {
            let mut file = OpenOptions::new().append(true).open(path).expect("there");
            file.write_all(b"er").expect("it is written");
        },
        Some("older"),
    ),
    (
        "it shrinks",
        |path| {
            let file = OpenOptions::new().write(true).open(path).expect("there");
            file.set_len(1).expect("it is cut");
        },
        Some("o"),
    ),
    (
        "it is overwritten",
        |path| fs::write(path, "new").expect("it is written"),
        Some("new"),
    ),
    (
        "another takes its place, as long and as old",
        |path| {
            let modified = fs::metadata(path).and_then(|data| data.modified());
            let other = path.with_extension("other");
            fs::write(&other, "new").expect("it is written");
            let file = File::options().write(true).open(&other).expect("there");
            file.set_modified(modified.expect("it has a time"))
                .expect("it is ours");
            fs::rename(&other, path).expect("it is moved");
        },
        Some("new"),
    ),
    (
        "it is deleted",
        |path| fs::remove_file(path).expect("it was there"),
        None,
    ),
    (
        "it is made anew",
        |path| {
            fs::remove_file(path).expect("it was there");
            fs::write(path, "new").expect("it is written");
        },
        Some("new"),
    ),
    (
        "its directory is replaced",
        |path| {
            let directory = path.parent().expect("it is in one");
            fs::rename(directory, directory.with_extension("away")).expect("it is moved");
            fs::create_dir(directory).expect("it is away");
            fs::write(path, "new").expect("it is written");
        },
        Some("new"),
    ),
    (
        "a link takes its place",
        |path| {
            let other = path.with_extension("other");
            fs::write(&other, "new").expect("it is written");
            fs::remove_file(path).expect("it was there");
            symlink(&other, path).expect("a link");
        },
        Some("new"),
    ),
    (
        "a directory takes its place",
        |path| {
            fs::remove_file(path).expect("it was there");
            fs::create_dir(path).expect("a directory");
        },
        None,
    ),
];

#[test]
fn a_file_that_another_client_has_open_is_sent_as_it_is_now() {
    for file in ["d/file", "d/index.html"] {
        let target = &format!("/{file}");
        for (what, change, expected) in CHANGES {
            let tree = Tree::new();
            tree.file(file, "old");
            let server = serve(&tree, "-p HTTP/1.1");
            let mut holder = ask(server.address(), target);
            assert_eq!(read_response(&mut holder).body, b"old");
            change(&tree.path().join(file));
            for _ in 0..2 {
                let response = get(server.address(), target);
                match expected {
                    Some(content) => {
                        let body = String::from_utf8_lossy(&response.body);
                        assert_eq!(body, *content, "{target}: {what}");
                    }
                    None => assert_ne!(response.status(), 200, "{target}: {what}"),
                }
            }
        }
    }
}

type ChangeInDirectory = (&'static str, fn(&Path));

/// What happens in a directory that was listed.
const CHANGES_IN_DIRECTORY: &[ChangeInDirectory] = &[
    ("nothing", |_| ()),
    ("a file comes", |path| write(&path.join("new"), "")),
    ("a file goes", |path| {
        fs::remove_file(path.join("b.txt")).expect("it was there");
    }),
    ("a file is renamed", |path| {
        fs::rename(path.join("b.txt"), path.join("b.png")).expect("it is moved");
    }),
    ("two files change places", |path| {
        fs::rename(path.join("a"), path.join("c")).expect("it is moved");
        fs::rename(path.join("b.txt"), path.join("a")).expect("it is moved");
        fs::rename(path.join("c"), path.join("b.txt")).expect("it is moved");
    }),
    ("a file grows", |path| write(&path.join("a"), "longer")),
    ("a file is dated", |path| {
        let file = File::options().write(true).open(path.join("a"));
        let time = UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        file.and_then(|file| file.set_modified(time))
            .expect("it is ours");
    }),
    ("a file becomes a directory", |path| {
        fs::remove_file(path.join("a")).expect("it was there");
        fs::create_dir(path.join("a")).expect("a directory");
    }),
    ("a file becomes a link to one like it", |path| {
        fs::rename(path.join("a"), path.join("sub/a")).expect("it is moved");
        symlink("sub/a", path.join("a")).expect("a link");
    }),
    ("what a link leads to grows", |path| {
        write(&path.join("sub/target"), "longer");
    }),
    ("what a link leads to goes", |path| {
        fs::remove_file(path.join("sub/target")).expect("it was there");
    }),
    ("what a link should lead to comes", |path| {
        write(&path.join("sub/missing"), "here");
    }),
    ("an index page comes", |path| {
        write(&path.join("index.html"), "an index page");
    }),
    ("what is called like an index page becomes one", |path| {
        fs::remove_dir(path.join("index.htm")).expect("it is empty");
        write(&path.join("index.htm"), "an index page");
    }),
    ("another directory takes its place", |path| {
        fs::rename(path, path.with_extension("away")).expect("it is moved");
        fs::create_dir(path).expect("it is away");
        write(&path.join("a"), "old");
    }),
    ("it goes", |path| {
        fs::rename(path, path.with_extension("away")).expect("it is moved");
    }),
];

fn write(path: &Path, content: &str) {
    fs::write(path, content).expect("it is written");
}

/// Another server, which cannot have kept anything, would answer the same.
#[test]
fn a_directory_that_was_listed_is_listed_as_it_is_now() {
    for (target, accept) in [
        ("/d/", "text/html"),
        ("/d/?sort=size", "text/html"),
        ("/d/", "application/json"),
        ("/d/", "*/*"),
    ] {
        let ask = |server: &Running| {
            let request = format!("GET {target} HTTP/1.0\r\nAccept: {accept}\r\n\r\n");
            let answer = exchange(server.address(), &[request], AfterSending::StayOpen);
            let mut answer = Response::parse(&answer);
            answer
                .field_lines
                .retain(|line| !line.starts_with("Date: "));
            answer
        };
        for (what, change) in CHANGES_IN_DIRECTORY {
            let tree = Tree::new();
            tree.file("d/a", "old")
                .file("d/b.txt", "older")
                .directory("d/sub")
                .directory("d/index.htm")
                .file("d/sub/target", "old")
                .link("d/link", "sub/target")
                .link("d/broken", "sub/missing");
            let server = serve(&tree, "");
            let before = ask(&server);
            assert_eq!(ask(&server), before);
            change(&tree.path().join("d"));
            let now = ask(&server);
            assert_eq!(now, ask(&serve(&tree, "")), "{target} {accept}: {what}");
            assert_eq!(ask(&server), now, "{target} {accept}: {what}");
            // CPython's page shows names alone.
            if accept != "*/*" {
                assert_eq!(
                    now == before,
                    *what == "nothing",
                    "{target} {accept}: {what}"
                );
            }
        }
    }
}

#[test]
fn a_file_that_may_not_be_read_any_more_is_not_sent() {
    use std::os::unix::fs::PermissionsExt;
    let tree = Tree::new();
    tree.file("a", "hello");
    let set = |path: &str, mode| {
        fs::set_permissions(tree.path().join(path), fs::Permissions::from_mode(mode))
            .expect("it is ours");
    };
    set("", 0o755);
    let Some(server) = Running::of_ordinary_user(&tree) else {
        return not_run("a file that may not be read, for root may read all");
    };
    assert_eq!(get(server.address(), "/a").body, b"hello");
    set("a", 0o000);
    assert_eq!(get(server.address(), "/a").status(), 404);
}
