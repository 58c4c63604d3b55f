//! One server, one round, one sample.

use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crate::between::Between;
use crate::certificate::Handshake;
use crate::check::{self, Checked, Close};
use crate::client::Connection;
use crate::credible;
use crate::handshakes;
use crate::peers::Peer;
use crate::server::{Server, Usage};
use crate::setting::Setting;
use crate::statistics::{median, spread};
use crate::target::{CLOSE, GIB, MIB, ONE_GIB, Target};
use crate::transfer::{self, Ask, Delivery};
use crate::workload::{Drive, Mode, Workload};
use crate::wrk::{self, Load};

/// Between two looks whether a server answers: while waiting for one to be
/// ready, and while timing its start.
const RELAXED: Duration = Duration::from_millis(5);
const EAGER: Duration = Duration::from_micros(50);
/// After a load, for connections to be torn down before the next server's turn.
const CALM: Duration = Duration::from_millis(200);
const STARTS_A_ROUND: usize = 10;

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
    between: Between,
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
        let checked = match workload.drive {
            Drive::Upload => check::upload(&delivery(peer, &server, &path, setting), setting.tree)?,
            _ => check::check(&server.origin, workload, target, &path, setting.tree)?,
        };
        if matches!(workload.drive, Drive::Idle { .. }) && checked.close != Close::Never {
            return Err("keeps no connection".to_owned());
        }
        let fresh = server.usage();
        let between = Between::new(&fresh);
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
            between,
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

    /// Measures one round.
    pub(crate) fn take_turn(&mut self, seconds: u64) {
        self.between.end(&self.server.usage());
        let sample = self.measure(seconds);
        self.samples.push(sample);
        self.between.begin(&self.server.usage());
    }

    /// The share of a processor that the server took while others were measured.
    pub(crate) fn busy_between(&self) -> f64 {
        self.between.busy()
    }

    fn measure(&self, seconds: u64) -> Result<Sample, String> {
        match self.workload.drive {
            Drive::Load {
                connections,
                at_least,
                random,
            } => self.load(connections, seconds.max(at_least), random),
            Drive::Download | Drive::Archive | Drive::Upload => {
                self.transfer(seconds).map_err(told)
            }
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

        credible::judge(&figures, &self.checked, self.target.status)?;
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

    /// What one client moves in the time given, and how soon each answer begins.
    fn transfer(&self, seconds: u64) -> io::Result<Sample> {
        let before = self.usage().cpu_seconds;
        let time = Duration::from_secs(seconds);
        let moved = match self.workload.drive {
            Drive::Upload => transfer::upload(&self.delivery(), time)?,
            _ => transfer::download(&self.ask(), time)?,
        };
        let gibibytes = moved.bytes as f64 / GIB as f64;
        let cpu = (self.usage().cpu_seconds - before) / gibibytes;
        let first = spread(moved.first_bytes);
        Ok(Sample {
            answers: 0,
            value: moved.bytes as f64 / 1e6 / moved.seconds,
            cpu: self.known(cpu),
            p50: first.as_ref().map(|first| first.median),
            p99: first.as_ref().map(|first| first.most),
        })
    }

    fn ask(&self) -> Ask<'_> {
        Ask {
            origin: &self.server.origin,
            path: &self.path,
            request: &self.checked.request,
        }
    }

    fn delivery(&self) -> Delivery<'_> {
        delivery(self.peer, &self.server, &self.path, self.setting)
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
        let mut open = transfer::open(&self.ask(), connections)?;
        thread::sleep(CALM);
        let grown = self
            .usage()
            .anonymous_kib
            .saturating_sub(self.fresh.anonymous_kib);
        if open.iter_mut().any(Connection::has_ended) {
            return Err(io::Error::other("closed an idle connection"));
        }
        drop(open);
        thread::sleep(CALM);
        Ok(Sample {
            answers: 0,
            value: grown as f64 / connections as f64,
            cpu: None,
            p50: None,
            p99: None,
        })
    }

    fn known(&self, cpu: f64) -> Option<f64> {
        (!self.peer.hides_cpu()).then_some(cpu)
    }
}

/// Where 1 GiB goes, and by which way.
fn delivery<'a>(
    peer: &Peer,
    server: &'a Server<'_>,
    path: &'a str,
    setting: Setting<'_>,
) -> Delivery<'a> {
    Delivery {
        origin: &server.origin,
        path,
        way: peer.way(),
        source: setting.tree.path(ONE_GIB),
        destination: setting.tree.path(path.trim_start_matches('/')),
    }
}

#[allow(
    clippy::needless_pass_by_value,
    reason = "the shape that map_err wants"
)]
fn told(error: io::Error) -> String {
    error.to_string()
}
