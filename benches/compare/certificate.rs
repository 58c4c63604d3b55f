//! The certificate that all servers show, and what clients do about it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use pkcs8::LineEnding;
use pkcs8::der::pem::encode_string;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ClientConfig, Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, DEFAULT_VERSIONS, DigitallySignedStruct, Error, RootCertStore,
    SignatureScheme, SupportedProtocolVersion, version,
};

use crate::fallible::Fallible;

/// Whom it is for: clients ask for this name.
pub(crate) const HOST: &str = "localhost";

/// P-256, signed by itself, in files of PEM.
pub(crate) struct Certificate {
    pub(crate) chain: PathBuf,
    pub(crate) key: PathBuf,
    der: CertificateDer<'static>,
}

/// What is done about earlier connections to the same server.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Handshake {
    Full,
    Resumed,
    /// In TLS 1.2, where a client may resume one session as often as it likes.
    Resumed12,
}

impl Certificate {
    pub(crate) fn make(directory: &Path) -> Fallible<Self> {
        fs::create_dir(directory)?;
        let made = rcgen::generate_simple_self_signed([HOST.to_owned()])?;
        let certificate = Self {
            chain: directory.join("chain.pem"),
            key: directory.join("key.pem"),
            der: made.cert.der().clone(),
        };
        let pem = |label, der: &[u8]| encode_string(label, LineEnding::LF, der);
        fs::write(&certificate.chain, pem("CERTIFICATE", made.cert.der())?)?;
        let key = made.signing_key.serialize_der();
        fs::write(&certificate.key, pem("PRIVATE KEY", &key)?)?;
        Ok(certificate)
    }

    /// A client that verifies what a server shows, as clients do.
    pub(crate) fn verifying(&self) -> io::Result<Arc<ClientConfig>> {
        let provider = Arc::new(ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone()).map_err(io::Error::other)?;
        let verifier =
            WebPkiServerVerifier::builder_with_provider(roots.into(), Arc::clone(&provider))
                .build()
                .map_err(io::Error::other)?;
        client(provider, verifier, DEFAULT_VERSIONS, Resumption::disabled())
    }

    /// A client for a load: it spends as little as it can, so that the servers are what is
    /// measured. That a server has the key is what `verifying` has seen to before.
    pub(crate) fn hasty(&self, handshake: Handshake) -> io::Result<Arc<ClientConfig>> {
        let provider = Arc::new(ring::default_provider());
        let verifier = Arc::new(Same {
            der: self.der.clone(),
            provider: Arc::clone(&provider),
        });
        let resumption = match handshake {
            Handshake::Full => Resumption::disabled(),
            Handshake::Resumed | Handshake::Resumed12 => Resumption::in_memory_sessions(8),
        };
        let versions = match handshake {
            Handshake::Resumed12 => &[&version::TLS12],
            Handshake::Full | Handshake::Resumed => DEFAULT_VERSIONS,
        };
        client(provider, verifier, versions, resumption)
    }
}

fn client(
    provider: Arc<CryptoProvider>,
    verifier: Arc<dyn ServerCertVerifier>,
    versions: &[&'static SupportedProtocolVersion],
    resumption: Resumption,
) -> io::Result<Arc<ClientConfig>> {
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .map_err(io::Error::other)?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.resumption = resumption;
    Ok(Arc::new(config))
}

/// Takes this very certificate, and looks at no signature.
#[derive(Debug)]
struct Same {
    der: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Same {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if *end_entity != self.der {
            return Err(CertificateError::UnknownIssuer.into());
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
