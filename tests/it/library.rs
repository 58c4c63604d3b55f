//! The library from outside: handlers of one's own, and starting and ending servers.

use crate::support::{AfterSending, Connection, Response, Tree, exchange};
use rhttp::http::{
    Body, HttpError, Method, Request, Response as Answer, StatusCode, Version, header,
};
use rhttp::{
    Answered, CgiHandler, Config, FileHandler, Handler, Log, Message, Server, ServerHandle,
};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// A server on another thread, ended on drop.
struct Started {
    address: SocketAddr,
    handle: ServerHandle,
    thread: Option<JoinHandle<io::Result<()>>>,
}

/// What is logged.
#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Sink {
    fn text(&self) -> String {
        let bytes = self.0.lock().expect("nobody panics");
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody panics").write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Started {
    fn new<H: Handler + 'static>(handler: H, protocol: Version) -> Self {
        Self::with(handler, protocol, Server::serve)
    }

    fn with<H: Handler + 'static>(
        handler: H,
        protocol: Version,
        serve: fn(Server<H>) -> io::Result<()>,
    ) -> Self {
        let mut config = Config::default();
        config.protocol = protocol;
        let server = Server::bind("127.0.0.1:0", handler)
            .expect("a free port")
            .with_config(config);
        let server = server.with_log(io::sink());
        let address = server.local_addr().socket_addr().expect("it is TCP");
        let handle = server.handle();
        Self {
            address,
            handle,
            thread: Some(std::thread::spawn(move || serve(server))),
        }
    }

    fn end(&mut self) {
        self.handle.shutdown();
        if let Some(thread) = self.thread.take() {
            thread
                .join()
                .expect("it does not panic")
                .expect("it ends well");
        }
    }

    fn ask(&self, request: &str) -> Response {
        Response::parse(&exchange(self.address, &[request], AfterSending::HalfClose))
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        self.end();
    }
}

/// A handler that overrides all there is.
struct Custom {
    messages: Sender<String>,
}

impl Handler for Custom {
    fn handle(&self, request: &mut Request<'_>) -> Result<Answer, HttpError> {
        match (request.method(), request.target().path()) {
            (Method::GET, b"/panic") => panic!("as asked"),
            (Method::GET, b"/stream") => {
                let reader = io::repeat(b'x').take(100_000);
                Ok(Answer::new(StatusCode::OK).with_body(Body::stream(reader, None)))
            }
            (Method::GET, b"/short") => {
                let reader = io::repeat(b'x').take(10);
                Ok(Answer::new(StatusCode::OK).with_body(Body::stream(reader, Some(20))))
            }
            (Method::GET, b"/reset") => {
                Ok(Answer::new(StatusCode::RESET_CONTENT).with_body("never sent"))
            }
            (Method::GET, b"/informational") => Ok(Answer::new(StatusCode::CONTINUE)),
            (Method::GET, b"/list") => Ok(Answer::new(StatusCode::OK)
                .with_header(header::CONNECTION, "foo, Close")
                .with_body("bye")),
            (Method::GET, b"/last") => Ok(Answer::new(StatusCode::OK)
                .with_header(header::CONNECTION, "close")
                .with_body("bye")),
            (Method::GET | Method::HEAD, _) => Ok(Answer::new(StatusCode::OK)
                .with_header(header::CONTENT_LENGTH, "999")
                .with_header(header::CONTENT_TYPE, "text/plain")
                .with_body("hello")),
            (Method::POST, _) => {
                let mut body = String::new();
                request.body().read_to_string(&mut body)?;
                Ok(Answer::new(StatusCode::OK)
                    .with_body(format!("{}: {body}", request.client().host())))
            }
            (other, _) => Err(HttpError::unsupported_method(other)),
        }
    }

    #[expect(clippy::unnecessary_literal_bound, reason = "the trait has it so")]
    fn server_version(&self) -> &str {
        "Custom/1 Test/2"
    }

    fn expect_continue(&self, request: &Request<'_>) -> Result<(), HttpError> {
        match request.header(header::CONTENT_LENGTH) {
            Some(length) if length.len() > 3 => Err(HttpError::new(
                StatusCode::new(413).expect("413 has three digits"),
            )),
            _ => Ok(()),
        }
    }

    fn error_response(&self, error: &HttpError) -> Answer {
        error
            .to_response()
            .with_header(header::CONTENT_TYPE, "text/plain")
            .with_body(format!("{error}\n"))
    }

