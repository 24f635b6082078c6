//! What an approval is bound to: everything on which the meaning of a message rests.

use std::collections::BTreeSet;

use durward_change::{Binding, Touched};
use durward_model::{AccessModes, Subject as Party};
use durward_sql::definitions;
use durward_wire::postgres::frame::Frame;
use durward_wire::postgres::frontend::{Bind, FrontendMessage};
use durward_wire::postgres::tag::frontend as tag;

use super::capture::sets_off_more;
use super::hold::Held;
use super::masking::Sent;
use super::subjects::Subject;
use super::{End, OwnQuery, Session};
use crate::masks::holding;
use crate::prepared::Portal;

/// A bound message, with what an approver is shown of it.
#[derive(Debug)]
pub(super) struct Bound {
    pub(super) digest: String,
    pub(super) prepared: Vec<String>,
    pub(super) parameters: Vec<Option<String>>,
}

impl Session {
    /// The digest of a held message. `None` where a part of it isn't known.
    pub(super) async fn bind_approval(
        &mut self,
        commands: &[Vec<Subject>],
        held: &[Held<'_>],
        sent: Sent<'_>,
    ) -> Result<Option<Bound>, End> {
        let Ok(meanings) = self.ask(&[OwnQuery::Meanings]).await? else {
            return Ok(None);
        };
        let mut binding = Binding::new();
        let principal = &self.principal;
        let chain: Vec<&Party> = std::iter::once(&principal.subject).chain(&principal.actors).collect();
        binding.list("chain", chain.iter().map(|party| party.name.as_bytes()));
        binding.list("kinds", chain.iter().map(|party| party.kind.as_str().as_bytes()));
        binding.part("database", self.database.name.as_str().as_bytes());
        let mut parameters = Vec::new();
        match sent {
            Sent::Now { text, .. } => {
                binding.part("simple query", text.as_bytes());
            }
            Sent::Before { portal } => match bind_portal(&mut binding, portal) {
                Some(shown) => parameters = shown,
                None => return Ok(None),
            },
        }
        if let Some(there) = self.copy_data.there() {
            binding.part("copied data", there.effect.digest.as_bytes());
        }
        let mut prepared = Vec::new();
        for subject in commands.iter().flatten() {
            let Ok(facts) = serde_json::to_vec(&*subject.facts) else {
                return Ok(None);
            };
            binding.part("facts", &facts);
            binding.part("normalized", subject.normalized.as_bytes());
            let bodies = definitions(&subject.facts, &self.sight.context);
            binding.list("definitions", bodies.iter().map(|body| body.as_bytes()));
            if let Some(before) = &subject.sent {
                binding.part("sent before", before.text.as_bytes());
                prepared.push(before.text.to_string());
            }
        }
        if matches!(sent, Sent::Before { .. }) {
            prepared.clear();
        }
        self.bind_settings(&mut binding, &meanings);
        for held in held {
            binding.list("rules", held.order.rules.iter().map(|rule| rule.as_bytes()));
            binding.part("terms", format!("{:?}", held.order.approval).as_bytes());
        }
        Ok(Some(Bound {
            digest: binding.finish().to_string(),
            prepared,
            parameters,
        }))
    }

    fn bind_settings(&self, binding: &mut Binding, meanings: &[Vec<crate::catalog::TextRow>]) {
        let settings = &self.sight.context.settings;
        // A session's own schema is called otherwise in each; what it holds is in the facts.
        let schema = |name: &str| {
            let own = settings.temp_schema.as_deref() == Some(name);
            (if own { "pg_temp" } else { name }).to_owned()
        };
        let path: Vec<String> = settings.search_path.iter().map(|name| schema(name)).collect();
        binding.list("schemas", path.iter().map(String::as_bytes));
        for (name, value) in [
            ("search_path", &*settings.search_path_setting),
            ("current_user", &*settings.current_user),
            ("session_user", &*settings.session_user),
            ("backslash_quote", &*settings.backslash_quote),
            ("client_encoding", &*settings.client_encoding),
            ("session_replication_role", &*settings.session_replication_role),
        ] {
            binding.part(name, value.as_bytes());
        }
        let switches = [
            settings.standard_conforming_strings,
            settings.row_security,
            settings.transform_null_equals,
            settings.check_function_bodies,
        ];
        binding.part("switches", &switches.map(u8::from));
        for row in meanings.iter().flatten() {
            let fields: Vec<&[u8]> = row.iter().map(|field| field.as_deref().unwrap_or_default()).collect();
            binding.list("setting", fields.into_iter());
        }
    }

    /// What a message touches, for people.
    pub(super) fn touched(&self, commands: &[Vec<Subject>]) -> Touched {
        let mut touched = Touched::default();
        let (mut changes, mut reads) = (BTreeSet::new(), BTreeSet::new());
        let (mut labels, mut hazards) = (BTreeSet::new(), BTreeSet::new());
        let mut notes = BTreeSet::new();
        let book = self.database.labels.current();
        let catalog = &self.sight.context.catalog;
        let read_only = AccessModes::READ | AccessModes::LOCK;
        let strongest = commands.iter().flatten().max_by_key(|subject| subject.facts.class);
        if let Some(subject) = strongest {
            touched.class = subject.facts.class.as_str().into();
            touched.command = subject.facts.command.clone();
        }
        for facts in commands.iter().flatten().map(|subject| &subject.facts) {
            for usage in &facts.relations {
                let name = usage.relation.name.to_string();
                if read_only.contains(usage.modes) {
                    reads.insert(name);
                } else {
                    changes.insert(name);
                }
                for column in &usage.columns {
                    let held = holding(&book, catalog, (usage.relation.oid, column.number), &[]);
                    labels.extend(held.map(|held| held.label.word().to_owned()));
                }
            }
            changes.extend(facts.objects.iter().map(|object| match &object.schema {
                Some(schema) => format!("{schema}.{}", object.name),
                None => object.name.to_string(),
            }));
            let words = facts.hazards.iter();
            hazards.extend(words.map(|hazard| format!("{} {}", hazard.kind, hazard.object).trim().to_owned()));
            let settings = ["pg_catalog.current_setting", "pg_catalog.set_config"];
            if facts
                .functions
                .iter()
                .any(|used| settings.contains(&used.function.name.to_string().as_str()))
            {
                notes.insert("it reads a setting of its session, which the approval isn't bound to".to_owned());
            }
        }
        if sets_off_more(commands) {
            notes.insert("what it sets off changes rows besides, which are not counted".to_owned());
        }
        reads.retain(|name| !changes.contains(name));
        touched.changes = changes.into_iter().collect();
        touched.reads = reads.into_iter().collect();
        touched.labels = labels.into_iter().collect();
        touched.hazards = hazards.into_iter().collect();
        touched.notes = notes.into_iter().collect();
        touched
    }
}

/// Binds a portal's text, types, formats and values. Returns the values as they are shown.
fn bind_portal(binding: &mut Binding, portal: &Portal) -> Option<Vec<Option<String>>> {
    let types = portal.prepared.held_types.as_ref()?;
    let bind = bind_of(portal)?;
    binding.part("prepared", portal.prepared.text.as_bytes());
    for oid in types {
        binding.part("type", &oid.to_be_bytes());
    }
    for format in bind.parameter_formats.iter() {
        binding.part("format", &format.code().to_be_bytes());
    }
    for format in bind.result_formats.iter() {
        binding.part("result format", &format.code().to_be_bytes());
    }
    let mut shown = Vec::new();
    for (index, value) in bind.parameters.iter().enumerate() {
        match value {
            None => binding.part("null", b""),
            Some(value) => binding.part("value", value),
        }
        shown.push(value.map(|value| match std::str::from_utf8(value) {
            Ok(text) if bind.parameter_formats.of(index).code() == 0 => text.to_owned(),
            Ok(_) | Err(_) => value.iter().fold("\\x".to_owned(), |mut text, byte| {
                text.push_str(&format!("{byte:02x}"));
                text
            }),
        }));
    }
    Some(shown)
}

/// The Bind message that made a portal of a held statement.
pub(super) fn bind_of(portal: &Portal) -> Option<Bind<'_>> {
    let body = portal.bind.as_deref()?;
    match FrontendMessage::decode(Frame { tag: tag::BIND, body }) {
        Ok(FrontendMessage::Bind(bind)) => Some(bind),
        _ => None,
    }
}
