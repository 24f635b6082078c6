//! What the catalog is asked of tables that are to be kept aside. Texts are constants; numbers come as `$1`.

use durward_model::Oid;

/// What is known of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) oid: Oid,
    pub(super) schema: String,
    pub(super) name: String,
    /// With its indexes.
    pub(super) bytes: u64,
    /// What would go along with all of the tables, in words.
    pub(super) along: Option<String>,
    /// Why it can't be kept.
    pub(super) reason: Option<String>,
    /// The number of its schema.
    pub(super) schema_oid: String,
    /// How many columns it has.
    pub(super) columns: String,
    /// What is kept aside in the database already.
    pub(super) kept_bytes: u64,
}

/// A row of the answer to [`TERMS`].
pub(super) fn found(row: &[Option<String>]) -> Option<Found> {
    let [oid, schema, name, bytes, along, reason, schema_oid, columns, kept] = row else {
        return None;
    };
    Some(Found {
        oid: Oid(oid.as_deref()?.parse().ok()?),
        schema: schema.clone()?,
        name: name.clone()?,
        bytes: bytes.as_deref()?.parse().ok()?,
        along: along.clone(),
        reason: reason.clone(),
        schema_oid: schema_oid.clone()?,
        columns: columns.clone()?,
        kept_bytes: kept.as_deref()?.parse().ok()?,
    })
}

/// A question about tables: what of each of them `$reason` says, and what would go along with all of them. The server
/// finds that as here (`findDependentObjects` in its `dependency.c`): what belongs to them goes, and what merely depends on
/// any of that stands in the way. Operators are the built-in ones, as `pg_catalog` comes first.
macro_rules! terms {
    ($start:literal, $along:expr, $reason:expr) => {
        concat!(
            "WITH RECURSIVE own AS (SELECT c.* FROM pg_catalog.pg_class c \
             WHERE c.oid = ANY($1::pg_catalog.text::pg_catalog.oid[])), \
             going (classid, objid, part) AS (\
             SELECT 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid, o.oid, ",
            $start,
            " UNION SELECT d.classid, d.objid, 0 FROM going g JOIN pg_catalog.pg_depend d \
             ON d.refclassid = g.classid AND d.refobjid = g.objid AND (g.part = 0 OR d.refobjsubid = g.part) \
             WHERE d.deptype = ANY('{a,i}'::pg_catalog.\"char\"[])), \
             along AS (SELECT d.classid, d.objid, d.objsubid, r.ev_class FROM going g JOIN pg_catalog.pg_depend d \
             ON d.refclassid = g.classid AND d.refobjid = g.objid AND (g.part = 0 OR d.refobjsubid = g.part) \
             LEFT JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid \
             AND d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass::pg_catalog.oid \
             WHERE d.deptype = 'n'::pg_catalog.\"char\" AND NOT EXISTS (SELECT FROM going h \
             WHERE h.classid = d.classid AND h.objid = d.objid AND (h.part = 0 OR h.part = d.objsubid))) \
             SELECT o.oid::pg_catalog.text, n.nspname::pg_catalog.text, o.relname::pg_catalog.text, \
             pg_catalog.pg_total_relation_size(o.oid)::pg_catalog.text, ",
            $along,
            ", CASE ",
            $reason,
            " WHEN EXISTS (SELECT FROM pg_catalog.pg_depend d \
             WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid AND d.objid = o.oid \
             AND d.deptype = 'n'::pg_catalog.\"char\" AND d.refclassid = ANY(ARRAY[\
             'pg_catalog.pg_type'::pg_catalog.regclass::pg_catalog.oid, \
             'pg_catalog.pg_collation'::pg_catalog.regclass::pg_catalog.oid])) \
             THEN 'nobody could drop the types or collations that its columns have' \
             WHEN pg_catalog.current_setting('transaction_read_only') = 'on' THEN 'its transaction only reads' \
             WHEN NOT pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE') \
             THEN 'the database account may make no schema to keep it in: GRANT CREATE ON DATABASE ' \
             || pg_catalog.quote_ident(pg_catalog.current_database()) || ' TO ' || pg_catalog.quote_ident(current_user) \
             || ' would let it' \
             WHEN EXISTS (SELECT FROM pg_catalog.pg_default_acl a \
             WHERE a.defaclobjtype = 'n'::pg_catalog.\"char\" AND a.defaclrole = current_user::pg_catalog.regrole::pg_catalog.oid) \
             THEN 'default privileges would let others into the schema that it is kept in' \
             WHEN EXISTS (SELECT FROM pg_catalog.pg_event_trigger e WHERE e.evtenabled <> 'D'::pg_catalog.\"char\") \
             THEN 'event triggers of the database would run for what keeps it' \
             WHEN NOT COALESCE((SELECT pg_catalog.has_language_privilege(l.oid, 'USAGE') \
             FROM pg_catalog.pg_language l WHERE l.lanname = 'plpgsql'::pg_catalog.name), false) \
             THEN 'the database account may not use plpgsql, which locks it' \
             END, n.oid::pg_catalog.text, \
             (SELECT pg_catalog.count(*)::pg_catalog.text FROM pg_catalog.pg_attribute t \
             WHERE t.attrelid = o.oid AND t.attnum > 0 AND NOT t.attisdropped), \
             (SELECT COALESCE(pg_catalog.sum(pg_catalog.pg_total_relation_size(k.oid)), 0)::pg_catalog.text \
             FROM pg_catalog.pg_class k JOIN pg_catalog.pg_namespace s ON s.oid = k.relnamespace \
             WHERE pg_catalog.starts_with(s.nspname::pg_catalog.text, 'durward_kept_') \
             AND k.relkind = ANY('{r,m}'::pg_catalog.\"char\"[])) \
             FROM own o JOIN pg_catalog.pg_namespace n ON n.oid = o.relnamespace"
        )
    };
}

