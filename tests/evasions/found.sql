-- Bypasses that were found by trying. Nothing here is ever removed.

-- @ refused | engineer agent service | a condition that a function makes true
DELETE FROM shop.orders WHERE length('x') = 1
-- @ refused | engineer agent service | a condition that the clock makes true
DELETE FROM shop.orders WHERE now() > '2000-01-01'
-- @ refused | engineer agent service | a condition over a constant row
DELETE FROM shop.orders WHERE (1, 2) = (1, 2)
-- @ refused | engineer agent service | a condition over a constant array
DELETE FROM shop.orders WHERE 1 = ANY (ARRAY[1, 2])
-- @ refused | engineer agent service | a condition over VALUES
DELETE FROM shop.orders WHERE 1 IN (VALUES (1))
-- @ refused | engineer agent service | a condition over another table altogether
DELETE FROM shop.orders WHERE EXISTS (SELECT FROM shop.products)
-- @ refused | engineer agent service | a condition that only says IS NOT DISTINCT FROM itself
DELETE FROM shop.orders WHERE orders.id IS NOT DISTINCT FROM orders.id
-- @ refused | engineer agent service | a double negation
DELETE FROM shop.orders WHERE NOT (NOT true)
-- @ refused | engineer agent service | true as a text with spaces
DELETE FROM shop.orders WHERE ' yes '::boolean
-- @ refused | engineer agent service | a self join by key
DELETE FROM shop.orders a USING shop.orders b WHERE a.id = b.id
-- @ refused | engineer agent service | an update that reads itself by key
UPDATE shop.products SET price = 0 FROM shop.products p WHERE p.id = shop.products.id
-- @ refused | engineer agent service | a write hidden in a scalar subquery's CTE is no syntax error
WITH x AS (UPDATE shop.products SET price = 0 RETURNING id) SELECT (SELECT count(*) FROM x)
-- @ refused | engineer agent service | INSERT … ON CONFLICT that rewrites every row
INSERT INTO shop.products SELECT * FROM shop.products ON CONFLICT (id) DO UPDATE SET price = 0
-- @ refused | engineer agent service | a cursor, then WHERE CURRENT OF in a loop of a block
DO $$ DECLARE c CURSOR FOR SELECT * FROM shop.documents FOR UPDATE; BEGIN FOR r IN c LOOP DELETE FROM shop.documents WHERE CURRENT OF c; END LOOP; END $$
-- @ refused | engineer agent service | ALTER TABLE … ALTER COLUMN TYPE through a domain that deletes
ALTER TABLE shop.audit_trail ALTER COLUMN id TYPE shop.approved
-- @ refused | engineer agent service | a foreign key that cascades, planted
ALTER TABLE shop.accounts ADD FOREIGN KEY (id) REFERENCES shop.products ON DELETE CASCADE
-- @ refused | engineer agent service | a check constraint that calls a trap
ALTER TABLE shop.accounts ADD CHECK (shop.approve(id))
-- @ refused | engineer agent service | an index expression that calls a trap
CREATE INDEX CONCURRENTLY ON shop.accounts ((shop.greeting(owner))) WHERE shop.approve(id)
-- @ refused | engineer agent service | a column default that calls a trap, added
ALTER TABLE shop.accounts ADD COLUMN n integer DEFAULT shop.purge_customers()
-- @ refused | engineer agent service | a temporary table's default that calls a trap
CREATE TEMP TABLE t (id integer, n integer DEFAULT shop.purge_customers())
-- @ then
INSERT INTO t (id) VALUES (1)
-- @ refused | engineer agent service | a temporary table's check that calls a trap
CREATE TEMP TABLE t (id integer CHECK (shop.approve(id)))
-- @ then
INSERT INTO t VALUES (1)
-- @ refused | engineer agent service | a temporary table's generated column
CREATE TEMP TABLE t (id integer)
-- @ then
CREATE TRIGGER x BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION shop.on_mail()
-- @ then
INSERT INTO t VALUES (1)
-- @ refused | engineer agent service | a temporary table with the trap's domain
CREATE TEMP TABLE t (id shop.approved)
-- @ then
INSERT INTO t VALUES (1)
-- @ refused | engineer agent service | the trap's domain in an array
SELECT ARRAY[1]::shop.approved[]
-- @ refused | engineer agent service | the trap's domain in JSON
SELECT * FROM jsonb_to_record('{"n": 1}') AS x(n shop.approved)
-- @ refused | engineer agent service | the trap as an aggregate's FILTER
SELECT count(*) FILTER (WHERE shop.approve(id)) FROM shop.products
-- @ refused | engineer agent service | the trap in GROUP BY and HAVING
SELECT 1 FROM shop.products GROUP BY shop.approve(id) HAVING bool_or(shop.approve(1))
-- @ refused | engineer agent service | the trap in a join condition
SELECT 1 FROM shop.products a JOIN shop.products b ON shop.approve(a.id)
-- @ refused | engineer agent service | the trap in TABLESAMPLE's argument
SELECT 1 FROM shop.products TABLESAMPLE system (shop.purge_customers())
-- @ refused | engineer agent service | the trap in EXECUTE's argument
PREPARE p(integer) AS SELECT $1
-- @ then
EXECUTE p(shop.purge_customers())
-- @ refused | engineer agent service | the trap by named argument
SELECT shop.swap(b => 1, a => 2)
-- @ refused | engineer agent service | the trap by field notation
SELECT (p).on_everything FROM (SELECT shop.purge_customers() AS on_everything) p
-- @ refused | engineer agent service | the trap in MERGE's condition
MERGE INTO public.settings s USING (SELECT 1) v ON shop.approve(1) WHEN NOT MATCHED THEN DO NOTHING
-- @ refused | engineer agent service | CREATE OR REPLACE of a trap's neighbour that operators use
CREATE OR REPLACE FUNCTION shop.greeting(who text) RETURNS text LANGUAGE sql AS 'SELECT ''x'''
-- @ refused | engineer agent service | a function in front of the system's by search_path
BEGIN
-- @ then
CREATE FUNCTION public.lower(text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN DELETE FROM shop.documents; RETURN ''; END $$
-- @ then
SET search_path = public, pg_catalog
-- @ then
SELECT lower('X')
-- @ refused | engineer agent service | COPY FREEZE into a table emptied in the same transaction
BEGIN
-- @ then
TRUNCATE public.settings
-- @ then
COPY public.settings FROM STDIN WITH (FREEZE)
-- @ then
COMMIT
-- @ refused simple | engineer agent service | a NUL-free end of text that isn't one: semicolon in a name
SELECT 1 AS ";"; DROP TABLE shop.documents
-- @ refused simple | engineer agent service | a line comment ended by a carriage return
SELECT 1 -- DROP TABLE shop.documents
; DELETE FROM shop.documents
-- @ refused | engineer agent service | set_config inside the statement that relies on it
SELECT set_config('role', 'clerk', true), current_user
-- @ refused | engineer agent service | a role change by a function's own setting
CREATE FUNCTION pg_temp.f() RETURNS integer LANGUAGE sql SET role = 'clerk' AS 'SELECT 1'
-- @ then
SELECT pg_temp.f()
-- @ refused | agent | large objects written through a descriptor
SELECT lowrite(lo_open(4242, 131072), '\x00')
-- @ refused | engineer agent service | pg_read_file through its oid
SELECT pg_catalog.pg_read_file('postgresql.conf', 0, 10)
-- @ refused | engineer agent service | other sessions' locks broken by a timeout of ours is fine, but not their end
SELECT bool_and(pg_cancel_backend(pid)) FROM pg_locks WHERE pid <> pg_backend_pid()
-- @ refused | engineer agent service | all rows through a temporary view of one's own
CREATE TEMP VIEW mine AS SELECT * FROM shop.order_items
-- @ then
DELETE FROM mine
-- @ refused | engineer agent service | … a view over that view, changed
CREATE TEMP VIEW mine AS SELECT * FROM shop.products
-- @ then
CREATE TEMP VIEW again AS SELECT * FROM mine
-- @ then
UPDATE again SET price = 0
-- @ refused simple | engineer agent service | … in one message
CREATE TEMP VIEW mine AS SELECT * FROM shop.order_items; DELETE FROM mine
-- @ refused | engineer agent service | an option given twice, of which the server takes the last
EXPLAIN (ANALYZE off, ANALYZE on) DELETE FROM shop.documents
-- @ refused | engineer agent service | a function named as syntax of newer servers
BEGIN
-- @ then
CREATE FUNCTION public.json_scalar(integer) RETURNS integer LANGUAGE sql AS 'DELETE FROM shop.order_items; SELECT 1'
-- @ then
SELECT json_scalar(1)
-- @ refused | engineer agent service | … one without arguments
BEGIN
-- @ then
CREATE FUNCTION public.merge_action() RETURNS text LANGUAGE sql AS 'DELETE FROM shop.order_items; SELECT ''x'''
-- @ then
SELECT merge_action()
-- @ refused | engineer agent service | … one that the grammar gives the server's schema
BEGIN
-- @ then
CREATE FUNCTION public.json_object(integer) RETURNS integer LANGUAGE sql AS 'DELETE FROM shop.order_items; SELECT 1'
-- @ then
SELECT json_object(1)
-- @ refused | engineer agent service | the trap's domain as a function's argument
CREATE FUNCTION pg_temp.f(shop.approved) RETURNS integer LANGUAGE sql AS 'SELECT 1'
-- @ then
SELECT pg_temp.f(1)
-- @ refused | engineer agent service | the trap's domain as a function's result
CREATE FUNCTION pg_temp.f() RETURNS shop.approved LANGUAGE sql AS 'SELECT 1'
-- @ then
SELECT pg_temp.f()
-- @ refused | engineer agent service | row security switched on, which hides every row
ALTER TABLE shop.documents ENABLE ROW LEVEL SECURITY
-- @ refused | engineer agent service | a function renamed away
ALTER FUNCTION shop.order_total(integer) RENAME TO gone
-- @ refused | engineer agent service | a sequence renamed away
ALTER SEQUENCE shop.invoice_numbers RENAME TO gone
-- @ refused | engineer agent service | IN with an item that is the constant itself
DELETE FROM shop.orders WHERE 'a' IN (status, 'a')
-- @ refused | engineer agent service | NOT IN of what no key is
DELETE FROM shop.orders WHERE id NOT IN (0, -1)
-- @ refused | engineer agent service | all but none
DELETE FROM shop.orders WHERE id <> ALL ('{}')
-- @ refused | engineer agent service | a key cast and compared to the edge
DELETE FROM shop.orders WHERE id::bigint + 0 > 0
-- @ refused | engineer agent service | keys of the same table, LIMIT ALL
DELETE FROM shop.orders WHERE id IN (SELECT id FROM shop.orders LIMIT ALL)
-- @ refused | engineer agent service | keys of the same table, through a derived table
DELETE FROM shop.orders WHERE id IN (SELECT id FROM (SELECT * FROM shop.orders) x)
-- @ refused | engineer agent service | keys of the same table, in a UNION
DELETE FROM shop.orders WHERE id IN (SELECT 0 UNION ALL SELECT id FROM shop.orders)
-- @ refused | engineer agent service | keys of the same table, as an array
DELETE FROM shop.orders WHERE id = ANY (ARRAY(SELECT id FROM shop.orders))
-- @ refused | engineer agent service | the table that a row is in
DELETE FROM shop.orders WHERE tableoid = 'shop.orders'::regclass
-- @ refused | engineer agent service | dates after minus infinity
DELETE FROM shop.orders WHERE placed_on > '-infinity'
-- @ refused | engineer agent service | a cursor whose function finds another body by the time of FETCH
SET search_path = calm, shop
-- @ then
BEGIN
-- @ then
DECLARE c CURSOR FOR SELECT shop.weather()
-- @ then
SET LOCAL search_path = stormy, shop
-- @ then
FETCH ALL FROM c
-- @ refused | engineer agent service | a setting named by its row
SELECT set_config(name, 'off', false) FROM pg_settings WHERE name = 'row_security'
-- @ refused | engineer agent service | a setting named by a row of one's own
WITH pg_settings AS (SELECT 'row_security'::text AS name) SELECT set_config(name, 'off', false) FROM pg_settings WHERE name = 'row_security'
-- @ refused | engineer agent service | a setting named by a row that a wider condition finds
SELECT set_config(name, 'off', false) FROM pg_settings WHERE name = 'work_mem' OR name = 'row_security'
-- @ refused | engineer agent service | every document, by an empty path
DELETE FROM shop.profiles WHERE data#>'{}' IS NOT NULL
-- @ refused | engineer agent service | a new parent through which an old table is emptied
BEGIN
-- @ then
CREATE TABLE shop.above_{who} (LIKE shop.orders)
-- @ then
ALTER TABLE shop.orders INHERIT shop.above_{who}
-- @ then
TRUNCATE shop.above_{who}
-- @ refused | engineer agent service | a new parent through which an old table's rows are deleted
BEGIN
-- @ then
CREATE TABLE shop.above_{who} (LIKE shop.orders)
-- @ then
ALTER TABLE shop.orders INHERIT shop.above_{who}
-- @ then
DELETE FROM shop.above_{who}
-- @ refused | engineer | a function that fits a call better than the one that is meant
CREATE FUNCTION shop.greeting(name varchar) RETURNS text LANGUAGE sql AS 'SELECT ''x''::text'
-- @ refused | engineer | a function of a built-in one's name
CREATE FUNCTION public.upper(varchar) RETURNS text LANGUAGE sql AS 'SELECT ''x''::text'
-- @ refused | engineer agent service | a sequence set back: keys that were given are given again
ALTER SEQUENCE shop.invoice_numbers RESTART
-- @ refused | engineer agent service | the same, with a value
ALTER SEQUENCE shop.invoice_numbers CACHE 10 RESTART WITH 1
-- @ refused | engineer agent service | a value of an enum taken from those who use it
ALTER TYPE shop.mood RENAME VALUE 'ok' TO 'fine'
-- @ refused | engineer agent service | a check that no row passes, without looking at any
ALTER TABLE shop.products ADD CONSTRAINT closed CHECK (false) NOT VALID
-- @ refused | engineer agent service | the same in other words
ALTER TABLE shop.products ADD CONSTRAINT closed CHECK (1 > length('xx')) NOT VALID
-- @ refused | engineer | a schema called like the login, which every path begins with
CREATE SCHEMA postgres
-- @ refused | engineer | a table that stands before another's in the path
SET search_path TO public, shop
-- @ then
CREATE TABLE documents (id integer, title text, body text)
-- @ refused | engineer | a view that stands before another's table in the path
SET search_path TO public, shop
-- @ then
CREATE VIEW products AS SELECT 1 AS id, 'free' AS sku, 0.0 AS price
-- @ refused | agent | an array in an array holds more than one value
UPDATE shop.orders SET status = 'paid' WHERE id = ANY (ARRAY[(SELECT array_agg(id) FROM shop.orders)])
-- @ refused | agent | the same, as a constant
UPDATE shop.orders SET status = 'paid' WHERE id = ANY (ARRAY['{1,2,3,4,5,6}'::integer[]])
-- @ refused | agent | a vector without commas
UPDATE shop.orders SET status = 'paid' WHERE id = ANY ('1 2 3 4 5 6 7 8'::int2vector)
-- @ refused | agent | a limited subquery that gives each row its own key
UPDATE shop.orders o SET status = 'paid' WHERE id IN (SELECT x.id FROM shop.orders x WHERE x.id = o.id LIMIT 1)
-- @ refused | agent | a subquery that doesn't see its neighbours sees the row
UPDATE shop.orders SET status = 'paid' WHERE id = (SELECT q.x FROM (SELECT id AS x) q, shop.products s LIMIT 1)
-- @ refused | agent | a join whose name hides those of its parts
UPDATE shop.orders SET status = 'paid' WHERE id = (SELECT orders.id FROM (shop.products AS orders CROSS JOIN shop.nodes) AS j LIMIT 1)
-- @ refused | agent | a window whose frame is the row's
UPDATE shop.orders SET status = 'paid' WHERE id < 61 AND id = (SELECT count(*) OVER (ORDER BY x ROWS id - 1 PRECEDING) FROM generate_series(1, 60) x ORDER BY x DESC LIMIT 1)
-- @ refused | agent | an aggregate ordered by the row
UPDATE shop.orders SET status = 'paid' WHERE id < 61 AND id = (SELECT (array_agg(x ORDER BY x = id DESC))[1] FROM generate_series(1, 60) x)
-- @ refused | agent | grouping sets make rows out of nothing
INSERT INTO public.inbox (message) SELECT 'x' GROUP BY CUBE (1 + 0, 2 + 0, 3 + 0)
-- @ refused | agent | the same, by sets that are nothing
INSERT INTO public.inbox (message) SELECT 'x' GROUP BY GROUPING SETS ((), (), (), ())
-- @ refused | engineer agent | another session's temporary table
DROP TABLE pg_temp_3.orders
-- @ refused | engineer agent | another session's temporary table, under a name that is read
ALTER TABLE pg_temp_4.scratch RENAME TO orders
-- @ refused simple | service | a function is made and run before anybody can read it
CREATE FUNCTION public.unread() RETURNS void LANGUAGE sql AS 'TRUNCATE shop.accounts'; SELECT public.unread()
-- @ refused | service | a temporary table goes before the one whose name it had
CREATE TEMP TABLE accounts (id integer)
-- @ then
SET search_path TO pg_temp, shop, public
-- @ then
DROP TABLE pg_temp.accounts; DELETE FROM accounts
-- @ refused | engineer agent | a function that empties a table, for others to call
CREATE FUNCTION public.innocent() RETURNS void LANGUAGE sql AS 'TRUNCATE shop.accounts'
-- @ refused | engineer agent | a function that runs a program
CREATE FUNCTION public.innocent() RETURNS void LANGUAGE plpgsql AS $$ BEGIN COPY shop.accounts TO PROGRAM 'cat'; END $$
-- @ refused | engineer agent | a function that makes a role
CREATE PROCEDURE public.innocent() LANGUAGE plpgsql AS $$ BEGIN CREATE ROLE boss SUPERUSER; END $$
-- @ refused | engineer agent | a function that runs what it is told
CREATE FUNCTION public.innocent(t text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE t; END $$
-- @ refused | engineer agent | a function with a body in the standard's form that deletes all
CREATE FUNCTION public.innocent() RETURNS void LANGUAGE sql BEGIN ATOMIC DELETE FROM shop.accounts; END
