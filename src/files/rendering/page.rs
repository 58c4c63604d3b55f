//! The page for people: a table of names, kinds, sizes and dates.
//!
//! It is one file without anything to fetch: its style and script stand in it, and the policy that it
//! is sent with names them by their digests, so that nothing else that may stand in it is run. All but
//! the filter works without the script.

use super::heading::{longest_heading, push_above, push_head};
use super::name::{push_file_name, push_name};
use super::size::{push_grouped, push_size};
use super::time::Moment;
use super::{LONGEST_LINK, LONGEST_TEXT, Rendering, Writer, is_unquoted, push_link};
use crate::files::catalogue::{Catalogue, Details};
use crate::files::kind::Kind;
use crate::files::listing::Entry;
use crate::files::sorting::{Column, Direction, Sorting};
use crate::files::unavailable::Unavailable;
use crate::http::RequestTarget;

const STYLE: &str = concat!(include_str!("common.css"), include_str!("page.css"));
const LINKS_STYLE: &str = include_str!("links.css");
const SCRIPT: &str = include_str!("page.js");

/// The digests of style and script, as the policy has them.
macro_rules! digests {
    (style) => {
        "sha256-kmsQttkzUjm9lKlwbBjagbx+wbQhie1BAAXj+lEQ2ZE="
    };
    (links) => {
        "sha256-VqlJJjdRfL2268nqaD2yW75rxS6tu4v5F7flqqWqmiY="
    };
    (script) => {
        "sha256-qNJyZuSP+Iucu8QuOgKLORxWXO1KRpOQQDyMfmnNUZU="
    };
}

/// The policy with digests of styles.
macro_rules! policy {
    ($($style:ident)+) => {
        concat!(
            "script-src 'self' '",
            digests!(script),
            "'; style-src 'self'",
            $(" '", digests!($style), "'",)+
            "; object-src 'none'; base-uri 'none'"
        )
    };
}

/// Links in the heading, to what other handlers make of the directory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Links {
    /// To the directory as an archive.
    pub(crate) archive: bool,
    /// To the form that sends files into the directory.
    pub(crate) form: bool,
}

impl Links {
    const fn is_empty(self) -> bool {
        !self.archive && !self.form
    }

    /// What a browser lets a page with these links do: what pages of this server may do, and run what
    /// is its own.
    pub(crate) const fn policy(self) -> &'static str {
        if self.is_empty() {
            policy!(style)
        } else {
            policy!(style links)
        }
    }

    /// Without links there is nothing of them, their style included.
    fn styles(self) -> &'static [&'static str] {
        if self.is_empty() {
            &[STYLE]
        } else {
            &[STYLE, LINKS_STYLE]
        }
    }

    fn push(self, page: &mut Vec<u8>) {
        if self.is_empty() {
            return;
        }
        page.extend_from_slice(b"<nav aria-label=\"This folder\">");
        if self.archive {
            page.extend_from_slice(b"<a href=\"?tar\">Download all</a>");
        }
        if self.form {
            page.extend_from_slice(b"<a href=\"?upload\">Send files</a>");
        }
        page.extend_from_slice(b"</nav>\n");
    }
}

/// Rows in one group. A browser does not lay out a group that is not in sight, so that a hundred
/// thousand rows are there at once; the style names the height of one.
///
/// When a group's style changes, or one that it inherits from, Chromium looks at each row in it. The
/// filter therefore shows a table of its own, and hides the wrapper of the large one, whose own style
/// passes nothing on. The groups follow a few in each frame, for they must not take the focus.
const ROWS_TOGETHER: usize = 128;

