//! The command line. Options of the gateway come from `options`; what only one command has is here.

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use durward_audit::{LedgerError, LedgerFiles};

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
    /// Refuse a held statement
    Reject(DecideArgs),
    /// Show requests as they come and are decided, until Ctrl-C; with a request, wait until it is decided
    Watch {
        /// Only this request; ends as `show` does
        id: Option<String>,
        #[command(flatten)]
        list: ListArgs,
    },
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
    /// Show one change: who, in which session, what it did to how many rows, how much of it can be taken back
    Show {
        /// The change, as `ls` shows it
        id: String,
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

/// `durward audit …`
#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Check that no event was changed, removed, added or moved
    ///
    /// Needs no gateway and no network. Exit code 0: sound; 1: not as it was written; 2: could not be checked.
    Verify {
        /// The public key that you got elsewhere, or a file with it; without it, the one kept beside the record
        #[arg(long, value_name = "KEY")]
        key: Option<String>,
        /// A checkpoint that you kept elsewhere: finds a record that was rolled back or written anew
        #[arg(long, value_name = "FILE")]
        checkpoint: Option<PathBuf>,
        /// Checkpoints outside of this machine: a file or directory that `export` or `witness` wrote to, or copies of
        /// it; may be repeated. The record must agree with each, and is told how far they vouch for it
        #[arg(long = "anchor", value_name = "PATH")]
        anchors: Vec<PathBuf>,
        /// The key of a witness that must have signed one of the anchors, or a file with it; may be repeated
        #[arg(long = "witness", value_name = "KEY", requires = "anchors")]
        witnesses: Vec<String>,
        /// Check the search index against the record too: rows that disagree are named
        #[arg(long)]
        index: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        archive: ArchiveOption,
        #[command(flatten)]
        place: LedgerPlace,
    },
    /// Write a proof that an event is in the record, for somebody who has neither gateway nor record
    Prove {
        /// The event's number, as `tail` and `search --json` show it
        event: u64,
        /// Write it to this file rather than to standard output
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        #[command(flatten)]
        archive: ArchiveOption,
        #[command(flatten)]
        place: LedgerPlace,
    },
    /// Check a proof with nothing but the public key
    ///
    /// Reads no other file and no network. Exit code 0: sound; 1: it proves nothing; 2: could not be read.
    VerifyProof {
        /// The proof
        file: PathBuf,
        /// The public key that you got elsewhere, or a file with it
        #[arg(long, value_name = "KEY")]
        key: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Prove that the record has only grown since a checkpoint that you kept
    ///
    /// Exit code 0: it has; 1: it was rolled back or forked; 2: could not be checked.
    Consistency {
        /// The file with the checkpoint
        checkpoint: PathBuf,
        /// The public key of that time, or a file with it; without it, the one kept beside the record
        #[arg(long, value_name = "KEY")]
        key: Option<String>,
        /// Print JSON, with the proof
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        place: LedgerPlace,
    },
    /// Have a witness (C2SP tlog-witness) sign that the record has only grown
    ///
    /// Exit code 0: it has signed; 1: it has seen another record; 2: it didn't answer, or not for this record.
    Witness {
        /// The witness: the URL before /add-checkpoint
        url: String,
        /// The witness's key, or a file with it
        #[arg(long, value_name = "KEY")]
        key: String,
        /// Write the signed checkpoint to this file: keep it elsewhere
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        #[command(flatten)]
        place: LedgerPlace,
    },
    /// Print the last checkpoint: keep it where whoever controls this machine can't change it
    Checkpoint {
        #[command(flatten)]
        place: LedgerPlace,
    },
    /// Print the public key that checks the record
    Key {
        /// Make a new signing key first, by the gateway where one runs; the record says so, and the old key vouches for the
        /// new
        #[arg(long)]
        rotate: bool,
        #[command(flatten)]
        place: LedgerPlace,
    },
    /// Write the record as the files of a transparency log (C2SP tlog-tiles), for standard verifiers and witnesses
    Publish {
        /// Where; what was published there before is added to
        directory: PathBuf,
        #[command(flatten)]
        archive: ArchiveOption,
        #[command(flatten)]
        place: LedgerPlace,
    },
    /// Show one event with what it refers to
    Show {
        /// The event's number
        event: u64,
        /// Print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        archive: ArchiveOption,
        #[command(flatten)]
        place: LedgerPlace,
    },
    /// Show the latest events
    Tail {
        /// How many
        #[arg(long, short = 'n', default_value_t = 20)]
        lines: u64,
        /// Go on showing events as they come, until Ctrl-C
        #[arg(long, short)]
        follow: bool,
        /// Print JSON, an event a line
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        place: LedgerPlace,
    },
    /// Find statements, logins and refusals
    Search(Box<SearchArgs>),
    /// Ask the record in SQL: one SELECT over its documented views
    Sql(SqlArgs),
    /// Write the record as Parquet files, one or more for each day
    ///
    /// What the directory holds is gone on with: nothing comes twice, however often it is run.
    Parquet {
        /// The directory
        directory: PathBuf,
        /// Print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        archive: ArchiveOption,
        #[command(flatten)]
        place: LedgerPlace,
    },
    /// Send the record elsewhere as OCSF, a line of JSON for each event
    ///
    /// At least once: with a cursor, it goes on after what has arrived. Each event has a name, metadata.uid, by which a
    /// receiver can drop what comes twice.
    Export(ExportArgs),
}

/// `durward audit export`
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// Where to: a file, which is added to; syslog+tcp://HOST:PORT or syslog+udp://HOST:PORT (RFC 5424); an http or https
    /// URL, by POST; otlp+http://HOST:4318 or otlp+https://… for OTLP logs; - for standard output
    #[arg(long, value_name = "DESTINATION", default_value = "-")]
    pub(crate) to: String,
    /// A file that keeps how far the export has come
    #[arg(long, value_name = "FILE")]
    pub(crate) cursor: Option<PathBuf>,
    /// Begin after this event, whatever the cursor says
    #[arg(long, value_name = "EVENT")]
    pub(crate) after: Option<u64>,
    /// Send signed checkpoints alone, which vouch for the record wherever they are kept
    #[arg(long)]
    pub(crate) checkpoints: bool,
    /// Go on sending events as they come, until Ctrl-C
    #[arg(long, short)]
    pub(crate) follow: bool,
    /// A file with the value of the Authorization header, for HTTP
    #[arg(long, value_name = "FILE")]
    pub(crate) authorization_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) archive: ArchiveOption,
    #[command(flatten)]
    pub(crate) place: LedgerPlace,
}

