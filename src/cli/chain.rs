//! The handlers that the flags ask for, one wrapped around the other.

use super::args::{Args, Sharing};
use super::served::Served;
use super::single::SingleFile;
use super::web::Web;
use crate::handler::Handler;
use crate::handlers::{
    Authentication, CacheControl, CgiHandler, CleanUrls, Cors, ExtraHeaders, FileHandler,
    Isolation, NotFoundPage, Origins, Passwords, Spa, TarHandler, UploadHandler,
};
use crate::http::Method;
use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};

/// The handler that serves `served` as the flags say. `uploads` is where uploads go, if they are
/// accepted.
///
/// Each feature is a handler around another handler, and only the requested ones are there. From
/// the inside out:
///
/// 1. files, and scripts beside them, or one file alone: `--precompressed`, `--content-type`,
///    `--listing`, `--cgi`;
/// 2. `--tar`, for directories;
/// 3. `--upload`, for other methods;
/// 4. `--clean-urls`, which tries further names if nothing has the requested one;
/// 5. `--spa`, for what is still not found then;
/// 6. `--not-found`, for what `--spa` leaves unanswered;
/// 7. `--cache`, around everything that makes pages;
/// 8. `--auth-file`, before any of the above is decided;
/// 9. `--isolate`, which applies to a 401, too;
/// 10. `--cors`, whose preflights come without a password;
/// 11. `-H`, which has the last word on what is sent.
pub(super) fn handler(
    args: &Args,
    served: Served,
    uploads: Option<PathBuf>,
) -> Result<Box<dyn Handler>> {
    let web = &args.web;
    let passwords = passwords(web, served.directory())?;
    let mut handler = tree(args, served, uploads);
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

/// What is in the tree, and what clients may put there.
fn tree(args: &Args, served: Served, uploads: Option<PathBuf>) -> Box<dyn Handler> {
    let mut files = files(args, served.directory());
    if args.sharing.tar {
        files = files.with_archive_link();
    }
    if let Some(directory) = &uploads {
        files = files.with_upload_link(directory);
    }
    let mut handler: Box<dyn Handler> = if args.cgi {
        let scripts = CgiHandler::new(files);
        // This copy knows which directories are private.
        files = scripts.files().clone();
        Box::new(scripts)
    } else if let Served::File(_, name) = served {
        Box::new(SingleFile::new(files.clone(), name))
    } else {
        Box::new(files.clone())
    };
    if args.sharing.tar {
        handler = Box::new(TarHandler::new(handler, &files));
    }
    match uploads {
        Some(directory) => upload(&args.sharing, handler, &files, directory),
        None => handler,
    }
}

fn files(args: &Args, directory: &Path) -> FileHandler {
    let mut files = FileHandler::new(directory)
        .with_symlinks(args.symlinks.into())
        .with_listing(args.listing.into());
    if let Some(media_type) = &args.web.content_type {
        files = files.with_default_media_type(media_type);
    }
    if args.web.precompressed {
        files = files.with_precompressed();
    }
    files
}

fn upload(
    sharing: &Sharing,
    handler: Box<dyn Handler>,
    files: &FileHandler,
    directory: PathBuf,
) -> Box<dyn Handler> {
    let mut uploads = UploadHandler::new(handler, files).with_directory(directory);
    if sharing.overwrite {
        uploads = uploads.with_overwrite();
    }
    if let Some(bytes) = sharing.max_upload {
        uploads = uploads.with_max_size(bytes);
    }
    Box::new(uploads)
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

/// The passwords, from a file that no client can request.
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
