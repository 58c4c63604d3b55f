//! A row for each server: where it is found, how it is asked for its version,
//! and how it is started. A new peer is one more row and its function.
//!
//! Every one serves the same tree on loopback and writes a log to a file, as
//! rhttp does. Where a default would only cost a peer (a limit of requests a
//! connection, a short backlog), it is set aside: the aim is to be ahead of the
//! best that the peer can do.

use std::env;
use std::process::Command;

use crate::ceiling;
use crate::configured::{
    caddy, caddy_configuration, lighttpd, lighttpd_configuration, nginx, nginx_configuration,
};
use crate::installed::{number_in, program, python, rhttp_binary};
use crate::recipe::{COPY, COPY_AND_SYNC, LIMIT, OURS, PLAIN, Recipe, Site};
use crate::target::{ONE_KIB, PASSWORDS};
use crate::workload::Mode;

pub(crate) static RECIPES: &[Recipe] = &[
    Recipe {
        name: OURS,
        find: rhttp_binary,
        version: |_| Some(env!("CARGO_PKG_VERSION").to_owned()),
        arguments: rhttp,
        cgi: true,
        tls: true,
        archive_query: Some("?tar"),
        uploads: true,
        ..PLAIN
    },
    Recipe {
        name: "lighttpd",
        find: || program("lighttpd"),
        version: |program| number_in(Command::new(program).arg("-v")),
        configuration: lighttpd_configuration,
        arguments: lighttpd,
        cgi: true,
        tls: true,
        uploads: true,
        ..PLAIN
    },
    Recipe {
        name: "nginx",
        find: || program("nginx"),
        version: |program| number_in(Command::new(program).arg("-v")),
        configuration: nginx_configuration,
        arguments: nginx,
        tls: true,
        ..PLAIN
    },
    Recipe {
        name: "darkhttpd",
        find: || program("darkhttpd"),
        version: |program| number_in(Command::new(program).arg("--help")),
        arguments: darkhttpd,
        ..PLAIN
    },
    Recipe {
        name: "busybox",
        find: || program("busybox"),
        version: |program| number_in(&mut Command::new(program)),
        arguments: busybox,
        cgi: true,
        hides_cpu: true,
        ..PLAIN
    },
    Recipe {
        name: "static-web-server",
        find: || program("static-web-server"),
        arguments: static_web_server,
        ..PLAIN
    },
    Recipe {
        name: "miniserve",
        find: || program("miniserve"),
        arguments: miniserve,
        archive_query: Some("?download=tar"),
        ..PLAIN
    },
    Recipe {
        name: "dufs",
        find: || program("dufs"),
        arguments: dufs,
        listing_query: "?simple",
        json_query: "?json",
        uploads: true,
        ..PLAIN
    },
    Recipe {
        name: "caddy",
        find: || program("caddy"),
        version: |program| number_in(Command::new(program).arg("version")),
        configuration: caddy_configuration,
        arguments: caddy,
        tls: true,
        ..PLAIN
    },
    Recipe {
        name: "http-server",
        find: || program("http-server"),
        version: |program| number_in(Command::new(program).arg("--version")),
        arguments: http_server,
        ..PLAIN
    },
    Recipe {
        name: "cpython",
        find: python,
        arguments: cpython,
        cgi: true,
        ..PLAIN
    },
    Recipe {
        name: "ceiling",
        find: || env::current_exe().ok(),
        version: |_| Some("one thread spawned a connection, one answer from memory".to_owned()),
        arguments: |command, site| ceiling_shape(command, site, "thread"),
        ..PLAIN
    },
    Recipe {
        name: "ceiling-leader",
        find: || env::current_exe().ok(),
        version: |_| Some("leader/follower, one answer from memory".to_owned()),
        arguments: |command, site| ceiling_shape(command, site, "leader"),
        ..PLAIN
    },
    Recipe {
        name: LIMIT,
        find: || env::current_exe().ok(),
        version: |_| Some("leader/follower, what a server cannot do without".to_owned()),
        arguments: |command, site| ceiling_shape(command, site, "limit"),
        ..PLAIN
    },
    Recipe {
        name: COPY,
        find: || env::current_exe().ok(),
        version: |_| Some("the command, into the page cache".to_owned()),
        arguments: |command, site| ceiling_shape(command, site, "thread"),
        hides_cpu: true,
        ..PLAIN
    },
    Recipe {
        name: COPY_AND_SYNC,
        find: || env::current_exe().ok(),
        version: |_| Some("the command, and fsync".to_owned()),
        arguments: |command, site| ceiling_shape(command, site, "thread"),
        hides_cpu: true,
        ..PLAIN
    },
];

