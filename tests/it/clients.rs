//! Real clients: what they do with rhttp that they do with other servers, too.

mod browser;
mod listing;

use crate::load::serve;
use crate::support::{Running, Tree, find_program, not_run};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// Runs a client in a directory; it must succeed.
pub(crate) fn run(program: &str, directory: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(program);
    command.current_dir(directory).args(arguments);
    // What a machine sets for its own network: proxies, and whom to trust in place of what a test says.
    for variable in [
        "http_proxy",
        "HTTP_PROXY",
        "https_proxy",
        "HTTPS_PROXY",
        "all_proxy",
        "ALL_PROXY",
        "CURL_CA_BUNDLE",
        "REQUESTS_CA_BUNDLE",
        "PIP_CERT",
        "SSL_CERT_FILE",
    ] {
        command.env_remove(variable);
    }
    command.env("no_proxy", "*").env("HOME", directory);
    let output = command.output().expect("it can be run");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {complaint}");
    output
}

fn url(server: &Running, path: &str) -> String {
    format!("http://{}{path}", server.address())
}

/// Bytes that do not repeat.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state = 20_261_127_u64;
    let byte = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    std::iter::repeat_with(byte).take(length).collect()
}

#[test]
fn zsync_fetches_what_is_missing() {
    if find_program("zsync").is_none() || find_program("zsyncmake").is_none() {
        return not_run("zsync, for it is not there");
    }
    let tree = Tree::new();
    let new = noise(2_000_000);
    // What a client has of it already: but for three places far from each other.
    let mut old = new.clone();
    for start in [100_000, 900_000, 1_700_000] {
        old[start..start + 5_000].fill(0);
    }
    tree.file("file", &new);
    for protocol in ["HTTP/1.0", "HTTP/1.1"] {
        let server = serve(&tree, &format!("-p {protocol}"));
        let url = url(&server, "/file");
        run(
            "zsyncmake",
            tree.path(),
            &["-u", &url, "-o", "file.zsync", "file"],
        );
        let client = Tree::new();
        client.file("old", &old);
        let control = format!("{url}.zsync");
        run(
            "zsync",
            client.path(),
            &["-i", "old", "-o", "got", &control],
        );
        let got = fs::read(client.path().join("got")).expect("it was fetched");
        assert!(got == new, "{protocol}: other bytes");
        let is_partial = |line: &Vec<u8>| line.ends_with(b"206 -");
        let log = server.wait_for_log(|log| log.iter().any(is_partial).then(|| log.to_vec()));
        let partial = log.iter().filter(|line| line.ends_with(b"206 -")).count();
        let whole = log
            .iter()
            .any(|line| line.ends_with(b"\"GET /file HTTP/1.1\" 200 -"));
        assert!((1..20).contains(&partial) && !whole, "{partial} requests");
    }
}

#[test]
fn ab_completes_on_both_protocols_whether_it_keeps_connections_or_not() {
    if find_program("ab").is_none() {
        return not_run("ab, for it is not there");
    }
    let tree = Tree::new();
    tree.file("a", "x".repeat(1024));
    for protocol in ["HTTP/1.0", "HTTP/1.1"] {
        let server = serve(&tree, &format!("-p {protocol}"));
        for keep in ["-k", "-l"] {
            let url = url(&server, "/a");
            let output = run(
                "ab",
                tree.path(),
                &["-q", "-n", "500", "-c", "5", keep, &url],
            );
            let report = String::from_utf8_lossy(&output.stdout).into_owned();
            let number = |name: &str| {
                let line = report.lines().find_map(|line| line.strip_prefix(name));
                line.and_then(|rest| rest.trim().parse::<u32>().ok())
            };
            assert_eq!(number("Complete requests:"), Some(500), "{report}");
            assert_eq!(number("Failed requests:"), Some(0), "{report}");
            let kept = (keep == "-k" && protocol == "HTTP/1.1").then_some(500);
            assert_eq!(
                number("Keep-Alive requests:").filter(|&kept| kept > 0),
                kept,
                "{report}"
            );
        }
    }
}

/// A Parquet file is read from its end, range by range; readers that compare tags give up when one
/// changes on the way.
#[test]
fn a_parquet_file_is_read_that_was_written_a_moment_ago() {
    const PROGRAM: &str = "\
import sys, time
import pyarrow as arrow, pyarrow.parquet as parquet
import fsspec
path, url = sys.argv[1:]
parquet.write_table(arrow.table({'n': list(range(200000))}), path, row_group_size=20000)
file = fsspec.filesystem('http').open(url, block_size=50000)
table = parquet.ParquetFile(file)
total = 0
for group in range(table.num_row_groups):
    total += sum(table.read_row_group(group)['n'].to_pylist())
    time.sleep(0.4)
print(total)
";
    // The gate makes an environment with the modules in it.
    let python = std::env::var("RHTTP_TESTS_PYTHON").unwrap_or_else(|_| "python3".into());
    let modules = "import pyarrow.parquet, fsspec, aiohttp";
    let has_modules = Command::new(&python).args(["-c", modules]).output();
    if !has_modules.is_ok_and(|output| output.status.success()) {
        return not_run("a Parquet reader, for Python has no pyarrow, fsspec and aiohttp");
    }
    let tree = Tree::new();
    let server = serve(&tree, "-p HTTP/1.1");
    let path = tree.path().join("table.parquet");
    let path = path.to_str().expect("it is text");
    let url = url(&server, "/table.parquet");
    let output = run(&python, tree.path(), &["-c", PROGRAM, path, &url]);
    let expected = (0..200_000_u64).sum::<u64>().to_string();
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), expected);
}
