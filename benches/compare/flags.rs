//! What each flag for web pages costs a request that has no use for it: rhttp
//! with the flag beside rhttp without, in the same rounds, with the same requests.

use crate::target::{AUTHORIZATION, KIB, ONE_KIB, PASSWORDS, Target};
use crate::workload::{Beside, Mode, Workload};

const CODINGS: &str = "Accept-Encoding: gzip, br";

pub(crate) fn workloads() -> Vec<Workload> {
    let plain = || {
        let target = Target::file(ONE_KIB, KIB);
        target.field(CODINGS).field(AUTHORIZATION)
    };
    let with = |label, flags, target| Beside {
        label,
        mode: Mode::With(flags),
        target,
    };
    let beside = vec![
        with("--cgi", &["--cgi"], plain()),
        with("--cors", &["--cors"], plain()),
        with("--isolate", &["--isolate"], plain()),
        with("--cache", &["--cache", "no-cache"], plain()),
        with("--spa", &["--spa"], plain()),
        with("--not-found", &["--not-found", ONE_KIB], plain()),
        with("--clean-urls", &["--clean-urls"], plain()),
        with("--precompressed", &["--precompressed"], plain()),
        with("-H", &["-H", "X-Bench: 1"], plain()),
        with("--auth-file", &["--auth-file", PASSWORDS], plain()),
        with("all flags", ALL, plain()),
    ];
    let load = Workload::load("flags-64", "1 KiB, with one flag each", 64, plain());
    vec![load.ours_alone(beside)]
}

/// All of those for web pages: scripts are no page.
const ALL: &[&str] = &[
    "--cors",
    "--isolate",
    "--cache",
    "no-cache",
    "--spa",
    "--not-found",
    ONE_KIB,
    "--clean-urls",
    "--precompressed",
    "-H",
    "X-Bench: 1",
    "--auth-file",
    PASSWORDS,
];
