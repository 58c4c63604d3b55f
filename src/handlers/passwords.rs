//! Verifies passwords.
//!
//! The time that a response takes reveals nothing: a hash is computed for unknown users, too. Correct
//! credentials are remembered as a digest under a key of this process, because otherwise a page of a
//! hundred images would have its hash computed a hundred times.

use super::users::{Hash, Users};
use crate::sys::Watched;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Seek};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{
    Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
};
use std::time::Duration;

/// The most hashes that are computed at a time, so that an attacker who guesses passwords cannot
/// take every core.
const MOST_AT_WORK: usize = 2;
/// How long a request waits for its turn.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest password in bytes. The time to hash it grows with the square of its length.
const LONGEST: usize = 512;

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
    known: RwLock<Known>,
    /// Where they come from, if that may change.
    source: Option<Source>,
    keys: [RandomState; 2],
    at_work: Mutex<usize>,
    done: Condvar,
}

/// The users, and what has been verified of them.
struct Known {
    users: Arc<Users>,
    /// Users by the digest of their credentials, as these were sent: one for each user at most.
    proven: BTreeMap<Digest, Arc<str>>,
}

/// A digest of credentials: 128 bits of `SipHash`, which is made for short inputs and secret keys.
/// Whoever does not know the keys can neither predict a digest nor learn anything from how long it
/// takes to find one.
type Digest = [u64; 2];

/// A password file, which may change.
struct Source {
    watched: Watched,
    /// The file itself: a sandbox may forbid to open it again.
    file: File,
}

/// Too many passwords are waiting to be verified.
#[derive(Debug)]
pub(super) struct Busy;

impl Passwords {
    /// Reads a password file. It must not be readable by others.
    ///
    /// The file is read again when it has changed: within a second, at the next request. If it can
    /// no longer be used then, the passwords stay as they were.
    ///
    /// # Errors
    /// The file cannot be read, others may read it, or a line is wrong: the error text says which.
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        // Absolute, so that it is found again whatever the working directory is by then.
        let path = std::path::absolute(path)?;
        // What comes from a pipe cannot be read twice.
        let is_regular = fs::metadata(&path)?.is_file();
        let watched = Watched::new([path.clone()]);
        let file = File::open(path)?;
        let passwords = Self::new(Users::read(&file)?);
        let source = is_regular.then_some(Source { watched, file });
        Ok(Self {
            source,
            ..passwords
        })
    }

    /// Reads the lines of a password file.
    ///
    /// # Errors
    /// A line is wrong, or there are no users in it.
    pub fn parse(text: &str) -> io::Result<Self> {
        Users::parse(text).map(Self::new)
    }

    fn new(users: Users) -> Self {
        Self {
            known: RwLock::new(Known {
                users: users.into(),
                proven: BTreeMap::new(),
            }),
            source: None,
            keys: [RandomState::new(), RandomState::new()],
            at_work: Mutex::default(),
            done: Condvar::new(),
        }
    }

    /// Checks, at most once a second, whether the file has changed, and takes the new passwords
    /// from it. If they cannot be used, the old ones stay in use and the error is returned once.
    pub(super) fn renew(&self) -> Option<io::Error> {
        let Source { watched, file } = self.source.as_ref()?;
        let replace = || {
            let path = watched.paths().next().ok_or(io::ErrorKind::NotFound)?;
            self.replace_from(path, file).map_err(|error| {
                let text = format!("cannot take passwords from {}: {error}", path.display());
                io::Error::new(error.kind(), text)
            })
        };
        watched.on_change(replace)?.err()
    }

    /// Reads the file at `path`, or `open` if that is the same and cannot be opened again.
    fn replace_from(&self, path: &Path, mut open: &File) -> io::Result<()> {
        let found = fs::metadata(path)?;
        if !found.is_file() {
            return Err(io::Error::other("it is not a regular file"));
        }
        let is_open = || {
            let open = open.metadata();
            open.is_ok_and(|open| (open.dev(), open.ino()) == (found.dev(), found.ino()))
        };
        let users = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied && is_open() => {
                open.rewind()?;
                Users::read(open)?
            }
            file => Users::read(&file?)?,
        };
        let mut known = self.known_to_change();
        let Known { users: old, proven } = &mut *known;
        // What was proven of a hash proves nothing once the user has another one.
        proven.retain(|_, user| users.has_hash(user, old.hash_of(user)));
        *old = users.into();
        Ok(())
    }

    fn known(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn known_to_change(&self) -> RwLockWriteGuard<'_, Known> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whose credentials these are, if that was proven before.
    pub(super) fn user_of(&self, credentials: &[u8]) -> Option<Arc<str>> {
        self.known().proven.get(&self.digest(credentials)).cloned()
    }

    /// The user, if this is their password. It is remembered of these credentials, from which both were
    /// taken.
    pub(super) fn verify(
        &self,
        credentials: &[u8],
        user: &str,
        password: &[u8],
    ) -> Result<Option<Arc<str>>, Busy> {
        if password.len() > LONGEST {
            return Ok(None);
        }
        let turn = self.turn()?;
        // A page's first requests arrive together: the first of them has proven it for the others.
        if let Some(user) = self.user_of(credentials) {
            return Ok(Some(user));
        }
        let users = Arc::clone(&self.known().users);
        let own = users.hash_of(user);
        let Some(hash) = own.or_else(|| self.decoy(&users, user)) else {
            return Ok(None);
        };
        let is_right = hash.is_of(password) & own.is_some();
        drop(turn);
        if !is_right {
            return Ok(None);
        }
        let user: Arc<str> = user.into();
        let mut known = self.known_to_change();
        if known.users.has_hash(&user, own) {
            known.proven.retain(|_, other| *other != user);
            let digest = self.digest(credentials);
            known.proven.insert(digest, Arc::clone(&user));
        }
        Ok(Some(user))
    }

    fn digest(&self, credentials: &[u8]) -> Digest {
        self.keys.each_ref().map(|key| key.hash_one(credentials))
    }

    /// The hash to compute for an unknown user: always the same one, as if it were theirs.
    fn decoy<'u>(&self, users: &'u Users, user: &str) -> Option<&'u Hash> {
        let [number, _] = self.digest(user.as_bytes());
        users.any_hash(number)
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

