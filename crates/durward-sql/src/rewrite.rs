//! Masks at the source: a text that computes on masked columns reads derived tables in place of their relations.
//!
//! The rest of the text stays as it was written. What comes out is parsed and analysed again, and only its second
//! analysis says what it still reads in clear.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use durward_model::{ColumnMatch, ColumnNumber, Oid, RelationKind, StatementFacts};
use pg_query::protobuf::Token;

use crate::analysis::{FreshAnalysis, analyze_masked, analyze_text};
use crate::bind::{MaskedPlaces, NamedValue, Position, Reference, Source, SourcePlace};
use crate::catalog::Column;
use crate::functions::quoted;
use crate::parser::Reading;
use crate::{Analysis, AnalysisContext, AnalysisError};

/// The name of a relation within its derived table.
const INNER_NAME: &str = "durward_source";

/// Says which columns are masked, and how.
pub trait SourceMasks: Send + Sync {
    /// The expression that stands for `argument`, a reference to the column; `None` for a column in clear.
    ///
    /// # Errors
    /// The column is masked, and its mask has no form in SQL.
    fn expression(&self, column: &SourceColumn<'_>, argument: &str) -> Result<Option<String>, NoSqlForm>;

    /// Whether a stored column may be compared in clear with a constant or a parameter.
    fn may_look_up(&self, column: (Oid, ColumnNumber)) -> bool;

    /// Whether two stored columns may be compared in clear, because their masks would be equal where they are.
    fn may_match(&self, columns: ColumnMatch) -> bool;

    /// Whether what a command of the rewritten text still reads in clear gives nothing away.
    fn accepts(&self, facts: &StatementFacts) -> bool;
}

/// A masked column can't be masked in SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoSqlForm;

/// A column of a relation that a text reads by name.
#[derive(Debug, Clone, Copy)]
pub struct SourceColumn<'a> {
    /// The relation.
    pub relation: Oid,
    /// The column within it.
    pub number: ColumnNumber,
    /// The stored columns that it comes from: itself, or those behind a view's column.
    pub lineage: &'a BTreeSet<(Oid, ColumnNumber)>,
    /// Whether it is one stored column's value, unchanged.
    pub unchanged: bool,
    /// Its type.
    pub type_oid: Oid,
    /// Its type's modifier.
    pub type_modifier: i32,
}

/// A text whose sources are masked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewritten {
    /// What is sent in the place of the client's text.
    pub text: String,
    /// The analysis of `text`: columns that masks stand before are not read in it.
    pub analysis: Analysis,
    /// What was put in, in order.
    pub splices: Vec<Splice>,
}

/// Bytes of the client's text and what stands in their place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Splice {
    /// In the client's text.
    pub original: Range<usize>,
    /// In the rewritten one.
    pub rewritten: Range<usize>,
}

/// Why a text can't be masked at its sources.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CannotRewrite {
    /// A relation stands where no subquery can.
    #[error("{0} can't be masked where it stands")]
    Place(String),
    /// A column's mask has no form in SQL.
    #[error("{0} has no mask that SQL can compute")]
    Column(String),
    /// A name means nothing any more.
    #[error("{0} can't be found once its table is masked")]
    Name(String),
    /// Whatever is replaced, something computes on a masked column.
    #[error("it would compute on masked columns in clear")]
    Clear,
    /// The text that comes out can't be read.
    #[error("with masked sources it can't be read: {0}")]
    Unreadable(String),
}

impl Rewritten {
    /// Where a place of the rewritten text stands in the client's: positions count characters from 1. A place within
    /// what was put in is where it begins.
    pub fn original_position(&self, original: &str, position: u32) -> Option<u32> {
        let characters = usize::try_from(position).ok()?.checked_sub(1)?;
        let byte = self
            .text
            .char_indices()
            .nth(characters)
            .map_or(self.text.len(), |(byte, _)| byte);
        let mut place = byte;
        for splice in &self.splices {
            if byte >= splice.rewritten.end {
                place = byte - splice.rewritten.end + splice.original.end;
            } else if byte >= splice.rewritten.start {
                place = splice.original.start;
            }
        }
        let before = original.get(..place)?.chars().count();
        u32::try_from(before + 1).ok()
    }
}

