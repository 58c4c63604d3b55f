"""Which connections are kept, pipelining, and `Expect: 100-continue`."""

from .row import BOTH, HTTP_11, Row, as_if, request

ONE = "/plain.txt"
TWO = request("/page.html")

CONNECTION = {
    "HTTP/1.1 without Connection": ("HTTP/1.1", []),
    "HTTP/1.1 with close": ("HTTP/1.1", ["Connection: close"]),
    "HTTP/1.1 with Close in mixed case": ("HTTP/1.1", ["cOnNeCtIoN: ClOsE"]),
    "HTTP/1.1 with keep-alive": ("HTTP/1.1", ["Connection: keep-alive"]),
    "HTTP/1.1 with an empty Connection": ("HTTP/1.1", ["Connection:"]),
    "HTTP/1.1 with another token": ("HTTP/1.1", ["Connection: upgrade"]),
    "HTTP/1.1 with Proxy-Connection": ("HTTP/1.1", ["Proxy-Connection: close"]),
    "HTTP/1.1 with a token that begins with close": ("HTTP/1.1", ["Connection: closed"]),
    "HTTP/1.0 without Connection": ("HTTP/1.0", []),
    "HTTP/1.0 with close": ("HTTP/1.0", ["Connection: close"]),
    "HTTP/1.0 with keep-alive": ("HTTP/1.0", ["Connection: keep-alive"]),
    "HTTP/1.0 with Keep-Alive in mixed case": ("HTTP/1.0", ["connection: Keep-Alive"]),
    "HTTP/1.0 with another token": ("HTTP/1.0", ["Connection: kept"]),
}

# What decides here is the list of all tokens in all Connection lines; CPython compares the whole
# value of the first line.
TOKEN_LISTS = {
    "close in a list": ("HTTP/1.1", ["Connection: close, foo"], "close"),
    "close at the end of a list": ("HTTP/1.1", ["Connection: foo ,\tCLOSE"], "close"),
    "close after keep-alive": ("HTTP/1.1", ["Connection: keep-alive, close"], "close"),
    "close after an empty element": ("HTTP/1.1", ["Connection: , close"], "close"),
    "close in a second line": ("HTTP/1.1", ["Connection: foo", "Connection: close"], "close"),
    "close with a space after it": ("HTTP/1.1", ["Connection: close "], "close"),
    "HTTP/1.0 with keep-alive in a list": (
        "HTTP/1.0",
        ["Connection: keep-alive, foo"],
        "keep-alive",
    ),
    "HTTP/1.0 with keep-alive in a second line": (
        "HTTP/1.0",
        ["Connection: foo", "Connection: keep-alive"],
        "keep-alive",
    ),
}

kept = [
    *(
        Row(f"a second request after {name}", request(ONE, *fields, version=version) + TWO, BOTH)
        for name, (version, fields) in CONNECTION.items()
    ),
    *(
        Row(
            f"a second request after {name}",
            request(ONE, *fields, version=version) + TWO,
            HTTP_11,
            difference="connection-token-list",
            expected=as_if(request(ONE, f"Connection: {token}", version=version) + TWO),
        )
        for name, (version, fields, token) in TOKEN_LISTS.items()
    ),
    *(
        Row(
            f"a second request after {name} that asks for keep-alive",
            f"{line}\r\nConnection: keep-alive\r\n\r\n{TWO}",
            HTTP_11,
            difference="http-0-9-closes",
            expected=as_if(f"{line}\r\n\r\n"),
        )
        for name, line in [
            ("HTTP/0.9", f"GET {ONE}"),
            ("explicit HTTP/0.9", f"GET {ONE} HTTP/0.9"),
        ]
    ),
    Row("the server closes an HTTP/1.0 connection", request(ONE), half_close=False),
    Row(
        "the server closes what asks for close",
        request(ONE, "Connection: close"),
        BOTH,
        half_close=False,
    ),
    Row("the server closes after an error", request("/missing"), BOTH, half_close=False),
    Row("the server closes after HTTP/0.9", f"GET {ONE}\r\n\r\n", BOTH, half_close=False),
    Row(
        "the server closes an HTTP/1.0 client's connection",
        request(ONE, version="HTTP/1.0"),
        HTTP_11,
        half_close=False,
    ),
]

