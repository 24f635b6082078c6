//! Planning runs functions that call themselves immutable, and what these call: before anything is executed.

use super::house::House;

const CODE: &str = "
    CREATE FUNCTION planned(integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS
        'DECLARE r integer; BEGIN SELECT wipe() INTO r; RETURN r; END';
    CREATE FUNCTION same(integer, text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT planned(1) = 1';
    CREATE FUNCTION next(integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT $1 + 1';
    CREATE OPERATOR === (LEFTARG = integer, RIGHTARG = text, FUNCTION = same);
    CREATE TABLE filled (id integer PRIMARY KEY, n integer DEFAULT planned(1));
    CREATE DOMAIN checked AS integer CHECK (VALUE > planned(1));
    CREATE VIEW planning AS SELECT planned(1) AS n;
    CREATE TABLE parted (n integer) PARTITION BY LIST (n);
    INSERT INTO archive SELECT id, price, status FROM orders WHERE price < 150;
";

/// Each would empty a table of 150 rows while it is planned.
const PLANNED: &[&str] = &[
    "SELECT planned(1)",
    "SELECT count(*) FROM orders WHERE id = planned(1)",
    "INSERT INTO filled (id) VALUES (1)",
    "SELECT 5::checked",
    "SELECT n FROM planning",
    "SELECT 1 === 'a'",
    "UPDATE orders SET price = price WHERE id = planned(1)",
    "EXPLAIN SELECT planned(1)",
    "CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (planned(1))",
    "ALTER TABLE filled ADD COLUMN more integer DEFAULT planned(2)",
    "CREATE TABLE copied AS SELECT planned(1)",
];

#[test]
fn nothing_is_planned_before_it_is_judged() {
    let house = House::open(None);
    house.execute(CODE);
    let rows = || house.rows("archive").len();
    for who in ["engineer", "agent"] {
        let mut client = house.connect_with(who, "error");
        for statement in PLANNED {
            for answer in [
                client.extended(statement, b""),
                client.bound(statement),
                client.query(statement),
            ] {
                let answer = answer.expect("an answer");
                assert_eq!(rows(), 150, "{who}: {statement}: {answer:?}");
            }
        }
        // What only computes is bound and described as ever.
        let answer = client.extended("SELECT next(1)", b"").expect("an answer");
        assert_eq!(
            (answer.tags().as_str(), answer.rows().as_slice()),
            ("12TDCZ", &[vec!["2".to_owned()]][..])
        );
        assert_eq!(client.bound("SELECT next(1)").expect("an answer").tags(), "12TZ");
        let few = client.extended(
            "UPDATE orders SET price = next(price) WHERE id = 1 RETURNING price",
            b"",
        );
        assert_eq!(few.expect("an answer").tags(), "12TDCZ");
        let few = client.extended("UPDATE orders SET price = next(price) WHERE id = 1", b"");
        assert_eq!(few.expect("an answer").tags(), "12nCZ");
    }
    let mut agent = house.connect_with("agent", "error");
    let mut run = || agent.extended("SELECT planned(1)", b"").expect("an answer");
    let held = run();
    assert_eq!(held.sqlstate().as_deref(), Some("WD001"));
    let detail = held.error().and_then(|error| error.field(b'D')).expect("a detail");
    let detail: serde_json::Value = serde_json::from_str(&detail).expect("JSON");
    house.approve(detail["id"].as_str().expect("an id"));
    assert_eq!(run().tags(), "12TDCZ");
    assert_eq!(rows(), 0);
    assert_eq!(run().sqlstate().as_deref(), Some("WD001"));
}
