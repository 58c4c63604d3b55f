//! Users and the hashes of their passwords, as `htpasswd -B` and `mkpasswd` write them.
//!
//! The time that a response takes reveals nothing: a hash is computed for unknown users, too. A
//! correct password is remembered as a digest under a key of this process, because otherwise a page
//! of a hundred images would have its hash computed a hundred times.

use ring::hmac;
use ring::rand::SystemRandom;
use sha_crypt::{Params, PasswordHashRef, PasswordVerifier, ShaCrypt};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The most hashes that are computed at a time, so that an attacker who guesses passwords cannot
/// take every core.
const MOST_AT_WORK: usize = 2;
/// How long a request waits for its turn.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest password in bytes. The time to hash it grows with the square of its length.
const LONGEST: usize = 512;
/// The permissions of users other than the owner and the group to read or write the file.
const FOR_OTHERS: u32 = 0o006;

/// Users and the hashes of their passwords.
///
/// Each line is `user:hash`, with a hash of bcrypt (`$2y$`, `htpasswd -nB user`), SHA-512 crypt
/// (`$6$`, `mkpasswd -m sha512crypt`) or SHA-256 crypt (`$5$`). Empty lines and lines that begin
/// with `#` are skipped.
///
/// ```
/// use rhttp::Passwords;
///
/// let hash = "$2y$04$EIGWm1KsHIowBH9aSO2eaeMyspjcm1DGv1HLofzOZ4T27MKEzvkve";
/// assert!(Passwords::parse(&format!("# staff\nanna:{hash}\n")).is_ok());
/// assert!(Passwords::parse("anna:secret").is_err());
/// ```
pub struct Passwords {
    users: BTreeMap<String, Hash>,
    key: hmac::Key,
    /// The digests of passwords that were verified, by user.
    proven: Mutex<BTreeMap<String, hmac::Tag>>,
    at_work: Mutex<usize>,
    done: Condvar,
}

/// Too many passwords are waiting to be verified.
#[derive(Debug)]
pub(super) struct Busy;

enum Hash {
    Bcrypt(String),
    ShaCrypt(String),
}

impl Passwords {
    /// Reads a password file. It must not be readable by others.
    ///
    /// # Errors
    /// The file cannot be read, others may read it, or a line is wrong: the error text says which.
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        let mut file = File::open(path)?;
        if file.metadata()?.permissions().mode() & FOR_OTHERS != 0 {
            return Err(invalid("others may read or write it (chmod o-rw)"));
        }
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        Self::parse(&text)
    }

    /// Reads the lines of a password file.
    ///
    /// # Errors
    /// A line is wrong, or there are no users in it.
    pub fn parse(text: &str) -> io::Result<Self> {
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
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new())
            .map_err(|_| io::Error::other("there is no randomness"))?;
        Ok(Self {
            users,
            key,
            proven: Mutex::default(),
            at_work: Mutex::default(),
            done: Condvar::new(),
        })
    }

    /// Whether this is the user's password.
    pub(super) fn verify(&self, user: &str, password: &[u8]) -> Result<bool, Busy> {
        if password.len() > LONGEST {
            return Ok(false);
        }
        let credentials = credentials(user, password);
        let proven = lock(&self.proven).get(user).copied();
        let is_proven =
            |proven: hmac::Tag| hmac::verify(&self.key, &credentials, proven.as_ref()).is_ok();
        if proven.is_some_and(is_proven) {
            return Ok(true);
        }
        let known = self.users.get(user);
        let Some(hash) = known.or_else(|| self.decoy(user)) else {
            return Ok(false);
        };
        let turn = self.turn()?;
        let is_right = hash.is_of(password) & known.is_some();
        drop(turn);
        if is_right {
            let tag = hmac::sign(&self.key, &credentials);
            lock(&self.proven).insert(user.to_owned(), tag);
        }
        Ok(is_right)
    }

    /// The hash to compute for an unknown user: always the same one, as if it were theirs.
    fn decoy(&self, user: &str) -> Option<&Hash> {
        let tag = hmac::sign(&self.key, &credentials(user, b""));
        let first = tag.as_ref().first().copied().unwrap_or(0);
        self.users
            .values()
            .nth(usize::from(first) % self.users.len().max(1))
    }

    /// Waits until another hash may be computed.
    fn turn(&self) -> Result<Turn<'_>, Busy> {
        let is_full = |at_work: &mut usize| *at_work >= MOST_AT_WORK;
        let at_work = lock(&self.at_work);
        let waited = self.done.wait_timeout_while(at_work, PATIENCE, is_full);
        let (mut at_work, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() {
            return Err(Busy);
        }
        *at_work += 1;
        Ok(Turn(self))
    }
}

/// A user and a password as one message, different for every pair.
fn credentials(user: &str, password: &[u8]) -> Vec<u8> {
    let length = (user.len() as u64).to_be_bytes();
    [&length, user.as_bytes(), password].concat()
}

