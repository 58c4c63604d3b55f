//! Paths as bytes, and how they are joined.

use smallvec::SmallVec;

/// A path below a root: file names between slashes; short ones need no allocation.
pub(super) type RelativePath = SmallVec<[u8; 128]>;
/// A path for the operating system; short ones need no allocation.
pub(super) type PathBytes = SmallVec<[u8; 256]>;

/// `path` in `directory`, either of which may be empty.
#[inline]
pub(super) fn join<const N: usize>(directory: &[u8], path: &[u8]) -> SmallVec<[u8; N]>
where
    [u8; N]: smallvec::Array<Item = u8>,
{
    joined(directory, path, 0)
}

/// The same, with this many zeros after it.
#[inline]
pub(super) fn joined<const N: usize>(
    directory: &[u8],
    path: &[u8],
    zeros: usize,
) -> SmallVec<[u8; N]>
where
    [u8; N]: smallvec::Array<Item = u8>,
{
    let has_both = !directory.is_empty() && !path.is_empty();
    let start = directory.len() + usize::from(has_both);
    let end = start + path.len();
    let mut joined = if end + zeros <= N {
        SmallVec::from_buf_and_len([0; N], end + zeros)
    } else {
        SmallVec::from_elem(0, end + zeros)
    };
    if let Some(slash) = joined.get_mut(directory.len()).filter(|_| has_both) {
        *slash = b'/';
    }
    for (part, place) in [(directory, 0..directory.len()), (path, start..end)] {
        if let Some(place) = joined.get_mut(place) {
            place.copy_from_slice(part);
        }
    }
    joined
}
