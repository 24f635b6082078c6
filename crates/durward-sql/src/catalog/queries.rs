//! What is read from the server's catalog. Works on PostgreSQL 14 to 18 with the rights of an ordinary login; all columns
//! are read in text format.
//!
//! No query waits for a lock: the server's functions that print a definition open what it names, so one that names a
//! relation under another session's ACCESS EXCLUSIVE lock is answered by [`LOCKED`] instead.

use durward_model::Oid;

/// One catalog query; a [`crate::catalog::CatalogLoader`] is fed its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is named after the catalog that it reads")]
pub enum CatalogQuery {
    Path,
    Namespaces,
    Relations,
    Columns,
    Inheritance,
    Types,
    Functions,
    Aggregates,
    Operators,
    Casts,
    Views,
    Rules,
    Triggers,
    Constraints,
    Indexes,
    Defaults,
    RowPolicies,
    EventTriggers,
    Extensions,
    PartitionKeys,
}

/// Which part of the catalog: what `initdb` made is read once, the rest again after each change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CatalogScope {
    /// Objects that `initdb` made (oid below 16,384).
    BuiltIn,
    /// All others, temporary objects of the session that asks included.
    Rest,
}

impl CatalogQuery {
    /// All queries, in the order in which a loader wants their rows.
    pub const ALL: [Self; 20] = [
        Self::Path,
        Self::Namespaces,
        Self::Relations,
        Self::Columns,
        Self::Inheritance,
        Self::Types,
        Self::Functions,
        Self::Aggregates,
        Self::Operators,
        Self::Casts,
        Self::Views,
        Self::Rules,
        Self::Triggers,
        Self::Constraints,
        Self::Indexes,
        Self::Defaults,
        Self::RowPolicies,
        Self::EventTriggers,
        Self::Extensions,
        Self::PartitionKeys,
    ];

    /// Whether its rows are few, and are read whole when any has changed.
    pub(crate) const fn is_read_whole(self) -> bool {
        matches!(
            self,
            Self::Path
                | Self::Namespaces
                | Self::Inheritance
                | Self::Casts
                | Self::RowPolicies
                | Self::EventTriggers
                | Self::Extensions
                | Self::PartitionKeys
        )
    }

    /// Whether its rows hold texts that name other objects.
    pub(crate) const fn has_definitions(self) -> bool {
        self.template().dependent.is_some()
    }

    /// Whether those texts are queries over more than one relation, or may hold some.
    pub(crate) const fn holds_queries(self) -> bool {
        matches!(self, Self::Views | Self::Rules | Self::Functions | Self::RowPolicies)
    }

    /// The text to send for all rows of one part of the catalog.
    pub fn sql(self, scope: CatalogScope) -> String {
        self.select(scope, &Selection::All)
    }

    fn select(self, scope: CatalogScope, selection: &Selection) -> String {
        let template = self.template();
        if template.from.is_empty() {
            return format!("SELECT {}", template.columns);
        }
        let mut sql = String::new();
        let columns = match selection {
            Selection::Keys => template.key_columns(),
            Selection::All | Selection::ChangedSince(_) | Selection::Of(_) => template.columns.to_owned(),
        };
        if columns.contains("{locked}") {
            sql.push_str(LOCKED_RELATIONS);
        }
        sql.push_str("SELECT ");
        sql.push_str(&columns);
        sql.push_str(" FROM ");
        sql.push_str(template.from);
        sql.push_str(" WHERE ");
        sql.push_str(&template.condition(scope));
        if let Some(live) = template.live {
            sql.push_str(" AND ");
            sql.push_str(live);
        }
        match selection {
            Selection::All | Selection::Keys => {}
            Selection::ChangedSince(since) => {
                sql.push_str(" AND ");
                sql.push_str(&self.changed(*since));
            }
            Selection::Of(objects) => {
                sql.push_str(" AND ");
                sql.push_str(&template.of(objects));
            }
        }
        if matches!(self, Self::Columns) && *selection != Selection::Keys {
            sql.push_str(" ORDER BY a.attrelid, a.attnum");
        }
        let locked = template
            .dependent
            .map(|dependent| dependent.locked())
            .unwrap_or_default();
        sql.replace("{locked}", &locked)
    }

