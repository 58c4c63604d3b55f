//! The handlers that the flags ask for, one around the other.

use super::args::Args;
use crate::handler::Handler;
use crate::handlers::{CgiHandler, FileHandler, TarHandler};
use std::path::PathBuf;

/// The handler that answers for `directory` as the flags say.
///
/// Each feature is a handler around a handler, and only what was asked for is there. From the inside
/// out:
///
/// 1. files, and scripts beside them;
/// 2. directories as archives.
pub(super) fn handler(args: &Args, directory: PathBuf) -> Box<dyn Handler> {
    let mut files = FileHandler::new(directory).with_symlinks(args.symlinks.into());
    let mut handler: Box<dyn Handler> = if args.cgi {
        let scripts = CgiHandler::new(files);
        // It knows which directories are private.
        files = scripts.files().clone();
        Box::new(scripts)
    } else {
        Box::new(files.clone())
    };
    if args.tar {
        handler = Box::new(TarHandler::new(handler, &files));
    }
    handler
}
