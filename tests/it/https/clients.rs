//! Real clients over TLS.

use super::Pair;
use crate::clients::{noise, run};
use crate::support::webdriver::Browser;
use crate::support::{Running, Tree, find_program, not_run};
use rhttp::http::Scheme;
use serde_json::json;
use std::fs;
use std::process::Command;

/// A tree with a file of 300,000 bytes, and its server.
fn serve(tree: &Tree, arguments: &str) -> (Running, String, String) {
    tree.file("file", noise(300_000));
    let pair = Pair::make(tree);
    let server = pair.serve(tree, arguments);
    let url = format!("https://localhost:{}", server.address().port());
    let certificate = pair.certificate.to_str().expect("it is text").to_owned();
    (server, url, certificate)
}

#[test]
fn curl_downloads_resumes_and_sends_to_a_script() {
    if find_program("curl").is_none() {
        return not_run("curl over TLS, for it is not there");
    }
    let tree = Tree::new();
    tree.script(
        "cgi-bin/echo",
        "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n%s %s\\n' \"$HTTPS\" \"$SERVER_PROTOCOL\"\ncat\n",
    );
    let (_server, url, certificate) = serve(&tree, "--cgi -p HTTP/1.1");
    let file = format!("{url}/file");
    let whole = noise(300_000);
    for version in ["1.2", "1.3"] {
        let tls = ["--tls-max", version, "--cacert", &certificate, "-sSf"];
        let got = run("curl", tree.path(), &[&tls[..], &[&file]].concat());
        assert!(got.stdout == whole, "TLS {version}");
        let got = run(
            "curl",
            tree.path(),
            &[&tls[..], &["-C", "1000", &file]].concat(),
        );
        assert!(got.stdout == whole[1000..], "TLS {version}");
        let script = format!("{url}/cgi-bin/echo");
        let post = [
            "-H",
            "Expect: 100-continue",
            "--data-binary",
            "@file",
            &script,
        ];
        let got = run("curl", tree.path(), &[&tls[..], &post].concat());
        assert!(
            got.stdout == [&b"on HTTP/1.1\n"[..], &whole].concat(),
            "TLS {version}"
        );
    }
    let plain = format!("{}/file", url.replace("https", "http"));
    let got = run(
        "curl",
        tree.path(),
        &["-sSfL", "--cacert", &certificate, &plain],
    );
    assert!(got.stdout == whole, "after the redirect");
}

#[test]
fn wget_and_python_download() {
    const PYTHON: &str = "\
import ssl, sys, urllib.request
context = ssl.create_default_context(cafile=sys.argv[2])
sys.stdout.buffer.write(urllib.request.urlopen(sys.argv[1], context=context).read())
";
    let tree = Tree::new();
    let (_server, url, certificate) = serve(&tree, "");
    let file = format!("{url}/file");
    let whole = noise(300_000);
    if find_program("wget").is_some() {
        let trust = format!("--ca-certificate={certificate}");
        let got = run("wget", tree.path(), &["-q", "-O", "-", &trust, &file]);
        assert!(got.stdout == whole, "wget");
    } else {
        not_run("wget over TLS, for it is not there");
    }
    if find_program("python3").is_some() {
        let got = run("python3", tree.path(), &["-c", PYTHON, &file, &certificate]);
        assert!(got.stdout == whole, "urllib");
    } else {
        not_run("Python's urllib over TLS, for there is no python3");
    }
}

#[test]
fn pip_and_requests_trust_the_certificate() {
    const REQUESTS: &str = "\
import sys
from pip._vendor import requests
session = requests.Session()
for _ in range(3):
    response = session.get(sys.argv[1], verify=sys.argv[2], timeout=20)
    response.raise_for_status()
print(len(response.content))
";
    let python = std::env::var("RHTTP_TESTS_PYTHON").unwrap_or_else(|_| "python3".into());
    let has_pip = Command::new(&python)
        .args(["-m", "pip", "--version"])
        .output();
    if !has_pip.is_ok_and(|output| output.status.success()) {
        return not_run("pip over TLS, for it is not there");
    }
    let tree = Tree::new();
    tree.directory("simple/nothing");
    tree.file("simple/nothing/nothing-1.0.tar.gz", package(&python));
    let (_server, url, certificate) = serve(&tree, "-p HTTP/1.1");
    let got = run(
        &python,
        tree.path(),
        &["-c", REQUESTS, &format!("{url}/file"), &certificate],
    );
    assert_eq!(String::from_utf8_lossy(&got.stdout).trim(), "300000");
    let index = format!("{url}/simple/");
    let arguments = [
        "-m",
        "pip",
        "download",
        "--isolated",
        "--no-cache-dir",
        "--no-deps",
        "--no-build-isolation",
        "--disable-pip-version-check",
        "--index-url",
        &index,
        "--cert",
        &certificate,
        "-d",
        "got",
        "nothing",
    ];
    run(&python, tree.path(), &arguments);
    let got = fs::read(tree.path().join("got/nothing-1.0.tar.gz")).expect("it was fetched");
    let sent =
        fs::read(tree.path().join("simple/nothing/nothing-1.0.tar.gz")).expect("it is there");
    assert!(got == sent, "other bytes");
}