    /// The condition on rows that were written since. A relation's columns come together.
    fn changed(self, since: TransactionId) -> String {
        let changed = self.template().changed(since);
        match self {
            Self::Columns => format!(
                "a.attrelid IN (SELECT a.attrelid FROM pg_catalog.pg_attribute a \
                 WHERE a.attrelid >= '16384'::pg_catalog.oid AND a.attnum > 0 AND {changed})"
            ),
            _ => changed,
        }
    }

    /// One row for the summary: the query's name, how many rows it has, whether one has changed, members of extensions.
    fn summary(self, since: TransactionId) -> String {
        let template = self.template();
        let live = template
            .live
            .map(|live| format!(" FILTER (WHERE {live})"))
            .unwrap_or_default();
        let members = match self {
            Self::Functions => "pg_catalog.count(e.extname)",
            _ => "0",
        };
        format!(
            "SELECT '{self:?}', (pg_catalog.count(*){live})::pg_catalog.text, \
             COALESCE(pg_catalog.bool_or({changed}), false), ({members})::pg_catalog.text FROM {from} WHERE {condition}",
            changed = template.changed(since),
            from = template.from,
            condition = template.condition(CatalogScope::Rest),
        )
    }

    const fn template(self) -> Template {
        match self {
            Self::Path => Template {
                columns: "pg_catalog.array_to_json(pg_catalog.current_schemas(true))::pg_catalog.text",
                ..Template::EMPTY
            },
            // All in both parts: there are few, and either part names the other's.
            Self::Namespaces => Template {
                columns: "n.oid, n.nspname, n.nspowner",
                from: "pg_catalog.pg_namespace n",
                versions: &["n"],
                ..Template::EMPTY
            },
            Self::Relations => Template {
                columns: "c.oid, c.relname, c.relnamespace, c.relkind, c.relowner, c.relpersistence, \
                          c.relrowsecurity, c.relforcerowsecurity, c.reltype, c.relispartition",
                from: "pg_catalog.pg_class c",
                filter: "c.relkind <> 't' \
                         AND (c.relpersistence <> 't' OR NOT pg_catalog.pg_is_other_temp_schema(c.relnamespace))",
                key: "c.oid",
                versions: &["c"],
                ..Template::EMPTY
            },
            Self::Columns => Template {
                columns: "a.attrelid, a.attnum, a.attname, a.atttypid, a.attnotnull, a.atthasdef, a.attgenerated, \
                          a.attidentity, a.atttypmod",
                from: "pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid",
                filter: "a.attnum > 0 AND c.relkind IN ('r','p','v','m','f','c','S') \
                         AND (c.relpersistence <> 't' OR NOT pg_catalog.pg_is_other_temp_schema(c.relnamespace))",
                live: Some("NOT a.attisdropped"),
                key: "a.attrelid",
                row_key: Some("DISTINCT a.attrelid, 0"),
                versions: &["a"],
                ..Template::EMPTY
            },
            Self::Inheritance => Template {
                columns: "i.inhrelid, i.inhparent",
                from: "pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid",
                filter: "c.relkind IN ('r','p','f')",
                key: "i.inhrelid",
                versions: &["i"],
                ..Template::EMPTY
            },
            // Row types of tables are left out: the tables themselves stand for them.
            Self::Types => Template {
                columns: "t.oid, t.typname, t.typnamespace, t.typtype, t.typrelid, t.typelem, t.typbasetype, \
                          t.typcategory, t.typispreferred, t.typinput::pg_catalog.oid, t.typoutput::pg_catalog.oid, \
                          t.typarray, t.typdefault",
                from: "pg_catalog.pg_type t LEFT JOIN pg_catalog.pg_class c ON c.oid = t.typrelid \
                       LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem AND t.typcategory = 'A' \
                       LEFT JOIN pg_catalog.pg_class ec ON ec.oid = e.typrelid",
                filter: "(c.oid IS NULL OR c.relkind = 'c') AND (ec.oid IS NULL OR ec.relkind = 'c')",
                key: "t.oid",
                versions: &["t"],
                ..Template::EMPTY
            },
            Self::Functions => Template {
                columns: "p.oid, p.proname, p.pronamespace, p.prokind, p.proowner, p.provariadic, \
                          p.pronargdefaults, p.proargtypes, p.prorettype, p.proretset, l.lanname, l.lanpltrusted, \
                          p.provolatile, p.prosecdef, p.prosrc, CASE WHEN p.prosqlbody IS NULL THEN NULL {locked} \
                          ELSE pg_catalog.pg_get_function_sqlbody(p.oid) END, \
                          pg_catalog.array_to_json(p.proconfig), pg_catalog.array_to_json(p.proargnames), \
                          pg_catalog.array_to_json(p.proargmodes), \
                          pg_catalog.array_to_json(p.proallargtypes::pg_catalog.int8[]), e.extname",
                from: "pg_catalog.pg_proc p JOIN pg_catalog.pg_language l ON l.oid = p.prolang \
                       LEFT JOIN pg_catalog.pg_depend x ON x.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass \
                       AND x.objid = p.oid AND x.deptype = 'e' \
                       LEFT JOIN pg_catalog.pg_extension e ON e.oid = x.refobjid",
                key: "p.oid",
                versions: &["p", "l", "x", "e"],
                dependent: Some(Dependent {
                    class: "pg_proc",
                    object: "p.oid",
                    owners: &["p.oid"],
                }),
                ..Template::EMPTY
            },
            Self::Aggregates => Template {
                columns: "a.aggfnoid::pg_catalog.oid, pg_catalog.array_to_json(ARRAY[a.aggtransfn::pg_catalog.int8, \
                          a.aggfinalfn::pg_catalog.int8, a.aggcombinefn::pg_catalog.int8, \
                          a.aggserialfn::pg_catalog.int8, a.aggdeserialfn::pg_catalog.int8, \
                          a.aggmtransfn::pg_catalog.int8, a.aggminvtransfn::pg_catalog.int8, \
                          a.aggmfinalfn::pg_catalog.int8])",
                from: "pg_catalog.pg_aggregate a",
                key: "a.aggfnoid::pg_catalog.oid",
                versions: &["a"],
                ..Template::EMPTY
            },
            Self::Operators => Template {
                columns: "o.oid, o.oprname, o.oprnamespace, o.oprleft, o.oprright, o.oprcode::pg_catalog.oid, \
                          o.oprresult",
                from: "pg_catalog.pg_operator o",
                filter: "o.oprcode <> 0",
                key: "o.oid",
                versions: &["o"],
                ..Template::EMPTY
            },
            Self::Casts => Template {
                columns: "c.oid, c.castsource, c.casttarget, c.castfunc, c.castcontext, c.castmethod",
                from: "pg_catalog.pg_cast c",
                key: "c.oid",
                versions: &["c"],
                ..Template::EMPTY
            },
            // Views that `initdb` made stand for themselves: they aren't expanded.
            Self::Views => Template {
                columns: "c.oid, CASE WHEN false THEN NULL {locked} ELSE pg_catalog.pg_get_viewdef(c.oid) END",
                from: "pg_catalog.pg_class c JOIN pg_catalog.pg_rewrite r ON r.ev_class = c.oid \
                       AND r.rulename = '_RETURN'",
                filter: "c.oid >= '16384'::pg_catalog.oid AND c.relkind IN ('v','m') \
                         AND (c.relpersistence <> 't' OR NOT pg_catalog.pg_is_other_temp_schema(c.relnamespace))",
                key: "c.oid",
                versions: &["c", "r"],
                dependent: Some(Dependent {
                    class: "pg_rewrite",
                    object: "r.oid",
                    owners: &["c.oid"],
                }),
                ..Template::EMPTY
            },
            Self::Rules => Template {
                columns: "r.oid, r.rulename, r.ev_class, r.ev_type, r.is_instead, r.ev_enabled, \
                          CASE WHEN false THEN NULL {locked} ELSE pg_catalog.pg_get_ruledef(r.oid) END",
                from: "pg_catalog.pg_rewrite r",
                filter: "r.rulename <> '_RETURN'",
                key: "r.oid",
                versions: &["r"],
                dependent: Some(Dependent {
                    class: "pg_rewrite",
                    object: "r.oid",
                    owners: &["r.ev_class"],
                }),
                ..Template::EMPTY
            },
            Self::Triggers => Template {
                columns: "t.oid, t.tgrelid, t.tgname, t.tgfoid, t.tgtype, t.tgenabled, \
                          CASE WHEN t.tgqual IS NULL THEN NULL {locked} \
                          ELSE pg_catalog.pg_get_triggerdef(t.oid) END, \
                          pg_catalog.array_to_json(t.tgattr::pg_catalog.int2[])",
                from: "pg_catalog.pg_trigger t",
                filter: "NOT t.tgisinternal",
                key: "t.oid",
                versions: &["t"],
                dependent: Some(Dependent {
                    class: "pg_trigger",
                    object: "t.oid",
                    owners: &["t.tgrelid"],
                }),
                ..Template::EMPTY
            },
            Self::Constraints => Template {
                columns: "k.oid, k.conname, k.contype, k.conrelid, k.confrelid, k.confupdtype, k.confdeltype, \
                          pg_catalog.array_to_json(k.conkey), pg_catalog.array_to_json(k.confkey), k.contypid, \
                          CASE WHEN k.contype <> 'c' THEN NULL {locked} \
                          ELSE pg_catalog.pg_get_expr(k.conbin, k.conrelid) END",
                from: "pg_catalog.pg_constraint k",
                filter: "k.contype IN ('f','c')",
                key: "k.oid",
                versions: &["k"],
                dependent: Some(Dependent {
                    class: "pg_constraint",
                    object: "k.oid",
                    owners: &["k.conrelid", "k.contypid"],
                }),
                ..Template::EMPTY
            },
            Self::Indexes => Template {
                columns: "i.indexrelid, i.indrelid, pg_catalog.array_to_json(i.indkey::pg_catalog.int2[]), \
                          i.indnkeyatts, i.indisunique, i.indisprimary, i.indisvalid, \
                          i.indimmediate AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute a, \
                          pg_catalog.generate_subscripts(i.indcollation, 1) k \
                          WHERE a.attrelid OPERATOR(pg_catalog.=) i.indrelid \
                          AND a.attnum OPERATOR(pg_catalog.=) i.indkey[k] \
                          AND a.attcollation OPERATOR(pg_catalog.<>) i.indcollation[k]), \
                          CASE WHEN i.indexprs IS NULL THEN NULL {locked} \
                          ELSE pg_catalog.pg_get_expr(i.indexprs, i.indrelid) END, \
                          CASE WHEN i.indpred IS NULL THEN NULL {locked} \
                          ELSE pg_catalog.pg_get_expr(i.indpred, i.indrelid) END",
                from: "pg_catalog.pg_index i",
                key: "i.indexrelid",
                versions: &["i"],
                dependent: Some(Dependent {
                    class: "pg_class",
                    object: "i.indexrelid",
                    owners: &["i.indrelid"],
                }),
                ..Template::EMPTY
            },
            Self::Defaults => Template {
                columns: "d.adrelid, d.adnum, CASE WHEN false THEN NULL {locked} \
                          ELSE pg_catalog.pg_get_expr(d.adbin, d.adrelid) END",
                from: "pg_catalog.pg_attrdef d",
                key: "d.oid",
                row_key: Some("d.adrelid, d.adnum"),
                versions: &["d"],
                dependent: Some(Dependent {
                    class: "pg_attrdef",
                    object: "d.oid",
                    owners: &["d.adrelid"],
                }),
                ..Template::EMPTY
            },
            Self::RowPolicies => Template {
                columns: "p.polrelid, p.polname, p.polcmd, CASE WHEN p.polqual IS NULL THEN NULL {locked} \
                          ELSE pg_catalog.pg_get_expr(p.polqual, p.polrelid) END, \
                          CASE WHEN p.polwithcheck IS NULL THEN NULL {locked} \
                          ELSE pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) END",
                from: "pg_catalog.pg_policy p",
                key: "p.oid",
                versions: &["p"],
                dependent: Some(Dependent {
                    class: "pg_policy",
                    object: "p.oid",
                    owners: &["p.polrelid"],
                }),
                ..Template::EMPTY
            },
            Self::EventTriggers => Template {
                columns: "e.evtname, e.evtevent, e.evtfoid, e.evtenabled",
                from: "pg_catalog.pg_event_trigger e",
                key: "e.oid",
                versions: &["e"],
                ..Template::EMPTY
            },
            Self::Extensions => Template {
                columns: "e.extname, e.extversion, n.nspname",
                from: "pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace",
                key: "e.oid",
                versions: &["e", "n"],
                ..Template::EMPTY
            },
            Self::PartitionKeys => Template {
                columns: "k.partrelid, CASE WHEN false THEN NULL {locked} \
                          ELSE pg_catalog.pg_get_expr(k.partexprs, k.partrelid) END",
                from: "pg_catalog.pg_partitioned_table k",
                filter: "k.partexprs IS NOT NULL",
                key: "k.partrelid",
                versions: &["k"],
                dependent: Some(Dependent {
                    class: "pg_class",
                    object: "k.partrelid",
                    owners: &["k.partrelid"],
                }),
                ..Template::EMPTY
            },
        }
    }
}

