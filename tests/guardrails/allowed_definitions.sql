-- Definitions that add, and definitions that end with the session.

-- @ allowed | everyone | a temporary table, filled, emptied and dropped
CREATE TEMP TABLE scratch (id integer PRIMARY KEY, note text)
-- @ then
INSERT INTO scratch SELECT n, 'note' FROM generate_series(1, 200) n
-- @ then
UPDATE scratch SET note = 'other'
-- @ then
DELETE FROM scratch
-- @ then
TRUNCATE scratch
-- @ then
DROP TABLE scratch
-- @ allowed | everyone | a temporary table by CREATE TABLE AS
CREATE TEMPORARY TABLE scratch AS SELECT id, total FROM shop.orders WHERE total > 100
-- @ then
SELECT count(*) FROM scratch
-- @ then
DROP TABLE scratch
-- @ allowed | everyone | a temporary table by SELECT INTO
SELECT id INTO TEMP scratch FROM shop.products
-- @ then
SELECT count(*) FROM pg_temp.scratch
-- @ then
DROP TABLE scratch
-- @ allowed | everyone | a temporary table altered and indexed
CREATE TEMP TABLE scratch (id integer)
-- @ then
ALTER TABLE scratch ADD COLUMN note text DEFAULT md5(random()::text), DROP COLUMN id
-- @ then
CREATE INDEX ON scratch (note)
-- @ then
DROP TABLE scratch
-- @ allowed | everyone | a temporary table that ends with the transaction
BEGIN
-- @ then
CREATE TEMP TABLE scratch (id integer) ON COMMIT DROP
-- @ then
DELETE FROM scratch
-- @ then
COMMIT
-- @ allowed | everyone | a temporary view
CREATE TEMP VIEW mine AS SELECT id FROM shop.products
-- @ then
SELECT count(*) FROM mine
-- @ then
DROP VIEW mine
-- @ allowed | engineer service | CREATE TABLE
CREATE TABLE public.feature_{who} (id serial PRIMARY KEY, name text NOT NULL, customer_id integer)
-- @ then
INSERT INTO public.feature_{who} (name) VALUES ('x') RETURNING id
-- @ allowed | engineer service | CREATE TABLE IF NOT EXISTS of one that is there
CREATE TABLE IF NOT EXISTS shop.orders (id integer)
-- @ allowed | engineer service | CREATE TABLE LIKE
CREATE TABLE public.like_{who} (LIKE shop.products INCLUDING ALL)
-- @ allowed | engineer service | CREATE TABLE AS
CREATE TABLE public.copy_{who} AS SELECT id, name FROM shop.customers WHERE id < 5
-- @ allowed | engineer service | CREATE VIEW
CREATE VIEW public.view_{who} AS SELECT id, name FROM shop.customers WHERE active
-- @ allowed | engineer service | a column added
ALTER TABLE shop.documents ADD COLUMN note_{who} text
-- @ allowed | engineer service | a column added with a constant default
ALTER TABLE shop.documents ADD COLUMN flag_{who} boolean NOT NULL DEFAULT false
-- @ allowed | engineer service | a column added if it isn't there
ALTER TABLE shop.documents ADD COLUMN IF NOT EXISTS title text
-- @ allowed | engineer service | CREATE SEQUENCE
CREATE SEQUENCE public.seq_{who}
-- @ allowed | engineer service | CREATE TYPE
CREATE TYPE public.type_{who} AS ENUM ('a', 'b')
-- @ allowed | engineer service | COMMENT
COMMENT ON COLUMN shop.orders.total IS 'in euros; not to be dropped'
-- @ allowed simple | engineer service | CREATE INDEX CONCURRENTLY
CREATE INDEX CONCURRENTLY index_{who} ON shop.orders (placed_on)
-- @ allowed | engineer service | CREATE SCHEMA
CREATE SCHEMA schema_{who}
-- @ allowed | engineer service | CREATE FUNCTION with a plain body
CREATE FUNCTION public.twice_{who}(n integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT $1 * 2'
-- @ then
SELECT public.twice_{who}(21)
-- @ allowed simple | operator | an operator may do all that the server allows
CREATE TABLE public.doomed (a integer, b text); ALTER TABLE public.doomed DROP COLUMN b; TRUNCATE public.doomed; DROP TABLE public.doomed
-- @ allowed | operator | an operator's GRANT and REVOKE
GRANT SELECT ON shop.products TO auditors
-- @ then
REVOKE SELECT ON shop.products FROM auditors
-- @ allowed | operator | an operator's SET ROLE and back
SET ROLE auditors
-- @ then
SELECT current_user
-- @ then
RESET ROLE
-- @ allowed | operator | an operator's opaque function
SELECT shop.run('SELECT 1')
-- @ allowed | operator | an operator's DELETE without WHERE
DELETE FROM shop.requests
-- @ allowed | operator | an operator's dynamic block
DO $$ BEGIN EXECUTE 'CREATE TABLE public.by_operator (id integer)'; END $$
-- @ allowed | operator | an operator's read of the catalog's secrets
SELECT count(*) > 0 FROM pg_authid
-- @ allowed | operator service | a function that can't be seen through, of an application
SELECT shop.loud('quiet')
-- @ allowed | engineer service | a table of this transaction, emptied, narrowed and dropped
BEGIN
-- @ then
CREATE TABLE public.draft_{who} (id integer PRIMARY KEY, name text, x integer)
-- @ then
INSERT INTO public.draft_{who} VALUES (1, 'a', 1)
-- @ then
DELETE FROM public.draft_{who}
-- @ then
TRUNCATE public.draft_{who}
-- @ then
ALTER TABLE public.draft_{who} DROP COLUMN x
-- @ then
DROP TABLE public.draft_{who}
-- @ then
COMMIT
-- @ allowed | engineer service | a value added to an enum
ALTER TYPE shop.mood ADD VALUE IF NOT EXISTS '{who}'
-- @ allowed | engineer service | a sequence that keeps its place
ALTER SEQUENCE shop.invoice_numbers CACHE 5
-- @ allowed | engineer service | a function that changes what it is asked to
CREATE FUNCTION public.close_{who}(n integer) RETURNS void LANGUAGE plpgsql AS $$ BEGIN UPDATE shop.orders SET status = 'closed' WHERE id = n; END $$
