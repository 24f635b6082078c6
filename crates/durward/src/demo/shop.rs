//! The demo's shop: a realistic database whose rows are the same every time.

mod numbers;
mod random;
mod rows;
#[cfg(test)]
mod tests;
mod words;

use std::io::{self, Write};

/// The name of the database.
pub(crate) const DATABASE: &str = "shop";

/// Writes the SQL script, with its COPY data, that makes the shop in an empty database.
pub(crate) fn write_script(out: &mut dyn Write) -> io::Result<()> {
    out.write_all(include_bytes!("shop/tables.sql"))?;
    rows::write_all(out)?;
    out.write_all(include_bytes!("shop/rules.sql"))
}

/// Makes the shop's rows again from nothing and loads them with `psql`, which must be set up to reach the database.
pub(crate) fn load(psql: &mut std::process::Command) -> anyhow::Result<()> {
    use anyhow::Context as _;
    use std::process::Stdio;

    let mut child = psql
        .args([
            "--no-psqlrc",
            "--quiet",
            "--set=ON_ERROR_STOP=1",
            "--output=/dev/null",
            "--single-transaction",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .context("can't run psql")?;
    let stdin = child.stdin.take().context("psql has no standard input")?;
    let mut script = io::BufWriter::with_capacity(1 << 16, stdin);
    // When psql gives up its own message says why; a broken pipe here would hide it.
    let written = write_script(&mut script).and_then(|()| script.flush());
    drop(script);
    let output = child.wait_with_output()?;
    anyhow::ensure!(
        output.status.success(),
        "loading the shop failed: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    written.context("writing to psql")
}
