//! What DDL would do, looked up in the catalog over a connection of the gateway's own: read only, and it gives way to
//! everybody's locks.

use std::collections::HashMap;
use std::time::Duration;

use durward_change::{DdlEffect, RelationSize};
use durward_model::{ColumnNumber, Oid};
use durward_sql::{AnalysisContext, Analyzer, DdlTouch};

use crate::catalog::TextRow;
use crate::gateway::Database;
use crate::upstream::{UpstreamConnection, UpstreamError};

/// How long one look may take.
const LOOK_SECONDS_MAX: Duration = Duration::from_secs(5);

/// The relations of one family whose sizes are added up.
///
/// Unit: relations. Reason: the server opens each.
const FAMILY_MAX: usize = 2_000;

/// The dependent objects that are named.
///
/// Unit: objects. Reason: more than a screen nobody reads.
const DEPENDENTS_MAX: usize = 30;

/// Looks at one database, for as many statements as there are.
#[derive(Debug)]
pub struct DdlLook<'a> {
    database: &'a Database,
    connection: Option<UpstreamConnection>,
}

/// What the catalog says of relations.
#[derive(Debug, Default)]
struct Found {
    sizes: HashMap<u32, RelationSize>,
    dependents: Vec<Dependent>,
}

#[derive(Debug)]
struct Dependent {
    of: u32,
    name: String,
    /// The columns that it depends on; empty for all.
    columns: Vec<i16>,
}

impl<'a> DdlLook<'a> {
    /// Connects when there is something to look at.
    pub fn new(database: &'a Database) -> Self {
        Self {
            database,
            connection: None,
        }
    }

    /// What a text would do to the relations that are there; none where it changes no definitions. What can't be looked up
    /// is said. Cancel safe: yes.
    pub async fn effects(&mut self, analyzer: &Analyzer, text: &str, context: &AnalysisContext) -> Vec<DdlEffect> {
        let Ok(touches) = analyzer.ddl_touches(text, context).await else {
            return Vec::new();
        };
        if touches.is_empty() {
            return Vec::new();
        }
        let looked = if self.database.measures {
            tokio::time::timeout(LOOK_SECONDS_MAX, self.look(&touches)).await
        } else {
            return told(&touches, &Err("measuring is switched off for this database".to_owned()));
        };
        let found = match looked {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(UpstreamError::Server(error))) if error.code() == "55P03" => {
                Err("somebody else has it locked".to_owned())
            }
            Ok(Err(error)) => {
                tracing::warn!(%error, database = %self.database.name, "what DDL would do can't be looked up");
                Err("the catalog can't be asked".to_owned())
            }
            Err(_) => Err("looking it up took too long".to_owned()),
        };
        if found.is_err() {
            // It may be in the middle of an answer.
            self.connection = None;
        }
        told(&touches, &found)
    }

    async fn look(&mut self, touches: &[DdlTouch]) -> Result<Found, UpstreamError> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(UpstreamConnection::connect_for_survey(&self.database.target).await?),
        };
        let own: Vec<Oid> = touches.iter().map(|touch| touch.oid).collect();
        let family: Vec<Oid> = touches
            .iter()
            .flat_map(|touch| touch.family.iter().take(FAMILY_MAX).copied())
            .collect();
        let mut found = Found::default();
        for row in connection
            .simple_query(&sizes_sql(&family))
            .await?
            .into_iter()
            .flatten()
        {
            let number = |at: usize| text(&row, at).and_then(|text| text.parse::<i64>().ok());
            let Some(oid) = number(0).and_then(|oid| u32::try_from(oid).ok()) else {
                continue;
            };
            let size = RelationSize {
                // -1 where it was never analysed.
                rows_estimate: number(1).and_then(|rows| u64::try_from(rows).ok()),
                table_bytes: number(2)
                    .and_then(|bytes| u64::try_from(bytes).ok())
                    .unwrap_or_default(),
                index_bytes: number(3)
                    .and_then(|bytes| u64::try_from(bytes).ok())
                    .unwrap_or_default(),
            };
            found.sizes.insert(oid, size);
        }
        for row in connection
            .simple_query(&dependents_sql(&own))
            .await?
            .into_iter()
            .flatten()
        {
            if let (Some(of), Some(name)) = (text(&row, 0).and_then(|oid| oid.parse().ok()), text(&row, 1)) {
                found.dependents.push(Dependent {
                    of,
                    name: name.to_owned(),
                    columns: text(&row, 2)
                        .and_then(|columns| serde_json::from_str(columns).ok())
                        .unwrap_or_default(),
                });
            }
        }
        Ok(found)
    }
}

