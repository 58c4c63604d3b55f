use super::{TARGETS, Target};
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};
use std::fs;
use std::path::Path;

/// What stands in the messages that these targets take apart.
const WORDS: &[&str] = &[
    "GET",
    "HEAD",
    "/",
    "//",
    "..",
    "%2e",
    "%2F",
    "%5c",
    "\\",
    "?",
    "#",
    ":",
    "%00",
    "%ED%B2%80",
    "%ff",
    "http://",
    "a",
    "index.html",
    " ",
    "\t",
    "\r\n",
    "\n",
    "\r",
    "\0",
    "\r\n\r\n",
    "0",
    "1",
    "5",
    "9",
    "-",
    ",",
    ";",
    "=",
    "\"",
    "W/",
    "*",
    "bytes=",
    "bytes",
    "HTTP/1.0",
    "HTTP/1.1",
    "Host: a\r\n",
    "Content-Length: ",
    "Transfer-Encoding: chunked",
    "Connection: close",
    "Sun, 06 Nov 1994 08:49:37 GMT",
    "Sunday, 06-Nov-94 08:49:37 GMT",
    "Sun Nov  6 08:49:37 1994",
    "<",
    ">",
    "&",
    "&amp;",
    "<script>",
    "\u{1}",
    "\u{2}",
    "\u{e9}",
    "18446744073709551615",
    "Status: ",
    "Location: ",
    "Content-type: text/plain",
];

/// The directory with the seeds, and all that was ever found wrong.
fn seeds() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/seeds"))
}

#[test]
fn every_seed_passes_its_target() {
    // A package from the registry comes without them.
    if !seeds().exists() {
        return;
    }
    for (name, target) in TARGETS {
        let mut files: Vec<_> = fs::read_dir(seeds().join(name))
            .unwrap_or_else(|error| panic!("no seeds for {name}: {error}"))
            .map(|entry| entry.expect("an entry").path())
            .collect();
        files.sort();
        assert!(!files.is_empty(), "{name}");
        for file in files {
            let data = fs::read(&file).expect("a seed can be read");
            let passed = std::panic::catch_unwind(|| target(&data));
            assert!(passed.is_ok(), "{}", file.display());
        }
    }
}

/// Asks `target` about inputs made of words and random bytes, the same in each run.
fn check((name, target): &Target, cases: u32) {
    let word = prop::sample::select(WORDS).prop_map(|word| word.as_bytes().to_vec());
    let piece = prop_oneof![4 => word, 1 => prop::collection::vec(any::<u8>(), 1..6)];
    let input = prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat());
    let mut runner = TestRunner::new(ProptestConfig {
        cases,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(20_261_122),
        ..ProptestConfig::default()
    });
    let result = runner.run(&(any::<u8>(), input), |(first, mut rest)| {
        rest.insert(0, first);
        target(&rest);
        Ok(())
    });
    assert!(result.is_ok(), "{name}: {}", result.expect_err("a failure"));
}

#[test]
fn random_inputs_pass_every_target() {
    for target in TARGETS {
        check(target, 3000);
    }
}
