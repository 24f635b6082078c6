use super::write_script;

fn script() -> Vec<u8> {
    let mut script = Vec::new();
    write_script(&mut script).unwrap();
    script
}

#[test]
fn the_rows_are_the_same_every_time() {
    assert_eq!(script(), script());
}

#[test]
fn there_are_enough_tables_and_rows() {
    let script = String::from_utf8(script()).unwrap();
    let tables = script.lines().filter(|line| line.starts_with("COPY ")).count();
    let mut rows = 0;
    let mut in_data = false;
    for line in script.lines() {
        match line {
            "\\." => in_data = false,
            _ if in_data => rows += 1,
            _ => in_data = line.starts_with("COPY "),
        }
    }
    assert!(tables >= 12, "{tables} tables");
    assert!(rows >= 50_000, "{rows} rows");
}
