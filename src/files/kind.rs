//! What kind of file something is, in a word.

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

/// The most suffixes whose kind is remembered at a time.
const MOST_KNOWN: usize = 16;

/// The longest suffix whose kind is remembered.
const LONGEST: usize = 16;

/// Finds the kinds of many files by their names. Most of them have a few suffixes in common.
pub(crate) struct Kinds<F> {
    find: F,
    /// Suffixes, filled up with NUL, which no name has in it, so that comparing one is a single step.
    known: Vec<([u8; LONGEST], Kind)>,
}

impl<F: Fn(&[u8]) -> Kind> Kinds<F> {
    /// `find` returns the kind of a file; it depends on no more of the name than the last two
    /// extensions, one of which may be a coding.
    pub(crate) fn new(find: F) -> Self {
        Self {
            find,
            known: Vec::new(),
        }
    }

    /// The kind of a file of this name.
    pub(crate) fn of(&mut self, name: &[u8]) -> Kind {
        let suffix = suffix(name);
        let mut filled_up = [0; LONGEST];
        let Some(start) = filled_up.get_mut(..suffix.len()) else {
            return (self.find)(name);
        };
        start.copy_from_slice(suffix);
        let known = self.known.iter().find(|(known, _)| *known == filled_up);
        if let Some((_, kind)) = known {
            return *kind;
        }
        let kind = (self.find)(name);
        if self.known.len() < MOST_KNOWN {
            self.known.push((filled_up, kind));
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
        let mut kinds = Kinds::new(|name| {
            looked_up.set(looked_up.get() + 1);
            let name = String::from_utf8_lossy(name);
            builtin_media_type(&name).map_or(Kind::File, Kind::of_media_type)
        });
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
        ] {
            assert_eq!(kinds.of(name.as_bytes()), kind, "{name}");
            assert_eq!(looked_up.get(), expected, "{name}");
        }
        for number in 0..2 * MOST_KNOWN {
            assert_eq!(kinds.of(format!("a.{number}").as_bytes()), Kind::File);
        }
        assert_eq!(kinds.known.len(), MOST_KNOWN);
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
        let kinds = [
            Kind::Archive,
            Kind::Audio,
            Kind::BrokenLink,
            Kind::Document,
            Kind::File,
            Kind::Folder,
            Kind::Font,
            Kind::Image,
            Kind::Special,
            Kind::Text,
            Kind::Video,
        ];
        assert!(kinds.is_sorted());
        assert!(kinds.is_sorted_by_key(|kind| kind.word()));
    }
}
