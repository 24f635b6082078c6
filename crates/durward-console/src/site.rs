use std::net::{IpAddr, SocketAddr};

use url::Url;

/// Where the console is reached, and under which names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// Scheme, host and port, without a slash at the end.
    origin: String,
    /// What may stand in a request's `Host`.
    hosts: Vec<String>,
    is_encrypted: bool,
}

/// A public address that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no address of a site: give https://HOST or https://HOST:PORT, without a path")]
pub struct SiteError(String);

impl Site {
    /// The site of a listener on `address`, known to people as `public` where there is a proxy or a name for it. Without,
    /// it speaks clear text on loopback addresses and TLS on all others.
    ///
    /// # Errors
    /// When `public` is no address of a site.
    pub fn at(address: SocketAddr, public: Option<&str>) -> Result<Self, SiteError> {
        let scheme = if Self::needs_tls(address) { "https" } else { "http" };
        let own = match address.ip() {
            ip if ip.is_unspecified() => SocketAddr::new(loopback_like(ip), address.port()),
            _ => address,
        };
        let mut hosts = vec![own.to_string()];
        if own.ip().is_loopback() {
            hosts.push(format!("localhost:{}", own.port()));
            hosts.push(format!("127.0.0.1:{}", own.port()));
            hosts.push(format!("[::1]:{}", own.port()));
        }
        let origin = match public {
            None => format!("{scheme}://{own}"),
            Some(text) => {
                let url = Url::parse(text).map_err(|_| SiteError(text.to_owned()))?;
                let bare = url.path() == "/"
                    && url.query().is_none()
                    && url.fragment().is_none()
                    && url.username().is_empty()
                    && url.password().is_none();
                let host = url
                    .host_str()
                    .filter(|_| bare && matches!(url.scheme(), "http" | "https"));
                let host = host.ok_or_else(|| SiteError(text.to_owned()))?;
                hosts.push(match url.port() {
                    Some(port) => format!("{host}:{port}"),
                    None => host.to_owned(),
                });
                url.origin().ascii_serialization()
            }
        };
        Ok(Self {
            is_encrypted: origin.starts_with("https:") || Self::needs_tls(address),
            origin,
            hosts,
        })
    }

    /// Whether a listener on `address` must speak TLS.
    pub fn needs_tls(address: SocketAddr) -> bool {
        !address.ip().to_canonical().is_loopback()
    }

    /// The page of a request.
    pub fn link(&self, request: &str) -> String {
        format!("{}/requests/{request}", self.origin)
    }

    /// Scheme, host and port.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Whether browsers reach it encrypted, so that cookies can be bound to that.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.is_encrypted
    }

    /// Whether a request's `Host` is one of ours. Another is a name that somebody has let point here.
    pub fn is_host(&self, host: &str) -> bool {
        self.hosts.iter().any(|own| own.eq_ignore_ascii_case(host))
    }

    /// Whether a page with this `Origin` is one of ours.
    pub(crate) fn is_origin(&self, origin: &str) -> bool {
        origin
            .split_once("://")
            .is_some_and(|(scheme, host)| matches!(scheme, "http" | "https") && self.is_host(host))
    }
}

/// Whether what is sent to an address can't be read on the way: by TLS, or without leaving this machine.
pub(crate) fn is_safe(url: &Url) -> bool {
    let is_here = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && is_here)
}

fn loopback_like(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => IpAddr::from([127, 0, 0, 1]),
        IpAddr::V6(_) => IpAddr::V6(std::net::Ipv6Addr::LOCALHOST),
    }
}

#[cfg(test)]
mod tests {
    use super::Site;

    #[test]
    fn names_and_links_of_a_site() {
        let at = |address: &str, public| Site::at(address.parse().unwrap(), public);
        let local = at("127.0.0.1:7480", None).unwrap();
        for (host, ours) in [
            ("127.0.0.1:7480", true),
            ("LOCALHOST:7480", true),
            ("[::1]:7480", true),
            ("localhost", false),
            ("localhost:80", false),
            ("evil.example:7480", false),
            ("127.0.0.1:7480.evil.example", false),
            ("", false),
        ] {
            assert_eq!(local.is_host(host), ours, "{host}");
        }
        assert!(local.is_origin("http://localhost:7480") && !local.is_origin("null"));
        assert!(!local.is_encrypted());
        let open = at("0.0.0.0:443", Some("https://durward.example.com")).unwrap();
        assert_eq!(open.link("c1"), "https://durward.example.com/requests/c1");
        assert!(open.is_host("durward.example.com") && open.is_host("127.0.0.1:443"));
        assert!(open.is_encrypted() && !open.is_host("0.0.0.0:443"));
        assert_eq!(at("192.0.2.1:8443", None).unwrap().origin(), "https://192.0.2.1:8443");
        for wrong in [
            "durward",
            "ftp://x",
            "https://u:p@x",
            "https://x/path",
            "https://x/?q",
            "javascript:1",
        ] {
            assert!(at("127.0.0.1:1", Some(wrong)).is_err(), "{wrong}");
        }
    }
}
