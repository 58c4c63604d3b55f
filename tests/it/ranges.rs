//! Ranges and validators as clients, caches and handlers use them.

mod cache;
mod clients;
mod handlers;

use crate::support::{AfterSending, Connection, Ending, Response, Running, Tree, exchange};
use rhttp::http::HttpDate;
use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::net::SocketAddr;
use std::os::unix::fs::FileExt;
use std::time::{Duration, SystemTime};

/// A generator of numbers that look random and are the same in every run (xorshift).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).expect("it fits");
        usize::try_from(self.next() % bound).expect("it is below a usize")
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next().to_le_bytes()[3]).collect()
    }
}

fn serve(tree: &Tree, protocol: &str) -> Running {
    let directory = tree.path().as_os_str();
    Running::rhttp([
        "--directory".as_ref(),
        directory,
        "--protocol".as_ref(),
        protocol.as_ref(),
    ])
}

/// How many of the lines of a log tell of a response with this status.
fn answered(log: &[Vec<u8>], status: u16) -> usize {
    let end = format!("\" {status} -");
    let ends = |line: &&Vec<u8>| line.ends_with(end.as_bytes());
    log.iter().filter(ends).count()
}

/// Waits until at least `count` responses with this status are logged, and tells how many are.
fn wait_for(server: &Running, status: u16, count: usize) -> usize {
    server.wait_for_log(|log| Some(answered(log, status)).filter(|&found| found >= count))
}

fn get(server: SocketAddr, path: &str, fields: &str) -> Response {
    let request = format!("GET {path} HTTP/1.1\r\nHost: h\r\n{fields}\r\n");
    Response::parse(&exchange(server, &[request], AfterSending::HalfClose))
}

/// The parts of a `multipart/byteranges` response: `Content-Range` and bytes.
fn parts(response: &Response) -> Vec<(String, Vec<u8>)> {
    let kind = response.field("Content-Type").expect("it has a type");
    let boundary = kind
        .strip_prefix("multipart/byteranges; boundary=")
        .expect("it has parts");
    let separator = format!("\r\n--{boundary}");
    let body = [b"\r\n", response.body.as_slice()].concat();
    let separator = separator.as_bytes();
    let mut starts = memchr::memmem::find_iter(&body, separator).collect::<Vec<_>>();
    let end = starts.pop().expect("the parts have an end");
    assert_eq!(&body[end + separator.len()..], b"--\r\n");
    let ends = starts.iter().skip(1).copied().chain([end]);
    starts
        .iter()
        .zip(ends)
        .map(|(start, end)| {
            let part = &body[start + separator.len() + 2..end];
            let part = Response::parse(&[b"part\r\n", part].concat());
            let range = part.field("Content-Range").expect("a part has a range");
            (range.to_owned(), part.body)
        })
        .collect()
}

#[test]
fn a_download_resumes_at_any_offset() {
    let mut numbers = Numbers(20_261_122);
    let content = numbers.bytes(1_500_000);
    let tree = Tree::new();
    tree.file("download", &content).settle();
    for protocol in ["HTTP/1.0", "HTTP/1.1"] {
        let server = serve(&tree, protocol);
        for _ in 0..20 {
            let have = 1 + numbers.below(content.len() - 1);
            let first = get(
                server.address(),
                "/download",
                &format!("Range: bytes=0-{}\r\n", have - 1),
            );
            let etag = first.field("ETag").expect("it has a tag");
            let fields = format!("Range: bytes={have}-\r\nIf-Range: {etag}\r\n");
            let rest = get(server.address(), "/download", &fields);
            assert_eq!((first.status(), rest.status()), (206, 206), "{have}");
            assert!([first.body, rest.body].concat() == content, "{have}");
        }
    }
}

