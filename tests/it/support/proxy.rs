//! Proxies in front of rhttp.

use super::eventually;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

/// A proxy that is ended with the test.
pub(crate) struct Proxy(Child);

impl Proxy {
    /// Starts a proxy, and waits until it listens at `address`.
    pub(crate) fn start(command: &mut Command, address: SocketAddr) -> Self {
        let command = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let proxy = Self(command.spawn().expect("it runs"));
        eventually("that the proxy listens", || {
            TcpStream::connect(address).is_ok()
        });
        proxy
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// An address for a proxy: its port was free a moment ago.
pub(crate) fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    listener.local_addr().expect("it has an address")
}
