//! What people see: colours where there is a terminal, aligned tables, and nothing else.

use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write as _};

use comfy_table::{ContentArrangement, Table, presets};

/// Prints a line to standard output. That nobody reads it any more is no error.
pub(crate) fn say(line: impl Display) {
    writeln!(io::stdout(), "{line}").ok();
}

/// Prints `text` to standard output, as it is, at once.
pub(crate) fn say_raw(text: &str) {
    let mut out = io::stdout();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).ok();
}

/// Prints a value as one line of JSON.
pub(crate) fn say_json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    say(serde_json::to_string(value)?);
    io::stdout().flush().ok();
    Ok(())
}

/// Prints a line to standard error.
pub(crate) fn complain(line: impl Display) {
    writeln!(io::stderr(), "{line}").ok();
}

/// Whether standard output is a terminal that wants colour (<https://no-color.org>).
pub(crate) fn is_colourful() -> bool {
    io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// How a piece of text stands out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// A heading.
    Strong,
    /// Beside the point.
    Faint,
    /// Went through.
    Good,
    /// Was refused.
    Bad,
}

/// `text` in a style, if there are colours.
pub(crate) fn styled(style: Style, text: &str) -> String {
    if !is_colourful() {
        return text.to_owned();
    }
    let code = match style {
        Style::Strong => "1",
        Style::Faint => "2",
        Style::Good => "32",
        Style::Bad => "31",
    };
    format!("\u{1b}[{code}m{text}\u{1b}[0m")
}

/// A table with headings and no lines but the one under them. Long cells wrap on a terminal, and stay whole elsewhere.
pub(crate) fn table(headings: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_header(headings.iter().map(|heading| heading.to_uppercase()));
    table.set_content_arrangement(if io::stdout().is_terminal() {
        ContentArrangement::Dynamic
    } else {
        ContentArrangement::Disabled
    });
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let text = table.to_string();
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n")
}

/// A number of seconds as people say it: `45s`, `12m`, `3h 20m`, `2d 4h`.
pub(crate) fn age(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..86_400 => format!("{}h {}m", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{}d {}h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::{age, table};

    #[test]
    fn ages_read_as_people_say_them() {
        let shown = [0, 59, 60, 3_599, 3_600, 86_399, 90_061].map(age);
        assert_eq!(shown, ["0s", "59s", "1m", "59m", "1h 0m", "23h 59m", "1d 1h"]);
    }

    #[test]
    fn tables_are_aligned_without_trailing_spaces() {
        let shown = table(
            &["name", "kind"],
            [
                vec!["operator".into(), "operator".into()],
                vec!["al".into(), "person".into()],
            ],
        );
        insta::assert_snapshot!(shown);
    }
}
