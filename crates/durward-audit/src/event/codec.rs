//! Stored forms of the model's types, for use with `#[cbor(with = …)]`.

use std::sync::Arc;

use durward_model::{
    Assurance, CredentialId, CredentialKind, Digest, Principal, PrincipalKind, SessionId, StatementId, Subject,
};
use minicbor::decode::Error as DecodeError;
use minicbor::{Decode, Decoder, Encode};

/// Serialises a digest as hexadecimal text.
pub(crate) fn hex<S: serde::Serializer>(digest: &Digest, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(digest)
}

macro_rules! number {
    ($module:ident, $type:ident) => {
        pub(crate) mod $module {
            use super::*;

            pub(crate) fn encode<C, W: minicbor::encode::Write>(
                value: &$type,
                e: &mut minicbor::Encoder<W>,
                _: &mut C,
            ) -> Result<(), minicbor::encode::Error<W::Error>> {
                e.u64(value.0)?.ok()
            }

            pub(crate) fn decode<C>(d: &mut Decoder<'_>, _: &mut C) -> Result<$type, DecodeError> {
                d.u64().map($type)
            }
        }
    };
}

number!(session, SessionId);
number!(statement, StatementId);

pub(crate) mod session_optional {
    use super::*;

    pub(crate) fn encode<C, W: minicbor::encode::Write>(
        value: &Option<SessionId>,
        e: &mut minicbor::Encoder<W>,
        context: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        value.map(|session| session.0).encode(e, context)
    }

    pub(crate) fn decode<C>(d: &mut Decoder<'_>, context: &mut C) -> Result<Option<SessionId>, DecodeError> {
        Ok(Option::<u64>::decode(d, context)?.map(SessionId))
    }

    pub(crate) fn is_nil(value: &Option<SessionId>) -> bool {
        value.is_none()
    }

    #[expect(clippy::unnecessary_wraps, reason = "the shape that the derive expects")]
    pub(crate) fn nil() -> Option<Option<SessionId>> {
        Some(None)
    }
}

pub(crate) mod digest {
    use super::*;

    pub(crate) fn encode<C, W: minicbor::encode::Write>(
        value: &Digest,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.bytes(&value.0)?.ok()
    }

    pub(crate) fn decode<C>(d: &mut Decoder<'_>, _: &mut C) -> Result<Digest, DecodeError> {
        let position = d.position();
        let bytes = d.bytes()?;
        bytes
            .try_into()
            .map(Digest)
            .map_err(|_| DecodeError::message("a digest has 32 bytes").at(position))
    }
}

/// A party of an identity chain.
#[derive(Encode, Decode)]
#[cbor(map)]
struct PartyForm {
    #[n(1)]
    name: String,
    #[n(2)]
    kind: PrincipalKindForm,
}

#[derive(Clone, Copy, Encode, Decode)]
#[cbor(index_only)]
enum PrincipalKindForm {
    #[n(1)]
    Operator,
    #[n(2)]
    Person,
    #[n(3)]
    Agent,
    #[n(4)]
    Service,
    #[n(5)]
    Passthrough,
}

#[derive(Clone, Copy, Encode, Decode)]
#[cbor(index_only)]
enum AssuranceForm {
    #[n(1)]
    Weak,
    #[n(2)]
    Issued,
    #[n(3)]
    Asserted,
}

#[derive(Clone, Copy, Encode, Decode)]
#[cbor(index_only)]
enum CredentialKindForm {
    #[n(1)]
    IssuedPassword,
    #[n(2)]
    Jwt,
    #[n(3)]
    Passthrough,
    #[n(4)]
    SystemAccount,
}

/// A [`Principal`].
#[derive(Encode, Decode)]
#[cbor(map)]
struct PrincipalForm {
    #[n(1)]
    subject: PartyForm,
    #[n(2)]
    actors: Vec<PartyForm>,
    #[n(3)]
    groups: Vec<String>,
    #[n(4)]
    assurance: AssuranceForm,
    #[n(5)]
    credential_kind: CredentialKindForm,
    #[n(6)]
    credential: String,
    #[n(7)]
    purpose: Option<String>,
    #[n(8)]
    subject_groups: Vec<String>,
}

