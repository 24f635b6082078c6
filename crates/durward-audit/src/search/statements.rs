//! Statements, the newest first.
//!
//! There are two ways to the newest rows with a property: from the newest row down until enough are found, which is quick
//! where many have it, and from the property's index, with all that it finds sorted by time, which is quick where few do.
//! The database has no figures to choose by, so that each property is counted up to a bound first.

use rusqlite::types::Value;
use rusqlite::{Connection, Row, params_from_iter};

use super::{
    Conditions, EventNumber, IndexError, Moment, SearchFilter, SearchRow, Verdict, about_client, count, session_name,
    split_last, time,
};
use crate::definition::TouchedRelation;

/// What a row of statements is about at most.
const MINUTE_MICROSECONDS: i64 = 60_000_000;
/// A property that more rows have is not looked up in its index.
///
/// Unit: rows. Reason: to sort them takes some 20 ms, and a property that is that frequent is met soon among the newest.
const LOOKED_UP_MAX: i64 = 20_000;

/// A property of rows, in two forms.
struct Property {
    /// By the index: what finds the rows.
    looked_up: String,
    /// For a row that is there: what tells whether it has the property.
    checked: String,
    values: Vec<Value>,
}

impl Property {
    /// That a column has one of the values that a query finds.
    fn of(column: &str, query: &str, values: Vec<Value>) -> Self {
        Self {
            looked_up: format!("g.{column} IN ({query})"),
            checked: format!("+g.{column} IN ({query})"),
            values,
        }
    }
}

fn statement_row(row: &Row<'_>) -> Result<SearchRow, IndexError> {
    let refused = row.get::<_, i64>("refusal")? != 0;
    let (executions, outcomes, errors) = (count(row, "count")?, count(row, "outcomes")?, count(row, "errors")?);
    let ran = outcomes.saturating_sub(count(row, "prepared")?);
    let shape: Option<ShapeText> = row
        .get::<_, Option<String>>("shape")?
        .map(|text| serde_json::from_str(&text))
        .transpose()?;
    let rules: Option<Vec<String>> = row
        .get::<_, Option<String>>("rules")?
        .map(|text| serde_json::from_str(&text))
        .transpose()?;
    let refusing_rule: Option<String> = row.get("rule")?;
    let (relations, hazards) = shape.map_or_else(Default::default, |shape| (shape.relations, shape.hazards));
    Ok(SearchRow {
        kind: "statement",
        verdict: match (refused, errors) {
            (true, _) => Verdict::Refused,
            (false, 0) => Verdict::Permitted,
            (false, _) => Verdict::Failed,
        },
        first_time: Moment(count(row, "first")?),
        last_time: Moment(count(row, "last")?),
        count: executions,
        who: row.get("display")?,
        principal: Some(serde_json::from_str(&row.get::<_, String>("principal")?)?),
        database: row.get("database")?,
        client_address: row.get("client_address")?,
        client_program: row.get("client_program")?,
        session: Some(session_name(row, "session")?),
        statement: row.get("normalized")?,
        class: row.get("class")?,
        command: row.get("command")?,
        relations,
        hazards,
        rules: refusing_rule.map_or_else(|| rules.unwrap_or_default(), |rule| vec![rule]),
        policy_version: row.get::<_, Option<i64>>("policy_version")?.map(i64::cast_unsigned),
        approval: row.get("approval")?,
        sqlstate: if refused {
            row.get("sqlstate")?
        } else {
            row.get("last_error")?
        },
        reason: row.get("message")?,
        errors,
        outcomes_unknown: if refused {
            0
        } else {
            executions.saturating_sub(outcomes)
        },
        rows: count(row, "rows")?,
        rows_affected: count(row, "rows_affected")?,
        duration_microseconds_mean: count(row, "duration")?.checked_div(ran).unwrap_or(0),
        duration_microseconds_max: count(row, "duration_max")?,
        first_event: EventNumber(count(row, "first_event")?),
        last_event: EventNumber(count(row, "last_event")?),
    })
}

#[derive(serde::Deserialize)]
struct ShapeText {
    relations: Vec<TouchedRelation>,
    hazards: Vec<(String, String)>,
}

/// The conditions that come with each way, and order the rows by themselves.
fn always(filter: &SearchFilter) -> Conditions {
    let mut conditions = Conditions::new();
    conditions.and_maybe("g.last >= ?", filter.since.map(time));
    conditions.and_maybe("g.first < ?", filter.until.map(time));
    // A row lies within a minute: this bounds the part of the index by time from above too.
    let until = filter
        .until
        .map(|until| time(until).saturating_add(MINUTE_MICROSECONDS));
    conditions.and_maybe("g.last < ?", until);
    match filter.verdict {
        Some(Verdict::Permitted) => conditions.text.push_str(" AND +g.refusal = 0"),
        Some(Verdict::Refused) => conditions.text.push_str(" AND g.refusal <> 0"),
        Some(Verdict::Failed) => conditions.text.push_str(" AND g.errors > 0"),
        None => {}
    }
    if filter.label.is_some() || filter.treatment.is_some() {
        // What was only prepared has shown nothing.
        conditions
            .text
            .push_str(" AND (+g.refusal <> 0 OR g.count > g.prepared)");
    }
    conditions
}

