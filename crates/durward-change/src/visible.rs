//! Texts of somebody else's, made safe to look at: what a screen would act on, or nobody would see, is spelled out.

/// A piece of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece<'a> {
    /// It looks like what it is.
    Plain(&'a str),
    /// A character that hides or steers, spelled out as `\u{202e}`.
    Spelled(String),
}

/// Whether a character is invisible, or changes how others are shown. Line feeds are not among them.
pub fn hides(letter: char) -> bool {
    (letter.is_control() && letter != '\n')
        || matches!(letter,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// A text in pieces, for screens that set off what is spelled out.
pub fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((place, letter)) = rest.char_indices().find(|(_, letter)| hides(*letter)) {
        let (plain, behind) = rest.split_at(place);
        if !plain.is_empty() {
            pieces.push(Piece::Plain(plain));
        }
        pieces.push(Piece::Spelled(letter.escape_unicode().to_string()));
        rest = behind.strip_prefix(letter).unwrap_or_default();
    }
    if !rest.is_empty() {
        pieces.push(Piece::Plain(rest));
    }
    pieces
}

/// A text with everything that hides or steers spelled out.
pub fn visible(text: &str) -> String {
    pieces(text)
        .into_iter()
        .map(|piece| match piece {
            Piece::Plain(plain) => plain.to_owned(),
            Piece::Spelled(spelled) => spelled,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Piece, pieces, visible};

    #[test]
    fn what_hides_or_steers_a_screen_is_spelled_out() {
        assert_eq!(visible("a\u{1b}[2Jb\u{202e}c\nd"), "a\\u{1b}[2Jb\\u{202e}c\nd");
        assert_eq!(visible("naïve – текст"), "naïve – текст");
        assert_eq!(visible("\u{200b}\u{e0041}\u{fe0f}"), "\\u{200b}\\u{e0041}\\u{fe0f}");
        assert_eq!(
            pieces("a\u{200b}b"),
            [
                Piece::Plain("a"),
                Piece::Spelled("\\u{200b}".to_owned()),
                Piece::Plain("b")
            ]
        );
        assert!(pieces("").is_empty());
    }
}