/// The page that shows `catalogue`, which is sorted by `sorting`, at `target`, with `links`.
///
/// # Errors
/// There is no memory for it.
pub(crate) fn page(
    target: RequestTarget<'_>,
    sorting: Sorting,
    links: Links,
    mut catalogue: Catalogue,
) -> Result<Rendering, Unavailable> {
    let size = catalogue.size();
    let mut writer = Writer::new(catalogue.reservation_mut(), size);
    let path = target.path();
    let query = query(sorting);
    let fixed = STYLE.len() + LINKS_STYLE.len() + SCRIPT.len() + 1280;
    // Most rows are shorter than this; very many may be too long for the memory there is.
    let rows = catalogue.len().min(1000) * 320;
    let page = writer.room(fixed + longest_heading(path, &query) + rows)?;
    push_head("", path, links.styles(), page);
    push_heading(path, &query, links, page);
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
        let end = b"</tbody>\n</table></div></main>\n";
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

/// The directories above, the name of this one, the links, and the filter.
fn push_heading(path: &[u8], query: &str, links: Links, page: &mut Vec<u8>) {
    page.extend_from_slice(b"<header><div>");
    let here = push_above(path, query, page);
    page.extend_from_slice(b"<h1>");
    push_name(&here, page);
    page.extend_from_slice(b"</h1></div>\n");
    links.push(page);
    page.extend_from_slice(
        b"<input type=\"search\" aria-label=\"Filter by name\" aria-keyshortcuts=\"/\" \
          placeholder=\"Filter\" autocomplete=\"off\" spellcheck=\"false\" hidden></header>\n",
    );
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
    page.extend_from_slice(b"<main><output></output><div><table role=\"table\">\n<caption>");
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

/// What is before the name in a row. Its class gives it a mark.
fn start_of_row(kind: Kind, is_link: bool) -> &'static str {
    macro_rules! start {
        ($class:literal) => {
            if is_link {
                start!(@ $class, " l")
            } else {
                start!(@ $class, "")
            }
        };
        (@ $class:literal, $link:literal) => {
            concat!(
                "<tr role=\"row\" class=\"", $class, $link,
                "\"><th scope=\"row\" role=\"rowheader\"><a href=\""
            )
        };
    }
    match kind {
        Kind::Archive => start!("z"),
        Kind::Audio | Kind::Video => start!("m"),
        Kind::BrokenLink => start!("b"),
        Kind::Document | Kind::Text => start!("t"),
        Kind::File | Kind::Font | Kind::Special => start!("f"),
        Kind::Folder => start!("d"),
        Kind::Image => start!("i"),
    }
}

/// Appends the row of one name.
fn push_row(entry: Entry<'_>, details: &Details, query: &str, page: &mut Vec<u8>) {
    let is_link = entry.is_link && details.kind != Kind::BrokenLink;
    page.extend_from_slice(start_of_row(details.kind, is_link).as_bytes());
    let is_unquoted = is_unquoted(entry.name);
    if is_unquoted {
        page.extend_from_slice(entry.name);
    } else {
        push_link(entry.name, page);
    }
    if entry.is_directory {
        page.push(b'/');
        page.extend_from_slice(query.as_bytes());
    }
    page.extend_from_slice(b"\">");
    if is_unquoted {
        page.extend_from_slice(entry.name);
    } else {
        push_file_name(entry, page);
    }
    page.extend_from_slice(b"</a></th><td role=\"cell\">");
    page.extend_from_slice(details.kind.word().as_bytes());
    if is_link {
        page.extend_from_slice(b" (link)");
    }
    push_size_cell(details.size, page);
    push_time_cell(details.modified, page);
    page.extend_from_slice(b"</td></tr>\n");
}

/// Appends the cell of a size, up to its end: binary units, and the exact number where they hide
/// it.
fn push_size_cell(size: Option<u64>, page: &mut Vec<u8>) {
    page.extend_from_slice(b"</td><td role=\"cell\"");
    if let Some(size) = size.filter(|&size| size >= 1024) {
        page.extend_from_slice(b" title=\"");
        push_grouped(size, page);
        page.extend_from_slice(b" bytes\"");
    }
    page.push(b'>');
    if let Some(size) = size {
        push_size(size, page);
    }
}

/// Appends the cell of a time, up to its end, in the zone of this machine.
fn push_time_cell(modified: Option<i64>, page: &mut Vec<u8>) {
    let Some(moment) = modified.and_then(Moment::local) else {
        return page.extend_from_slice(b"</td><td role=\"cell\">");
    };
    let text = moment.to_rfc_3339();
    page.extend_from_slice(b"</td><td role=\"cell\"><time datetime=\"");
    page.extend_from_slice(text.as_bytes());
    page.extend_from_slice(b"\">");
    page.extend_from_slice(&text.minute());
    page.extend_from_slice(b"</time>");
}

#[cfg(test)]
pub(super) mod tests;
