use zeroize::Zeroizing;

use super::{TargetError, invalid};

/// Takes a `keyword=value` string apart (manual section 32.1.1.1): blanks around `=`, values in single quotes, a
/// backslash before a quote or backslash.
pub(super) fn parse(text: &str) -> Result<Vec<(String, Zeroizing<String>)>, TargetError> {
    let mut options = Vec::new();
    let mut rest = text.chars().peekable();
    loop {
        while rest.next_if(|character| character.is_whitespace()).is_some() {}
        if rest.peek().is_none() {
            break;
        }
        let mut name = String::new();
        while let Some(character) = rest.next_if(|character| !character.is_whitespace() && *character != '=') {
            name.push(character);
        }
        while rest.next_if(|character| character.is_whitespace()).is_some() {}
        if rest.next() != Some('=') {
            return Err(invalid(
                "expected postgres://user@host/database, or keyword=value pairs",
            ));
        }
        while rest.next_if(|character| character.is_whitespace()).is_some() {}
        let quoted = rest.next_if_eq(&'\'').is_some();
        let mut value = Zeroizing::new(String::new());
        loop {
            match rest.next() {
                Some('\\') => value.extend(rest.next()),
                Some('\'') if quoted => break,
                None if quoted => return Err(invalid("a quoted value doesn't end")),
                None => break,
                Some(character) if !quoted && character.is_whitespace() => break,
                Some(character) => value.push(character),
            }
        }
        options.push((name, value));
    }
    if options.is_empty() {
        return Err(invalid("the target is empty"));
    }
    Ok(options)
}
