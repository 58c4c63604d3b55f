//! Whether a connection persists (RFC 9112 §9): pure functions from facts to decisions.
//!
//! There are two decisions. Before a response is sent, its head must say whether the connection
//! persists ([`Facts::persistence`]). After it was sent, what has happened in the meantime decides
//! whether the connection does persist, and how it is closed if not ([`next`]).

use super::ResponseFraming;
use crate::http::{FieldLines, Headers, Method, RequestLine, Version, header, members};

/// What the client expects of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expectation {
    /// It may send another request.
    Persists,
    /// The same, but in HTTP/1.0, where this is not the default: it waits to be told.
    AsksToPersist,
    /// It expects the end of the connection, but more may still arrive from it.
    Closes,
    /// The same, and nothing more will arrive: it asked to close (§9.6), and GET and HEAD cannot be
    /// followed by an unannounced body.
    IsDone,
}

/// What is known before a response is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts {
    /// What the client expects.
    pub(crate) expectation: Expectation,
    /// This is the connection's last response, whatever the client expects: the server drains or
    /// has evicted it.
    pub(crate) is_last: bool,
    /// The request's body was read, or the rest of it can be discarded afterwards.
    pub(crate) body_is_bounded: bool,
    /// What the response needs.
    pub(crate) response: ResponseEnd,
}

/// What a response needs from the end of its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResponseEnd {
    /// Nothing: the response delimits itself.
    Own,
    /// It says `Connection: close` itself.
    SaysClose,
    /// The end of the connection is the end of its body.
    IsBodyEnd,
}

impl ResponseEnd {
    /// The end of a response with these fields.
    pub(crate) fn of(headers: &Headers, framing: ResponseFraming) -> Self {
        let mut options = headers.get_all(header::CONNECTION).flat_map(members);
        if options.any(|option| option.eq_ignore_ascii_case(b"close")) {
            Self::SaysClose
        } else if framing == ResponseFraming::Close {
            Self::IsBodyEnd
        } else {
            Self::Own
        }
    }
}

/// What the head of a response says about the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Persistence {
    /// It persists, which is the default.
    Persists,
    /// It persists, which the client must be told.
    AnnouncesKeepAlive,
    /// It closes, which the client must be told.
    AnnouncesClose,
    /// It closes, which the client knows or the response already says.
    Closes,
}

impl Persistence {
    /// Whether the next request is read.
    pub(crate) fn persists(self) -> bool {
        matches!(self, Self::Persists | Self::AnnouncesKeepAlive)
    }
}

/// What has happened by the time a response has been sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delivery {
    /// All of the response was sent.
    pub(crate) is_whole: bool,
    /// All of the request's body was read.
    pub(crate) body_is_read: bool,
    /// More bytes have arrived than the request needed.
    pub(crate) has_unread: bool,
}

/// What becomes of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// The next request is read.
    Keep,
    /// It is closed.
    Close(CloseReason),
}

/// Why no further request is read from a connection; it decides how the connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CloseReason {
    /// A response could not be sent whole: the client must be able to tell.
    Cut,
    /// The client is done, too slow, or gone: there is nothing to wait for.
    Ended,
    /// The last response was sent; the client may still be sending.
    Answered,
    /// The last response was sent, and the client will send nothing more.
    Agreed,
}

impl Expectation {
    /// What a request says (§9.3).
    ///
    /// Unlike CPython, `Connection` is read as a list, which it is.
    pub(crate) fn of(line: &RequestLine<'_>, fields: FieldLines<'_>, server: Version) -> Self {
        let (mut closes, mut keeps_alive) = (false, line.version >= Version::HTTP_11);
        for value in fields.get_all(header::CONNECTION) {
            // This is what browsers send.
            if value == b"keep-alive" {
                keeps_alive = true;
                continue;
            }
            for option in members(value) {
                closes |= option.eq_ignore_ascii_case(b"close");
                keeps_alive |= option.eq_ignore_ascii_case(b"keep-alive");
            }
        }
        let persists = line.version >= Version::HTTP_10 && keeps_alive && !closes;
        match persists {
            true if server < Version::HTTP_11 => Self::Closes,
            true if line.version < Version::HTTP_11 => Self::AsksToPersist,
            true => Self::Persists,
            false if line.version < Version::HTTP_10 => Self::Closes,
            false if matches!(line.method, Method::GET | Method::HEAD) => Self::IsDone,
            false => Self::Closes,
        }
    }

