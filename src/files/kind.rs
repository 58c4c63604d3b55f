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
