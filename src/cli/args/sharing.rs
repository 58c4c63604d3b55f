//! The flags for moving files between two machines.

use clap::Args;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// These flags, as typed.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub(in crate::cli) struct Sharing {
    /// send a directory as one tar archive when asked for DIRECTORY/?tar
    #[arg(long)]
    pub(in crate::cli) tar: bool,

    /// accept files by PUT and by a form into this directory (default: the one being served)
    #[arg(long, value_name = "DIRECTORY", num_args = 0..=1, require_equals = true)]
    #[expect(clippy::option_option, reason = "the flag may stand without a value")]
    upload: Option<Option<PathBuf>>,

    /// let an upload by PUT replace a file
    #[arg(long, requires = "upload")]
    pub(in crate::cli) overwrite: bool,

    /// accept at most this many bytes per upload; 10M, 4G and so on (default: free space less 5 %)
    #[arg(long, value_name = "SIZE", requires = "upload", value_parser = size)]
    pub(in crate::cli) max_upload: Option<u64>,

    /// exit once one file or archive has been sent to its end
    #[arg(long)]
    pub(in crate::cli) once: bool,

    /// exit after this time: 90s, 10m or 2h
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    pub(in crate::cli) life: Option<Duration>,

    /// on a terminal, show the address that other machines can use as a QR code
    #[arg(long)]
    pub(in crate::cli) qr: bool,

    /// on a terminal, open the address in the browser
    #[arg(long)]
    pub(in crate::cli) open: bool,
}

impl Sharing {
    /// Whether uploads go to what is served.
    pub(in crate::cli) fn uploads_where_it_serves(&self) -> bool {
        matches!(self.upload, Some(None))
    }

    /// The directory that uploads go to, if they are accepted; `served` is the default if none was
    /// named.
    pub(in crate::cli) fn uploads<'a>(&'a self, served: &'a Path) -> Option<&'a Path> {
        let directory = self.upload.as_ref()?;
        Some(directory.as_deref().unwrap_or(served))
    }
}

/// A time with a unit.
fn duration(text: &str) -> Result<Duration, String> {
    // One year: a user who asks for more means for ever.
    const MOST: u64 = 365 * 24 * 3600;
    let wrong = || "not a time, as 90s, 10m or 2h".to_owned();
    let number = text.trim_end_matches(|unit: char| unit.is_ascii_alphabetic());
    let factor = match text.get(number.len()..) {
        Some("s" | "") => 1,
        Some("m") => 60,
        Some("h") => 3600,
        _ => return Err(wrong()),
    };
    let number = number.parse::<u64>().map_err(|_| wrong())?;
    let seconds = number.checked_mul(factor);
    let seconds = seconds.filter(|seconds| (1..=MOST).contains(seconds));
    seconds.map(Duration::from_secs).ok_or_else(wrong)
}

/// A number of bytes, with a unit of 1024 or none.
fn size(text: &str) -> Result<u64, String> {
    let units = ["", "K", "M", "G", "T"];
    let wrong = || "not a number of bytes, as 500M".to_owned();
    let text = text.to_ascii_uppercase();
    let digits = text.trim_end_matches('B').trim_end_matches('I');
    let number = digits.trim_end_matches(|unit: char| unit.is_ascii_alphabetic());
    let (_, unit) = digits.split_at(number.len());
    let power = units
        .iter()
        .position(|known| *known == unit)
        .ok_or_else(wrong)?;
    let factor = u32::try_from(power)
        .ok()
        .and_then(|power| 1024_u64.checked_pow(power));
    let number = number.parse::<u64>().map_err(|_| wrong())?;
    factor
        .and_then(|factor| number.checked_mul(factor))
        .ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        for (text, expected) in [
            ("90s", Some(90)),
            ("90", Some(90)),
            ("10m", Some(600)),
            ("2h", Some(7200)),
            ("0s", None),
            ("", None),
            ("s", None),
            ("1d", None),
            ("-1s", None),
            ("1.5h", None),
            ("999999999h", None),
        ] {
            let found = duration(text).ok();
            assert_eq!(found, expected.map(Duration::from_secs), "{text}");
        }
    }

    #[test]
    fn sizes_have_units() {
        for (text, expected) in [
            ("0", Some(0)),
            ("500", Some(500)),
            ("1k", Some(1024)),
            ("10M", Some(10 << 20)),
            ("4G", Some(4 << 30)),
            ("4GB", Some(4 << 30)),
            ("4GiB", Some(4 << 30)),
            ("2T", Some(2 << 40)),
            ("", None),
            ("G", None),
            ("-1", None),
            ("1.5G", None),
            ("1X", None),
            ("99999999T", None),
        ] {
            assert_eq!(size(text).ok(), expected, "{text}");
        }
    }
}
