//! A live server and thousands of requests that are none.

use crate::support::exchange;
use crate::support::{AfterSending, Answer, Connection, Ending, Readable, Response, Running, Tree};

const REQUESTS: u64 = 3000;
const SEED: u64 = 20_261_122;

/// What requests begin as.
const TEMPLATES: &[&str] = &[
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    "GET /file HTTP/1.1\r\nRange: bytes=0-4,-3,7-\r\nIf-Range: \"x\"\r\n\r\n",
    "HEAD /dir HTTP/1.0\r\nAccept: */*\r\nUser-Agent: test\r\n\r\n",
    "GET /dir/%2e%2e/file?a=b#c HTTP/1.1\r\nIf-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n",
    "POST /file HTTP/1.1\r\nContent-Length: 5\r\n\r\nhelloGET /file HTTP/1.1\r\n\r\n",
    "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n5;a=b\r\nhello\r\n0\r\nA: b\r\n\r\n",
    "GET /file\r\n",
    "GET http://host/dir/ HTTP/1.1\r\nIf-None-Match: W/\"a\", \"b\"\r\nConnection: a, keep-alive\r\n\r\nGET / HTTP/1.1\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
];

/// What is put in.
const RUBBISH: &[&[u8]] = &[
    b"\0",
    b"\r",
    b"\n",
    b"\r\n\r\n",
    b"\xff\xfe",
    b"\x1b[31m",
    b" ",
    b"\t",
    b":",
    b"%",
    b"%00",
    b"%ED%A0%80",
    b"/../",
    b"//",
    b"\\",
    b"\"",
    b",",
    b"-",
    b"99999999999999999999",
    b"0x1",
    b"+5",
    b"HTTP/9.9",
    b"Transfer-Encoding: chunked\r\n",
    b"Content-Length: 3\r\n",
    b"Range: bytes=-\r\n",
    b"\xe2\x80\xa8",
    b"Host : b\r\n",
    b" folded\r\n",
    b"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
];

/// Numbers that look random, the same in each run (`SplitMix64`).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut number = self.0;
        number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        number ^ (number >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit.max(1) as u64).expect("it is below a length")
    }

    fn pick<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }
}

/// A request with something wrong in it.
fn malformed(numbers: &mut Numbers) -> Vec<u8> {
    let mut request = numbers.pick(TEMPLATES).as_bytes().to_vec();
    for _ in 0..=numbers.below(4) {
        let at = numbers.below(request.len());
        match numbers.below(7) {
            0 => request.truncate(at),
            1 => drop(request.remove(at)),
            2 => request[at] = numbers.next().to_le_bytes()[0],
            3 => {
                let end = (at + numbers.below(40)).min(request.len());
                let again = request[at..end].to_vec();
                request.splice(at..at, again);
            }
            4 => {
                let long = vec![b'a'; numbers.below(70_000)];
                request.splice(at..at, long);
            }
            _ => drop(request.splice(at..at, numbers.pick(RUBBISH).iter().copied())),
        }
        if request.is_empty() {
            break;
        }
    }
    request
}

#[test]
fn no_request_breaks_the_server() {
    let tree = Tree::new();
    tree.file("private", "the secret")
        .file("www/file", "0123456789")
        .file("www/dir/other", "");
    let directory = tree.path().join("www");
    let server = Running::rhttp([
        "--protocol".as_ref(),
        "HTTP/1.1".as_ref(),
        "--directory".as_ref(),
        directory.as_os_str(),
    ]);
    let mut numbers = Numbers(SEED);
    for number in 0..REQUESTS {
        let request = malformed(&mut numbers);
        let mut client = Connection::open(server.address());
        if numbers.below(20) == 0 {
            // It leaves without an answer; that it could not send all is its own affair.
            let _ = client.send(&request);
            continue;
        }
        let Answer { bytes, ending } = client.converse(&[&request], AfterSending::HalfClose);
        let what = || {
            format!(
                "request {number}, {}: {}",
                Readable(&request),
                Readable(&bytes)
            )
        };
        // Only what is no request at all, and gets no answer, may be ended by a reset.
        let is_reset = bytes.is_empty() && ending == Ending::Reset;
        assert!(
            is_reset || ending == Ending::Closed,
            "{ending:?}, {}",
            what()
        );
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("the secret"), "{}", what());
        assert!(
            !text.contains(&*tree.path().to_string_lossy()),
            "{}",
            what()
        );
        // An answer without a head is HTTP/0.9's, and starts with a file or a page.
        let starts = ["HTTP/1.1 ", "0123456789", "<!DOCTYPE HTML>"];
        assert!(
            bytes.is_empty() || starts.iter().any(|start| text.starts_with(start)),
            "{}",
            what()
        );
    }

    let good = exchange(
        server.address(),
        &["GET /file HTTP/1.0\r\n\r\n"],
        AfterSending::StayOpen,
    );
    assert_eq!(Response::parse(&good).body, b"0123456789");
    let last = b"\"GET /file HTTP/1.0\" 200 -";
    let log = server.wait_for_log(|lines| {
        let is_there = lines.last().is_some_and(|line| line.ends_with(last));
        is_there.then(|| lines.to_vec())
    });
    for line in log {
        assert!(line.starts_with(b"127.0.0.1 - - ["), "{}", Readable(&line));
        let text = String::from_utf8(line).expect("the log is UTF-8");
        assert!(!text.chars().any(char::is_control), "{text:?}");
    }
}
