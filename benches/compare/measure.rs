//! One server, one round, one sample.

use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::certificate::Handshake;
use crate::check::{self, Checked, Close};
use crate::client::Connection;
use crate::handshakes;
use crate::peers::Peer;
use crate::server::{Server, Usage};
use crate::setting::Setting;
use crate::statistics::{median, spread};
use crate::target::{CLOSE, GIB, MIB, Target};
use crate::workload::{Drive, Mode, Workload};
use crate::wrk::{self, Figures, Load};

/// Between two looks whether a server answers: while waiting for one to be
/// ready, and while timing its start.
const RELAXED: Duration = Duration::from_millis(5);
const EAGER: Duration = Duration::from_micros(50);
/// After a load, for connections to be torn down before the next server's turn.
const CALM: Duration = Duration::from_millis(200);
const STARTS_A_ROUND: usize = 10;
/// Opened together: the shortest backlog, CPython's, holds no more.
const OPENED_AT_ONCE: usize = 5;
const OPENING_LIMIT: Duration = Duration::from_secs(60);

/// Who takes part, and how.
pub(crate) struct Entry<'a> {
    pub(crate) label: String,
    pub(crate) peer: &'a Peer,
    pub(crate) target: &'a Target,
    pub(crate) mode: Mode,
}

/// A server that passed the check, and what it did.
pub(crate) struct Contender<'a> {
    pub(crate) label: String,
    pub(crate) peer: &'a Peer,
    pub(crate) samples: Vec<Result<Sample, String>>,
    pub(crate) checked: Checked,
    workload: &'a Workload,
    target: &'a Target,
    mode: Mode,
    path: String,
    setting: Setting<'a>,
    place: PathBuf,
    server: Server<'a>,
    fresh: Usage,
}

pub(crate) struct Sample {
    /// Those that the log must show.
    pub(crate) answers: u64,
    /// In the workload's unit.
    pub(crate) value: f64,
    /// Processor seconds for one request (or one GiB).
    pub(crate) cpu: Option<f64>,
    /// In milliseconds.
    pub(crate) p50: Option<f64>,
    pub(crate) p99: Option<f64>,
}

impl<'a> Contender<'a> {
    pub(crate) fn start(
        entry: Entry<'a>,
        workload: &'a Workload,
        setting: Setting<'a>,
        place: &Path,
    ) -> Result<Self, String> {
        let Entry {
            label,
            peer,
            target,
            mode,
        } = entry;
        let path = peer.path(target);
        let server = Server::start(peer, mode, setting, place, &path, RELAXED)?;
        let checked = check::check(&server.origin, workload, target, &path, setting.tree)?;
        if matches!(workload.drive, Drive::Idle { .. }) && checked.close != Close::Never {
            return Err("keeps no connection".to_owned());
        }
        let fresh = server.usage();
        let samples = Vec::new();
        Ok(Self {
            label,
            peer,
            samples,
            checked,
            workload,
            target,
            mode,
            path,
            setting,
            place: place.to_owned(),
            server,
            fresh,
        })
    }

    pub(crate) fn usage(&self) -> Usage {
        self.server.usage()
    }

    pub(crate) fn asks_to_close(&self) -> bool {
        self.target.fields.contains(&CLOSE)
    }

    pub(crate) fn logged_lines(&self) -> u64 {
        self.server.logged_lines()
    }

    pub(crate) fn measure(&self, seconds: u64) -> Result<Sample, String> {
        match self.workload.drive {
            Drive::Load {
                connections,
                at_least,
                random,
            } => self.load(connections, seconds.max(at_least), random),
            Drive::Download => self.download(Duration::from_secs(seconds)).map_err(told),
            Drive::Start => self.starts(),
            Drive::Idle { connections } => self.idle(connections).map_err(told),
            Drive::Handshakes {
                connections,
                handshake,
            } => self
                .handshakes(connections, handshake, seconds)
                .map_err(told),
        }
    }

    fn load(&self, connections: usize, seconds: u64, random: bool) -> Result<Sample, String> {
        let load = Load {
            port: self.server.origin.port,
            tls: self.server.origin.tls.is_some(),
            path: &self.path,
            request: &self.checked.request,
            connections,
            seconds,
            random,
        };
        let before = self.usage().cpu_seconds;
        let figures = wrk::run(&load, &self.place, self.setting.guard)?;
        let cpu_seconds = self.usage().cpu_seconds - before;
        thread::sleep(CALM);

        self.credible(&figures)?;
        // Of large answers a few are always under way at the end; their bytes
        // count, and beside them the heads do not matter.
        let length = self.checked.length as f64;
        let answers = match self.checked.length {
            MIB.. => figures.bytes / length,
            _ => figures.requests,
        };
        Ok(Sample {
            answers: figures.requests as u64,
            value: answers / figures.seconds,
            cpu: self.known(cpu_seconds / answers),
            p50: Some(figures.p50),
            p99: Some(figures.p99),
        })
    }

