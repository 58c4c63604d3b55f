"""The files that both servers serve: what `tree.json` says, made on disk.

An entry has a path and a kind. Paths, contents and link targets are byte strings, spelled as
Latin-1: each character is one byte. A file has its content, or a size and then digits over and
over, and a time of last modification if the usual one will not do.
"""

import json
import os
from pathlib import Path
from urllib.parse import quote

ENTRIES = json.loads(Path(__file__).with_name("tree.json").read_text(encoding="ascii"))
USUAL_TIME = 1_700_000_000


def build(root):
    for entry in ENTRIES:
        path = os.path.join(os.fsencode(root), entry["path"].encode("latin-1"))
        match entry["kind"]:
            case "dir":
                os.mkdir(path)
            case "symlink":
                os.symlink(entry["target"].encode("latin-1"), path)
            case "fifo":
                os.mkfifo(path)
            case "file":
                with open(path, "xb") as file:
                    file.write(content(entry))
                nanoseconds = entry.get("mtime", USUAL_TIME) * 10**9 + entry.get("nanoseconds", 0)
                os.utime(path, ns=(nanoseconds, nanoseconds))


def content(entry):
    if "size" in entry:
        return (b"0123456789" * (entry["size"] // 10 + 1))[: entry["size"]]
    return entry["content"].encode("latin-1")


def targets(kind, below=""):
    """The request targets of all entries of a kind below a directory, percent-encoded as a
    listing would."""
    for entry in ENTRIES:
        if entry["kind"] == kind and entry["path"].startswith(below):
            name = os.fsdecode(entry["path"].encode("latin-1"))
            yield "/" + quote(name, errors="surrogatepass")
