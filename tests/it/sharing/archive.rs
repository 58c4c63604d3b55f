//! `--tar`: a directory as one archive.

use super::{ask, folder, get_with, serve, url};
use crate::support::{Response, Running, Tree, find_program, get, not_run};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

/// What is in a tree: by its path, what it is and what it holds.
fn contents(top: &Path) -> BTreeMap<Vec<u8>, (String, Vec<u8>)> {
    let mut found = BTreeMap::new();
    let mut directories = vec![top.to_path_buf()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).expect("it can be read") {
            let path = entry.expect("an entry").path();
            let metadata = fs::symlink_metadata(&path).expect("it is there");
            let name = path.strip_prefix(top).expect("it is below");
            let about = format!("{:o} {}", metadata.mode(), metadata.mtime());
            let content = if metadata.is_symlink() {
                let target = fs::read_link(&path).expect("a link");
                ("link".to_owned(), target.as_os_str().as_bytes().to_vec())
            } else if metadata.is_dir() {
                directories.push(path.clone());
                (about, Vec::new())
            } else {
                (about, fs::read(&path).expect("it can be read"))
            };
            found.insert(name.as_os_str().as_bytes().to_vec(), content);
        }
    }
    found
}

/// The names in an archive, as a second implementation reads them.
fn names(archive: &[u8]) -> Vec<String> {
    let mut archive = tar::Archive::new(archive);
    let entries = archive.entries().expect("an archive");
    entries
        .map(|entry| {
            let entry = entry.expect("an entry");
            String::from_utf8_lossy(&entry.path_bytes()).into_owned()
        })
        .collect()
}

fn archive(server: &Running, target: &str) -> Response {
    let response = get(server, target);
    assert_eq!(response.status(), 200, "{target}");
    let length = response.field("Content-Length").expect("a length");
    assert_eq!(length, response.body.len().to_string());
    response
}

#[test]
fn without_the_flag_a_query_is_only_a_query() {
    let tree = folder();
    let server = serve(tree.path(), &[]);
    let (plain, asked) = (get(&server, "/folder/"), get(&server, "/folder/?tar"));
    assert_eq!(asked.status(), 200);
    assert_eq!(
        asked.field("Content-type"),
        Some("text/html; charset=utf-8")
    );
    assert_eq!(plain.body.len() + 2 * "?tar".len(), asked.body.len());
}

#[test]
fn a_directory_is_one_archive_in_a_fixed_order() {
    let tree = folder();
    tree.settle();
    let server = serve(tree.path(), &["--tar"]);
    let first = archive(&server, "/folder/?tar");
    let expected = [
        "folder/",
        "folder/a.txt",
        "folder/empty file",
        "folder/link",
        "folder/run.sh",
        "folder/empty/",
        "folder/sub/",
        "folder/sub/large",
        "folder/sub/up",
        "folder/sub/deep/",
        "folder/sub/deep/b",
    ];
    assert_eq!(names(&first.body), expected);
    assert_eq!(archive(&server, "/folder/?tar").body, first.body);
    assert_eq!(first.field("Content-Type"), Some("application/x-tar"));
    assert_eq!(
        first.field("Content-Disposition"),
        Some("attachment; filename=\"folder.tar\"; filename*=UTF-8''folder.tar")
    );
    assert_eq!(first.field("Accept-Ranges"), Some("bytes"));
    let head = ask(&server, "HEAD /folder/?tar HTTP/1.0\r\n\r\n");
    assert_eq!(head.field_lines[2..], first.field_lines[2..]);
    assert!(head.body.is_empty());
    // The name of the served directory is not the client's to know.
    let root = archive(&server, "/?tar");
    assert_eq!(names(&root.body)[..2], ["files/", "files/folder/"]);
}