    /// What to assume of a client whose request was not understood.
    pub(crate) fn of_rejected(request: Version, server: Version) -> Self {
        if request.min(server) >= Version::HTTP_11 {
            Self::Persists
        } else {
            Self::Closes
        }
    }
}

impl Facts {
    /// What the response's head says.
    pub(crate) fn persistence(self) -> Persistence {
        let is_possible =
            !self.is_last && self.body_is_bounded && self.response == ResponseEnd::Own;
        match self.expectation {
            Expectation::Closes | Expectation::IsDone => Persistence::Closes,
            _ if self.response == ResponseEnd::SaysClose => Persistence::Closes,
            _ if !is_possible => Persistence::AnnouncesClose,
            Expectation::AsksToPersist => Persistence::AnnouncesKeepAlive,
            Expectation::Persists => Persistence::Persists,
        }
    }
}

/// What becomes of a connection after a response whose head said `persistence`.
///
/// A connection that was to persist is closed unannounced if the body of the request could not be
/// read after all; a client has to expect that at any time (§9.6).
pub(crate) fn next(persistence: Persistence, expectation: Expectation, delivery: Delivery) -> Next {
    let Delivery {
        is_whole,
        body_is_read,
        has_unread,
    } = delivery;
    match expectation {
        _ if !is_whole => Next::Close(CloseReason::Cut),
        _ if persistence.persists() && body_is_read => Next::Keep,
        Expectation::IsDone if body_is_read && !has_unread => Next::Close(CloseReason::Agreed),
        _ => Next::Close(CloseReason::Answered),
    }
}

