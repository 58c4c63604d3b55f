//! How a listing is sorted, as given by the query of its URL.

use std::cmp::Ordering;

/// What a listing is sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Column {
    /// The name, with numbers in it compared by value.
    #[default]
    Name,
    /// What kind of file it is.
    Kind,
    /// The number of bytes.
    Size,
    /// The modification time.
    Time,
}

/// The direction of sorting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Direction {
    /// The smallest first.
    #[default]
    Ascending,
    /// The greatest first.
    Descending,
}

/// The order of a listing: directories first, then by a column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Sorting {
    pub(crate) column: Column,
    pub(crate) direction: Direction,
}

impl Column {
    /// All columns, in the order in which a page shows them.
    pub(super) const ALL: [Self; 4] = [Self::Name, Self::Kind, Self::Size, Self::Time];

    /// The word for it in a query.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Kind => "kind",
            Self::Size => "size",
            Self::Time => "time",
        }
    }
}

impl Direction {
    const BOTH: [Self; 2] = [Self::Ascending, Self::Descending];

    /// The word for it in a query.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Ascending => "asc",
            Self::Descending => "desc",
        }
    }

    /// An ordering, reversed if the direction is descending.
    pub(super) fn of(self, order: Ordering) -> Ordering {
        match self {
            Self::Ascending => order,
            Self::Descending => order.reverse(),
        }
    }

    pub(super) const fn opposite(self) -> Self {
        match self {
            Self::Ascending => Self::Descending,
            Self::Descending => Self::Ascending,
        }
    }
}

impl Sorting {
    /// The sorting given by `sort=…` and `order=…` in a query. Everything else in it is ignored, as
    /// are unknown values; if a key is repeated, the first one counts.
    pub(crate) fn of_query(query: Option<&[u8]>) -> Self {
        let query = query.unwrap_or_default();
        // A fragment should not be sent, but some clients may send one.
        let query = query.split(|&byte| byte == b'#').next().unwrap_or_default();
        let value = |name: &[u8]| {
            query
                .split(|&byte| byte == b'&')
                .find_map(|pair| pair.strip_prefix(name)?.strip_prefix(b"="))
        };
        let (sort, order) = (value(b"sort"), value(b"order"));
        let column = |column: &Column| sort == Some(column.word().as_bytes());
        let direction = |direction: &Direction| order == Some(direction.word().as_bytes());
        Self {
            column: Column::ALL.into_iter().find(column).unwrap_or_default(),
            direction: Direction::BOTH
                .into_iter()
                .find(direction)
                .unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Column::{Kind, Name, Size, Time};
    use Direction::{Ascending, Descending};

    #[test]
    fn a_query_says_how_to_sort() {
        for (query, column, direction) in [
            ("", Name, Ascending),
            ("sort=name&order=asc", Name, Ascending),
            ("sort=size&order=desc", Size, Descending),
            ("order=desc&sort=time", Time, Descending),
            ("sort=kind", Kind, Ascending),
            ("order=desc", Name, Descending),
            ("a=b&sort=size&c", Size, Ascending),
            ("sort=size#&order=desc", Size, Ascending),
            ("sort=size&sort=name", Size, Ascending),
            ("sort=nonsense&order=down", Name, Ascending),
            ("sort=SIZE", Name, Ascending),
            ("resort=size", Name, Ascending),
            ("sort", Name, Ascending),
            ("sort==size", Name, Ascending),
        ] {
            let expected = Sorting { column, direction };
            let found = Sorting::of_query(Some(query.as_bytes()));
            assert_eq!(found, expected, "{query:?}");
        }
        assert_eq!(Sorting::of_query(None), Sorting::default());
    }
}
