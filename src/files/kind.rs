//! What kind of file something is, in a word.

use super::open_files::hash;
use std::sync::atomic::{AtomicU64, Ordering};

/// What kind of file something is. The variants are in the alphabetical order of their words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Archives and compressed files.
    Archive,
    /// Music and speech.
    Audio,
    /// A link that leads nowhere, or to a place where it may not be followed.
    BrokenLink,
    /// Formatted documents.
    Document,
    /// Any other file.
    File,
    /// A directory.
    Folder,
    /// Typefaces.
    Font,
    /// Pictures.
    Image,
    /// What is neither a file nor a directory.
    Special,
    /// Text, and formats written as text.
    Text,
    /// Films.
    Video,
}

impl Kind {
    /// All kinds in this order.
    const ALL: [Self; 11] = [
        Self::Archive,
        Self::Audio,
        Self::BrokenLink,
        Self::Document,
        Self::File,
        Self::Folder,
        Self::Font,
        Self::Image,
        Self::Special,
        Self::Text,
        Self::Video,
    ];

    /// The kind at this place in their order.
    fn at(place: u64) -> Option<Self> {
        Self::ALL.get(usize::try_from(place).ok()?).copied()
    }

    /// The kind of a file of this media type.
    pub(crate) fn of_media_type(media_type: &str) -> Self {
        let (top, sub) = media_type.split_once('/').unwrap_or_default();
        let is_one_of = |words: &[&str]| words.iter().any(|word| sub.contains(word));
        match top {
            "audio" => Self::Audio,
            "font" => Self::Font,
            "image" => Self::Image,
            "text" => Self::Text,
            "video" => Self::Video,
            "application" if is_one_of(ARCHIVES) => Self::Archive,
            "application" if is_one_of(DOCUMENTS) => Self::Document,
            "application" if is_one_of(TEXTS) => Self::Text,
            _ => Self::File,
        }
    }

    /// The word for it.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Archive => "Archive",
            Self::Audio => "Audio",
            Self::BrokenLink => "Broken link",
            Self::Document => "Document",
            Self::File => "File",
            Self::Folder => "Folder",
            Self::Font => "Font",
            Self::Image => "Image",
            Self::Special => "Special",
            Self::Text => "Text",
            Self::Video => "Video",
        }
    }
}

/// How many suffixes are remembered at most, in sets of slots of which each suffix has one.
const SETS: usize = 32;
const SLOTS: usize = 4;

/// The longest suffix that is remembered: `.tar.gz`.
const LONGEST: usize = 7;

/// The kinds of files by the suffixes of their names: many files have a few of these in common, and
/// the tables of media types are large.
///
/// A slot is a word: the number of the kind, where 0 means that it is free, and then the suffix,
/// filled up with NUL, which no name has in it. Where all slots of its set are taken, a suffix takes
/// over one of them.
#[derive(Debug)]
pub(crate) struct Kinds([[AtomicU64; SLOTS]; SETS]);

impl Default for Kinds {
    fn default() -> Self {
        Self([const { [const { AtomicU64::new(0) }; SLOTS] }; SETS])
    }
}

impl Kinds {
    /// The kind of a file of this name. `find` returns it where it is not known; it depends on no
    /// more of the name than the last two extensions, one of which may be a coding.
    pub(crate) fn of(&self, name: &[u8], find: impl FnOnce(&[u8]) -> Kind) -> Kind {
        let suffix = suffix(name);
        if suffix.len() > LONGEST {
            return find(name);
        }
        let word = suffix
            .iter()
            .rev()
            .fold(0, |word, &byte| (word | u64::from(byte)) << 8);
        let hash = usize::try_from(hash(&word.to_le_bytes())).unwrap_or(0);
        let Some(set) = self.0.get(hash % SETS) else {
            return find(name);
        };
        let mut free = None;
        for slot in set {
            let known = slot.load(Ordering::Relaxed);
            let kind = (known ^ word).checked_sub(1).and_then(Kind::at);
            if let Some(kind) = kind {
                return kind;
            }
            free = free.or((known == 0).then_some(slot));
        }
        let kind = find(name);
        if let Some(slot) = free.or_else(|| set.get(hash / SETS % SLOTS)) {
            slot.store(word | (kind as u64 + 1), Ordering::Relaxed);
        }
        kind
    }
}

