//! Masks: each defined once, with a form in Rust for cells and a form in SQL for computing statements.
//!
//! A [`Mask`] is made of a label, a column's type, a [`Form`] and a [`MaskKey`]. Its two forms give the same bytes; what
//! the SQL form computes from is an expression and the name of a setting that holds the key ([`SqlKey`]).
//!
//! - **Injective** masks ([`Mask::is_injective`]) are either permutations or hashes of 64 bits and more, so that equal
//!   values stay equal and different ones different: joins, DISTINCT and GROUP BY go on working.
//! - **Secrets** have constant forms only: not even their length or equality shows.
//! - **What the key protects.** Small domains (dates, postcodes) can be enumerated only with the key. Whoever may write rows
//!   and read them back learns the masks of values that they choose: they must be shown constants, no other mask helps.
//! - **What shows.** Masks that keep shape show length and punctuation; numbers their sign and count of digits; dates the
//!   span of eleven years; arrays and JSON their structure; every injective mask which rows are equal.
//! - **Encodings.** Cells are in UTF-8 (`client_encoding`), as the SQL form computes on UTF-8. Cells that a session prints
//!   in a style that doesn't tell the value (dates other than ISO) become a fixed value of that style. Floats printed with
//!   a negative `extra_float_digits` are masked as printed. A `timestamptz` keeps the offset that it was printed with.
//!   Equality is that of bytes: what a nondeterministic collation holds for equal has different masks.
//! - **Costs.** A cell takes a quarter of a microsecond for a hash, half a one for a permutation, and no memory of its own
//!   (but for escapes in arrays and JSON). In the server, whose `sha256` takes 1.5 µs a call, a hash takes 2 to 6 µs, a
//!   permuted number or phone 15 to 25, a text of letters and digits whose shape is kept 40 to 100.
//!
//! ```
//! use std::sync::Arc;
//!
//! use durward_mask::form::{ColumnType, Form, Mask, MaskKey, Masked, Scope, SqlKey};
//! use durward_model::Label;
//!
//! let key = MaskKey::derive(&[7; 32], "shop", &Label::Email, Scope::Principal("ada"));
//! let setting = SqlKey::new("k4f9a0c").ok_or("a name")?;
//! let column = ColumnType::built_in(25, -1).ok_or("text")?;
//! let mask = Mask::new(&Label::Email, column, Form::Pseudonym, Arc::new(key))?;
//!
//! let mut cell = Vec::new();
//! assert_eq!(mask.apply_text(b"ada@corp.example", &mut cell), Masked::Value);
//! assert!(cell.ends_with(b"@example.invalid") && mask.could_be_own(&cell));
//!
//! let query = format!("SELECT {} FROM customers c", mask.sql("c.email", &setting));
//! assert!(query.contains("durward.k4f9a0c"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod array;
mod column;
mod digits;
mod feistel;
mod fixed;
mod hash;
mod json;
mod key;
mod kind;
mod moment;
mod net;
mod number;
mod octets;
mod shape;
mod sql;
mod tag;
mod template;
mod text;

use std::sync::Arc;

use durward_model::Label;

pub use column::{ColumnType, Scalar};
pub use json::JsonRule;
pub use key::{MaskKey, Scope, SqlKey};

use json::JsonMask;
use kind::Kind;

/// What stands in place of a secret text.
const MASKED: &str = "[masked]";

/// How much of a value a mask keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// Another value of the same type that stands for this one alone.
    Pseudonym,
    /// As a pseudonym, and digits stay digits, letters letters, and all else and the length stay.
    FormatPreserving,
    /// A readable part, and stars.
    Partial,
    /// A coarser value: the year of a date, the first digit of a number, the network of an address.
    Generalise,
    /// The same value for all.
    Constant,
    /// NULL.
    Null,
}

impl Form {
    /// The form of a label's masks where policy says nothing: a pseudonym, but for secrets a constant, for places a
    /// coarser one, and for types that have neither a constant or NULL.
    pub fn default_for(label: &Label, column: &ColumnType) -> Self {
        let scalar = column.scalar();
        let wanted = if label.is_secret() {
            Self::Constant
        } else if matches!(label, Label::Location) && Kind::new(label, scalar, Self::Generalise).is_ok() {
            Self::Generalise
        } else {
            Self::Pseudonym
        };
        [wanted, Self::Constant]
            .into_iter()
            .find(|form| Kind::new(label, scalar, *form).is_ok())
            .unwrap_or(Self::Null)
    }
}

/// What a mask made of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Masked {
    /// The value that was written.
    Value,
    /// NULL: the mask says so, or the cell isn't one of its type. Nothing was written.
    Null,
}

/// Why a mask can't be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unmaskable {
    /// Only constant and null forms tell nothing of a secret.
    #[error("a secret has no form that keeps anything of it")]
    Secret,
    /// The type has no such form.
    #[error("the type has no mask of this form")]
    Form,
}

/// A mask of one column.
#[derive(Debug, Clone)]
pub struct Mask {
    kind: Kind,
    column: ColumnType,
    key: Arc<MaskKey>,
}

