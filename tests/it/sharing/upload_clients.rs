//! Uploads by the programs that people have.

use super::{content, names_in, serve, url};
use crate::support::webdriver::Browser;
use crate::support::{Tree, find_program, not_run};
use serde_json::json;
use std::path::PathBuf;
use std::process::Command;

#[test]
fn curl_wget_and_python_send_files() {
    let tree = Tree::new();
    tree.file("out/a b.txt", "content")
        .file("out/c", "more")
        .directory("in");
    let server = serve(tree.path(), &["--upload", "--protocol", "HTTP/1.1"]);
    let (file, other) = (tree.path().join("out/a b.txt"), tree.path().join("out/c"));
    let (file, other) = (file.display(), other.display());
    let script = "import sys, urllib.request\n\
                  request = urllib.request.Request(sys.argv[1], data=b'from python', method='PUT')\n\
                  assert urllib.request.urlopen(request).status == 201";
    let commands: [(&str, Vec<String>); 6] = [
        (
            "curl",
            vec!["-sfT".into(), other.to_string(), url(&server, "/in/")],
        ),
        (
            "curl",
            vec![
                "-sfT".into(),
                file.to_string(),
                url(&server, "/in/by%20curl"),
            ],
        ),
        (
            "curl",
            vec![
                "-sf".into(),
                "-F".into(),
                format!("files=@{file}"),
                "-F".into(),
                format!("files=@{other}"),
                url(&server, "/in/"),
            ],
        ),
        (
            "wget",
            vec![
                "-qO-".into(),
                "--method=PUT".into(),
                format!("--body-file={file}"),
                url(&server, "/in/by-wget"),
            ],
        ),
        (
            "python3",
            vec!["-c".into(), script.into(), url(&server, "/in/by-python")],
        ),
        // Its standard input has no length, so it comes in chunks.
        (
            "sh",
            vec![
                "-c".into(),
                format!("printf piped | curl -sfT - {}", url(&server, "/in/piped")),
            ],
        ),
    ];
    for (program, arguments) in commands {
        if find_program(program).is_none() {
            not_run(&format!("{program} is not there"));
            continue;
        }
        let output = Command::new(program)
            .args(&arguments)
            .output()
            .expect("it runs");
        assert!(
            output.status.success(),
            "{program} {arguments:?}: {output:?}"
        );
    }
    for (name, expected) in [
        ("c", "more"),
        ("by curl", "content"),
        ("a b.txt", "content"),
        ("c (1)", "more"),
        ("by-wget", "content"),
        ("by-python", "from python"),
        ("piped", "piped"),
    ] {
        assert_eq!(
            content(&tree, &format!("in/{name}")).as_deref(),
            Some(expected),
            "{name}"
        );
    }
    assert_eq!(names_in(&tree.path().join("in")).len(), 7);
}

#[test]
fn a_browser_without_scripts_sends_two_files_by_the_form_and_no_other_site_s_page_does() {
    let tree = Tree::new();
    tree.file("out/a \"b\".txt", "first")
        .file("out/\u{e9}", "second")
        .directory("in");
    let server = serve(tree.path(), &["--upload", "--protocol", "HTTP/1.1"]);
    let Some(browser) = Browser::start() else {
        return not_run("uploads in a browser, for there is no Chromium with chromedriver");
    };
    browser.disable_scripts(true);
    browser.open(&url(&server, "/in/?upload"));
    let files = ["out/a \"b\".txt", "out/\u{e9}"].map(|name| tree.path().join(name));
    browser.choose("input[type=file]", &files.each_ref().map(PathBuf::as_path));
    browser.click("button");
    // The answer leads back to the directory.
    browser.wait_for("location.pathname + location.search === '/in/'");
    browser.disable_scripts(false);
    // A quote goes encoded, and nobody can tell what it was.
    assert_eq!(content(&tree, "in/a %22b%22.txt").as_deref(), Some("first"));
    assert_eq!(content(&tree, "in/\u{e9}").as_deref(), Some("second"));

    // The same from a page of another origin: the other port.
    let other = serve(&tree.path().join("out"), &[]);
    browser.open(&url(&other, "/"));
    let script = format!(
        "const body = new FormData();\n\
         body.append('files', new File(['evil'], 'evil'));\n\
         await fetch('{}', {{method: 'POST', body, mode: 'no-cors'}});\n\
         return 'sent';",
        url(&server, "/in/")
    );
    assert_eq!(browser.run(&script), json!("sent"));
    server.wait_for_log(|lines| {
        let last = String::from_utf8_lossy(lines.last()?).into_owned();
        last.ends_with("\"POST /in/ HTTP/1.1\" 403 -").then_some(())
    });
    assert_eq!(names_in(&tree.path().join("in")).len(), 2);
}
