//! A shared cache in front: nginx. Where it is not there, the test says so and passes.

use super::{answered, serve, wait_for};
use crate::support::{PATIENCE, Response, Running, Tree, not_run};
use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

/// A cache that keeps what it gets for a second, and then asks whether it is still current.
struct Nginx {
    process: Child,
    directory: Tree,
}

impl Nginx {
    fn in_front_of(server: &Running) -> Option<Self> {
        let directory = Tree::new();
        let path = directory.path().display();
        let configuration = format!(
            "daemon off; master_process off; pid {path}/pid; error_log {path}/error.log;
             events {{ worker_connections 64; }}
             http {{
                 access_log off;
                 client_body_temp_path {path}/body; proxy_temp_path {path}/proxy;
                 fastcgi_temp_path {path}/fastcgi; uwsgi_temp_path {path}/uwsgi;
                 scgi_temp_path {path}/scgi;
                 proxy_cache_path {path}/cache keys_zone=zone:1m;
                 server {{
                     listen unix:{path}/socket;
                     location / {{
                         proxy_pass http://{};
                         proxy_http_version 1.1;
                         proxy_set_header Connection \"\";
                         proxy_cache zone;
                         proxy_cache_valid 200 1s;
                         proxy_cache_revalidate on;
                         add_header X-Cache $upstream_cache_status;
                     }}
                 }}
             }}",
            server.address()
        );
        let file = directory.path().join("nginx.conf");
        fs::write(&file, configuration).expect("it can be written");
        // Where daemons are is not always where an ordinary user's shell looks.
        let commands = ["nginx", "/usr/sbin/nginx"].map(|program| {
            let mut command = Command::new(program);
            command.arg("-e").arg(directory.path().join("error.log"));
            command.arg("-p").arg(directory.path()).arg("-c").arg(&file);
            command
        });
        let mut started = commands
            .into_iter()
            .filter_map(|mut command| command.stdin(Stdio::null()).spawn().ok());
        let Some(process) = started.next() else {
            not_run("there is no nginx here");
            return None;
        };
        Some(Self { process, directory })
    }

    fn get(&mut self, fields: &str) -> Response {
        let mut stream = self.connect();
        let request = format!("GET /file HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{fields}\r\n");
        stream.write_all(request.as_bytes()).expect("it is sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("it is answered");
        Response::parse(&answer)
    }

    fn connect(&mut self) -> UnixStream {
        let socket = self.directory.path().join("socket");
        let deadline = Instant::now() + PATIENCE;
        loop {
            match UnixStream::connect(&socket) {
                Ok(stream) => {
                    stream
                        .set_read_timeout(Some(PATIENCE))
                        .expect("time can be limited");
                    return stream;
                }
                Err(error) => {
                    let ended = self.process.try_wait().expect("it can be waited for");
                    let log = || log(self.directory.path());
                    assert!(
                        ended.is_none() && Instant::now() < deadline,
                        "{error}: {}",
                        log()
                    );
                    thread::sleep(Duration::from_millis(10));
                }
            }
        }
    }

    /// Asks until the answer is as wanted.
    fn get_until(&mut self, wanted: impl Fn(&Response) -> bool) -> Response {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let response = self.get("");
            if wanted(&response) {
                return response;
            }
            assert!(Instant::now() < deadline, "in vain; last came {response:?}");
            thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // It may have ended by itself; there is nothing to do about an error here.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn log(directory: &Path) -> String {
    fs::read_to_string(directory.join("error.log")).unwrap_or_default()
}

#[test]
fn a_cache_revalidates_and_does_not_fetch_again() {
    let tree = Tree::new();
    tree.file("file", "0123456789").settle();
    let server = serve(&tree, "HTTP/1.1");
    let Some(mut nginx) = Nginx::in_front_of(&server) else {
        return;
    };
    let cached =
        |state: &'static str| move |response: &Response| response.field("X-Cache") == Some(state);
    let first = nginx.get("");
    assert_eq!(
        (first.status(), first.body.as_slice()),
        (200, b"0123456789".as_slice())
    );
    assert_eq!(first.field("ETag"), Some("\"a-6553f100.0\""));

    // When its second is over, the cache asks, and is told 304.
    let again = nginx.get_until(cached("REVALIDATED"));
    assert_eq!(again.body, b"0123456789");
    wait_for(&server, 304, 1);
    assert_eq!(answered(&server.log(), 200), 1);

    // The cache cuts ranges out of what it has.
    let part = nginx.get("Range: bytes=2-3\r\n");
    assert_eq!(
        (part.status(), part.body.as_slice()),
        (206, b"23".as_slice())
    );
    assert_eq!(answered(&server.log(), 200), 1);

    // A change, even within the second that `Last-Modified` names, is seen.
    let file = OpenOptions::new()
        .write(true)
        .open(tree.path().join("file"))
        .expect("it opens");
    file.write_all_at(b"x", 0).expect("it can be written");
    let same_second = SystemTime::UNIX_EPOCH + Duration::new(1_700_000_000, 1);
    file.set_modified(same_second).expect("the time can be set");
    let changed = nginx.get_until(|response| response.body == b"x123456789");
    assert_ne!(changed.field("ETag"), first.field("ETag"));
    assert_eq!(wait_for(&server, 200, 2), 2);
}
