//! The field names that this crate sends or reads, in the letter case that CPython sends.

use super::HeaderName;

/// Defines the constants.
macro_rules! names {
    ($($constant:ident = $text:literal;)*) => {
        $(#[doc = concat!("`", $text, "`")]
        pub const $constant: HeaderName<'static> = HeaderName::from_static($text);)*
    };
}

names! {
    ACCEPT = "Accept";
    ACCEPT_ENCODING = "Accept-Encoding";
    ACCEPT_RANGES = "Accept-Ranges";
    ACCESS_CONTROL_ALLOW_CREDENTIALS = "Access-Control-Allow-Credentials";
    ACCESS_CONTROL_ALLOW_HEADERS = "Access-Control-Allow-Headers";
    ACCESS_CONTROL_ALLOW_METHODS = "Access-Control-Allow-Methods";
    ACCESS_CONTROL_ALLOW_ORIGIN = "Access-Control-Allow-Origin";
    ACCESS_CONTROL_ALLOW_PRIVATE_NETWORK = "Access-Control-Allow-Private-Network";
    ACCESS_CONTROL_EXPOSE_HEADERS = "Access-Control-Expose-Headers";
    ACCESS_CONTROL_MAX_AGE = "Access-Control-Max-Age";
    ACCESS_CONTROL_REQUEST_HEADERS = "Access-Control-Request-Headers";
    ACCESS_CONTROL_REQUEST_METHOD = "Access-Control-Request-Method";
    ACCESS_CONTROL_REQUEST_PRIVATE_NETWORK = "Access-Control-Request-Private-Network";
    AUTHORIZATION = "Authorization";
    CACHE_CONTROL = "Cache-Control";
    CONNECTION = "Connection";
    CONTENT_ENCODING = "Content-Encoding";
    CONTENT_LANGUAGE = "Content-Language";
    CONTENT_LENGTH = "Content-Length";
    CONTENT_RANGE = "Content-Range";
    CONTENT_SECURITY_POLICY = "Content-Security-Policy";
    CONTENT_TYPE = "Content-Type";
    COOKIE = "Cookie";
    CROSS_ORIGIN_EMBEDDER_POLICY = "Cross-Origin-Embedder-Policy";
    CROSS_ORIGIN_OPENER_POLICY = "Cross-Origin-Opener-Policy";
    CROSS_ORIGIN_RESOURCE_POLICY = "Cross-Origin-Resource-Policy";
    DATE = "Date";
    ETAG = "ETag";
    EXPECT = "Expect";
    HOST = "Host";
    IF_MATCH = "If-Match";
    IF_MODIFIED_SINCE = "If-Modified-Since";
    IF_NONE_MATCH = "If-None-Match";
    IF_RANGE = "If-Range";
    IF_UNMODIFIED_SINCE = "If-Unmodified-Since";
    LAST_MODIFIED = "Last-Modified";
    LOCATION = "Location";
    ORIGIN = "Origin";
    RANGE = "Range";
    REFERER = "Referer";
    RETRY_AFTER = "Retry-After";
    SERVER = "Server";
    STATUS = "Status";
    TE = "TE";
    TRAILER = "Trailer";
    TRANSFER_ENCODING = "Transfer-Encoding";
    UPGRADE = "Upgrade";
    USER_AGENT = "User-Agent";
    VARY = "Vary";
    WWW_AUTHENTICATE = "WWW-Authenticate";
    X_CONTENT_TYPE_OPTIONS = "X-Content-Type-Options";
}
