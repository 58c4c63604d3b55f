//! Writing lines to a sink that can fail, write short, or take nothing for a while.

use std::io::{self, Write};
use std::thread;
use std::time::Duration;

/// How soon to retry a sink that would block.
const RETRY: Duration = Duration::from_millis(5);

/// Where lines are written.
pub(super) struct LineSink {
    sink: Box<dyn Write + Send>,
    /// It took the beginning of a line, but not the end.
    is_torn: bool,
}

impl LineSink {
    pub(super) fn new(sink: Box<dyn Write + Send>) -> Self {
        Self {
            sink,
            is_torn: false,
        }
    }

    /// Reports that `dropped` lines are missing, if any are; returns how many could not be
    /// reported.
    pub(super) fn report(&mut self, dropped: u64, is_late: impl Fn() -> bool) -> u64 {
        if dropped == 0 {
            return 0;
        }
        let notice = format!("rhttp: {dropped} log lines could not be written\n");
        match self.write_counting(notice.as_bytes(), is_late) {
            0 => 0,
            _ => dropped,
        }
    }

    /// Writes `lines` and returns how many of them could not be written whole.
    ///
    /// A non-blocking sink, such as a pipe that another process has made so, is retried until
    /// `is_late`: its reader is only slow.
    pub(super) fn write_counting(&mut self, lines: &[u8], is_late: impl Fn() -> bool) -> u64 {
        // A torn line stays on a line of its own.
        let mut end: &[u8] = if self.is_torn { b"\n" } else { b"" };
        let mut rest = lines;
        while !rest.is_empty() {
            let next = if end.is_empty() { rest } else { end };
            match self.sink.write(next) {
                Ok(0) => break,
                Ok(_) if !end.is_empty() => {
                    end = &[];
                    self.is_torn = false;
                }
                Ok(count) => {
                    let (written, left) = rest.split_at_checked(count).unwrap_or((rest, &[]));
                    self.is_torn = !written.ends_with(b"\n");
                    rest = left;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && !is_late() => {
                    thread::sleep(RETRY);
                }
                Err(_) => break,
            }
        }
        memchr::memchr_iter(b'\n', rest).count() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    /// A sink whose calls take this many bytes each, or fail.
    struct Script {
        calls: Vec<Result<usize, io::ErrorKind>>,
        written: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Script {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let call = if self.calls.is_empty() {
                Ok(bytes.len())
            } else {
                self.calls.remove(0)
            };
            let count = call?.min(bytes.len());
            self.written.lock().unwrap().extend(&bytes[..count]);
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_torn_line_stays_alone_and_a_slow_sink_gets_all() {
        let full = Err(io::ErrorKind::StorageFull);
        let blocked = Err(io::ErrorKind::WouldBlock);
        for (calls, is_late, expected, lost) in [
            (vec![blocked, Ok(2), blocked], false, "one\ntwo\n", 0),
            (vec![blocked], true, "two\n", 1),
            (vec![Ok(2), full], false, "on\ntwo\n", 1),
            (vec![Ok(2), full, full], false, "on", 2),
        ] {
            let written = Arc::default();
            let sink = Script {
                calls,
                written: Arc::clone(&written),
            };
            let mut sink = LineSink::new(Box::new(sink));
            let is_late = || is_late;
            let count =
                sink.write_counting(b"one\n", is_late) + sink.write_counting(b"two\n", is_late);
            let written = String::from_utf8(written.lock().unwrap().clone()).unwrap();
            assert_eq!((written.as_str(), count), (expected, lost));
        }
    }
}
