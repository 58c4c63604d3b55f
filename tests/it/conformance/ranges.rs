//! RFC 9110 §13.1.5, §14, §15.3.7 and §15.5.17: ranges.

use super::*;

#[expect(
    clippy::too_many_lines,
    reason = "a table is as long as its rows are many"
)]
pub(super) fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    let mut range = |section, range: &str, expected| {
        let request = get(&[&format!("Range: {range}")]);
        rows.push(Row {
            section,
            request,
            expected,
        });
    };
    range("9110 §14.1.2 the first byte", "bytes=0-0", part("0-0", "0"));
    range(
        "9110 §14.1.2 first and last",
        "bytes=2-4",
        part("2-4", "234"),
    );
    range("9110 §14.1.2 the last byte", "bytes=9-9", part("9-9", "9"));
    range("9110 §14.1.2 an open end", "bytes=7-", part("7-9", "789"));
    range(
        "9110 §14.1.2 all of it",
        "bytes=0-",
        part("0-9", "0123456789"),
    );
    range("9110 §14.1.2 a suffix", "bytes=-3", part("7-9", "789"));
    range(
        "9110 §14.1.2 a long suffix",
        "bytes=-11",
        part("0-9", "0123456789"),
    );
    range("9110 §14.1.2 past the end", "bytes=8-10", part("8-9", "89"));
    range(
        "9110 §14.1.2 far past the end",
        "bytes=8-99999999999999999999999",
        part("8-9", "89"),
    );
    range(
        "9110 §14.1 units have no case",
        "BYTES=0-1",
        part("0-1", "01"),
    );
    range("9110 §14.2 another unit", "lines=0-1", whole());
    range("9110 §14.1.1 no range", "bytes=", whole());
    range("9110 §14.1.1 an empty value", "", whole());
    range("9110 §14.1.1 only a dash", "bytes=-", whole());
    range("9110 §14.1.1 last before first", "bytes=5-2", whole());
    range(
        "9110 §14.1.1 one of two is invalid",
        "bytes=0-1,5-2",
        whole(),
    );
    range("9110 §14.1.1 digits only", "bytes=+0-1", whole());
    range("9110 §14.1.1 no hexadecimal", "bytes=0x1-2", whole());
    range("9110 §14.1.1 no space inside", "bytes=0 - 1", whole());
    range(
        "9110 §14.1.1 no space before the sign",
        "bytes =0-1",
        whole(),
    );
    range("9110 §14.1.1 no equals sign", "bytes 0-1", whole());
    range(
        "9110 §5.6.1 white space and empty members",
        "bytes=,0-1\t, ,",
        part("0-1", "01"),
    );
    range(
        "9110 §15.5.17 beyond the end",
        "bytes=10-",
        unsatisfiable(10),
    );
    range(
        "9110 §15.5.17 far beyond it",
        "bytes=18446744073709551616-",
        unsatisfiable(10),
    );
    range(
        "9110 §14.1.2 a suffix of none",
        "bytes=-0",
        unsatisfiable(10),
    );
    range(
        "9110 §15.5.17 all beyond the end",
        "bytes=10-11,-0",
        unsatisfiable(10),
    );
    range(
        "9110 §15.3.7.2 two",
        "bytes=0-1,4-5",
        parts(&[("0-1", "01"), ("4-5", "45")]),
    );
    range(
        "9110 §15.3.7.2 in the order of the request",
        "bytes=-1, 0-0",
        parts(&[("9-9", "9"), ("0-0", "0")]),
    );
    range(
        "9110 §15.3.7.2 without those beyond the end",
        "bytes=0-0,50-,2-2",
        parts(&[("0-0", "0"), ("2-2", "2")]),
    );
    range(
        "9110 §15.3.7.2 one is left",
        "bytes=0-0,50-",
        part("0-0", "0"),
    );
    range(
        "9110 §15.3.7.2 overlapping",
        "bytes=0-4,3-6",
        part("0-6", "0123456"),
    );
    range(
        "9110 §15.3.7.2 adjacent",
        "bytes=0-1,2-3",
        part("0-3", "0123"),
    );
    range(
        "9110 §17.15 the same again and again",
        &again("0-", 150),
        part("0-9", "0123456789"),
    );
    range("9110 §17.15 too many", &again("0-0", 201), whole());
    range(
        "9110 §15.3.7.2 overlapping and not",
        "bytes=8-9,0-2,1-3",
        parts(&[("8-9", "89"), ("0-3", "0123")]),
    );

    let tag = format!("If-Range: {TAG}");
    let weak = format!("If-Range: W/{TAG}");
    let none_match = format!("If-None-Match: {TAG}");
    let date = format!("If-Range: {DATE}");
    let later = format!("If-Range: {SECOND_AFTER}");
    let with_range = |section, field: &str, expected| Row {
        section,
        request: get(&["Range: bytes=0-1", field]),
        expected,
    };
    let some = || part("0-1", "01");
    rows.extend([
        with_range("9110 §13.1.5 the tag", &tag, some()),
        with_range("9110 §13.1.5 another tag", "If-Range: \"x\"", whole()),
        with_range("9110 §13.1.5 a weak tag", &weak, whole()),
        with_range("9110 §13.1.5 no list", &format!("{tag}, \"x\""), whole()),
        with_range("9110 §13.1.5 the date", &date, some()),
        with_range("9110 §13.1.5 only the very date", &later, whole()),
        with_range("9110 §13.1.5 neither tag nor date", "If-Range: x", whole()),
        with_range(
            "9110 §13.2.2 If-None-Match goes before",
            &none_match,
            not_modified(),
        ),
        with_range("9110 §13.2.2 If-Match too", "If-Match: \"x\"", failed()),
        with_range(
            "9110 §14.2 two fields are none",
            "Range: bytes=4-5",
            whole(),
        ),
        Row {
            section: "9110 §13.1.5 a range beyond the end of another state",
            request: get(&["Range: bytes=10-", "If-Range: \"x\""]),
            expected: whole(),
        },
        Row {
            section: "9110 §13.1.5 a range beyond the end of this state",
            request: get(&["Range: bytes=10-", &tag]),
            expected: unsatisfiable(10),
        },
        Row {
            section: "9110 §13.1.5 without Range",
            request: get(&["If-Range: \"x\""]),
            expected: whole(),
        },
        Row {
            section: "9110 §14.2 HEAD has no ranges",
            request: head(&["Range: bytes=0-1"]),
            expected: whole_head(),
        },
        Row {
            section: "9110 §14.2 not even those beyond the end",
            request: head(&["Range: bytes=10-"]),
            expected: whole_head(),
        },
        Row {
            section: "9110 §14.2 on a 404 they are nothing",
            request: request("GET", "/none", &["Range: bytes=0-1"]),
            expected: error(404, "File not found", "Nothing matches the given URI", ""),
        },
        Row {
            section: "9110 §15.5.17 an empty file",
            request: request("GET", "/empty.txt", &["Range: bytes=0-"]),
            expected: unsatisfiable(0),
        },
        Row {
            section: "9110 §14.1.2 the end of an empty file",
            request: request("GET", "/empty.txt", &["Range: bytes=-5"]),
            expected: whole_head()
                .replace("Content-Length: 10", "Content-Length: 0")
                .replace(TAG, "\"0-6553f100.0\""),
        },
        Row {
            section: "9110 §14.2 a client of HTTP/1.0",
            request: "GET /ten.txt HTTP/1.0\r\nRange: bytes=0-1\r\n\r\n".into(),
            expected: some(),
        },
    ]);
    rows
}

/// The same range `times` over.
fn again(range: &str, times: usize) -> String {
    format!("bytes={}", vec![range; times].join(","))
}
