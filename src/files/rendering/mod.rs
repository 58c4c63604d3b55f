//! A listing as text: CPython's page, the page for people, JSON. Each format is one function, as is the
//! upload form.

mod classic;
mod form;
mod heading;
mod json;
mod name;
mod page;
mod size;
mod time;

pub(crate) use classic::classic;
pub(crate) use form::{POLICY as FORM_POLICY, form};
pub(crate) use json::json;
pub(crate) use page::{Links, page};

use super::reservation::{Reservation, grow};
use super::unavailable::Unavailable;
use crate::http::blocks::{all, between, letters, one_of, printable};
use crate::http::{Body, escape_surrogates};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use std::collections::TryReserveError;
use std::mem;
use std::sync::Arc;

/// What `urllib.parse.quote` leaves as it is, beside letters and digits.
const UNQUOTED: [u8; 5] = *b"_.-~/";
/// What it encodes: everything else.
const QUOTED: &AsciiSet = &{
    let [a, b, c, d, e] = UNQUOTED;
    let set = NON_ALPHANUMERIC.remove(a).remove(b);
    set.remove(c).remove(d).remove(e)
};

/// The most bytes that one byte of a name takes in a link: an undecodable byte is a lone surrogate, `%ED%B2%80`.
const LONGEST_LINK: usize = 9;
/// And in text: `&amp;`.
const LONGEST_TEXT: usize = 5;

/// A listing as text. It keeps its reservation until it is sent.
#[derive(Debug)]
pub(crate) struct Rendering {
    bytes: Vec<u8>,
    reservation: Reservation,
}

impl Rendering {
    /// Lets it take no more memory than its bytes need.
    ///
    /// # Errors
    /// There is no memory for that; it is as it was.
    pub(super) fn drop_spare_room(&mut self) -> Result<(), TryReserveError> {
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(self.bytes.len())?;
        bytes.extend_from_slice(&self.bytes);
        self.bytes = bytes;
        Ok(())
    }
}

impl AsRef<[u8]> for Rendering {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl From<Rendering> for Body {
    fn from(rendering: Rendering) -> Self {
        if rendering.reservation.is_small() {
            return Body::from(rendering.bytes);
        }
        Body::held(rendering)
    }
}

/// A listing that others may be sent, too.
struct Shared(Arc<Rendering>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.0.bytes
    }
}

impl From<Arc<Rendering>> for Body {
    fn from(rendering: Arc<Rendering>) -> Self {
        Body::held(Shared(rendering))
    }
}

/// Text under construction. It counts against the budget for listings together with the data from
/// which it is made.
struct Writer {
    text: Vec<u8>,
    reservation: Reservation,
    /// The size of the data from which it is made.
    beside: usize,
}

impl Writer {
    /// Takes over the reservation of the source data, which has this many bytes.
    fn new(reservation: &mut Reservation, beside: usize) -> Self {
        Self {
            text: Vec::new(),
            reservation: mem::replace(reservation, Reservation::new()),
            beside,
        }
    }

    /// The text, with space for `more` bytes.
    fn room(&mut self, more: usize) -> Result<&mut Vec<u8>, Unavailable> {
        grow(&mut self.text, more)?;
        self.reservation.resize(self.beside + self.text.len())?;
        Ok(&mut self.text)
    }

    /// The text is complete, and its source data is gone.
    fn finish(mut self) -> Result<Rendering, Unavailable> {
        self.reservation.resize(self.text.len())?;
        self.reservation.end_growing();
        Ok(Rendering {
            bytes: self.text,
            reservation: self.reservation,
        })
    }
}

/// Whether a name is the same in a link and in every other text, as most are.
fn is_unquoted(name: &[u8]) -> bool {
    all(name, |block| {
        letters(block) | between(b'0', b'9', block) | one_of(UNQUOTED, block)
    })
}

/// Appends a name as it appears in a link.
fn push_link(name: &[u8], text: &mut Vec<u8>) {
    if is_unquoted(name) {
        return text.extend_from_slice(name);
    }
    for part in percent_encode(&escape_surrogates(name), QUOTED) {
        text.extend_from_slice(part.as_bytes());
    }
}

/// Whether text in a page is as it is: printable ASCII without `&`, `<` and `>`.
fn is_plain(text: &[u8]) -> bool {
    all(text, |block| printable(block) & !one_of(*b"&<>", block))
}
