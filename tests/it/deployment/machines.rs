//! Several rhttp behind a proxy: the configurations of the manual, run as they are but for addresses.

use crate::load::{arguments_for, ask, connect, eventually, get, read_response};
use crate::support::{Proxy, Response, Running, Tree, find_program, free_address, not_run, secure};
use rustix::process::Signal;
use std::fs;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

const HAPROXY: &str = include_str!("haproxy.cfg");
const NGINX: &str = include_str!("nginx.conf");

/// How often each node is restarted.
const ROUNDS: usize = 2;

/// Ten clients that ask every 20 ms: 500 requests a second.
const CLIENTS: usize = 10;
const PERIOD: Duration = Duration::from_millis(20);

/// What of the proxy's configuration is not of the site.
const NGINX_AROUND: &str =
    "daemon off; master_process off; pid PREFIX/pid; error_log PREFIX/error.log;
    events { worker_connections 256; }
    http { access_log off; client_body_temp_path PREFIX/body; proxy_temp_path PREFIX/proxy;
    fastcgi_temp_path PREFIX/fastcgi; uwsgi_temp_path PREFIX/uwsgi; scgi_temp_path PREFIX/scgi;
    keepalive_requests 100000; include PREFIX/site.conf; }";

/// A machine of its own, as far as one process can be: with a copy of what is served.
struct Node {
    tree: Tree,
    server: Running,
    address: SocketAddr,
}

impl Node {
    fn new() -> Self {
        let tree = Tree::new();
        tree.file("a", "hello");
        let server = start(&tree, 0);
        let address = server.address();
        Self {
            tree,
            server,
            address,
        }
    }

    /// Starts it again where it was, once it has ended.
    fn start_again(&mut self) {
        self.server.wait();
        self.server = start(&self.tree, self.address.port());
    }

    /// Waits until the proxy sends requests here again.
    fn wait_for_requests(&self) {
        let is_asked = |lines: &[Vec<u8>]| {
            let asked = lines
                .iter()
                .filter(|line| line.windows(5).any(|part| part == b"GET /"));
            (asked.count() > 20).then_some(())
        };
        self.server.wait_for_log(is_asked);
    }
}

fn start(tree: &Tree, port: u16) -> Running {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rhttp"));
    command.arg(port.to_string()).args(["--bind", "127.0.0.1"]);
    command.args(arguments_for(tree, "--protocol HTTP/1.1"));
    Running::start(command)
}

/// A proxy before the nodes.
struct Front {
    _proxy: Proxy,
    plain: SocketAddr,
    tls: SocketAddr,
    _directory: Tree,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Haproxy,
    Nginx,
}

impl Kind {
    fn program(self) -> &'static str {
        match self {
            Self::Haproxy => "haproxy",
            Self::Nginx => "nginx",
        }
    }

    /// The proxy with the manual's configuration, before these nodes.
    fn start(self, nodes: &[Node; 3]) -> Option<Front> {
        let program = find_program(self.program());
        if program.is_none() || find_program("openssl").is_none() {
            not_run(&format!(
                "{} before three nodes: it or openssl is not here",
                self.program()
            ));
            return None;
        }
        let directory = Tree::new();
        certificate(directory.path());
        let [plain, tls] = [free_address(), free_address()];
        let text = match self {
            Self::Haproxy => HAPROXY,
            Self::Nginx => NGINX,
        };
        let mut text = text
            .replace("192.0.2.1:80", &plain.to_string())
            .replace("192.0.2.1:443", &tls.to_string());
        for (number, node) in nodes.iter().enumerate() {
            let written = format!("192.0.2.1{}:8000", number + 1);
            assert!(text.contains(&written), "{text}");
            text = text.replace(&written, &node.address.to_string());
        }
        for place in ["/etc/haproxy", "/etc/nginx"] {
            text = text.replace(place, &directory.path().display().to_string());
        }
        directory.file("site.conf", text);
        let mut command = Command::new(program?);
        match self {
            Self::Haproxy => command
                .arg("-db")
                .arg("-f")
                .arg(directory.path().join("site.conf")),
            Self::Nginx => {
                let prefix = directory.path().display().to_string();
                directory.file("nginx.conf", NGINX_AROUND.replace("PREFIX", &prefix));
                command.arg("-e").arg(directory.path().join("error.log"));
                command.arg("-c").arg(directory.path().join("nginx.conf"))
            }
        };
        let proxy = Proxy::start(&mut command, plain);
        eventually("that the proxy serves", || {
            read_response(&mut ask(plain, "/a")).status() == 200
        });
        Some(Front {
            _proxy: proxy,
            plain,
            tls,
            _directory: directory,
        })
    }
}

fn certificate(directory: &Path) {
    let mut openssl = Command::new("openssl");
    openssl.args([
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
    ]);
    openssl.args([
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
        "-keyout",
        "key.pem",
        "-out",
        "crt.pem",
    ]);
    let output = openssl.current_dir(directory).output().expect("it runs");
    assert!(output.status.success(), "{output:?}");
    let parts =
        ["crt.pem", "key.pem"].map(|name| fs::read(directory.join(name)).expect("it is there"));
    fs::write(directory.join("site.pem"), parts.concat()).expect("it can be written");
}

