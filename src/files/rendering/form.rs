//! The page that sends files into a directory: a form, which its script makes comfortable.
//!
//! Like the page for people it is one file, and its policy names its style and script by their digests.

use super::heading::{longest_heading, push_head, push_way};
use crate::http::RequestTarget;

const STYLE: &str = concat!(include_str!("common.css"), include_str!("form.css"));
const SCRIPT: &str = include_str!("form.js");
const FORM: &[u8] = include_bytes!("form.html");

/// What a browser lets the page do.
pub(crate) const POLICY: &str = "script-src 'self' 'sha256-NwvdkgKH4akVHNTPmaNZh/4x7LQpPyZ8WCt7n6bs8Wk='; \
    style-src 'self' 'sha256-0R/fRYBGOkP6IvfEnIB0SnppcgM/oJ6HCM5Gee4Bd6w='; \
    object-src 'none'; base-uri 'none'";

/// The page for the directory at `target`.
pub(crate) fn form(target: RequestTarget<'_>) -> Vec<u8> {
    let path = target.path();
    let fixed = STYLE.len() + SCRIPT.len() + FORM.len() + 1024;
    let mut page = Vec::with_capacity(fixed + longest_heading(path, ""));
    push_head("Send files to ", path, &[STYLE], &mut page);
    page.extend_from_slice(b"<header><div>");
    push_way(path, &mut page);
    page.extend_from_slice(b"<h1>Send files</h1></div></header>\n");
    page.extend_from_slice(FORM);
    page.extend_from_slice(b"<script>");
    page.extend_from_slice(SCRIPT.as_bytes());
    page.extend_from_slice(b"</script>\n</body>\n</html>\n");
    page
}

#[cfg(test)]
mod tests {
    use super::super::page::tests::policy_of;
    use super::*;

    fn read(path: &str) -> String {
        String::from_utf8(form(RequestTarget::new(path.as_bytes()))).expect("text")
    }

    #[test]
    fn the_policy_lets_the_form_s_own_style_and_script_through() {
        assert_eq!(POLICY, policy_of(&read("/")));
    }

    #[test]
    fn the_form_says_where_files_go() {
        for (path, title, way) in [
            ("/", "Send files to /", "<li><a href=\"./\">Files</a></li>"),
            (
                "/a/%3Cb%3E/?upload",
                "Send files to /a/&lt;b&gt;/",
                "<li><a href=\"../../\">Files</a></li><li><a href=\"../\" rel=\"up\">a</a></li>\
                 <li><a href=\"./\">&lt;b&gt;</a></li>",
            ),
        ] {
            let page = read(path);
            assert!(page.contains(&format!("<title>{title}</title>")), "{page}");
            assert!(page.contains(&format!("<ol>{way}</ol>")), "{page}");
        }
    }
}
