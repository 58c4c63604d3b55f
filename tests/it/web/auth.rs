//! `--auth-file`.

use super::{ask, body, field, head, serve, status};
use crate::load::eventually;
use crate::support::{AfterSending, Connection, Running, Tree, exchange};
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

/// `pass`.
const HASH: &str = "$2y$04$EIGWm1KsHIowBH9aSO2eaeMyspjcm1DGv1HLofzOZ4T27MKEzvkve";
/// The same, of the other kind.
const SHA_HASH: &str = "$6$rounds=1000$ab$ogitAVNxwr5P8ir8qXXHl/YJ1NmEXGfNP5RYqkcGKFUvOE5juZBskuRBytzvtlUsfdIjWBSSN7eM2Vmm7Bxdn.";
/// The same, with more work.
const SLOW_HASH: &str = "$6$saltsalt$KN.twvCyfwE67paW76hS2/bacYkY9PxIhxqYG9vL5bZmIwWBGDJ6mu4HlCosKUBfQwVXKXxXVXPcqdwd1Ip0X/";
/// `anna:pass`.
const ANNA: &str = "Authorization: Basic YW5uYTpwYXNz";

/// A file of passwords that others may not read.
fn passwords(tree: &Tree, text: &str) -> PathBuf {
    tree.file("passwords", text);
    let path = tree.path().join("passwords");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("the mode can be set");
    path
}

fn serve_with(tree: &Tree, text: &str, flags: &[&str]) -> (Running, Tree) {
    let elsewhere = Tree::new();
    let path = passwords(&elsewhere, text);
    let path = path.to_str().expect("a temporary path is text");
    let flags = [flags, &["--auth-file", path]].concat();
    (serve(tree, &flags), elsewhere)
}

#[test]
fn nothing_is_told_without_a_password() {
    let tree = Tree::new();
    tree.file("a.txt", "secret")
        .file("d/b", "")
        .script("cgi-bin/s", "#!/bin/sh\necho; echo ran\n")
        .settle();
    let text = format!("# staff\n\nanna:{HASH}\notto:{SHA_HASH}\n");
    let flags = ["--cgi", "--spa", "--clean-urls", "--not-found", "a.txt"];
    let flags = [&flags[..], &["--tar", "--upload", "--precompressed"]].concat();
    let (server, _file) = serve_with(&tree, &text, &flags);
    let refused = ask(&server, &["GET /a.txt"]);
    assert!(
        refused.starts_with(
            "HTTP/1.0 401 Unauthorized\r\nConnection: close\r\nContent-Type: text/html;charset=utf-8\r\n\
             Content-Length: 346\r\nX-Content-Type-Options: nosniff\r\n\
             Content-Security-Policy: script-src 'self'; object-src 'none'; base-uri 'none'\r\n\
             WWW-Authenticate: Basic realm=\"rhttp\", charset=\"UTF-8\"\r\n\r\n<!DOCTYPE HTML>\n"
        ),
        "{refused}"
    );
    for target in [
        "/",
        "/d",
        "/d/",
        "/missing",
        "/a.txt/",
        "/cgi-bin/s",
        "/cgi-bin/missing",
        "/d/?tar",
        "/d/?upload",
        "//elsewhere.example/..",
        "http://elsewhere.example/d",
        "/%00",
        "*",
    ] {
        // Without a head there is nothing but the page.
        let request = format!("GET {target}\r\n\r\n");
        let page = exchange(server.address(), &[request], AfterSending::StayOpen);
        assert_eq!(page, body(&refused).as_bytes(), "{target}");
        for lines in [
            &[format!("GET {target}")][..],
            &[format!("GET {target}"), "If-None-Match: *".into()],
            &[format!("GET {target}"), "Range: bytes=99-".into()],
            &[format!("GET {target}"), "Accept: text/html".into()],
            &[format!("GET {target}"), "Accept: application/json".into()],
            &[format!("GET {target}"), "Accept-Encoding: gzip".into()],
            // anna: and pass, wrong; anna:wrong; nobody:pass; not Base64; another scheme
            &[
                format!("GET {target}"),
                "Authorization: Basic YW5uYTo=".into(),
            ],
            &[
                format!("GET {target}"),
                "Authorization: Basic YW5uYTp3cm9uZw==".into(),
            ],
            &[
                format!("GET {target}"),
                "Authorization: Basic bm9ib2R5OnBhc3M=".into(),
            ],
            &[format!("GET {target}"), "Authorization: Basic $".into()],
            &[
                format!("GET {target}"),
                "Authorization: Bearer YW5uYTpwYXNz".into(),
            ],
        ] {
            let lines: Vec<_> = lines.iter().map(String::as_str).collect();
            assert_eq!(ask(&server, &lines), refused, "{lines:?}");
        }
    }
    for method in ["HEAD", "POST", "OPTIONS", "PUT", "DELETE", "TRACE", "BREW"] {
        for target in ["/cgi-bin/s", "/new.txt", "/d/?upload", "/d"] {
            let answer = ask(
                &server,
                &[&format!("{method} {target}"), "Content-Length: 0"],
            );
            assert_eq!(head(&answer), head(&refused), "{method} {target}");
        }
    }
    assert!(!tree.path().join("new.txt").exists());
    let two = ask(&server, &["GET /a.txt", ANNA, ANNA]);
    assert_eq!(status(&two), "400");
    for line in [
        ANNA,
        "authorization:   bAsIc   YW5uYTpwYXNz",
        "Authorization: Basic b3R0bzpwYXNz",
    ] {
        assert_eq!(
            body(&ask(&server, &["GET /a.txt", line])),
            "secret",
            "{line}"
        );
    }
    for (request, code) in [("/d", "301"), ("/missing", "404"), ("/d/", "200")] {
        let answer = ask(&server, &[&format!("GET {request}"), ANNA]);
        assert_eq!(status(&answer), code);
    }
}

