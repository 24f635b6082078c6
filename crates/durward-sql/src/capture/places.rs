//! Where the parts of a statement stand among its words. All texts of one shape have them in the same places.

use std::ops::Range;

use pg_query::protobuf::Token;

use super::columns::CapturedColumn;
use super::{CapturePlan, CaptureTexts, ChangeKind, Images, RowsText, Statement};
use crate::text::Words;

/// The places of a statement's parts, as numbers of words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Places {
    words: usize,
    verb: usize,
    /// What the statement calls its target, quoted.
    alias: String,
    target: Range<usize>,
    assignments: Range<usize>,
    from: Option<Range<usize>>,
    condition: Option<Range<usize>>,
    /// Behind the last word of the statement itself.
    end: usize,
    returns: bool,
}

impl Places {
    pub(super) fn of(text: &str, statement: &Statement<'_>) -> Option<Self> {
        let words = Words::of(text)?;
        let token = match statement.kind {
            ChangeKind::Update => Token::Update,
            ChangeKind::Delete => Token::DeleteP,
            ChangeKind::Insert => Token::Insert,
            ChangeKind::Mixed => [Token::Insert, Token::Merge]
                .into_iter()
                .find(|token| words.find(*token, 0).is_some())?,
        };
        let verb = words.find(token, 0)?;
        if !statement.has_with && verb != 0 {
            return None;
        }
        let end = words.find(Token::Ascii59, verb).unwrap_or(words.len());
        let returning = words.find(Token::Returning, verb).filter(|at| *at < end);
        if returning.is_some() != statement.returning.is_some() {
            return None;
        }
        let tail = returning.unwrap_or(end);
        let mut places = Self {
            words: words.len(),
            verb,
            alias: statement.alias(),
            target: 0..0,
            assignments: 0..0,
            from: None,
            condition: None,
            end,
            returns: returning.is_some(),
        };
        if !matches!(statement.kind, ChangeKind::Update | ChangeKind::Delete) {
            return Some(places);
        }
        let condition = words.find(Token::Where, verb).filter(|at| *at < tail);
        if condition.is_some() != statement.has_condition {
            return None;
        }
        let body_end = condition.unwrap_or(tail);
        // UPDATE [ONLY] name [*] [[AS] alias] SET … [FROM …], DELETE FROM [ONLY] name [*] [[AS] alias] [USING …]
        let (target_from, set, sources) = if statement.kind == ChangeKind::Update {
            let set = words.find(Token::Set, verb)?;
            (verb + 1, Some(set), Token::From)
        } else {
            (verb + 2, None, Token::Using)
        };
        let from = if statement.has_from {
            let mut at = words.find(sources, set.unwrap_or(target_from))?;
            // … IS DISTINCT FROM …
            while words.token(at.checked_sub(1)?)? == Token::Distinct {
                at = words.find(sources, at + 1)?;
            }
            Some(at).filter(|at| *at < body_end)
        } else {
            None
        };
        if from.is_some() != statement.has_from {
            return None;
        }
        places.target = target_from..set.or(from).unwrap_or(body_end);
        if let Some(set) = set {
            places.assignments = set + 1..from.unwrap_or(body_end);
        }
        places.from = from.map(|from| from + 1..body_end);
        places.condition = condition.map(|at| at + 1..tail);
        Some(places)
    }

    /// `None` for a text of another shape.
    pub(super) fn cut(&self, plan: &CapturePlan, text: &str) -> Option<CaptureTexts> {
        let words = Words::of(text).filter(|words| words.len() == self.words)?;
        let body = text.get(..words.end_before(self.end)?)?;
        let list = self.images(plan);
        let joint = if self.returns { "," } else { "RETURNING" };
        Some(CaptureTexts {
            // On a line of its own: a comment before it ends there.
            run: format!("{body}\n{joint} {list}"),
            rows: if plan.can_lock {
                Some(self.rows(plan, text, &words)?)
            } else {
                None
            },
        })
    }

    fn images(&self, plan: &CapturePlan) -> String {
        let list = |row: &str| {
            plan.columns
                .iter()
                .map(|column| column.as_text(row))
                .collect::<Vec<_>>()
                .join(", ")
        };
        match plan.images {
            Images::New | Images::Old => list(&self.alias),
            Images::Both => format!(
                "old.tableoid::pg_catalog.text, {}, new.tableoid::pg_catalog.text, {}",
                list("old"),
                list("new")
            ),
        }
    }

    fn rows(&self, plan: &CapturePlan, text: &str, words: &Words) -> Option<RowsText> {
        let mut list: Vec<String> = plan.columns.iter().map(|column| column.as_text(&self.alias)).collect();
        let values = self.assigned_values(text, &plan.columns, &plan.written);
        for new in &plan.new_values {
            let (_, value) = values.iter().find(|(column, _)| *column == new.column)?;
            list.push(plan.columns.get(new.column)?.assigned_as_text(value));
        }
        let read = self.read(&list.join(", "), text, words);
        let lock = match plan.kind {
            // Nobody may come to refer to rows whose keys change meanwhile.
            ChangeKind::Update if plan.cascades.is_none() => "NO KEY UPDATE",
            _ => "UPDATE",
        };
        Some(RowsText {
            parameters: Words::of(&read)?.parameters(&read),
            text: read,
            lock: format!(" FOR {lock} OF {}", self.alias),
        })
    }

    /// A read of the statement's own rows.
    fn read(&self, list: &str, text: &str, words: &Words) -> String {
        let with = words.text(text, 0..self.verb);
        let target = words.text(text, self.target.clone());
        let from = self.from.clone().map(|from| format!(", {}\n", words.text(text, from)));
        let condition = self.condition.clone().map(|condition| words.text(text, condition));
        let condition = condition.map(|condition| format!(" WHERE {condition}"));
        format!(
            "{with} SELECT {list} FROM {target}{}{}",
            from.unwrap_or_default(),
            condition.unwrap_or_default()
        )
        .trim_start()
        .to_owned()
    }

    /// Whether a value can be computed is asked of the read of it alone.
    pub(super) fn value_probe(&self, text: &str, value: &str) -> Option<String> {
        let words = Words::of(text)?;
        Some(self.read(&format!("({value})"), text, &words))
    }

    /// The values that single columns are given, each with its column's place: `column = value`.
    pub(super) fn assigned_values(
        &self,
        text: &str,
        columns: &[CapturedColumn],
        written: &[usize],
    ) -> Vec<(usize, String)> {
        let Some(words) = Words::of(text) else {
            return Vec::new();
        };
        let mut values = Vec::new();
        let mut at = self.assignments.start;
        while at < self.assignments.end {
            let end = words.find(Token::Ascii44, at).filter(|end| *end < self.assignments.end);
            let end = end.unwrap_or(self.assignments.end);
            let name = words.text(text, at..at + 1);
            let is_plain = words.token(at + 1) == Some(Token::Ascii61);
            let value = words.text(text, at + 2..end);
            let is_default = words.token(at + 2) == Some(Token::Default);
            let named = written.iter().find(|place| {
                let column = columns.get(**place);
                column.is_some_and(|column| stands_for(name, &column.name))
            });
            if let (true, false, Some(place)) = (is_plain, is_default, named) {
                values.push((*place, value.to_owned()));
            }
            at = end + 1;
        }
        values
    }
}

/// Whether a word of a text is this name.
fn stands_for(word: &str, name: &str) -> bool {
    match word.strip_prefix('"').and_then(|word| word.strip_suffix('"')) {
        Some(quoted) => quoted.replace("\"\"", "\"") == name,
        None => word.to_lowercase() == name,
    }
}