/// What would go along, in words.
macro_rules! along {
    () => {
        "(SELECT pg_catalog.string_agg(w.what, ', ') FROM (SELECT DISTINCT CASE WHEN a.ev_class IS NULL \
     THEN pg_catalog.pg_describe_object(a.classid, a.objid, a.objsubid) \
     ELSE pg_catalog.pg_describe_object('pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid, a.ev_class, 0) END AS what \
     FROM along a ORDER BY 1 LIMIT 4) AS w)"
    };
}

/// Of tables that are dropped.
pub(super) const DROPPED: &str = terms!(
    "0 FROM own o",
    along!(),
    "WHEN o.relkind <> 'r'::pg_catalog.\"char\" THEN 'it isn''t a plain table' \
     WHEN o.relispartition THEN 'it is a partition' \
     WHEN EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE i.inhrelid = o.oid OR i.inhparent = o.oid) \
     THEN 'it inherits from another table, or others from it' \
     WHEN NOT pg_catalog.pg_has_role(o.relowner, 'USAGE') THEN 'the database account isn''t its owner' \
     WHEN NOT pg_catalog.has_schema_privilege(n.oid, 'CREATE') \
     THEN 'the database account may make nothing in its schema: GRANT CREATE ON SCHEMA ' \
     || pg_catalog.quote_ident(n.nspname) || ' TO ' || pg_catalog.quote_ident(current_user) || ' would let it' \
     WHEN EXISTS (SELECT FROM pg_catalog.pg_publication_rel r JOIN pg_catalog.pg_publication p ON p.oid = r.prpubid \
     WHERE r.prrelid = o.oid AND (NOT pg_catalog.pg_has_role(p.pubowner, 'USAGE') \
     OR pg_catalog.to_jsonb(r) ->> 'prqual' IS NOT NULL OR pg_catalog.to_jsonb(r) ->> 'prattrs' IS NOT NULL)) \
     THEN 'it is published in part, or by somebody else' \
     WHEN EXISTS (SELECT FROM going g JOIN pg_catalog.pg_depend d ON d.classid = g.classid AND d.objid = g.objid \
     WHERE d.deptype = 'n'::pg_catalog.\"char\" \
     AND d.refclassid <> 'pg_catalog.pg_namespace'::pg_catalog.regclass::pg_catalog.oid \
     AND NOT EXISTS (SELECT FROM going h WHERE h.classid = d.refclassid AND h.objid = d.refobjid) \
     AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.oid = d.objid AND k.contype = 'f'::pg_catalog.\"char\" \
     AND d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass::pg_catalog.oid) \
     AND d.classid <> 'pg_catalog.pg_trigger'::pg_catalog.regclass::pg_catalog.oid) \
     THEN 'nobody could drop the types, functions or tables that it uses'"
);

