//! Before anything is measured: does the server answer rightly?
//!
//! A server that sends the wrong status, length or bytes is left out by name.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::Path;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::client::{self, Connection, Head, Request};
use crate::origin::Origin;
use crate::target::{CLOSE, Condition, Expected, ONE_GIB, Target, Version};
use crate::transfer::{self, Delivery};
use crate::tree::{self, Tree};
use crate::workload::{Drive, Workload};

/// Until then a server that closes has closed.
const NOTICEABLE: Duration = Duration::from_millis(200);

/// What the check found out that the measuring needs.
pub(crate) struct Checked {
    /// With the condition filled in.
    pub(crate) request: Request,
    pub(crate) close: Close,
    /// The body's length.
    pub(crate) length: u64,
}

/// What becomes of a connection after its answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Close {
    Never,
    Announced,
    /// Only when it ends does the client learn of it.
    Silent,
}

pub(crate) fn check(
    origin: &Origin,
    workload: &Workload,
    target: &Target,
    path: &str,
    tree: &Tree,
) -> Result<Checked, String> {
    let mut probe = Probe::new(origin, tree, target);
    if let Some(condition) = target.condition {
        probe.fill_in(condition, path)?;
    }
    let mut close = probe.close(path)?;
    if close == Close::Silent && target.fields.contains(&CLOSE) {
        // It costs the server a reset and wrk an error for each answer. An
        // answer in HTTP/1.0 needs no announcement.
        probe.request.version = Version::Http10;
        close = probe.close(path)?;
        if close != Close::Announced {
            probe.request.version = Version::Http11;
        }
    }
    let length = match &target.expected {
        Expected::File { name, range, .. } => probe.file(path, name, range.clone())?,
        Expected::Archive { directory, files } => probe.archive(path, directory, *files)?,
        expected => probe.page(path, expected)?,
    };
    if matches!(workload.drive, Drive::Load { random: true, .. }) {
        for number in [1, tree::RANDOM_FILES / 2, tree::RANDOM_FILES - 1] {
            let name = tree::random_name(number);
            probe.file(&format!("/{name}"), &name, None)?;
        }
    }
    Ok(Checked {
        request: probe.request,
        close,
        length,
    })
}

/// Whether a file arrives as it is.
pub(crate) fn upload(delivery: &Delivery<'_>, tree: &Tree) -> Result<Checked, String> {
    let length = transfer::deliver(delivery).map_err(failed)?;
    let arrived = File::open(&delivery.destination).map_err(failed)?;
    let source = File::open(tree.path(ONE_GIB)).map_err(failed)?;
    same(arrived, source).map_err(failed)?;
    fs::remove_file(&delivery.destination).map_err(failed)?;
    Ok(Checked {
        request: Request::plain(),
        close: Close::Never,
        length,
    })
}

struct Probe<'a> {
    origin: &'a Origin,
    tree: &'a Tree,
    status: u16,
    request: Request,
}

impl<'a> Probe<'a> {
    fn new(origin: &'a Origin, tree: &'a Tree, target: &Target) -> Self {
        let mut request = Request::plain();
        let fields = target.fields.iter().map(|field| (*field).to_owned());
        request.fields.extend(fields);
        let status = target.status;
        Self {
            origin,
            tree,
            status,
            request,
        }
    }

    /// A condition takes the value that the server itself gives for the file.
    fn fill_in(&mut self, condition: Condition, path: &str) -> Result<(), String> {
        let (head, _) = client::fetch(self.origin, path, &self.request).map_err(failed)?;
        let (given, asked) = match condition {
            Condition::Date => ("Last-Modified", "If-Modified-Since"),
            Condition::Tag => ("ETag", "If-None-Match"),
        };
        let value = head.field(given).ok_or(format!("sends no {given}"))?;
        self.request.fields.push(format!("{asked}: {value}"));
        Ok(())
    }

    fn close(&self, path: &str) -> Result<Close, String> {
        let mut connection = Connection::open(self.origin).map_err(failed)?;
        connection.send(path, &self.request).map_err(failed)?;
        let head = connection.receive(&mut |_| Ok(())).map_err(failed)?;
        if !head.has_length() {
            return Ok(Close::Silent);
        }
        if head.closes() {
            return Ok(Close::Announced);
        }
        thread::sleep(NOTICEABLE);
        if connection.has_ended() {
            return Ok(Close::Silent);
        }
        Ok(Close::Never)
    }

