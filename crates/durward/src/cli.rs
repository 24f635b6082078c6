//! The command line. Options of the gateway come from `options`; what only one command has is here.

mod audit;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use audit::{
    AuditCommand, BuildEvidenceArgs, EvidenceCommand, ExportArgs, LedgerPlace, SearchArgs, SqlArgs, VerdictWord,
};

use crate::options::{AllOptions, DataDirectoryOption, GatewayOptions};

/// A keeper of the door to your databases: knows who each statement is from, sees what it touches, decides, and writes it
/// down before it runs.
#[derive(Debug, Parser)]
#[command(name = "durward", version, propagate_version = true, max_term_width = 110)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Try it: a private PostgreSQL with a shop in it, and the gateway in front
    ///
    /// On a terminal it prints who can log in and runs until Ctrl-C. Otherwise it plays a short tour and ends by itself.
    /// Nothing of it remains afterwards.
    Demo(DemoArgs),
    /// Stand in front of one database, with nothing to configure
    ///
    /// Makes four local identities (operator, engineer, an agent that acts for the engineer, service), issues each a new
    /// password and prints how to log in.
    Up(UpArgs),
    /// Stand in front of many databases, as a configuration file says
    Serve(ServeArgs),
    /// Say what would become of a statement, and why, without running it
    Explain(ExplainArgs),
    /// Running sessions
    #[command(subcommand)]
    Sessions(SessionsCommand),
    /// Statements that wait for approval
    #[command(subcommand)]
    Approvals(ApprovalsCommand),
    /// Access for a time
    #[command(subcommand)]
    Access(AccessCommand),
    /// Changes that can be taken back
    #[command(subcommand)]
    Undo(UndoCommand),
    /// Files of statements that are approved as a whole
    #[command(subcommand)]
    Change(ChangeCommand),
    /// Local identities and their passwords
    #[command(subcommand)]
    Identities(IdentitiesCommand),
    /// The record of what was done
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Reports from the record that an auditor takes away
    #[command(subcommand)]
    Evidence(EvidenceCommand),
    /// Policies
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// What the columns hold, and for whom they are masked
    #[command(subcommand)]
    Data(DataCommand),
}

/// `durward demo`
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// When ready, print one line of JSON in place of words, and run until stopped
    #[arg(long)]
    pub(crate) json: bool,
    /// Play the tour on a terminal too
    #[arg(long, conflicts_with = "json")]
    pub(crate) tour: bool,
    #[command(flatten)]
    pub(crate) options: GatewayOptions,
}

/// `durward up`
#[derive(Debug, Args)]
pub(crate) struct UpArgs {
    /// The database: postgres://user:password@host:port/database. To keep the password off the command line use -
    /// (standard input), --upstream-file, or the variable DURWARD_UPSTREAM
    #[arg(value_name = "URL")]
    pub(crate) url: Option<String>,
    /// A file that holds the URL
    #[arg(long, value_name = "FILE", conflicts_with = "url")]
    pub(crate) upstream_file: Option<PathBuf>,
    /// When ready, print one line of JSON in place of words
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) options: AllOptions,
}

/// `durward serve`
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// The configuration file
    #[arg(long, value_name = "FILE", env = "DURWARD_CONFIG", hide_env = true)]
    pub(crate) config: Option<PathBuf>,
    /// When ready, print one line of JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) options: AllOptions,
}

/// `durward explain`
#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// The database, by the name that clients use
    pub(crate) database: String,
    /// The statement; - reads it from standard input
    pub(crate) sql: String,
    /// Whose statement it would be: the name of a local identity
    #[arg(long = "as", value_name = "IDENTITY")]
    pub(crate) principal: String,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) options: AllOptions,
}

/// `durward sessions …`
#[derive(Debug, Subcommand)]
pub(crate) enum SessionsCommand {
    /// Show who is connected
    Ls(ListArgs),
    /// End sessions: what they run is cancelled, and their connections close
    Kill {
        /// The session, as `ls` shows it
        #[arg(required_unless_present = "who")]
        session: Option<String>,
        /// Every session of this identity, and of agents that act for it
        #[arg(long, value_name = "IDENTITY", conflicts_with = "session")]
        who: Option<String>,
        #[command(flatten)]
        data_dir: DataDirectoryOption,
    },
}

