-- Every backslash command of psql that asks the server, against a database with one of each kind of thing.
\d
\d+
\dS pg_class
\d things
\d+ things
\d other.parts
\d+ other.parts
\d things_view
\d+ things_view
\d things_id_seq
\d things_name
\d measures
\d+ measures
\d measures_2024
\d nothing
\da
\dA
\dA+
\dAc
\dAf
\dAo btree *int4*
\dAp btree *int4*
\db
\dc
\dconfig work_mem
\dconfig+ *autovacuum
\dC
\dC+
\dd
\ddp
\dD
\dD+
\ddp
\dE
\dew
\des
\det
\deu
\df
\df+
\dfa
\dfn
\dfp
\dft
\dfw
\df twice
\df+ twice
\dF
\dF+ english
\dFd
\dFp
\dFt
\dg
\di
\di+
\dl
\lo_list
\dL
\dL+
\dm
\dn
\dn+
\do
\do + integer
\dO
\dp
\drds
\dP
\dPi
\dPt+
\dRp
\dRs
\ds
\ds+
\dt
\dt+
\dt o*.*
\dtS pg_*
\dT
\dT+
\du
\dv
\dv+
\dx
\dx+ plpgsql
\dX
\dy
\l template*
\z
\sf twice
\sf+ twice
\sv things_view
\sv+ things_view
\encoding
\echo :SERVER_VERSION_NUM :ENCODING
SELECT 1 AS one, 'two' AS two \gx
SELECT 'a' AS a, 'b' AS b \gset
\echo :a :b
SELECT format('SELECT %s AS n', n) FROM generate_series(1, 3) n \gexec
SELECT id, name FROM things ORDER BY id \gdesc
SELECT name, kind, 1 FROM (VALUES ('a', 'x'), ('b', 'y')) v(name, kind) \crosstabview
\errverbose
SELECT nothing;
\errverbose
\timing off
BEGIN;
\echo :SQLSTATE
SELECT 1/0;
SELECT 2;
ROLLBACK;
\set AUTOCOMMIT off
INSERT INTO things (name) VALUES ('not kept');
ROLLBACK;
\set AUTOCOMMIT on
\set ON_ERROR_ROLLBACK on
BEGIN;
SELECT 1/0;
INSERT INTO things (name) VALUES ('kept');
COMMIT;
\set FETCH_COUNT 3
SELECT n FROM generate_series(1, 10) n;
\unset FETCH_COUNT
\copy things (name) from stdin
one
two with	tab
\.
\copy (SELECT name FROM things ORDER BY id) to pstdout csv header
\copy things to '/dev/null' binary
COPY things (name) FROM STDIN;
three
\.
SELECT count(*) FROM things;
\c
\echo :DBNAME
SHOW search_path;
