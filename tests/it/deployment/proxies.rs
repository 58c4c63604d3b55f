//! Proxies in front: whose client a request is.

use crate::support::{
    AfterSending, Proxy, Running, Tree, exchange, find_program, free_address, not_run,
};
use std::fs;
use std::net::SocketAddr;
use std::process::Command;

const SCRIPT: &str = "#!/bin/sh\necho 'Content-Type: text/plain'; echo\n\
    echo \"[$REMOTE_ADDR] [$HTTPS] [$HTTP_X_FORWARDED_FOR]\"\n";

fn tree() -> Tree {
    let tree = Tree::new();
    tree.script("cgi-bin/who", SCRIPT);
    tree
}

fn serve(tree: &Tree, arguments: &str) -> Running {
    let all = format!("--cgi -p HTTP/1.1 {arguments}");
    Running::rhttp(crate::load::arguments_for(tree, &all))
}

/// What the script was told, and how the log's line of it begins.
fn ask(server: &Running, before: &[u8], fields: &str) -> (String, String) {
    let request = format!("GET /cgi-bin/who HTTP/1.1\r\nConnection: close\r\n{fields}\r\n");
    let lines = server.log().len();
    let bytes = [before, request.as_bytes()].concat();
    let answer = exchange(server.address(), &[bytes], AfterSending::StayOpen);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let told = answer
        .lines()
        .rev()
        .find(|line| line.starts_with('['))
        .unwrap_or_default();
    let line = server.wait_for_log(|log| log.get(lines).cloned());
    let line = String::from_utf8_lossy(&line).into_owned();
    let address = line.split(' ').next().unwrap_or_default();
    (told.to_owned(), address.to_owned())
}

#[test]
fn a_client_is_whom_a_trusted_proxy_names() {
    let tree = tree();
    let server = serve(
        &tree,
        "--trusted-proxy 127.0.0.0/8 --trusted-proxy 10.0.0.0/8",
    );
    for (fields, told, address) in [
        ("", "[127.0.0.1] [] []", "127.0.0.1"),
        (
            "X-Forwarded-For: 1.2.3.4\r\n",
            "[1.2.3.4] [] [1.2.3.4]",
            "1.2.3.4",
        ),
        (
            "X-Forwarded-For: 6.6.6.6, 1.2.3.4, 10.0.0.1\r\nX-Forwarded-Proto: https\r\n",
            "[1.2.3.4] [on] [6.6.6.6, 1.2.3.4, 10.0.0.1]",
            "1.2.3.4",
        ),
        (
            "Forwarded: for=\"[2001:db8::1]\";proto=https\r\n",
            "[2001:db8::1] [on] []",
            "2001:db8::1",
        ),
        (
            "X-Forwarded-For: \x01\x1b[31m\r\n",
            "[127.0.0.1] [] []",
            "127.0.0.1",
        ),
        (
            "X-Forwarded-For: nonsense\r\n",
            "[127.0.0.1] [] [nonsense]",
            "127.0.0.1",
        ),
    ] {
        let (told_found, address_found) = ask(&server, b"", fields);
        if !fields.contains('\x01') {
            assert_eq!((&*told_found, &*address_found), (told, address), "{fields}");
        }
    }
    let strict = serve(&tree, "--trusted-proxy 10.0.0.0/8");
    let spoofed = "X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\n";
    let expected = (
        "[127.0.0.1] [] [1.2.3.4]".to_owned(),
        "127.0.0.1".to_owned(),
    );
    assert_eq!(ask(&strict, b"", spoofed), expected);
}

#[test]
fn requests_of_different_clients_on_one_connection_are_told_apart() {
    let tree = tree();
    tree.file("a", "hello");
    let server = serve(&tree, "--trusted-proxy 127.0.0.1");
    let request = |from: &str| format!("GET /a HTTP/1.1\r\nX-Forwarded-For: {from}\r\n\r\n");
    let pieces = [
        request("1.1.1.1"),
        request("2.2.2.2"),
        "GET /a HTTP/1.1\r\n\r\n".to_owned(),
    ];
    exchange(server.address(), &pieces, AfterSending::HalfClose);
    let lines = server.wait_for_log(|lines| (lines.len() == 3).then(|| lines.to_vec()));
    for (line, start) in lines
        .iter()
        .zip(["1.1.1.1 - -", "2.2.2.2 - -", "127.0.0.1 - -"])
    {
        assert!(
            line.starts_with(start.as_bytes()),
            "{}",
            String::from_utf8_lossy(line)
        );
    }
}

#[test]
fn the_proxy_protocol_is_expected_of_trusted_proxies_alone() {
    let tree = tree();
    let server = serve(&tree, "--trusted-proxy 127.0.0.1 --proxy-protocol");
    let v2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x01\x02\x03\x04\x7f\0\0\x01\0\x05\0\x50";
    for header in [&b"PROXY TCP4 1.2.3.4 127.0.0.1 5 80\r\n"[..], v2] {
        // What the client itself says does not count: it is not a proxy.
        let (told, address) = ask(&server, header, "X-Forwarded-For: 6.6.6.6\r\n");
        assert_eq!((&*told, &*address), ("[1.2.3.4] [] [6.6.6.6]", "1.2.3.4"));
    }
    let (told, _) = ask(&server, b"PROXY UNKNOWN\r\n", "");
    assert_eq!(told, "[127.0.0.1] [] []");
    // Without a header, with a wrong one, or with a part of one, there is no answer and no line.
    let before = server.log().len();
    for bytes in [
        &b"GET / HTTP/1.0\r\n\r\n"[..],
        b"PROXY TCP4 x\r\n",
        b"PROXY ",
        b"",
    ] {
        let answer = exchange(server.address(), &[bytes], AfterSending::HalfClose);
        assert_eq!(answer, b"");
    }
    assert_eq!(server.log().len(), before);
    // Somebody else who sends one has sent no request.
    let open = serve(&tree, "--trusted-proxy 10.0.0.1 --proxy-protocol");
    let answer = exchange(
        open.address(),
        &[b"PROXY TCP4 1.2.3.4 127.0.0.1 5 80\r\n\r\n"],
        AfterSending::HalfClose,
    );
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.contains("<p>Error code: 400</p>"), "{answer}");
}

