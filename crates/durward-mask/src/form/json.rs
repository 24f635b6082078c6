//! Masks of JSON documents: keys, structure and spelling stay; strings and numbers below a labelled path change.
//!
//! In SQL only paths within a `jsonb` have a form, and a document in which a path meets an array or ends above nested
//! values is NULL there: walking those needs a recursive function. All else is NULL to a statement that computes on it.

mod twin;

use std::borrow::Cow;
use std::sync::Arc;

use durward_model::Label;

use super::MASKED;
use super::key::{MaskKey, SqlKey};
use super::number::Decimal;
use super::text::TextMask;

/// Deeper documents become NULL.
const DEPTH_MAX: usize = 256;

/// A label of what stands below a path of object keys; arrays on the way are passed through.
#[derive(Debug, Clone)]
pub struct JsonRule {
    /// The keys from the top.
    pub path: Vec<String>,
    /// What stands there, and below it.
    pub label: Label,
    /// The key of this label's masks.
    pub key: Arc<MaskKey>,
    /// The setting that holds this key for the SQL form.
    pub setting: SqlKey,
}

/// The mask of a document.
#[derive(Debug, Clone, Default)]
pub(super) struct JsonMask {
    root: Node,
    rules: Vec<JsonRule>,
}

#[derive(Debug, Clone, Default)]
struct Node {
    leaf: Option<Leaf>,
    children: Vec<(String, Node)>,
}

#[derive(Debug, Clone)]
struct Leaf {
    /// `None` shows nothing of a value.
    mask: Option<TextMask>,
    key: Arc<MaskKey>,
}

impl JsonMask {
    /// Every leaf is of a label.
    pub(super) fn whole(label: Label, key: Arc<MaskKey>) -> Self {
        let mut root = Node::default();
        root.insert(&mut std::iter::empty(), Leaf::new(&label, key));
        Self {
            root,
            rules: Vec::new(),
        }
    }

    pub(super) fn new(rules: Vec<JsonRule>) -> Self {
        let mut root = Node::default();
        for rule in &rules {
            let leaf = Leaf::new(&rule.label, Arc::clone(&rule.key));
            root.insert(&mut rule.path.iter().cloned(), leaf);
        }
        Self { root, rules }
    }

    /// Whether the mask is of paths, which SQL can follow.
    pub(super) const fn has_paths(&self) -> bool {
        !self.rules.is_empty()
    }

    /// The SQL form, of a `jsonb`.
    pub(super) fn sql(&self, argument: &str) -> String {
        twin::document(&self.rules, argument)
    }

    /// Writes the masked document. `None` for what isn't one.
    pub(super) fn apply(&self, document: &[u8], out: &mut Vec<u8>) -> Option<()> {
        let mut walk = Walk {
            rest: document,
            out,
            depth: 0,
        };
        walk.value(Some(&self.root), None)?;
        walk.blanks();
        walk.rest.is_empty().then_some(())
    }
}

impl Leaf {
    fn new(label: &Label, key: Arc<MaskKey>) -> Self {
        let mask = (!label.is_secret()).then(|| TextMask::pseudonym(label, None));
        Self { mask, key }
    }
}

impl Node {
    fn child(&self, word: &[u8]) -> Option<&Self> {
        let found = self.children.iter().find(|(name, _)| name.as_bytes() == word);
        found.map(|(_, node)| node)
    }

    fn insert(&mut self, path: &mut dyn Iterator<Item = String>, leaf: Leaf) {
        let Some(word) = path.next() else {
            self.leaf = Some(leaf);
            return;
        };
        if let Some((_, node)) = self.children.iter_mut().find(|(name, _)| *name == word) {
            node.insert(path, leaf);
        } else {
            let mut node = Self::default();
            node.insert(path, leaf);
            self.children.push((word, node));
        }
    }
}

/// A pass over a document that copies what it doesn't change.
struct Walk<'a, 'o> {
    rest: &'a [u8],
    out: &'o mut Vec<u8>,
    depth: usize,
}

