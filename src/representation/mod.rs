//! Representations, and which part of them a client gets (RFC 9110 §8, §13, §14): conditions and
//! ranges, whatever the source.

mod complete;
mod conditions;
mod multipart;
mod negotiation;
mod range;

pub(crate) use complete::complete;
pub use conditions::Precondition;
pub(crate) use negotiation::ListingFormat;
pub use range::Selection;
