//! Trees with scripts in them, and servers that run these.

use crate::support::{AfterSending, Response, Running, Tree, exchange};
use serde::Deserialize;
use std::collections::HashMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// A line of `tests/parity/cgi_tree.json`.
#[derive(Debug, Deserialize)]
struct Entry {
    path: String,
    kind: String,
    content: Option<String>,
    copy: Option<String>,
    target: Option<String>,
}

/// An empty directory that everybody may enter: as root, scripts run as somebody else.
pub(super) fn tree() -> Tree {
    let tree = Tree::new();
    open_to_all(tree.path());
    tree
}

pub(super) fn open_to_all(path: &Path) {
    fs::set_permissions(path, Permissions::from_mode(0o755)).expect("the mode can be set");
}

/// A directory with one shell script, `/cgi-bin/script`.
pub(super) fn with_script(content: &str) -> Tree {
    let tree = tree();
    tree.script("cgi-bin/script", format!("#!/bin/sh\n{content}\n"));
    tree
}

/// The scripts that the rows were recorded with.
pub(super) fn recorded() -> Tree {
    let entries: Vec<Entry> = serde_json::from_str(include_str!("../../parity/cgi_tree.json"))
        .expect("cgi_tree.json is well-formed");
    let contents: HashMap<_, _> = entries
        .iter()
        .map(|entry| (&entry.path, &entry.content))
        .collect();
    let tree = tree();
    for entry in &entries {
        let content = contents[entry.copy.as_ref().unwrap_or(&entry.path)];
        let content = content.as_deref().unwrap_or_default();
        match entry.kind.as_str() {
            "dir" => tree.directory(&entry.path),
            "script" => tree.script(&entry.path, content),
            "file" => tree.file(&entry.path, content),
            "fifo" => tree.fifo(&entry.path),
            "symlink" => tree.link(&entry.path, entry.target.as_ref().expect("a link leads on")),
            other => panic!("no kind of entry: {other}"),
        };
    }
    tree
}

/// rhttp with `--cgi` and further arguments.
pub(super) fn serve(tree: &Tree, protocol: &str) -> Running {
    Running::start(usual(&rhttp(tree, protocol)))
}

pub(super) fn rhttp(tree: &Tree, protocol: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rhttp"));
    command.args(["0", "--cgi", "--bind", "127.0.0.1", "--protocol", protocol]);
    command.arg("--directory").arg(tree.path());
    command
}

/// The same command with what scripts inherit from a server as the rows were recorded with it.
pub(super) fn usual(command: &Command) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", "umask 022; exec \"$@\"", "sh"]);
    shell.arg(command.get_program()).args(command.get_args());
    shell.env("RHTTP_TEST_OWN", "the server's own");
    shell
}

/// A GET of `/cgi-bin/script`, on a connection of its own.
pub(super) fn get(server: &Running) -> Response {
    ask(server, "GET /cgi-bin/script HTTP/1.1\r\n\r\n")
}

/// One request on a connection of its own.
pub(super) fn ask(server: &Running, request: &str) -> Response {
    let answer = exchange(server, &[request], AfterSending::HalfClose);
    Response::parse(&answer)
}

/// The content of a response whose transfer coding is undone, if it has one.
pub(super) fn content(response: &Response) -> Vec<u8> {
    match response.field("Transfer-Encoding") {
        Some("chunked") => unchunk(&response.body).expect("the chunks are whole"),
        _ => response.body.clone(),
    }
}

/// The content of chunks, if they come to their end.
pub(super) fn unchunk(mut chunks: &[u8]) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    loop {
        let end = chunks.windows(2).position(|two| two == b"\r\n")?;
        let size = usize::from_str_radix(str::from_utf8(&chunks[..end]).ok()?, 16).ok()?;
        let chunk = chunks.get(end + 2..end + 2 + size)?;
        content.extend_from_slice(chunk);
        chunks = chunks[end + 2 + size..].strip_prefix(b"\r\n")?;
        if size == 0 {
            return chunks.is_empty().then_some(content);
        }
    }
}

/// A small program, compiled once for all tests: what its first argument says.
pub(super) fn compiled() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let program = directory.join("cgi-program");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/cgi/program.rs");
        let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let mut command = Command::new(rustc);
        command.args(["--edition", "2024", "-O", "-o"]);
        let status = command.arg(&program).arg(source).status();
        assert!(status.expect("rustc can be run").success(), "{command:?}");
        program
    })
}

/// Adds the compiled program as `/cgi-bin/program`.
pub(super) fn add_program(tree: &Tree) {
    let content = fs::read(compiled()).expect("the program can be read");
    tree.script("cgi-bin/program", content);
}

/// Whether the tests run as root, so that scripts do not.
pub(super) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[test]
fn chunks_are_put_together() {
    assert_eq!(
        unchunk(b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"),
        Some(b"abc".to_vec())
    );
    assert_eq!(unchunk(b"2\r\nab\r\n"), None);
    assert_eq!(unchunk(b"2\r\nab\r\n0\r\n\r\nHTTP"), None);
}
