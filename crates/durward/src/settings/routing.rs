//! Whose data it is, who is on call, and what happens where nobody decides.

use anyhow::bail;
use durward_change::{Escalation, OwnerRule, Party, RiskRules, Rota, Routing};

use super::{DatabaseSettings, blame, list, number, text};
use crate::options::GivenOptions;

/// Reads `PATTERN = WHO`, one for each.
pub(super) fn owners(given: &GivenOptions) -> anyhow::Result<Vec<OwnerRule>> {
    let Some(given) = given.get("owners") else {
        return Ok(Vec::new());
    };
    let rule = |line: &String| {
        let (of, parties) = line
            .rsplit_once('=')
            .ok_or_else(|| blame(given, &format!("{line:?} is not of the form SCHEMA[.TABLE] = WHO")))?;
        Ok(OwnerRule {
            of: of.trim().parse().map_err(|error| blame(given, &error))?,
            parties: Party::list(parties).map_err(|error| blame(given, &error))?,
        })
    };
    given.values.iter().map(rule).collect()
}

/// Puts all of it together.
pub(super) fn routing(given: &GivenOptions, databases: &[DatabaseSettings]) -> anyhow::Result<Routing> {
    let shifts = list(given, "on_call");
    let rota = Rota::of(shifts.iter().map(String::as_str)).map_err(|error| match given.get("on_call") {
        Some(given) => blame(given, &error),
        None => error.into(),
    })?;
    let defaults = RiskRules::default();
    let risk = RiskRules {
        rows_max: match given.get("high_risk_rows") {
            Some(rows) => number(rows, 1..=u64::MAX)?,
            None => defaults.rows_max,
        },
        approvers: match given.get("high_risk_approvers") {
            Some(people) => u32::try_from(number(people, 1..=5)?)?,
            None => defaults.approvers,
        },
        ..defaults
    };
    let owners = databases
        .iter()
        .map(|database| (database.name.to_string(), database.owners.clone()))
        .filter(|(_, owners)| !owners.is_empty());
    Ok(Routing {
        owners: owners.collect(),
        escalation: escalation(given, &rota)?,
        rota,
        risk,
    })
}

fn escalation(given: &GivenOptions, rota: &Rota) -> anyhow::Result<Option<Escalation>> {
    let to = match given.get("escalate_to") {
        Some(to) => Party::list(text(to)).map_err(|error| blame(to, &error))?,
        None => Vec::new(),
    };
    let Some(minutes) = given.get("escalate_minutes") else {
        if to.is_empty() {
            return Ok(None);
        }
        bail!("escalate_to says whom, and escalate_minutes is missing, which says when");
    };
    if to.is_empty() && rota.is_empty() {
        return Err(blame(minutes, "to whom? Give escalate_to, or on_call"));
    }
    Ok(Some(Escalation {
        after_seconds: u32::try_from(number(minutes, 1..=7 * 24 * 60)? * 60)?,
        to,
    }))
}
