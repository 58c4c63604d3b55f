use super::asking::{Answer, Fields, answer, check_whole, fill_in, name};
use crate::http::{HttpDate, header};

const CONDITIONS: [&str; 4] = [
    "If-Match",
    "If-None-Match",
    "If-Modified-Since",
    "If-Unmodified-Since",
];

/// Conditions: the file comes whole unless a condition that is there says otherwise.
pub fn preconditions(data: &[u8]) {
    let Some((&choice, rest)) = data.split_first() else {
        return;
    };
    let name = name(choice);
    let plain = answer(name, &Fields::new());
    let values: Vec<Vec<u8>> = rest
        .split(|&byte| byte == b'\n')
        .map(|line| fill_in(line.get(1..).unwrap_or_default(), &plain))
        .collect();
    let fields: Fields<'_> = rest
        .split(|&byte| byte == b'\n')
        .zip(&values)
        .filter_map(|(line, value)| {
            let name = CONDITIONS.get(usize::from(line.first()?.checked_sub(b'0')?))?;
            Some((*name, value.as_slice()))
        })
        .collect();
    let values_of = |wanted: &'static str| {
        fields
            .iter()
            .filter(move |(name, _)| *name == wanted)
            .map(|(_, value)| *value)
    };
    let has = |wanted| values_of(wanted).next().is_some();

    let answer = answer(name, &fields);
    if let Some(expected) = expected(&plain, &fields) {
        assert_eq!(answer.status, expected, "{fields:?}");
    }
    match answer.status {
        200 => {
            check_whole(&answer, name);
            // A tag that is the file's own, and alone, always counts.
            let own = plain.field(header::ETAG);
            let is_own = |value: &[u8]| value == b"*" || Some(value) == own.as_deref();
            assert!(!values_of("If-None-Match").any(is_own) || own.is_none());
        }
        304 => {
            assert!(answer.body.is_empty());
            assert!(has("If-None-Match") || has("If-Modified-Since"));
        }
        412 => assert!(has("If-Match") || has("If-Unmodified-Since")),
        other => unreachable!("{other} for conditions"),
    }
}

/// The status by RFC 9110 §13.2.2, where every condition is simple enough to tell.
fn expected(plain: &Answer, fields: &Fields<'_>) -> Option<u16> {
    // A file that was changed just now has a weak tag, which a moment later is a strong one.
    let own = plain
        .field(header::ETAG)
        .filter(|tag| !tag.starts_with(b"W/"))?;
    let modified = HttpDate::parse(&plain.field(header::LAST_MODIFIED)?)?;
    let [if_match, if_none_match, if_modified, if_unmodified] = CONDITIONS.map(|wanted| {
        let values = fields.iter().filter(|(name, _)| *name == wanted);
        values.map(|(_, value)| *value).collect::<Vec<_>>()
    });
    if [&if_match, &if_none_match, &if_modified, &if_unmodified]
        .iter()
        .any(|values| values.len() > 1)
    {
        return None;
    }
    let strong = |tag: &&[u8]| *tag == b"*" || *tag == own;
    let weak = |tag: &&[u8]| strong(&tag.strip_prefix(b"W/").unwrap_or(tag));
    let holds = match (if_match.first(), if_unmodified.first()) {
        (Some(tags), _) => simple_tags(tags)?.iter().any(strong),
        (None, Some(date)) => modified <= HttpDate::parse(date)?,
        (None, None) => true,
    };
    let is_current = match (if_none_match.first(), if_modified.first()) {
        (Some(tags), _) => simple_tags(tags)?.iter().any(weak),
        (None, Some(date)) => modified <= HttpDate::parse(date)?,
        (None, None) => false,
    };
    Some(match (holds, is_current) {
        (false, _) => 412,
        (true, true) => 304,
        (true, false) => 200,
    })
}

/// The members of a list of tags, or of `*` alone; `None` where a comma or quote could be read in
/// two ways.
fn simple_tags(list: &[u8]) -> Option<Vec<&[u8]>> {
    if list == b"*" {
        return Some(vec![list]);
    }
    list.split(|&byte| byte == b',')
        .map(<[u8]>::trim_ascii)
        .map(|tag| {
            let quoted = tag.strip_prefix(b"W/").unwrap_or(tag);
            let opaque = quoted.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
            let is_simple = opaque
                .iter()
                .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-');
            is_simple.then_some(tag)
        })
        .collect()
}
