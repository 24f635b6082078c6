-- The same, behind functions, views, triggers, rules, casts, operators, prepared statements and DO blocks.

-- @ refused | engineer agent service | a function that deletes all
SELECT shop.purge_customers()
-- @ refused | engineer agent service | … in FROM
SELECT * FROM shop.purge_customers()
-- @ refused | engineer agent service | … in a condition
SELECT 1 FROM shop.products WHERE shop.purge_customers() = 1
-- @ refused | engineer agent service | … behind a false condition that the server may still run
SELECT CASE WHEN id > 0 THEN shop.purge_customers() END FROM shop.products
-- @ refused | engineer agent service | … in LIMIT
SELECT 1 FROM shop.products LIMIT shop.purge_customers()
-- @ refused | engineer agent service | … in ORDER BY
SELECT id FROM shop.products ORDER BY shop.purge_customers()
-- @ refused | engineer agent service | … in VALUES
VALUES (shop.purge_customers())
-- @ refused | engineer agent service | … in a LATERAL join
SELECT p.id FROM shop.products p, LATERAL (SELECT shop.purge_customers()) x
-- @ refused | engineer agent service | … in a window frame
SELECT sum(price) OVER (ORDER BY id ROWS shop.purge_customers() PRECEDING) FROM shop.products
-- @ refused | engineer agent service | … in an array
SELECT ARRAY[1, shop.purge_customers()]
-- @ refused | engineer agent service | … as an argument
SELECT abs(shop.purge_customers())
-- @ refused | engineer agent service | … in INSERT values
INSERT INTO public.settings VALUES ('n', shop.purge_customers()::text)
-- @ refused | engineer agent service | … in RETURNING
UPDATE public.settings SET value = 'x' WHERE key = 'theme' RETURNING shop.purge_customers()
-- @ refused | engineer agent service | … in COPY (query)
COPY (SELECT shop.purge_customers()) TO STDOUT
-- @ refused | engineer agent service | … by search_path and a bare name
SET search_path TO shop
-- @ then
SELECT purge_customers()
-- @ refused | engineer agent service | … by search_path set with set_config
SELECT set_config('search_path', 'shop', false)
-- @ then
SELECT purge_customers()
-- @ refused | engineer agent service | … in EXPLAIN ANALYZE
EXPLAIN ANALYZE SELECT shop.purge_customers()
-- @ refused | engineer agent service | … as a cursor's query
BEGIN
-- @ then
DECLARE c CURSOR FOR SELECT shop.purge_customers()
-- @ then
FETCH ALL FROM c
-- @ then
COMMIT
-- @ refused | engineer agent service | … by a function that calls it
SELECT shop.tidy_up()
-- @ refused | engineer agent service | … by a view
SELECT * FROM shop.report
-- @ refused | engineer agent service | … by DEFAULT written out
INSERT INTO shop.tickets (priority, text) VALUES (DEFAULT, 'hello')
-- @ refused | engineer agent service | … by UPDATE to DEFAULT
UPDATE shop.tickets SET priority = DEFAULT WHERE id = 1
-- @ refused | engineer agent service | a function that drops
SELECT shop.rebuild()
-- @ refused | engineer agent service | a function that truncates
SELECT shop.empty_items()
-- @ refused | engineer agent service | a function that updates all
SELECT shop.raise_prices(10)
-- @ refused | engineer agent service | a function with a new-style body
SELECT shop.late_purge()
-- @ refused | engineer agent service | a function that gives rights
SELECT shop.give_rights()
-- @ refused | engineer agent service | a function that runs with its owner's rights
SELECT shop.as_owner()
-- @ refused | engineer agent service | a function that runs any text
SELECT shop.run('DROP TABLE shop.documents')
-- @ refused | engineer agent service | a function that runs a text built with format
SELECT shop.run_quoted('shop.order_items')
-- @ refused | engineer agent | a function in a language that can't be read
SELECT shop.end_session(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()
-- @ refused | engineer agent | a harmless function that can't be seen through
SELECT shop.loud('quiet')
-- @ refused simple | engineer agent service | a procedure that deletes all and commits
CALL shop.wipe()
-- @ refused | engineer agent service | an operator made from a deleting function
SELECT 1 OPERATOR(shop.<#>) 2
-- @ refused | engineer agent service | an operator found by search_path
SET search_path TO shop, public
-- @ then
SELECT 1 <#> 2
-- @ refused | engineer agent service | a cast made from a deleting function
SELECT 1::shop.mood
-- @ refused | engineer agent service | the same cast, spelt CAST
SELECT CAST(id AS shop.mood) FROM shop.products
-- @ refused | engineer agent service | an aggregate made from a deleting function
SELECT shop.collect(id) FROM shop.products
-- @ refused | engineer agent service | a domain whose check deletes
SELECT 5::shop.approved
-- @ refused | engineer agent service | a trigger that deletes all
INSERT INTO shop.mailbox VALUES (3, 'third')
-- @ refused | engineer agent service | a trigger that deletes all, by COPY
COPY shop.mailbox FROM STDIN
-- @ rows
9	ninth
-- @ refused | engineer agent service | a trigger that runs a text
DELETE FROM shop.mailbox WHERE id = 1
-- @ refused | engineer agent service | a trigger on a view
UPDATE shop.front_desk SET message = 'x' WHERE id = 1
-- @ refused | engineer agent service | a rule that deletes all
INSERT INTO shop.requests (what) VALUES ('please')
-- @ refused | engineer agent service | a function that opens a cursor and deletes
SELECT shop.cursor_on_all()
-- @ refused | engineer agent service | PREPARE and EXECUTE
PREPARE p AS DELETE FROM shop.customers
-- @ then
EXECUTE p
-- @ refused | engineer agent service | PREPARE of a CTE and EXECUTE in EXPLAIN ANALYZE
PREPARE p AS WITH gone AS (DELETE FROM shop.orders RETURNING 1) SELECT count(*) FROM gone
-- @ then
EXPLAIN ANALYZE EXECUTE p
-- @ refused | engineer agent service | CREATE TABLE AS EXECUTE
PREPARE p AS SELECT shop.purge_customers()
-- @ then
CREATE TEMP TABLE t AS EXECUTE p
-- @ refused | engineer agent service | PREPARE under one path, EXECUTE under another
SET search_path TO shop
-- @ then
PREPARE q AS SELECT purge_customers()
-- @ then
SET search_path TO public
-- @ then
EXECUTE q
-- @ refused | engineer agent service | DO with a plain DELETE
DO $$ BEGIN DELETE FROM shop.customers; END $$
-- @ refused | engineer agent service | DO with DROP in a branch
DO $$ BEGIN IF 1 = 1 THEN DROP TABLE shop.documents; END IF; END $$
-- @ refused | engineer agent service | DO with DROP in an exception handler
DO $$ BEGIN PERFORM 1 / 0; EXCEPTION WHEN OTHERS THEN DROP TABLE shop.documents; END $$
-- @ refused | engineer agent service | DO with a loop over keys
DO $$ DECLARE r record; BEGIN FOR r IN SELECT id FROM shop.documents LOOP DELETE FROM shop.documents WHERE id = r.id; END LOOP; DROP TABLE shop.documents; END $$
-- @ refused | engineer agent service | DO with EXECUTE of a constant
DO $$ BEGIN EXECUTE 'DROP TABLE shop.documents'; END $$
-- @ refused | engineer agent service | DO with EXECUTE of a concatenation
DO $$ BEGIN EXECUTE 'DR' || 'OP TA' || 'BLE shop.documents'; END $$
-- @ refused | engineer agent service | DO with EXECUTE of a decoded text
DO $$ BEGIN EXECUTE convert_from(decode('44524f50205441424c452073686f702e646f63756d656e7473', 'hex'), 'UTF8'); END $$
-- @ refused | engineer agent service | DO with EXECUTE in FOR … IN
DO $$ DECLARE r record; BEGIN FOR r IN EXECUTE 'DELETE FROM shop.documents RETURNING id' LOOP NULL; END LOOP; END $$
-- @ refused | engineer agent service | DO with RETURN QUERY-like PERFORM of a function
DO $$ BEGIN PERFORM shop.purge_customers(); END $$
-- @ refused | engineer agent service | DO with an assignment that calls a function
DO $$ DECLARE n integer; BEGIN n := shop.purge_customers(); END $$
-- @ refused | engineer agent service | DO with a default that calls a function
DO $$ DECLARE n integer := shop.purge_customers(); BEGIN NULL; END $$
-- @ refused | engineer agent service | DO with a condition that calls a function
DO $$ BEGIN WHILE shop.purge_customers() < 1 LOOP NULL; END LOOP; END $$
-- @ refused | engineer agent service | DO with RAISE that calls a function
DO $$ BEGIN RAISE NOTICE '%', shop.purge_customers(); END $$
-- @ refused | engineer agent service | DO with OPEN … FOR EXECUTE
DO $$ DECLARE c refcursor; BEGIN OPEN c FOR EXECUTE 'DELETE FROM shop.documents RETURNING id'; MOVE ALL FROM c; END $$
-- @ refused | engineer agent service | DO in the single-quoted form
DO 'BEGIN DELETE FROM shop.customers; END'
-- @ refused | engineer agent service | DO with a nested block and a label
DO LANGUAGE plpgsql $body$ <<outer>> BEGIN <<inner>> BEGIN TRUNCATE shop.order_items; END; END $body$
-- @ refused | engineer agent service | DO with CALL
DO $$ BEGIN CALL shop.wipe(); END $$
-- @ refused | engineer agent service | DO that sets the path for what follows
DO $$ BEGIN SET LOCAL search_path TO shop; PERFORM purge_customers(); END $$
-- @ refused | engineer agent service | query_to_xml runs its text
SELECT query_to_xml('DELETE FROM shop.customers RETURNING id', true, false, '')
-- @ refused | engineer agent service | query_to_xml with a harmless-looking text of a function
SELECT query_to_xml('SELECT shop.purge_customers()', true, false, '')
-- @ refused | engineer agent service | ts_stat runs its text
SELECT * FROM ts_stat('SELECT to_tsvector(shop.purge_customers()::text)')
-- @ refused | engineer agent service | cursor_to_xml over a cursor of somebody's text
SELECT query_to_xmlschema('SELECT shop.purge_customers()', true, false, '')
-- @ refused | engineer agent | database_to_xml reads everything
SELECT database_to_xml(true, false, '')
-- @ refused | engineer agent service | ts_rewrite runs its text
SELECT ts_rewrite('a'::tsquery, 'SELECT ''a''::tsquery, to_tsquery(''simple'', shop.purge_customers()::text)')
-- @ refused | engineer agent service | a temporary view over a trap
CREATE TEMP VIEW mine AS SELECT shop.purge_customers()
-- @ then
SELECT * FROM mine
-- @ refused | engineer agent service | a temporary function of one's own that drops
CREATE FUNCTION pg_temp.mine() RETURNS void LANGUAGE plpgsql AS $$ BEGIN DROP TABLE shop.documents; END $$
-- @ then
SELECT pg_temp.mine()
-- @ refused | engineer agent service | a temporary table that shadows, and a function that believes it
CREATE TEMP TABLE products AS SELECT 1 AS id, shop.purge_customers() AS n
