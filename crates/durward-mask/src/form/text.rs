//! Masks of texts: which one a label has, and the few that know a format.

use durward_model::Label;

use super::key::MaskKey;
use super::moment::{push_text_day, text_day_sql};
use super::net::{self, push_text_address, text_address_sql};
use super::octets::{Hardware, hardware_bytes_sql, push_hardware};
use super::shape::{Keep, Shape};
use super::sql::{Steps, call, case, join, op};
use super::template::Template;

/// An IPv6 address in full.
const ADDRESS_CHARACTERS: usize = 39;

/// Any character that isn't ASCII punctuation or a space.
const NO_PUNCTUATION: &str = "'[^ !-/:-@[-`{-~]'";

/// A mask of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TextMask {
    /// A pseudonym of its own shape.
    Template(Template),
    /// Another text of the same shape.
    Shape(Shape),
    /// The first and last characters, and stars.
    Stars { first: usize, last: usize },
    /// The first characters alone.
    Head(usize),
    /// Another IP address.
    Address,
    /// Another hardware address, or a pseudonym for what is none.
    Hardware(Template),
    /// Another date, or another text of the same shape for what is none.
    Day(Shape),
}

impl TextMask {
    /// The pseudonym of a label in a column of at most `limit` characters.
    pub(super) fn pseudonym(label: &Label, limit: Option<usize>) -> Self {
        let shape = |keep| Self::Shape(Shape::new(keep, limit));
        let bare = Template::bare(limit);
        match label {
            Label::Email => Self::Template(Template::email(limit)),
            Label::PersonName => Self::Template(Template::person(limit)),
            Label::StreetAddress => Self::Template(Template::street(limit)),
            Label::Phone
            | Label::Postcode
            | Label::NationalId
            | Label::Passport
            | Label::DrivingLicence
            | Label::TaxId
            | Label::BankAccount
            | Label::Username
            | Label::Salary => shape(Keep::Nothing),
            Label::CardNumber => shape(Keep::LastFour),
            Label::Iban => shape(Keep::Country),
            Label::BirthDate => Self::Day(Shape::new(Keep::Nothing, limit)),
            Label::IpAddress if limit.is_none_or(|limit| limit >= ADDRESS_CHARACTERS) => Self::Address,
            Label::MacAddress => Self::Hardware(bare),
            Label::FreeText | Label::Untrusted => Self::Template(Template::bracketed("[text ", limit)),
            Label::Health => Self::Template(Template::bracketed("[health ", limit)),
            Label::Location => Self::Template(Template::bracketed("[place ", limit)),
            Label::IpAddress
            | Label::CardCode
            | Label::Password
            | Label::PasswordHash
            | Label::Secret
            | Label::Json
            | Label::Custom(_) => Self::Template(bare),
        }
    }

    /// Another text of the same shape.
    pub(super) fn shape(label: &Label, limit: Option<usize>) -> Self {
        match Self::pseudonym(label, limit) {
            shape @ Self::Shape(_) => shape,
            Self::Template(_)
            | Self::Stars { .. }
            | Self::Head(_)
            | Self::Address
            | Self::Hardware(_)
            | Self::Day(_) => Self::Shape(Shape::new(Keep::Nothing, limit)),
        }
    }

    /// What of a text may be shown in part.
    pub(super) const fn partial(label: &Label) -> Self {
        let (first, last) = match label {
            Label::CardNumber | Label::BankAccount => (0, 4),
            Label::Phone => (3, 2),
            Label::Iban => (2, 4),
            Label::Email | Label::PersonName | Label::Username => (1, 0),
            Label::Postcode => (2, 0),
            Label::StreetAddress
            | Label::BirthDate
            | Label::NationalId
            | Label::Passport
            | Label::DrivingLicence
            | Label::TaxId
            | Label::CardCode
            | Label::IpAddress
            | Label::MacAddress
            | Label::Location
            | Label::Health
            | Label::Salary
            | Label::Password
            | Label::PasswordHash
            | Label::Secret
            | Label::FreeText
            | Label::Json
            | Label::Untrusted
            | Label::Custom(_) => (0, 2),
        };
        Self::Stars { first, last }
    }

    pub(super) const fn is_injective(&self) -> bool {
        match self {
            Self::Template(template) => template.is_injective(),
            Self::Shape(_) | Self::Address | Self::Hardware(_) | Self::Day(_) => true,
            Self::Stars { .. } | Self::Head(_) => false,
        }
    }

    pub(super) const fn is_recognisable(&self) -> bool {
        match self {
            Self::Template(template) => template.is_recognisable(),
            Self::Shape(_) | Self::Address | Self::Hardware(_) | Self::Day(_) | Self::Stars { .. } | Self::Head(_) => {
                false
            }
        }
    }

    pub(super) fn could_be_own(&self, key: &MaskKey, text: &[u8]) -> bool {
        match self {
            Self::Template(template) => template.could_be_own(key, text),
            Self::Address => net::could_be_own(key, text),
            Self::Shape(_) | Self::Hardware(_) | Self::Day(_) | Self::Stars { .. } | Self::Head(_) => false,
        }
    }

