-- Ordinary writes of applications, people and agents. They look like the refused ones and differ in what they reach.

-- @ allowed | everyone | INSERT of one row
INSERT INTO public.inbox (message) VALUES ('DROP TABLE shop.customers')
-- @ allowed | everyone | INSERT with RETURNING
INSERT INTO public.inbox (message) VALUES ('hello') RETURNING message
-- @ allowed | everyone | INSERT of two rows
INSERT INTO public.inbox (message) VALUES ('a'), ('b')
-- @ allowed | everyone | INSERT … ON CONFLICT DO NOTHING
INSERT INTO public.settings VALUES ('theme', 'light') ON CONFLICT DO NOTHING
-- @ allowed | everyone | INSERT … ON CONFLICT DO UPDATE
INSERT INTO public.settings VALUES ('theme', 'light') ON CONFLICT (key) DO UPDATE SET value = excluded.value
-- @ allowed | everyone | INSERT DEFAULT VALUES
INSERT INTO shop.journal DEFAULT VALUES
-- @ allowed | everyone | INSERT that fires a harmless trigger
INSERT INTO shop.journal (entry) VALUES ('DELETE FROM shop.journal')
-- @ allowed | everyone | UPDATE by key
UPDATE shop.products SET name = 'Better product' WHERE id = 3
-- @ allowed | everyone | UPDATE by a unique column
UPDATE shop.customers SET name = 'Ada' WHERE email = 'person4@example.com'
-- @ allowed | everyone | UPDATE by key and more
UPDATE shop.products SET price = price + 1 WHERE id = 4 AND price > 0 AND name IS NOT NULL
-- @ allowed | everyone | UPDATE by two keys
UPDATE shop.products SET price = 2 WHERE id IN (1, 2)
-- @ allowed | everyone | UPDATE by a whole composite key
UPDATE shop.order_items SET quantity = quantity + 1 WHERE order_id = 5 AND line = 1
-- @ allowed | everyone | UPDATE of a column named delete
UPDATE shop.customers SET "delete" = true WHERE id = 7
-- @ allowed | everyone | UPDATE to a text that says TRUNCATE
UPDATE public.settings SET value = 'TRUNCATE shop.orders' WHERE key = 'language'
-- @ allowed | everyone | UPDATE by key with RETURNING
UPDATE shop.customers SET balance = balance - 1 WHERE id = 2 RETURNING id, balance
-- @ allowed | everyone | DELETE by key
DELETE FROM shop."drop" WHERE id = 2
-- @ allowed | everyone | DELETE by key with quoted names
DELETE FROM shop."Delete From" WHERE "id" = 3
-- @ allowed | everyone | DELETE by key, in a CTE
WITH gone AS (DELETE FROM shop."drop" WHERE id = 3 RETURNING reason) SELECT reason FROM gone
-- @ allowed | everyone | DELETE of a row that isn't there
DELETE FROM shop."drop" WHERE id = 999
-- @ allowed | everyone | DELETE WHERE false touches nothing
DELETE FROM shop.nodes WHERE id = 1 AND false
-- @ allowed | everyone | UPDATE of a JSON document by key
UPDATE shop.customers SET profile = jsonb_set(profile, '{seen}', 'true') WHERE id = 9
-- @ allowed | everyone | EXPLAIN ANALYZE of a keyed UPDATE
EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) UPDATE shop.products SET price = 3 WHERE id = 5
-- @ allowed | everyone | a function that inserts one row
SELECT shop.note('a note')
-- @ allowed | everyone | a procedure that changes one row
CALL shop.close_order(8)
-- @ allowed | everyone | a prepared keyed UPDATE
PREPARE change(int, text) AS UPDATE shop.products SET name = $2 WHERE id = $1
-- @ then
EXECUTE change(6, 'Prepared')
-- @ allowed | everyone | a transaction that ends well
BEGIN
-- @ then
INSERT INTO public.inbox (message) VALUES ('in a transaction')
-- @ then
UPDATE shop.products SET price = 8 WHERE id = 8
-- @ then
COMMIT
-- @ allowed | everyone | a transaction that is rolled back
BEGIN ISOLATION LEVEL SERIALIZABLE
-- @ then
DELETE FROM shop."drop" WHERE id = 4
-- @ then
ROLLBACK
-- @ allowed | everyone | savepoints
BEGIN
-- @ then
INSERT INTO public.settings VALUES ('s1', '1')
-- @ then
SAVEPOINT a
-- @ then
INSERT INTO public.settings VALUES ('s1', '2')
-- @ then
ROLLBACK TO a
-- @ then
RELEASE a
-- @ then
COMMIT
-- @ then
SELECT value FROM public.settings WHERE key = 's1'
-- @ allowed | everyone | a constraint violation is the server's own error
INSERT INTO shop.orders (customer_id, status) VALUES (1, 'impossible')
-- @ allowed | everyone | a unique violation is the server's own error
INSERT INTO public.settings VALUES ('theme', 'x')
-- @ allowed | everyone | a foreign key violation is the server's own error
INSERT INTO shop.orders (customer_id) VALUES (4711)
-- @ allowed | everyone | a DO block that does nothing
DO $$ DECLARE n integer := 1; BEGIN n := n + 1; RAISE NOTICE 'n is % and not DROP TABLE', n; END $$
-- @ allowed | everyone | a DO block with a keyed change
DO $$ BEGIN UPDATE shop.products SET price = 9 WHERE id = 9; END $$
-- @ allowed | everyone | rows locked for a change
BEGIN
-- @ then
SELECT balance FROM shop.customers WHERE id = 10 FOR UPDATE
-- @ then
UPDATE shop.customers SET balance = balance + 5 WHERE id = 10
-- @ then
COMMIT
-- @ allowed | everyone | a queue's SKIP LOCKED
SELECT id FROM shop.orders WHERE status = 'new' ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
-- @ allowed | everyone | nextval
SELECT nextval('shop.invoice_numbers')
-- @ allowed | everyone | currval after nextval
SELECT nextval('shop.invoice_numbers')
-- @ then
SELECT currval('shop.invoice_numbers')
-- @ allowed | engineer service | UPDATE by a condition on a column
UPDATE shop.orders SET status = 'closed' WHERE status = 'sent' AND placed_on < '2020-01-01'
-- @ allowed | engineer service | DELETE by a range
DELETE FROM shop.measurements WHERE at < '2023-06-10'
-- @ allowed | engineer service | UPDATE … FROM with a join
UPDATE shop.orders o SET total = total + 1 FROM shop.customers c WHERE c.id = o.customer_id AND c.email = 'person5@example.com'
-- @ allowed | engineer service | DELETE … USING with a join
DELETE FROM shop.order_items i USING shop.orders o WHERE o.id = i.order_id AND o.id = 59
-- @ allowed | engineer service | INSERT … SELECT
INSERT INTO public.inbox (message) SELECT title FROM shop.documents WHERE id < 4
-- @ allowed | engineer service | INSERT of three rows
INSERT INTO public.settings VALUES ('a', '1'), ('b', '2'), ('c', '3')
-- @ allowed | engineer service | COPY of rows into a table
COPY public.inbox (message) FROM STDIN
-- @ rows
one
two
DROP TABLE shop.customers;
-- @ allowed | engineer service | COPY of CSV with a condition
COPY public.settings FROM STDIN WITH (FORMAT csv) WHERE key <> 'skip'
-- @ rows
skip,1
keep,2
-- @ allowed | engineer service | UPDATE through a simple view, with a condition
UPDATE shop.active_customers SET name = 'Grace' WHERE id = 11
-- @ allowed | engineer service | a keyed DELETE with cascades
DELETE FROM shop.customers WHERE id = 20
-- @ allowed | engineer service | MERGE by key
MERGE INTO public.settings s USING (VALUES ('theme', 'merged'), ('new', 'row')) v(key, value) ON s.key = v.key WHEN MATCHED THEN UPDATE SET value = v.value WHEN NOT MATCHED THEN INSERT VALUES (v.key, v.value)
-- @ allowed | engineer service | a write CTE that moves rows by condition
WITH moved AS (DELETE FROM shop.audit_trail WHERE id < 3 RETURNING what) INSERT INTO public.inbox (message) SELECT what FROM moved
-- @ allowed | engineer service | a subquery as the condition
UPDATE shop.products SET price = price * 2 WHERE id IN (SELECT product_id FROM shop.order_items WHERE order_id = 3)
-- @ allowed | service | an application's upsert of many rows
INSERT INTO public.settings SELECT 'k' || n, n::text FROM generate_series(1, 150) n ON CONFLICT (key) DO UPDATE SET value = excluded.value
-- @ allowed | engineer service | ANALYZE of a table
ANALYZE shop.orders
-- @ allowed simple | engineer service | VACUUM of a table
VACUUM shop.orders
-- @ allowed | engineer service | what a document has
BEGIN
-- @ then
CREATE TABLE public.documents_{who} (id integer PRIMARY KEY, data jsonb)
-- @ then
COMMIT
-- @ then
UPDATE public.documents_{who} SET id = id WHERE data->>'archived' IS NOT NULL
-- @ then
DELETE FROM public.documents_{who} WHERE data#>'{a,b}' IS NOT NULL
