//! The handlers that the flags ask for, one around the other.

use super::args::Args;
use crate::handler::Handler;
use crate::handlers::{CgiHandler, FileHandler, TarHandler, UploadHandler};
use std::path::PathBuf;

/// The handler that answers for `directory` as the flags say.
///
/// Each feature is a handler around a handler, and only what was asked for is there. From the inside
/// out:
///
/// 1. files, and scripts beside them;
/// 2. directories as archives;
/// 3. files from clients.
///
/// `uploads` is where uploads go, if they are taken.
pub(super) fn handler(
    args: &Args,
    directory: PathBuf,
    uploads: Option<PathBuf>,
) -> Box<dyn Handler> {
    let mut files = FileHandler::new(directory).with_symlinks(args.symlinks.into());
    let mut handler: Box<dyn Handler> = if args.cgi {
        let scripts = CgiHandler::new(files);
        // It knows which directories are private.
        files = scripts.files().clone();
        Box::new(scripts)
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
