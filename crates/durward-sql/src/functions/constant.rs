//! Values that stand in the text itself.

use pg_query::protobuf::{AExprKind, a_const};
use pg_query::{Node, NodeEnum};

/// The text that an expression must evaluate to: a string constant, its cast to a type that keeps every character,
/// or constants joined by `||`. `None` for anything else, NULL included.
pub(crate) fn text(node: &Node) -> Option<String> {
    match node.node.as_ref()? {
        NodeEnum::AConst(constant) if !constant.isnull => match constant.val.as_ref()? {
            a_const::Val::Sval(value) => Some(value.sval.clone()),
            a_const::Val::Ival(_) | a_const::Val::Fval(_) | a_const::Val::Boolval(_) | a_const::Val::Bsval(_) => None,
        },
        NodeEnum::TypeCast(cast) => {
            let name = cast.type_name.as_ref()?;
            let keeps = name.typmods.is_empty()
                && name.array_bounds.is_empty()
                && names(&name.names).last().is_some_and(|last| {
                    matches!(
                        last.as_str(),
                        "text" | "varchar" | "regclass" | "unknown" | "cstring" | "xml"
                    )
                });
            if keeps { text(cast.arg.as_ref()?) } else { None }
        }
        NodeEnum::AExpr(expression) if expression.kind() == AExprKind::AexprOp && names(&expression.name) == ["||"] => {
            let mut joined = text(expression.lexpr.as_ref()?)?;
            joined.push_str(&text(expression.rexpr.as_ref()?)?);
            Some(joined)
        }
        NodeEnum::NamedArgExpr(named) => text(named.arg.as_ref()?),
        NodeEnum::CollateClause(clause) => text(clause.arg.as_ref()?),
        _ => None,
    }
}

/// The whole number that an expression is, a minus sign before it included.
pub(crate) fn integer(node: &Node) -> Option<i64> {
    match node.node.as_ref()? {
        NodeEnum::AConst(constant) if !constant.isnull => match constant.val.as_ref()? {
            a_const::Val::Ival(value) => Some(i64::from(value.ival)),
            a_const::Val::Fval(value) => value.fval.parse().ok(),
            a_const::Val::Sval(value) => value.sval.trim().parse().ok(),
            a_const::Val::Boolval(_) | a_const::Val::Bsval(_) => None,
        },
        NodeEnum::TypeCast(cast) => integer(cast.arg.as_ref()?),
        NodeEnum::AExpr(expression) if expression.lexpr.is_none() && names(&expression.name) == ["-"] => {
            integer(expression.rexpr.as_ref()?)?.checked_neg()
        }
        _ => None,
    }
}

/// The strings of a list of names.
pub(crate) fn names(list: &[Node]) -> Vec<String> {
    list.iter()
        .filter_map(|node| match node.node.as_ref() {
            Some(NodeEnum::String(name)) => Some(name.sval.clone()),
            _ => None,
        })
        .collect()
}

/// Splits a name as `regclass` input reads it: parts divided by dots, folded to lower case unless quoted.
pub(crate) fn qualified_name(text: &str) -> Option<Vec<String>> {
    let mut parts = Vec::new();
    let mut rest = text.trim();
    loop {
        let (part, after) = identifier(rest)?;
        parts.push(part);
        rest = after.trim_start();
        match rest.strip_prefix('.') {
            Some(next) => rest = next.trim_start(),
            None => return rest.is_empty().then_some(parts),
        }
    }
}

/// Splits a list of names as `search_path` reads it: divided by commas, folded unless quoted. An empty text is an
/// empty list.
pub(crate) fn name_list(text: &str) -> Option<Vec<String>> {
    let mut list = Vec::new();
    let mut rest = text.trim();
    if rest.is_empty() {
        return Some(list);
    }
    loop {
        let (name, after) = identifier(rest)?;
        list.push(name);
        rest = after.trim_start();
        match rest.strip_prefix(',') {
            Some(next) => rest = next.trim_start(),
            None => return rest.is_empty().then_some(list),
        }
    }
}

/// One identifier and what follows it.
fn identifier(text: &str) -> Option<(String, &str)> {
    if let Some(quoted) = text.strip_prefix('"') {
        let mut name = String::new();
        let mut characters = quoted.char_indices().peekable();
        while let Some((index, character)) = characters.next() {
            if character != '"' {
                name.push(character);
                continue;
            }
            if let Some((_, '"')) = characters.peek() {
                characters.next();
                name.push('"');
                continue;
            }
            return quoted.get(index.saturating_add(1)..).map(|after| (name, after));
        }
        return None;
    }
    let end = text
        .char_indices()
        .find(|(_, character)| character.is_whitespace() || matches!(character, '.' | ',' | '"' | '(' | ')'))
        .map_or(text.len(), |(index, _)| index);
    let (name, after) = text.split_at_checked(end)?;
    if name.is_empty() {
        return None;
    }
    Some((name.to_ascii_lowercase(), after))
}

#[cfg(test)]
mod tests {
    use super::{name_list, qualified_name};

    #[test]
    fn names_fold_and_unquote_as_regclass_reads_them() {
        assert_eq!(qualified_name("Shop.Orders").unwrap(), ["shop", "orders"]);
        assert_eq!(qualified_name(r#" "Shop" . "a""b" "#).unwrap(), ["Shop", "a\"b"]);
        assert_eq!(qualified_name("a b"), None);
        assert_eq!(qualified_name(""), None);
        assert_eq!(qualified_name("\"open"), None);
    }

    #[test]
    fn search_paths_split_at_commas() {
        assert_eq!(name_list(r#""$user", public"#).unwrap(), ["$user", "public"]);
        assert!(name_list("").unwrap().is_empty());
        assert_eq!(name_list("a,"), None);
    }
}
