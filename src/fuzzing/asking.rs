//! Asking a handler for files, as a connection does.

use crate::handler::Handler;
use crate::handlers::FileHandler;
use crate::http::{
    Body, Content, FieldLine, FieldLines, HeaderName, HttpDate, Latin1, Method, Peer, Request,
    RequestBody, RequestLine, RequestTarget, Version, header,
};
use crate::representation::complete;
use crate::wire::{Head, Output, Persistence, ResponseFraming};
use std::fs::File;
use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::LazyLock;

/// The files that are asked for, called by their sizes.
const FILES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/files");
const NAMES: [&str; 4] = ["0", "1", "10", "3890"];

pub(super) type Fields<'a> = Vec<(&'static str, &'a [u8])>;

pub(super) fn name(choice: u8) -> &'static str {
    NAMES
        .get(usize::from(choice) % NAMES.len())
        .copied()
        .unwrap_or("0")
}

pub(super) fn content(name: &str) -> Vec<u8> {
    std::fs::read(format!("{FILES}/{name}")).unwrap_or_default()
}

/// Puts the file's own validators for the bytes 1 and 2; all other controls cannot arrive.
pub(super) fn fill_in(value: &[u8], plain: &Answer) -> Vec<u8> {
    let mut filled = Vec::new();
    for &byte in value {
        match byte {
            1 => filled.extend(plain.field(header::ETAG).unwrap_or_default()),
            2 => filled.extend(plain.field(header::LAST_MODIFIED).unwrap_or_default()),
            0..b' ' | 0x7f => {}
            byte => filled.push(byte),
        }
    }
    filled.trim_ascii().to_vec()
}

/// A response with its body read.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) status: u16,
    fields: Vec<(String, Vec<u8>)>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn field(&self, name: HeaderName<'_>) -> Option<Vec<u8>> {
        self.fields
            .iter()
            .find(|(other, _)| other.eq_ignore_ascii_case(name.as_str()))
            .map(|(_, value)| value.clone())
    }
}

/// Asks a file handler for the file `name`.
pub(super) fn answer(name: &str, fields: &Fields<'_>) -> Answer {
    static HANDLER: LazyLock<FileHandler> = LazyLock::new(|| FileHandler::new(FILES));
    let lines: Vec<_> = fields
        .iter()
        .map(|&(name, value)| FieldLine::new(name, value))
        .collect();
    let target = format!("/{name}");
    let line = RequestLine {
        text: Latin1::new(b""),
        method: Method::GET,
        target: RequestTarget::new(target.as_bytes()),
        version: Version::HTTP_11,
    };
    let address = Peer::from(SocketAddr::from((Ipv4Addr::LOCALHOST, 1)));
    let peers = (&address, &address);
    let mut request = Request::new(line, FieldLines::new(&lines), peers, RequestBody::default());
    let now = HttpDate::now();
    let response = HANDLER
        .handle(&mut request)
        .and_then(|mut response| complete(&request, &mut response, now).map(|()| response))
        .unwrap_or_else(|error| HANDLER.error_response(&error));
    let length = response.body.len();
    let head = Head {
        protocol: Version::HTTP_11,
        server: "",
        date_line: b"\r\n",
        framing: ResponseFraming::None,
        persistence: Persistence::Persists,
    };
    let mut written = Output::default();
    head.write(&response, &mut written);
    let status = response.status.as_u16();
    let body = read(response.body);
    assert!(length.is_none_or(|length| length == body.len() as u64));
    Answer {
        status,
        fields: fields_of(written.bytes()),
        body,
    }
}

/// Names and values in a head, without those that the connection makes.
fn fields_of(head: &[u8]) -> Vec<(String, Vec<u8>)> {
    let lines = head.split(|&byte| byte == b'\n').skip(3);
    lines
        .filter_map(|line| {
            let line = line.strip_suffix(b"\r")?;
            let colon = line.iter().position(|&byte| byte == b':')?;
            let name = String::from_utf8_lossy(line.get(..colon)?).into_owned();
            Some((name, line.get(colon + 2..)?.to_vec()))
        })
        .collect()
}

fn read(body: Body) -> Vec<u8> {
    let mut bytes = Vec::new();
    match body.0 {
        Content::Empty => {}
        Content::Bytes(content) => bytes.extend_from_slice(&content),
        Content::Held(holder) => bytes.extend_from_slice((*holder).as_ref()),
        Content::File { of, range } => bytes = read_file(&of.file, &range),
        Content::Parts { of, parts } => {
            for part in parts {
                bytes.extend_from_slice(&part.head);
                bytes.extend_from_slice(&read_file(&of.file, &part.range));
            }
        }
        Content::Stream { mut reader, .. } => {
            let read = reader.read_to_end(&mut bytes);
            assert!(read.is_ok(), "{read:?}");
        }
        Content::Segments { .. } => unreachable!("no archive is made here"),
        Content::Exchange { .. } => unreachable!("no script is run here"),
    }
    bytes
}

fn read_file(file: &File, range: &Range<u64>) -> Vec<u8> {
    assert!(range.start <= range.end && range.end < 1 << 20, "{range:?}");
    let mut bytes = vec![0; usize::try_from(range.end - range.start).unwrap_or(0)];
    let whole = file.read_exact_at(&mut bytes, range.start);
    assert!(whole.is_ok(), "{range:?}");
    bytes
}

pub(super) fn check_whole(answer: &Answer, name: &str) {
    assert!(answer.body == content(name));
    assert_eq!(answer.field(header::CONTENT_RANGE), None);
}
