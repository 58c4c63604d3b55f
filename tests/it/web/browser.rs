//! Pages in a browser: threads in wasm, an edited script, an application that routes by itself.

use super::serve;
use crate::support::webdriver::Browser;
use crate::support::{Running, Tree, not_run};
use serde_json::json;
use std::fs;
use std::process::{Command, Stdio};

/// Takes a memory `e.m` that is shared, and exports `f`, which adds one to its first word: atomically,
/// so that no addition of another thread is lost.
const ADD: [u8; 51] = [
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, // the header
    0x01, 0x04, 0x01, 0x60, 0x00, 0x00, // a type: () -> ()
    0x02, 0x09, 0x01, 0x01, 0x65, 0x01, 0x6d, 0x02, 0x03, 0x01,
    0x01, // import e.m, shared, 1 page
    0x03, 0x02, 0x01, 0x00, // a function
    0x07, 0x05, 0x01, 0x01, 0x66, 0x00, 0x00, // export f
    0x0a, 0x0d, 0x01, 0x0b, 0x00, // its code:
    0x41, 0x00, 0x41, 0x01, 0xfe, 0x1e, 0x02, 0x00, 0x1a, 0x0b, // i32.atomic.rmw.add
];

const WORKER: &str = "onmessage = async ({data: {module, memory}}) => {
    const instance = await WebAssembly.instantiate(module, {e: {m: memory}});
    for (let i = 0; i < 10000; i++) instance.exports.f();
    postMessage('done');
};";

/// Four threads add to one word.
const THREADS: &str = "
    if (!crossOriginIsolated) return 'not isolated';
    const memory = new WebAssembly.Memory({initial: 1, maximum: 1, shared: true});
    const module = await WebAssembly.compileStreaming(fetch('/add.wasm.gz'));
    const threads = Array.from({length: 4}, () => new Promise((resolve, reject) => {
        const worker = new Worker('/worker.js');
        worker.onmessage = event => resolve(event.data);
        worker.onerror = () => reject(new Error('the worker failed'));
        worker.postMessage({module, memory});
    }));
    await Promise.all(threads);
    return new Int32Array(memory.buffer)[0];
";

fn url(server: &Running, path: &str) -> String {
    format!("http://{}{path}", server.address())
}

fn gzip(content: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut gzip = Command::new("gzip")
        .arg("-c")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("gzip is everywhere");
    let mut input = gzip.stdin.take().expect("it is a pipe");
    input.write_all(content).expect("it is written");
    drop(input);
    gzip.wait_with_output().expect("it ends").stdout
}

#[test]
fn an_isolated_page_has_threads_that_share_memory() {
    let Some(browser) = Browser::start() else {
        return not_run("threads in a browser, for there is no Chromium with chromedriver");
    };
    let tree = Tree::new();
    tree.file("index.html", "<!doctype html><title>threads</title>")
        .file("add.wasm.gz", gzip(&ADD))
        .file("worker.js", WORKER);
    let flags = ["--isolate", "--precompressed", "-p", "HTTP/1.1"];
    let server = serve(&tree, &flags);
    browser.open(&url(&server, "/"));
    assert_eq!(browser.run(THREADS), json!(40_000));
    // From its cache, too.
    browser.open(&url(&server, "/"));
    assert_eq!(browser.run(THREADS), json!(40_000));
    let server = serve(&tree, &["--precompressed", "-p", "HTTP/1.1"]);
    browser.open(&url(&server, "/"));
    assert_eq!(browser.run(THREADS), json!("not isolated"));
}

#[test]
fn an_edited_script_is_taken_at_the_next_reload() {
    let Some(browser) = Browser::start() else {
        return not_run("reloads in a browser, for there is no Chromium with chromedriver");
    };
    let tree = Tree::new();
    tree.file("index.html", "<!doctype html><script src=app.js></script>")
        .file("app.js", "window.version = 1;")
        .settle();
    let server = serve(&tree, &["--cache", "no-cache", "-p", "HTTP/1.1"]);
    let version = || {
        browser.open(&url(&server, "/"));
        browser.run("return window.version")
    };
    let sent = |status: &str| {
        let end = format!("\"GET /app.js HTTP/1.1\" {status} -");
        let log = server.log();
        log.iter()
            .filter(|line| line.ends_with(end.as_bytes()))
            .count()
    };
    assert_eq!(version(), json!(1));
    assert_eq!((sent("200"), sent("304")), (1, 0));
    assert_eq!(version(), json!(1));
    assert_eq!((sent("200"), sent("304")), (1, 1));
    fs::write(tree.path().join("app.js"), "window.version = 2;").expect("it can be written");
    assert_eq!(version(), json!(2));
    assert_eq!((sent("200"), sent("304")), (2, 1));
}

/// An application that shows its path, and goes on without the server.
const APPLICATION: &str =
    "<!doctype html><title>app</title><script type=module src=/app.js></script>";
const ROUTER: &str =
    "const show = () => { document.body.textContent = 'at ' + location.pathname; };
window.go = path => { history.pushState({}, '', path); show(); };
window.onpopstate = show;
show();";

#[test]
fn an_application_is_there_at_each_of_its_paths() {
    let Some(browser) = Browser::start() else {
        return not_run("an application in a browser, for there is no Chromium with chromedriver");
    };
    let tree = Tree::new();
    tree.file("index.html", APPLICATION).file("app.js", ROUTER);
    let server = serve(&tree, &["--spa", "-p", "HTTP/1.1"]);
    for path in ["/", "/users/7", "/users/jane.doe/"] {
        browser.open(&url(&server, path));
        let text = browser.run("return document.body.textContent");
        assert_eq!(text, json!(format!("at {path}")));
    }
    let text = browser.run("go('/next'); return document.body.textContent");
    assert_eq!(text, json!("at /next"));
    browser.open(&url(&server, "/next"));
    let missing = "return [(await fetch('/missing.js')).status, (await fetch('/missing')).status]";
    assert_eq!(browser.run(missing), json!([404, 404]));
}
