use super::*;
use crate::cgi::Script;
use crate::http::RequestTarget;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

/// Starts a shell script as the user that runs the tests.
fn start(content: &str) -> Process {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("script");
    fs::write(&file, format!("#!/bin/sh\n{content}\n")).expect("it is written");
    fs::set_permissions(&file, Permissions::from_mode(0o755)).expect("it is its owner's");
    let target = RequestTarget::new(b"/script");
    let found = Script::find(target, &[Vec::new()], |_| Ok::<_, io::Error>(false));
    let script = found.expect("nothing fails").expect("it is one");
    let launch = || Launch {
        file: &file,
        script: &script,
        query: b"",
        environment: Vec::new(),
        user: None,
        has_body: false,
    };
    let mut process = loop {
        match Process::start(launch()) {
            // Another test's child may still hold the file open for writing.
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy => {}
            result => break result.expect("it is started"),
        }
    };
    // It is running, so its file is no longer needed.
    assert_eq!(
        process
            .read_output(&mut RequestBody::default(), &mut [0])
            .ok(),
        Some(1)
    );
    process
}

/// Reads once after a pause, as a slow client does.
fn read_after(pause: Duration, process: &mut Process, size: usize) -> io::Result<usize> {
    thread::sleep(pause);
    process.read_output(&mut RequestBody::default(), &mut vec![0; size])
}

#[test]
fn a_slow_client_gets_all_that_a_script_has_printed() {
    // Less than the capacity of a pipe, so the script ends while all of it is unread.
    let mut process = start("printf 'x%59999s' ''");
    let mut count = 1;
    for pause in [LOOKS[1], AFTERMATH, LAST_WORDS] {
        count += read_after(pause, &mut process, 1000).expect("it is read");
    }
    assert!(process.ended.is_some());
    while let Ok(more @ 1..) = process.read_output(&mut RequestBody::default(), &mut [0; 4096]) {
        count += more;
    }
    assert_eq!(count, 60_000);
    assert_eq!(process.settle(), Some(0));
}

#[test]
fn what_prints_on_and_on_is_cut_and_does_not_look_complete() {
    // `yes` ends when its reader does.
    let mut process = start("printf x; yes & exit 0");
    let mut seen = None;
    let error = loop {
        match read_after(Duration::ZERO, &mut process, 4096) {
            Ok(count) => assert!(count > 0, "it looks complete"),
            Err(error) => break error,
        }
        seen = seen.or(process.ended.map(|ending| ending.since));
    };
    assert_eq!(error.kind(), io::ErrorKind::Other);
    assert!(seen.expect("its end was seen").elapsed() >= AFTERMATH);
}