    /// Compares as it reads: a file may be a gigabyte.
    fn file(&self, path: &str, name: &str, range: Option<Range<u64>>) -> Result<u64, String> {
        let mut file = File::open(self.tree.path(name)).map_err(failed)?;
        let size = file.metadata().map_err(failed)?.len();
        let range = range.unwrap_or(0..size);
        file.seek(SeekFrom::Start(range.start)).map_err(failed)?;

        let mut connection = Connection::open(self.origin).map_err(failed)?;
        connection.send(path, &self.request).map_err(failed)?;
        let head = connection.head().map_err(failed)?;
        self.right_status(&head)?;
        let mut length = 0;
        let mut expected = Vec::new();
        let body = connection.body(&head, &mut |bytes| {
            length += bytes.len() as u64;
            expected.resize(bytes.len(), 0);
            // Beyond the file's end there is nothing to read: an error as well.
            file.read_exact(&mut expected)?;
            let same = expected == bytes && length <= range.end - range.start;
            same.then_some(())
                .ok_or_else(|| io::Error::other("wrong bytes"))
        });
        body.map_err(failed)?;
        if length != range.end - range.start {
            return Err(format!("sends {length} bytes"));
        }
        Ok(length)
    }

    /// Unpacks it as it comes, and compares each file.
    fn archive(&self, path: &str, directory: &str, files: u32) -> Result<u64, String> {
        let (reader, mut writer) = io::pipe().map_err(failed)?;
        let directory = self.tree.path(directory);
        let unpacking = thread::spawn(move || unpack(reader, &directory));
        let mut length = 0;
        let mut connection = Connection::open(self.origin).map_err(failed)?;
        connection.send(path, &self.request).map_err(failed)?;
        let head = connection.head().map_err(failed)?;
        self.right_status(&head)?;
        let sent = connection.body(&head, &mut |bytes| {
            length += bytes.len() as u64;
            writer.write_all(bytes)
        });
        drop(writer);
        let unpacked = unpacking.join().map_err(|_| "the check failed")?;
        let there = unpacked.map_err(failed)?;
        sent.map_err(failed)?;
        if there != files {
            return Err(format!("packs {there} of {files} files"));
        }
        Ok(length)
    }

    fn page(&self, path: &str, expected: &Expected) -> Result<u64, String> {
        let (head, body) = client::fetch(self.origin, path, &self.request).map_err(failed)?;
        self.right_status(&head)?;
        let type_of = head.field("Content-Type").unwrap_or_default();
        if matches!(expected, Expected::Page(_)) && !type_of.starts_with("text/html") {
            return Err(format!("sends {type_of}, no page"));
        }
        right_body(expected, &body)?;
        Ok(body.len() as u64)
    }

    fn right_status(&self, head: &Head) -> Result<(), String> {
        if head.status == self.status {
            return Ok(());
        }
        Err(format!("answers {}, not {}", head.status, self.status))
    }
}

/// How many files a tar has, each of which must be in the directory.
fn unpack(tar: impl Read, directory: &Path) -> io::Result<u32> {
    let mut files = 0;
    let mut archive = tar::Archive::new(tar);
    for entry in archive.entries()? {
        let entry = entry?;
        if entry.header().entry_type().is_file() {
            let path = entry.path()?.into_owned();
            let name = path.file_name().unwrap_or_default();
            same(entry, File::open(directory.join(name))?)?;
            files += 1;
        }
    }
    // What pads the end is read as well, or its sender would fail.
    io::copy(&mut archive.into_inner(), &mut io::sink())?;
    Ok(files)
}

fn same(one: impl Read, other: impl Read) -> io::Result<()> {
    let mut one = BufReader::with_capacity(64 * 1024, one);
    let mut other = BufReader::with_capacity(64 * 1024, other);
    loop {
        let (here, there) = (one.fill_buf()?, other.fill_buf()?);
        let length = here.len().min(there.len());
        if here.get(..length) != there.get(..length) || (length == 0 && here != there) {
            return Err(io::Error::other("wrong bytes"));
        }
        if length == 0 {
            return Ok(());
        }
        one.consume(length);
        other.consume(length);
    }
}

fn right_body(expected: &Expected, body: &[u8]) -> Result<(), String> {
    match expected {
        Expected::Json(_) if serde_json::from_slice::<Value>(body).is_err() => {
            return Err("sends no JSON".to_owned());
        }
        Expected::Names(count) | Expected::Page(count) | Expected::Json(count) => {
            let there = names_in(body);
            if there != *count {
                return Err(format!("lists {there} of {count} names"));
            }
        }
        Expected::Text(text) if body != text.as_bytes() => {
            return Err("sends the wrong bytes".to_owned());
        }
        Expected::Nothing if !body.is_empty() => return Err("sends a body".to_owned()),
        _ => {}
    }
    Ok(())
}

/// How many different `file-NNNNNN` a page names.
fn names_in(page: &[u8]) -> u32 {
    let page = String::from_utf8_lossy(page);
    let numbers = page
        .split("file-")
        .skip(1)
        .filter_map(|rest| rest.get(..6)?.parse().ok());
    let mut numbers: Vec<u32> = numbers.collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers.len() as u32
}

#[allow(
    clippy::needless_pass_by_value,
    reason = "the shape that map_err wants"
)]
fn failed(error: io::Error) -> String {
    format!("fails the check: {error}")
}
