use clap::{CommandFactory as _, Parser as _};

use super::Cli;

/// The help of a command and of all below it.
fn help(command: &mut clap::Command, shown: &mut String) {
    let text = command.render_help().to_string();
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    shown.push_str(&format!("──── {}\n{}\n\n", command.get_name(), lines.join("\n")));
    for below in command.get_subcommands_mut() {
        if below.get_name() != "help" {
            help(below, shown);
        }
    }
}

fn error(arguments: &[&str]) -> String {
    let words = [&["durward"], arguments].concat();
    format!("$ {}\n{}", words.join(" "), Cli::try_parse_from(&words).unwrap_err())
}

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn help_reads_well() {
    let mut shown = String::new();
    let mut command = Cli::command().term_width(100);
    command.build();
    help(&mut command, &mut shown);
    insta::assert_snapshot!(shown);
}

#[test]
fn errors_say_what_is_expected() {
    let shown = [
        error(&["dmeo"]),
        error(&["sessions", "kill"]),
        error(&["identities", "add", "ada"]),
        error(&["identities", "add", "ada", "--database", "shop", "--kind", "robot"]),
        error(&["audit", "search", "--verdict", "maybe"]),
        error(&["up", "--plaintext-loopback", "yes", "url", "another"]),
        error(&["explain", "shop"]),
    ];
    insta::assert_snapshot!(shown.join("\n"));
}