impl Mask {
    /// The mask of a label's column.
    ///
    /// # Errors
    /// When the form doesn't fit the label or the type.
    pub fn new(label: &Label, column: ColumnType, form: Form, key: Arc<MaskKey>) -> Result<Self, Unmaskable> {
        let kind = match Kind::new(label, column.scalar(), form)? {
            Kind::Json(_) => Kind::Json(JsonMask::whole(label.clone(), Arc::clone(&key))),
            kind => kind,
        };
        Ok(Self { kind, column, key })
    }

    /// The mask of what is labelled within a column of JSON documents, which may be a text without limit. There, what isn't
    /// a document becomes NULL.
    ///
    /// # Errors
    /// When the column's type can't hold any.
    pub fn json(column: ColumnType, rules: Vec<JsonRule>, key: Arc<MaskKey>) -> Result<Self, Unmaskable> {
        if !matches!(
            column.scalar(),
            Scalar::Json | Scalar::Jsonb | Scalar::Text { limit: None }
        ) {
            return Err(Unmaskable::Form);
        }
        let kind = Kind::Json(JsonMask::new(rules));
        Ok(Self { kind, column, key })
    }

    /// The mask that shows the same for every value of the column.
    #[must_use]
    pub fn constant(&self) -> Self {
        let kind = if fixed::exists(self.column.scalar()) {
            Kind::Constant
        } else {
            Kind::Null
        };
        Self { kind, ..self.clone() }
    }

    /// Appends the mask of a cell in the text format to `out`. NULL cells have no bytes and are the caller's to keep.
    pub fn apply_text(&self, cell: &[u8], out: &mut Vec<u8>) -> Masked {
        let start = out.len();
        let scalar = self.column.scalar();
        let written = if self.column.is_array() && !matches!(self.kind, Kind::Null) {
            array::push_array(cell, out, |element, out| {
                self.kind.push(&self.key, scalar, element, out)
            })
        } else {
            self.kind.push(&self.key, scalar, cell, out)
        };
        finished(written, start, out)
    }

    /// Appends the mask of a cell in the type's binary format to `out`.
    pub fn apply_binary(&self, cell: &[u8], out: &mut Vec<u8>) -> Masked {
        let start = out.len();
        let scalar = self.column.scalar();
        let written = if self.column.is_array() && !matches!(self.kind, Kind::Null) {
            array::push_array_binary(cell, out, |element, out| {
                self.kind.push_binary(&self.key, scalar, element, out)
            })
        } else {
            self.kind.push_binary(&self.key, scalar, cell, out)
        };
        finished(written, start, out)
    }

    /// The SQL form: an expression over another, of the column's type, that gives what [`Self::apply_text`] gives.
    ///
    /// `argument` stands in it once, in a place where it sees what stands around the whole. NULL gives NULL, and so does
    /// everything where the key's setting is missing or empty. Where [`Self::has_sql_form`] is `false` it is NULL.
    pub fn sql(&self, argument: &str, key: &SqlKey) -> String {
        let name = self.column.sql_name();
        if !self.has_sql_form() || matches!(self.kind, Kind::Null) {
            return format!("(NULL)::{name}");
        }
        if self.column.is_array() {
            let array = array::array_sql(argument, &name, |element| self.kind.sql(&self.column, element, key));
            return self.column.cast_array(&if matches!(self.kind, Kind::Constant) {
                array
            } else {
                sql::if_keyed(&key.block(), &array)
            });
        }
        self.kind.sql(&self.column, argument, key)
    }

    /// Whether the SQL form gives more than NULL: not for whole JSON documents, nor for paths within anything but a `jsonb`.
    pub const fn has_sql_form(&self) -> bool {
        if let Kind::Json(mask) = &self.kind {
            mask.has_paths() && matches!(self.column.scalar(), Scalar::Jsonb)
        } else {
            true
        }
    }

    /// Whether different values have different masks, for sure or but for odds of 2^-59 a pair; for values in ASCII where
    /// a text's shape is kept, and in the years 4 to 9994 of dates.
    pub const fn is_injective(&self) -> bool {
        !self.column.is_array() && self.kind.is_injective()
    }

    /// Whether every mask is known again: by fixed parts around the exact count of hexadecimal digits, or, where it is a
    /// hash alone, by keyed check digits. Masks that keep shape, numbers, dates, arrays and columns of few characters have no
    /// room for either.
    pub const fn is_recognisable(&self) -> bool {
        !self.column.is_array() && self.kind.is_recognisable()
    }

    /// Whether a value in text, sent by a client, is a mask of this kind: `true` for every own mask where masks are
    /// recognisable (and for long addresses in text). A hash alone (uuids and byte strings too) passes if its check digits fit
    /// this key, which another's do with odds of at most 2^-20. What has fixed parts passes by its form, whosever key made it,
    /// which nothing but a mask has: an address such as `u…@example.invalid`, two listed words and a hash, a hash in brackets.
    pub fn could_be_own(&self, cell: &[u8]) -> bool {
        !self.column.is_array() && self.kind.could_be_own(&self.key, self.column.scalar(), cell)
    }
}

fn finished(written: Option<()>, start: usize, out: &mut Vec<u8>) -> Masked {
    match written {
        Some(()) => Masked::Value,
        None => {
            out.truncate(start);
            Masked::Null
        }
    }
}
