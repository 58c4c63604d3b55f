//! The page for people: a table of names, kinds, sizes and dates.
//!
//! It is one file without anything to fetch: its style and script stand in it, and the policy that it
//! is sent with names them by their digests, so that nothing else that may stand in it is run. All but
//! the filter works without the script.

use super::name::{push_file_name, push_name, push_text};
use super::size::{push_grouped, push_size};
use super::time::Moment;
use super::{LONGEST_LINK, LONGEST_TEXT, Rendering, Writer, push_link};
use crate::files::catalogue::{Catalogue, Details};
use crate::files::kind::Kind;
use crate::files::listing::Entry;
use crate::files::sorting::{Column, Direction, Sorting};
use crate::files::unavailable::Unavailable;
use crate::http::RequestTarget;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The digests of style and script, as the policy has them.
macro_rules! digests {
    (style) => {
        "sha256-RvGv5ZnNChK9bvrma9jm8xdFa1q06ayYf7LqynSJ4wM="
    };
    (script) => {
        "sha256-RFl9AZoqkxyuj/hn5GeTGvRkgr3iHt9ErO3WuUs90QE="
    };
}

/// What a browser lets the page do: what pages of this server may do, and run what is its own.
pub(crate) const POLICY: &str = concat!(
    "script-src 'self' '",
    digests!(script),
    "'; style-src 'self' '",
    digests!(style),
    "'; object-src 'none'; base-uri 'none'"
);

/// Rows in one group. A browser does not lay out a group that is not in sight, so that a hundred
/// thousand rows are there at once; the style names the height of one.
const ROWS_TOGETHER: usize = 128;

/// The page that shows `catalogue`, which is sorted by `sorting`, at `target`.
///
/// # Errors
/// There is no memory for it.
pub(crate) fn page(
    target: RequestTarget<'_>,
    sorting: Sorting,
    mut catalogue: Catalogue,
) -> Result<Rendering, Unavailable> {
    let size = catalogue.size();
    let mut writer = Writer::new(catalogue.reservation_mut(), size);
    let path = target.path();
    let query = query(sorting);
    // Each segment has a link that goes up past all that follow it.
    let depth = path.split(|&byte| byte == b'/').count();
    let longest = (3 * LONGEST_TEXT * path.len()) + depth * (64 + query.len() + 3 * depth);
    let page = writer.room(STYLE.len() + SCRIPT.len() + 1024 + longest)?;
    push_head(path, page);
    push_heading(path, &query, page);
    let totals = Totals::of(&catalogue);
    if totals.is_empty() {
        page.extend_from_slice(b"<main><p>This folder is empty.</p></main>\n");
    } else {
        push_table_head(&totals, sorting, page);
        for (place, (entry, details)) in catalogue.iter().enumerate() {
            let page = writer.room(512 + (LONGEST_LINK + LONGEST_TEXT) * entry.name.len())?;
            if place % ROWS_TOGETHER == 0 {
                page.extend_from_slice(if place == 0 { b"" } else { b"</tbody>\n" });
                page.extend_from_slice(b"<tbody role=\"rowgroup\">\n");
            }
            push_row(entry, details, &query, page);
        }
        let end = b"</tbody>\n</table></main>\n";
        writer.room(end.len())?.extend_from_slice(end);
    }
    drop(catalogue);
    let page = writer.room(SCRIPT.len() + 64)?;
    page.extend_from_slice(b"<script>");
    page.extend_from_slice(SCRIPT.as_bytes());
    page.extend_from_slice(b"</script>\n</body>\n</html>\n");
    writer.finish()
}

/// The query of the links to other directories: none for the usual order.
fn query(sorting: Sorting) -> String {
    if sorting == Sorting::default() {
        return String::new();
    }
    let Sorting { column, direction } = sorting;
    format!("?sort={}&amp;order={}", column.word(), direction.word())
}

fn push_head(path: &[u8], page: &mut Vec<u8>) {
    page.extend_from_slice(
        b"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
          <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
          <meta name=\"color-scheme\" content=\"light dark\">\n<title>",
    );
    push_text(&RequestTarget::new(path).to_display(), page);
    // Without an icon a browser asks for one.
    page.extend_from_slice(b"</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>");
    page.extend_from_slice(STYLE.as_bytes());
    page.extend_from_slice(b"</style>\n</head>\n<body>\n");
}

/// The directories above, the name of this one, and the filter.
fn push_heading(path: &[u8], query: &str, page: &mut Vec<u8>) {
    const ROOT: &[u8] = b"Files";
    // As the client wrote them, because it is the client that follows the links.
    let written = path.strip_prefix(b"/").unwrap_or(path);
    let written = written.strip_suffix(b"/").unwrap_or(written);
    let mut here = ROOT.to_vec();
    page.extend_from_slice(b"<header><div>");
    let segments = without_dots(written);
    if !segments.is_empty() {
        let mut levels = segments.len();
        page.extend_from_slice(b"<nav aria-label=\"Folders above\"><ol>");
        for segment in segments {
            // Two slashes stand for one.
            if !segment.is_empty() {
                push_crumb(&here, levels, query, page);
                here = RequestTarget::new(segment).to_display();
            }
            levels -= 1;
        }
        page.extend_from_slice(b"</ol></nav>");
    }
    page.extend_from_slice(b"<h1>");
    push_name(&here, page);
    page.extend_from_slice(
        b"</h1></div>\n<input type=\"search\" aria-label=\"Filter by name\" aria-keyshortcuts=\"/\" \
          placeholder=\"Filter\" autocomplete=\"off\" spellcheck=\"false\" hidden></header>\n",
    );
}

