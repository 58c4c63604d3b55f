//! Sending an archive: the files are opened one after the other, each in its directory.

use super::layout::{Entry, Layout, Segment};
use crate::files::{Stamp, Tree, open_file};
use crate::http::{HeaderValue, SegmentSink, Segments};
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::OwnedFd;

/// A directory as a tar archive.
#[derive(Debug)]
pub(crate) struct Archive {
    tree: Tree,
    layout: Layout,
    unreadable: usize,
    is_settled: bool,
}

impl Archive {
    pub(super) fn new(tree: Tree, layout: Layout, unreadable: usize, is_settled: bool) -> Self {
        Self {
            tree,
            layout,
            unreadable,
            is_settled,
        }
    }

    /// The entity tag: it is made of the names, sizes and times, and changes when any of them does.
    /// There is none while something in the archive might change again without a trace.
    pub(crate) fn etag(&self) -> Option<HeaderValue> {
        let [first, second] = self.layout.digest();
        let tag = || HeaderValue::displayed(format_args!("\"tar-{first:016x}{second:016x}\""));
        self.is_settled.then(tag)
    }
}

impl Segments for Archive {
    fn length(&self) -> u64 {
        self.layout.length()
    }

    fn memory(&self) -> usize {
        self.layout.size()
    }

    fn send(&self, range: Range<u64>, sink: &mut dyn SegmentSink) -> io::Result<()> {
        let mut directory = None;
        self.layout.visit(&range, |segment| match segment {
            Segment::Bytes(bytes) => sink.bytes(bytes),
            Segment::Content(number, range) => {
                let entry = self.layout.entry(number).ok_or_else(changed)?;
                let directory = self.directory(&entry, &mut directory)?;
                let file = File::from(open_file(directory, entry.name)?);
                check(&file, &entry)?;
                sink.file(&file, range)?;
                check(&file, &entry)
            }
        })
    }

    fn remark(&self) -> Option<String> {
        let count = self.unreadable;
        (count > 0).then(|| format!("the archive lacks {count} names that may not be read"))
    }
}

impl Archive {
    /// The directory that an entry is in: usually the one that is already open.
    fn directory<'d>(
        &self,
        entry: &Entry<'_>,
        open: &'d mut Option<(u32, OwnedFd)>,
    ) -> io::Result<&'d OwnedFd> {
        if open
            .as_ref()
            .is_none_or(|(number, _)| *number != entry.parent)
        {
            let mut path = Vec::new();
            self.layout.push_path(entry.parent, false, &mut path);
            *open = Some((entry.parent, self.tree.open(&path)?));
        }
        open.as_ref()
            .map(|(_, directory)| directory)
            .ok_or_else(changed)
    }
}

/// A file must match what was promised when it is sent, and still match afterwards: otherwise the
/// connection is cut, so that nobody mistakes a partial archive for the whole.
fn check(file: &File, entry: &Entry<'_>) -> io::Result<()> {
    let stamp = Stamp::from(&rustix::fs::fstat(file)?);
    let is_same = stamp.is_regular() && stamp.state == entry.state;
    (is_same && stamp.inode().1 == entry.inode)
        .then_some(())
        .ok_or_else(changed)
}

fn changed() -> io::Error {
    io::Error::other("a file changed while its archive was sent")
}
