//! The handlers that the flags ask for, one around the other.

use super::args::Args;
use super::web::Web;
use crate::handler::Handler;
use crate::handlers::{
    Authentication, CacheControl, CgiHandler, CleanUrls, Cors, ExtraHeaders, FileHandler,
    Isolation, NotFoundPage, Origins, Passwords, Spa,
};
use crate::http::Method;
use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};

/// The handler that answers for `directory` as the flags say.
///
/// Each feature is a handler around a handler, and only what was asked for is there. From the inside
/// out:
///
/// 1. files, and scripts beside them: `--precompressed`, `--content-type`, `--listing`, `--cgi`;
/// 2. `--clean-urls`, which tries further names where nothing has the one asked for;
/// 3. `--spa`, for what then is still not there;
/// 4. `--not-found`, for what `--spa` leaves;
/// 5. `--cache`, around all that makes pages;
/// 6. `--auth-file`, before anything of the above is decided;
/// 7. `--isolate`, which goes for a 401, too;
/// 8. `--cors`, whose preflights come without a password;
/// 9. `-H`, the last word on what is sent.
pub(super) fn handler(args: &Args, directory: PathBuf) -> Result<Box<dyn Handler>> {
    let web = &args.web;
    let passwords = passwords(web, &directory)?;
    let mut handler = files(args, directory);
    if web.clean_urls {
        handler = Box::new(CleanUrls::new(handler));
    }
    if web.spa {
        handler = Box::new(Spa::new(handler));
    }
    if let Some(page) = &web.not_found {
        handler = Box::new(NotFoundPage::new(handler, page));
    }
    if let Some(caching) = web.cache {
        handler = Box::new(CacheControl::new(handler, caching));
    }
    let has_passwords = passwords.is_some();
    if let Some(passwords) = passwords {
        handler = Box::new(Authentication::new(handler, passwords));
    }
    if web.isolate {
        let isolation = Isolation::new(handler);
        handler = Box::new(match web.cors {
            Some(_) => isolation.with_cross_origin_resources(),
            None => isolation,
        });
    }
    if let Some(origins) = &web.cors {
        handler = cors(handler, origins.clone(), args.cgi, has_passwords);
    }
    if !web.headers.is_empty() {
        handler = Box::new(ExtraHeaders::new(handler, web.headers.iter().cloned()));
    }
    Ok(handler)
}

/// What is in the tree.
fn files(args: &Args, directory: PathBuf) -> Box<dyn Handler> {
    let mut files = FileHandler::new(directory)
        .with_symlinks(args.symlinks.into())
        .with_listing(args.listing.into());
    if let Some(media_type) = &args.web.content_type {
        files = files.with_default_media_type(media_type);
    }
    if args.web.precompressed {
        files = files.with_precompressed();
    }
    if args.cgi {
        Box::new(CgiHandler::new(files))
    } else {
        Box::new(files)
    }
}

fn cors(
    handler: Box<dyn Handler>,
    origins: Origins,
    has_scripts: bool,
    has_passwords: bool,
) -> Box<dyn Handler> {
    let mut cors = Cors::new(handler, origins);
    if has_scripts {
        cors = cors.with_methods([Method::GET, Method::HEAD, Method::POST]);
    }
    if has_passwords {
        cors = cors.with_credentials();
    }
    Box::new(cors)
}

/// The passwords, from a file that nobody can ask for.
fn passwords(web: &Web, directory: &Path) -> Result<Option<Passwords>> {
    let Some(path) = &web.auth_file else {
        return Ok(None);
    };
    let context = || format!("cannot take passwords from {}", path.display());
    let passwords = Passwords::open(path).with_context(context)?;
    let is_served = path.canonicalize().ok().zip(directory.canonicalize().ok());
    ensure!(
        is_served.is_none_or(|(file, directory)| !file.starts_with(directory)),
        "{}: it lies in the directory that is served",
        context()
    );
    Ok(Some(passwords))
}
