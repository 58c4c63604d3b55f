//! Which client addresses hold the places of the connections being served.
//!
//! When all places are taken, one address may hold nearly all of them, and could keep all others
//! out for as long as it likes. So a newcomer from an address that holds few takes one from the
//! address that holds most. Clients that share an address, behind a proxy or a router, share its
//! places.

use super::ticket::Ticket;
use crate::http::Peer;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

/// How many connections of one holder are compared, oldest first, to find the one to evict.
const COMPARED: usize = 256;

/// What counts as one client: an IPv4 address, the /64 of an IPv6 address, which is what a network
/// gives to one customer, or all clients of a Unix socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Holder(Option<IpAddr>);

/// The connections being served, by holder and age.
#[derive(Debug, Default)]
pub(super) struct Places {
    count: usize,
    /// How many connections have been given a place so far.
    given: u64,
    /// There are few holders, usually: comparing them costs less than hashing one.
    holders: BTreeMap<Holder, BTreeMap<u64, Arc<Ticket>>>,
    /// Holders by the number of their places.
    ranking: BTreeSet<(usize, Holder)>,
}

impl Holder {
    pub(super) fn of(client: &Peer) -> Self {
        Self(client.ip().map(|ip| match ip {
            IpAddr::V4(_) => ip,
            IpAddr::V6(address) => match address.to_ipv4_mapped() {
                Some(address) => address.into(),
                None => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
            },
        }))
    }
}

impl Places {
    /// How many places are taken.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Gives a place to a connection.
    pub(super) fn take(&mut self, ticket: &Arc<Ticket>) {
        let holder = ticket.holder();
        let number = self.given;
        self.given += 1;
        ticket.set_place(number);
        let held = self.holders.entry(holder).or_default();
        self.ranking.remove(&(held.len(), holder));
        held.insert(number, Arc::clone(ticket));
        self.ranking.insert((held.len(), holder));
        self.count += 1;
    }

    /// Takes back the place of a connection, if it has one.
    pub(super) fn free(&mut self, ticket: &Ticket) {
        let holder = ticket.holder();
        let Some(held) = self.holders.get_mut(&holder) else {
            return;
        };
        let before = held.len();
        if held.remove(&ticket.place()).is_none() {
            return;
        }
        self.ranking.remove(&(before, holder));
        if held.is_empty() {
            self.holders.remove(&holder);
        } else {
            self.ranking.insert((before - 1, holder));
        }
        self.count -= 1;
    }

    /// The connection to evict for a newcomer of `holder`, if any: one of the address that holds
    /// most places, provided that this would still hold as many as the newcomer's afterwards.
    ///
    /// Of these, the one that is of least use to its client: an idle one first, then one whose
    /// request is incomplete, then the one whose response has made no progress for longest.
    pub(super) fn to_evict_for(&self, holder: Holder) -> Option<Arc<Ticket>> {
        let (most, heaviest) = self.ranking.last()?;
        let own = self.holders.get(&holder).map_or(0, BTreeMap::len);
        if *heaviest == holder || own + 1 >= *most {
            return None;
        }
        let held = self.holders.get(heaviest)?.values();
        let least = held
            .take(COMPARED)
            .min_by_key(|ticket| ticket.usefulness())?;
        Some(Arc::clone(least))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;

    fn ticket(address: &str) -> Arc<Ticket> {
        let (socket, _) = UnixStream::pair().expect("a pair of sockets");
        let client = Peer::from(std::net::SocketAddr::new(
            address.parse().expect("an address"),
            1,
        ));
        let holder = Holder::of(&client);
        Arc::new(Ticket::new(socket.into(), holder, 0, 0, Arc::default()))
    }

    fn holder(address: &str) -> Holder {
        ticket(address).holder()
    }

    #[test]
    fn a_network_of_ipv6_is_one_client() {
        assert_eq!(holder("2001:db8::1"), holder("2001:db8::ffff:1"));
        assert_ne!(holder("2001:db8::1"), holder("2001:db8:0:1::1"));
        assert_eq!(holder("::ffff:10.0.0.1"), holder("10.0.0.1"));
        assert_ne!(holder("10.0.0.1"), holder("10.0.0.2"));
        assert_eq!(Holder::of(&Peer::Unix(None)), Holder(None));
    }

    #[test]
    fn the_address_with_most_places_gives_one_to_those_with_few() {
        let mut places = Places::default();
        let heavy: Vec<_> = (0..3).map(|_| ticket("10.0.0.1")).collect();
        for ticket in &heavy {
            places.take(ticket);
        }
        let light = ticket("10.0.0.2");
        // No address takes a place from itself, or from one that would then hold fewer.
        assert!(places.to_evict_for(holder("10.0.0.1")).is_none());
        let evicted = places
            .to_evict_for(light.holder())
            .expect("there are three");
        assert!(Arc::ptr_eq(&evicted, &heavy[0]), "the oldest");
        places.free(&evicted);
        places.take(&light);
        assert!(places.to_evict_for(light.holder()).is_none(), "two each");
        assert!(places.to_evict_for(holder("10.0.0.3")).is_some());
        assert_eq!(places.count(), 3);

        places.free(&evicted);
        assert_eq!(places.count(), 3, "it had none any more");
        for ticket in heavy[1..].iter().chain([&light]) {
            places.free(ticket);
        }
        assert_eq!(places.count(), 0);
        assert!(places.holders.is_empty() && places.ranking.is_empty());
        assert!(places.to_evict_for(light.holder()).is_none());
    }
}