/// Masks the sources of a text. To be called on a parser thread.
///
/// Derived tables come first: what our analysis missed reads masks in them. Where they would change what the text means
/// (a key that others are grouped with, a row's place), each column is replaced where it is named. Before both, where a
/// column is looked up or matched in ways that give nothing away, it stays there and is replaced elsewhere: the server
/// can use its indexes.
pub(crate) fn rewrite(
    text: &str,
    context: &AnalysisContext,
    masks: &dyn SourceMasks,
    tokens_max: usize,
) -> Result<Result<Rewritten, CannotRewrite>, AnalysisError> {
    let first = analyze_text(text, context, tokens_max)?;
    if context.settings.reading(text) != Reading::Conforming {
        return Ok(Err(CannotRewrite::Unreadable(
            "its strings are not read in the standard way".to_owned(),
        )));
    }
    let rewriting = Rewriting {
        text,
        first: &first,
        tokens: Tokens::of(text),
        masks,
    };
    let mut reason = None;
    for way in rewriting.ways() {
        let spliced = match rewriting.splicing(way).and_then(|splicing| splicing.finish(text)) {
            Ok(spliced) if spliced.splices.is_empty() => continue,
            Ok(spliced) => spliced,
            Err(no) => {
                reason.get_or_insert(no);
                continue;
            }
        };
        let second = match analyze_masked(&spliced.text, context, tokens_max, Some(&spliced.masked)) {
            Ok(second) => second.analysis,
            Err(AnalysisError::Syntax(words)) => {
                reason.get_or_insert(CannotRewrite::Unreadable(words.message.to_string()));
                continue;
            }
            Err(error) => return Err(error),
        };
        // What the client's own text doesn't name rightly, the server will say.
        let before = first.analysis.statements.iter().flat_map(|one| one.unresolved.iter());
        let before: BTreeSet<&Arc<str>> = before.collect();
        let mut after = second.statements.iter().flat_map(|one| one.unresolved.iter());
        if let Some(name) = after.find(|name| !before.contains(name)) {
            reason.get_or_insert(CannotRewrite::Name(name.to_string()));
            continue;
        }
        if !second.statements.iter().all(|one| masks.accepts(&one.facts)) {
            reason.get_or_insert(CannotRewrite::Clear);
            continue;
        }
        return Ok(Ok(Rewritten {
            text: spliced.text,
            analysis: second,
            splices: spliced.splices,
        }));
    }
    Ok(Err(reason.unwrap_or_else(|| {
        CannotRewrite::Unreadable("nothing in it is masked".to_owned())
    })))
}

/// How masks are put into a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Derived tables in the place of relations.
    Derive,
    /// Masks in the place of columns.
    Substitute,
    /// Masks in the place of columns, but where they may be shown or compared as they are.
    SubstituteComputed,
}

/// One text that is being rewritten.
struct Rewriting<'a> {
    text: &'a str,
    first: &'a FreshAnalysis,
    tokens: Tokens,
    masks: &'a dyn SourceMasks,
}

