//! A plain TCP relay: the least that anything in between can do.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;

/// Bytes moved at a time. Reason: what the gateway reads at a time.
const BUFFER_BYTES: usize = 16 * 1024;

/// Relays every connection on `listen` to `upstream`, with two threads for each, until killed.
pub(crate) fn run(listen: &str, upstream: &str) -> anyhow::Result<()> {
    let listener = TcpListener::bind(listen)?;
    for client in listener.incoming() {
        let client = client?;
        let server = TcpStream::connect(upstream)?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let (client_too, server_too) = (client.try_clone()?, server.try_clone()?);
        thread::spawn(move || pass(client, server));
        thread::spawn(move || pass(server_too, client_too));
    }
    Ok(())
}

fn pass(mut from: TcpStream, mut to: TcpStream) {
    // A connection that breaks ends the relay of it, and nothing else.
    if copy(&mut from, &mut to).is_err() {
        from.shutdown(Shutdown::Both).ok();
    }
    to.shutdown(Shutdown::Write).ok();
}

/// By hand: the standard library's copy would splice within the kernel, which nothing that looks at bytes can do.
fn copy(from: &mut TcpStream, to: &mut TcpStream) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let length = from.read(&mut buffer)?;
        let Some(bytes) = buffer.get(..length).filter(|bytes| !bytes.is_empty()) else {
            return Ok(());
        };
        to.write_all(bytes)?;
    }
}