/// What tables have that is kept apart from them, or needed to put their rows back: of which table, what, its name, its
/// definition, something more, and a comment.
pub(super) const PARTS: &str = "SELECT p.\"table\"::pg_catalog.text, p.kind, p.name::pg_catalog.text, p.definition, p.more, p.comment FROM (\
SELECT k.conrelid AS \"table\", 'foreign key' AS kind, k.conname AS name, pg_catalog.pg_get_constraintdef(k.oid) AS definition, \
pg_catalog.json_build_array(n.nspname, c.relname, c.oid::pg_catalog.text)::pg_catalog.text AS more, \
pg_catalog.obj_description(k.oid, 'pg_constraint') AS comment \
FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.confrelid \
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
WHERE k.contype = 'f'::pg_catalog.\"char\" AND k.confrelid <> k.conrelid \
UNION ALL SELECT g.tgrelid, 'trigger', g.tgname, pg_catalog.pg_get_triggerdef(g.oid), g.tgenabled::pg_catalog.text, \
pg_catalog.obj_description(g.oid, 'pg_trigger') FROM pg_catalog.pg_trigger g WHERE NOT g.tgisinternal \
UNION ALL SELECT r.prrelid, 'publication', b.pubname, NULL, NULL, NULL \
FROM pg_catalog.pg_publication_rel r JOIN pg_catalog.pg_publication b ON b.oid = r.prpubid \
UNION ALL SELECT x.stxrelid, 'statistics', x.stxname, NULL, s.nspname::pg_catalog.text, NULL \
FROM pg_catalog.pg_statistic_ext x JOIN pg_catalog.pg_namespace s ON s.oid = x.stxnamespace\
) AS p WHERE p.\"table\" = ANY($1::pg_catalog.text::pg_catalog.oid[]) ORDER BY p.\"table\", p.kind, p.name";

/// Of tables that are emptied. In place of what would go along stand tables that refer to them and aren't emptied too.
pub(super) const EMPTIED: &str = terms!(
    "0 FROM own o",
    "(SELECT pg_catalog.string_agg(w.what, ', ') FROM (SELECT DISTINCT \
     pg_catalog.pg_describe_object('pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid, f.conrelid, 0) AS what \
     FROM pg_catalog.pg_constraint f JOIN own w ON w.oid = f.confrelid \
     WHERE f.contype = 'f'::pg_catalog.\"char\" AND f.conrelid NOT IN (SELECT v.oid FROM own v) ORDER BY 1 LIMIT 4) AS w)",
    "WHEN o.relkind <> 'r'::pg_catalog.\"char\" THEN 'it isn''t a plain table' \
     WHEN EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE i.inhparent = o.oid) THEN 'other tables inherit from it' \
     WHEN NOT pg_catalog.has_table_privilege(o.oid, 'SELECT') THEN 'the database account may not read it' \
     WHEN pg_catalog.row_security_active(o.oid) THEN 'row policies keep rows of it from the database account' \
     WHEN EXISTS (SELECT FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_class q ON q.oid = d.objid \
     WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid AND d.refobjid = o.oid \
     AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid \
     AND d.deptype = ANY('{a,i}'::pg_catalog.\"char\"[]) \
     AND CASE WHEN q.relkind = 'S'::pg_catalog.\"char\" THEN NOT pg_catalog.has_sequence_privilege(q.oid, 'SELECT') END) \
     THEN 'the database account may not read one of its sequences'"
);

