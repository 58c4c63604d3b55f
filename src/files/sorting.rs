//! How a listing is sorted, by the query of its address.

use std::cmp::Ordering;

/// What a listing is sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Column {
    /// The name, numbers in it by their value.
    #[default]
    Name,
    /// What sort of file it is.
    Kind,
    /// The number of bytes.
    Size,
    /// The time of modification.
    Time,
}

/// In which direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Direction {
    /// The least first.
    #[default]
    Ascending,
    /// The greatest first.
    Descending,
}

/// The order of a listing: directories first, and then by a column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Sorting {
    pub(crate) column: Column,
    pub(crate) direction: Direction,
}

impl Column {
    /// All, in the order in which a page shows them.
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

    /// An order, turned round for the other direction.
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
    /// What `sort=…` and `order=…` in a query say. Everything else in it is ignored, as are other
    /// values; of several the first counts.
    pub(crate) fn of_query(query: Option<&[u8]>) -> Self {
        let query = query.unwrap_or_default();
        // A fragment is not sent, but a client may have.
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
