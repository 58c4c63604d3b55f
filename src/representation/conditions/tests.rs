use super::*;
use crate::http::{FieldLine, FileState, HeaderValue, Timestamp};

const MOMENT: i64 = 784_111_777;
const NOW: i64 = MOMENT + 1_000;
const SAME: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
const AFTER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";
const TAG: &str = "\"400-2ebc98a1.5\"";

fn date(seconds: i64) -> HttpDate {
    HttpDate::from_unix(seconds).expect("a year with four digits")
}

/// A file that was modified at that time and has been left alone since.
fn of(size: u64, seconds: i64, nanoseconds: u32, now: i64) -> Validators {
    let modified = Timestamp {
        seconds,
        nanoseconds,
    };
    let changed = Timestamp {
        seconds: seconds.min(now - 3),
        nanoseconds,
    };
    let state = FileState {
        size,
        modified,
        changed,
    };
    Validators::of_state(&state, date(now))
}

fn tag(validators: &Validators) -> String {
    let etag = validators.etag().expect("it has a tag");
    String::from_utf8_lossy(etag.as_bytes()).into_owned()
}

fn evaluate(validators: &Validators, fields: &[(&'static str, &str)]) -> Precondition {
    let lines: Vec<_> = fields
        .iter()
        .map(|(name, value)| FieldLine::new(name, value.as_bytes()))
        .collect();
    validators.evaluate(Method::GET, FieldLines::new(&lines))
}

#[test]
fn conditions_are_evaluated_in_the_order_of_rfc_9110() {
    use Precondition::{Failed, Holds, HoldsForWhole, NotModified};
    const IM: &str = "If-Match";
    const IUS: &str = "If-Unmodified-Since";
    const INM: &str = "If-None-Match";
    const IMS: &str = "If-Modified-Since";
    const IR: &str = "If-Range";
    const WEAK: &str = "W/\"400-2ebc98a1.5\"";
    const OTHER: &str = "\"other\"";
    let validators = of(1024, MOMENT, 5, NOW);
    let table: &[(&[(&str, &str)], Precondition)] = &[
        (&[], Holds),
        // §13.1.1, strong comparison.
        (&[(IM, TAG)], Holds),
        (&[(IM, "*")], Holds),
        (&[(IM, WEAK)], Failed),
        (&[(IM, OTHER)], Failed),
        (&[(IM, "")], Failed),
        (&[(IM, "400-2ebc98a1.5")], Failed),
        (&[(IM, "\"a,b\" , \"400-2ebc98a1.5\"")], Holds),
        (&[(IM, OTHER), (IM, TAG)], Holds),
        // §13.1.4; ignored beside If-Match, or when it is not a date.
        (&[(IUS, SAME)], Holds),
        (&[(IUS, AFTER)], Holds),
        (&[(IUS, BEFORE)], Failed),
        (&[(IUS, "yesterday")], Holds),
        (&[(IM, TAG), (IUS, BEFORE)], Holds),
        (&[(IM, OTHER), (IUS, SAME)], Failed),
        // §13.1.2, weak comparison.
        (&[(INM, TAG)], NotModified),
        (&[(INM, WEAK)], NotModified),
        (&[(INM, "*")], NotModified),
        (&[(INM, OTHER)], Holds),
        (&[(INM, "")], Holds),
        (&[(INM, "\"400-2ebc98a1.5")], Holds),
        (&[(INM, "w/\"400-2ebc98a1.5\"")], Holds),
        (&[(INM, "\"x\",,\t W/\"400-2ebc98a1.5\",")], NotModified),
        (&[(INM, "\"a, \\\", \"400-2ebc98a1.5\"")], Holds),
        (&[(INM, "\"a,\\\",\"400-2ebc98a1.5\"")], NotModified),
        (&[(INM, "\"400-2ebc98a1.5\"x")], Holds),
        (&[(INM, OTHER), (INM, TAG)], NotModified),
        // §13.1.3; ignored beside If-None-Match, or when it is not a date.
        (&[(IMS, SAME)], NotModified),
        (&[(IMS, AFTER)], NotModified),
        (&[(IMS, BEFORE)], Holds),
        (&[(IMS, "soon")], Holds),
        (&[(IMS, SAME), (INM, OTHER)], Holds),
        (&[(IMS, BEFORE), (INM, TAG)], NotModified),
        // §13.2.2: 412 before 304, each pair on its own.
        (&[(INM, TAG), (IM, OTHER)], Failed),
        (&[(INM, TAG), (IM, TAG)], NotModified),
        (&[(IMS, SAME), (IUS, BEFORE)], Failed),
        (&[(IMS, SAME), (IUS, SAME)], NotModified),
        (&[(IMS, BEFORE), (IUS, SAME)], Holds),
        // §13.1.5, strong comparison, exactly the same date.
        (&[(IR, TAG)], Holds),
        (&[(IR, WEAK)], HoldsForWhole),
        (&[(IR, OTHER)], HoldsForWhole),
        (&[(IR, "*")], HoldsForWhole),
        (&[(IR, "")], HoldsForWhole),
        (&[(IR, "\"400-2ebc98a1.5\", \"x\"")], HoldsForWhole),
        (&[(IR, SAME)], Holds),
        (&[(IR, "Sunday, 06-Nov-94 08:49:37 GMT")], Holds),
        (&[(IR, BEFORE)], HoldsForWhole),
        (&[(IR, AFTER)], HoldsForWhole),
        (&[(IR, TAG), (IR, OTHER)], HoldsForWhole),
        (&[(IR, OTHER), (INM, TAG)], NotModified),
        (&[(IR, TAG), (IM, OTHER)], Failed),
    ];
    for (fields, expected) in table {
        assert_eq!(evaluate(&validators, fields), *expected, "{fields:?}");
    }
}

#[test]
fn without_a_tag_or_a_date_only_the_star_says_something() {
    let unknown = Validators::default();
    for (name, value, expected) in [
        ("If-Match", "*", Precondition::Holds),
        ("If-Match", TAG, Precondition::Failed),
        ("If-None-Match", "*", Precondition::NotModified),
        ("If-None-Match", TAG, Precondition::Holds),
        ("If-Modified-Since", SAME, Precondition::Holds),
        ("If-Unmodified-Since", SAME, Precondition::Holds),
        ("If-Range", SAME, Precondition::HoldsForWhole),
        ("If-Range", TAG, Precondition::HoldsForWhole),
    ] {
        let found = evaluate(&unknown, &[(name, value)]);
        assert_eq!(found, expected, "{name}: {value}");
    }
}

#[test]
fn a_file_that_has_just_changed_has_no_tag_and_proves_nothing() {
    let old = MOMENT - 1_000;
    for (modified, changed, has_tag, has_date) in [
        // Left alone for long enough.
        (old, old, true, true),
        (NOW - 3, NOW - 3, true, true),
        // Written a moment ago.
        (NOW, NOW, false, false),
        (NOW - 2, NOW - 2, false, false),
        // Replaced a moment ago by another of the same age.
        (old, NOW, false, false),
        (old, NOW - 2, false, false),
        // The clock was set back.
        (old, NOW + 100, false, false),
        // Dated in the future, and left alone.
        (NOW + 100, old, true, false),
        (NOW + 100, NOW, false, false),
    ] {
        let timestamp = |seconds| Timestamp {
            seconds,
            nanoseconds: 5,
        };
        let state = FileState {
            size: 1024,
            modified: timestamp(modified),
            changed: timestamp(changed),
        };
        let validators = Validators::of_state(&state, date(NOW));
        let tag = format!("\"400-{modified:x}.5\"");
        let found = validators.etag().map(HeaderValue::as_bytes);
        assert_eq!(
            found,
            has_tag.then_some(tag.as_bytes()),
            "{modified} {changed}"
        );
        let last_modified = date(modified.min(NOW)).to_string();
        for (state, counts) in [(&tag, has_tag), (&last_modified, has_date)] {
            let holds = evaluate(&validators, &[("If-Range", state)]) == Precondition::Holds;
            assert_eq!(holds, counts, "{modified} {changed} {state}");
        }
        for (condition, holds, otherwise) in [
            (
                "If-None-Match",
                Precondition::NotModified,
                Precondition::Holds,
            ),
            ("If-Match", Precondition::Holds, Precondition::Failed),
        ] {
            let expected = if has_tag { holds } else { otherwise };
            assert_eq!(evaluate(&validators, &[(condition, &tag)]), expected);
            assert_eq!(evaluate(&validators, &[(condition, "*")]), holds);
        }
    }
}

/// A method that would change the content must not do so where the client's copy is current
/// (§13.1.2).
#[test]
fn what_is_not_news_fails_where_nothing_is_read() {
    let validators = of(1024, MOMENT, 5, NOW);
    for (name, value, get, put) in [
        (
            "If-None-Match",
            "*",
            Precondition::NotModified,
            Precondition::Failed,
        ),
        (
            "If-None-Match",
            TAG,
            Precondition::NotModified,
            Precondition::Failed,
        ),
        (
            "If-None-Match",
            "\"x\"",
            Precondition::Holds,
            Precondition::Holds,
        ),
        (
            "If-Modified-Since",
            SAME,
            Precondition::NotModified,
            Precondition::Holds,
        ),
        (
            "If-Match",
            "\"x\"",
            Precondition::Failed,
            Precondition::Failed,
        ),
        (
            "If-Unmodified-Since",
            BEFORE,
            Precondition::Failed,
            Precondition::Failed,
        ),
    ] {
        let lines = [FieldLine::new(name, value.as_bytes())];
        for (method, expected) in [
            (Method::GET, get),
            (Method::HEAD, get),
            (Method::PUT, put),
            (Method::POST, put),
        ] {
            let found = validators.evaluate(method, FieldLines::new(&lines));
            assert_eq!(found, expected, "{method} {name}: {value}");
        }
    }
}

#[test]
fn the_date_is_never_in_the_future() {
    for (seconds, expected) in [
        (NOW, Some(date(NOW))),
        (NOW + 1, Some(date(NOW))),
        (253_402_300_800, Some(date(NOW))),
        (-1, Some(date(-1))),
        (-62_167_219_201, None),
    ] {
        assert_eq!(of(1, seconds, 0, NOW).last_modified(), expected);
    }
    // The comparison uses the modification time, not the date that could be sent for it.
    let future = of(1, NOW + 10, 0, NOW);
    for (name, seconds, expected) in [
        ("If-Modified-Since", NOW + 5, Precondition::Holds),
        ("If-Modified-Since", NOW + 10, Precondition::NotModified),
        ("If-Unmodified-Since", NOW + 5, Precondition::Failed),
    ] {
        let found = evaluate(&future, &[(name, &date(seconds).to_string())]);
        assert_eq!(found, expected, "{name}: {seconds}");
    }
}

#[test]
fn different_states_have_different_tags() {
    let numbers = [0, 1, 0x10, 0x11, 0x1_0000, 0x1_1111, 0x2ebc_9ca1];
    let mut tags = std::collections::BTreeSet::new();
    let mut count = 0;
    for size in numbers.into_iter().chain([u64::MAX]) {
        for seconds in numbers {
            let seconds = i64::try_from(seconds).expect("it is small");
            for seconds in [seconds, -1 - seconds] {
                for nanoseconds in [0, 1, 0x10, 0x11, 999_999_999] {
                    tags.insert(tag(&of(size, seconds, nanoseconds, NOW)));
                    count += 1;
                }
            }
        }
    }
    assert_eq!(tags.len(), count);
    assert!(tags.iter().all(|tag| tag.len() <= 64), "{tags:?}");
}

#[test]
fn a_tag_that_a_handler_gives_counts() {
    let file = of(1024, MOMENT, 5, NOW);
    let given = file.clone().with_etag(b"\"mine\"");
    let expected = Precondition::NotModified;
    assert_eq!(evaluate(&given, &[("If-None-Match", "\"mine\"")]), expected);
    assert_eq!(evaluate(&given, &[("If-Match", TAG)]), Precondition::Failed);
    for bad in ["mine", "\"a\" ", "\"a\",\"b\"", "\"a b\"", ""] {
        assert!(file.clone().with_etag(bad.as_bytes()).etag().is_none());
    }
}
