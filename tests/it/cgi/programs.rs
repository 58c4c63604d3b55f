//! Real programs as scripts.

use super::fixture::{ask, serve, tree};
use crate::support::{Running, Tree, find_program, not_run};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn git(directory: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command.arg("-C").arg(directory).args(arguments);
    // Nothing from the environment of the user who runs the tests.
    command
        .env("HOME", directory)
        .env("GIT_CONFIG_NOSYSTEM", "1");
    command.env("GIT_TERMINAL_PROMPT", "0").stdin(Stdio::null());
    for who in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{who}_NAME"), "Tester");
        command.env(format!("GIT_{who}_EMAIL"), "tester@example.com");
    }
    let output = command.output().expect("git can be run");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {arguments:?}: {complaint}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A repository with 2,000 refs that everybody may write to, and a script that serves it.
fn repository(tree: &Tree) {
    tree.directory("repositories");
    let bare = tree.path().join("repositories/project.git");
    git(
        tree.path(),
        &["init", "--quiet", "--bare", "repositories/project.git"],
    );
    git(&bare, &["config", "http.receivepack", "true"]);
    git(tree.path(), &["init", "--quiet", "first"]);
    let first = tree.path().join("first");
    fs::write(first.join("file"), "content\n").expect("it is written");
    git(&first, &["add", "file"]);
    git(&first, &["commit", "--quiet", "-m", "Begin"]);
    let commit = git(&first, &["rev-parse", "HEAD"]);
    let refs: Vec<_> = (0..2_000)
        .map(|number| format!("create refs/tags/a-tag-with-a-long-name-{number} {commit}"))
        .collect();
    fs::write(first.join("refs"), refs.concat()).expect("it is written");
    let shell = "git update-ref --stdin < refs";
    let made = Command::new("sh")
        .args(["-c", shell])
        .current_dir(&first)
        .status();
    assert!(made.expect("a shell can be run").success());
    let bare = bare.to_str().expect("it is text");
    git(
        &first,
        &[
            "push",
            "--quiet",
            bare,
            "HEAD:main",
            "refs/tags/*:refs/tags/*",
        ],
    );
    let open = Command::new("chmod")
        .args(["-R", "a+rwX"])
        .arg(bare)
        .status();
    assert!(open.expect("chmod can be run").success());
    tree.script(
        "cgi-bin/git",
        format!(
            "#!/bin/sh\nexport GIT_PROJECT_ROOT={} GIT_HTTP_EXPORT_ALL=1 REMOTE_USER=tester\n\
             export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'\n\
             exec git http-backend\n",
            tree.path().join("repositories").display()
        ),
    );
}

#[test]
fn git_clones_and_pushes_a_repository_with_many_refs() {
    let Some(_) = find_program("git") else {
        return not_run("a clone over git http-backend, for there is no git");
    };
    let tree = tree();
    repository(&tree);
    for protocol in ["HTTP/1.0", "HTTP/1.1"] {
        let server = serve(&tree, protocol);
        let url = format!("http://{}/cgi-bin/git/project.git", server.address());
        let clone = Tree::new();
        for version in ["0", "2"] {
            let version = format!("protocol.version={version}");
            let name = format!("clone-{version}");
            git(
                clone.path(),
                &["-c", &version, "clone", "--quiet", &url, &name],
            );
            let cloned = clone.path().join(&name);
            assert_eq!(git(&cloned, &["tag"]).lines().count(), 2_000);
            // More than git sends before it asks whether it may.
            fs::write(cloned.join("large"), "x".repeat(3_000_000)).expect("it is written");
            git(&cloned, &["add", "large"]);
            git(&cloned, &["commit", "--quiet", "-m", "Add"]);
            let branch = format!(
                "HEAD:refs/heads/{}-{}",
                &name[name.len() - 1..],
                &protocol[5..]
            );
            git(
                &cloned,
                &[
                    "-c",
                    "http.postBuffer=1000",
                    "push",
                    "--quiet",
                    "origin",
                    &branch,
                ],
            );
            let pushed = git(&cloned, &["ls-remote", "--heads", "origin"]);
            assert!(pushed.contains(&branch[5..]), "{pushed}");
        }
    }
}

const WSGI: &str = "\
import os, sys
from wsgiref.handlers import CGIHandler

