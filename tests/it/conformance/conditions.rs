//! RFC 9110 §8.8, §13 and §15.4.5: validators and conditions.

use super::*;

const IM: &str = "If-Match";
const INM: &str = "If-None-Match";
const IMS: &str = "If-Modified-Since";
const IUS: &str = "If-Unmodified-Since";
const OTHER: &str = "\"other\"";

#[expect(
    clippy::too_many_lines,
    reason = "a table is as long as its rows are many"
)]
pub(super) fn rows() -> Vec<Row> {
    let weak = format!("W/{TAG}");
    let list = format!("\"a,b\", \"c\" ,,{TAG}");
    let weak_list = format!("\"x\", W/\"y\",\t{weak},");
    let backslash = format!("\"a\\\", {TAG}");
    let on_get = |section, fields: &[&str], expected| Row {
        section,
        request: get(fields),
        expected,
    };
    let field = |name: &str, value: &str| format!("{name}: {value}");
    let one = |section, name, value: &str, expected| {
        on_get(section, &[field(name, value).as_str()], expected)
    };
    let two = |section, a: (&str, &str), b: (&str, &str), expected| {
        let fields = [field(a.0, a.1), field(b.0, b.1)];
        on_get(section, &[fields[0].as_str(), fields[1].as_str()], expected)
    };
    vec![
        on_get("9110 §8.8 a file has a date and a tag", &[], whole()),
        Row {
            section: "9110 §9.3.2 HEAD has the fields of GET",
            request: head(&[]),
            expected: whole_head(),
        },
        // If-Match: strong comparison.
        one("9110 §13.1.1 the tag", IM, TAG, whole()),
        one("9110 §13.1.1 any", IM, "*", whole()),
        one("9110 §13.1.1 another tag", IM, OTHER, failed()),
        one("9110 §13.1.1 a weak tag never matches", IM, &weak, failed()),
        one(
            "9110 §13.1.1 a list, commas inside tags",
            IM,
            &list,
            whole(),
        ),
        one(
            "9110 §13.1.1 a list without it",
            IM,
            "\"a\", \"b\"",
            failed(),
        ),
        one("9110 §13.1.1 an empty list", IM, "", failed()),
        one("9110 §8.8.3 a tag has quotes", IM, "a-6553f100.0", failed()),
        two(
            "9110 §5.3 two lines, one list",
            (IM, OTHER),
            (IM, TAG),
            whole(),
        ),
        // If-None-Match: weak comparison.
        one("9110 §13.1.2 the tag", INM, TAG, not_modified()),
        one(
            "9110 §13.1.2 a weak tag matches",
            INM,
            &weak,
            not_modified(),
        ),
        one("9110 §13.1.2 any", INM, "*", not_modified()),
        one("9110 §13.1.2 another tag", INM, OTHER, whole()),
        one("9110 §13.1.2 a list", INM, &list, not_modified()),
        one(
            "9110 §13.1.2 a list of weak ones",
            INM,
            &weak_list,
            not_modified(),
        ),
        one(
            "9110 §8.8.3 a backslash escapes nothing",
            INM,
            &backslash,
            not_modified(),
        ),
        one(
            "9110 §8.8.3 the mark W/ is upper case",
            INM,
            &weak.to_lowercase(),
            whole(),
        ),
        one(
            "9110 §8.8.3 a tag has an end",
            INM,
            "\"a-6553f100.0",
            whole(),
        ),
        one("9110 §13.1.2 an empty list", INM, "", whole()),
        two(
            "9110 §5.3 two lines, one list",
            (INM, OTHER),
            (INM, TAG),
            not_modified(),
        ),
        Row {
            section: "9110 §13.1.2 on HEAD",
            request: head(&[&field(INM, TAG)]),
            expected: not_modified(),
        },
        // If-Modified-Since.
        one("9110 §13.1.3 the date", IMS, DATE, not_modified()),
        one(
            "9110 §13.1.3 a later date",
            IMS,
            SECOND_AFTER,
            not_modified(),
        ),
        one("9110 §13.1.3 an earlier date", IMS, SECOND_BEFORE, whole()),
        one("9110 §13.1.3 no date", IMS, "yesterday", whole()),
        one(
            "9110 §5.6.7 RFC 850",
            IMS,
            "Tuesday, 14-Nov-23 22:13:20 GMT",
            not_modified(),
        ),
        one(
            "9110 §5.6.7 asctime",
            IMS,
            "Tue Nov 14 22:13:20 2023",
            not_modified(),
        ),
        two(
            "9110 §13.1.3 not beside If-None-Match",
            (IMS, DATE),
            (INM, OTHER),
            whole(),
        ),
        two(
            "9110 §13.1.3 nor the other way",
            (IMS, SECOND_BEFORE),
            (INM, TAG),
            not_modified(),
        ),
        Row {
            section: "9110 §13.1.3 on HEAD",
            request: head(&[&field(IMS, DATE)]),
            expected: not_modified(),
        },
        // If-Unmodified-Since.
        one("9110 §13.1.4 the date", IUS, DATE, whole()),
        one("9110 §13.1.4 a later date", IUS, SECOND_AFTER, whole()),
        one("9110 §13.1.4 an earlier date", IUS, SECOND_BEFORE, failed()),
        one("9110 §13.1.4 no date", IUS, "yesterday", whole()),
        two(
            "9110 §13.1.4 not beside If-Match",
            (IM, TAG),
            (IUS, SECOND_BEFORE),
            whole(),
        ),
        two(
            "9110 §13.1.4 nor the other way",
            (IM, OTHER),
            (IUS, DATE),
            failed(),
        ),
        // The order.
        two(
            "9110 §13.2.2 If-Match goes first",
            (INM, TAG),
            (IM, OTHER),
            failed(),
        ),
        two(
            "9110 §13.2.2 both hold",
            (INM, TAG),
            (IM, TAG),
            not_modified(),
        ),
        two(
            "9110 §13.2.2 412 before 304",
            (IMS, DATE),
            (IUS, SECOND_BEFORE),
            failed(),
        ),
        two(
            "9110 §13.2.2 then 304",
            (IMS, DATE),
            (IUS, DATE),
            not_modified(),
        ),
        two("9110 §13.2.2 then 200", (INM, OTHER), (IM, TAG), whole()),
        // Only a response that would be a success has conditions.
        Row {
            section: "9110 §13.2.1 not on a 404",
            request: request("GET", "/none", &["If-Match: \"x\""]),
            expected: error(404, "File not found", "Nothing matches the given URI", ""),
        },
        Row {
            section: "9110 §13.2.1 nor on a method that is not there",
            request: request("PUT", "/ten.txt", &["If-Match: \"x\""]),
            expected: error(
                501,
                "Unsupported method ('PUT')",
                "Server does not support this operation",
                "",
            ),
        },
        Row {
            section: "9110 §8.8.3 an empty file has a tag",
            request: request("GET", "/empty.txt", &["If-None-Match: \"0-6553f100.0\""]),
            expected: not_modified().replace(TAG, "\"0-6553f100.0\""),
        },
    ]
}
