-- Ways to get a masked value out, tried one by one. Nothing here is ever removed.
--
-- `-- @ IDENTITIES | WHAT` begins a case; `-- @ then` a further statement of the same session. No verdict is expected:
-- whatever is refused or answered, no true value of a labelled column may come through in any message, in clear or in
-- a simple encoding (case, reverse, hex, base64, split characters, character codes). The word LEAKED, which no
-- statement holds in one piece, counts as a true value: it shows that a question about true values was answered.
-- `-- ? CODE` names an SQLSTATE that answers such a question. `-- ! ANSWERS` marks what no mask can keep from answering
-- yet: uniqueness and constraints over what is masked, asked by those who may write and define.
-- What is created for good is called evasion_….

-- @ engineer agent | columns as they are
SELECT * FROM customers LIMIT 3
-- @ engineer agent | an alias
SELECT email AS country, first_name AS id FROM customers LIMIT 3
-- @ engineer agent | a table alias with a column list
SELECT a, d FROM customers AS c (a, b, c, d) LIMIT 3
-- @ engineer agent | a column list shorter than the columns
SELECT email FROM (SELECT customer_id, email FROM customers) AS t (email) LIMIT 3
-- @ engineer agent | a column list that gives a harmless column the masked one's name and back
SELECT country, email FROM (SELECT country, email FROM customers) AS t (email, country) LIMIT 3
-- @ engineer agent | a join alias with a column list
SELECT j.d, j.x FROM (customers JOIN orders USING (customer_id)) AS j (x, a, b, d) LIMIT 3
-- @ engineer agent | an alias for the USING columns
SELECT k.* FROM customers JOIN (SELECT email FROM customers) AS c USING (email) AS k LIMIT 3
-- @ engineer agent | duplicate aliases
SELECT country AS x, email AS x, x.x FROM (SELECT country, email, email AS x FROM customers) AS x LIMIT 3
-- @ engineer agent | a subquery with two columns of one name, taken by star
SELECT * FROM (SELECT country AS a, email AS a FROM customers) AS x LIMIT 3
-- @ engineer agent | TABLE
TABLE customers LIMIT 3
-- @ engineer agent | ONLY
SELECT email FROM ONLY customers LIMIT 3
-- @ engineer agent | ONLY with brackets, computed
SELECT upper(email) FROM ONLY (customers) LIMIT 3
-- @ engineer agent | with children, the old way
SELECT upper(email) FROM customers * LIMIT 3
-- @ engineer agent | TABLESAMPLE
SELECT email FROM customers TABLESAMPLE system (50) LIMIT 3
-- @ engineer agent | TABLESAMPLE, computed
SELECT upper(email) FROM customers TABLESAMPLE bernoulli (50) LIMIT 3
-- @ engineer agent | TABLESAMPLE whose percentage is a value
SELECT count(*) FROM orders TABLESAMPLE system ((SELECT ascii(email) FROM customers LIMIT 1))
-- @ engineer agent | a sample's seed that is a value
SELECT 1 FROM orders TABLESAMPLE system (1) REPEATABLE ((SELECT length(email) FROM customers LIMIT 1)) LIMIT 1
-- @ engineer agent | the schema's name before it
SELECT public.customers.email, shop.public.customers.phone FROM public.customers LIMIT 3
-- @ engineer agent | the schema's name before it, computed
SELECT upper(public.customers.email) FROM public.customers LIMIT 3
-- @ engineer agent | escaped identifiers
SELECT U&"\0065mail" FROM U&"c\0075stomers" LIMIT 3
-- @ engineer agent | escaped identifiers, computed
SELECT upper(U&"\0065mail"), U&"\0065mail" || '' FROM U&"c\0075stomers" LIMIT 3
-- @ engineer agent | the escape character is a literal, and facts are kept without literals
SELECT U&"!0065mail" UESCAPE '?' FROM (SELECT country AS "!0065mail", email FROM customers LIMIT 2) AS t
-- @ then
SELECT U&"!0065mail" UESCAPE '!' FROM (SELECT country AS "!0065mail", email FROM customers LIMIT 2) AS t
-- @ engineer agent | upper case and quotes
SELECT "customers"."email", CUSTOMERS.PHONE FROM Customers LIMIT 3
-- @ engineer agent | comments within names
SELECT c/**/./*x*/email -- email
FROM customers /* FROM orders */ AS c LIMIT 3
-- @ engineer agent | comments within a computing use
SELECT upper(c/* */./* */email) FROM /* ( */ customers /* ) */ c LIMIT 3
-- @ engineer agent | nested comments before the table's name
SELECT lower(email) FROM /* a /* b */ c */ customers LIMIT 3
-- @ engineer agent | many statements in a text
SELECT 1; SELECT email FROM customers LIMIT 1; SELECT upper(email) FROM customers LIMIT 1
-- @ engineer agent | case
SELECT upper(email), lower(last_name), initcap(first_name) FROM customers LIMIT 3
-- @ engineer agent | reversed
SELECT reverse(email), reverse(phone) FROM customers LIMIT 3
-- @ engineer agent | hexadecimal
SELECT encode(convert_to(email, 'UTF8'), 'hex'), encode(email::bytea, 'base64') FROM customers LIMIT 3
-- @ engineer agent | bytea_output and a cast
SET bytea_output = 'escape'
-- @ then
SELECT email::bytea FROM customers LIMIT 3
-- @ engineer agent | one character a row
SELECT substr(email, g, 1) FROM customers, generate_series(1, 30) AS g WHERE customer_id = 1
-- @ engineer agent | one character a row by string_to_table
SELECT string_to_table(email, NULL) FROM customers WHERE customer_id = 1
-- @ engineer agent | character codes
SELECT ascii(substr(email, g, 1)) FROM customers, generate_series(1, 30) AS g WHERE customer_id = 1
-- @ engineer agent | a regular expression's groups
SELECT regexp_matches(email, '(.)', 'g') FROM customers WHERE customer_id = 1
-- @ engineer agent | format, concat, quote_literal
SELECT format('%s', email), concat(email, ''), quote_literal(email), concat_ws('-', email, phone) FROM customers LIMIT 3
-- @ engineer agent | overlay, translate, replace, lpad
SELECT overlay(email placing 'x' FROM 1), translate(email, '@', '#'), replace(email, '.', ''), lpad(email, 60, '_') FROM customers LIMIT 3
-- @ engineer agent | casts
SELECT email::varchar(8), email::name, CAST(email AS "char"), email::text COLLATE "C", birth_date::text, salary::int FROM customers JOIN employees USING (email) LIMIT 3
-- @ engineer agent | a cast to the same type
SELECT email::text, CAST(last_name AS text), phone::text::text FROM customers LIMIT 3
-- @ engineer agent | the cast in the form of a call
SELECT text(email), "varchar"(last_name) FROM customers LIMIT 3
-- @ engineer agent | a collation
SELECT email COLLATE "C" FROM customers LIMIT 3
-- @ engineer agent | COALESCE, NULLIF, GREATEST, CASE
SELECT coalesce(email, ''), nullif(phone, ''), greatest(email, ''), CASE WHEN true THEN last_name END FROM customers LIMIT 3
-- @ engineer agent | an array, a row, a subscript
SELECT ARRAY[email, phone], ROW(email, first_name), (ARRAY[email])[1] FROM customers LIMIT 3
-- @ engineer agent | a scalar subquery
SELECT (SELECT email FROM customers WHERE customer_id = 1), ARRAY(SELECT phone FROM customers LIMIT 3)
-- @ engineer agent | a scalar subquery over an outer column
SELECT (SELECT c.email) FROM customers AS c LIMIT 3
-- @ engineer agent | VALUES with a subquery
VALUES ((SELECT email FROM customers WHERE customer_id = 1)), ('x')
-- @ engineer agent | VALUES beside a table
SELECT v.e FROM customers AS c, LATERAL (VALUES (c.email), (c.phone)) AS v (e) LIMIT 3
-- @ engineer agent | LATERAL
SELECT x.email, x.u FROM customers AS c, LATERAL (SELECT c.email, upper(c.email) AS u) AS x LIMIT 3
-- @ engineer agent | unnest
SELECT unnest(ARRAY[email, phone]) FROM customers LIMIT 3
-- @ engineer agent | ROWS FROM over an outer column
SELECT r.* FROM customers AS c, ROWS FROM (unnest(ARRAY[c.email]), generate_series(1, 1)) WITH ORDINALITY AS r LIMIT 3
-- @ engineer agent | a function in FROM over an outer column
SELECT f FROM customers AS c, upper(c.email) AS f LIMIT 3
-- @ engineer agent | the whole row
SELECT c FROM customers AS c LIMIT 3
-- @ engineer agent | the whole row as text
SELECT c::text, (c).email, (c.*)::text FROM customers AS c LIMIT 3
-- @ engineer agent | a field of the row as a function
SELECT email(c), c.email FROM customers AS c LIMIT 3
-- @ engineer agent | the row's fields by star
SELECT (c).* FROM customers AS c LIMIT 3
-- @ engineer agent | the row of a subquery
SELECT x, row_to_json(x) FROM (SELECT email, phone FROM customers) AS x LIMIT 3
-- @ engineer agent | row_to_json
SELECT row_to_json(c), to_jsonb(c), json_build_object('e', email) FROM customers AS c LIMIT 3
-- @ engineer agent | json_agg and its kin
SELECT json_agg(c), jsonb_object_agg(customer_id, email) FROM (SELECT * FROM customers LIMIT 3) AS c
-- @ engineer agent | jsonb_each over the row
SELECT e.key, e.value FROM customers AS c, jsonb_each_text(to_jsonb(c)) AS e LIMIT 20
-- @ engineer agent | jsonb_path_query over the row
SELECT jsonb_path_query(to_jsonb(c), '$.email') FROM customers AS c LIMIT 3
-- @ engineer agent | json_populate_record
SELECT p.email FROM customers AS c, jsonb_populate_record(NULL::customers, to_jsonb(c)) AS p LIMIT 3
-- @ engineer agent | hstore-like rows of arrays
SELECT array_agg(email), string_agg(phone, ','), array_agg(c) FROM (SELECT * FROM customers LIMIT 3) AS c
-- @ engineer agent | aggregates that keep a value
SELECT max(email), min(last_name), mode() WITHIN GROUP (ORDER BY first_name), percentile_disc(0.5) WITHIN GROUP (ORDER BY salary) FROM customers JOIN employees USING (email)
-- @ engineer agent | a salary's aggregates
SELECT min(salary), max(salary), percentile_disc(0.1) WITHIN GROUP (ORDER BY salary) FROM employees
-- @ engineer agent | an average of one
SELECT avg(salary), sum(salary), stddev(salary) FROM employees WHERE employee_id = 1
-- @ engineer agent | an average of one group each
SELECT employee_id, avg(salary)::numeric(10, 2) FROM employees GROUP BY employee_id LIMIT 3
-- @ engineer agent | window functions
SELECT first_value(email) OVER w, lag(email) OVER w, nth_value(phone, 1) OVER w FROM customers WINDOW w AS (ORDER BY customer_id) LIMIT 3
-- @ engineer agent | GROUPING SETS
SELECT email, last_name, count(*) FROM customers GROUP BY GROUPING SETS ((email), (last_name), ()) LIMIT 3
-- @ engineer agent | ROLLUP by number
SELECT email, count(*) FROM customers GROUP BY ROLLUP (1) LIMIT 3
-- @ engineer agent | GROUP BY the key, another column computed
SELECT upper(email) FROM customers GROUP BY customer_id LIMIT 3
-- @ engineer agent | GROUP BY and a HAVING
SELECT last_name FROM customers GROUP BY last_name HAVING count(*) > 1 AND max(email) > 'a' LIMIT 3
-- @ engineer agent | DISTINCT, DISTINCT ON
SELECT DISTINCT ON (last_name) last_name, email FROM customers ORDER BY last_name LIMIT 3
-- @ engineer agent | UNION
SELECT email FROM customers UNION SELECT iban FROM employees LIMIT 3
-- @ engineer agent | UNION that begins harmlessly
SELECT country::text FROM customers WHERE false UNION ALL SELECT email FROM customers LIMIT 3
-- @ engineer agent | EXCEPT and INTERSECT
(SELECT email FROM customers EXCEPT SELECT 'x') INTERSECT SELECT email FROM customers LIMIT 3
-- @ engineer agent | INTERSECT with a guess
SELECT 'LEA' || 'KED' FROM (SELECT email FROM customers INTERSECT SELECT 'olivia.okafor1@example.org') AS x
-- @ engineer agent | a CTE
WITH c AS (SELECT email, upper(email) AS u FROM customers) SELECT * FROM c LIMIT 3
-- @ engineer agent | a CTE with the table's own name
WITH customers AS (SELECT * FROM customers) SELECT email, upper(email) FROM customers LIMIT 3
-- @ engineer agent | a CTE that hides a harmless table
WITH orders AS MATERIALIZED (SELECT email AS status FROM customers) SELECT status, status || '' FROM orders LIMIT 3
-- @ engineer agent | a CTE within a subquery of the same name
WITH c AS (SELECT country FROM customers) SELECT * FROM (WITH c AS (SELECT email FROM customers) SELECT * FROM c) AS x, c LIMIT 3
-- @ engineer agent | a recursive CTE
WITH RECURSIVE r (id, e) AS (SELECT 1::bigint, '' UNION ALL SELECT customer_id, email FROM customers, r WHERE customer_id = r.id + 1 AND r.id < 4) SELECT * FROM r
-- @ engineer agent | a recursive CTE that gathers characters
WITH RECURSIVE r (n, t, e) AS (SELECT 0, '', email FROM customers WHERE customer_id = 1 UNION ALL SELECT n + 1, t || substr(e, n + 1, 1), e FROM r WHERE n < 30) SELECT max(t) FROM r
-- @ engineer agent | CTEs that name each other, later first
WITH RECURSIVE a AS (SELECT * FROM b), b AS (SELECT email FROM customers) SELECT * FROM a LIMIT 3
-- @ engineer agent | SEARCH
WITH RECURSIVE r (id, e) AS (SELECT customer_id, email FROM customers WHERE customer_id = 1 UNION ALL SELECT c.customer_id, c.email FROM customers AS c, r WHERE c.customer_id = r.id + 1 AND r.id < 4) SEARCH DEPTH FIRST BY e SET path SELECT path FROM r
-- @ engineer agent | NATURAL and USING joins
SELECT email, a.email FROM customers AS a NATURAL JOIN (SELECT customer_id, email FROM customers) AS b LIMIT 3
-- @ engineer agent | a FULL join's merged column
SELECT email FROM (SELECT email FROM customers) AS a FULL JOIN (SELECT email FROM employees) AS b USING (email) LIMIT 3
-- @ engineer agent | a join with guesses
SELECT 'LEA' || 'KED' FROM customers JOIN (VALUES ('olivia.okafor1@example.org')) AS g (e) ON g.e = email
-- @ engineer agent | a join with guesses by USING
SELECT 'LEA' || 'KED' FROM customers JOIN (VALUES ('olivia.okafor1@example.org')) AS g (email) USING (email)
-- @ engineer agent | guesses in a temporary table
CREATE TEMP TABLE g AS SELECT 'olivia.okafor1@example.org'::text AS e
-- @ then
SELECT 'LEA' || 'KED' FROM customers JOIN g ON g.e = email
-- @ engineer agent | guesses in a CTE
WITH g (e) AS (VALUES ('olivia.okafor1@example.org'), ('x')) SELECT 'LEA' || 'KED' FROM customers, g WHERE e = email
-- @ engineer agent | IN
SELECT 'LEA' || 'KED' FROM customers WHERE email IN ('olivia.okafor1@example.org', 'x')
-- @ engineer agent | = ANY
SELECT 'LEA' || 'KED' FROM customers WHERE email = ANY (ARRAY['olivia.okafor1@example.org', 'x'])
-- @ engineer agent | IS NOT DISTINCT FROM
SELECT 'LEA' || 'KED' FROM customers WHERE email IS NOT DISTINCT FROM 'olivia.okafor1@example.org'
-- @ engineer agent | a row comparison
SELECT 'LEA' || 'KED' FROM customers WHERE (customer_id, email) = (1, 'olivia.okafor1@example.org')
-- @ engineer agent | a row range
SELECT 'LEA' || 'KED' FROM customers WHERE (customer_id, email) >= (1, 'olivia.') AND (customer_id, email) < (1, 'olivib')
-- @ engineer agent | LIKE
SELECT 'LEA' || 'KED' FROM customers WHERE customer_id = 1 AND email LIKE 'olivia.%'
-- @ engineer agent | ILIKE, SIMILAR TO, regular expressions
SELECT 'LEA' || 'KED' FROM customers WHERE customer_id = 1 AND (email ILIKE 'OLIVIA.%' OR email SIMILAR TO 'oliv%' OR email ~ '^oliv')
-- @ engineer agent | a range
SELECT 'LEA' || 'KED' FROM customers WHERE customer_id = 1 AND email >= 'olivia.o' AND email < 'olivia.p'
-- @ engineer agent | BETWEEN
SELECT 'LEA' || 'KED' FROM customers WHERE customer_id = 1 AND email BETWEEN 'olivia.o' AND 'olivia.p'
-- @ engineer agent | a birth date's range
SELECT 'LEA' || 'KED' FROM customers WHERE customer_id = 1 AND birth_date = '1990-01-24'
-- @ engineer agent | a person's name by equality
SELECT 'LEA' || 'KED' FROM customers WHERE customer_id = 1 AND last_name = 'Okafor'
-- @ engineer agent | a name through its index
SELECT 'LEA' || 'KED' FROM customers WHERE customer_id = 1 AND lower(last_name) = 'okafor'
-- @ engineer agent | a condition within an aggregate's FILTER
SELECT left('LEAKED', 6 * (count(*) FILTER (WHERE email LIKE 'olivia.okafor1@%'))::int) || '' FROM customers WHERE customer_id = 1
-- @ engineer agent | a condition in ON
SELECT 'LEA' || 'KED' FROM orders JOIN customers AS c ON c.customer_id = orders.customer_id AND c.email LIKE '%@%.___' AND length(c.email) < 40 LIMIT 1
-- @ engineer agent | a condition in HAVING
SELECT 'LEA' || 'KED' FROM customers WHERE customer_id = 1 GROUP BY customer_id HAVING max(email) LIKE 'olivia%'
-- @ engineer agent | a condition in ORDER BY and LIMIT
SELECT CASE customer_id WHEN 1 THEN 'LEA' || 'KED' END FROM customers WHERE customer_id IN (1, 2) ORDER BY email LIKE 'olivia%' DESC, customer_id DESC LIMIT 1
-- @ engineer agent | a condition as LIMIT
SELECT 'LEA' || 'KED' FROM orders LIMIT (SELECT count(*) FROM customers WHERE customer_id = 1 AND email LIKE 'olivia%')
-- @ engineer agent | a condition as OFFSET
SELECT x FROM (VALUES ('no'), ('LEA' || 'KED')) AS v (x) OFFSET (SELECT count(*) FROM customers WHERE customer_id = 1 AND email LIKE 'olivia%') LIMIT 1
-- @ engineer agent | a condition as a window's frame
SELECT count(*) OVER (ORDER BY order_id ROWS (SELECT ascii(email) FROM customers WHERE customer_id = 1) PRECEDING) FROM orders ORDER BY 1 DESC LIMIT 1
-- @ engineer agent | EXISTS
SELECT 'LEA' || 'KED' WHERE EXISTS (SELECT FROM customers WHERE customer_id = 1 AND email LIKE 'olivia%')
-- @ engineer agent | a division by zero
-- ? 22012
SELECT 1 / (CASE WHEN email LIKE 'olivia.okafor1@%' THEN 0 ELSE 1 END) FROM customers WHERE customer_id = 1
-- @ engineer agent | a cast's error
SELECT email::integer, birth_date::text::integer, phone::numeric FROM customers
-- @ engineer agent | a cast's error in a condition
SELECT 1 FROM customers WHERE email::integer = 1
-- @ engineer agent | errors of json, dates, inet, xml
SELECT email::json FROM customers LIMIT 1; 
-- @ then
SELECT email::date FROM customers LIMIT 1
-- @ then
SELECT email::inet FROM customers LIMIT 1
-- @ then
SELECT email::xml, xmlparse(document email) FROM customers LIMIT 1
-- @ then
SELECT email::regclass FROM customers LIMIT 1
-- @ then
SELECT email::order_status FROM customers LIMIT 1
-- @ engineer agent | an error of nextval, currval, set_config
SELECT nextval(email) FROM customers LIMIT 1
-- @ then
SELECT current_setting(email) FROM customers LIMIT 1
-- @ then
SELECT set_config(email, 'x', false) FROM customers LIMIT 1
-- @ then
SELECT to_regclass(email), has_table_privilege(email, 'select') FROM customers LIMIT 1
-- @ engineer agent | an error of a function that names its argument
SELECT pg_input_is_valid(email, email) FROM customers LIMIT 1
-- @ then
SELECT encode('x', email) FROM customers LIMIT 1
-- @ then
SELECT date_trunc(email, now()), to_char(1, email) FROM customers LIMIT 1
-- @ then
SELECT convert_to('x', email) FROM customers LIMIT 1
-- @ engineer agent | a setting that holds a value
SELECT set_config('evasion.x', email, false) FROM customers LIMIT 1
-- @ then
SELECT current_setting('evasion.x'), reverse(current_setting('evasion.x'))
-- @ then
SHOW evasion.x
-- @ engineer agent | application_name
SELECT set_config('application_name', email, false) FROM customers LIMIT 1
-- @ then
SHOW application_name
-- @ engineer agent | pg_notify
LISTEN evasion
-- @ then
SELECT pg_notify('evasion', email), pg_notify('evasion', encode(email::bytea, 'hex')) FROM customers LIMIT 1
-- @ then
SELECT 1
-- @ engineer agent | COPY to the client
COPY customers TO STDOUT
-- @ engineer agent | COPY of columns, CSV
COPY customers (email, customer_id) TO STDOUT WITH (FORMAT csv, HEADER, FORCE_QUOTE *)
-- @ engineer agent | COPY binary
COPY suppliers TO STDOUT WITH (FORMAT binary)
-- @ engineer agent | COPY of a query
COPY (SELECT email, upper(email), c FROM customers AS c LIMIT 3) TO STDOUT
-- @ engineer agent | COPY of TABLE
COPY (TABLE employees) TO STDOUT
-- @ engineer agent | COPY of RETURNING
COPY (UPDATE customers SET newsletter = newsletter WHERE customer_id = 1 RETURNING email) TO STDOUT
-- @ engineer agent | COPY in another encoding
COPY (SELECT first_name FROM customers LIMIT 3) TO STDOUT WITH (ENCODING 'UTF8', DELIMITER '|')
-- @ engineer agent | COPY from the client, with an error
COPY customers (email) FROM STDIN
-- @ engineer agent | COPY of a view
COPY order_overview TO STDOUT
-- @ engineer agent | COPY of a view as a query
COPY (SELECT email, customer FROM order_overview LIMIT 3) TO STDOUT
-- @ engineer agent | a view
SELECT * FROM order_overview LIMIT 3
-- @ engineer agent | a view's computed column
SELECT customer FROM order_overview LIMIT 3
-- @ engineer agent | a view's column, computed
SELECT upper(email), reverse(customer) FROM order_overview LIMIT 3
-- @ engineer agent | a view's column compared
SELECT 'LEA' || 'KED' FROM order_overview WHERE email LIKE 'olivia%' LIMIT 1
-- @ engineer agent | a view's computed column compared
SELECT 'LEA' || 'KED' FROM order_overview WHERE customer = 'Olivia Okafor' LIMIT 1
-- @ engineer agent | a temporary view
CREATE TEMP VIEW v AS SELECT customer_id, email, phone AS country FROM customers
-- @ then
SELECT * FROM v LIMIT 3
-- @ then
SELECT upper(email), reverse(country) FROM v LIMIT 3
-- @ engineer agent | a temporary view that computes
CREATE TEMP VIEW v AS SELECT customer_id, upper(email) AS country, length(phone) AS n FROM customers
-- @ then
SELECT country, n FROM v LIMIT 3
-- @ engineer agent | views over views
CREATE TEMP VIEW v AS SELECT customer_id, email AS a FROM customers
-- @ then
CREATE TEMP VIEW w AS SELECT customer_id, a || '' AS b FROM v
-- @ then
SELECT b, upper(b) FROM w LIMIT 3
-- @ engineer agent | a temporary view's condition
CREATE TEMP VIEW v AS SELECT customer_id FROM customers WHERE email LIKE 'olivia.okafor1@%'
-- @ then
SELECT 'LEA' || 'KED' FROM v
-- @ engineer agent | a temporary view of names and codes
CREATE TEMP VIEW v AS SELECT customer_id, p, i FROM customers, generate_series(1, 26) AS p, generate_series(32, 126) AS i WHERE customer_id = 1 AND ascii(substr(email, p, 1)) = i
-- @ then
SELECT string_agg(chr(i), '' ORDER BY p) FROM v
-- @ engineer | a view for good whose condition compares
CREATE VIEW evasion_v AS SELECT customer_id FROM customers WHERE email LIKE 'olivia.okafor1@%'
-- @ then
SELECT 'LEA' || 'KED' FROM evasion_v
-- @ engineer | a view for good that spells values out by its condition
CREATE VIEW evasion_v AS SELECT customer_id, p, i FROM customers, generate_series(1, 26) AS p, generate_series(32, 126) AS i WHERE customer_id = 1 AND ascii(substr(email, p, 1)) = i
-- @ then
SELECT string_agg(chr(i), '' ORDER BY p) FROM evasion_v
-- @ engineer | a view for good over a scalar subquery
CREATE VIEW evasion_v AS SELECT p, i FROM generate_series(1, 26) AS p, generate_series(32, 126) AS i WHERE ascii(substr((SELECT email FROM customers WHERE customer_id = 1), p, 1)) = i
-- @ then
SELECT string_agg(chr(i), '' ORDER BY p) FROM evasion_v
-- @ engineer | a view for good that orders
CREATE VIEW evasion_v AS SELECT customer_id FROM customers WHERE customer_id IN (1, 2, 3) ORDER BY email DESC LIMIT 1
-- @ then
SELECT 'LEA' || 'KED' FROM evasion_v WHERE customer_id = 1
-- @ engineer | a view for good that joins
CREATE VIEW evasion_v AS SELECT c.customer_id, i FROM customers AS c JOIN generate_series(1, 122) AS i ON ascii(c.email) = i
-- @ then
SELECT 'LEA' || 'KED' FROM evasion_v WHERE customer_id = 1 AND i = 111
-- @ engineer | a view for good whose HAVING compares
CREATE VIEW evasion_v AS SELECT customer_id FROM customers GROUP BY customer_id HAVING max(email) LIKE 'olivia.okafor1@%'
-- @ then
SELECT 'LEA' || 'KED' FROM evasion_v
-- @ engineer | a view for good whose EXISTS compares
CREATE VIEW evasion_v AS SELECT order_id FROM orders AS o WHERE EXISTS (SELECT FROM customers AS c WHERE c.customer_id = o.customer_id AND c.email LIKE 'olivia.%')
-- @ then
SELECT 'LEA' || 'KED' FROM evasion_v LIMIT 1
-- @ engineer | a view for good whose LIMIT is a value
CREATE VIEW evasion_v AS SELECT order_id FROM orders LIMIT (SELECT ascii(email) FROM customers WHERE customer_id = 1)
-- @ then
SELECT 'LEA' || 'KED' FROM evasion_v HAVING count(*) = 111
-- @ engineer | a view for good in a rolled back transaction
BEGIN
-- @ then
CREATE VIEW evasion_v AS SELECT customer_id FROM customers WHERE email LIKE 'olivia.okafor1@%'
-- @ then
SELECT 'LEA' || 'KED' FROM evasion_v
-- @ then
ROLLBACK
-- @ engineer | a security definer function for good
CREATE FUNCTION evasion_f() RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT email FROM customers LIMIT 1'
-- @ then
SELECT evasion_f()
-- @ engineer agent | a materialised view
CREATE MATERIALIZED VIEW evasion_m AS SELECT email, upper(email) AS u FROM customers
-- @ then
SELECT * FROM evasion_m LIMIT 3
-- @ engineer agent | the key's name in the definition of a temporary view
CREATE TEMP VIEW v AS SELECT upper(email) AS e FROM customers
-- @ then
SELECT 'LEA' || 'KED' WHERE length(current_setting(substring(pg_get_viewdef('v') FROM 'durward\.k[0-9a-f]+'), true)) > 0
-- @ engineer agent | the key's name in pg_views
CREATE TEMP VIEW v AS SELECT upper(email) AS e FROM customers
-- @ then
SELECT 'LEA' || 'KED' FROM pg_views WHERE length(current_setting(substring(definition FROM 'durward\.k[0-9a-f]+'), true)) > 0
-- @ engineer agent | the key's name in information_schema.views
CREATE TEMP VIEW v AS SELECT upper(email) AS e FROM customers
-- @ then
SELECT 'LEA' || 'KED' FROM information_schema.views WHERE length(current_setting(substring(view_definition FROM 'durward\.k[0-9a-f]+'), true)) > 0
-- @ engineer agent | the key's name in pg_rewrite
CREATE TEMP VIEW v AS SELECT upper(email) AS e FROM customers
-- @ then
SELECT 'LEA' || 'KED' FROM pg_rewrite WHERE length(current_setting(substring(pg_get_ruledef(oid) FROM 'durward\.k[0-9a-f]+'), true)) > 0
-- @ engineer agent | the key's name in the memory contexts
PREPARE p AS SELECT upper(email) FROM customers
-- @ then
SELECT 'LEA' || 'KED' FROM pg_backend_memory_contexts WHERE length(current_setting(substring(ident FROM 'durward\.k[0-9a-f]+'), true)) > 0
-- @ engineer agent | the key's name in the memory contexts' function
PREPARE p AS SELECT upper(email) FROM customers
-- @ then
SELECT 'LEA' || 'KED' FROM pg_get_backend_memory_contexts() AS m WHERE length(current_setting(substring(m.ident FROM 'durward\.k[0-9a-f]+'), true)) > 0
-- @ engineer agent | the key's name in the catalog of prepared statements
PREPARE p AS SELECT upper(email) FROM customers
-- @ then
SELECT statement FROM pg_prepared_statements
-- @ then
SELECT * FROM pg_prepared_statement() AS s
-- @ then
SELECT row_to_json(s) FROM pg_prepared_statements AS s
-- @ engineer agent | the key's name in the catalog of cursors
BEGIN
-- @ then
DECLARE c CURSOR FOR SELECT upper(email) FROM customers
-- @ then
SELECT * FROM pg_cursors
-- @ engineer agent | the key's name in EXPLAIN VERBOSE
EXPLAIN (VERBOSE, FORMAT json) SELECT upper(email) FROM customers
-- @ engineer agent | the key's name in EXPLAIN EXECUTE
PREPARE p AS SELECT upper(email) FROM customers
-- @ then
EXPLAIN (VERBOSE) EXECUTE p
-- @ engineer agent | the running query
SELECT current_query(), upper(email) FROM customers LIMIT 1
-- @ then
SELECT query FROM pg_stat_activity WHERE pid = pg_backend_pid()
-- @ then
SELECT (a).query FROM pg_stat_activity AS a
-- @ then
SELECT pg_stat_get_backend_activity(i) FROM pg_stat_get_backend_idset() AS i
-- @ engineer agent | the running query as a column's default
CREATE TEMP TABLE t (q text DEFAULT current_query(), n integer)
-- @ then
INSERT INTO t (n) SELECT length(email) FROM customers LIMIT 1
-- @ then
SELECT q FROM t
-- @ engineer agent | the plan in the log, and the log to the client
SET client_min_messages = log
-- @ then
SET debug_print_plan = on
-- @ then
SELECT upper(email) FROM customers WHERE email LIKE 'o%' LIMIT 1
-- @ engineer agent | all settings
SELECT name, setting FROM pg_settings WHERE name LIKE 'durward%'
-- @ then
SHOW ALL
-- @ engineer agent | auto_explain
LOAD 'auto_explain'
-- @ then
SET auto_explain.log_min_duration = 0
-- @ then
SELECT upper(email) FROM customers LIMIT 1
-- @ engineer agent | query_to_xml
SELECT query_to_xml('SELECT email FROM customers LIMIT 2', false, false, '')
-- @ engineer agent | query_to_xml of a text made of parts
SELECT query_to_xml('SELECT em' || 'ail FROM customers LIMIT 2', false, false, '')
-- @ engineer agent | query_to_xml that computes
SELECT query_to_xml('SELECT upper(email) AS u FROM customers LIMIT 2', false, false, '')
-- @ engineer agent | query_to_xml in FROM, as a condition
SELECT 'LEA' || 'KED' WHERE query_to_xml('SELECT email FROM customers', false, false, '')::text LIKE '%olivia.okafor1@%'
-- @ engineer agent | query_to_xml_and_xmlschema
SELECT query_to_xml_and_xmlschema('SELECT email FROM customers LIMIT 2', false, false, '')
-- @ engineer agent | the queries of query_to_xml are literals, and facts are kept without literals
SELECT query_to_xml('SELECT 1', false, false, '')
-- @ then
SELECT query_to_xml('SELECT email FROM customers LIMIT 2', false, false, '')
-- @ engineer agent | table_to_xml
SELECT table_to_xml('suppliers', false, false, '')
-- @ engineer agent | table_to_xml of a name made of parts
SELECT table_to_xml(('supp' || 'liers')::regclass, false, false, '')
-- @ engineer agent | table_to_xml by oid
SELECT table_to_xml(oid, false, false, '') FROM pg_class WHERE relname = 'suppliers'
-- @ engineer agent | table_to_xml_and_xmlschema
SELECT table_to_xml_and_xmlschema('employees', false, false, '')
-- @ engineer agent | schema_to_xml and database_to_xml
SELECT schema_to_xml('public', false, false, '')
-- @ then
SELECT database_to_xml(false, false, '')
-- @ engineer agent | cursor_to_xml
BEGIN
-- @ then
DECLARE c CURSOR FOR SELECT email FROM customers LIMIT 2
-- @ then
SELECT cursor_to_xml('c', 10, false, false, '')
-- @ engineer agent | cursor_to_xml of a held cursor
DECLARE c CURSOR WITH HOLD FOR SELECT email FROM customers LIMIT 2
-- @ then
SELECT cursor_to_xml('c', 10, false, false, '')
-- @ engineer agent | cursor_to_xml of a cursor named by a value
BEGIN
-- @ then
DECLARE c CURSOR FOR SELECT email FROM customers LIMIT 2
-- @ then
SELECT cursor_to_xml(name::refcursor, 10, false, false, '') FROM (VALUES ('c')) AS x (name)
-- @ engineer agent | ts_stat and ts_rewrite
SELECT * FROM ts_stat('SELECT to_tsvector(''simple'', email) FROM customers LIMIT 3')
-- @ then
SELECT ts_rewrite('a'::tsquery, 'SELECT ''a''::tsquery, quote_literal(email)::tsquery FROM customers LIMIT 1')
-- @ engineer agent | xml and its tables
SELECT xmlelement(name a, email), xmlforest(email, phone) FROM customers LIMIT 3
-- @ then
SELECT x.e FROM customers AS c, XMLTABLE('/a' PASSING xmlelement(name a, c.email) COLUMNS e text PATH '.') AS x LIMIT 3
-- @ then
SELECT xmlagg(xmlelement(name a, email)) FROM (SELECT email FROM customers LIMIT 3) AS c
-- @ engineer agent | a prepared statement
PREPARE p AS SELECT email, phone FROM customers LIMIT 3
-- @ then
EXECUTE p
-- @ engineer agent | prepared, and computed
PREPARE p (text) AS SELECT email || $1 FROM customers LIMIT 3
-- @ then
EXECUTE p ('x')
-- @ engineer agent | prepared, and kept in a table by EXPLAIN
PREPARE p AS SELECT email FROM customers LIMIT 3
-- @ then
EXPLAIN ANALYZE CREATE TEMP TABLE t AS EXECUTE p
-- @ then
SELECT encode(convert_to(email, 'UTF8'), 'hex') FROM t
-- @ engineer agent | prepared, and kept in a table by EXPLAIN, then used as a guess
PREPARE p AS SELECT email FROM customers WHERE customer_id = 1
-- @ then
EXPLAIN (ANALYZE, COSTS off, TIMING off) CREATE TEMP TABLE t AS EXECUTE p
-- @ then
SELECT left(email, 10), right(email, 15), length(email) FROM t
-- @ engineer agent | prepared, and kept in a table
PREPARE p AS SELECT email FROM customers LIMIT 3
-- @ then
CREATE TEMP TABLE t AS EXECUTE p
-- @ then
SELECT encode(convert_to(email, 'UTF8'), 'hex') FROM t
-- @ engineer agent | prepared over a temporary table that a view takes the place of
CREATE TEMP TABLE t (x text)
-- @ then
PREPARE p AS SELECT x FROM t
-- @ then
EXECUTE p
-- @ then
DROP TABLE t
-- @ then
CREATE TEMP VIEW t AS SELECT email AS x FROM customers LIMIT 3
-- @ then
EXECUTE p
-- @ engineer agent | a temporary table that hides the real one, then goes
CREATE TEMP TABLE customers (email text)
-- @ then
PREPARE p AS SELECT email FROM customers LIMIT 1
-- @ then
DISCARD TEMP
-- @ then
EXECUTE p
-- @ then
SELECT email FROM customers LIMIT 1
-- @ engineer agent | a temporary table that a rollback takes away
BEGIN
-- @ then
SAVEPOINT s
-- @ then
CREATE TEMP TABLE customers (email text)
-- @ then
SELECT email FROM customers
-- @ then
ROLLBACK TO s
-- @ then
SELECT email FROM customers LIMIT 1
-- @ engineer agent | a temporary table that ends with its transaction
CREATE TEMP TABLE customers (email text) ON COMMIT DROP
-- @ then
SELECT email FROM customers LIMIT 1
-- @ engineer agent | the search path before the temporary schema
CREATE TEMP TABLE customers (email text)
-- @ then
SELECT set_config('search_path', 'public, pg_temp', false)
-- @ then
SELECT email FROM customers LIMIT 1
-- @ engineer agent | DISCARD ALL
PREPARE p AS SELECT upper(email) FROM customers LIMIT 1
-- @ then
DISCARD ALL
-- @ then
SELECT email, upper(email) FROM customers LIMIT 1
-- @ engineer agent | RESET ALL
RESET ALL
-- @ then
SELECT upper(email) FROM customers LIMIT 1
-- @ engineer agent | a cursor
BEGIN
-- @ then
DECLARE c CURSOR FOR SELECT email, upper(phone) FROM customers
-- @ then
FETCH 3 FROM c
-- @ engineer agent | a binary cursor
BEGIN
-- @ then
DECLARE c BINARY CURSOR FOR SELECT email, birth_date FROM customers
-- @ then
FETCH 3 FROM c
-- @ engineer agent | a scrolling cursor, backwards
BEGIN
-- @ then
DECLARE c SCROLL CURSOR FOR SELECT email FROM customers
-- @ then
FETCH LAST FROM c
-- @ then
FETCH PRIOR FROM c
-- @ then
FETCH ABSOLUTE 1 FROM c
-- @ engineer agent | a held cursor in a later transaction
DECLARE c CURSOR WITH HOLD FOR SELECT email, salary FROM employees
-- @ then
FETCH 3 FROM c
-- @ engineer agent | a cursor that takes another's name after a rollback
BEGIN
-- @ then
SAVEPOINT s
-- @ then
DECLARE c CURSOR FOR SELECT country FROM customers
-- @ then
ROLLBACK TO s
-- @ then
DECLARE c CURSOR FOR SELECT email FROM customers
-- @ then
FETCH 3 FROM c
-- @ engineer agent | cursors whose names differ by case alone
BEGIN
-- @ then
DECLARE c CURSOR FOR SELECT country FROM customers
-- @ then
DECLARE "C" CURSOR FOR SELECT email FROM customers
-- @ then
FETCH 3 FROM "C"
-- @ engineer agent | WHERE CURRENT OF, with RETURNING
BEGIN
-- @ then
DECLARE c CURSOR FOR SELECT customer_id FROM customers WHERE customer_id = 1 FOR UPDATE
-- @ then
FETCH 1 FROM c
-- @ then
UPDATE customers SET newsletter = newsletter WHERE CURRENT OF c RETURNING email, upper(email)
-- @ engineer agent | CREATE TEMP TABLE AS
CREATE TEMP TABLE t AS SELECT email, first_name FROM customers LIMIT 3
-- @ then
SELECT encode(convert_to(email, 'UTF8'), 'hex'), encode(convert_to(first_name, 'UTF8'), 'hex') FROM t
-- @ engineer agent | SELECT INTO TEMP
SELECT email INTO TEMP t FROM customers LIMIT 3
-- @ then
SELECT encode(convert_to(email, 'UTF8'), 'hex') FROM t
-- @ engineer agent | SELECT INTO a table for good
SELECT email AS e INTO evasion_t FROM customers LIMIT 3
-- @ then
SELECT encode(convert_to(e, 'UTF8'), 'hex') FROM evasion_t
-- @ engineer agent | CREATE TABLE AS TABLE
CREATE TABLE evasion_t AS TABLE suppliers
-- @ then
SELECT * FROM evasion_t LIMIT 3
-- @ engineer agent | EXPLAIN ANALYZE CREATE TABLE AS
EXPLAIN ANALYZE CREATE TEMP TABLE t AS SELECT email FROM customers LIMIT 3
-- @ then
SELECT encode(convert_to(email, 'UTF8'), 'hex') FROM t
-- @ engineer agent | INSERT … SELECT into a temporary table
CREATE TEMP TABLE t (x text)
-- @ then
INSERT INTO t SELECT email FROM customers LIMIT 2
-- @ then
INSERT INTO t VALUES ((SELECT email FROM customers LIMIT 1))
-- @ then
INSERT INTO t TABLE customers
-- @ then
SELECT encode(convert_to(x, 'UTF8'), 'hex') FROM t
-- @ engineer agent | UPDATE … FROM into a temporary table
CREATE TEMP TABLE t AS SELECT ''::text AS x
-- @ then
UPDATE t SET x = c.email FROM customers AS c WHERE c.customer_id = 1
-- @ then
UPDATE t SET (x) = (SELECT email FROM customers WHERE customer_id = 1)
-- @ then
SELECT encode(convert_to(x, 'UTF8'), 'hex') FROM t
-- @ engineer agent | MERGE into a temporary table
CREATE TEMP TABLE t (x text)
-- @ then
MERGE INTO t USING (SELECT email FROM customers LIMIT 1) AS c ON false WHEN NOT MATCHED THEN INSERT VALUES (c.email)
-- @ then
SELECT encode(convert_to(x, 'UTF8'), 'hex') FROM t
-- @ engineer agent | a CTE's RETURNING into a temporary table
CREATE TEMP TABLE t (x text)
-- @ then
WITH d AS (UPDATE customers SET newsletter = newsletter WHERE customer_id = 1 RETURNING email) INSERT INTO t SELECT email FROM d
-- @ then
SELECT encode(convert_to(x, 'UTF8'), 'hex') FROM t
-- @ engineer agent | into an unlabelled column of a real table
BEGIN
-- @ then
UPDATE orders SET note = (SELECT email FROM customers WHERE customer_id = 1) WHERE order_id = 1
-- @ then
UPDATE orders SET note = c.email FROM customers AS c WHERE c.customer_id = orders.customer_id AND order_id = 1
-- @ then
SELECT note, reverse(note) FROM orders WHERE order_id = 1
-- @ then
ROLLBACK
-- @ engineer agent | from one column of a row to another
BEGIN
-- @ then
UPDATE addresses SET city = street WHERE address_id = 1 RETURNING city
-- @ then
UPDATE addresses SET kind = upper(street) WHERE address_id = 1 RETURNING kind
-- @ then
ROLLBACK
-- @ engineer agent | RETURNING
BEGIN
-- @ then
UPDATE customers SET newsletter = newsletter WHERE customer_id = 1 RETURNING *
-- @ then
UPDATE customers SET newsletter = newsletter WHERE customer_id = 1 RETURNING upper(email), customers
-- @ then
DELETE FROM ticket_messages WHERE message_id = 1 RETURNING author, reverse(author)
-- @ then
ROLLBACK
-- @ engineer agent | RETURNING from an INSERT's subquery
BEGIN
-- @ then
INSERT INTO categories (name) VALUES ('x') RETURNING (SELECT email FROM customers LIMIT 1)
-- @ then
ROLLBACK
-- @ engineer agent | RETURNING in a CTE
WITH d AS (UPDATE customers SET newsletter = newsletter WHERE customer_id = 1 RETURNING email, last_name) SELECT email, upper(last_name) FROM d
-- @ engineer agent | a condition of an UPDATE
BEGIN
-- @ then
UPDATE customers SET newsletter = newsletter WHERE customer_id = 1 AND email LIKE 'olivia%' RETURNING 'LEA' || 'KED'
-- @ then
ROLLBACK
-- @ engineer agent | a condition of a DELETE
BEGIN
-- @ then
DELETE FROM ticket_messages WHERE message_id = 1 AND author LIKE 'staff7@%' RETURNING 'LEA' || 'KED'
-- @ then
ROLLBACK
-- @ engineer agent | ON CONFLICT … DO UPDATE, and RETURNING
BEGIN
-- @ then
INSERT INTO customers (customer_id, first_name, last_name, email, country, newsletter, created_at, updated_at) VALUES (1, 'a', 'b', 'c', 'DE', true, now(), now()) ON CONFLICT (customer_id) DO UPDATE SET newsletter = true RETURNING email, upper(customers.email)
-- @ then
INSERT INTO customers (customer_id, first_name, last_name, email, country, newsletter, created_at, updated_at) VALUES (1, 'a', 'b', 'c', 'DE', true, now(), now()) ON CONFLICT (customer_id) DO UPDATE SET newsletter = true WHERE customers.email LIKE 'olivia%' RETURNING 'LEA' || 'KED'
-- @ then
ROLLBACK
-- @ engineer agent | ON CONFLICT as a guess
BEGIN
-- @ then
WITH i AS (INSERT INTO customers (first_name, last_name, email, country, newsletter, created_at, updated_at) VALUES ('a', 'b', 'olivia.okafor1@example.org', 'DE', true, now(), now()) ON CONFLICT (email) DO NOTHING RETURNING 1) SELECT 'LEA' || 'KED' WHERE NOT EXISTS (SELECT FROM i)
-- ! ANSWERS
-- @ then
ROLLBACK
-- @ engineer agent | a unique violation as a guess
-- ? 23505
BEGIN
-- @ then
INSERT INTO customers (first_name, last_name, email, country, newsletter, created_at, updated_at) VALUES ('a', 'b', 'olivia.okafor1@example.org', 'DE', true, now(), now())
-- ! ANSWERS
-- @ engineer | a foreign key to a masked column as a guess
BEGIN
-- @ then
CREATE TABLE evasion_t (e text REFERENCES customers (email))
-- @ then
CREATE TABLE evasion_u (e text)
-- @ then
ALTER TABLE evasion_u ADD CONSTRAINT evasion_c FOREIGN KEY (e) REFERENCES customers (email) NOT VALID
-- @ then
INSERT INTO evasion_u VALUES ('olivia.okafor1@example.org') RETURNING 'LEA' || 'KED'
-- ! ANSWERS
-- @ then
ROLLBACK
-- @ engineer agent | an UPDATE's unique violation
-- ? 23505
UPDATE customers SET email = 'olivia.okafor1@example.org' WHERE customer_id = 2
-- ! ANSWERS
-- @ engineer agent | failing rows
UPDATE customers SET country = NULL WHERE customer_id = 1
-- @ then
UPDATE employees SET email = NULL WHERE employee_id = 1
-- @ then
UPDATE employees SET salary = salary * 1e20 WHERE employee_id = 1
-- @ then
UPDATE payments SET order_id = 0 WHERE payment_id = 2
-- @ engineer agent | an index's error
CREATE INDEX CONCURRENTLY evasion_i ON customers ((email::integer))
-- @ engineer agent | an index's uniqueness
CREATE UNIQUE INDEX CONCURRENTLY evasion_i ON customers (last_name)
-- @ engineer | an index's error as an answer
-- ? 22012
CREATE INDEX CONCURRENTLY evasion_i ON customers ((1 / (CASE WHEN email LIKE 'olivia.okafor1@%' THEN 0 ELSE 1 END)))
-- ! ANSWERS
-- @ engineer | an index's condition
-- ? 22012
CREATE INDEX CONCURRENTLY evasion_i ON customers (customer_id) WHERE 1 / (CASE WHEN email LIKE 'olivia.okafor1@%' THEN 0 ELSE 1 END) > 0
-- ! ANSWERS
-- @ engineer | a partial unique index as an answer
-- ? 23505
CREATE UNIQUE INDEX CONCURRENTLY evasion_i ON customers ((1)) WHERE email LIKE 'olivia.%'
-- ! ANSWERS
-- @ engineer | a constraint, validated
ALTER TABLE customers ADD CONSTRAINT evasion_c CHECK (email::integer > 0) NOT VALID
-- @ then
ALTER TABLE customers VALIDATE CONSTRAINT evasion_c
-- @ engineer | a constraint as an answer
-- ? 23514
ALTER TABLE customers ADD CONSTRAINT evasion_c CHECK (email NOT LIKE 'olivia.okafor1@%') NOT VALID
-- @ then
ALTER TABLE customers VALIDATE CONSTRAINT evasion_c
-- ! ANSWERS
-- @ engineer | a constraint as an answer, by an update of one row
-- ? 23514
ALTER TABLE customers ADD CONSTRAINT evasion_c CHECK (email NOT LIKE 'olivia.okafor1@%') NOT VALID
-- @ then
UPDATE customers SET newsletter = newsletter WHERE customer_id = 1
-- ! ANSWERS
-- @ engineer | a foreign key's error
ALTER TABLE customers ADD CONSTRAINT evasion_c FOREIGN KEY (email) REFERENCES employees (email) NOT VALID
-- @ then
ALTER TABLE customers VALIDATE CONSTRAINT evasion_c
-- @ engineer | statistics over an expression that fails
CREATE STATISTICS evasion_s ON (email::integer) FROM customers
-- @ then
ANALYZE customers
-- @ engineer | statistics over an expression that answers
-- ? 22012
CREATE STATISTICS evasion_s ON (1 / (CASE WHEN email LIKE 'olivia.okafor1@%' THEN 0 ELSE 1 END)) FROM customers
-- @ then
ANALYZE customers
-- ! ANSWERS
-- @ engineer | a column generated from a masked one
ALTER TABLE addresses ADD COLUMN evasion_g text GENERATED ALWAYS AS (reverse(street)) STORED
-- @ then
SELECT evasion_g FROM addresses LIMIT 3
-- @ engineer | a table made a parent of a masked one
CREATE TABLE evasion_t (name text)
-- @ then
ALTER TABLE employees INHERIT evasion_t
-- @ then
SELECT name, reverse(name) FROM evasion_t LIMIT 3
-- @ then
ALTER TABLE employees NO INHERIT evasion_t
-- @ engineer agent | a temporary child
CREATE TEMP TABLE t () INHERITS (customers)
-- @ then
SELECT email, upper(email) FROM t UNION ALL SELECT email, upper(email) FROM customers LIMIT 3
-- @ engineer agent | statistics
SELECT most_common_vals, histogram_bounds FROM pg_stats WHERE tablename = 'customers'
-- @ then
SELECT s FROM pg_stats AS s WHERE tablename = 'customers'
-- @ then
SELECT stavalues1, stavalues2 FROM pg_statistic WHERE starelid = 'customers'::regclass
-- @ then
SELECT to_jsonb(s) -> 'histogram_bounds' FROM pg_stats AS s
-- @ engineer agent | statistics through a view of one's own
CREATE TEMP VIEW v AS SELECT histogram_bounds::text AS country FROM pg_stats WHERE tablename = 'customers'
-- @ then
SELECT country FROM v
-- @ engineer agent | statistics through NATURAL JOIN and aliases
SELECT x.* FROM pg_stats AS x (a, b, c, d, e, f, g, h, i, j) WHERE b = 'customers'
-- @ engineer agent | estimates
EXPLAIN SELECT * FROM customers WHERE last_name = 'Okafor'
-- @ then
EXPLAIN SELECT * FROM customers WHERE email < 'm'
-- @ then
EXPLAIN SELECT DISTINCT last_name FROM customers
-- @ engineer agent | rows counted by EXPLAIN ANALYZE
EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) SELECT FROM customers WHERE email LIKE 'olivia.okafor1@%'
-- @ engineer agent | a DO block that raises
DO $$ BEGIN RAISE NOTICE '%', (SELECT email FROM customers LIMIT 1); END $$
-- @ engineer agent | a DO block that raises with a code that names things
DO $$ DECLARE x text; BEGIN SELECT email INTO x FROM customers LIMIT 1; RAISE EXCEPTION '%', x USING ERRCODE = '42501'; END $$
-- @ engineer agent | a DO block's notice with such a code
DO $$ DECLARE x text; BEGIN SELECT email INTO x FROM customers LIMIT 1; RAISE NOTICE '%', x USING ERRCODE = '42501'; END $$
-- @ engineer agent | a DO block's warning with such a code
DO $$ DECLARE x text; BEGIN SELECT email INTO x FROM customers LIMIT 1; RAISE WARNING '%', x USING ERRCODE = '0A000'; END $$
-- @ engineer agent | a DO block that raises in the fields of names
DO $$ DECLARE x text; BEGIN SELECT email INTO x FROM customers LIMIT 1; RAISE EXCEPTION 'x' USING COLUMN = x, TABLE = x, CONSTRAINT = x, DATATYPE = x, SCHEMA = x; END $$
-- @ engineer agent | a DO block that raises in detail and hint
DO $$ DECLARE x text; BEGIN SELECT email INTO x FROM customers LIMIT 1; RAISE EXCEPTION 'x' USING ERRCODE = '42501', DETAIL = x, HINT = x; END $$
-- @ engineer agent | a DO block over a loop
DO $$ DECLARE r record; BEGIN FOR r IN SELECT email, phone FROM customers LIMIT 2 LOOP RAISE WARNING '%', r USING ERRCODE = '42000'; END LOOP; END $$
-- @ engineer agent | a DO block over a cursor
DO $$ DECLARE c CURSOR FOR SELECT email FROM customers; x text; BEGIN OPEN c; FETCH c INTO x; RAISE WARNING '%', x USING ERRCODE = '42000'; END $$
-- @ engineer agent | a DO block that leaves a value in a setting
DO $$ DECLARE x text; BEGIN SELECT email INTO x FROM customers LIMIT 1; PERFORM set_config('evasion.x', x, false); END $$
-- @ then
SELECT encode(convert_to(current_setting('evasion.x'), 'UTF8'), 'hex')
-- @ engineer agent | a DO block that leaves a value in application_name
DO $$ DECLARE x text; BEGIN SELECT email INTO x FROM customers LIMIT 1; PERFORM set_config('application_name', x, false); END $$
-- @ then
SHOW application_name
-- @ engineer agent | a DO block that notifies
LISTEN evasion
-- @ then
DO $$ DECLARE x text; BEGIN SELECT email INTO x FROM customers LIMIT 1; PERFORM pg_notify('evasion', x); END $$
-- @ then
SELECT 1
-- @ engineer agent | a DO block that writes into a temporary table
CREATE TEMP TABLE t (x text)
-- @ then
DO $$ DECLARE x text; BEGIN SELECT email INTO x FROM customers LIMIT 1; INSERT INTO t VALUES (x); END $$
-- @ then
SELECT encode(convert_to(x, 'UTF8'), 'hex') FROM t
-- @ engineer agent | a DO block that answers
-- ? 22012
DO $$ DECLARE x text; BEGIN SELECT email INTO x FROM customers WHERE customer_id = 1; IF x LIKE 'olivia.okafor1@%' THEN RAISE SQLSTATE '22012'; END IF; END $$
-- @ engineer agent | a DO block that answers by what it writes
CREATE TEMP TABLE t (x text)
-- @ then
DO $$ DECLARE x text; BEGIN SELECT email INTO x FROM customers WHERE customer_id = 1; IF x LIKE 'olivia.okafor1@%' THEN INSERT INTO t VALUES ('LEA' || 'KED'); END IF; END $$
-- @ then
SELECT x FROM t
-- @ engineer agent | a DO block that looks values up over and over
-- ? 22012
DO $$ BEGIN FOR i IN 1..100 LOOP IF EXISTS (SELECT FROM customers WHERE email = 'olivia.okafor' || i || '@example.org') THEN RAISE SQLSTATE '22012'; END IF; END LOOP; END $$
-- @ engineer agent | a DO block with dynamic SQL
DO $$ DECLARE x text; BEGIN EXECUTE 'SELECT email FROM customers LIMIT 1' INTO x; RAISE EXCEPTION '%', x USING ERRCODE = '42501'; END $$
-- @ engineer agent | a DO block with dynamic SQL in parts
DO $$ DECLARE x text; BEGIN EXECUTE 'SEL' || 'ECT email FROM customers LIMIT 1' INTO x; RAISE EXCEPTION '%', x USING ERRCODE = '42501'; END $$
-- @ engineer agent | DO's body is a literal, and facts are kept without literals
DO $$ BEGIN RAISE NOTICE 'a' USING ERRCODE = '42501'; END $$
-- @ then
DO $$ BEGIN RAISE NOTICE '%', (SELECT email FROM customers LIMIT 1) USING ERRCODE = '42501'; END $$
-- @ engineer agent | a function that reads
CREATE FUNCTION pg_temp.f() RETURNS SETOF text LANGUAGE sql AS 'SELECT email FROM customers LIMIT 3'
-- @ then
SELECT pg_temp.f()
-- @ then
SELECT * FROM pg_temp.f()
-- @ engineer agent | a function of a row
CREATE FUNCTION pg_temp.g(c customers) RETURNS text LANGUAGE sql AS 'SELECT (c).email'
-- @ then
SELECT pg_temp.g(c), pg_temp.g(customers) FROM customers AS c, customers LIMIT 3
-- @ engineer agent | a function that asks
CREATE FUNCTION pg_temp.f(x text) RETURNS boolean LANGUAGE sql AS 'SELECT EXISTS (SELECT FROM customers WHERE email LIKE x)'
-- @ then
SELECT 'LEA' || 'KED' WHERE pg_temp.f('olivia.okafor1@%')
-- @ engineer agent | a function with dynamic SQL
CREATE FUNCTION pg_temp.f(q text) RETURNS text LANGUAGE plpgsql AS 'DECLARE r text; BEGIN EXECUTE q INTO r; RETURN r; END'
-- @ then
SELECT pg_temp.f('SELECT email FROM customers LIMIT 1')
-- @ engineer agent | a function that is replaced after PREPARE
CREATE FUNCTION pg_temp.f() RETURNS text LANGUAGE sql AS $$SELECT 'x'$$
-- @ then
PREPARE p AS SELECT pg_temp.f()
-- @ then
EXECUTE p
-- @ then
CREATE OR REPLACE FUNCTION pg_temp.f() RETURNS text LANGUAGE sql AS 'SELECT email FROM customers LIMIT 1'
-- @ then
EXECUTE p
-- @ engineer agent | a function behind a default
CREATE FUNCTION pg_temp.f() RETURNS text LANGUAGE sql AS 'SELECT email FROM customers LIMIT 1'
-- @ then
CREATE TEMP TABLE t (n integer, x text DEFAULT pg_temp.f())
-- @ then
INSERT INTO t VALUES (1) RETURNING encode(convert_to(x, 'UTF8'), 'hex')
-- @ engineer agent | a function behind a default that is set later
CREATE FUNCTION pg_temp.f() RETURNS text LANGUAGE sql AS $$SELECT 'x'$$
-- @ then
CREATE TEMP TABLE t (n integer, x text DEFAULT pg_temp.f())
-- @ then
CREATE OR REPLACE FUNCTION pg_temp.f() RETURNS text LANGUAGE sql AS 'SELECT email FROM customers LIMIT 1'
-- @ then
INSERT INTO t VALUES (1) RETURNING encode(convert_to(x, 'UTF8'), 'hex')
-- @ engineer agent | a trigger on a temporary table
CREATE FUNCTION pg_temp.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN SELECT email INTO NEW.x FROM customers LIMIT 1; RETURN NEW; END'
-- @ then
CREATE TEMP TABLE t (x text)
-- @ then
CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION pg_temp.f()
-- @ then
INSERT INTO t VALUES ('x') RETURNING encode(convert_to(x, 'UTF8'), 'hex')
-- @ engineer agent | a trigger that raises
CREATE FUNCTION pg_temp.f() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION USING ERRCODE = '42000', MESSAGE = (SELECT email FROM customers LIMIT 1); END$$
-- @ then
CREATE TEMP TABLE t (x text)
-- @ then
CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION pg_temp.f()
-- @ then
INSERT INTO t VALUES ('x')
-- @ engineer agent | a trigger with a condition that reads
CREATE FUNCTION pg_temp.f() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.x = 'LEA' || 'KED'; RETURN NEW; END$$
-- @ then
CREATE FUNCTION pg_temp.c() RETURNS boolean LANGUAGE sql AS $$SELECT EXISTS (SELECT FROM customers WHERE email LIKE 'olivia.okafor1@%')$$
-- @ then
CREATE TEMP TABLE t (x text)
-- @ then
CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW WHEN (pg_temp.c()) EXECUTE FUNCTION pg_temp.f()
-- @ then
INSERT INTO t VALUES ('x') RETURNING x
-- @ engineer agent | a rule on a temporary table
CREATE TEMP TABLE t (x text)
-- @ then
CREATE TEMP TABLE u (x text)
-- @ then
CREATE RULE r AS ON INSERT TO t DO ALSO INSERT INTO u SELECT email FROM customers LIMIT 3
-- @ then
INSERT INTO t VALUES ('x')
-- @ then
SELECT encode(convert_to(x, 'UTF8'), 'hex') FROM u
-- @ engineer agent | a rule that answers an INSERT with a SELECT
CREATE TEMP TABLE t (x text)
-- @ then
CREATE RULE r AS ON INSERT TO t DO INSTEAD SELECT email, encode(convert_to(email, 'UTF8'), 'hex') FROM customers LIMIT 3
-- @ then
INSERT INTO t VALUES ('x')
-- @ engineer agent | a rule whose RETURNING reads
CREATE TEMP TABLE t (x text)
-- @ then
CREATE RULE r AS ON UPDATE TO t DO INSTEAD INSERT INTO t SELECT email FROM customers LIMIT 1 RETURNING x
-- @ then
INSERT INTO t VALUES ('x')
-- @ then
UPDATE t SET x = 'y' WHERE x = 'x' RETURNING encode(convert_to(x, 'UTF8'), 'hex')
-- @ engineer agent | a rule with a condition that reads
CREATE TEMP TABLE t (x text)
-- @ then
CREATE TEMP TABLE u (x text)
-- @ then
CREATE RULE r AS ON INSERT TO t WHERE EXISTS (SELECT FROM customers WHERE email LIKE 'olivia.okafor1@%') DO ALSO INSERT INTO u VALUES ('LEA' || 'KED')
-- @ then
INSERT INTO t VALUES ('x')
-- @ then
SELECT x FROM u
-- @ engineer agent | a domain whose check asks
CREATE FUNCTION pg_temp.f(x text) RETURNS boolean LANGUAGE sql AS 'SELECT EXISTS (SELECT FROM customers WHERE email LIKE x)'
-- @ then
CREATE DOMAIN pg_temp.d AS text CHECK (pg_temp.f(VALUE))
-- @ then
SELECT 'LEA' || 'KED' FROM (SELECT 'olivia.okafor1@%'::pg_temp.d AS x OFFSET 0) AS y WHERE x LIKE 'o%'
-- @ engineer agent | a domain whose check raises
CREATE FUNCTION pg_temp.f(x text) RETURNS boolean LANGUAGE plpgsql AS $$DECLARE y text; BEGIN SELECT email INTO y FROM customers LIMIT 1; RAISE EXCEPTION '%', y USING ERRCODE = '42000'; END$$
-- @ then
CREATE DOMAIN pg_temp.d AS text CHECK (pg_temp.f(VALUE))
-- @ then
SELECT 'x'::pg_temp.d
-- @ engineer agent | an aggregate of one's own
CREATE FUNCTION pg_temp.f(a text, b text) RETURNS text LANGUAGE sql AS 'SELECT coalesce(a, '''') || b'
-- @ then
CREATE AGGREGATE pg_temp.a(text) (SFUNC = pg_temp.f, STYPE = text)
-- @ then
SELECT pg_temp.a(email) FROM (SELECT email FROM customers LIMIT 3) AS c
-- @ engineer agent | functions of built-in names put before them
CREATE FUNCTION pg_temp.upper(text) RETURNS text LANGUAGE sql AS 'SELECT $1'
-- @ then
SET search_path = pg_temp, public, pg_catalog
-- @ then
SELECT pg_temp.upper(email), upper(email) FROM customers LIMIT 3
-- @ engineer agent | built-in functions that masks call, put before them
CREATE FUNCTION pg_temp.current_setting(text, boolean) RETURNS text LANGUAGE plpgsql AS $$BEGIN RAISE WARNING '%', $1 USING ERRCODE = '42000'; RETURN ''; END$$
-- @ then
SET search_path = pg_temp, public, pg_catalog
-- @ then
SELECT upper(email) FROM customers LIMIT 1
-- @ engineer agent | row policies on a temporary table
CREATE TEMP TABLE t AS SELECT 'LEA' || 'KED' AS x
-- @ then
CREATE POLICY p ON t USING (EXISTS (SELECT FROM customers WHERE email LIKE 'olivia%'))
-- @ then
EXPLAIN (COSTS off) SELECT * FROM t
-- @ engineer agent | TOAST tables, by their names
SELECT query_to_xml('SELECT relname FROM pg_class WHERE relkind = ''t''', false, false, '')
-- @ engineer agent | large objects
SELECT lo_from_bytea(0, convert_to(email, 'UTF8')) FROM customers LIMIT 1
-- @ then
SELECT data FROM pg_largeobject
-- @ engineer agent | server files
SELECT pg_read_file('PG_VERSION'), pg_read_binary_file('base/1/2619')
-- @ engineer agent | COPY to a program
COPY customers TO PROGRAM 'cat'
-- @ engineer agent | sequences and system columns
SELECT ctid, xmin, tableoid::regclass, email, upper(email) FROM customers LIMIT 3
-- @ engineer agent | row locks
SELECT email, upper(email) FROM customers WHERE customer_id = 1 FOR UPDATE
-- @ engineer agent | row locks of a named table
SELECT c.email, upper(c.phone) FROM customers AS c JOIN orders AS o USING (customer_id) LIMIT 1 FOR SHARE OF c SKIP LOCKED
-- @ engineer agent | an order as an answer
SELECT left('LEA' || 'KED', 6 * (array_agg(customer_id ORDER BY email) = '{2,4,5,3,1,6}')::integer) FROM customers WHERE customer_id <= 6
-- @ engineer agent | ORDER BY number
SELECT email FROM customers ORDER BY 1 LIMIT 3
-- @ engineer agent | ORDER BY … USING
SELECT email FROM customers ORDER BY email USING < LIMIT 3
-- @ engineer agent | rank
SELECT customer_id, rank() OVER (ORDER BY email), ntile(100) OVER (ORDER BY birth_date) FROM customers LIMIT 3
-- @ engineer agent | the length of a value
SELECT length(email), octet_length(email), pg_column_size(email), bit_length(phone) FROM customers LIMIT 3
-- @ engineer agent | hashes of values
SELECT md5(email), hashtext(email), sha256(email::bytea) FROM customers LIMIT 3
-- @ engineer agent | dates in other styles
SET datestyle = 'German, DMY'
-- @ then
SELECT birth_date, birth_date::text, to_char(birth_date, 'DD.MM.YYYY') FROM customers LIMIT 3
-- @ engineer agent | dates in parts
SELECT extract(epoch FROM birth_date), date_part('year', birth_date), age(birth_date) FROM customers LIMIT 3
-- @ engineer agent | another encoding
SET client_encoding = 'LATIN1'
-- @ then
SELECT first_name, last_name, upper(last_name) FROM customers LIMIT 3
-- @ engineer agent | no encoding at all
SET client_encoding = 'SQL_ASCII'
-- @ then
SELECT first_name, last_name, email FROM customers LIMIT 3
-- @ engineer agent | JSON, as it is
SELECT data FROM profiles LIMIT 3
-- @ engineer agent | JSON's members
SELECT data -> 'contact' ->> 'email', data #>> '{contact,phone}', data ->> 'display_name', data['contact']['email'] FROM profiles LIMIT 3
-- @ engineer agent | JSON's members by path
SELECT jsonb_path_query(data, '$.**') FROM profiles LIMIT 12
-- @ engineer agent | JSON unpacked
SELECT e.key, e.value FROM profiles, jsonb_each(data) AS e LIMIT 12
-- @ engineer agent | JSON as a record
SELECT r.* FROM profiles, jsonb_to_record(data) AS r (display_name text, contact jsonb) LIMIT 3
-- @ engineer agent | JSON contained
SELECT 'LEA' || 'KED' FROM profiles WHERE data @> '{"contact": {"email": "olivia.okafor1@example.org"}}'
-- @ engineer agent | JSON compared
SELECT 'LEA' || 'KED' FROM profiles WHERE customer_id = 1 AND data -> 'contact' ->> 'email' LIKE 'olivia%'
-- @ engineer agent | JSON pretty, and as text
SELECT jsonb_pretty(data), data::text, data::json FROM profiles LIMIT 3
-- @ engineer agent | JSON changed and returned
BEGIN
-- @ then
UPDATE profiles SET data = data || '{"a": 1}' WHERE customer_id = 1 RETURNING data, data ->> 'display_name'
-- @ then
ROLLBACK
-- @ engineer agent | secrets as they are and by equality
SELECT secret, label FROM api_keys LIMIT 3
-- @ then
SELECT 'LEA' || 'KED' FROM api_keys WHERE secret = 'whsec_VlTVe5ntzGCNHiTHtusKqh78szsRg8GT'
-- @ engineer agent | the halves of a secret
SELECT left(secret, 10), right(secret, 30) FROM api_keys LIMIT 3
-- @ engineer agent | free text with an email, cut before and behind the sign
SELECT split_part(body, '@', 1), split_part(body, '@', 2) FROM support_tickets WHERE body LIKE '%@%' LIMIT 3
-- @ engineer agent | free text spelled out
SELECT encode(convert_to(body, 'UTF8'), 'hex'), reverse(body), translate(body, '@.', '#,') FROM support_tickets LIMIT 3
-- @ engineer agent | free text in words
SELECT regexp_split_to_table(body, '\s+') FROM support_tickets LIMIT 40
-- @ engineer agent | free text in a whole row
SELECT t, row_to_json(t), to_tsvector('simple', body) FROM support_tickets AS t LIMIT 3
-- @ engineer agent | free text in a temporary table
CREATE TEMP TABLE t AS SELECT body FROM support_tickets LIMIT 3
-- @ then
SELECT body, encode(convert_to(body, 'UTF8'), 'hex'), translate(body, '@', '#') FROM t
-- @ engineer agent | an array of nothing but a value
SELECT array_to_string(ARRAY[email], ''), (regexp_match(email, '.*'))[1] FROM customers LIMIT 3
-- @ engineer agent | a mask written back
BEGIN
-- @ then
UPDATE customers SET email = email WHERE customer_id = 1 RETURNING email
-- @ then
ROLLBACK
-- @ engineer agent | many guesses in one look-up
SELECT count(*) FROM customers WHERE email = 'a@example.org' OR email = 'b@example.org' OR email = 'c@example.org'
-- @ engineer agent | a view's column list that shuffles
CREATE TEMP VIEW v (country, email) AS SELECT email, country FROM customers
-- @ then
SELECT country, email, upper(country) FROM v LIMIT 3
-- @ engineer agent | a set operation in a view
CREATE TEMP VIEW v AS SELECT email AS x FROM customers UNION ALL SELECT note FROM orders
-- @ then
SELECT x FROM v LIMIT 3
-- @ then
SELECT x || '' FROM v LIMIT 3
-- @ engineer agent | sorting by a plan: groups come out in the order of true values
SET enable_hashagg = off
-- @ then
SELECT DISTINCT salary FROM employees LIMIT 3
-- @ engineer agent | an index's order
SET enable_seqscan = off
-- @ then
SELECT email FROM customers LIMIT 3
-- @ engineer agent | guesses in one look-up, by the hundred
SELECT count(*) FROM customers WHERE email = 'a@example.org' OR email = 'b@example.org' OR email = 'd@example.org' OR email = 'e@example.org'
-- @ engineer agent | SELECT INTO a named temporary schema
SELECT phone, last_name INTO pg_temp.t FROM customers WHERE phone IS NOT NULL LIMIT 3
-- @ then
SELECT encode(convert_to(phone, 'UTF8'), 'hex'), encode(convert_to(last_name, 'UTF8'), 'hex') FROM pg_temp.t
-- @ engineer agent | a failing row, by a check
UPDATE order_items SET quantity = -1 WHERE order_id = 1 AND line = 1
-- @ then
UPDATE payments SET method = NULL WHERE payment_id = 2
-- @ engineer agent | a failing row, by a trigger's or partition's error
UPDATE profiles SET customer_id = 2 WHERE customer_id = 1
-- @ engineer agent | free text that a harmless column holds
SELECT note FROM orders WHERE note IS NOT NULL LIMIT 3
-- @ engineer agent | a field of a scalar subquery's row
SELECT (SELECT c FROM customers c ORDER BY 1 LIMIT 1).email
-- @ engineer agent | LATERAL renames the column
SELECT x.e FROM customers c, LATERAL (SELECT c.email AS e) x LIMIT 1
-- @ engineer agent | VALUES of a scalar subquery
VALUES ((SELECT email FROM customers LIMIT 1))
-- @ engineer agent | GROUPING SETS over a renamed column
SELECT e FROM customers AS c(i, f, l, e) GROUP BY GROUPING SETS ((e), ()) LIMIT 2
-- @ engineer agent | DISTINCT ON a harmless column
SELECT DISTINCT ON (country) email FROM customers ORDER BY country LIMIT 1
-- @ engineer agent | CASE that is always true
SELECT CASE WHEN true THEN email END FROM customers LIMIT 1
-- @ engineer agent | a cast to a longer varchar, beside parentheses
SELECT coalesce(email, ''), email::varchar(100), (email) FROM customers LIMIT 1
-- @ engineer agent | a joined LATERAL without aliases of its own
SELECT * FROM (customers CROSS JOIN LATERAL (SELECT email AS z) q) LIMIT 1
-- @ engineer agent | a materialised WITH query joined with itself
WITH x AS MATERIALIZED (SELECT email FROM customers LIMIT 1) SELECT * FROM x, x y
-- @ engineer agent | EXPLAIN ANALYZE VERBOSE of a masked expression
EXPLAIN (ANALYZE, VERBOSE, COSTS off) SELECT upper(email) FROM customers WHERE customer_id = 1
-- @ engineer agent | characters as rows
SELECT string_to_table(email, '') FROM customers LIMIT 3
-- @ engineer agent | a window function that only passes on
SELECT nth_value(email, 1) OVER () FROM customers LIMIT 1
-- @ engineer agent | a guess among VALUES
SELECT 'LEA' || 'KED' FROM customers c JOIN (VALUES ('olivia.okafor1@example.org')) v (e) ON c.email = v.e
-- @ engineer agent | a guess in a WITH query, joined by USING
WITH g AS (SELECT 'olivia.okafor1@example.org'::text AS email) SELECT 'LEA' || 'KED' FROM customers JOIN g USING (email)
-- @ engineer agent | guesses in a temporary table, joined naturally
CREATE TEMP TABLE g AS SELECT 'olivia.okafor1@example.org'::text AS email
-- @ then
SELECT 'LEA' || 'KED' FROM g NATURAL JOIN (SELECT email FROM customers) c
-- @ then
SELECT 'LEA' || 'KED' FROM g JOIN customers c ON c.email = g.email
-- @ then
SELECT 'LEA' || 'KED' FROM g WHERE EXISTS (SELECT FROM customers c WHERE c.email IS NOT DISTINCT FROM g.email)
-- @ engineer agent | a guess through a second reference to the same masked column
SELECT 'LEA' || 'KED' FROM customers a JOIN customers b ON a.email = b.email WHERE (SELECT 'olivia.okafor1@example.org'::text) = b.email
-- @ engineer agent | a masked column matched with a harmless one that shows it
SELECT o.note FROM orders o JOIN customers c ON c.email = o.note
-- @ engineer agent | masked columns of different kinds matched
SELECT 'LEA' || 'KED' FROM customers c JOIN employees e ON e.email = c.last_name
-- @ engineer agent | an operator of one's own that keeps what it compares
CREATE TABLE evasion_kept (v text)
-- @ then
CREATE FUNCTION pg_temp.keeps(a text, b text) RETURNS boolean LANGUAGE sql AS 'INSERT INTO public.evasion_kept VALUES (a); SELECT true'
-- @ then
CREATE OPERATOR public.= (LEFTARG = text, RIGHTARG = text, FUNCTION = pg_temp.keeps)
-- @ then
SET search_path = public, pg_catalog
-- @ then
SELECT count(*) FROM customers a JOIN customers b ON a.email = b.email
-- @ then
SELECT count(*) FROM customers WHERE email = 'x'
-- @ then
SELECT v FROM evasion_kept LIMIT 3
-- @ engineer agent | a look-up beside what it computes
SELECT lower(email), upper(phone), encode(last_name::bytea, 'hex') FROM customers WHERE email = 'olivia.okafor1@example.org'
-- @ engineer agent | a look-up whose answer is computed with
SELECT CASE WHEN count(*) > 0 THEN 'LEA' || 'KED' END FROM customers WHERE email = 'olivia.okafor1@example.org' AND upper(email) < 'P'
-- @ engineer agent | counts by value
SELECT count(DISTINCT email), count(email) FILTER (WHERE email LIKE 'olivia%'), count(phone) FROM customers
-- @ engineer agent | a count in the order of what it counts
SELECT string_agg(email, ',') OVER (ORDER BY email) FROM customers WHERE email IS NOT DISTINCT FROM email LIMIT 3
-- @ engineer agent | columns that nothing reads, reached after all
SELECT to_json(c) FROM customers c WHERE upper(c.email) > 'A' LIMIT 3
-- @ engineer agent | columns that nothing reads, by a function of the row
SELECT c.*::text, md5(c::text) FROM customers c WHERE upper(c.email) > 'A' LIMIT 3
-- @ engineer agent | a guess by LATERAL, joined by USING
SELECT 'LEA' || 'KED' FROM customers a JOIN LATERAL (SELECT 'olivia.okafor1@example.org'::text AS email) e USING (email)
-- @ engineer agent | a guess as an aggregate of VALUES
SELECT 'LEA' || 'KED' FROM customers a, (SELECT max(x) AS email FROM (VALUES ('olivia.okafor1@example.org')) v (x)) e WHERE a.email = e.email
-- @ engineer agent | a guess in a recursive query, joined naturally
WITH RECURSIVE r (email) AS (SELECT 'olivia.okafor1@example.org'::text UNION SELECT email FROM r WHERE false) SELECT 'LEA' || 'KED' FROM r NATURAL JOIN customers
-- @ engineer agent | a match, a look-up and a pattern on one column
SELECT 'LEA' || 'KED' FROM customers a JOIN customers b ON a.email = b.email AND b.email = 'olivia.okafor1@example.org' AND lower(b.email) LIKE 'oliv%'
-- @ engineer agent | what is looked up, kept in a setting
SELECT set_config('x.y', email, false), current_setting('x.y') FROM customers WHERE email = 'olivia.okafor1@example.org'
-- @ engineer agent | what is matched, shown by a scalar subquery
SELECT (SELECT email FROM customers c2 WHERE c2.email = c1.email LIMIT 1) FROM customers c1 LIMIT 1
-- @ engineer agent | a count in the order of masked values, and of rows
SELECT count(email ORDER BY email), count(DISTINCT c), count(DISTINCT (email, phone)) FROM customers c
-- @ engineer agent | a cursor over a look-up beside what it computes
DECLARE c CURSOR WITH HOLD FOR SELECT email, upper(email) FROM customers WHERE email = 'olivia.okafor1@example.org'
-- @ then
FETCH ALL FROM c
-- @ engineer agent | a prepared look-up, run for a guess
PREPARE p (text) AS SELECT lower(email), email FROM customers WHERE email = $1
-- @ then
EXECUTE p('olivia.okafor1@example.org')
-- @ engineer agent | a match with a masked column of another table, stored
UPDATE orders SET note = c.email FROM customers c WHERE c.email = 'olivia.okafor1@example.org' AND orders.order_id = 1
-- @ then
SELECT note FROM orders WHERE order_id = 1
-- @ engineer agent | RETURNING through names that an effect is read by
BEGIN
-- @ then
UPDATE customers AS old SET newsletter = newsletter WHERE customer_id = 1 RETURNING old.email, old
-- @ then
UPDATE customers AS new SET newsletter = newsletter WHERE customer_id = 1 RETURNING new.email, upper(new.last_name)
-- @ then
DELETE FROM ticket_messages AS old WHERE message_id = 2 RETURNING old.author, old.*
-- @ then
UPDATE customers AS t SET newsletter = newsletter WHERE customer_id = 1 RETURNING t.email AS "durward_gateway", t
-- @ then
ROLLBACK
-- @ engineer agent | a masked column written into one that isn't, and returned
BEGIN
-- @ then
UPDATE customers SET country = left(email, 2) WHERE customer_id = 1 RETURNING country
-- @ then
ROLLBACK
-- @ engineer agent | two writing CTEs, each returning the other's rows
BEGIN
-- @ then
WITH a AS (UPDATE customers SET newsletter = newsletter WHERE customer_id = 1 RETURNING email), b AS (UPDATE customers SET newsletter = newsletter WHERE customer_id = 2 RETURNING email) SELECT a.email, reverse(b.email) FROM a, b
-- @ then
ROLLBACK
-- @ engineer agent | an UPDATE that reads masked columns of another table
BEGIN
-- @ then
UPDATE orders SET status = c.email FROM customers c WHERE c.customer_id = orders.customer_id AND orders.order_id = 1 RETURNING orders.status
-- @ then
ROLLBACK
-- @ engineer agent | a MERGE that copies masked columns
BEGIN
-- @ then
MERGE INTO orders o USING customers c ON c.customer_id = o.customer_id AND o.order_id = 1 WHEN MATCHED THEN UPDATE SET status = c.email
-- @ then
SELECT status FROM orders WHERE order_id = 1
-- @ then
ROLLBACK
-- @ engineer agent | EXPLAIN ANALYZE of a change that fails with a value
BEGIN
-- @ then
EXPLAIN ANALYZE UPDATE customers SET customer_id = email::integer WHERE customer_id = 1
-- @ then
ROLLBACK

