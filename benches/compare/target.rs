//! What is asked for, and what the answer must be.

use std::ops::Range;

pub(crate) const KIB: u64 = 1 << 10;
pub(crate) const MIB: u64 = 1 << 20;
pub(crate) const GIB: u64 = 1 << 30;

/// The file that most workloads fetch, and the only one the ceiling knows.
pub(crate) const ONE_KIB: &str = "size/1k.bin";

/// The file that is sent whole, in part, and back.
pub(crate) const ONE_GIB: &str = "size/1g.bin";
/// Many files, of which one is the first.
pub(crate) const MANY: &str = "many";
/// A directory of one file of 1 GiB.
pub(crate) const ONE: &str = "one";

/// Stands in flags for the file of passwords that the tree has beside it.
pub(crate) const PASSWORDS: &str = "PASSWORDS";
pub(crate) const USER: &str = "bench";
pub(crate) const PASSWORD: &str = "sesame";
/// Both, as a client sends them.
pub(crate) const AUTHORIZATION: &str = "Authorization: Basic YmVuY2g6c2VzYW1l";

/// The field of a client that wants one answer only.
pub(crate) const CLOSE: &str = "Connection: close";

/// The version a request is sent in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    Http10,
    Http11,
}

pub(crate) struct Target {
    pub(crate) path: String,
    pub(crate) fields: Vec<&'static str>,
    /// Fetched first: its answer gives the condition's value.
    pub(crate) condition: Option<Condition>,
    pub(crate) status: u16,
    pub(crate) expected: Expected,
}

/// A condition that holds for an unchanged file; its value is the server's own.
#[derive(Clone, Copy)]
pub(crate) enum Condition {
    Date,
    Tag,
}

/// What the body must be before anything is measured.
pub(crate) enum Expected {
    File {
        name: &'static str,
        size: u64,
        range: Option<Range<u64>>,
    },
    Names(u32),
    /// The same, of a page for people.
    Page(u32),
    /// The same, in JSON.
    Json(u32),
    /// A tar archive of this many files: the whole directory.
    Archive {
        directory: &'static str,
        files: u32,
    },
    /// It is not asked for, but sent.
    Sent,
    Text(&'static str),
    Nothing,
    Anything,
}

impl Target {
    pub(crate) fn new(path: &str, status: u16, expected: Expected) -> Self {
        let path = format!("/{path}");
        Self {
            path,
            fields: Vec::new(),
            condition: None,
            status,
            expected,
        }
    }

    pub(crate) fn file(name: &'static str, size: u64) -> Self {
        Self::new(
            name,
            200,
            Expected::File {
                name,
                size,
                range: None,
            },
        )
    }

    pub(crate) fn part(
        name: &'static str,
        size: u64,
        field: &'static str,
        range: Range<u64>,
    ) -> Self {
        let whole = Self::new(
            name,
            206,
            Expected::File {
                name,
                size,
                range: Some(range),
            },
        );
        whole.field(field)
    }

    pub(crate) fn unchanged(condition: Condition) -> Self {
        let target = Self::new(ONE_KIB, 304, Expected::Nothing);
        Self {
            condition: Some(condition),
            ..target
        }
    }

    pub(crate) fn field(mut self, field: &'static str) -> Self {
        self.fields.push(field);
        self
    }

    pub(crate) fn each_closed(self) -> Self {
        self.field(CLOSE)
    }
}
