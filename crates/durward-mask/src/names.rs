//! What a column is called: words for personal data and secrets in many languages.
//!
//! Three steps. An identifier is split into words, whichever way it is written. Each word or phrase stands for one or
//! more concepts: `correo` is `email`, `fecha` is `date` (files in `names/words`, one for each language). Rules say what
//! concepts together mean, in whichever order: `birth` and `date` are a date of birth (`names/rules.tsv`). Words left
//! over may turn a claim around: the `count` in `phone_count`, the `is` in `is_email`. The table's name is context.

mod fold;
mod lexicon;
mod rules;
mod segment;
mod split;

use durward_model::Label;

use lexicon::{Item, Lexicon, Meaning};
use rules::Rules;

pub use split::words;

/// What a column's name says about it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reading {
    /// What it says that the column holds, the clearest first. Words that mean two things make two claims.
    pub claims: Vec<Claim>,
    /// Words that say that the column holds nothing personal, where they are clearer than any claim.
    pub harmless: Option<Harmless>,
}

/// A name's claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// What the column is said to hold.
    pub label: Label,
    /// How clear that is: 0 to 100.
    pub weight: u8,
    /// The words that say so, as they stand in the name.
    pub words: String,
    /// Whose words they are: a language's code, `abbreviation` or `sap`.
    pub language: &'static str,
    /// A word that turns the claim around: the column is about such data, and doesn't hold it.
    pub turn: Option<Turn>,
}

/// A word that turns a claim around.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// In which way.
    pub kind: TurnKind,
    /// The word as it stands in the name.
    pub word: String,
}

/// In which way a word turns a claim around.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TurnKind {
    /// Yes or no: `is_`, `has_`, `_verified`.
    Flag,
    /// A number of things or a measure: `_count`, `_length`.
    Count,
    /// A moment: `_at`, `_updated`.
    Time,
    /// A kind or circumstance: `_type`, `_status`, `_template`.
    Aspect,
    /// A pointer to where the data are: `_id`.
    Reference,
}

/// Why a name is harmless.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Harmless {
    /// How clear that is: 0 to 100.
    pub weight: u8,
    /// The words that say so, as they stand in the name.
    pub words: String,
}

/// What a table is about, by its name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Subject {
    /// Concepts and classes, those of the main word only where they could mislead.
    terms: Vec<&'static str>,
}

/// Words of tables' names that don't say what they are about.
const GENERIC: [&str; 44] = [
    "t", "tb", "tbl", "tab", "table", "tabla", "tabela", "tabelle", "tabella", "dim", "fact", "fct", "stg", "staging",
    "raw", "v", "vw", "view", "mst", "mstr", "master", "mast", "data", "list", "lista", "liste", "info", "detail",
    "details", "record", "records", "register", "archive", "backup", "bak", "old", "tmp", "temp", "history", "hist",
    "log", "logs", "main", "import",
];

impl Subject {
    /// What a table of this name is about.
    pub fn of_table(table: &str) -> Self {
        let lexicon = Lexicon::shared();
        let mut words = split::words(table);
        if words.iter().any(|word| !GENERIC.contains(&word.as_str())) {
            words.retain(|word| !GENERIC.contains(&word.as_str()));
        }
        let items = lexicon.items(&words);
        let head_first = items.first().is_some_and(Item::is_head_first);
        let head = if head_first { items.first() } else { items.last() };
        let mut terms = Vec::new();
        for item in &items {
            let is_head = head.is_some_and(|head| std::ptr::eq(head, item));
            for meaning in &item.meanings {
                let class = lexicon.class(meaning.concept);
                terms.push(meaning.concept);
                // `customer_orders` is about orders, `order_customers` about customers.
                if is_head || items.len() == 1 {
                    terms.extend(class);
                } else if class == Some("person") || class == Some("stranger") {
                    terms.push("of-person");
                }
            }
        }
        terms.retain(|term| head.is_none_or(|head| keeps(lexicon, head, term)));
        terms.dedup();
        Self { terms }
    }

    /// Whether it is about people.
    pub fn is_of_people(&self) -> bool {
        self.has("person")
    }

    /// Whether it is about things, places, organisations or kinds of them.
    pub fn is_of_things(&self) -> bool {
        ["thing", "place", "organisation", "aspect"]
            .iter()
            .any(|class| self.has(class))
    }

    /// Whether strangers fill it: tickets, comments, messages.
    pub fn is_of_strangers(&self) -> bool {
        self.has("stranger")
    }

    /// Whether it is about this concept or class.
    fn has(&self, term: &str) -> bool {
        self.terms.contains(&term)
    }
}

