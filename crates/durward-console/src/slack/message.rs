//! A request as Slack shows it. Words of others stand in elements that Slack shows as they are: rich text and code, in which
//! nothing is markup, a link or a call to anybody (<https://docs.slack.dev/reference/block-kit/blocks/rich-text-block/>).

use durward_change::{DdlEffect, Effect, Outlook, Request, Sample, State, visible};
use serde_json::{Value, json};

use crate::words::{advice, cautions, escalates, moment, needs, outcome, proof, verdict};

/// The longest header.
///
/// Unit: characters. Source: Slack's reference of the header block.
const HEADER_CHARACTERS_MAX: usize = 150;

/// The longest statement that is shown, and then decided, in Slack.
///
/// Unit: characters. Reason: Slack takes 3,000 in one text, and cuts what is longer out of sight.
const STATEMENT_CHARACTERS_MAX: usize = 2_900;

/// The longest other text.
///
/// Unit: characters. Reason: as above.
const TEXT_CHARACTERS_MAX: usize = 1_200;

/// Lines of a list that are shown.
const LINES_MAX: usize = 10;

/// The longest of them.
///
/// Unit: characters. Reason: a sentence.
const LINE_CHARACTERS_MAX: usize = 400;

/// Rows that are shown.
const ROWS_MAX: usize = 5;

/// The longest value in a row.
///
/// Unit: characters. Reason: a line of a phone.
const CELL_CHARACTERS_MAX: usize = 40;

/// The button that says yes.
pub(super) const APPROVE: &str = "durward_approve";

/// The button that says no.
pub(super) const REJECT: &str = "durward_reject";

/// What stands around a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Around<'a> {
    /// What became of earlier ones like it.
    pub(super) similar: &'a [&'a Request],
    /// Where its page is.
    pub(super) page: Option<&'a str>,
    /// Whether statements, parameters and rows are shown.
    pub(super) shows_statements: bool,
}

/// The blocks of a request, in the order of its page.
pub(super) fn blocks(request: &Request, around: Around<'_>) -> Value {
    let asked = &request.asked;
    let mut blocks = vec![header(&format!(
        "{} {}: {}",
        request.id,
        request.state,
        verdict(request)
    ))];
    let cautions = cautions(request);
    blocks.push(match cautions.is_empty() {
        true => fields(&[("Nothing about it stands out.", String::new())]),
        false => list(&cautions),
    });
    blocks.push(fields(&requester(request)));
    if around.shows_statements {
        blocks.push(code(&statement(request), STATEMENT_CHARACTERS_MAX));
        blocks.push(fields(&[
            ("Names in", asked.search_path.join(", ")),
            ("Rights of", asked.role.clone()),
        ]));
    }
    let definitions: Vec<String> = asked.ddl.iter().map(DdlEffect::brief).collect();
    blocks.push(fields(&[
        ("Rows", asked.rows.to_string()),
        ("Changes", asked.touched.changes.join(", ")),
        ("Reads", asked.touched.reads.join(", ")),
        ("Definitions", definitions.join("; ")),
        ("Undo", asked.undo_in_words().unwrap_or_default().to_owned()),
    ]));
    if let Some(effect) = asked.effect.as_ref().filter(|_| around.shows_statements) {
        blocks.push(code(&rows(effect), TEXT_CHARACTERS_MAX));
    }
    blocks.push(fields(&reasons(request)));
    let similar: Vec<String> = around.similar.iter().map(|request| earlier(request)).collect();
    if !similar.is_empty() {
        blocks.push(fields(&[("Earlier, on the same tables", String::new())]));
        blocks.push(list(&similar));
    }
    let outcome = outcome(request);
    if request.state != State::Pending && !outcome.is_empty() {
        blocks.push(fields(&[("Outcome", outcome)]));
    }
    blocks.extend(actions(request, around));
    Value::Array(blocks)
}

/// What a notification says, and a client without blocks: markup of Slack's, so that everything in it is escaped
/// (<https://docs.slack.dev/messaging/formatting-message-text/#escaping>).
pub(super) fn fallback(request: &Request) -> String {
    escaped(&format!("{} {}: {}", request.id, request.state, verdict(request)))
}

