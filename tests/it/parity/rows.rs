//! What `tests/parity/record.py` recorded.

use super::replay::{Case, Exchange};
use crate::support::{AfterSending, Ending, Latin1};
use serde::Deserialize;

/// A line of `rows.jsonl`.
#[derive(Debug, Deserialize)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) protocol: String,
    request: Request,
    #[serde(default = "yes")]
    half_close: bool,
    /// What CPython answered and logged; nothing where it must not be asked, and no log where it
    /// crashed.
    #[serde(flatten)]
    reference: Recorded,
    pub(super) difference: Option<String>,
    /// What rhttp is to answer in its own way.
    expected: Option<Recorded>,
}

/// A response and what was logged.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
pub(crate) struct Recorded {
    #[serde(default)]
    pub(crate) response: Latin1,
    #[serde(default)]
    pub(crate) log: Vec<Latin1>,
}

/// The bytes of a request, in one piece or in several.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Request {
    Whole(Latin1),
    Pieces(Vec<Piece>),
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Piece {
    Text(Latin1),
    Repeated { repeat: Latin1, times: usize },
}

fn yes() -> bool {
    true
}

/// All rows, in the order of the file.
pub(super) fn rows() -> Vec<Row> {
    include_str!("../../parity/rows.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

impl Row {
    pub(super) fn title(&self) -> String {
        format!("{}, {}", self.protocol, self.name)
    }

    pub(super) fn case(&self) -> Case {
        let after = if self.half_close {
            AfterSending::HalfClose
        } else {
            AfterSending::StayOpen
        };
        Case {
            name: self.name.clone(),
            pieces: self.request.pieces(),
            after,
        }
    }

    /// What CPython answered when the row was recorded.
    pub(super) fn recorded(&self) -> Exchange {
        self.reference.exchange()
    }

    /// What rhttp is to answer, but for the fields that it adds.
    pub(super) fn expected_of_rhttp(&self) -> Exchange {
        assert_eq!(
            self.difference.is_some(),
            self.expected.is_some(),
            "{}",
            self.name
        );
        self.expected.as_ref().unwrap_or(&self.reference).exchange()
    }
}

impl Recorded {
    fn exchange(&self) -> Exchange {
        Exchange {
            response: self.response.0.clone(),
            ending: Ending::Closed,
            log: self.log.iter().map(|line| line.0.clone()).collect(),
        }
    }
}

impl Request {
    pub(crate) fn pieces(&self) -> Vec<Vec<u8>> {
        match self {
            Self::Whole(text) => vec![text.0.clone()],
            Self::Pieces(pieces) => pieces.iter().map(Piece::bytes).collect(),
        }
    }
}

impl Piece {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Text(text) => text.0.clone(),
            Self::Repeated { repeat, times } => repeat.0.repeat(*times),
        }
    }
}
