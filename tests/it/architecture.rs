//! The house rules that a compiler does not check: a room imports only from
//! the floors below it, nothing is `unsafe`, and no file outgrows a reader.

mod benchmark;
mod scanner;

use scanner::{imports, tokens};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The rooms and their floors, ground floor first.
const ROOMS: &[(&str, u8)] = &[
    ("sys", 0),
    ("http", 0),
    ("config", 1),
    ("wire", 1),
    ("representation", 1),
    ("files", 1),
    ("archive", 1),
    ("cgi", 1),
    ("tls", 1),
    ("upload", 1),
    ("handler", 2),
    ("handlers", 2),
    ("server", 3),
    ("lib", TOP),
    ("cli", TOP),
    ("main", TOP),
    // A macro, which names what its users import.
    ("forward", TOP),
    // Pages of the documentation, without code.
    ("manual", TOP),
    // For tests only.
    ("fuzzing", TOP),
];

/// The floor whose rooms may import whatever they like.
const TOP: u8 = 4;

/// Imports between two rooms of one floor that the house allows.
const NEIGHBOURS: &[(&str, &str)] = &[
    ("wire", "config"),
    ("handlers", "handler"),
    ("archive", "files"),
];

/// The most lines of code that a source file may have, tests, comments and empty lines aside.
const MOST_LINES: usize = 300;

#[test]
fn everything_directly_under_src_is_a_known_room() -> io::Result<()> {
    let mut strangers = Vec::new();
    for entry in fs::read_dir(crate_root().join("src"))? {
        let name = PathBuf::from(entry?.file_name());
        if floor(&room_of(&name)).is_none() {
            strangers.push(name.display().to_string());
        }
    }
    report("no room of this name stands in the design", &strangers);
    Ok(())
}

#[test]
fn every_room_exists_and_every_allowance_is_needed() -> io::Result<()> {
    let sources = source_files("src")?;
    let is_there = |room: &str| sources.iter().any(|file| room_of(&file.path) == room);
    let gone = ROOMS.iter().filter(|(room, _)| !is_there(room));
    let gone: Vec<_> = gone.map(|(room, _)| (*room).to_owned()).collect();
    report("rooms of the design that are not there", &gone);

    let is_needed = |from: &str, to: &str| {
        sources
            .iter()
            .filter(|file| !file.is_test() && room_of(&file.path) == from)
            .flat_map(|file| imports(&file.text, file.depth()))
            .any(|import| import.text == to)
    };
    let stale = NEIGHBOURS.iter().filter(|(from, to)| !is_needed(from, to));
    let stale: Vec<_> = stale.map(|(from, to)| format!("{from} -> {to}")).collect();
    report("allowances that nobody uses", &stale);
    Ok(())
}

#[test]
fn a_room_imports_only_from_the_floors_below_it() -> io::Result<()> {
    let mut wrong = Vec::new();
    for file in source_files("src")? {
        if file.is_test() {
            continue;
        }
        let room = room_of(&file.path);
        for import in imports(&file.text, file.depth()) {
            let place = format!("src/{}:{}", file.path.display(), import.line);
            match verdict(&room, import.text) {
                Verdict::Allowed => {}
                Verdict::Forbidden => wrong.push(format!(
                    "{place}: `{room}` (floor {}) imports `{}` (floor {})",
                    floor_text(&room),
                    import.text,
                    floor_text(import.text)
                )),
                Verdict::NotARoom => wrong.push(format!(
                    "{place}: `{room}` imports `crate::{}` from the crate's root; name its room",
                    import.text
                )),
            }
        }
    }
    report("an import must point to a floor below", &wrong);
    Ok(())
}

#[test]
fn no_source_file_has_more_than_300_lines_of_code() -> io::Result<()> {
    let mut long = Vec::new();
    for directory in ["src", "benches", "fuzz/fuzz_targets"] {
        for file in source_files(directory)? {
            let lines = lines_of_code(&file.text);
            if lines > MOST_LINES {
                let path = file.path.display();
                long.push(format!("{directory}/{path}: {lines} lines"));
            }
        }
    }
    report("a file holds one concept; split these", &long);
    Ok(())
}

fn lines_of_code(text: &str) -> usize {
    let (code, _tests) = text
        .split_once("#[cfg(test)]\nmod tests")
        .unwrap_or((text, ""));
    let is_code = |line: &&str| !line.is_empty() && !line.starts_with("//");
    code.lines().map(str::trim).filter(is_code).count()
}