/// The segments of a path as they are left when a client has followed it: `.` is none, and `..` takes
/// one away (RFC 3986 §5.2.4). A path may have thousands of them that lead nowhere.
fn without_dots(path: &[u8]) -> Vec<&[u8]> {
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

/// How many there are of what.
#[derive(Default)]
struct Totals {
    folders: u64,
    files: u64,
    others: u64,
    bytes: u64,
}

impl Totals {
    fn of(catalogue: &Catalogue) -> Self {
        let mut totals = Self::default();
        for (_, details) in catalogue.iter() {
            match details.kind {
                Kind::Folder => totals.folders += 1,
                Kind::Special | Kind::BrokenLink => totals.others += 1,
                _ => totals.files += 1,
            }
            totals.bytes = totals.bytes.saturating_add(details.size.unwrap_or(0));
        }
        totals
    }

    fn is_empty(&self) -> bool {
        self.folders + self.files + self.others == 0
    }

    /// `2 folders, 1 file, 5.0 KiB`
    fn push(&self, page: &mut Vec<u8>) {
        let mut separator: &[u8] = b"";
        for (count, one, several) in [
            (self.folders, " folder", " folders"),
            (self.files, " file", " files"),
            (self.others, " other", " others"),
        ] {
            if count > 0 {
                page.extend_from_slice(separator);
                push_grouped(count, page);
                page.extend_from_slice(if count == 1 { one } else { several }.as_bytes());
                separator = b", ";
            }
        }
        if self.files > 0 {
            page.extend_from_slice(separator);
            push_size(self.bytes, page);
        }
    }
}

fn push_table_head(totals: &Totals, sorting: Sorting, page: &mut Vec<u8>) {
    page.extend_from_slice(b"<main><output></output><table role=\"table\">\n<caption>");
    totals.push(page);
    page.extend_from_slice(b"</caption>\n<thead role=\"rowgroup\"><tr role=\"row\">");
    for column in Column::ALL {
        let (title, usual) = match column {
            Column::Name => ("Name", Direction::Ascending),
            Column::Kind => ("Kind", Direction::Ascending),
            Column::Size => ("Size", Direction::Descending),
            Column::Time => ("Modified", Direction::Descending),
        };
        let (sorted, next) = match sorting.direction {
            _ if column != sorting.column => ("", usual),
            now @ Direction::Ascending => (" aria-sort=\"ascending\"", now.opposite()),
            now @ Direction::Descending => (" aria-sort=\"descending\"", now.opposite()),
        };
        for part in [
            "<th scope=\"col\" role=\"columnheader\"",
            sorted,
            "><a href=\"?sort=",
            column.word(),
            "&amp;order=",
            next.word(),
            "\">",
            title,
            "</a></th>",
        ] {
            page.extend_from_slice(part.as_bytes());
        }
    }
    page.extend_from_slice(b"</tr></thead>\n");
}

/// Appends the row of one name.
fn push_row(entry: Entry<'_>, details: &Details, query: &str, page: &mut Vec<u8>) {
    page.extend_from_slice(b"<tr role=\"row\" class=\"");
    page.extend_from_slice(match details.kind {
        Kind::Archive => b"z",
        Kind::Audio | Kind::Video => b"m",
        Kind::BrokenLink => b"b",
        Kind::Document | Kind::Text => b"t",
        Kind::File | Kind::Font | Kind::Special => b"f",
        Kind::Folder => b"d",
        Kind::Image => b"i",
    });
    let is_link = entry.is_link && details.kind != Kind::BrokenLink;
    page.extend_from_slice(if is_link { b" l\">" } else { b"\">" });
    page.extend_from_slice(b"<th scope=\"row\" role=\"rowheader\"><a href=\"");
    push_link(entry.name, page);
    if entry.is_directory {
        page.push(b'/');
        page.extend_from_slice(query.as_bytes());
    }
    page.extend_from_slice(b"\">");
    push_file_name(entry, page);
    page.extend_from_slice(b"</a></th><td role=\"cell\">");
    page.extend_from_slice(details.kind.word().as_bytes());
    page.extend_from_slice(if is_link { b" (link)</td>" } else { b"</td>" });
    push_size_cell(details.size, page);
    push_time_cell(details.modified, page);
    page.extend_from_slice(b"</tr>\n");
}

/// Appends the cell of a size: binary units, and the exact number where they hide it.
fn push_size_cell(size: Option<u64>, page: &mut Vec<u8>) {
    let Some(size) = size else {
        page.extend_from_slice(b"<td role=\"cell\"></td>");
        return;
    };
    if size < 1024 {
        page.extend_from_slice(b"<td role=\"cell\">");
    } else {
        page.extend_from_slice(b"<td role=\"cell\" title=\"");
        push_grouped(size, page);
        page.extend_from_slice(b" bytes\">");
    }
    push_size(size, page);
    page.extend_from_slice(b"</td>");
}

/// Appends the cell of a time, in the zone of this machine.
fn push_time_cell(modified: Option<i64>, page: &mut Vec<u8>) {
    let Some(moment) = modified.and_then(Moment::local) else {
        page.extend_from_slice(b"<td role=\"cell\"></td>");
        return;
    };
    page.extend_from_slice(b"<td role=\"cell\"><time datetime=\"");
    moment.push_rfc_3339(page);
    page.extend_from_slice(b"\">");
    moment.push_minute(page);
    page.extend_from_slice(b"</time></td>");
}

#[cfg(test)]
mod tests;
