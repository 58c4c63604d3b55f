//! Which certificates and keys are taken, and what is said of those that are not.

use super::{Pair, certificate};
use crate::load::eventually;
use crate::support::{Running, Tree, find_program, get, not_run};
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Runs rhttp in a directory until it ends by itself.
fn run(directory: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_rhttp"))
        .args(["--bind", "127.0.0.1"])
        .args(arguments)
        .current_dir(directory)
        .stdin(Stdio::null())
        .output()
        .expect("it runs")
}

/// The last line of what a run said on standard error.
fn complaint(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    text.lines().last().unwrap_or_default().to_owned()
}

#[test]
fn flags_that_do_not_go_together_are_told_as_in_cpython() {
    let tree = Tree::new();
    tree.file("binary", b"\xff".as_slice());
    Pair::make(&tree);
    for (arguments, message, status) in [
        (
            &["--tls-key", "key.pem"][..],
            "rhttp: error: --tls-key requires --tls-cert to be set",
            2,
        ),
        (
            &["--tls-password-file", "no"],
            "rhttp: error: --tls-password-file requires --tls-cert to be set",
            2,
        ),
        (
            &["--tls-cert", "", "--tls-key", "key.pem"],
            "rhttp: error: --tls-key requires --tls-cert to be set",
            2,
        ),
        (
            &[
                "--tls-cert",
                "cert.pem",
                "--tls-password-file",
                "it's not there",
            ],
            "rhttp: error: Failed to read TLS password file: [Errno 2] No such file or directory: \
             \"it's not there\"",
            2,
        ),
        (
            &[
                "--tls-cert",
                "cert.pem",
                "--tls-key",
                "key.pem",
                "--tls-password-file",
                "binary",
            ],
            "rhttp: the password in binary is not UTF-8",
            1,
        ),
    ] {
        let output = run(tree.path(), arguments);
        assert_eq!(complaint(&output), message);
        assert_eq!(output.status.code(), Some(status), "{message}");
        assert_eq!(output.stdout, b"");
        let usage = String::from_utf8_lossy(&output.stderr).starts_with("Usage: rhttp [-h]");
        assert_eq!(usage, status == 2, "{message}");
    }
    let both = ["--tls-self-signed", "--tls-cert", "cert.pem"];
    assert_eq!(run(tree.path(), &both).status.code(), Some(2));
}

#[test]
fn a_pair_that_cannot_be_used_is_one_line_and_nothing_is_bound() {
    let tree = Tree::new();
    Pair::make(&tree);
    fs::copy(tree.path().join("key.pem"), tree.path().join("other.pem")).expect("it is copied");
    Pair::make(&tree);
    tree.file("empty", "")
        .file(
            "garbage",
            "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n",
        )
        .file(
            "junk",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        )
        .directory("directory");
    let taken = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let port = taken.local_addr().expect("it has one").port().to_string();
    let root = tree.path().display().to_string();
    for (certificate, key, message) in [
        (
            "no",
            "key.pem",
            "cannot read {root}/no: No such file or directory (os error 2)",
        ),
        (
            "directory",
            "key.pem",
            "cannot read {root}/directory: Is a directory (os error 21)",
        ),
        (
            "empty",
            "key.pem",
            "there is no PEM certificate in {root}/empty",
        ),
        (
            "key.pem",
            "key.pem",
            "there is no PEM certificate in {root}/key.pem",
        ),
        (
            "garbage",
            "key.pem",
            "cannot use {root}/garbage: base64 decode error: InvalidCharacter(33)",
        ),
        (
            "junk",
            "key.pem",
            "cannot use {root}/junk: the certificate is bad: BadEncoding",
        ),
        (
            "cert.pem",
            "no",
            "cannot read {root}/no: No such file or directory (os error 2)",
        ),
        (
            "cert.pem",
            "empty",
            "there is no PEM private key in {root}/empty",
        ),
        (
            "cert.pem",
            "cert.pem",
            "there is no PEM private key in {root}/cert.pem",
        ),
        (
            "cert.pem",
            "other.pem",
            "the key in {root}/other.pem is not that of the certificate in {root}/cert.pem",
        ),
    ] {
        // The port is taken: had it been asked for, that would be the complaint.
        let arguments = [&port, "--tls-cert", certificate, "--tls-key", key];
        let output = run(tree.path(), &arguments);
        let message = format!("rhttp: {}", message.replace("{root}", &root));
        assert_eq!(String::from_utf8_lossy(&output.stderr).trim_end(), message);
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(output.stdout, b"");
    }
}