#[test]
fn the_first_block_is_these_bytes() {
    let tree = Tree::new();
    tree.file("d/f", "content");
    let made = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let directory = File::open(tree.path().join("d")).expect("it opens");
    directory.set_modified(made).expect("the time can be set");
    let server = serve(tree.path(), &["--tar"]);
    let body = archive(&server, "/d/?tar").body;
    let mut expected = vec![0; 512];
    for (place, text) in [
        (0, "d/f"),
        (100, "0000644"),
        (108, "0000000"),
        (116, "0000000"),
        (124, "00000000007"),
        (136, "14524770400"),
        (155, " 0"),
        (257, "ustar\0"),
        (263, "00"),
        (329, "0000000"),
        (337, "0000000"),
    ] {
        expected[place..place + text.len()].copy_from_slice(text.as_bytes());
    }
    // The checksum counts its own field as spaces.
    let spaces = [&expected[..148], &[b' '; 8], &expected[156..]].concat();
    let sum: u32 = spaces.iter().map(|&byte| u32::from(byte)).sum();
    expected[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    assert_eq!(body[512..1024], expected);
    assert_eq!(body[1024..1031], *b"content");
    assert!(body[1031..].iter().all(|&byte| byte == 0));
    assert_eq!(body.len(), 512 * 5);
}

#[test]
fn other_programs_unpack_what_was_packed() {
    let tree = folder();
    let top = tree.path().join("folder");
    // Whatever may stand in a name.
    let long = "n".repeat(120);
    tree.file(&format!("folder/{long}/{long}/{long}"), "long names")
        .file("folder/\u{fc}n\u{ef}/\u{1f600}", "text")
        .link("folder/long link", "t".repeat(150));
    fs::write(top.join(OsStr::from_bytes(b"not\xfftext")), "bytes").expect("a file");
    fs::write(top.join("new\nline"), "controls").expect("a file");
    fs::write(top.join("new\nl\u{ed}ne"), "in a record").expect("a file");
    let linked = top.join("hard link");
    fs::hard_link(top.join("a.txt"), linked).expect("a second name");
    for (name, mode) in [("a.txt", 0o600), ("sub", 0o500), ("sub/large", 0o444)] {
        let mode = fs::Permissions::from_mode(mode);
        fs::set_permissions(top.join(name), mode).expect("the mode can be set");
    }
    let old = File::open(top.join("run.sh")).expect("it opens");
    old.set_modified(SystemTime::UNIX_EPOCH - Duration::from_secs(1000))
        .expect("the time can be set");
    let server = serve(tree.path(), &["--tar"]);
    let archive = tree.path().join("folder.tar");
    fs::write(&archive, self::archive(&server, "/folder/?tar").body).expect("it is written");
    let expected = contents(&top);
    assert_eq!(expected.len(), 20);

    let python = "import sys, tarfile\nwith tarfile.open(sys.argv[1]) as archive: \
                  archive.extractall(sys.argv[2], **({'filter': 'tar'} if hasattr(tarfile, 'tar_filter') else {}))";
    for (program, arguments) in [
        ("tar", vec!["-xpf", "{archive}", "-C", "{out}"]),
        ("bsdtar", vec!["-xpf", "{archive}", "-C", "{out}"]),
        ("python3", vec!["-c", python, "{archive}", "{out}"]),
    ] {
        if find_program(program).is_none() {
            not_run(&format!("{program} is not there"));
            continue;
        }
        let out = Tree::new();
        let arguments = arguments.into_iter().map(|argument| match argument {
            "{archive}" => archive.as_os_str(),
            "{out}" => out.path().as_os_str(),
            other => OsStr::new(other),
        });
        let unpacked = Command::new(program)
            .args(arguments)
            .env("LC_ALL", "C.UTF-8")
            .stderr(Stdio::null())
            .status();
        assert!(unpacked.expect("it runs").success(), "{program}");
        let found = contents(&out.path().join("folder"));
        for (name, content) in &expected {
            let name = name.escape_ascii().to_string();
            let bytes = found.get(&*content_key(&expected, &name));
            assert!(bytes == Some(content), "{program}: {name}");
        }
        assert_eq!(found.len(), expected.len(), "{program}");
    }
}

/// The name that is shown as `shown`.
fn content_key<T>(contents: &BTreeMap<Vec<u8>, T>, shown: &str) -> Vec<u8> {
    let name = contents
        .keys()
        .find(|name| name.escape_ascii().to_string() == shown);
    name.expect("it is one of them").clone()
}

#[test]
fn ranges_are_parts_of_the_same_archive() {
    let tree = folder();
    tree.settle();
    let server = serve(tree.path(), &["--tar"]);
    let whole = archive(&server, "/folder/?tar");
    let etag = whole.field("ETag").expect("a tag");
    assert!(etag.starts_with("\"tar-") && etag.ends_with('"'));
    let length = whole.body.len();
    let mut random = 12_345_usize;
    for _ in 0..20 {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let start = random % length;
        let part = get_with(
            &server,
            "/folder/?tar",
            &format!("Range: bytes={start}-\r\n"),
        );
        assert_eq!(part.status(), 206);
        let expected = format!("bytes {start}-{}/{length}", length - 1);
        assert_eq!(part.field("Content-Range"), Some(expected.as_str()));
        assert!(part.body == whole.body[start..], "from {start}");
    }
    for (fields, status, expected) in [
        (
            format!("If-Range: {etag}\r\nRange: bytes=-5000\r\n"),
            206,
            5000,
        ),
        (
            "If-Range: \"other\"\r\nRange: bytes=-5000\r\n".into(),
            200,
            length,
        ),
        (format!("If-None-Match: {etag}\r\n"), 304, 0),
        (format!("If-Match: {etag}\r\n"), 200, length),
        (format!("Range: bytes=0-{}\r\n", length - 1), 206, length),
    ] {
        let response = get_with(&server, "/folder/?tar", &fields);
        assert_eq!(response.status(), status, "{fields}");
        assert_eq!(response.body.len(), expected, "{fields}");
    }
    let refused = get_with(&server, "/folder/?tar", "If-Match: \"other\"\r\n");
    assert_eq!(refused.status(), 412);
    let beyond = get_with(
        &server,
        "/folder/?tar",
        &format!("Range: bytes={length}-\r\n"),
    );
    assert_eq!(beyond.status(), 416);
    let all = format!("bytes */{length}");
    assert_eq!(beyond.field("Content-Range"), Some(all.as_str()));

    let several = get_with(&server, "/folder/?tar", "Range: bytes=0-9,600-609\r\n");
    assert_eq!(several.status(), 206);
    let media_type = several.field("Content-Type").expect("a type");
    let boundary = media_type
        .strip_prefix("multipart/byteranges; boundary=")
        .expect("a boundary");
    let mut expected = Vec::new();
    for (first, last) in [(0, 9), (600, 609)] {
        let head = format!(
            "\r\n--{boundary}\r\nContent-Type: application/x-tar\r\n\
             Content-Range: bytes {first}-{last}/{length}\r\n\r\n"
        );
        expected.extend_from_slice(head.as_bytes());
        expected.extend_from_slice(&whole.body[first..=last]);
    }
    expected.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    assert!(several.body == expected);
}

#[test]
fn curl_resumes_an_archive_at_any_offset() {
    let (Some(curl), Some(sha256sum)) = (find_program("curl"), find_program("sha256sum")) else {
        return not_run("curl and sha256sum are not there");
    };
    let tree = folder();
    let server = serve(tree.path(), &["--tar"]);
    let whole = archive(&server, "/folder/?tar").body;
    let partial = tree.path().join("partial");
    let sum = |path: &Path| {
        let mut file = File::open(path).expect("it opens");
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).expect("it can be read");
        let output = Command::new(&sha256sum).arg(path).output();
        let output = output.expect("it runs").stdout;
        (bytes.len(), output[..64].to_vec())
    };
    fs::write(&partial, &whole).expect("it is written");
    let expected = sum(&partial);
    let mut random = 99_usize;
    for _ in 0..20 {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        fs::write(&partial, &whole[..random % whole.len()]).expect("it is written");
        let resumed = Command::new(&curl)
            .args(["-s", "-f", "-C", "-", "-o"])
            .arg(&partial)
            .arg(url(&server, "/folder/?tar"))
            .status();
        assert!(resumed.expect("it runs").success());
        assert_eq!(sum(&partial), expected);
    }
}

