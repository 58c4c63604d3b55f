//! Links that lead outside, by whatever way.

use super::{ask, get, serve, text, tree};

#[test]
fn lesson_09_no_feature_goes_around_the_policy_on_links() {
    let tree = tree();
    tree.directory("www/index")
        .link("www/index/index.html", "../../secret")
        .link("www/direct", "../secret")
        .link("www/nested", "../www-private")
        .link("www/dir/error.html", "../../secret");
    let server = serve(&tree, &["--symlinks", "never"]);
    for target in [
        "/",
        "/index/",
        "/direct",
        "/nested",
        "/nested/",
        "/nested/file",
        "/dir/",
        "/dir/error.html",
    ] {
        let response = get(&server, target);
        assert!(!text(&response).contains("the secret"), "{target}");
        assert_ne!(response.status(), 301, "{target}");
    }
    // A listing shows the name, and does not look behind it.
    assert!(text(&get(&server, "/")).contains("<a href=\"nested\">nested@</a>"));
}

#[test]
fn lesson_11_index_pages_and_siblings_are_opened_as_all_else_is() {
    let tree = tree();
    tree.link("www/dir/index.html", "../../secret")
        .link("www/file.gz", "../secret")
        .link("www/via", "dir/../../www-private");
    // The exchange of links while requests run is in `symlinks`.
    let server = serve(&tree, &["--symlinks", "inside"]);
    assert!(text(&get(&server, "/dir/")).contains("Directory listing for /dir/"));
    let request = "GET /file HTTP/1.0\r\nAccept-Encoding: gzip\r\n\r\n";
    assert_eq!(text(&ask(&server, request)), "0123456789");
    for target in ["/file.gz", "/via/file", "/dir/index.html"] {
        assert_eq!(get(&server, target).status(), 404, "{target}");
    }
}
