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
    let with = |label, flags| Beside {
        label,
        mode: Mode::With(flags),
        target: plain(),
    };
    let beside = vec![
        with("--cgi", &["--cgi"]),
        with("--cors", &["--cors"]),
        with("--isolate", &["--isolate"]),
        with("--cache", &["--cache", "no-cache"]),
        with("--spa", &["--spa"]),
        with("--not-found", &["--not-found", ONE_KIB]),
        with("--clean-urls", &["--clean-urls"]),
        with("--precompressed", &["--precompressed"]),
        with("-H", &["-H", "X-Bench: 1"]),
        with("--auth-file", &["--auth-file", PASSWORDS]),
        with("all flags", ALL),
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
