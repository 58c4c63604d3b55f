//! The handlers that the flags ask for, one around the other.

use super::args::Args;
use crate::handler::Handler;
use crate::handlers::{CgiHandler, FileHandler};
use std::path::PathBuf;

/// The handler that answers for `directory` as the flags say.
///
/// Each feature is a handler around a handler, and only what was asked for is there. From the inside
/// out:
///
/// 1. files, and scripts beside them.
pub(super) fn handler(args: &Args, directory: PathBuf) -> Box<dyn Handler> {
    let files = FileHandler::new(directory)
        .with_symlinks(args.symlinks.into())
        .with_listing(args.listing.into());
    if args.cgi {
        Box::new(CgiHandler::new(files))
    } else {
        Box::new(files)
    }
}
