-- The same statements, dressed up: comments, case, quoting, escapes, odd white space.

-- @ refused | engineer agent service | comments between the words
DELETE/* nothing */FROM/**/shop.customers
-- @ refused | engineer agent service | nested comments
/* /* harmless */ SELECT 1; */ DROP TABLE shop.documents
-- @ refused | engineer agent service | a line comment that hides the condition
DELETE FROM shop.orders -- WHERE id = 1
-- @ refused | engineer agent service | a condition in a comment
DELETE FROM shop.orders /* WHERE id = 1 */
-- @ refused | engineer agent service | mixed case
dRoP tAbLe ShOp.DoCuMeNtS
-- @ refused | engineer agent service | names in quotes
DROP TABLE "shop"."documents"
-- @ refused | engineer agent service | names as Unicode escapes
DROP TABLE U&"sh\006fp".U&"documents"
-- @ refused | engineer agent service | names as Unicode escapes with another escape character
DROP TABLE U&"sh!006fp" UESCAPE '!'.documents, shop.documents
-- @ refused | engineer agent service | tabs, form feeds and line breaks
DELETE	FROM
shop.orders

-- @ refused simple | engineer agent service | empty statements in front
;;; ; DROP TABLE shop.documents
-- @ refused simple | engineer agent service | a string that looks like the end of a string
SELECT '\'; DROP TABLE shop.documents; --'
-- @ refused simple | engineer agent service | an escape string that isn't over where it seems
SELECT E'\''; DROP TABLE shop.documents; --'
-- @ refused simple | engineer agent service | dollar quotes that aren't over where they seem
SELECT $a$ $b$ $a$; DROP TABLE shop.documents; SELECT $b$ x $b$
-- @ refused | engineer agent service | a block in nested dollar quotes
DO $outer$ BEGIN DELETE FROM shop.documents WHERE title <> $inner$ WHERE id = 1 $inner$ OR true; END $outer$
-- @ refused | engineer agent service | a block as an escape string
DO E'BEGIN DR\x4fP TABLE shop.documents; END'
-- @ refused | engineer agent service | a block as a Unicode string
DO U&'BEGIN DR\004fP TABLE shop.documents; END'
-- @ refused | engineer agent service | strings continued on the next line
DO 'BEGIN DROP TAB'
'LE shop.documents; END'
-- @ refused | engineer agent service | standard_conforming_strings switched off, to be read differently
SET standard_conforming_strings = off
-- @ then
SELECT '\'; DROP TABLE shop.documents; --'
-- @ refused | engineer agent service | … by set_config
SELECT set_config('standard_conforming_strings', 'off', false)
-- @ then
SELECT '\'; DROP TABLE shop.documents; --'
-- @ refused | engineer agent service | the key condition is on a name that shadows
DELETE FROM shop.orders WHERE (SELECT id FROM shop.products WHERE id = 1) = 1
-- @ refused | engineer agent service | many brackets
DELETE FROM shop.orders WHERE ((((((((1))))=((((1))))))))
-- @ refused | engineer agent service | a CTE with the name of a table
WITH orders AS (SELECT 1 AS id) DELETE FROM shop.orders WHERE EXISTS (SELECT 1 FROM orders)
-- @ refused | engineer agent service | a CTE chain of many links
WITH a AS (SELECT 1), b AS (SELECT * FROM a), c AS (SELECT * FROM b), d AS (DELETE FROM shop.documents RETURNING id), e AS (SELECT * FROM d) SELECT * FROM c
-- @ refused | engineer agent service | a database-qualified name
DROP TABLE {database}.shop.documents
-- @ refused | engineer agent service | a byte order mark of spaces: no-break spaces are not white space
DELETE FROM shop.orders WHERE id = id AND 'x' = 'x'
-- @ refused | engineer agent service | a table reached through its row type's name
DELETE FROM shop.orders o WHERE o = o
-- @ refused | engineer agent service | a name longer than names can be
DROP TABLE shop.documents, shop.documents_but_longer_than_sixty_three_bytes_so_that_the_server_cuts_it_off
