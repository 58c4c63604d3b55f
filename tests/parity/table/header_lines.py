"""Header lines: what counts as one, how many, how long, and where CPython is laxer."""

from .row import BOTH, HTTP_11, Row, error, repeat, request

PLAIN = "GET /plain.txt HTTP/1.0\r\n"
TWO = "GET /page.html HTTP/1.1\r\n\r\n"

harmless = [
    Row("no header lines", PLAIN + "\r\n", BOTH),
    Row("HTTP/1.1 without Host", request("/plain.txt"), BOTH),
    Row("two Host lines", request("/plain.txt", "Host: a", "Host: b"), BOTH,
        difference="host-field", expected=error(400, "Bad Host field")),
    Row("two Host lines in HTTP/1.0", request("/plain.txt", "Host: a", "Host: b", version="HTTP/1.0"),
        BOTH),
    Row("a Host that is a URL", request("/plain.txt", "Host: http://a/"), BOTH,
        difference="host-field", expected=error(400, "Bad Host field")),
    Row("a Host with a port", request("/plain.txt", "Host: [::1]:8000"), BOTH),
    Row("an empty Host", request("/plain.txt", "Host:"), BOTH),
    Row("values may be empty", PLAIN + "X:\r\nY: \r\n\r\n"),
    Row("values may hold bytes beyond ASCII", PLAIN + "X: caf\xe9 \xc3\xa9 \x80\xff\r\n\r\n"),
    Row("values may hold tabs", PLAIN + "X:\ta\tb\t\r\n\r\n"),
    Row("values may hold anything visible", PLAIN + "X: :;,<>@()[]{}\"'\\/?=&%#\r\n\r\n"),
    Row("names may be any token", PLAIN + "!#$%&'*+-.^_`|~09azAZ: x\r\n\r\n"),
    Row("the same name many times", PLAIN + "X: a\r\n" * 50 + "\r\n"),
    Row("header lines that end with LF", PLAIN + "Host: a\nX: b\n\n", BOTH),
    Row("header lines that end both ways", PLAIN + "Host: a\nX: b\r\nY: c\n\r\n"),
    Row(
        "headers that proxies send",
        request(
            "/plain.txt",
            "Host: a",
            "X-Forwarded-For: 10.0.0.1",
            "Forwarded: for=10.0.0.1",
            "Via: 1.1 b",
            "Accept-Encoding: gzip, br",
            "Accept: */*",
            "Cookie: a=b; c=d",
            "Upgrade: h2c",
        ),
    ),
    Row("end of file after a header line", PLAIN + "Host: a\r\n", BOTH),
    Row("end of file in the end of a header line", PLAIN + "Host: a\r"),
    Row("end of file in a value", PLAIN + "Host: a"),
    Row("end of file after a colon", PLAIN + "Host:"),
    Row("end of file in the empty line", PLAIN + "Host: a\r\n\r"),
    Row(
        "end of file after the header lines of a kept connection",
        request("/plain.txt")[:-2],
        HTTP_11,
    ),
]


def header_lines(count):
    return [PLAIN, repeat("X: a\r\n", count), "\r\n"]


def header_line(length, end="\r\n"):
    return [PLAIN, "X: ", repeat("a", length - 3 - len(end)), end]


