//! Content codings in which files are stored (RFC 9110 §8.4.1).

use super::{FieldLines, coding_weight, coding_weights};

/// A coding in which a copy of a file can be stored beside the original.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    Brotli,
    Zstandard,
    Gzip,
}

impl Coding {
    /// All codings, the one with the smallest files first.
    pub(crate) const ALL: [Self; 3] = [Self::Brotli, Self::Zstandard, Self::Gzip];

    /// Its name in `Content-Encoding`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Zstandard => "zstd",
            Self::Gzip => "gzip",
        }
    }

    /// The file name suffix of this coding.
    pub(crate) const fn suffix(self) -> &'static str {
        match self {
            Self::Brotli => ".br",
            Self::Zstandard => ".zst",
            Self::Gzip => ".gz",
        }
    }

    /// The media type of such a file for clients that do not know the coding. Brotli has none of
    /// its own.
    pub(crate) const fn media_type(self) -> &'static str {
        match self {
            Self::Brotli => "application/octet-stream",
            Self::Zstandard => "application/zstd",
            Self::Gzip => "application/gzip",
        }
    }

    /// The bytes with which content in this coding begins; none for Brotli, which has no mark.
    pub(crate) const fn magic(self) -> &'static [u8] {
        match self {
            Self::Brotli => b"",
            Self::Zstandard => b"\x28\xb5\x2f\xfd",
            Self::Gzip => b"\x1f\x8b",
        }
    }

    /// Whether the client accepts this coding.
    pub(crate) fn is_accepted(self, fields: FieldLines<'_>) -> bool {
        coding_weight(fields, self.name()) > 0
    }

    /// The codings that the client likes at least as much as none, the most preferred first
    /// (§12.5.3). If none of them is available, content goes out unencoded, even to a client that
    /// refuses that: it is of more use than an error.
    pub(crate) fn preferred(fields: FieldLines<'_>) -> impl Iterator<Item = Self> {
        let [brotli, zstandard, gzip] = Self::ALL;
        let names = [brotli.name(), zstandard.name(), gzip.name(), "identity"];
        let [first, second, third, none] = coding_weights(fields, names);
        let mut weighted = [(first, brotli), (second, zstandard), (third, gzip)];
        weighted.sort_by_key(|&(weight, _)| std::cmp::Reverse(weight));
        let least = none.max(1);
        weighted
            .into_iter()
            .filter(move |&(weight, _)| weight >= least)
            .map(|(_, coding)| coding)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::FieldLine;

    #[test]
    fn the_dearest_coding_is_tried_first() {
        for (value, expected) in [
            ("gzip, deflate, br, zstd", "br zstd gzip"),
            ("gzip, br;q=0.9", "gzip br"),
            ("gzip;q=0.1, br;q=0.9, zstd;q=0.5", "br zstd gzip"),
            ("gzip", "gzip"),
            ("x-gzip", "gzip"),
            ("X-GZIP;q=0.5", "gzip"),
            ("x-br, x-zstd", ""),
            ("*", "br zstd gzip"),
            ("*;q=0.5, br;q=0", "zstd gzip"),
            ("deflate", ""),
            ("identity", ""),
            ("", ""),
            ("identity, gzip;q=0.5", ""),
            ("identity;q=0.5, gzip;q=0.5", "gzip"),
            ("identity;q=0.5, gzip;q=0.4, br;q=0.6", "br"),
            ("identity;q=0, gzip;q=0.1", "gzip"),
            ("identity;q=0", ""),
            ("identity;q=0, *;q=0", ""),
            ("gzip;q=0, br;q=0", ""),
        ] {
            let lines = [FieldLine::new("Accept-Encoding", value.as_bytes())];
            let found: Vec<_> = Coding::preferred(FieldLines::new(&lines))
                .map(Coding::name)
                .collect();
            assert_eq!(found.join(" "), expected, "{value:?}");
        }
        assert_eq!(Coding::preferred(FieldLines::default()).count(), 0);
    }
}
