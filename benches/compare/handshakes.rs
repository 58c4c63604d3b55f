//! A load of TLS handshakes: clients that connect, ask once and leave, again and again.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustls::HandshakeKind;

use crate::certificate::{Certificate, Handshake};
use crate::client::{Connection, Request};
use crate::origin::Origin;
use crate::statistics::percentile;

pub(crate) struct Load<'a> {
    pub(crate) port: u16,
    pub(crate) path: &'a str,
    pub(crate) request: &'a Request,
    pub(crate) certificate: &'a Certificate,
    pub(crate) handshake: Handshake,
    pub(crate) clients: usize,
    pub(crate) seconds: u64,
}

pub(crate) struct Figures {
    pub(crate) handshakes: f64,
    pub(crate) seconds: f64,
    /// From the connection's beginning to the answer's end, in milliseconds.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
}

/// A handshake of another kind than the one that is measured is an error, like any other.
pub(crate) fn run(load: &Load<'_>) -> io::Result<Figures> {
    let clients = (0..load.clients).map(|_| Client::new(load));
    let clients = clients.collect::<io::Result<Vec<_>>>()?;
    let started = Instant::now();
    let end = started + Duration::from_secs(load.seconds);
    let threads: Vec<JoinHandle<io::Result<Vec<f64>>>> = clients
        .into_iter()
        .map(|client| thread::spawn(move || client.work(end)))
        .collect();
    let mut times = Vec::new();
    for thread in threads {
        let ended = thread.join();
        times.extend(ended.map_err(|_| io::Error::other("a client failed"))??);
    }
    let seconds = started.elapsed().as_secs_f64();
    let handshakes = times.len() as f64;
    let nothing = || io::Error::other("no answer in time");
    Ok(Figures {
        handshakes,
        seconds,
        p50: percentile(&times, 0.5).ok_or_else(nothing)?,
        p99: percentile(&times, 0.99).ok_or_else(nothing)?,
    })
}

struct Client {
    origin: Origin,
    path: String,
    request: Arc<Request>,
    handshake: Handshake,
}

impl Client {
    fn new(load: &Load<'_>) -> io::Result<Self> {
        let client = Self {
            origin: Origin {
                port: load.port,
                // One for each: sessions are no other client's.
                tls: Some(load.certificate.hasty(load.handshake)?),
            },
            path: load.path.to_owned(),
            request: Arc::new(load.request.clone()),
            handshake: load.handshake,
        };
        if client.handshake != Handshake::Full {
            // There has to be something to resume.
            client.ask()?;
        }
        Ok(client)
    }

    fn work(&self, end: Instant) -> io::Result<Vec<f64>> {
        let mut times = Vec::new();
        loop {
            let before = Instant::now();
            if before >= end {
                return Ok(times);
            }
            let kind = self.ask()?;
            let right = match self.handshake {
                Handshake::Full => kind != Some(HandshakeKind::Resumed),
                Handshake::Resumed | Handshake::Resumed12 => kind == Some(HandshakeKind::Resumed),
            };
            if !right {
                return Err(io::Error::other("a session is not resumed"));
            }
            times.push(before.elapsed().as_secs_f64() * 1e3);
        }
    }

    fn ask(&self) -> io::Result<Option<HandshakeKind>> {
        let mut connection = Connection::open_small(&self.origin)?;
        connection.send(&self.path, &self.request)?;
        connection.receive(&mut |_| Ok(()))?;
        Ok(connection.handshake())
    }
}
