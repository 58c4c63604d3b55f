"""Files: media types, hostile names, links, dates, and what is no regular file."""

import tree

from .row import BOTH, HTTP_11, Row, as_if, error, request


def get(target):
    return request(target, version="HTTP/1.0")


# CPython's own table does not know these; rhttp asks a larger one.
LARGER_TABLE = {
    "/types/c.md": "text/markdown",
    "/types/c.webp": "image/webp",
    "/types/c.woff2": "font/woff2",
    "/types/lower.z": "application/x-compress",
}

# What a client that takes no gzip gets.
COMPRESSED_SVG = ["/types/a.svgz", "/types/upper.SVGZ"]

every_file = [
    *(
        Row(f"the media type of {target}", request(target, method="HEAD", version="HTTP/1.0"))
        for target in tree.targets("file", "types/")
        if target not in LARGER_TABLE and target not in COMPRESSED_SVG
    ),
    *(
        Row(
            f"the media type of {target}",
            request(target, method="HEAD", version="HTTP/1.0"),
            difference="compressed-svg",
            expected=as_if(
                request("/types/no-extension", method="HEAD", version="HTTP/1.0"),
                media_type="application/gzip",
                varies="Accept-Encoding",
            ),
        )
        for target in COMPRESSED_SVG
    ),
    *(
        Row(
            f"the media type of {target}",
            request(target, method="HEAD", version="HTTP/1.0"),
            difference="media-types",
            expected=as_if(
                request("/types/no-extension", method="HEAD", version="HTTP/1.0"),
                media_type=media_type,
            ),
        )
        for target, media_type in LARGER_TABLE.items()
    ),
    *(Row(f"file {target}", get(target)) for target in tree.targets("file", "hostile/")),
    *(Row(f"link {target}", get(target)) for target in tree.targets("symlink", "links/")),
    *(
        Row(f"the date of {target}", request(target, method="HEAD", version="HTTP/1.0"))
        for target in tree.targets("file", "times/")
    ),
]

plain = [
    Row("a file", request("/plain.txt"), BOTH),
    Row("the head of a file", request("/plain.txt", method="HEAD"), BOTH),
    Row("an empty file", request("/empty.txt"), BOTH),
    Row("the head of an empty file", request("/empty.txt", method="HEAD"), BOTH),
    Row("a file of 20,000 bytes", request("/large.bin"), BOTH),
    Row("the head of a file of 20,000 bytes", request("/large.bin", method="HEAD"), BOTH),
    Row("a file in a directory", get("/nested/one/two/three.txt")),
    Row("a missing file", request("/missing"), BOTH),
    Row("the head of a missing file", request("/missing", method="HEAD"), BOTH),
    Row("a missing file with HTML in its name", get("/<b>&amp;%3Cscript%3E")),
    Row("a file below a file", get("/plain.txt/x")),
    Row("a file in a missing directory", get("/missing/plain.txt")),
    Row("a file with a slash after it", request("/plain.txt/"), BOTH),
    Row("the head of a file with a slash after it", request("/plain.txt/", method="HEAD")),
    Row("a name in the wrong case", get("/PLAIN.TXT")),
    Row("a file with Accept-Encoding", request("/types/a.txt", "Accept-Encoding: gzip"), BOTH),
]

EXACT = "Tue, 14 Nov 2023 22:13:20 GMT"

