//! `--isolate`.

use super::{ask, head, serve, status};
use crate::support::Tree;

#[test]
fn every_answer_is_isolated() {
    let tree = Tree::new();
    tree.file("a.txt", "0123456789").file("d/b", "").settle();
    for (flags, resources) in [
        (&["--isolate"][..], "same-origin"),
        (&["--isolate", "--cors"], "cross-origin"),
    ] {
        let server = serve(&tree, flags);
        let expected = format!(
            "Cross-Origin-Opener-Policy: same-origin\r\nCross-Origin-Embedder-Policy: require-corp\r\n\
             Cross-Origin-Resource-Policy: {resources}"
        );
        for (lines, code) in [
            (&["GET /a.txt"][..], "200"),
            (&["GET /a.txt", "Range: bytes=0-0"], "206"),
            (&["GET /a.txt", "If-None-Match: *"], "304"),
            (&["GET /a.txt", "Range: bytes=99-"], "416"),
            (&["GET /d"], "301"),
            (&["GET /d/"], "200"),
            (&["GET /missing"], "404"),
            (&["GET / x"], "400"),
        ] {
            let answer = ask(&server, lines);
            assert_eq!(status(&answer), code, "{answer}");
            assert!(head(&answer).contains(&expected), "{answer}");
        }
    }
}
