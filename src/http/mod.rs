//! The words of HTTP, without I/O: what requests and responses are made of.

mod body;
mod date;
mod error;
mod exchange;
mod field_lines;
mod headers;
mod method;
mod number;
mod request;
mod response;
mod status;
mod surrogates;
mod target;
mod text;
mod version;

pub(crate) use body::range_length;
pub use body::{Body, FilePart};
pub use date::HttpDate;
pub use error::HttpError;
pub use exchange::{Exchange, Ready, RequestBody, Wait};
pub use field_lines::FieldLines;
pub(crate) use field_lines::members;
pub(crate) use headers::is_field;
pub use headers::name as header;
pub use headers::{HeaderName, HeaderValue, Headers};
pub use method::Method;
pub(crate) use number::{push_decimal, push_hexadecimal};
pub use request::{Request, RequestLine};
pub use response::Response;
pub use status::StatusCode;
pub(crate) use surrogates::escape as escape_surrogates;
pub use target::{RelativePath, RequestTarget};
pub(crate) use text::repr_of;
pub use text::{Latin1, Repr};
pub use version::Version;
