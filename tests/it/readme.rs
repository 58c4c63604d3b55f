//! The README: short, and true of the program.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join(path)).expect("it can be read")
}

fn rhttp(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_rhttp"))
        .args(arguments)
        .output()
        .expect("it runs")
}

/// The long flags that a text names, such as `--bind`.
fn flags(text: &str) -> BTreeSet<&str> {
    let is_of_flag = |c: char| c.is_ascii_lowercase() || c == '-';
    text.split(|c| !is_of_flag(c))
        .filter(|word| word.len() > 2 && word.starts_with("--") && !word.ends_with('-'))
        .collect()
}

/// The files that the README links to, which are all in the repository.
fn linked(readme: &str) -> Vec<&str> {
    let targets = readme.split("](").skip(1);
    let targets = targets.filter_map(|rest| rest.split(')').next());
    let files: Vec<_> = targets.filter(|target| !target.contains("://")).collect();
    assert!(!files.is_empty(), "the README has links");
    files
}

/// The lines that run rhttp, without their comments.
fn commands(readme: &str) -> Vec<Vec<&str>> {
    let lines = readme.lines().filter(|line| line.starts_with("rhttp "));
    let commands = lines.map(|line| line.split(" # ").next().unwrap_or(line));
    let words = commands.map(|line| line.split_whitespace().skip(1).collect());
    words.collect()
}

#[test]
fn it_can_be_read_in_two_minutes() {
    let lines = read("README.md").lines().count();
    assert!(lines <= 150, "{lines} lines");
}

#[test]
fn its_links_lead_somewhere() {
    let readme = read("README.md");
    let is_gone = |file: &&str| !Path::new(ROOT).join(file).is_file();
    let gone: Vec<_> = linked(&readme).into_iter().filter(is_gone).collect();
    assert_eq!(gone, Vec::<&str>::new());
}

#[test]
fn each_flag_is_in_it_or_in_a_page_that_it_links_to() {
    let help = String::from_utf8(rhttp(&["--help"]).stdout).expect("it is text");
    let readme = read("README.md");
    let mut pages = vec![readme.clone()];
    let manual = linked(&readme).into_iter();
    pages.extend(
        manual
            .filter(|file| file.starts_with("src/manual/"))
            .map(read),
    );
    let described: BTreeSet<_> = pages.iter().flat_map(|page| flags(page)).collect();
    let wanted = flags(&help);
    assert!(wanted.len() > 30, "{wanted:?}");
    // Everybody knows these two.
    let known = BTreeSet::from(["--help", "--version"]);
    let missing: Vec<_> = wanted.difference(&described).collect();
    let missing: Vec<_> = missing
        .into_iter()
        .filter(|f| !known.contains(*f))
        .collect();
    assert_eq!(missing, Vec::<&&str>::new());
}

/// `--help` at the end keeps the server from starting, but not from reading what stands before it.
#[test]
fn its_commands_are_understood() {
    let readme = read("README.md");
    let commands = commands(&readme);
    assert!(commands.len() >= 9, "{commands:?}");
    for mut command in commands {
        command.push("--help");
        let output = rhttp(&command);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command:?}: {errors}");
    }
    let wrong = rhttp(&["--no-such-flag", "--help"]);
    assert_eq!(
        wrong.status.code(),
        Some(2),
        "or else this test sees nothing"
    );
}
