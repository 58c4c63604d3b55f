//! The environment of a script: CPython's variables, one by one (RFC 3875 §4.1), plus every other
//! field of the request as `HTTP_NAME` (§4.1.18).
//!
//! No field can pass for another variable: `Proxy` never becomes `HTTP_PROXY` (CVE-2016-5385), and
//! names that would map to the same variable, such as `Remote-User` and `Remote_User`, are not
//! passed on.

use super::Script;
use crate::http::{FieldLines, HeaderName, Latin1, Request, Scheme, decode_base64, header};
use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

/// The port reported to scripts by a server without ports, which has a proxy in front of it.
const HTTP_PORT: u16 = 80;

/// Variables that a service manager sets for a server (`sd_notify(3)`, `sd_listen_fds(3)`).
const OF_MANAGER: [&str; 6] = [
    "LISTEN_FDNAMES",
    "LISTEN_FDS",
    "LISTEN_PID",
    "NOTIFY_SOCKET",
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
];

/// What a script learns about the server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ServerInfo<'a> {
    /// `SERVER_SOFTWARE`.
    pub(crate) software: &'a str,
    /// `SERVER_NAME`.
    pub(crate) name: &'a str,
    /// The directory below which `PATH_TRANSLATED` lies.
    pub(crate) root: &'a Path,
}