/// What stands for a definition that can't be printed without waiting for another session's lock: no SQL, wherever it
/// is put.
pub(crate) const LOCKED: &str = "'locked by another session";

/// The relations of this database that another session holds, or waits to hold, so that nobody else can open them.
const LOCKED_RELATIONS: &str = "WITH locked AS MATERIALIZED (SELECT l.relation FROM pg_catalog.pg_locks l \
     WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock' \
     AND l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid() AND l.database = (SELECT b.oid \
     FROM pg_catalog.pg_database b WHERE b.datname = pg_catalog.current_database())) ";

/// The parts of a query's text.
#[derive(Clone, Copy)]
struct Template {
    /// What is selected; `{locked}` stands for the branch of a CASE that saves a definition from waiting.
    columns: &'static str,
    from: &'static str,
    /// A condition, or nothing.
    filter: &'static str,
    /// What a row must fulfil beyond `filter`, where one that ceases to is an update and no deletion.
    live: Option<&'static str>,
    /// The oid that tells built-in rows from others; nothing where all count.
    key: &'static str,
    /// What a row is known by where that isn't `key`: two columns.
    row_key: Option<&'static str>,
    /// The tables whose rows make a row of the answer.
    versions: &'static [&'static str],
    dependent: Option<Dependent>,
}

