//! Rows of what events refer to: shapes, bases and principals.

use durward_model::Principal;
use rusqlite::params;

use crate::definition::{Basis, Shape};
use crate::digest::DefinitionDigest;
use crate::index::group::number;
use crate::index::{IndexError, Indexer};

impl Indexer {
    pub(super) fn shape(&self, digest: DefinitionDigest, shape: &Shape) -> Result<(), IndexError> {
        let content = serde_json::to_string(shape)?;
        let added = self
            .connection
            .prepare_cached(
                "INSERT INTO ix_shape (digest, class, command, normalized, content) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO NOTHING",
            )?
            .execute(params![
                digest.0.as_slice(),
                shape.class,
                shape.command,
                shape.normalized,
                content
            ])?;
        if added == 0 {
            return Ok(());
        }
        let row = self.connection.last_insert_rowid();
        let mut insert = self
            .connection
            .prepare_cached("INSERT INTO ix_shape_relation VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING")?;
        let mut insert_column = self.connection.prepare_cached(
            "INSERT INTO ix_shape_column VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT DO UPDATE SET read = max(read, excluded.read), written = max(written, excluded.written)",
        )?;
        for relation in &shape.relations {
            insert.execute(params![relation.name, relation.schema, row, relation.modes.join(" ")])?;
            let read = relation.columns_read.iter().map(|name| (name, true, false));
            let written = relation.columns_written.iter().map(|name| (name, false, true));
            for (name, read, written) in read.chain(written) {
                insert_column.execute(params![name, relation.name, relation.schema, row, read, written])?;
            }
        }
        Ok(())
    }

    pub(super) fn basis(&self, digest: DefinitionDigest, basis: &Basis) -> Result<(), IndexError> {
        let added = self
            .connection
            .prepare_cached(
                "INSERT INTO ix_basis (digest, rules, policy_version, obligations, approval, reason)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
            )?
            .execute(params![
                digest.0.as_slice(),
                serde_json::to_string(&basis.rules)?,
                basis.policy_version.map(number),
                serde_json::to_string(&basis.obligations)?,
                basis.approval(),
                basis.reason
            ])?;
        if added == 0 {
            return Ok(());
        }
        let row = self.connection.last_insert_rowid();
        let mut insert = self
            .connection
            .prepare_cached("INSERT INTO ix_basis_rule VALUES (?1, ?2) ON CONFLICT DO NOTHING")?;
        for rule in &basis.rules {
            insert.execute(params![rule, row])?;
        }
        let mut insert = self
            .connection
            .prepare_cached("INSERT INTO ix_basis_column VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING")?;
        for column in basis.labelled.iter().flatten() {
            for treatment in &column.treatments {
                insert.execute(params![
                    column.label,
                    column.schema,
                    column.relation,
                    column.column,
                    treatment.as_str(),
                    row
                ])?;
            }
        }
        Ok(())
    }

    pub(super) fn principal(&self, principal: &Principal) -> Result<i64, IndexError> {
        let content = serde_json::to_string(principal)?;
        self.connection
            .prepare_cached(
                "INSERT INTO ix_principal (content, display, subject, acting, kind) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO NOTHING",
            )?
            .execute(params![
                content,
                principal.to_string(),
                &*principal.subject.name,
                &*principal.acting().name,
                principal.kind().as_str()
            ])?;
        let row = self
            .connection
            .prepare_cached("SELECT id FROM ix_principal WHERE content = ?1")?
            .query_row([&content], |row| row.get(0))?;
        let mut insert = self
            .connection
            .prepare_cached("INSERT INTO ix_principal_member VALUES (?1, ?2) ON CONFLICT DO NOTHING")?;
        for member in std::iter::once(&principal.subject).chain(&principal.actors) {
            insert.execute(params![&*member.name, row])?;
        }
        Ok(row)
    }
}
