//! The benchmark's own errors: each ends in a sentence for the person who started it.

use std::error::Error;

pub(crate) type Fallible<T> = Result<T, Box<dyn Error>>;