/// Where `pg_depend` says what a definition names.
#[derive(Clone, Copy)]
struct Dependent {
    class: &'static str,
    object: &'static str,
    /// The relations or types that the definition belongs to.
    owners: &'static [&'static str],
}

impl Dependent {
    /// Rows of `pg_depend` that say what the definition names.
    fn references(self) -> String {
        format!(
            "pg_catalog.pg_depend y WHERE y.classid = 'pg_catalog.{}'::pg_catalog.regclass AND y.objid = {}",
            self.class, self.object
        )
    }

    fn locked(self) -> String {
        let owners: Vec<String> = self
            .owners
            .iter()
            .map(|owner| format!("q.relation = {owner}"))
            .collect();
        format!(
            "WHEN EXISTS (SELECT FROM locked q WHERE {} OR q.relation IN (SELECT y.refobjid FROM {})) \
             THEN '{}'",
            owners.join(" OR "),
            self.references(),
            LOCKED.replace('\'', "''"),
        )
    }
}

impl Template {
    const EMPTY: Self = Self {
        columns: "",
        from: "",
        filter: "",
        live: None,
        key: "",
        row_key: None,
        versions: &[],
        dependent: None,
    };

    fn key_columns(&self) -> String {
        match self.row_key {
            Some(columns) => columns.to_owned(),
            None => format!("{}, 0", self.key),
        }
    }

