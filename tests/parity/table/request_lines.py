"""Request lines: words, versions, methods, quoting in messages, ends, lengths."""

from .row import BOTH, HTTP_11, Row, repeat, request

PLAIN = "/plain.txt"

WHITE_SPACE = {
    "a tab": "\t",
    "several spaces": "   ",
    "a vertical tab": "\x0b",
    "a form feed": "\x0c",
    "a carriage return": "\r",
    "a file separator": "\x1c",
    "a group separator": "\x1d",
    "a record separator": "\x1e",
    "a unit separator": "\x1f",
    "the C1 control next line": "\x85",
    "a no-break space": "\xa0",
    "all kinds of white space": " \t\x0b\x0c\r\x1c\x1d\x1e\x1f\x85\xa0 ",
}

NO_WHITE_SPACE = ["\x00", "\x08", "\x0e", "\x1b", "\x7f", "\x84", "\x86", "\x9f", "\xa1", "\xad"]

words = [
    *(
        Row(f"words are separated by {name}", f"GET{space}{PLAIN}{space}HTTP/1.0\r\n\r\n")
        for name, space in WHITE_SPACE.items()
    ),
    *(
        Row(
            f"white space at both ends of the line is no word: {name}",
            f"{space}GET {PLAIN} HTTP/1.0{space}\r\n\r\n",
        )
        for name, space in WHITE_SPACE.items()
    ),
    *(
        Row(f"byte {ord(byte):02x} is part of a word", f"GET{byte}{PLAIN}{byte}HTTP/1.0\r\n\r\n")
        for byte in NO_WHITE_SPACE
    ),
    Row("one word is no request", "GET\r\n\r\n", BOTH),
    Row("one word that is a version is no request", "HTTP/1.1\r\n\r\n"),
    Row("four words are too many", f"GET {PLAIN} x HTTP/1.1\r\n\r\n", BOTH),
    Row("five words are too many", f"GET {PLAIN} x y HTTP/1.0\r\n\r\n"),
    Row("four words in a HEAD get a body in the answer", f"HEAD {PLAIN} x HTTP/1.0\r\n\r\n"),
    Row("a target with a space is two words", "GET /hostile/a space.txt HTTP/1.0\r\n\r\n"),
    Row("three words without a version", f"GET {PLAIN} x\r\n\r\n", BOTH),
    Row("words in the wrong order", f"HTTP/1.0 GET {PLAIN}\r\n\r\n"),
    Row("a TLS handshake is no request", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n"),
    Row(
        "a TLS handshake without an end of line", "\x16\x03\x01\x02\x00\x01\xfc\x03\x03\xe9\xa0\x85"
    ),
    Row("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", BOTH),
]

VERSIONS = [
    "HTTP/1.0",
    "HTTP/1.1",
    "HTTP/1.2",
    "HTTP/1.9",
    "HTTP/1.09",
    "HTTP/1.10",
    "HTTP/01.01",
    "HTTP/0000000001.0000000001",
    "HTTP/1.9999999999",
    "HTTP/0.0",
    "HTTP/0.9",
    "HTTP/0.10",
    "HTTP/00.9",
    "HTTP/0.09",
    "HTTP/2.0",
    "HTTP/2.1",
    "HTTP/3.0",
    "HTTP/02.0",
    "HTTP/11.0",
    "HTTP/9999999999.9999999999",
    "HTTP/12345678901.1",
    "HTTP/1.12345678901",
    "HTTP/00000000001.1",
    "HTTP/2",
    "HTTP/1",
    "HTTP/1.",
    "HTTP/.1",
    "HTTP/.",
    "HTTP/",
    "HTTP",
    "HTTP/1.1.1",
    "HTTP/1..1",
    "HTTP/1,1",
    "HTTP/1.1/",
    "HTTP/1.1/1.1",
    "HTTP//1.1",
    "HTTP/x.y",
    "HTTP/1.x",
    "HTTP/-1.1",
    "HTTP/+1.1",
    "HTTP/1.-1",
    "HTTP/1_0.1",
    "HTTP/0x1.1",
    "HTTP/1.\xb2",
    "HTTP/\xb9.0",
    "HTTP/1.\xbd",
    "http/1.1",
    "Http/1.1",
    "HTTPS/1.1",
    "xHTTP/1.1",
    "ICY/1.0",
    '"HTTP/1.1"',
    "'HTTP/1.1'",
]

versions = [
    *(
        Row(f"version {ascii(version)[1:-1]}", f"GET {PLAIN} {version}\r\n\r\n", BOTH)
        for version in VERSIONS
    ),
    *(
        Row(
            f"a second request after version {version}",
            f"GET {PLAIN} {version}\r\n\r\nGET /page.html HTTP/1.1\r\n\r\n",
            HTTP_11,
        )
        for version in VERSIONS[:14]
    ),
    Row("a HEAD with a bad version gets a body", f"HEAD {PLAIN} HTTP/1.x\r\n\r\n"),
    Row("a HEAD with version 2 gets a body", f"HEAD {PLAIN} HTTP/2.0\r\n\r\n"),
    Row("four words with a bad version", f"GET {PLAIN} x HTTP/1.x\r\n\r\n"),
    Row("four words with version 2", f"GET {PLAIN} x HTTP/2.0\r\n\r\n"),
    Row("four words with version 0.9", f"GET {PLAIN} x HTTP/0.9\r\n\r\n"),
    Row("a bad version does not wait for header lines", f"GET {PLAIN} x\r\n", half_close=False),
    Row("version 2 does not wait for header lines", "GET / HTTP/2.0\r\n", half_close=False),
    Row("a bad word count does not wait for header lines", "GET\r\n", half_close=False),
]

http_0_9 = [
    Row("HTTP/0.9 answers the body alone", f"GET {PLAIN}\r\n\r\n", BOTH),
    Row("HTTP/0.9 answers the body alone to an LF", f"GET {PLAIN}\n\n"),
    Row("HTTP/0.9 reads header lines", f"GET {PLAIN}\r\nHost: a\r\nX: b\r\n\r\n"),
    Row("HTTP/0.9 without an empty line", f"GET {PLAIN}\r\n"),
    Row("HTTP/0.9 sends an error as its page alone", "GET /missing\r\n\r\n", BOTH),
    Row("HTTP/0.9 sends a listing as its page alone", "GET /nested/\r\n\r\n"),
    Row("HTTP/0.9 sends a redirect as nothing", "GET /nested\r\n\r\n"),
    Row("HTTP/0.9 sends an empty file as nothing", "GET /empty.txt\r\n\r\n"),
    Row(
        "HTTP/0.9 sends an unmodified file as nothing",
        f"GET {PLAIN}\r\nIf-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT\r\n\r\n",
    ),
    Row("HTTP/0.9 has no HEAD", f"HEAD {PLAIN}\r\n\r\n", BOTH),
    Row("HTTP/0.9 has no POST", f"POST {PLAIN}\r\n\r\n"),
    Row("HTTP/0.9 has no get", f"get {PLAIN}\r\n\r\n"),
    Row("HTTP/0.9 refuses a method before header lines", "PUT /\r\n", half_close=False),
    Row("HTTP/0.9 quotes the method", "'\"\\\x01\xe9\xad< /\r\n\r\n"),
    Row("a version in place of a target", "GET HTTP/1.1\r\n\r\n"),
    Row("explicit HTTP/0.9 with HEAD", f"HEAD {PLAIN} HTTP/0.9\r\n\r\n"),
    Row("explicit HTTP/0.9 with POST", f"POST {PLAIN} HTTP/0.9\r\n\r\n"),
    Row("explicit HTTP/0.9 with HEAD of nothing", "HEAD /missing HTTP/0.9\r\n\r\n"),
    Row("explicit HTTP/0.9 sends a redirect as nothing", "GET /nested HTTP/0.9\r\n\r\n"),
]

METHODS = [
    "HEAD",
    "POST",
    "PUT",
    "DELETE",
    "PATCH",
    "OPTIONS",
    "TRACE",
    "CONNECT",
    "PROPFIND",
    "get",
    "Get",
    "GETS",
    "GE",
    "head",
    "*",
    "HTTP/1.1",
    "__class__",
    "GET\x00",
    "G\xc3\x89T",
    "G\xc9T",
    "<GET>",
    "A&B",
    "it's",
    'say"hi"',
    "both'\"",
    "back\\slash",
    "\x01\x08\x0e\x1b\x7f",
    "\x80\x84\x86\x9f",
    "\xa1\xac\xad\xae\xff",
    "%s%d%(code)s",
    "{0}",
]

methods = [
    *(
        Row(f"method {ascii(method)[1:-1]}", f"{method} {PLAIN} HTTP/1.0\r\n\r\n")
        for method in METHODS
    ),
    Row(
        "a method of every byte that is in words",
        "".join(chr(byte) for byte in range(256) if not chr(byte).isspace())
        + " / HTTP/1.0\r\n\r\n",
    ),
    Row("OPTIONS of the server", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", BOTH),
    Row("CONNECT to a host", "CONNECT example.com:443 HTTP/1.1\r\n\r\n", BOTH),
    Row("a POST closes a kept connection", request("/", method="POST") * 2, HTTP_11),
    Row("an unknown method waits for its header lines", "PUT / HTTP/1.1\r\nHost: a\r\n\r\n", BOTH),
]

QUOTED = {
    "a single quote": "it's",
    "double quotes": 'say "hi"',
    "both quotes": 'it\'s "hi"',
    "a backslash": "a\\b",
    "a backslash and quotes": "\\'\"\\",
    "controls": "\x00\x01\x07\x08\x0e\x1b\x1f\x7f",
    "C1 controls": "\x80\x84\x85\x9f",
    "a no-break space": "a\xa0b",
    "a soft hyphen": "a\xadb",
    "Latin-1 letters": "caf\xe9 \xff\xd7",
    "UTF-8": "caf\xc3\xa9",
    "tab and carriage return": "a\tb\rc",
    "HTML": "<b>&amp;</b>",
    "percent signs": "%s %(message)s %",
}

quoting = [
    *(
        Row(f"a bad line is quoted: {name}", f"1 {text} 2 HTTP/1.1\r\n\r\n")
        for name, text in QUOTED.items()
    ),
    *(
        Row(f"a bad version is quoted: {name}", f"GET / {text.replace(' ', '')}\r\n\r\n")
        for name, text in QUOTED.items()
    ),
    *(
        Row(f"byte {byte:02x} in a bad line", f"GET /{chr(byte)} x HTTP/1.0\r\n\r\n")
        for byte in [*range(0x20), *range(0x7F, 0xA2), 0xAC, 0xAD, 0xAE, 0xFF]
        if byte != 0x0A
    ),
]

ends = [
    Row("nothing at all", "", BOTH),
    Row("an empty line closes", "\r\n", BOTH, half_close=False),
    Row("an empty line ended by LF closes", "\n", half_close=False),
    Row("an empty line before a request closes", f"\r\nGET {PLAIN} HTTP/1.0\r\n\r\n", BOTH),
    Row("a line of white space closes", " \t\x0b\x1c\x85\xa0 \r\n", half_close=False),
    Row("a line of carriage returns closes", "\r\r\r\n", half_close=False),
    Row("end of file after white space", "  "),
    Row("end of file in the method", "GE"),
    Row("end of file after the method", "GET"),
    Row("end of file after a space", "GET "),
    Row("end of file in the target", "GET /pla"),
    Row("end of file after the target", f"GET {PLAIN}", BOTH),
    Row("end of file in the version", f"GET {PLAIN} HTTP/1"),
    Row("end of file after the version", f"GET {PLAIN} HTTP/1.0", BOTH),
    Row("end of file in the end of the line", f"GET {PLAIN} HTTP/1.0\r"),
    Row("end of file after the request line", f"GET {PLAIN} HTTP/1.0\r\n", BOTH),
    Row("lines end with LF", f"GET {PLAIN} HTTP/1.0\nHost: a\n\n", BOTH),
    Row(
        "the request line ends with LF, the others do not", f"GET {PLAIN} HTTP/1.0\nHost: a\r\n\r\n"
    ),
    Row("the request line ends with several CR", f"GET {PLAIN} HTTP/1.0\r\r\r\n\r\n"),
    Row("a CR alone ends no line", f"GET {PLAIN} HTTP/1.0\rHost: a\r\n\r\n"),
    Row(
        "a request in many segments",
        [
            "G",
            "ET",
            " ",
            "/pl",
            "ain.txt",
            " HTTP",
            "/1.",
            "0",
            "\r",
            "\n",
            "Ho",
            "st: a\r\n",
            "\r",
            "\n",
        ],
        BOTH,
    ),
    Row("the log escapes controls and backslashes", "GET /\x1b[31m\\\x7f\x90\xe9 HTTP/1.0\r\n\r\n"),
    Row("the log holds the line as received", "GET \t /plain.txt \x0b HTTP/1.0 \t\r\n\r\n"),
]

lengths = [
    Row(
        "a request line of 65,536 bytes",
        ["GET /plain.txt HTTP/1.0", repeat("\r", 65512), "\n\r\n"],
        BOTH,
    ),
    Row(
        "a request line of 65,537 bytes",
        ["GET /plain.txt HTTP/1.0", repeat("\r", 65513), "\n"],
        BOTH,
    ),
    Row("65,536 bytes without an end of line", ["GET /plain.txt", repeat("\r", 65522)]),
    Row("65,537 bytes without an end of line", ["GET /", repeat("a", 65532)]),
    Row("65,537 bytes without an end of file", ["GET /", repeat("a", 65532)], half_close=False),
    Row("65,537 bytes of white space", [repeat(" ", 65537)]),
    Row("70,000 bytes are not all read", ["HEAD /", repeat("a", 70000), " HTTP/1.1\r\n\r\n"], BOTH),
    Row("a request line of 200,000 bytes", ["GET /", repeat("a", 200_000), " HTTP/1.1\r\n\r\n"]),
    Row("a name that is too long for a file", ["GET /", repeat("a", 300), " HTTP/1.0\r\n\r\n"]),
    Row("a path that is too long for any file", ["GET /", repeat("a/", 2050), " HTTP/1.0\r\n\r\n"]),
    Row("a very long query", ["GET /plain.txt?", repeat("a", 5000), " HTTP/1.0\r\n\r\n"]),
]

ROWS = [*words, *versions, *http_0_9, *methods, *quoting, *ends, *lengths]
