"""The rows of `--cgi`: what scripts are told, and what becomes of their output.

The script `env` prints its arguments and all variables that CGI knows, one a line.
"""

import re

from table.row import BOTH, HTTP_10, HTTP_11, Answer, Row, error, log, log_request, request

ENV = "/cgi-bin/env"


def env(name, target=ENV, *fields, protocols=HTTP_10, **more):
    return Row(f"env: {name}", request(target, *fields, **more), protocols)


def env_differs(difference, variables, name, *fields, protocols=HTTP_10, **more):
    """What CPython tells the script, with other values of some variables."""
    asked = request(ENV, *fields, **more)

    def answer(question):
        found = question.ask(asked)
        response = found.response
        for variable, value in variables.items():
            line = rf"(?m)^(no {variable}|{variable}=\[.*\])$"
            response = re.sub(line, f"{variable}=[{value}]", response)
        return Answer(response, found.log)

    return Row(f"env: {name}", asked, protocols, difference=difference, expected=answer)


def post(target, body, *fields, method="POST"):
    return request(target, *fields, f"Content-Length: {len(body)}", method=method, body=body)


def output(fields, body="", *, status="200 Script output follows", logged=()):
    """What rhttp answers for a script: its lines under a head of rhttp's own. Framing is not
    part of a row."""

    def answer(question):
        lines = [f"{question.protocol} {status}", "Server: <server>", "Date: <date>", *fields]
        head = "".join(line + "\r\n" for line in [*lines, ""])
        code = status.partition(" ")[0]
        return Answer(head + body, [log_request(question.request_line, code), *map(log, logged)])

    return answer


def escaped(expected):
    """The same, with the backslashes of its message doubled in the log."""

    def answer(question):
        found = expected(question)
        return Answer(found.response, [line.replace("\\", "\\\\") for line in found.log])

    return answer


def differs(difference, expected, name, sent, protocols=BOTH):
    return Row(name, sent, protocols, difference=difference, expected=expected)


TEXT = "Content-Type: text/plain"

targets = [
    env("nothing but a target", protocols=BOTH),
    env("a form's query", ENV + "?a=b&c=d%20e+f", protocols=BOTH),
    env("a query of words", ENV + "?one+two", protocols=BOTH),
    env("a query of encoded words", ENV + "?one%20two%2Bthree"),
    env("an empty query", ENV + "?"),
    env("a query with an encoded equals sign", ENV + "?a%3Db"),
    env("a query that starts with a dash", ENV + "?-s"),
    env("a query with shell characters", ENV + "?a;b`c`$(d)|e"),
    env("a query with quotes", ENV + "?\"a\"'b'"),
    env("a query with question marks", ENV + "?a?b?"),
    env("a query beyond ASCII", ENV + "?caf\xe9"),
    env("a query with plus and equals signs", ENV + "?a+b=c+d"),
    env("path info", ENV + "/path/info", protocols=BOTH),
    env("path info and a query", ENV + "/path/info?q"),
    env("path info with a slash at its end", ENV + "/path/"),
    env("path info of one slash", ENV + "/"),
    env("path info of dot segments", ENV + "/a/./b/../c"),
    env("path info that comes back to the script", ENV + "/a/.."),
    env("path info that ends in a dot", ENV + "/a/."),
    env("path info of many slashes", ENV + "//a///b//"),
    env("path info, encoded", ENV + "/caf%C3%A9/%20x%20y"),
    env("path info with an encoded slash", ENV + "/a%2Fb"),
    env("path info beyond ASCII", ENV + "/caf\xe9"),
    env("path info that looks like a script", ENV + "/cgi-bin/env"),
    env("a script in a directory", "/cgi-bin/sub/env", protocols=BOTH),
    env("a script in a directory of a directory", "/cgi-bin/sub/sub/env/info?a=b"),
    env("a script in a directory with a dot", "/cgi-bin/a.b/env/x"),
    env("a script in a directory that is a link", "/cgi-bin/sublink/env"),
    env("a script that is a link", "/cgi-bin/link"),
    env("a script in htbin", "/htbin/env/a?b"),
    env("a script with a space", "/cgi-bin/with%20space/a"),
    env("a script beyond ASCII", "/cgi-bin/caf%C3%A9"),
    env("a script beyond ASCII, not encoded", "/cgi-bin/caf\xe9"),
    env("a script beyond Latin-1", "/cgi-bin/%E6%97%A5%E6%9C%AC/a"),
    env("a script with a quote", "/cgi-bin/it's"),
    env("slashes in excess", "//cgi-bin///env"),
    env("dot segments", "/x/../cgi-bin/./sub/../env"),
    env("an encoded directory", "/%63gi-bin/env"),
    env("an encoded slash", "/cgi-bin%2fenv"),
    env("encoded dot segments", "/x/%2e%2e/cgi-bin/env"),
    env("no slash at the start", "cgi-bin/env"),
]

