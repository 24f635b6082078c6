//! A column's type, and what it can hold.

use durward_model::Label;
use serde::{Deserialize, Serialize};

/// A column's type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnType {
    /// What its values are.
    pub category: TypeCategory,
    /// The most characters that fit, if that is limited.
    pub length_max: Option<u32>,
    /// Whether it holds arrays of such values.
    pub is_array: bool,
}

/// What the values of a type are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TypeCategory {
    /// Text of any kind.
    Text,
    /// Whole numbers.
    Integer,
    /// Numbers with fractions, and amounts of money.
    Numeric,
    /// Yes or no.
    Boolean,
    /// Days.
    Date,
    /// Moments, times of day and intervals.
    Timestamp,
    /// Universally unique identifiers.
    Uuid,
    /// JSON.
    Json,
    /// Internet addresses and networks.
    Inet,
    /// Hardware addresses.
    Macaddr,
    /// Bytes.
    Bytes,
    /// Points and other geometry.
    Point,
    /// One of a list of words.
    Enum,
    /// Pairs of keys and values in one text.
    Hstore,
    /// XML.
    Xml,
    /// Anything else.
    Other,
}

impl ColumnType {
    /// A type of this category without limits.
    pub const fn of(category: TypeCategory) -> Self {
        Self {
            category,
            length_max: None,
            is_array: false,
        }
    }

    /// The type that PostgreSQL's `format_type` writes so: `character varying(40)`, `numeric(10,2)`, `text[]`.
    ///
    /// Types that it doesn't know are `Other`; enums and domains are only known to the caller.
    pub fn of_postgres(written: &str) -> Self {
        let (base, is_array) = match written.trim().strip_suffix("[]") {
            Some(base) => (base.trim_end_matches("[]"), true),
            None => (written.trim(), false),
        };
        let (name, modifiers) = base.split_once('(').unwrap_or((base, ""));
        let category = category_of(name.trim());
        let length_max = modifiers
            .split([')', ','])
            .next()
            .and_then(|length| length.trim().parse().ok())
            .filter(|_| category == TypeCategory::Text);
        Self {
            category,
            length_max,
            is_array,
        }
    }

    /// Whether values of a label can stand in a column of this type. `is_clear` says that the column's name or values
    /// leave no doubt.
    pub(super) fn can_hold(&self, label: &Label, is_clear: bool) -> bool {
        let fits = self.length_max.is_none_or(|max| max >= letters_min(label));
        fits && match self.category {
            TypeCategory::Text | TypeCategory::Other => true,
            TypeCategory::Boolean | TypeCategory::Enum => false,
            TypeCategory::Json | TypeCategory::Hstore | TypeCategory::Xml => true,
            TypeCategory::Integer => {
                is_number(label)
                    || matches!(
                        label,
                        Label::Salary | Label::BirthDate | Label::Health | Label::Password
                    )
            }
            TypeCategory::Numeric => {
                is_number(label) || matches!(label, Label::Salary | Label::Location | Label::Health)
            }
            TypeCategory::Date => matches!(label, Label::BirthDate | Label::Custom(_)),
            TypeCategory::Timestamp => matches!(label, Label::BirthDate) && is_clear,
            TypeCategory::Uuid => matches!(label, Label::Secret) && is_clear,
            TypeCategory::Inet => matches!(label, Label::IpAddress),
            TypeCategory::Macaddr => matches!(label, Label::MacAddress),
            TypeCategory::Bytes => {
                matches!(
                    label,
                    Label::Password | Label::PasswordHash | Label::Secret | Label::FreeText
                )
            }
            TypeCategory::Point => matches!(label, Label::Location),
        }
    }
}

/// Labels whose values may be written in digits alone.
fn is_number(label: &Label) -> bool {
    matches!(
        label,
        Label::Phone
            | Label::Postcode
            | Label::NationalId
            | Label::Passport
            | Label::DrivingLicence
            | Label::TaxId
            | Label::CardNumber
            | Label::CardCode
            | Label::BankAccount
            | Label::Custom(_)
    )
}

/// The fewest characters that a column needs to hold values of a label.
fn letters_min(label: &Label) -> u32 {
    match label {
        Label::Email | Label::Phone | Label::NationalId | Label::IpAddress => 6,
        Label::CardNumber | Label::MacAddress => 12,
        Label::Iban => 15,
        Label::Passport | Label::DrivingLicence | Label::TaxId | Label::BankAccount | Label::BirthDate => 4,
        Label::StreetAddress | Label::PersonName | Label::Username | Label::Password | Label::Postcode => 3,
        Label::CardCode | Label::Location | Label::Health | Label::Salary | Label::Custom(_) => 1,
        Label::PasswordHash | Label::Secret => 8,
        Label::FreeText | Label::Json | Label::Untrusted => 20,
    }
}

fn category_of(name: &str) -> TypeCategory {
    match name {
        "text" | "character varying" | "varchar" | "character" | "char" | "bpchar" | "citext" | "name" | "\"char\"" => {
            TypeCategory::Text
        }
        "smallint" | "integer" | "bigint" | "int" | "int2" | "int4" | "int8" | "serial" | "bigserial" | "oid" => {
            TypeCategory::Integer
        }
        "numeric" | "decimal" | "real" | "double precision" | "float4" | "float8" | "money" => TypeCategory::Numeric,
        "boolean" | "bool" => TypeCategory::Boolean,
        "date" => TypeCategory::Date,
        "uuid" => TypeCategory::Uuid,
        "json" | "jsonb" => TypeCategory::Json,
        "inet" | "cidr" => TypeCategory::Inet,
        "macaddr" | "macaddr8" => TypeCategory::Macaddr,
        "bytea" => TypeCategory::Bytes,
        "point" | "geometry" | "geography" => TypeCategory::Point,
        "hstore" => TypeCategory::Hstore,
        "xml" => TypeCategory::Xml,
        other if other.starts_with("time") || other.starts_with("interval") => TypeCategory::Timestamp,
        _ => TypeCategory::Other,
    }
}
