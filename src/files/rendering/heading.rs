//! What our pages begin with: a head, and the way to the directories above.

use super::LONGEST_TEXT;
use super::name::{push_name, push_text};
use crate::http::RequestTarget;

/// What the served directory is called.
const ROOT: &[u8] = b"Files";

/// The most bytes that a heading has because of its path.
pub(super) fn longest_heading(path: &[u8], query: &str) -> usize {
    let segments = segments(path);
    let links = (0..segments.len()).rev().zip(&segments);
    // Each goes up past all segments that follow, also past those between two slashes, which have
    // no link of their own.
    let links = links.filter(|(_, segment)| !segment.is_empty());
    let links = links.map(|(follow, _)| 64 + query.len() + 3 * (follow + 1));
    3 * LONGEST_TEXT * path.len() + links.sum::<usize>()
}

/// Appends all before the body's content. The title is what `path` is after `title`.
pub(super) fn push_head(title: &str, path: &[u8], styles: &[&str], page: &mut Vec<u8>) {
    page.extend_from_slice(
        b"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
          <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
          <meta name=\"color-scheme\" content=\"light dark\">\n<title>",
    );
    page.extend_from_slice(title.as_bytes());
    push_text(&RequestTarget::new(path).to_display(), page);
    // Without an icon a browser asks for one.
    page.extend_from_slice(b"</title>\n<link rel=\"icon\" href=\"data:,\">\n");
    for style in styles {
        page.extend_from_slice(b"<style>");
        page.extend_from_slice(style.as_bytes());
        page.extend_from_slice(b"</style>\n");
    }
    page.extend_from_slice(b"</head>\n<body>\n");
}

/// Appends links to the directories above the one at `path`, and returns what that one is called.
pub(super) fn push_above(path: &[u8], query: &str, page: &mut Vec<u8>) -> Vec<u8> {
    let segments = segments(path);
    if segments.is_empty() {
        return ROOT.to_vec();
    }
    page.extend_from_slice(b"<nav aria-label=\"Folders above\"><ol>");
    let here = push_crumbs(&segments, query, page);
    page.extend_from_slice(b"</ol></nav>");
    here
}

/// Appends links to the directory at `path` and to those above it, for a page that belongs to it.
pub(super) fn push_way(path: &[u8], page: &mut Vec<u8>) {
    page.extend_from_slice(b"<nav aria-label=\"Folders\"><ol>");
    let here = push_crumbs(&segments(path), "", page);
    page.extend_from_slice(b"<li><a href=\"./\">");
    push_name(&here, page);
    page.extend_from_slice(b"</a></li></ol></nav>");
}

/// The segments of a path as they are left when a client has followed it: `.` is none, and `..` takes
/// one away (RFC 3986 §5.2.4). A path may have thousands of them that lead nowhere. Each is as the
/// client wrote it, because it is the client that follows the links.
fn segments(path: &[u8]) -> Vec<&[u8]> {
    let path = path.strip_prefix(b"/").unwrap_or(path);
    let path = path.strip_suffix(b"/").unwrap_or(path);
    let mut segments = Vec::new();
    for segment in path.split(|&byte| byte == b'/') {
        match &*RequestTarget::new(segment).to_display() {
            b"." => {}
            b".." => drop(segments.pop()),
            _ => segments.push(segment),
        }
    }
    if segments.iter().all(|segment| segment.is_empty()) {
        segments.clear();
    }
    segments
}

/// Appends a link to each directory above the last of `segments`, and returns what that one is called.
fn push_crumbs(segments: &[&[u8]], query: &str, page: &mut Vec<u8>) -> Vec<u8> {
    let mut here = ROOT.to_vec();
    let mut levels = segments.len();
    for segment in segments {
        // Two slashes stand for one.
        if !segment.is_empty() {
            push_crumb(&here, levels, query, page);
            here = RequestTarget::new(segment).to_display();
        }
        levels -= 1;
    }
    here
}

/// A link to the directory `levels` above.
fn push_crumb(name: &[u8], levels: usize, query: &str, page: &mut Vec<u8>) {
    page.extend_from_slice(b"<li><a href=\"");
    for _ in 0..levels {
        page.extend_from_slice(b"../");
    }
    page.extend_from_slice(query.as_bytes());
    page.extend_from_slice(if levels == 1 {
        b"\" rel=\"up\">"
    } else {
        b"\">"
    });
    push_name(name, page);
    page.extend_from_slice(b"</a></li>");
}
