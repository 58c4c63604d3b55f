//! What a blocking server could do: if a request cost nothing, and if it cost
//! only what cannot be spared.
//!
//! The bare ceiling sends a prebuilt answer from memory; no file, no log, no
//! parsing beyond finding the end of the request. Two shapes: one thread spawned
//! a connection, and leader/follower (every thread accepts for itself and makes
//! sure that somebody else is accepting while it serves).
//!
//! The limit is the second shape, with what a server must do that is never stale
//! and logs everything: it receives, looks at the path (`statx`), reads the file
//! (`pread`), leaves a line for a thread that writes what has gathered, and sends.
//! Its threads wait for their turn (`SCHED_BATCH`).

use std::fs::{File, Metadata};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use std::{fs, mem, thread};

use memchr::memmem;

use crate::fallible::Fallible;

pub(crate) const COMMAND: &str = "ceiling";
const STACK: usize = 64 * 1024;
/// Threads kept waiting for a connection; more end.
const IDLE: usize = 64;
/// Connections that may wait to be accepted.
const BACKLOG: i32 = 4096;
/// How long lines of the log gather.
const GATHERING: Duration = Duration::from_millis(5);
const LAST: &[u8] = b"Connection: close\r\n";
const END: &[u8] = b"\r\n\r\n";

/// The limit's log goes to standard output.
pub(crate) fn run(arguments: &[&str]) -> Fallible<()> {
    let &[shape, port, file] = arguments else {
        return Err("ceiling wants: thread|leader|limit PORT FILE".into());
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port.parse()?))?;
    // The library's backlog is 128: of a thousand clients that connect at once, most would be told
    // nothing, and try again after a second or three.
    rustix::net::listen(&listener, BACKLOG)?;
    let memory = || io::Result::Ok(Arc::new(Answer::new(&fs::read(file)?)));
    match shape {
        "thread" => thread_a_connection(&listener, &memory()?),
        "leader" => leader_follower(listener, memory()?),
        "limit" => {
            wait_for_turn()?;
            leader_follower(listener, Arc::new(Site::new(Path::new(file))?))
        }
        _ => Err(format!("no such shape: {shape}").into()),
    }
}

/// What becomes of a connection.
trait Serve: Send + Sync + 'static {
    fn serve(&self, stream: TcpStream) -> io::Result<()>;
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

fn leader_follower(listener: TcpListener, service: Arc<dyn Serve>) -> Fallible<()> {
    let crew = Crew {
        listener: Arc::new(listener),
        service,
        waiting: Arc::new(AtomicUsize::new(0)),
    };
    crew.work()?;
    // Enough others wait for connections. The program ends with this thread.
    loop {
        thread::park();
    }
}

#[derive(Clone)]
struct Crew {
    listener: Arc<TcpListener>,
    service: Arc<dyn Serve>,
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
            // A client that leaves in the middle does not affect the next one.
            let _ = self.service.serve(stream);
        }
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        Ok(())
    }
}

/// The head of the file's answer, but for its end.
fn head(length: usize) -> String {
    // The fields a file's answer has, so that as many bytes travel.
    format!(
        "HTTP/1.1 200 OK\r\nServer: ceiling/1.0\r\n\
         Date: Thu, 01 Jan 2026 00:00:00 GMT\r\n\
         Content-type: application/octet-stream\r\nContent-Length: {length}\r\n\
         Last-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n\
         Accept-Ranges: bytes\r\nETag: \"{length:x}-6955b900.1234567a\"\r\n"
    )
}

struct Answer {
    kept: Vec<u8>,
    /// The same for a client that wants no further one: unannounced, the end
    /// of the connection would look like an error.
    last: Vec<u8>,
}

impl Answer {
    fn new(body: &[u8]) -> Self {
        let head = head(body.len());
        let kept = [head.as_bytes(), b"\r\n", body].concat();
        let last = [head.as_bytes(), LAST, b"\r\n", body].concat();
        Self { kept, last }
    }
}

impl Serve for Answer {
    fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut requests = Requests::new();
        while let Some(request) = requests.next(&mut stream)? {
            if request.is_last {
                return stream.write_all(&self.last);
            }
            stream.write_all(&self.kept)?;
        }
        Ok(())
    }
}

/// One file, read again for each request.
struct Site {
    path: PathBuf,
    file: File,
    metadata: Metadata,
    lines: Arc<Mutex<Vec<u8>>>,
}