    fn log_request(&self, log: &dyn Log, answered: &Answered<'_>) {
        let Answered { line, status, .. } = answered;
        self.log_message(
            log,
            format_args!("{} {status}", line.target.as_text()).into(),
        );
    }

    fn log_message(&self, log: &dyn Log, message: Message<'_>) {
        self.messages
            .send(format!("{} {message}", log.client().host()))
            .expect("the test listens");
    }
}

fn custom(protocol: Version) -> (Started, Receiver<String>) {
    let (messages, log) = channel();
    (Started::new(Custom { messages }, protocol), log)
}

#[test]
fn a_handler_decides_and_the_connection_does_the_rest() {
    let (server, log) = custom(Version::HTTP_11);
    let response = server.ask("GET /x HTTP/1.1\r\n\r\n");
    assert_eq!(response.status_line, "HTTP/1.1 200 OK");
    assert_eq!(response.field("Server"), Some("Custom/1 Test/2"));
    // The length is the body's, whatever the handler says.
    assert_eq!(
        response.field_lines[2..],
        ["Content-Type: text/plain", "Content-Length: 5"]
    );
    assert_eq!(response.body, b"hello");
    assert_eq!(log.recv().as_deref(), Ok("127.0.0.1 /x 200"));

    let head = server.ask("HEAD /x HTTP/1.1\r\n\r\n");
    assert_eq!(
        (head.field("Content-Length"), head.body.len()),
        (Some("5"), 0)
    );

    let error = server.ask("BREW /x HTTP/1.1\r\n\r\n");
    assert_eq!(
        error.status_line,
        "HTTP/1.1 501 Unsupported method ('BREW')"
    );
    assert_eq!(
        error.body,
        b"code 501, message Unsupported method ('BREW')\n"
    );
    let messages: Vec<_> = log.try_iter().collect();
    assert_eq!(
        messages,
        [
            "127.0.0.1 /x 200",
            "127.0.0.1 code 501, message Unsupported method ('BREW')",
            "127.0.0.1 /x 501"
        ]
    );
}

#[test]
fn bodies_are_read_with_their_framing_taken_off() {
    let (server, _log) = custom(Version::HTTP_11);
    let requests = "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc\
                    POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n1\r\nf\r\n0\r\n\r\n\
                    POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n\
                    GET /last HTTP/1.1\r\n\r\nGET /x HTTP/1.1\r\n\r\n";
    let answer = exchange(server.address, &[requests], AfterSending::StayOpen);
    let text = String::from_utf8(answer).expect("text");
    let bodies: Vec<_> = text.split("\r\n\r\n").skip(1).collect();
    assert_eq!(bodies.len(), 4);
    assert!(
        bodies[0].starts_with("127.0.0.1: abcHTTP/1.1 200"),
        "{text}"
    );
    assert!(
        bodies[1].starts_with("127.0.0.1: defHTTP/1.1 200"),
        "{text}"
    );
    assert!(bodies[2].starts_with("127.0.0.1: HTTP/1.1 200"), "{text}");
    // `Connection: close` in a response ends the connection, and is said once.
    assert_eq!(bodies[3], "bye");
    assert_eq!(text.matches("Connection: close").count(), 1);

    let broken = server.ask("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n");
    assert_eq!(broken.status(), 400);
    let cut = server.ask("POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc");
    assert_eq!(cut.status(), 400);
}

#[test]
fn streams_are_framed_by_what_the_client_understands() {
    for (protocol, request, framing) in [
        (
            Version::HTTP_11,
            "GET /stream HTTP/1.1\r\n\r\n",
            Some("chunked"),
        ),
        (
            Version::HTTP_11,
            "GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
            None,
        ),
        (Version::HTTP_10, "GET /stream HTTP/1.1\r\n\r\n", None),
    ] {
        let (server, _log) = custom(protocol);
        let response = server.ask(request);
        assert_eq!(response.field("Transfer-Encoding"), framing);
        assert_eq!(response.field("Content-Length"), None);
        let body: Vec<u8> = response
            .body
            .iter()
            .copied()
            .filter(|&byte| byte == b'x')
            .collect();
        assert_eq!(body.len(), 100_000);
        assert_eq!(response.body.ends_with(b"0\r\n\r\n"), framing.is_some());
        assert_eq!(response.body.len() == 100_000, framing.is_none());
    }
}

