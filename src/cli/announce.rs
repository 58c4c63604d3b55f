//! What standard output is told.

use super::args::Sharing;
use super::{addresses, qr};
use crate::http::Peer;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

/// How long to wait for a line to be written to standard output. A supervisor that does not read
/// what its servers print must not keep them from serving, or from ending.
const OUTPUT_LIMIT: Duration = Duration::from_millis(100);

/// Prints CPython's banner, at once even into a pipe. A person at a terminal is told, too, how other
/// machines reach the server.
pub(super) fn announce(server: &Peer, sharing: &Sharing) {
    let mut lines = vec![match server {
        Peer::Ip(address) => {
            let (host, port) = (address.ip(), address.port());
            format!("Serving HTTP on {host} port {port} (http://{address}/) ...")
        }
        Peer::Unix(_) => format!("Serving HTTP on {server} ..."),
    }];
    if let Peer::Ip(address) = server
        && io::stdout().is_terminal()
    {
        let urls = addresses::urls(*address);
        let code = urls.first().filter(|_| sharing.qr);
        let code = code.and_then(|url| qr::code(url));
        if address.ip().is_unspecified() {
            lines.extend(urls);
        }
        lines.extend(code);
    }
    say(lines.join("\n"));
}

/// Writes a line to standard output. If nobody reads it, the server goes on after a moment.
pub(super) fn say(line: String) {
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

fn write_line(line: &str) {
    let mut stdout = io::stdout().lock();
    let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
}
