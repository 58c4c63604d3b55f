//! The files that every server serves, made when a workload first needs them.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use crate::fallible::Fallible;
use crate::target::{Expected, GIB, MANY, ONE_GIB, ONE_KIB, PASSWORD, PASSWORDS, Target, USER};
use crate::workload::{Drive, Workload};

pub(crate) const RANDOM_FILES: u32 = 10_000;
const RANDOM_FILE_SIZE: u64 = 4096;
/// Files are given this age: caches may treat a file that was just written with
/// suspicion, and a tree that people serve is older than a second.
const AGE: Duration = Duration::from_secs(30 * 24 * 3600);

pub(crate) const HELLO: &str = "Hello from CGI\n";
/// With a length: wrk counts an answer that only the close ends as an error.
const HELLO_SOURCE: &str = r#"
fn main() {
    print!("Content-Type: text/plain\r\nContent-Length: 15\r\n\r\nHello from CGI\n");
}
"#;

pub(crate) struct Tree {
    root: PathBuf,
}

impl Tree {
    pub(crate) fn new(root: &Path) -> io::Result<Self> {
        fs::create_dir(root)?;
        Ok(Self {
            root: root.to_owned(),
        })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Makes whatever this workload needs and does not find.
    pub(crate) fn prepare(&self, workload: &Workload) -> Fallible<()> {
        self.file(ONE_KIB, 1024)?;
        if workload.is_ours_alone {
            self.passwords()?;
        }
        let beside = workload.beside.iter().map(|beside| &beside.target);
        for target in beside.chain([&workload.target]) {
            self.prepare_target(target)?;
        }
        if matches!(workload.drive, Drive::Load { random: true, .. }) {
            self.many()?;
        }
        Ok(())
    }

    fn many(&self) -> io::Result<()> {
        (0..RANDOM_FILES).try_for_each(|number| self.file(&random_name(number), RANDOM_FILE_SIZE))
    }

    /// Not in the tree: nobody may ask for it, and none but its owner read it.
    fn passwords(&self) -> Fallible<()> {
        let path = self.root.with_file_name(PASSWORDS);
        let hash = bcrypt::hash(PASSWORD, 4).map_err(|error| error.to_string())?;
        let mut options = File::options();
        let options = options.write(true).create(true).truncate(true);
        let mut file = options.mode(0o600).open(path)?;
        Ok(writeln!(file, "{USER}:{hash}")?)
    }

    fn prepare_target(&self, target: &Target) -> Fallible<()> {
        match target.expected {
            Expected::File { name, size, .. } => self.file(name, size)?,
            Expected::Names(count) | Expected::Page(count) | Expected::Json(count) => {
                self.names(target.path.trim_matches('/'), count)?;
            }
            Expected::Text(_) => self.hello(target.path.trim_start_matches('/'))?,
            Expected::Archive {
                directory: MANY, ..
            } => self.many()?,
            Expected::Archive { directory, .. } => {
                self.file(&format!("{directory}/1g.bin"), GIB)?;
            }
            Expected::Sent => {
                self.file(ONE_GIB, GIB)?;
                let parent = self.path(target.path.trim_matches('/'));
                fs::create_dir_all(parent.parent().unwrap_or(&self.root))?;
            }
            Expected::Nothing | Expected::Anything => {}
        }
        Ok(())
    }

    fn file(&self, name: &str, size: u64) -> io::Result<()> {
        let path = self.path(name);
        if path.exists() {
            return Ok(());
        }
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        let mut file = File::create(&path)?;
        let mut noise = Noise::new(name);
        let mut left = size;
        while left > 0 {
            let block = noise.block();
            let some = left.min(block.len() as u64);
            file.write_all(block.get(..some as usize).unwrap_or(&block))?;
            left -= some;
        }
        file.set_modified(SystemTime::now() - AGE)
    }

    fn names(&self, directory: &str, count: u32) -> io::Result<()> {
        let directory = self.path(directory);
        if directory.exists() {
            return Ok(());
        }
        fs::create_dir_all(&directory)?;
        for number in 0..count {
            File::create(directory.join(format!("file-{number:06}.txt")))?;
        }
        Ok(())
    }

    /// A compiled script: what is measured is the server, not an interpreter.
    fn hello(&self, name: &str) -> Fallible<()> {
        let path = self.path(name);
        if path.exists() {
            return Ok(());
        }
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        let source = self.root.with_file_name("hello.rs");
        fs::write(&source, HELLO_SOURCE)?;
        let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let built = Command::new(rustc)
            .args(["-O", "-o"])
            .arg(&path)
            .arg(&source)
            .status()?
            .success();
        if !built {
            return Err("the CGI program does not compile".into());
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
        Ok(())
    }
}

pub(crate) fn random_name(number: u32) -> String {
    format!("{MANY}/{number:05}.bin")
}

/// Bytes that differ from file to file and from place to place (xorshift), so
/// that a wrong offset cannot look right.
struct Noise {
    state: u64,
}

impl Noise {
    fn new(name: &str) -> Self {
        let seed = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self { state: seed | 1 }
    }

    fn block(&mut self) -> Vec<u8> {
        let mut block = Vec::with_capacity(64 * 1024);
        while block.len() < block.capacity() {
            self.state ^= self.state << 13;
            self.state ^= self.state >> 7;
            self.state ^= self.state << 17;
            block.extend_from_slice(&self.state.to_le_bytes());
        }
        block
    }
}
