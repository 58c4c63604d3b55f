//! rhttp in a container: as process 1, without a place to write, without a name, with little memory.

use crate::load::{
    arguments_for, ask, connect, drain, eventually, get, length, raise_descriptor_limit, read_head,
    read_response, send, sparse_file,
};
use crate::support::{Running, Tree, not_run, say_not_run};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

const MEBIBYTE: u64 = 1024 * 1024;

/// The start of a command in namespaces of its own, where it is root; `None` where none can be made.
pub(super) fn isolated(options: &[&str]) -> Option<Command> {
    let unshare = || {
        let mut command = Command::new("unshare");
        command.args(options);
        let is_root = rustix::process::geteuid().is_root();
        command.args((!is_root).then_some("--map-root-user"));
        command
    };
    let probe = unshare().arg("true").output();
    probe
        .is_ok_and(|output| output.status.success())
        .then(unshare)
}

/// rhttp on a tree, as the end of a command.
fn rhttp(mut command: Command, tree: &Tree, arguments: &str) -> Running {
    command.args([env!("CARGO_BIN_EXE_rhttp"), "0", "--bind", "127.0.0.1"]);
    command.args(arguments_for(tree, arguments));
    Running::start(command)
}

/// The only child of a process.
fn child(parent: u32) -> Pid {
    let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children"));
    let child = children.expect("the kernel lists children");
    let child = child.trim().parse().ok().and_then(Pid::from_raw);
    child.expect("there is one child")
}

#[test]
fn process_1_ends_as_any_other() {
    let tree = Tree::new();
    sparse_file(&tree, "huge", 64 * MEBIBYTE);
    for (signal, lets_finish) in [(Signal::TERM, true), (Signal::INT, false)] {
        let options = ["--pid", "--fork", "--kill-child", "--mount-proc"];
        let Some(command) = isolated(&options) else {
            return not_run("process 1 of a namespace: none can be made");
        };
        let mut server = rhttp(command, &tree, "--protocol HTTP/1.1");
        let mut client = ask(server.address(), "/huge");
        let length = length(&read_head(&mut client));
        kill_process(child(server.pid()), signal).expect("it is ours");
        assert_eq!(drain(&mut client) == length, lets_finish, "{signal:?}");
        assert_eq!(server.wait().code(), Some(0), "{signal:?}");
    }
}

#[test]
fn nothing_is_written_and_the_user_needs_no_name() {
    if !rustix::process::geteuid().is_root() {
        return say_not_run("a user without a name: only root can become one");
    }
    let Some(mut command) = isolated(&["--mount"]) else {
        return not_run("a read-only root: nothing can be mounted");
    };
    let tree = Tree::new();
    tree.file("a", "hello").directory("empty");
    tree.script(
        "cgi-bin/who",
        "#!/bin/sh\necho; echo \"$(id -u) ${HOME-none}\"\n",
    );
    fs::set_permissions(tree.path(), fs::Permissions::from_mode(0o755)).expect("it is ours");
    let script = "mount --bind \"$1\" \"$1\" && mount -o remount,bind,ro \"$1\" \
        && mount -o remount,bind,ro / || exit 1; \
        if touch \"$1/new\" /new 2>/dev/null; then exit 2; fi; \
        shift; exec setpriv --reuid=54321 --regid=54321 --clear-groups env -i \"$@\"";
    command.args(["sh", "-c", script, "sh"]).arg(tree.path());
    let mut server = rhttp(command, &tree, "--cgi --symlinks inside");
    assert_eq!(get(server.address(), "/a").body, b"hello");
    assert_eq!(get(server.address(), "/empty/").status(), 200);
    assert_eq!(get(server.address(), "/cgi-bin/who").body, b"54321 none\n");
    assert_eq!(get(server.address(), "/none").status(), 404);
    server.signal(Signal::TERM);
    assert_eq!(server.wait().code(), Some(0));
}

/// A control group whose processes may have this much memory.
struct Group(PathBuf);

impl Group {
    fn new(limit: u64) -> Option<Self> {
        let name = format!("rhttp-test-{}", std::process::id());
        let places = [
            ("/sys/fs/cgroup", "memory.max"),
            ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
        ];
        places.into_iter().find_map(|(place, file)| {
            let path = Path::new(place).join(&name);
            fs::create_dir(&path).ok()?;
            let group = Self(path);
            // A file that is not there yet is none of the kernel's.
            let limit_file = group.0.join(file);
            let is_there = limit_file.exists();
            (is_there && fs::write(limit_file, limit.to_string()).is_ok()).then_some(group)
        })
    }

    /// How many processes were killed because there was too little.
    fn kills(&self) -> Option<u64> {
        let texts = ["memory.events", "memory.oom_control"];
        let mut texts = texts
            .iter()
            .filter_map(|file| fs::read_to_string(self.0.join(file)).ok());
        let text = texts.next()?;
        let number = text.lines().find_map(|line| line.strip_prefix("oom_kill "));
        number?.parse().ok()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        eventually("that the group is empty", || {
            fs::remove_dir(&self.0).is_ok() || !self.0.exists()
        });
    }
}

#[test]
fn under_load_64_mebibytes_are_enough() {
    let Some(group) = Group::new(64 * MEBIBYTE) else {
        return say_not_run("a limit on memory: control groups cannot be made");
    };
    let tree = Tree::new();
    sparse_file(&tree, "large", 4 * MEBIBYTE);
    tree.file("small", "hello");
    for number in 0..2000 {
        tree.file(&format!("many/{number}"), "");
    }
    let mut command = Command::new("sh");
    let script = "echo $$ >\"$1/cgroup.procs\" && shift && exec \"$@\"";
    command.args(["-c", script, "sh"]).arg(&group.0);
    let mut server = rhttp(command, &tree, "--protocol HTTP/1.1");
    let address = server.address();
    raise_descriptor_limit();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut clients: Vec<_> = (0..30).map(|_| connect(address)).collect();
                for target in ["/small", "/many/", "/large", "/small"] {
                    for client in &mut clients {
                        send(client, target);
                    }
                    for client in &mut clients {
                        let status = read_response(client).status();
                        // There is no memory for this many listings at a time.
                        let may_lack = target == "/many/" && status == 503;
                        assert!(status == 200 || may_lack, "{target}: {status}");
                    }
                }
            });
        }
    });
    // Greedy clients: they ask for a listing and do not read it, or are not let in.
    let silent: Vec<_> = (0..1000)
        .map(|_| {
            let mut client = connect(address);
            let _ = client.write_all(b"GET /many/ HTTP/1.1\r\nHost: x\r\n\r\n");
            client
        })
        .collect();
    drop(silent);
    eventually("that there is room again", || {
        let mut client = connect(address);
        let request = b"GET /small HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        let _ = client.write_all(request);
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).is_ok() && answer.ends_with(b"\r\n\r\nhello")
    });
    assert_eq!(group.kills(), Some(0));
    server.signal(Signal::TERM);
    assert_eq!(server.wait().code(), Some(0));
}
