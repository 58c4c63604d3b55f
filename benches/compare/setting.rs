//! What all workloads and servers have in common.

use crate::certificate::Certificate;
use crate::guard::Guard;
use crate::tree::Tree;

#[derive(Clone, Copy)]
pub(crate) struct Setting<'a> {
    pub(crate) tree: &'a Tree,
    pub(crate) certificate: &'a Certificate,
    pub(crate) guard: &'a Guard,
}
