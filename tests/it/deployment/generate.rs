//! What rhttp prints for other programs: read by those programs.

use super::ask_at;
use crate::support::{PATIENCE, Tree, find_program, not_run};
use std::fs;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// What `--generate` prints; no server is started.
pub(super) fn generated(kind: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rhttp"));
    let output = command.args(["--generate", kind]).output();
    let Output {
        status,
        stdout,
        stderr,
    } = output.expect("it runs");
    assert_eq!((status.code(), stderr), (Some(0), Vec::new()), "{kind}");
    String::from_utf8(stdout).expect("it is text")
}

/// The long flags that `--help` shows.
fn flags() -> Vec<String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rhttp"));
    let help = command.arg("--help").output().expect("it runs").stdout;
    let help = String::from_utf8(help).expect("it is text");
    let is_name = |character: char| character.is_ascii_lowercase() || character == '-';
    let long = help.lines().filter_map(|line| line.split_once("--"));
    let long = long.filter(|(before, _)| matches!(before.trim().len(), 0 | 3));
    let long = long.map(|(_, rest)| rest.split(|c| !is_name(c)).next().unwrap_or_default());
    long.map(str::to_owned).collect()
}

#[test]
fn each_document_has_every_flag() {
    let flags = flags();
    assert!(flags.len() > 30, "{flags:?}");
    let man = generated("man").replace('\\', "");
    let completions = ["bash", "zsh", "fish"].map(|shell| generated(&format!("complete-{shell}")));
    for flag in flags {
        assert!(man.contains(&format!("--{flag}")), "man: {flag}");
        for text in &completions {
            let is_there =
                text.contains(&format!("--{flag}")) || text.contains(&format!("-l {flag}"));
            assert!(is_there, "{flag}: {}", &text[..80]);
        }
    }
}

#[test]
fn a_kind_that_is_not_known_is_a_usage_error() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rhttp"));
    let output = command
        .args(["--generate", "pdf"])
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(2));
}

/// `rhttp --generate man | head -1`.
#[test]
fn a_reader_that_leaves_is_no_error() {
    let (reader, writer) = std::io::pipe().expect("there is a pipe");
    drop(reader);
    let mut command = Command::new(env!("CARGO_BIN_EXE_rhttp"));
    let output = command.args(["--generate", "man"]).stdout(writer).output();
    let output = output.expect("it runs");
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
}

#[test]
fn the_manual_page_is_without_fault() {
    let tree = Tree::new();
    tree.file("rhttp.1", generated("man"));
    let page = tree.path().join("rhttp.1");
    if find_program("mandoc").is_none() {
        return not_run("the manual page, for there is no mandoc");
    }
    let run = |arguments: &[&str]| {
        let output = Command::new("mandoc").args(arguments).arg(&page).output();
        let output = output.expect("it runs");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).expect("it is text")
    };
    assert_eq!(run(&["-T", "lint", "-W", "style"]), "");
    let text = run(&["-T", "ascii"]);
    // Bold is a letter over itself.
    let text: String = text
        .split('\u{8}')
        .map(|part| &part[..part.len().saturating_sub(1)])
        .collect();
    let headings = "NAME SYNOPSIS DESCRIPTION OPTIONS SIGNALS EXIT\u{a0}STATUS ENVIRONMENT FILES EXAMPLES \
        SEE\u{a0}ALSO";
    for heading in headings.split(' ') {
        let heading = heading.replace('\u{a0}', " ");
        assert!(
            text.lines().any(|line| line == heading),
            "{heading}:\n{text}"
        );
    }
    assert!(text.contains("--grace <SECONDS>"), "{text}");
    assert!(text.contains("HTTP/1.0, HTTP/1.1"), "{text}");
}

/// What bash offers after these words.
fn offered(words: &[&str], current_directory: &Path) -> String {
    let script = "source \"$1\"; shift; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); \
        _rhttp rhttp \"${@: -1}\" \"${@: -2:1}\" 2>/dev/null; printf '%s\\n' \"${COMPREPLY[@]}\"";
    let tree = Tree::new();
    tree.file("rhttp.bash", generated("complete-bash"));
    let mut bash = Command::new("bash");
    bash.args(["-c", script, "bash"])
        .arg(tree.path().join("rhttp.bash"));
    let output = bash
        .arg("rhttp")
        .args(words)
        .current_dir(current_directory)
        .output();
    String::from_utf8(output.expect("it runs").stdout).expect("it is text")
}

#[test]
fn bash_completes_flags_values_and_files() {
    let tree = Tree::new();
    tree.file("certificate.pem", "");
    for (words, expected) in [
        (&["--prot"][..], "--protocol\n"),
        (&["--protocol", ""], "HTTP/1.0\nHTTP/1.1\n"),
        (&["--symlinks", "i"], "inside\n"),
        (
            &["--generate", "complete-"],
            "complete-bash\ncomplete-zsh\ncomplete-fish\n",
        ),
        (&["--tls-cert", "cert"], "certificate.pem\n"),
        (&["--log", "cert"], "certificate.pem\n"),
        // No file is a number of seconds.
        (&["--timeout", "cert"], "cert\n"),
    ] {
        assert_eq!(offered(words, tree.path()), expected, "{words:?}");
    }
}

