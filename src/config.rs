//! Every number and switch of a server.

use crate::http::{TrustedProxy, Version};
use std::time::Duration;

/// What can be set. Every bound exists so that no client can make the server hold or do more
/// than that; the defaults are right for a server on the open network.
///
/// Later versions will have more fields, so a value starts as the default and is changed:
///
/// ```
/// use rhttp::{Config, http::Version};
/// use std::time::Duration;
///
/// let mut config = Config::default();
/// config.protocol = Version::HTTP_11;
/// config.idle_timeout = Some(Duration::from_secs(5));
/// assert_eq!(config.max_header_lines, 100);
/// ```
///
/// Behind a load balancer on a small machine:
///
/// ```
/// # use rhttp::Config;
/// # use std::time::Duration;
/// let mut config = Config::default();
/// // It names the clients with the PROXY protocol, and sets limits of its own.
/// config.trusted_proxies = vec!["10.0.0.0/8".parse()?];
/// config.proxy_protocol = true;
/// config.max_connections = 256;
/// config.backlog = 64;
/// config.max_request_line = 8 * 1024;
/// config.max_header_line = 8 * 1024;
/// config.max_header_lines = 50;
/// config.max_head = 32 * 1024;
/// config.max_discarded_body = 0;
/// config.head_timeout = Some(Duration::from_secs(5));
/// config.stall_timeout = Some(Duration::from_secs(20));
/// config.half_closed_timeout = Some(Duration::from_secs(2));
/// config.grace = Duration::from_secs(30);
/// # Ok::<(), rhttp::http::BadTrustedProxy>(())
/// ```
///
/// To hand over one file, within ten minutes:
///
/// ```
/// # use rhttp::Config;
/// # use std::time::Duration;
/// let mut config = Config::default();
/// config.ends_after_delivery = true;
/// config.exit_idle = Some(Duration::from_secs(600));
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The version on status lines, CPython's `protocol_version`: HTTP/1.0 (the default) closes
    /// every connection after its response, HTTP/1.1 keeps it for the next request.
    #[doc(alias = "protocol_version")]
    pub protocol: Version,

    /// Bytes in a request line, its end included; more are answered with 414. CPython's 65,536.
    pub max_request_line: usize,
    /// Bytes in a header line, its end included; more are answered with 431. CPython's 65,536.
    pub max_header_line: usize,
    /// Header lines, the empty one at the end included; more are answered with 431. CPython's 100.
    pub max_header_lines: usize,
    /// Bytes in all header lines together; more are answered with 431. CPython has no bound below
    /// 6.5 MB; 256 KiB is many times what browsers and proxies send.
    pub max_head: usize,
    /// Bytes of an unread request body that are read and discarded before the connection is closed,
    /// so that a client that sends everything before it reads still gets its response: 1 MiB.
    pub max_discarded_body: u64,

    /// Connections served at a time: 8,192, or fewer where the limits on descriptors, address space
    /// and mappings allow fewer. At the cap, the connection that has waited longest for a request
    /// is evicted, if it was answered before or has been silent for half a second. If there is no
    /// such connection, a newcomer from an address that holds few places takes one from the address
    /// that holds most. Every other newcomer is answered with 503 at once.
    ///
    /// An idle connection takes less than 16 KiB of memory. One being served takes that and what
    /// the handler takes: at most 32 KiB for a file; for a listing, its names and its page.
    /// Listings of more than 64 KiB take at most 256 MiB together, large unfinished heads 64 MiB. A
    /// head is at most `max_request_line` + `max_head` + `max_header_line`; an error that quotes
    /// the request line takes up to twenty times its length. The kernel's socket buffers are not
    /// counted here.
    pub max_connections: usize,
    /// Connections that the kernel may hold until the server accepts them. CPython's 5 drops part
    /// of any burst.
    #[doc(alias = "request_queue_size")]
    pub backlog: i32,

    /// Proxies that are trusted to name their clients: none by default. What they say in
    /// `X-Forwarded-For`, `Forwarded` and `X-Forwarded-Proto` is what the log and handlers see, as
    /// far as the list of addresses was written by trusted proxies.
    pub trusted_proxies: Vec<TrustedProxy>,
    /// Connections from [`trusted_proxies`](Self::trusted_proxies) begin with a header of the PROXY
    /// protocol, version 1 or 2, which names the client. Those that do not are closed.
    pub proxy_protocol: bool,

    /// How long a request's head may take from its first byte: 30 s, which any link that carries
    /// data at all can meet. The connection is then closed without a response. None: for ever.
    pub head_timeout: Option<Duration>,
    /// How long a connection may wait for its first or next request: 60 s, longer than most clients
    /// and proxies themselves keep connections. The wait for the next may take up to 1/32 longer.
    /// None: for ever.
    pub idle_timeout: Option<Duration>,
    /// How long a body or a response may make no progress at all: 60 s. None: for ever. Slow but
    /// honest clients make progress, however long they take.
    pub stall_timeout: Option<Duration>,
    /// How long a half-closed client is assumed to be still there while the script that works for
    /// it prints nothing: 10 s. None: for ever. Until something is sent to it, a client that has
    /// left looks the same as one that only waits.
    pub half_closed_timeout: Option<Duration>,
    /// How long the server may have no connection before it shuts down by itself: None (the
    /// default) is for ever. This is for servers that are started again when a client comes.
    pub exit_idle: Option<Duration>,
    /// Whether the server shuts down by itself once a file, or an archive, has been sent to its end
    /// in answer to a GET: all of it, or a range that completes it. Index pages and listings do not
    /// count. Off.
    pub ends_after_delivery: bool,
    /// How long responses in progress may take to finish once the server shuts down: 10 s.
    pub grace: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            protocol: Version::HTTP_10,
            max_request_line: 65_536,
            max_header_line: 65_536,
            max_header_lines: 100,
            max_head: 256 * 1024,
            max_discarded_body: 1024 * 1024,
            max_connections: 8_192,
            backlog: 1024,
            trusted_proxies: Vec::new(),
            proxy_protocol: false,
            head_timeout: Some(Duration::from_secs(30)),
            idle_timeout: Some(Duration::from_secs(60)),
            stall_timeout: Some(Duration::from_secs(60)),
            half_closed_timeout: Some(Duration::from_secs(10)),
            exit_idle: None,
            ends_after_delivery: false,
            grace: Duration::from_secs(10),
        }
    }
}
