//! Users and the hashes of their passwords, as `htpasswd -B` and `mkpasswd` write them.

use sha_crypt::{Params, PasswordHashRef, PasswordVerifier, ShaCrypt};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;

/// The permissions of users other than the owner and the group to read or write the file.
const FOR_OTHERS: u32 = 0o006;

/// The hashes of passwords by user: at least one.
pub(super) struct Users(BTreeMap<String, Hash>);

/// The hash of a password.
#[derive(PartialEq, Eq)]
pub(super) enum Hash {
    Bcrypt(String),
    ShaCrypt(String),
}

impl Users {
    /// Reads the rest of a password file. It must not be readable by others.
    pub(super) fn read(mut file: &File) -> io::Result<Self> {
        if file.metadata()?.permissions().mode() & FOR_OTHERS != 0 {
            return Err(invalid("others may read or write it (chmod o-rw)"));
        }
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        Self::parse(&text)
    }

    /// Reads the lines of a password file.
    pub(super) fn parse(text: &str) -> io::Result<Self> {
        let mut users = BTreeMap::new();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim_end();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let wrong = |what: &str| invalid(&format!("line {number}: {what}"));
            let (user, hash) = line.split_once(':').ok_or_else(|| wrong("no user:hash"))?;
            let hash = Hash::new(hash)
                .ok_or_else(|| wrong("no hash of bcrypt ($2y$) or SHA-512 crypt ($6$)"))?;
            if users.insert(user.to_owned(), hash).is_some() {
                return Err(wrong("the same user again"));
            }
        }
        if users.is_empty() {
            return Err(invalid("there is no user in it"));
        }
        Ok(Self(users))
    }

    pub(super) fn hash_of(&self, user: &str) -> Option<&Hash> {
        self.0.get(user)
    }

    /// Whether this is the user's hash.
    pub(super) fn has_hash(&self, user: &str, hash: Option<&Hash>) -> bool {
        hash.is_some() && self.hash_of(user) == hash
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &String> {
        self.0.keys()
    }

    /// One of the hashes, always the same one for the same number.
    pub(super) fn any_hash(&self, number: u64) -> Option<&Hash> {
        let count = self.0.len().max(1) as u64;
        let mut hashes = self.0.values();
        hashes.nth(usize::try_from(number % count).ok()?)
    }
}

impl Hash {
    fn new(text: &str) -> Option<Self> {
        let starts = |starts: &[&str]| starts.iter().any(|start| text.starts_with(start));
        if starts(&["$2a$", "$2b$", "$2y$"]) {
            let parts: bcrypt::HashParts = text.parse().ok()?;
            let is_computable = (4..=31).contains(&parts.get_cost());
            return is_computable.then(|| Self::Bcrypt(text.into()));
        }
        let is_well_formed = starts(&["$5$", "$6$"]) && is_sha_crypt(text);
        is_well_formed.then(|| Self::ShaCrypt(text.into()))
    }

    /// Computes whether it is the hash of this password.
    pub(super) fn is_of(&self, password: &[u8]) -> bool {
        match self {
            // htpasswd truncates longer passwords, too.
            Self::Bcrypt(hash) => bcrypt::verify(password, hash).unwrap_or(false),
            Self::ShaCrypt(hash) => PasswordHashRef::new(hash)
                .is_ok_and(|hash| ShaCrypt::default().verify_password(password, hash).is_ok()),
        }
    }
}

/// Whether this is `$6$salt$hash` or `$6$rounds=N$salt$hash`, or the same with `$5$`.
fn is_sha_crypt(text: &str) -> bool {
    let mut fields = text.split('$').skip(1).peekable();
    let length = match fields.next() {
        Some("5") => 43,
        _ => 86,
    };
    let has_rounds = fields.next_if(|field| field.starts_with("rounds="));
    let is_computable = has_rounds.is_none_or(|rounds| rounds.parse::<Params>().is_ok());
    let (salt, hash, end) = (fields.next(), fields.next(), fields.next());
    is_computable
        && salt.is_some_and(|salt| (1..=16).contains(&salt.len()))
        && hash.is_some_and(|hash| hash.len() == length)
        && end.is_none()
        && PasswordHashRef::new(text).is_ok()
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
