//! The certificate and key in use, and their renewal.

use super::error::TlsError;
use super::pem;
use crate::sys::Watched;
use ring::digest::{SHA256, digest};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

/// The certificate and key that new connections get.
#[derive(Debug)]
pub(super) struct Pair {
    current: RwLock<Arc<CertifiedKey>>,
    /// Where the pair comes from, unless it was made here.
    files: Option<Files>,
}

/// Where a certificate and its key are read from.
struct Files {
    certificate: PathBuf,
    key: PathBuf,
    password: Option<String>,
    watched: Watched,
}

impl Pair {
    /// A pair that never changes.
    pub(super) fn fixed(pair: CertifiedKey) -> Self {
        Self {
            current: RwLock::new(pair.into()),
            files: None,
        }
    }

    /// A pair that is read from files, now and whenever they change.
    pub(super) fn from_files(
        certificate: PathBuf,
        key: PathBuf,
        password: Option<String>,
    ) -> Result<Self, TlsError> {
        let watched = Watched::new([certificate.clone(), key.clone()]);
        let files = Files {
            certificate,
            key,
            password,
            watched,
        };
        let mut pair = Self::fixed(files.load()?);
        pair.files = Some(files);
        Ok(pair)
    }

    pub(super) fn fingerprint(&self) -> String {
        let current = self.current();
        let Some(certificate) = current.cert.first() else {
            return String::new();
        };
        let bytes = digest(&SHA256, certificate);
        let pairs: Vec<_> = bytes
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02X}"))
            .collect();
        pairs.join(":")
    }

    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        let watched = self.files.as_ref().map(|files| &files.watched);
        watched.into_iter().flat_map(Watched::paths)
    }

    pub(super) fn renew(&self) -> Option<TlsError> {
        let files = self.files.as_ref()?;
        let replace = || {
            let pair = files.load()?;
            let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
            *current = Arc::new(pair);
            Ok(())
        };
        files.watched.on_change(replace)?.err()
    }

    fn current(&self) -> Arc<CertifiedKey> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&current)
    }
}

impl ResolvesServerCert for Pair {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}

impl Files {
    fn load(&self) -> Result<CertifiedKey, TlsError> {
        pem::load(&self.certificate, &self.key, self.password.as_deref())
    }
}

impl std::fmt::Debug for Files {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Does not show the password.
        f.debug_struct("Files")
            .field("certificate", &self.certificate)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}
