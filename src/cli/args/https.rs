//! The flags of CPython 3.14 for TLS, and one more.

use clap::{Args, ValueHint};
use std::ffi::OsString;

/// The HTTPS flags, as typed. An empty path counts as none, as in CPython.
#[derive(Debug, Args)]
#[expect(clippy::struct_field_names, reason = "they are the names of the flags")]
pub(in crate::cli) struct Https {
    /// path to the TLS certificate chain file
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath)]
    pub(in crate::cli) tls_cert: Option<OsString>,

    /// path to the TLS key file
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath)]
    pub(in crate::cli) tls_key: Option<OsString>,

    /// path to the password file for the TLS key
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath)]
    pub(in crate::cli) tls_password_file: Option<OsString>,

    /// use TLS with a certificate made now, and print its fingerprint
    #[arg(long, conflicts_with = "tls_cert")]
    pub(in crate::cli) tls_self_signed: bool,
}
