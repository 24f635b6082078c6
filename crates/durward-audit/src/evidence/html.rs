//! The page that people open. Everything that goes into it is escaped, but for the markup that stands here.

use crate::evidence::manifest::Manifest;
use crate::evidence::reports::Report;
use crate::evidence::table::Cell;

/// A page shows so many rows of a table; the files have all.
pub(super) const ROWS_SHOWN_MAX: usize = 500;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:75rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a}\
h1{font-size:1.6rem}h2{font-size:1.15rem;margin-top:2rem}table{border-collapse:collapse;font-size:13px}\
th,td{border:1px solid #d0d0d0;padding:.25rem .5rem;text-align:left;vertical-align:top;overflow-wrap:anywhere;\
max-width:32rem}th{background:#f3f3f3}dt{font-weight:600}dd{margin:0 0 .4rem}.wide{overflow-x:auto}\
.gap{border-left:4px solid #b58900;padding:.4rem .8rem;background:#fff8e6}code{font-size:12px;overflow-wrap:anywhere}";

/// The first rows of a table.
pub(super) struct ShownTable {
    pub(super) name: &'static str,
    pub(super) meaning: &'static str,
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<Vec<Cell>>,
    pub(super) rows_total: u64,
}

/// Text that is markup already.
struct Markup(String);

impl Markup {
    /// Adds markup, which must not come from anywhere but here.
    fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Adds text.
    fn text(&mut self, text: &str) -> &mut Self {
        for character in text.chars() {
            match character {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                '\n' | '\t' => self.0.push(character),
                // What is not seen, or turns the direction of what follows, would show another text than there is.
                hidden if hidden.is_control() || is_hidden(hidden) => self.0.push('\u{fffd}'),
                plain => self.0.push(plain),
            }
        }
        self
    }
}

/// Characters that are not seen or turn the direction of others (Unicode TR 36, section 2).
pub const fn is_hidden(character: char) -> bool {
    matches!(
        character,
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}'
    )
}

/// The page of a report.
pub(super) fn page(report: &Report, manifest: &Manifest, tables: &[ShownTable]) -> String {
    let mut page = Markup(String::new());
    page.raw("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">")
        .raw("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">")
        .raw("<title>")
        .text(&manifest.title)
        .raw("</title><style>")
        .raw(STYLE)
        .raw("</style></head><body>\n<h1>")
        .text(&manifest.title)
        .raw("</h1>\n<p>")
        .text(report.question)
        .raw("</p>\n<dl><dt>Period</dt><dd>")
        .text(&format!("{} up to {}", manifest.period.from, manifest.period.to))
        .raw("</dd><dt>Ledger</dt><dd><code>")
        .text(&manifest.ledger)
        .raw("</code></dd><dt>Events of the period</dt><dd>")
        .text(&events(manifest))
        .raw("</dd><dt>Checkpoint</dt><dd>")
        .text(&format!("of {} events, signed by ", manifest.checkpoint_events))
        .raw("<code>")
        .text(&manifest.checkpoint_key)
        .raw("</code></dd><dt>Controls</dt><dd>")
        .text(&manifest.controls.join("; "))
        .raw("</dd></dl>\n<p>")
        .text(&manifest.assessor)
        .raw("</p>\n");
    for gap in &manifest.gaps {
        page.raw("<p class=\"gap\">Not in this report: ")
            .text(gap)
            .raw("</p>\n");
    }
    for table in tables {
        show(&mut page, table);
    }
    page.raw("<h2>How to check it</h2>\n<p><code>durward evidence verify . --key KEY</code> ")
        .text("checks every file in this directory with the public key alone; each proof in proofs.json can be checked by ")
        .raw("<code>durward audit verify-proof</code>.</p>\n</body></html>\n");
    page.0
}

fn events(manifest: &Manifest) -> String {
    match (manifest.first_event, manifest.last_event) {
        (Some(first), Some(last)) => format!("{}, numbered {first} to {last}", manifest.events_in_period),
        _ => "none".into(),
    }
}

fn show(page: &mut Markup, table: &ShownTable) {
    page.raw("<h2>")
        .text(table.name)
        .raw("</h2>\n<p>")
        .text(table.meaning)
        .raw("</p>\n");
    if table.rows_total == 0 {
        page.raw("<p>None in this period.</p>\n");
        return;
    }
    page.raw("<div class=\"wide\"><table><thead><tr>");
    for column in &table.columns {
        page.raw("<th>").text(&column.replace('_', " ")).raw("</th>");
    }
    page.raw("</tr></thead><tbody>\n");
    for row in &table.rows {
        page.raw("<tr>");
        for cell in row {
            page.raw("<td>").text(&cell.text()).raw("</td>");
        }
        page.raw("</tr>\n");
    }
    page.raw("</tbody></table></div>\n<p>");
    let shown = table.rows.len();
    let rows = match u64::try_from(shown) {
        Ok(shown) if shown < table.rows_total => {
            format!(
                "The first {shown} of {} rows; {}.csv and {}.json have all.",
                table.rows_total, table.name, table.name
            )
        }
        _ => format!("{} rows.", table.rows_total),
    };
    page.text(&rows).raw("</p>\n");
}

#[cfg(test)]
mod tests {
    use super::Markup;

    #[test]
    fn nothing_that_was_recorded_is_markup() {
        let mut page = Markup(String::new());
        page.text("<script>alert('x')</script>\u{202e}\u{1b}[2J & \"y\"");
        assert_eq!(
            page.0,
            "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;\u{fffd}\u{fffd}[2J &amp; &quot;y&quot;"
        );
    }
}
