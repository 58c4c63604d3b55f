//! The servers that are told what to do by a file.

use std::process::Command;

use crate::certificate::HOST;
use crate::recipe::Site;
use crate::workload::Mode;

pub(crate) fn nginx(command: &mut Command, site: &Site<'_>) {
    command
        .arg("-p")
        .arg(site.place)
        .arg("-e")
        .arg(site.place.join("error.log"));
    command.arg("-c").arg(site.configuration());
}

pub(crate) fn nginx_configuration(site: &Site<'_>) -> String {
    let place = site.place.display();
    let user = if rustix::process::geteuid().is_root() {
        "user root;"
    } else {
        ""
    };
    let (ssl, certificate) = match site.mode {
        Mode::Tls => (
            "ssl",
            format!(
                "ssl_certificate {}; ssl_certificate_key {};
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_session_cache shared:tls:10m;",
                site.certificate.chain.display(),
                site.certificate.key.display()
            ),
        ),
        _ => ("", String::new()),
    };
    let format = match site.mode {
        Mode::Json => "autoindex_format json;",
        _ => "",
    };
    format!(
        "{user}
daemon off;
worker_processes 2;
worker_rlimit_nofile 16384;
pid {place}/nginx.pid;
error_log {place}/error.log crit;
events {{ worker_connections 8192; }}
http {{
  default_type application/octet-stream;
  access_log {place}/access.log;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  client_body_temp_path {place}/body;
  proxy_temp_path {place}/proxy;
  fastcgi_temp_path {place}/fastcgi;
  uwsgi_temp_path {place}/uwsgi;
  scgi_temp_path {place}/scgi;
  server {{
    listen 127.0.0.1:{port} {ssl} backlog=4096;
    {certificate}
    root {tree};
    autoindex on;
    {format}
  }}
}}
",
        port = site.port,
        tree = site.tree.display(),
    )
}

pub(crate) fn lighttpd(command: &mut Command, site: &Site<'_>) {
    command.arg("-D").arg("-f").arg(site.configuration());
}

pub(crate) fn lighttpd_configuration(site: &Site<'_>) -> String {
    let more = match site.mode {
        Mode::Cgi | Mode::CgiAsRoot => {
            "server.modules += ( \"mod_cgi\" )\n\
             $HTTP[\"url\"] =~ \"^/cgi-bin/\" { cgi.assign = ( \"\" => \"\" ) }\n"
        }
        // As it is made: no temporary files, no properties.
        Mode::Uploads => {
            "server.modules += ( \"mod_webdav\" )
webdav.activate = \"enable\"
server.max-request-size = 0
"
        }
        _ => "",
    };
    let tls = match site.mode {
        Mode::Tls => format!(
            "server.modules += ( \"mod_openssl\" )
ssl.engine = \"enable\"
ssl.pemfile = \"{}\"
ssl.privkey = \"{}\"
",
            site.certificate.chain.display(),
            site.certificate.key.display()
        ),
        _ => String::new(),
    };
    format!(
        "server.modules = ( \"mod_accesslog\", \"mod_dirlisting\" )
server.bind = \"127.0.0.1\"
server.port = {port}
server.document-root = \"{tree}\"
server.errorlog = \"{place}/error.log\"
accesslog.filename = \"{place}/access.log\"
server.upload-dirs = ( \"{place}\" )
server.max-worker = 2
server.max-fds = 16384
server.max-connections = 8192
server.listen-backlog = 4096
server.max-keep-alive-requests = 60000
server.max-keep-alive-idle = 60
mimetype.assign = ( \"\" => \"application/octet-stream\" )
dir-listing.activate = \"enable\"
{more}{tls}",
        port = site.port,
        tree = site.tree.display(),
        place = site.place.display(),
    )
}

pub(crate) fn caddy(command: &mut Command, site: &Site<'_>) {
    // It keeps state in its user's home otherwise.
    for variable in ["HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"] {
        command.env(variable, site.place);
    }
    if site.mode == Mode::Tls {
        command.args(["run", "--adapter", "caddyfile", "--config"]);
        command.arg(site.configuration());
        return;
    }
    command.args(["file-server", "--browse", "--access-log", "--listen"]);
    command
        .arg(format!("127.0.0.1:{}", site.port))
        .arg("--root")
        .arg(site.tree);
}

pub(crate) fn caddy_configuration(site: &Site<'_>) -> String {
    format!(
        "{{
  admin off
  auto_https off
}}
https://{HOST}:{port} {{
  bind 127.0.0.1
  tls {chain} {key}
  root * {tree}
  log {{
    output file {place}/access.log
  }}
  file_server browse
}}
",
        port = site.port,
        tree = site.tree.display(),
        place = site.place.display(),
        chain = site.certificate.chain.display(),
        key = site.certificate.key.display(),
    )
}
