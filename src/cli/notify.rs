//! Telling a service manager about the server's state (`sd_notify(3)`).

use std::os::unix::net::UnixDatagram;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::{env, io};

/// The manager that started this process, if there is one that wants to be told.
#[derive(Debug)]
pub(super) struct Manager {
    socket: Option<UnixDatagram>,
    knows_end: AtomicBool,
}

impl Manager {
    /// The manager that `NOTIFY_SOCKET` names. The socket is connected now, because a sandbox may
    /// forbid that later.
    pub(super) fn of_environment() -> Arc<Self> {
        let name = env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty());
        // A manager that cannot be reached is treated as none.
        let socket = name.and_then(|name| connect(name.as_encoded_bytes()).ok());
        let knows_end = AtomicBool::new(false);
        Arc::new(Self { socket, knows_end })
    }

    /// Reports that clients are served, with a status line for people.
    pub(super) fn ready(&self, status: &str) {
        self.say(&format!("READY=1\nSTATUS={status}"));
    }

    /// Reports, once, that the server is stopping.
    pub(super) fn stopping(&self) {
        if !self.knows_end.swap(true, Ordering::Relaxed) {
            self.say("STOPPING=1\nSTATUS=Letting responses finish");
        }
    }

    fn say(&self, state: &str) {
        if let Some(socket) = &self.socket {
            let _ = socket.send(state.as_bytes());
        }
    }
}

/// Connects to a path, or on Linux to an abstract name, which begins with `@`.
fn connect(name: &[u8]) -> io::Result<UnixDatagram> {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let socket = UnixDatagram::unbound()?;
    #[cfg(target_os = "linux")]
    if let Some(name) = name.strip_prefix(b"@") {
        use std::os::linux::net::SocketAddrExt;
        let address = std::os::unix::net::SocketAddr::from_abstract_name(name)?;
        socket.connect_addr(&address)?;
        return Ok(socket);
    }
    socket.connect(OsStr::from_bytes(name))?;
    Ok(socket)
}