impl Site {
    fn new(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let lines: Arc<Mutex<Vec<u8>>> = Arc::default();
        let gathered = Arc::clone(&lines);
        thread::spawn(move || -> io::Result<()> {
            let mut log = io::stdout().lock();
            let mut written = Vec::new();
            loop {
                thread::sleep(GATHERING);
                written.clear();
                mem::swap(
                    &mut written,
                    &mut gathered.lock().unwrap_or_else(PoisonError::into_inner),
                );
                log.write_all(&written)?;
                log.flush()?;
            }
        });
        Ok(Self {
            path: path.to_owned(),
            metadata: file.metadata()?,
            file,
            lines,
        })
    }

    fn is_unchanged(&self) -> io::Result<bool> {
        let now = fs::metadata(&self.path)?;
        let facts = |of: &Metadata| (of.dev(), of.ino(), of.size(), of.mtime(), of.mtime_nsec());
        Ok(facts(&now) == facts(&self.metadata))
    }

    fn log(&self, line: &[u8]) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.extend_from_slice(b"127.0.0.1 - - [01/Jan/2026 00:00:00] \"");
        lines.extend_from_slice(line);
        lines.extend_from_slice(b"\" 200 -\n");
    }
}

impl Serve for Site {
    fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut requests = Requests::new();
        let head = head(self.metadata.len() as usize);
        let mut answer = Vec::new();
        while let Some(request) = requests.next(&mut stream)? {
            if !self.is_unchanged()? {
                return Err(io::Error::other("the file has changed"));
            }
            answer.clear();
            answer.extend_from_slice(head.as_bytes());
            answer.extend_from_slice(if request.is_last { LAST } else { b"" });
            answer.extend_from_slice(b"\r\n");
            let body = answer.len();
            answer.resize(body + self.metadata.len() as usize, 0);
            let into = answer.get_mut(body..).unwrap_or_default();
            self.file.read_exact_at(into, 0)?;
            self.log(request.line);
            stream.write_all(&answer)?;
            if request.is_last {
                return Ok(());
            }
        }
        Ok(())
    }
}

/// The requests of one connection, as far as anybody looks at them.
struct Requests {
    buffer: [u8; 4096],
    /// What of the buffer is filled and not yet served.
    pending: Range<usize>,
}

struct Request<'a> {
    line: &'a [u8],
    is_last: bool,
}

impl Requests {
    fn new() -> Self {
        Self {
            buffer: [0; 4096],
            pending: 0..0,
        }
    }

    fn next(&mut self, stream: &mut TcpStream) -> io::Result<Option<Request<'_>>> {
        let length = loop {
            let pending = self.buffer.get(self.pending.clone()).unwrap_or_default();
            if let Some(at) = memmem::find(pending, END) {
                break at + END.len();
            }
            self.buffer.copy_within(self.pending.clone(), 0);
            self.pending = 0..self.pending.len();
            let free = self.buffer.get_mut(self.pending.end..);
            match stream.read(free.unwrap_or_default())? {
                0 => return Ok(None),
                read => self.pending.end += read,
            }
        };
        let start = self.pending.start;
        self.pending.start += length;
        let head = self.buffer.get(start..start + length).unwrap_or_default();
        let line = head.split(|byte| *byte == b'\r').next();
        Ok(Some(Request {
            line: line.unwrap_or_default(),
            is_last: memmem::find(head, b"Connection: close").is_some(),
        }))
    }
}

#[cfg(target_os = "linux")]
fn wait_for_turn() -> Fallible<()> {
    use thread_priority::{
        NormalThreadSchedulePolicy::Batch, ThreadPriority, ThreadSchedulePolicy::Normal,
        set_thread_priority_and_policy, thread_native_id,
    };
    // On the crate's scale, this is the nice value that everybody has.
    let usual = ThreadPriority::Crossplatform(48_u8.try_into()?);
    set_thread_priority_and_policy(thread_native_id(), usual, Normal(Batch))
        .map_err(|error| format!("no SCHED_BATCH: {error:?}").into())
}

#[cfg(not(target_os = "linux"))]
#[expect(clippy::unnecessary_wraps, reason = "it can fail on Linux")]
fn wait_for_turn() -> Fallible<()> {
    Ok(())
}
