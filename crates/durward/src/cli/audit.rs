//! `durward audit` and `durward evidence`: the record and what is made of it.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use durward_audit::{LedgerError, LedgerFiles};

use crate::options::DataDirectoryOption;

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
    /// Fetch records from the store of many gateways (audit_store), and check them
    ///
    /// Each comes into a directory of its own, named by its id, which all other commands read by --ledger-dir. Exit code 0:
    /// all are sound; 1: one isn't; 2: the store can't be read.
    Fetch {
        /// The store: a URL, or env:VARIABLE or file:PATH that hold one
        store: String,
        /// The directory; there may be none of the fetched records in it yet
        directory: PathBuf,
        /// The record of this id alone
        #[arg(long, value_name = "ID")]
        ledger: Option<String>,
        /// The public key of a record, that you got elsewhere, or a file with it; may be repeated
        #[arg(long = "key", value_name = "KEY")]
        keys: Vec<String>,
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
    /// Send statements alone, as OpenTelemetry spans, to a collector (otlp+http://…)
    #[arg(long, conflicts_with = "checkpoints")]
    pub(crate) spans: bool,
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
