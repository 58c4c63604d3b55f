//! Files that are unlike others: huge, leased, compressed, of the kernel's own, or not files at all.

use crate::load::serve;
use crate::support::{AfterSending, PATIENCE, Response, Running, Tree, exchange, get, not_run};
use rustix::fs::OFlags;
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

fn ask(server: &Running, target: &str, fields: &str) -> Response {
    let request = format!("GET {target} HTTP/1.0\r\n{fields}\r\n");
    Response::parse(&exchange(
        server.address(),
        &[request],
        AfterSending::StayOpen,
    ))
}

/// Files of the kernel's own have a size and content, but `sendfile` refuses some of them.
#[cfg(target_os = "linux")]
#[test]
fn files_that_the_kernel_cannot_send_are_copied() {
    let files = ["/proc/config.gz", "/sys/kernel/btf/vmlinux"];
    let readable: Vec<_> = files
        .into_iter()
        .filter_map(|path| Some((path, fs::read(path).ok()?)))
        .collect();
    if readable.is_empty() {
        return not_run("a file that cannot be sent: this kernel shows none");
    }
    let tree = Tree::new();
    for (path, _) in &readable {
        let name = Path::new(path).file_name().expect("a file has a name");
        symlink(path, tree.path().join(name)).expect("a link can be made");
    }
    let server = serve(&tree, "");
    for (path, content) in readable {
        let name = path.rsplit('/').next().expect("a path has a last name");
        let response = get(&server, &format!("/{name}"));
        assert_eq!(response.status(), 200, "{path}");
        assert!(response.body == content, "{path}");
    }
}

/// At the largest size that a file can have, the system refuses to read beyond the end.
#[test]
fn the_last_bytes_of_the_largest_file_arrive() {
    let tree = Tree::new();
    let largest = (1..=62)
        .rev()
        .map(|bits| (1_u64 << bits) - 1 + (1_u64 << bits))
        .find(|&size| {
            let file = File::create(tree.path().join("largest")).expect("it can be made");
            file.set_len(size).is_ok()
        });
    let size = largest.expect("some size is possible");
    let server = serve(&tree, "");
    for (range, expected) in [
        ("-5".to_owned(), 5),
        (format!("{}-", size - 3), 3),
        (format!("{}-{}", size - 20_000, size - 1), 20_000),
    ] {
        let part = ask(&server, "/largest", &format!("Range: bytes={range}\r\n"));
        assert_eq!(
            (part.status(), part.body.len()),
            (206, expected),
            "{range} of {size}"
        );
        assert!(part.body.iter().all(|&byte| byte == 0));
    }
    let head = exchange(
        server.address(),
        &["HEAD /largest HTTP/1.0\r\n\r\n"],
        AfterSending::StayOpen,
    );
    let length = Response::parse(&head)
        .field("Content-Length")
        .map(str::to_owned);
    assert_eq!(length, Some(size.to_string()));
}

/// Opening a FIFO to see what it is would end those who wait at its other end.
#[test]
fn a_fifo_that_somebody_writes_to_is_left_alone() {
    let nonblock = i32::try_from(OFlags::NONBLOCK.bits()).expect("it is small");
    let tree = Tree::new();
    tree.fifo("fifo").fifo("index.html");
    for symlinks in ["follow", "inside", "never"] {
        let server = serve(&tree, &format!("--symlinks {symlinks}"));
        let path = tree.path().join("fifo");
        let writer = thread::spawn(move || {
            // It waits here until somebody reads.
            let mut fifo = OpenOptions::new().write(true).open(path).expect("it opens");
            fifo.write_all(b"data").expect("somebody reads it");
        });
        for target in ["/fifo", "/index.html", "/fifo/"] {
            assert_eq!(get(&server, target).status(), 404, "{symlinks} {target}");
        }
        assert!(!writer.is_finished(), "{symlinks}: somebody has opened it");
        let mut reader = OpenOptions::new()
            .read(true)
            .custom_flags(nonblock)
            .open(tree.path().join("fifo"))
            .expect("it opens");
        writer.join().expect("what it wrote was not lost");
        let mut data = String::new();
        reader.read_to_string(&mut data).expect("it can be read");
        assert_eq!(data, "data");
    }
}

