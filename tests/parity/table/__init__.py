"""All rows, by topic."""

from . import (
    bodies,
    connections,
    files,
    header_lines,
    listings,
    redirects,
    request_lines,
    targets,
)

ROWS = [
    *request_lines.ROWS,
    *header_lines.ROWS,
    *connections.ROWS,
    *bodies.ROWS,
    *targets.ROWS,
    *redirects.ROWS,
    *listings.ROWS,
    *files.ROWS,
]
