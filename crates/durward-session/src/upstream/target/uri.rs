use zeroize::Zeroizing;

use super::{TargetError, invalid};

/// Takes the part of a connection URI after its scheme apart (manual section 32.1.1.2), percent codes decoded.
pub(super) fn parse(rest: &str) -> Result<Vec<(String, Zeroizing<String>)>, TargetError> {
    let mut options = Vec::new();
    let (main, query) = rest
        .split_once('?')
        .map_or((rest, None), |(main, query)| (main, Some(query)));
    let (authority, database) = main
        .split_once('/')
        .map_or((main, ""), |(authority, database)| (authority, database));
    let host_and_port = match authority.rsplit_once('@') {
        Some((account, host_and_port)) => {
            let (user, password) = account
                .split_once(':')
                .map_or((account, None), |(user, password)| (user, Some(password)));
            push(&mut options, "user", user)?;
            if let Some(password) = password {
                push(&mut options, "password", password)?;
            }
            host_and_port
        }
        None => authority,
    };
    let (host, port) = split_host(host_and_port)?;
    push(&mut options, "host", host)?;
    push(&mut options, "port", port)?;
    push(&mut options, "dbname", database)?;
    for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair
            .split_once('=')
            .ok_or_else(|| invalid("an option of the URI has no value"))?;
        // JDBC's spelling, which libpq knows too.
        let (name, value) = if (name, value) == ("ssl", "true") {
            ("sslmode", "require")
        } else {
            (name, value)
        };
        options.push((decode(name)?.to_string(), decode(value)?));
    }
    Ok(options)
}

/// An empty part says nothing.
fn push(options: &mut Vec<(String, Zeroizing<String>)>, name: &str, value: &str) -> Result<(), TargetError> {
    if !value.is_empty() {
        options.push((name.to_owned(), decode(value)?));
    }
    Ok(())
}

fn split_host(text: &str) -> Result<(&str, &str), TargetError> {
    if text.contains(',') {
        return Err(invalid(
            "several hosts in one target are not supported; make one target of each",
        ));
    }
    if let Some(rest) = text.strip_prefix('[') {
        let (host, port) = rest
            .split_once(']')
            .ok_or_else(|| invalid("an IPv6 address lacks its closing bracket"))?;
        return match port.strip_prefix(':') {
            Some(port) => Ok((host, port)),
            None if port.is_empty() => Ok((host, "")),
            None => Err(invalid("something follows the IPv6 address")),
        };
    }
    Ok(text.split_once(':').unwrap_or((text, "")))
}

fn decode(text: &str) -> Result<Zeroizing<String>, TargetError> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|byte| char::from(byte).to_digit(16));
        let code = digit().zip(digit()).map(|(high, low)| high * 16 + low);
        match code.and_then(|code| u8::try_from(code).ok()) {
            Some(byte) if byte != 0 => bytes.push(byte),
            _ => return Err(invalid("the URI has a wrong percent code; write % as %25")),
        }
    }
    let decoded = std::str::from_utf8(&bytes).map_err(|_| invalid("the URI is not UTF-8"))?;
    Ok(Zeroizing::new(decoded.to_owned()))
}