/// The right to compute a hash, until it is dropped.
struct Turn<'p>(&'p Passwords);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *lock(&self.0.at_work) -= 1;
        self.0.done.notify_one();
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

    fn is_of(&self, password: &[u8]) -> bool {
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics while the lock is held.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Omits hashes and keys.
impl std::fmt::Debug for Passwords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let users: Vec<_> = self.users.keys().collect();
        f.debug_struct("Passwords")
            .field("users", &users)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `pass`, as hashed by other programs: htpasswd, OpenSSL and libcrypt.
    const HASHES: [&str; 6] = [
        "$2y$04$EIGWm1KsHIowBH9aSO2eaeMyspjcm1DGv1HLofzOZ4T27MKEzvkve",
        "$2b$04$AAAAAAAAAAAAAAAAAAAAA.f0GULOzFPM5uT8FzZFwbAD8L.WxOMB2",
        "$2y$04$abcdefghijklmnopqrstuufznL8bkzdtHwLhca4To/v9Lo9bA7fR6",
        "$6$saltsalt$KN.twvCyfwE67paW76hS2/bacYkY9PxIhxqYG9vL5bZmIwWBGDJ6mu4HlCosKUBfQwVXKXxXVXPcqdwd1Ip0X/",
        "$6$rounds=1000$ab$ogitAVNxwr5P8ir8qXXHl/YJ1NmEXGfNP5RYqkcGKFUvOE5juZBskuRBytzvtlUsfdIjWBSSN7eM2Vmm7Bxdn.",
        "$5$saltsalt$9k0iflfLhuazVMAUTm0egnVlpP5ays5xBLqSJuoPfB9",
    ];

    #[test]
    fn hashes_of_other_programs_are_understood() {
        for hash in HASHES {
            let passwords = Passwords::parse(&format!("anna:{hash}\r\n")).expect("it is one");
            let verify = |user, password: &str| {
                let verified = passwords.verify(user, password.as_bytes());
                verified.expect("nobody else is at work")
            };
            assert!(!verify("anna", "wrong"), "{hash}");
            assert!(!verify("anna", ""), "{hash}");
            assert!(!verify("otto", "pass"), "{hash}");
            assert!(verify("anna", "pass"), "{hash}");
            // The password is remembered, and no other with it.
            assert!(verify("anna", "pass"), "{hash}");
            assert!(!verify("anna", "wrong"), "{hash}");
            assert!(!verify("otto", "pass"), "{hash}");
            assert!(!verify("anna", &"x".repeat(10_000)), "{hash}");
        }
    }

    #[test]
    fn a_wrong_line_is_told_by_its_number() {
        let bcrypt = HASHES[0];
        for (text, expected) in [
            ("", "there is no user in it".to_owned()),
            ("# a\n\n", "there is no user in it".into()),
            ("anna", "line 1: no user:hash".into()),
            (
                &format!("anna:{bcrypt}\n\nanna:{bcrypt}"),
                "line 3: the same user again".into(),
            ),
        ] {
            let found = Passwords::parse(text).map_err(|error| error.to_string());
            assert_eq!(found.err(), Some(expected), "{text}");
        }
        for hash in [
            "pass",
            "",
            "{SHA}nU4eI71bcnBGqeO0t9tXvY1u5oQ=",
            "$apr1$saltsalt$2wL7CEJ2Qjs9cNoaFmFn..",
            "$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/",
            "$2x$04$abcdefghijklmnopqrstuufznL8bkzdtHwLhca4To/v9Lo9bA7fR6",
            "$2y$99$abcdefghijklmnopqrstuufznL8bkzdtHwLhca4To/v9Lo9bA7fR6",
            "$2y$04$short",
            "$6$saltsalt$short",
            "$6$rounds=1$saltsalt$KN.twvCyfwE67paW76hS2/bacYkY9PxIhxqYG9vL5bZmIwWBGDJ6mu4HlCosKUBfQwVXKXxXVXPcqdwd1Ip0X/",
            "$6$saltsalt",
            "$y$j9T$x$y",
        ] {
            let text = format!("# users\notto:{hash}");
            let found = Passwords::parse(&text).map_err(|error| error.to_string());
            let expected = "line 2: no hash of bcrypt ($2y$) or SHA-512 crypt ($6$)";
            assert_eq!(found.err().as_deref(), Some(expected), "{hash}");
        }
    }

    #[test]
    fn no_more_hashes_are_computed_at_a_time_than_may_be() {
        let passwords = Passwords::parse(&format!("anna:{}", HASHES[0])).expect("it is one");
        let turns = [(); MOST_AT_WORK].map(|()| passwords.turn().expect("it is free"));
        std::thread::scope(|scope| {
            let waiting =
                scope.spawn(|| passwords.verify("anna", b"pass").is_ok_and(|right| right));
            assert_eq!(*lock(&passwords.at_work), MOST_AT_WORK);
            drop(turns);
            assert!(waiting.join().expect("it does not panic"));
        });
        assert_eq!(*lock(&passwords.at_work), 0);
    }
}
