//! The static program, alone with the kernel. The gate builds it, and the packages; it looks at what
//! is in them itself.

use super::containers::isolated;
use crate::load::get;
use crate::support::{Running, Tree, not_run, say_not_run};
use rustix::process::Signal;
use std::fs;
use std::process::Command;

/// The static program in a directory that is its root, with a directory to serve and nothing else.
struct Alone(Tree);

impl Alone {
    fn new() -> Option<Self> {
        let Some(program) = std::env::var_os("RHTTP_TESTS_STATIC") else {
            say_not_run("the static program, for RHTTP_TESTS_STATIC does not name it");
            return None;
        };
        let tree = Tree::new();
        tree.file("www/a", "hello");
        fs::copy(&program, tree.path().join("rhttp")).expect("it can be copied");
        Some(Self(tree))
    }

    fn command(&self) -> Option<Command> {
        let mut command = isolated(&[])?;
        command.arg("--root").arg(self.0.path()).arg("/rhttp");
        command.env_clear().env("PATH", std::env::var_os("PATH")?);
        Some(command)
    }
}

#[test]
fn the_static_program_needs_nothing_but_the_kernel() {
    let Some(alone) = Alone::new() else { return };
    for (arguments, zone) in [
        ("0 -d /www", ""),
        ("0 -b 127.0.0.1 -d www -p HTTP/1.1", "Europe/Berlin"),
        (
            "0 -b 127.0.0.1 -d /www --symlinks inside --log-format json",
            "",
        ),
        ("0 -b 0.0.0.0 -d /www --tls-self-signed", ""),
        ("0 -b ::1 -d /www", ""),
    ] {
        let Some(mut command) = alone.command() else {
            return not_run("the static program alone: no root of its own can be had");
        };
        command.args(arguments.split(' ')).env("TZ", zone);
        let mut server = Running::start(command);
        let mut address = server.address();
        if address.ip().is_unspecified() {
            address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
        }
        if arguments.contains("tls") {
            use std::io::{Read, Write};
            let mut client = crate::support::secure(crate::load::connect(address));
            client
                .write_all(b"GET /a HTTP/1.0\r\n\r\n")
                .expect("it is sent");
            let mut answer = Vec::new();
            client.read_to_end(&mut answer).expect("it comes whole");
            assert!(answer.ends_with(b"\r\n\r\nhello"), "{arguments}");
        } else {
            assert_eq!(get(address, "/a").body, b"hello", "{arguments}");
            assert_eq!(get(address, "/").status(), 200, "{arguments}");
        }
        server.wait_for_log(|lines| (!lines.is_empty()).then_some(()));
        server.signal(Signal::TERM);
        assert_eq!(server.wait().code(), Some(0), "{arguments}");
    }
}
