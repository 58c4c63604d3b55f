//! One line of the log, while it is put together.

use crate::handler::{Answered, Message};
use crate::http::is_printable_without;
use std::fmt::{self, Write as _};

/// Bytes of a line that need no allocation: most lines are shorter.
const LINE_CAPACITY: usize = 256;

/// A line being put together.
pub(super) struct Line {
    short: [u8; LINE_CAPACITY],
    length: usize,
    /// The whole line, once it does not fit into `short`.
    long: Vec<u8>,
}

impl Line {
    pub(super) fn new() -> Self {
        Self {
            short: [0; LINE_CAPACITY],
            length: 0,
            long: Vec::new(),
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        match self.short.get(..self.length) {
            Some(bytes) if self.long.is_empty() => bytes,
            _ => &self.long,
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        let end = self.length + bytes.len();
        match self.short.get_mut(self.length..end) {
            Some(free) if self.long.is_empty() => {
                free.copy_from_slice(bytes);
                self.length = end;
            }
            _ => self.push_long(bytes),
        }
    }

    #[cold]
    fn push_long(&mut self, bytes: &[u8]) {
        if self.long.is_empty() {
            let short = self.short.get(..self.length).unwrap_or_default();
            self.long.extend_from_slice(short);
        }
        self.long.extend_from_slice(bytes);
    }

    /// Adds a message, escaped as CPython's `log_message` escapes it, and ends the line. Most
    /// messages need no escapes, which one look at the whole of it shows.
    pub(super) fn push_message(&mut self, message: Message<'_>) {
        match message {
            // Formatting this would take as long as reading the request.
            Message::Request(Answered { line, status, .. })
                if is_printable_without(b'\\', line.text.as_bytes()) =>
            {
                self.push(b"\"");
                self.push(line.text.as_bytes());
                self.push(b"\" ");
                self.push(status.as_str().as_bytes());
                self.push(b" -\n");
            }
            message => self.push_any(message),
        }
    }

    #[cold]
    fn push_any(&mut self, message: Message<'_>) {
        let start = self.bytes().len();
        // Writing to memory cannot fail; a message that fails to display is logged as far as it
        // went.
        let _ = write!(self, "{message}");
        let written = self.bytes().get(start..).unwrap_or_default();
        if !is_printable_without(b'\\', written) {
            let escaped = escape(&String::from_utf8_lossy(written));
            self.truncate(start);
            self.push(escaped.as_bytes());
        }
        self.push(b"\n");
    }

    fn truncate(&mut self, length: usize) {
        self.long.truncate(length);
        self.length = self.length.min(length);
    }
}

impl fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text.as_bytes());
        Ok(())
    }
}

#[cold]
fn escape(message: &str) -> String {
    let mut escaped = String::with_capacity(message.len() + 16);
    for character in message.chars() {
        match character {
            '\\' => escaped.push_str(r"\\"),
            // C0, DEL and C1: what a terminal would obey.
            '\0'..='\x1f' | '\x7f'..='\u{9f}' => {
                // Writing to memory cannot fail.
                let _ = write!(escaped, "\\x{:02x}", u32::from(character));
            }
            _ => escaped.push(character),
        }
    }
    escaped
}