/// What has happened, for the thread; `None` where there is nothing to say.
pub(super) fn news(request: &Request) -> Option<String> {
    let outcome = outcome(request);
    if let (State::Pending, Some(escalated)) = (request.state, &request.addressed.escalated) {
        let to = durward_change::in_words(&escalated.to);
        return Some(format!("{}: nobody has decided, and {to} are asked too", request.id));
    }
    if outcome.is_empty() {
        return None;
    }
    Some(format!("{}: {outcome}", request.id))
}

/// A line of the thread.
pub(super) fn line(said: &str) -> Value {
    json!([fields(&[("", said.to_owned())])])
}

/// Whether all of what would run is shown, so that it can be decided here.
pub(super) fn is_decided_here(request: &Request, shows_statements: bool) -> bool {
    shows_statements && visible(&statement(request)).chars().count() <= STATEMENT_CHARACTERS_MAX
}

fn requester(request: &Request) -> Vec<(&'static str, String)> {
    let asked = &request.asked;
    let principal = &asked.principal;
    let behalf = match principal.actors.is_empty() {
        true => String::new(),
        false => format!("{} ({})", principal.subject.name, principal.subject.kind),
    };
    vec![
        ("Who", format!("{} ({})", principal.acting().name, principal.kind())),
        ("On behalf of", behalf),
        ("Proved by", proof(principal)),
        (
            "Why",
            asked.reason.clone().unwrap_or_else(|| "no reason was given".to_owned()),
        ),
        ("Database", asked.database.clone()),
        ("From", asked.client.clone()),
        ("Submitted by", asked.submitted_by.clone().unwrap_or_default()),
        ("Asked", moment(request.asked_at)),
    ]
}

fn reasons(request: &Request) -> Vec<(&'static str, String)> {
    let asked = &request.asked;
    let risk = match request.risk.is_empty() {
        true => "ordinary".to_owned(),
        false => format!("high: {}", request.risk.join("; ")),
    };
    vec![
        ("Why it waits", asked.why.to_string()),
        ("Rules", asked.rules.join(", ")),
        ("Risk", risk),
        ("Adviser", advice(request).unwrap_or_default()),
        ("Needs", needs(request)),
        ("Asked of", request.addressed.lines().join("; ")),
        ("Escalates", escalates(request).map(moment).unwrap_or_default()),
        (
            "Expires",
            match request.state.is_open() {
                true => moment(request.expires_at),
                false => String::new(),
            },
        ),
    ]
}

/// What would run, whole.
fn statement(request: &Request) -> String {
    let asked = &request.asked;
    let mut text = if asked.steps.is_empty() {
        asked.text.clone()
    } else {
        let steps = asked.steps.iter().enumerate().map(|(place, step)| {
            let outlook = match step.outlook {
                Outlook::Passes => "passes by itself",
                Outlook::Held => "is held",
                Outlook::Unknown => "is judged when it runs",
            };
            format!("{}. ({outlook})\n{}", place + 1, step.text)
        });
        steps.collect::<Vec<_>>().join("\n")
    };
    for (number, value) in asked.parameters.iter().enumerate() {
        let value = value
            .as_deref()
            .map_or_else(|| "NULL".to_owned(), |value| format!("'{value}'"));
        text.push_str(&format!("\n${} = {value}", number + 1));
    }
    for prepared in &asked.prepared {
        text.push_str(&format!("\nprepared: {prepared}"));
    }
    text
}

fn rows(effect: &Effect) -> String {
    let heads: Vec<&str> = effect.key.iter().chain(&effect.columns).map(String::as_str).collect();
    let mut lines = vec![heads.join(" | ")];
    lines.extend(effect.samples.iter().take(ROWS_MAX).map(|sample| row(effect, sample)));
    lines.join("\n")
}

fn row(effect: &Effect, sample: &Sample) -> String {
    let cell = |value: Option<&Option<String>>| match value {
        Some(Some(value)) => clipped(
            &value.split_whitespace().collect::<Vec<_>>().join(" "),
            CELL_CHARACTERS_MAX,
        ),
        Some(None) => "NULL".to_owned(),
        None => String::new(),
    };
    let key = sample.key.iter().map(|value| cell(Some(value)));
    let columns = (0..effect.columns.len()).map(|at| {
        let before = cell(sample.before.get(at));
        match sample.after.get(at) {
            None => before,
            Some(None) => format!("{before} → (computed)"),
            Some(Some(after)) if sample.before.is_empty() => cell(Some(after)),
            Some(Some(after)) => format!("{before} → {}", cell(Some(after))),
        }
    });
    key.chain(columns).collect::<Vec<_>>().join(" | ")
}