#[test]
fn several_ranges_come_whole_and_with_a_true_length() {
    let mut numbers = Numbers(4);
    let content = numbers.bytes(3_000_000);
    let tree = Tree::new();
    tree.file("content", &content);
    let server = serve(&tree, "HTTP/1.1");
    for count in [2, 3, 10, 200] {
        // Apart from each other, from a byte to more than a socket takes at once.
        let step = content.len() / count;
        let mut ranges: Vec<_> = (0..count)
            .map(|index| index * step..index * step + 1 + numbers.below(step - 1))
            .collect();
        ranges.reverse();
        let specs: Vec<_> = ranges
            .iter()
            .map(|range| format!("{}-{}", range.start, range.end - 1))
            .collect();
        let fields = format!("Range: bytes={}\r\n", specs.join(","));
        let response = get(server.address(), "/content", &fields);
        assert_eq!(response.status(), 206);
        assert_eq!(response.field("Content-Range"), None);
        let length = response.body.len().to_string();
        assert_eq!(response.field("Content-Length"), Some(length.as_str()));
        let parts = parts(&response);
        assert_eq!(parts.len(), count);
        for ((content_range, bytes), range) in parts.into_iter().zip(ranges) {
            let (first, last) = (range.start, range.end - 1);
            assert_eq!(
                content_range,
                format!("bytes {first}-{last}/{}", content.len())
            );
            assert!(bytes == content[range], "{content_range}");
        }
    }
}

#[test]
fn offsets_go_beyond_32_bits() {
    const SIZE: u64 = 5 << 30;
    let tree = Tree::new();
    let file = File::create(tree.path().join("sparse")).expect("the file can be made");
    file.set_len(SIZE).expect("it can be long");
    file.write_all_at(b"beyond", (4 << 30) + 10)
        .expect("it can be written");
    file.write_all_at(b"end", SIZE - 3)
        .expect("it can be written");
    let server = serve(&tree, "HTTP/1.1");
    for (range, content_range, body) in [
        ("4294967306-4294967311", "4294967306-4294967311", "beyond"),
        ("-3", "5368709117-5368709119", "end"),
        ("5368709117-", "5368709117-5368709119", "end"),
        (
            "5368709119-9223372036854775807",
            "5368709119-5368709119",
            "d",
        ),
    ] {
        let response = get(
            server.address(),
            "/sparse",
            &format!("Range: bytes={range}\r\n"),
        );
        assert_eq!(response.status(), 206);
        let expected = format!("bytes {content_range}/{SIZE}");
        assert_eq!(response.field("Content-Range"), Some(expected.as_str()));
        assert_eq!(response.body, body.as_bytes());
    }
    let response = get(
        server.address(),
        "/sparse",
        "Range: bytes=-3,4294967306-4294967311\r\n",
    );
    let bodies: Vec<_> = parts(&response).into_iter().map(|(_, body)| body).collect();
    assert_eq!(bodies, [b"end".as_slice(), b"beyond"]);
    let response = get(server.address(), "/sparse", "Range: bytes=5368709120-\r\n");
    assert_eq!(response.status(), 416);
    assert_eq!(response.field("Content-Range"), Some("bytes */5368709120"));
}

/// What a client has got of a response when the file changes below it: it stalls first, so that
/// most of the response is still to be sent.
fn change_while_sending(change: impl Fn(&File)) -> (usize, usize) {
    const SIZE: usize = 64 << 20;
    let tree = Tree::new();
    let path = tree.path().join("changing");
    File::create(&path)
        .expect("the file can be made")
        .set_len(SIZE as u64)
        .expect("it can be long");
    let server = serve(&tree, "HTTP/1.1");
    let mut connection = Connection::open(server.address());
    connection
        .send(b"GET /changing HTTP/1.1\r\nRange: bytes=0-1,10-\r\n\r\n")
        .expect("it is sent");
    let head = connection.read_until(|bytes| bytes.ends_with(b"\r\n\r\n"));
    let file = OpenOptions::new()
        .write(true)
        .open(&path)
        .expect("the file opens");
    change(&file);
    connection.finish().expect("the server is still there");
    let answer = connection.read_to_end();
    assert_eq!(answer.ending, Ending::Closed);
    let head = Response::parse(&head);
    let promised = head
        .field("Content-Length")
        .and_then(|length| length.parse().ok());
    (promised.expect("a length was promised"), answer.bytes.len())
}