/// Asks on one connection again and again until it is over; says what went wrong, and how often it
/// asked.
fn keep_asking(mut client: impl Read + Write, is_over: &AtomicBool) -> (usize, Option<String>) {
    let mut count = 0;
    while !is_over.load(Ordering::Relaxed) {
        let start = Instant::now();
        if let Err(complaint) = ask_once(&mut client) {
            return (count, Some(format!("request {count}: {complaint}")));
        }
        count += 1;
        thread::sleep(PERIOD.saturating_sub(start.elapsed()));
    }
    (count, None)
}

fn ask_once(client: &mut (impl Read + Write)) -> Result<(), String> {
    let text = |error: std::io::Error| error.to_string();
    let request = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n";
    client.write_all(request).map_err(text)?;
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    while !answer.ends_with(b"\r\n\r\nhello") {
        match client.read(&mut buffer).map_err(text)? {
            0 => {
                return Err(format!(
                    "it ends after {:?}",
                    String::from_utf8_lossy(&answer)
                ));
            }
            count => answer.extend_from_slice(&buffer[..count]),
        }
        if answer.starts_with(b"HTTP/1.1 5") || answer.starts_with(b"HTTP/1.1 4") {
            return Err(String::from_utf8_lossy(&answer).into_owned());
        }
    }
    Ok(())
}

/// Does something with the nodes under load over kept connections, half of them with TLS, and
/// asserts that no request fails.
fn under_load(kind: Kind, what: impl Fn(&mut [Node; 3])) {
    let mut nodes = [Node::new(), Node::new(), Node::new()];
    let Some(front) = kind.start(&nodes) else {
        return;
    };
    let (is_over, asked) = (AtomicBool::new(false), AtomicUsize::new(0));
    let start = Instant::now();
    let complaints: Vec<_> = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let (front, is_over, asked) = (&front, &is_over, &asked);
                scope.spawn(move || {
                    let (count, complaint) = if number % 2 == 0 {
                        keep_asking(connect(front.plain), is_over)
                    } else {
                        keep_asking(secure(connect(front.tls)), is_over)
                    };
                    asked.fetch_add(count, Ordering::Relaxed);
                    complaint
                })
            })
            .collect();
        for _ in 0..ROUNDS {
            what(&mut nodes);
        }
        is_over.store(true, Ordering::Relaxed);
        let joined = clients.into_iter().map(ScopedJoinHandle::join);
        joined
            .filter_map(|complaint| complaint.expect("no panic"))
            .collect()
    });
    println!(
        "{kind:?}: {} requests in {:?}",
        asked.into_inner(),
        start.elapsed()
    );
    assert_eq!(complaints, Vec::<String>::new());
}

fn restart_in_turn(nodes: &mut [Node; 3]) {
    for node in nodes {
        node.server.signal(Signal::TERM);
        node.start_again();
        node.wait_for_requests();
    }
}

fn kill_in_turn(nodes: &mut [Node; 3]) {
    for node in nodes {
        node.wait_for_requests();
        node.server.signal(Signal::KILL);
        node.start_again();
        node.wait_for_requests();
    }
}

#[test]
fn a_rolling_restart_behind_haproxy_loses_no_request() {
    under_load(Kind::Haproxy, restart_in_turn);
}

#[test]
fn a_rolling_restart_behind_nginx_loses_no_request() {
    under_load(Kind::Nginx, restart_in_turn);
}

#[test]
fn haproxy_asks_another_node_in_place_of_one_that_is_killed() {
    under_load(Kind::Haproxy, kill_in_turn);
}

#[test]
fn nginx_asks_another_node_in_place_of_one_that_is_killed() {
    under_load(Kind::Nginx, kill_in_turn);
}

/// Whichever node a client is sent to next, what it has is still what it has.
#[test]
fn each_node_has_the_same_tags() {
    let nodes = [Node::new(), Node::new(), Node::new()];
    for node in &nodes {
        node.tree.settle();
    }
    let tag = |response: &Response| response.field("ETag").map(str::to_owned);
    let first = tag(&get(nodes[0].address, "/a"));
    let tag_of_first = first.clone().expect("the file has settled");
    for node in &nodes {
        assert_eq!(tag(&get(node.address, "/a")), first);
        let mut client = connect(node.address);
        write!(
            client,
            "GET /a HTTP/1.1\r\nHost: x\r\nIf-None-Match: {tag_of_first}\r\n\r\n"
        )
        .expect("it is sent");
        assert_eq!(crate::load::read_head(&mut client).status(), 304);
        write!(client, "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n").expect("it is sent");
        assert_eq!(crate::load::read_head(&mut client).status(), 200);
    }
}

#[test]
fn the_manual_shows_the_configurations_that_are_tested() {
    let manual = concat!(env!("CARGO_MANIFEST_DIR"), "/src/manual/deployment.md");
    let manual = fs::read_to_string(manual).expect("it can be read");
    for configuration in [HAPROXY, NGINX] {
        let fenced = format!("```text\n{configuration}```\n");
        assert!(
            manual.contains(&fenced),
            "the manual lacks this: {configuration}"
        );
    }
}
