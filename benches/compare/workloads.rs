//! What is measured: one row a workload, in the order of the report.

use crate::certificate::Handshake;
use crate::flags;
use crate::options::Options;
use crate::target::{Condition, Expected, GIB, KIB, MANY, MIB, ONE, ONE_GIB, ONE_KIB, Target};
use crate::tree::{HELLO, RANDOM_FILES};
use crate::workload::{
    Drive, Mode,
    Series::{Connections, Names, Size},
    Workload,
};

fn one_kib() -> Target {
    Target::file(ONE_KIB, KIB)
}

fn connections() -> Vec<Workload> {
    let load = Workload::load;
    let idle = |connections| Drive::Idle { connections };
    vec![
        load("keepalive-1", "1 KiB", 1, one_kib()).point(Connections, 1),
        load("keepalive-64", "1 KiB", 64, one_kib())
            .point(Connections, 64)
            .point(Size, KIB),
        load("keepalive-1000", "1 KiB", 1000, one_kib()).point(Connections, 1000),
        load("keepalive-5000", "1 KiB", 5000, one_kib())
            .at_least(4)
            .point(Connections, 5000),
        load(
            "close-64",
            "1 KiB, a connection for each request",
            64,
            one_kib().each_closed(),
        )
        // In HTTP/1.1 rhttp and CPython close as well, but do not announce it.
        .mode(Mode::Default),
        Workload::own(
            "idle-1000",
            "memory of 1,000 idle connections",
            idle(1000),
            one_kib(),
        ),
        Workload::own(
            "idle-5000",
            "memory of 5,000 idle connections",
            idle(5000),
            one_kib(),
        ),
        Workload::own(
            "start",
            "from exec to the first answer",
            Drive::Start,
            one_kib(),
        ),
    ]
}

fn sizes() -> Vec<Workload> {
    let sized = |name, about, connections, file, size| {
        Workload::load(name, about, connections, Target::file(file, size)).point(Size, size)
    };
    let one_gib = Target::file(ONE_GIB, GIB);
    vec![
        sized("size-0", "an empty file", 64, "size/0.bin", 0),
        sized("size-4k", "4 KiB", 64, "size/4k.bin", 4 * KIB),
        sized("size-16k", "16 KiB", 64, "size/16k.bin", 16 * KIB),
        sized("size-100k", "100 KiB", 64, "size/100k.bin", 100 * KIB),
        sized("size-1m", "1 MiB", 64, "size/1m.bin", MIB),
        sized("size-10m", "10 MiB", 8, "size/10m.bin", 10 * MIB),
        sized("size-100m", "100 MiB", 8, "size/100m.bin", 100 * MIB),
        Workload::own("download-1g", "1 GiB, one client", Drive::Download, one_gib)
            .point(Size, GIB),
    ]
}

fn answers() -> Vec<Workload> {
    let load = Workload::load;
    let random = Target::file("many/00000.bin", 4 * KIB);
    let middle = Target::part(
        ONE_GIB,
        GIB,
        "Range: bytes=536870912-536871935",
        536_870_912..536_871_936,
    );
    let missing = Target::new("size/missing.bin", 404, Expected::Anything);
    let hello = || Target::new("cgi-bin/hello", 200, Expected::Text(HELLO));
    let unchanged = Target::unchanged;
    vec![
        load("random-64", "10,000 files of 4 KiB at random", 64, random).random(),
        load("range-64", "1 KiB from the middle of 1 GiB", 64, middle)
            .beside("whole 1 KiB file", one_kib()),
        load(
            "unchanged-date-64",
            "304 by date",
            64,
            unchanged(Condition::Date),
        ),
        load(
            "unchanged-tag-64",
            "304 by entity tag",
            64,
            unchanged(Condition::Tag),
        ),
        load("missing-64", "404", 64, missing),
        load("cgi-8", "a compiled CGI hello", 8, hello()).mode(Mode::Cgi),
        load("cgi-root-8", "the same, started by root", 8, hello()).mode(Mode::CgiAsRoot),
    ]
}

