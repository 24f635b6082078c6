-- Settings, transactions and other commands that end with the session.

-- @ allowed | everyone | ordinary settings
SET statement_timeout = '30s'
-- @ then
SET lock_timeout TO 1000
-- @ then
SET work_mem = '8MB'
-- @ then
SHOW work_mem
-- @ allowed | everyone | the time zone
SET TIME ZONE 'Europe/Berlin'
-- @ then
SELECT '2024-07-01 12:00:00+00'::timestamptz
-- @ allowed | everyone | the time zone as an offset
SET TIME ZONE INTERVAL '+02:00' HOUR TO MINUTE
-- @ then
SHOW timezone
-- @ allowed | everyone | styles of dates and intervals
SET datestyle = 'German, DMY'
-- @ then
SET intervalstyle = 'iso_8601'
-- @ then
SELECT '2024-07-01'::date, '1 day 2 hours'::interval
-- @ allowed | everyone | output of numbers and bytes
SET extra_float_digits = 0
-- @ then
SET bytea_output = 'escape'
-- @ then
SELECT 0.1::float8 + 0.2::float8, '\x00ff'::bytea
-- @ allowed | everyone | SET LOCAL in a transaction
BEGIN
-- @ then
SET LOCAL search_path TO shop
-- @ then
SELECT count(*) FROM products
-- @ then
ROLLBACK
-- @ then
SHOW search_path
-- @ allowed | everyone | set_config of ordinary settings
SELECT set_config('work_mem', '9MB', false), set_config('app.user_id', '42', false), current_setting('app.user_id')
-- @ allowed | everyone | custom settings
SET app.tenant = 'DROP TABLE'
-- @ then
SHOW app.tenant
-- @ allowed | everyone | planner settings
SET enable_seqscan = off
-- @ then
SET random_page_cost = 1.1
-- @ then
SET jit = off
-- @ allowed | everyone | the settings of asyncpg
SELECT set_config('jit', 'off', false), set_config('extra_float_digits', '2', false)
-- @ allowed | everyone | client encoding UTF8
SET client_encoding TO 'UTF8'
-- @ then
SELECT 'ä'
-- @ allowed | everyone | names of clients
SET client_min_messages TO warning
-- @ allowed | everyone | RESET and RESET ALL
SET work_mem = '7MB'
-- @ then
RESET work_mem
-- @ then
RESET ALL
-- @ then
SHOW work_mem
-- @ allowed | everyone | DISCARD
DISCARD PLANS
-- @ then
DISCARD SEQUENCES
-- @ then
DISCARD TEMP
-- @ allowed simple | everyone | DISCARD ALL
DISCARD ALL
-- @ allowed | everyone | standard_conforming_strings set to what it is
SET standard_conforming_strings = on
-- @ then
SELECT '\'
-- @ allowed | everyone | transaction modes
SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY
-- @ then
SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE
-- @ allowed | everyone | default_transaction_read_only
SET default_transaction_read_only = on
-- @ then
INSERT INTO public.inbox (message) VALUES ('refused by the server')
-- @ then
SET default_transaction_read_only = off
-- @ allowed | everyone | BEGIN with all its words
BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY, NOT DEFERRABLE
-- @ then
SHOW transaction_isolation
-- @ then
COMMIT
-- @ allowed | everyone | START TRANSACTION … END
START TRANSACTION
-- @ then
SELECT 1
-- @ then
END
-- @ allowed | everyone | COMMIT AND CHAIN
BEGIN
-- @ then
COMMIT AND CHAIN
-- @ then
ROLLBACK AND NO CHAIN
-- @ allowed | everyone | COMMIT outside a transaction warns
COMMIT
-- @ allowed | everyone | ABORT
BEGIN
-- @ then
SELECT 1 / 0
-- @ then
SELECT 'not reached'
-- @ then
ABORT
-- @ allowed | everyone | SET TRANSACTION
BEGIN
-- @ then
SET TRANSACTION ISOLATION LEVEL SERIALIZABLE
-- @ then
COMMIT
-- @ allowed | everyone | SET CONSTRAINTS
BEGIN
-- @ then
SET CONSTRAINTS ALL DEFERRED
-- @ then
COMMIT
-- @ allowed | everyone | LISTEN, NOTIFY, UNLISTEN
LISTEN "drop table"
-- @ then
UNLISTEN *
-- @ allowed | everyone | pg_notify
SELECT pg_notify('news', 'DELETE FROM everything')
-- @ allowed | everyone | SHOW ALL's row of one setting
SELECT name, setting FROM pg_settings WHERE name IN ('block_size', 'standard_conforming_strings') ORDER BY name
-- @ allowed | everyone | advisory locks
SELECT pg_advisory_lock(42)
-- @ then
SELECT pg_try_advisory_lock(42)
-- @ then
SELECT pg_advisory_unlock(42), pg_advisory_unlock(42)
-- @ allowed | everyone | advisory locks of a transaction
BEGIN
-- @ then
SELECT pg_advisory_xact_lock(1, 2)
-- @ then
COMMIT
-- @ allowed | everyone | a short sleep
SELECT pg_sleep(0.01)
-- @ allowed | everyone | DEALLOCATE ALL
PREPARE p AS SELECT 1
-- @ then
DEALLOCATE ALL
-- @ then
EXECUTE p
-- @ allowed | everyone | a held cursor
BEGIN
-- @ then
DECLARE h CURSOR WITH HOLD FOR SELECT id FROM shop.products ORDER BY id
-- @ then
COMMIT
-- @ then
FETCH 2 FROM h
-- @ then
CLOSE h
-- @ allowed | everyone | EXPLAIN EXECUTE
PREPARE p(int) AS SELECT name FROM shop.products WHERE id = $1
-- @ then
EXPLAIN (COSTS off) EXECUTE p(1)
-- @ allowed | everyone | who am I
SELECT current_user = session_user, current_catalog = current_database(), inet_client_port() IS NOT NULL
-- @ allowed | everyone | transaction ids
SELECT txid_current_if_assigned() IS NULL, pg_current_snapshot() IS NOT NULL

-- @ allowed | everyone | a cursor over a function whose names stay where they were
SET search_path = calm, shop
-- @ then
BEGIN
-- @ then
DECLARE c CURSOR FOR SELECT shop.weather()
-- @ then
FETCH ALL FROM c
-- @ then
COMMIT
-- @ allowed | engineer agent service | a cursor over a function while the session's catalog moves
BEGIN
-- @ then
DECLARE c CURSOR FOR SELECT shop.weather()
-- @ then
CREATE TEMP TABLE forecast (day date)
-- @ then
FETCH ALL FROM c
-- @ then
ROLLBACK