impl Rewriting<'_> {
    /// The ways to try, in order.
    fn ways(&self) -> Vec<Way> {
        let mut compared = self.first.places.references.values().filter(|reference| {
            matches!(reference.position, Position::LookedUp | Position::Matched) && self.may_stay(reference)
        });
        let mut ways = if self.first.places.groups {
            vec![Way::Substitute, Way::Derive]
        } else {
            vec![Way::Derive, Way::Substitute]
        };
        let place = if compared.next().is_some() { 0 } else { ways.len() };
        ways.insert(place, Way::SubstituteComputed);
        ways
    }

    fn splicing(&self, way: Way) -> Result<Splicing, CannotRewrite> {
        match way {
            Way::Derive => self.derive_sources(),
            Way::Substitute => self.substitute_columns(&|_| false),
            Way::SubstituteComputed => self.substitute_columns(&|reference| self.may_stay(reference)),
        }
    }

    /// Whether a column may be read in clear where it is named.
    fn may_stay(&self, reference: &Reference) -> bool {
        match (reference.position, reference.value.stored()) {
            (Position::Shown, _) => true,
            (Position::LookedUp, Some(column)) => self.masks.may_look_up(column),
            (Position::Matched, Some(column)) => {
                let statements = self.first.analysis.statements.iter();
                let mut matches = statements
                    .flat_map(|one| one.facts.matches.iter())
                    .filter(|columns| columns.columns().contains(&column))
                    .peekable();
                matches.peek().is_some() && matches.all(|columns| self.masks.may_match(*columns))
            }
            (Position::LookedUp | Position::Matched, None) | (Position::Expression, _) => false,
        }
    }

    /// Puts derived tables in the place of relations.
    fn derive_sources(&self) -> Result<Splicing, CannotRewrite> {
        let (text, places, tokens) = (self.text, &self.first.places, &self.tokens);
        let statements = self.first.analysis.statements.iter();
        let usages = statements.flat_map(|one| one.facts.relations.iter());
        let read: BTreeSet<(Oid, ColumnNumber)> = usages
            .flat_map(|usage| {
                let columns = usage.columns.iter().filter(|column| column.read);
                columns.map(|column| (usage.relation.oid, column.number))
            })
            .collect();
        let mut splicing = Splicing::default();
        let mut masked = BTreeSet::new();
        for (location, source) in &places.sources {
            let Some(derived) = Derived::of(source, &read, self.masks)? else {
                continue;
            };
            let original = tokens
                .source(*location, source)
                .ok_or_else(|| CannotRewrite::Place(source.relation.reference().name.to_string()))?;
            masked.insert(source.relation.oid);
            splicing.splices.push(Piece {
                original,
                before: derived.before,
                behind: derived.behind,
                masked: Behind::Relation(derived.masked),
            });
        }
        // A schema's name finds no derived table: its alias is the relation's own name.
        for (location, reference) in &places.references {
            let of_masked = reference.value.reads.iter().any(|(oid, _)| masked.contains(oid));
            if reference.qualifiers == 0 || !of_masked {
                continue;
            }
            let original = tokens.qualifiers(*location, reference.qualifiers).ok_or_else(|| {
                CannotRewrite::Place(text.get(*location..).unwrap_or_default().chars().take(20).collect())
            })?;
            splicing.splices.push(Piece {
                original,
                before: String::new(),
                behind: String::new(),
                masked: Behind::Nothing,
            });
        }
        Ok(splicing)
    }

    /// Puts masks in the place of columns, but of those that stay.
    fn substitute_columns(&self, stays: &dyn Fn(&Reference) -> bool) -> Result<Splicing, CannotRewrite> {
        let (places, tokens, masks) = (&self.first.places, &self.tokens, self.masks);
        let mut splicing = Splicing::default();
        for (location, reference) in places.references.iter().filter(|(_, reference)| !stays(reference)) {
            let Some((relation, number)) = reference.origin else {
                // A row, or something made within the text: of masked columns, nothing can stand in its place.
                let source = places.sources.values().find(|source| {
                    let masked = source.columns.iter().zip(source.relation.columns.iter());
                    masked
                        .filter(|(named, _)| {
                            named
                                .value
                                .reads
                                .iter()
                                .any(|read| reference.value.reads.contains(read))
                        })
                        .any(|(named, column)| !matches!(masks.expression(&asked(source, column, named), ""), Ok(None)))
                });
                if let Some(source) = source {
                    return Err(CannotRewrite::Place(source.relation.reference().name.to_string()));
                }
                continue;
            };
            let source = places.sources.values().find(|source| source.relation.oid == relation);
            let Some(source) = source else { continue };
            let column = source.relation.columns.iter().zip(&source.columns);
            let Some((column, named)) = column.into_iter().find(|(column, _)| column.number == number) else {
                continue;
            };
            let name = || format!("{}.{}", source.relation.reference().name, column.name);
            let span = tokens.name(*location).ok_or_else(|| CannotRewrite::Place(name()))?;
            // The reference itself stands in the mask; a marker is replaced by its text, so that its places are known.
            let expression = match masks.expression(&asked(source, column, named), MARKER) {
                Ok(None) => continue,
                Ok(Some(expression)) => expression,
                Err(NoSqlForm) => return Err(CannotRewrite::Column(name())),
            };
            let alias = reference
                .result_name
                .as_ref()
                .map_or_else(String::new, |name| format!(" AS {}", quoted(name)));
            splicing.splices.push(Piece {
                original: span,
                before: String::new(),
                behind: format!("{expression}{alias}"),
                masked: Behind::Columns,
            });
        }
        Ok(splicing)
    }
}

/// Stands for a column's own text within its mask, until that is spliced.
const MARKER: &str = "\u{1}";

/// What is spliced into a text.
#[derive(Default)]
struct Splicing {
    splices: Vec<Piece>,
}

struct Piece {
    original: Range<usize>,
    before: String,
    behind: String,
    masked: Behind,
}

/// What a piece masks.
enum Behind {
    /// These columns of the relation with whose name `behind` begins.
    Relation(BTreeSet<ColumnNumber>),
    /// The column whose text takes the place of each marker.
    Columns,
    Nothing,
}