fields = [
    env("Accept", ENV, "Accept: text/html"),
    env("several Accept", ENV, "Accept: text/html", "Accept: */*;q=0.1", "accept: a,b", protocols=BOTH),
    env("an empty Accept", ENV, "Accept:"),
    env("Cookie", ENV, "Cookie: a=1; b=2"),
    env_differs("cgi-cookies", {"HTTP_COOKIE": "a=1; b=2; c=3"}, "several Cookie",
                "Cookie: a=1", "Cookie: b=2", "cookie:", "Cookie: c=3", protocols=BOTH),
    env("an empty Cookie", ENV, "Cookie:"),
    env("User-Agent", ENV, "User-Agent: a b/c (d)"),
    env("two User-Agent", ENV, "User-Agent: a", "User-Agent: b"),
    env("Referer", ENV, "Referer: http://example.com/?a=b"),
    env("Content-Type without a body", ENV, "Content-Type: a/b; c=d"),
    env("an empty Content-Type", ENV, "Content-Type:"),
    env("fields beyond ASCII", ENV, "User-Agent: caf\xe9", "Cookie: \xc3\xa9", "Referer: \xff"),
    env("all five", ENV, "Accept: a", "User-Agent: b", "Cookie: c", "Referer: d", "Content-Type: e"),
    env("Proxy is no HTTP_PROXY", ENV, "Proxy: http://evil"),
    env_differs("cgi-fields", {"HTTP_HOST": "h", "HTTP_ACCEPT_LANGUAGE": "l, m",
                               "HTTP_RANGE": "bytes=0-1"},
                "other fields", "Host: h", "Accept-Language: l", "Range: bytes=0-1",
                "X-Forwarded-For: f", "Connection: close, x-forwarded-for", "accept-language: m",
                "If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT"),
    env("names with underscores", ENV, "User_Agent: a", "HTTP_COOKIE: b", "Content_Length: 7"),
    env("Basic", ENV, "Authorization: Basic dXNlcjpwYXNz", protocols=BOTH),
    env("Basic in any case", ENV, "authorization: bASIC dXNlcjpwYXNz"),
    env("Basic with two colons", ENV, "Authorization: Basic YTpiOmM="),
    env("Basic without a colon", ENV, "Authorization: Basic dXNlcg=="),
    env("Basic of nobody", ENV, "Authorization: Basic OnBhc3M="),
    env("Basic that is no Base64", ENV, "Authorization: Basic dXNlcjpwY"),
    env("Basic with rubbish in it", ENV, "Authorization: Basic dX-Nlc.jpw_YXNz"),
    env("Basic beyond ASCII", ENV, "Authorization: Basic w6k6w6k="),
    env("Bearer", ENV, "Authorization: Bearer abc"),
    env("Digest", ENV, 'Authorization: Digest username="u", realm="r"'),
    env("a scheme alone", ENV, "Authorization: Basic"),
    env("an empty Authorization", ENV, "Authorization:"),
    env("two Authorization", ENV, "Authorization: Basic dXNlcjpwYXNz", "Authorization: Bearer b"),
    env_differs("cgi-fields", {"HTTP_HOST": "h"}, "an HTTP/1.0 client", "Host: h",
                protocols=BOTH, version="HTTP/1.0"),
]

