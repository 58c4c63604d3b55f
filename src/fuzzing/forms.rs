use crate::upload::Multipart;
use std::io::{self, Read};

/// A file's name and content.
type File = (Option<Vec<u8>>, Vec<u8>);

/// Forms: wherever what comes is cut into pieces, the same is read; and what is put into a form is
/// what is read from it.
pub fn forms(data: &[u8]) {
    let (&step, rest) = data.split_first().unwrap_or((&1, &[]));
    let boundary = b"b";
    let (whole, whole_is_form) = read(rest, rest.len().max(1), boundary);
    let (pieces, pieces_are_form) = read(rest, usize::from(step % 16) + 1, boundary);
    assert_eq!(whole_is_form, pieces_are_form);
    if whole_is_form {
        assert!(whole == pieces);
    }

    // Each piece between zeros is a file, but for those that hold what would be a delimiter.
    let delimiter = b"\r\n--long-boundary";
    let contents: Vec<_> = rest
        .split(|&byte| byte == 0)
        .filter(|content| memchr::memmem::find(content, delimiter).is_none())
        .collect();
    let mut form = b"preamble".to_vec();
    for (number, content) in contents.iter().enumerate() {
        form.extend_from_slice(delimiter);
        let head = "\r\nContent-Disposition: form-data; name=\"files\"; filename=";
        form.extend_from_slice(format!("{head}\"{number}\"\r\n\r\n").as_bytes());
        form.extend_from_slice(content);
    }
    form.extend_from_slice(delimiter);
    form.extend_from_slice(b"--\r\nepilogue");
    let expected: Vec<File> = contents
        .iter()
        .enumerate()
        .map(|(number, content)| (Some(number.to_string().into_bytes()), content.to_vec()))
        .collect();
    let (found, is_form) = read(&form, usize::from(step) + 1, b"long-boundary");
    assert!(is_form && found == expected);
}

/// What is read from `bytes`, of which at most `step` come at a time, and whether that went well.
fn read(bytes: &[u8], step: usize, boundary: &[u8]) -> (Vec<File>, bool) {
    let mut form = Multipart::new(Dribble(bytes, step), boundary);
    let mut files = Vec::new();
    loop {
        let part = match form.next_part() {
            Ok(Some(part)) => part,
            end => return (files, end.is_ok()),
        };
        let mut content = Vec::new();
        loop {
            match form.chunk() {
                Ok(Some(bytes)) => content.extend_from_slice(bytes),
                Ok(None) => break,
                Err(_) => return (files, false),
            }
        }
        files.push((part.file_name, content));
    }
}

/// Bytes that come a few at a time.
struct Dribble<'a>(&'a [u8], usize);

impl Read for Dribble<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = self.1.min(buffer.len());
        let count = self.0.len().min(most);
        self.0.take(count as u64).read(buffer).inspect(|&count| {
            self.0 = self.0.get(count..).unwrap_or_default();
        })
    }
}