fn properties(filter: &SearchFilter) -> Vec<Property> {
    let mut properties = Vec::new();
    let mut add = |column: &str, query: &str, found: Conditions| {
        properties.push(Property::of(column, &query.replace("{}", &found.text), found.values));
    };
    let one = |condition: &str, value: Value| {
        let mut found = Conditions::new();
        found.and(condition, value);
        found
    };
    if let Some(session) = filter.session {
        let id = one("s.id = ?", session.0.cast_signed().into());
        add("session", "SELECT s.id FROM ix_session s WHERE {}", id);
    }
    if filter.client.is_some() {
        let mut found = Conditions::new();
        about_client(&mut found, filter);
        add("session", "SELECT s.id FROM ix_session s WHERE {}", found);
    }
    if let Some(who) = &filter.who {
        let query = "SELECT principal FROM ix_principal_member WHERE {}";
        add("principal", query, one("name = ?", who.clone().into()));
    }
    if let Some(table) = &filter.table {
        let (schema, name) = split_last(table);
        let mut found = one("name = ?", name.to_owned().into());
        found.and_maybe("schema = ?", schema.map(String::from));
        add("shape", "SELECT shape FROM ix_shape_relation WHERE {}", found);
    }
    if let Some(column) = &filter.column {
        let (relation, name) = split_last(column);
        let (schema, relation) = relation.map_or((None, None), |relation| {
            let (schema, relation) = split_last(relation);
            (schema, Some(relation))
        });
        let mut found = one("name = ?", name.to_owned().into());
        found.and_maybe("relation = ?", relation.map(String::from));
        found.and_maybe("schema = ?", schema.map(String::from));
        add("shape", "SELECT shape FROM ix_shape_column WHERE {}", found);
    }
    if let Some(class) = &filter.class {
        let query = "SELECT id FROM ix_shape WHERE {}";
        add("shape", query, one("class = ?", class.clone().into()));
    }
    if filter.label.is_some() || filter.treatment.is_some() {
        let mut found = Conditions::new();
        found.and_maybe("label = ?", filter.label.clone());
        let treatment = filter.treatment.map(|treatment| treatment.as_str().to_owned());
        found.and_maybe("treatment = ?", treatment);
        add("basis", "SELECT basis FROM ix_basis_column WHERE {}", found);
    }
    if let Some(approval) = &filter.approval {
        let query = "SELECT id FROM ix_basis WHERE {}";
        add("basis", query, one("approval = ?", approval.clone().into()));
    }
    if let Some(rule) = &filter.rule {
        let bases = "SELECT basis FROM ix_basis_rule WHERE rule = ?";
        let refusals = "SELECT id FROM ix_refusal WHERE rule = ?";
        properties.push(Property {
            // One list of rows for each index: the database would not use either for an OR across them.
            looked_up: format!(
                "g.id IN (SELECT id FROM ix_statement WHERE basis IN ({bases})
                    UNION ALL SELECT id FROM ix_statement WHERE refusal <> 0 AND refusal IN ({refusals}))"
            ),
            checked: format!("(+g.basis IN ({bases}) OR +g.refusal IN ({refusals}))"),
            values: vec![rule.clone().into(), rule.clone().into()],
        });
    }
    properties
}

/// Which property is best looked up in its index, if any is.
fn rarest(
    connection: &Connection,
    properties: &[Property],
    filter: &SearchFilter,
) -> Result<Option<usize>, IndexError> {
    let mut rarest: Option<(i64, usize)> = None;
    for (place, property) in properties.iter().enumerate() {
        let mut conditions = Conditions::new();
        conditions.and_maybe("g.last >= ?", filter.since.map(time));
        let query = format!(
            "SELECT count(*) FROM (SELECT 1 FROM ix_statement g WHERE {} AND {} LIMIT {})",
            property.looked_up,
            conditions.text,
            LOOKED_UP_MAX + 1
        );
        let values = property.values.iter().cloned().chain(conditions.values);
        let rows: i64 = connection.query_row(&query, params_from_iter(values), |row| row.get(0))?;
        if rows <= rarest.map_or(LOOKED_UP_MAX, |(fewest, _)| fewest - 1) {
            rarest = Some((rows, place));
        }
    }
    Ok(rarest.map(|(_, place)| place))
}

/// The newest statements that a filter lets through.
pub(super) fn find(connection: &Connection, filter: &SearchFilter) -> Result<Vec<SearchRow>, IndexError> {
    let properties = properties(filter);
    let rarest = rarest(connection, &properties, filter)?;
    let mut conditions = always(filter);
    // The index of a database is in the order of time itself.
    let database = if rarest.is_some() {
        "+g.database = ?"
    } else {
        "g.database = ?"
    };
    conditions.and_maybe(database, filter.database.clone());
    for (place, property) in properties.into_iter().enumerate() {
        let is_rarest = rarest == Some(place);
        conditions.text.push_str(" AND ");
        conditions.text.push_str(if is_rarest {
            &property.looked_up
        } else {
            &property.checked
        });
        conditions.values.extend(property.values);
    }
    let query =
        "SELECT g.session, g.refusal, g.first, g.last, g.count, g.prepared, g.first_event, g.last_event, g.outcomes,
            g.errors, g.last_error, g.rows, g.rows_affected, g.duration, g.duration_max,
            p.display, p.content AS principal, s.database, s.client_address, s.client_program,
            h.normalized, h.class, h.command, h.content AS shape, b.rules, b.policy_version, b.approval,
            r.rule, r.sqlstate, r.message
        FROM (SELECT g.id FROM ix_statement g WHERE {} ORDER BY g.last DESC, g.last_event DESC LIMIT ?) found
        JOIN ix_statement g ON g.id = found.id
        JOIN ix_session s ON s.id = g.session
        JOIN ix_principal p ON p.id = s.principal
        LEFT JOIN ix_shape h ON h.id = g.shape
        LEFT JOIN ix_basis b ON b.id = g.basis
        LEFT JOIN ix_refusal r ON r.id = g.refusal
        ORDER BY g.last DESC, g.last_event DESC";
    conditions.run(connection, query, filter.limit, statement_row)
}
