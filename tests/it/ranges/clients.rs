//! Programs that people download with. Where one is not there, the test says so and passes.

use super::{Numbers, serve, wait_for};
use crate::support::{Running, Tree, not_run};
use std::fs;

use std::path::Path;
use std::process::{Command, Stdio};

/// Whether `program` can be run; if not, it is said.
fn has(program: &str) -> bool {
    let version = Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let found = version.is_ok_and(|status| status.success());
    if !found {
        not_run(&format!("there is no {program} here"));
    }
    found
}

/// Lets a client finish a download of which it has `have` bytes, and returns what it then has.
fn resume(server: &Running, client: &[&str], content: &[u8], have: usize) -> Vec<u8> {
    let directory = Tree::new();
    fs::write(directory.path().join("download"), &content[..have]).expect("it can be written");
    let url = format!("http://{}/download", server.address());
    run(client, &url, directory.path());
    fs::read(directory.path().join("download")).expect("it was downloaded")
}

fn run(client: &[&str], url: &str, directory: &Path) {
    let output = Command::new(client[0])
        .args(&client[1..])
        .arg(url)
        .current_dir(directory)
        .env_remove("http_proxy")
        .env("no_proxy", "*")
        .stdin(Stdio::null())
        .output()
        .expect("the client runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{client:?}: {}: {errors}",
        output.status
    );
}

/// Resumes at 20 offsets on each protocol, and sees in the log that it was no fresh start.
fn resumes_everywhere(client: &[&str]) {
    if !has(client[0]) {
        return;
    }
    let mut numbers = Numbers(86_809);
    let content = numbers.bytes(700_000);
    let tree = Tree::new();
    tree.file("download", &content);
    for protocol in ["HTTP/1.0", "HTTP/1.1"] {
        let server = serve(&tree, protocol);
        for _ in 0..20 {
            let have = 1 + numbers.below(content.len() - 1);
            assert!(
                resume(&server, client, &content, have) == content,
                "{client:?} at {have}"
            );
        }
        assert_eq!(wait_for(&server, 206, 20), 20, "{client:?}");
        // A download that is whole already: nothing to do, and nothing is broken.
        if client[0] == "wget" {
            assert!(resume(&server, client, &content, content.len()) == content);
        }
    }
}

#[test]
fn curl_resumes() {
    resumes_everywhere(&[
        "curl",
        "--silent",
        "--show-error",
        "--fail",
        "-C",
        "-",
        "-O",
    ]);
}

#[test]
fn wget_resumes() {
    resumes_everywhere(&["wget", "--quiet", "--tries=1", "-c"]);
}

#[test]
fn aria2_downloads_in_pieces_side_by_side() {
    if !has("aria2c") {
        return;
    }
    let content = Numbers(8).bytes(16 << 20);
    let tree = Tree::new();
    tree.file("download", &content);
    for protocol in ["HTTP/1.0", "HTTP/1.1"] {
        let server = serve(&tree, protocol);
        let directory = Tree::new();
        let client = [
            "aria2c",
            "--no-conf",
            "--quiet",
            "-x",
            "8",
            "-s",
            "8",
            "-k",
            "1M",
        ];
        let url = format!("http://{}/download", server.address());
        run(&client, &url, directory.path());
        let found = fs::read(directory.path().join("download")).expect("it was downloaded");
        assert!(found == content, "{protocol}");
        // More than one connection took part.
        wait_for(&server, 206, 2);
    }
}
