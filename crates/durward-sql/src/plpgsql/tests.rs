use super::body::{PieceKind, parse};

/// The pieces of a body, one a line: `*` marks those in loops, `!` dynamic ones.
fn pieces(source: &str) -> String {
    match parse(source) {
        Ok(body) => body
            .pieces
            .iter()
            .map(|piece| {
                let mark = match piece.kind {
                    PieceKind::Statement => "",
                    PieceKind::Dynamic => "!",
                };
                let text = piece.text.split_whitespace().collect::<Vec<_>>().join(" ");
                format!("{}{mark}{text}", if piece.repeated { "*" } else { "" })
            })
            .collect::<Vec<_>>()
            .join("\n"),
        Err(reason) => format!("not understood: {}", reason.0),
    }
}

#[test]
fn every_statement_kind_gives_up_its_sql() {
    let source = r#"
#variable_conflict use_column
<<outer>>
DECLARE
  n int NOT NULL DEFAULT f(1);
  r shop.orders%ROWTYPE;
  k CONSTANT numeric(10, 2) := 1.5;
  c CURSOR (lim int, p numeric(3,1)) FOR SELECT * FROM orders WHERE id < lim;
  a ALIAS FOR $1;
BEGIN
  n := n + count(*) FROM t;
  r.total = 5;
  arr[f2(n)] := 3;
  IF EXISTS (SELECT FROM a) THEN PERFORM g(n); ELSIF n > 2 THEN NULL; ELSE RAISE NOTICE 'x % %', n, h(n); END IF;
  CASE n WHEN 1, 2 THEN DELETE FROM t1; ELSE NULL; END CASE;
  CASE WHEN n > 1 THEN NULL; END CASE;
  WHILE more() LOOP UPDATE t2 SET a = 1; END LOOP;
  FOR i IN REVERSE 10..lower() BY 2 LOOP EXIT outer WHEN done(i); CONTINUE; END LOOP;
  FOR r IN SELECT * FROM t3 LOOP INSERT INTO t4 VALUES (r.*); END LOOP;
  FOR r IN c(5, lim := q()) LOOP NULL; END LOOP outer;
  FOR r IN EXECUTE 'SELECT ' || n USING n, m(1) LOOP NULL; END LOOP;
  FOREACH x SLICE 1 IN ARRAY ar() LOOP NULL; END LOOP;
  SELECT a, b INTO STRICT n, r.total FROM t5;
  SELECT INTO r * FROM t6;
  INSERT INTO t7 (a) VALUES (1) RETURNING id INTO n;
  WITH moved AS (DELETE FROM t8 RETURNING *) INSERT INTO t9 SELECT * FROM moved;
  EXECUTE format('DROP TABLE %I', n) INTO r USING k1(), 2;
  EXECUTE 'SELECT 1';
  OPEN c(7); OPEN rc NO SCROLL FOR SELECT 3; OPEN rc FOR EXECUTE q2 USING 1;
  FETCH ABSOLUTE pos() FROM c INTO r; FETCH c INTO n; MOVE FORWARD ALL IN c; CLOSE c;
  GET STACKED DIAGNOSTICS n = ROW_COUNT, m = MESSAGE_TEXT;
  CALL p(1); COMMIT AND CHAIN; ROLLBACK;
  ASSERT ok(), 'message ' || n;
  RAISE EXCEPTION USING MESSAGE = msg(), ERRCODE := '22000';
  RAISE SQLSTATE '22012'; RAISE division_by_zero; RAISE;
  <<inner>> DECLARE z int; BEGIN z := 1; EXCEPTION WHEN others OR unique_violation THEN DELETE FROM t10; END inner;
  RETURN QUERY SELECT 8; RETURN QUERY EXECUTE q3; RETURN NEXT n2(); RETURN v();
END outer;
"#;
    insta::assert_snapshot!(pieces(source), @r#"
    SELECT f(1)
    SELECT 1.5
    SELECT * FROM orders WHERE id < lim
    SELECT n + count(*) FROM t
    SELECT 5
    SELECT (NULL::pg_catalog.int4[])[f2(n)]
    SELECT 3
    SELECT EXISTS (SELECT FROM a)
    SELECT g(n)
    SELECT n > 2
    SELECT n
    SELECT h(n)
    SELECT n
    SELECT 1, 2
    DELETE FROM t1
    SELECT n > 1
    *SELECT more()
    *UPDATE t2 SET a = 1
    SELECT 10
    SELECT lower()
    SELECT 2
    *SELECT done(i)
    SELECT * FROM t3
    *INSERT INTO t4 VALUES (r.*)
    SELECT pg_catalog.concat(5, lim := q())
    !SELECT 'SELECT ' || n
    SELECT n
    SELECT m(1)
    SELECT ar()
    SELECT a, b FROM t5
    SELECT * FROM t6
    INSERT INTO t7 (a) VALUES (1) RETURNING id
    WITH moved AS (DELETE FROM t8 RETURNING *) INSERT INTO t9 SELECT * FROM moved
    !SELECT format('DROP TABLE %I', n)
    SELECT k1()
    SELECT 2
    !SELECT 'SELECT 1'
    SELECT pg_catalog.concat(7)
    SELECT 3
    !SELECT q2
    SELECT 1
    SELECT pos()
    CALL p(1)
    COMMIT AND CHAIN
    ROLLBACK
    SELECT ok()
    SELECT 'message ' || n
    SELECT msg()
    SELECT '22000'
    SELECT 1
    DELETE FROM t10
    SELECT 8
    !SELECT q3
    SELECT n2()
    SELECT v()
    "#);
}

#[test]
fn a_variable_may_have_the_name_of_a_statement() {
    assert_eq!(
        pieces("BEGIN open := 1; execute := 2; end.x := 3; END"),
        "SELECT 1\nSELECT 2\nSELECT 3"
    );
}

#[test]
fn what_does_not_fit_is_not_understood() {
    for source in [
        "",
        "BEGIN",
        "BEGIN NULL; END; DROP TABLE t",
        "BEGIN IF a THEN NULL; END; END",
        "BEGIN DELETE FROM t",
        "BEGIN x := (1; END",
        "#variable_conflict use_variable BEGIN NULL; END",
        "BEGIN FOR i IN 1..2 NULL; END LOOP; END",
        "BEGIN U&\"x\" := 1; END",
        "BEGIN 'x'; END",
    ] {
        assert!(
            pieces(source).starts_with("not understood"),
            "{source}: {}",
            pieces(source)
        );
    }
}

#[test]
fn words_inside_strings_comments_and_quotes_are_not_statements() {
    assert_eq!(
        pieces("BEGIN /* ; END */ DELETE FROM \"end\" WHERE a = '; END' -- END\n; END"),
        "DELETE FROM \"end\" WHERE a = '; END'"
    );
}

#[test]
fn do_blocks() {
    insta::assert_snapshot!(crate::tests::all_facts(&[
        "DO $$ BEGIN DELETE FROM products; END $$",
        "DO $$ BEGIN EXECUTE 'DROP TABLE products'; END $$",
        "DO $$ DECLARE t text; BEGIN FOR t IN SELECT tablename FROM pg_tables LOOP EXECUTE format('DROP TABLE %I', t); END LOOP; END $$",
        "DO $$ BEGIN FOR i IN 1..3 LOOP INSERT INTO products VALUES (i, 'x', 1, NULL); END LOOP; END $$",
        "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'x') THEN RAISE NOTICE 'no'; END IF; END $$",
        "DO LANGUAGE plpython3u $$ import os $$",
        "DO $$ BEGIN SET search_path = hidden; DELETE FROM customers WHERE id = 1; END $$",
        "DO $$ BEGIN PERFORM set_config('search_path', 'hidden', true); END $$",
        "DO $$ BEGIN ALTER TABLE customers RENAME TO x; DELETE FROM x; END $$",
        "DO $$ DECLARE select int; r record; BEGIN FOR r IN select * from customers LOOP NULL; END LOOP; END $$",
        "DO $$ DECLARE q text := 'DROP TABLE x'; BEGIN EXECUTE q; END $$",
        r#"DO $$ BEGIN EXECUTE E'DR\x4fP TABLE products'; END $$"#,
        "DO $$ BEGIN PERFORM query_to_xml('DELETE FROM products', true, true, ''); END $$",
        "DO $$ BEGIN IF (SELECT count(*) FROM secrets) > 0 THEN NULL; END IF; END $$",
        "DO $$ DECLARE x int := (SELECT id FROM secrets LIMIT 1); BEGIN NULL; END $$",
        "DO $$ BEGIN RAISE NOTICE '%', (SELECT token FROM secrets LIMIT 1); END $$",
        "DO $$ BEGIN NULL; EXCEPTION WHEN others THEN DELETE FROM products; END $$",
        "DO $$ DECLARE c CURSOR FOR DELETE FROM products RETURNING *; BEGIN OPEN c; END $$",
        "DO 'BEGIN DELETE FROM products; END'",
        "DO LANGUAGE sql 'SELECT 1'",
        "DO $$ BEGIN COMMIT; END $$",
        "DO $$ BEGIN CREATE TABLE n (a int); INSERT INTO n VALUES (1); END $$",
    ]));
}
