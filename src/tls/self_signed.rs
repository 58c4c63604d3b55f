//! Certificates that only the server itself has signed.

use super::error::TlsError;
use jiff::{Timestamp, ToSpan, tz::TimeZone};
use rcgen::{
    CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::sign::CertifiedKey;

/// The longest validity that browsers accept.
const DAYS: i64 = 397;

/// A certificate for these names, with its key: ECDSA on P-256.
pub(super) fn make(names: impl IntoIterator<Item = String>) -> Result<CertifiedKey, TlsError> {
    let mut known: Vec<String> = Vec::new();
    for name in names {
        if !known.contains(&name) {
            known.push(name);
        }
    }
    let bad_name = || TlsError::BadName(known.join(", "));
    let mut params = CertificateParams::new(known.clone()).map_err(|_| bad_name())?;
    params
        .distinguished_name
        .push(DnType::CommonName, "rhttp, self-signed");
    // Midnight this many days from now; a clock that is out of range counts as 1970.
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    let days_from_now = |days: i64| {
        let date = today.saturating_add(days.days());
        let part = |number: i8| u8::try_from(number).unwrap_or(1);
        date_time_ymd(date.year().into(), part(date.month()), part(date.day()))
    };
    // The clock of a phone may be behind.
    (params.not_before, params.not_after) = (days_from_now(-1), days_from_now(DAYS - 1));
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate().map_err(TlsError::setup)?;
    let certificate = params.self_signed(&key).map_err(TlsError::setup)?;
    let private = PrivatePkcs8KeyDer::from(key.serialize_der());
    let provider = rustls::crypto::ring::default_provider();
    CertifiedKey::from_der(vec![certificate.der().clone()], private.into(), &provider)
        .map_err(TlsError::setup)
}