impl<'a> Walk<'a, '_> {
    /// One value; `leaf` is what stands above it.
    fn value(&mut self, node: Option<&Node>, leaf: Option<&Leaf>) -> Option<()> {
        let leaf = node.and_then(|node| node.leaf.as_ref()).or(leaf);
        self.blanks();
        match self.rest.first()? {
            b'{' => self.nested(b'}', |walk| {
                walk.blanks();
                let word = walk.string()?;
                walk.copy_string(word);
                walk.blanks();
                walk.expect(b':')?;
                walk.value(node.and_then(|node| node.child(&unescaped(word))), leaf)
            }),
            b'[' => self.nested(b']', |walk| walk.value(node, leaf)),
            b'"' => {
                let text = self.string()?;
                match leaf {
                    Some(leaf) => self.masked_string(leaf, text),
                    None => self.copy_string(text),
                }
                Some(())
            }
            _ => self.plain(leaf),
        }
    }

    /// The inside of an object or array.
    fn nested(&mut self, end: u8, mut item: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return None;
        }
        let start = *self.rest.first()?;
        self.expect(start)?;
        self.blanks();
        if *self.rest.first()? != end {
            loop {
                item(self)?;
                self.blanks();
                if *self.rest.first()? != b',' {
                    break;
                }
                self.expect(b',')?;
            }
        }
        self.depth -= 1;
        self.expect(end)
    }

    /// A number or word.
    fn plain(&mut self, leaf: Option<&Leaf>) -> Option<()> {
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
        let length = self.rest.iter().take_while(|byte| is_part(byte)).count();
        let (word, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        match (word, leaf) {
            (b"null", _) => self.out.extend_from_slice(word),
            (b"true" | b"false", None) => self.out.extend_from_slice(word),
            (b"true" | b"false", Some(_)) => self.out.extend_from_slice(b"false"),
            (number, leaf) => {
                let number_text = std::str::from_utf8(number).ok()?;
                number_text.parse::<serde_json::Number>().ok()?;
                match leaf {
                    None => self.out.extend_from_slice(number),
                    Some(leaf) => match Decimal::read(number).filter(|_| leaf.mask.is_some()) {
                        Some(decimal) => decimal.push_mask(&leaf.key, None, self.out),
                        None => self.out.push(b'0'),
                    },
                }
            }
        }
        Some(())
    }

    /// The inside of a string, as written.
    fn string(&mut self) -> Option<&'a [u8]> {
        let inside = self.rest.strip_prefix(b"\"")?;
        let mut length = 0;
        loop {
            match inside.get(length)? {
                b'"' => break,
                b'\\' => length += 2,
                _ => length += 1,
            }
        }
        let (text, rest) = inside.split_at_checked(length)?;
        self.rest = rest.strip_prefix(b"\"")?;
        Some(text)
    }

    fn copy_string(&mut self, text: &[u8]) {
        self.out.push(b'"');
        self.out.extend_from_slice(text);
        self.out.push(b'"');
    }

    fn masked_string(&mut self, leaf: &Leaf, text: &[u8]) {
        self.out.push(b'"');
        let start = self.out.len();
        match leaf.mask {
            Some(mask) => mask.apply(&leaf.key, &unescaped(text), self.out),
            None => self.out.extend_from_slice(MASKED.as_bytes()),
        }
        let is_plain = |byte: &u8| *byte >= b' ' && !matches!(byte, b'"' | b'\\');
        if !self.out.iter().skip(start).all(is_plain) {
            let image = self.out.split_off(start);
            image.iter().for_each(|byte| push_escaped(*byte, self.out));
        }
        self.out.push(b'"');
    }

    fn blanks(&mut self) {
        while let [byte @ (b' ' | b'\t' | b'\n' | b'\r'), rest @ ..] = self.rest {
            self.out.push(*byte);
            self.rest = rest;
        }
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        self.rest = self.rest.strip_prefix(&[byte])?;
        self.out.push(byte);
        Some(())
    }
}

