//! The names that the server gives to result columns (`FigureColname` in `parse_target.c`).

use pg_query::protobuf::{JsonExprOp, MinMaxOp, SqlValueFunctionOp, SubLinkType, XmlExprOp};
use pg_query::{Node, NodeEnum};

use super::types::strings;

/// The name of a result column without AS.
pub(super) fn column_name(node: &Node) -> String {
    figure(node).map_or_else(|| "?column?".to_owned(), |(_, name)| name)
}

fn strong(name: &str) -> Option<(u8, String)> {
    Some((2, name.to_owned()))
}

fn figure(node: &Node) -> Option<(u8, String)> {
    match node.node.as_ref()? {
        NodeEnum::ColumnRef(column) => {
            if matches!(column.fields.last()?.node, Some(NodeEnum::AStar(_))) {
                return None;
            }
            strong(strings(&column.fields).last()?)
        }
        NodeEnum::AIndirection(indirection) => strings(&indirection.indirection)
            .last()
            .and_then(|name| strong(name))
            .or_else(|| figure(indirection.arg.as_deref()?)),
        NodeEnum::FuncCall(call) => strong(strings(&call.funcname).last()?),
        NodeEnum::AExpr(expression) => {
            (expression.kind == pg_query::protobuf::AExprKind::AexprNullif as i32).then(|| (2, "nullif".to_owned()))
        }
        NodeEnum::TypeCast(cast) => match cast.arg.as_deref().and_then(figure) {
            Some((2, name)) => Some((2, name)),
            weak => cast
                .type_name
                .as_ref()
                .and_then(|type_name| strings(&type_name.names).last().map(|name| (1, (*name).to_owned())))
                .or(weak),
        },
        NodeEnum::CollateClause(clause) => figure(clause.arg.as_deref()?),
        NodeEnum::GroupingFunc(_) => strong("grouping"),
        NodeEnum::MergeSupportFunc(_) => strong("merge_action"),
        NodeEnum::SubLink(link) => match SubLinkType::try_from(link.sub_link_type).ok()? {
            SubLinkType::ExistsSublink => strong("exists"),
            SubLinkType::ArraySublink => strong("array"),
            SubLinkType::ExprSublink => {
                let NodeEnum::SelectStmt(select) = link.subselect.as_deref()?.node.as_ref()? else {
                    return None;
                };
                let NodeEnum::ResTarget(target) = select.target_list.first()?.node.as_ref()? else {
                    return None;
                };
                if target.name.is_empty() {
                    figure(target.val.as_deref()?)
                } else {
                    strong(&target.name)
                }
            }
            _ => None,
        },
        NodeEnum::CaseExpr(case) => match case.defresult.as_deref().and_then(figure) {
            Some((2, name)) => Some((2, name)),
            _ => Some((1, "case".to_owned())),
        },
        NodeEnum::AArrayExpr(_) => strong("array"),
        NodeEnum::RowExpr(_) => strong("row"),
        NodeEnum::CoalesceExpr(_) => strong("coalesce"),
        NodeEnum::MinMaxExpr(min_max) => match MinMaxOp::try_from(min_max.op).ok()? {
            MinMaxOp::IsGreatest => strong("greatest"),
            MinMaxOp::IsLeast | MinMaxOp::Undefined => strong("least"),
        },
        NodeEnum::SqlvalueFunction(function) => strong(sql_value_name(function.op)?),
        NodeEnum::XmlExpr(xml) => strong(match XmlExprOp::try_from(xml.op).ok()? {
            XmlExprOp::IsXmlconcat => "xmlconcat",
            XmlExprOp::IsXmlelement => "xmlelement",
            XmlExprOp::IsXmlforest => "xmlforest",
            XmlExprOp::IsXmlparse => "xmlparse",
            XmlExprOp::IsXmlpi => "xmlpi",
            XmlExprOp::IsXmlroot => "xmlroot",
            XmlExprOp::IsXmlserialize => "xmlserialize",
            XmlExprOp::IsDocument | XmlExprOp::Undefined => return None,
        }),
        NodeEnum::XmlSerialize(_) => strong("xmlserialize"),
        NodeEnum::JsonParseExpr(_) => strong("json"),
        NodeEnum::JsonScalarExpr(_) => strong("json_scalar"),
        NodeEnum::JsonSerializeExpr(_) => strong("json_serialize"),
        NodeEnum::JsonObjectConstructor(_) => strong("json_object"),
        NodeEnum::JsonArrayConstructor(_) | NodeEnum::JsonArrayQueryConstructor(_) => strong("json_array"),
        NodeEnum::JsonObjectAgg(_) => strong("json_objectagg"),
        NodeEnum::JsonArrayAgg(_) => strong("json_arrayagg"),
        NodeEnum::JsonFuncExpr(function) => strong(match JsonExprOp::try_from(function.op).ok()? {
            JsonExprOp::JsonExistsOp => "json_exists",
            JsonExprOp::JsonQueryOp => "json_query",
            JsonExprOp::JsonValueOp => "json_value",
            JsonExprOp::JsonTableOp | JsonExprOp::Undefined => return None,
        }),
        _ => None,
    }
}

fn sql_value_name(op: i32) -> Option<&'static str> {
    Some(match SqlValueFunctionOp::try_from(op).ok()? {
        SqlValueFunctionOp::SvfopCurrentDate => "current_date",
        SqlValueFunctionOp::SvfopCurrentTime | SqlValueFunctionOp::SvfopCurrentTimeN => "current_time",
        SqlValueFunctionOp::SvfopCurrentTimestamp | SqlValueFunctionOp::SvfopCurrentTimestampN => "current_timestamp",
        SqlValueFunctionOp::SvfopLocaltime | SqlValueFunctionOp::SvfopLocaltimeN => "localtime",
        SqlValueFunctionOp::SvfopLocaltimestamp | SqlValueFunctionOp::SvfopLocaltimestampN => "localtimestamp",
        SqlValueFunctionOp::SvfopCurrentRole => "current_role",
        SqlValueFunctionOp::SvfopCurrentUser => "current_user",
        SqlValueFunctionOp::SvfopUser => "user",
        SqlValueFunctionOp::SvfopSessionUser => "session_user",
        SqlValueFunctionOp::SvfopCurrentCatalog => "current_catalog",
        SqlValueFunctionOp::SvfopCurrentSchema => "current_schema",
        SqlValueFunctionOp::SqlvalueFunctionOpUndefined => return None,
    })
}
