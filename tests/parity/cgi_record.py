"""Records what CPython 3.12's `python -m http.server --cgi` answers to every request in
`cgi_table`, as `record.py` does.

    python3.12 cgi_record.py            write cgi_rows.jsonl
    python3.12 cgi_record.py --check    ask again, and compare with cgi_rows.jsonl

Beside what `record.py` masks, the lines of the script `env` that depend on the machine are:
`<root>` is the directory served, `<port>`, `<name>` and `<software>` the server's.
"""

import json
import os
import re
import tempfile
from pathlib import Path

import record
from cgi_table import ROWS
from table.row import BOTH

HERE = Path(__file__).parent
ENTRIES = json.loads((HERE / "cgi_tree.json").read_text(encoding="ascii"))
MASKS = {
    "SERVER_PORT": "<port>",
    "SERVER_NAME": "<name>",
    "SERVER_SOFTWARE": "<software>",
}


def build(root):
    os.chmod(root, 0o755)
    contents = {entry["path"]: entry.get("content") for entry in ENTRIES}
    for entry in ENTRIES:
        path = os.path.join(root, entry["path"])
        match entry["kind"]:
            case "dir":
                os.mkdir(path)
            case "symlink":
                os.symlink(entry["target"], path)
            case "fifo":
                os.mkfifo(path)
            case kind:
                with open(path, "x", encoding="utf-8") as file:
                    file.write(contents[entry.get("copy", entry["path"])])
                os.utime(path, (1_700_000_000, 1_700_000_000))
                os.chmod(path, 0o755 if kind == "script" else 0o644)


class Reference(record.Reference):
    options = ["--cgi"]

    def __init__(self, root, protocol):
        os.environ["RHTTP_TEST_OWN"] = "the server's own"
        os.umask(0o022)
        super().__init__(root, protocol)
        self.root = root

    def exchange(self, request, half_close):
        answer = super().exchange(request, half_close)
        response = answer.response.replace(self.root, "<root>")
        for name, mask in MASKS.items():
            response = re.sub(rf"(?m)^{name}=\[.*\]$", f"{name}=[{mask}]", response)
        # Python 3.12 warns once of what `fork` does to threads.
        log = [line for line in answer.log if line.startswith("127.0.0.1 - - ")]
        return record.Answer(response, log, answer.crashed)


def rows():
    with tempfile.TemporaryDirectory() as root:
        build(root)
        for protocol in BOTH:
            with Reference(root, protocol) as reference:
                for row in ROWS:
                    if protocol in row.protocols:
                        yield record.as_json(row, protocol, reference)


if __name__ == "__main__":
    record.ROWS = ROWS
    record.RECORDED = HERE / "cgi_rows.jsonl"
    record.record = lambda: (record.check_names(), list(rows()))[1]
    record.main()