#[test]
fn a_stream_that_breaks_its_promise_cuts_the_connection() {
    let (server, _log) = custom(Version::HTTP_11);
    let response = server.ask("GET /short HTTP/1.1\r\n\r\nGET /x HTTP/1.1\r\n\r\n");
    assert_eq!(response.field("Content-Length"), Some("20"));
    assert_eq!(response.body, b"xxxxxxxxxx");
}

#[test]
fn a_body_can_be_refused_before_it_is_sent() {
    let (server, _log) = custom(Version::HTTP_11);
    let request = |length| {
        format!("POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n")
    };
    let refused = exchange(server.address, &[request("9999")], AfterSending::StayOpen);
    assert_eq!(Response::parse(&refused).status(), 413);
    let mut client = Connection::open(server.address);
    client.send(request("3").as_bytes()).expect("it is sent");
    client.read_until(|bytes| bytes == b"HTTP/1.1 100 Continue\r\n\r\n");
    client.send(b"abc").expect("it is sent");
    client.read_until(|bytes| bytes.ends_with(b"127.0.0.1: abc"));
}

#[test]
fn a_handler_that_panics_ends_its_connection_and_no_other() {
    let (server, _log) = custom(Version::HTTP_11);
    let answer = exchange(
        server.address,
        &["GET /panic HTTP/1.1\r\n\r\n"],
        AfterSending::HalfClose,
    );
    assert_eq!(answer, b"");
    assert_eq!(server.ask("GET /x HTTP/1.1\r\n\r\n").status(), 200);
}

#[test]
fn one_at_a_time_means_that_others_wait() {
    /// Counts how many requests it is at.
    struct Counting(AtomicUsize, Sender<usize>);

    impl Handler for Counting {
        fn handle(&self, request: &mut Request<'_>) -> Result<Answer, HttpError> {
            let others = self.0.fetch_add(1, Ordering::SeqCst);
            self.1.send(others).expect("the test listens");
            // It takes as long as the client takes to send its body.
            io::copy(request.body(), &mut io::sink())?;
            self.0.fetch_sub(1, Ordering::SeqCst);
            Ok(Answer::new(StatusCode::OK).with_body("done"))
        }
    }

    let (begun, others) = channel();
    let handler = Counting(AtomicUsize::new(0), begun);
    let server = Started::with(handler, Version::HTTP_10, Server::serve_one_at_a_time);
    let head = b"POST / HTTP/1.0\r\nContent-Length: 1\r\n\r\n";
    let mut clients: Vec<_> = (0..8).map(|_| Connection::open(server.address)).collect();
    for client in &mut clients {
        client.send(head).expect("it is sent");
    }
    assert_eq!(others.recv(), Ok(0));
    // The first request is in progress, and none of the others is begun.
    assert_eq!(
        others.recv_timeout(Duration::from_millis(200)),
        Err(RecvTimeoutError::Timeout)
    );
    for client in &mut clients {
        client.send(b"x").expect("it is sent");
    }
    for client in &mut clients {
        assert!(client.read_to_end().bytes.ends_with(b"done"));
    }
    assert!(others.try_iter().all(|others| others == 0));
}

/// Says when it begins, and waits until it may go on.
struct Slow {
    started: Sender<()>,
    goes: std::sync::Mutex<Receiver<()>>,
}

impl Handler for Slow {
    fn handle(&self, _: &mut Request<'_>) -> Result<Answer, HttpError> {
        self.started.send(()).expect("the test listens");
        let goes = self.goes.lock().expect("nobody panics");
        goes.recv().expect("the test says so");
        Ok(Answer::new(StatusCode::OK))
    }
}

#[test]
fn one_at_a_time_those_who_still_wait_at_the_end_are_told_so() {
    let (started, starts) = channel();
    let (go, goes) = channel();
    let handler = Slow {
        started,
        goes: goes.into(),
    };
    let mut server = Started::with(handler, Version::HTTP_10, Server::serve_one_at_a_time);
    let mut first = Connection::open(server.address);
    first.send(b"GET / HTTP/1.0\r\n\r\n").expect("it is sent");
    // Its one thread is at work when it is asked to end.
    starts.recv().expect("it is handled");
    let mut second = Connection::open(server.address);
    server.handle.shutdown();
    assert!(second.read_to_end().bytes.starts_with(b"HTTP/1.0 503 "));
    go.send(()).expect("it waits");
    assert!(first.read_to_end().bytes.starts_with(b"HTTP/1.0 200 "));
    server.end();
}

