//! Which of several representations of a listing a client wants (RFC 9110 §12.5.1).

use crate::http::{FieldLines, header, parse_weight};

/// A representation of a directory's listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ListingFormat {
    /// CPython's page, for clients that do not ask for another format.
    Classic,
    /// The page for people.
    Page,
    /// JSON, for programs.
    Json,
}

impl ListingFormat {
    /// The format that `Accept` asks for.
    ///
    /// Browsers name `text/html` itself with full weight; all other clients send `*/*` and get
    /// CPython's page. JSON is for a client that names it and does not prefer HTML: a range such as
    /// `*/*` beside it does not count against it.
    pub(crate) fn wanted(fields: FieldLines<'_>) -> Self {
        let (mut html, mut json) = (None, None);
        // The weight of HTML where it is not named: that of the more specific of the two ranges.
        let (mut text, mut any) = (None, None);
        for member in fields.list(header::ACCEPT) {
            let mut parts = member.split(|&byte| byte == b';').map(<[u8]>::trim_ascii);
            let range = parts.next().unwrap_or_default();
            let weight = parts
                .find(|parameter| matches!(parameter, [b'q' | b'Q', b'=', ..]))
                .map_or(1000, |weight| parse_weight(weight).unwrap_or(0));
            let named = match range.to_ascii_lowercase().as_slice() {
                b"text/html" => &mut html,
                b"application/json" => &mut json,
                b"text/*" => &mut text,
                b"*/*" => &mut any,
                _ => continue,
            };
            *named = Some(weight).max(*named);
        }
        if html == Some(1000) {
            return Self::Page;
        }
        let html = html.or(text).or(any).unwrap_or(0);
        match json {
            Some(json @ 1..) if json >= html => Self::Json,
            _ => Self::Classic,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::FieldLine;
    use ListingFormat::{Classic, Json, Page};

    #[test]
    fn a_client_gets_what_its_accept_field_names() {
        for (accept, expected) in [
            // Firefox and Chrome, Safari, Lynx.
            (
                "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8",
                Page,
            ),
            ("text/html,application/xhtml+xml,*/*;q=0.8", Page),
            ("text/html, text/plain, text/css, */*;q=0.01", Page),
            ("TEXT/HTML; charset=utf-8; Q=1.000", Page),
            ("text/html, application/json", Page),
            ("text/html;q=0.5, text/html", Page),
            // Java.
            ("text/html, image/gif, *; q=.2, */*; q=.2", Page),
            // curl, wget, Kodi; pip.
            ("*/*", Classic),
            ("", Classic),
            (
                "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, \
                 text/html; q=0.01",
                Classic,
            ),
            ("text/html;q=0.9", Classic),
            ("text/html;q=nonsense", Classic),
            ("text/*", Classic),
            ("application/xhtml+xml", Classic),
            // jq's users, fetch, axios.
            ("application/json", Json),
            ("application/json;q=0.5", Json),
            ("Application/JSON, */*", Json),
            ("application/json, text/plain, */*", Json),
            ("application/json;q=0.9, */*;q=0.1", Json),
            ("text/html;q=0.9, application/json", Json),
            ("application/json;q=0.9, text/html;q=0.9", Json),
            ("application/json;q=0.9, */*", Classic),
            ("application/json;q=0.5, text/*;q=0.8, */*;q=0.1", Classic),
            ("application/json;q=0.5, text/*;q=0.4, */*", Json),
            ("application/json;q=0", Classic),
            ("application/*", Classic),
            ("application/json-seq", Classic),
        ] {
            let lines = [FieldLine::new("Accept", accept.as_bytes())];
            let wanted = ListingFormat::wanted(FieldLines::new(&lines));
            assert_eq!(wanted, expected, "{accept:?}");
        }
        assert_eq!(ListingFormat::wanted(FieldLines::default()), Classic);
    }
}
