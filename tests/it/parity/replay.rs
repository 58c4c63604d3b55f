//! Sends many requests to a server, a connection for each, and finds each one's log lines.

use crate::support::{AfterSending, Answer, Connection, Ending, Readable, Running};
use crate::support::{exchange, mask_log, mask_response, mask_validators};
use std::collections::HashMap;
use std::fmt::Write;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Enough to keep a server busy, and no more than the five connections that CPython lets wait.
const CLIENTS: usize = 4;

/// After this many answers without an end, the rest is given up.
const MOST_IN_VAIN: usize = 5;

/// What the last request of a replay asks for: once it stands in the log, all others do.
const LAST: &str = "/the-last-request";

/// What is sent on one connection.
pub(super) struct Case {
    pub(super) name: String,
    pub(super) pieces: Vec<Vec<u8>>,
    pub(super) after: AfterSending,
}

/// What came of it: the response, how it ended, and what was logged; all masked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Exchange {
    pub(super) response: Vec<u8>,
    pub(super) ending: Ending,
    pub(super) log: Vec<Vec<u8>>,
}

impl Case {
    /// The name, and what is sent.
    pub(super) fn title(&self) -> String {
        let mut title = self.name.clone();
        for piece in &self.pieces {
            let shown = &piece[..piece.len().min(2000)];
            write!(title, "\n  > {}", Readable(shown)).expect("text takes all");
        }
        title
    }
}

impl Exchange {
    /// The same, had the server not reset the connection: CPython does not read what it does not
    /// want, and its clients have to live with that.
    pub(super) fn as_if_closed(&self) -> Self {
        Self {
            ending: Ending::Closed,
            ..self.clone()
        }
    }
}

/// Runs all cases, several at a time; the results are in the order of the cases.
pub(super) fn replay(server: &Running, cases: &[Case]) -> Vec<Exchange> {
    let answers = ask_all(server, cases);
    let mut log = log_by_client(server);
    let exchanges = answers
        .into_iter()
        .enumerate()
        .map(|(number, answer)| Exchange {
            response: mask_response(&mask_validators(&answer.bytes)),
            ending: answer.ending,
            log: log.remove(&client(number)).unwrap_or_default(),
        });
    let exchanges = exchanges.collect();
    assert!(
        log.is_empty(),
        "lines of clients that there were not: {log:?}"
    );
    exchanges
}

fn ask_all(server: &Running, cases: &[Case]) -> Vec<Answer> {
    let next = AtomicUsize::new(0);
    let in_vain = AtomicUsize::new(0);
    let worker = || {
        let mut answers = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(case) = cases.get(number) else {
                return answers;
            };
            let connection = Connection::open_from(client(number).into(), server);
            let answer = connection.converse(&case.pieces, case.after);
            if answer.ending == Ending::TimedOut {
                let times = in_vain.fetch_add(1, Ordering::Relaxed);
                assert!(
                    times < MOST_IN_VAIN,
                    "no end of the answer to {}",
                    case.title()
                );
            }
            answers.push((number, answer));
        }
    };
    let mut answers: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(worker)).collect();
        let joined = workers
            .into_iter()
            .map(|worker| worker.join().expect("a client went on"));
        joined.flatten().collect()
    });
    answers.sort_unstable_by_key(|(number, _)| *number);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

/// The address that a case comes from: each has its own, so that every line of the log tells
/// which case it belongs to.
fn client(number: usize) -> Ipv4Addr {
    let offset = u32::try_from(number).expect("no run has that many cases");
    Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 0, 1, 0)) + offset)
}

fn log_by_client(server: &Running) -> HashMap<Ipv4Addr, Vec<Vec<u8>>> {
    let request = format!("GET {LAST} HTTP/1.0");
    exchange(
        server,
        &[format!("{request}\r\n\r\n")],
        AfterSending::HalfClose,
    );
    let is_last = |line: &[u8]| line.ends_with(format!("\"{request}\" 404 -").as_bytes());
    let log = server.wait_for_log(|lines| is_last(lines.last()?).then(|| lines.to_vec()));
    let mut by_client = HashMap::<_, Vec<_>>::new();
    for line in &log {
        let Some((address, masked)) = mask_log(line) else {
            panic!(
                "a line that no client caused: {}",
                Readable(&log.join(b"\n".as_slice()))
            );
        };
        let address = str::from_utf8(address)
            .ok()
            .and_then(|text| text.parse().ok());
        by_client
            .entry(address.expect("a client has an address"))
            .or_default()
            .push(masked);
    }
    by_client.remove(&Ipv4Addr::LOCALHOST);
    by_client
}
