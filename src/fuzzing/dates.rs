use crate::http::HttpDate;

/// Dates: what is read can be written, and reads the same again.
pub fn dates(data: &[u8]) {
    if let Some(date) = HttpDate::parse(data) {
        let text = date.to_string();
        assert_eq!(HttpDate::parse(text.as_bytes()), Some(date), "{text}");
    }
    if let Some(seconds) = data.first_chunk().map(|bytes| i64::from_le_bytes(*bytes))
        && let Some(date) = HttpDate::from_unix(seconds)
    {
        assert_eq!(date.as_unix(), seconds);
        let text = date.to_string();
        assert_eq!(text.len(), "Sun, 06 Nov 1994 08:49:37 GMT".len(), "{text}");
        // Before 1970, a date can be told but is never newer than what a client has.
        if seconds >= 0 {
            assert_eq!(HttpDate::parse(text.as_bytes()), Some(date), "{text}");
        }
    }
}
