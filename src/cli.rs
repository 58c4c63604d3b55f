//! The command line of `python -m http.server`.

mod addresses;
mod announce;
mod args;
mod browser;
mod chain;
mod generate;
mod https;
mod listening;
mod log_file;
mod notify;
mod qr;
mod served;
mod signals;
mod single;
mod web;

use crate::cgi;
use crate::http::Scheme;
use crate::server::Server;
use crate::sys;
use crate::tls::Tls;
use announce::{Announced, say};
use anyhow::{Context, Result};
use args::Args;
use log_file::LogFile;
use notify::Manager;
use served::Served;
use signals::{Ending, Scripts};
use std::path::Path;
use std::sync::Arc;

/// Does what the command line asks for; returns when the server has ended.
///
/// An invalid command line ends the process with a usage message and status 2, as in argparse.
///
/// This is all that the program `rhttp` does:
///
/// ```no_run
/// use std::process::ExitCode;
///
/// fn main() -> ExitCode {
///     match rhttp::cli::run() {
///         Ok(()) => ExitCode::SUCCESS,
///         Err(error) => {
///             eprintln!("rhttp: {error:#}");
///             ExitCode::FAILURE
///         }
///     }
/// }
/// ```
///
/// # Errors
/// The directory cannot be read, the address is not available, or the kernel has no sandbox.
pub fn run() -> Result<()> {
    if let Some(served) = cgi::serve_if_asked() {
        return served.context("cannot start scripts");
    }
    let args = args::parse();
    if let Some(document) = args.deployment.generate {
        return generate::print(document);
    }
    sys::save_address_space();
    // Read once now, while every file can still be read.
    let _ = sys::memory_limit();
    let config = args.config();
    let what = Served::of(&args)?;
    let uploads = served::uploads(&args, what.directory())?;
    sys::raise_descriptor_limit();
    let log = args.deployment.log.as_deref().map(open_log).transpose()?;
    let wanted = listening::wanted(&args)?;
    let tls = https::tls(&args, &wanted.ips())?;
    let scheme = match &tls {
        Some(_) => Scheme::Https,
        None => Scheme::Http,
    };
    let handler = chain::handler(&args, what.clone(), uploads.clone())?;
    let (listeners, socket_files) = wanted.listen(config.backlog, args.deployment.socket_mode)?;
    let manager = Manager::of_environment();
    // The browser starts now, because a confined process cannot start it; it waits until it is
    // answered.
    let mut places = listeners
        .iter()
        .filter_map(|listener| listener.local_addr().ok());
    let place = places.find_map(|place| place.socket_addr());
    let browser = place.filter(|_| args.sharing.open);
    let browser = browser.and_then(|place| browser::open(place, scheme));
    let scripts = scripts(&args)?;
    sys::unblock_signals()?;
    if args.sandbox {
        // Confinement is inherited by the threads that this one starts, so it comes before any of
        // them.
        confine(&args, &what, uploads.as_deref(), tls.as_ref(), log.as_ref())?;
    }
    let mut listeners = listeners.into_iter();
    let first = listeners.next().context("there is nothing to listen on")?;
    let grace = config.grace;
    let mut server = Server::new(first, handler)
        .and_then(|server| listeners.try_fold(server, Server::with_listener))
        .context("cannot set up the server")?
        .with_config(config)
        .with_log_format(args.deployment.log_format.into());
    if let Some(log) = log.clone() {
        server = server.with_log(log);
    }
    let fingerprint = tls.as_ref().filter(|_| args.https.tls_self_signed);
    let fingerprint = fingerprint.map(Tls::fingerprint);
    if let Some(tls) = tls {
        server = server.with_tls(tls);
    }

    let ending = Ending {
        server: server.handle(),
        grace,
        manager: Arc::clone(&manager),
        socket_files: Arc::new(socket_files),
        log,
    };
    let follow_signals = ending.clone().on_signals(scripts)?;
    if let Some(life) = args.sharing.life {
        ending.after(life)?;
    }
    browser::wait(browser);
    let places = server.local_addrs().cloned().collect();
    let announced = Announced::new(places, scheme, fingerprint);
    let service = Arc::clone(&manager);
    // The first client need not wait for any of this.
    let server = server.on_start(move || {
        follow_signals();
        announced.say(&args.sharing);
        announce::warn(&args, &announced);
        service.ready(&announced.banner.join(" "));
        Ok(())
    });
    let result = server.serve();
    manager.stopping();
    ending.socket_files.remove();
    cgi::end_all(cgi::GRACE);
    result.context("cannot serve any more")
}

/// Prepares the process for scripts, if it runs them.
fn scripts(args: &Args) -> Result<Scripts> {
    if !args.cgi {
        return Ok(Scripts::None);
    }
    sys::unprivileged_user().context("cannot run scripts as an ordinary user")?;
    let ignored = sys::isolate_children()?;
    cgi::use_starter();
    Ok(Scripts::Run { ignored })
}

/// Lets the kernel deny the process everything that it does not need.
fn confine(
    args: &Args,
    served: &Served,
    uploads: Option<&Path>,
    tls: Option<&Tls>,
    log: Option<&LogFile>,
) -> Result<()> {
    // Not with scripts, which would then be able to read the hashes.
    let passwords = args.web.auth_file.as_deref().filter(|_| !args.cgi);
    let pair = tls.iter().flat_map(|tls| tls.files());
    let reach = sys::Reach {
        served: &served.path(),
        uploads,
        renewed: pair.chain(passwords).collect(),
        log: log.map(LogFile::path),
        purpose: if args.cgi {
            sys::Purpose::Scripts
        } else {
            sys::Purpose::Files
        },
    };
    sys::confine(&reach).context("cannot set up the sandbox")
}

fn open_log(path: &Path) -> Result<LogFile> {
    LogFile::open(path).with_context(|| format!("cannot write the log to {}", path.display()))
}