#[test]
fn what_has_no_content_sends_none() {
    let (server, _log) = custom(Version::HTTP_11);
    let answer = exchange(
        server.address,
        &["GET /reset HTTP/1.1\r\n\r\nGET /informational HTTP/1.1\r\n\r\n"],
        AfterSending::StayOpen,
    );
    let text = String::from_utf8(answer).expect("text");
    let (reset, error) = text.split_once("\r\n\r\n").expect("two responses");
    assert!(
        reset.starts_with("HTTP/1.1 205 ") && reset.contains("Content-Length: 0"),
        "{text}"
    );
    // A 1xx from a handler is not an answer.
    assert!(
        error.starts_with("HTTP/1.1 500 Internal Server Error\r\n"),
        "{text}"
    );
}

/// Its error pages leave out what CPython's have.
struct Terse;
impl Handler for Terse {
    fn handle(&self, request: &mut Request<'_>) -> Result<Answer, HttpError> {
        Err(HttpError::unsupported_method(request.method()))
    }
    fn error_response(&self, error: &HttpError) -> Answer {
        Answer::new(error.status()).with_body("no")
    }
}

#[test]
fn a_connection_that_closes_says_so() {
    let (server, _log) = custom(Version::HTTP_11);
    let listed = exchange(
        server.address,
        &["GET /list HTTP/1.1\r\n\r\nGET /x HTTP/1.1\r\n\r\n"],
        AfterSending::StayOpen,
    );
    assert!(listed.ends_with(b"bye"), "`close` in a list closes");
    let server = Started::new(Terse, Version::HTTP_11);
    for request in [
        "GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "GET / HTTP/1.1\r\nbad line\r\n\r\n",
    ] {
        let answer = exchange(server.address, &[request], AfterSending::StayOpen);
        assert_eq!(
            Response::parse(&answer).field("Connection"),
            Some("close"),
            "{request:?}"
        );
    }
    // An error that the handler means to survive does.
    let twice = "GET / HTTP/1.1\r\n\r\n".repeat(2);
    let answer = exchange(server.address, &[twice], AfterSending::HalfClose);
    assert_eq!(
        String::from_utf8_lossy(&answer)
            .matches("HTTP/1.1 501 ")
            .count(),
        2
    );
}

#[test]
fn index_pages_and_extensions_are_the_handler_s() {
    let tree = Tree::new();
    tree.file("start.txt", "start")
        .file("index.html", "index")
        .file("a.foo", "");
    let files = FileHandler::new(tree.path())
        .with_index_pages(["no.html", "start.txt"])
        .with_extension(".foo", "a/b");
    let server = Started::new(files, Version::HTTP_10);
    assert_eq!(server.ask("GET / HTTP/1.0\r\n\r\n").body, b"start");
    assert_eq!(
        server
            .ask("GET /a.foo HTTP/1.0\r\n\r\n")
            .field("Content-type"),
        Some("a/b")
    );
}

#[test]
fn what_is_done_at_the_start_comes_after_accepting_and_before_the_log() {
    let (log, early_log) = (Sink::default(), Sink::default());
    let server = Server::bind("127.0.0.1:0", FileHandler::new(".")).expect("a free port");
    let address = server.local_addr().socket_addr().expect("it is TCP");
    let (handle, sink) = (server.handle(), log.clone());
    let mut early = early_log.clone();
    let server = server.with_log(log.clone()).on_start(move || {
        let asked = ["GET /missing HTTP/1.0\r\n\r\n"];
        let response = exchange(address, &asked, AfterSending::HalfClose);
        assert_eq!(Response::parse(&response).status(), 404);
        // Time for a line that should not be there.
        std::thread::sleep(Duration::from_millis(50));
        early.write_all(sink.text().as_bytes())?;
        handle.shutdown();
        Ok(())
    });
    server.serve().expect("it ends well");
    assert_eq!(early_log.text(), "");
    let logged = log.text();
    assert!(
        logged.ends_with("\"GET /missing HTTP/1.0\" 404 -\n"),
        "{logged}"
    );
}

