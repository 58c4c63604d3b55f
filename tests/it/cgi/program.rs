//! A script that is a compiled program. Its query says what it does:
//!
//! - `out=N` prints N bytes,
//! - `in` prints how many bytes it has read,
//! - `last=N` prints N bytes, then reads all, and prints how many there were,
//! - `never` reads nothing at all.
use std::io::{self, Read, Write};

fn main() -> io::Result<()> {
    let query = std::env::var("QUERY_STRING").unwrap_or_default();
    let (what, number) = query.split_once('=').unwrap_or((&query, "0"));
    let number = number.parse().unwrap_or(0);
    let mut out = io::stdout().lock();
    out.write_all(b"Content-Type: application/octet-stream\n\n")?;
    match what {
        "out" => print(&mut out, number)?,
        "in" => writeln!(out, "{} bytes", count()?)?,
        "last" => {
            print(&mut out, number)?;
            out.flush()?;
            writeln!(out, "{} bytes", count()?)?;
        }
        _ => writeln!(out, "compiled")?,
    }
    Ok(())
}

fn print(out: &mut impl Write, count: u64) -> io::Result<()> {
    io::copy(&mut io::repeat(b'x').take(count), out).map(drop)
}

fn count() -> io::Result<u64> {
    io::copy(&mut io::stdin().lock(), &mut io::sink())
}
