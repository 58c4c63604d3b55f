//! Why TLS cannot be used.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why a certificate and its key cannot be used. `Display` is one line, which names the file.
///
/// ```
/// use rhttp::{Tls, TlsError};
///
/// match Tls::from_files("cert.pem", "key.pem", None) {
///     Ok(_) => println!("ready"),
///     // A program may do something about these,
///     Err(TlsError::NeedsPassword(key) | TlsError::WrongPassword(key)) => {
///         println!("the password of {}, please:", key.display());
///     }
///     Err(TlsError::Mismatch(certificate, _)) => {
///         println!("was {} renewed for another key?", certificate.display());
///     }
///     // and about these, before there is a certificate at all.
///     Err(TlsError::Unreadable(..) | TlsError::NoCertificate(_) | TlsError::NoKey(_)) => {
///         println!("a self-signed one will do for now");
///     }
///     // The rest is for a person to read, and names the file:
///     // `Unusable`, `TraditionalEncryption`, `BadName`, `Setup`.
///     Err(error) => println!("{error}"),
/// }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    Unreadable(PathBuf, io::Error),
    /// There is no certificate in the file.
    NoCertificate(PathBuf),
    /// There is no private key in the file.
    NoKey(PathBuf),
    /// A certificate or key in the file cannot be parsed, or is of an unsupported kind.
    Unusable(PathBuf, String),
    /// The key in the file is encrypted, and there is no password.
    NeedsPassword(PathBuf),
    /// The password does not open the key in the file.
    WrongPassword(PathBuf),
    /// The key in the file is encrypted in OpenSSL's traditional form, which is not supported.
    TraditionalEncryption(PathBuf),
    /// The key in the second file does not belong to the certificate in the first.
    Mismatch(PathBuf, PathBuf),
    /// A name for a self-signed certificate is not a host name.
    BadName(String),
    /// TLS itself cannot be set up.
    Setup(String),
}

impl TlsError {
    /// Of another crate's error only the text is kept: its type would tie this interface to that
    /// crate's version.
    pub(super) fn setup(error: impl fmt::Display) -> Self {
        Self::Setup(error.to_string())
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(path, error) => write!(f, "cannot read {}: {error}", path.display()),
            Self::NoCertificate(path) => {
                write!(f, "there is no PEM certificate in {}", path.display())
            }
            Self::NoKey(path) => write!(f, "there is no PEM private key in {}", path.display()),
            Self::Unusable(path, why) => write!(f, "cannot use {}: {why}", path.display()),
            Self::NeedsPassword(path) => write!(
                f,
                "the key in {} is encrypted: give its password with --tls-password-file",
                path.display()
            ),
            Self::WrongPassword(path) => {
                write!(
                    f,
                    "the password does not open the key in {}",
                    path.display()
                )
            }
            Self::TraditionalEncryption(path) => {
                let path = path.display();
                write!(
                    f,
                    "the key in {path} is encrypted in OpenSSL's traditional form; this converts it: \
                     openssl pkcs8 -topk8 -in {path} -out new-key.pem"
                )
            }
            Self::Mismatch(certificate, key) => write!(
                f,
                "the key in {} is not that of the certificate in {}",
                key.display(),
                certificate.display()
            ),
            Self::BadName(name) => write!(f, "{name:?} is not a host name"),
            Self::Setup(error) => write!(f, "cannot set up TLS: {error}"),
        }
    }
}

/// Has no source: the one line says everything.
impl std::error::Error for TlsError {}
