//! The bare ceiling: what a blocking server could do if a request cost nothing.
//!
//! A prebuilt answer from memory; no file, no log, no parsing beyond finding
//! the end of the request. Two shapes: one thread spawned a connection, and
//! leader/follower (every thread accepts for itself and makes sure that
//! somebody else is accepting while it serves).

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{fs, thread};

use crate::fallible::Fallible;

pub(crate) const COMMAND: &str = "ceiling";
const STACK: usize = 64 * 1024;
/// Threads kept waiting for a connection; more end.
const IDLE: usize = 64;

pub(crate) fn run(arguments: &[&str]) -> Fallible<()> {
    let &[shape, port, file] = arguments else {
        return Err("ceiling wants: thread|leader PORT FILE".into());
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port.parse()?))?;
    let answer = Arc::new(Answer::new(&fs::read(file)?));
    match shape {
        "thread" => thread_a_connection(&listener, &answer),
        "leader" => leader_follower(Arc::new(listener), answer),
        _ => Err(format!("no such shape: {shape}").into()),
    }
}

fn thread_a_connection(listener: &TcpListener, answer: &Arc<Answer>) -> Fallible<()> {
    loop {
        let (stream, _) = listener.accept()?;
        let answer = Arc::clone(answer);
        thread::Builder::new()
            .stack_size(STACK)
            .spawn(move || answer.serve(stream))?;
    }
}

fn leader_follower(listener: Arc<TcpListener>, answer: Arc<Answer>) -> Fallible<()> {
    let crew = Crew {
        listener,
        answer,
        waiting: Arc::new(AtomicUsize::new(0)),
    };
    loop {
        // The first thread never ends, so neither does the program.
        crew.work()?;
    }
}

#[derive(Clone)]
struct Crew {
    listener: Arc<TcpListener>,
    answer: Arc<Answer>,
    waiting: Arc<AtomicUsize>,
}

impl Crew {
    fn work(&self) -> io::Result<()> {
        while self.waiting.fetch_add(1, Ordering::Relaxed) < IDLE {
            let (stream, _) = self.listener.accept()?;
            if self.waiting.fetch_sub(1, Ordering::Relaxed) == 1 {
                let follower = self.clone();
                thread::Builder::new()
                    .stack_size(STACK)
                    .spawn(move || follower.work())?;
            }
            // A client that leaves in the middle is no concern of the next one.
            let _ = self.answer.serve(stream);
        }
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        Ok(())
    }
}

struct Answer {
    kept: Vec<u8>,
    /// The same for a client that wants no further one: unannounced, the end
    /// of the connection would look like an error.
    last: Vec<u8>,
}

impl Answer {
    fn new(body: &[u8]) -> Self {
        // The fields a file's answer has, so that as many bytes travel.
        let head = format!(
            "HTTP/1.1 200 OK\r\nServer: ceiling/1.0\r\n\
             Date: Thu, 01 Jan 2026 00:00:00 GMT\r\n\
             Content-type: application/octet-stream\r\nContent-Length: {}\r\n\
             Last-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n",
            body.len()
        );
        let kept = [head.as_bytes(), b"\r\n", body].concat();
        let last = [head.as_bytes(), b"Connection: close\r\n\r\n", body].concat();
        Self { kept, last }
    }

    fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut chunk = [0; 4096];
        let mut pending: Vec<u8> = Vec::with_capacity(chunk.len());
        loop {
            let read = stream.read(&mut chunk)?;
            if read == 0 {
                return Ok(());
            }
            pending.extend(chunk.iter().take(read));
            while let Some(at) = find(&pending, b"\r\n\r\n") {
                if find(&pending, b"Connection: close").is_some_and(|field| field < at) {
                    return stream.write_all(&self.last);
                }
                stream.write_all(&self.kept)?;
                pending.drain(..at + 4);
            }
        }
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}
