//! The log: whole lines, in order, without ever holding up service.
//!
//! Connections append lines to a buffer in memory, and one thread writes whatever has accumulated
//! there. A line alone goes out at once; those that follow soon go out together, because waking the
//! thread for each of them costs more than serving a request. If nobody reads the log,
//! the buffer fills. Requests then wait for it once, for at most 100 ms; after that, lines are
//! dropped and counted until the log is read again.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::clock::Now;
use super::line_sink::LineSink;
use super::log_line::Line;
use crate::handler::{Log, Message};
use crate::http::Peer;
use crate::sys;
use smallvec::SmallVec;

/// Most bytes that may wait to be written; lines beyond that are dropped.
const MAX_WAITING: usize = 1024 * 1024;
/// So many bytes are written without waiting for more.
const MANY: usize = MAX_WAITING / 2;

/// How long to wait for room in a full buffer: a writer that is off the CPU for a moment loses no
/// line, and one that is stuck holds nobody up.
const WRITER_LIMIT: Duration = Duration::from_millis(100);
/// How long lines gather after others were written.
const GATHERING: Duration = Duration::from_millis(5);
/// Capacity to which a buffer is shrunk after it has been written.
const KEPT_CAPACITY: usize = 64 * 1024;

/// Where lines go.
#[derive(Clone)]
pub(super) struct AccessLog {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    /// Something was appended, or the log is closed.
    appended: Condvar,
    /// The writer has taken everything that waited.
    taken: Condvar,
    /// The writer has ended.
    ended: Condvar,
}

#[derive(Default)]
struct Queue {
    waiting: Vec<u8>,
    /// Lines dropped since the last one that was written.
    dropped: u64,
    writer: Writer,
    /// The log is closed to new lines; those that wait must be written by then.
    closes: Option<Instant>,
}

/// What the writing thread is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Writer {
    /// It is writing, or about to.
    #[default]
    Works,
    /// It waits for lines and must be woken.
    Sleeps,
    /// It lets lines gather, and must be woken only when there are many.
    Naps,
    /// It did not make room in the time it was given, or it is slow: nobody waits for it.
    Stalled,
    /// It is gone.
    Ended,
}

impl Queue {
    /// Whether `line` does not fit.
    fn is_full(&self, line: &[u8]) -> bool {
        self.waiting.len() + line.len() > MAX_WAITING
    }
}

/// An empty buffer of the size that is kept: one that grows moves into the heap of a thread that ends.
fn full_size() -> Vec<u8> {
    Vec::with_capacity(KEPT_CAPACITY)
}

/// What writes lines, once it is started.
pub(super) struct LogWriter {
    shared: Arc<Shared>,
    sink: Box<dyn Write + Send>,
}

impl LogWriter {
    /// Starts the thread that writes.
    pub(super) fn start(self) -> io::Result<()> {
        let Self { shared, sink } = self;
        let batch = full_size();
        let thread = thread::Builder::new()
            .name("log".into())
            .stack_size(64 * 1024);
        let writer = Arc::clone(&shared);
        let started = thread.spawn(move || {
            sys::yield_to_others();
            sys::wait_for_turn();
            writer.write_lines(sink, batch);
        });
        if started.is_err() {
            shared.lock().writer = Writer::Ended;
        }
        started.map(drop)
    }
}

impl AccessLog {
    /// A log, and what writes its lines to `sink`.
    pub(super) fn new(sink: Box<dyn Write + Send>) -> (Self, LogWriter) {
        let shared = Arc::new(Shared::default());
        shared.lock().waiting = full_size();
        let log = Self {
            shared: Arc::clone(&shared),
        };
        (log, LogWriter { shared, sink })
    }