bodies = [
    Row("env: POST", post(ENV, "a=b", "Content-Type: application/x-www-form-urlencoded"), BOTH),
    Row("env: POST without a type", post(ENV, "a=b"), HTTP_10),
    Row("env: POST of nothing", post(ENV, ""), HTTP_10),
    Row("env: POST with a query and path info", post(ENV + "/p?q+r", "a=b"), HTTP_10),
    Row("a POST is the script's input", post("/cgi-bin/cat", "a=b&c=d"), BOTH),
    Row("a POST of 100,000 bytes is the script's input", [
        request("/cgi-bin/cat", "Content-Length: 100000", method="POST"),
        {"repeat": "0123456789", "times": 10_000},
    ], BOTH),
    Row("a GET has input, too", post("/cgi-bin/cat", "hello", method="GET"), HTTP_10),
    Row("a POST to a script that does not read", post("/cgi-bin/deaf", "hello"), HTTP_10),
    Row("without a body the input is empty", request("/cgi-bin/cat"), HTTP_10),
]

results = [
    Row("a header with CRLF", request("/cgi-bin/crlf"), BOTH),
    Row("several cookies, and bytes beyond ASCII", request("/cgi-bin/cookies"), BOTH),
    Row("a header and nothing else", request("/cgi-bin/nobody-home"), BOTH),
    Row("no header but its end", request("/cgi-bin/no-header"), HTTP_10),
    Row("a length of the script's", request("/cgi-bin/length"), BOTH),
    Row("the working directory is the server's", request("/cgi-bin/pwd"), HTTP_10),
    Row("exit code 3", request("/cgi-bin/exit3"), BOTH),
    Row("exit code 255", request("/cgi-bin/exit255"), HTTP_10),
    Row("killed by a signal", request("/cgi-bin/killed"), HTTP_10),
    Row("terminated by a signal", request("/cgi-bin/terminated"), HTTP_10),
]

REFUSED = {
    "a script that is not there": "/cgi-bin/missing",
    "a script that is not there, and path info": "/cgi-bin/missing/a/b",
    "a script that is not there, and a query": "/cgi-bin/missing?a=b",
    "a script that is not there in a directory": "/cgi-bin/sub/missing",
    "a script that is not there, with a slash": "/cgi-bin/missing/",
    "a script that is not there, with a quote": "/cgi-bin/isn't",
    "a script that is not there, with two kinds of quotes": "/cgi-bin/isn't%22",
    "a script that is not there, with markup": "/cgi-bin/%3Cb%3E&amp;",
    "a script that is not there, with a backslash": "/cgi-bin/a\\b",
    "a script that is not there, beyond ASCII": "/cgi-bin/caf%C3%A9s",
    "a script that is not there, with a space": "/cgi-bin/a%20b",
    "a script that is not there, with a trailing dot": "/cgi-bin/env.",
    "a script that is not there, with a trailing space": "/cgi-bin/env%20",
    "a script that is not there, in another case": "/cgi-bin/ENV",
    "a script that is not there, with a control": "/cgi-bin/%1b%7f",
    "a dangling link": "/cgi-bin/dangling",
    "the directory of scripts": "/cgi-bin/",
    "the directory of scripts, twice encoded": "/cgi-bin%2f",
    "the other directory of scripts": "/htbin/",
    "the directory of scripts by a dot segment": "/cgi-bin/env/..",
    "a directory in it": "/cgi-bin/sub",
    "a directory in it, with a slash": "/cgi-bin/sub/",
    "a directory in a directory, with a query": "/cgi-bin/sub/sub/?q",
    "an empty directory": "/cgi-bin/empty/",
    "a FIFO": "/cgi-bin/fifo",
    "a file that is not executable": "/cgi-bin/source.txt",
    "a file that is not executable, and path info": "/cgi-bin/source.txt/a",
    "a file that is not executable, in a directory": "/cgi-bin/sub/source.txt",
    "an index page among scripts": "/cgi-bin/index.html",
    "a source by an encoded directory": "/%63gi-bin/source.txt",
    "a source by an encoded slash": "/cgi-bin%2fsource.txt",
    "a source by dot segments": "/x/../cgi-bin/source.txt",
    "a source by slashes in excess": "//cgi-bin//source.txt",
}