fn earlier(request: &Request) -> String {
    let ended = match outcome(request).as_str() {
        "" => request.state.to_string(),
        outcome => outcome.to_owned(),
    };
    format!(
        "{}, {}, {} rows: {ended}",
        request.id, request.asked.principal, request.asked.rows
    )
}

fn actions(request: &Request, around: Around<'_>) -> Option<Value> {
    let mut elements = Vec::new();
    if request.state == State::Pending && is_decided_here(request, around.shows_statements) {
        // What is decided is what was shown: another request of this number wouldn't have this digest.
        let value = format!("{} {}", request.id, request.asked.digest);
        for (action, words, style) in [(APPROVE, "Approve", "primary"), (REJECT, "Reject", "danger")] {
            elements.push(json!({
                "type": "button", "action_id": action, "style": style, "value": value,
                "text": {"type": "plain_text", "text": words},
            }));
        }
    }
    if let Some(page) = around.page {
        elements.push(json!({
            "type": "button", "action_id": "durward_page", "url": page,
            "text": {"type": "plain_text", "text": "Open its page"},
        }));
    }
    (!elements.is_empty()).then(|| json!({"type": "actions", "elements": elements}))
}

/// A header knows plain text alone; what Slack reads as a call or a link in other texts is no more one here.
fn header(text: &str) -> Value {
    let text: String = visible(text)
        .chars()
        .map(|letter| match letter {
            '<' => '‹',
            '>' => '›',
            letter => letter,
        })
        .collect();
    let text = clipped(
        &text.split_whitespace().collect::<Vec<_>>().join(" "),
        HEADER_CHARACTERS_MAX,
    );
    json!({"type": "header", "text": {"type": "plain_text", "text": text, "emoji": false}})
}

/// Names and what they are, one below the other; without those that are empty.
fn fields(fields: &[(&str, String)]) -> Value {
    let mut elements = Vec::new();
    let said = fields
        .iter()
        .filter(|(name, value)| !value.is_empty() || fields.len() == 1 && !name.is_empty());
    for (place, (name, value)) in said.enumerate() {
        if place > 0 {
            elements.push(text("\n", false));
        }
        if !name.is_empty() {
            elements.push(text(name, true));
        }
        if !value.is_empty() {
            let gap = if name.is_empty() { "" } else { "  " };
            let value = clipped(&visible(value), TEXT_CHARACTERS_MAX);
            elements.push(text(&format!("{gap}{value}"), false));
        }
    }
    if elements.is_empty() {
        elements.push(text("–", false));
    }
    rich(json!({"type": "rich_text_section", "elements": elements}))
}

fn list(lines: &[String]) -> Value {
    let lines: Vec<Value> = lines
        .iter()
        .take(LINES_MAX)
        .map(|line| {
            let line = clipped(&visible(line), LINE_CHARACTERS_MAX);
            json!({"type": "rich_text_section", "elements": [text(&line, false)]})
        })
        .collect();
    rich(json!({"type": "rich_text_list", "style": "bullet", "elements": lines}))
}

fn code(said: &str, most: usize) -> Value {
    let said = clipped(&visible(said), most);
    let said = if said.is_empty() { " ".to_owned() } else { said };
    rich(json!({"type": "rich_text_preformatted", "elements": [text(&said, false)]}))
}

fn rich(element: Value) -> Value {
    json!({"type": "rich_text", "elements": [element]})
}

fn text(said: &str, bold: bool) -> Value {
    if bold {
        json!({"type": "text", "text": said, "style": {"bold": true}})
    } else {
        json!({"type": "text", "text": said})
    }
}

