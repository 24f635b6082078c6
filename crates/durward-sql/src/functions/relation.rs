//! Relations of the system catalog whose use is a hazard in itself.

use durward_model::{AccessModes, Hazard, HazardKind, RelationUse};

/// The hazards of the relations used: secrets of the server read, files of the server read through views, the catalog
/// itself written.
pub(crate) fn hazards(relations: &[RelationUse]) -> Vec<Hazard> {
    let mut found = Vec::new();
    for usage in relations {
        let name = &usage.relation.name;
        let system = matches!(&*name.schema, "pg_catalog" | "information_schema" | "pg_toast");
        // A look-alike in another schema is an ordinary table.
        if !system || !usage.relation.oid.is_built_in() {
            continue;
        }
        let object = name.to_string();
        if reads_credentials(usage) {
            found.push(Hazard::new(HazardKind::CredentialRead, object.as_str()));
        }
        if matches!(
            &*name.name,
            "pg_hba_file_rules" | "pg_ident_file_mappings" | "pg_file_settings"
        ) {
            found.push(Hazard::new(HazardKind::ServerFile, object.as_str()));
        }
        if writes_catalog(usage) {
            found.push(Hazard::new(HazardKind::Configuration, object.as_str()));
            found.push(Hazard::new(HazardKind::PrivilegeChange, object.as_str()));
        }
    }
    found
}

/// Whether a column that holds a secret is read. Views over these tables that blank the secret read it too, as far as
/// columns go; [`is_blanking_view`] tells them apart where they are expanded.
fn reads_credentials(usage: &RelationUse) -> bool {
    let secret: &[&str] = match &*usage.relation.name.name {
        "pg_authid" => &["rolpassword"],
        "pg_shadow" => &["passwd"],
        "pg_user_mapping" | "pg_user_mappings" | "_pg_user_mappings" => &["umoptions"],
        "user_mapping_options" => &["option_value"],
        "pg_subscription" => &["subconninfo"],
        _ => return false,
    };
    usage.modes.contains(AccessModes::READ)
        && usage
            .columns
            .iter()
            .any(|column| column.read && (column.number.0 == 0 || secret.contains(&&*column.name)))
}

/// Rows of the catalog are written by DDL; a statement that writes them itself goes round every check. Large objects
/// are stored there too and are data.
fn writes_catalog(usage: &RelationUse) -> bool {
    let writes = AccessModes::INSERT | AccessModes::UPDATE | AccessModes::DELETE | AccessModes::TRUNCATE;
    usage.direct
        && usage.modes.intersects(writes)
        && !matches!(&*usage.relation.name.name, "pg_largeobject" | "pg_settings")
}
