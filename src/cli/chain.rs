//! The handlers that the flags ask for, one around the other.

use super::args::Args;
use super::served::Served;
use super::single::SingleFile;
use crate::handler::Handler;
use crate::handlers::{CgiHandler, FileHandler, TarHandler, UploadHandler};
use std::path::PathBuf;

/// The handler that answers for what is served as the flags say.
///
/// Each feature is a handler around a handler, and only what was asked for is there. From the inside
/// out:
///
/// 1. files, and scripts beside them, or one file alone;
/// 2. directories as archives;
/// 3. files from clients.
///
/// `uploads` is where uploads go, if they are taken.
pub(super) fn handler(args: &Args, served: Served, uploads: Option<PathBuf>) -> Box<dyn Handler> {
    let mut files = FileHandler::new(served.directory()).with_symlinks(args.symlinks.into());
    let mut handler: Box<dyn Handler> = if args.cgi {
        let scripts = CgiHandler::new(files);
        // It knows which directories are private.
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
    if let Some(directory) = uploads {
        let mut uploads = UploadHandler::new(handler, &files).with_directory(directory);
        if args.sharing.overwrite {
            uploads = uploads.with_overwrite();
        }
        if let Some(bytes) = args.sharing.max_upload {
            uploads = uploads.with_max_size(bytes);
        }
        handler = Box::new(uploads);
    }
    handler
}
