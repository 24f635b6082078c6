//! What is read from the server's catalog. Works on PostgreSQL 14 to 18 with the rights of an ordinary login; all columns
//! are read in text format.

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

    /// The text to send, for one part of the catalog.
    pub fn sql(self, scope: CatalogScope) -> String {
        let comparison = match scope {
            CatalogScope::BuiltIn => "OPERATOR(pg_catalog.<) '16384'::pg_catalog.oid",
            CatalogScope::Rest => "OPERATOR(pg_catalog.>=) '16384'::pg_catalog.oid",
        };
        self.template().replace("{scope}", comparison)
    }

    const fn template(self) -> &'static str {
        match self {
            Self::Path => "SELECT pg_catalog.array_to_json(pg_catalog.current_schemas(true))::pg_catalog.text",
            // All in both parts: there are few, and either part names the other's.
            Self::Namespaces => "SELECT n.oid, n.nspname, n.nspowner FROM pg_catalog.pg_namespace n",
            Self::Relations => {
                "SELECT c.oid, c.relname, c.relnamespace, c.relkind, c.relowner, c.relpersistence, c.relrowsecurity, \
                 c.relforcerowsecurity, c.reltype, c.relispartition FROM pg_catalog.pg_class c \
                 WHERE c.oid {scope} AND c.relkind <> 't' AND NOT pg_catalog.pg_is_other_temp_schema(c.relnamespace)"
            }
            Self::Columns => {
                "SELECT a.attrelid, a.attnum, a.attname, a.atttypid, a.attnotnull, a.atthasdef, a.attgenerated, \
                 a.attidentity FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid \
                 WHERE a.attrelid {scope} AND a.attnum > 0 AND NOT a.attisdropped \
                 AND c.relkind IN ('r','p','v','m','f','c','S') \
                 AND NOT pg_catalog.pg_is_other_temp_schema(c.relnamespace) ORDER BY a.attrelid, a.attnum"
            }
            Self::Inheritance => {
                "SELECT i.inhrelid, i.inhparent FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c \
                 ON c.oid = i.inhrelid WHERE i.inhrelid {scope} AND c.relkind IN ('r','p','f')"
            }
            // Row types of tables are left out: the tables themselves stand for them.
            Self::Types => {
                "SELECT t.oid, t.typname, t.typnamespace, t.typtype, t.typrelid, t.typelem, t.typbasetype, \
                 t.typcategory, t.typispreferred, t.typinput::pg_catalog.oid, t.typoutput::pg_catalog.oid, \
                 t.typarray, t.typdefault FROM pg_catalog.pg_type t \
                 LEFT JOIN pg_catalog.pg_class c ON c.oid = t.typrelid \
                 LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem AND t.typcategory = 'A' \
                 LEFT JOIN pg_catalog.pg_class ec ON ec.oid = e.typrelid \
                 WHERE t.oid {scope} AND (c.oid IS NULL OR c.relkind = 'c') AND (ec.oid IS NULL OR ec.relkind = 'c')"
            }
            Self::Functions => {
                "SELECT p.oid, p.proname, p.pronamespace, p.prokind, p.proowner, p.provariadic, p.pronargdefaults, \
                 p.proargtypes, p.prorettype, p.proretset, l.lanname, l.lanpltrusted, p.provolatile, p.prosecdef, \
                 p.prosrc, CASE WHEN p.prosqlbody IS NOT NULL THEN pg_catalog.pg_get_function_sqlbody(p.oid) END, \
                 pg_catalog.array_to_json(p.proconfig), pg_catalog.array_to_json(p.proargnames), \
                 pg_catalog.array_to_json(p.proargmodes), \
                 pg_catalog.array_to_json(p.proallargtypes::pg_catalog.int8[]), e.extname \
                 FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_language l ON l.oid = p.prolang \
                 LEFT JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass \
                 AND d.objid = p.oid AND d.deptype = 'e' \
                 LEFT JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid \
                 WHERE p.oid {scope}"
            }
            Self::Aggregates => {
                "SELECT a.aggfnoid::pg_catalog.oid, pg_catalog.array_to_json(ARRAY[a.aggtransfn::pg_catalog.int8, \
                 a.aggfinalfn::pg_catalog.int8, a.aggcombinefn::pg_catalog.int8, a.aggserialfn::pg_catalog.int8, \
                 a.aggdeserialfn::pg_catalog.int8, a.aggmtransfn::pg_catalog.int8, \
                 a.aggminvtransfn::pg_catalog.int8, a.aggmfinalfn::pg_catalog.int8]) \
                 FROM pg_catalog.pg_aggregate a WHERE a.aggfnoid::pg_catalog.oid {scope}"
            }
            Self::Operators => {
                "SELECT o.oid, o.oprname, o.oprnamespace, o.oprleft, o.oprright, o.oprcode::pg_catalog.oid, \
                 o.oprresult FROM pg_catalog.pg_operator o WHERE o.oid {scope} AND o.oprcode <> 0"
            }
            Self::Casts => {
                "SELECT c.oid, c.castsource, c.casttarget, c.castfunc, c.castcontext, c.castmethod \
                 FROM pg_catalog.pg_cast c WHERE c.oid {scope}"
            }
            // Views that `initdb` made stand for themselves: they aren't expanded.
            Self::Views => {
                "SELECT c.oid, pg_catalog.pg_get_viewdef(c.oid), \
                 pg_catalog.array_to_json(c.reloptions) FROM pg_catalog.pg_class c \
                 WHERE c.oid {scope} AND c.oid >= 16384 AND c.relkind IN ('v','m') AND NOT pg_catalog.pg_is_other_temp_schema(c.relnamespace)"
            }
            Self::Rules => {
                "SELECT r.oid, r.rulename, r.ev_class, r.ev_type, r.is_instead, r.ev_enabled, \
                 pg_catalog.pg_get_ruledef(r.oid) FROM pg_catalog.pg_rewrite r \
                 WHERE r.oid {scope} AND r.rulename <> '_RETURN'"
            }
            Self::Triggers => {
                "SELECT t.oid, t.tgrelid, t.tgname, t.tgfoid, t.tgtype, t.tgenabled, \
                 CASE WHEN t.tgqual IS NOT NULL THEN pg_catalog.pg_get_triggerdef(t.oid) END, \
                 pg_catalog.array_to_json(t.tgattr::pg_catalog.int2[]) \
                 FROM pg_catalog.pg_trigger t WHERE t.oid {scope} AND NOT t.tgisinternal"
            }
            Self::Constraints => {
                "SELECT k.oid, k.conname, k.contype, k.conrelid, k.confrelid, k.confupdtype, k.confdeltype, \
                 pg_catalog.array_to_json(k.conkey), pg_catalog.array_to_json(k.confkey), k.contypid, \
                 CASE WHEN k.contype = 'c' THEN pg_catalog.pg_get_expr(k.conbin, k.conrelid) END \
                 FROM pg_catalog.pg_constraint k WHERE k.oid {scope} AND k.contype IN ('f','c')"
            }
            Self::Indexes => {
                "SELECT i.indexrelid, i.indrelid, pg_catalog.array_to_json(i.indkey::pg_catalog.int2[]), i.indnkeyatts, \
                 i.indisunique, i.indisprimary, i.indisvalid, i.indimmediate, \
                 pg_catalog.pg_get_expr(i.indexprs, i.indrelid), pg_catalog.pg_get_expr(i.indpred, i.indrelid) \
                 FROM pg_catalog.pg_index i WHERE i.indexrelid {scope}"
            }
            Self::Defaults => {
                "SELECT d.adrelid, d.adnum, pg_catalog.pg_get_expr(d.adbin, d.adrelid) \
                 FROM pg_catalog.pg_attrdef d WHERE d.oid {scope}"
            }
            Self::RowPolicies => {
                "SELECT p.polrelid, p.polname, p.polcmd, pg_catalog.pg_get_expr(p.polqual, p.polrelid), \
                 pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) FROM pg_catalog.pg_policy p WHERE p.oid {scope}"
            }
            Self::EventTriggers => {
                "SELECT e.evtname, e.evtevent, e.evtfoid, e.evtenabled FROM pg_catalog.pg_event_trigger e \
                 WHERE e.oid {scope}"
            }
            Self::Extensions => {
                "SELECT e.extname, e.extversion, n.nspname FROM pg_catalog.pg_extension e \
                 JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.oid {scope}"
            }
            Self::PartitionKeys => {
                "SELECT k.partrelid, pg_catalog.pg_get_expr(k.partexprs, k.partrelid) \
                 FROM pg_catalog.pg_partitioned_table k WHERE k.partrelid {scope} AND k.partexprs IS NOT NULL"
            }
        }
    }
}
