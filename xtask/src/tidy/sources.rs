//! Rules about files: lengths, documentation, words that mustn't stay.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};

/// No Rust file is longer.
const FILE_LINES_MAX: usize = 800;

/// A longer function is worth a second look; a match over a syntax tree may be longer.
const FUNCTION_LINES_ADVISED: usize = 110;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) problems: Vec<String>,
    pub(super) advice: Vec<String>,
    pub(super) files: usize,
}

/// Checks every file that git knows, and every new one that it doesn't ignore.
///
/// # Errors
/// When git or a file can't be read.
pub(super) fn check(root: &Path) -> anyhow::Result<Report> {
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .context("git ls-files")?;
    ensure!(output.status.success(), "git ls-files failed");
    let mut report = Report::default();
    for name in String::from_utf8_lossy(&output.stdout).lines() {
        let path = root.join(name);
        // A file that was deleted but not yet committed is still listed; binary files have no lines to judge.
        let Ok(text) = fs::read_to_string(&path) else { continue };
        report.files += 1;
        check_words(name, &text, &mut report);
        if Path::new(name).extension().is_some_and(|extension| extension == "rs") {
            check_rust(name, &text, &mut report);
        }
        if name.starts_with("crates/") && name.ends_with("/Cargo.toml") {
            check_manifest(name, &text, &mut report);
        }
    }
    Ok(report)
}

/// Words that mark unfinished work, and paths that exist on one machine only. Spelt in parts, so that this file may be
/// checked too.
fn check_words(name: &str, text: &str, report: &mut Report) {
    let unfinished = [
        ["todo", "!("],
        ["unimplemented", "!("],
        ["dbg", "!("],
        ["FIX", "ME"],
        ["XX", "X:"],
    ]
    .map(|parts| parts.concat());
    let machine = [["/ro", "ot/"], ["/wo", "rk/"], ["/ho", "me/"]].map(|parts| parts.concat());
    for (number, line) in text.lines().enumerate() {
        for word in unfinished.iter().filter(|word| line.contains(word.as_str())) {
            report.problems.push(format!("{name}:{}: `{word}`", number + 1));
        }
        for path in machine.iter().filter(|path| has_path(line, path)) {
            report
                .problems
                .push(format!("{name}:{}: a path of one machine: {path}", number + 1));
        }
    }
}

/// Whether `line` names a path that begins like this, and not one that merely contains it.
fn has_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line.get(..at).and_then(|before| before.chars().next_back());
        !before.is_some_and(|letter| letter.is_alphanumeric() || "._-*]}".contains(letter))
    })
}

fn check_rust(name: &str, text: &str, report: &mut Report) {
    let lines = text.lines().count();
    if lines > FILE_LINES_MAX {
        report
            .problems
            .push(format!("{name}: {lines} lines, {FILE_LINES_MAX} at most"));
    }
    let is_root = name.ends_with("/src/lib.rs") || name.ends_with("/src/main.rs");
    if is_root && !text.trim_start().starts_with("//!") {
        report
            .problems
            .push(format!("{name}: begins without saying what the crate is for"));
    }
    check_limits(name, text, report);
    for (function, length) in long_functions(text) {
        report.advice.push(format!("{name}: {function} has {length} lines"));
    }
}

/// Every limit says its unit and reason.
fn check_limits(name: &str, text: &str, report: &mut Report) {
    let mut documented = false;
    for line in text.lines().map(str::trim) {
        if let Some(constant) = constant_name(line)
            && (constant.ends_with("_MAX") || constant.ends_with("_LIMIT") || constant.ends_with("_MIN"))
            && !documented
        {
            report.problems.push(format!(
                "{name}: the limit {constant} has no comment that gives its unit and reason"
            ));
        }
        documented = line.starts_with("///") || line.starts_with("//") || (documented && line.starts_with("#["));
    }
}

fn constant_name(line: &str) -> Option<&str> {
    let rest = match line.strip_prefix("pub") {
        Some(rest) if rest.starts_with('(') => rest.split_once(") ")?.1,
        Some(rest) => rest.trim_start(),
        None => line,
    };
    let (constant, _) = rest.strip_prefix("const ")?.split_once(':')?;
    Some(constant)
}

/// Functions that are longer than advised, by the indentation that rustfmt gives.
fn long_functions(text: &str) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    let mut open: Option<(String, String, usize)> = None;
    for (number, line) in text.lines().enumerate() {
        let body = line.trim_start();
        let indent = line.len() - body.len();
        if let Some((function, end, begun)) = &open {
            if line == end {
                let length = number - begun + 1;
                if length > FUNCTION_LINES_ADVISED {
                    found.push((function.clone(), length));
                }
                open = None;
            }
        } else if let Some((before, after)) = body.split_once("fn ")
            && before
                .split_whitespace()
                .all(|word| word.starts_with("pub") || ["async", "const"].contains(&word))
        {
            let function = after.split(['(', '<']).next().unwrap_or_default().to_owned();
            if !body.ends_with(';') && !body.ends_with('}') {
                open = Some((function, format!("{}}}", " ".repeat(indent)), number));
            }
        }
    }
    found
}

fn check_manifest(name: &str, text: &str, report: &mut Report) {
    for line in [
        "publish.workspace = true",
        "license.workspace = true",
        "[lints]\nworkspace = true",
    ] {
        if !text.contains(line) {
            report
                .problems
                .push(format!("{name}: `{}` is missing", line.replace('\n', " ")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Report, check_limits, check_words, long_functions};

    fn problems(check: fn(&str, &str, &mut Report), text: &str) -> usize {
        let mut report = Report::default();
        check("a.rs", text, &mut report);
        report.problems.len()
    }

    #[test]
    fn words() {
        for (text, expected) in [
            ("nothing to see", 0),
            (concat!("to", "do!(\"later\")"), 1),
            (concat!("see /ro", "ot/x and /wo", "rk/y"), 2),
            (concat!("target/wo", "rk/x"), 0),
            (concat!("\"/ho", "me/me\""), 1),
        ] {
            assert_eq!(problems(check_words, text), expected, "{text}");
        }
    }

    #[test]
    fn limits() {
        for (text, expected) in [
            ("/// Bytes.\nconst FRAME_BYTES_MAX: u32 = 1;", 0),
            ("const FRAME_BYTES_MAX: u32 = 1;", 1),
            ("/// Bytes.\n#[allow(x)]\npub(crate) const FRAME_BYTES_MAX: u32 = 1;", 0),
            ("let x = 1;\npub const A_MIN: u32 = 1;", 1),
            ("const NAME: &str = \"\";", 0),
        ] {
            assert_eq!(problems(check_limits, text), expected, "{text}");
        }
    }

    #[test]
    fn functions() {
        let short = "fn a() {\n}\n";
        let long = format!("    pub fn b() {{\n{}    }}\n", "        1;\n".repeat(200));
        assert!(long_functions(short).is_empty());
        assert_eq!(long_functions(&long), [("b".to_owned(), 202)]);
    }
}
