//! The last listings, with what they were made of.
//!
//! Each request for a listing reads the directory and examines every name in it. If that shows what
//! it showed before, the text that was made of it then is sent again. All that the text depends on is
//! compared, so it cannot be stale.

use super::catalogue::{Catalogue, Details};
use super::kind::Kind;
use super::open_files::hash;
use super::rendering::{Links, Rendering};
use super::reservation::ON_HEAP;
use super::root::Directory;
use super::sorting::Sorting;
use super::unavailable::Unavailable;
use crate::http::{Body, Headers, Validators};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many listings are remembered at most. Two directories that share a slot evict each other.
const SLOTS: usize = 8;
/// Bytes that one may take at most.
const MOST_BYTES: usize = ON_HEAP;

/// What is shown of a directory, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum View {
    /// The page for people.
    Page(Sorting, Links),
    /// JSON.
    Json(Sorting),
}

/// What is sent with a listing.
#[derive(Clone, Debug)]
pub(crate) struct Metadata {
    pub(crate) fields: Headers,
    pub(crate) validators: Validators,
}

/// A listing that has been sent.
#[derive(Debug)]
pub(crate) struct Remembered {
    path: Box<[u8]>,
    pub(crate) view: View,
    snapshot: Snapshot,
    pub(crate) metadata: Metadata,
    pub(crate) rendering: Arc<Rendering>,
}

type Slot = Mutex<Option<Arc<Remembered>>>;

/// The last listings, by the paths of their targets.
#[derive(Debug, Default)]
pub(crate) struct RememberedListings([Slot; SLOTS]);

/// What was in a directory, in the order in which it was read.
#[derive(Debug)]
pub(crate) struct Snapshot {
    /// Names, each with the NUL after it.
    names: Box<[u8]>,
    /// Whether each is a link, and its details.
    entries: Box<[(bool, Details)]>,
}

impl View {
    /// The order of names in it.
    pub(crate) fn sorting(self) -> Sorting {
        match self {
            Self::Page(sorting, _) | Self::Json(sorting) => sorting,
        }
    }
}

impl RememberedListings {
    fn slot(&self, path: &[u8]) -> Option<&Slot> {
        let place = usize::try_from(hash(path)).ok()?;
        self.0.get(place % SLOTS)
    }

    /// What was sent last for the directory at `path`.
    pub(crate) fn find(&self, path: &[u8]) -> Option<Arc<Remembered>> {
        let slot = lock(self.slot(path)?);
        let found = slot.as_ref().filter(|found| *found.path == *path);
        found.map(Arc::clone)
    }

    /// The content of a response, which is remembered unless it is large or has no snapshot.
    pub(crate) fn content(
        &self,
        path: &[u8],
        view: View,
        snapshot: Option<Snapshot>,
        metadata: &Metadata,
        mut rendering: Rendering,
    ) -> Body {
        let size = rendering.as_ref().len();
        let is_small = |snapshot: &Snapshot| size + snapshot.size() <= MOST_BYTES;
        let snapshot = snapshot.filter(is_small);
        let (Some(snapshot), Some(slot)) = (snapshot, self.slot(path)) else {
            return rendering.into();
        };
        if rendering.drop_spare_room().is_err() {
            return rendering.into();
        }
        let rendering = Arc::new(rendering);
        let remembered = Remembered {
            path: path.into(),
            view,
            snapshot,
            metadata: metadata.clone(),
            rendering: Arc::clone(&rendering),
        };
        let before = lock(slot).replace(remembered.into());
        drop(before);
        rendering.into()
    }

    /// Forgets all listings, because their memory is needed; returns false if there were none.
    pub(crate) fn forget(&self) -> bool {
        let forgotten = self.0.iter().filter(|slot| lock(slot).take().is_some());
        forgotten.count() > 0
    }
}

impl Remembered {
    /// Whether the directory shows the same now.
    pub(crate) fn is_of(&self, directory: &Directory<'_>) -> bool {
        let mut names = &*self.snapshot.names;
        let mut entries = self.snapshot.entries.iter();
        let examined = directory.examine(|name, is_link, look| {
            let rest = names.strip_prefix(name);
            let rest = rest.and_then(|rest| rest.strip_prefix(b"\0"));
            let is_same = |(was_link, details): &(bool, Details)| {
                // The kind of a file follows from its name, which is the same.
                let kind = Some(details.kind).filter(|_| details.is_file());
                let seen = Details::of(look, || kind.unwrap_or(Kind::File));
                *was_link == is_link && *details == seen
            };
            names = rest
                .filter(|_| entries.next().is_some_and(is_same))
                .ok_or(Unavailable::Absent)?;
            Ok(())
        });
        examined.is_ok() && names.is_empty()
    }
}