/// The last two extensions of a name, with their dots; dots at its start are part of the stem.
fn suffix(name: &[u8]) -> &[u8] {
    let start = name.iter().take_while(|&&byte| byte == b'.').count();
    let rest = name.get(start..).unwrap_or_default();
    let Some(last) = memchr::memrchr(b'.', rest) else {
        return &[];
    };
    let before = rest.get(..last).unwrap_or_default();
    let start = memchr::memrchr(b'.', before).unwrap_or(last);
    rest.get(start..).unwrap_or_default()
}

/// Parts of the names of media types below `application/`.
const ARCHIVES: &[&str] = &[
    "7z",
    "bzip",
    "compressed",
    "cpio",
    "gzip",
    "iso9660",
    "lzma",
    "rar",
    "tar",
    "x-rpm",
    "x-xz",
    "zip",
    "zstd",
];
const DOCUMENTS: &[&str] = &[
    "epub",
    "msword",
    "ms-excel",
    "ms-powerpoint",
    "opendocument",
    "officedocument",
    "pdf",
    "postscript",
    "rtf",
];
const TEXTS: &[&str] = &[
    "json",
    "javascript",
    "latex",
    "sql",
    "toml",
    "typescript",
    "xml",
    "x-sh",
    "x-csh",
    "x-tex",
    "yaml",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::builtin_media_type;

    #[test]
    fn names_with_the_same_extensions_are_looked_up_once() {
        let looked_up = std::cell::Cell::new(0);
        let find = |name: &[u8]| {
            looked_up.set(looked_up.get() + 1);
            let name = String::from_utf8_lossy(name);
            builtin_media_type(&name).map_or(Kind::File, Kind::of_media_type)
        };
        let kinds = Kinds::default();
        for (name, kind, expected) in [
            ("a.txt", Kind::Text, 1),
            ("b.txt", Kind::Text, 1),
            (".txt", Kind::File, 2),
            ("..txt", Kind::File, 2),
            ("a", Kind::File, 2),
            ("..a.txt", Kind::Text, 2),
            ("a.", Kind::File, 3),
            ("a.gz", Kind::File, 4),
            ("a.txt.gz", Kind::Text, 5),
            ("b-1.2.txt.gz", Kind::Text, 5),
            ("b-1.tgz", Kind::Archive, 6),
            ("b-2.tgz", Kind::Archive, 6),
            ("a.TXT", Kind::Text, 7),
            // Longer than what is remembered.
            ("a.json.gz", Kind::Text, 8),
            ("a.json.gz", Kind::Text, 9),
        ] {
            assert_eq!(kinds.of(name.as_bytes(), find), kind, "{name}");
            assert_eq!(looked_up.get(), expected, "{name}");
        }
    }

    #[test]
    fn a_kind_is_remembered_of_its_own_suffix_alone() {
        let kinds = Kinds::default();
        for round in 0..2 {
            for number in 0..1000_usize {
                let kind = Kind::ALL[number % Kind::ALL.len()];
                let found = kinds.of(format!("a.{number}").as_bytes(), |_| kind);
                assert_eq!(found, kind, "{number} {round}");
            }
        }
    }

    #[test]
    fn a_file_s_kind_follows_from_its_media_type() {
        for (name, expected) in [
            ("a.png", Kind::Image),
            ("a.svg", Kind::Image),
            ("a.mp4", Kind::Video),
            ("a.flac", Kind::Audio),
            ("a.woff2", Kind::Font),
            ("a.txt", Kind::Text),
            ("a.rs", Kind::Text),
            ("a.json", Kind::Text),
            ("a.xml", Kind::Text),
            ("a.sh", Kind::Text),
            ("a.zip", Kind::Archive),
            ("a.tar", Kind::Archive),
            ("a.7z", Kind::Archive),
            ("a.pdf", Kind::Document),
            ("a.docx", Kind::Document),
            ("a.odt", Kind::Document),
            ("a.exe", Kind::File),
            ("a.wasm", Kind::File),
        ] {
            let media_type = builtin_media_type(name).unwrap_or_default();
            assert_eq!(
                Kind::of_media_type(media_type),
                expected,
                "{name} {media_type}"
            );
        }
        assert_eq!(Kind::of_media_type("application/octet-stream"), Kind::File);
        assert_eq!(Kind::of_media_type(""), Kind::File);
    }

    #[test]
    fn kinds_are_sorted_as_their_words_are() {
        let kinds = Kind::ALL;
        assert!(kinds.is_sorted());
        assert!(kinds.is_sorted_by_key(|kind| kind.word()));
    }
}
