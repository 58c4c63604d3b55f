//! Files that one client has been sent, and what another gets when they have changed since.

use crate::load::{ask, get, read_response, serve};
use crate::support::{Running, Tree, not_run};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;

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
            std::os::unix::fs::symlink(&other, path).expect("a link");
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
