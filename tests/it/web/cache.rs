//! `--cache`.

use super::{ask, field, serve, status};
use crate::support::Tree;

#[test]
fn files_and_listings_are_kept_as_said_and_errors_never() {
    let tree = Tree::new();
    tree.file("a.txt", "0123456789")
        .file("d/b", "")
        .script("cgi-bin/s", "#!/bin/sh\necho; echo hi\n")
        .script(
            "cgi-bin/own",
            "#!/bin/sh\nprintf 'Status: 404 No\\nCache-Control: max-age=1\\n\\n'\n",
        )
        .script("cgi-bin/bad", "#!/bin/sh\nprintf 'Status: 500 No\\n\\n'\n")
        .settle();
    for (flag, value) in [
        ("no-store", "no-store"),
        ("no-cache", "no-cache"),
        ("0", "max-age=0"),
        ("3600", "max-age=3600"),
    ] {
        let server = serve(&tree, &["--cgi", "--cache", flag]);
        for (lines, code, expected) in [
            (&["GET /a.txt"][..], "200", Some(value)),
            (&["HEAD /a.txt"], "200", Some(value)),
            (&["GET /a.txt", "Range: bytes=0-0"], "206", Some(value)),
            (&["GET /a.txt", "If-None-Match: *"], "304", Some(value)),
            (&["GET /d/"], "200", Some(value)),
            (&["GET /a.txt", "Range: bytes=99-"], "416", Some("no-store")),
            (&["GET /a.txt", "If-Match: \"x\""], "412", Some("no-store")),
            (&["GET /missing"], "404", Some("no-store")),
            (&["BREW /"], "501", Some("no-store")),
            (&["GET / x"], "400", Some("no-store")),
            (&["GET /d"], "301", Some(value)),
            // What a script says of itself, or does not say, stays.
            (&["GET /cgi-bin/s"], "200", None),
            (&["GET /cgi-bin/own"], "404", Some("max-age=1")),
            (&["GET /cgi-bin/bad"], "500", Some("no-store")),
        ] {
            let answer = ask(&server, lines);
            assert_eq!(status(&answer), code, "{answer}");
            assert_eq!(field(&answer, "Cache-Control"), expected, "{answer}");
        }
    }
}