struct Spliced {
    text: String,
    masked: MaskedPlaces,
    splices: Vec<Splice>,
}

impl Splicing {
    fn finish(mut self, text: &str) -> Result<Spliced, CannotRewrite> {
        self.splices.sort_by_key(|piece| piece.original.start);
        let mut spliced = Spliced {
            text: String::with_capacity(text.len() * 2),
            masked: MaskedPlaces::default(),
            splices: Vec::with_capacity(self.splices.len()),
        };
        let mut copied = 0;
        for piece in self.splices {
            if piece.original.start < copied {
                return Err(CannotRewrite::Unreadable("its parts overlap".to_owned()));
            }
            let own = text.get(piece.original.clone()).unwrap_or_default();
            spliced
                .text
                .push_str(text.get(copied..piece.original.start).unwrap_or_default());
            let start = spliced.text.len();
            spliced.text.push_str(&piece.before);
            match piece.masked {
                Behind::Relation(columns) => {
                    spliced.masked.relations.insert(spliced.text.len(), columns);
                    spliced.text.push_str(&piece.behind);
                }
                Behind::Columns => {
                    for (index, part) in piece.behind.split(MARKER).enumerate() {
                        if index > 0 {
                            spliced.masked.columns.insert(spliced.text.len());
                            spliced.text.push_str(own);
                        }
                        spliced.text.push_str(part);
                    }
                }
                Behind::Nothing => spliced.text.push_str(&piece.behind),
            }
            copied = piece.original.end;
            spliced.splices.push(Splice {
                original: piece.original,
                rewritten: start..spliced.text.len(),
            });
        }
        spliced.text.push_str(text.get(copied..).unwrap_or_default());
        Ok(spliced)
    }
}

fn asked<'a>(source: &'a Source, column: &Column, named: &'a NamedValue) -> SourceColumn<'a> {
    SourceColumn {
        relation: source.relation.oid,
        number: column.number,
        lineage: &named.value.lineage,
        unchanged: named.value.unchanged,
        type_oid: column.type_oid,
        type_modifier: column.type_modifier,
    }
}

/// What stands in the place of a relation's name: `before`, then the name itself, with which `behind` begins.
struct Derived {
    before: String,
    behind: String,
    masked: BTreeSet<ColumnNumber>,
}

impl Derived {
    /// Masked columns that aren't `read` are NULL, not to be computed nor planned.
    fn of(
        source: &Source,
        read: &BTreeSet<(Oid, ColumnNumber)>,
        masks: &dyn SourceMasks,
    ) -> Result<Option<Self>, CannotRewrite> {
        let relation = &source.relation;
        let mut masked = BTreeSet::new();
        let mut list = String::new();
        let wanted = |name: &str| match &source.place {
            SourcePlace::Copy { columns } => columns.is_empty() || columns.iter().any(|column| column == name),
            SourcePlace::From { .. } | SourcePlace::Relation => true,
        };
        let mut items: Vec<(&str, String)> = Vec::with_capacity(relation.columns.len());
        for (column, named) in relation.columns.iter().zip(&source.columns) {
            // COPY leaves generated columns out.
            let is_copied = matches!(source.place, SourcePlace::Copy { .. });
            if !wanted(&column.name) || (is_copied && column.generated) {
                continue;
            }
            let quoted = quoted(&column.name);
            let argument = format!("{INNER_NAME}.{quoted}");
            let is_read = is_copied || read.contains(&(relation.oid, column.number));
            let item = match masks.expression(&asked(source, column, named), &argument) {
                Ok(None) => argument,
                Ok(Some(_)) | Err(NoSqlForm) if !is_read => {
                    masked.insert(column.number);
                    format!("CASE WHEN false THEN {argument} END AS {quoted}")
                }
                Ok(Some(expression)) => {
                    masked.insert(column.number);
                    format!("{expression} AS {quoted}")
                }
                Err(NoSqlForm) => {
                    let name = format!("{}.{}", relation.reference().name, column.name);
                    return Err(CannotRewrite::Column(name));
                }
            };
            items.push((&column.name, item));
        }
        if masked.is_empty() {
            return Ok(None);
        }
        if let SourcePlace::Copy { columns } = &source.place {
            // In the order in which COPY names them.
            items.sort_by_key(|(name, _)| columns.iter().position(|column| column == name));
        }
        for (_, item) in &items {
            if !list.is_empty() {
                list.push_str(", ");
            }
            list.push_str(item);
        }
        let name = format!("{}.{}", quoted(&relation.schema), quoted(&relation.name));
        let (only, alias) = match &source.place {
            SourcePlace::Relation => return Err(CannotRewrite::Place(relation.reference().name.to_string())),
            SourcePlace::From { aliased } => (
                source.only,
                if *aliased {
                    String::new()
                } else {
                    format!(" AS {}", quoted(&relation.name))
                },
            ),
            SourcePlace::Copy { .. } => (relation.kind == RelationKind::Table, String::new()),
        };
        let only = if only { "ONLY " } else { "" };
        Ok(Some(Self {
            before: format!("(SELECT {list} FROM {only}"),
            behind: format!("{name} AS {INNER_NAME}){alias}"),
            masked,
        }))
    }
}