#[test]
fn unsafe_code_is_forbidden_and_absent() -> io::Result<()> {
    let manifest = fs::read_to_string(crate_root().join("Cargo.toml"))?;
    let forbidden = manifest
        .lines()
        .map(str::trim)
        .skip_while(|line| *line != "[lints.rust]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .any(|line| line.starts_with(r#"unsafe_code = "forbid""#));
    assert!(
        forbidden,
        "Cargo.toml: [lints.rust] must say unsafe_code = \"forbid\""
    );

    let mut found = Vec::new();
    for file in source_files("src")? {
        for token in tokens(&file.text).iter().filter(|t| t.text == "unsafe") {
            found.push(format!("src/{}:{}", file.path.display(), token.line));
        }
    }
    report("unsafe code", &found);
    Ok(())
}

#[test]
fn the_verdict_follows_the_floors() {
    let cases = [
        ("wire", "http", Verdict::Allowed),
        ("wire", "wire", Verdict::Allowed),
        ("wire", "config", Verdict::Allowed),
        ("handlers", "handler", Verdict::Allowed),
        ("main", "server", Verdict::Allowed),
        ("cli", "Server", Verdict::Allowed),
        ("sys", "http", Verdict::Forbidden),
        ("config", "wire", Verdict::Forbidden),
        ("files", "wire", Verdict::Forbidden),
        ("handler", "handlers", Verdict::Forbidden),
        ("files", "server", Verdict::Forbidden),
        ("server", "cli", Verdict::Forbidden),
        ("server", "Handler", Verdict::NotARoom),
        ("server", "*", Verdict::NotARoom),
    ];
    for (from, to, expected) in cases {
        assert_eq!(verdict(from, to), expected, "{from} imports {to}");
    }
}

#[derive(Debug, PartialEq)]
enum Verdict {
    Allowed,
    Forbidden,
    /// A name of the crate's root, which is on the top floor.
    NotARoom,
}

fn verdict(from: &str, to: &str) -> Verdict {
    if from == to || floor(from) == Some(TOP) || NEIGHBOURS.contains(&(from, to)) {
        return Verdict::Allowed;
    }
    match (floor(from), floor(to)) {
        (_, None) => Verdict::NotARoom,
        (Some(above), Some(below)) if below < above => Verdict::Allowed,
        _ => Verdict::Forbidden,
    }
}

fn floor(room: &str) -> Option<u8> {
    let (_, floor) = ROOMS.iter().find(|(name, _)| *name == room)?;
    Some(*floor)
}

fn floor_text(room: &str) -> String {
    floor(room).map_or_else(|| "?".to_owned(), |floor| floor.to_string())
}

/// `files/root.rs` belongs to `files`, `sys.rs` to `sys`.
fn room_of(path: &Path) -> String {
    let first = path.iter().next().unwrap_or_default().to_string_lossy();
    first.strip_suffix(".rs").unwrap_or(&first).to_owned()
}

fn report(rule: &str, broken: &[String]) {
    assert!(broken.is_empty(), "{rule}:\n  {}", broken.join("\n  "));
}

struct SourceFile {
    /// Below the directory that was asked for.
    path: PathBuf,
    text: String,
}

impl SourceFile {
    /// How many modules deep the file is: `lib.rs` 0, `files.rs` and
    /// `files/mod.rs` 1, `files/root.rs` 2.
    fn depth(&self) -> usize {
        let names = self.path.iter().count();
        let is_parent = ["lib.rs", "main.rs", "mod.rs"]
            .iter()
            .any(|name| self.path.ends_with(name));
        if is_parent { names - 1 } else { names }
    }

    /// Whether the file is the body of a `#[cfg(test)] mod tests;`.
    fn is_test(&self) -> bool {
        self.path
            .iter()
            .any(|name| name == "tests" || name == "tests.rs")
    }
}

fn crate_root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The Rust files in a directory of the crate.
fn source_files(directory: &str) -> io::Result<Vec<SourceFile>> {
    let top = crate_root().join(directory);
    let mut found = Vec::new();
    let mut directories = vec![top.clone()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory)? {
            let path = entry?.path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path)?;
                let path = path.strip_prefix(&top).unwrap_or(&path).to_owned();
                found.push(SourceFile { path, text });
            }
        }
    }
    assert!(!found.is_empty(), "no source file under {}", top.display());
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}
