//! Which content codings a client accepts (RFC 9110 §12.5.3).

use super::{FieldLines, header};

/// How much the client prefers each of `codings`, in thousandths; 0 means "not acceptable".
///
/// A client that names no codings gets unencoded content. `x-gzip` is `gzip` (§8.4.1.3), and `*`
/// stands for every coding that the field does not name. An invalid weight counts as 0: such a
/// client is better served with unencoded content.
pub(crate) fn coding_weights<const N: usize>(
    fields: FieldLines<'_>,
    codings: [&str; N],
) -> [u16; N] {
    let mut others = 0;
    let mut weights = [None; N];
    for member in fields.list(header::ACCEPT_ENCODING) {
        let mut parts = member.split(|&byte| byte == b';').map(<[u8]>::trim_ascii);
        let name = parts.next().unwrap_or_default();
        let weight = match parts.next() {
            None => 1000,
            Some(parameter) => parse_weight(parameter).unwrap_or(0),
        };
        if name == b"*" {
            others = weight;
        }
        for (known, coding) in weights.iter_mut().zip(codings) {
            if known.is_none() && is_called(name, coding) {
                *known = Some(weight);
            }
        }
    }
    weights.map(|weight| weight.unwrap_or(others))
}

/// The same for a single coding.
pub(crate) fn coding_weight(fields: FieldLines<'_>, coding: &str) -> u16 {
    let [weight] = coding_weights(fields, [coding]);
    weight
}

fn is_called(name: &[u8], coding: &str) -> bool {
    name.eq_ignore_ascii_case(coding.as_bytes())
        || coding == "gzip" && name.eq_ignore_ascii_case(b"x-gzip")
}

/// Whether the client names HTML among the types it accepts (§12.5.1), as browsers do when they
/// navigate to a page. `*/*`, which scripts and programs send, does not count.
pub(crate) fn names_html(fields: FieldLines<'_>) -> bool {
    fields.list(header::ACCEPT).any(|member| {
        let mut parts = member.split(|&byte| byte == b';').map(<[u8]>::trim_ascii);
        let is_html = parts
            .next()
            .is_some_and(|name| name.eq_ignore_ascii_case(b"text/html"));
        is_html && parts.all(|parameter| parse_weight(parameter) != Some(0))
    })
}

/// `q=0.123` (§12.4.2) in thousandths.
pub(crate) fn parse_weight(parameter: &[u8]) -> Option<u16> {
    let [b'q' | b'Q', b'=', whole @ (b'0' | b'1'), fraction @ ..] = parameter else {
        return None;
    };
    let digits = match fraction {
        [] => fraction,
        [b'.', digits @ ..] if digits.len() <= 3 => digits,
        _ => return None,
    };
    let mut weight = u16::from(*whole - b'0');
    for place in 0..3 {
        let digit = digits.get(place).copied().unwrap_or(b'0');
        weight = weight * 10 + digit.is_ascii_digit().then(|| u16::from(digit - b'0'))?;
    }
    (weight <= 1000).then_some(weight)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::FieldLine;

    #[test]
    fn the_weight_of_a_coding_is_what_the_client_says() {
        for (value, gzip, br) in [
            ("gzip, deflate, br, zstd", 1000, 1000),
            ("GZip", 1000, 0),
            ("x-gzip", 1000, 0),
            ("gzip;q=0", 0, 0),
            ("gzip;q=0.000", 0, 0),
            ("gzip; q=0.5, br;Q=1.0", 500, 1000),
            ("*", 1000, 1000),
            ("*;q=0.1", 100, 100),
            ("gzip;q=0, *", 0, 1000),
            ("*, gzip;q=0.001", 1, 1000),
            ("identity", 0, 0),
            ("", 0, 0),
            ("gzip;q=2", 0, 0),
            ("gzip;q=1.001", 0, 0),
            ("gzip;q=0.1234", 0, 0),
            ("gzip;q=0.a", 0, 0),
            ("gzip;level=9", 0, 0),
            ("gzipped, xgzip", 0, 0),
        ] {
            let lines = [FieldLine::new("accept-encoding", value.as_bytes())];
            let weight = |coding| coding_weight(FieldLines::new(&lines), coding);
            assert_eq!((weight("gzip"), weight("br")), (gzip, br), "{value:?}");
        }
        assert_eq!(coding_weight(FieldLines::default(), "gzip"), 0);
    }

    #[test]
    fn a_navigation_names_html() {
        for (value, expected) in [
            (
                "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
                true,
            ),
            ("TEXT/HTML", true),
            ("application/json, text/html;level=1;q=0.1", true),
            ("text/html;q=0", false),
            ("text/html; q=0.000, */*", false),
            ("*/*", false),
            ("text/*", false),
            ("text/htmlx", false),
            ("", false),
        ] {
            let lines = [FieldLine::new("Accept", value.as_bytes())];
            assert_eq!(names_html(FieldLines::new(&lines)), expected, "{value}");
        }
        assert!(!names_html(FieldLines::default()));
    }
}