#[test]
fn a_refused_client_is_not_told_to_send_its_body() {
    let tree = Tree::new();
    tree.script("cgi-bin/s", "#!/bin/sh\necho; cat\n");
    let (server, _file) = serve_with(&tree, &format!("anna:{HASH}"), &["--cgi", "-p", "HTTP/1.1"]);
    let mut client = Connection::open(server.address());
    client
        .send(
            b"POST /cgi-bin/s HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n",
        )
        .expect("it is sent");
    let start = client.read_until(|bytes| bytes.ends_with(b"\r\n"));
    assert_eq!(start, b"HTTP/1.1 401 Unauthorized\r\n");
}

#[test]
fn scripts_know_who_asks_but_not_the_password() {
    let tree = Tree::new();
    tree.script(
        "cgi-bin/s",
        "#!/bin/sh\necho; echo \"$AUTH_TYPE $REMOTE_USER\"; env | grep -ci 'YW5uYTpwYXNz\\|pass$'\n",
    );
    let (server, _file) = serve_with(&tree, &format!("anna:{HASH}"), &["--cgi"]);
    assert_eq!(
        body(&ask(&server, &["GET /cgi-bin/s", ANNA])),
        "Basic anna\n0\n"
    );
}

#[test]
fn a_preflight_comes_without_a_password_and_readers_of_a_listed_origin_send_theirs() {
    let tree = Tree::new();
    tree.file("a.txt", "secret");
    let text = format!("anna:{HASH}");
    let origin = "Origin: https://a.example";
    let preflight = [
        "OPTIONS /a.txt",
        origin,
        "Access-Control-Request-Method: GET",
        "Access-Control-Request-Headers: authorization",
    ];
    for (flag, credentials) in [("--cors=https://a.example", Some("true")), ("--cors", None)] {
        let (server, _file) = serve_with(&tree, &text, &[flag]);
        let answer = ask(&server, &preflight);
        assert_eq!(status(&answer), "204", "{answer}");
        // It is the same whatever is there.
        for target in ["/missing", "/", "/%00"] {
            let mut elsewhere = preflight;
            let line = format!("OPTIONS {target}");
            elsewhere[0] = &line;
            assert_eq!(ask(&server, &elsewhere), answer, "{target}");
        }
        let name = "Access-Control-Allow-Credentials";
        assert_eq!(field(&answer, name), credentials, "{answer}");
        let allowed = field(&answer, "Access-Control-Allow-Headers");
        assert_eq!(allowed, Some("authorization"));
        for (lines, code) in [
            (&["GET /a.txt", origin][..], "401"),
            (&["GET /a.txt", origin, ANNA], "200"),
            (&["OPTIONS /a.txt", origin], "401"),
        ] {
            let answer = ask(&server, lines);
            assert_eq!(status(&answer), code, "{answer}");
            assert!(
                field(&answer, "Access-Control-Allow-Origin").is_some(),
                "{answer}"
            );
            assert_eq!(field(&answer, name), credentials, "{answer}");
        }
    }
}