/// Whether a term of a table's name counts: those of classes that only its main word gives don't count from others.
fn keeps(lexicon: &Lexicon, head: &Item, term: &str) -> bool {
    let by_head = |class: &str| {
        head.meanings
            .iter()
            .any(|meaning| lexicon.class(meaning.concept) == Some(class) || meaning.concept == class)
    };
    match term {
        "thing" | "product" | "place" | "city" | "country" | "state" | "organisation" | "aspect" | "event" | "time"
        | "person" => by_head(term),
        _ => true,
    }
}

/// Reads a column's name, in a table about something.
pub fn read(column: &str, subject: &Subject) -> Reading {
    let lexicon = Lexicon::shared();
    let items = lexicon.items(&split::words(column));
    let hits = Rules::shared().hits(lexicon, &items, subject);
    let harmless = hits.iter().find(|hit| hit.is_harmless());
    let mut claims: Vec<Claim> = Vec::new();
    for hit in &hits {
        if harmless.is_some_and(|harmless| harmless.outdoes(hit)) {
            continue;
        }
        let claim = hit.claim(&items, turn(lexicon, &items, &hit.used));
        claims.extend(claim.filter(|claim| claims.iter().all(|before| before.label != claim.label)));
    }
    // One claim is the name's, however many rules fit; others count where a word has two meanings.
    let best = claims.first().map_or(0, |claim| claim.weight);
    claims.retain(|claim| claim.weight + RIVAL_WITHIN >= best);
    Reading {
        harmless: harmless.filter(|_| claims.is_empty()).map(|hit| hit.harmless(&items)),
        claims,
    }
}

/// Whether a column's name speaks of goods or other things: a price, a model, a product's code.
pub fn is_of_thing(column: &str) -> bool {
    let lexicon = Lexicon::shared();
    lexicon
        .items(&split::words(column))
        .iter()
        .flat_map(|item| &item.meanings)
        .any(|meaning| meaning.concept == "product")
}

/// How much less clear than the best claim another may be and still count.
const RIVAL_WITHIN: u8 = 12;

/// Reads a comment on a column: what it is said to hold. Only its first words count, as later ones tell stories.
pub fn read_comment(comment: &str) -> Option<Claim> {
    /// Words: longer comments tell of more than the column.
    const WORDS_MAX: usize = 8;
    let lexicon = Lexicon::shared();
    let words = split::words(comment);
    let items = lexicon.items(words.get(..WORDS_MAX).unwrap_or(&words));
    let hits = Rules::shared().hits(lexicon, &items, &Subject::default());
    hits.iter()
        .find(|hit| !hit.is_harmless())
        .and_then(|hit| hit.claim(&items, turn(lexicon, &items, &hit.used)))
        .filter(|claim| claim.weight >= 80 && claim.turn.is_none())
}

/// The word that turns a claim around, if any of those that the claim didn't use does.
fn turn(lexicon: &Lexicon, items: &[Item], used: &[usize]) -> Option<Turn> {
    let last = items.len().checked_sub(1)?;
    items.iter().enumerate().rev().find_map(|(place, item)| {
        if used.contains(&place) || item.meanings.is_empty() {
            return None;
        }
        // A word that may also be what the claim is about doesn't turn it around.
        let kind = item
            .meanings
            .iter()
            .find_map(|meaning| turn_kind(lexicon, meaning.concept))
            .or_else(|| is_thing_of(lexicon, item, place, used).then_some(TurnKind::Aspect))?;
        let about = |meaning: &Meaning| matches!(lexicon.class(meaning.concept), None | Some("person" | "stranger"));
        if item.meanings.iter().any(about) {
            return None;
        }
        let is_code = item.meanings.iter().any(|meaning| meaning.concept == "code");
        let at_edge = match kind {
            // A `codice_iban` is an IBAN, a `phone_code` no phone number.
            TurnKind::Reference if is_code => place == last,
            TurnKind::Flag | TurnKind::Count | TurnKind::Reference => place == 0 || place == last,
            TurnKind::Time | TurnKind::Aspect => place == last || (place == 0 && item.is_head_first()),
        };
        let after_claim = used.iter().all(|used| *used < place);
        (at_edge || after_claim).then(|| Turn {
            kind,
            word: item.text.clone(),
        })
    })
}

/// Whether a thing is named by what the claim is about: a `password_file`, not the `telefono_tienda` of other languages.
fn is_thing_of(lexicon: &Lexicon, item: &Item, place: usize, used: &[usize]) -> bool {
    let is_thing = |meaning: &Meaning| lexicon.class(meaning.concept) == Some("thing");
    used.iter().all(|used| *used < place) && !item.is_head_first() && item.meanings.iter().all(is_thing)
}

fn turn_kind(lexicon: &Lexicon, concept: &str) -> Option<TurnKind> {
    match lexicon.class(concept)? {
        "flag" => Some(TurnKind::Flag),
        "count" => Some(TurnKind::Count),
        "time" => Some(TurnKind::Time),
        "aspect" => Some(TurnKind::Aspect),
        "reference" => Some(TurnKind::Reference),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
