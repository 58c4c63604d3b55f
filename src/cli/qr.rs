//! An address as a QR code, for a phone to scan from a terminal.

use fast_qr::{ECL, QRBuilder};

/// Light modules around the code (ISO/IEC 18004, 9.1).
const QUIET: usize = 4;
/// Black on white, whatever the terminal's own colours are.
const COLOURS: &str = "\u{1b}[38;5;16;48;5;231m";
const USUAL: &str = "\u{1b}[0m";

/// The lines that show `text`: two rows of modules in each.
///
/// Not inlined: what it needs on the stack would be touched by every server that starts.
#[inline(never)]
pub(super) fn code(text: &str) -> Option<String> {
    let code = QRBuilder::new(text).ecl(ECL::L).build().ok()?;
    let dark = |row: usize, column: usize| {
        let row = row.checked_sub(QUIET).filter(|&row| row < code.size);
        let column = column
            .checked_sub(QUIET)
            .filter(|&column| column < code.size);
        let module = row
            .zip(column)
            .and_then(|(row, column)| code.data.chunks(code.size).nth(row)?.get(column));
        module.is_some_and(|module| module.value())
    };
    let width = code.size + 2 * QUIET;
    let mut lines = Vec::new();
    for row in (0..width).step_by(2) {
        let line: String = (0..width)
            .map(|column| match (dark(row, column), dark(row + 1, column)) {
                (false, false) => ' ',
                (true, false) => '\u{2580}',
                (false, true) => '\u{2584}',
                (true, true) => '\u{2588}',
            })
            .collect();
        lines.push(format!("{COLOURS}{line}{USUAL}"));
    }
    Some(lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_its_corners_and_a_margin() {
        let code = code("http://192.168.1.5:8000/").expect("a short text");
        let lines: Vec<_> = code
            .lines()
            .map(|line| {
                let line = line.strip_prefix(COLOURS).expect("colours");
                line.strip_suffix(USUAL).expect("an end")
            })
            .collect();
        // 25 modules, and four around them.
        assert_eq!(lines.len(), 17);
        assert!(lines.iter().all(|line| line.chars().count() == 33));
        assert!(lines[..2].iter().all(|line| line.trim().is_empty()));
        let corner = |line: &str| line.chars().skip(4).take(7).collect::<String>();
        assert_eq!(
            corner(lines[2]),
            "\u{2588}\u{2580}\u{2580}\u{2580}\u{2580}\u{2580}\u{2588}"
        );
        assert_eq!(
            corner(lines[3]),
            "\u{2588} \u{2588}\u{2588}\u{2588} \u{2588}"
        );
    }
}