-- ------------------------------------------------------------------ found by the adversary, third round

-- @ engineer | a table that is to become the parent of a masked one
CREATE TABLE evasion_goods (name text)
-- @ then
INSERT INTO evasion_goods SELECT 'steel lamp ' || g FROM generate_series(1, 100) g
-- @ engineer agent | a cursor of the session, fetched from by its name in a block
BEGIN
-- @ then
DECLARE evasion CURSOR FOR SELECT secret FROM api_keys LIMIT 3
-- @ then
DO $$ DECLARE c refcursor := 'evasion'; x text; BEGIN FETCH c INTO x; PERFORM set_config('evasion.x', reverse(x), false); END $$
-- @ then
ROLLBACK
-- @ then
SELECT current_setting('evasion.x', true)
-- @ engineer agent | a bound cursor that was never opened has the name of the session's
BEGIN
-- @ then
DECLARE c CURSOR FOR SELECT email FROM customers LIMIT 3
-- @ then
DO $$ DECLARE c CURSOR FOR SELECT 1; x text; BEGIN FETCH c INTO x; PERFORM set_config('evasion.x', reverse(x), false); END $$
-- @ then
SELECT current_setting('evasion.x', true)
-- @ engineer agent | a cursor that is opened on one way only
BEGIN
-- @ then
DECLARE c CURSOR FOR SELECT email FROM customers LIMIT 3
-- @ then
DO $$ DECLARE c CURSOR FOR SELECT 1; x text; BEGIN IF false THEN OPEN c; END IF; MOVE c; FETCH NEXT FROM c INTO x; PERFORM set_config('evasion.x', reverse(x), false); END $$
-- @ then
SELECT current_setting('evasion.x', true)
-- @ engineer agent | a cursor variable that is opened, then assigned
BEGIN
-- @ then
DECLARE evasion CURSOR FOR SELECT email FROM customers LIMIT 3
-- @ then
DO $$ DECLARE c refcursor; x text; BEGIN OPEN c FOR SELECT 1; c := 'evasion'; FETCH c INTO x; PERFORM set_config('evasion.x', reverse(x), false); END $$
-- @ then
SELECT current_setting('evasion.x', true)
-- @ engineer agent | the detail of an error, caught in a block: it quotes the whole row
DO $$ DECLARE d text; BEGIN UPDATE api_keys SET customer_id = NULL WHERE api_key_id = 1; EXCEPTION WHEN OTHERS THEN GET STACKED DIAGNOSTICS d = PG_EXCEPTION_DETAIL; PERFORM set_config('evasion.x', reverse(d), false); END $$
-- @ then
SELECT current_setting('evasion.x', true)
-- @ engineer agent | the same, in a block within
DO $$ DECLARE d text; BEGIN BEGIN UPDATE customers SET country = NULL WHERE customer_id = 1; END; EXCEPTION WHEN not_null_violation THEN GET STACKED DIAGNOSTICS d := PG_EXCEPTION_DETAIL; PERFORM set_config('evasion.x', reverse(d), false); END $$
-- @ then
SELECT current_setting('evasion.x', true)
-- @ engineer | a default of an added column, whose function reads
CREATE FUNCTION evasion_default() RETURNS text LANGUAGE sql STABLE AS 'SELECT reverse(email) FROM public.customers WHERE customer_id = 1'
-- @ then
CREATE TABLE evasion_defaults (id integer)
-- @ then
INSERT INTO evasion_defaults VALUES (1)
-- @ then
ALTER TABLE evasion_defaults ADD COLUMN more text DEFAULT evasion_default()
-- @ then
SELECT * FROM evasion_defaults
-- @ engineer | a bound of a partition, whose function reads
CREATE TABLE evasion_bounds (a text) PARTITION BY LIST (a)
-- @ then
CREATE TABLE evasion_bound PARTITION OF evasion_bounds FOR VALUES IN (evasion_default())
-- @ then
SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE relname = 'evasion_bound'
-- @ engineer | a default that reads as a row is written
CREATE TABLE evasion_written (id integer, more text DEFAULT evasion_default())
-- @ then
INSERT INTO evasion_written (id) VALUES (1)
-- @ then
SELECT * FROM evasion_written
-- @ engineer | a check that is given each row that is there
CREATE FUNCTION evasion_stash(t text) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM set_config('evasion.s', left(coalesce(current_setting('evasion.s', true), '') || reverse(t) || ' ', 200), false); RETURN 1; END $$
-- @ then
ALTER TABLE customers ADD CONSTRAINT evasion_check CHECK (evasion_stash(email) = 1) NOT VALID
-- @ then
ALTER TABLE customers VALIDATE CONSTRAINT evasion_check
-- @ then
SELECT current_setting('evasion.s', true)
-- @ engineer agent | the row that a trigger writes down elsewhere
BEGIN
-- @ then
UPDATE employees SET salary = 1 WHERE employee_id = 1
-- @ then
SELECT detail FROM audit_log ORDER BY entry_id DESC LIMIT 1
-- @ then
ROLLBACK
-- @ engineer | many values looked up by one statement
SELECT (SELECT 'LEAK' || 'ED' FROM customers WHERE email = 'olivia.okafor1@example.org'), (SELECT 1 FROM customers WHERE email = 'a1@b.c'), (SELECT 1 FROM customers WHERE email = 'a2@b.c'), (SELECT 1 FROM customers WHERE email = 'a3@b.c'), (SELECT 1 FROM customers WHERE email = 'a4@b.c'), (SELECT 1 FROM customers WHERE email = 'a5@b.c'), (SELECT 1 FROM customers WHERE email = 'a6@b.c'), (SELECT 1 FROM customers WHERE email = 'a7@b.c'), (SELECT 1 FROM customers WHERE email = 'a8@b.c'), (SELECT 1 FROM customers WHERE email = 'a9@b.c'), (SELECT 1 FROM customers WHERE email = 'b1@b.c'), (SELECT 1 FROM customers WHERE email = 'b2@b.c'), (SELECT 1 FROM customers WHERE email = 'b3@b.c'), (SELECT 1 FROM customers WHERE email = 'b4@b.c'), (SELECT 1 FROM customers WHERE email = 'b5@b.c'), (SELECT 1 FROM customers WHERE email = 'b6@b.c'), (SELECT 1 FROM customers WHERE email = 'b7@b.c'), (SELECT 1 FROM customers WHERE email = 'b8@b.c'), (SELECT 1 FROM customers WHERE email = 'b9@b.c'), (SELECT 1 FROM customers WHERE email = 'c1@b.c'), (SELECT 1 FROM customers WHERE email = 'c2@b.c')
-- @ engineer | the parent of a masked table gives its rows
BEGIN
-- @ then
ALTER TABLE employees INHERIT evasion_goods
-- @ then
SELECT name FROM evasion_goods OFFSET 100 LIMIT 2
-- @ then
ROLLBACK
-- @ engineer agent | a view that is made with its schema
CREATE SCHEMA evasion_schema CREATE VIEW evasion_x AS SELECT customer_id, p, i FROM public.customers, generate_series(1, 26) AS p, generate_series(32, 126) AS i WHERE customer_id = 1 AND ascii(substr(email, p, 1)) = i
-- @ then
SELECT string_agg(chr(i), '' ORDER BY p) FROM evasion_schema.evasion_x
-- @ engineer agent | statistics over expressions, whose widths spell a secret
CREATE STATISTICS evasion_statistics ON (CASE WHEN api_key_id = 1 THEN repeat('x', ascii(substr(secret, 7, 1))) END), (CASE WHEN api_key_id = 1 THEN repeat('x', ascii(substr(secret, 8, 1))) END), (CASE WHEN api_key_id = 1 THEN repeat('x', ascii(substr(secret, 9, 1))) END), (CASE WHEN api_key_id = 1 THEN repeat('x', ascii(substr(secret, 10, 1))) END) FROM api_keys
-- @ then
ANALYZE api_keys
-- @ then
SELECT CASE WHEN string_agg(chr(avg_width - 4), '') = (SELECT substr(secret, 7, 4) FROM api_keys WHERE api_key_id = 1) OR count(*) > 0 THEN 'LEAK' || 'ED' END FROM pg_stats_ext_exprs WHERE statistics_name = 'evasion_statistics'
-- @ engineer agent | an index over some rows, whose size counts them
CREATE INDEX CONCURRENTLY evasion_index ON customers (customer_id) WHERE email LIKE 'oliv%1@%'
-- @ then
SELECT 'LEAK' || 'ED' FROM pg_class WHERE relname = 'evasion_index'