#[test]
fn a_tag_changes_with_names_sizes_and_times() {
    let tree = folder();
    tree.settle();
    let server = serve(tree.path(), &["--tar"]);
    let tag = || {
        archive(&server, "/folder/?tar")
            .field("ETag")
            .map(str::to_owned)
    };
    let file = tree.path().join("folder/a.txt");
    let mut tags = vec![tag().expect("a tag")];
    let changes: [&dyn Fn(); 4] = [
        &|| fs::write(&file, "The First").expect("it is written"),
        &|| {
            let mode = fs::Permissions::from_mode(0o600);
            fs::set_permissions(&file, mode).expect("the mode can be set");
        },
        &|| fs::rename(&file, file.with_extension("md")).expect("it is renamed"),
        &|| symlink("x", tree.path().join("folder/new")).expect("a link"),
    ];
    for change in changes {
        change();
        assert_eq!(tag(), None, "a further change might leave no trace yet");
        tree.settle();
        let next = tag().expect("a tag");
        assert!(!tags.contains(&next));
        tags.push(next);
    }
}

#[test]
fn a_file_of_more_than_8_gib_has_its_size_in_a_record() {
    const SIZE: u64 = 9 << 30;
    let tree = Tree::new();
    tree.file("d/huge", "start").file("d/later", "the end");
    let huge = File::options().write(true).open(tree.path().join("d/huge"));
    huge.and_then(|file| file.set_len(SIZE))
        .expect("a sparse file");
    let server = serve(tree.path(), &["--tar"]);
    let head = ask(&server, "HEAD /d/?tar HTTP/1.0\r\n\r\n");
    let length: u64 = head
        .field("Content-Length")
        .and_then(|length| length.parse().ok())
        .expect("a length");
    assert_eq!(length, SIZE + 512 * 8);
    let start = get_with(&server, "/d/?tar", "Range: bytes=0-2052\r\n").body;
    assert!(start[1024..].starts_with(b"19 size=9663676416\n"));
    assert_eq!(start[1536 + 124..][..12], *b"00000000000\0");
    assert_eq!(start[2048..], *b"start");
    let end = get_with(&server, "/d/?tar", "Range: bytes=-2048\r\n").body;
    assert!(end.starts_with(b"d/later\0"));
    assert!(end[512..].starts_with(b"the end\0"));
}

#[test]
fn an_archive_goes_out_over_a_kept_connection() {
    let tree = folder();
    let server = serve(tree.path(), &["--tar", "--protocol", "HTTP/1.1"]);
    let request = "GET /folder/?tar HTTP/1.1\r\nHost: a\r\n\r\n";
    let last = "GET /folder/a.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let answer = ask(&server, format!("{request}{last}"));
    let length: usize = answer
        .field("Content-Length")
        .and_then(|length| length.parse().ok())
        .expect("a length");
    let second = Response::parse(&answer.body[length..]);
    assert_eq!(
        (second.status(), second.body.as_slice()),
        (200, b"the first".as_slice())
    );
}