    fn condition(&self, scope: CatalogScope) -> String {
        let scope = match scope {
            _ if self.key.is_empty() => "true".to_owned(),
            CatalogScope::BuiltIn => format!("{} < '16384'::pg_catalog.oid", self.key),
            CatalogScope::Rest => format!("{} >= '16384'::pg_catalog.oid", self.key),
        };
        if self.filter.is_empty() {
            scope
        } else {
            format!("{scope} AND {}", self.filter)
        }
    }

    fn changed(&self, since: TransactionId) -> String {
        let changed: Vec<String> = self
            .versions
            .iter()
            .map(|table| format!("pg_catalog.age({table}.xmin) <= {}", age_of(since)))
            .collect();
        format!("({})", changed.join(" OR "))
    }

    /// The condition on definitions that belong to one of these objects or name it.
    fn of(&self, objects: &[Oid]) -> String {
        let Some(dependent) = self.dependent else {
            return "false".to_owned();
        };
        let list: Vec<String> = objects.iter().map(|oid| oid.0.to_string()).collect();
        let list = format!("('{{{}}}'::pg_catalog.oid[])", list.join(","));
        let owners: Vec<String> = dependent
            .owners
            .iter()
            .map(|owner| format!("{owner} = ANY {list}"))
            .collect();
        format!(
            "({} OR EXISTS (SELECT FROM {} AND y.refobjid = ANY {list}))",
            owners.join(" OR "),
            dependent.references()
        )
    }
}