/// Whether the client waits for `100 Continue` before it sends its body (RFC 9110 §10.1.1).
pub(crate) fn expects_continue(
    line: &RequestLine<'_>,
    fields: FieldLines<'_>,
    server: Version,
) -> bool {
    // CPython compares the words, so `HTTP/01.1` does not count.
    let spoken = || line.text.words().last().unwrap_or_default();
    fields
        .get(header::EXPECT)
        .is_some_and(|expect| expect.eq_ignore_ascii_case(b"100-continue"))
        && server >= Version::HTTP_11
        && line.version != Version::HTTP_09
        && spoken().as_bytes() >= b"HTTP/1.1".as_slice()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{FieldLine, Latin1, RequestTarget};

    #[test]
    fn clients_say_what_they_expect_by_version_and_options() {
        use Expectation::{AsksToPersist, Closes, IsDone, Persists};
        const C: &str = "Connection";
        let get = Method::GET;
        for (method, version, fields, expected) in [
            (get, Version::HTTP_11, &[][..], Persists),
            (get, Version::HTTP_11, &[(C, "close")], IsDone),
            (get, Version::HTTP_11, &[(C, "foo, CLOSE")], IsDone),
            (get, Version::HTTP_11, &[(C, "keep-alive, close")], IsDone),
            (get, Version::HTTP_11, &[(C, "foo"), (C, "close")], IsDone),
            (Method::POST, Version::HTTP_11, &[(C, "close")], Closes),
            (get, Version::HTTP_10, &[], IsDone),
            (Method::HEAD, Version::HTTP_10, &[], IsDone),
            (Method::POST, Version::HTTP_10, &[], Closes),
            (get, Version::HTTP_10, &[(C, "Keep-Alive")], AsksToPersist),
            (get, Version::HTTP_09, &[], Closes),
            (get, Version::HTTP_09, &[(C, "keep-alive")], Closes),
        ] {
            let lines: Vec<_> = fields
                .iter()
                .map(|&(name, value)| FieldLine::new(name, value.as_bytes()))
                .collect();
            let line = RequestLine {
                text: Latin1::new(b""),
                method,
                target: RequestTarget::new(b"/"),
                version,
            };
            let client = |server| Expectation::of(&line, FieldLines::new(&lines), server);
            assert_eq!(client(Version::HTTP_11), expected, "{version} {fields:?}");
            let kept = matches!(client(Version::HTTP_10), Persists | AsksToPersist);
            assert!(!kept, "{version} {fields:?}");
        }
    }

    #[test]
    fn the_head_says_what_the_client_does_not_know() {
        use Persistence::{AnnouncesClose, AnnouncesKeepAlive, Closes};
        let usual = Facts {
            expectation: Expectation::Persists,
            is_last: false,
            body_is_bounded: true,
            response: ResponseEnd::Own,
        };
        let last = Facts {
            is_last: true,
            ..usual
        };
        let unread = Facts {
            body_is_bounded: false,
            ..usual
        };
        let endless = Facts {
            response: ResponseEnd::IsBodyEnd,
            ..usual
        };
        let said = Facts {
            response: ResponseEnd::SaysClose,
            ..last
        };
        for (facts, kept, asked) in [
            (usual, Persistence::Persists, AnnouncesKeepAlive),
            (last, AnnouncesClose, AnnouncesClose),
            (unread, AnnouncesClose, AnnouncesClose),
            (endless, AnnouncesClose, AnnouncesClose),
            (said, Closes, Closes),
        ] {
            for (expectation, expected) in [
                (Expectation::Persists, kept),
                (Expectation::AsksToPersist, asked),
                (Expectation::Closes, Closes),
                (Expectation::IsDone, Closes),
            ] {
                let facts = Facts {
                    expectation,
                    ..facts
                };
                assert_eq!(facts.persistence(), expected, "{facts:?}");
            }
        }
    }

    #[test]
    fn a_connection_goes_on_only_where_the_next_request_can_be_found() {
        use CloseReason::{Agreed, Answered, Cut};
        use Persistence::{AnnouncesClose, AnnouncesKeepAlive, Closes, Persists};
        let good = Delivery {
            is_whole: true,
            body_is_read: true,
            has_unread: false,
        };
        let cut = Delivery {
            is_whole: false,
            ..good
        };
        let unread_body = Delivery {
            body_is_read: false,
            ..good
        };
        let more = Delivery {
            has_unread: true,
            ..good
        };
        for (persistence, client, delivery, expected) in [
            (Persists, Expectation::Persists, good, Next::Keep),
            (Persists, Expectation::Persists, more, Next::Keep),
            (
                AnnouncesKeepAlive,
                Expectation::AsksToPersist,
                good,
                Next::Keep,
            ),
            (
                Persists,
                Expectation::Persists,
                unread_body,
                Next::Close(Answered),
            ),
            (Persists, Expectation::Persists, cut, Next::Close(Cut)),
            (
                AnnouncesClose,
                Expectation::Persists,
                good,
                Next::Close(Answered),
            ),
            (Closes, Expectation::Closes, good, Next::Close(Answered)),
            (Closes, Expectation::IsDone, good, Next::Close(Agreed)),
            (Closes, Expectation::IsDone, more, Next::Close(Answered)),
            (
                Closes,
                Expectation::IsDone,
                unread_body,
                Next::Close(Answered),
            ),
            (Closes, Expectation::IsDone, cut, Next::Close(Cut)),
        ] {
            let found = next(persistence, client, delivery);
            assert_eq!(found, expected, "{persistence:?} {client:?} {delivery:?}");
        }
    }
}