fn text(row: &TextRow, at: usize) -> Option<&str> {
    std::str::from_utf8(row.get(at)?.as_deref()?).ok()
}

fn told(touches: &[DdlTouch], found: &Result<Found, String>) -> Vec<DdlEffect> {
    let effects = touches.iter().map(|touch| {
        let found_here = found.as_ref().ok();
        DdlEffect {
            name: touch.name.clone(),
            lock: touch.lock.as_str().to_owned(),
            waits: touch.lock.waits().to_owned(),
            rewrites: touch.rewrites,
            loses_data: touch.loses_data,
            size: found_here.and_then(|found| size_of(touch, found)),
            dependents: found_here.map(|found| dependents_of(touch, found)).unwrap_or_default(),
            unknown: found.as_ref().err().cloned(),
        }
    });
    effects.collect()
}

/// Of a relation with its partitions; none where it is new within the open transaction.
fn size_of(touch: &DdlTouch, found: &Found) -> Option<RelationSize> {
    let sizes = touch.family.iter().filter_map(|oid| found.sizes.get(&oid.0).copied());
    sizes.reduce(|sum, one| RelationSize {
        rows_estimate: match (sum.rows_estimate, one.rows_estimate) {
            (Some(sum), Some(one)) => Some(sum.saturating_add(one)),
            (known, None) | (None, known) => known,
        },
        table_bytes: sum.table_bytes.saturating_add(one.table_bytes),
        index_bytes: sum.index_bytes.saturating_add(one.index_bytes),
    })
}

fn dependents_of(touch: &DdlTouch, found: &Found) -> Vec<String> {
    let is_about = |dependent: &Dependent| {
        let columns = &dependent.columns;
        touch.columns.is_empty()
            || columns.is_empty()
            || columns.contains(&0)
            || touch
                .columns
                .iter()
                .any(|ColumnNumber(column)| columns.contains(column))
    };
    let own = found.dependents.iter().filter(|dependent| dependent.of == touch.oid.0);
    let mut names: Vec<String> = own
        .filter(|dependent| is_about(dependent))
        .map(|dependent| dependent.name.clone())
        .collect();
    names.sort();
    names.dedup();
    if let Some(more) = names.len().checked_sub(DEPENDENTS_MAX).filter(|more| *more > 0) {
        names.truncate(DEPENDENTS_MAX);
        names.push(format!("and {more} more"));
    }
    names
}

fn list(oids: &[Oid]) -> String {
    let oids: Vec<String> = oids.iter().map(Oid::to_string).collect();
    format!("'{{{}}}'::pg_catalog.oid[]", oids.join(","))
}

fn sizes_sql(oids: &[Oid]) -> String {
    format!(
        "SELECT c.oid, c.reltuples::int8, \
         CASE WHEN c.relkind IN ('r', 'm', 'S', 't') THEN pg_table_size(c.oid) \
         WHEN c.relkind = 'i' THEN pg_relation_size(c.oid) ELSE 0 END, \
         CASE WHEN c.relkind IN ('r', 'm') THEN pg_indexes_size(c.oid) ELSE 0 END \
         FROM pg_class c WHERE c.oid = ANY({})",
        list(oids)
    )
}