/// A transaction's number (`xid`), which wraps round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct TransactionId(pub u32);

/// Which rows of a query are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Selection {
    All,
    /// Those that this transaction or a later one wrote.
    ChangedSince(TransactionId),
    /// Definitions that belong to these objects or name them.
    Of(Vec<Oid>),
    /// All, but their keys alone.
    Keys,
}

/// What a connection of the gateway's own is sent before a reading: all answers are then of one moment.
pub const BEGIN_READING: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// What it is sent after one.
pub const END_READING: &str = "COMMIT AND NO CHAIN";

/// One question to the server. Its text is made of constants and numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogRequest(pub(crate) Request);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Request {
    /// The oldest transaction still under way, then for each query how many rows it has and whether any was written since.
    Summary(TransactionId),
    Rows(CatalogQuery, CatalogScope, Selection),
    /// Relations that the open transaction of the session that asks has made.
    MadeHere(TransactionId),
}

impl CatalogRequest {
    /// The text to send.
    pub fn sql(&self) -> String {
        match &self.0 {
            Request::Summary(since) => summary_sql(*since),
            Request::Rows(query, scope, selection) => query.select(*scope, selection),
            Request::MadeHere(since) => made_here_sql(*since),
        }
    }
}

fn summary_sql(since: TransactionId) -> String {
    let mut sql = String::from(
        "SELECT 'Since', (pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot())::pg_catalog.xid)\
         ::pg_catalog.text, false, '0'",
    );
    for query in CatalogQuery::ALL {
        if !matches!(query, CatalogQuery::Path) {
            sql.push_str(" UNION ALL ");
            sql.push_str(&query.summary(since));
        }
    }
    sql
}

/// How many transactions ago, asked once in a statement.
fn age_of(transaction: TransactionId) -> String {
    format!("(SELECT pg_catalog.age('{}'::pg_catalog.xid))", transaction.0)
}

/// A relation is as old as its system columns: they are never written again. Those without any (views, indexes) are asked
/// for their own row. What is visible and was written by a transaction under way was written by one's own.
fn made_here_sql(since: TransactionId) -> String {
    format!(
        "SELECT c.oid FROM (SELECT pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot()) AS next) s, \
         pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = -6 \
         WHERE c.oid >= '16384'::pg_catalog.oid AND {changed} AND CASE WHEN {changed} \
         THEN pg_catalog.pg_xact_status((s.next::pg_catalog.text::pg_catalog.int8 \
         + pg_catalog.age(s.next::pg_catalog.xid) - pg_catalog.age(COALESCE(a.xmin, c.xmin)))\
         ::pg_catalog.text::pg_catalog.xid8) = 'in progress' END",
        changed = format_args!("pg_catalog.age(COALESCE(a.xmin, c.xmin)) <= {}", age_of(since)),
    )
}

#[cfg(test)]
mod tests {
    use super::{CatalogQuery, CatalogScope, LOCKED, Selection, TransactionId};
    use durward_model::Oid;

    #[test]
    fn no_text_keeps_a_placeholder() {
        for query in CatalogQuery::ALL {
            for selection in [
                Selection::All,
                Selection::Keys,
                Selection::ChangedSince(TransactionId(7)),
                Selection::Of(vec![Oid(1), Oid(2)]),
            ] {
                let sql = query.select(CatalogScope::Rest, &selection);
                assert!(!sql.contains("{locked}"), "{sql}");
                assert_eq!(sql.contains("WITH locked"), sql.contains("FROM locked"), "{sql}");
            }
        }
    }

    #[test]
    fn what_stands_for_a_locked_definition_is_no_sql() {
        for text in [
            LOCKED.to_owned(),
            format!("SELECT {LOCKED}"),
            format!("CREATE FUNCTION f() RETURNS void LANGUAGE sql {LOCKED}"),
        ] {
            assert!(crate::parser::parse(&text).is_err(), "{text}");
        }
    }
}