#[test]
fn other_shells_read_their_completions() {
    let tree = Tree::new();
    for shell in ["zsh", "fish"] {
        tree.file(shell, generated(&format!("complete-{shell}")));
        if find_program(shell).is_none() {
            not_run(&format!("completions for {shell}, which is not here"));
            continue;
        }
        let output = Command::new(shell)
            .arg("-n")
            .arg(tree.path().join(shell))
            .output();
        let output = output.expect("it runs");
        assert!(
            output.status.success() && output.stderr.is_empty(),
            "{output:?}"
        );
    }
    if find_program("fish").is_none() {
        return;
    }
    let mut fish = Command::new("fish");
    fish.arg("-c")
        .arg("source fish; complete -C 'rhttp --listing '");
    let output = fish
        .current_dir(tree.path())
        .env("HOME", tree.path())
        .output();
    let text = String::from_utf8(output.expect("it runs").stdout).expect("it is text");
    let words: Vec<_> = text.lines().map(str::trim).collect();
    assert_eq!(words, ["auto", "classic", "off"]);
}

/// The units that are printed, by their names, in a directory.
fn units() -> Tree {
    let tree = Tree::new();
    let text = generated("systemd");
    for unit in text.split("# /etc/systemd/system/").skip(1) {
        let (name, content) = unit.split_once('\n').expect("there is a line");
        tree.file(name, content);
    }
    tree
}

/// The command of the service, with another directory to serve and another time without clients.
fn exec_start(units: &Tree, directory: &Path, exit_idle: &str) -> Vec<String> {
    let text = fs::read_to_string(units.path().join("rhttp.service")).expect("it is there");
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("ExecStart=rhttp "));
    let words = line.expect("it starts rhttp").split(' ');
    let words = words.map(|word| match word {
        "/srv/www" => directory.display().to_string(),
        "600" => exit_idle.to_owned(),
        word => word.to_owned(),
    });
    words.collect()
}

#[test]
fn the_units_are_valid_and_hardened() {
    if find_program("systemd-analyze").is_none() {
        return not_run("the units, for there is no systemd-analyze");
    }
    let units = units();
    let service = units.path().join("rhttp.service");
    // In tenths: an exposure of at most 2.0.
    let mut security = Command::new("systemd-analyze");
    security.args(["security", "--offline=true", "--threshold=20", "--no-pager"]);
    let output = security.arg(&service).output().expect("it runs");
    assert!(output.status.success(), "{output:?}");
    let text = fs::read_to_string(&service).expect("it is there");
    let program = format!("ExecStart={} ", env!("CARGO_BIN_EXE_rhttp"));
    fs::write(&service, text.replace("ExecStart=rhttp ", &program)).expect("it can be written");
    let mut verify = Command::new("systemd-analyze");
    verify.args(["verify", "--man=no"]).arg(&service);
    let output = verify.arg(units.path().join("rhttp.socket")).output();
    let output = output.expect("it runs");
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{output:?}"
    );
}

/// The service's command, started by its first client, as `rhttp.socket` has it started.
#[test]
fn the_service_starts_with_its_first_client_and_ends_when_nobody_comes() {
    if find_program("systemd-socket-activate").is_none() {
        return not_run("socket activation, for there is no systemd-socket-activate");
    }
    let (units, tree) = (units(), Tree::new());
    tree.directory("www").file("www/a", "hello");
    let manager = UnixDatagram::bind(tree.path().join("notify")).expect("it can be made");
    manager
        .set_read_timeout(Some(PATIENCE))
        .expect("it can be set");
    let socket = tree.path().join("socket");
    let mut activate = Command::new("systemd-socket-activate");
    activate.arg("--listen").arg(&socket);
    activate.arg(format!(
        "--setenv=NOTIFY_SOCKET={}/notify",
        tree.path().display()
    ));
    activate.arg(env!("CARGO_BIN_EXE_rhttp"));
    activate.args(exec_start(&units, &tree.path().join("www"), "0.5"));
    activate.stdout(Stdio::null()).stderr(Stdio::null());
    let mut process = activate.spawn().expect("it runs");
    crate::load::eventually("that it listens", || UnixStream::connect(&socket).is_ok());
    let answer = ask_at(
        &socket,
        "GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    );
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nhello"));
    let mut buffer = [0; 1024];
    for state in ["READY=1\n", "STOPPING=1\n"] {
        let count = manager.recv(&mut buffer).expect("something is said");
        let said = String::from_utf8_lossy(&buffer[..count]).into_owned();
        assert!(said.starts_with(state), "{said}");
    }
    assert_eq!(process.wait().expect("it ends").code(), Some(0));
}