/// What depends on relations, with the columns that it depends on (manual section 52.18, `pg_depend`). What the body of a
/// function names as text isn't known to the server.
fn dependents_sql(oids: &[Oid]) -> String {
    let oids = list(oids);
    format!(
        "SELECT k.t, k.what, array_to_json(k.columns) FROM (\
         SELECT d.refobjid AS t, CASE v.relkind WHEN 'm' THEN 'materialized view ' ELSE 'view ' END \
         || n.nspname || '.' || v.relname AS what, array_agg(DISTINCT d.refobjsubid) AS columns \
         FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid JOIN pg_class v ON v.oid = r.ev_class \
         JOIN pg_namespace n ON n.oid = v.relnamespace \
         WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass \
         AND d.refobjid = ANY({oids}) AND v.oid <> d.refobjid GROUP BY 1, 2 \
         UNION ALL SELECT f.confrelid, 'foreign key ' || f.conname || ' of ' || n.nspname || '.' || c.relname, \
         f.confkey::int4[] FROM pg_constraint f JOIN pg_class c ON c.oid = f.conrelid \
         JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE f.contype = 'f' AND f.conparentid = 0 AND f.confrelid = ANY({oids}) \
         UNION ALL SELECT d.refobjid, 'function ' || n.nspname || '.' || p.proname, ARRAY[d.refobjsubid] \
         FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid JOIN pg_namespace n ON n.oid = p.pronamespace \
         WHERE d.classid = 'pg_proc'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = ANY({oids}) \
         UNION ALL SELECT c.oid, 'function ' || n.nspname || '.' || p.proname, '{{}}'::int4[] \
         FROM pg_class c JOIN pg_depend d ON d.refobjid = c.reltype JOIN pg_proc p ON p.oid = d.objid \
         JOIN pg_namespace n ON n.oid = p.pronamespace \
         WHERE d.classid = 'pg_proc'::regclass AND d.refclassid = 'pg_type'::regclass AND c.oid = ANY({oids}) \
         UNION ALL SELECT i.indrelid, 'index ' || c.relname, i.indkey::int2[]::int4[] \
         FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = ANY({oids}) \
         UNION ALL SELECT g.tgrelid, 'trigger ' || g.tgname, g.tgattr::int2[]::int4[] \
         FROM pg_trigger g WHERE NOT g.tgisinternal AND g.tgrelid = ANY({oids}) \
         UNION ALL SELECT y.polrelid, 'policy ' || y.polname, '{{}}'::int4[] \
         FROM pg_policy y WHERE y.polrelid = ANY({oids})) k ORDER BY 1, 2 LIMIT 2000"
    )
}

#[cfg(test)]
mod tests {
    use durward_model::{ColumnNumber, Oid};
    use durward_sql::{DdlTouch, LockMode};

    use super::{Dependent, Found, told};
    use durward_change::RelationSize;

    #[test]
    fn partitions_count_and_only_what_is_touched_depends() {
        let touch = DdlTouch {
            oid: Oid(7),
            name: "public.t".to_owned(),
            family: vec![Oid(7), Oid(8)],
            lock: LockMode::AccessExclusive,
            rewrites: false,
            loses_data: true,
            columns: vec![ColumnNumber(2)],
        };
        let size = |rows| RelationSize {
            rows_estimate: rows,
            table_bytes: 10,
            index_bytes: 1,
        };
        let dependent = |of, name: &str, columns: &[i16]| Dependent {
            of,
            name: name.to_owned(),
            columns: columns.to_vec(),
        };
        let found = Ok(Found {
            sizes: [(7, size(None)), (8, size(Some(5))), (9, size(Some(100)))].into(),
            dependents: vec![
                dependent(7, "view a", &[1, 2]),
                dependent(7, "view b", &[1]),
                dependent(7, "policy c", &[]),
                dependent(8, "view d", &[2]),
            ],
        });
        let effects = told(std::slice::from_ref(&touch), &found);
        assert_eq!(effects[0].size_in_words(), "about 5 rows, 20 B and 2 B of indexes");
        assert_eq!(effects[0].dependents, ["policy c", "view a"]);
        let effects = told(&[touch], &Err("why".to_owned()));
        assert_eq!((effects[0].size, effects[0].unknown.as_deref()), (None, Some("why")));
    }
}
