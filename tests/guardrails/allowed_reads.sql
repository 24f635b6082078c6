-- Harmless statements that look dangerous, and ordinary reads of every shape. Everybody may run them, and gets what the
-- server would have answered, byte for byte.

-- @ allowed | everyone | a text that says DROP TABLE
SELECT 'DROP TABLE shop.customers; DELETE FROM shop.orders'
-- @ allowed | everyone | a comment that says DROP TABLE
SELECT 1 /* ; DROP TABLE shop.customers; */ -- DELETE FROM shop.orders
-- @ allowed | everyone | a dollar-quoted text that says TRUNCATE
SELECT $$TRUNCATE shop.orders$$, $x$GRANT ALL ON shop.orders TO PUBLIC$x$
-- @ allowed | everyone | an escape string with a quote in it
SELECT E'\'; DROP TABLE shop.documents; --', U&'DR\004fP TABLE'
-- @ allowed | everyone | a backslash in a plain string
SELECT '\'
-- @ allowed | everyone | a table named drop
SELECT id, reason FROM shop."drop" ORDER BY id
-- @ allowed | everyone | a table and columns named after commands
SELECT "where", "TRUNCATE" FROM shop."Delete From" ORDER BY id
-- @ allowed | everyone | a column named delete
SELECT c."delete" FROM shop.customers c WHERE NOT c."delete" ORDER BY c.id LIMIT 3
-- @ allowed | everyone | aliases named after commands
SELECT 1 AS delete, 2 AS drop, 3 AS truncate, 4 AS grant_all
-- @ allowed | everyone | a CTE named after a command
WITH delete AS (SELECT 1 AS n), "drop table" AS (SELECT 2 AS n) SELECT * FROM delete, "drop table"
-- @ allowed | everyone | a search for the word
SELECT id FROM shop.documents WHERE body LIKE '%DROP TABLE%' ORDER BY id
-- @ allowed | everyone | a regular expression that looks like a statement
SELECT count(*) FROM shop.documents WHERE body ~* '^delete\s+from|drop\s+table'
-- @ allowed | everyone | replace() with a statement
SELECT replace('DELETE FROM x', 'DELETE', 'SELECT')
-- @ allowed | everyone | EXPLAIN of a DELETE doesn't run it
EXPLAIN (COSTS off) DELETE FROM shop.customers WHERE id = 5
-- @ allowed | everyone | EXPLAIN ANALYZE of a read, without its times
EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) SELECT 1
-- @ allowed | everyone | EXPLAIN (ANALYZE false)
EXPLAIN (ANALYZE false, COSTS off) SELECT * FROM shop.products WHERE id = 1
-- @ allowed | everyone | EXPLAIN in JSON
EXPLAIN (FORMAT json, COSTS off) SELECT id FROM shop.orders WHERE id = 7
-- @ allowed | everyone | all rows of a table
SELECT * FROM shop.customers ORDER BY id
-- @ allowed | everyone | TABLE and VALUES
TABLE public.settings
-- @ allowed | everyone | VALUES with names
SELECT * FROM (VALUES (1, 'a'), (2, 'b')) AS v(n, t)
-- @ allowed | everyone | a join of four tables
SELECT c.name, p.name, i.quantity FROM shop.customers c JOIN shop.orders o ON o.customer_id = c.id JOIN shop.order_items i ON i.order_id = o.id JOIN shop.products p ON p.id = i.product_id ORDER BY 1, 2, 3 LIMIT 20
-- @ allowed | everyone | outer joins, USING and NATURAL
SELECT count(*) FROM shop.customers c LEFT JOIN shop.orders o ON o.customer_id = c.id FULL JOIN shop.products p USING (id) NATURAL LEFT JOIN shop."drop"
-- @ allowed | everyone | a view
SELECT * FROM shop.active_customers ORDER BY id LIMIT 5
-- @ allowed | everyone | a view with groups
SELECT * FROM shop.order_totals ORDER BY name
-- @ allowed | everyone | a materialised view
SELECT * FROM shop.monthly_sales ORDER BY month
-- @ allowed | everyone | a partitioned table
SELECT sensor, count(*), avg(value) FROM shop.measurements GROUP BY sensor ORDER BY sensor
-- @ allowed | everyone | window functions
SELECT id, total, rank() OVER (PARTITION BY status ORDER BY total DESC), lag(total) OVER w FROM shop.orders WINDOW w AS (ORDER BY id) ORDER BY id LIMIT 10
-- @ allowed | everyone | a recursive CTE
WITH RECURSIVE t AS (SELECT id, parent, 0 AS depth FROM shop.nodes WHERE parent IS NULL UNION ALL SELECT n.id, n.parent, t.depth + 1 FROM shop.nodes n JOIN t ON n.parent = t.id) SELECT * FROM t ORDER BY depth, id
-- @ allowed | everyone | grouping sets, FILTER, HAVING
SELECT status, customer_id % 2 AS half, count(*) FILTER (WHERE total > 50) FROM shop.orders GROUP BY GROUPING SETS ((status), (customer_id % 2), ()) HAVING count(*) > 1 ORDER BY 1, 2
-- @ allowed | everyone | set operations
SELECT id FROM shop.products UNION SELECT id FROM shop.orders WHERE id < 15 EXCEPT SELECT 3 INTERSECT SELECT 3 ORDER BY 1
-- @ allowed | everyone | LATERAL and aggregates
SELECT c.id, x.n FROM shop.customers c CROSS JOIN LATERAL (SELECT count(*) AS n FROM shop.orders o WHERE o.customer_id = c.id) x ORDER BY c.id LIMIT 5
-- @ allowed | everyone | generate_series
SELECT n, n * n FROM generate_series(1, 10) AS n
-- @ allowed | everyone | dates
SELECT date_trunc('month', '2024-05-17'::timestamp), age('2024-05-17'::timestamp, '2020-01-01'), extract(dow FROM date '2024-05-17'), '2024-05-17'::date + interval '1 month'
-- @ allowed | everyone | JSON operators and functions
SELECT profile -> 'level', profile ->> 'level', jsonb_set(profile, '{x}', '1'), profile @> '{"level": 1}' FROM shop.customers ORDER BY id LIMIT 4
-- @ allowed | everyone | JSON taken apart
SELECT * FROM jsonb_to_recordset('[{"a": 1, "b": "x"}, {"a": 2}]') AS x(a int, b text)
-- @ allowed | everyone | a JSON path
SELECT jsonb_path_query('{"a": [1, 2, 3]}', '$.a[*] ? (@ > 1)')
-- @ allowed | everyone | arrays
SELECT array_agg(id ORDER BY id), string_agg(sku, ',' ORDER BY sku), (ARRAY[1, 2, 3])[2:3], unnest(ARRAY['a', 'b']) FROM shop.products
-- @ allowed | everyone | full text search
SELECT id, ts_rank(to_tsvector('english', body), q) > 0 FROM shop.documents, to_tsquery('english', 'talk & text') q WHERE to_tsvector('english', body) @@ q ORDER BY id
-- @ allowed | everyone | CASE, coalesce, nullif, greatest
SELECT CASE WHEN id > 5 THEN 'big' ELSE 'small' END, coalesce("drop", '-'), nullif(id, 3), greatest(id, 4), least(1, NULL) FROM shop.products ORDER BY id
-- @ allowed | everyone | casts of many kinds
SELECT 1::text, '2'::int, '1.5'::numeric(5, 1), 'happy'::shop.mood, 5::shop.positive, 'shop.orders'::regclass::text, '{1,2}'::int[], '(1,2)'::point, '10.0.0.0/8'::cidr, 'f'::bool
-- @ allowed | everyone | text functions
SELECT upper('x'), left('hello', 2), format('%s-%I', 'a', 'B c'), md5('x'), encode('\x00ff', 'hex'), regexp_replace('abc', 'b', 'X'), split_part('a,b', ',', 2), to_char(1234.5, 'FM9,999.00')
-- @ allowed | everyone | a row constructor and comparison
SELECT ROW(1, 'a') = ROW(1, 'a'), (id, sku) > (5, '') FROM shop.products ORDER BY id
-- @ allowed | everyone | whole rows
SELECT p FROM shop.products p ORDER BY id LIMIT 2
-- @ allowed | everyone | DISTINCT ON
SELECT DISTINCT ON (status) status, id FROM shop.orders ORDER BY status, id
-- @ allowed | everyone | FETCH FIRST and OFFSET
SELECT id FROM shop.orders ORDER BY id OFFSET 5 ROWS FETCH FIRST 3 ROWS ONLY
-- @ allowed | everyone | TABLESAMPLE
SELECT count(*) >= 0 FROM shop.orders TABLESAMPLE SYSTEM (100)
-- @ allowed | everyone | correlated subqueries
SELECT name FROM shop.customers c WHERE EXISTS (SELECT 1 FROM shop.orders o WHERE o.customer_id = c.id AND o.total > 150) ORDER BY name
-- @ allowed | everyone | a scalar subquery in the list
SELECT id, (SELECT max(total) FROM shop.orders WHERE customer_id = c.id) FROM shop.customers c ORDER BY id LIMIT 4
-- @ allowed | everyone | a function whose body is SQL
SELECT shop.order_total(3)
-- @ allowed | everyone | a function whose body is PL/pgSQL
SELECT shop.greeting('Ada'), shop.greeting(NULL)
-- @ allowed | everyone | a set-returning function whose body is SQL
SELECT id FROM shop.big_orders(150)
-- @ allowed | everyone | a function of a known extension
SELECT round(similarity('word', 'two words')::numeric, 3), 'word' % 'words'
-- @ allowed | everyone | COPY of a table to the client
COPY shop.products TO STDOUT
-- @ allowed | everyone | COPY of a query to the client, as CSV
COPY (SELECT id, sku FROM shop.products WHERE id < 4 ORDER BY id) TO STDOUT WITH (FORMAT csv, HEADER)
-- @ allowed | everyone | a cursor
BEGIN
-- @ then
DECLARE c SCROLL CURSOR FOR SELECT id FROM shop.orders ORDER BY id
-- @ then
FETCH 3 FROM c
-- @ then
MOVE FORWARD 5 IN c
-- @ then
FETCH BACKWARD 2 FROM c
-- @ then
CLOSE c
-- @ then
COMMIT
-- @ allowed | everyone | PREPARE and EXECUTE
PREPARE find(int) AS SELECT name FROM shop.customers WHERE id = $1
-- @ then
EXECUTE find(3)
-- @ then
DEALLOCATE find
-- @ allowed | everyone | a bare name by search_path
SET search_path TO shop, public
-- @ then
SELECT count(*) FROM orders
-- @ allowed | everyone | system functions
SELECT current_database() IS NOT NULL, current_schema(), current_setting('server_version_num')::int > 0, pg_backend_pid() > 0, version() LIKE 'PostgreSQL%'
-- @ allowed | everyone | sizes
SELECT pg_relation_size('shop.orders') > 0, pg_size_pretty(1024::bigint), pg_total_relation_size('shop.orders') > 0
-- @ allowed | everyone | the server's own activity view
SELECT count(*) > 0 FROM pg_stat_activity
-- @ allowed | everyone | locks and table statistics
SELECT count(*) >= 0 FROM pg_locks l LEFT JOIN pg_stat_user_tables t ON t.relid = l.relation
-- @ allowed | everyone | information_schema
SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'shop' AND table_name = 'orders' ORDER BY ordinal_position
-- @ allowed | everyone | a syntax error is the server's own
SELEC 1
-- @ allowed | everyone | a missing table is the server's own error
SELECT * FROM shop.no_such_table
-- @ allowed | everyone | a missing column is the server's own error
SELECT no_such_column FROM shop.orders
-- @ allowed | everyone | a missing function is the server's own error
SELECT no_such_function(1)
-- @ allowed | everyone | a division by zero is the server's own error
SELECT 1 / 0
-- @ allowed | everyone | a failed cast is the server's own error
SELECT 'x'::integer
-- @ allowed | everyone | an empty statement
;
-- @ allowed simple | everyone | several reads in one message
SELECT 1; SELECT 2; SELECT count(*) FROM shop.orders
-- @ allowed simple | everyone | an error in the middle of several
SELECT 1; SELECT 1 / 0; SELECT 2
-- @ allowed | everyone | a deep expression
SELECT ((((((((((((((((((((1 + 1) + 1) + 1) + 1) + 1) + 1) + 1) + 1) + 1) + 1) + 1) + 1) + 1) + 1) + 1) + 1) + 1) + 1) + 1) + 1)
-- @ allowed | everyone | unusual characters in names and texts
SELECT 'žluťoučký kůň 🐎' AS "Größe 🐎", '日本語'
-- @ allowed | everyone | SELECT without a list
SELECT FROM shop.products WHERE id = 1
-- @ allowed | everyone | xml of a constant
SELECT xmlelement(name a, 'b') IS NOT NULL
-- @ allowed | everyone | random() with its seed fixed
SELECT setseed(0.5)
-- @ then
SELECT random() < 1
