//! HTTPS: certificates and keys, handshakes that go wrong, what TLS adds to the end of a response.
//! The tables of other tests run over TLS beside themselves.

mod clients;
mod keys;
mod sessions;

use crate::load::arguments_for;
use crate::support::{Running, Tree, client_config};
use pkcs8::der::pem::{LineEnding, encode_string};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use std::fs;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

/// A client's end of a TLS connection.
type Session = StreamOwned<ClientConnection, TcpStream>;

/// A certificate for `localhost` and 127.0.0.1 with its key, as files in a tree.
struct Pair {
    certificate: PathBuf,
    key: PathBuf,
}

impl Pair {
    /// A new pair, in the place of one that is there.
    fn make(tree: &Tree) -> Self {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).expect("it can be made");
        let pair = Self {
            certificate: tree.path().join("cert.pem"),
            key: tree.path().join("key.pem"),
        };
        let pem = [
            (&pair.certificate, "CERTIFICATE", made.cert.der().to_vec()),
            (&pair.key, "PRIVATE KEY", made.signing_key.serialize_der()),
        ];
        for (path, label, der) in pem {
            let new = path.with_extension("new");
            let text = encode_string(label, LineEnding::LF, &der).expect("it has a PEM form");
            fs::write(&new, text).expect("it can be written");
            fs::rename(new, path).expect("it can be moved");
        }
        pair
    }

    /// rhttp on a tree with this pair.
    fn serve(&self, tree: &Tree, arguments: &str) -> Running {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rhttp"));
        command.args(["0", "--bind", "127.0.0.1"]);
        command.args(arguments_for(tree, arguments));
        command.arg("--tls-cert").arg(&self.certificate);
        command.arg("--tls-key").arg(&self.key);
        Running::start(command)
    }
}

/// A session with what `change` makes of the usual offers.
fn session(server: &Running, change: impl FnOnce(&mut ClientConfig)) -> Session {
    let mut config = client_config();
    change(&mut config);
    with_config(server, &Arc::new(config))
}

fn with_config(server: &Running, config: &Arc<ClientConfig>) -> Session {
    let stream = crate::load::connect(server.address());
    let name = ServerName::try_from("localhost").expect("it is a name");
    let session = ClientConnection::new(Arc::clone(config), name).expect("it can begin");
    StreamOwned::new(session, stream)
}

/// The certificate that a server shows.
fn certificate(server: &Running) -> CertificateDer<'static> {
    let mut session = session(server, |_| {});
    while session.conn.is_handshaking() {
        let done = session.conn.complete_io(&mut session.sock);
        done.expect("the handshake succeeds");
    }
    let shown = session.conn.peer_certificates().expect("it shows one");
    shown[0].clone().into_owned()
}