limits = [
    Row("99 header lines", header_lines(99), BOTH),
    Row("100 header lines are too many, for the empty line counts", header_lines(100), BOTH),
    Row("101 header lines", header_lines(101)),
    Row("1,000 header lines", header_lines(1000)),
    Row("99 header lines and end of file", header_lines(99)[:-1]),
    Row("100 header lines and end of file, which counts too", header_lines(100)[:-1]),
    Row("101 header lines and no end of file", header_lines(101)[:-1], half_close=False),
    Row(
        "100 header lines in a HEAD get no body",
        ["HEAD / HTTP/1.1\r\n", *header_lines(100)[1:]],
        BOTH,
    ),
    Row("100 header lines in HTTP/0.9", ["GET /plain.txt\r\n", *header_lines(100)[1:]]),
    Row("100 header lines in an unknown method", ["POST / HTTP/1.1\r\n", *header_lines(100)[1:]]),
    Row(
        "100 header lines close a kept connection",
        ["GET / HTTP/1.1\r\n", *header_lines(100)[1:], TWO],
        HTTP_11,
    ),
    Row("a header line of 65,536 bytes", [*header_line(65536), "\r\n"], BOTH),
    Row("a header line of 65,537 bytes", [*header_line(65537), "\r\n"], BOTH),
    Row("a header line of 65,537 bytes with its LF", [*header_line(65537, "\n"), "\n"]),
    Row("a header line of 65,536 bytes without an end", header_line(65536, "")),
    Row("a header line of 65,537 bytes without an end", header_line(65537, ""), half_close=False),
    Row("a long header line in a HEAD", ["HEAD / HTTP/1.1\r\n", *header_line(65537)[1:], "\r\n"]),
    Row("a long header line in HTTP/0.9", ["GET /\r\n", *header_line(65537)[1:], "\r\n"]),
    Row(
        "a long header line after 99 others",
        [PLAIN, repeat("X: a\r\n", 99), *header_line(65537)[1:]],
    ),
    Row(
        "a long header line after 100 others",
        [PLAIN, repeat("X: a\r\n", 100), *header_line(65537)[1:]],
    ),
    Row(
        "header lines of more than 256 KiB in all",
        [PLAIN, *[piece for _ in range(5) for piece in header_line(60_000)[1:]], "\r\n"],
        difference="head-limit",
        expected=error(
            431, "Header section too large", "got more than 262144 bytes of header lines"
        ),
    ),
]

# The e-mail parser of CPython takes all these for something else than they look like.
BAD_LINES = {
    "without a colon": "Host",
    "without a name": ": a",
    "with a space before the colon": "Host : a",
    "with a tab before the colon": "Host\t: a",
    "with a space in the name": "X Y: a",
    "with a parenthesis in the name": "X(Y): a",
    "with a byte beyond ASCII in the name": "X\xe9: a",
    "with a control in the name": "X\x01: a",
    "with a NUL in the value": "X: a\x00b",
    "with a control in the value": "X: a\x1bb",
    "with DEL in the value": "X: a\x7fb",
    "with a carriage return in the value": "X: a\rConnection: close",
    "with a carriage return at its end": "X: a\r",
    "that begins with a space": " X: a",
    "that begins with a tab": "\tX: a",
    "that continues another": "X: a\r\n b",
    "of white space": "X: a\r\n \t",
    "that is an envelope": "From somebody",
}

strict = [
    *(
        Row(
            f"a header line {name}",
            f"GET /plain.txt HTTP/1.0\r\n{line}\r\nHost: b\r\n\r\n",
            BOTH,
            difference="strict-header-lines",
            expected=error(400, "Bad header line"),
        )
        for name, line in BAD_LINES.items()
    ),
    *(
        Row(
            f"{name} with a bad header line",
            f"{line}\r\nHost : a\r\n\r\n",
            difference="strict-header-lines",
            expected=error(400, "Bad header line", head=head, body=body),
        )
        for name, line, head, body in [
            ("a HEAD", "HEAD /plain.txt HTTP/1.1", True, False),
            ("HTTP/0.9", "GET /plain.txt", False, True),
            ("an unknown method", "PUT /plain.txt HTTP/1.1", True, True),
            ("a request for nothing", "GET /missing HTTP/1.1", True, True),
        ]
    ),
    Row(
        "a bad header line closes a kept connection",
        f"GET /plain.txt HTTP/1.1\r\nHost : a\r\n\r\n{TWO}",
        HTTP_11,
        difference="strict-header-lines",
        expected=error(400, "Bad header line"),
    ),
    Row(
        "end of file in a name",
        PLAIN + "Ho",
        difference="strict-header-lines",
        expected=error(400, "Bad header line"),
    ),
]

ROWS = [*harmless, *limits, *strict]