#[test]
fn a_start_that_fails_ends_the_server() {
    let server = Server::bind("127.0.0.1:0", FileHandler::new(".")).expect("a free port");
    let address = server.local_addr().socket_addr().expect("it is TCP");
    let mut client = Connection::open(address);
    let server = server.with_log(io::sink());
    let result = server
        .on_start(|| Err(io::Error::other("not today")))
        .serve();
    assert_eq!(
        result.map_err(|error| error.to_string()),
        Err("not today".into())
    );
    assert_eq!(client.read_to_end().bytes, b"");
}

#[test]
fn a_start_that_panics_ends_the_server() {
    let server = Server::bind("127.0.0.1:0", FileHandler::new(".")).expect("a free port");
    let address = server.local_addr().socket_addr().expect("it is TCP");
    let mut client = Connection::open(address);
    let server = server.with_log(io::sink()).on_start(|| panic!("not today"));
    let serving = std::thread::spawn(move || server.serve());
    let panic = serving.join().expect_err("it panics");
    assert_eq!(panic.downcast_ref(), Some(&"not today"));
    assert_eq!(client.read_to_end().bytes, b"");
}

#[test]
fn a_server_that_has_ended_leaves_its_port_free() {
    let mut server = Started::new(FileHandler::new("."), Version::HTTP_11);
    let mut idle = Connection::open(server.address);
    idle.send(b"GET /missing HTTP/1.1\r\n\r\n")
        .expect("it is sent");
    server.end();
    // What had arrived is answered, then the connection ends.
    assert_eq!(Response::parse(&idle.read_to_end().bytes).status(), 404);
    TcpListener::bind(server.address).expect("the port is free");
}

#[test]
fn a_server_ends_though_a_client_never_reads() {
    let tree = Tree::new();
    tree.file("big", vec![0; 64 * 1024 * 1024]);
    let mut server = Started::new(FileHandler::new(tree.path()), Version::HTTP_11);
    let mut stuck = Connection::open(server.address);
    stuck
        .send(b"GET /big HTTP/1.1\r\n\r\n")
        .expect("it is sent");
    stuck.read_until(|bytes| bytes.ends_with(b"\r\n\r\n"));
    server.handle.abort();
    server.end();
}

/// The same code serves a socket at a path: files, ranges, kept connections, a body that streams
/// both ways, and the end.
#[test]
fn a_unix_socket_is_served_as_tcp_is() {
    use std::os::unix::net::{UnixListener, UnixStream};

    let tree = Tree::new();
    tree.file("large", "0123456789".repeat(50_000)).script(
        "cgi-bin/cat",
        "#!/bin/sh\necho; cat; echo \"from [$REMOTE_ADDR]\"\n",
    );
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(tree.path(), open).expect("the mode can be set");
    let path = tree.path().join("socket");
    let listener = UnixListener::bind(&path).expect("it can be made");
    let handler = CgiHandler::new(FileHandler::new(tree.path()));
    let log = Sink::default();
    let mut config = Config::default();
    config.protocol = Version::HTTP_11;
    let server = Server::new(listener, handler).expect("it has an address");
    assert_eq!(
        server.local_addr().to_string(),
        format!("unix:{}", path.display())
    );
    let server = server.with_config(config).with_log(log.clone());
    let handle = server.handle();
    let serving = std::thread::spawn(move || server.serve());

    let mut client = UnixStream::connect(&path).expect("it accepts");
    let requests = "GET /large HTTP/1.1\r\nRange: bytes=10-14\r\n\r\n\
        POST /cgi-bin/cat HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n\
        5\r\nhello\r\n0\r\n\r\n\
        GET /large HTTP/1.1\r\nConnection: close\r\n\r\n";
    client.write_all(requests.as_bytes()).expect("it is sent");
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).expect("it is no reset");
    let text = String::from_utf8(answer).expect("text");
    assert!(
        text.starts_with("HTTP/1.1 206 Partial Content\r\n"),
        "{text:.300}"
    );
    assert!(text.contains("\r\n\r\n01234HTTP/1.1 200 Script output follows\r\n"));
    assert!(text.contains("hello") && text.contains("from []\n"));
    assert!(text.ends_with(&"0123456789".repeat(50_000)));

    handle.shutdown();
    serving
        .join()
        .expect("it does not panic")
        .expect("it ends well");
    let log = log.0.lock().expect("nobody panics").clone();
    let log = String::from_utf8(log).expect("text");
    let lines: Vec<_> = log.lines().collect();
    assert_eq!(lines.len(), 3, "{log}");
    assert!(
        lines.iter().all(|line| line.starts_with("unix - - [")),
        "{log}"
    );
}
