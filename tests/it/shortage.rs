//! What a server answers that may open nothing more, at every number of descriptors: 503, or the
//! right thing, and never a page that only looks right.

use crate::load::{arguments_for, connect, descriptors, read_response, send, settle};
use crate::support::{Running, Tree};
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use std::process::Command;

/// More descriptors than a request takes, together with those that the threads have who wait for
/// connections.
const ENOUGH: usize = 24;

/// rhttp with the standard descriptors and its own, and no others: one with a high number that it was
/// started with would leave a lower one free where none is meant to be.
fn serve(tree: &Tree, arguments: &str) -> Running {
    const CLOSE: &str = "for open in /proc/self/fd/*; do number=${open##*/}; \
        if [ \"$number\" -gt 2 ]; then eval \"exec $number>&-\"; fi; done; exec \"$@\"";
    let mut command = Command::new("bash");
    command.args([
        "-c",
        CLOSE,
        "bash",
        env!("CARGO_BIN_EXE_rhttp"),
        "0",
        "--bind",
        "127.0.0.1",
    ]);
    command.args(arguments_for(tree, arguments));
    Running::start(command)
}

/// Lets a server have `number` descriptors and no more.
fn allow_descriptors(server: &Running, number: usize) {
    let id = i32::try_from(server.pid()).ok().and_then(Pid::from_raw);
    let current = Some(number as u64);
    let limit = Rlimit {
        current,
        maximum: Some(1024),
    };
    prlimit(id, Resource::Nofile, limit).expect("the limit can be set");
}

/// Asks for `target` with ever fewer descriptors to spare; tells how often it was answered as
/// with enough of them. All other answers must be 503.
fn ask_in_shortage(server: &Running, target: &str) -> usize {
    let ask = |spare: Option<usize>| {
        allow_descriptors(server, 1024);
        let mut client = connect(server.address());
        send(&mut client, "/a");
        assert_eq!(read_response(&mut client).body, b"hello");
        settle(server);
        if let Some(spare) = spare {
            // Descriptors that are still closing would be spare ones too.
            allow_descriptors(server, descriptors(server) + spare);
        }
        send(&mut client, target);
        let response = read_response(&mut client);
        (response.status(), response.body)
    };
    let expected = ask(None);
    assert_ne!(expected.0, 503);
    let mut as_expected = 0;
    for spare in (0..ENOUGH).rev() {
        let answer = ask(Some(spare));
        if answer == expected {
            as_expected += 1;
        } else {
            let shown = String::from_utf8_lossy(&answer.1);
            assert_eq!(answer.0, 503, "{spare} spare: {shown}");
        }
    }
    as_expected
}

fn tree() -> Tree {
    let tree = Tree::new();
    tree.file("a", "hello");
    tree.file("indexed/index.htm", "the index page");
    tree.file("listed/to-directory/file", "");
    tree.link("listed/link-to-directory", "to-directory");
    tree.link("listed/link-to-file", "../a");
    tree
}

#[test]
fn a_directory_is_answered_for_whole_or_not_at_all() {
    let tree = tree();
    for symlinks in ["follow", "inside", "never"] {
        let server = serve(&tree, &format!("-p HTTP/1.1 --symlinks {symlinks}"));
        // Whether a file is there can be seen without a descriptor, where links are followed.
        let missing = (symlinks != "follow").then_some("/missing");
        let targets = ["/indexed/", "/listed/", "/listed/to-directory/"];
        for target in targets.into_iter().chain(missing) {
            let answered = ask_in_shortage(&server, target);
            // What is kept open takes no descriptor, and is closed where one is needed.
            let most = if symlinks == "follow" {
                ENOUGH
            } else {
                ENOUGH - 1
            };
            assert!(
                (1..=most).contains(&answered),
                "{symlinks} {target}: {answered}"
            );
        }
    }
}

#[test]
fn a_script_that_cannot_be_looked_for_is_not_missing() {
    let tree = tree();
    let server = serve(&tree, "-p HTTP/1.1 --cgi --symlinks inside");
    let answered = ask_in_shortage(&server, "/cgi-bin/missing");
    assert!((1..ENOUGH).contains(&answered), "{answered}");
}
