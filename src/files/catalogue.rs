//! The names in a directory with their metadata: size, time, kind.

use super::kind::Kind;
use super::listing::{Entry, Listing, lower_case};
use super::names::for_each_name;
use super::open_files::Stamp;
use super::reservation::{Reservation, grow};
use super::sorting::{Column, Direction, Sorting};
use super::unavailable::Unavailable;
use rustix::fs::{AtFlags, FileType, Stat};
use rustix::io::Errno;
use std::cmp::Ordering;
use std::ffi::CStr;
use std::hash::{Hash, Hasher};
use std::os::fd::BorrowedFd;

/// The metadata of a name, links followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Details {
    pub(crate) kind: Kind,
    /// The size of a file in bytes.
    pub(crate) size: Option<u64>,
    /// When it was modified, in seconds since 1970; unknown if it may not be examined.
    pub(crate) modified: Option<i64>,
}

/// The names in a directory, with details.
#[derive(Debug)]
pub(crate) struct Catalogue {
    listing: Listing,
    /// The details of each name, in the listing's order.
    details: Vec<Details>,
    /// The names in the order of the catalogue.
    order: Vec<Place>,
}

/// Where a name is, and what decides most comparisons of it with another one.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// As much of the order as fits into a number: if that of one name is less than that of another,
    /// the name comes first.
    rank: u128,
    /// An index into the listing and the details.
    index: u32,
}

/// How many bytes of a sort key fit into a rank, after one that puts directories first.
const LEAD: usize = 15;
/// The greatest number of that many bytes.
const MOST_LEAD: u128 = (1 << (8 * LEAD)) - 1;

/// What is seen of a name, links followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Look {
    /// Unknown of a link that leads nowhere, or to a place where it may not be followed.
    kind: Option<FileType>,
    size: Option<u64>,
    modified: Option<i64>,
}

impl Details {
    /// What a name shows; if it is a file, it is of this kind.
    pub(super) fn of(look: Look, file: impl FnOnce() -> Kind) -> Self {
        let Look {
            kind,
            size,
            modified,
        } = look;
        let kind = match kind {
            None => Kind::BrokenLink,
            Some(FileType::Directory) => Kind::Folder,
            Some(FileType::RegularFile) => file(),
            Some(_) => Kind::Special,
        };
        Self {
            kind,
            size,
            modified,
        }
    }

    fn is_directory(&self) -> bool {
        self.kind == Kind::Folder
    }

    /// Whether it is a file, links followed.
    pub(crate) fn is_file(&self) -> bool {
        !matches!(self.kind, Kind::Folder | Kind::Special | Kind::BrokenLink)
    }
}

impl Catalogue {
    /// An empty catalogue.
    pub(crate) fn new() -> Self {
        Self {
            listing: Listing::new(),
            details: Vec::new(),
            order: Vec::new(),
        }
    }

    /// Adds a name at the end.
    ///
    /// # Errors
    /// No memory is available for it.
    pub(crate) fn push(
        &mut self,
        name: &[u8],
        is_link: bool,
        details: Details,
    ) -> Result<(), Unavailable> {
        grow(&mut self.details, 1)?;
        grow(&mut self.order, 1)?;
        self.listing.add_naturally(Entry {
            name,
            is_directory: details.is_directory(),
            is_link,
        })?;
        let index = u32::try_from(self.details.len()).map_err(|_| Unavailable::Shortage)?;
        self.order.push(Place { rank: 0, index });
        self.details.push(details);
        let size = self.size();
        self.listing.reservation_mut().resize(size)
    }

    /// Puts directories first, and sorts all names by a column. Names that are equal in the column
    /// stay in natural order.
    pub(crate) fn sort(&mut self, sorting: Sorting) {
        let Self {
            listing,
            details,
            order,
        } = self;
        let get = |place: &Place| {
            let (entry, key) = listing.get(place.index())?;
            Some((entry, key, details.get(place.index())?))
        };
        let by_column_and_name = |a: &Place, b: &Place| {
            let (Some((a, a_key, of_a)), Some((b, b_key, of_b))) = (get(a), get(b)) else {
                return Ordering::Equal;
            };
            let by_name = || {
                let in_lower_case = || lower_case(a.name).cmp(&lower_case(b.name));
                let order = a_key.cmp(b_key).then_with(in_lower_case);
                order.then_with(|| a.name.cmp(b.name))
            };
            let by_column = match sorting.column {
                Column::Name => by_name(),
                Column::Kind => of_a.kind.cmp(&of_b.kind),
                Column::Size => of_a.size.cmp(&of_b.size),
                Column::Time => of_a.modified.cmp(&of_b.modified),
            };
            sorting.direction.of(by_column).then_with(by_name)
        };
        let set_ranks = |places: &mut [Place]| {
            // In most directories many names begin alike.
            let start = match sorting.column {
                Column::Name => common_start(places.iter().filter_map(|place| Some(get(place)?.1))),
                _ => 0,
            };
            for place in places {
                if let Some((_, key, details)) = get(place) {
                    place.rank = rank(key, start, details, sorting);
                }
            }
        };
        sort_by_rank(order, set_ranks, |alike| {
            let sort_in_full = |alike: &mut [Place]| alike.sort_unstable_by(by_column_and_name);
            match sorting.column {
                // They differ in what follows, if at all.
                Column::Name => sort_by_rank(alike, set_ranks, sort_in_full),
                _ => sort_in_full(alike),
            }
        });
    }