/// `durward audit sql`
#[derive(Debug, Args)]
pub(crate) struct SqlArgs {
    /// The SELECT; - reads it from standard input. Without it, the views are shown
    pub(crate) query: Option<String>,
    /// At most so many rows
    #[arg(long, short = 'n', default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) limit: u32,
    /// Give up after this time
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub(crate) seconds: u64,
    /// Print JSON, a line for each row
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) place: LedgerPlace,
}

/// `durward evidence …`
#[derive(Debug, Subcommand)]
pub(crate) enum EvidenceCommand {
    /// Show the reports, and the question that each answers
    Ls {
        /// Print JSON, a line for each, with the controls that it serves and what it can't say
        #[arg(long)]
        json: bool,
    },
    /// Build a report: tables as CSV and JSON, a page to read, and a manifest that the record's key signs
    ///
    /// The same period gives the same files whenever it is built.
    Build(BuildEvidenceArgs),
    /// Check a report with nothing but the public key
    ///
    /// Reads no other file and no network. Exit code 0: as it was signed; 1: not; 2: could not be read.
    Verify {
        /// The report's directory
        directory: PathBuf,
        /// The public key that you got elsewhere, or a file with it
        #[arg(long, value_name = "KEY")]
        key: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

/// `durward evidence build`
#[derive(Debug, Args)]
pub(crate) struct BuildEvidenceArgs {
    /// The report, as `ls` shows it
    pub(crate) report: String,
    /// The first moment of the period: 2026-01-31, 2026-01-31T12:00:00Z, or an age such as 7d; 30 days before its end
    /// where none is given
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// The first moment after it; now where none is given
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<String>,
    /// The directory that it goes into; it must be empty, or not there
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) out: PathBuf,
    /// For change-proof: the change, as a request such as c1 or the number of an event
    #[arg(long, value_name = "CHANGE")]
    pub(crate) change: Option<String>,
    /// Print JSON: the manifest
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) archive: ArchiveOption,
    #[command(flatten)]
    pub(crate) place: LedgerPlace,
}

