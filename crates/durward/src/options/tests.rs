use std::path::Path;

use clap::{Args as _, FromArgMatches as _};

use super::*;

fn command() -> clap::Command {
    AllOptions::augment_args(clap::Command::new("durward"))
}

fn from_flags(arguments: &[&str]) -> GivenOptions {
    let matches = command()
        .try_get_matches_from([&["durward"], arguments].concat())
        .unwrap();
    AllOptions::from_arg_matches(&matches).unwrap().0
}

fn toml_value(spec: &OptionSpec) -> String {
    match spec.kind {
        Kind::Text => format!("{:?}", spec.example),
        Kind::List => format!("[{:?}]", spec.example),
        Kind::Switch | Kind::Number => spec.example.to_owned(),
    }
}

fn parse(text: &str, mode: u32) -> Result<ConfigurationFile, FileError> {
    ConfigurationFile::parse(Path::new("durward.toml"), text, mode)
}

#[test]
fn every_option_is_a_flag_a_variable_a_key_and_a_line_of_documentation() {
    let page = configuration_page();
    let command = command();
    for spec in OPTIONS {
        let flag = from_flags(&[&format!("--{}={}", spec.flag(), spec.example)]);
        assert_eq!(
            flag.get(spec.key).unwrap().values,
            [spec.example],
            "flag of {}",
            spec.key
        );

        let arg = command.get_arguments().find(|arg| arg.get_id() == spec.key).unwrap();
        assert_eq!(
            arg.get_env().unwrap().to_str().unwrap(),
            spec.variable(),
            "variable of {}",
            spec.key
        );

        let line = format!("{} = {}", spec.key, toml_value(spec));
        let (text, database) = match spec.scope {
            Scope::Gateway => (line, None),
            Scope::Database => (format!("[databases.shop]\n{line}"), Some("shop")),
        };
        let file = parse(&text, 0o600).unwrap();
        let given = database.map_or(&file.top, |name| &file.databases[name]);
        assert_eq!(
            given.get(spec.key).unwrap().values,
            [spec.example],
            "key of {}",
            spec.key
        );

        for form in [
            format!("`--{}", spec.flag()),
            format!("`{}`", spec.variable()),
            format!("`{} = ", spec.key),
        ] {
            assert!(page.contains(&form), "{form} is not documented");
        }
        assert!(
            spec.help.ends_with('.') || spec.help.contains(". "),
            "help of {} is no sentence",
            spec.key
        );
    }
}

#[test]
fn the_configuration_page_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, configuration_page()).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap();
    assert_eq!(
        written,
        configuration_page(),
        "docs/configuration.md is old: run `make docs`"
    );
}

#[test]
fn a_bare_switch_means_true() {
    let given = from_flags(&["--passthrough", "--plaintext-loopback=false"]);
    assert_eq!(given.get("passthrough").unwrap().values, ["true"]);
    assert_eq!(given.get("plaintext_loopback").unwrap().values, ["false"]);
}

#[test]
fn what_is_given_nearer_wins() {
    let near = from_flags(&["--listen=127.0.0.1:1"]);
    let far = from_flags(&["--listen=127.0.0.1:2", "--tags=a,b"]);
    let merged = near.or(&far);
    assert_eq!(merged.get("listen").unwrap().values, ["127.0.0.1:1"]);
    assert_eq!(merged.get("tags").unwrap().values, ["a", "b"]);
}

#[test]
fn errors_name_file_line_and_key() {
    let check = |text: &str, mode: u32| parse(text, mode).unwrap_err().to_string();
    let shown = [
        check("listen = [\"127.0.0.1:1\"]\n\nlisen = []", 0o600),
        check("parser_threads = \"many\"", 0o600),
        check("parser_threads = -1", 0o600),
        check(
            "[databases.shop]\ntags = [\"production\"]\nlisten = [\"127.0.0.1:1\"]",
            0o600,
        ),
        check("[databases.shop]\npassthru = true", 0o600),
        check("[databases.shop]\nwhatever_this_is = true", 0o600),
        check("databases = 3", 0o600),
        check("a = [1,", 0o600),
        check(
            "log = \"info\"\n[databases.shop]\nupstream = \"postgres://me:secret@host/shop\"",
            0o644,
        ),
    ];
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn a_password_in_a_private_file_is_accepted() {
    let text = "[databases.shop]\nupstream = \"postgres://me:secret@host/shop\"";
    assert!(parse(text, 0o600).is_ok());
    assert!(parse("[databases.shop]\nupstream = \"postgres://me@host/shop\"", 0o644).is_ok());
    assert!(parse("[databases.shop]\nupstream = \"file:/etc/durward/shop.url\"", 0o644).is_ok());
}

#[test]
fn the_example_in_the_documentation_parses() {
    let page = configuration_page();
    let example = page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let file = parse(example, 0o644).unwrap();
    assert_eq!(file.databases.keys().collect::<Vec<_>>(), ["shop", "shop@staging"]);
}