/// Writes a byte of a string as the server does.
fn push_escaped(byte: u8, out: &mut Vec<u8>) {
    let short = match byte {
        b'"' => b'"',
        b'\\' => b'\\',
        0x08 => b'b',
        0x0c => b'f',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0..0x20 => {
            out.extend_from_slice(if byte < 0x10 { b"\\u000" } else { b"\\u001" });
            out.extend(char::from_digit(u32::from(byte & 15), 16).and_then(|digit| u8::try_from(digit).ok()));
            return;
        }
        other => {
            out.push(other);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

/// A string without its escapes. Halves of surrogate pairs on their own become the replacement character.
fn unescaped(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.contains(&b'\\') {
        return Cow::Borrowed(text);
    }
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    loop {
        match rest {
            [] => return Cow::Owned(plain),
            [b'\\', b'u', after @ ..] => {
                let (letter, length) = unicode(after);
                plain.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
                rest = after.get(length..).unwrap_or_default();
            }
            [b'\\', escape, after @ ..] => {
                plain.push(match escape {
                    b'b' => 0x08,
                    b'f' => 0x0c,
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    other => *other,
                });
                rest = after;
            }
            [byte, after @ ..] => {
                plain.push(*byte);
                rest = after;
            }
        }
    }
}

/// The character of four digits, or of a surrogate pair, and how many bytes it takes.
fn unicode(text: &[u8]) -> (char, usize) {
    let four = |digits: Option<&[u8]>| {
        let digits = std::str::from_utf8(digits?).ok()?;
        u32::from_str_radix(digits, 16).ok()
    };
    let first = four(text.get(..4)).unwrap_or(0xfffd);
    let second = match text.get(4..6) {
        Some(b"\\u") => four(text.get(6..10)),
        Some(_) | None => None,
    };
    match (first, second) {
        (0xd800..0xdc00, Some(low @ 0xdc00..0xe000)) => {
            let code = 0x10000 + ((first - 0xd800) << 10) + (low - 0xdc00);
            (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 10)
        }
        (_, _) => (char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER), 4),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use durward_model::Label;

    use super::{JsonMask, JsonRule};
    use crate::form::{MaskKey, Scope, SqlKey};

    fn rule(path: &[&str], label: Label) -> JsonRule {
        let key = MaskKey::derive(&[1; 32], "shop", &label, Scope::Database);
        JsonRule {
            path: path.iter().map(|word| (*word).to_owned()).collect(),
            label,
            key: Arc::new(key),
            setting: SqlKey::new("k1").expect("a fit name"),
        }
    }

    fn masked(rules: Vec<JsonRule>, document: &str) -> Option<String> {
        let mut out = Vec::new();
        JsonMask::new(rules).apply(document.as_bytes(), &mut out)?;
        Some(String::from_utf8(out).expect("text"))
    }

    #[test]
    fn only_what_is_labelled_changes() {
        let document = r#"{"id": 7, "people":[ {"e\u006dail":"ada@corp.com", "n": null}, {"email": ["b@c.d", 12.5, true]} ],"email":"x@y.z"}"#;
        let mask = masked(vec![rule(&["people", "email"], Label::Email)], document).expect("JSON");
        assert!(
            !mask.contains("ada@corp.com") && !mask.contains("b@c.d") && !mask.contains("12.5"),
            "{mask}"
        );
        assert!(mask.starts_with(r#"{"id": 7, "people":[ {"e\u006dail":"u"#), "{mask}");
        assert!(mask.ends_with(r#", false]} ],"email":"x@y.z"}"#), "{mask}");
        assert!(serde_json::from_str::<serde_json::Value>(&mask).is_ok());
    }

    #[test]
    fn a_whole_document_keeps_its_keys() {
        let mask = masked(
            vec![rule(&[], Label::Username)],
            r#"{"a":{"b":"ada\n\"1\""},"c":[-1,1e9]}"#,
        )
        .expect("JSON");
        assert!(mask.starts_with(r#"{"a":{"b":""#) && mask.contains(r#"\n\""#), "{mask}");
        assert!(mask.ends_with(",0]}") && !mask.contains("ada"), "{mask}");
    }

    #[test]
    fn secrets_show_nothing() {
        let mask = masked(vec![rule(&["pin"], Label::Password)], r#"{"pin":1234,"b":1234}"#);
        assert_eq!(mask.as_deref(), Some(r#"{"pin":0,"b":1234}"#));
        let mask = masked(vec![rule(&["pin"], Label::Password)], r#"{"pin":"s3cret"}"#);
        assert_eq!(mask.as_deref(), Some(r#"{"pin":"[masked]"}"#));
    }

    #[test]
    fn what_is_no_document_gives_nothing() {
        for text in [
            "",
            "{",
            "[1,]x",
            "\"a",
            "{\"a\" 1}",
            "1 2",
            "[nul]",
            "\"\\",
            &"[".repeat(10_000),
        ] {
            assert_eq!(masked(vec![rule(&[], Label::Email)], text), None, "{text}");
        }
    }
}