fn clipped(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

/// Markup of Slack's that stands for itself.
pub(super) fn escaped(text: &str) -> String {
    visible(text)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use durward_change::{
        Answer, Desk, Effect, Manner, MeasuredRows, MemoryStore, NoRecorder, Request, Sample, example,
    };
    use serde_json::Value;

    use super::{Around, blocks, fallback};

    fn request(text: &str) -> Request {
        let desk = Desk::open(MemoryStore::default(), NoRecorder).unwrap();
        let mut asked = example();
        asked.text = text.to_owned();
        asked.touched.command = "UPDATE".into();
        asked.touched.changes = vec!["public.orders<!here>".to_owned()];
        asked.rows = MeasuredRows::Counted(2);
        asked.reason = Some("<@U1> see <https://evil.example|the ticket> & approve".to_owned());
        asked.effect = Some(Effect {
            digest: String::new(),
            key: vec!["id".to_owned()],
            columns: vec!["status".to_owned(), "email".to_owned()],
            samples: vec![Sample {
                key: vec![Some("1".to_owned())],
                before: vec![Some("open".to_owned()), Some("[email]".to_owned())],
                after: vec![Some(Some("`<!channel>`".to_owned())), None],
            }],
            undo: "full".to_owned(),
            carried: Vec::new(),
        });
        match desk.present(&asked, Manner::Parked, 0).unwrap() {
            Answer::Pending(request) => *request,
            other => panic!("{other:?}"),
        }
    }

    fn around(page: Option<&'static str>) -> Around<'static> {
        Around {
            similar: &[],
            page,
            shows_statements: true,
        }
    }

    /// The types of all elements that hold a text.
    fn holders<'a>(value: &'a Value, found: &mut Vec<(&'a str, &'a str)>) {
        match value {
            Value::Object(members) => {
                if let (Some(Value::String(kind)), Some(Value::String(text))) =
                    (members.get("type"), members.get("text"))
                {
                    found.push((kind, text));
                }
                members.values().for_each(|value| holders(value, found));
            }
            Value::Array(items) => items.iter().for_each(|item| holders(item, found)),
            _ => {}
        }
    }

    #[test]
    fn words_of_others_are_never_markup() {
        let hostile = "UPDATE t SET a = '<!channel> ```<https://evil.example|Approve>``` @here *bold*\u{202e}\u{200b}'";
        let request = request(hostile);
        let blocks = blocks(&request, around(None));
        let mut found = Vec::new();
        holders(&blocks, &mut found);
        assert!(
            found.iter().all(|(kind, _)| ["text", "plain_text"].contains(kind)),
            "{found:?}"
        );
        let all = blocks.to_string();
        assert!(
            !all.contains("mrkdwn") && !all.contains('\u{202e}') && !all.contains('\u{200b}'),
            "{all}"
        );
        assert!(all.contains("\\\\u{202e}"), "{all}");
        for (kind, text) in found {
            assert!(kind == "text" || !text.contains('<'), "{text}");
        }
        let said = fallback(&request);
        assert!(!said.contains('<') && said.contains("&lt;!here&gt;"), "{said}");
    }

    #[test]
    fn blocks_stand_in_the_order_of_the_page() {
        insta::assert_snapshot!(
            serde_json::to_string_pretty(&blocks(
                &request("UPDATE orders SET status = 'closed'"),
                around(Some("https://d/requests/c1"))
            ))
            .unwrap()
        );
    }

    #[test]
    fn what_isnt_shown_whole_is_decided_elsewhere() {
        let long = request(&format!("UPDATE t SET a = '{}'", "x".repeat(3_000)));
        let shown = blocks(&long, around(Some("https://d/requests/c1"))).to_string();
        assert!(
            !shown.contains("durward_approve") && shown.contains("durward_page"),
            "{shown}"
        );
        let hidden = Around {
            shows_statements: false,
            ..around(None)
        };
        let shown = blocks(&request("UPDATE orders SET status = 'a secret'"), hidden).to_string();
        assert!(
            !shown.contains("a secret") && !shown.contains("durward_approve"),
            "{shown}"
        );
        assert!(!shown.contains("`<!channel>`"), "{shown}");
    }

    #[test]
    fn slacks_bounds_hold_whatever_is_shown() {
        let mut request = request(&"\u{1b}".repeat(10_000));
        request.asked.touched.changes = (0..500).map(|number| format!("public.table_{number}")).collect();
        request.asked.touched.notes = vec!["a note".repeat(2_000); 30];
        let blocks = blocks(&request, around(None));
        assert!(blocks.as_array().unwrap().len() <= 50);
        let mut found = Vec::new();
        holders(&blocks, &mut found);
        for (kind, text) in found {
            let most = if kind == "plain_text" { 150 } else { 3_000 };
            assert!(text.chars().count() <= most, "{kind}: {}", text.len());
        }
        // The whole of a message's text is bounded too.
        assert!(blocks.to_string().len() < 40_000, "{}", blocks.to_string().len());
    }
}
