//! What a script inherits, and what it does not.

use super::fixture::{ask, get, is_root, open_to_all, rhttp, serve, tree, usual, with_script};
use crate::support::{Running, Tree, not_run};
use std::process::Command;

/// Prints what it inherited from the server: the shell's descriptors, and as its child sees them
/// the user and the signals. (A shell itself blocks signals now and then.)
const SHOW: &str = "printf '\\n'; ls /proc/$$/fd; \
    grep -E '^(Uid|Gid|Groups|SigBlk|SigIgn):' /proc/self/status";

#[test]
fn scripts_inherit_three_descriptors_and_no_signals() {
    let tree = with_script(SHOW);
    let shown = show(&serve(&tree, "HTTP/1.0"));
    assert_is_clean(&shown);
}

#[test]
fn what_the_server_itself_inherited_goes_no_further() {
    let tree = with_script(SHOW);
    let server = rhttp(&tree, "HTTP/1.0");
    let mut shell = Command::new("sh");
    shell.args([
        "-c",
        "trap '' HUP INT QUIT USR1 CHLD PIPE; exec \"$@\" 5< /etc/passwd 7> /dev/null",
        "sh",
    ]);
    shell.arg(server.get_program()).args(server.get_args());
    let shown = show(&Running::start(shell));
    assert_is_clean(&shown);
}

#[test]
#[cfg(target_os = "linux")]
fn scripts_are_scheduled_as_the_server_was_when_it_started() {
    // The number of the policy, which is the 41st field (proc(5)).
    let policy = "cut -d' ' -f41 /proc/self/stat";
    let here = Command::new("sh").args(["-c", policy]).output();
    let here = here.expect("sh can be run").stdout;
    let tree = with_script(&format!("printf '\\n'; {policy}"));
    let server = serve(&tree, "HTTP/1.0");
    assert_eq!(show(&server).into_bytes(), here);
}

#[test]
fn blocked_signals_go_no_further() {
    let blocks = ["--block-signal=USR1", "--block-signal=TERM"];
    let can_block = Command::new("env").args(blocks).arg("true").status();
    if !can_block.is_ok_and(|status| status.success()) {
        return not_run("signals that the server was started with, for env cannot block any");
    }
    let tree = with_script(SHOW);
    let server = rhttp(&tree, "HTTP/1.0");
    let mut env = Command::new("env");
    env.args(blocks)
        .arg(server.get_program())
        .args(server.get_args());
    assert_is_clean(&show(&Running::start(env)));
}

#[test]
fn a_server_that_ignores_hangups_goes_on_ignoring_them() {
    let tree = with_script(SHOW);
    let server = rhttp(&tree, "HTTP/1.0");
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' HUP; exec \"$@\"", "sh"]);
    shell.arg(server.get_program()).args(server.get_args());
    let server = Running::start(shell);
    server.signal(rustix::process::Signal::HUP);
    assert_is_clean(&show(&server));
}

#[test]
fn root_s_scripts_are_nobody_s() {
    if !is_root() {
        return not_run("scripts of root, for these tests run as somebody else");
    }
    let tree = with_script(SHOW);
    let shown = show(&serve(&tree, "HTTP/1.0"));
    let id = |option| {
        let output = Command::new("id").args([option, "nobody"]).output();
        String::from_utf8(output.expect("id can be run").stdout).expect("a number is text")
    };
    let (user, group) = (id("-u"), id("-g"));
    let (user, group) = (user.trim(), group.trim());
    let ids =
        format!("Uid:\t{user}\t{user}\t{user}\t{user}\nGid:\t{group}\t{group}\t{group}\t{group}\n");
    assert!(shown.contains(&ids), "{shown}");
    assert!(field(&shown, "Groups:").is_empty(), "{shown}");
}

#[test]
fn a_user_s_scripts_are_the_user_s() {
    let tree = with_script(SHOW);
    let Some(server) = as_user(&tree, &[]) else {
        return;
    };
    let user = if is_root() {
        "65534".to_owned()
    } else {
        rustix::process::geteuid().as_raw().to_string()
    };
    let shown = show(&server);
    assert!(
        shown.contains(&format!("Uid:\t{user}\t{user}\t{user}\t{user}\n")),
        "{shown}"
    );
    assert_is_clean(&shown);
}

