//! Moving files between two machines: folders as archives, uploads, and a server that ends by
//! itself.

mod archive;
mod archive_faults;

use crate::support::{AfterSending, Response, Running, Tree, exchange};
use std::ffi::OsStr;
use std::path::Path;

/// A server of `directory` with further arguments.
fn serve(directory: &Path, arguments: &[&str]) -> Running {
    let directory = [OsStr::new("--directory"), directory.as_os_str()];
    let arguments = arguments.iter().map(OsStr::new);
    Running::rhttp(directory.into_iter().chain(arguments))
}

/// Sends a request, and reads the answer to its end.
fn ask(server: &Running, request: impl AsRef<[u8]>) -> Response {
    let pieces = [request];
    let answer = exchange(server.address(), &pieces, AfterSending::StayOpen);
    Response::parse(&answer)
}

fn get_with(server: &Running, target: &str, fields: &str) -> Response {
    ask(server, format!("GET {target} HTTP/1.0\r\n{fields}\r\n"))
}

fn url(server: &Running, target: &str) -> String {
    format!("http://{}{target}", server.address())
}

/// A tree with something of each kind that an archive has in it.
fn folder() -> Tree {
    let tree = Tree::new();
    tree.file("folder/a.txt", "the first")
        .file("folder/sub/large", vec![b'x'; 300_000])
        .file("folder/sub/deep/b", "below")
        .file("folder/empty file", "")
        .script("folder/run.sh", "#!/bin/sh\n")
        .directory("folder/empty")
        .link("folder/link", "a.txt")
        .link("folder/sub/up", "../a.txt");
    tree
}
