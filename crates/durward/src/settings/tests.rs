use std::os::unix::fs::PermissionsExt as _;

use super::*;

fn file(text: &str) -> ConfigurationFile {
    ConfigurationFile::parse(Path::new("durward.toml"), text, 0o600).unwrap()
}

fn served(text: &str) -> anyhow::Result<Settings> {
    for_many_databases(&GivenOptions::default(), &file(text))
}

#[test]
fn errors_name_where_the_value_was_given() {
    let shown: Vec<String> = [
        "listen = [\"nowhere\"]\n[databases.shop]\nupstream = \"postgres://u@h/shop\"",
        "[databases.shop]\nupstream = \"postgres://u@h/shop\"\nupstream_tls = \"always\"",
        "[databases.shop]\nupstream = \"mysql://u@h/shop\"",
        "[databases.shop]\nupstream = \"env:DURWARD_TEST_NOT_SET\"",
        "[databases.shop]\nupstream = \"file:/nonexistent/url\"",
        "[databases.shop]\nupstream = \"postgres://u@h/shop\"\nread_only = [\"a.b.c\"]",
        "[databases.shop]\ntags = [\"staging\"]",
        "audit_keep_days = 30\n[databases.shop]\nupstream = \"postgres://u@h/shop\"",
        "audit_archive = \"/a\"\n[databases.shop]\nupstream = \"postgres://u@h/shop\"",
        "audit_keep_days = 30\naudit_archive = \"/a\"\naudit_remove = true\n[databases.shop]\nupstream = \"postgres://u@h/shop\"",
        "audit_keep_days = 0\naudit_remove = true\n[databases.shop]\nupstream = \"postgres://u@h/shop\"",
        "parser_threads = 0\n[databases.shop]\nupstream = \"postgres://u@h/shop\"",
        "oidc = [\"https://login.example.com\"]\n[databases.shop]\nupstream = \"postgres://u@h/shop\"",
        "oidc = [\"https://login.example.com audience=a colour=red\"]\n[databases.shop]\nupstream = \"postgres://u@h/shop\"",
        "tls_certificate = \"server.crt\"\n[databases.shop]\nupstream = \"postgres://u@h/shop\"",
        "[databases.a]\nupstream = \"postgres://u@h/a\"\nserver_names = [\"x\"]\n[databases.b]\nupstream = \"postgres://u@h/b\"\nserver_names = [\"X\"]",
        "escalate_minutes = 5\n[databases.shop]\nupstream = \"postgres://u@h/shop\"",
        "escalate_to = \"leads\"\n[databases.shop]\nupstream = \"postgres://u@h/shop\"",
        "decision_senders = [\"snow identity=a secret=env:X\"]\n[databases.shop]\nupstream = \"postgres://u@h/shop\"",
        "web = \"true\"\ndecision_senders = [\"snow identity=a secret=hunter2\"]\n[databases.shop]\nupstream = \"postgres://u@h/shop\"",
        "web = \"true\"\ndecision_senders = [\"snow secret=file:/nonexistent\"]\n[databases.shop]\nupstream = \"postgres://u@h/shop\"",
        "slack_channels = [\"C0001\"]\n[databases.shop]\nupstream = \"postgres://u@h/shop\"",
        "slack_token = \"env:X\"\n[databases.shop]\nupstream = \"postgres://u@h/shop\"",
        "on_call = [\"mon-fri 8-18 = dba\"]\n[databases.shop]\nupstream = \"postgres://u@h/shop\"",
        "[databases.shop]\nupstream = \"postgres://u@h/shop\"\nowners = [\"public.payments\"]",
        "[databases.shop]\nupstream = \"postgres://u@h/shop\"\nowners = [\"public.payments = \"]",
        "",
    ]
    .iter()
    .map(|text| format!("{:#}", served(text).unwrap_err()))
    .collect();
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn a_database_says_what_holds_for_it_and_the_top_says_the_rest() {
    let settings = served(
        "tags = [\"production\"]\npassthrough = true\ndata_dir = \"/d\"\n\
         [databases.shop]\nupstream = \"postgres://u@h:1/one\"\n\
         [databases.\"shop@staging\"]\nupstream = \"postgres://u@h:2/two?sslmode=require\"\ntags = [\"staging\"]\npassthrough = false",
    )
    .unwrap();
    let [one, two] = settings.databases.as_slice() else {
        panic!("two databases")
    };
    assert_eq!((one.name.as_str(), one.passthrough), ("shop", true));
    assert_eq!((two.name.as_str(), two.passthrough), ("shop@staging", false));
    assert_eq!(&*two.context.tags()[0], "staging");
    assert_eq!(settings.ledger_dir, Path::new("/d/ledger"));
}

#[test]
fn each_database_has_owners_of_its_own() {
    let settings = served(
        "on_call = [\"mon-fri 08:00-18:00 UTC = dba\", \"oncall\"]\nescalate_minutes = 15\nhigh_risk_approvers = 3\n\
         [databases.shop]\nupstream = \"postgres://u@h/shop\"\nowners = [\"public.payments = finance|identity:carol\", \"* = dba\"]\n\
         [databases.other]\nupstream = \"postgres://u@h/other\"",
    )
    .unwrap();
    let routing = settings.routing;
    assert_eq!(routing.owners.keys().collect::<Vec<_>>(), ["shop"]);
    assert_eq!(routing.owners["shop"][0].parties.len(), 2);
    assert_eq!(routing.escalation.unwrap().after_seconds, 900);
    assert_eq!(routing.risk.approvers, 3);
}

#[test]
fn a_secret_file_must_be_private() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("url");
    std::fs::write(&path, "postgres://me:secret@h/shop\n").unwrap();
    let configuration = format!(
        "data_dir = \"/d\"\n[databases.shop]\nupstream = \"file:{}\"",
        path.display()
    );

    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let error = format!("{:#}", served(&configuration).unwrap_err());
    assert!(
        error.contains("others may read it") && !error.contains("secret@"),
        "{error}"
    );

    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let settings = served(&configuration).unwrap();
    assert_eq!(settings.databases[0].target.user(), "me");
}

#[test]
fn a_directory_of_policies_is_its_cedar_files_in_order() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["b.cedar", "a.cedar", "notes.txt"] {
        std::fs::write(directory.path().join(name), "").unwrap();
    }
    let place = PolicyPlace {
        paths: vec![directory.path().to_owned()],
        ..PolicyPlace::default()
    };
    let names: Vec<_> = place
        .files()
        .unwrap()
        .iter()
        .map(|file| file.file_name().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["a.cedar", "b.cedar"]);
}
