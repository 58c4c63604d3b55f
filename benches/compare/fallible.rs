//! The benchmark's own errors: each ends in a sentence for whoever started it.

use std::error::Error;

pub(crate) type Fallible<T> = Result<T, Box<dyn Error>>;
