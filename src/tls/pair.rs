//! The certificate and key in use, and their renewal.

use super::error::TlsError;
use super::pem;
use ring::digest::{SHA256, digest};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

/// The shortest time between two looks at the files.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// The certificate and key that new connections get.
#[derive(Debug)]
pub(super) struct Pair {
    current: RwLock<Arc<CertifiedKey>>,
    /// Where the pair comes from, unless it was made here.
    files: Option<Files>,
    looked: Mutex<Looked>,
}

/// Where a certificate and its key are read from.
struct Files {
    certificate: PathBuf,
    key: PathBuf,
    password: Option<String>,
}

/// The last look at the files.
#[derive(Debug)]
struct Looked {
    at: Instant,
    seen: [Option<Stamp>; 2],
}

/// What changes when a file does: device, inode, size, and the time of the last change.
type Stamp = (u64, u64, u64, i64, i64);

impl Pair {
    /// A pair that never changes.
    pub(super) fn fixed(pair: CertifiedKey) -> Self {
        Self {
            current: RwLock::new(pair.into()),
            files: None,
            looked: Mutex::new(Looked {
                at: Instant::now(),
                seen: [None; 2],
            }),
        }
    }

    /// A pair that is read from files, now and whenever they change.
    pub(super) fn from_files(
        certificate: PathBuf,
        key: PathBuf,
        password: Option<String>,
    ) -> Result<Self, TlsError> {
        let files = Files {
            certificate,
            key,
            password,
        };
        // First the metadata, then the contents, so that a change between the two is noticed.
        let seen = files.stamps();
        let mut pair = Self::fixed(files.load()?);
        pair.looked = Mutex::new(Looked {
            at: Instant::now(),
            seen,
        });
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
        let paths = self
            .files
            .as_ref()
            .map(|files| [&*files.certificate, &*files.key]);
        paths.into_iter().flatten()
    }

    pub(super) fn renew(&self) -> Option<TlsError> {
        let files = self.files.as_ref()?;
        // If another thread is looking, this one uses the current pair.
        let mut looked = self.looked.try_lock().ok()?;
        if looked.at.elapsed() < LOOK_AGAIN {
            return None;
        }
        looked.at = Instant::now();
        let seen = files.stamps();
        if seen == looked.seen {
            return None;
        }
        looked.seen = seen;
        match files.load() {
            Ok(pair) => {
                let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
                *current = Arc::new(pair);
                None
            }
            Err(error) => Some(error),
        }
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

    fn stamps(&self) -> [Option<Stamp>; 2] {
        [&self.certificate, &self.key].map(|path| {
            let file = fs::metadata(path).ok()?;
            Some((
                file.dev(),
                file.ino(),
                file.size(),
                file.ctime(),
                file.ctime_nsec(),
            ))
        })
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