def application(environ, start_response):
    size = int(environ.get('CONTENT_LENGTH') or 0)
    body = environ['wsgi.input'].read(size)
    seen = [environ['REQUEST_METHOD'], environ['SCRIPT_NAME'], environ['PATH_INFO'],
            environ['QUERY_STRING'], environ.get('HTTP_HOST'), environ.get('HTTP_X_MINE'),
            environ.get('CONTENT_TYPE'), body.decode()]
    start_response('201 Created', [('Content-Type', 'text/plain'), ('X-Own', 'yes')])
    return ['|'.join(map(str, seen)).encode()]

CGIHandler().run(application)
";

fn in_every_protocol(tree: &Tree, check: impl Fn(&Running)) {
    for protocol in ["HTTP/1.0", "HTTP/1.1"] {
        check(&serve(tree, protocol));
    }
}

#[test]
fn a_wsgi_application_of_python_s_behaves_as_elsewhere() {
    let Some(python) = find_program("python3").and_then(|python| python.canonicalize().ok()) else {
        return not_run("a WSGI application, for there is no python3");
    };
    // Scripts of root run as nobody, who may not reach root's own Python.
    let python = Some(PathBuf::from("/usr/bin/python3"))
        .filter(|path| path.is_file())
        .unwrap_or(python);
    let tree = tree();
    tree.script("cgi-bin/wsgi", format!("#!{}\n{WSGI}", python.display()));
    in_every_protocol(&tree, |server| {
        let got = ask(
            server,
            "GET /cgi-bin/wsgi/a/b?c=d HTTP/1.0\r\nHost: h\r\nX-Mine: m\r\n\r\n",
        );
        assert_eq!(got.status(), 201);
        assert_eq!(got.field("X-Own"), Some("yes"));
        let expected = "GET|/cgi-bin/wsgi|/a/b|c=d|h|m|text/plain|";
        assert_eq!(String::from_utf8_lossy(&got.body), expected);
        let posted = ask(
            server,
            "POST /cgi-bin/wsgi HTTP/1.0\r\nHost: h\r\nContent-Type: text/x\r\n\
             Content-Length: 5\r\n\r\nhello",
        );
        let expected = "POST|/cgi-bin/wsgi|||h|None|text/x|hello";
        assert_eq!(String::from_utf8_lossy(&posted.body), expected);
    });
}

const PERL: &str = "\
use strict;
use CGI;
my $query = CGI->new;
if (defined $query->param('go')) {
    print $query->redirect('http://example.com/there');
    exit;
}
my $cookie = $query->cookie(-name => 'seen', -value => $query->param('name') // '');
print $query->header(-type => 'text/plain', -cookie => $cookie);
print join('|', $query->request_method, $query->param('name') // '', $query->cookie('old') // '',
    $query->url(-path_info => 1), $query->http('X-Mine') // ''), \"\\n\";
";

#[test]
fn a_program_of_perl_s_cgi_module_behaves_as_elsewhere() {
    let has_module = Command::new("perl").args(["-MCGI", "-e", "1"]).output();
    if !has_module.is_ok_and(|output| output.status.success()) {
        return not_run("a program of Perl's CGI module, for it is not there");
    }
    let perl = find_program("perl").expect("it was found");
    let tree = tree();
    tree.script("cgi-bin/perl", format!("#!{}\n{PERL}", perl.display()));
    in_every_protocol(&tree, |server| {
        let posted = ask(
            server,
            "POST /cgi-bin/perl/p HTTP/1.0\r\nHost: h:1\r\nCookie: a=b\r\nCookie: old=yes\r\n\
             X-Mine: m\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: 10\r\n\r\nname=a%20b",
        );
        assert_eq!(posted.status(), 200);
        assert_eq!(posted.field("Set-Cookie"), Some("seen=a%20b; path=/"));
        let expected = "POST|a b|yes|http://h:1/cgi-bin/perl/p|m\n";
        assert_eq!(String::from_utf8_lossy(&posted.body), expected);
        let sent_on = ask(server, "GET /cgi-bin/perl?go=1 HTTP/1.0\r\n\r\n");
        assert_eq!(sent_on.status(), 302);
        assert_eq!(sent_on.field("Location"), Some("http://example.com/there"));
    });
}
