use super::scan::Scanner;

/// A text's tokens with one blank between, without comments and semicolons at the end: texts that the server reads as the
/// same tokens give the same. Where the scanner isn't sure, the text itself without blanks and semicolons around it.
///
/// Read as with `standard_conforming_strings`.
pub fn tokens(text: &str) -> String {
    let mut scanner = Scanner::new(text);
    let mut tokens: Vec<&str> = Vec::new();
    loop {
        match scanner.next_token() {
            Ok(Some(token)) => tokens.extend(text.get(token.span)),
            Ok(None) => break,
            Err(_) => return format!("\u{0}{}", trimmed(text)),
        }
    }
    while tokens.last() == Some(&";") {
        tokens.pop();
    }
    tokens.join(" ")
}

fn trimmed(text: &str) -> &str {
    text.trim()
        .trim_end_matches(|letter: char| letter == ';' || letter.is_ascii_whitespace())
}

#[cfg(test)]
mod tests {
    use super::tokens;

    #[test]
    fn blanks_between_tokens_and_comments_say_nothing() {
        for (one, other, same) in [
            (
                "CREATE TABLE t (a int)",
                "-- first\n\tCREATE  TABLE\nt(a int) ;\n",
                true,
            ),
            ("SELECT 'a b'", "SELECT 'a  b'", false),
            ("SELECT 'a'", "select 'a'", false),
            ("SELECT a - -1", "SELECT a --1", false),
            ("SELECT ab", "SELECT a b", false),
            ("SELECT \"a b\"", "SELECT \"a\" \"b\"", false),
            ("SELECT $$a  b$$", "SELECT $$a b$$", false),
            ("SELECT $x$a$x$;", " SELECT  $x$a$x$", true),
            ("SELECT 1; SELECT 2", "SELECT 1 SELECT 2", false),
            ("SELECT a/**/b", "SELECT a b", true),
            // The scanner doesn't decide what strings side by side are.
            ("SELECT 'a'\n'b'", "SELECT 'a' 'b'", false),
            ("SELECT 'a'\n'b' ;", " SELECT 'a'\n'b'", true),
            ("", " ; -- nothing", true),
        ] {
            assert_eq!(tokens(one) == tokens(other), same, "{one:?} and {other:?}");
        }
    }
}
