//! Both ways at once, in constant memory, without a deadlock.

use super::fixture::{add_program, serve, tree, with_script};
use crate::support::{Connection, Response, Running};
use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;

/// More than what any buffer on the way holds. `RHTTP_CGI_MIB=1024` makes it a gigabyte.
fn large() -> u64 {
    let mib = env::var("RHTTP_CGI_MIB")
        .ok()
        .and_then(|text| text.parse().ok());
    mib.unwrap_or(64) * 1024 * 1024
}

/// What memory may grow by, however much passes through.
const BUFFERS: u64 = 8 * 1024 * 1024;

#[test]
fn a_line_is_sent_as_soon_as_it_is_printed() {
    let tree = with_script("printf '\\n'; while read line; do echo \"got $line\"; done");
    for protocol in ["HTTP/1.0", "HTTP/1.1"] {
        let server = serve(&tree, protocol);
        let mut client = Connection::open(server.address());
        client
            .send(b"POST /cgi-bin/script HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
            .expect("it is sent");
        for line in ["one", "two", "three"] {
            // Each is sent only when the answer to the one before is there.
            let chunk = format!("{:x}\r\n{line}\n\r\n", line.len() + 1);
            client.send(chunk.as_bytes()).expect("it is sent");
            let wanted = format!("got {line}\n");
            client.read_until(|bytes| bytes.ends_with(wanted.as_bytes()));
        }
    }
}

#[test]
fn half_a_chunk_is_passed_on() {
    let tree = with_script("printf '\\n'; while read line; do echo \"got $line\"; done");
    let server = serve(&tree, "HTTP/1.0");
    let mut client = Connection::open(server.address());
    client
        .send(b"POST /cgi-bin/script HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n4\r\none\n")
        .expect("it is sent");
    client.read_until(|bytes| bytes.ends_with(b"got one\n"));
    client.send(b"\r\n8\r\ntwo\n").expect("it is sent");
    client.read_until(|bytes| bytes.ends_with(b"got two\n"));
    client.send(b"end\n\r\n0\r\n\r\n").expect("it is sent");
    assert!(client.read_to_end().bytes.ends_with(b"got end\n"));
}

#[test]
fn the_end_of_a_body_is_not_waited_for_to_pass_on_output() {
    let tree = with_script(
        "printf '\\n'; read line; echo \"got $line\"; sleep 0.5; echo later; cat; echo end",
    );
    let server = serve(&tree, "HTTP/1.0");
    for end in ["\r\n0\r\n\r\n", "\r\n0\r\nA: b\r\nC: d\r\n\r\n"] {
        // Every byte of it may be the first that is late.
        for at in 0..end.len() {
            let (start, end) = end.split_at(at);
            let start = format!("4\r\none\n{start}");
            let mut client = Connection::open(server.address());
            client
                .send(b"POST /cgi-bin/script HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
                .expect("it is sent");
            client.send(start.as_bytes()).expect("it is sent");
            client.read_until(|bytes| bytes.ends_with(b"got one\nlater\n"));
            client.send(end.as_bytes()).expect("it is sent");
            assert!(client.read_to_end().bytes.ends_with(b"end\n"));
        }
    }
}

#[test]
fn a_header_is_sent_before_there_is_content() {
    let tree = with_script("printf 'X-A: b\\n\\n'; cat");
    let server = serve(&tree, "HTTP/1.0");
    let mut client = Connection::open(server.address());
    client
        .send(b"POST /cgi-bin/script HTTP/1.1\r\nContent-Length: 3\r\n\r\n")
        .expect("it is sent");
    client.read_until(|bytes| bytes.ends_with(b"\r\nX-A: b\r\n\r\n"));
    client.send(b"abc").expect("it is sent");
    assert_eq!(client.read_to_end().bytes, b"abc");
}

#[test]
fn much_output_takes_no_memory() {
    let (server, _tree) = program();
    let before = peak_memory(&server);
    let length = large();
    let client = request(&server, &format!("out={length}"), 0);
    client.shutdown(Shutdown::Write).expect("it is shut down");
    assert_eq!(read_content(client), length);
    assert_flat(&server, before);
}

#[test]
fn much_input_takes_no_memory() {
    let (server, _tree) = program();
    let before = peak_memory(&server);
    let length = large();
    let mut client = request(&server, "in", length);
    send(&mut client, length).expect("it is sent");
    assert_eq!(last_line(client), format!("{length} bytes"));
    assert_flat(&server, before);
}

#[test]
fn much_of_both_passes_through_cat() {
    let tree = with_script("printf '\\n'; exec cat");
    let server = serve(&tree, "HTTP/1.0");
    let before = peak_memory(&server);
    let length = large();
    let client = request_to(&server, "/cgi-bin/script", length);
    let mut sender = client.try_clone().expect("it can be cloned");
    let sending = thread::spawn(move || send(&mut sender, length));
    assert_eq!(read_content(client), length);
    sending
        .join()
        .expect("it does not panic")
        .expect("it is sent");
    assert_flat(&server, before);
}

#[test]
fn a_script_may_print_first_and_read_last() {
    let (server, _tree) = program();
    // More than a pipe holds, less than what the sockets hold: the client reads last, too.
    let mut client = request(&server, "last=200000", 1_000_000);
    send(&mut client, 1_000_000).expect("it is sent");
    assert_eq!(last_line(client).trim_start_matches('x'), "1000000 bytes");
}

#[test]
fn a_script_may_never_read() {
    let (server, _tree) = program();
    let length = 100 * 1024 * 1024;
    let mut client = request(&server, "never", length);
    // The server need not take all of it.
    let _ = send(&mut client, length);
    let mut answer = Vec::new();
    // A client that sends on until the server stops reading meets a reset; but not before it has
    // been given time to read the answer.
    let _ = client.read_to_end(&mut answer);
    if !answer.is_empty() {
        assert!(answer.ends_with(b"compiled\n"));
    }
    let mut client = request(&server, "never", 500_000);
    send(&mut client, 500_000).expect("it is sent");
    assert_eq!(last_line(client), "compiled");
}

#[test]
fn a_script_may_close_its_output_early() {
    let tree = with_script("printf '\\nshort'; exec >&-; cat > /dev/null");
    let server = serve(&tree, "HTTP/1.0");
    let mut client = request_to(&server, "/cgi-bin/script", 500_000);
    send(&mut client, 500_000).expect("it is sent");
    assert_eq!(last_line(client), "short");
}

#[test]
fn a_script_may_close_its_input_early() {
    let tree = with_script("exec <&-; printf '\\nno input'");
    let server = serve(&tree, "HTTP/1.0");
    let mut client = request_to(&server, "/cgi-bin/script", 500_000);
    send(&mut client, 500_000).expect("it is sent");
    assert_eq!(last_line(client), "no input");
}

fn program() -> (Running, crate::support::Tree) {
    let tree = tree();
    add_program(&tree);
    (serve(&tree, "HTTP/1.0"), tree)
}

fn request(server: &Running, query: &str, length: u64) -> TcpStream {
    request_to(server, &format!("/cgi-bin/program?{query}"), length)
}

/// Sends the head of a POST with a body of that length.
fn request_to(server: &Running, target: &str, length: u64) -> TcpStream {
    let mut client = TcpStream::connect(server.address()).expect("the server accepts");
    let patience = Some(crate::support::PATIENCE);
    client
        .set_read_timeout(patience)
        .expect("the time can be limited");
    client
        .set_write_timeout(patience)
        .expect("the time can be limited");
    write!(
        client,
        "POST {target} HTTP/1.1\r\nContent-Length: {length}\r\n\r\n"
    )
    .expect("it is sent");
    client
}

fn send(client: &mut TcpStream, length: u64) -> std::io::Result<u64> {
    let mut left = length;
    let chunk = vec![b'y'; 256 * 1024];
    while left > 0 {
        let count = usize::try_from(left).unwrap_or(usize::MAX).min(chunk.len());
        client.write_all(&chunk[..count])?;
        left -= count as u64;
    }
    Ok(length)
}

/// How many bytes the content of a response has, up to the end of the connection.
fn read_content(client: TcpStream) -> u64 {
    let mut client = BufReader::with_capacity(256 * 1024, client);
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        assert_ne!(client.read_line(&mut line).expect("a head is text"), 0);
    }
    std::io::copy(&mut client, &mut std::io::sink()).expect("it is read")
}

fn last_line(mut client: TcpStream) -> String {
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).expect("it is read");
    let response = Response::parse(&answer);
    let text = String::from_utf8(response.body).expect("it is text");
    text.lines().last().unwrap_or_default().to_owned()
}

/// The most memory that the server has ever used.
fn peak_memory(server: &Running) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.pid()));
    let status = status.expect("the server runs");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = peak.and_then(|peak| peak.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.expect("the system tells it") * 1024
}

fn assert_flat(server: &Running, before: u64) {
    let after = peak_memory(server);
    assert!(
        after < before + BUFFERS,
        "memory grew from {before} to {after}"
    );
}
