//! The tour: a short story, told with real commands against the running gateway. It fails if the story goes wrong.

use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};
use durward_change::{Request, State};

use crate::run::Ready;
use crate::screen::{Style, say, styled};

/// The tour of one running demo.
#[derive(Debug)]
pub(super) struct Tour {
    /// The gateway.
    pub(super) ready: Ready,
    /// The client.
    pub(super) psql: PathBuf,
    /// The server behind the gateway.
    pub(super) server_version: String,
}

/// How a command should end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expect {
    /// With success.
    Passes,
    /// With a refusal.
    Refused,
}

impl Tour {
    /// Plays it.
    ///
    /// # Errors
    /// When a command ends otherwise than the story says.
    pub(super) fn play(&self) -> anyhow::Result<()> {
        say("");
        say(styled(Style::Strong, "Durward: a keeper of the door to your databases"));
        say("");
        say(format!(
            "Behind the gateway: a private PostgreSQL {} with a shop of 24 tables.",
            self.server_version
        ));
        say(format!("In front of it, at {}:", self.ready.listen.join(", ")));
        say("");
        for identity in &self.ready.identities {
            say(format!("  {:9} {}", identity.name, identity.may));
        }

        heading("A person reads, with the psql that everybody has");
        self.psql(
            "engineer",
            Expect::Passes,
            &["SELECT order_id, status, customer, total FROM order_overview ORDER BY placed_at DESC LIMIT 3"],
        )?;

        heading("Personal data is masked, with nothing configured; who may see it does");
        let people = "SELECT customer_id, first_name, email, birth_date FROM customers ORDER BY 1 LIMIT 2";
        self.psql("engineer", Expect::Passes, &[people])?;
        self.psql("operator", Expect::Passes, &[people])?;
        self.psql(
            "agent",
            Expect::Passes,
            &["SELECT upper(reverse(email)) FROM customers ORDER BY customer_id LIMIT 1"],
        )?;

        heading("An agent that works for this person may read too");
        let open = "SELECT language, count(*) FROM support_tickets WHERE status = 'open' GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 3";
        self.psql("agent", Expect::Passes, &[open])?;

        heading("But it is refused a DROP: an ordinary error, and the connection lives on");
        self.psql("agent", Expect::Refused, &["DROP TABLE payments"])?;

        heading("A DELETE of everything is refused however it is spelled; what would pass is said");
        self.psql("agent", Expect::Refused, &["DELETE FROM web_sessions WHERE 1 = 1"])?;
        say("");
        self.psql(
            "agent",
            Expect::Passes,
            &["UPDATE support_tickets SET status = 'closed' WHERE ticket_id = 7"],
        )?;

        heading("What it may not decide alone waits for a person, and then runs once");
        let many = "UPDATE support_tickets SET status = 'closed' WHERE status = 'open' AND language = 'de'";
        self.psql("agent", Expect::Refused, &[many])?;
        let request = self.pending()?;
        if let Some(web) = &self.ready.web {
            say("");
            say(format!(
                "  The operator sees it at {web}/requests/{request}, with name and password; or here:"
            ));
        }
        self.durward(Expect::Passes, &["approvals", "approve", &request, "--as", "operator"])?;
        self.psql("agent", Expect::Passes, &[many])?;

        heading("What was changed can be taken back, unless somebody else has changed it since");
        self.durward(Expect::Passes, &["undo", "ls", "--of", "agent"])?;
        self.durward(Expect::Passes, &["undo", "apply", "--of", "agent", "--since", "1h"])?;

        heading("Hiding it in code doesn't help");
        self.psql(
            "agent",
            Expect::Refused,
            &["DO $$ BEGIN EXECUTE 'DROP TABLE ' || 'payments'; END $$"],
        )?;

        heading("The operator may, and it is written down");
        self.psql(
            "operator",
            Expect::Passes,
            &[
                "BEGIN",
                "DELETE FROM web_sessions",
                "ROLLBACK",
                "SELECT count(*) FROM web_sessions",
            ],
        )?;

        heading("One can ask before trying");
        self.durward(
            Expect::Refused,
            &["explain", "shop", "UPDATE products SET price = 0", "--as", "agent"],
        )?;

        heading("What was done, and by whom, was recorded before it ran");
        self.durward(Expect::Passes, &["audit", "search", "--who", "agent"])?;

        heading("The record proves itself: no event was changed, removed or moved");
        self.durward(Expect::Passes, &["audit", "verify"])?;

        heading("One event proves itself to whoever has the public key: no gateway, no record, no network");
        self.prove_a_refusal()?;

        heading("A report for the auditor: tables, a page and proofs, signed; checked where only the public key is");
        self.take_evidence()?;

        say("");
        say("That was the tour. `durward demo` on a terminal leaves the door open for you to try;");
        say("`durward up postgres://user@host/database` does the same in front of a database of yours.");
        Ok(())
    }

    /// Runs statements as one of the identities, in one session of `psql`.
    fn psql(&self, who: &str, expect: Expect, statements: &[&str]) -> anyhow::Result<()> {
        let identity = self.ready.identities.iter().find(|identity| identity.name == who);
        let identity = identity.with_context(|| format!("there is no {who}"))?;
        let mut psql = Command::new(&self.psql);
        psql.arg(self.ready.conninfo(identity))
            .env("PGPASSWORD", identity.password.as_deref().unwrap_or_default())
            .env("PGCONNECT_TIMEOUT", "20")
            .args(["--no-psqlrc", "--pset=pager=off", "--set=ON_ERROR_STOP=1"]);
        // Each statement is shown as it would stand at the prompt, before its answer.
        let shown = |statement: &&str| {
            let line = format!("{who}=> {statement};");
            format!("\\echo '{}'\n{statement};\n", line.replace('\'', "''"))
        };
        let script: String = statements.iter().map(shown).collect();
        run(&mut psql, &script, expect)
    }

