//! Opening an address in the browser.

use crate::http::Scheme;
use std::env;
use std::io::{self, IsTerminal, Write};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::thread;

/// The program that opens an address in the user's preferred browser.
const OPENER: &str = if cfg!(target_os = "macos") {
    "open"
} else {
    "xdg-open"
};

/// Opens the page of a server on `address`, if there is a terminal. A failure is reported by one
/// line on standard error, and has no other effect.
///
/// The browser runs in a process group of its own, so that what ends the server does not end it.
pub(super) fn open(address: SocketAddr, scheme: Scheme) -> Option<Child> {
    if !io::stdout().is_terminal() {
        return None;
    }
    let url = if address.ip().is_unspecified() {
        format!("{scheme}://localhost:{}/", address.port())
    } else {
        format!("{scheme}://{address}/")
    };
    let opened = check_desktop().and_then(|()| start(&url));
    if let Err(why) = &opened {
        let _ = writeln!(io::stderr(), "rhttp: cannot open a browser: {why}");
    }
    opened.ok()
}

/// Reaps the opener, which ends soon.
pub(super) fn wait(opener: Option<Child>) {
    if let Some(mut opener) = opener {
        let thread = thread::Builder::new().name("browser".into());
        let _ = thread.spawn(move || opener.wait());
    }
}

/// A browser is for the person at the desktop, and never root's.
fn check_desktop() -> Result<(), String> {
    if rustix::process::geteuid().is_root() {
        return Err("not as root".into());
    }
    let has_desktop = ["DISPLAY", "WAYLAND_DISPLAY"].map(env::var_os);
    if cfg!(not(target_os = "macos")) && has_desktop.iter().all(Option::is_none) {
        return Err("there is no desktop".into());
    }
    Ok(())
}

fn start(url: &str) -> Result<Child, String> {
    Command::new(OPENER)
        .arg(url)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .map_err(|error| format!("{OPENER}: {error}"))
}
