//! What is printed on standard output.

use super::args::{Args, Sharing};
use super::{addresses, qr};
use crate::http::{Peer, Scheme};
use crate::sys;
use rustix::event::PollFlags;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

/// How long to wait for a line to be written to standard output. A supervisor that does not read
/// what its servers print must not keep them from serving or from exiting.
const OUTPUT_LIMIT: Duration = Duration::from_millis(100);

/// What can be written takes this many bytes at once (POSIX: `PIPE_BUF` is no less).
const AT_ONCE: usize = 512;

/// A server as it is announced to people.
pub(super) struct Announced {
    places: Vec<Peer>,
    scheme: Scheme,
    /// CPython's banner, one line for each place.
    pub(super) banner: Vec<String>,
    /// The fingerprint of a self-signed certificate.
    fingerprint: Option<String>,
}

impl Announced {
    pub(super) fn new(places: Vec<Peer>, scheme: Scheme, fingerprint: Option<String>) -> Self {
        Self {
            banner: places.iter().map(|place| banner(place, scheme)).collect(),
            places,
            scheme,
            fingerprint,
        }
    }

    /// Prints the banner, without buffering even into a pipe. On a terminal, also prints how other
    /// machines reach the server.
    pub(super) fn say(&self, sharing: &Sharing) {
        let mut lines = self.banner.clone();
        let fingerprint = self.fingerprint.iter();
        lines.extend(
            fingerprint.map(|print| format!("SHA-256 fingerprint of the certificate: {print}")),
        );
        let address = self.places.iter().find_map(Peer::socket_addr);
        if let Some(address) = address
            && io::stdout().is_terminal()
        {
            let urls = addresses::urls(address, self.scheme);
            let code = urls.first().filter(|_| sharing.qr);
            let code = code.and_then(|url| qr::code(url));
            if address.ip().is_unspecified() {
                lines.extend(urls);
            }
            lines.extend(code);
        }
        say(lines.join("\n"));
    }
}

fn banner(server: &Peer, scheme: Scheme) -> String {
    let name = scheme.to_string().to_uppercase();
    match server {
        Peer::Ip(address) => {
            let (host, port) = (address.ip(), address.port());
            format!("Serving {name} on {host} port {port} ({scheme}://{address}/) ...")
        }
        Peer::Unix(_) => format!("Serving {name} on {server} ..."),
    }
}

/// Warns on standard error about flags that need TLS on the network.
pub(super) fn warn(args: &Args, announced: &Announced) {
    let is_local = |place: &Peer| place.ip().is_none_or(|ip| ip.is_loopback());
    if announced.scheme == Scheme::Https || announced.places.iter().all(is_local) {
        return;
    }
    let remedy = "bind to 127.0.0.1, or use --tls-cert or --tls-self-signed";
    if args.web.auth_file.is_some() {
        let _ = writeln!(io::stderr(), "rhttp: passwords travel readable: {remedy}");
    }
    if args.web.isolate {
        let what = "without TLS, browsers isolate only pages of localhost";
        let _ = writeln!(io::stderr(), "rhttp: {what}: {remedy}");
    }
}

/// Writes a line to standard output. If nobody reads it, the server continues after a moment.
pub(super) fn say(line: String) {
    if line.len() < AT_ONCE && is_writable() {
        write_line(&line);
        return;
    }
    let (said, is_said) = mpsc::channel();
    let line = Arc::new(line);
    let spoken = Arc::clone(&line);
    let spawned = thread::Builder::new().name("output".into()).spawn(move || {
        write_line(&spoken);
        let _ = said.send(());
    });
    match spawned {
        Ok(_) => drop(is_said.recv_timeout(OUTPUT_LIMIT)),
        Err(_) => write_line(&line),
    }
}

/// Whether standard output takes [`AT_ONCE`] bytes without a wait.
fn is_writable() -> bool {
    sys::events_now(io::stdout(), PollFlags::OUT) == PollFlags::OUT
}

fn write_line(line: &str) {
    let mut stdout = io::stdout().lock();
    let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
}
