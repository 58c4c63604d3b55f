//! The words in which a workload is said; the table of them is `workloads`.

use crate::certificate::Handshake;
use crate::target::{Expected, ONE_KIB, Target};

pub(crate) struct Workload {
    pub(crate) name: &'static str,
    about: &'static str,
    pub(crate) mode: Mode,
    pub(crate) drive: Drive,
    pub(crate) target: Target,
    /// rhttp in other ways in the same rounds.
    pub(crate) beside: Vec<Beside>,
    /// Only rhttp can do it, in whatever ways stand beside it.
    pub(crate) is_ours_alone: bool,
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
    /// Running scripts, as an ordinary user.
    Cgi,
    /// Running scripts, as root.
    CgiAsRoot,
    /// As `Persistent`, in TLS.
    Tls,
    /// As `Persistent`, listing for programs where it has to be asked for.
    Json,
    /// As `Persistent`, sending directories as archives.
    Archives,
    /// As `Persistent`, taking files.
    Uploads,
    /// As `Persistent`, with these flags of rhttp.
    With(&'static [&'static str]),
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
    /// The same of an archive, and how soon it begins.
    Archive,
    /// One connection sends one large file.
    Upload,
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

pub(crate) struct Beside {
    pub(crate) label: &'static str,
    pub(crate) target: Target,
    pub(crate) mode: Mode,
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
            beside: Vec::new(),
            is_ours_alone: false,
            points: Vec::new(),
        }
    }

    pub(crate) fn mode(self, mode: Mode) -> Self {
        Self { mode, ..self }
    }

    pub(crate) fn asking(mut self, field: &'static str) -> Self {
        self.target.fields.push(field);
        self
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

    pub(crate) fn beside(mut self, label: &'static str, target: Target) -> Self {
        let mode = self.mode;
        self.beside.push(Beside {
            label,
            target,
            mode,
        });
        self
    }

    /// rhttp alone, compared with itself.
    pub(crate) fn ours_alone(self, beside: Vec<Beside>) -> Self {
        Self {
            beside,
            is_ours_alone: true,
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
        ) && matches!(self.mode, Mode::Persistent | Mode::Default)
            && !matches!(self.drive, Drive::Load { random: true, .. })
    }
}

impl Drive {
    pub(crate) fn unit(&self) -> &'static str {
        match self {
            Self::Load { .. } => "requests/s",
            Self::Download | Self::Archive | Self::Upload => "MB/s",
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
            Self::Download | Self::Archive | Self::Upload => ("CPU s/GiB", 1.0),
            Self::Handshakes { .. } => ("CPU µs/handshake", 1e6),
            _ => ("CPU µs/request", 1e6),
        }
    }
}
