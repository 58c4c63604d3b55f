//! Moving files between two machines: folders as archives, uploads, and a server that ends by
//! itself.

mod archive;
mod archive_faults;
mod ending;
mod pages;
mod upload;
mod upload_clients;
mod upload_faults;

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

/// The names in a directory, sorted.
fn names_in(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).expect("it can be read");
    let mut names: Vec<_> = entries
        .map(|entry| {
            let name = entry.expect("an entry").file_name();
            name.to_string_lossy().into_owned()
        })
        .collect();
    names.sort();
    names
}

/// What a file in a tree holds, if it is there.
fn content(tree: &Tree, path: &str) -> Option<String> {
    std::fs::read_to_string(tree.path().join(path)).ok()
}

/// Sends a file by PUT, with further fields.
fn put(server: &Running, target: &str, fields: &str, content: &str) -> Response {
    let length = content.len();
    let head = format!("PUT {target} HTTP/1.0\r\nContent-Length: {length}\r\n{fields}\r\n");
    ask(server, head + content)
}

/// The body of a form with these files, between boundaries `b`.
fn form_of(files: &[(&str, &str)]) -> String {
    let parts = files.iter().map(|(name, content)| {
        let head = "Content-Disposition: form-data; name=\"files\"; filename";
        format!("--b\r\n{head}=\"{name}\"\r\nContent-Type: text/plain\r\n\r\n{content}\r\n")
    });
    parts.collect::<String>() + "--b--\r\n"
}

/// Posts a form, with further fields.
fn post(server: &Running, target: &str, fields: &str, form: &str) -> Response {
    let length = form.len();
    let kind = "Content-Type: multipart/form-data; boundary=b";
    let head =
        format!("POST {target} HTTP/1.0\r\nContent-Length: {length}\r\n{kind}\r\n{fields}\r\n");
    ask(server, head + form)
}
