//! The public interface of the library, as a list that is checked in: a change of it shows.
//!
//! `RHTTP_UPDATE_INTERFACE=1 cargo test --test it public_interface` writes the list anew.

use std::fs;
use std::path::Path;

const LIST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/public_interface.txt");

/// What the crate's root exports is public, and all that is `pub` can be reached from there: a lint
/// sees to that (`unreachable_pub`). So the list is what the sources call `pub`.
#[test]
fn the_public_interface_is_as_it_was() {
    let mut files = Vec::new();
    collect(
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")),
        &mut files,
    );
    files.sort();
    let mut list = Vec::new();
    for (name, text) in &files {
        let items = items(text);
        if !items.is_empty() {
            list.push(name.clone());
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

/// What is `pub` in a file: signatures, fields, constants, the variants of enums and the methods of
/// traits.
fn items(text: &str) -> Vec<String> {
    let (code, _tests) = text
        .split_once("#[cfg(test)]\nmod tests")
        .unwrap_or((text, ""));
    let mut items = Vec::new();
    let mut lines = code.lines().map(strip_comment).peekable();
    while let Some(line) = lines.next() {
        let indent = line.len() - line.trim_start().len();
        let line = line.trim();
        if !line.starts_with("pub ") {
            continue;
        }
        let mut item = line.to_owned();
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
