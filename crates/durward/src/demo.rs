//! `durward demo`: a private PostgreSQL with a shop in it, the gateway in front, and nothing left of either afterwards.

mod postgres;
mod shop;
mod tour;

use std::io::{self, IsTerminal as _};
use std::process::{ExitCode, Stdio};

use anyhow::{Context as _, ensure};

use crate::cli::DemoArgs;
use crate::commands::runtime;
use crate::logging;
use crate::run::{Running, Signals, Start};
use crate::screen::{Style, complain, say, say_json, styled};
use crate::settings;
use postgres::PrivatePostgres;

/// `durward demo`
pub(crate) fn run(arguments: &DemoArgs) -> anyhow::Result<ExitCode> {
    let mut given = arguments.options.0.clone();
    logging::start(&given, "warn")?;
    let plays_tour = arguments.tour || (!arguments.json && !io::stdout().is_terminal());
    let runtime = runtime()?;
    // From here on a signal ends the demo in good order, however far it has come.
    let signals = runtime.block_on(async { Signals::listen() })?;

    if !arguments.json {
        complain("Starting a private PostgreSQL and filling it with a shop …");
    }
    let postgres = PrivatePostgres::start()?;
    make_shop(&postgres)?;

    given.set("upstream", postgres.url(shop::DATABASE));
    given.set("append_only", "public.audit_log");
    if given.get("web").is_none() {
        given.set("web", "true");
    }
    if given.get("data_dir").is_none() {
        given.set("data_dir", postgres.gateway_directory().to_string_lossy());
    }
    let settings = settings::for_one_database(&given)?;
    runtime.block_on(async {
        let mut running = Running::start(settings, Start::Alone, signals).await?;
        let outcome = if plays_tour {
            play(&mut running, &postgres).await
        } else {
            announce(&mut running, &postgres, arguments.json)?;
            running.until_asked_to_stop().await;
            Ok(())
        };
        running.stop().await.and(outcome)
    })?;
    Ok(ExitCode::SUCCESS)
}

fn make_shop(postgres: &PrivatePostgres) -> anyhow::Result<()> {
    let made = postgres
        .psql("postgres")
        .args([
            "--no-psqlrc",
            "--quiet",
            "--command",
            &format!("CREATE DATABASE {}", shop::DATABASE),
        ])
        .stdin(Stdio::null())
        .output()
        .context("can't run psql")?;
    ensure!(
        made.status.success(),
        "making the shop failed: {}",
        String::from_utf8_lossy(&made.stderr).trim()
    );
    shop::load(&mut postgres.psql(shop::DATABASE))
}

fn announce(running: &mut Running, postgres: &PrivatePostgres, json: bool) -> anyhow::Result<()> {
    if let Some(upstream) = &mut running.ready.upstream {
        upstream.url = Some(postgres.url(shop::DATABASE));
    }
    let ready = &running.ready;
    if json {
        return say_json(ready);
    }
    let server = format!("PostgreSQL {} with a shop of 24 tables", postgres.version());
    say("");
    say(styled(
        Style::Strong,
        &format!("Durward stands in front of {server} at {}.", ready.listen.join(", ")),
    ));
    say("");
    ready.show();
    say("");
    say("  Try, as agent:   DROP TABLE payments;   or   DELETE FROM web_sessions;");
    let program = std::env::args().next().unwrap_or_else(|| "durward".to_owned());
    say(format!(
        "  Then look:       {program} audit search --who agent --data-dir {}",
        ready.data_dir.display()
    ));
    say("");
    say("Ctrl-C ends it; nothing remains.");
    Ok(())
}

/// Plays the tour on a thread of its own, while the gateway works.
async fn play(running: &mut Running, postgres: &PrivatePostgres) -> anyhow::Result<()> {
    let tour = tour::Tour {
        ready: running.ready.clone(),
        psql: postgres.psql_program(),
        server_version: postgres.version(),
    };
    let played = tokio::task::spawn_blocking(move || tour.play());
    tokio::select! {
        outcome = played => outcome?,
        () = running.until_asked_to_stop() => Ok(()),
    }
}