/// A variable and its value; `None` removes the variable, so that the server's own is not passed on
/// either.
pub(crate) type Variable = (Cow<'static, str>, Option<OsString>);

/// The variables that a request sets in addition to the server's own environment.
pub(crate) fn environment(
    server: ServerInfo<'_>,
    script: &Script,
    request: &Request<'_>,
) -> Vec<Variable> {
    let (auth_type, remote_user) = match request.user() {
        Some(user) => (Some("Basic".into()), Some(user.into())),
        None => request
            .header(header::AUTHORIZATION)
            .map_or((None, None), |value| credentials(Latin1::new(value))),
    };
    let field = |name: HeaderName<'_>| text(request.header(name).unwrap_or_default());
    let content_type = request
        .header(header::CONTENT_TYPE)
        .map_or_else(|| "text/plain".into(), text);
    let accept: Vec<_> = request.headers().get_all(header::ACCEPT).collect();
    let cookies: Vec<_> = request
        .headers()
        .get_all(header::COOKIE)
        .filter(|cookie| !cookie.is_empty())
        .collect();

    let set = [
        ("SERVER_SOFTWARE", server.software.into()),
        ("SERVER_NAME", server.name.into()),
        ("GATEWAY_INTERFACE", "CGI/1.1".into()),
        ("SERVER_PROTOCOL", request.protocol().to_string().into()),
        (
            "SERVER_PORT",
            request
                .server()
                .port()
                .unwrap_or(HTTP_PORT)
                .to_string()
                .into(),
        ),
        (
            "REQUEST_METHOD",
            text(request.method().as_text().as_bytes()),
        ),
        ("PATH_INFO", bytes(script.path_info())),
        (
            "PATH_TRANSLATED",
            path_translated(server.root, script.path_info()),
        ),
        ("SCRIPT_NAME", bytes(script.script_name())),
        (
            "QUERY_STRING",
            text(request.target().query().unwrap_or_default()),
        ),
        (
            "REMOTE_ADDR",
            request
                .client()
                .ip()
                .map_or_else(OsString::new, |ip| ip.to_string().into()),
        ),
        ("REMOTE_HOST", OsString::new()),
        ("CONTENT_TYPE", content_type),
        ("CONTENT_LENGTH", field(header::CONTENT_LENGTH)),
        ("HTTP_REFERER", field(header::REFERER)),
        ("HTTP_ACCEPT", text(&accept.join(&b","[..]))),
        ("HTTP_USER_AGENT", field(header::USER_AGENT)),
        // Unlike CPython, which joins with `, `: no program can split that (RFC 6265 §4.2.1).
        ("HTTP_COOKIE", text(&cookies.join(&b"; "[..]))),
    ];
    let mut variables: Vec<Variable> = set.map(|(name, value)| (name.into(), Some(value))).into();
    // Unlike CPython: the client's identity never comes from the server's own environment.
    variables.push(("AUTH_TYPE".into(), auth_type));
    variables.push(("REMOTE_USER".into(), remote_user));
    // Set as all servers do, and never inherited from the server's own environment.
    let https = (request.scheme() == Scheme::Https).then(|| "on".into());
    variables.push(("HTTPS".into(), https));
    // Unlike CPython: the service manager's variables for this process are not passed to scripts,
    // which could otherwise talk to it in the server's name.
    variables.extend(OF_MANAGER.map(|name| (name.into(), None)));
    // Unlike CPython: all other fields are passed on, too.
    variables.extend(other_fields(request.headers()));
    variables
}

/// The fields that have no variable in CPython. Several lines with the same name are joined into a
/// list.
fn other_fields(fields: FieldLines<'_>) -> Vec<Variable> {
    let options: Vec<_> = fields.list(header::CONNECTION).collect();
    let mut variables: Vec<Variable> = Vec::new();
    for (name, _) in fields.iter() {
        let is_for_connection = options
            .iter()
            .any(|option| option.eq_ignore_ascii_case(name.as_str().as_bytes()));
        if is_for_connection || NOT_PASSED.contains(&name) || !is_plain(name) {
            continue;
        }
        let variable = format!(
            "HTTP_{}",
            name.as_str().replace('-', "_").to_ascii_uppercase()
        );
        if variables.iter().all(|(known, _)| *known != variable) {
            let lines: Vec<_> = fields.get_all(name).collect();
            variables.push((variable.into(), Some(text(&lines.join(&b", "[..])))));
        }
    }
    variables
}

/// Fields that have a variable of their own, and fields that are never passed to scripts:
/// credentials, hop-by-hop fields, and fields that would pass for one of the script's own settings.
const NOT_PASSED: &[HeaderName<'static>] = &[
    header::ACCEPT,
    header::COOKIE,
    header::REFERER,
    header::USER_AGENT,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::AUTHORIZATION,
    HeaderName::from_static("Proxy"),
    HeaderName::from_static("Proxy-Authorization"),
    header::CONNECTION,
    HeaderName::from_static("Keep-Alive"),
    HeaderName::from_static("Proxy-Connection"),
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Whether no other name maps to the same variable.
fn is_plain(name: HeaderName<'_>) -> bool {
    let mut bytes = name.as_str().bytes();
    bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// `AUTH_TYPE`, and `REMOTE_USER` from Basic credentials, where nothing has verified them.
fn credentials(value: Latin1<'_>) -> (Option<OsString>, Option<OsString>) {
    let words: Vec<_> = value.words().collect();
    let [scheme, credentials] = words[..] else {
        return (None, None);
    };
    let user = scheme
        .as_bytes()
        .eq_ignore_ascii_case(b"basic")
        .then(|| decode_base64(credentials.as_bytes()))
        .flatten()
        .filter(|decoded| decoded.is_ascii());
    let user = user.and_then(|decoded| {
        let mut parts = decoded.split(|&byte| byte == b':');
        match (parts.next(), parts.next(), parts.next()) {
            (Some(user), Some(_), None) => Some(bytes(user)),
            _ => None,
        }
    });
    (Some(text(scheme.as_bytes())), user)
}

/// The path info as a file below the root, without checking whether it exists.
fn path_translated(root: &Path, path_info: &[u8]) -> OsString {
    let mut path = root.as_os_str().to_owned();
    path.push(OsStr::from_bytes(path_info));
    path
}

/// Text from the network, which CPython reads as Latin-1 and hands to scripts as UTF-8.
pub(super) fn text(value: &[u8]) -> OsString {
    if value.is_ascii() {
        bytes(value)
    } else {
        Latin1::new(value).to_string().into()
    }
}

fn bytes(value: &[u8]) -> OsString {
    OsString::from_vec(value.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_told_as_cpython_tells_them() {
        for (value, scheme, user) in [
            ("Basic dTpw", Some("Basic"), Some("u")),
            ("bAsIc  dTpw ", Some("bAsIc"), Some("u")),
            ("Bearer dTpw", Some("Bearer"), None),
            ("Basic dTpwOg==", Some("Basic"), None),
            ("Basic dQ==", Some("Basic"), None),
            ("Basic /////w==", Some("Basic"), None),
            ("Basic", None, None),
            ("Basic dTpw x", None, None),
            ("", None, None),
        ] {
            let expected = (scheme.map(OsString::from), user.map(OsString::from));
            let found = credentials(Latin1::new(value.as_bytes()));
            assert_eq!(found, expected, "{value}");
        }
    }
}