    /// The names in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Entry<'_>, &Details)> {
        self.order.iter().filter_map(|place| {
            let (entry, _) = self.listing.get(place.index())?;
            Some((entry, self.details.get(place.index())?))
        })
    }

    /// The names in the order in which they were added.
    pub(super) fn in_order_of_addition(&self) -> impl Iterator<Item = (Entry<'_>, &Details)> {
        let entries = (0..).map_while(|place| Some(self.listing.get(place)?.0));
        entries.zip(&self.details)
    }

    /// How many names there are.
    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    /// How many bytes it takes.
    pub(super) fn size(&self) -> usize {
        self.listing.size()
            + self.details.len() * size_of::<Details>()
            + self.order.len() * size_of::<Place>()
    }

    /// Its reservation, for whatever is rendered from it to take over.
    pub(super) fn reservation_mut(&mut self) -> &mut Reservation {
        self.listing.reservation_mut()
    }
}

impl Place {
    fn index(&self) -> usize {
        // Every index that was given fits.
        usize::try_from(self.index).unwrap_or(usize::MAX)
    }
}

/// What makes two listings show the same: the names in their order, with their details.
impl Hash for Catalogue {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for (entry, details) in self.iter() {
            // The first byte is 0, which no name has in it.
            let kind = u64::from(details.kind as u8) << 8 | u64::from(entry.is_link) << 16;
            let size = details.size.unwrap_or(u64::MAX);
            let modified = details.modified.unwrap_or(i64::MIN).cast_unsigned();
            state.write(entry.name);
            state.write([kind, size, modified].map(u64::to_le_bytes).as_flattened());
        }
    }
}

/// Sorts places by the ranks that they are given, and those of the same rank by `sort_alike`.
fn sort_by_rank(
    places: &mut [Place],
    set_ranks: impl Fn(&mut [Place]),
    sort_alike: impl Fn(&mut [Place]),
) {
    set_ranks(places);
    places.sort_unstable_by_key(|place| place.rank);
    for alike in places.chunk_by_mut(|a, b| a.rank == b.rank) {
        if alike.len() > 1 {
            sort_alike(alike);
        }
    }
}

/// The rank of a name among others whose sort keys are the same up to `start`.
fn rank(key: &[u8], start: usize, details: &Details, sorting: Sorting) -> u128 {
    let lead = match sorting.column {
        Column::Name => first_bytes(key, start),
        Column::Kind => details.kind as u128,
        Column::Size => details.size.unwrap_or(0).into(),
        Column::Time => details
            .modified
            .map_or(0, |time| u128::try_from(time).unwrap_or(0)),
    };
    let lead = match sorting.direction {
        Direction::Ascending => lead,
        Direction::Descending => MOST_LEAD - lead,
    };
    lead + u128::from(!details.is_directory()) * (MOST_LEAD + 1)
}

/// How many bytes all sort keys begin with in common.
fn common_start<'k>(mut keys: impl Iterator<Item = &'k [u8]>) -> usize {
    let first = keys.next().unwrap_or_default();
    keys.fold(first.len(), |common, key| {
        let pairs = first.iter().zip(key).take(common);
        pairs.take_while(|(a, b)| a == b).count()
    })
}

/// Up to [`LEAD`] bytes of `key` from `start` on, as a number that is the less the sooner they sort.
fn first_bytes(key: &[u8], start: usize) -> u128 {
    let rest = key.get(start..).unwrap_or_default();
    let mut bytes = [0; 1 + LEAD];
    let [_, lead @ ..] = &mut bytes;
    match rest.first_chunk() {
        Some(first) => *lead = *first,
        None => lead.iter_mut().zip(rest).for_each(|(to, of)| *to = *of),
    }
    u128::from_be_bytes(bytes)
}