/// The right to compute a hash, until it is dropped.
struct Turn<'p>(&'p Passwords);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *lock(&self.0.at_work) -= 1;
        self.0.done.notify_one();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics while the lock is held.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Omits hashes and keys.
impl std::fmt::Debug for Passwords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let users = &self.known().users;
        f.debug_struct("Passwords")
            .field("users", &users.names().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// `pass`, as hashed by other programs: htpasswd, OpenSSL and libcrypt.
    const HASHES: [&str; 6] = [
        "$2y$04$EIGWm1KsHIowBH9aSO2eaeMyspjcm1DGv1HLofzOZ4T27MKEzvkve",
        "$2b$04$AAAAAAAAAAAAAAAAAAAAA.f0GULOzFPM5uT8FzZFwbAD8L.WxOMB2",
        "$2y$04$abcdefghijklmnopqrstuufznL8bkzdtHwLhca4To/v9Lo9bA7fR6",
        "$6$saltsalt$KN.twvCyfwE67paW76hS2/bacYkY9PxIhxqYG9vL5bZmIwWBGDJ6mu4HlCosKUBfQwVXKXxXVXPcqdwd1Ip0X/",
        "$6$rounds=1000$ab$ogitAVNxwr5P8ir8qXXHl/YJ1NmEXGfNP5RYqkcGKFUvOE5juZBskuRBytzvtlUsfdIjWBSSN7eM2Vmm7Bxdn.",
        "$5$saltsalt$9k0iflfLhuazVMAUTm0egnVlpP5ays5xBLqSJuoPfB9",
    ];

    /// Whether a request with this password is let in.
    fn is_right(passwords: &Passwords, user: &str, password: &str) -> bool {
        let credentials = format!("{user}:{password}");
        let proven = passwords.user_of(credentials.as_bytes());
        let verified = passwords.verify(credentials.as_bytes(), user, password.as_bytes());
        let verified = verified.expect("few are at work");
        assert!(proven.is_none() || proven == verified);
        verified.is_some_and(|found| *found == *user)
    }

    #[test]
    fn hashes_of_other_programs_are_understood() {
        for hash in HASHES {
            let passwords = Passwords::parse(&format!("anna:{hash}\r\n")).expect("it is one");
            let verify = |user, password: &str| is_right(&passwords, user, password);
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
            let waiting = scope.spawn(|| is_right(&passwords, "anna", "pass"));
            assert_eq!(*lock(&passwords.at_work), MOST_AT_WORK);
            drop(turns);
            assert!(waiting.join().expect("it does not panic"));
        });
        assert_eq!(*lock(&passwords.at_work), 0);
    }

    #[test]
    fn what_was_proven_is_forgotten_with_the_user_and_the_hash() {
        let directory = tempfile::tempdir().expect("there is a place for it");
        let path = directory.path().join("passwords");
        let replace = |passwords: &Passwords, text: &str| {
            fs::write(&path, text).expect("it can be written");
            let own = fs::Permissions::from_mode(0o600);
            fs::set_permissions(&path, own).expect("it can be set");
            let file = File::open(&path).expect("it can be opened");
            passwords.replace_from(&path, &file)
        };
        let passwords = Passwords::parse(&format!("anna:{}", HASHES[0])).expect("it is one");
        let is_pass = || is_right(&passwords, "anna", "pass");
        let proven = || passwords.known().proven.len();
        assert!(is_pass());
        assert_eq!(proven(), 1);
        let other = bcrypt::hash("other", 4).expect("it can be hashed");
        replace(&passwords, &format!("anna:{}", HASHES[0])).expect("it is one");
        assert_eq!(proven(), 1);
        replace(&passwords, &format!("anna:{other}")).expect("it is one");
        assert_eq!(proven(), 0);
        assert!(!is_pass());
        replace(&passwords, &format!("anna:{}", HASHES[3])).expect("it is one");
        assert!(is_pass());
        replace(&passwords, &format!("otto:{}", HASHES[0])).expect("it is one");
        assert_eq!(proven(), 0);
        assert!(!is_pass());
        for wrong in ["", "anna:pass"] {
            assert!(replace(&passwords, wrong).is_err());
        }
        assert!(is_right(&passwords, "otto", "pass"));
    }
}