/// A program that holds a write lease on a file and prints a line when it does.
#[cfg(target_os = "linux")]
fn lease(path: &Path, when_asked: &str) -> Option<Child> {
    let program = format!(
        "import fcntl, os, signal, sys, time\n\
         file = os.open(sys.argv[1], os.O_RDWR)\n\
         def give_up(*_): {when_asked}\n\
         signal.signal(signal.SIGIO, give_up)\n\
         fcntl.fcntl(file, 1024, fcntl.F_WRLCK)\n\
         print('leased', flush=True)\n\
         sys.stdin.read()\n"
    );
    let mut command = Command::new("python3");
    command.args(["-c", &program]).arg(path);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = command.spawn().ok()?;
    let mut line = String::new();
    let output = child.stdout.take().expect("it is a pipe");
    let read = BufReader::new(output).read_line(&mut line);
    (read.is_ok() && line == "leased\n").then_some(child)
}

/// The kernel asks the holder of a lease to give it up as soon as somebody opens the file.
#[cfg(target_os = "linux")]
#[test]
fn a_leased_file_is_served_once_it_is_given_up_or_refused_in_time() {
    let tree = Tree::new();
    tree.file("leased", "content").file("kept", "content");
    let server = serve(&tree, "");
    let give_up = "fcntl.fcntl(file, 1024, fcntl.F_UNLCK)";
    let leased = lease(&tree.path().join("leased"), give_up);
    let kept = lease(&tree.path().join("kept"), "pass");
    let (Some(mut leased), Some(mut kept)) = (leased, kept) else {
        return not_run("leased files: no lease can be had");
    };
    let answer = get(&server, "/leased");
    assert_eq!(
        (answer.status(), answer.body.as_slice()),
        (200, b"content".as_slice())
    );
    let start = std::time::Instant::now();
    assert_eq!(get(&server, "/kept").status(), 503);
    assert!(start.elapsed() < PATIENCE);
    for child in [&mut leased, &mut kept] {
        child.kill().and_then(|()| child.wait()).expect("it runs");
    }
    assert_eq!(get(&server, "/kept").body, b"content");
}

#[test]
fn a_compressed_svg_image_is_decoded_by_those_who_can() {
    let tree = Tree::new();
    tree.file("i.svgz", "compressed")
        .file("I.SVGZ", "too")
        .settle();
    let server = serve(&tree, "");
    let picture = ("image/svg+xml", Some("gzip"));
    let file = ("application/gzip", None);
    for (fields, expected) in [
        ("Accept-Encoding: gzip, br\r\n", picture),
        ("Accept-Encoding: *\r\n", picture),
        ("Accept-Encoding: br\r\n", file),
        ("Accept-Encoding: gzip;q=0\r\n", file),
        ("", file),
    ] {
        for target in ["/i.svgz", "/I.SVGZ"] {
            let whole = ask(&server, target, fields);
            let seen = (
                whole.field("Content-type").expect("a type"),
                whole.field("Content-Encoding"),
            );
            assert_eq!(seen, expected, "{target} {fields}");
            let types = whole
                .fields()
                .filter(|(name, _)| name.eq_ignore_ascii_case("content-type"));
            assert_eq!(types.count(), 1);
            let tag = whole.field("ETag").expect("a tag");
            let part = ask(&server, target, &format!("{fields}Range: bytes=1-2\r\n"));
            let known = ask(
                &server,
                target,
                &format!("{fields}If-None-Match: {tag}\r\n"),
            );
            assert_eq!((part.status(), known.status()), (206, 304));
            assert_eq!(part.field("Content-Encoding"), expected.1);
            assert_eq!(known.field("Content-Encoding"), None);
            for answer in [&whole, &part, &known] {
                assert_eq!(
                    answer.field("Vary"),
                    Some("Accept-Encoding"),
                    "{target} {fields}"
                );
            }
        }
    }
    assert_eq!(get(&server, "/missing.svgz").field("Vary"), None);
}