#[test]
fn a_file_that_cannot_be_taken_is_an_error_at_start() {
    let tree = Tree::new();
    let run = |flags: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rhttp"));
        command.args(["0", "-b", "127.0.0.1"]).args(flags);
        let output = command.output().expect("rhttp can be run");
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert!(output.stdout.is_empty());
        stderr
    };
    let elsewhere = Tree::new();
    let path = passwords(&elsewhere, &format!("anna:{HASH}\notto:secret\n"));
    let path_text = path.to_str().expect("a temporary path is text");
    let directory = tree.path().to_str().expect("a temporary path is text");
    let flags = ["-d", directory, "--auth-file", path_text];
    let told = run(&flags);
    assert!(
        told.contains(path_text) && told.contains("line 2: no hash"),
        "{told}"
    );
    assert!(!told.contains("secret"), "{told}");
    fs::write(&path, format!("anna:{HASH}\n")).expect("it can be written");
    for mode in [0o604, 0o666, 0o602] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("it can be set");
        let told = run(&flags);
        assert!(
            told.contains("others may read or write it"),
            "{mode:o}: {told}"
        );
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("it can be set");
    let parent = elsewhere.path().to_str().expect("a temporary path is text");
    let told = run(&["-d", parent, "--auth-file", path_text]);
    assert!(
        told.contains("it lies in the directory that is served"),
        "{told}"
    );
    let told = run(&["-d", directory, "--auth-file", "/nowhere/at/all"]);
    assert!(
        told.contains("cannot take passwords from /nowhere/at/all"),
        "{told}"
    );
}

/// Puts another file in the place of the passwords.
fn replace(path: &Path, text: &str, mode: u32) {
    let other = path.with_extension("new");
    fs::write(&other, text).expect("it can be written");
    fs::set_permissions(&other, fs::Permissions::from_mode(mode)).expect("it can be set");
    fs::rename(&other, path).expect("it can be renamed");
}

fn passwords_change(flags: &[&str]) {
    let tree = Tree::new();
    tree.file("a.txt", "secret");
    let (server, elsewhere) = serve_with(&tree, &format!("anna:{HASH}\n"), flags);
    let path = elsewhere.path().join("passwords");
    let status_of = |line: &str| status(&ask(&server, &["GET /a.txt", line])).to_owned();
    let becomes = |line: &str, code: &str| eventually(code, || status_of(line) == code);
    // otto:pass, anna:other
    let otto = "Authorization: Basic b3R0bzpwYXNz";
    let other = "Authorization: Basic YW5uYTpvdGhlcg==";
    let other_hash = bcrypt::hash("other", 4).expect("it can be hashed");
    let complaints = || {
        let log = server.log();
        let log = log
            .iter()
            .map(|line| String::from_utf8_lossy(line).into_owned());
        log.filter(|line| line.contains("cannot take passwords from "))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        (status_of(ANNA), status_of(otto)),
        ("200".into(), "401".into())
    );
    // A user more, and another password for one whose old one is remembered.
    let file = fs::File::options().append(true).open(&path);
    let line = format!("otto:{HASH}\n");
    file.and_then(|mut file| file.write_all(line.as_bytes()))
        .expect("it can be written");
    becomes(otto, "200");
    assert_eq!(status_of(ANNA), "200");
    replace(&path, &format!("anna:{other_hash}\notto:{HASH}\n"), 0o640);
    becomes(ANNA, "401");
    assert_eq!(status_of(other), "200");
    // A user less.
    replace(&path, &format!("anna:{other_hash}\n"), 0o640);
    becomes(otto, "401");
    assert_eq!(status_of(other), "200");
    assert_eq!(complaints(), [""; 0]);
    // What cannot be used changes nothing, and is logged once.
    for (number, (text, mode, why)) in (1..).zip([
        (
            "anna:secret\n".to_owned(),
            0o600,
            "line 1: no hash of bcrypt",
        ),
        (String::new(), 0o640, "there is no user in it"),
        (
            format!("anna:{HASH}\n"),
            0o644,
            "others may read or write it",
        ),
    ]) {
        replace(&path, &text, mode);
        eventually(why, || {
            assert_eq!(status_of(other), "200");
            complaints().len() == number
        });
        let complaint = complaints().pop().expect("there is one");
        assert!(complaint.contains(why), "{complaint}");
        assert!(complaint.contains("passwords: "), "{complaint}");
        assert!(!complaint.contains("secret"), "{complaint}");
    }
    fs::remove_file(&path).expect("it is there");
    eventually("a complaint", || {
        assert_eq!(status_of(other), "200");
        complaints().len() == 4
    });
    replace(&path, &format!("otto:{HASH}\n"), 0o640);
    becomes(otto, "200");
    assert_eq!(
        (status_of(ANNA), status_of(other)),
        ("401".into(), "401".into())
    );
    assert_eq!(complaints().len(), 4);
}