    /// The log of a connection from `client`, at one moment.
    pub(super) fn of<'a>(&'a self, client: &'a Client, now: &'a Now) -> ConnectionLog<'a> {
        ConnectionLog {
            log: self,
            client,
            now,
        }
    }

    /// Writes a line that does not concern a connection, as the program's own.
    pub(super) fn note(&self, message: fmt::Arguments<'_>) {
        let mut line = Line::new();
        line.push_message(format_args!("rhttp: {message}").into());
        self.append(line.bytes());
    }

    /// Closes the log to new lines and waits until the rest are written, but no longer than
    /// `limit`.
    pub(super) fn close(&self, limit: Duration) {
        let deadline = Instant::now() + limit;
        let mut queue = self.shared.lock();
        queue.closes = Some(deadline);
        self.shared.appended.notify_one();
        while queue.writer != Writer::Ended {
            let Some(left) = deadline.checked_duration_since(Instant::now()) else {
                return;
            };
            queue = self
                .shared
                .ended
                .wait_timeout(queue, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Appends a whole line.
    pub(super) fn append(&self, line: &[u8]) {
        let mut queue = self.shared.lock();
        if queue.is_full(line) && queue.writer != Writer::Stalled {
            queue = self.shared.wait_for_writer(queue, line);
        }
        if queue.closes.is_some() || queue.is_full(line) {
            queue.dropped += 1;
            return;
        }
        queue.waiting.extend_from_slice(line);
        let must_be_woken = match queue.writer {
            Writer::Sleeps => true,
            Writer::Naps => queue.waiting.len() > MANY,
            Writer::Works | Writer::Stalled | Writer::Ended => false,
        };
        if must_be_woken {
            queue.writer = Writer::Works;
            drop(queue);
            self.shared.appended.notify_one();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Nothing panics while the lock is held, and a torn line would be no reason to stop
        // serving.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a slow writer time to make room for `line`. A writer that does not is not waited for
    /// again until it has written a batch in that time.
    fn wait_for_writer<'q>(
        &self,
        mut queue: MutexGuard<'q, Queue>,
        line: &[u8],
    ) -> MutexGuard<'q, Queue> {
        if queue.writer == Writer::Naps {
            queue.writer = Writer::Works;
            self.appended.notify_one();
        }
        let waits = |queue: &mut Queue| {
            queue.is_full(line) && queue.writer == Writer::Works && queue.closes.is_none()
        };
        let (mut queue, _) = self
            .taken
            .wait_timeout_while(queue, WRITER_LIMIT, waits)
            .unwrap_or_else(PoisonError::into_inner);
        if queue.is_full(line) && queue.writer == Writer::Works {
            queue.writer = Writer::Stalled;
        }
        queue
    }

    /// Writes lines until the log is closed.
    fn write_lines(&self, sink: Box<dyn Write + Send>, mut batch: Vec<u8>) {
        let mut sink = LineSink::new(sink);
        let mut is_prompt = true;
        while let Some(dropped) = self.take(&mut batch, is_prompt) {
            let start = sys::uptime();
            let is_late = || self.is_late();
            let lost = sink.report(dropped, is_late) + sink.write_counting(&batch, is_late);
            is_prompt = sys::uptime().saturating_sub(start) < WRITER_LIMIT;
            if lost > 0 {
                self.lock().dropped += lost;
            }
            batch.clear();
            batch.shrink_to(KEPT_CAPACITY);
            if is_prompt {
                self.let_lines_gather();
            }
        }
        let dropped = self.lock().dropped;
        sink.report(dropped, || self.is_late());
        self.lock().writer = Writer::Ended;
        self.ended.notify_all();
    }

    /// Waits for more lines, which need not wake this thread.
    fn let_lines_gather(&self) {
        let mut queue = self.lock();
        if queue.waiting.len() > MANY {
            return;
        }
        queue.writer = Writer::Naps;
        let naps = |queue: &mut Queue| queue.writer == Writer::Naps && queue.closes.is_none();
        let napped = self.appended.wait_timeout_while(queue, GATHERING, naps);
        drop(napped.unwrap_or_else(PoisonError::into_inner));
    }

    /// Whether the time to write the remaining lines is over.
    fn is_late(&self) -> bool {
        let closes = self.lock().closes;
        closes.is_some_and(|deadline| deadline <= Instant::now())
    }

    /// Waits for lines and takes them all, with the number of lines dropped before; `None` once the
    /// log is closed and empty. A writer that was not prompt counts as stalled.
    fn take(&self, batch: &mut Vec<u8>, is_prompt: bool) -> Option<u64> {
        let mut queue = self.lock();
        queue.writer = if is_prompt {
            Writer::Works
        } else {
            Writer::Stalled
        };
        while queue.waiting.is_empty() {
            if queue.closes.is_some() {
                return None;
            }
            queue.writer = Writer::Sleeps;
            queue = self
                .appended
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
        }
        std::mem::swap(batch, &mut queue.waiting);
        if batch.len() > MANY {
            self.taken.notify_all();
        }
        Some(std::mem::take(&mut queue.dropped))
    }
}

/// What stands between the client and the time.
const BEFORE_TIME: &[u8] = b" - - [";

/// A client, and the prefix of its lines.
pub(super) struct Client {
    peer: Peer,
    prefix: SmallVec<[u8; 32]>,
}

impl Client {
    pub(super) fn new(peer: Peer) -> Self {
        let mut prefix = SmallVec::new();
        peer.push_host(&mut prefix);
        prefix.extend_from_slice(BEFORE_TIME);
        Self { peer, prefix }
    }

    /// `HOST - - [`.
    pub(super) fn prefix(&self) -> &[u8] {
        &self.prefix
    }

    /// What the log shows of the address.
    pub(super) fn host(&self) -> &[u8] {
        self.prefix.strip_suffix(BEFORE_TIME).unwrap_or_default()
    }

    /// The client's address.
    pub(super) fn peer(&self) -> &Peer {
        &self.peer
    }
}

/// The log of one connection, at one moment.
pub(super) struct ConnectionLog<'a> {
    log: &'a AccessLog,
    client: &'a Client,
    now: &'a Now,
}

impl Log for ConnectionLog<'_> {
    fn client(&self) -> &Peer {
        &self.client.peer
    }

    fn write(&self, message: Message<'_>) {
        let mut line = Line::new();
        line.push(&self.client.prefix);
        line.push(&self.now.log_time);
        line.push(b"] ");
        line.push_message(message);
        self.log.append(line.bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;
    use std::sync::mpsc;

    /// A sink that passes on what is written, and fails or waits when told to.
    struct Sink {
        written: mpsc::Sender<Vec<u8>>,
        gate: Arc<Mutex<bool>>,
    }

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if *self.gate.lock().unwrap() {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.written
                .send(bytes.to_vec())
                .map_err(io::Error::other)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn log() -> (AccessLog, mpsc::Receiver<Vec<u8>>, Arc<Mutex<bool>>) {
        let (written, lines) = mpsc::channel();
        let gate = Arc::new(Mutex::new(false));
        let (log, writer) = AccessLog::new(Box::new(Sink {
            written,
            gate: Arc::clone(&gate),
        }));
        writer.start().unwrap();
        (log, lines, gate)
    }

    #[test]
    fn lines_are_whole_and_escaped() {
        let (log, lines, _) = log();
        let now = Now::current();
        log.of(
            &Client::new(Peer::Ip((Ipv4Addr::LOCALHOST, 1).into())),
            &now,
        )
        .write(format_args!("\"GET /\\\x1b[31m\u{9b}\u{e9}\" {}\n", 200).into());
        let line = String::from_utf8(lines.recv().unwrap()).unwrap();
        let (start, end) = line.split_once("] ").unwrap();
        let time = String::from_utf8_lossy(&now.log_time);
        assert_eq!(start, format!("127.0.0.1 - - [{time}"));
        assert_eq!(end, "\"GET /\\\\\\x1b[31m\\x9b\u{e9}\" 200\\x0a\n");
    }

    #[test]
    fn closing_waits_for_what_was_taken() {
        let (log, lines, _) = log();
        for _ in 0..1000 {
            log.append(b"line\n");
        }
        log.close(Duration::from_secs(60));
        assert_eq!(lines.try_iter().collect::<Vec<_>>().concat().len(), 5000);
    }

    #[test]
    fn lines_that_cannot_be_written_are_counted() {
        let (log, lines, gate) = log();
        *gate.lock().unwrap() = true;
        log.append(b"one\n");
        log.append(b"two\n");
        while log.shared.lock().dropped < 2 {
            thread::yield_now();
        }
        *gate.lock().unwrap() = false;
        log.append(b"three\n");
        log.close(Duration::from_secs(60));
        let written = lines.try_iter().collect::<Vec<_>>().concat();
        assert_eq!(
            String::from_utf8(written).unwrap(),
            "rhttp: 2 log lines could not be written\nthree\n"
        );
    }

    #[test]
    fn a_slow_writer_is_not_waited_for_again_and_again() {
        let shared = Shared::default();
        let mut batch = Vec::new();
        for (is_prompt, writer) in [(true, Writer::Works), (false, Writer::Stalled)] {
            shared.lock().waiting.extend(b"line\n");
            assert_eq!(shared.take(&mut batch, is_prompt), Some(0));
            assert_eq!(shared.lock().writer, writer);
            batch.clear();
        }
    }
}
