//! The words in which a workload is said; the table of them is `workloads`.

use std::ops::Range;

use crate::certificate::Handshake;

pub(crate) const KIB: u64 = 1 << 10;
pub(crate) const MIB: u64 = 1 << 20;
pub(crate) const GIB: u64 = 1 << 30;

/// The file that most workloads fetch, and the only one the ceiling knows.
pub(crate) const ONE_KIB: &str = "size/1k.bin";

/// The field of a client that wants one answer only.
pub(crate) const CLOSE: &str = "Connection: close";

pub(crate) struct Workload {
    pub(crate) name: &'static str,
    about: &'static str,
    pub(crate) mode: Mode,
    pub(crate) drive: Drive,
    pub(crate) target: Target,
    /// The same server on another target in the same rounds.
    pub(crate) beside: Option<Beside>,
    /// Points of the tables that show how cost grows.
    pub(crate) points: Vec<(Series, u64)>,
}

/// How a server is started.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// HTTP/1.1 where it has to be asked for.
    Persistent,
    /// As started by someone who gives no option: HTTP/1.0 for rhttp and CPython.
    Default,
    Cgi,
    /// As `Persistent`, in TLS.
    Tls,
}

/// The version a request is sent in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    Http10,
    Http11,
}

/// Who asks, and how.
pub(crate) enum Drive {
    /// wrk, for the seconds that were asked for but at least these.
    Load {
        connections: usize,
        at_least: u64,
        random: bool,
    },
    /// One connection reads one large file.
    Download,
    /// From exec to the first answer.
    Start,
    /// Connections that made one request and stay.
    Idle { connections: usize },
    /// Clients that connect in TLS, ask once and leave.
    Handshakes {
        connections: usize,
        handshake: Handshake,
    },
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
    Text(&'static str),
    Nothing,
    Anything,
}

pub(crate) struct Beside {
    pub(crate) label: &'static str,
    pub(crate) target: Target,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Series {
    Connections,
    Size,
    Names,
}

impl Workload {
    pub(crate) fn load(
        name: &'static str,
        about: &'static str,
        connections: usize,
        target: Target,
    ) -> Self {
        let drive = Drive::Load {
            connections,
            at_least: 1,
            random: false,
        };
        Self::own(name, about, drive, target)
    }

    pub(crate) fn own(
        name: &'static str,
        about: &'static str,
        drive: Drive,
        target: Target,
    ) -> Self {
        Self {
            name,
            about,
            mode: Mode::Persistent,
            drive,
            target,
            beside: None,
            points: Vec::new(),
        }
    }

    pub(crate) fn mode(self, mode: Mode) -> Self {
        Self { mode, ..self }
    }

    pub(crate) fn point(mut self, series: Series, at: u64) -> Self {
        self.points.push((series, at));
        self
    }

    pub(crate) fn at_least(mut self, seconds: u64) -> Self {
        if let Drive::Load { at_least, .. } = &mut self.drive {
            *at_least = seconds;
        }
        self
    }

    pub(crate) fn random(mut self) -> Self {
        if let Drive::Load { random, .. } = &mut self.drive {
            *random = true;
        }
        self
    }

    pub(crate) fn beside(self, label: &'static str, target: Target) -> Self {
        Self {
            beside: Some(Beside { label, target }),
            ..self
        }
    }

    /// For a person: what is asked for, and over how many connections.
    pub(crate) fn about(&self) -> String {
        match self.drive {
            Drive::Load { connections: 1, .. } => format!("{}, 1 connection", self.about),
            Drive::Load { connections, .. } => {
                format!("{}, {connections} connections", self.about)
            }
            _ => self.about.to_owned(),
        }
    }

    /// The ceiling knows one answer: the 1 KiB file, whole.
    pub(crate) fn suits_ceiling(&self) -> bool {
        matches!(
            self.target.expected,
            Expected::File {
                name: ONE_KIB,
                range: None,
                ..
            }
        ) && self.mode != Mode::Tls
            && !matches!(self.drive, Drive::Load { random: true, .. })
    }
}

impl Drive {
    pub(crate) fn unit(&self) -> &'static str {
        match self {
            Self::Load { .. } => "requests/s",
            Self::Download => "MB/s",
            Self::Start => "ms",
            Self::Idle { .. } => "KiB a connection",
            Self::Handshakes { .. } => "handshakes/s",
        }
    }

    pub(crate) fn more_is_better(&self) -> bool {
        !matches!(self, Self::Start | Self::Idle { .. })
    }

    /// What processor time is counted for, and in how many parts of a second.
    pub(crate) fn cost_unit(&self) -> (&'static str, f64) {
        match self {
            Self::Download => ("CPU s/GiB", 1.0),
            Self::Handshakes { .. } => ("CPU µs/handshake", 1e6),
            _ => ("CPU µs/request", 1e6),
        }
    }
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

    pub(crate) fn listing(path: &str, names: u32) -> Self {
        Self::new(path, 200, Expected::Names(names))
    }

    fn field(mut self, field: &'static str) -> Self {
        self.fields.push(field);
        self
    }

    pub(crate) fn each_closed(self) -> Self {
        self.field(CLOSE)
    }
}
