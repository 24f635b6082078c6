//! What a column's name and comment claim.

use durward_model::Label;

use super::super::{ColumnProfile, Evidence, Source, TypeCategory};
use super::Case;
use crate::names::{self, Claim, Turn, TurnKind};

/// A claim, weighed.
#[derive(Debug)]
pub(super) struct Claimed {
    pub(super) label: Label,
    pub(super) weight: f64,
    pub(super) evidence: Vec<Evidence>,
}

/// What the name claims; or, where it says nothing, the comment.
pub(super) fn claimed(case: &Case<'_>) -> Vec<Claimed> {
    let mut claimed: Vec<Claimed> = case.reading.claims.iter().map(|claim| of_claim(case, claim)).collect();
    let is_silent = claimed.is_empty() && case.reading.harmless.is_none();
    let comment = case.profile.comment.as_deref().filter(|_| is_silent);
    if let Some(claim) = comment.and_then(names::read_comment) {
        claimed.push(Claimed {
            weight: f64::from(claim.weight) * 0.75,
            evidence: vec![Evidence {
                source: Source::Comment,
                label: Some(claim.label.clone()),
                text: format!("comment \"{}\" says {}", claim.words, claim.label),
            }],
            label: claim.label,
        });
    }
    claimed
}

/// Whether the comment on a column says that it holds personal data, without saying which.
pub(super) fn is_called_personal(profile: &ColumnProfile) -> bool {
    const SAYS: [&str; 14] = [
        "pii",
        "gdpr",
        "dsgvo",
        "rgpd",
        "lgpd",
        "personal data",
        "sensitive",
        "confidential",
        "personenbezogen",
        "personenbezogene",
        "donnees personnelles",
        "datos personales",
        "dados pessoais",
        "dati personali",
    ];
    const DENIES: [&str; 5] = ["no", "not", "non", "kein", "keine"];
    let Some(comment) = &profile.comment else { return false };
    let words = names::words(comment);
    let line = format!(" {} ", words.join(" "));
    let is_denied = words.iter().any(|word| DENIES.contains(&word.as_str()));
    !is_denied && SAYS.iter().any(|says| line.contains(&format!(" {says} ")))
}

fn of_claim(case: &Case<'_>, claim: &Claim) -> Claimed {
    let label = &claim.label;
    let mut weight = f64::from(claim.weight);
    let mut evidence = vec![Evidence {
        source: Source::Name,
        label: Some(label.clone()),
        text: format!("name \"{}\" says {label} ({})", claim.words, claim.language),
    }];
    if let Some(turn) = &claim.turn {
        weight *= turned(case, turn);
        evidence.push(Evidence {
            source: Source::Name,
            label: None,
            text: format!(
                "\"{}\" says that the column is about {label} and doesn't hold it",
                turn.word
            ),
        });
    }
    // A bare `name` or `customer` means what the table's other columns are about.
    let is_bare = *label == Label::PersonName && claim.weight < 60;
    if is_bare && !case.subject.is_of_things() {
        if case.neighbours.personal() > 0 {
            weight += 18.0;
            evidence.push(Evidence {
                source: Source::Siblings,
                label: Some(label.clone()),
                text: "other columns of the table are of people".to_owned(),
            });
        } else if case.neighbours.things() > 0 && !case.subject.is_of_people() {
            weight -= 20.0;
        }
    }
    Claimed {
        label: label.clone(),
        weight,
        evidence,
    }
}

/// How much of a claim is left when a word turns it around.
fn turned(case: &Case<'_>, turn: &Turn) -> f64 {
    let holds_text = matches!(
        case.profile.column_type.category,
        TypeCategory::Text | TypeCategory::Other | TypeCategory::Bytes
    );
    match (turn.kind, holds_text) {
        // `verified_email` may be an email after all, and `passport_id` a passport's number.
        (TurnKind::Flag | TurnKind::Reference, true) => 0.5,
        (TurnKind::Flag | TurnKind::Reference, false) => 0.2,
        (TurnKind::Count | TurnKind::Time, _) => 0.2,
        (TurnKind::Aspect, _) => 0.25,
    }
}
