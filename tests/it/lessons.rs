//! What went wrong in other servers: a test for each line of the list that the project keeps of
//! such faults, under its number. What concerns features that rhttp lacks shows that they are not
//! there.

mod absent;
mod fields;
mod links;
mod names;
mod time;

use crate::support::{AfterSending, Response, Running, Tree, exchange};

fn serve(tree: &Tree, arguments: &[&str]) -> Running {
    let directory = tree.path().join("www");
    let directory = directory.to_str().expect("a temporary directory is UTF-8");
    Running::rhttp(["--directory", directory].iter().chain(arguments))
}

/// `www` is served, and what is beside it is not.
fn tree() -> Tree {
    let tree = Tree::new();
    tree.file("secret", "the secret")
        .file("www-private/file", "the secret")
        .file("www/file", "0123456789")
        .file("www/dir/file", "in dir");
    tree
}

fn raw(server: &Running, request: impl AsRef<[u8]>) -> Vec<u8> {
    exchange(server.address(), &[request], AfterSending::HalfClose)
}

fn ask(server: &Running, request: impl AsRef<[u8]>) -> Response {
    Response::parse(&raw(server, request))
}

fn get(server: &Running, target: &str) -> Response {
    ask(server, format!("GET {target} HTTP/1.0\r\n\r\n"))
}

fn text(response: &Response) -> String {
    String::from_utf8_lossy(&response.body).into_owned()
}
