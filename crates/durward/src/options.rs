//! The options, first stage: what was asked for, as text, with where it was said.
//!
//! Each option is one [`OptionSpec`] in [`OPTIONS`]; its flag, environment variable, configuration key, help and line in
//! the documentation all come from there. The second stage, `settings`, turns the text into built values; because each
//! [`Given`] remembers its [`Origin`], an error there can still say which flag, variable or line is wrong.

mod file;
mod list;
// The page of the documentation is written and compared by a test.
#[cfg(test)]
mod page;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use clap::parser::ValueSource;

pub(crate) use file::ConfigurationFile;
#[cfg(test)]
pub(crate) use file::FileError;
pub(crate) use list::OPTIONS;
#[cfg(test)]
pub(crate) use page::configuration_page;

/// One option, in all its forms.
#[derive(Debug)]
pub(crate) struct OptionSpec {
    /// The configuration key: lower case with underscores. The flag and the variable follow from it.
    pub(crate) key: &'static str,
    /// Whether it is about the gateway or about one database.
    pub(crate) scope: Scope,
    /// What values it takes.
    pub(crate) kind: Kind,
    /// What stands for the value in help.
    pub(crate) value_name: &'static str,
    /// What holds when it is not given, as shown to people.
    pub(crate) default: &'static str,
    /// One or two sentences of help.
    pub(crate) help: &'static str,
    /// A value that parses, for the documentation and the tests.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "read by the page of the documentation, which a test writes")
    )]
    pub(crate) example: &'static str,
}

/// What an option is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The gateway as a whole: a key at the top of the configuration file.
    Gateway,
    /// One database: a key under `[databases.NAME]`; as flag, variable or top-level key it holds for every database
    /// that doesn't say otherwise.
    Database,
}

/// What values an option takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One text.
    Text,
    /// Any number of texts; separated by commas in a variable.
    List,
    /// True or false; a bare flag means true.
    Switch,
    /// A whole number, not negative.
    Number,
}

impl OptionSpec {
    /// The flag without its dashes.
    pub(crate) fn flag(&self) -> String {
        self.key.replace('_', "-")
    }

    /// The environment variable.
    pub(crate) fn variable(&self) -> String {
        format!("DURWARD_{}", self.key.to_uppercase())
    }

    fn to_arg(&self) -> clap::Arg {
        // clap keeps names for the life of the process; the list is made once.
        let flag: &'static str = self.flag().leak();
        let variable: &'static str = self.variable().leak();
        let help = match self.default {
            "" => self.help.to_owned(),
            default => format!("{} [default: {default}]", self.help),
        };
        let arg = clap::Arg::new(self.key)
            .long(flag)
            .env(variable)
            .hide_env(true)
            .value_name(self.value_name)
            .help(help)
            .help_heading(match self.scope {
                Scope::Gateway => "Gateway",
                Scope::Database => "Database",
            });
        match self.kind {
            Kind::Text | Kind::Number => arg.action(clap::ArgAction::Set),
            Kind::List => arg.action(clap::ArgAction::Append).value_delimiter(','),
            Kind::Switch => arg
                .action(clap::ArgAction::Set)
                .num_args(0..=1)
                .require_equals(true)
                .default_missing_value("true"),
        }
    }
}

/// Finds an option by its key.
pub(crate) fn option(key: &str) -> Option<&'static OptionSpec> {
    OPTIONS.iter().find(|spec| spec.key == key)
}

/// Where a value was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// On the command line.
    Flag(String),
    /// In the environment.
    Variable(String),
    /// In a configuration file.
    File {
        /// The file.
        path: Arc<PathBuf>,
        /// The line of the key, from 1.
        line: usize,
        /// The key with its tables, dotted.
        key: String,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "--{flag}"),
            Self::Variable(variable) => f.write_str(variable),
            Self::File { path, line, key } => write!(f, "{}, line {line}: {key}", path.display()),
        }
    }
}

/// A value as text, with where it was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Given {
    /// The values; one unless the option is a list.
    pub(crate) values: Vec<String>,
    /// Where.
    pub(crate) origin: Origin,
}

/// The options given in one place, by key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct GivenOptions(pub(crate) BTreeMap<&'static str, Given>);

impl GivenOptions {
    /// What was given for `key`.
    pub(crate) fn get(&self, key: &str) -> Option<&Given> {
        debug_assert!(option(key).is_some(), "no option is called {key}");
        self.0.get(key)
    }

    /// Fills in what is not given here from `other`.
    pub(crate) fn or(mut self, other: &Self) -> Self {
        for (key, given) in &other.0 {
            self.0.entry(key).or_insert_with(|| given.clone());
        }
        self
    }

    /// The options of one scope only.
    pub(crate) fn only(&self, scope: Scope) -> Self {
        let keep = |key: &str| option(key).is_some_and(|spec| spec.scope == scope);
        Self(
            self.0
                .iter()
                .filter(|(key, _)| keep(key))
                .map(|(key, given)| (*key, given.clone()))
                .collect(),
        )
    }

    /// Sets a value as if its flag had been given.
    pub(crate) fn set(&mut self, key: &'static str, value: impl Into<String>) {
        let origin = Origin::Flag(key.replace('_', "-"));
        self.0.insert(
            key,
            Given {
                values: vec![value.into()],
                origin,
            },
        );
    }

    fn from_matches(matches: &clap::ArgMatches, keep: fn(&OptionSpec) -> bool) -> Self {
        let mut given = BTreeMap::new();
        for spec in OPTIONS.iter().filter(|spec| keep(spec)) {
            let origin = match matches.value_source(spec.key) {
                Some(ValueSource::CommandLine) => Origin::Flag(spec.flag()),
                Some(ValueSource::EnvVariable) => Origin::Variable(spec.variable()),
                _ => continue,
            };
            let values = matches
                .get_many::<String>(spec.key)
                .into_iter()
                .flatten()
                .cloned()
                .collect();
            given.insert(spec.key, Given { values, origin });
        }
        Self(given)
    }
}

/// Makes a clap argument group of a selection of the options.
macro_rules! option_group {
    ($(#[$doc:meta])* $name:ident, $keep:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default)]
        pub(crate) struct $name(pub(crate) GivenOptions);

        impl $name {
            fn keep(spec: &OptionSpec) -> bool {
                let keep: fn(&OptionSpec) -> bool = $keep;
                keep(spec)
            }
        }

        impl clap::Args for $name {
            fn augment_args(command: clap::Command) -> clap::Command {
                command.args(OPTIONS.iter().filter(|spec| Self::keep(spec)).map(OptionSpec::to_arg))
            }

            fn augment_args_for_update(command: clap::Command) -> clap::Command {
                Self::augment_args(command)
            }
        }

        impl clap::FromArgMatches for $name {
            fn from_arg_matches(matches: &clap::ArgMatches) -> Result<Self, clap::Error> {
                Ok(Self(GivenOptions::from_matches(matches, Self::keep)))
            }

            fn update_from_arg_matches(&mut self, matches: &clap::ArgMatches) -> Result<(), clap::Error> {
                self.0 = GivenOptions::from_matches(matches, Self::keep);
                Ok(())
            }
        }
    };
}

option_group! {
    /// Every option but the upstream address, which `up` takes as its argument too.
    AllOptions, |_| true
}
option_group! {
    /// The options about the gateway: what `demo` takes.
    GatewayOptions, |spec| spec.scope == Scope::Gateway
}
option_group! {
    /// Where a gateway keeps its things: how the other commands find it.
    DataDirectoryOption, |spec| spec.key == "data_dir"
}