#[test]
fn a_file_that_shrinks_cuts_the_connection() {
    let (promised, received) =
        change_while_sending(|file| file.set_len(100).expect("it can be cut"));
    assert!(received < promised, "{received} of {promised}");
}

#[test]
fn a_file_that_grows_is_sent_as_long_as_promised() {
    let (promised, received) =
        change_while_sending(|file| file.set_len(128 << 20).expect("it can grow"));
    assert_eq!(received, promised);
}

/// Readers that fetch a file range by range compare its tags: one that would change while the file
/// does not is worse than none.
#[test]
fn a_file_that_has_just_changed_has_no_tag_until_it_is_left_alone() {
    let tree = Tree::new();
    let server = serve(&tree, "HTTP/1.1");
    tree.file("new", "0123456789");
    let fresh = get(server.address(), "/new", "");
    tree.settle();
    let settled = get(server.address(), "/new", "");
    // A machine that stood still for two seconds between two lines has settled it, too.
    let tag = settled.field("ETag").expect("it has a tag");
    assert!(fresh.field("ETag").is_none_or(|fresh| fresh == tag));
    assert_eq!(tag, "\"a-6553f100.0\"");

    // Of the same size and time, but another file.
    tree.file("other", "abcdefghij");
    let path = |name| tree.path().join(name);
    std::fs::rename(path("other"), path("new")).expect("it is moved");
    let fields = format!("Range: bytes=5-\r\nIf-Range: {tag}\r\n");
    let replaced = get(server.address(), "/new", &fields);
    if replaced.field("ETag").is_none() {
        assert_eq!(
            (replaced.status(), replaced.body.as_slice()),
            (200, b"abcdefghij".as_slice())
        );
    }
    assert_eq!(
        get(server.address(), "/new", "Range: bytes=0-1\r\n").status(),
        206
    );
}

#[test]
fn a_file_dated_in_the_future_is_as_old_as_the_response() {
    let tree = Tree::new();
    tree.file("new", "0123456789");
    let file = OpenOptions::new()
        .write(true)
        .open(tree.path().join("new"))
        .expect("it opens");
    let future = SystemTime::now() + Duration::from_secs(1_000_000);
    file.set_modified(future).expect("the time can be set");
    tree.settle();
    let server = serve(&tree, "HTTP/1.1");
    let mut seconds = BTreeSet::new();
    // Also while the second changes.
    while seconds.len() < 3 {
        let before = HttpDate::now();
        let response = get(server.address(), "/new", "");
        let date = |name| {
            let value = response.field(name).expect(name);
            HttpDate::parse(value.as_bytes()).expect("a date")
        };
        let (said, sent) = (date("Last-Modified"), date("Date"));
        assert!(before <= said && said <= sent, "{said}, sent {sent}");
        if seconds.insert(sent) {
            let fields = format!("Range: bytes=0-1\r\nIf-Range: {said}\r\n");
            assert_eq!(get(server.address(), "/new", &fields).status(), 200);
        }
    }
}

#[test]
fn a_changed_file_has_another_tag() {
    let tree = Tree::new();
    tree.file("file", "0123456789").settle();
    let server = serve(&tree, "HTTP/1.1");
    let first = get(server.address(), "/file", "");
    let etag = first.field("ETag").expect("it has a tag");
    let file = OpenOptions::new()
        .write(true)
        .open(tree.path().join("file"))
        .expect("it opens");
    // The same size, the same second.
    file.write_all_at(b"x", 0).expect("it can be written");
    let same_second = SystemTime::UNIX_EPOCH + Duration::new(1_700_000_000, 1);
    file.set_modified(same_second).expect("the time can be set");
    let fields = format!("If-None-Match: {etag}\r\n");
    let second = get(server.address(), "/file", &fields);
    assert_eq!(second.status(), 200);
    assert_eq!(second.field("Last-Modified"), first.field("Last-Modified"));
    let fields = format!("Range: bytes=5-\r\nIf-Range: {etag}\r\n");
    assert_eq!(get(server.address(), "/file", &fields).body, b"x123456789");
}
