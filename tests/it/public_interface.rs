//! The public interface of the library, as a list that is checked in: a change of it shows. An
//! example names each item.
//!
//! `RHTTP_UPDATE_INTERFACE=1 cargo test --test it public_interface` rewrites the list.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const LIST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/public_interface.txt");

/// What the crate's root exports is public, and all that is `pub` can be reached from there: a lint
/// sees to that (`unreachable_pub`). So the list is what the sources call `pub`.
#[test]
fn the_public_interface_is_as_it_was() {
    let mut list = Vec::new();
    for (name, text) in sources() {
        let items = items(&text);
        if !items.is_empty() {
            list.push(name);
        }
        list.extend(items.iter().map(|item| format!("    {item}")));
    }
    let list = list.join("\n") + "\n";
    if std::env::var_os("RHTTP_UPDATE_INTERFACE").is_some() {
        fs::write(LIST, &list).expect("the list can be written");
    }
    let known = fs::read_to_string(LIST).unwrap_or_default();
    let gone: Vec<_> = known.lines().filter(|line| !list.contains(line)).collect();
    let new: Vec<_> = list.lines().filter(|line| !known.contains(line)).collect();
    assert!(
        known == list,
        "the public interface has changed; is it meant? gone: {gone:#?}, new: {new:#?}"
    );
}

/// Names like `get` and `new` occur on many types, so an example counts only in the file of the
/// item, or on the crate's front page. That the examples run is for rustdoc to see.
#[test]
fn an_example_names_each_public_item() {
    let sources = sources();
    let front_page = sources.iter().find(|(name, _)| name == "src/lib.rs");
    let (_, front_page) = front_page.expect("there is a crate");
    let for_all = words_in_examples(front_page);
    let mut missing = Vec::new();
    for (name, text) in &sources {
        let own = words_in_examples(text);
        for item in items(text) {
            match name_of(&item) {
                Some(word) if !own.contains(word) && !for_all.contains(word) => {
                    missing.push(format!("{name}: {word}"));
                }
                _ => {}
            }
        }
    }
    assert!(missing.is_empty(), "no example names these: {missing:#?}");
}

#[test]
fn an_example_is_code_that_runs_in_a_doc_comment() {
    let text = "
/// Of `prose` nothing counts.
///
/// ```
/// use rhttp::One;
/// One.two(\"three\");
/// ```
/// ```text
/// four
/// ```
/// ```no_run
/// five();
/// ```
// ```
// six
// ```
seven();
";
    let words = words_in_examples(text);
    for word in ["One", "two", "five"] {
        assert!(words.contains(word), "{word}");
    }
    for word in ["prose", "four", "six", "seven"] {
        assert!(!words.contains(word), "{word}");
    }
    let items = items(&format!("{text}\npub const fn two(self) {{\n"));
    assert_eq!(items, ["pub const fn two(self)"]);
    assert_eq!(name_of(&items[0]), Some("two"));
    assert_eq!(name_of("    Listed(Vec<String>)"), Some("Listed"));
    assert_eq!(name_of("pub use one::Two;"), None);
}

/// The words of the examples in a file's doc comments.
fn words_in_examples(text: &str) -> BTreeSet<&str> {
    let mut words = BTreeSet::new();
    // What the fence says that the current line stands behind, if there is one.
    let mut fence = None;
    for line in text.lines().map(str::trim_start) {
        let documentation = line.strip_prefix("///").or(line.strip_prefix("//!"));
        let Some(line) = documentation.map(str::trim_start) else {
            fence = None;
            continue;
        };
        match (line.strip_prefix("```"), fence) {
            (Some(_), Some(_)) => fence = None,
            (Some(language), None) => fence = Some(language),
            (None, Some("" | "no_run")) => words.extend(line.split(|c| !is_word(c))),
            (None, _) => {}
        }
    }
    words
}

/// What an item is called; nothing for modules and re-exports, whose contents are items, and for
/// what a macro makes of its table.
fn name_of(item: &str) -> Option<&str> {
    if item.contains('$') || item.starts_with("pub use ") || item.starts_with("pub mod ") {
        return None;
    }
    let item = item.trim_start_matches("#[non_exhaustive] ");
    let mut words = item.split(|c| !is_word(c)).filter(|word| !word.is_empty());
    words.find(|word| {
        let keywords = [
            "pub",
            "const",
            "fn",
            "struct",
            "enum",
            "trait",
            "type",
            "macro_rules",
        ];
        !keywords.contains(word)
    })
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn sources() -> Vec<(String, String)> {
    let mut files = Vec::new();
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
    collect(Path::new(directory), &mut files);
    files.sort();
    files
}

/// The sources by their names, without the modules that are for tests alone.
fn collect(directory: &Path, files: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(directory).expect("it can be read").flatten() {
        let path = entry.path();
        let name = path.to_string_lossy().into_owned();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && !name.contains("fuzzing")
            && !name.contains("tests.rs")
        {
            let start = name.find("/src/").map_or(0, |at| at + 1);
            let text = fs::read_to_string(&path).expect("it can be read");
            files.push((name[start..].to_owned(), text));
        }
    }
}

/// What is `pub` in a file: signatures, fields, constants, macros, the variants of enums and the
/// methods of traits; and whether more may come (`#[non_exhaustive]`).
fn items(text: &str) -> Vec<String> {
    let (code, _tests) = text
        .split_once("#[cfg(test)]\nmod tests")
        .unwrap_or((text, ""));
    let mut items = Vec::new();
    let mut lines = code.lines().map(strip_comment).peekable();
    let (mut is_exported, mut is_open) = (false, false);
    while let Some(line) = lines.next() {
        let indent = line.len() - line.trim_start().len();
        let line = line.trim();
        is_exported |= line == "#[macro_export]";
        is_open |= line == "#[non_exhaustive]";
        if is_exported && line.starts_with("macro_rules!") {
            is_exported = false;
        } else if !line.starts_with("pub ") {
            continue;
        }
        let openness = if is_open { "#[non_exhaustive] " } else { "" };
        is_open = false;
        let mut item = format!("{openness}{line}");
        let has_body = line.starts_with("pub enum ") || line.starts_with("pub trait ");
        let is_whole = |item: &str| item.ends_with(['{', ';', ',', '}']);
        while !is_whole(&item) || item.ends_with(',') && item.contains('(') && !item.contains(')') {
            match lines.next() {
                Some(more) => item = format!("{item} {}", more.trim()),
                None => break,
            }
        }
        items.push(item.trim_end_matches([' ', '{', ',']).to_owned());
        while has_body && !item.ends_with('}') {
            let Some(line) = lines.next() else { break };
            if line.trim() == "}" && line.len() - 1 == indent {
                break;
            }
            let depth = line.len() - line.trim_start().len();
            let line = line.trim();
            let is_member = line.starts_with("fn ") || !line.starts_with(['#', '}', ')']);
            if depth == indent + 4 && is_member && !line.is_empty() {
                items.push(format!(
                    "    {}",
                    line.trim_end_matches([' ', '{', ',', ';'])
                ));
            }
        }
    }
    items
}

fn strip_comment(line: &str) -> &str {
    let trimmed = line.trim_start();
    if trimmed.starts_with("//") { "" } else { line }
}