/// Its scripts have the same user, so nothing else keeps its memory and its descriptors from them.
#[cfg(target_os = "linux")]
#[test]
fn confined_scripts_cannot_trace_a_user_s_server() {
    use std::os::unix::fs::MetadataExt;
    if !crate::sandbox::is_supported() {
        return;
    }
    let tree = with_script("printf '\\nran'");
    let Some(server) = as_user(&tree, &["--sandbox"]) else {
        return;
    };
    assert_eq!(get(&server).body, b"ran");
    // The memory of what cannot be traced is root's.
    let memory = std::fs::metadata(format!("/proc/{}/mem", server.pid()));
    assert_eq!(memory.expect("it runs").uid(), 0);
}

#[test]
fn a_script_that_its_user_may_not_run_is_not_executable() {
    use std::os::unix::fs::PermissionsExt;
    let tree = with_script("printf '\\nran'");
    let script = tree.path().join("cgi-bin/script");
    let mine_alone = std::fs::Permissions::from_mode(0o700);
    std::fs::set_permissions(&script, mine_alone).expect("the mode can be set");
    if is_root() {
        let server = serve(&tree, "HTTP/1.0");
        let response = get(&server);
        assert!(
            response
                .status_line
                .starts_with("HTTP/1.0 403 CGI script is not executable")
        );
    } else {
        assert_eq!(get(&serve(&tree, "HTTP/1.0")).body, b"ran");
    }
}

#[test]
fn a_script_that_names_no_interpreter_is_the_shell_s() {
    let tree = tree();
    let script = "printf '\\n'; echo \"ran as $0 with $*: $QUERY_STRING\"";
    tree.script("cgi-bin/script", script);
    let path = tree.path().join("cgi-bin/script");
    let expected = format!("ran as {} with a b: a+b\n", path.display());
    for server in [Some(serve(&tree, "HTTP/1.0")), as_user(&tree, &[])] {
        let Some(server) = server else { continue };
        let response = ask(&server, "GET /cgi-bin/script?a+b HTTP/1.0\r\n\r\n");
        assert_eq!(String::from_utf8_lossy(&response.body), expected);
    }
}

#[test]
fn whoever_is_root_in_part_runs_no_scripts() {
    if !is_root() {
        return not_run("a server with two users, for only root can have those");
    }
    let tree = tree();
    for user in ["--ruid=65534", "--euid=65534"] {
        let program = tree.path().join("rhttp");
        std::fs::copy(env!("CARGO_BIN_EXE_rhttp"), &program).expect("it can be copied");
        open_to_all(&program);
        let mut setpriv = Command::new("setpriv");
        setpriv.arg(user).arg(program);
        setpriv.args(rhttp(&tree, "HTTP/1.0").get_args());
        let Ok(output) = setpriv.output() else {
            return not_run("a server with two users, for there is no setpriv");
        };
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            said.contains("cannot run scripts as an ordinary user"),
            "{said}"
        );
    }
}

/// The server as an ordinary user, with further arguments.
fn as_user(tree: &Tree, arguments: &[&str]) -> Option<Running> {
    let mut server = rhttp(tree, "HTTP/1.0");
    server.args(arguments);
    let server = usual(&server);
    if !is_root() {
        return Some(Running::start(server));
    }
    // The program that was built may lie where only root can go.
    let program = tree.path().join("rhttp");
    std::fs::copy(env!("CARGO_BIN_EXE_rhttp"), &program).expect("it can be copied");
    open_to_all(&program);
    let mut setpriv = Command::new("setpriv");
    setpriv
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(program);
    setpriv.args(rhttp(tree, "HTTP/1.0").get_args());
    setpriv.args(arguments);
    let is_there = Command::new("setpriv").arg("--version").output();
    if is_there.is_err() {
        not_run("a server of an ordinary user, for there is no setpriv");
        return None;
    }
    Some(Running::start(setpriv))
}

fn show(server: &Running) -> String {
    String::from_utf8(get(server).body).expect("it is text")
}

/// Panics unless only 0, 1 and 2 are open, and no signal is blocked or ignored.
fn assert_is_clean(shown: &str) {
    // Beyond 9 are those that shells open for themselves.
    let descriptors: Vec<_> = shown.lines().filter(|line| line.len() == 1).collect();
    assert_eq!(descriptors, ["0", "1", "2"], "{shown}");
    // Beyond 31 are the C library's own, which its `posix_spawn` ignores, and real-time signals.
    let signals = |name| {
        let mask = u64::from_str_radix(field(shown, name), 16).expect("it is a mask");
        mask & 0x7fff_ffff
    };
    assert_eq!((signals("SigBlk:"), signals("SigIgn:")), (0, 0), "{shown}");
}

fn field<'s>(shown: &'s str, name: &str) -> &'s str {
    let line = shown.lines().find_map(|line| line.strip_prefix(name));
    line.expect("the system tells it").trim()
}
