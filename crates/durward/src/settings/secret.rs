use std::io::BufRead as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Context as _, ensure};
use zeroize::Zeroizing;

/// Follows `env:VARIABLE`, `file:PATH` and `-` (the first line of standard input); anything else stands for itself.
///
/// # Errors
/// When there is nothing there, or others may read the file. No message shows what was found.
pub(super) fn dereference(reference: &str) -> anyhow::Result<Zeroizing<String>> {
    if let Some(variable) = reference.strip_prefix("env:") {
        let value = std::env::var(variable).with_context(|| format!("the variable {variable} is not set"))?;
        return Ok(Zeroizing::new(value));
    }
    if let Some(path) = reference.strip_prefix("file:") {
        let path = Path::new(path);
        check_private(path)?;
        let text =
            Zeroizing::new(std::fs::read_to_string(path).with_context(|| format!("can't read {}", path.display()))?);
        return Ok(Zeroizing::new(text.trim().to_owned()));
    }
    if reference == "-" {
        let mut line = Zeroizing::new(String::new());
        std::io::stdin()
            .lock()
            .read_line(&mut line)
            .context("can't read standard input")?;
        ensure!(!line.trim().is_empty(), "standard input is empty");
        return Ok(Zeroizing::new(line.trim().to_owned()));
    }
    Ok(Zeroizing::new(reference.to_owned()))
}

/// Refuses a file with secrets that anybody but its owner may read.
pub(super) fn check_private(path: &Path) -> anyhow::Result<()> {
    let metadata = std::fs::metadata(path).with_context(|| format!("can't read {}", path.display()))?;
    let mode = metadata.permissions().mode() & 0o777;
    ensure!(
        mode & 0o077 == 0,
        "{} holds a secret and others may read it (mode {mode:o}): chmod 600 {}",
        path.display(),
        path.display()
    );
    Ok(())
}