#[test]
fn the_proxy_protocol_comes_before_tls() {
    use crate::support::client_config;
    use rustls::pki_types::ServerName;
    use std::io::{Read, Write};
    use std::sync::Arc;
    let tree = tree();
    let server = serve(
        &tree,
        "--trusted-proxy 127.0.0.1 --proxy-protocol --tls-self-signed",
    );
    let mut stream = crate::load::connect(server.address());
    stream
        .write_all(b"PROXY TCP4 1.2.3.4 127.0.0.1 5 443\r\n")
        .expect("it is sent");
    let name = ServerName::try_from("localhost").expect("it is a name");
    let session = rustls::ClientConnection::new(Arc::new(client_config()), name);
    let mut session = rustls::StreamOwned::new(session.expect("it can begin"), stream);
    session
        .write_all(b"GET /cgi-bin/who HTTP/1.1\r\nConnection: close\r\n\r\n")
        .expect("it is sent");
    let mut answer = String::new();
    session.read_to_string(&mut answer).expect("it comes whole");
    assert!(answer.contains("[1.2.3.4] [on] []\n"), "{answer}");
}

#[test]
fn flags_for_proxies_that_make_no_sense_are_told() {
    for arguments in [&["--trusted-proxy", "x"][..], &["--proxy-protocol"]] {
        let output = Command::new(env!("CARGO_BIN_EXE_rhttp"))
            .args(arguments)
            .output();
        assert_eq!(
            output.expect("it runs").status.code(),
            Some(2),
            "{arguments:?}"
        );
    }
}

/// Asks a proxy from 127.0.0.3, and claims to be somebody else.
fn ask_through(proxy: SocketAddr) -> String {
    use crate::support::Connection;
    let from = "127.0.0.3".parse().expect("an address");
    let request = "GET /cgi-bin/who HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 6.6.6.6\r\n\
        Connection: close\r\n\r\n";
    let answer = Connection::open_from(from, proxy).converse(&[request], AfterSending::StayOpen);
    String::from_utf8_lossy(&answer.bytes).into_owned()
}

#[test]
fn nginx_and_haproxy_name_their_clients() {
    let tree = tree();
    let files = Tree::new();
    let path = files.path().join("socket");
    let place = format!("unix:{}", path.display());
    let unix = super::Server::start(
        [
            "-b",
            &place,
            "--cgi",
            "-p",
            "HTTP/1.1",
            "--trusted-proxy",
            "unix",
            "-d",
        ]
        .map(Into::into)
        .into_iter()
        .chain([tree.path().as_os_str().to_owned()]),
        1,
    );
    if find_program("nginx").is_some() {
        let address = free_address();
        let configuration = format!(
            "{user}daemon off; master_process off; error_log /dev/null; pid {root}/pid; events {{}}\n\
             http {{ access_log off; client_body_temp_path {root}/b; proxy_temp_path {root}/p;\n\
             fastcgi_temp_path {root}/f; uwsgi_temp_path {root}/u; scgi_temp_path {root}/s;\n\
             server {{ listen {address}; location / {{\n\
             proxy_pass http://unix:{path}; proxy_http_version 1.1;\n\
             proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\n\
             proxy_set_header X-Forwarded-Proto https; }} }} }}\n",
            // Its workers would be somebody else, who may not use the socket.
            user = if rustix::process::geteuid().is_root() {
                "user root; "
            } else {
                ""
            },
            root = files.path().display(),
            path = path.display(),
        );
        files.file("nginx.conf", configuration);
        let nginx = find_program("nginx").expect("it was there");
        let mut command = Command::new(nginx);
        command
            .arg("-p")
            .arg(files.path())
            .arg("-c")
            .arg(files.path().join("nginx.conf"));
        let _proxy = Proxy::start(&mut command, address);
        let answer = ask_through(address);
        assert!(
            answer.contains("[127.0.0.3] [on] [6.6.6.6, 127.0.0.3]\n"),
            "{answer}"
        );
    } else {
        not_run("rhttp behind nginx, for it is not there");
    }
    drop(unix);
    if find_program("haproxy").is_none() {
        return not_run("rhttp behind HAProxy, for it is not there");
    }
    let server = serve(&tree, "--trusted-proxy 127.0.0.1 --proxy-protocol");
    for version in ["send-proxy", "send-proxy-v2"] {
        let address = free_address();
        let configuration = format!(
            "defaults\n mode http\n timeout connect 5s\n timeout client 20s\n timeout server 20s\n\
             listen web\n bind {address}\n server one {} {version}\n",
            server.address()
        );
        let file = files.path().join(version);
        fs::write(&file, configuration).expect("it can be written");
        let mut command = Command::new("haproxy");
        let _proxy = Proxy::start(command.arg("-db").arg("-f").arg(&file), address);
        let answer = ask_through(address);
        assert!(
            answer.contains("[127.0.0.3] [] [6.6.6.6]\n"),
            "{version}: {answer}"
        );
    }
}
