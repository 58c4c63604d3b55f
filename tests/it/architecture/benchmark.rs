//! The benchmark's files import each other without a circle.

use super::scanner::imports;
use super::{crate_root, report};
use std::collections::{BTreeMap, BTreeSet};
use std::{fs, io};

#[test]
fn the_benchmarks_files_import_each_other_without_a_circle() -> io::Result<()> {
    let mut left: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for entry in fs::read_dir(crate_root().join("benches/compare"))? {
        let path = entry?.path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        // The root names all the others, and is named by none.
        if name != "main" && path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path)?;
            let imported = imports(&text, 1).into_iter();
            let imported = imported.map(|import| import.text.to_owned()).collect();
            left.insert(name.into_owned(), imported);
        }
    }
    assert!(!left.is_empty(), "the benchmark is not where it was");
    // A file that imports none of the remaining files is not part of a circle; it is removed.
    loop {
        let free = left
            .iter()
            .find(|(_, imported)| imported.iter().all(|name| !left.contains_key(name)));
        let Some(free) = free.map(|(name, _)| name.clone()) else {
            break;
        };
        left.remove(&free);
    }
    let circle: Vec<_> = left.into_keys().collect();
    report("these import each other in a circle, or one", &circle);
    Ok(())
}
