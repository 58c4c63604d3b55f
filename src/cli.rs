//! The command line of `python -m http.server`.

mod args;
mod chain;
mod generate;
mod https;
mod listening;
mod log_file;
mod notify;
mod signals;
mod web;

use crate::cgi;
use crate::http::{Peer, Scheme};
use crate::server::Server;
use crate::sys;
use crate::tls::Tls;
use anyhow::{Context, Result};
use log_file::LogFile;
use notify::Manager;
use signals::{Ending, Scripts};
use std::io::{self, Write};
use std::path::{self, Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::time::Duration;
use std::{fs, thread};

/// How long to wait for a line to be written to standard output. A supervisor that does not read
/// what its servers print must not keep them from serving, or from ending.
const OUTPUT_LIMIT: Duration = Duration::from_millis(100);

/// Does what the command line asks for; returns when the server has ended.
///
/// A wrong command line ends the process with a usage message and status 2, as argparse does.
///
/// # Errors
/// The directory cannot be read, the address cannot be had, or the kernel has no sandbox.
pub fn run() -> Result<()> {
    let args = args::parse();
    if let Some(document) = args.deployment.generate {
        return generate::print(document);
    }
    sys::save_address_space();
    // Read once, while all can be read.
    let _ = sys::memory_limit();
    let config = args.config();
    let directory = directory(args.directory.as_deref())?;
    sys::raise_descriptor_limit();
    let handler = chain::handler(&args, directory.clone())?;
    let grace = config.grace;
    let log = args.deployment.log.as_deref().map(open_log).transpose()?;
    let wanted = listening::wanted(&args)?;
    let tls = https::tls(&args, &wanted.ips())?;
    let (listeners, socket_files) = wanted.listen(config.backlog, args.deployment.socket_mode)?;
    let socket_files = Arc::new(socket_files);
    let manager = Manager::of_environment();
    let ignored_signals = sys::ignored_signals();
    sys::unblock_signals()?;
    if args.cgi {
        sys::unprivileged_user().context("cannot run scripts as an ordinary user")?;
        sys::isolate_children()?;
    }
    if args.sandbox {
        // It holds for the threads that this one starts: before any is.
        let purpose = if args.cgi {
            sys::Purpose::Scripts
        } else {
            sys::Purpose::Files
        };
        let others = tls.iter().flat_map(Tls::files).map(Path::to_path_buf);
        let others: Vec<_> = others.collect();
        sys::confine(&directory, &others, purpose).context("cannot set up the sandbox")?;
    }
    let mut listeners = listeners.into_iter();
    let first = listeners.next().context("there is nothing to listen on")?;
    let mut server = Server::new(first, handler)
        .and_then(|server| listeners.try_fold(server, Server::with_listener))
        .context("cannot set up the server")?
        .with_config(config)
        .with_log_format(args.deployment.log_format.into());
    if let Some(log) = log.clone() {
        server = server.with_log(log);
    }
    let scheme = match &tls {
        Some(_) => Scheme::Https,
        None => Scheme::Http,
    };
    let fingerprint = tls.as_ref().filter(|_| args.https.tls_self_signed);
    let fingerprint = fingerprint.map(Tls::fingerprint);
    if let Some(tls) = tls {
        server = server.with_tls(tls);
    }

    let ending = Ending {
        server: server.handle(),
        grace,
        manager: Arc::clone(&manager),
        socket_files: Arc::clone(&socket_files),
        log,
    };
    let scripts = if args.cgi {
        Scripts::Run
    } else {
        Scripts::None
    };
    ending.on_signals(scripts, &ignored_signals)?;
    let banner: Vec<_> = server
        .local_addrs()
        .map(|place| banner(place, scheme))
        .collect();
    banner.iter().cloned().for_each(say);
    if let Some(fingerprint) = fingerprint {
        say(format!(
            "SHA-256 fingerprint of the certificate: {fingerprint}"
        ));
    }
    if scheme == Scheme::Http {
        warn(&args, server.local_addrs());
    }
    manager.ready(&banner.join(" "));
    let result = server.serve();
    manager.stopping();
    socket_files.remove();
    cgi::end_all(cgi::GRACE);
    result.context("cannot serve any more")
}

fn open_log(path: &Path) -> Result<LogFile> {
    LogFile::open(path).with_context(|| format!("cannot write the log to {}", path.display()))
}

/// The directory to serve, absolute, so that it is found again whatever happens to it.
fn directory(wanted: Option<&Path>) -> Result<PathBuf> {
    let directory = wanted.unwrap_or(Path::new("."));
    let absolute = path::absolute(directory).and_then(|path| fs::read_dir(&path).map(|_| path));
    absolute.with_context(|| format!("cannot serve {}", directory.display()))
}

/// CPython's banner.
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

/// Says on standard error what the flags cannot do without TLS on the network.
fn warn<'a>(args: &args::Args, mut servers: impl Iterator<Item = &'a Peer>) {
    if servers.all(|server| server.ip().is_none_or(|ip| ip.is_loopback())) {
        return;
    }
    let remedy = "bind to 127.0.0.1, or use --tls-cert or --tls-self-signed";
    if args.web.auth_file.is_some() {
        let _ = writeln!(io::stderr(), "rhttp: passwords travel readable: {remedy}");
    }
    if args.web.isolate {
        let what = "browsers isolate no pages of other machines without TLS";
        let _ = writeln!(io::stderr(), "rhttp: {what}: {remedy}");
    }
}

/// Writes a line to standard output. If nobody reads it, the server goes on after a moment.
fn say(line: String) {
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
