//! How a part of the catalog is read: which questions are asked, in which order, and what their answers change.
//!
//! A first reading takes all rows. A later one asks for a summary, then for the rows written since alone, for what
//! was deleted, and for definitions that name a renamed object. Rows show what the asking connection sees, an open
//! transaction's own changes included.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use durward_model::Oid;

use super::loader::{CatalogError, CatalogLoader};
use super::part::{CatalogPart, RowKey};
use super::queries::{CatalogQuery, CatalogRequest, CatalogScope, Request, Selection, TransactionId};

/// A reading under way. Ask for [`CatalogReading::requests`], hand the answers to [`CatalogReading::answer`], until no
/// more is asked for.
#[derive(Debug)]
pub struct CatalogReading {
    loader: CatalogLoader,
    scope: CatalogScope,
    /// What the part that is updated rests on.
    since: TransactionId,
    asked: Vec<CatalogRequest>,
    step: Step,
    /// What the summary said.
    totals: HashMap<CatalogQuery, Total>,
    /// Objects of which a definition was locked when the part was read.
    locked: HashSet<Oid>,
    renamed_schema: bool,
    /// Whether the connection that is asked may have a transaction open.
    in_transaction: bool,
}

/// What comes after the answers that are awaited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    All,
    Changes,
    Deletions,
    Definitions,
    Done,
}

/// What a summary says of one query.
#[derive(Debug, Clone, Copy, Default)]
struct Total {
    rows: usize,
    changed: bool,
    extension_members: usize,
}

impl CatalogReading {
    /// Reads everything.
    pub fn first(scope: CatalogScope) -> Self {
        Self {
            loader: CatalogLoader::new(),
            scope,
            since: TransactionId::default(),
            asked: vec![CatalogRequest(Request::Summary(TransactionId::default()))],
            step: Step::All,
            totals: HashMap::new(),
            locked: HashSet::new(),
            renamed_schema: false,
            in_transaction: false,
        }
    }

    /// Reads what has changed since `part`, of the rest of the catalog, was read.
    pub fn update(part: &CatalogPart) -> Self {
        let mut part = part.clone();
        let locked = std::mem::take(&mut part.locked);
        part.made_here.clear();
        let since = part.since;
        Self {
            loader: CatalogLoader::over(part),
            scope: CatalogScope::Rest,
            since,
            asked: vec![
                CatalogRequest(Request::Summary(since)),
                rows(CatalogQuery::Path, CatalogScope::Rest, Selection::All),
            ],
            step: Step::Changes,
            totals: HashMap::new(),
            locked,
            renamed_schema: false,
            in_transaction: false,
        }
    }

    /// The same over the connection of a session, which may have a transaction open, whose relations are told apart.
    ///
    /// `part` was read over that connection between two transactions; else `began` says what was under way before the session's
    /// first: its temporary objects were shown to no other connection, whenever that asked.
    pub fn update_of_session(part: &CatalogPart, began: Option<TransactionId>) -> Self {
        let mut reading = Self::update(part);
        if let Some(began) = began {
            reading.since = began;
            reading.asked = vec![
                CatalogRequest(Request::Summary(began)),
                rows(CatalogQuery::Path, CatalogScope::Rest, Selection::All),
            ];
        }
        Self {
            in_transaction: true,
            ..reading
        }
    }

    /// What to ask the server next, in this order; nothing once the reading is done.
    pub fn requests(&self) -> &[CatalogRequest] {
        &self.asked
    }

    /// Takes the answers to all requests, in their order: rows of columns in text format.
    ///
    /// # Errors
    /// A row has another shape than its query's.
    pub fn answer<F: AsRef<[u8]>>(&mut self, answers: &[Vec<Vec<Option<F>>>]) -> Result<(), CatalogError> {
        let asked = std::mem::take(&mut self.asked);
        for (request, answer) in asked.iter().zip(answers) {
            self.take(request, answer)?;
        }
        while self.asked.is_empty() && self.step != Step::Done {
            self.go_on();
        }
        Ok(())
    }

    /// The part as it is now.
    pub fn finish(self) -> CatalogPart {
        self.loader.finish()
    }

    fn take<F: AsRef<[u8]>>(
        &mut self,
        request: &CatalogRequest,
        answer: &[Vec<Option<F>>],
    ) -> Result<(), CatalogError> {
        match &request.0 {
            Request::Rows(query, _, Selection::Keys) => {
                let mut keys: HashSet<RowKey> = HashSet::with_capacity(answer.len());
                for row in answer {
                    keys.insert(self.loader.key(*query, &texts(*query, row)?)?);
                }
                self.loader.part().keep(*query, &keys);
            }
            Request::Rows(query, ..) => {
                let schemas = Arc::clone(&self.loader.part().namespaces);
                if query.is_read_whole() {
                    self.loader.part().clear(*query);
                }
                for row in answer {
                    self.loader.push(*query, &texts(*query, row)?)?;
                }
                let now = &self.loader.part().namespaces;
                self.renamed_schema |= schemas
                    .iter()
                    .any(|(oid, name)| now.get(oid).is_some_and(|now| now != name));
            }
            Request::MadeHere(_) => {
                for row in answer {
                    let (oid, _) = self
                        .loader
                        .key(CatalogQuery::Relations, &texts(CatalogQuery::Relations, row)?)?;
                    self.loader.part().made_here.insert(oid);
                }
            }
            Request::Summary(_) => {
                for row in answer {
                    self.summary(&texts(CatalogQuery::Path, row)?)?;
                }
            }
        }
        Ok(())
    }