/// Makes keys of all kinds with OpenSSL, in the tree; false where there is none.
fn make_keys(tree: &Tree) -> bool {
    const SCRIPT: &str = "set -e
        certify() {
            openssl req -x509 -key $1.key -out $1.crt -days 2 -subj /CN=localhost
        }
        openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa.key
        openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ec.key
        openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out ec384.key
        openssl genpkey -algorithm ED25519 -out ed.key
        for kind in rsa ec ec384 ed; do certify $kind; done
        openssl rsa -in rsa.key -traditional -out rsa.pkcs1
        openssl ec -in ec.key -out ec.sec1
        cat ec.crt ec.key > ec.both
        printf ' secret \\n' > password
        printf wrong > wrong
        openssl pkcs8 -topk8 -in ec.key -passout pass:secret -out ec.usual
        openssl pkcs8 -topk8 -in ec.key -v2 des3 -passout pass:secret -out ec.des3
        openssl pkcs8 -topk8 -in ec.key -v2 aes-128-cbc -v2prf hmacWithSHA1 \\
            -passout pass:secret -out ec.sha1
        openssl pkcs8 -topk8 -in ec.key -scrypt -scrypt_N 1024 -passout pass:secret -out ec.scrypt
        openssl rsa -in rsa.key -traditional -aes256 -passout pass:secret -out rsa.traditional
    ";
    if find_program("openssl").is_none() {
        not_run("keys of all kinds, for there is no openssl");
        return false;
    }
    let made = Command::new("sh")
        .args(["-c", SCRIPT])
        .current_dir(tree.path())
        .output()
        .expect("it runs");
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    true
}

#[test]
fn keys_of_all_kinds_are_taken() {
    let tree = Tree::new();
    if !make_keys(&tree) {
        return;
    }
    for (certificate, key) in [
        ("rsa.crt", "rsa.key"),
        ("rsa.crt", "rsa.pkcs1"),
        ("ec.crt", "ec.key"),
        ("ec.crt", "ec.sec1"),
        ("ec.both", ""),
        ("ec384.crt", "ec384.key"),
        ("ed.crt", "ed.key"),
        ("ec.crt", "ec.usual"),
        ("ec.crt", "ec.des3"),
        ("ec.crt", "ec.sha1"),
        ("ec.crt", "ec.scrypt"),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rhttp"));
        command.args(["0", "--bind", "127.0.0.1", "--tls-cert", certificate]);
        command.args(["--tls-key", key, "--tls-password-file", "password"]);
        command.current_dir(tree.path());
        let server = Running::start(command);
        assert_eq!(
            get(&server, "/password").body,
            b" secret \n",
            "{certificate} {key}"
        );
    }
}

#[test]
fn an_encrypted_key_says_what_it_lacks() {
    let tree = Tree::new();
    if !make_keys(&tree) {
        return;
    }
    let root = tree.path().display();
    for (key, password, message) in [
        (
            "ec.usual",
            None,
            format!(
                "the key in {root}/ec.usual is encrypted: give its password with --tls-password-file"
            ),
        ),
        (
            "ec.usual",
            Some("wrong"),
            format!("the password does not open the key in {root}/ec.usual"),
        ),
        (
            "rsa.traditional",
            Some("password"),
            format!(
                "the key in {root}/rsa.traditional is encrypted in OpenSSL's traditional form; \
                 this converts it: openssl pkcs8 -topk8 -in {root}/rsa.traditional -out new-key.pem"
            ),
        ),
    ] {
        let certificate = if key.starts_with("rsa") {
            "rsa.crt"
        } else {
            "ec.crt"
        };
        let mut arguments = vec!["--tls-cert", certificate, "--tls-key", key];
        arguments.extend(
            password
                .iter()
                .flat_map(|file| ["--tls-password-file", file]),
        );
        let output = run(tree.path(), &arguments);
        assert_eq!(complaint(&output), format!("rhttp: {message}"));
        assert_eq!(output.status.code(), Some(1));
    }
}

#[test]
fn a_self_signed_certificate_has_the_fingerprint_that_was_printed() {
    use std::fmt::Write;
    let tree = Tree::new();
    let arguments = [
        "--tls-self-signed".as_ref(),
        "-d".as_ref(),
        tree.path().as_os_str(),
    ];
    let server = Running::rhttp(arguments);
    let digest = ring::digest::digest(&ring::digest::SHA256, &certificate(&server));
    let mut expected = "SHA-256 fingerprint of the certificate".to_owned();
    for (place, byte) in digest.as_ref().iter().enumerate() {
        let mark = if place == 0 { ": " } else { ":" };
        write!(expected, "{mark}{byte:02X}").expect("text takes all");
    }
    eventually("the second line", || server.output().len() == 2);
    assert_eq!(String::from_utf8_lossy(&server.output()[1]), expected);
    // And none has another's.
    let other = Running::rhttp(arguments);
    assert_ne!(certificate(&server), certificate(&other));
}

#[test]
fn a_new_pair_is_taken_without_a_restart_and_a_bad_one_is_not() {
    let tree = Tree::new();
    let pair = Pair::make(&tree);
    let server = pair.serve(&tree, "");
    let first = certificate(&server);
    Pair::make(&tree);
    let mut second = first.clone();
    eventually("the new pair", || {
        second = certificate(&server);
        second != first
    });
    fs::write(tree.path().join("key.pem"), "no key").expect("it can be written");
    let complains = |lines: &[Vec<u8>]| {
        let line = String::from_utf8_lossy(lines.last()?).into_owned();
        line.starts_with("rhttp: there is no PEM private key in ")
            .then_some(line)
    };
    eventually("the look at the bad key", || {
        assert_eq!(certificate(&server), second);
        complains(&server.log()).is_some()
    });
    let line = server.wait_for_log(complains);
    assert!(line.ends_with("/key.pem; the old pair stays"), "{line}");
    // It is told once, and a good pair is taken again.
    Pair::make(&tree);
    eventually("the third pair", || certificate(&server) != second);
    assert_eq!(server.log().len(), 1);
}
