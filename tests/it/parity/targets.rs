//! Random request targets, made from the names of the recorded tree.
//!
//! Left out: `absolute-form-target` (nothing begins with a scheme), `location-scheme` (a target
//! without a leading slash has no `:` in its first segment), `location-encoding` (backslashes and
//! controls are percent-encoded), `reference-crashes` (no NUL, and no surrogate but those that
//! stand for a byte), `special-files`, `media-types` and `compressed-svg` (those names are skipped).

use super::random::Random;
use crate::support::{Kind, Tree};
use std::fmt::Write;

/// Names of what is no regular file.
const SPECIAL: &[&[u8]] = &[b"fifo", b"to-fifo", b"to-device"];

/// Extensions that only the larger table of media types knows, or whose type is another.
const LARGER_TABLE: &[&[u8]] = &[b".md", b".webp", b".woff2", b".z", b".svgz", b".SVGZ"];

/// Cuts of names and other things that lead somewhere else or nowhere.
const ODDITIES: &[&str] = &[
    "%",
    "%4",
    "%zz",
    "%25",
    "%2e",
    "%2E%2e",
    "%C3",
    "%FF",
    "%E2%82",
    "%C0%AF",
    "%ED%B2%80",
    "+",
    ";a",
    "~",
    "*",
    "'",
    "\"",
    "<b>",
    "&amp;",
    "\u{e9}",
    "\u{ad}",
    "missing",
];

const QUERIES: &[&str] = &[
    "?",
    "?a=b",
    "?a=b&c=%3Cd%3E",
    "?/",
    "?a?b",
    "?%FF",
    "?%C3%A9",
    "?\u{e9}",
    "?%ED%B2%80",
    "?'\"<>",
    "?a/../b",
    "?%",
    "?%00",
    "#",
    "#a",
    "#a?b",
    "?a#b",
    "?#",
    "?a#b#c",
];

/// What a target is made of.
pub(super) struct Targets {
    paths: Vec<Vec<u8>>,
}

impl Targets {
    pub(super) fn recorded() -> Self {
        let mut paths: Vec<_> = Tree::recorded_entries()
            .into_iter()
            .filter(|entry| entry.kind != Kind::Fifo)
            .map(|entry| entry.path.0)
            .filter(|path| !SPECIAL.iter().any(|name| path.ends_with(name)))
            .filter(|path| {
                !LARGER_TABLE
                    .iter()
                    .any(|extension| path.ends_with(extension))
            })
            .collect();
        paths.extend([
            b"".to_vec(),
            b"twins".to_vec(),
            b"missing".to_vec(),
            b"links/to-parent/links".to_vec(),
        ]);
        Self { paths }
    }

    pub(super) fn target(&self, random: &mut Random) -> String {
        let mut segments = self.segments(random);
        while random.one_in(4) {
            insert_dots(&mut segments, random);
        }
        let mut target = String::from(
            random.pick(&["/", "/", "/", "/", "/", "//", "///", "/./", "/../", "/%2F"]),
        );
        target.push_str(&segments.join(random.pick(&["/", "/", "/", "/", "/", "//", "%2F"])));
        if random.one_in(3) {
            target.push_str(random.pick(&["/", "/", "//", "/.", "/..", "%2F", "/./"]));
        }
        if random.one_in(6) {
            target.push_str(random.pick(ODDITIES));
        }
        if random.one_in(4) {
            target.push_str(random.pick(QUERIES));
        }
        if random.one_in(10) {
            target = without_leading_slashes(target);
        }
        target
    }

    /// The segments of a name in the tree, percent-encoded in one of many ways.
    fn segments(&self, random: &mut Random) -> Vec<String> {
        let path = &self.paths[random.below(self.paths.len())];
        path.split(|&byte| byte == b'/')
            .map(|name| encode(name, random))
            .collect()
    }
}

/// Inserts segments that normalisation takes away again, or that lead elsewhere.
fn insert_dots(segments: &mut Vec<String>, random: &mut Random) {
    let dots: &[&[&str]] = &[
        &["."],
        &[".."],
        &["%2e"],
        &["%2E."],
        &["a", ".."],
        &["a%2F..", "b", ".."],
        &["..."],
        &[""],
    ];
    let position = random.below(segments.len() + 1);
    let inserted = random.pick(dots).iter().copied().map(String::from);
    segments.splice(position..position, inserted);
}

/// The same target without the slash at its start, unless that would give it a scheme.
fn without_leading_slashes(target: String) -> String {
    let bare = target.trim_start_matches('/');
    let first = bare.split(['/', '?', '#']).next().unwrap_or_default();
    if bare.is_empty() || first.contains(':') {
        target
    } else {
        bare.to_owned()
    }
}

/// Percent-encodes what must be, and of the rest more or less.
fn encode(name: &[u8], random: &mut Random) -> String {
    let raw = random.pick(&[0, 2, 10, 10]);
    let mut encoded = String::new();
    for chunk in name.utf8_chunks() {
        for character in chunk.valid().chars() {
            if may_be_raw(character) && random.below(10) < raw {
                encoded.push(character);
            } else {
                push_encoded(
                    character.encode_utf8(&mut [0; 4]).as_bytes(),
                    &mut encoded,
                    random,
                );
            }
        }
        for &byte in chunk.invalid() {
            // The surrogate that stands for the byte.
            push_encoded(
                &[0xed, 0xb0 | (byte >> 6), 0x80 | (byte & 0x3f)],
                &mut encoded,
                random,
            );
        }
    }
    encoded
}

/// Raw, these mean themselves: they are no white space, do not begin an escape, a query or a
/// fragment, and are no part of `location-encoding`. Beyond ASCII, they are Latin-1.
fn may_be_raw(character: char) -> bool {
    matches!(character, '!'..='~' | '\u{a1}'..='\u{ff}') && !"%?#\\".contains(character)
}

fn push_encoded(bytes: &[u8], encoded: &mut String, random: &mut Random) {
    for byte in bytes {
        let written = if random.one_in(3) {
            write!(encoded, "%{byte:02x}")
        } else {
            write!(encoded, "%{byte:02X}")
        };
        written.expect("text takes all");
    }
}
