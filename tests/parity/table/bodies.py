"""Bodies of requests that want none, and how they are delimited."""

from .row import BOTH, HTTP_10, HTTP_11, Row, as_if, error, repeat, request

ONE = "/plain.txt"
SMUGGLED = "GET /page.html HTTP/1.1\r\n\r\n"
LATER = "If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT"


def length(text):
    return f"Content-Length: {len(text)}"


# CPython takes the bytes of these bodies for the next request.
BODIES = {
    "a GET with a body": (request(ONE, length("hello"), body="hello"), request(ONE)),
    "a body that looks like a request": (
        request(ONE, length(SMUGGLED), body=SMUGGLED),
        request(ONE),
    ),
    "a body and a pipelined request": (
        request(ONE, length("hello"), body="hello" + SMUGGLED),
        request(ONE),
    ),
    "a body in chunks": (
        request(ONE, "Transfer-Encoding: chunked", body="5\r\nhello\r\n0\r\n\r\n"),
        request(ONE),
    ),
    "a body in Chunks, mixed case": (
        request(
            ONE, "transfer-encoding: ChUnKeD", body="5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n" + SMUGGLED
        ),
        request(ONE),
    ),
    "a body without bytes in chunks": (
        request(ONE, "Transfer-Encoding: chunked", body="0\r\n\r\n"),
        request(ONE),
    ),
    "a body that ends too early": (request(ONE, "Content-Length: 10", body="hello"), request(ONE)),
    "a body that never comes": (request(ONE, "Content-Length: 5"), request(ONE)),
    "a length with leading zeros": (
        request(ONE, "Content-Length: 0005", body="hello"),
        request(ONE),
    ),
    "the same length twice": (
        request(ONE, "Content-Length: 5", "Content-Length: 5", body="hello"),
        request(ONE),
    ),
    "a HEAD with a body": (
        request(ONE, length("hello"), method="HEAD", body="hello"),
        request(ONE, method="HEAD"),
    ),
    "a redirect with a body": (
        request("/nested", length("hello"), body="hello"),
        request("/nested"),
    ),
    "a listing with a body": (
        request("/nested/", length("hello"), body="hello"),
        request("/nested/"),
    ),
    "a 304 with a body": (request(ONE, LATER, length("hello"), body="hello"), request(ONE, LATER)),
    "an HTTP/1.0 client that is kept sends a body": (
        request(ONE, "Connection: keep-alive", length("hello"), version="HTTP/1.0", body="hello"),
        request(ONE, "Connection: keep-alive", version="HTTP/1.0"),
    ),
    "a body after Expect": (
        request(ONE, "Expect: 100-continue", length("hello"), body="hello"),
        request(ONE, "Expect: 100-continue"),
    ),
}

undrained = [
    *(
        Row(
            f"kept: {name}",
            sent,
            HTTP_11,
            difference="undrained-body",
            expected=as_if(stand_in, closes=True),
        )
        for name, (sent, stand_in) in BODIES.items()
    ),
    *(Row(f"closed: {name}", sent) for name, (sent, _) in BODIES.items()),
    Row(
        "a body and close",
        request(ONE, "Connection: close", length("hello"), body="hello"),
        HTTP_11,
    ),
    Row(
        "a body from an HTTP/1.0 client",
        request(ONE, length("hello"), version="HTTP/1.0", body="hello"),
        HTTP_11,
    ),
    Row("a 404 with a body", request("/missing", length("hello"), body="hello"), BOTH),
    Row("a POST with a body", request(ONE, length("hello"), method="POST", body="hello"), BOTH),
    Row(
        "a POST in chunks",
        request(ONE, "Transfer-Encoding: chunked", method="POST", body="5\r\nhello\r\n0\r\n\r\n"),
        BOTH,
    ),
    Row(
        "a POST after Expect",
        request(ONE, length("hello"), "Expect: 100-continue", method="POST", body="hello"),
        BOTH,
    ),
    Row(
        "a POST with 100,000 bytes gets its answer",
        [
            request(ONE, "Content-Length: 100000", method="POST"),
            repeat("x", 100_000),
        ],
        BOTH,
    ),
    Row("60,000 bytes after a request do not harm its answer", [request(ONE), repeat("x", 60_000)]),
    Row(
        "60,000 bytes after a close do not harm the answer",
        [request(ONE, "Connection: close"), repeat("x", 60_000)],
        HTTP_11,
    ),
    Row("a length of zero is no body", request(ONE, "Content-Length: 0"), BOTH),
    Row("several zeros are a length too", request(ONE, "Content-Length: 000") + SMUGGLED, HTTP_11),
]

BAD_FRAMING = {
    "two lengths that differ": ["Content-Length: 5", "Content-Length: 6"],
    "two lengths in one line": ["Content-Length: 5, 6"],
    "an empty length": ["Content-Length:"],
    "a length with a plus sign": ["Content-Length: +5"],
    "a negative length": ["Content-Length: -5"],
    "a hexadecimal length": ["Content-Length: 0x5"],
    "a length with a letter": ["Content-Length: 5a"],
    "a length with a space in it": ["Content-Length: 5 5"],
    "a length with a point": ["Content-Length: 5.0"],
    "a length with an underscore": ["Content-Length: 0_5"],
    "a length of superscripts": ["Content-Length: \xb2"],
    "a word for a length": ["Content-Length: five"],
    "chunks and a length": ["Transfer-Encoding: chunked", "Content-Length: 5"],
    "a length and chunks": ["Content-Length: 5", "Transfer-Encoding: chunked"],
    "an unknown coding": ["Transfer-Encoding: foo"],
    "the identity coding": ["Transfer-Encoding: identity"],
    "gzip in chunks": ["Transfer-Encoding: gzip, chunked"],
    "chunks twice": ["Transfer-Encoding: chunked, chunked"],
    "chunks with a vertical bar": ["Transfer-Encoding: chunked|"],
    "an empty coding": ["Transfer-Encoding:"],
}


def bad_framing(name, sent, protocols=HTTP_10, **page):
    return Row(
        name,
        sent,
        protocols,
        difference="strict-framing",
        expected=error(400, "Bad message framing", **page),
    )


strict = [
    *(
        bad_framing(f"framing: {name}", request(ONE, *fields, body="hello"), BOTH)
        for name, fields in BAD_FRAMING.items()
    ),
    bad_framing(
        "framing: chunks from an HTTP/1.0 client",
        request(ONE, "Transfer-Encoding: chunked", version="HTTP/1.0", body="0\r\n\r\n"),
        BOTH,
    ),
    bad_framing(
        "framing: a HEAD gets no body", request(ONE, "Content-Length: x", method="HEAD"), body=False
    ),
    bad_framing("framing: a POST", request(ONE, "Content-Length: x", method="POST")),
    bad_framing("framing: a request for nothing", request("/missing", "Content-Length: x")),
    bad_framing("framing: a second request", request(ONE, "Content-Length: x") + SMUGGLED, HTTP_11),
    bad_framing(
        "framing: after Expect", request(ONE, "Expect: 100-continue", "Content-Length: x"), HTTP_11
    ),
]

ROWS = [*undrained, *strict]
