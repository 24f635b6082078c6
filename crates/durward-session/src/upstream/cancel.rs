use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use durward_wire::postgres::frontend::write;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use zeroize::Zeroizing;

use super::dial::{Encryption, dial};
use super::{TargetAddress, UpstreamError};
use crate::tls::UpstreamTls;

/// How long a cancel request may take, its connection included.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(10);

/// How to stop what one connection runs: where, and by which key.
#[derive(Clone)]
pub struct CancelTarget {
    address: TargetAddress,
    tls: Arc<UpstreamTls>,
    encrypted: bool,
    process_id: i32,
    secret_key: Arc<Zeroizing<Vec<u8>>>,
}

impl CancelTarget {
    pub(super) fn new(
        address: TargetAddress,
        tls: Arc<UpstreamTls>,
        encrypted: bool,
        process_id: i32,
        secret_key: Zeroizing<Vec<u8>>,
    ) -> Self {
        Self {
            address,
            tls,
            encrypted,
            process_id,
            secret_key: Arc::new(secret_key),
        }
    }

    /// The server's process.
    pub fn process_id(&self) -> i32 {
        self.process_id
    }
}

impl fmt::Debug for CancelTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelTarget")
            .field("process_id", &self.process_id)
            .finish_non_exhaustive()
    }
}

/// Asks the server to stop what a connection runs (manual section 55.2.8), encrypted if that connection is. Returns when
/// the server has taken the request; it never says what came of it. Cancel safe: yes.
///
/// # Errors
/// When the server can't be reached, or gave no key.
pub async fn cancel(target: &CancelTarget) -> Result<(), UpstreamError> {
    let asking = async {
        let encryption = if target.encrypted {
            Encryption::Always
        } else {
            Encryption::Never
        };
        let mut dialled = dial(&target.address, &target.tls, encryption).await?;
        let mut packet = Vec::new();
        write::cancel(&mut packet, target.process_id, &target.secret_key)?;
        dialled
            .stream
            .write_all(&packet)
            .await
            .map_err(UpstreamError::io("cancelling"))?;
        dialled.stream.flush().await.map_err(UpstreamError::io("cancelling"))?;
        // The server closes once it has passed the request on; how it closes doesn't matter.
        let mut rest = [0; 64];
        while let Ok(1..) = dialled.stream.read(&mut rest).await {}
        Ok(())
    };
    tokio::time::timeout(CANCEL_TIMEOUT, asking)
        .await
        .unwrap_or(Err(UpstreamError::TimedOut))
}