/// A source package that says its own name and version, and builds without a network.
fn package(python: &str) -> Vec<u8> {
    const MAKE: &str = "\
import io, sys, tarfile
files = {
    'PKG-INFO': 'Metadata-Version: 2.1\\nName: nothing\\nVersion: 1.0\\n',
    'pyproject.toml': '[build-system]\\nrequires = []\\nbuild-backend = \"own\"\\nbackend-path = [\".\"]\\n',
    'own.py': '''
import os
def prepare_metadata_for_build_wheel(directory, settings=None):
    os.mkdir(directory + '/nothing-1.0.dist-info')
    with open(directory + '/nothing-1.0.dist-info/METADATA', 'w') as file:
        file.write('Metadata-Version: 2.1\\\\nName: nothing\\\\nVersion: 1.0\\\\n')
    return 'nothing-1.0.dist-info'
def build_wheel(*_):
    raise NotImplementedError
''',
}
with tarfile.open(fileobj=sys.stdout.buffer, mode='w|gz') as archive:
    for name, text in files.items():
        info = tarfile.TarInfo('nothing-1.0/' + name)
        info.size = len(text)
        archive.addfile(info, io.BytesIO(text.encode()))
";
    let made = Command::new(python)
        .args(["-c", MAKE])
        .output()
        .expect("it runs");
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    made.stdout
}

#[test]
fn openssl_agrees_and_old_versions_are_refused() {
    if find_program("openssl").is_none() {
        return not_run("openssl s_client, for it is not there");
    }
    let tree = Tree::new();
    let (server, _, certificate) = serve(&tree, "");
    let address = server.address().to_string();
    let connect = |more: &[&str]| {
        let output = Command::new("openssl")
            .args(["s_client", "-connect", &address, "-CAfile", &certificate])
            .args(more)
            .stdin(std::process::Stdio::null())
            .output()
            .expect("it runs");
        let text = [output.stdout, output.stderr].concat();
        (
            output.status.success(),
            String::from_utf8_lossy(&text).into_owned(),
        )
    };
    for (more, expected) in [
        (
            &["-tls1_3"][..],
            "New, TLSv1.3, Cipher is TLS_AES_256_GCM_SHA384",
        ),
        (
            &["-tls1_2"],
            "New, TLSv1.2, Cipher is ECDHE-ECDSA-AES256-GCM-SHA384",
        ),
        (&["-alpn", "h2,http/1.1"], "ALPN protocol: http/1.1"),
        (&["-alpn", "h2"], "No ALPN negotiated"),
        (&["-tls1_2"], "Verify return code: 0 (ok)"),
        (&["-tls1_2"], "Compression: NONE"),
        (&["-tls1_2"], "Secure Renegotiation IS supported"),
    ] {
        let (is_fine, text) = connect(more);
        assert!(is_fine && text.contains(expected), "{more:?}: {text}");
    }
    // What no client should be offered any more.
    for more in [
        &["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"][..],
        &["-tls1", "-cipher", "ALL:@SECLEVEL=0"],
        &["-tls1_2", "-cipher", "AES128-SHA"],
        &["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA"],
        &["-tls1_2", "-cipher", "aNULL:@SECLEVEL=0"],
    ] {
        let (is_fine, text) = connect(more);
        assert!(!is_fine, "{more:?}: {text}");
    }
}

#[test]
fn a_browser_takes_a_self_signed_origin_for_a_secure_context() {
    const REGISTER: &str = "
        const registration = await navigator.serviceWorker.register('/worker.js');
        await navigator.serviceWorker.ready;
        if (!navigator.serviceWorker.controller) {
            await new Promise(resolve => navigator.serviceWorker.oncontrollerchange = resolve);
        }
        return [isSecureContext, location.protocol, await (await fetch('/made-up')).text()];
    ";
    let tree = Tree::new();
    tree.file("index.html", "<!DOCTYPE html><title>page</title>").file(
        "worker.js",
        "self.onactivate = event => event.waitUntil(self.clients.claim());
         self.onfetch = event => {
             if (event.request.url.endsWith('/made-up')) event.respondWith(new Response('by the worker'));
         };",
    );
    let arguments = crate::load::arguments_for(&tree, "-p HTTP/1.1");
    let server = Running::rhttp_over(Scheme::Https, arguments);
    // The person has compared the fingerprint and said yes.
    let Some(browser) = Browser::start_with(&["--ignore-certificate-errors"]) else {
        return not_run("a page over TLS in a browser, for there is no Chromium with chromedriver");
    };
    browser.open(&format!("https://localhost:{}/", server.address().port()));
    let expected = json!([true, "https:", "by the worker"]);
    assert_eq!(browser.run(REGISTER), expected);
}