/// `durward approvals …`
#[derive(Debug, Subcommand)]
pub(crate) enum ApprovalsCommand {
    /// Show what waits, or may run once
    Ls {
        /// Show ended requests too
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        list: ListArgs,
    },
    /// Show one request: who, what exactly, why it is held; ends with 5 while it waits, 0 once approved, else 1
    Show {
        /// The request, as `ls` shows it
        id: String,
        #[command(flatten)]
        list: ListArgs,
    },
    /// Let a held statement run, once; ends with 5 where others must approve it too
    Approve {
        #[command(flatten)]
        decide: DecideArgs,
        /// Approve a change of your own, where nobody else could; it is recorded as such
        #[arg(long)]
        confirm: bool,
    },
    /// Refuse a held statement, as somebody who is asked about it
    Reject(DecideArgs),
    /// Take back a request of your own, or of an agent of yours
    Withdraw(DecideArgs),
    /// Say that you have looked at what ran without an approval (break-glass)
    Review {
        #[command(flatten)]
        decide: DecideArgs,
        /// Review what you ran yourself, where nobody else could; it is recorded as such
        #[arg(long)]
        confirm: bool,
    },
    /// Show requests as they come and are decided, until Ctrl-C; with a request, wait until it is decided
    Watch {
        /// Only this request; ends as `show` does
        id: Option<String>,
        #[command(flatten)]
        list: ListArgs,
    },
}

/// `durward access …`
#[derive(Debug, Subcommand)]
pub(crate) enum AccessCommand {
    /// Ask for access for a time, to be decided by somebody else with `durward approvals`; ends with 5 while it waits
    Request(AccessRequestArgs),
    /// Show what stands, or waits for a decision
    Ls {
        /// Show what has ended too
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        list: ListArgs,
    },
    /// Take access back before its time
    Revoke(DecideArgs),
}

/// What access is asked for.
#[derive(Debug, Args)]
pub(crate) struct AccessRequestArgs {
    /// For whom: the name of a local identity. An agent's access is its own, and a person's isn't that of their agents
    #[arg(long, value_name = "IDENTITY")]
    pub(crate) identity: String,
    /// The database, by the name that clients use; the only one where none is given
    #[arg(long, value_name = "NAME")]
    pub(crate) database: Option<String>,
    /// A table or schema, such as public.customers or hr; may be given again. Without it, the whole database
    #[arg(long, value_name = "PATTERN")]
    pub(crate) on: Vec<String>,
    /// A label to be seen in clear, or all; may be given again. Without it and another class than read: all
    #[arg(long, value_name = "LABEL")]
    pub(crate) label: Vec<String>,
    /// A class of statement: read, write, maintenance or ddl; may be given again. Without it: read
    #[arg(long, value_name = "CLASS")]
    pub(crate) class: Vec<String>,
    /// For how long, from the decision on
    #[arg(long, value_name = "NUMBER", default_value_t = 60)]
    pub(crate) minutes: u32,
    /// What it is for, in one line; approvers read it
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) data_dir: DataDirectoryOption,
}

/// `durward change …`
#[derive(Debug, Subcommand)]
pub(crate) enum ChangeCommand {
    /// Show what would become of each statement of a file; ends with 0 where all pass, 5 where some wait, 1 where some are
    /// refused
    Plan(ChangeArgs),
    /// Lay a file of statements on the desk, to be approved as a whole and run once; ends with 5 while it waits
    Submit {
        #[command(flatten)]
        change: ChangeArgs,
        /// What it is for, in one line; approvers read it
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
}

/// A file of statements, and who would run it.
#[derive(Debug, Args)]
pub(crate) struct ChangeArgs {
    /// The statements, in order; - reads them from standard input
    pub(crate) file: PathBuf,
    /// Whose session will run it: the name of a local identity
    #[arg(long, value_name = "IDENTITY")]
    pub(crate) identity: String,
    /// The database, by the name that clients use; the only one where none is given
    #[arg(long, value_name = "NAME")]
    pub(crate) database: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) data_dir: DataDirectoryOption,
}

/// What a decision takes.
#[derive(Debug, Args)]
pub(crate) struct DecideArgs {
    /// The request, as `ls` shows it
    pub(crate) id: String,
    /// The local identity that decides; without it, the system account
    #[arg(long = "as", value_name = "IDENTITY")]
    pub(crate) identity: Option<String>,
    /// What to tell whoever asked, in one line
    #[arg(long, value_name = "TEXT")]
    pub(crate) note: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) data_dir: DataDirectoryOption,
}

/// `durward undo …`
#[derive(Debug, Subcommand)]
pub(crate) enum UndoCommand {
    /// Show what was changed, newest first
    Ls {
        #[command(flatten)]
        which: ChangesArgs,
        #[command(flatten)]
        list: ListArgs,
    },
    /// Show one change: who, in which session, how much of it can be taken back, and what it did to some rows; values of
    /// labelled columns are shown as their labels
    Show {
        /// The change, as `ls` shows it
        id: String,
        /// How many rows to show
        #[arg(long, value_name = "COUNT", default_value_t = 20)]
        rows: usize,
        #[command(flatten)]
        list: ListArgs,
    },
    /// Show what taking changes back would do, and which rows were changed since; changes nothing
    Plan(UndoArgs),
    /// Take changes back, in one transaction; ends with 1 where rows that were changed since stopped it
    Apply {
        #[command(flatten)]
        undo: UndoArgs,
        /// Leave rows that were changed since as they are, and take back the rest
        #[arg(long)]
        partial: bool,
    },
}

