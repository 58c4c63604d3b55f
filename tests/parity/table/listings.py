"""Index pages, and listings where there is none."""

import tree

from .row import BOTH, HTTP_11, Row, as_if, request


def get(target):
    return request(target, version="HTTP/1.0")


index_pages = [
    Row(f"{method} {target}", request(target, method=method, version="HTTP/1.0"))
    for target in [
        "/index/",
        "/index-htm/",
        "/both-indexes/",
        "/index-in-capitals/",
        "/index-is-a-directory/",
        "/index-is-a-directory-beside-htm/",
        "/index-dangles/",
        "/index-dangles-beside-htm/",
        "/index-is-a-link/",
        "/index-is-a-fifo/",
    ]
    for method in ["GET", "HEAD"]
]

paths_to_index_pages = [
    Row("an index page by its name", get("/index/index.html")),
    Row("an index page with a query", get("/index/?a=b")),
    Row("an index page with a fragment", get("/index/#a")),
    Row("an index page through dot segments", get("/index/./")),
    Row("an index page through its parent", get("/nested/../index/")),
    Row("an index page under HTTP/1.1", request("/index/"), BOTH),
    Row(
        "an index page that is not modified",
        request("/index/", "If-Modified-Since: Tue, 14 Nov 2023 22:13:20 GMT"),
    ),
    Row(
        "an index page that was modified",
        request("/index/", "If-Modified-Since: Tue, 14 Nov 2023 22:13:19 GMT"),
    ),
    Row("a directory that is called like an index page", get("/index-is-a-directory/index.html")),
    Row("its listing", get("/index-is-a-directory/index.html/")),
    Row("a dangling index page by its name", get("/index-dangles/index.html")),
]

LISTED = [target for target in tree.targets("dir") if "index" not in target] + [
    "",
    "/links/to-directory",
    "/links/to-parent",
]

listings = [
    *(Row(f"the listing of {target}/", get(target + "/")) for target in LISTED),
    Row("the head of a listing", request("/hostile/", method="HEAD"), BOTH),
    Row("a listing under HTTP/1.1", request("/nested/"), BOTH),
    Row("two listings on one connection", request("/nested/") * 2, HTTP_11),
    Row(
        "a listing does not look at dates",
        request("/nested/", "If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT"),
    ),
    Row("a listing of what is not there", get("/missing/")),
    Row("a listing of a file", get("/plain.txt/")),
    Row("a listing of a dangling link", get("/links/to-nowhere/")),
    Row("a listing of a loop", get("/links/loop/")),
    Row("a listing of a FIFO", get("/special/fifo/")),
]

# The title is the whole target, decoded.
TITLES = [
    "/nested/?",
    "/nested/?a=b&c=d",
    "/nested/?a=b#c",
    "/nested/#a",
    "/nested/;a",
    "/nested/./",
    "/nested/one/../",
    "/../nested/",
    "//nested//",
    "/nested/?<script>alert(1)</script>",
    "/nested/?%3Cscript%3Ealert(1)%3C/script%3E",
    "/nested/?</title>&amp;&lt;\"'",
    "/nested/?%26amp%3B%22%27",
    "/nested/?%2F%25%252F",
    "/nested/?a+b",
    "/nested/?%",
    "/nested/?%4",
    "/nested/?%zz",
    "/nested/?%00%01%0A%0D%1B%7F",
    "/nested/?\x00\x01\x1b\x7f\x80\x9f\xad",
    "/nested/?\xe9",
    "/nested/?\xc3\xa9",
    "/nested/?%C3%A9",
    "/nested/?\xc3%A9",
    "/nested/?%E9",
    "/nested/?\xe9%E9",
    "/nested/?%C3%A9%FF",
    "/nested/?%E2%82%AC%F0%9F%98%80",
    "/nested/?%E2%82",
    "/nested/?%F0%9F%98",
    "/nested/?%F4%90%80%80",
    "/nested/?%C0%AF",
    "/nested/?%ED%B2%80",
    "/nested/?%ED%B3%BF%C3%A9",
    "/nested/?%ED%B2%80%FF",
    "/nested/?%ED%B3%83%ED%B2%A9",
    "/nested/?%ED%A0",
    "/nested/?%ED%A0%80%FF",
    "/nested/?%EF%BF%BE%EF%BB%BF",
    "/nes%00ted/../nested/",
    "/%ED%B2%80/../nested/",
    "/%6eested/",
    "/links/../nested/",
]

titles = [
    *(Row(f"the title of {ascii(target)[1:-1]}", get(target)) for target in TITLES),
    Row("the title of a target without a slash before it", get("nested/")),
    Row("the title of dot segments without a slash before them", get("../nested/")),
    *(
        Row(
            f"a title with {name}",
            get(target),
            difference="reference-crashes",
            expected=as_if(get("/nested/"), title=title),
        )
        for name, target, title in [
            ("a high surrogate", "/nested/?%ED%A0%80", "/nested/?\xef\xbf\xbd"),
            (
                "a surrogate pair",
                "/nested/?%ED%A0%BD%ED%B8%80",
                "/nested/?\xef\xbf\xbd\xef\xbf\xbd",
            ),
            (
                "a low surrogate that escapes no byte",
                "/nested/?%ED%B0%80a",
                "/nested/?\xef\xbf\xbda",
            ),
            (
                "a surrogate in a segment that goes away",
                "/%ED%A0%80/../nested/",
                "/\xef\xbf\xbd/../nested/",
            ),
        ]
    ),
]

ROWS = [*index_pages, *paths_to_index_pages, *listings, *titles]