    pub(super) fn apply(&self, key: &MaskKey, value: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Template(template) => template.apply(key, value, out),
            Self::Shape(shape) => shape.apply(key, value, out),
            Self::Stars { first, last } => stars(*first, *last, value, out),
            Self::Head(count) => {
                let end = boundaries(value).nth(*count).unwrap_or(value.len());
                out.extend_from_slice(value.get(..end).unwrap_or_default());
            }
            Self::Address => push_text_address(key, value, out),
            Self::Hardware(template) => {
                if push_text_hardware(key, value, out).is_none() {
                    template.apply(key, value, out);
                }
            }
            Self::Day(shape) => {
                if !push_text_day(key, value, out) {
                    shape.apply(key, value, out);
                }
            }
        }
    }

    /// The twin of [`Self::apply`], of a text expression in the "C" collation: NULL without a key.
    pub(super) fn sql(&self, block: &str, text: &str) -> String {
        match self {
            Self::Template(template) => template.sql(block, text),
            Self::Shape(shape) => shape.sql(block, text),
            Self::Stars { first, last } => stars_sql(*first, *last, block, text),
            Self::Head(count) => Steps::keyed(text, block).give_keyed(&call("left", &["m.x", &count.to_string()])),
            Self::Address => text_address_sql(block, text),
            Self::Hardware(template) => text_hardware_sql(block, template, text),
            Self::Day(shape) => text_day_sql(block, text, |text| shape.sql("m.q", text)),
        }
    }
}

/// Where characters begin.
fn boundaries(text: &[u8]) -> impl DoubleEndedIterator<Item = usize> {
    text.iter()
        .enumerate()
        .filter(|(_, byte)| **byte & 0xc0 != 0x80)
        .map(|(place, _)| place)
}

/// Shows the ends of texts at least twice as long as they are.
fn stars(first: usize, last: usize, value: &[u8], out: &mut Vec<u8>) {
    let length = boundaries(value).count();
    let (first, last) = if length < 2 * (first + last) {
        (0, 0)
    } else {
        (first, last)
    };
    let hidden = first..length.saturating_sub(last);
    let mut place = 0;
    for byte in value {
        let starts = *byte & 0xc0 != 0x80;
        if starts {
            place += 1;
        }
        let is_hidden = hidden.contains(&usize::saturating_sub(place, 1));
        if !is_hidden || byte.is_ascii_punctuation() || *byte == b' ' {
            out.push(*byte);
        } else if starts {
            out.push(b'*');
        }
    }
}

fn stars_sql(first: usize, last: usize, block: &str, text: &str) -> String {
    let length = call("length", &["m.x"]);
    let is_short = op(&length, "<", &(2 * (first + last)).to_string());
    let replaced = |text: &str| call("regexp_replace", &[text, NO_PUNCTUATION, "'*'", "'g'"]);
    let middle = call(
        "substr",
        &[
            "m.x",
            &(first + 1).to_string(),
            &op(&length, "-", &(first + last).to_string()),
        ],
    );
    let shown = join(&[
        &call("left", &["m.x", &first.to_string()]),
        &replaced(&middle),
        &call("right", &["m.x", &last.to_string()]),
    ]);
    Steps::keyed(text, block).give_keyed(&case(&[(&is_short, &replaced("m.x"))], &shown))
}

/// `xx:xx:xx:xx:xx:xx` with colons or hyphens, or twelve digits, in lower case as a mask.
fn push_text_hardware(key: &MaskKey, text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let separator = match text {
        [_, _, separator @ (b':' | b'-'), ..] if text.len() == 17 => {
            let at_places = text.iter().skip(2).step_by(3).all(|byte| byte == separator);
            at_places.then_some(Some(*separator))?
        }
        _ if text.len() == 12 => None,
        _ => return None,
    };
    push_hardware(key, Hardware::Six, text, separator, out)
}

fn text_hardware_sql(block: &str, template: &Template, text: &str) -> String {
    let shape = |separator: &str| {
        let pair = "[0-9A-Fa-f]{2}";
        op("m.x", "~", &format!("'^{pair}({separator}{pair}){{5}}$'"))
    };
    let separated = format!("({} OR {})", shape(":"), shape("-"));
    let is_hardware = format!("({separated} OR {})", shape(""));
    let separator = case(&[(&separated, &call("substr", &["m.x", "3", "1"]))], "''");
    let digits = call("replace", &[&call("replace", &["m.x", "':'", "''"]), "'-'", "''"]);
    let pairs: Vec<String> = (0..6)
        .map(|pair| call("substr", &["m.y", &(2 * pair + 1).to_string(), "2"]))
        .collect();
    let mut joined = String::new();
    for pair in &pairs {
        joined = if joined.is_empty() {
            pair.clone()
        } else {
            join(&[&joined, "m.s", pair])
        };
    }
    let image = hardware_bytes_sql("m.q", Hardware::Six, &call("decode", &[&digits, "'hex'"]));
    let image = call("encode", &[&image, "'hex'"]);
    Steps::keyed(text, block)
        .with(&[("i", &is_hardware)])
        .with(&[("s", &separator), ("y", &case(&[("m.i", &image)], "NULL"))])
        .give_keyed(&case(&[("m.i", &joined)], &template.sql("m.q", "m.x")))
}
