use std::path::PathBuf;

use durward_identity::IssuerConfig;

use super::blame;
use crate::options::Given;

/// Reads `URL audience=NAME alias=… subject=… groups=… operators=… services=… ca=…`, one for each issuer.
pub(super) fn issuers(given: Option<&Given>) -> anyhow::Result<Vec<IssuerConfig>> {
    let Some(given) = given else {
        return Ok(Vec::new());
    };
    given
        .values
        .iter()
        .map(|text| issuer(text).map_err(|error| blame(given, &error)))
        .collect()
}

fn issuer(text: &str) -> Result<IssuerConfig, String> {
    let mut words = text.split_whitespace();
    let url = words.next().ok_or("an issuer begins with its URL")?;
    let host = url::Url::parse(url)
        .ok()
        .and_then(|url| url.host_str().map(str::to_owned));
    let alias = host.ok_or_else(|| format!("{url:?} is no URL"))?;
    let mut issuer = IssuerConfig::new(&alias, url, "");
    issuer.audiences.clear();
    for word in words {
        let (key, value) = word
            .split_once('=')
            .ok_or_else(|| format!("{word:?} is not of the form key=value"))?;
        let value = value.to_owned();
        match key {
            "audience" => issuer.audiences.push(value),
            "alias" => issuer.alias = value,
            "subject" => issuer.subject_claim = Some(value),
            "groups" => issuer.groups_claim = value,
            "operators" => issuer.operators_group = Some(value),
            "services" => issuer.services_group = Some(value),
            "database" => issuer.databases.push(value),
            "ca" => issuer.ca_file = Some(PathBuf::from(value)),
            _ => return Err(format!("{key:?} is nothing that an issuer has")),
        }
    }
    if issuer.audiences.is_empty() {
        return Err(format!(
            "{url} lacks its audience=NAME: which tokens are meant for this gateway?"
        ));
    }
    Ok(issuer)
}
