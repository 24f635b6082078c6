-- Definitions that lose data, block a table or take a check away.

-- @ refused | engineer agent service | DROP TABLE
DROP TABLE shop.documents
-- @ refused | engineer agent service | DROP TABLE IF EXISTS … CASCADE
DROP TABLE IF EXISTS shop.customers CASCADE
-- @ refused | engineer agent service | DROP of several tables
DROP TABLE shop.order_items, shop.accounts
-- @ refused | engineer agent service | DROP of a table named drop
DROP TABLE shop."drop"
-- @ refused | engineer agent service | DROP SCHEMA
DROP SCHEMA shop CASCADE
-- @ refused | engineer agent service | DROP VIEW
DROP VIEW shop.active_customers
-- @ refused | engineer agent service | DROP MATERIALIZED VIEW
DROP MATERIALIZED VIEW shop.monthly_sales
-- @ refused | engineer agent service | DROP INDEX
DROP INDEX shop.orders_customer
-- @ refused simple | engineer agent service | DROP INDEX CONCURRENTLY
DROP INDEX CONCURRENTLY shop.orders_customer
-- @ refused | engineer agent service | DROP SEQUENCE
DROP SEQUENCE shop.invoice_numbers
-- @ refused | engineer agent service | DROP FUNCTION
DROP FUNCTION shop.order_total(integer)
-- @ refused | engineer agent service | DROP PROCEDURE
DROP PROCEDURE shop.close_order
-- @ refused | engineer agent service | DROP TYPE
DROP TYPE shop.mood CASCADE
-- @ refused | engineer agent service | DROP DOMAIN
DROP DOMAIN shop.positive
-- @ refused | engineer agent service | DROP TRIGGER
DROP TRIGGER journal_stamp ON shop.journal
-- @ refused | engineer agent service | DROP RULE
DROP RULE requests_purge ON shop.requests
-- @ refused | engineer agent service | DROP EXTENSION
DROP EXTENSION pg_trgm
-- @ refused simple | engineer agent service | DROP DATABASE
DROP DATABASE template1
-- @ refused | engineer agent service | DROP OWNED
DROP OWNED BY clerk CASCADE
-- @ refused | engineer agent service | DROP ROLE
DROP ROLE clerk
-- @ refused | engineer agent service | DROP AGGREGATE
DROP AGGREGATE shop.collect(integer)
-- @ refused | engineer agent service | DROP CAST
DROP CAST (integer AS shop.mood)
-- @ refused | engineer agent service | DROP OPERATOR
DROP OPERATOR shop.<#> (integer, integer)
-- @ refused | engineer agent service | ALTER TABLE DROP COLUMN
ALTER TABLE shop.customers DROP COLUMN profile
-- @ refused | engineer agent service | ALTER TABLE DROP COLUMN, without the word COLUMN
ALTER TABLE shop.customers DROP balance
-- @ refused | engineer agent service | ALTER TABLE with the bad part last
ALTER TABLE shop.products ADD COLUMN extra text, DROP COLUMN price
-- @ refused | engineer agent service | ALTER TABLE DROP CONSTRAINT
ALTER TABLE shop.orders DROP CONSTRAINT orders_status_check
-- @ refused | engineer agent service | a narrowing type change
ALTER TABLE shop.products ALTER COLUMN price TYPE integer USING price::integer
-- @ refused | engineer agent service | a type change that throws values away
ALTER TABLE shop.accounts ALTER COLUMN secret TYPE text USING ''
-- @ refused | engineer agent service | DETACH PARTITION
ALTER TABLE shop.measurements DETACH PARTITION shop.measurements_2023
-- @ refused | engineer agent service | DROP DEFAULT of a generated key
ALTER TABLE shop.orders ALTER COLUMN id DROP DEFAULT
-- @ refused | engineer agent service | DROP NOT NULL
ALTER TABLE shop.customers ALTER COLUMN email DROP NOT NULL
-- @ refused | engineer agent service | triggers switched off
ALTER TABLE shop.journal DISABLE TRIGGER ALL
-- @ refused | engineer agent service | one trigger switched off
ALTER TABLE shop.journal DISABLE TRIGGER journal_stamp
-- @ refused | engineer agent service | row security switched off
ALTER TABLE shop.accounts DISABLE ROW LEVEL SECURITY
-- @ refused | engineer agent service | a table made unlogged
ALTER TABLE shop.audit_trail SET UNLOGGED
-- @ refused | engineer agent service | a column added with a volatile default: the table is rewritten
ALTER TABLE shop.orders ADD COLUMN token uuid DEFAULT gen_random_uuid()
-- @ refused | engineer agent service | an index that blocks writers
CREATE INDEX ON shop.orders (total)
-- @ refused simple | engineer agent service | VACUUM FULL
VACUUM FULL shop.orders
-- @ refused | engineer agent service | CLUSTER
CLUSTER shop.orders USING orders_pkey
-- @ refused | engineer agent service | LOCK TABLE
LOCK TABLE shop.orders IN ACCESS EXCLUSIVE MODE
-- @ refused | engineer agent service | a table renamed away
ALTER TABLE shop.customers RENAME TO customers_gone
-- @ refused | engineer agent service | a column renamed away
ALTER TABLE shop.customers RENAME COLUMN email TO mail
-- @ refused | engineer agent service | a table moved to another schema
ALTER TABLE shop.customers SET SCHEMA public
-- @ refused | engineer agent service | a schema renamed
ALTER SCHEMA shop RENAME TO shop_old
-- @ refused | engineer agent service | a view replaced by one that shows something else
CREATE OR REPLACE VIEW shop.active_customers AS SELECT id, name, ''::text AS email FROM shop.customers
-- @ refused | engineer agent service | a function replaced
CREATE OR REPLACE FUNCTION shop.order_total(integer) RETURNS numeric LANGUAGE sql STABLE AS 'SELECT 0::numeric'
-- @ refused | agent | an agent's CREATE TABLE
CREATE TABLE public.mine (id integer)
-- @ refused | agent | an agent's CREATE TABLE AS
CREATE TABLE public.copy AS SELECT * FROM shop.customers
-- @ refused | agent | an agent's SELECT INTO
SELECT * INTO public.copy FROM shop.customers
-- @ refused | agent | an agent's CREATE VIEW
CREATE VIEW public.v AS SELECT 1
-- @ refused | agent | an agent's CREATE FUNCTION
CREATE FUNCTION public.f() RETURNS integer LANGUAGE sql AS 'SELECT 1'
-- @ refused | agent | an agent's COMMENT
COMMENT ON TABLE shop.customers IS 'mine'
-- @ refused | agent | an agent's CREATE SCHEMA
CREATE SCHEMA mine
-- @ refused simple | agent | an agent's VACUUM
VACUUM shop.orders
-- @ refused | agent | an agent's ALTER TYPE
ALTER TYPE shop.mood ADD VALUE 'ecstatic'
-- @ refused | agent | an agent's REFRESH
REFRESH MATERIALIZED VIEW shop.monthly_sales
-- @ refused | engineer agent service | definitions inside CREATE SCHEMA, one of them planted code
CREATE SCHEMA extra CREATE TABLE t (id integer) CREATE TRIGGER tr AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION shop.on_mail()