    /// Fast errors are no answers: a round that has any is not counted.
    fn credible(&self, figures: &Figures) -> Result<(), String> {
        let refusals = match self.target.status {
            400.. => figures.requests,
            _ => 0.0,
        };
        if figures.requests == 0.0 {
            return Err("no answer in time".to_owned());
        }
        if (figures.bad_statuses - refusals).abs() > 0.0 {
            return Err(format!("{} unexpected statuses", figures.bad_statuses));
        }
        // Where the connection ends unannounced, wrk reads on in vain, each time.
        let in_vain = match self.checked.close {
            Close::Silent => figures.requests + figures.connections,
            Close::Never | Close::Announced => 0.0,
        };
        if figures.read_errors > in_vain || figures.other_errors > 0.0 {
            let errors = figures.read_errors + figures.other_errors;
            return Err(format!("{errors} socket errors"));
        }
        if figures.bytes < figures.requests * self.checked.length as f64 {
            return Err("answers shorter than the file".to_owned());
        }
        Ok(())
    }

    /// A client that reads the file again and again, for the time given.
    fn download(&self, time: Duration) -> io::Result<Sample> {
        let before = self.usage().cpu_seconds;
        let started = Instant::now();
        let mut bytes = 0;
        while started.elapsed() < time {
            let mut connection = Connection::open(&self.server.origin)?;
            connection.send(&self.path, &self.checked.request)?;
            connection.receive(&mut |piece| {
                bytes += piece.len() as u64;
                Ok(())
            })?;
        }
        let seconds = started.elapsed().as_secs_f64();
        let cpu = (self.usage().cpu_seconds - before) / (bytes as f64 / GIB as f64);
        Ok(Sample {
            answers: 0,
            value: bytes as f64 / 1e6 / seconds,
            cpu: self.known(cpu),
            p50: None,
            p99: None,
        })
    }

    fn handshakes(&self, clients: usize, handshake: Handshake, seconds: u64) -> io::Result<Sample> {
        let before = self.usage().cpu_seconds;
        let figures = handshakes::run(&handshakes::Load {
            port: self.server.origin.port,
            path: &self.path,
            request: &self.checked.request,
            certificate: self.setting.certificate,
            handshake,
            clients,
            seconds,
        })?;
        let cpu_seconds = self.usage().cpu_seconds - before;
        thread::sleep(CALM);
        Ok(Sample {
            answers: figures.handshakes as u64,
            value: figures.handshakes / figures.seconds,
            cpu: self.known(cpu_seconds / figures.handshakes),
            p50: Some(figures.p50),
            p99: Some(figures.p99),
        })
    }

    fn starts(&self) -> Result<Sample, String> {
        let mut times = Vec::new();
        for _ in 0..STARTS_A_ROUND {
            let place = self.place.join("again");
            let (mode, setting) = (self.mode, self.setting);
            let server = Server::start(self.peer, mode, setting, &place, &self.path, EAGER)?;
            times.push(server.first_answer.as_secs_f64() * 1e3);
            server.end_at_once();
        }
        let slowest = spread(times.iter().copied()).map(|spread| spread.most);
        let value = median(times).ok_or("was never started")?;
        Ok(Sample {
            answers: 0,
            value,
            cpu: None,
            p50: Some(value),
            p99: slowest,
        })
    }

    /// What a connection that made one request and stays takes from memory.
    fn idle(&self, connections: usize) -> io::Result<Sample> {
        let mut open = Vec::new();
        let started = Instant::now();
        while open.len() < connections {
            if started.elapsed() > OPENING_LIMIT {
                return Err(io::Error::other("takes more than a minute to open them"));
            }
            let mut fresh = Vec::new();
            for _ in 0..OPENED_AT_ONCE.min(connections - open.len()) {
                let mut connection = Connection::open_small(&self.server.origin)?;
                connection.send(&self.path, &self.checked.request)?;
                fresh.push(connection);
            }
            for connection in &mut fresh {
                connection.receive(&mut |_| Ok(()))?;
            }
            open.append(&mut fresh);
        }
        thread::sleep(CALM);
        let grown = self
            .usage()
            .anonymous_kib
            .saturating_sub(self.fresh.anonymous_kib);
        let value = grown as f64 / connections as f64;
        for mut connection in open {
            if connection.has_ended() {
                return Err(io::Error::other("closed an idle connection"));
            }
        }
        thread::sleep(CALM);
        Ok(Sample {
            answers: 0,
            value,
            cpu: None,
            p50: None,
            p99: None,
        })
    }

    fn known(&self, cpu: f64) -> Option<f64> {
        (!self.peer.hides_cpu()).then_some(cpu)
    }
}

#[allow(
    clippy::needless_pass_by_value,
    reason = "the shape that map_err wants"
)]
fn told(error: io::Error) -> String {
    error.to_string()
}