# Dates that CPython and RFC 9110 read alike.
DATES = {
    "the very second": EXACT,
    "one second before": "Tue, 14 Nov 2023 22:13:19 GMT",
    "one second after": "Tue, 14 Nov 2023 22:13:21 GMT",
    "long before": "Sun, 06 Nov 1994 08:49:37 GMT",
    "the epoch": "Thu, 01 Jan 1970 00:00:00 GMT",
    "far in the future": "Fri, 31 Dec 9999 23:59:59 GMT",
    "RFC 850": "Tuesday, 14-Nov-23 22:13:20 GMT",
    "RFC 850, one second before": "Tuesday, 14-Nov-23 22:13:19 GMT",
    "RFC 850, year 68": "Tuesday, 06-Nov-68 08:49:37 GMT",
    "RFC 850, year 69": "Thursday, 06-Nov-69 08:49:37 GMT",
    "RFC 850, year 94": "Sunday, 06-Nov-94 08:49:37 GMT",
    "RFC 850, year 99": "Saturday, 06-Nov-99 08:49:37 GMT",
    "RFC 850, year 00": "Monday, 06-Nov-00 08:49:37 GMT",
    "asctime": "Tue Nov 14 22:13:20 2023",
    "asctime, one second before": "Tue Nov 14 22:13:19 2023",
    "asctime, one digit for the day": "Sun Nov  6 08:49:37 1994",
    "asctime, one digit, in the future": "Mon Nov  6 08:49:37 2051",
    "the wrong day of the week": "Mon, 14 Nov 2023 22:13:20 GMT",
    "white space around": f" \t {EXACT} \t",
    "no date": "yesterday",
    "nothing": "",
    "a space": " ",
    "a number": "1700000000",
    "an ISO date": "2023-11-14T22:13:20Z",
    "a date without a time": "Tue, 14 Nov 2023",
    "another zone, EST": "Fri, 01 Jan 2100 00:00:00 EST",
    "another zone, +0100": "Fri, 01 Jan 2100 00:00:00 +0100",
    "another zone, -0500": "Fri, 01 Jan 2100 00:00:00 -0500",
    "an unknown month": "Fri, 01 Foo 2100 00:00:00 GMT",
    "the 30th of February": "Wed, 30 Feb 2100 00:00:00 GMT",
    "the 29th of February in no leap year": "Mon, 29 Feb 2100 00:00:00 GMT",
    "the 29th of February in a leap year": "Wed, 29 Feb 2096 00:00:00 GMT",
    "day 0": "Fri, 00 Jan 2100 00:00:00 GMT",
    "day 32": "Fri, 32 Jan 2100 00:00:00 GMT",
    "hour 24": "Fri, 01 Jan 2100 24:00:00 GMT",
    "minute 60": "Fri, 01 Jan 2100 00:60:00 GMT",
    "second 60": "Fri, 01 Jan 2100 00:00:60 GMT",
    "five digits for the year": "Fri, 01 Jan 21000 00:00:00 GMT",
    "letters in the time": "Fri, 01 Jan 2100 0x:00:00 GMT",
    "bytes beyond ASCII": "Fri, 01 J\xe4n 2100 00:00:00 GMT",
}

# Dates that only CPython's e-mail parser takes; rhttp ignores them.
MAIL_DATES = {
    "no zone": "Tue, 14 Nov 2023 22:13:20",
    "zone UTC": "Tue, 14 Nov 2023 22:13:20 UTC",
    "zone UT": "Tue, 14 Nov 2023 22:13:20 UT",
    "zone Z": "Tue, 14 Nov 2023 22:13:20 Z",
    "zone +0000": "Tue, 14 Nov 2023 22:13:20 +0000",
    "zone -0000": "Tue, 14 Nov 2023 22:13:20 -0000",
    "an unknown zone": "Tue, 14 Nov 2023 22:13:20 XYZ",
    "zone in lower case": "Tue, 14 Nov 2023 22:13:20 gmt",
    "all in lower case": "tue, 14 nov 2023 22:13:20 gmt",
    "no day of the week": "14 Nov 2023 22:13:20 GMT",
    "the month's whole name": "Tue, 14 November 2023 22:13:20 GMT",
    "one digit for the day": "Wed, 1 Jan 2098 00:00:00 GMT",
    "one digit for the hour": "Wed, 01 Jan 2098 0:00:00 GMT",
    "no seconds": "Wed, 01 Jan 2098 00:00 GMT",
    "points in the time": "Wed, 01 Jan 2098 00.00.00 GMT",
    "two digits for the year": "Wed, 01 Jan 48 00:00:00 GMT",
    "more white space": "Tue,  14  Nov  2023  22:13:20  GMT",
    "no space after the comma": "Tue,14 Nov 2023 22:13:20 GMT",
    "month before day": "Tue, Nov 14 2023 22:13:20 GMT",
    "something after the date": f"{EXACT}; length=11",
}


def since(date, *fields, target="/plain.txt", method="GET"):
    return request(target, f"If-Modified-Since: {date}", *fields, method=method)


