-- Rows lost or spoilt by statements that name their target openly. The form of these files is told in README.md.

-- @ refused | engineer agent service | DELETE without WHERE
DELETE FROM shop.customers
-- @ refused | engineer agent service | DELETE without WHERE, with an alias and RETURNING
DELETE FROM ONLY shop.customers AS c RETURNING c.id
-- @ refused | engineer agent service | DELETE WHERE true
DELETE FROM shop.orders WHERE true
-- @ refused | engineer agent service | DELETE WHERE 1=1
DELETE FROM shop.orders WHERE 1=1
-- @ refused | engineer agent service | DELETE WHERE a string equals itself
DELETE FROM shop.orders WHERE 'a' = 'a'
-- @ refused | engineer agent service | DELETE WHERE 2 > 1
DELETE FROM shop.orders WHERE 2 > 1
-- @ refused | engineer agent service | DELETE WHERE a column equals itself
DELETE FROM shop.orders WHERE id = id
-- @ refused | engineer agent service | DELETE WHERE a column is or isn't NULL
DELETE FROM shop.orders WHERE id IS NOT NULL OR id IS NULL
-- @ refused | engineer agent service | DELETE WHERE the key is not NULL
DELETE FROM shop.orders WHERE id IS NOT NULL
-- @ refused | engineer agent service | DELETE WHERE NOT false
DELETE FROM shop.orders WHERE NOT false
-- @ refused | engineer agent service | DELETE WHERE a key condition OR true
DELETE FROM shop.orders WHERE id = 5 OR true
-- @ refused | engineer agent service | DELETE WHERE OR 1=1 hidden in brackets
DELETE FROM shop.orders WHERE (id = 5 OR (status = 'new' OR (1 = 1)))
-- @ refused | engineer agent service | DELETE WHERE EXISTS over a constant
DELETE FROM shop.orders WHERE EXISTS (SELECT 1)
-- @ refused | engineer agent service | DELETE WHERE true by a cast
DELETE FROM shop.orders WHERE 't'::boolean
-- @ refused | engineer agent service | DELETE WHERE true by CASE
DELETE FROM shop.orders WHERE CASE WHEN true THEN true ELSE false END
-- @ refused | engineer agent service | DELETE WHERE coalesce(NULL, true)
DELETE FROM shop.orders WHERE coalesce(NULL, true)
-- @ refused | engineer agent service | DELETE WHERE a scalar subquery says true
DELETE FROM shop.orders WHERE (SELECT true)
-- @ refused | engineer agent service | DELETE WHERE IN its own table
DELETE FROM shop.orders WHERE id IN (SELECT id FROM shop.orders)
-- @ refused | engineer agent service | DELETE USING without a join
DELETE FROM shop.orders USING shop.customers WHERE 1 = 1
-- @ refused | engineer agent service | DELETE WHERE a text is LIKE '%'
DELETE FROM shop.customers WHERE email LIKE '%'
-- @ refused | engineer agent service | DELETE WHERE id = id + 0
DELETE FROM shop.orders WHERE id = id + 0
-- @ refused | engineer agent service | DELETE WHERE id BETWEEN itself
DELETE FROM shop.orders WHERE id BETWEEN id AND id
-- @ refused | engineer agent service | DELETE WHERE IN its own value
DELETE FROM shop.orders WHERE id IN (id)
-- @ refused | engineer agent service | DELETE of a whole view
DELETE FROM shop.customer_names
-- @ refused | engineer agent service | DELETE of a partitioned table
DELETE FROM shop.measurements
-- @ refused | engineer agent service | DELETE of one whole partition
DELETE FROM shop.measurements_2023
-- @ refused | engineer agent service | DELETE in a CTE under SELECT
WITH gone AS (DELETE FROM shop.customers RETURNING id) SELECT count(*) FROM gone
-- @ refused | engineer agent service | DELETE in a CTE that nobody reads
WITH gone AS (DELETE FROM shop.customers) SELECT 1
-- @ refused | engineer agent service | DELETE in the second CTE, moved into another table
WITH a AS (SELECT 1), b AS (DELETE FROM shop.audit_trail RETURNING what) INSERT INTO public.inbox (message) SELECT what FROM b
-- @ refused | engineer agent service | EXPLAIN ANALYZE runs its DELETE
EXPLAIN ANALYZE DELETE FROM shop.customers
-- @ refused | engineer agent service | EXPLAIN (ANALYZE) in new spelling
EXPLAIN (COSTS off, ANALYZE true) DELETE FROM shop.customers
-- @ refused | engineer agent service | EXPLAIN ANALYZE of a CTE
EXPLAIN (ANALYZE, FORMAT json) WITH gone AS (DELETE FROM shop.customers RETURNING id) SELECT * FROM gone
-- @ refused | engineer agent service | UPDATE without WHERE
UPDATE shop.customers SET balance = 0
-- @ refused | engineer agent service | UPDATE WHERE true
UPDATE shop.customers SET balance = 0 WHERE true
-- @ refused | engineer agent service | UPDATE WHERE a column equals itself
UPDATE shop.customers SET balance = 0 WHERE email = email
-- @ refused | engineer agent service | UPDATE with FROM and no condition
UPDATE shop.customers SET balance = o.total FROM shop.orders o
-- @ refused | engineer agent service | UPDATE whose condition concerns only the other table
UPDATE shop.customers SET balance = 0 FROM shop.orders o WHERE o.id = 1
-- @ refused | engineer agent service | UPDATE of several columns at once
UPDATE shop.customers SET (name, email) = ('x', md5(id::text))
-- @ refused | engineer agent service | UPDATE through a view
UPDATE shop.active_customers SET name = 'nobody'
-- @ refused | engineer agent service | UPDATE in a CTE
WITH changed AS (UPDATE shop.products SET price = 0 RETURNING 1) SELECT count(*) FROM changed
-- @ refused | engineer agent service | UPDATE WHERE NULL-safe comparison with itself
UPDATE shop.products SET price = 0 WHERE price IS NOT DISTINCT FROM price
-- @ refused | engineer agent service | UPDATE WHERE length is not negative
UPDATE shop.products SET price = 0 WHERE 0 <= 0 AND 1 < 2
-- @ refused | engineer agent service | MERGE that deletes whatever matches
MERGE INTO shop.customers c USING shop.customers s ON c.id = s.id WHEN MATCHED THEN DELETE
-- @ refused | engineer agent service | MERGE ON true that updates
MERGE INTO shop.products p USING (SELECT 1 AS n) s ON true WHEN MATCHED THEN UPDATE SET price = 0
-- @ refused | engineer agent service | TRUNCATE
TRUNCATE shop.order_items
-- @ refused | engineer agent service | TRUNCATE TABLE … CASCADE RESTART IDENTITY
TRUNCATE TABLE shop.customers RESTART IDENTITY CASCADE
-- @ refused | engineer agent service | TRUNCATE of several
TRUNCATE shop.order_items, shop.audit_trail, public.settings
-- @ refused simple | engineer agent service | a batch with the bad one last
SELECT 1; SELECT 2; DELETE FROM shop.customers
-- @ refused simple | engineer agent service | a batch with the bad one first
TRUNCATE shop.order_items; SELECT 1
-- @ refused simple | engineer agent service | a batch with the bad one between transaction commands
BEGIN; INSERT INTO public.settings VALUES ('a', 'b'); DROP TABLE shop.documents; COMMIT
-- @ refused simple | engineer agent service | a batch that commits before the bad one is reached
SELECT 1; COMMIT; DELETE FROM shop.orders; SELECT 2
-- @ refused | engineer agent service | in a transaction, after a harmless statement
BEGIN
-- @ then
SELECT count(*) FROM shop.orders
-- @ then
DELETE FROM shop.orders
-- @ then
COMMIT
-- @ refused | engineer agent service | after a savepoint
BEGIN
-- @ then
SAVEPOINT here
-- @ then
UPDATE shop.orders SET total = 0
-- @ then
ROLLBACK TO SAVEPOINT here
-- @ then
COMMIT
-- @ refused | agent | an agent's UPDATE of an unknown number of rows
UPDATE shop.orders SET status = 'closed' WHERE status = 'sent'
-- @ refused | agent | an agent's DELETE by a range
DELETE FROM shop.orders WHERE id > 5
-- @ refused | agent | an agent's UPDATE of three keys
UPDATE shop.products SET price = 1 WHERE id IN (1, 2, 3)
-- @ refused | agent | an agent's UPDATE of keys from a subquery
UPDATE shop.products SET price = 1 WHERE id IN (SELECT product_id FROM shop.order_items)
-- @ refused | agent | an agent's INSERT of three rows
INSERT INTO public.settings VALUES ('a', '1'), ('b', '2'), ('c', '3')
-- @ refused | agent | an agent's INSERT … SELECT
INSERT INTO public.inbox (message) SELECT name FROM shop.customers
-- @ refused | agent | an agent's UPDATE by half of a composite key
UPDATE shop.order_items SET quantity = 9 WHERE line = 1
-- @ refused | agent | an agent's key condition weakened by OR
UPDATE shop.products SET price = 1 WHERE id = 1 OR price > 0
-- @ refused | agent | an agent's COPY of rows into a table
COPY public.inbox (message) FROM STDIN
-- @ rows
one
two
three
-- @ refused | agent | an agent's keyed DELETE with cascades that reach further
DELETE FROM shop.customers WHERE id = 3
-- @ refused | engineer | a person's INSERT of more than 100 rows
INSERT INTO public.inbox (message) VALUES (1),(2),(3),(4),(5),(6),(7),(8),(9),(10),(11),(12),(13),(14),(15),(16),(17),(18),(19),(20),(21),(22),(23),(24),(25),(26),(27),(28),(29),(30),(31),(32),(33),(34),(35),(36),(37),(38),(39),(40),(41),(42),(43),(44),(45),(46),(47),(48),(49),(50),(51),(52),(53),(54),(55),(56),(57),(58),(59),(60),(61),(62),(63),(64),(65),(66),(67),(68),(69),(70),(71),(72),(73),(74),(75),(76),(77),(78),(79),(80),(81),(82),(83),(84),(85),(86),(87),(88),(89),(90),(91),(92),(93),(94),(95),(96),(97),(98),(99),(100),(101)
