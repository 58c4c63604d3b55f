//! The certificate and key that the flags name.

use super::addresses;
use super::args::{self, Args};
use crate::sys;
use crate::tls::{Tls, TlsError};
use anyhow::{Context, Result};
use std::ffi::OsString;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// What a server on these addresses needs for TLS, if TLS is requested.
///
/// # Errors
/// The certificate or the key cannot be used; the error names the file.
pub(super) fn tls(args: &Args, addresses: &[IpAddr]) -> Result<Option<Tls>> {
    if args.https.tls_self_signed {
        return Ok(Some(self_signed(addresses)?));
    }
    pair(args)
}

/// Loads the certificate and the key, if they are given. Invalid flags end the process as in
/// CPython 3.14; as there, an empty value counts as none.
fn pair(args: &Args) -> Result<Option<Tls>> {
    let given = |path: &Option<OsString>| {
        let path = path.as_ref().filter(|path| !path.is_empty());
        path.map(PathBuf::from)
    };
    let (certificate, key) = (given(&args.https.tls_cert), given(&args.https.tls_key));
    let password_file = given(&args.https.tls_password_file);
    let Some(certificate) = certificate else {
        for (flag, value) in [("--tls-key", key), ("--tls-password-file", password_file)] {
            if value.is_some() {
                args::wrong(&format!("{flag} requires --tls-cert to be set"));
            }
        }
        return Ok(None);
    };
    let password = password_file.map(|path| password(&path)).transpose()?;
    let key = key.unwrap_or_else(|| certificate.clone());
    // Absolute, so that they are found again whatever the working directory is by then.
    let [certificate, key] =
        [certificate, key].map(|path| std::path::absolute(&path).unwrap_or(path));
    Ok(Some(Tls::from_files(certificate, key, password)?))
}

/// The password in a file: its whole content, without the white space around it.
fn password(path: &Path) -> Result<String> {
    let bytes = fs::read(path).unwrap_or_else(|error| {
        let number = error.raw_os_error().unwrap_or_default();
        let text = error.to_string();
        let text = text.split(" (os error").next().unwrap_or_default();
        args::wrong(&format!(
            "Failed to read TLS password file: [Errno {number}] {text}: {}",
            crate::http::repr_of(&path.to_string_lossy())
        ))
    });
    let text = String::from_utf8(bytes)
        .ok()
        .with_context(|| format!("the password in {} is not UTF-8", path.display()))?;
    Ok(text.trim().to_owned())
}

/// A certificate for all names and addresses by which a server on `addresses` may be reached.
fn self_signed(addresses: &[IpAddr]) -> Result<Tls, TlsError> {
    let loopback = ["localhost", "127.0.0.1", "::1"].map(String::from);
    let names = loopback.into_iter().chain(host_name());
    let addresses = addresses
        .iter()
        .copied()
        .flat_map(all_of)
        .map(|ip| ip.to_string());
    Tls::self_signed(names.chain(addresses))
}

/// The host's name, if it is valid in a certificate.
fn host_name() -> Option<String> {
    let name = sys::host_name();
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
    (!name.is_empty() && name.bytes().all(is_name)).then_some(name)
}

/// The addresses that a server on `address` has: all of the machine's if `address` is unspecified.
fn all_of(address: IpAddr) -> Vec<IpAddr> {
    if !address.is_unspecified() {
        return vec![address];
    }
    addresses::all()
}