#[test]
fn passwords_are_taken_from_the_file_when_it_changes() {
    passwords_change(&[]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_confined_server_takes_new_passwords() {
    if crate::sandbox::is_supported() {
        passwords_change(&["--sandbox"]);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn confined_scripts_cannot_read_the_passwords() {
    if !crate::sandbox::is_supported() {
        return;
    }
    let elsewhere = Tree::new();
    let path = passwords(&elsewhere, &format!("anna:{HASH}\n"));
    let tree = Tree::new();
    let script = format!("#!/bin/sh\necho; cat '{}' 2>&1\n", path.display());
    tree.script("cgi-bin/s", script);
    let path_text = path.to_str().expect("a temporary path is text");
    let server = serve(&tree, &["--cgi", "--sandbox", "--auth-file", path_text]);
    let read = || {
        let answer = ask(&server, &["GET /cgi-bin/s", ANNA]);
        assert!(!answer.contains(HASH), "{answer}");
        body(&answer).contains("Permission denied")
    };
    assert!(read());
    // The server can read the file that it has open, which is how htpasswd changes it.
    let otto = "Authorization: Basic b3R0bzpwYXNz";
    let status_of = |line: &str| status(&ask(&server, &["GET /", line])).to_owned();
    assert_eq!(status_of(otto), "401");
    fs::write(&path, format!("anna:{HASH}\notto:{HASH}\n")).expect("it can be written");
    eventually("another user", || status_of(otto) == "200");
    assert!(read());
    // It cannot read another one in its place, and says so.
    replace(&path, &format!("otto:{HASH}\n"), 0o640);
    eventually("a complaint", || {
        assert!(read());
        let log = server.log().concat();
        String::from_utf8_lossy(&log).contains("cannot take passwords from ")
    });
}

#[test]
fn an_open_network_is_warned_of_once() {
    let tree = Tree::new();
    let elsewhere = Tree::new();
    let path = passwords(&elsewhere, &format!("anna:{HASH}"));
    let start = |address: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rhttp"));
        command
            .args(["0", "--isolate", "-b", address, "-d"])
            .arg(tree.path());
        command.arg("--auth-file").arg(&path);
        Running::start(command)
    };
    let server = start("0.0.0.0");
    let log = server.wait_for_log(|lines| lines.get(..2).map(<[_]>::to_vec));
    assert!(log[0].starts_with(b"rhttp: passwords travel readable: "));
    assert!(log[1].starts_with(b"rhttp: without TLS, browsers isolate only pages of localhost: "));
    let server = start("127.0.0.1");
    assert_eq!(status(&ask(&server, &["GET /"])), "401");
    let log = server.wait_for_log(|lines| (lines.len() >= 2).then(|| lines.to_vec()));
    assert!(
        log[0].ends_with(b"code 401, message Unauthorized"),
        "{log:?}"
    );
}

/// How long an answer takes must not tell who is known. The hash is far from cheap, so the difference
/// would be large.
#[test]
fn an_unknown_user_costs_what_a_wrong_password_costs() {
    let tree = Tree::new();
    tree.file("a.txt", "");
    let slow = SLOW_HASH.to_owned();
    let (server, _file) = serve_with(&tree, &format!("anna:{slow}"), &[]);
    let took = |line: &str| {
        let start = Instant::now();
        ask(&server, &["GET /a.txt", line]);
        start.elapsed()
    };
    took(ANNA);
    // A wrong password, an unknown user; nothing to compute for what is not a password, or was right
    // before.
    let lines = [
        "Authorization: Basic YW5uYTp3cm9uZw==",
        "Authorization: Basic bm9ib2R5OnBhc3M=",
        "Authorization: Basic YW5uYQ==",
        ANNA,
    ];
    // The machine may do other things meanwhile, which takes time: the least counts.
    let mut least = [Duration::MAX; 4];
    let is_so = |[wrong, unknown, none, right]: [Duration; 4]| {
        let alike = unknown * 3 > wrong * 2 && wrong * 3 > unknown * 2;
        alike && none * 2 < wrong && right * 2 < wrong
    };
    let mut rounds = 0;
    while rounds < 3 || !is_so(least) {
        assert!(rounds < 30, "{least:?}");
        rounds += 1;
        for (line, least) in lines.iter().zip(&mut least) {
            *least = took(line).min(*least);
        }
    }
}

#[test]
fn who_guesses_passwords_does_not_keep_others_from_their_files() {
    let tree = Tree::new();
    tree.file("a.txt", "secret");
    let (server, _file) = serve_with(&tree, &format!("anna:{SHA_HASH}"), &[]);
    assert_eq!(body(&ask(&server, &["GET /a.txt", ANNA])), "secret");
    let guesses: Vec<_> = (0..20)
        .map(|_| {
            let mut client = Connection::open(server.address());
            let request = b"GET / HTTP/1.0\r\nAuthorization: Basic YW5uYTp3cm9uZw==\r\n\r\n";
            client.send(request).expect("it is sent");
            client
        })
        .collect();
    assert_eq!(body(&ask(&server, &["GET /a.txt", ANNA])), "secret");
    let answered = guesses.into_iter().map(|mut client| {
        thread::spawn(move || client.read_to_end().bytes.starts_with(b"HTTP/1.0 401 "))
    });
    for answered in answered.collect::<Vec<_>>() {
        assert!(answered.join().expect("it does not panic"));
    }
    eventually("the log", || server.log().len() >= 42);
}
