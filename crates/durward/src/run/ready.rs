use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use durward_session::upstream::TargetAddress;
use serde::Serialize;

use crate::identities::Issued;
use crate::screen::{Style, say, styled};
use crate::settings::Settings;

/// What a gateway that is ready tells: as one line of JSON, or in words.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Ready {
    /// Where clients connect.
    pub(crate) listen: Vec<String>,
    /// The first address's host, as clients on this machine would give it.
    pub(crate) host: String,
    /// The first address's port.
    pub(crate) port: u16,
    /// The first database, by the name that clients use.
    pub(crate) database: Option<String>,
    /// All of them.
    pub(crate) databases: Vec<String>,
    /// Who can log in, with new passwords.
    pub(crate) identities: Vec<Issued>,
    /// How connections are protected.
    pub(crate) tls: Tls,
    /// Where figures are shown, if anywhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) metrics: Option<String>,
    /// Where requests for approval are decided by HTTP.
    pub(crate) web: Option<String>,
    /// Where the gateway keeps its things.
    pub(crate) data_dir: PathBuf,
    /// The database behind it.
    pub(crate) upstream: Option<Upstream>,
}

/// How connections are protected.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Tls {
    /// SHA-256 of the certificate.
    pub(crate) fingerprint_sha256: String,
    /// Whether the gateway made it itself.
    pub(crate) self_signed: bool,
    /// Whether loopback clients may do without.
    pub(crate) plaintext_loopback: bool,
}

/// The database behind the gateway.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Upstream {
    /// Its host, or its socket's directory.
    pub(crate) host: String,
    /// Its port.
    pub(crate) port: u16,
    /// Its own name for the database.
    pub(crate) database: String,
    /// The gateway's login.
    pub(crate) user: String,
    /// A way past the gateway: only where the database is the demo's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) url: Option<String>,
}

impl Ready {
    /// Puts it together.
    pub(super) fn new(settings: &Settings, listen: Vec<String>, identities: Vec<Issued>, fingerprint: String) -> Self {
        let first: Option<SocketAddr> = listen.first().and_then(|address| address.parse().ok());
        let host = first.map_or_else(String::new, |address| reachable(address.ip()).to_string());
        let upstream = settings.databases.first().map(|database| {
            let target = &database.target;
            let (host, port) = match target.address() {
                TargetAddress::Tcp { host, port, .. } => (host.clone(), *port),
                TargetAddress::Unix { folder, port } => (folder.display().to_string(), *port),
            };
            Upstream {
                host,
                port,
                database: target.database().to_owned(),
                user: target.user().to_owned(),
                url: None,
            }
        });
        let databases: Vec<String> = settings
            .databases
            .iter()
            .map(|database| database.name.to_string())
            .collect();
        Self {
            host,
            port: first.map_or(0, |address| address.port()),
            listen,
            database: databases.first().cloned(),
            databases,
            identities,
            tls: Tls {
                fingerprint_sha256: fingerprint,
                self_signed: settings.tls.is_none(),
                plaintext_loopback: settings.plaintext_loopback,
            },
            metrics: None,
            web: None,
            data_dir: settings.data_dir.clone(),
            upstream,
        }
    }

    /// The command that logs in as one of the identities.
    pub(crate) fn psql_line(&self, identity: &Issued) -> String {
        let password = identity.password.as_deref().unwrap_or_default();
        format!("PGPASSWORD={password} psql \"{}\"", self.conninfo(identity))
    }

    /// Everything but the password that a client of libpq needs to log in as one of the identities.
    pub(crate) fn conninfo(&self, identity: &Issued) -> String {
        format!(
            "host={} port={} dbname={} user={} sslmode=require",
            self.host, self.port, identity.database, identity.user
        )
    }

    /// Says in words who can log in, and how.
    pub(crate) fn show(&self) {
        let width = self
            .identities
            .iter()
            .map(|identity| identity.name.len())
            .max()
            .unwrap_or(0);
        for identity in &self.identities {
            let name = styled(Style::Strong, &format!("{:width$}", identity.name));
            say(format!("  {name}  {}", styled(Style::Faint, &identity.may)));
            match identity.password {
                Some(_) => say(format!("    {}", self.psql_line(identity))),
                None => say("    revoked: it gets no password until it is reinstated"),
            }
        }
        say("");
        let kind = if self.tls.self_signed {
            "self-signed certificate"
        } else {
            "certificate"
        };
        say(format!("  {kind}, SHA-256 {}", self.tls.fingerprint_sha256));
        if self.tls.plaintext_loopback {
            say("  clients on this machine may also come without TLS: sslmode=disable");
        }
        if let Some(web) = &self.web {
            say(format!(
                "  requests for approval are decided at {web}, with the same names and passwords"
            ));
        }
        say(format!(
            "  identities, keys and the record are in {}",
            self.data_dir.display()
        ));
    }
}

/// Where clients on this machine reach a listener on `ip`.
fn reachable(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(v4) if v4.is_unspecified() => IpAddr::from([127, 0, 0, 1]),
        IpAddr::V6(v6) if v6.is_unspecified() => IpAddr::V6(std::net::Ipv6Addr::LOCALHOST),
        other => other,
    }
}
