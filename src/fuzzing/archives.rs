use crate::archive::{Entry, Kind, Layout, Segment};
use crate::http::{FileState, Timestamp};
use std::io::Read;
use std::ops::Range;

/// What an entry is made from: its parent, kind, mode, size, time, name and target.
type Part<'a> = (u32, Kind, u16, u64, i64, &'a [u8], &'a [u8]);

/// Archives: a second reader finds the entries that went in, with their content, and any range is
/// what stands there in the whole.
pub fn archives(data: &[u8]) {
    let mut rest = data;
    let mut layout = Layout::new();
    let mut parts = vec![(0, Kind::Directory, 0o755, 0, 0, b"top".as_slice(), &[][..])];
    while let Some(part) = take_part(&mut rest, &parts) {
        parts.push(part);
    }
    for &part in &parts {
        assert!(layout.push(&entry(part)).is_ok());
    }
    let whole = read(&layout, &(0..layout.length()));
    assert_eq!(whole.len() as u64, layout.length());
    check(&whole, &parts);

    let length = whole.len();
    for step in data.iter().take(8).map(|&byte| usize::from(byte)) {
        let start = (step * 97) % length;
        let end = (start + step * step + 1).min(length);
        let range = read(&layout, &(start as u64..end as u64));
        assert_eq!(Some(range.as_slice()), whole.get(start..end));
    }
}

/// The next entry that the input describes.
fn take_part<'a>(rest: &mut &'a [u8], parts: &[Part<'a>]) -> Option<Part<'a>> {
    let mut take = |count: usize| {
        let (taken, left) = rest.split_at_checked(count)?;
        *rest = left;
        Some(taken)
    };
    let &[kind, parent, mode, size, time, name, target] = take(7)? else {
        return None;
    };
    let kind = match kind % 3 {
        0 => Kind::File,
        1 => Kind::Directory,
        _ => Kind::Link,
    };
    let directories = parts.iter().enumerate();
    let directories = directories.filter(|(_, part)| part.1 == Kind::Directory);
    let directories: Vec<_> = directories.map(|(number, _)| number).collect();
    let parent = directories.get(usize::from(parent) % directories.len())?;
    // Some names have all the room of a directory and more.
    let length = |byte: u8| usize::from(byte) + usize::from(byte & 1) * 200;
    let name = take(length(name))?;
    let target = if kind == Kind::Link {
        take(length(target).max(1))?
    } else {
        &[]
    };
    let is_name = !matches!(name, b"" | b"." | b"..") && !name.contains(&b'/');
    // The other reader takes the end of a line for the end of a record; the programs that the
    // integration tests run do not.
    let is_read = |text: &[u8]| !text.contains(&0) && !text.contains(&b'\n');
    (is_name && is_read(name) && is_read(target)).then_some(())?;
    Some((
        u32::try_from(*parent).ok()?,
        kind,
        u16::from(mode),
        u64::from(size) * u64::from(size),
        (i64::from(time) - 10) << (time % 40),
        name,
        target,
    ))
}

fn entry((parent, kind, mode, size, time, name, target): Part<'_>) -> Entry<'_> {
    let time = Timestamp::new(time, 0);
    Entry {
        parent,
        name,
        target,
        kind,
        mode,
        state: FileState {
            size,
            modified: time,
            changed: time,
        },
        inode: 0,
    }
}

/// The bytes of a range; a file's content tells where in which file it is.
fn read(layout: &Layout, range: &Range<u64>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let visited = layout.visit(range, |segment| {
        match segment {
            Segment::Bytes(part) => bytes.extend_from_slice(part),
            Segment::Content(number, range) => bytes.extend(range.map(|at| content(number, at))),
        }
        Ok(())
    });
    assert!(visited.is_ok());
    bytes
}

fn content(number: u32, at: u64) -> u8 {
    u8::try_from((at + u64::from(number)) % 251).unwrap_or(0)
}

fn path(parts: &[Part<'_>], number: usize) -> Vec<u8> {
    let Some(&(parent, _, _, _, _, name, _)) = parts.get(number).filter(|_| number > 0) else {
        return b"top".to_vec();
    };
    let mut path = path(parts, usize::try_from(parent).unwrap_or(0));
    path.push(b'/');
    path.extend_from_slice(name);
    path
}

fn check(bytes: &[u8], parts: &[Part<'_>]) {
    let mut archive = tar::Archive::new(bytes);
    let Ok(entries) = archive.entries() else {
        unreachable!("it is in memory")
    };
    let mut count = 0;
    for (number, found) in entries.enumerate() {
        let (Ok(mut found), Some(&part)) = (found, parts.get(number)) else {
            unreachable!("entry {number} is not one")
        };
        let (_, kind, mode, size, time, _, target) = part;
        let mut expected = path(parts, number);
        if kind == Kind::Directory {
            expected.push(b'/');
        }
        assert_eq!(*found.path_bytes(), *expected);
        let header = found.header().clone();
        let found_kind = header.entry_type();
        assert_eq!(found_kind.is_file(), kind == Kind::File);
        assert_eq!(found_kind.is_dir(), kind == Kind::Directory);
        assert_eq!(found_kind.is_symlink(), kind == Kind::Link);
        assert_eq!(header.mode().ok(), Some(u32::from(mode)));
        assert_eq!((header.uid().ok(), header.gid().ok()), (Some(0), Some(0)));
        if kind == Kind::Link {
            assert_eq!(found.link_name_bytes().as_deref(), Some(target));
        }
        let mut said = header
            .mtime()
            .ok()
            .and_then(|time| i64::try_from(time).ok());
        if let Ok(Some(records)) = found.pax_extensions() {
            for record in records
                .flatten()
                .filter(|record| record.key() == Ok("mtime"))
            {
                said = record.value().ok().and_then(|value| value.parse().ok());
            }
        }
        assert_eq!(said, Some(time));
        let mut bytes = Vec::new();
        assert!(found.read_to_end(&mut bytes).is_ok());
        let size = if kind == Kind::File { size } else { 0 };
        let number = u32::try_from(number).unwrap_or(0);
        let expected: Vec<_> = (0..size).map(|at| content(number, at)).collect();
        assert!(bytes == expected, "the content of entry {number}");
        count += 1;
    }
    assert_eq!(count, parts.len());
}