FIRST = {
    "a file": request("/plain.txt"),
    "an empty file": request("/empty.txt"),
    "a large file": request("/large.bin"),
    "a HEAD": request("/large.bin", method="HEAD"),
    "a HEAD of a listing": request("/nested/", method="HEAD"),
    "a redirect": request("/nested"),
    "a HEAD of a redirect": request("/nested", method="HEAD"),
    "a listing": request("/nested/"),
    "an index page": request("/index/"),
    "a 304": request("/plain.txt", "If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT"),
    "a 404": request("/missing"),
    "a HEAD of nothing": request("/missing", method="HEAD"),
    "a 501": request("/", method="PUT"),
    "a bad version": "GET / HTTP/x\r\n\r\n",
    "version 2": "GET / HTTP/2.0\r\n\r\n",
    "a bad syntax": "GET / x HTTP/1.1\r\n\r\n",
    "one word": "GET\r\n\r\n",
    "an empty line": "\r\n",
    "HTTP/0.9": "GET /plain.txt\r\n\r\n",
    "a length of zero": request("/plain.txt", "Content-Length: 0"),
}

pipelines = [
    *(Row(f"pipelined: {name}, then a file", first + TWO, BOTH) for name, first in FIRST.items()),
    Row("pipelined: a file, then HTTP/0.9", request(ONE) + "GET /page.html\r\n\r\n", HTTP_11),
    Row("pipelined: a file, then a bad version", request(ONE) + "GET / HTTP/x\r\n\r\n", HTTP_11),
    Row("pipelined: a file, then one word", request(ONE) + "GET\r\n\r\n", HTTP_11),
    Row("pipelined: a file, then an empty line and another", request(ONE) + "\r\n" + TWO, HTTP_11),
    Row("pipelined: a file, then half a request", request(ONE) + "GET /page", HTTP_11),
    Row(
        "pipelined: a file, then half a header",
        request(ONE) + "GET /page.html HTTP/1.1\r\nHost: a",
        HTTP_11,
    ),
    Row(
        "pipelined: a file, then HTTP/1.0",
        request(ONE) + request("/", version="HTTP/1.0") + TWO,
        HTTP_11,
    ),
    Row("pipelined: twenty requests", request(ONE) * 20, HTTP_11),
    Row(
        "pipelined: HTTP/1.0 kept twice",
        request(ONE, "Connection: keep-alive", version="HTTP/1.0") * 2 + TWO,
        HTTP_11,
    ),
    Row(
        "pipelined: a close ends it",
        request(ONE) + request("/", "Connection: close") + TWO,
        HTTP_11,
    ),
    Row(
        "pipelined: three requests in odd segments",
        [
            request(ONE)[:5],
            request(ONE)[5:] + TWO[:9],
            TWO[9:-1],
            TWO[-1:] + request("/nested/"),
        ],
        HTTP_11,
    ),
    Row(
        "pipelined: the last asks for close, the client does not close",
        request(ONE) + request("/page.html", "Connection: close"),
        HTTP_11,
        half_close=False,
    ),
]

EXPECT = {
    "100-continue": "Expect: 100-continue",
    "100-Continue in mixed case": "expect: 100-ConTinue",
    "another value": "Expect: 200-ok",
    "nothing": "Expect:",
    "a list": "Expect: 100-continue, foo",
    "a parameter": "Expect: 100-continue;q=1",
}

expect = [
    *(Row(f"Expect: {name}", request(ONE, field), BOTH) for name, field in EXPECT.items()),
    *(
        Row(f"Expect in {version}", request(ONE, "Expect: 100-continue", version=version), BOTH)
        for version in ["HTTP/0.9", "HTTP/1.0", "HTTP/1.2", "HTTP/1.09", "HTTP/1.10", "HTTP/01.1"]
    ),
    Row("Expect in two words", f"GET {ONE}\r\nExpect: 100-continue\r\n\r\n", BOTH),
    Row("Expect in a HEAD", request(ONE, "Expect: 100-continue", method="HEAD"), BOTH),
    Row("Expect in an unknown method", request("/", "Expect: 100-continue", method="POST"), BOTH),
    Row("Expect for nothing", request("/missing", "Expect: 100-continue"), BOTH),
    Row(
        "Expect twice, the second is right",
        request(ONE, "Expect: foo", "Expect: 100-continue"),
        BOTH,
    ),
    Row("Expect in each of two requests", request(ONE, "Expect: 100-continue") * 2, HTTP_11),
    Row(
        "Expect and close",
        request(ONE, "Expect: 100-continue", "Connection: close"),
        HTTP_11,
        half_close=False,
    ),
    Row(
        "Expect: a space after the value",
        request(ONE, "Expect: 100-continue "),
        HTTP_11,
        difference="trimmed-values",
        expected=as_if(request(ONE, "Expect: 100-continue")),
    ),
]

ROWS = [*kept, *pipelines, *expect]