/// Which changes.
#[derive(Debug, Args)]
pub(crate) struct ChangesArgs {
    /// Made by this identity, or by an agent that acts for it
    #[arg(long, value_name = "IDENTITY")]
    pub(crate) of: Option<String>,
    /// Made in this session
    #[arg(long, value_name = "SESSION")]
    pub(crate) session: Option<String>,
    /// Made in the same transaction as this change
    #[arg(long, value_name = "CHANGE")]
    pub(crate) transaction_of: Option<String>,
    /// At or after this time: 2026-01-31, 2026-01-31T12:00:00Z, or an age such as 30m, 12h or 7d
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// Of this database
    #[arg(long, value_name = "NAME")]
    pub(crate) database: Option<String>,
}

/// What an undo takes.
#[derive(Debug, Args)]
pub(crate) struct UndoArgs {
    /// The changes, as `ls` shows them
    #[arg(value_name = "CHANGE")]
    pub(crate) ids: Vec<String>,
    #[command(flatten)]
    pub(crate) which: ChangesArgs,
    /// The local identity in whose name; without it, the system account as an operator
    #[arg(long = "as", value_name = "IDENTITY")]
    pub(crate) identity: Option<String>,
    /// What it is for, in one line: recorded with each of its statements, and demanded where policy does
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) data_dir: DataDirectoryOption,
}

/// What every list takes.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) data_dir: DataDirectoryOption,
}

/// `durward identities …`
#[derive(Debug, Subcommand)]
pub(crate) enum IdentitiesCommand {
    /// Show the local identities
    Ls(ListArgs),
    /// Add an identity, or give one that is there a new password
    Add(AddIdentityArgs),
    /// Revoke an identity: from its next statement on, its sessions and those of agents that act for it are refused
    Revoke {
        /// Its name
        name: String,
        #[command(flatten)]
        data_dir: DataDirectoryOption,
    },
}

/// `durward identities add`
#[derive(Debug, Args)]
pub(crate) struct AddIdentityArgs {
    /// Its name: what clients give as user
    pub(crate) name: String,
    /// What it is; needed for a new identity
    #[arg(long, value_enum)]
    pub(crate) kind: Option<IdentityKind>,
    /// For an agent: the person it acts for
    #[arg(long, value_name = "PERSON")]
    pub(crate) acts_for: Option<String>,
    /// A group it belongs to; may be repeated
    #[arg(long = "group", value_name = "GROUP")]
    pub(crate) groups: Vec<String>,
    /// A database that the password opens; may be repeated
    #[arg(long = "database", value_name = "NAME", required = true)]
    pub(crate) databases: Vec<String>,
    /// How long the password is valid
    #[arg(long, value_name = "DAYS", default_value_t = 30)]
    pub(crate) valid_days: u64,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) data_dir: DataDirectoryOption,
}

/// The kinds of identity that can be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum IdentityKind {
    /// A person who may do all that the upstream login may
    Operator,
    /// A person
    Person,
    /// A program that decides by itself what to send, for a person
    Agent,
    /// An application
    Service,
}

/// `durward data …`
#[derive(Debug, Subcommand)]
pub(crate) enum DataCommand {
    /// Show what was found in the columns, why, and for whom it is masked
    Map(MapArgs),
    /// Say what a column holds: that wins over whatever is found, for ever
    Label {
        /// The database, by the name that clients use
        database: String,
        /// The column: SCHEMA.TABLE.COLUMN, names with a dot in double quotes
        #[arg(value_name = "COLUMN")]
        column: String,
        /// What it holds, as `map` names it; none for nothing that has to be masked; auto for what is found
        #[arg(value_name = "LABEL|none|auto")]
        label: String,
        #[command(flatten)]
        data_dir: DataDirectoryOption,
    },
}

/// `durward data map`
#[derive(Debug, Args)]
pub(crate) struct MapArgs {
    /// The database, by the name that clients use; all where none is given. A URL, postgres://…, is looked at directly,
    /// without a gateway
    #[arg(value_name = "DATABASE|URL")]
    pub(crate) database: Option<String>,
    /// This table only: TABLE or SCHEMA.TABLE
    #[arg(long, value_name = "TABLE")]
    pub(crate) table: Option<String>,
    /// Show columns that hold nothing personal too
    #[arg(long)]
    pub(crate) all: bool,
    /// Print JSON, a line for each column
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) options: AllOptions,
}

/// `durward policy …`
#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Check policies without a gateway: that they parse, fit the schema and can match
    Check {
        /// Files, or directories of *.cedar
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Leave the default pack out
        #[arg(long)]
        without_default_pack: bool,
    },
    /// Print the default pack, or the schema that policies are checked against
    Show {
        /// Print the schema
        #[arg(long)]
        schema: bool,
    },
}
