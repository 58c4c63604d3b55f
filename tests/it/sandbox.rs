//! The process confined by the kernel (`--sandbox`).

use crate::support::{Running, Tree, get, not_run};
use rustix::process::Signal;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Output, Stdio};

/// What rhttp says where the kernel cannot do it.
const UNSUPPORTED: &str = "the kernel offers no Landlock";

/// Whether rhttp starts with a sandbox; where it does not, it must say why and not go without.
pub(crate) fn is_supported() -> bool {
    let mut process = Command::new(env!("CARGO_BIN_EXE_rhttp"))
        .args(["0", "--bind", "127.0.0.1", "--sandbox"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("rhttp can be run");
    let mut banner = String::new();
    let output = process.stdout.take().expect("standard output is a pipe");
    BufReader::new(output)
        .read_line(&mut banner)
        .expect("a banner or the end");
    if banner.is_empty() {
        let Output { status, stderr, .. } = process.wait_with_output().expect("it ends");
        let stderr = String::from_utf8_lossy(&stderr);
        assert!(stderr.contains(UNSUPPORTED), "{stderr}");
        assert_eq!(
            (status.code(), stderr.lines().count()),
            (Some(1), 1),
            "{stderr}"
        );
        not_run(&stderr);
        return false;
    }
    process
        .kill()
        .and_then(|()| process.wait())
        .expect("the process is ours");
    true
}

#[test]
fn nothing_outside_the_directory_can_be_read() {
    if !is_supported() {
        return;
    }
    let tree = Tree::new();
    tree.file("private/file", "the secret")
        .file("www/file", "public")
        .file("www/dir/index.html", "index")
        .directory("www/list")
        .directory("www/indexed")
        .link("www/in", "file")
        .link("www/out", "../private/file")
        .link("www/etc", "/etc/passwd")
        .link("www/proc", "/proc/self/environ")
        .link("www/outside", "../private")
        .link("www/indexed/index.html", "../../private/file");
    let directory = tree.path().join("www");
    let mut server = Running::rhttp([
        "--sandbox".as_ref(),
        "--directory".as_ref(),
        directory.as_os_str(),
    ]);
    for (target, status) in [
        ("/", 200),
        ("/file", 200),
        ("/dir", 301),
        ("/dir/", 200),
        ("/list/", 200),
        ("/in", 200),
        ("/out", 404),
        ("/etc", 404),
        ("/proc", 404),
        ("/outside/", 404),
        ("/outside/file", 404),
        ("/indexed/", 404),
    ] {
        let response = get(&server, target);
        assert_eq!(response.status(), status, "{target}");
        assert!(
            !String::from_utf8_lossy(&response.body).contains("the secret"),
            "{target}"
        );
    }
    let limits = fs::read_to_string(format!("/proc/{}/status", server.pid()));
    assert!(limits.expect("Linux tells it").contains("NoNewPrivs:\t1"));

    server.signal(Signal::TERM);
    assert!(server.wait().success());
    assert!(
        server
            .log()
            .iter()
            .all(|line| line.starts_with(b"127.0.0.1 - - ["))
    );
}
