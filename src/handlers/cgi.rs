//! Scripts in addition to files: Python's `CGIHTTPRequestHandler`.

use super::FileHandler;
use crate::cgi::{self, Launch, Process, Script};
use crate::handler::Handler;
use crate::http::{self, HttpError, Method, Peer, Request, Response, StatusCode};
use crate::sys;
use rustix::fs::FileType;
use rustix::io::Errno;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Runs the scripts in `/cgi-bin` and `/htbin`, and serves everything else through the
/// [`FileHandler`] that it contains.
///
/// GET, HEAD and POST run a script as CPython 3.12 does, with the same arguments and environment
/// (RFC 3875); its output is sent as it is produced. If the server was started by root, scripts run
/// as `nobody`. Nothing in these directories is ever sent as a file, however its path is spelled
/// and whatever symbolic links lead there.
///
/// When its client leaves, a script is ended with everything it has started. What a script inherits
/// is for the program to keep clean: the program `rhttp` marks the descriptors with which it was
/// started to close on `exec`, unblocks all signals and ignores none. If a program of your own
/// blocks or ignores signals, or holds descriptors that do not close on `exec`, its scripts see
/// that; descriptors opened by std are never inherited.
///
/// ```
/// # use std::os::unix::fs::PermissionsExt;
/// use rhttp::{CgiHandler, FileHandler, Server};
/// use std::io::{Read, Write};
/// use std::{fs, net::TcpStream};
///
/// let directory = tempfile::tempdir()?;
/// let script = directory.path().join("scripts/hello.sh");
/// fs::create_dir(directory.path().join("scripts"))?;
/// fs::write(&script, "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\nHello, '; echo $QUERY_STRING\n")?;
/// fs::set_permissions(&script, fs::Permissions::from_mode(0o755))?;
/// # fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755))?;
///
/// let handler = CgiHandler::new(FileHandler::new(directory.path()))
///     .with_cgi_directories(["/scripts"]);
/// let server = Server::bind("127.0.0.1:0", handler)?.with_log(std::io::sink());
/// let (address, handle) = (server.local_addr().clone(), server.handle());
/// let serving = std::thread::spawn(move || server.serve());
///
/// let mut client = TcpStream::connect(address)?;
/// client.write_all(b"GET /scripts/hello.sh?world HTTP/1.0\r\n\r\n")?;
/// let mut response = String::new();
/// client.read_to_string(&mut response)?;
/// assert!(response.starts_with("HTTP/1.0 200 Script output follows\r\n"));
/// assert!(response.ends_with("\r\nContent-Type: text/plain\r\n\r\nHello, world\n"));
///
/// handle.shutdown();
/// serving.join().expect("it does not panic")?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
#[doc(alias = "CGIHTTPRequestHandler")]
pub struct CgiHandler {
    files: FileHandler,
    /// Paths without slashes around them.
    directories: Vec<Vec<u8>>,
}

impl CgiHandler {
    /// Runs the scripts in `/cgi-bin` and `/htbin` of the directory that `files` serves.
    pub fn new(files: FileHandler) -> Self {
        let handler = Self {
            files,
            directories: Vec::new(),
        };
        handler.with_cgi_directories(["/cgi-bin", "/htbin"])
    }

    /// The same with other script directories, and all directories in them; `/` is the whole tree.
    #[doc(alias = "cgi_directories")]
    pub fn with_cgi_directories<N: AsRef<str>>(
        mut self,
        directories: impl IntoIterator<Item = N>,
    ) -> Self {
        self.directories = directories
            .into_iter()
            .map(|directory| directory.as_ref().trim_matches('/').into())
            .collect();
        let paths = self
            .directories
            .iter()
            .map(|directory| self.path(directory));
        let paths = paths.collect();
        self.files.keep_private(paths);
        self
    }

    /// The handler that serves the files, for a handler around this one that needs it too: it knows
    /// the script directories.
    ///
    /// ```
    /// use rhttp::{CgiHandler, FileHandler, TarHandler};
    ///
    /// let scripts = CgiHandler::new(FileHandler::new("/srv/www"));
    /// let files = scripts.files().clone();
    /// // The archives are without the scripts.
    /// let handler = TarHandler::new(scripts, &files);
    /// ```
    pub fn files(&self) -> &FileHandler {
        &self.files
    }

