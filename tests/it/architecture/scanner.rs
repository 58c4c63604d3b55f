//! Finds what a source file imports, with a small scanner instead of a parser.
//!
//! It drops comments, literals and `#[cfg(test)]` items, then follows every
//! path that starts at the crate's root, whether written `crate::…`,
//! `super::super::…` or inside braces. A path that a macro puts together out of
//! pieces it does not see.

/// The names directly below the crate's root that a file `depth` modules deep
/// refers to, outside its tests.
pub(super) fn imports(source: &str, depth: usize) -> Vec<Token<'_>> {
    let all = tokens(source);
    let kept = without_tests(&all);
    let mut found = Vec::new();
    // For each open brace, whether it opened a module.
    let mut braces = Vec::new();
    let mut before = ["", ""];
    let mut rest = kept.as_slice();
    while let [token, tail @ ..] = rest {
        rest = tail;
        match token.text {
            "{" => braces.push(before.first() == Some(&"mod")),
            "}" => {
                braces.pop();
            }
            "crate" => follow(tail, 0, &mut found),
            "super" if before.last() != Some(&"::") => {
                let modules = depth + braces.iter().filter(|is_module| **is_module).count();
                follow(tail, modules.saturating_sub(1), &mut found);
            }
            _ => {}
        }
        let [_, last] = before;
        before = [last, token.text];
    }
    found
}

/// Continues a path at its next `::`, `height` modules above the root.
fn follow<'a>(path: &[Token<'a>], height: usize, found: &mut Vec<Token<'a>>) {
    let [colons, segment @ ..] = path else { return };
    if colons.text == "::" {
        segments(segment, height, found);
    }
}

/// Notes the first name of a path (or of each path of a group) that stands
/// directly below the root.
fn segments<'a>(path: &[Token<'a>], height: usize, found: &mut Vec<Token<'a>>) {
    let [head, tail @ ..] = path else { return };
    match head.text {
        "super" => follow(tail, height.saturating_sub(1), found),
        "{" => {
            for item in group_items(tail) {
                segments(item, height, found);
            }
        }
        _ if height == 0 => found.push(*head),
        _ => {}
    }
}

/// Where each item of a brace group starts, given what follows its `{`.
fn group_items<'s, 'a>(group: &'s [Token<'a>]) -> Vec<&'s [Token<'a>]> {
    let mut items = vec![group];
    let mut depth = 0_usize;
    let mut rest = group;
    while let [token, tail @ ..] = rest {
        rest = tail;
        match token.text {
            "{" => depth += 1,
            "}" if depth == 0 => break,
            "}" => depth -= 1,
            "," if depth == 0 => items.push(tail),
            _ => {}
        }
    }
    items.retain(|item| item.first().is_some_and(|first| first.text != "}"));
    items
}

/// Drops every item under a `#[cfg(test)]`.
fn without_tests<'a>(all: &[Token<'a>]) -> Vec<Token<'a>> {
    let mut kept = Vec::new();
    let mut rest = all;
    while let [token, tail @ ..] = rest {
        rest = match attribute(rest) {
            Some((inside, after)) if is_test_only(inside) => after_item(after),
            _ => {
                kept.push(*token);
                tail
            }
        };
    }
    kept
}

/// Splits `#[…] rest` into what is inside the brackets and the rest.
fn attribute<'s, 'a>(rest: &'s [Token<'a>]) -> Option<(&'s [Token<'a>], &'s [Token<'a>])> {
    let [hash, open, inside @ ..] = rest else {
        return None;
    };
    if hash.text != "#" || open.text != "[" {
        return None;
    }
    let mut depth = 1_usize;
    let end = inside.iter().position(|token| {
        match token.text {
            "[" => depth += 1,
            "]" => depth -= 1,
            _ => {}
        }
        depth == 0
    })?;
    let (inside, after) = inside.split_at(end);
    Some((inside, after.get(1..)?))
}

fn is_test_only(attribute: &[Token<'_>]) -> bool {
    let has = |word| attribute.iter().any(|token| token.text == word);
    attribute.first().is_some_and(|first| first.text == "cfg") && has("test") && !has("not")
}

/// What follows an item: it ends at its `;` or at the brace that closes its body
/// (after a `use` group the `;` stays behind, which harms nothing).
fn after_item<'s, 'a>(item: &'s [Token<'a>]) -> &'s [Token<'a>] {
    let mut rest = item;
    while let Some((_, after)) = attribute(rest) {
        rest = after;
    }
    let mut depth = 0_usize;
    while let [token, tail @ ..] = rest {
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" if depth == 0 => return rest,
            ")" | "]" => depth -= 1,
            "}" => {
                depth -= 1;
                if depth == 0 {
                    return tail;
                }
            }
            ";" if depth == 0 => return tail,
            _ => {}
        }
        rest = tail;
    }
    rest
}

/// A word, a `::` or a single other character, and its line.
#[derive(Clone, Copy)]
pub(super) struct Token<'a> {
    pub(super) text: &'a str,
    pub(super) line: usize,
}

