//! Certificates and keys in PEM files (RFC 7468).

use super::error::TlsError;
use rustls::pki_types::pem::{Error, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;
use std::fs;
use std::path::Path;

/// The lines around an encrypted PKCS#8 key (RFC 7468 §11).
const ENCRYPTED_BEGIN: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----";
const ENCRYPTED_END: &str = "-----END ENCRYPTED PRIVATE KEY-----";
/// What OpenSSL's traditional form has in the header of an encrypted key (RFC 1421 §4.6.1.1).
const TRADITIONAL: &str = "Proc-Type: 4,ENCRYPTED";

/// Loads the certificate chain from one file and the key from another.
pub(super) fn load(
    certificate: &Path,
    key: &Path,
    password: Option<&str>,
) -> Result<CertifiedKey, TlsError> {
    let chain = read_chain(certificate)?;
    let private = read_key(key, password)?;
    let provider = rustls::crypto::ring::default_provider();
    CertifiedKey::from_der(chain, private, &provider).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => TlsError::Mismatch(certificate.into(), key.into()),
        rustls::Error::InvalidCertificate(why) => TlsError::Unusable(
            certificate.into(),
            format!("the certificate is bad: {why:?}"),
        ),
        error => TlsError::Unusable(key.into(), error.to_string()),
    })
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|error| TlsError::Unreadable(path.into(), error))
}

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let pem = read(path)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match chain {
        Ok(chain) if chain.is_empty() => Err(TlsError::NoCertificate(path.into())),
        Ok(chain) => Ok(chain),
        Err(error) => Err(TlsError::Unusable(path.into(), error.to_string())),
    }
}

fn read_key(path: &Path, password: Option<&str>) -> Result<PrivateKeyDer<'static>, TlsError> {
    let pem = read(path)?;
    let text = String::from_utf8_lossy(&pem);
    if let Some((_, encrypted)) = text.split_once(ENCRYPTED_BEGIN) {
        let Some((base64, _)) = encrypted.split_once(ENCRYPTED_END) else {
            return Err(TlsError::Unusable(path.into(), "the key has no end".into()));
        };
        let password = password.ok_or_else(|| TlsError::NeedsPassword(path.into()))?;
        return decrypt(path, base64, password);
    }
    if text.contains(TRADITIONAL) {
        return Err(TlsError::TraditionalEncryption(path.into()));
    }
    PrivateKeyDer::from_pem_slice(&pem).map_err(|error| match error {
        Error::NoItemsFound => TlsError::NoKey(path.into()),
        error => TlsError::Unusable(path.into(), error.to_string()),
    })
}

/// The key in an encrypted PKCS#8 block (RFC 5958 §3), whose lines may be of any length.
fn decrypt(path: &Path, base64: &str, password: &str) -> Result<PrivateKeyDer<'static>, TlsError> {
    let unusable = |error: String| TlsError::Unusable(path.into(), error);
    let digits: Vec<_> = base64.split_ascii_whitespace().collect();
    let digits = digits.concat();
    let mut pem = format!("{ENCRYPTED_BEGIN}\n");
    for line in digits.as_bytes().chunks(64) {
        pem.push_str(&String::from_utf8_lossy(line));
        pem.push('\n');
    }
    pem.push_str(ENCRYPTED_END);
    let (_, encrypted) =
        pkcs8::der::SecretDocument::from_pem(&pem).map_err(|error| unusable(error.to_string()))?;
    let info = pkcs8::EncryptedPrivateKeyInfoRef::try_from(encrypted.as_bytes())
        .map_err(|error| unusable(error.to_string()))?;
    match info.decrypt(password) {
        Ok(key) => Ok(PrivatePkcs8KeyDer::from(key.as_bytes().to_vec()).into()),
        Err(
            pkcs8::Error::EncryptedPrivateKey(pkcs8::pkcs5::Error::DecryptFailed)
            | pkcs8::Error::Asn1(_),
        ) => Err(TlsError::WrongPassword(path.into())),
        Err(error) => Err(unusable(error.to_string())),
    }
}
