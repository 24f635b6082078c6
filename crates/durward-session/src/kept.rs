//! Removes what was kept aside once its days are over, over a connection of the gateway's own.

use std::sync::atomic::Ordering;

use crate::gateway::{Database, Gateway};
use crate::session::{COMMENT, day, unix_seconds};
use crate::upstream::{UpstreamConnection, UpstreamError};

impl Gateway {
    /// Removes from all databases what was kept aside until a day that is over. What can't be removed stays, is told, and
    /// is looked at again the next time. Cancel safe: yes; a schema goes whole or not at all.
    pub(crate) async fn remove_kept(&self) {
        let Some(undo) = &self.undo else { return };
        let today = day(unix_seconds().unwrap_or_default());
        let mut overdue = 0;
        for database in self.databases() {
            match removed(database, &today).await {
                Ok(left) => overdue += left,
                Err(error) => {
                    tracing::warn!(%error, database = %database.name, "what was kept aside can't be looked at");
                }
            }
        }
        undo.overdue.store(overdue, Ordering::Relaxed);
    }
}

/// Returns how many schemas should be gone and aren't.
async fn removed(database: &Database, today: &str) -> Result<u64, UpstreamError> {
    let mut connection = UpstreamConnection::connect_for_catalog(&database.target).await?;
    let rows = connection.simple_query(&overdue_sql(today)).await?;
    let names = rows
        .into_iter()
        .flatten()
        .filter_map(|row| row.into_iter().next().flatten());
    let names: Vec<String> = names.map(|name| String::from_utf8_lossy(&name).into_owned()).collect();
    let mut left = 0;
    for name in names {
        match remove(&mut connection, &name).await {
            Ok(()) => {
                tracing::info!(database = %database.name, schema = name, "what was kept aside is over, and removed")
            }
            Err(UpstreamError::Server(error)) => {
                left += 1;
                tracing::warn!(%error, database = %database.name, schema = name, "what was kept aside is over, and can't be removed");
                connection.simple_query("ROLLBACK").await?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(left)
}

async fn remove(connection: &mut UpstreamConnection, name: &str) -> Result<(), UpstreamError> {
    connection.simple_query("BEGIN READ WRITE").await?;
    let drop = format!("DROP SCHEMA \"{}\" CASCADE", name.replace('"', "\"\""));
    connection.simple_query(&drop).await?;
    connection.simple_query("COMMIT").await?;
    Ok(())
}

/// Schemas of the gateway's own, known by name and comment alike, whose day is over: their names say it.
fn overdue_sql(today: &str) -> String {
    let digits: String = today.chars().filter(char::is_ascii_digit).collect();
    format!(
        "SELECT n.nspname FROM pg_namespace n WHERE n.nspname ~ '^durward_kept_[0-9]{{8}}_[0-9a-f]{{12}}$' \
         AND substr(n.nspname::text, 14, 8) < '{digits}' \
         AND starts_with(obj_description(n.oid, 'pg_namespace'), '{COMMENT}: ') ORDER BY 1"
    )
}
