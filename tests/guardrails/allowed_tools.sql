-- What tools and libraries send by themselves.

-- @ allowed | everyone | JDBC: getTables
SELECT NULL AS TABLE_CAT, n.nspname AS TABLE_SCHEM, c.relname AS TABLE_NAME, CASE n.nspname ~ '^pg_' OR n.nspname = 'information_schema' WHEN true THEN 'SYSTEM' ELSE 'USER' END AS TABLE_TYPE, d.description AS REMARKS FROM pg_catalog.pg_namespace n, pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_description d ON (c.oid = d.objoid AND d.objsubid = 0 and d.classoid = 'pg_class'::regclass) WHERE c.relnamespace = n.oid AND n.nspname LIKE 'shop' ORDER BY TABLE_TYPE, TABLE_SCHEM, TABLE_NAME
-- @ allowed | everyone | psql: \d of a table
SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), (SELECT pg_catalog.pg_get_expr(d.adbin, d.adrelid, true) FROM pg_catalog.pg_attrdef d WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum AND a.atthasdef), a.attnotnull FROM pg_catalog.pg_attribute a WHERE a.attrelid = 'shop.orders'::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
-- @ allowed | everyone | psql: \dt
SELECT n.nspname as "Schema", c.relname as "Name", CASE c.relkind WHEN 'r' THEN 'table' WHEN 'v' THEN 'view' END as "Type", pg_catalog.pg_get_userbyid(c.relowner) as "Owner" FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r','p','') AND n.nspname <> 'pg_catalog' AND n.nspname !~ '^pg_toast' AND n.nspname <> 'information_schema' AND pg_catalog.pg_table_is_visible(c.oid) ORDER BY 1,2
-- @ allowed | everyone | psql: \df
SELECT n.nspname, p.proname, pg_catalog.pg_get_function_result(p.oid), pg_catalog.pg_get_function_arguments(p.oid) FROM pg_catalog.pg_proc p LEFT JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'shop' ORDER BY 1, 2, 4
-- @ allowed | everyone | psql: tab completion
SELECT pg_catalog.quote_ident(c.relname) FROM pg_catalog.pg_class c WHERE c.relkind IN ('r', 'S', 'v', 'm', 'f', 'p') AND substring(pg_catalog.quote_ident(c.relname),1,2)='in' AND pg_catalog.pg_table_is_visible(c.oid) ORDER BY 1 LIMIT 1000
-- @ allowed | everyone | psql: \du
SELECT r.rolname, r.rolsuper, r.rolinherit, ARRAY(SELECT b.rolname FROM pg_catalog.pg_auth_members m JOIN pg_catalog.pg_roles b ON (m.roleid = b.oid) WHERE m.member = r.oid) as memberof FROM pg_catalog.pg_roles r WHERE r.rolname !~ '^pg_' ORDER BY 1
-- @ allowed | everyone | psql: \l
SELECT d.datname, pg_catalog.pg_get_userbyid(d.datdba), pg_catalog.pg_encoding_to_char(d.encoding) FROM pg_catalog.pg_database d WHERE d.datname LIKE 'template%' ORDER BY 1
-- @ allowed | everyone | definitions of constraints and indexes
SELECT conname, pg_get_constraintdef(oid, true) FROM pg_constraint WHERE conrelid = 'shop.orders'::regclass UNION ALL SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = 'shop.orders'::regclass ORDER BY 1
-- @ allowed | everyone | definitions of functions and views
SELECT pg_get_functiondef('shop.purge_customers'::regproc), pg_get_viewdef('shop.report'::regclass), pg_get_triggerdef(oid) FROM pg_trigger WHERE tgname = 'mail_arrives'
-- @ allowed | everyone | SQLAlchemy: has_table
SELECT pg_catalog.pg_class.relname FROM pg_catalog.pg_class JOIN pg_catalog.pg_namespace ON pg_catalog.pg_namespace.oid = pg_catalog.pg_class.relnamespace WHERE pg_catalog.pg_class.relname = 'orders' AND pg_catalog.pg_class.relkind = ANY (ARRAY['r', 'p', 'f', 'v', 'm']) AND pg_catalog.pg_table_is_visible(pg_catalog.pg_class.oid) AND pg_catalog.pg_namespace.nspname != 'pg_catalog'
-- @ allowed | everyone | SQLAlchemy: its first questions
select pg_catalog.version()
-- @ then
select current_schema()
-- @ then
show standard_conforming_strings
-- @ allowed | everyone | Django: a page of a list
SELECT "customers"."id", "customers"."email", "customers"."name" FROM "shop"."customers" WHERE ("customers"."active" AND UPPER("customers"."name"::text) LIKE UPPER('%person 1%')) ORDER BY "customers"."id" ASC LIMIT 21
-- @ allowed | everyone | Django: exists
SELECT (1) AS "a" FROM "shop"."orders" WHERE "orders"."status" = 'new' LIMIT 1
-- @ allowed | everyone | Rails: its types
SELECT t.oid > 0, t.typname, t.typelem > 0, t.typdelim, t.typinput::text, r.rngsubtype, t.typtype, t.typbasetype FROM pg_type as t LEFT JOIN pg_range as r ON oid = rngtypid WHERE t.typname IN ('int2', 'int4', 'int8', 'oid', 'float4', 'float8', 'text', 'varchar', 'bool', 'jsonb') ORDER BY typname
-- @ allowed | everyone | Rails: one record with its last update
UPDATE "shop"."products" SET "name" = 'from Rails' WHERE "products"."id" = 10
-- @ allowed | everyone | Hibernate: nextval
select nextval ('shop.invoice_numbers')
-- @ allowed | everyone | Hibernate: a row by key
select c1_0.id,c1_0.email,c1_0.name from shop.customers c1_0 where c1_0.id=1
-- @ allowed | everyone | Prisma: an insert in a transaction
BEGIN
-- @ then
INSERT INTO "public"."inbox" ("message") VALUES ('from Prisma') RETURNING "public"."inbox"."message"
-- @ then
COMMIT
-- @ allowed | everyone | Prisma: a read with COALESCE and aggregates
SELECT COALESCE(JSONB_AGG("__prisma_data__"), '[]') AS "__prisma_data__" FROM (SELECT JSONB_BUILD_OBJECT('id', "t1"."id") AS "__prisma_data__" FROM (SELECT "t0"."id" FROM "shop"."products" AS "t0" ORDER BY "t0"."id" LIMIT 2) AS "t1") AS "t2"
-- @ allowed | everyone | asyncpg: type introspection
WITH RECURSIVE typeinfo_tree(oid, ns, name, kind, basetype, elemtype, depth) AS (SELECT t.oid, n.nspname, t.typname, t.typtype, t.typbasetype, t.typelem, 0 FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace WHERE t.oid = ANY('{23,25}'::oid[]) UNION ALL SELECT t.oid, n.nspname, t.typname, t.typtype, t.typbasetype, t.typelem, tt.depth + 1 FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace, typeinfo_tree tt WHERE tt.elemtype <> 0 AND t.oid = tt.elemtype) SELECT DISTINCT * FROM typeinfo_tree ORDER BY depth DESC, oid
-- @ allowed | everyone | Grafana: a time series
SELECT to_timestamp(floor(extract(epoch from at) / 2592000) * 2592000) AS "time", avg(value) FROM shop.measurements WHERE at BETWEEN '2023-07-01T00:00:00Z' AND '2024-05-01T00:00:00Z' GROUP BY 1 ORDER BY 1
-- @ allowed | everyone | Metabase: sync of columns
SELECT c.column_name, c.udt_name, pk.column_name IS NOT NULL FROM information_schema.columns c LEFT JOIN (SELECT kcu.table_schema, kcu.table_name, kcu.column_name FROM information_schema.table_constraints tc JOIN information_schema.key_column_usage kcu USING (constraint_name, table_schema, table_name) WHERE tc.constraint_type = 'PRIMARY KEY') pk USING (table_schema, table_name, column_name) WHERE c.table_schema = 'shop' AND c.table_name = 'order_items' ORDER BY c.ordinal_position
-- @ allowed | everyone | DBeaver: databases and extra float digits
SET extra_float_digits = 3
-- @ then
SELECT db.oid > 0, db.datname FROM pg_catalog.pg_database db WHERE datname = 'postgres'
-- @ allowed | everyone | pgAdmin: what is blocked
SELECT pid > 0, usename IS NOT NULL FROM pg_stat_activity WHERE pid = pg_backend_pid()
-- @ allowed | everyone | node-postgres: dates as text
SELECT now() > '2020-01-01' AS now, CURRENT_TIMESTAMP - CURRENT_TIMESTAMP AS zero, localtime = localtime
-- @ allowed | everyone | a health check
SELECT 1
-- @ allowed | everyone | a health check of poolers
SELECT pg_is_in_recovery()
-- @ allowed | everyone | sequences behind columns
SELECT pg_get_serial_sequence('shop.orders', 'id'), to_regclass('shop.nothing') IS NULL, 'shop.orders_id_seq'::regclass
-- @ allowed | everyone | what roles may do
SELECT has_table_privilege('shop.orders', 'DELETE'), has_schema_privilege('shop', 'CREATE'), pg_has_role('pg_read_all_data', 'USAGE')
-- @ allowed | everyone | comments of objects
SELECT obj_description('shop.orders'::regclass), col_description('shop.orders'::regclass, 1)
-- @ allowed | everyone | partitions
SELECT relid::text, level, isleaf FROM pg_partition_tree('shop.measurements') ORDER BY 1
-- @ allowed | everyone | extensions
SELECT extname FROM pg_extension ORDER BY 1
-- @ allowed | everyone | pgbench's statements
BEGIN
-- @ then
UPDATE shop.customers SET balance = balance + 7 WHERE id = 12
-- @ then
SELECT balance FROM shop.customers WHERE id = 12
-- @ then
INSERT INTO shop.audit_trail (at, what) VALUES (CURRENT_TIMESTAMP - CURRENT_TIMESTAMP + timestamptz '2024-01-01', 'pgbench')
-- @ then
END
-- @ allowed | everyone | pg_dump: a setting by its row
SELECT set_config(name, 'view, foreign-table', false) FROM pg_settings WHERE name = 'restrict_nonsystem_relation_kind'