fn rhttp(command: &mut Command, site: &Site<'_>) {
    command
        .args([&site.port.to_string(), "--bind", "127.0.0.1", "--directory"])
        .arg(site.tree);
    if site.mode != Mode::Default {
        command.args(["--protocol", "HTTP/1.1"]);
    }
    match site.mode {
        Mode::Cgi | Mode::CgiAsRoot => {
            command.arg("--cgi");
        }
        Mode::Tls => {
            command.arg("--tls-cert").arg(&site.certificate.chain);
            command.arg("--tls-key").arg(&site.certificate.key);
        }
        Mode::Archives => {
            command.arg("--tar");
        }
        Mode::Uploads => {
            command.arg("--upload");
        }
        Mode::With(flags) => {
            let passwords = site.tree.with_file_name(PASSWORDS);
            for flag in flags {
                match *flag {
                    PASSWORDS => command.arg(&passwords),
                    flag => command.arg(flag),
                };
            }
        }
        Mode::Persistent | Mode::Default | Mode::Json => {}
    }
}

fn cpython(command: &mut Command, site: &Site<'_>) {
    command.args([
        "-m",
        "http.server",
        &site.port.to_string(),
        "--bind",
        "127.0.0.1",
    ]);
    command.arg("--directory").arg(site.tree);
    match site.mode {
        Mode::Default => command,
        // Its CGI under HTTP/1.1 leaves a client waiting for a length.
        Mode::Cgi | Mode::CgiAsRoot => command.arg("--cgi"),
        _ => command.args(["--protocol", "HTTP/1.1"]),
    };
}

fn busybox(command: &mut Command, site: &Site<'_>) {
    command.args([
        "httpd",
        "-f",
        "-v",
        "-p",
        &format!("127.0.0.1:{}", site.port),
        "-h",
    ]);
    // An empty one, or it would read the system's.
    command.arg(site.tree).arg("-c").arg(site.configuration());
}

fn darkhttpd(command: &mut Command, site: &Site<'_>) {
    command
        .arg(site.tree)
        .args(["--addr", "127.0.0.1", "--port", &site.port.to_string()]);
    command.arg("--log").arg(site.place.join("access.log"));
}

fn static_web_server(command: &mut Command, site: &Site<'_>) {
    command.args([
        "--host",
        "127.0.0.1",
        "--port",
        &site.port.to_string(),
        "--root",
    ]);
    command
        .arg(site.tree)
        .args(["--directory-listing", "true", "--log-level", "info"]);
    if site.mode == Mode::Json {
        command.args(["--directory-listing-format", "json"]);
    }
}

fn miniserve(command: &mut Command, site: &Site<'_>) {
    command.args([
        "--interfaces",
        "127.0.0.1",
        "--port",
        &site.port.to_string(),
        "--verbose",
    ]);
    if site.mode == Mode::Archives {
        command.arg("--enable-tar");
    }
    command.arg(site.tree);
}

fn dufs(command: &mut Command, site: &Site<'_>) {
    if site.mode == Mode::Uploads {
        command.arg("--allow-upload");
    }
    command
        .args(["--bind", "127.0.0.1", "--port", &site.port.to_string()])
        .arg(site.tree);
}

/// The npm package. By itself it would make clients keep what they have for an hour.
fn http_server(command: &mut Command, site: &Site<'_>) {
    command
        .arg(site.tree)
        .args(["-a", "127.0.0.1", "-p", &site.port.to_string(), "-c-1"]);
}

fn ceiling_shape(command: &mut Command, site: &Site<'_>, shape: &str) {
    command
        .args([ceiling::COMMAND, shape, &site.port.to_string()])
        .arg(site.tree.join(ONE_KIB));
}
