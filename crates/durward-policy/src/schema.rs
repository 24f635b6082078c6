use durward_model::HazardKind;

/// The classes of statement that change something that outlives the session.
pub(crate) const CHANGING: [&str; 5] = ["write", "maintenance", "ddl", "privilege", "unknown"];
/// The others.
pub(crate) const PASSING: [&str; 3] = ["read", "session", "transaction"];

/// The parts of the context that are the time.
pub(crate) const TIME_NAMES: [&str; 2] = ["hourUtc", "weekdayUtc"];

/// The parts of the context that are labels.
pub(crate) const LABEL_NAMES: [&str; 2] = ["labelsRead", "labelsWritten"];

/// The Cedar schema against which every policy is checked, in Cedar's own syntax, with a comment on each name.
pub fn schema_text() -> String {
    let hazards = quoted(HazardKind::ALL.iter().map(|kind| kind.as_str()));
    let mut text =
        format!("{PRINCIPALS}\n{DATABASE}\n{HAZARD_COMMENT}entity Hazard enum [\n  {hazards}\n];\n\n{CONTEXT}\n");
    text.push_str("// Every statement.\naction \"statement\";\n");
    text.push_str("// Every statement that changes something that outlives the session.\n");
    text.push_str("action \"change\" in [\"statement\"];\n");
    for (actions, group) in [(&PASSING[..], "statement"), (&CHANGING[..], "change")] {
        for action in actions {
            text.push_str(&format!(
                "action \"{action}\" in [\"{group}\"] appliesTo {{\n  principal: [User, Service, Account, Agent],\n  \
                 resource: [Database],\n  context: Statement\n}};\n"
            ));
        }
    }
    text
}

fn quoted(words: impl Iterator<Item = &'static str>) -> String {
    let words: Vec<String> = words.map(|word| format!("\"{word}\"")).collect();
    words.join(",\n  ")
}

const PRINCIPALS: &str = r#"// A group, as the identity's credential names it.
entity Group;
// A person. Operators may do all that the upstream login may.
entity User in [Group] = { "operator": Bool };
// An application.
entity Service in [Group];
// A database account that was let through with its own password, so that nobody knows who is behind it.
entity Account in [Group];
// A program that decides by itself what to send. `actsFor` is the person at the other end of its chain.
entity Agent in [Group] = { "actsFor"?: User };
// How well the identity was proved.
entity Assurance enum ["weak", "issued", "asserted"];
// What was shown at login.
entity Credential enum ["issued_password", "jwt", "passthrough", "system_account"];
"#;

const DATABASE: &str = r#"// A database by the name under which clients reach it. Tags come from the configuration: "production" if it says none.
entity Database = { "name": String, "tags": Set<String> };
"#;

const HAZARD_COMMENT: &str = "// What may have to be stopped. The guide on policy says what each means.\n";

const CONTEXT: &str = r#"// What is known about the statement. Relations are "schema.name", columns "schema.name.column", names as stored.
type Statement = {
  // As the command tag begins: "SELECT", "DROP TABLE".
  "command": String,
  "hazards": Set<Hazard>,
  // Relations whose rows are read; that are changed in any way; used in any way.
  "reads": Set<String>,
  "changes": Set<String>,
  "uses": Set<String>,
  "columnsRead": Set<String>,
  "columnsWritten": Set<String>,
  // The labels of columns that are read, and that are written, also through views and functions; "not_judged" where
  // nobody has looked at a column yet.
  "labelsRead": Set<String>,
  "labelsWritten": Set<String>,
  // The schemas of all relations and objects.
  "schemas": Set<String>,
  "functions": Set<String>,
  // Objects that DDL makes, changes or drops.
  "objects": Set<String>,
  // Whether something could not be seen through, and whether every reference is exact.
  "opaque": Bool,
  "exact": Bool,
  // The most rows that can be written, where the text and the catalog prove a bound; else the largest Long.
  "rowsBounded": Bool,
  "rowsMax": Long,
  // Whether code that it runs, or a constraint or trigger that it sets off, changes rows.
  "changesIndirectly": Bool,
  // Marked relations and objects that are used against their mark.
  "offLimits": Set<String>,
  "readOnlyChanged": Set<String>,
  "appendOnlyChanged": Set<String>,
  // Relations of the system's own schemas that are changed directly.
  "systemChanged": Set<String>,
  // Objects of DDL outside the schemas in which the configuration allows it.
  "outsideDdlSchemas": Set<String>,
  // Whether everything that is changed is temporary.
  "temporaryOnly": Bool,
  // Who shares in the chain: whether this principal acts through an agent, and whether it is the one connected.
  "viaAgent": Bool,
  "acting": Bool,
  "assurance": Assurance,
  "credential": Credential,
  "purpose"?: String,
  "encrypted": Bool,
  // The hour of the day (0 to 23) and the day of the week (Monday is 1), in UTC.
  "hourUtc": Long,
  "weekdayUtc": Long,
};
"#;
