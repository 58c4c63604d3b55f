//! The servers that are installed here, and how one is to be started.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::Command;

use crate::options::Options;
use crate::recipe::{COPY, COPY_AND_SYNC, LIMIT, OURS, Recipe, Site};
use crate::recipes::RECIPES;
use crate::target::{Expected, Target};
use crate::transfer::Way;
use crate::user;
use crate::workload::{Drive, Mode, Workload};

/// A server that is installed.
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    pub(crate) version: String,
    program: PathBuf,
    recipe: &'static Recipe,
}

pub(crate) struct Found {
    pub(crate) peers: Vec<Peer>,
    pub(crate) missing: Vec<&'static str>,
}

/// rhttp first, then whatever is installed of the others that were asked for.
pub(crate) fn find(options: &Options) -> Result<Found, String> {
    for name in options.peers.iter().flatten() {
        if name != "none" && !RECIPES.iter().any(|recipe| recipe.name == name) {
            let names: Vec<&str> = RECIPES.iter().map(|recipe| recipe.name).collect();
            return Err(format!(
                "no peer is called {name}; there are {}",
                names.join(", ")
            ));
        }
    }
    let mut found = Found {
        peers: Vec::new(),
        missing: Vec::new(),
    };
    for recipe in RECIPES {
        let listed = options.peers.as_ref();
        if recipe.name != OURS && listed.is_some_and(|names| names.iter().all(|n| n != recipe.name))
        {
            continue;
        }
        match (recipe.find)() {
            Some(program) => {
                let version = (recipe.version)(&program).unwrap_or_else(|| "unknown".to_owned());
                found.peers.push(Peer {
                    name: recipe.name,
                    version,
                    program,
                    recipe,
                });
            }
            None => found.missing.push(recipe.name),
        }
    }
    Ok(found)
}

impl Peer {
    /// The command that serves the site, or why this server cannot.
    pub(crate) fn command(&self, site: &Site<'_>) -> Result<Command, String> {
        let (is_able, reason) = match site.mode {
            Mode::Cgi | Mode::CgiAsRoot => (self.recipe.cgi, "runs no CGI scripts by itself"),
            Mode::Tls => (self.recipe.tls, "speaks no TLS here"),
            Mode::Archives => (self.recipe.archive_query.is_some(), "sends no tar"),
            Mode::Uploads => (
                self.recipe.uploads || self.is_ceiling(),
                "takes no file by PUT",
            ),
            Mode::With(_) => (self.name == OURS, "has no such flags"),
            Mode::Persistent | Mode::Default | Mode::Json => (true, ""),
        };
        if !is_able {
            return Err(reason.to_owned());
        }
        let mut command = self
            .prepare(site)
            .map_err(|error| format!("cannot be set up: {error}"))?;
        (self.recipe.arguments)(&mut command, site);
        Ok(command)
    }

    fn prepare(&self, site: &Site<'_>) -> io::Result<Command> {
        fs::create_dir_all(site.place)?;
        fs::write(site.configuration(), (self.recipe.configuration)(site))?;
        match site.mode {
            Mode::Cgi => user::ordinary(&self.program, site.place),
            _ => Ok(Command::new(&self.program)),
        }
    }

    /// How this server is asked for the target.
    pub(crate) fn path(&self, target: &Target) -> String {
        let query = match target.expected {
            Expected::Names(_) | Expected::Page(_) => self.recipe.listing_query,
            Expected::Json(_) => self.recipe.json_query,
            Expected::Archive { .. } => self.recipe.archive_query.unwrap_or_default(),
            _ => "",
        };
        format!("{}{query}", target.path)
    }

    /// No server that anybody would use.
    pub(crate) fn is_ceiling(&self) -> bool {
        self.name == LIMIT || self.name.starts_with("ceiling") || self.way() != Way::Put
    }

    /// How it takes a file.
    pub(crate) fn way(&self) -> Way {
        match self.name {
            COPY => Way::Copy,
            COPY_AND_SYNC => Way::CopyAndSync,
            _ => Way::Put,
        }
    }

    /// Whether it is anything to compare in this workload.
    pub(crate) fn suits(&self, workload: &Workload) -> bool {
        match workload.drive {
            _ if workload.is_ours_alone => self.name == OURS,
            Drive::Upload => !self.is_ceiling() || self.way() != Way::Put,
            _ if self.way() != Way::Put => false,
            _ => !self.is_ceiling() || workload.suits_ceiling(),
        }
    }

    pub(crate) fn hides_cpu(&self) -> bool {
        self.recipe.hides_cpu
    }
}