/// The server's own tokens of a text, comments left out.
#[derive(Default)]
struct Tokens {
    tokens: Vec<(Range<usize>, Token)>,
}

impl Tokens {
    fn of(text: &str) -> Self {
        // A text that doesn't scan doesn't parse either.
        Self::scan(text).unwrap_or_default()
    }

    fn scan(text: &str) -> Option<Self> {
        let scanned = pg_query::scan(text).ok()?;
        let mut tokens = Vec::with_capacity(scanned.tokens.len());
        for token in scanned.tokens {
            let kind = Token::try_from(token.token).ok()?;
            if matches!(kind, Token::SqlComment | Token::CComment) {
                continue;
            }
            let (start, end) = (usize::try_from(token.start).ok()?, usize::try_from(token.end).ok()?);
            tokens.push((start..end, kind));
        }
        Some(Self { tokens })
    }

    /// The bytes of a name at `location`, its parts joined by dots.
    fn name(&self, location: usize) -> Option<Range<usize>> {
        let first = self.first(location)?;
        let last = self.last_of_name(first);
        Some(location..self.tokens.get(last)?.0.end)
    }

    /// The bytes of the first `count` parts of a name and of the dots behind them.
    fn qualifiers(&self, location: usize, count: usize) -> Option<Range<usize>> {
        let first = self.first(location)?;
        let kept = first + 2 * count;
        (kept <= self.last_of_name(first)).then_some(())?;
        Some(location..self.tokens.get(kept)?.0.start)
    }

    fn first(&self, location: usize) -> Option<usize> {
        self.tokens.iter().position(|(span, _)| span.start == location)
    }

    fn last_of_name(&self, first: usize) -> usize {
        let mut last = first;
        while self.kind(last + 1) == Some(Token::Ascii46) && last + 2 < self.tokens.len() {
            last += 2;
        }
        last
    }

    /// The bytes of a relation's name at `location`, with ONLY before it and, for COPY, the column list behind it.
    fn source(&self, location: usize, source: &Source) -> Option<Range<usize>> {
        let first = self.first(location)?;
        let mut last = self.last_of_name(first);
        let mut start = location;
        if source.only {
            let before = first.checked_sub(1)?;
            if self.kind(before) != Some(Token::Only) {
                return None;
            }
            start = self.tokens.get(before)?.0.start;
        }
        // `name *` says that children count, which nothing can repeat for a subquery.
        if self.kind(last + 1) == Some(Token::Ascii42) {
            return None;
        }
        if matches!(&source.place, SourcePlace::Copy { columns } if !columns.is_empty()) {
            if self.kind(last + 1) != Some(Token::Ascii40) {
                return None;
            }
            last = (last + 2..self.tokens.len()).find(|&index| self.kind(index) == Some(Token::Ascii41))?;
        }
        Some(start..self.tokens.get(last)?.0.end)
    }

    fn kind(&self, index: usize) -> Option<Token> {
        self.tokens.get(index).map(|(_, kind)| *kind)
    }
}

/// The values of a text's string constants, as far as they are written without escapes.
pub fn string_constants(text: &str) -> Vec<String> {
    let tokens = Tokens::of(text).tokens.into_iter();
    tokens
        .filter(|(_, kind)| *kind == Token::Sconst)
        .filter_map(|(span, _)| {
            let written = text.get(span)?;
            let open = written.find(['\'', '$'])?;
            let written = written.get(open..)?;
            let inner = match written.strip_prefix('\'') {
                Some(inner) => inner.strip_suffix('\'')?,
                None => {
                    let mark = written.get(1..)?.find('$')? + 2;
                    written.get(mark..written.len().checked_sub(mark)?)?
                }
            };
            Some(inner.replace("\'\'", "'"))
        })
        .collect()
}

#[cfg(test)]
mod tests;
