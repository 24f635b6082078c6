//! How long events stay in the record.

use std::time::Duration;

use anyhow::bail;
use durward_audit::Retention;

use super::{number, path, switch};
use crate::options::GivenOptions;

/// Nothing leaves the record unless it is said when, and where to.
pub(super) fn retention(given: &GivenOptions) -> anyhow::Result<Option<Retention>> {
    let days = given.get("audit_keep_days").map(|days| number(days, 1..=36_500));
    let mebibytes = given.get("audit_keep_mebibytes").map(|size| number(size, 1..=1 << 30));
    let (days, mebibytes) = (days.transpose()?, mebibytes.transpose()?);
    let archive = path(given, "audit_archive");
    let remove = switch(given, "audit_remove", false)?;
    if days.is_none() && mebibytes.is_none() {
        anyhow::ensure!(
            archive.is_none() && !remove,
            "audit_archive and audit_remove say where events go: when they go is said by audit_keep_days or \
             audit_keep_mebibytes"
        );
        return Ok(None);
    }
    match (&archive, remove) {
        (None, false) => bail!(
            "audit_keep_days and audit_keep_mebibytes need audit_archive, where events go, or audit_remove, so that they \
             are removed for good"
        ),
        (Some(_), true) => bail!("audit_archive and audit_remove exclude each other"),
        _ => {}
    }
    Ok(Some(Retention {
        age_max: days.map(|days| Duration::from_secs(days.saturating_mul(86_400))),
        bytes_max: mebibytes.map(|size| size << 20),
        archive: archive.map(std::path::absolute).transpose()?,
    }))
}
