use std::net::SocketAddr;

/// Where to connect and as whom: all that a client needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// Address and port, always on the loopback.
    pub address: SocketAddr,
    /// The user name.
    pub user: String,
    /// The password.
    pub password: String,
    /// The database.
    pub database: String,
}

impl Access {
    /// The same place and user, another database.
    #[must_use]
    pub fn with_database(&self, database: &str) -> Self {
        Self {
            database: database.to_owned(),
            ..self.clone()
        }
    }

    /// The environment that libpq and everything made after it understands.
    pub fn environment(&self) -> [(&'static str, String); 5] {
        [
            ("PGHOST", self.address.ip().to_string()),
            ("PGPORT", self.address.port().to_string()),
            ("PGUSER", self.user.clone()),
            ("PGPASSWORD", self.password.clone()),
            ("PGDATABASE", self.database.clone()),
        ]
    }

    /// A connection address with the password in it.
    pub fn url(&self) -> String {
        format!(
            "postgres://{}:{}@{}/{}",
            self.user, self.password, self.address, self.database
        )
    }
}