conditional = [
    *(Row(f"If-Modified-Since: {name}", since(date)) for name, date in DATES.items()),
    *(
        Row(
            f"If-Modified-Since: {name}",
            since(date),
            difference="http-dates",
            expected=as_if(request("/plain.txt")),
        )
        for name, date in MAIL_DATES.items()
    ),
    Row("If-Modified-Since in a HEAD", since(EXACT, method="HEAD"), BOTH),
    Row("If-Modified-Since under HTTP/1.1", since(EXACT) * 2, HTTP_11),
    Row(
        "If-Modified-Since in other letter case",
        request("/plain.txt", f"if-modified-SINCE:{EXACT}"),
    ),
    Row("If-Modified-Since in an unknown method", since(EXACT, method="PUT")),
    Row(
        "If-Modified-Since twice, the first matches",
        since(EXACT, f"If-Modified-Since: {DATES['long before']}"),
    ),
    Row(
        "If-Modified-Since twice, the second matches",
        since(DATES["long before"], f"If-Modified-Since: {EXACT}"),
    ),
    Row("If-Modified-Since of nothing", since(EXACT, target="/missing")),
    Row("If-Modified-Since of an empty file", since(EXACT, target="/empty.txt")),
    Row("If-Modified-Since of a file with a slash after it", since(EXACT, target="/plain.txt/")),
    Row("If-Modified-Since through a link", since(EXACT, target="/links/to-file")),
    Row("If-None-Match switches If-Modified-Since off", since(EXACT, 'If-None-Match: "x"')),
    Row("an empty If-None-Match switches it off too", since(EXACT, "If-None-Match:")),
    Row(
        "If-None-Match before If-Modified-Since",
        request("/plain.txt", 'If-None-Match: "x"', f"If-Modified-Since: {EXACT}"),
    ),
    Row("If-None-Match alone", request("/plain.txt", 'If-None-Match: "x"')),
]

TIMES = {
    "epoch": ["Thu, 01 Jan 1970 00:00:00 GMT", "Thu, 01 Jan 1970 00:00:01 GMT"],
    "second-before-epoch": [
        "Thu, 01 Jan 1970 00:00:00 GMT",
        "Wed, 31 Dec 1969 23:59:59 GMT",
        "Wed, 31 Dec 1969 23:59:58 GMT",
        "Wednesday, 31-Dec-69 23:59:59 GMT",
        "Wed Dec 31 23:59:59 1969",
    ],
    "fraction-before-epoch": ["Wed, 31 Dec 1969 23:59:58 GMT", "Wed, 31 Dec 1969 23:59:57 GMT"],
    "year-1910": ["Sat, 01 Jan 1910 00:00:00 GMT", "Sun, 06 Nov 1994 08:49:37 GMT"],
    "rfc-example": [
        "Sun, 06 Nov 1994 08:49:36 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
    ],
    "fraction": [EXACT, "Tue, 14 Nov 2023 22:13:19 GMT"],
    "first-beyond-32-bits": ["Tue, 19 Jan 2038 03:14:07 GMT", "Tue, 19 Jan 2038 03:14:08 GMT"],
    "year-2242": ["Wed, 16 Mar 2242 12:56:31 GMT", "Wed, 16 Mar 2242 12:56:32 GMT"],
}

times = [
    Row(f"{name}.txt since {date}", since(date, target=f"/times/{name}.txt"))
    for name, dates in TIMES.items()
    for date in dates
]

# CPython opens a FIFO and waits for a writer, and reads a device for ever.
special = [
    Row(
        f"{method} of {name}",
        request(target, method=method, version="HTTP/1.0"),
        difference="special-files",
        expected=error(404, "File not found", body=method == "GET"),
        ask_reference=False,
    )
    for name, target in [
        ("a FIFO", "/special/fifo"),
        ("a link to a FIFO", "/special/to-fifo"),
        ("a link to a device", "/special/to-device"),
        ("an index page that is a FIFO, by its name", "/index-is-a-fifo/index.html"),
    ]
    for method in ["GET", "HEAD"]
]

ROWS = [*every_file, *plain, *conditional, *times, *special]
