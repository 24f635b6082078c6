//! Thousands of idle sessions before a server that can't hold as many: a stand-in says to each what the server said to
//! the first.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_postgres::{Config, NoTls};

use super::paths::{Paths, Way};

/// Sessions of the crowd name themselves so: the stand-in answers them by itself.
const CROWD: &str = "bench-crowd";

/// Logins at a time.
const LOGINS_AT_A_TIME: usize = 16;

/// What the crowd was measured to take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Crowd {
    pub(super) sessions: u32,
    /// Resident memory of the whole gateway, in KiB.
    pub(super) resident_kib: f64,
}

/// What the server says to a session: after its authentication, and to each flight of messages that asks for an answer.
type Script = Vec<Vec<u8>>;

/// Opens that many sessions through a gateway before the stand-in, and looks at the gateway's memory.
pub(super) fn crowd(paths: &mut Paths, sessions: u32) -> anyhow::Result<Crowd> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
    let port = listener.local_addr()?.port();
    let (before, place) = paths.upstream().rsplit_once('@').context("no host in the URL")?;
    let (host_and_port, database) = place.split_once('/').context("no database in the URL")?;
    let upstream = format!("{before}@127.0.0.1:{port}/{database}?sslmode=disable");
    let server: Arc<str> = host_and_port.into();
    runtime.spawn(stand_in(listener, server));
    paths.open_before(&upstream, &[])?;
    let (gateway, user, password, database) = paths.login(Way::Another)?;
    let mut config = Config::new();
    config
        .host("127.0.0.1")
        .port(gateway)
        .user(user)
        .password(password)
        .dbname(database)
        .application_name(CROWD);
    let held = runtime.block_on(open(config, sessions))?;
    // Buffers of logins are given back, and what is freed is taken off.
    std::thread::sleep(Duration::from_secs(3));
    let resident_kib = paths.resident_kib(Way::Another)?;
    drop(held);
    paths.close_another();
    Ok(Crowd { sessions, resident_kib })
}

/// Logs them in, the first by itself: the stand-in learns from it.
async fn open(config: Config, sessions: u32) -> anyhow::Result<Vec<tokio_postgres::Client>> {
    let mut held = vec![login(&config).await?];
    tokio::time::sleep(Duration::from_secs(2)).await;
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 1..sessions {
        if waiting.len() >= LOGINS_AT_A_TIME
            && let Some(done) = waiting.join_next().await
        {
            held.push(done??);
        }
        let config = config.clone();
        waiting.spawn(async move { login(&config).await });
    }
    while let Some(done) = waiting.join_next().await {
        held.push(done??);
    }
    Ok(held)
}

async fn login(config: &Config) -> anyhow::Result<tokio_postgres::Client> {
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// Relays every connection, but from the second of the crowd on, which it answers by itself.
async fn stand_in(listener: TcpListener, server: Arc<str>) {
    let script: Arc<OnceLock<Script>> = Arc::default();
    while let Ok((gateway, _)) = listener.accept().await {
        let (server, script) = (Arc::clone(&server), Arc::clone(&script));
        tokio::spawn(async move {
            // A connection that breaks ends by itself.
            serve(gateway, &server, &script).await.ok();
        });
    }
}

async fn serve(mut gateway: TcpStream, server: &str, script: &OnceLock<Script>) -> anyhow::Result<()> {
    gateway.set_nodelay(true)?;
    let mut length = [0; 4];
    gateway.read_exact(&mut length).await?;
    let bytes = usize::try_from(u32::from_be_bytes(length))?;
    ensure!((8..10_000).contains(&bytes), "no startup packet");
    let mut startup = vec![0; bytes - 4];
    gateway.read_exact(&mut startup).await?;
    let of_crowd = startup.windows(CROWD.len()).any(|window| window == CROWD.as_bytes());
    if let Some(script) = script.get().filter(|_| of_crowd) {
        return play(&mut gateway, script).await;
    }
    let mut upstream = TcpStream::connect(server).await?;
    upstream.write_all(&length).await?;
    upstream.write_all(&startup).await?;
    if of_crowd {
        learn(&mut gateway, &mut upstream, script).await
    } else {
        copy_bidirectional(&mut gateway, &mut upstream).await?;
        Ok(())
    }
}

/// Answers each flight that ends in a Query or Sync by the next part of the script; stays silent at its end.
async fn play(gateway: &mut TcpStream, script: &Script) -> anyhow::Result<()> {
    // AuthenticationOk (manual section 55.7).
    gateway.write_all(&[b'R', 0, 0, 0, 8, 0, 0, 0, 0]).await?;
    let mut parts = script.iter();
    let mut frames = Frames::default();
    loop {
        if let Some(part) = parts.next() {
            gateway.write_all(part).await?;
        }
        while !frames.read(gateway).await?.iter().any(|tag| matches!(tag, b'Q' | b'S')) {}
    }
}

/// Relays a first session of the crowd, and keeps what the server says from its authentication on, in parts that end in
/// ReadyForQuery.
async fn learn(gateway: &mut TcpStream, server: &mut TcpStream, script: &OnceLock<Script>) -> anyhow::Result<()> {
    let (mut said, mut part, mut authenticated) = (Script::new(), Vec::new(), false);
    let mut frames = Frames::default();
    let mut from_gateway = vec![0; 1 << 16];
    loop {
        tokio::select! {
            count = gateway.read(&mut from_gateway) => {
                let count = count?;
                ensure!(count > 0, "the gateway has left");
                server.write_all(from_gateway.get(..count).unwrap_or_default()).await?;
            }
            read = frames.read_whole(server) => {
                for frame in read? {
                    gateway.write_all(&frame).await?;
                    if authenticated {
                        part.extend_from_slice(&frame);
                    }
                    authenticated |= frame == [b'R', 0, 0, 0, 8, 0, 0, 0, 0];
                    if authenticated && frame.first() == Some(&b'Z') {
                        said.push(std::mem::take(&mut part));
                    }
                }
            }
            // It has been idle for a while: that was its login.
            () = tokio::time::sleep(Duration::from_millis(500)), if !said.is_empty() => {
                script.set(std::mem::take(&mut said)).ok();
                copy_bidirectional(gateway, server).await?;
                return Ok(());
            }
        }
    }
}

/// Bytes of a peer, cut into messages: a tag, then a length that counts itself.
#[derive(Default)]
struct Frames {
    pending: Vec<u8>,
}

impl Frames {
    /// Reads once. Returns the tags of what is whole by then.
    async fn read(&mut self, peer: &mut TcpStream) -> anyhow::Result<Vec<u8>> {
        let whole = self.read_whole(peer).await?;
        Ok(whole.iter().filter_map(|frame| frame.first().copied()).collect())
    }

    /// The same with all their bytes. Cancel safe: yes.
    async fn read_whole(&mut self, peer: &mut TcpStream) -> anyhow::Result<Vec<Vec<u8>>> {
        ensure!(peer.read_buf(&mut self.pending).await? > 0, "the peer has left");
        let mut whole = Vec::new();
        while let Some(&[_, a, b, c, d]) = self.pending.first_chunk() {
            let bytes = usize::try_from(u32::from_be_bytes([a, b, c, d]))? + 1;
            if self.pending.len() < bytes {
                break;
            }
            let rest = self.pending.split_off(bytes);
            whole.push(std::mem::replace(&mut self.pending, rest));
        }
        Ok(whole)
    }
}