fn listings() -> Vec<Workload> {
    const PAGE: &str = "Accept: text/html,application/xhtml+xml,*/*;q=0.8";
    const JSON: &str = "Accept: application/json";
    const NAMES: [(u32, usize, &str); 3] = [
        (10, 64, "list/10/"),
        (1000, 8, "list/1000/"),
        (100_000, 2, "list/100000/"),
    ];
    let all = |names: [&'static str; 3], about, expected: fn(u32) -> Expected| {
        let sized = NAMES.into_iter().zip(names);
        sized.map(move |((count, connections, path), name)| {
            let target = Target::new(path, 200, expected(count));
            let load = Workload::load(name, about, connections, target);
            if count < 100_000 {
                load
            } else {
                load.at_least(10)
            }
        })
    };
    let plain = all(
        ["list-10", "list-1000", "list-100000"],
        "a listing, CPython's where Accept decides",
        Expected::Names,
    );
    let page = all(
        ["page-10", "page-1000", "page-100000"],
        "a listing for people",
        Expected::Page,
    );
    let json = all(
        ["json-10", "json-1000", "json-100000"],
        "a listing in JSON",
        Expected::Json,
    );
    let plain = plain
        .zip(NAMES)
        .map(|(load, (count, ..))| load.point(Names, count.into()));
    let page = page.map(|load| load.asking(PAGE));
    let json = json.map(|load| load.asking(JSON).mode(Mode::Json));
    plain.chain(page).chain(json).collect()
}

fn moving() -> Vec<Workload> {
    let archive = |name, about, directory: &'static str, files| {
        let target = Target::new(
            &format!("{directory}/"),
            200,
            Expected::Archive { directory, files },
        );
        Workload::own(name, about, Drive::Archive, target).mode(Mode::Archives)
    };
    vec![
        archive(
            "tar-10000",
            "10,000 files of 4 KiB as a tar; p50 and p99: its first byte, median and latest",
            MANY,
            RANDOM_FILES,
        ),
        archive("tar-1g", "one file of 1 GiB as a tar; the same", ONE, 1),
        Workload::own(
            "upload-1g",
            "1 GiB by PUT",
            Drive::Upload,
            Target::new("upload/put.bin", 201, Expected::Sent),
        )
        .mode(Mode::Uploads),
    ]
}

fn tls() -> Vec<Workload> {
    let handshakes = |name, about, handshake| {
        let drive = Drive::Handshakes {
            connections: 16,
            handshake,
        };
        Workload::own(name, about, drive, one_kib().each_closed())
    };
    let all = vec![
        handshakes(
            "tls-full-16",
            "full handshakes (P-256), 1 KiB each",
            Handshake::Full,
        ),
        handshakes(
            "tls-resumed-16",
            "resumed handshakes, 1 KiB each",
            Handshake::Resumed,
        ),
        handshakes(
            "tls12-resumed-16",
            "the same in TLS 1.2",
            Handshake::Resumed12,
        ),
        Workload::load("tls-keepalive-64", "1 KiB in TLS", 64, one_kib()),
        Workload::load(
            "tls-size-100k",
            "100 KiB in TLS",
            64,
            Target::file("size/100k.bin", 100 * KIB),
        ),
        Workload::own(
            "tls-download-1g",
            "1 GiB in TLS, one client",
            Drive::Download,
            Target::file(ONE_GIB, GIB),
        ),
        Workload::own(
            "tls-idle-500",
            "memory of 500 idle connections in TLS",
            Drive::Idle { connections: 500 },
            one_kib(),
        ),
    ];
    let in_tls = |workload: Workload| workload.mode(Mode::Tls);
    all.into_iter().map(in_tls).collect()
}

/// The workloads that were asked for; a name that is none of them is an error.
pub(crate) fn chosen(options: &Options) -> Result<Vec<Workload>, String> {
    let all: Vec<Workload> = [
        connections(),
        sizes(),
        answers(),
        listings(),
        moving(),
        tls(),
        flags::workloads(),
    ]
    .into_iter()
    .flatten()
    .collect();
    for name in options.workloads.iter().flatten() {
        if !all.iter().any(|workload| workload.name == name) {
            return Err(format!("no workload is called {name}; --list names them"));
        }
    }
    let wanted = |workload: &Workload| {
        let listed = options.workloads.as_ref();
        listed.is_none_or(|names| names.iter().any(|name| name == workload.name))
            && options
                .only
                .as_ref()
                .is_none_or(|pattern| workload.name.contains(pattern))
    };
    let chosen: Vec<Workload> = all.into_iter().filter(wanted).collect();
    if chosen.is_empty() {
        return Err("no workload has that in its name; --list names them".to_owned());
    }
    Ok(chosen)
}
