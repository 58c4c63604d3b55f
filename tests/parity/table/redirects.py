"""Redirects to the slashed URL of a directory."""

import tree

from .row import BOTH, HTTP_11, Row, redirect, request


def get(target):
    return request(target, version="HTTP/1.0")


# Where every server of its own sends what CPython sends: the target with a slash after its path.
TARGETS = [
    "/nested",
    "/nested?",
    "/nested?a=b&c=d",
    "/nested?a?b",
    "/nested?/",
    "/nested?a/",
    "/nested#",
    "/nested#top",
    "/nested#top?a",
    "/nested?a#top",
    "/nested?#top",
    "/nested?a#",
    "/nested?a#b#c?d",
    "/nested?%0D%0AX:%20y",
    "/nested;a",
    "/nested?;a",
    "/nested/one",
    "/nested/one/two",
    "/nested//one",
    "//nested",
    "///nested//one?a",
    "/nested%2F",
    "/nested%2Fone",
    "/nested%2F?a",
    "/%2Fnested",
    "/%2F%2Fnested",
    "/%2F",
    "/%2F%2F",
    "/%2F..%2F",
    "/.",
    "/..",
    "/../..",
    "//.",
    "//..",
    "/nested/.",
    "/nested/..",
    "/nested/one/..",
    "/nested/../nested",
    "/missing/../nested",
    "/plain.txt/../nested",
    "/plain.txt/..",
    "//evil/..",
    "//evil/../nested",
    "//evil.example/%2e%2e",
    "//evil.example/%2F..",
    "////evil.example/..",
    "/.//evil.example/..",
    "/x//evil.example/../../nested",
    "//@evil.example/..",
    "//evil.example:80/..?a",
    "/%2e",
    "/%2E%2e",
    "/%2e%2e%2fnested",
    "/%6eested",
    "/nested?%00",
    "/nested?\xe9",
    "/nested#\xff",
    "/hostile-directories/\xe9",
    "/hostile-directories/%C3%A9",
    "/hostile-directories/\xc3%A9",
    "/hostile-directories/<i>&amp;",
    "/hostile-directories/quote's",
    "/hostile-directories/%",
    "/hostile-directories/%252F",
    "/hostile-directories/semi;colon",
    "/links/to-directory",
    "/links/to-parent",
    "/links/to-parent/nested",
    "/co:lon",
    "/1:2",
    "/1:2?a:b",
    # No leading slash: the Location has none either.
    "nested",
    "nested?a",
    "nested?a:b",
    "nested#a:b",
    "nested/one",
    "nested/../co:lon",
    "./nested",
    "../nested",
    ".",
    "..",
    "?a",
    "?",
    "?a:b",
    "#a",
    "#",
    "%2F",
    "%6eested",
    ".//nested",
    "x/..//nested",
]

as_the_reference = [
    *(Row(f"redirect from {ascii(target)[1:-1]}", get(target)) for target in TARGETS),
    *(
        Row(f"a directory's name as listings link to it: {target}", get(target))
        for target in tree.targets("dir", "hostile-directories/")
    ),
    Row("a HEAD is redirected", request("/nested?a", method="HEAD"), BOTH),
    Row("a redirect under HTTP/1.1", request("/nested?a"), BOTH),
    Row("a redirect does not look for index pages", request("/index")),
    Row(
        "a redirect does not look at dates",
        request("/nested", "If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT"),
    ),
    Row("a redirect keeps the connection", request("/nested") + request("/nested/one"), HTTP_11),
    Row("a file is not redirected", get("/plain.txt")),
    Row("a directory with a slash is not redirected", get("/nested/")),
]

# Browsers take a backslash for a slash, skip controls at the start, and read `a:b` as a scheme.
ENCODED = {
    "/hostile-directories/back\\slash": "/hostile-directories/back%5Cslash/",
    "/\\evil.example/..": "/%5Cevil.example/../",
    "/\\/evil.example/../..": "/%5C/evil.example/../../",
    "/nested?\\": "/nested/?%5C",
    "/nested#\\": "/nested/#%5C",
    "\\nested/../nested": "%5Cnested/../nested/",
    "/hostile-directories/con\x01trol": "/hostile-directories/con%01trol/",
    "/hostile-directories/del\x7fete": "/hostile-directories/del%7Fete/",
    "/hostile-directories/c1%C2%85\x90": "/hostile-directories/c1%C2%85%C2%90/",
    "/nested?\x00\x1b\x7f\x80\x9f": "/nested/?%00%1B%7F%C2%80%C2%9F",
    "\x01/../nested": "%01/../nested/",
    "\x01//evil.example/../../nested": "%01//evil.example/../../nested/",
    "/\x0e/evil.example/../../nested": "/%0E/evil.example/../../nested/",
}

SCHEMES = {
    "co:lon": "/co:lon/",
    "co:lon?a": "/co:lon/?a",
    "Co:/../nested": "/Co:/../nested/",
    "javascript:/../nested": "/javascript:/../nested/",
    "http:/../nested": "/http:/../nested/",
    "ftp://evil.example/../../nested": "/ftp://evil.example/../../nested/",
    "1:2": "/1:2/",
    "co%3Alon:/../nested": "/co%3Alon:/../nested/",
}

safer = [
    *(
        Row(
            f"encoded redirect from {ascii(target)[1:-1]}",
            get(target),
            difference="location-encoding",
            expected=redirect(location),
        )
        for target, location in ENCODED.items()
    ),
    *(
        Row(
            f"no scheme in a redirect from {target}",
            get(target),
            difference="location-scheme",
            expected=redirect(location),
        )
        for target, location in SCHEMES.items()
    ),
]

ROWS = [*as_the_reference, *safer]
