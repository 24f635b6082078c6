use std::fs;
use std::path::Path;

use durward_testkit::RawClient;

/// Everything in one database that a statement could have changed, a line each, by names and not by numbers.
const DATABASE: &str = "
WITH spaces AS (
    SELECT oid, nspname FROM pg_namespace WHERE nspname !~ '^pg_(toast|temp_|toast_temp_)' AND nspname <> 'information_schema'
), own AS (SELECT * FROM spaces WHERE nspname <> 'pg_catalog')
SELECT concat('schema ', nspname, ' ', n.nspowner::regrole, ' ', coalesce(n.nspacl::text, '')) FROM pg_namespace n JOIN own USING (oid, nspname)
UNION ALL SELECT concat('relation ', concat_ws(' ', nspname, relname, relkind, relowner::regrole, relpersistence, relacl, reloptions,
    relrowsecurity, relforcerowsecurity, relispartition, relreplident, reltablespace)) FROM pg_class JOIN own n ON n.oid = relnamespace
UNION ALL SELECT concat('column ', concat_ws(' ', a.attrelid::regclass, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
    a.attacl, a.attstattarget, pg_get_expr(d.adbin, d.adrelid)))    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN own n ON n.oid = c.relnamespace
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum WHERE a.attnum > 0 AND NOT a.attisdropped
UNION ALL SELECT concat('view ', c.oid::regclass, ' ', md5(pg_get_viewdef(c.oid))) FROM pg_class c JOIN own n ON n.oid = c.relnamespace WHERE relkind IN ('v', 'm')
UNION ALL SELECT concat('constraint ', conname, ' ', conrelid::regclass, ' ', pg_get_constraintdef(k.oid), convalidated) FROM pg_constraint k JOIN own n ON n.oid = connamespace
UNION ALL SELECT concat('index ', pg_get_indexdef(indexrelid), ' ', indisvalid, indisclustered) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN own n ON n.oid = c.relnamespace
UNION ALL SELECT concat('trigger ', pg_get_triggerdef(t.oid), ' ', tgenabled) FROM pg_trigger t WHERE NOT tgisinternal
UNION ALL SELECT concat('rule ', rulename, ' ', ev_class::regclass, ' ', ev_enabled, md5(pg_get_ruledef(r.oid))) FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class JOIN own n ON n.oid = c.relnamespace
UNION ALL SELECT concat('policy ', polname, ' ', polrelid::regclass) FROM pg_policy
UNION ALL SELECT concat('event trigger ', evtname, evtenabled) FROM pg_event_trigger
UNION ALL SELECT concat('function ', concat_ws(' ', p.oid::regprocedure, proowner::regrole, prosecdef, proacl, proconfig, md5(prosrc), md5(pg_get_function_sqlbody(p.oid))))    FROM pg_proc p JOIN own n ON n.oid = pronamespace
UNION ALL SELECT concat('system functions ', md5(string_agg(concat(proname, prosrc, proacl), ',' ORDER BY p.oid))) FROM pg_proc p JOIN spaces n ON n.oid = pronamespace AND nspname = 'pg_catalog'
UNION ALL SELECT concat('type ', concat_ws(' ', nspname, typname, typtype, typowner::regrole, typacl, (SELECT string_agg(enumlabel, ',' ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid)))    FROM pg_type t JOIN own n ON n.oid = typnamespace
UNION ALL SELECT concat('cast ', castsource::regtype, ' ', casttarget::regtype, ' ', castcontext) FROM pg_cast
UNION ALL SELECT concat('operators ', count(*), ' ', md5(string_agg(concat(oprname, oprcode::regproc), ',' ORDER BY o.oid))) FROM pg_operator o JOIN spaces n ON n.oid = oprnamespace AND nspname = 'pg_catalog'
UNION ALL SELECT concat('operator ', o.oid::regoperator, ' ', oprcode::regproc) FROM pg_operator o JOIN own n ON n.oid = oprnamespace
UNION ALL SELECT concat('language ', lanname, lanpltrusted) FROM pg_language
UNION ALL SELECT concat('extension ', extname, extversion) FROM pg_extension
UNION ALL SELECT concat('foreign ', fdwname) FROM pg_foreign_data_wrapper
UNION ALL SELECT concat('server ', srvname) FROM pg_foreign_server
UNION ALL SELECT concat('mapping ', umserver) FROM pg_user_mapping
UNION ALL SELECT concat('publication ', pubname) FROM pg_publication
UNION ALL SELECT concat('default rights ', defaclobjtype, defaclacl::text) FROM pg_default_acl
UNION ALL SELECT concat('comment ', description) FROM pg_description WHERE objoid >= 16384
UNION ALL SELECT concat('label ', label) FROM pg_seclabel
UNION ALL SELECT concat('object ', oid, lomowner::regrole, md5(lo_get(oid))) FROM pg_largeobject_metadata
UNION ALL SELECT concat('rows ', c.oid::regclass, ' ', md5(query_to_xml('SELECT t::text FROM ' || c.oid::regclass || ' t ORDER BY 1', false, true, '')::text))    FROM pg_class c JOIN own n ON n.oid = c.relnamespace WHERE relkind IN ('r', 'm')
ORDER BY 1";

/// The positions of sequences: a refused statement moves none, but two equal databases may differ in them, because a
/// rolled-back statement keeps the numbers that it took.
const SEQUENCES: &str = "SELECT concat('sequence ', schemaname, '.', sequencename, ' ', coalesce(last_value, -1)) FROM pg_sequences ORDER BY 1";

/// What belongs to the whole server.
const SERVER: &str = "
SELECT concat('role ', concat_ws(' ', rolname, rolsuper, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls, rolconnlimit, md5(rolpassword))) FROM pg_authid
UNION ALL SELECT concat('member ', roleid::regrole, ' ', member::regrole, admin_option) FROM pg_auth_members
UNION ALL SELECT concat('setting ', setdatabase, setrole, setconfig::text) FROM pg_db_role_setting
UNION ALL SELECT concat('database ', concat_ws(' ', datname, datdba::regrole, datacl, datallowconn, datistemplate, datconnlimit)) FROM pg_database
UNION ALL SELECT concat('parameter ', parname, paracl::text) FROM pg_parameter_acl
UNION ALL SELECT concat('tablespace ', spcname) FROM pg_tablespace
UNION ALL SELECT concat('slot ', slot_name) FROM pg_replication_slots
UNION ALL SELECT concat('subscription ', subname) FROM pg_subscription
UNION ALL SELECT concat('prepared transaction ', gid) FROM pg_prepared_xacts
UNION ALL SELECT concat('configuration ', md5(pg_read_file('postgresql.auto.conf')))
UNION ALL SELECT concat('loaded ', pg_conf_load_time())
UNION ALL SELECT concat('statistics ', coalesce(stats_reset::text, '')) FROM pg_stat_database WHERE datname = current_database()
UNION ALL SELECT concat('guest ', count(*)) FROM pg_stat_activity WHERE application_name = 'guest'
ORDER BY 1";

/// A list of lines by which two states are compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fingerprint(Vec<String>);

impl Fingerprint {
    /// Of one database, its server and the folder that the server may write to.
    pub(super) fn take(client: &mut RawClient, files: &Path) -> Self {
        let mut lines = Self::of_database(client).0;
        for query in [SEQUENCES, SERVER] {
            lines.append(&mut rows(client, query));
        }
        let mut names: Vec<_> = fs::read_dir(files)
            .expect("a folder")
            .map(|entry| format!("file {:?}", entry.expect("an entry").file_name()))
            .collect();
        names.sort();
        lines.append(&mut names);
        Self(lines)
    }

    /// Of one database only, so that two databases can be compared.
    pub(super) fn of_database(client: &mut RawClient) -> Self {
        Self(rows(client, DATABASE))
    }

    /// What differs, in a few lines; `None` when nothing does.
    pub(super) fn changes(&self, later: &Self) -> Option<String> {
        let gone = self
            .0
            .iter()
            .filter(|line| !later.0.contains(line))
            .map(|line| format!("- {line}"));
        let new = later
            .0
            .iter()
            .filter(|line| !self.0.contains(line))
            .map(|line| format!("+ {line}"));
        let all: Vec<String> = gone.chain(new).collect();
        (!all.is_empty()).then(|| all.iter().take(8).map(|line| format!("\n    {line}")).collect())
    }
}

fn rows(client: &mut RawClient, query: &str) -> Vec<String> {
    let transcript = client.query(query).expect("the direct connection stands");
    if let Some(error) = transcript.error() {
        panic!("fingerprint: {error}");
    }
    transcript.rows().into_iter().map(|row| row.join(" ")).collect()
}