pub(crate) mod principal {
    use super::*;

    pub(crate) fn encode<C, W: minicbor::encode::Write>(
        value: &Principal,
        e: &mut minicbor::Encoder<W>,
        context: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        PrincipalForm::from(value).encode(e, context)
    }

    pub(crate) fn decode<C>(d: &mut Decoder<'_>, context: &mut C) -> Result<Principal, DecodeError> {
        PrincipalForm::decode(d, context).map(Principal::from)
    }
}

impl From<&Subject> for PartyForm {
    fn from(subject: &Subject) -> Self {
        Self {
            name: subject.name.to_string(),
            kind: match subject.kind {
                PrincipalKind::Operator => PrincipalKindForm::Operator,
                PrincipalKind::Person => PrincipalKindForm::Person,
                PrincipalKind::Agent => PrincipalKindForm::Agent,
                PrincipalKind::Service => PrincipalKindForm::Service,
                PrincipalKind::Passthrough => PrincipalKindForm::Passthrough,
            },
        }
    }
}

impl From<PartyForm> for Subject {
    fn from(form: PartyForm) -> Self {
        Self {
            name: form.name.into(),
            kind: match form.kind {
                PrincipalKindForm::Operator => PrincipalKind::Operator,
                PrincipalKindForm::Person => PrincipalKind::Person,
                PrincipalKindForm::Agent => PrincipalKind::Agent,
                PrincipalKindForm::Service => PrincipalKind::Service,
                PrincipalKindForm::Passthrough => PrincipalKind::Passthrough,
            },
        }
    }
}

impl From<&Principal> for PrincipalForm {
    fn from(principal: &Principal) -> Self {
        Self {
            subject: (&principal.subject).into(),
            actors: principal.actors.iter().map(PartyForm::from).collect(),
            groups: principal.groups.iter().map(ToString::to_string).collect(),
            assurance: match principal.assurance {
                Assurance::Weak => AssuranceForm::Weak,
                Assurance::Issued => AssuranceForm::Issued,
                Assurance::Asserted => AssuranceForm::Asserted,
            },
            credential_kind: match principal.credential_kind {
                CredentialKind::IssuedPassword => CredentialKindForm::IssuedPassword,
                CredentialKind::Jwt => CredentialKindForm::Jwt,
                CredentialKind::Passthrough => CredentialKindForm::Passthrough,
                CredentialKind::SystemAccount => CredentialKindForm::SystemAccount,
            },
            credential: principal.credential.0.to_string(),
            purpose: principal.purpose.as_ref().map(ToString::to_string),
            subject_groups: principal.subject_groups.iter().map(ToString::to_string).collect(),
        }
    }
}

impl From<PrincipalForm> for Principal {
    fn from(form: PrincipalForm) -> Self {
        Self {
            subject: form.subject.into(),
            actors: form.actors.into_iter().map(Subject::from).collect(),
            groups: form.groups.into_iter().map(Arc::from).collect(),
            assurance: match form.assurance {
                AssuranceForm::Weak => Assurance::Weak,
                AssuranceForm::Issued => Assurance::Issued,
                AssuranceForm::Asserted => Assurance::Asserted,
            },
            credential_kind: match form.credential_kind {
                CredentialKindForm::IssuedPassword => CredentialKind::IssuedPassword,
                CredentialKindForm::Jwt => CredentialKind::Jwt,
                CredentialKindForm::Passthrough => CredentialKind::Passthrough,
                CredentialKindForm::SystemAccount => CredentialKind::SystemAccount,
            },
            credential: CredentialId(form.credential.into()),
            purpose: form.purpose.map(Arc::from),
            subject_groups: form.subject_groups.into_iter().map(Arc::from).collect(),
        }
    }
}