    /// The file system path of `path` below the root. It is never a bare name: the system looks
    /// those up in `PATH`.
    fn path(&self, path: &[u8]) -> PathBuf {
        let directory = match self.files.directory() {
            empty if empty.as_os_str().is_empty() => Path::new("."),
            directory => directory,
        };
        directory.join(OsStr::from_bytes(path))
    }

    /// Runs a script and answers with its output.
    #[doc(alias = "run_cgi")]
    fn run(&self, request: &mut Request<'_>, script: &Script) -> Result<Response, HttpError> {
        let file = self.path(script.file());
        let forbidden = |what| refusal(StatusCode::FORBIDDEN, what, script);
        match self.files.type_of(script.file())? {
            FileType::RegularFile => {}
            FileType::Unknown => {
                return Err(refusal(StatusCode::NOT_FOUND, "No such CGI script", script));
            }
            _ => return Err(forbidden("CGI script is not a plain file")),
        }
        let name = server_name(request.server());
        let server = cgi::ServerInfo {
            software: self.server_version(),
            name: &name,
            root: self.files.directory(),
        };
        let launch = Launch {
            file: &file,
            script,
            query: request.target().query().unwrap_or_default(),
            environment: cgi::environment(server, script, request),
            user: sys::unprivileged_user()?,
            has_body: !request.body().is_finished(),
        };
        let process = Process::start(launch).map_err(|error| match error.kind() {
            io::ErrorKind::PermissionDenied => forbidden("CGI script is not executable"),
            _ if is_shortage(&error) => HttpError::overloaded(),
            // One variable, or all of them together, exceed what the system passes on.
            io::ErrorKind::ArgumentListTooLong => {
                HttpError::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE)
            }
            // The query contains a NUL.
            io::ErrorKind::InvalidInput => HttpError::new(StatusCode::BAD_REQUEST),
            _ => HttpError::new(StatusCode::INTERNAL_SERVER_ERROR)
                .with_message("CGI script cannot be run"),
        })?;
        cgi::answer(process, request.body())
    }
}

impl Handler for CgiHandler {
    /// Runs a script if the path means one; POST is only for scripts.
    #[doc(alias = "is_cgi")]
    #[doc(alias = "do_POST")]
    fn handle(&self, request: &mut Request<'_>) -> Result<Response, HttpError> {
        let method = request.method();
        if !matches!(method, Method::GET | Method::HEAD | Method::POST) {
            return Err(HttpError::unsupported_method(method));
        }
        let script = Script::find(request.target(), &self.directories, |path| {
            Ok::<_, HttpError>(self.files.type_of(path)? == FileType::Directory)
        });
        match script? {
            Some(script) => self.run(request, &script),
            None if method == Method::POST => Err(HttpError::new(StatusCode::NOT_IMPLEMENTED)
                .with_message("Can only POST to CGI scripts")),
            None => self.files.handle(request),
        }
    }
}

/// Whether the system currently has no descriptor, process or memory to spare.
fn is_shortage(error: &io::Error) -> bool {
    let error = Errno::from_io_error(error);
    matches!(
        error,
        Some(Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::AGAIN)
    )
}

/// An error in CPython's wording, which quotes the script's name.
fn refusal(status: StatusCode, what: &str, script: &Script) -> HttpError {
    let name = http::repr_of(&script.to_text());
    HttpError::new(status).with_message(format!("{what} ({name})"))
}

/// The server's name, without a DNS lookup: unlike CPython, whose `getfqdn` may take seconds.
fn server_name(server: &Peer) -> String {
    match server.ip() {
        None => sys::host_name(),
        Some(ip) if ip.is_loopback() => "localhost".into(),
        Some(ip) if ip.is_unspecified() => sys::host_name(),
        Some(ip) if ip.is_ipv6() => format!("[{ip}]"),
        Some(ip) => ip.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_program_is_looked_up() {
        for (root, path) in [("", "./ls"), (".", "./ls"), ("/", "/ls"), ("a", "a/ls")] {
            let handler = CgiHandler::new(FileHandler::new(root)).with_cgi_directories(["/"]);
            assert_eq!(handler.path(b"ls").as_os_str(), path);
        }
    }
}