/// `durward audit search`
#[derive(Debug, Args)]
pub(crate) struct SearchArgs {
    /// Of this person, service or agent, alone or in a chain
    #[arg(long, value_name = "IDENTITY")]
    pub(crate) who: Option<String>,
    /// That touch this table: TABLE or SCHEMA.TABLE
    #[arg(long, value_name = "TABLE")]
    pub(crate) table: Option<String>,
    /// That read or write this column: TABLE.COLUMN or SCHEMA.TABLE.COLUMN
    #[arg(long, value_name = "COLUMN")]
    pub(crate) column: Option<String>,
    /// Of this class: read, write, ddl, privilege, maintenance, session, transaction or unknown
    #[arg(long, value_name = "CLASS")]
    pub(crate) class: Option<String>,
    /// That this rule decided
    #[arg(long, value_name = "RULE")]
    pub(crate) rule: Option<String>,
    /// In this session
    #[arg(long, value_name = "SESSION")]
    pub(crate) session: Option<String>,
    /// From this address, or by this program
    #[arg(long, value_name = "CLIENT")]
    pub(crate) client: Option<String>,
    /// At or after this time: 2026-01-31, 2026-01-31T12:00:00Z, or an age such as 30m, 12h or 7d
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// Before this time
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
    /// With this verdict
    #[arg(long, value_enum)]
    pub(crate) verdict: Option<VerdictWord>,
    /// On this database
    #[arg(long, value_name = "NAME")]
    pub(crate) database: Option<String>,
    /// That touch a column with this label: email, card_number, … as `durward data map` shows them
    #[arg(long, value_name = "LABEL")]
    pub(crate) label: Option<String>,
    /// That read labelled columns in clear
    #[arg(long)]
    pub(crate) in_clear: bool,
    /// That ran by the approval of this request
    #[arg(long, value_name = "REQUEST")]
    pub(crate) approval: Option<String>,
    /// Show sessions in place of statements and refused logins
    #[arg(long)]
    pub(crate) sessions: bool,
    /// Show who touched a table for the first time ever
    #[arg(long, conflicts_with = "sessions")]
    pub(crate) first_access: bool,
    /// At most so many, newest first
    #[arg(long, short = 'n', default_value_t = 50)]
    pub(crate) limit: u32,
    /// Print JSON, a line for each
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) place: LedgerPlace,
}

/// The verdicts that can be searched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum VerdictWord {
    /// Permitted, and not answered with an error
    Permitted,
    /// Refused by the gateway
    Refused,
    /// Permitted, and answered with an error by the server
    Failed,
}

/// Where what has left the record went.
#[derive(Debug, Args)]
pub(crate) struct ArchiveOption {
    /// The archive (audit_archive) that segments went to: what is in it is read too
    #[arg(long = "archive", value_name = "DIRECTORY")]
    pub(crate) directory: Option<PathBuf>,
}

impl ArchiveOption {
    /// The record's files, those in the archive among them.
    pub(crate) fn files(&self, directory: &Path) -> Result<LedgerFiles, LedgerError> {
        match &self.directory {
            Some(archive) => LedgerFiles::with_archive(directory, archive),
            None => Ok(LedgerFiles::from(directory)),
        }
    }
}

/// Where the record is.
#[derive(Debug, Args)]
pub(crate) struct LedgerPlace {
    /// The record's own directory, where it isn't DATA_DIR/ledger
    #[arg(long, value_name = "DIRECTORY", env = "DURWARD_LEDGER_DIR", hide_env = true)]
    pub(crate) ledger_dir: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) data_dir: DataDirectoryOption,
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
