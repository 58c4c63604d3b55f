//! Scripts: which requests run one, and what it is told.

use super::{ask, get, serve, text};
use crate::support::{Running, Tree};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

/// A directory that everybody may enter, with a script in it: as root, scripts run as `nobody`.
fn with_script(content: &str) -> (Tree, Running) {
    let tree = Tree::new();
    tree.script(
        "www/cgi-bin/script",
        format!("#!/bin/sh\n# the source\n{content}\n"),
    )
    .script(
        "www/htbin/script",
        "#!/bin/sh\n# the source\necho; echo output",
    )
    .directory("www/x");
    for path in ["", "www", "www/cgi-bin", "www/htbin"] {
        fs::set_permissions(tree.path().join(path), Permissions::from_mode(0o755))
            .expect("the mode can be set");
    }
    let server = serve(&tree, &["--cgi"]);
    (tree, server)
}

#[test]
fn lesson_04_no_spelling_of_its_name_sends_the_source_of_a_script() {
    let (tree, server) = with_script("echo; echo output");
    tree.link("www/alias", "cgi-bin")
        .link("www/x/script", "../cgi-bin/script");
    for (target, runs) in [
        ("/cgi-bin/script", true),
        ("/%63gi-bin/script", true),
        ("/cgi-bin%2fscript", true),
        ("/cgi-bin/%73cript", true),
        ("/x/../cgi-bin/script", true),
        ("/x/%2e%2e/cgi-bin/script", true),
        ("//cgi-bin//script", true),
        ("/./cgi-bin/./script", true),
        ("/htbin/script", true),
        ("http://host/cgi-bin/script", true),
        ("/cgi-bin/script/../script", false),
        ("/X:/cgi-bin/../script", false),
        ("/cgi-bin/script::$DATA", false),
        ("/cgi-bin\\script", false),
        ("/cgi-bin/script%00", false),
        ("/cgi-bin/script/", false),
        ("/cgi-bin/", false),
        ("/CGI-BIN/script", false),
        ("/alias/script", false),
        ("/x/script", false),
    ] {
        let response = get(&server, target);
        let text = text(&response);
        assert!(!text.contains("the source"), "{target}: {text}");
        if runs {
            assert_eq!(text, "output\n", "{target}");
        }
    }
}

#[test]
fn lesson_16_no_field_is_taken_for_another_in_the_environment() {
    let (_tree, server) = with_script("echo; env");
    let response = ask(
        &server,
        "GET /cgi-bin/script HTTP/1.0\r\nProxy: http://evil\r\nRemote_User: admin\r\n\
         Remote.User: admin\r\nRemote-User: r\r\nContent_Type: evil\r\nAuthorization: Basic YTpi\r\n\
         X-Forwarded-For: f\r\nX_Forwarded_For: evil\r\nUser-Agent: a test\r\n\r\n",
    );
    let environment = text(&response);
    assert!(
        environment.contains("HTTP_USER_AGENT=a test\n"),
        "{environment}"
    );
    for line in environment.lines() {
        assert!(!line.contains("evil") && !line.contains("admin"), "{line}");
        assert!(
            !line.starts_with("HTTP_PROXY=") && !line.starts_with("HTTP_AUTHORIZATION="),
            "{line}"
        );
    }
    // A name that is plainly one is passed on, and no other as the same.
    for line in [
        "HTTP_REMOTE_USER=r\n",
        "HTTP_X_FORWARDED_FOR=f\n",
        "REMOTE_USER=a\n",
    ] {
        assert!(environment.contains(line), "{line} {environment}");
    }
}

#[test]
fn lesson_17_a_query_is_at_most_one_argument_and_no_shell_s() {
    let (_tree, server) = with_script(
        "echo; echo $#; for argument; do echo \"[$argument]\"; done; ls -l /proc/self/fd 2>/dev/null | grep -c socket; \
         grep SigIgn /proc/self/status",
    );
    for (query, expected) in [
        ("a=b", "0\n"),
        ("a+b", "1\n[a b]\n"),
        ("-s", "1\n[-s]\n"),
        ("$(echo%20evil);`id`|cat", "1\n[$(echo%20evil);`id`|cat]\n"),
        ("-d+a%3don", "1\n[-d a%3don]\n"),
    ] {
        let text = text(&get(&server, &format!("/cgi-bin/script?{query}")));
        assert!(text.starts_with(expected), "{query}: {text}");
        // No socket of the server's is inherited, and no signal is ignored.
        if cfg!(target_os = "linux") {
            assert!(text.contains("\n0\n"), "{query}: {text}");
            let ignored = text
                .split("SigIgn:\t")
                .nth(1)
                .map(str::trim)
                .unwrap_or_default();
            let ignored = u64::from_str_radix(ignored, 16).expect("Linux tells it");
            // The last 33 are not the C library's to set.
            assert_eq!(ignored & 0x7fff_ffff, 0, "{query}: {text}");
        }
    }
}
