//! RFC 9112 §6, §7 and §9: where messages end. What must never happen is that bytes of one are
//! taken for another, so each row sends a second request.

use super::*;

const CHUNKED: &str = "Transfer-Encoding: chunked";

#[expect(
    clippy::too_many_lines,
    reason = "a table is as long as its rows are many"
)]
pub(super) fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    // Fields and body of a request, then another request for a byte.
    let mut message = |section, fields: &[&str], body: &str, expected| {
        let second = get(&["Range: bytes=1-1"]);
        rows.push(Row {
            section,
            request: format!("{}{body}{second}", get(fields)),
            expected,
        });
    };
    let both = || whole() + &part("1-1", "1");
    let refused = || {
        error(
            400,
            "Bad message framing",
            "Bad request syntax or unsupported method",
            "",
        )
    };
    // A body that nobody asked for: answered, not read, and never a request.
    let last = || whole().replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");

    message("9112 §6.3 rule 7: no length, no body", &[], "", both());
    message(
        "9112 §6.2 a length of 0",
        &["Content-Length: 0"],
        "",
        both(),
    );
    message("9112 §6.2 zeros", &["Content-Length: 000"], "", both());
    message(
        "9112 §6.3 rule 6: a body",
        &["Content-Length: 5"],
        "abcde",
        last(),
    );
    message(
        "9112 §6.3 a body that looks like a request",
        &["Content-Length: 18"],
        "GET / HTTP/1.1\r\n\r\n",
        last(),
    );
    message(
        "9110 §8.6 the same length twice",
        &["Content-Length: 0", "content-length: 0"],
        "",
        both(),
    );
    for (section, fields) in [
        (
            "9112 §6.3 rule 5: two lengths",
            &["Content-Length: 0", "Content-Length: 5"][..],
        ),
        (
            "9112 §6.3 rule 5: a list of lengths",
            &["Content-Length: 0, 0"],
        ),
        ("9112 §6.3 rule 5: a list of two", &["Content-Length: 0, 5"]),
        ("9110 §8.6 no sign", &["Content-Length: +0"]),
        ("9110 §8.6 nor that", &["Content-Length: -0"]),
        ("9110 §8.6 no hexadecimal", &["Content-Length: 0x0"]),
        ("9110 §8.6 no space", &["Content-Length: 0 0"]),
        ("9110 §8.6 no fraction", &["Content-Length: 0.0"]),
        ("9110 §8.6 at least a digit", &["Content-Length:"]),
        (
            "9110 §8.6 too large",
            &["Content-Length: 18446744073709551616"],
        ),
        ("9112 §6.1 both", &["Content-Length: 5", CHUNKED]),
        (
            "9112 §6.1 both, the other way",
            &[CHUNKED, "Content-Length: 5"],
        ),
        (
            "9112 §6.1 both, and a length of 0",
            &[CHUNKED, "Content-Length: 0"],
        ),
        (
            "9112 §6.1 chunked twice",
            &["Transfer-Encoding: chunked, chunked"],
        ),
        ("9112 §6.1 chunked on two lines", &[CHUNKED, CHUNKED]),
        (
            "9112 §6.3 rule 4: chunked is not last",
            &["Transfer-Encoding: chunked, gzip"],
        ),
        (
            "9112 §6.1 another coding before it",
            &["Transfer-Encoding: gzip, chunked"],
        ),
        ("9112 §6.1 another coding", &["Transfer-Encoding: gzip"]),
        ("9112 §7 identity is gone", &["Transfer-Encoding: identity"]),
        ("9112 §6.1 no coding", &["Transfer-Encoding:"]),
        ("9112 §6.1 nearly chunked", &["Transfer-Encoding: xchunked"]),
        ("9112 §6.1 in quotes", &["Transfer-Encoding: \"chunked\""]),
    ] {
        message(section, fields, "0\r\n\r\n", refused());
    }
    for (section, coding, body) in [
        ("9112 §7.1 chunks", CHUNKED, "5\r\nabcde\r\n0\r\n\r\n"),
        (
            "9112 §7 codings have no case",
            "Transfer-Encoding: CHUNKED",
            "5\r\nabcde\r\n0\r\n\r\n",
        ),
        (
            "9112 §7.1.1 extensions",
            CHUNKED,
            "5;a=\"b\"\r\nabcde\r\n0;c\r\n\r\n",
        ),
        (
            "9112 §7.1.2 trailers",
            CHUNKED,
            "1\r\na\r\n0\r\nHost: x\r\n\r\n",
        ),
        (
            "9112 §7.1 a size that is none",
            CHUNKED,
            "x\r\na\r\n0\r\n\r\n",
        ),
        (
            "9112 §7.1 a size too large",
            CHUNKED,
            "10000000000000000\r\na\r\n0\r\n\r\n",
        ),
        (
            "9112 §6.3 a chunk that is a request",
            CHUNKED,
            "12\r\nGET / HTTP/1.1\r\n\r\n\r\n0\r\n\r\n",
        ),
    ] {
        message(section, &[coding], body, last());
    }

    let second = get(&["Range: bytes=1-1"]);
    let mut exact = |section, request: String, expected| {
        rows.push(Row {
            section,
            request,
            expected,
        });
    };
    exact(
        "9112 §6.1 chunked before HTTP/1.1",
        format!("GET /ten.txt HTTP/1.0\r\n{CHUNKED}\r\n\r\n0\r\n\r\n{second}"),
        refused(),
    );
    exact(
        "9112 §6.3 rule 1: HEAD has no body",
        format!("{}{second}", head(&[])),
        whole_head() + &part("1-1", "1"),
    );
    exact(
        "9112 §6.3 rule 1: 304 has no body",
        format!("{}{second}", get(&["If-None-Match: *"])),
        not_modified() + &part("1-1", "1"),
    );
    exact(
        "9112 §6.3 rule 6: several ranges have a length",
        format!("{}{second}", get(&["Range: bytes=0-0,2-2"])),
        parts(&[("0-0", "0"), ("2-2", "2")]) + &part("1-1", "1"),
    );
    exact(
        "9112 §2.2 an empty line between requests",
        format!("\r\n{}", get(&[])),
        String::new(),
    );
    exact(
        "9112 §9.6 nothing after close",
        format!("{}{second}", get(&["Connection: close"])),
        whole(),
    );
    exact(
        "9112 §9.6 close in a list",
        format!("{}{second}", get(&["Connection: x, Close"])),
        whole(),
    );
    exact(
        "9112 §9.3 HTTP/1.0 does not persist",
        format!("GET /ten.txt HTTP/1.0\r\n\r\n{second}"),
        whole(),
    );
    exact(
        "9112 §9.3.2 pipelined",
        second.repeat(3),
        part("1-1", "1").repeat(3),
    );
    rows
}
