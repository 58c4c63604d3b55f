"""Runs CPython's `http.server` as `python -m http.server` would, arguments and all, with one
change: the lists of media types that a machine may have are never read, so that the same file
has the same type everywhere.

Start it with `-I -u -X utf8`: nothing of the machine's settings leaks in, and the banner is
readable at once.
"""

import mimetypes
import runpy

mimetypes.knownfiles = []
runpy.run_module("http.server", run_name="__main__", alter_sys=True)