/// What is needed to put rows back: the columns of tables, their unique keys, their sequences; as [`PARTS`].
pub(super) const EMPTIED_PARTS: &str = "SELECT p.\"table\"::pg_catalog.text, p.kind, p.name::pg_catalog.text, p.definition, p.more, NULL FROM (\
SELECT t.attrelid AS \"table\", 'column' AS kind, t.attname AS name, \
pg_catalog.format_type(t.atttypid, t.atttypmod) AS definition, \
CASE WHEN t.attgenerated = ANY('{s,v}'::pg_catalog.\"char\"[]) THEN 'generated' END AS more, t.attnum::pg_catalog.int4 AS place \
FROM pg_catalog.pg_attribute t WHERE t.attnum > 0 AND NOT t.attisdropped \
UNION ALL SELECT i.indrelid, 'key', c.relname, NULL, \
(SELECT pg_catalog.json_agg(a.attname ORDER BY k.place)::pg_catalog.text \
FROM ROWS FROM (pg_catalog.unnest(i.indkey::pg_catalog.int2[])) WITH ORDINALITY AS k (number, place) \
JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number WHERE k.place <= i.indnkeyatts), \
CASE WHEN i.indisprimary THEN 0 ELSE 1 END \
FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid \
WHERE i.indisunique AND i.indpred IS NULL AND i.indexprs IS NULL \
UNION ALL SELECT d.refobjid, 'sequence', c.relname, NULL, (s.seqincrement > 0)::pg_catalog.text, 0 \
FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_class c ON c.oid = d.objid JOIN pg_catalog.pg_sequence s ON s.seqrelid = c.oid \
WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid \
AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid AND d.deptype = ANY('{a,i}'::pg_catalog.\"char\"[])\
) AS p WHERE p.\"table\" = ANY($1::pg_catalog.text::pg_catalog.oid[]) ORDER BY p.\"table\", p.kind, p.place, p.name";

/// What has to hold of a table of which columns are kept, which `$2` numbers.
macro_rules! keyed {
    ($further:literal) => {
        concat!(
            "WHEN o.relkind <> 'r'::pg_catalog.\"char\" THEN 'it isn''t a plain table' \
     WHEN EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE i.inhrelid = o.oid OR i.inhparent = o.oid) \
     THEN 'it is a partition, inherits from another table, or others from it' \
     WHEN NOT pg_catalog.pg_has_role(o.relowner, 'USAGE') THEN 'the database account isn''t its owner' \
     WHEN NOT pg_catalog.has_table_privilege(o.oid, 'SELECT') THEN 'the database account may not read it' \
     WHEN pg_catalog.row_security_active(o.oid) THEN 'row policies keep rows of it from the database account' \
     WHEN NOT EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = o.oid AND i.indisprimary \
     AND NOT (i.indkey::pg_catalog.int2[] && $2::pg_catalog.text::pg_catalog.int2[])) \
     THEN 'there is no primary key beside it' ",
            $further
        )
    };
}

/// Of columns that are dropped, which `$2` numbers.
pub(super) const COLUMNS: &str = terms!(
    "a.attnum::pg_catalog.int4 FROM own o JOIN pg_catalog.pg_attribute a ON a.attrelid = o.oid \
     WHERE a.attnum = ANY($2::pg_catalog.text::pg_catalog.int2[])",
    along!(),
    keyed!(
        "WHEN EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = o.oid \
     AND a.attnum = ANY($2::pg_catalog.text::pg_catalog.int2[]) AND (a.attacl IS NOT NULL \
     OR a.attidentity <> ''::pg_catalog.\"char\" OR a.attgenerated = 'v'::pg_catalog.\"char\")) \
     THEN 'it has rights of its own, or numbers itself' \
     WHEN EXISTS (SELECT FROM going g LEFT JOIN pg_catalog.pg_class c ON c.oid = g.objid \
     AND g.classid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid \
     WHERE g.part = 0 AND COALESCE(c.relkind <> 'i'::pg_catalog.\"char\", g.classid <> ALL(ARRAY[\
     'pg_catalog.pg_attrdef'::pg_catalog.regclass::pg_catalog.oid, \
     'pg_catalog.pg_constraint'::pg_catalog.regclass::pg_catalog.oid, \
     'pg_catalog.pg_trigger'::pg_catalog.regclass::pg_catalog.oid]))) \
     THEN 'a sequence, statistics or another column would go along'"
    )
);

