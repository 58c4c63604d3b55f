//! Where links may lead (`--symlinks`), also while somebody exchanges them.

use crate::support::{Running, Tree, get};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const SECRET: &str = "the secret";

/// `www` is served and `private` is not; each has the same names in it.
fn tree() -> Tree {
    let tree = Tree::new();
    tree.file("private/file", SECRET)
        .file("private/index/index.html", SECRET)
        .file("private/names/the secret name", "")
        .file("www/file", "public")
        .file("www/dir/file", "public")
        .file("www/dir/names/public name", "")
        .directory("www/indexed")
        .directory("www/outside")
        .directory("www/links");
    tree
}

fn serve(tree: &Tree, symlinks: &str) -> Running {
    let directory = tree.path().join("www");
    Running::rhttp([
        "--symlinks".as_ref(),
        symlinks.as_ref(),
        "--directory".as_ref(),
        directory.as_os_str(),
    ])
}

#[test]
fn every_way_through_a_link_obeys_the_policy() {
    let tree = tree();
    tree.link("www/in", "file")
        .link("www/in-dir", "dir")
        .link("www/dir/up", "../file")
        .link("www/absolute", tree.path().join("www/file"))
        .link("www/out", "../private/file")
        .link("www/out-dir", "../private")
        .link("www/indexed/index.html", "../../private/file")
        .link("www/outside/index.html", "../file");
    // Target, and the status under `follow`, `inside` and `never`.
    let table = [
        ("/file", [200, 200, 200]),
        ("/dir/names/", [200, 200, 200]),
        ("/in", [200, 200, 404]),
        ("/in-dir", [301, 301, 404]),
        ("/in-dir/", [200, 200, 404]),
        ("/in-dir/file", [200, 200, 404]),
        ("/in-dir/up", [200, 200, 404]),
        ("/absolute", [200, 200, 404]),
        ("/out", [200, 404, 404]),
        ("/out-dir", [301, 404, 404]),
        ("/out-dir/", [200, 404, 404]),
        ("/out-dir/file", [200, 404, 404]),
        ("/out-dir/names/", [200, 404, 404]),
        // An index page that cannot be had is passed over, and the directory is listed.
        ("/indexed/", [200, 200, 200]),
        ("/outside/", [200, 200, 200]),
    ];
    for (column, symlinks) in ["follow", "inside", "never"].into_iter().enumerate() {
        let server = serve(&tree, symlinks);
        for (target, statuses) in table {
            let response = get(&server, target);
            assert_eq!(response.status(), statuses[column], "{target} {symlinks}");
            let leaked = String::from_utf8_lossy(&response.body).contains(SECRET);
            let leads_out =
                target.starts_with("/out-dir/") || target == "/out" || target == "/indexed/";
            let is_secret = column == 0 && leads_out && target != "/out-dir/";
            assert_eq!(leaked, is_secret, "{target} {symlinks}");
        }
    }
}

#[test]
fn a_listing_tells_nothing_of_what_lies_outside() {
    let tree = tree();
    tree.link("www/links/in", "../dir")
        .link("www/links/out", "../../private");
    for (symlinks, inside, outside) in [
        ("follow", "in/", "out/"),
        ("inside", "in/", "out"),
        ("never", "in", "out"),
    ] {
        let server = serve(&tree, symlinks);
        let page = String::from_utf8(get(&server, "/links/").body).expect("UTF-8");
        for line in [
            format!("<li><a href=\"{inside}\">in@</a></li>"),
            format!("<li><a href=\"{outside}\">out@</a></li>"),
        ] {
            assert!(page.contains(&line), "{symlinks}: {line} is not in {page}");
        }
    }
}

#[test]
fn a_directory_that_was_made_anew_is_served_again() {
    let tree = tree();
    let directory = tree.path().join("www");
    for symlinks in ["inside", "never"] {
        let server = serve(&tree, symlinks);
        assert_eq!(get(&server, "/file").status(), 200);
        fs::rename(&directory, tree.path().join("gone")).expect("it can be moved");
        assert_eq!(get(&server, "/file").status(), 404);
        fs::create_dir(&directory).expect("it can be made");
        fs::write(directory.join("file"), "new").expect("a file can be made");
        assert_eq!(get(&server, "/file").body, b"new");
        fs::remove_dir_all(&directory).expect("it can be removed");
        fs::rename(tree.path().join("gone"), &directory).expect("it can be moved");
    }
}

/// How long links are exchanged under the server.
const RACE: Duration = Duration::from_secs(10);

/// Everything that is exchanged or moved, again and again, while requests run.
const EXCHANGED: [(&str, &str); 4] = [
    // A directory and a link to one outside.
    ("www/a", "www/b"),
    // A file and a link to one outside.
    ("www/f", "www/g"),
    // An index page and a link to one outside.
    ("www/i/index.html", "www/i/other"),
    // A directory with a link up and in, and one outside, where up and in leads elsewhere.
    ("www/deep/x", "private/deep/x"),
];

const ASKED: [&str; 9] = [
    "/a/file",
    "/b/file",
    "/a/",
    "/b/names/",
    "/f",
    "/g",
    "/i/",
    "/deep/x/up",
    "/deep/x/up-dir/names/",
];

#[test]
fn links_that_are_exchanged_meanwhile_lead_nowhere_else() {
    let tree = tree();
    tree.file("www/a/file", "public")
        .file("www/a/names/public name", "")
        .link("www/b", "../private")
        .file("www/f", "public")
        .link("www/g", "../private/file")
        .file("www/i/index.html", "public")
        .link("www/i/other", "../../private/file")
        .directory("www/deep/x")
        .link("www/deep/x/up", "../../file")
        .link("www/deep/x/up-dir", "../../dir")
        .directory("private/deep/x")
        .file("private/deep/x/inner", "")
        .directory("private/dir")
        .link("private/dir/names", "../names")
        .link("private/deep/x/up", "../../file");
    let servers = ["inside", "never"].map(|symlinks| (symlinks, serve(&tree, symlinks)));
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                for (one, other) in EXCHANGED {
                    swap(&tree.path().join(one), &tree.path().join(other));
                }
            }
        });
        let clients: Vec<_> = servers
            .iter()
            .map(|(symlinks, server)| scope.spawn(|| ask(symlinks, server)))
            .collect();
        for client in clients {
            let answers = client.join();
            ended.store(true, Ordering::Relaxed);
            let [served, refused] = answers.expect("no secret was told");
            // Both states of the tree were met, or nothing was shown.
            assert!(
                served > 100 && refused > 100,
                "{served} served, {refused} refused"
            );
        }
    });
}

/// Asks for everything until the time is over, and counts what was served and what was not.
fn ask(symlinks: &str, server: &Running) -> [usize; 2] {
    let start = Instant::now();
    let mut answers = [0, 0];
    while start.elapsed() < RACE {
        for target in ASKED {
            let response = get(server, target);
            let text = String::from_utf8_lossy(&response.body);
            assert!(!text.contains(SECRET), "{symlinks} {target}: {text}");
            answers[usize::from(response.status() != 200)] += 1;
        }
    }
    answers
}

/// Exchanges two names at one stroke.
#[cfg(target_os = "linux")]
fn swap(one: &Path, other: &Path) {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).expect("they can be exchanged");
}

/// Exchanges two names in three strokes.
#[cfg(not(target_os = "linux"))]
fn swap(one: &Path, other: &Path) {
    let aside = other.with_extension("aside");
    for (from, to) in [(one, aside.as_path()), (other, one), (&aside, other)] {
        fs::rename(from, to).expect("it can be renamed");
    }
}
