//! A plain TCP relay: the least that anything in between can do on the runtime that the gateway uses.

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};

/// Relays every connection on `listen` to `upstream`, until killed.
pub(crate) fn run(listen: &str, upstream: &str) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(listen).await?;
        loop {
            let (client, _) = listener.accept().await?;
            let server = TcpStream::connect(upstream).await?;
            client.set_nodelay(true)?;
            server.set_nodelay(true)?;
            tokio::spawn(pass(client, server));
        }
    })
}

async fn pass(mut client: TcpStream, mut server: TcpStream) {
    // A connection that breaks ends the relay of it, and nothing else.
    copy_bidirectional(&mut client, &mut server).await.ok();
}
