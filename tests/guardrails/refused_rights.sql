-- Rights raised, given or taken; other roles; tracks hidden.

-- @ refused | engineer agent service | GRANT on a table
GRANT ALL ON shop.customers TO PUBLIC
-- @ refused | engineer agent service | GRANT on a column
GRANT SELECT (secret) ON shop.accounts TO clerk
-- @ refused | engineer agent service | GRANT on all tables
GRANT SELECT ON ALL TABLES IN SCHEMA shop TO clerk
-- @ refused | engineer agent service | GRANT of a role
GRANT postgres TO clerk
-- @ refused | engineer agent service | GRANT of a server role
GRANT pg_execute_server_program TO clerk
-- @ refused | engineer agent service | GRANT of reading all data
GRANT pg_read_all_data TO clerk
-- @ refused | engineer agent service | GRANT of writing server files
GRANT pg_write_server_files TO clerk WITH ADMIN OPTION
-- @ refused | engineer agent service | GRANT on the database
GRANT CREATE ON DATABASE postgres TO PUBLIC
-- @ refused | engineer agent service | GRANT on a function
GRANT EXECUTE ON FUNCTION pg_read_file(text) TO PUBLIC
-- @ refused | engineer agent service | GRANT of a setting
GRANT SET ON PARAMETER session_replication_role TO clerk
-- @ refused | engineer agent service | REVOKE
REVOKE ALL ON shop.customers FROM PUBLIC
-- @ refused | engineer agent service | REVOKE of a role
REVOKE auditors FROM clerk
-- @ refused | engineer agent service | default privileges
ALTER DEFAULT PRIVILEGES IN SCHEMA shop GRANT ALL ON TABLES TO PUBLIC
-- @ refused | engineer agent service | CREATE ROLE
CREATE ROLE backdoor SUPERUSER LOGIN PASSWORD 'x'
-- @ refused | engineer agent service | CREATE USER
CREATE USER backdoor IN ROLE pg_read_all_data
-- @ refused | engineer agent service | CREATE GROUP, the old spelling
CREATE GROUP backdoor
-- @ refused | engineer agent service | ALTER ROLE … SUPERUSER
ALTER ROLE clerk SUPERUSER
-- @ refused | engineer agent service | ALTER USER … PASSWORD
ALTER USER postgres PASSWORD 'mine'
-- @ refused | engineer agent service | ALTER ROLE … BYPASSRLS
ALTER ROLE clerk BYPASSRLS
-- @ refused | engineer agent service | ALTER ROLE RENAME
ALTER ROLE clerk RENAME TO boss
-- @ refused | engineer agent service | ALTER GROUP ADD USER
ALTER GROUP auditors ADD USER clerk
-- @ refused | engineer agent service | ownership of a table
ALTER TABLE shop.customers OWNER TO clerk
-- @ refused | engineer agent service | ownership of a function
ALTER FUNCTION shop.order_total(integer) OWNER TO clerk
-- @ refused | engineer agent service | ownership of a schema
ALTER SCHEMA shop OWNER TO clerk
-- @ refused | engineer agent service | REASSIGN OWNED
REASSIGN OWNED BY clerk TO postgres
-- @ refused | engineer agent service | SET ROLE
SET ROLE clerk
-- @ refused | engineer agent service | SET LOCAL ROLE
BEGIN
-- @ then
SET LOCAL ROLE clerk
-- @ then
COMMIT
-- @ refused | engineer agent service | SET role as an ordinary setting
SET role = 'clerk'
-- @ refused | engineer agent service | set_config of role
SELECT set_config('role', 'clerk', false)
-- @ refused | engineer agent service | set_config of role, the name built at run time
SELECT set_config('ro' || 'le', 'clerk', false)
-- @ refused | engineer agent service | set_config of role, over a table
SELECT set_config(n, 'clerk', false) FROM (VALUES ('role')) v(n)
-- @ refused | engineer agent service | set_config through pg_catalog
SELECT pg_catalog.set_config('role', 'clerk', true)
-- @ refused | engineer agent service | UPDATE of pg_settings sets the role
UPDATE pg_settings SET setting = 'clerk' WHERE name = 'role'
-- @ refused | engineer agent service | SET SESSION AUTHORIZATION
SET SESSION AUTHORIZATION clerk
-- @ refused | engineer agent service | set_config of session_authorization
SELECT set_config('session_authorization', 'clerk', false)
-- @ refused | engineer agent service | SET ROLE in a DO block
DO $$ BEGIN SET ROLE clerk; END $$
-- @ refused | engineer agent service | set_config in a DO block
DO $$ BEGIN PERFORM set_config('role', 'clerk', false); END $$
-- @ refused | engineer agent service | triggers switched off for the session
SET session_replication_role = replica
-- @ refused | engineer agent service | … by set_config
SELECT set_config('session_replication_role', 'replica', false)
-- @ refused | engineer agent service | row security switched off for the session
SET row_security = off
-- @ refused | engineer agent service | system tables made writable
SET allow_system_table_mods = on
-- @ refused | engineer agent service | the server's log silenced
SET log_statement = 'none'
-- @ refused | engineer agent service | … by its threshold
SET log_min_messages = 'panic'
-- @ refused | engineer agent service | … by log_min_error_statement
SET log_min_error_statement TO panic
-- @ refused | engineer agent service | a row policy made
CREATE POLICY everyone ON shop.accounts USING (true)
-- @ refused | engineer agent service | row security forced
ALTER TABLE shop.accounts ENABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY
-- @ refused | engineer agent service | a function with its owner's rights
CREATE FUNCTION public.boss() RETURNS integer LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'
-- @ refused | engineer agent service | a function turned into one with its owner's rights
ALTER FUNCTION shop.order_total(integer) SECURITY DEFINER
-- @ refused | engineer agent service | a trigger planted
CREATE TRIGGER spy AFTER INSERT ON shop.orders FOR EACH ROW EXECUTE FUNCTION shop.on_mail()
-- @ refused | engineer agent service | an event trigger planted
CREATE EVENT TRIGGER spy ON ddl_command_end EXECUTE FUNCTION shop.on_ddl()
-- @ refused | engineer agent service | a rule planted
CREATE RULE spy AS ON UPDATE TO shop.orders DO INSTEAD DELETE FROM shop.orders
-- @ refused | engineer agent service | a rule that turns a table into a view
CREATE OR REPLACE RULE "_RETURN" AS ON SELECT TO shop.requests DO INSTEAD SELECT 1 AS id, 'x'::text AS what
-- @ refused | engineer agent service | an implicit cast planted
CREATE CAST (text AS integer) WITH INOUT AS IMPLICIT
-- @ refused | engineer agent service | an operator planted in front of another
CREATE OPERATOR public.= (LEFTARG = integer, RIGHTARG = integer, FUNCTION = shop.swap)
-- @ refused | engineer agent service | a function planted in the system's schema
CREATE FUNCTION pg_catalog.now(integer) RETURNS integer LANGUAGE sql AS 'SELECT 1'
-- @ refused | engineer agent service | code in an untrusted language
CREATE FUNCTION public.evil(text) RETURNS integer LANGUAGE c AS '/lib/x86_64-linux-gnu/libc.so.6', 'system'
-- @ refused | engineer agent service | an internal function under another name
CREATE FUNCTION public.ls(text) RETURNS SETOF text LANGUAGE internal AS 'pg_ls_dir_1arg'
-- @ refused | engineer agent service | LOAD of a library
LOAD 'plpgsql'
-- @ refused | engineer agent service | an extension
CREATE EXTENSION dblink
-- @ refused | engineer agent service | an untrusted language made
CREATE EXTENSION plpython3u
-- @ refused | engineer agent service | a language made by hand
CREATE LANGUAGE mine HANDLER plpgsql_call_handler
-- @ refused | engineer agent service | passwords read
SELECT rolname, rolpassword FROM pg_authid
-- @ refused | engineer agent service | passwords read by the view
SELECT * FROM pg_shadow
-- @ refused | engineer agent service | passwords read through a join and an alias
SELECT a.* FROM pg_roles r JOIN pg_catalog.pg_authid a USING (oid)
-- @ refused | engineer agent service | passwords read as whole rows
SELECT x FROM pg_authid x
-- @ refused | engineer agent service | passwords copied out
COPY pg_authid TO STDOUT
-- @ refused | engineer agent service | passwords copied out by query
COPY (SELECT rolpassword FROM pg_authid) TO STDOUT
-- @ refused | engineer agent service | passwords of user mappings
SELECT umoptions FROM pg_user_mapping
-- @ refused | engineer agent service | the system's own tables written
UPDATE pg_authid SET rolsuper = true WHERE rolname = 'clerk'
-- @ refused | engineer agent service | the system's own tables written, keyed
DELETE FROM pg_proc WHERE oid = 1
-- @ refused | engineer agent service | the system's own tables written by INSERT
INSERT INTO pg_description VALUES (1, 2, 3, 'x')
-- @ refused | engineer agent service | statistics reset
SELECT pg_stat_reset()
-- @ refused | engineer agent service | a security label
SECURITY LABEL ON TABLE shop.customers IS 'public'