refused = [
    *(Row(f"refused: {name}", request(target), HTTP_10) for name, target in REFUSED.items()),
    *(
        Row(f"refused, {method}: {name}", request(target, method=method), HTTP_10)
        for method in ["POST", "HEAD"]
        for name, target in REFUSED.items()
        if name in ("a script that is not there", "the directory of scripts", "a file that is not executable")
    ),
    *(
        Row(f"POST to {name}", post(target, "a=b"), BOTH)
        for name, target in {
            "a file": "/plain.txt",
            "a directory": "/x/",
            "what is not there": "/missing",
            "the root": "/",
            "the directory of scripts without a slash": "/cgi-bin",
            "a path that leaves the directory of scripts": "/cgi-bin/../plain.txt",
        }.items()
    ),
    *(
        Row(f"{method} to a script", request(ENV, method=method), HTTP_10)
        for method in ["PUT", "DELETE", "OPTIONS", "get"]
    ),
]

files = [
    Row("a file", request("/plain.txt"), HTTP_10),
    Row("a file by the directory of scripts", request("/cgi-bin/../plain.txt"), HTTP_10),
    Row("a redirect to the directory of scripts", request("/cgi-bin?a"), HTTP_10),
    Row("a directory of scripts elsewhere is none", request("/x/cgi-bin/env"), HTTP_10),
    Row("the query is no path", request("/missing?/cgi-bin/env"), HTTP_10),
]

differences = [
    differs("cgi-head-has-no-body", output([TEXT]), "HEAD", request("/cgi-bin/deaf", method="HEAD")),
    differs("cgi-status", output([TEXT], "not here\n", status="404 Not here"),
            "Status", request("/cgi-bin/status")),
    differs("cgi-status", output([TEXT], "gone\n", status="410 Gone"),
            "Status without a reason", request("/cgi-bin/bare-status")),
    differs("cgi-status", output([], status="204 No Content"),
            "Status without content", request("/cgi-bin/no-content")),
    differs("cgi-location", output(["Location: http://example.com/a"], status="302 Found"),
            "Location", request("/cgi-bin/location")),
    differs("cgi-location", output(["Location: /plain.txt", TEXT], "moved\n", status="302 Found"),
            "Location of a path", request("/cgi-bin/path-location")),
    differs("cgi-location", output(["Location: /plain.txt"], status="303 See Other"),
            "Location and Status", request("/cgi-bin/status-location")),
    differs("cgi-no-answer", error(502, "CGI script sent nothing"),
            "a script that prints nothing", request("/cgi-bin/nothing")),
    differs("cgi-no-answer", error(502, "CGI script exit code 4"),
            "a script that only fails", request("/cgi-bin/nothing4")),
    differs("cgi-no-answer", error(502, "CGI script sent a bad header"),
            "a script that prints no header", request("/cgi-bin/garbage")),
    # CPython's child writes a traceback at any time from now on, so it is not asked.
    Row("a script without its interpreter", request("/cgi-bin/no-interpreter"), BOTH,
        difference="cgi-no-answer", expected=error(500, "CGI script cannot be run"),
        ask_reference=False),
    differs("cgi-one-decoding", error(403, "CGI script is not executable ('/cgi-bin/a%41')"),
            "a name that is decoded twice", request("/cgi-bin/a%2541"), HTTP_10),
    differs("cgi-one-decoding", error(404, "No such CGI script ('/cgi-bin/env?a')"),
            "an encoded question mark", request("/cgi-bin/env%3Fa"), HTTP_10),
    differs("cgi-one-decoding", error(404, "No such CGI script ('/cgi-bin/env#a')"),
            "an encoded number sign", request("/cgi-bin/env%23a"), HTTP_10),
    differs("cgi-private-source", error(404, "File not found"),
            "a source by a link", request("/x/peep"), HTTP_10),
    differs("reference-crashes", escaped(error(404, "No such CGI script ('/cgi-bin/\\u65e5')")),
            "a script that is not there, beyond Latin-1", request("/cgi-bin/%E6%97%A5"), HTTP_10),
    differs("cgi-dot-segments", error(403, "CGI script is not a plain file ('/cgi-bin/')"),
            "dot segments above the root", request("/../cgi-bin/"), HTTP_10),
]

ROWS = [*targets, *fields, *bodies, *results, *refused, *files, *differences]
