//! Arrays are judged by their elements.

use super::ColumnProfile;

/// The profile of a column of arrays as if each element were a value.
pub(super) fn elements_of(profile: &ColumnProfile) -> ColumnProfile {
    let mut elements = profile.clone();
    elements.column_type.is_array = false;
    elements.samples = profile.samples.iter().flat_map(|array| elements_in(array)).collect();
    elements
}

/// The elements of an array's text form (PostgreSQL manual, 8.15.6), nested ones too, without NULLs.
fn elements_in(array: &str) -> Vec<String> {
    let mut elements = Vec::new();
    let mut element = String::new();
    let mut is_quoted = false;
    let mut was_quoted = false;
    let mut letters = array.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => element.extend(letters.next()),
            '"' => {
                is_quoted = !is_quoted;
                was_quoted = true;
            }
            '{' | '}' | ',' if !is_quoted => {
                let ended = std::mem::take(&mut element);
                if was_quoted || !(ended.is_empty() || ended == "NULL") {
                    elements.push(ended);
                }
                was_quoted = false;
            }
            other => element.push(other),
        }
    }
    elements
}

#[cfg(test)]
mod tests {
    use super::elements_in;

    #[test]
    fn elements_are_read_with_quotes_and_nesting() {
        assert_eq!(elements_in(r#"{a@b.c,"d, \"e\"",NULL}"#), ["a@b.c", r#"d, "e""#]);
        assert_eq!(elements_in("{{1,2},{3,4}}"), ["1", "2", "3", "4"]);
        assert_eq!(elements_in("{}"), Vec::<String>::new());
        assert_eq!(elements_in("{\"\"}"), [""]);
    }
}
