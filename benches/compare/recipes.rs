//! A row for each server: where it is found, how it is asked for its version,
//! and how it is started. A new peer is one more row and its function.
//!
//! Every one serves the same tree on loopback and writes a log to a file, as
//! rhttp does. Where a default would only cost a peer (a limit of requests a
//! connection, a short backlog), it is set aside: the aim is to be ahead of the
//! best that the peer can do.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::ceiling;
use crate::installed::{number_in, program, python, rhttp_binary};
use crate::peers::{OURS, Site};
use crate::tree::ONE_KIB;
use crate::workload::Mode;

pub(crate) struct Recipe {
    pub(crate) name: &'static str,
    pub(crate) find: fn() -> Option<PathBuf>,
    pub(crate) version: fn(&Path) -> Option<String>,
    /// The configuration file that `arguments` can name, as `configuration(site)`.
    pub(crate) configuration: fn(&Site<'_>) -> String,
    pub(crate) arguments: fn(&mut Command, &Site<'_>),
    /// Asks for a listing that a program can read, where the usual one hides
    /// the names in a script's data.
    pub(crate) listing_query: &'static str,
    pub(crate) cgi: bool,
    /// Its own children's time is lost when it does not wait for them.
    pub(crate) hides_cpu: bool,
}

const PLAIN: Recipe = Recipe {
    name: "",
    find: || None,
    version: |program| number_in(Command::new(program).arg("--version")),
    configuration: |_| String::new(),
    arguments: |_, _| (),
    listing_query: "",
    cgi: false,
    hides_cpu: false,
};

pub(crate) static RECIPES: &[Recipe] = &[
    Recipe {
        name: OURS,
        find: rhttp_binary,
        version: |_| Some(env!("CARGO_PKG_VERSION").to_owned()),
        arguments: rhttp,
        cgi: true,
        ..PLAIN
    },
    Recipe {
        name: "lighttpd",
        find: || program("lighttpd"),
        version: |program| number_in(Command::new(program).arg("-v")),
        configuration: lighttpd_configuration,
        arguments: lighttpd,
        cgi: true,
        ..PLAIN
    },
    Recipe {
        name: "nginx",
        find: || program("nginx"),
        version: |program| number_in(Command::new(program).arg("-v")),
        configuration: nginx_configuration,
        arguments: nginx,
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
        ..PLAIN
    },
    Recipe {
        name: "dufs",
        find: || program("dufs"),
        arguments: dufs,
        listing_query: "?simple",
        ..PLAIN
    },
    Recipe {
        name: "caddy",
        find: || program("caddy"),
        version: |program| number_in(Command::new(program).arg("version")),
        arguments: caddy,
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
];

fn rhttp(command: &mut Command, site: &Site<'_>) {
    command
        .args([&site.port.to_string(), "--bind", "127.0.0.1", "--directory"])
        .arg(site.tree);
    if site.mode != Mode::Default {
        command.args(["--protocol", "HTTP/1.1"]);
    }
    if site.mode == Mode::Cgi {
        command.arg("--cgi");
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
        Mode::Persistent => command.args(["--protocol", "HTTP/1.1"]),
        Mode::Default => command,
        // Its CGI under HTTP/1.1 leaves a client waiting for a length.
        Mode::Cgi => command.arg("--cgi"),
    };
}

fn nginx(command: &mut Command, site: &Site<'_>) {
    command
        .arg("-p")
        .arg(site.place)
        .arg("-e")
        .arg(site.place.join("error.log"));
    command.arg("-c").arg(site.configuration());
}

fn nginx_configuration(site: &Site<'_>) -> String {
    let place = site.place.display();
    let user = if rustix::process::geteuid().is_root() {
        "user root;"
    } else {
        ""
    };
    format!(
        "{user}
daemon off;
worker_processes 2;
worker_rlimit_nofile 16384;
pid {place}/nginx.pid;
error_log {place}/error.log crit;
events {{ worker_connections 8192; }}
http {{
  default_type application/octet-stream;
  access_log {place}/access.log;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  client_body_temp_path {place}/body;
  proxy_temp_path {place}/proxy;
  fastcgi_temp_path {place}/fastcgi;
  uwsgi_temp_path {place}/uwsgi;
  scgi_temp_path {place}/scgi;
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    root {tree};
    autoindex on;
  }}
}}
",
        port = site.port,
        tree = site.tree.display(),
    )
}

fn lighttpd(command: &mut Command, site: &Site<'_>) {
    command.arg("-D").arg("-f").arg(site.configuration());
}

fn lighttpd_configuration(site: &Site<'_>) -> String {
    let cgi = match site.mode {
        Mode::Cgi => {
            "server.modules += ( \"mod_cgi\" )\n\
             $HTTP[\"url\"] =~ \"^/cgi-bin/\" { cgi.assign = ( \"\" => \"\" ) }\n"
        }
        _ => "",
    };
    format!(
        "server.modules = ( \"mod_accesslog\", \"mod_dirlisting\" )
server.bind = \"127.0.0.1\"
server.port = {port}
server.document-root = \"{tree}\"
server.errorlog = \"{place}/error.log\"
accesslog.filename = \"{place}/access.log\"
server.upload-dirs = ( \"{place}\" )
server.max-worker = 2
server.max-fds = 16384
server.max-connections = 8192
server.listen-backlog = 4096
server.max-keep-alive-requests = 60000
server.max-keep-alive-idle = 60
mimetype.assign = ( \"\" => \"application/octet-stream\" )
dir-listing.activate = \"enable\"
{cgi}",
        port = site.port,
        tree = site.tree.display(),
        place = site.place.display(),
    )
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

fn caddy(command: &mut Command, site: &Site<'_>) {
    command.args(["file-server", "--browse", "--access-log", "--listen"]);
    command
        .arg(format!("127.0.0.1:{}", site.port))
        .arg("--root")
        .arg(site.tree);
    // It keeps state in its user's home otherwise.
    for variable in ["HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"] {
        command.env(variable, site.place);
    }
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
}

fn miniserve(command: &mut Command, site: &Site<'_>) {
    command.args([
        "--interfaces",
        "127.0.0.1",
        "--port",
        &site.port.to_string(),
        "--verbose",
    ]);
    command.arg(site.tree);
}

fn dufs(command: &mut Command, site: &Site<'_>) {
    command
        .args(["--bind", "127.0.0.1", "--port", &site.port.to_string()])
        .arg(site.tree);
}

fn ceiling_shape(command: &mut Command, site: &Site<'_>, shape: &str) {
    command
        .args([ceiling::COMMAND, shape, &site.port.to_string()])
        .arg(site.tree.join(ONE_KIB));
}
