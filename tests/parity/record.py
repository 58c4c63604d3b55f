"""Records what CPython 3.12's `python -m http.server` answers to every request in `table`.

    python3.12 record.py            write rows.jsonl
    python3.12 record.py --check    ask again, and compare with rows.jsonl

A row is one connection. What changes from run to run is masked: `<date>`, `<server>` and, in the
log, `<time>`. Bytes are spelled as Latin-1. A row with a `difference` also holds what rhttp is
`expected` to answer instead; `crashes` marks where CPython prints a traceback in place of an
answer.
"""

import difflib
import json
import re
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import tree
from table import ROWS
from table.row import BOTH, Answer, Question, text_of

HERE = Path(__file__).parent
RECORDED = HERE / "rows.jsonl"
SECONDS = 20


def main():
    if sys.version_info[:2] != (3, 12) or sys.implementation.name != "cpython":
        sys.exit("record.py: the reference is CPython 3.12, and this is another Python")
    lines = record()
    if "--check" not in sys.argv[1:]:
        RECORDED.write_text("".join(lines), encoding="ascii")
        print(f"{len(lines)} rows recorded")
        return
    before = RECORDED.read_text(encoding="ascii").splitlines(keepends=True)
    changes = list(difflib.unified_diff(before, lines, "recorded", "now", n=0))
    if changes:
        sys.stdout.writelines(changes)
        sys.exit("record.py: the reference does not answer as recorded")
    print(f"{len(lines)} rows are as recorded")


def record():
    check_names()
    recorded = []
    with tempfile.TemporaryDirectory() as root:
        tree.build(root)
        for protocol in BOTH:
            with Reference(root, protocol) as reference:
                for row in ROWS:
                    if protocol in row.protocols:
                        recorded.append(as_json(row, protocol, reference))
    return recorded


def check_names():
    names = [row.name for row in ROWS]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        sys.exit(f"record.py: two rows have the same name: {sorted(twice)}")


def as_json(row, protocol, reference):
    answer = Answer("", [])
    if row.ask_reference:
        answer = reference.exchange(row.request, row.half_close)
    fields = {"name": row.name, "protocol": protocol, "request": row.request}
    if not row.half_close:
        fields["half_close"] = False
    if row.ask_reference:
        fields["response"] = answer.response
    if answer.crashed:
        fields["crashes"] = True
    elif row.ask_reference:
        fields["log"] = answer.log
    if row.difference:
        fields["difference"] = row.difference
        expected = row.expected(question(row, protocol, reference))
        if expected == answer:
            sys.exit(f"record.py: no difference after all: {row.name}")
        fields["expected"] = {"response": expected.response, "log": expected.log}
    elif answer.crashed:
        sys.exit(f"record.py: the reference crashes unexpectedly: {row.name}")
    return json.dumps(fields, sort_keys=True) + "\n"


def question(row, protocol, reference):
    request_line = text_of(row.request).partition("\n")[0].rstrip("\r")
    return Question(request_line, protocol, lambda request: reference.exchange(request, True))


class Reference:
    """CPython's server, running on a free port."""

    options = []

    def __init__(self, root, protocol):
        command = [sys.executable, "-I", "-u", "-X", "utf8", HERE / "reference.py"]
        arguments = ["0", "--bind", "127.0.0.1", "--directory", root, "--protocol", protocol]
        arguments += self.options
        # A file takes log lines of any length; a pipe would fill up, and block the server.
        self.log = tempfile.NamedTemporaryFile()
        with open(self.log.name, "ab") as stderr:
            self.process = subprocess.Popen(
                [*command, *arguments], stdout=subprocess.PIPE, stderr=stderr
            )
        banner = self.process.stdout.readline().decode()
        self.address = ("127.0.0.1", int(re.search(r" port (\d+) ", banner)[1]))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()
        self.log.close()

    def exchange(self, request, half_close):
        response = mask(converse(self.address, request, half_close))
        # A connection is closed after its last log line, or traceback, was written.
        log = self.log.read().decode("latin-1").split("\n")[:-1]
        crashed = "Traceback (most recent call last):" in log
        return Answer(response, [] if crashed else [mask_time(line) for line in log], crashed)


def converse(address, request, half_close):
    received = []
    with socket.create_connection(address, timeout=SECONDS) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # The reference closes without reading what it does not want, and that may reset the
        # connection. What it sent before is there to read all the same.
        try:
            for piece in [request] if isinstance(request, str) else request:
                connection.sendall(text_of([piece]).encode("latin-1"))
            if half_close:
                connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        try:
            while data := connection.recv(65536):
                received.append(data)
        except ConnectionResetError:
            pass
        except TimeoutError:
            sys.exit(f"record.py: no end of the answer to {str(request)[:200]!r}")
    return b"".join(received).decode("latin-1")


def mask(response):
    response = re.sub(r"\r\nServer: SimpleHTTP/[^\r\n]*", "\r\nServer: <server>", response)
    return re.sub(
        r"\r\nDate: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\n",
        "\r\nDate: <date>\r\n",
        response,
    )


def mask_time(line):
    return re.sub(r"\[\d\d/\w{3}/\d{4} \d\d:\d\d:\d\d\]", "[<time>]", line, count=1)


if __name__ == "__main__":
    main()
