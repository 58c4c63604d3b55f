//! What a server needs to speak TLS: its certificate, its key, and what it offers to clients.

mod error;
mod pair;
mod pem;
mod self_signed;

pub use error::TlsError;

use pair::Pair;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::server::{ClientHello, NoServerSessionStorage, ProducesTickets};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The only protocol spoken over TLS (RFC 7301 §6).
const HTTP_1_1: &[u8] = b"http/1.1";

/// A certificate with its key, and everything else that TLS needs: what Python's `HTTPSServer`
/// takes as `certfile`, `keyfile`, `password` and `alpn_protocols`.
///
/// TLS 1.2 and 1.3 are supported, with the cipher suites that rustls considers safe. Sessions
/// resume by tickets; there is no early data, which anybody could replay.
///
/// ```no_run
/// use rhttp::{FileHandler, Server, Tls};
///
/// let tls = match Tls::from_files("cert.pem", "key.pem", None) {
///     Ok(tls) => tls,
///     Err(_) => Tls::self_signed(["localhost".into()])?,
/// };
/// println!("compare this with what the browser shows: {}", tls.fingerprint());
/// Server::bind("0.0.0.0:8443", FileHandler::new("/srv/www"))?.with_tls(tls).serve()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[doc(alias = "HTTPSServer")]
#[doc(alias = "ThreadingHTTPSServer")]
#[doc(alias = "certfile")]
pub struct Tls {
    pair: Arc<Pair>,
    /// For clients that offer HTTP/1.1 among other protocols.
    with_alpn: Arc<ServerConfig>,
    /// For those that offer none, or only others. Like OpenSSL under CPython, rhttp goes on without
    /// ALPN then; rustls would end the handshake.
    without_alpn: Arc<ServerConfig>,
}

impl Tls {
    /// The certificate chain in one PEM file and its key in another, which may be the same.
    ///
    /// The key is PKCS#8, PKCS#1 or SEC1; `password` is used for an encrypted PKCS#8 key and
    /// ignored for any other. When one of the files changes, connections made a second later get
    /// the new pair.
    ///
    /// # Errors
    /// A file cannot be read, or what is in it cannot be used; the error names the file.
    #[doc(alias = "keyfile")]
    #[doc(alias = "load_cert_chain")]
    pub fn from_files(
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
        password: Option<String>,
    ) -> Result<Self, TlsError> {
        Self::new(Pair::from_files(certificate.into(), key.into(), password)?)
    }

    /// A certificate for these host names and IP addresses, made now and kept only in memory. It is
    /// not signed by any authority: a person compares its [fingerprint](Self::fingerprint) with
    /// what the browser shows.
    ///
    /// # Errors
    /// A name is not a host name, or no randomness is available.
    pub fn self_signed(names: impl IntoIterator<Item = String>) -> Result<Self, TlsError> {
        Self::new(Pair::fixed(self_signed::make(names)?))
    }

    fn new(pair: Pair) -> Result<Self, TlsError> {
        let pair = Arc::new(pair);
        let ticketer = ring::Ticketer::new().map_err(TlsError::setup)?;
        let config = |protocols| config(&pair, &ticketer, protocols);
        Ok(Self {
            with_alpn: config(vec![HTTP_1_1.to_vec()])?,
            without_alpn: config(Vec::new())?,
            pair,
        })
    }

    /// The SHA-256 fingerprint of the certificate, as browsers show it: `AB:CD:…`.
    pub fn fingerprint(&self) -> String {
        self.pair.fingerprint()
    }

    /// The files that the certificate and the key come from.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        self.pair.files()
    }

    /// Checks, at most once a second, whether the files have changed, and loads the new pair. If
    /// that cannot be used, the old one stays in use and the error is returned once.
    pub(crate) fn renew(&self) -> Option<TlsError> {
        self.pair.renew()
    }

    /// What to offer a client that sends `hello`.
    pub(crate) fn config_for(&self, hello: &ClientHello<'_>) -> Arc<ServerConfig> {
        let offers_http = hello
            .alpn()
            .is_some_and(|mut offered| offered.any(|protocol| protocol == HTTP_1_1));
        Arc::clone(if offers_http {
            &self.with_alpn
        } else {
            &self.without_alpn
        })
    }
}

fn config(
    pair: &Arc<Pair>,
    ticketer: &Arc<dyn ProducesTickets>,
    protocols: Vec<Vec<u8>>,
) -> Result<Arc<ServerConfig>, TlsError> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(TlsError::setup)?
        .with_no_client_auth()
        .with_cert_resolver(Arc::clone(pair) as _);
    config.alpn_protocols = protocols;
    // Clients keep the tickets, so sessions take no memory here.
    config.ticketer = Arc::clone(ticketer);
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(Arc::new(config))
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Shows nothing of the key.
        f.debug_struct("Tls")
            .field("fingerprint", &self.fingerprint())
            .finish_non_exhaustive()
    }
}
