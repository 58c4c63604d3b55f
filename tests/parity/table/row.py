"""A row: what is sent, and what rhttp is to answer where that is not what CPython answers.

All text here is Latin-1: each character is one byte on the wire.
"""

import html
import re
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

HTTP_10 = ("HTTP/1.0",)
HTTP_11 = ("HTTP/1.1",)
BOTH = HTTP_10 + HTTP_11


@dataclass(frozen=True)
class Row:
    """One connection. The request is text, or a list of pieces, each sent by itself: text, or
    `repeat(...)`. Then the sending side is closed, unless `half_close` is off."""

    name: str
    request: str | list
    protocols: tuple = HTTP_10
    half_close: bool = True
    # A known difference from CPython, by its name in the README, and the answer of rhttp.
    difference: str | None = None
    expected: Callable | None = None
    # Off where CPython would never answer, so that it must not be asked.
    ask_reference: bool = True


@dataclass(frozen=True)
class Answer:
    response: str
    log: list
    crashed: bool = False


@dataclass(frozen=True)
class Question:
    """What an expected answer is made from: the row's request line, the protocol, and the
    reference to ask in the request's stead."""

    request_line: str
    protocol: str
    ask: Callable


def request(target, *fields, method="GET", version="HTTP/1.1", body=""):
    return "\r\n".join([f"{method} {target} {version}", *fields, "", body])


def repeat(text, times):
    return {"repeat": text, "times": times}


def text_of(request):
    pieces = [request] if isinstance(request, str) else request
    return "".join(
        piece if isinstance(piece, str) else piece["repeat"] * piece["times"] for piece in pieces
    )


# Answers of rhttp. Each function returns one that makes an Answer of a Question.


def error(code, message, explanation=None, head=True, body=True):
    """An error page in CPython's form. HTTP/0.9 gets no head, and HEAD no body."""

    def answer(question):
        page = ERROR_PAGE.format(
            code=code,
            message=html.escape(message, quote=False),
            explanation=explanation or HTTPStatus(code).description,
        )
        lines = [
            f"{question.protocol} {code} {message}",
            "Server: <server>",
            "Date: <date>",
            "Connection: close",
            "Content-Type: text/html;charset=utf-8",
            f"Content-Length: {len(page)}",
        ]
        return Answer(
            ("".join(line + "\r\n" for line in [*lines, ""]) if head else "")
            + (page if body else ""),
            [log(f"code {code}, message {message}"), log_request(question.request_line, code)],
        )

    return answer


def redirect(location):
    def answer(question):
        lines = [
            f"{question.protocol} 301 Moved Permanently",
            "Server: <server>",
            "Date: <date>",
            f"Location: {location}",
            "Content-Length: 0",
        ]
        return Answer(
            "".join(line + "\r\n" for line in [*lines, ""]),
            [log_request(question.request_line, 301)],
        )

    return answer


def as_if(request, *, closes=False, media_type=None, title=None, varies=None):
    """What CPython answers to another request, logged with the request line of this one. A
    connection that closes although the client did not ask for it says so in its last field."""

    def answer(question):
        stand_in = question.ask(request)
        response = stand_in.response
        if closes:
            head, blank, body = response.rpartition("\r\n\r\n")
            response = f"{head}\r\nConnection: close{blank}{body}"
        if media_type:
            response = re.sub("Content-type: [^\r]*", f"Content-type: {media_type}", response)
        if varies:
            head, blank, body = response.rpartition("\r\n\r\n")
            response = f"{head}\r\nVary: {varies}{blank}{body}"
        if title:
            response = retitled(response, title)
        asked = log_escape(request.partition("\r\n")[0])
        own = log_escape(question.request_line)
        return Answer(response, [line.replace(f'"{asked}"', f'"{own}"') for line in stand_in.log])

    return answer


def retitled(response, title):
    head, _, page = response.partition("\r\n\r\n")
    page = re.sub("(Directory listing for )[^<]*", lambda found: found[1] + title, page)
    head = re.sub("(Content-Length: )[0-9]*", lambda found: f"{found[1]}{len(page)}", head)
    return f"{head}\r\n\r\n{page}"


def log_request(request_line, code):
    return log(f'"{log_escape(request_line)}" {code} -')


def log(message):
    return f"127.0.0.1 - - [<time>] {message}"


def log_escape(line):
    """A request line as the log shows it: controls and backslashes escaped, the rest UTF-8."""

    def escape(found):
        return "\\\\" if found[0] == "\\" else f"\\x{ord(found[0]):02x}"

    return re.sub(r"[\x00-\x1f\x7f-\x9f\\]", escape, line).encode().decode("latin-1")


ERROR_PAGE = """\
<!DOCTYPE HTML>
<html lang="en">
    <head>
        <meta charset="utf-8">
        <title>Error response</title>
    </head>
    <body>
        <h1>Error response</h1>
        <p>Error code: {code}</p>
        <p>Message: {message}.</p>
        <p>Error code explanation: {code} - {explanation}.</p>
    </body>
</html>
"""