/// Of columns whose type is changed, which `$2` numbers.
pub(super) const RETYPED: &str = terms!(
    "0 FROM own o",
    "NULL::pg_catalog.text",
    keyed!(
        "WHEN EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = o.oid \
         AND a.attnum = ANY($2::pg_catalog.text::pg_catalog.int2[]) \
         AND (a.attidentity <> ''::pg_catalog.\"char\" OR a.attgenerated <> ''::pg_catalog.\"char\")) \
         THEN 'the server computes it, or numbers it'"
    )
);

/// What is needed to make columns again: their definitions, the primary key, and indexes and constraints that go along; as
/// [`PARTS`].
pub(super) const COLUMN_PARTS: &str = "SELECT p.\"table\"::pg_catalog.text, p.kind, p.name::pg_catalog.text, p.definition, p.more, p.comment FROM (\
SELECT a.attrelid AS \"table\", 'column' AS kind, a.attname AS name, \
pg_catalog.format_type(a.atttypid, a.atttypmod) || COALESCE((SELECT ' COLLATE ' || pg_catalog.quote_ident(n.nspname) || '.' \
|| pg_catalog.quote_ident(l.collname) FROM pg_catalog.pg_collation l JOIN pg_catalog.pg_namespace n ON n.oid = l.collnamespace \
JOIN pg_catalog.pg_type y ON y.oid = a.atttypid WHERE l.oid = a.attcollation AND a.attcollation <> y.typcollation), '') AS definition, \
pg_catalog.concat(a.attnotnull, ' ', a.attgenerated = 's'::pg_catalog.\"char\", ' ', \
(SELECT pg_catalog.pg_get_expr(d.adbin, d.adrelid) FROM pg_catalog.pg_attrdef d \
WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum)) AS more, \
pg_catalog.col_description(a.attrelid, a.attnum) AS comment, a.attnum::pg_catalog.int4 AS place \
FROM pg_catalog.pg_attribute a WHERE a.attnum = ANY($2::pg_catalog.text::pg_catalog.int2[]) \
UNION ALL SELECT i.indrelid, 'key', a.attname, NULL, NULL, NULL, 0 FROM pg_catalog.pg_index i \
JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey::pg_catalog.int2[]) WHERE i.indisprimary \
UNION ALL SELECT k.conrelid, 'constraint', k.conname, 'ALTER TABLE ONLY ' || pg_catalog.quote_ident(s.nspname) || '.' \
|| pg_catalog.quote_ident(c.relname) || ' ADD CONSTRAINT ' || pg_catalog.quote_ident(k.conname) || ' ' \
|| pg_catalog.pg_get_constraintdef(k.oid), NULL, NULL, CASE WHEN k.contype = 'f'::pg_catalog.\"char\" THEN 1 ELSE 0 END \
FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.conrelid \
JOIN pg_catalog.pg_namespace s ON s.oid = c.relnamespace \
WHERE k.conkey && $2::pg_catalog.text::pg_catalog.int2[] AND k.contype = ANY('{c,u,f,x}'::pg_catalog.\"char\"[]) \
UNION ALL SELECT i.indrelid, 'index', c.relname, pg_catalog.pg_get_indexdef(i.indexrelid), NULL, NULL, 0 \
FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid \
WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conindid = i.indexrelid AND k.conrelid = i.indrelid) \
AND EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid \
AND d.objid = i.indexrelid AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid \
AND d.refobjid = i.indrelid AND d.refobjsubid = ANY($2::pg_catalog.text::pg_catalog.int2[]))\
) AS p WHERE p.\"table\" = ANY($1::pg_catalog.text::pg_catalog.oid[]) ORDER BY p.\"table\", p.kind, p.place, p.name";
