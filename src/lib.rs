//! `python -m http.server` in Rust: the program `rhttp`, and the library it is made of.
//!
//! The program takes over the command line and the output of CPython 3.12's module; the library
//! takes over what its classes do. A [`Server`] accepts connections, a [`Handler`] turns a
//! [`Request`](http::Request) into a [`Response`](http::Response) or an
//! [`HttpError`](http::HttpError), and [`Config`] holds every number and switch.
//!
//! # A file server on a port of your choice
//!
//! ```no_run
//! use rhttp::{Config, FileHandler, Server, http::Version};
//!
//! let mut config = Config::default();
//! config.protocol = Version::HTTP_11;
//! let server = Server::bind("127.0.0.1:8000", FileHandler::new("/srv/www"))?.with_config(config);
//! println!("http://{}/", server.local_addr());
//! server.serve()?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # A handler of your own
//!
//! A response is a value. The connection alone decides how it is framed, that HEAD gets no body,
//! whether the connection persists, and what the log says, so a handler cannot get these wrong.
//! Handlers are put together by composition: this one has a [`FileHandler`] where a Python class
//! would inherit from `SimpleHTTPRequestHandler`.
//!
//! ```
//! use rhttp::http::{HttpError, Method, Request, Response, StatusCode, header};
//! use rhttp::{FileHandler, Handler};
//! use std::io::Read;
//!
//! struct Echo {
//!     files: FileHandler,
//! }
//!
//! impl Handler for Echo {
//!     fn handle(&self, request: &mut Request<'_>) -> Result<Response, HttpError> {
//!         if request.method() != Method::POST {
//!             return self.files.handle(request);
//!         }
//!         let mut body = Vec::new();
//!         request.body().take(1024 * 1024).read_to_end(&mut body)?;
//!         Ok(Response::new(StatusCode::OK)
//!             .with_header(header::CONTENT_TYPE, "application/octet-stream")
//!             .with_body(body))
//!     }
//!
//!     fn server_version(&self) -> &str {
//!         "Echo/1.0"
//!     }
//! }
//! ```
//!
//! # Files of your own
//!
//! A handler that answers with a file has nothing more to do: the connection adds
//! `Last-Modified`, `Accept-Ranges` and `ETag`, evaluates the conditions that clients and caches
//! set (RFC 9110 §13), and sends the ranges that they ask for (§14). The file is never copied
//! into memory.
//!
//! ```
//! use rhttp::http::{Body, HttpError, Request, Response, StatusCode, header};
//! use rhttp::{Handler, Server};
//! use std::fs::File;
//! use std::io::{Read, Write};
//! use std::net::TcpStream;
//!
//! struct OneFile;
//!
//! impl Handler for OneFile {
//!     fn handle(&self, _: &mut Request<'_>) -> Result<Response, HttpError> {
//!         let file = File::open("Cargo.toml").map_err(|_| HttpError::file_not_found())?;
//!         Ok(Response::new(StatusCode::OK)
//!             .with_header(header::CONTENT_TYPE, "text/plain; charset=utf-8")
//!             .with_body(Body::file(file)?))
//!     }
//! }
//!
//! let server = Server::bind("127.0.0.1:0", OneFile)?.with_log(std::io::sink());
//! let (address, handle) = (server.local_addr().clone(), server.handle());
//! let serving = std::thread::spawn(move || server.serve());
//!
//! let mut client = TcpStream::connect(address)?;
//! client.write_all(b"GET / HTTP/1.0\r\nRange: bytes=1-7\r\n\r\n")?;
//! let mut answer = String::new();
//! client.read_to_string(&mut answer)?;
//! assert!(answer.starts_with("HTTP/1.0 206 Partial Content\r\n"));
//! assert!(answer.ends_with("\r\n\r\npackage"));
//!
//! handle.shutdown();
//! serving.join().expect("the server does not panic")?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! An `ETag`, `Last-Modified` or `Accept-Ranges` that the handler sets stands, and counts.
//! [`Validators`], [`Precondition`] and [`Selection`] are for handlers that answer otherwise.
//!
//! # A server in a test
//!
//! Port 0 takes a free port, and [`ServerHandle::shutdown`] ends the server from another thread:
//!
//! ```
//! use rhttp::{FileHandler, Server};
//! use std::io::{Read, Write};
//! use std::net::TcpStream;
//!
//! let server = Server::bind("127.0.0.1:0", FileHandler::new("src"))?.with_log(std::io::sink());
//! let (address, handle) = (server.local_addr().clone(), server.handle());
//! let serving = std::thread::spawn(move || server.serve());
//!
//! let mut client = TcpStream::connect(address)?;
//! client.write_all(b"GET /lib.rs HTTP/1.0\r\n\r\n")?;
//! let mut answer = String::new();
//! client.read_to_string(&mut answer)?;
//! assert!(answer.starts_with("HTTP/1.0 200 OK\r\n"));
//!
//! handle.shutdown();
//! serving.join().expect("the server does not panic")?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Where Python's names are
//!
//! Most of Python's names are aliases in this manual's search, too.
//!
//! | Python's `http.server` | here |
//! |---|---|
//! | `ThreadingHTTPServer`, `serve_forever()` | [`Server::serve`] |
//! | `HTTPServer`, `serve_forever()` | [`Server::serve_one_at_a_time`] |
//! | `HTTPSServer`, `ThreadingHTTPSServer` | [`Server::with_tls`], with a [`Tls`] |
//! | `HTTPServer(address, Handler)`, `server_bind()` | [`Server::bind`], [`Server::new`] |
//! | `server_address`, `server_name`, `server_port` | [`Server::local_addr`], [`Request::server`](http::Request::server) |
//! | `shutdown()`, `server_close()` | [`ServerHandle::shutdown`], [`ServerHandle::abort`] |
//! | `request_queue_size` | [`Config::backlog`] |
//! | `BaseHTTPRequestHandler` | [`Handler`] |
//! | `do_GET()`, `do_HEAD()`, `do_POST()`, … | [`Handler::handle`], which looks at [`Request::method`](http::Request::method) |
//! | `server` | the handler's own fields: one value serves all connections |
//! | `client_address` | [`Request::client`](http::Request::client) |
//! | `requestline`, `request_version` | [`Request::line`](http::Request::line): [`RequestLine::text`](http::RequestLine::text), [`RequestLine::version`](http::RequestLine::version) |
//! | `command`, `path` | [`Request::method`](http::Request::method), [`Request::target`](http::Request::target) |
//! | `headers`, `MessageClass` | [`Request::headers`](http::Request::headers), [`FieldLines`](http::FieldLines) |
//! | `rfile` | [`Request::body`](http::Request::body) |
//! | `wfile` | [`Response::body`](http::Response::body), a [`Body`](http::Body) |
//! | `close_connection` | the header field `Connection: close` in a [`Response`](http::Response) |
//! | `handle()`, `handle_one_request()` | the server's own; nothing to override |
//! | `send_response()`, `send_response_only()` | [`Response::new`](http::Response::new), [`Response::reason`](http::Response#structfield.reason) |
//! | `send_header()`, `end_headers()`, `flush_headers()` | [`Response::with_header`](http::Response::with_header), [`Headers`](http::Headers) |
//! | `send_error()` | return an [`HttpError`](http::HttpError) |
//! | `error_message_format`, `error_content_type` | [`Handler::error_response`] |
//! | `responses`, `http.HTTPStatus` | [`StatusCode`](http::StatusCode) |
//! | `handle_expect_100()` | [`Handler::expect_continue`] |
//! | `protocol_version` | [`Config::protocol`] |
//! | `server_version`, `sys_version`, `version_string()` | [`Handler::server_version`] |
//! | `date_time_string()` | [`HttpDate`](http::HttpDate) |
//! | `log_request()`, `log_error()`, `log_message()` | [`Handler::log_request`], [`Handler::log_error`], [`Handler::log_message`] |
//! | `log_date_time_string()`, `address_string()` | [`Log::write`] puts them before the message, [`Log::client`] |
//! | `timeout` | [`Config::head_timeout`], [`Config::idle_timeout`], [`Config::stall_timeout`] |
//! | `SimpleHTTPRequestHandler(directory=…)` | [`FileHandler::new`] |
//! | `index_pages` | [`FileHandler::with_index_pages`] |
//! | `extensions_map` | [`FileHandler::with_extension`] |
//! | `default_content_type` (3.15) | [`FileHandler::with_default_media_type`] |
//! | `extra_response_headers` (3.15) | [`ExtraHeaders`] |
//! | `guess_type()` | [`FileHandler::media_type`] |
//! | `translate_path()` | [`RequestTarget::to_relative_path`](http::RequestTarget::to_relative_path) |
//! | `send_head()`, `list_directory()` | [`FileHandler::handle`](Handler::handle) |
//! | `CGIHTTPRequestHandler`, `is_cgi()`, `run_cgi()` | [`CgiHandler`] |
//! | `cgi_directories` | [`CgiHandler::with_cgi_directories`] |
//! | `copyfile()` | [`Body::file`](http::Body::file), sent by the kernel |
//! | `test()`, `python -m http.server` | [`cli::run`] |

#[macro_use]
mod forward;

mod archive;
mod cgi;
pub mod cli;
mod config;
mod files;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod handler;
mod handlers;
pub mod http;
#[cfg(any(doc, doctest))]
pub mod manual;
mod representation;
mod server;
mod sys;
mod tls;
mod upload;
mod wire;

pub use config::Config;
pub use files::Symlinks;
pub use handler::{Answered, Handler, Log, Message};
pub use handlers::{
    Authentication, CacheControl, Caching, CgiHandler, CleanUrls, Cors, ExtraField, ExtraHeaders,
    FileHandler, Isolation, ListingStyle, NotFoundPage, Origins, Passwords, Spa, TarHandler,
    UploadHandler,
};
pub use http::Validators;
pub use representation::{Precondition, Selection};
pub use server::{Listener, LogFormat, Server, ServerHandle};
pub use tls::{Tls, TlsError};
