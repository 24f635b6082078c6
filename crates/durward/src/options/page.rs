use std::fmt::Write as _;

use super::{Kind, OPTIONS, OptionSpec, Scope};

const FRONT: &str = "\
# Configuration

<!-- Generated from the list of options; `make docs` writes it again. -->

Nothing needs to be configured: `durward up postgres://…` works with what is written under *default* below.
Every option has three forms. A flag wins over an environment variable, which wins over the configuration file.

- A flag: `--data-dir /var/lib/durward`. A list's flag may be repeated.
- An environment variable: `DURWARD_DATA_DIR=/var/lib/durward`. Members of a list are separated by commas.
- A key in the file given to `durward serve --config FILE`: `data_dir = \"/var/lib/durward\"`.

Options about a database stand in the file under `[databases.NAME]`, where NAME is the database name that clients give.
As flag, variable or key at the top of the file they hold for every database that doesn't say otherwise.
An unknown key, or a value that makes no sense, is an error that names the file, the line and the key.

Secrets need not stand in the file: `upstream` may be `file:PATH` (a file that nobody but its owner may read) or
`env:VARIABLE`. A URL with a password directly in the file is accepted only when the file's mode is 0600.

```toml
listen = [\"0.0.0.0:5432\"]
data_dir = \"/var/lib/durward\"
tls_certificate = \"/etc/durward/server.crt\"
tls_key = \"/etc/durward/server.key\"
policy = [\"/etc/durward/policies\"]

[databases.shop]
upstream = \"file:/etc/durward/shop.url\"
upstream_tls = \"verify-full\"
passthrough = true
append_only = [\"public.audit_log\"]
off_limits = [\"vault\"]

[databases.\"shop@staging\"]
upstream = \"env:STAGING_URL\"
tags = [\"staging\"]
```
";

/// The page `docs/configuration.md`.
pub(crate) fn configuration_page() -> String {
    let mut page = FRONT.to_owned();
    for (title, scope) in [("The gateway", Scope::Gateway), ("A database", Scope::Database)] {
        _ = writeln!(page, "\n## {title}");
        for spec in OPTIONS.iter().filter(|spec| spec.scope == scope) {
            write_option(&mut page, spec);
        }
    }
    page
}

fn write_option(page: &mut String, spec: &OptionSpec) {
    let example = match spec.kind {
        Kind::Text => format!("\"{}\"", spec.example),
        Kind::List => format!("[\"{}\"]", spec.example),
        Kind::Switch | Kind::Number => spec.example.to_owned(),
    };
    _ = writeln!(page, "\n### {}\n\n{}\n", spec.key, spec.help);
    let value = match spec.kind {
        Kind::Switch => "[=true|false]".to_owned(),
        Kind::Text | Kind::List | Kind::Number => format!(" {}", spec.value_name),
    };
    _ = writeln!(page, "- Flag: `--{}{value}`", spec.flag());
    _ = writeln!(page, "- Variable: `{}`", spec.variable());
    _ = writeln!(page, "- Key: `{} = {example}`", spec.key);
    if !spec.default.is_empty() {
        _ = writeln!(page, "- Default: {}", spec.default);
    }
}
