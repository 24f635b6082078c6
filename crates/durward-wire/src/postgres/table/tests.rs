use super::*;

#[test]
fn the_table_is_what_the_docs_say() {
    let page = include_str!("../../../../../docs/protocol.md");
    let table = markdown();
    assert!(page.contains(&table), "docs/protocol.md is old; the table is:\n{table}");
}

#[test]
fn a_tag_without_a_name_is_refused_in_every_state() {
    for (direction, known) in [(Direction::Frontend, f::ALL), (Direction::Backend, b::ALL)] {
        for tag in 0..=u8::MAX {
            if known.iter().all(|(code, _)| *code != tag) {
                for state in State::ALL {
                    assert_eq!(
                        treatment(direction, state, tag),
                        Treatment::Refuse,
                        "{direction:?} {state:?} {tag}"
                    );
                }
            }
        }
    }
}

#[test]
fn what_runs_code_past_the_statement_is_refused_in_every_state() {
    for state in State::ALL {
        assert_eq!(
            treatment(Direction::Frontend, state, f::FUNCTION_CALL),
            Treatment::Refuse
        );
        assert_eq!(
            treatment(Direction::Backend, state, b::FUNCTION_CALL_RESPONSE),
            Treatment::Refuse
        );
        assert_eq!(
            treatment(Direction::Backend, state, b::COPY_BOTH_RESPONSE),
            Treatment::Refuse
        );
    }
}

#[test]
fn nothing_that_can_hold_a_statement_is_passed_unread() {
    for state in State::ALL {
        for tag in [f::QUERY, f::PARSE, f::BIND, f::EXECUTE] {
            assert_ne!(
                treatment(Direction::Frontend, state, tag),
                Treatment::Pass,
                "{state:?} {tag}"
            );
        }
    }
}

#[test]
fn names_and_tags_are_unique() {
    for known in [f::ALL, b::ALL] {
        for (index, (tag, name)) in known.iter().enumerate() {
            assert!(
                known
                    .iter()
                    .skip(index + 1)
                    .all(|(other, again)| other != tag && again != name)
            );
        }
    }
}
