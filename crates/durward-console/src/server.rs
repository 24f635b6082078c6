//! The door: connections are taken, encrypted where they must be, and bounded in number and in patience.

use std::sync::Arc;

use axum::Extension;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::access::Peer;
use crate::app::Console;
use crate::limits::{CONNECTIONS_MAX, HEAD_PATIENCE};

/// Serves a console until `shutdown` says true; with `tls`, only inside of it. Cancel safe: yes.
pub async fn serve(
    console: Arc<Console>,
    socket: TcpListener,
    tls: Option<TlsAcceptor>,
    mut shutdown: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let accepted = tokio::select! {
            biased;
            _ = shutdown.wait_for(|shut| *shut) => break,
            accepted = socket.accept() => accepted,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection to the console could not be accepted");
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            tracing::warn!(%address, "too many connections to the console: closed");
            continue;
        };
        let (console, tls) = (Arc::clone(&console), tls.clone());
        connections.spawn(async move {
            converse(&console, stream, Peer(address), tls).await;
            drop(place);
        });
    }
    connections.shutdown().await;
}

async fn converse(console: &Arc<Console>, stream: TcpStream, peer: Peer, tls: Option<TlsAcceptor>) {
    stream.set_nodelay(true).ok();
    let Some(tls) = tls else {
        return answer(console, stream, peer).await;
    };
    match tokio::time::timeout(HEAD_PATIENCE, tls.accept(stream)).await {
        Ok(Ok(stream)) => answer(console, stream, peer).await,
        Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake with the console failed"),
        Err(_) => tracing::debug!("a TLS handshake with the console took too long"),
    }
}

async fn answer(console: &Arc<Console>, stream: impl AsyncRead + AsyncWrite + Unpin, peer: Peer) {
    let service = TowerToHyperService::new(console.router().layer(Extension(peer)));
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_PATIENCE)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection to the console ended early");
    }
}
