//! What all connections to one listener share.

use super::access_log::AccessLog;
use super::admission::Admission;
use super::affinity::Affinity;
use super::buffers::Buffers;
use super::heads::Heads;
use super::record::Records;
use crate::config::Config;
use crate::handler::Handler;
use crate::http::{Peer, Scheme};
use crate::tls::Tls;

/// What a connection needs from its server.
pub(super) struct Context<'s> {
    pub(super) handler: &'s dyn Handler,
    pub(super) config: &'s Config,
    pub(super) log: &'s AccessLog,
    /// Where requests are logged after they were served, if not in CPython's format.
    pub(super) records: Option<Records<'s>>,
    pub(super) admission: &'s Admission,
    pub(super) heads: &'s Heads,
    pub(super) buffers: &'s Buffers,
    pub(super) affinity: &'s Affinity,
    pub(super) server: &'s Peer,
    pub(super) tls: Option<&'s Tls>,
}

impl Context<'_> {
    /// The scheme that clients use.
    pub(super) fn scheme(&self) -> Scheme {
        match self.tls {
            Some(_) => Scheme::Https,
            None => Scheme::Http,
        }
    }
}