impl Snapshot {
    /// What a listing is made of, unless it is large.
    pub(crate) fn of(catalogue: &Catalogue) -> Option<Self> {
        if catalogue.size() > MOST_BYTES {
            return None;
        }
        let all = || catalogue.in_order_of_addition();
        let mut names = Vec::new();
        let size = all().map(|(entry, _)| entry.name.len() + 1).sum();
        names.try_reserve_exact(size).ok()?;
        let mut entries = Vec::new();
        entries.try_reserve_exact(catalogue.len()).ok()?;
        for (entry, details) in all() {
            names.extend_from_slice(entry.name);
            names.push(0);
            entries.push((entry.is_link, *details));
        }
        Some(Self {
            names: names.into(),
            entries: entries.into(),
        })
    }

    /// How many bytes it takes.
    fn size(&self) -> usize {
        self.names.len() + size_of_val(&*self.entries)
    }
}

fn lock(slot: &Slot) -> MutexGuard<'_, Option<Arc<Remembered>>> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::rendering::json;
    use crate::files::sorting::{Column, Direction};
    use crate::files::{Node, Root};
    use std::fs;
    use std::path::Path;

    type Change<'c> = &'c dyn Fn() -> std::io::Result<()>;

    const VIEW: View = View::Json(Sorting {
        column: Column::Name,
        direction: Direction::Ascending,
    });

    /// Whether the listing of a directory is remembered.
    fn is_remembered(listings: &RememberedListings, path: &Path) -> bool {
        let root = Root::new(path);
        let Ok(Node::Directory(directory)) = root.open(b"", Headers::new) else {
            panic!("it is a directory");
        };
        if let Some(found) = listings.find(b"/d/") {
            return found.is_of(&directory);
        }
        let catalogue = directory.catalogue(|_| Kind::File).expect("it is read");
        let snapshot = Snapshot::of(&catalogue);
        let rendering = json(catalogue).expect("there is memory for it");
        let metadata = Metadata {
            fields: Headers::new(),
            validators: Validators::default(),
        };
        let text = rendering.as_ref().to_vec();
        let body = listings.content(b"/d/", VIEW, snapshot, &metadata, rendering);
        assert_eq!(body.as_bytes(), Some(&*text));
        // It counts as what its connection holds: if the client does not read, another may need it.
        assert_eq!(body.memory() == text.len(), text.len() > 64 * 1024);
        listings.find(b"/d/").is_some_and(|found| {
            let kept = (*found.rendering).as_ref();
            assert_eq!((kept, found.view), (&*text, VIEW));
            found.is_of(&directory)
        })
    }

    #[test]
    fn a_listing_is_remembered_as_long_as_the_directory_shows_it() {
        let tree = tempfile::tempdir().expect("a temporary directory");
        let path = |name: &str| tree.path().join(name);
        for name in ["a", "b", "c"] {
            fs::write(path(name), name).expect("a file");
        }
        fs::create_dir(path("d")).expect("a directory");
        let listings = RememberedListings::default();
        assert!(listings.find(b"/d/").is_none());
        for _ in 0..2 {
            assert!(is_remembered(&listings, tree.path()));
        }
        assert!(listings.find(b"/e/").is_none());
        let changes: [(Change<'_>, Change<'_>); 3] = [
            (&|| fs::write(path("e"), "e"), &|| {
                fs::remove_file(path("e"))
            }),
            (&|| fs::rename(path("c"), path("e")), &|| {
                fs::rename(path("e"), path("c"))
            }),
            (&|| fs::remove_dir(path("d")), &|| fs::write(path("d"), "")),
        ];
        for (change, back) in changes {
            change().expect("it is ours");
            assert!(!is_remembered(&listings, tree.path()));
            back().expect("it is ours");
        }
        assert!(!is_remembered(&listings, tree.path()), "that is a file now");
    }

    #[test]
    fn a_large_listing_is_not_remembered() {
        let listings = RememberedListings::default();
        let tree = tempfile::tempdir().expect("a temporary directory");
        let path = |number: usize| tree.path().join(format!("{number:060}"));
        let remove = |numbers: std::ops::Range<usize>| {
            numbers.for_each(|number| fs::remove_file(path(number)).expect("it was there"));
        };
        for number in 0..5000 {
            fs::write(path(number), "").expect("a file");
        }
        assert!(!is_remembered(&listings, tree.path()));
        // The names take less, but the text is still too long.
        remove(2000..5000);
        assert!(!is_remembered(&listings, tree.path()));
        remove(1000..2000);
        assert!(is_remembered(&listings, tree.path()));
        assert!(listings.forget());
        assert!(listings.find(b"/d/").is_none());
        assert!(!listings.forget());
    }
}
