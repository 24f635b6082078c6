//! How SQL forms are put together: every function and operator by its full name, so that no search_path changes them.

use super::key::VALUE_MARK;

/// A call of a built-in function.
pub(super) fn call(function: &str, arguments: &[&str]) -> String {
    format!("pg_catalog.{function}({})", arguments.join(", "))
}

/// A built-in operator between two operands, in parentheses.
pub(super) fn op(left: &str, operator: &str, right: &str) -> String {
    format!("({left} OPERATOR(pg_catalog.{operator}) {right})")
}

/// Texts or bytes one after another.
pub(super) fn join(parts: &[&str]) -> String {
    let mut parts = parts.iter();
    let first = parts.next().copied().unwrap_or("''").to_owned();
    parts.fold(first, |so_far, part| op(&so_far, "||", part))
}

/// A cast to a built-in type.
pub(super) fn cast(expression: &str, name: &str) -> String {
    format!("({expression})::pg_catalog.{name}")
}

/// A choice: the first branch whose condition holds, else the last.
pub(super) fn case(branches: &[(&str, &str)], otherwise: &str) -> String {
    let mut text = String::from("CASE");
    for (condition, result) in branches {
        text.push_str(" WHEN ");
        text.push_str(condition);
        text.push_str(" THEN ");
        text.push_str(result);
    }
    text.push_str(" ELSE ");
    text.push_str(otherwise);
    text.push_str(" END");
    text
}

/// A text as a literal. Its own texts have neither quotes nor backslashes, whose reading depends on settings.
pub(super) fn literal(text: &str) -> String {
    debug_assert!(!text.contains(['\'', '\\']), "needs quoting: {text}");
    format!("'{text}'")
}

/// The bytes of a text.
pub(super) fn bytes(text: &str) -> String {
    call("convert_to", &[text, "'UTF8'"])
}

/// The first `digits` digits of some bytes in hexadecimal.
pub(super) fn hex(bytes: &str, digits: usize) -> String {
    let cut = call("substr", &[bytes, "1", &digits.div_ceil(2).to_string()]);
    let pairs = call("encode", &[&cut, "'hex'"]);
    if digits.is_multiple_of(2) {
        pairs
    } else {
        call("left", &[&pairs, &digits.to_string()])
    }
}

/// Eight bytes as an int8.
pub(super) fn number(bytes: &str) -> String {
    let digits = call("encode", &[bytes, "'hex'"]);
    cast(&cast(&join(&["'x'", &digits]), "bit(64)"), "int8")
}

/// The twin of [`MaskKey::hash`](super::MaskKey), of bytes, with a key's block.
pub(super) fn hash(block: &str, bytes: &str) -> String {
    let mark = cast(&literal(VALUE_MARK), "bytea");
    call("sha256", &[&join(&[block, &mark, bytes])])
}

/// The twin of [`MaskKey::round`](super::MaskKey): `tweak` is an int8, `message` bytes.
pub(super) fn round(block: &str, tweak: &str, message: &str) -> String {
    let tweak = call("int8send", &[tweak]);
    call("sha256", &[&join(&[block, &tweak, message])])
}

/// What an expression is where there is a key, and NULL where there is none.
pub(super) fn if_keyed(block: &str, expression: &str) -> String {
    format!("CASE WHEN {block} IS NOT NULL THEN {expression} END")
}

/// A computation in steps, each seeing the columns of those before it; the columns are those of a row `m`.
///
/// The argument stands once, in a subselect without FROM, so that no name of ours can capture one of its own.
#[derive(Debug)]
pub(super) struct Steps(String);

impl Steps {
    /// Begins with the argument as `x`.
    pub(super) fn of(argument: &str) -> Self {
        Self::new(&[("x", argument)])
    }

    /// Begins with the argument as `x` and the key's block as `q`, so that the text reads the key in one place.
    pub(super) fn keyed(argument: &str, block: &str) -> Self {
        Self::new(&[("x", argument), ("q", block)])
    }

    /// Begins with columns of what stands around.
    pub(super) fn new(columns: &[(&str, &str)]) -> Self {
        Self(format!("(SELECT {} OFFSET 0) AS m", named(columns)))
    }

    /// Adds columns. `OFFSET 0` keeps the server from merging steps, which would compute a column at each use.
    pub(super) fn with(self, columns: &[(&str, &str)]) -> Self {
        Self(format!(
            "(SELECT m.*, {} FROM {} OFFSET 0) AS m",
            named(columns),
            self.0
        ))
    }

    /// The result, or NULL where the key `q` is.
    pub(super) fn give_keyed(self, expression: &str) -> String {
        self.give(&if_keyed("m.q", expression))
    }

    /// The result.
    pub(super) fn give(self, expression: &str) -> String {
        format!("(SELECT {expression} FROM {})", self.0)
    }
}

fn named(columns: &[(&str, &str)]) -> String {
    let columns: Vec<String> = columns
        .iter()
        .map(|(name, expression)| format!("{expression} AS {name}"))
        .collect();
    columns.join(", ")
}