pub(super) fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut line = 1;
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let ignored = ignorable(rest);
        let length = ignored.unwrap_or_else(|| match word(rest) {
            0 if rest.starts_with("::") => 2,
            0 => first.len_utf8(),
            length => length,
        });
        let (text, after) = rest.split_at(length);
        if ignored.is_none() {
            found.push(Token { text, line });
        }
        line += text.matches('\n').count();
        rest = after;
    }
    found
}

fn word(rest: &str) -> usize {
    rest.find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(rest.len())
}

/// The length of the white space, comment or literal that `rest` starts with.
fn ignorable(rest: &str) -> Option<usize> {
    let first = rest.chars().next()?;
    if first.is_whitespace() {
        Some(first.len_utf8())
    } else if rest.starts_with("//") {
        Some(rest.find('\n').unwrap_or(rest.len()))
    } else if rest.starts_with("/*") {
        Some(block_comment(rest))
    } else {
        string(rest).or_else(|| character(rest))
    }
}

/// Block comments nest in Rust.
fn block_comment(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(here) = rest.get(at..).filter(|here| !here.is_empty()) {
        if here.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if here.starts_with("*/") {
            depth -= 1;
            at += 2;
        } else {
            at += here.chars().next().map_or(1, char::len_utf8);
        }
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

/// `"…"`, `r#"…"#` and their `b` and `c` forms.
fn string(rest: &str) -> Option<usize> {
    let unprefixed = rest.strip_prefix(['b', 'c']).unwrap_or(rest);
    if let Some(raw) = unprefixed.strip_prefix('r') {
        let quoted = raw.trim_start_matches('#');
        let hashes = raw.len() - quoted.len();
        let end = format!("\"{}", "#".repeat(hashes));
        let body = quoted.strip_prefix('"')?;
        let length = body.find(&end).map_or(body.len(), |at| at + end.len());
        return Some(rest.len() - body.len() + length);
    }
    let body = unprefixed.strip_prefix('"')?;
    let mut escaped = false;
    let close = body.find(|c| {
        let closes = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        closes
    });
    Some(rest.len() - body.len() + close.map_or(body.len(), |at| at + 1))
}

/// `'x'` and `'\n'`, but not the lifetime `'x`.
fn character(rest: &str) -> Option<usize> {
    let body = rest.strip_prefix('\'')?;
    let mut characters = body.char_indices();
    let (_, first) = characters.next()?;
    let (close, _) = if first == '\\' {
        characters.next()?;
        characters.find(|(_, c)| *c == '\'')?
    } else {
        characters.next().filter(|(_, c)| *c == '\'')?
    };
    Some(close + "''".len())
}

#[test]
fn the_scanner_finds_every_way_to_write_an_import() {
    let cases: &[(&str, &[&str])] = &[
        ("use crate::http::Version;", &["http"]),
        ("use crate::{http::{self, Body}, sys};", &["http", "sys"]),
        ("pub use crate :: wire as w;", &["wire"]),
        (
            "fn f() -> crate::files::Root { crate::sys::now() }",
            &["files", "sys"],
        ),
        ("use super::super::server::Server;", &["server"]),
        ("use super::{a, super::config::Config};", &["config"]),
        ("use super::sibling;", &[]),
        ("mod inner { use super::super::sibling; }", &[]),
        ("mod inner { use super::super::super::cli; }", &["cli"]),
        (
            "pub(crate) fn f() {} pub(in crate::http) fn g() {}",
            &["http"],
        ),
        ("use crate::*;", &["*"]),
        ("use crate::{self as rhttp};", &["self"]),
        ("macro_rules! m { () => { $crate::cgi::run() } }", &["cgi"]),
        (
            "// crate::server\n/* crate::cli /* nested */ crate::lib */",
            &[],
        ),
        (r#"const A: &str = "crate::server \" crate::cli";"#, &[]),
        (
            r##"const B: &str = r#"crate::server " "#; use crate::sys;"##,
            &["sys"],
        ),
        (
            r"const C: [char; 3] = ['\'', '\\', '{']; use crate::sys;",
            &["sys"],
        ),
        (
            "fn f<'a>(a: &'a str) -> &'a crate::http::Body {}",
            &["http"],
        ),
        (
            "#[cfg(test)] mod tests { use crate::server::Server; } use crate::http;",
            &["http"],
        ),
        (
            "#[cfg(test)] #[allow(x)] use crate::server::{A, B}; use crate::http;",
            &["http"],
        ),
        (
            "#[cfg(all(test, unix))] fn f() { crate::server::x() } use crate::sys;",
            &["sys"],
        ),
        ("#[cfg(not(test))] use crate::server;", &["server"]),
    ];
    for (source, expected) in cases {
        // As if it stood in a file such as src/files/root.rs: two modules deep.
        let found: Vec<_> = imports(source, 2).iter().map(|found| found.text).collect();
        assert_eq!(&found, expected, "in {source}");
    }
}