    fn summary(&mut self, row: &[Option<&str>]) -> Result<(), CatalogError> {
        let error = || CatalogError {
            query: CatalogQuery::Path,
            problem: "the summary can't be read".into(),
        };
        let &[Some(name), Some(number), Some(changed), Some(members)] = row else {
            return Err(error());
        };
        if name == "Since" {
            self.loader.part().since = TransactionId(number.parse().map_err(|_| error())?);
            return Ok(());
        }
        let total = Total {
            rows: number.parse().map_err(|_| error())?,
            changed: changed == "t",
            extension_members: members.parse().map_err(|_| error())?,
        };
        let query = CatalogQuery::ALL.into_iter().find(|query| format!("{query:?}") == name);
        self.totals.insert(query.ok_or_else(error)?, total);
        Ok(())
    }

    /// Chooses the next questions.
    fn go_on(&mut self) {
        (self.asked, self.step) = match self.step {
            Step::Done => (Vec::new(), Step::Done),
            Step::All => (
                CatalogQuery::ALL
                    .map(|query| rows(query, self.scope, Selection::All))
                    .into(),
                Step::Done,
            ),
            // Every name is qualified by its schema's.
            Step::Deletions if self.renamed_schema => {
                *self = Self::first(self.scope);
                return;
            }
            Step::Changes => (self.changes(), Step::Deletions),
            Step::Deletions => (self.deletions(), Step::Definitions),
            Step::Definitions => (self.definitions(), Step::Done),
        };
    }

    fn changes(&mut self) -> Vec<CatalogRequest> {
        let mut asked = Vec::new();
        for query in CatalogQuery::ALL {
            let Some(total) = self.totals.get(&query) else {
                continue;
            };
            let held = self.loader.part().rows(query).0;
            if query.is_read_whole() && (total.changed || total.rows != held) {
                asked.push(rows(query, self.scope, Selection::All));
            } else if total.changed {
                asked.push(rows(query, self.scope, Selection::ChangedSince(self.since)));
                if query == CatalogQuery::Relations && self.in_transaction {
                    asked.push(CatalogRequest(Request::MadeHere(self.since)));
                }
            }
        }
        asked
    }

    /// Where more rows are held than there are, some have been deleted.
    fn deletions(&mut self) -> Vec<CatalogRequest> {
        self.loader.end_columns();
        let part = self.loader.part();
        let mut asked = Vec::new();
        for query in CatalogQuery::ALL {
            let Some(total) = self.totals.get(&query).filter(|_| !query.is_read_whole()) else {
                continue;
            };
            let (held, members) = part.rows(query);
            // That a function has left its extension is written nowhere but in the number of members.
            if members != total.extension_members {
                asked.push(rows(query, self.scope, Selection::All));
            }
            if held != total.rows || members != total.extension_members {
                asked.push(rows(query, self.scope, Selection::Keys));
            }
        }
        asked
    }

    fn definitions(&mut self) -> Vec<CatalogRequest> {
        let (renamed, widened) = self.loader.outdated();
        let sorted = |objects: &mut dyn Iterator<Item = &Oid>| -> Vec<Oid> {
            let sorted: BTreeSet<Oid> = objects.copied().collect();
            sorted.into_iter().collect()
        };
        let of_expressions = sorted(&mut renamed.iter().chain(&self.locked));
        let of_queries = sorted(&mut renamed.iter().chain(&self.locked).chain(widened));
        let mut asked = Vec::new();
        for query in CatalogQuery::ALL {
            let objects = if query.holds_queries() {
                &of_queries
            } else {
                &of_expressions
            };
            if objects.is_empty() || !query.has_definitions() || !self.loader.part().has_definitions(query) {
                continue;
            }
            let selection = if query.is_read_whole() {
                Selection::All
            } else {
                Selection::Of(objects.clone())
            };
            asked.push(rows(query, self.scope, selection));
        }
        asked
    }
}

fn rows(query: CatalogQuery, scope: CatalogScope, selection: Selection) -> CatalogRequest {
    CatalogRequest(Request::Rows(query, scope, selection))
}

fn texts<F: AsRef<[u8]>>(query: CatalogQuery, row: &[Option<F>]) -> Result<Vec<Option<&str>>, CatalogError> {
    row.iter()
        .map(|field| {
            let field = field.as_ref().map(AsRef::as_ref);
            field.map(std::str::from_utf8).transpose().map_err(|_| CatalogError {
                query,
                problem: "a name is not UTF-8".into(),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests;
