use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;
use std::ops::RangeInclusive;
use std::path::Path;
use std::process::Command;

/// The differences that are meant, as the table in `docs/regression.md` lists them: file, text, reason.
pub(super) struct Allowed {
    rows: Vec<Row>,
    used: RefCell<BTreeSet<usize>>,
}

struct Row {
    /// The file's name, or `*`.
    file: String,
    /// A text that a line of the difference contains.
    text: String,
}

impl Allowed {
    pub(super) fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).expect("the list of differences");
        let rows = text
            .lines()
            .filter_map(|line| {
                let mut cells = line.strip_prefix("| `")?.strip_suffix(" |")?.split(" | ");
                let file = cells.next()?.trim_end_matches('`').to_owned();
                let text = cells.next()?.trim_matches('`').replace("\\|", "|");
                let reason = cells.next()?;
                assert!(!reason.trim().is_empty(), "docs/regression.md: {file} has no reason");
                Some(Row { file, text })
            })
            .collect();
        Self {
            rows,
            used: RefCell::default(),
        }
    }

    fn explains(&self, file: &str, hunk: &Hunk) -> bool {
        let found = self.rows.iter().position(|row| {
            (row.file == "*" || row.file == file) && hunk.lines.iter().any(|line| line.contains(&row.text))
        });
        found.is_some_and(|index| {
            self.used.borrow_mut().insert(index);
            true
        })
    }

    /// Rows that explained nothing, unless only some files were run.
    pub(super) fn unused(&self) -> Vec<&str> {
        if std::env::var_os("DURWARD_TEST_REGRESSION").is_some() {
            return Vec::new();
        }
        let used = self.used.borrow();
        let rows = self.rows.iter().enumerate().filter(|(index, _)| !used.contains(index));
        rows.map(|(_, row)| row.text.as_str()).collect()
    }
}

/// One place where two texts differ.
struct Hunk {
    /// The lines of the first text, from 1; a place between lines counts as both.
    range: RangeInclusive<usize>,
    /// The differing lines, each with `< ` or `> ` before it.
    lines: Vec<String>,
}

/// The differences between a direct run and the one through the gateway that neither a second direct run shows at the
/// same place nor the list explains.
pub(super) fn unexplained(file: &str, first: &str, second: &str, through: &str, allowed: &Allowed) -> String {
    if first == through {
        return String::new();
    }
    let noise = hunks(first, second);
    hunks(first, through)
        .iter()
        .filter(|hunk| !noise.iter().any(|other| overlap(&hunk.range, &other.range)))
        .filter(|hunk| !allowed.explains(file, hunk))
        .map(|hunk| {
            let shown: Vec<_> = hunk.lines.iter().take(12).map(String::as_str).collect();
            format!("  at line {}:\n    {}\n", hunk.range.start(), shown.join("\n    "))
        })
        .collect()
}

fn overlap(a: &RangeInclusive<usize>, b: &RangeInclusive<usize>) -> bool {
    a.start() <= b.end() && b.start() <= a.end()
}

/// What `diff` finds, in its oldest form: `12,14c15`, then the lines.
fn hunks(a: &str, b: &str) -> Vec<Hunk> {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("a"), a).expect("a file");
    fs::write(folder.path().join("b"), b).expect("a file");
    let output = Command::new("diff")
        .args(["-a", "a", "b"])
        .current_dir(folder.path())
        .output()
        .expect("diff runs");
    let mut hunks: Vec<Hunk> = Vec::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        match line.chars().next() {
            Some('0'..='9') => {
                let range = line.split(['a', 'c', 'd']).next().unwrap_or_default();
                let (start, end) = range.split_once(',').unwrap_or((range, range));
                let number = |text: &str| text.parse().expect("diff counts lines");
                hunks.push(Hunk {
                    range: number(start)..=number(end),
                    lines: Vec::new(),
                });
            }
            Some('<' | '>') => {
                if let Some(hunk) = hunks.last_mut() {
                    hunk.lines.push(line.to_owned());
                }
            }
            _ => {}
        }
    }
    hunks
}