    /// The request that waits: the first one, in a data directory that wasn't used before.
    fn pending(&self) -> anyhow::Result<String> {
        let requests: Vec<Request> = serde_json::from_str(&self.answer(&["approvals", "ls", "--json"])?)?;
        let waiting = requests.iter().find(|request| request.state == State::Pending);
        Ok(waiting.context("nothing waits for approval")?.id.to_string())
    }

    /// Takes the proof of a refusal and the public key to another place, and checks the one with the other there.
    fn prove_a_refusal(&self) -> anyhow::Result<()> {
        let search = ["audit", "search", "--who", "agent", "--table", "payments"];
        let refused = self.answer(&[&search[..], &["--verdict", "refused", "--json"]].concat())?;
        // The newest comes first: the last is the plain DROP.
        let refused: serde_json::Value = serde_json::from_str(refused.lines().last().unwrap_or_default())?;
        let event = refused
            .get("last_event")
            .and_then(serde_json::Value::as_u64)
            .context("no refusal was recorded")?;
        let elsewhere = tempfile::tempdir()?;
        let proof = elsewhere.path().join("proof.json").display().to_string();
        self.durward(Expect::Passes, &["audit", "prove", &event.to_string(), "--out", &proof])?;
        say("  $ durward audit key > durward.pub");
        std::fs::write(elsewhere.path().join("durward.pub"), self.answer(&["audit", "key"])?)?;
        self.elsewhere(
            elsewhere.path(),
            &["audit", "verify-proof", "proof.json", "--key", "durward.pub"],
        )
    }

    /// Builds a report, checks it in another place with the public key alone, and opens it there.
    fn take_evidence(&self) -> anyhow::Result<()> {
        let elsewhere = tempfile::tempdir()?;
        let out = elsewhere.path().join("denied").display().to_string();
        self.durward(
            Expect::Passes,
            &["evidence", "build", "denied-attempts", "--from", "1h", "--out", &out],
        )?;
        std::fs::write(elsewhere.path().join("durward.pub"), self.answer(&["audit", "key"])?)?;
        self.elsewhere(
            elsewhere.path(),
            &["evidence", "verify", "denied", "--key", "durward.pub"],
        )?;
        say("  $ ls denied; cut -d, -f1,3,9,11 denied/refused.csv | head -4");
        let mut files: Vec<String> = std::fs::read_dir(&out)?
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect::<io::Result<_>>()?;
        files.sort();
        say(format!("  {}", files.join("  ")));
        let mut cut = Command::new("cut");
        cut.args(["-d,", "-f1,3,9,11", "denied/refused.csv"])
            .current_dir(elsewhere.path());
        let shown = cut.output().context("can't run cut")?;
        for line in String::from_utf8_lossy(&shown.stdout).lines().take(4) {
            say(format!("  {line}"));
        }
        Ok(())
    }

    /// Runs a command of this program in a place from which it can't know of the demo.
    fn elsewhere(&self, place: &Path, arguments: &[&str]) -> anyhow::Result<()> {
        say(format!("  $ cd {}", place.display()));
        say(format!("  $ durward {}", arguments.join(" ")));
        let mut durward = Command::new(std::env::current_exe()?);
        durward
            .args(arguments)
            .current_dir(place)
            .env_remove("DURWARD_DATA_DIR");
        run(&mut durward, "", Expect::Passes)
    }

    /// What a command of this program prints.
    fn answer(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let mut durward = Command::new(std::env::current_exe()?);
        let output = durward
            .args(arguments)
            .env("DURWARD_DATA_DIR", &self.ready.data_dir)
            .output()?;
        ensure!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Runs a command of this program.
    fn durward(&self, expect: Expect, arguments: &[&str]) -> anyhow::Result<()> {
        let mut durward = Command::new(std::env::current_exe()?);
        durward.args(arguments).env("DURWARD_DATA_DIR", &self.ready.data_dir);
        let quote = |word: &&str| {
            if word.contains(' ') {
                format!("\"{word}\"")
            } else {
                (*word).to_owned()
            }
        };
        let shown: Vec<String> = arguments.iter().map(quote).collect();
        say(format!("  $ durward {}", shown.join(" ")));
        run(&mut durward, "", expect)
    }
}

fn heading(text: &str) {
    say("");
    say(styled(Style::Strong, &format!("── {text}")));
    say("");
}

/// Runs a command with `input`, and shows what it answers on either output, in the order in which it does.
fn run(command: &mut Command, input: &str, expect: Expect) -> anyhow::Result<()> {
    let (mut answers, both_outputs) = io::pipe()?;
    command
        .stdin(Stdio::piped())
        .stdout(both_outputs.try_clone()?)
        .stderr(both_outputs);
    let mut child = command
        .spawn()
        .with_context(|| format!("can't run {:?}", command.get_program()))?;
    // The command holds the other ends of the pipe as long as it lives.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes())?;
    }
    let mut text = String::new();
    answers.read_to_string(&mut text)?;
    let passed = child.wait()?.success();
    for line in text.trim_end().lines() {
        say(format!("  {line}").trim_end());
    }
    ensure!(
        passed == (expect == Expect::Passes),
        "the tour went otherwise than it should: this was {}",
        if passed { "not refused" } else { "refused, or failed" }
    );
    Ok(())
}