/// Reads the names in an open directory and looks at each of them once.
///
/// A link is looked at by `follow`, everything else directly. `take` is given each name, whether it
/// is a link, and what was seen.
pub(super) fn examine(
    directory: BorrowedFd<'_>,
    follow: impl Fn(&CStr) -> rustix::io::Result<Stat>,
    mut take: impl FnMut(&[u8], bool, Look) -> Result<(), Unavailable>,
) -> Result<(), Unavailable> {
    for_each_name(directory, |name, kind| {
        let is_link = kind == FileType::Symlink;
        let look = if is_link {
            follow(name)
        } else {
            rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)
        };
        let look = match look {
            Ok(stat) => {
                let stamp = Stamp::from(&stat);
                Look {
                    kind: Some(stamp.kind),
                    size: stamp.is_regular().then_some(stamp.state.size),
                    modified: Some(stamp.state.modified.seconds),
                }
            }
            // It has been removed since its name was read.
            Err(Errno::NOENT) if !is_link => return Ok(()),
            Err(error) => match Unavailable::from(error) {
                Unavailable::Shortage => return Err(Unavailable::Shortage),
                Unavailable::Absent => Look {
                    kind: (!is_link).then_some(kind),
                    size: None,
                    modified: None,
                },
            },
        };
        take(name.to_bytes(), is_link, look)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::fd::AsFd;
    use std::os::unix::fs::symlink;

    fn names(catalogue: &Catalogue) -> Vec<String> {
        let name = |(entry, _): (Entry<'_>, _)| String::from_utf8_lossy(entry.name).into_owned();
        catalogue.iter().map(name).collect()
    }

    #[test]
    fn directories_come_first_and_then_what_the_column_says() {
        let mut catalogue = Catalogue::new();
        for (name, kind, size, modified) in [
            ("b10", Kind::Text, Some(5), Some(3)),
            ("B2", Kind::Image, Some(7), Some(1)),
            ("a", Kind::BrokenLink, None, None),
            ("z", Kind::Folder, None, Some(2)),
            ("C", Kind::Folder, None, Some(9)),
            ("c", Kind::Text, Some(5), Some(-4)),
        ] {
            let details = Details {
                kind,
                size,
                modified,
            };
            assert_eq!(catalogue.push(name.as_bytes(), false, details), Ok(()));
        }
        for (column, ascending, descending) in [
            (
                Column::Name,
                ["C", "z", "a", "B2", "b10", "c"],
                ["z", "C", "c", "b10", "B2", "a"],
            ),
            (
                Column::Kind,
                ["C", "z", "a", "B2", "b10", "c"],
                ["C", "z", "b10", "c", "B2", "a"],
            ),
            (
                Column::Size,
                ["C", "z", "a", "b10", "c", "B2"],
                ["C", "z", "B2", "b10", "c", "a"],
            ),
            (
                Column::Time,
                ["z", "C", "a", "c", "B2", "b10"],
                ["C", "z", "b10", "B2", "c", "a"],
            ),
        ] {
            for (direction, expected) in [
                (Direction::Ascending, ascending),
                (Direction::Descending, descending),
            ] {
                catalogue.sort(Sorting { column, direction });
                assert_eq!(names(&catalogue), expected, "{column:?} {direction:?}");
            }
        }
    }

    #[test]
    fn names_are_in_natural_order_however_long_they_are_alike() {
        let mut expected = Vec::new();
        for stem in [
            "a",
            "another-stem-of-many-bytes-",
            "another-stem-of-more-bytes-",
        ] {
            for number in 0..12 {
                expected.push(format!("{stem}{number}"));
                expected.push(format!("{stem}{number}-and-what-follows-1"));
                expected.push(format!("{stem}{number}-and-what-follows-10"));
                expected.push(format!("{stem}{number}-and-what-follows-10x"));
            }
        }
        let mut catalogue = Catalogue::new();
        let details = Details {
            kind: Kind::File,
            size: None,
            modified: None,
        };
        for place in 0..expected.len() {
            // An order that is neither this nor the reverse: 55 and 108 have no divisor in common.
            let name = &expected[place * 55 % expected.len()];
            assert_eq!(catalogue.push(name.as_bytes(), false, details), Ok(()));
        }
        for direction in [Direction::Ascending, Direction::Descending] {
            let column = Column::Name;
            catalogue.sort(Sorting { column, direction });
            assert_eq!(names(&catalogue), expected, "{direction:?}");
            expected.reverse();
        }
    }

    #[test]
    fn every_name_is_looked_at_and_links_as_they_may_be() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = |name| directory.path().join(name);
        fs::create_dir(path("d")).expect("a directory");
        fs::write(path("f"), "12345").expect("a file");
        for (target, link) in [("d", "to-d"), ("f", "to-f"), ("nowhere", "to-nowhere")] {
            symlink(target, path(link)).expect("a link");
        }
        let handle = fs::File::open(directory.path()).expect("it opens");
        let follow = |name: &CStr| match name.to_bytes() {
            b"to-d" => Err(Errno::XDEV),
            _ => rustix::fs::statat(&handle, name, AtFlags::empty()),
        };
        let mut catalogue = Catalogue::new();
        let push = |name: &[u8], is_link, look| {
            catalogue.push(name, is_link, Details::of(look, || Kind::Text))
        };
        assert_eq!(examine(handle.as_fd(), follow, push), Ok(()));
        catalogue.sort(Sorting::default());
        let found: Vec<_> = catalogue
            .iter()
            .map(|(entry, details)| (entry.name, entry.is_link, details.kind, details.size))
            .collect();
        let expected: [(&[u8], _, _, _); 5] = [
            (b"d", false, Kind::Folder, None),
            (b"f", false, Kind::Text, Some(5)),
            (b"to-d", true, Kind::BrokenLink, None),
            (b"to-f", true, Kind::Text, Some(5)),
            (b"to-nowhere", true, Kind::BrokenLink, None),
        ];
        assert_eq!(found, expected);
    }
}
