//! What was typed.

use std::path::PathBuf;

pub(crate) const USAGE: &str = "\
cargo bench --bench compare -- [OPTIONS]
  --rounds N        rounds over all servers (default 5)
  --seconds S       length of one load (default 3)
  --only PATTERN    only the workloads with PATTERN in their name
  --workloads LIST  only these workloads, by name, separated by commas
  --peers LIST      only these beside rhttp (`none`: rhttp alone)
  --json FILE       also write every sample to FILE
  --list            name the workloads and stop
The environment's RHTTP_BIN names another rhttp to measure.";

pub(crate) struct Options {
    pub(crate) rounds: usize,
    pub(crate) seconds: u64,
    pub(crate) only: Option<String>,
    pub(crate) workloads: Option<Vec<String>>,
    pub(crate) peers: Option<Vec<String>>,
    pub(crate) json: Option<PathBuf>,
    pub(crate) list: bool,
}

impl Options {
    pub(crate) fn parse(words: &[&str]) -> Result<Self, String> {
        let mut options = Self {
            rounds: 5,
            seconds: 3,
            only: None,
            workloads: None,
            peers: None,
            json: None,
            list: false,
        };
        let mut words = words.iter();
        while let Some(&word) = words.next() {
            let mut value = || words.next().ok_or(format!("{word} wants a value"));
            match word {
                // Cargo adds this one to whatever the user gave.
                "--bench" => {}
                "--rounds" => options.rounds = number(word, value()?)?,
                "--seconds" => options.seconds = number(word, value()?)?,
                "--only" => options.only = Some((*value()?).to_owned()),
                "--workloads" => options.workloads = Some(list(value()?)),
                "--peers" => options.peers = Some(list(value()?)),
                "--json" => options.json = Some(PathBuf::from(value()?)),
                "--list" => options.list = true,
                _ => return Err(format!("unknown option {word}")),
            }
        }
        Ok(options)
    }
}

fn number<T: std::str::FromStr + PartialOrd + From<u8>>(
    option: &str,
    word: &str,
) -> Result<T, String> {
    match word.parse::<T>() {
        Ok(number) if number >= T::from(1) => Ok(number),
        _ => Err(format!("{option} wants a whole number above 0, not {word}")),
    }
}

fn list(word: &str) -> Vec<String> {
    word.split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}
