use super::*;

/// The parts of a target in one line.
fn shown(text: &str) -> String {
    match TargetConfig::parse(text) {
        Ok(config) => {
            let address = match &config.address {
                TargetAddress::Tcp { host, address, port } => match address {
                    Some(address) => format!("{host}({address}):{port}"),
                    None => format!("{host}:{port}"),
                },
                TargetAddress::Unix { folder, port } => format!("unix:{}:{port}", folder.display()),
            };
            let password = config
                .password
                .map(|password| String::from_utf8(password.to_vec()).unwrap());
            let password = password.map_or_else(String::new, |password| format!(":{password}"));
            format!(
                "{}{password}@{address}/{} {:?}",
                config.user, config.database, config.tls.mode
            )
        }
        Err(error) => format!("error: {error}"),
    }
}

#[test]
fn targets_are_read_as_libpq_reads_them() {
    for (text, expected) in [
        ("postgres://me@db/shop", "me@db:5432/shop Prefer"),
        (
            "postgresql://me:p%40ss%3A@db:6543/shop?sslmode=require",
            "me:p@ss:@db:6543/shop Require",
        ),
        ("postgres://me:a:b@db", "me:a:b@db:5432/me Prefer"),
        ("postgres://me:a@b@db/x", "me:a@b@db:5432/x Prefer"),
        ("postgres://me@[::1]:6543/shop", "me@::1:6543/shop Prefer"),
        ("postgres://me@[::1]/shop", "me@::1:5432/shop Prefer"),
        (
            "postgres:///shop?host=/var/run/postgresql&user=me",
            "me@unix:/var/run/postgresql:5432/shop Prefer",
        ),
        ("postgres://me@%2Ftmp/shop", "me@unix:/tmp:5432/shop Prefer"),
        ("postgres://me@db/shop?ssl=true", "me@db:5432/shop Require"),
        ("postgres://me@db/shop?sslrootcert=system", "me@db:5432/shop VerifyFull"),
        (
            "postgres://me@db/shop?hostaddr=192.0.2.1",
            "me@db(192.0.2.1):5432/shop Prefer",
        ),
        (
            "host=db user=me dbname = shop password='it''",
            "error: expected postgres://user@host/database, or keyword=value pairs",
        ),
        (
            r"host=db user=me password='it\'s \\ me' port=1",
            r"me:it's \ me@db:1/me Prefer",
        ),
        ("host=/tmp user=me", "me@unix:/tmp:5432/me Prefer"),
        ("", "error: the target is empty"),
        ("postgres://db/shop", "error: the target names no user"),
        ("postgres://me@/shop", "error: the target names no host"),
        (
            "postgres://me@a,b/shop",
            "error: several hosts in one target are not supported; make one target of each",
        ),
        (
            "postgres://me@db:99999/shop",
            "error: the port is no number from 1 to 65535",
        ),
        (
            "postgres://me@db/shop?colour=red",
            "error: unknown connection option \"colour\"",
        ),
        (
            "postgres://me:100%@db/shop",
            "error: the URI has a wrong percent code; write % as %25",
        ),
        (
            "postgres://me@db/shop?sslmode=maybe",
            "error: sslmode \"maybe\" is none of disable, allow, prefer, require, verify-ca, verify-full",
        ),
        (
            "mysql://me@db/shop",
            "error: expected postgres://user@host/database, or keyword=value pairs",
        ),
    ] {
        assert_eq!(shown(text), expected, "{text}");
    }
}

#[test]
fn nothing_shows_the_password() {
    let target = Target::parse("postgres://me:s3cret@db/shop").unwrap();
    assert!(!format!("{target:?}").contains("s3cret"));
    for broken in [
        "postgres://me:s3cret%@db/shop",
        "postgres://me:s3cret@db:x/shop",
        "host=db password=s3cret",
    ] {
        assert!(
            !TargetConfig::parse(broken).unwrap_err().to_string().contains("s3cret"),
            "{broken}"
        );
    }
}

#[test]
fn options_that_contradict_each_other_are_refused() {
    for (query, expected) in [
        ("sslnegotiation=direct", "needs sslmode=require"),
        ("sslmode=verify-ca", "needs sslrootcert"),
        ("sslrootcert=system&sslmode=require", "needs sslmode=verify-full"),
        ("sslcert=/tmp/client.crt", "needs its key"),
        ("sslmode=disable&channel_binding=require", "needs TLS"),
        ("sslmode=require&sslrootcert=/nowhere/ca.crt", "/nowhere/ca.crt"),
    ] {
        let error = Target::parse(&format!("postgres://me@db/shop?{query}"))
            .unwrap_err()
            .to_string();
        assert!(error.contains(expected), "{query}: {error}");
    }
}
