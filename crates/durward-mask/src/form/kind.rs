use std::borrow::Cow;

use durward_model::Label;

use super::column::{ColumnType, Scalar};
use super::json::JsonMask;
use super::key::{MaskKey, SqlKey};
use super::moment::{self, Clock};
use super::net;
use super::number::{self, Bucket, Decimal, FLOAT4, FLOAT8, INT2, INT4, INT8, Integer, NUMERIC};
use super::octets::{self, Hardware};
use super::sql::{self, call, cast, literal};
use super::template::Template;
use super::text::TextMask;
use super::{Form, Unmaskable, fixed};

/// What is done to a value of a type.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    Null,
    Constant,
    Text(TextMask),
    Integer(Integer),
    CoarseInteger(Integer, Bucket),
    Decimal(Option<Bucket>),
    Float8(Option<Bucket>),
    Float4(Option<Bucket>),
    Day(moment::Turn),
    Moment(moment::Turn, Clock, usize),
    Uuid,
    Address(net::Kind, net::Turn),
    Hardware(Hardware),
    Bytea,
    Json(JsonMask),
}

impl Kind {
    pub(super) fn new(label: &Label, scalar: Scalar, form: Form) -> Result<Self, Unmaskable> {
        match form {
            Form::Null => Ok(Self::Null),
            Form::Constant if fixed::exists(scalar) => Ok(Self::Constant),
            Form::Constant => Err(Unmaskable::Form),
            Form::Pseudonym | Form::FormatPreserving | Form::Partial | Form::Generalise if label.is_secret() => {
                Err(Unmaskable::Secret)
            }
            Form::Pseudonym | Form::FormatPreserving => Self::keyed(label, scalar, form).ok_or(Unmaskable::Form),
            Form::Partial => match scalar {
                Scalar::Text { .. } | Scalar::Citext | Scalar::Bpchar { .. } => {
                    Ok(Self::Text(TextMask::partial(label)))
                }
                Scalar::Bool
                | Scalar::Int2
                | Scalar::Int4
                | Scalar::Int8
                | Scalar::Numeric { .. }
                | Scalar::Float4
                | Scalar::Float8
                | Scalar::Date
                | Scalar::Time
                | Scalar::Timestamp { .. }
                | Scalar::Timestamptz { .. }
                | Scalar::Uuid
                | Scalar::Inet
                | Scalar::Cidr
                | Scalar::Macaddr
                | Scalar::Macaddr8
                | Scalar::Json
                | Scalar::Jsonb
                | Scalar::Bytea
                | Scalar::Point
                | Scalar::Other => Err(Unmaskable::Form),
            },
            Form::Generalise => Self::coarse(label, scalar).ok_or(Unmaskable::Form),
        }
    }

    fn keyed(label: &Label, scalar: Scalar, form: Form) -> Option<Self> {
        let text = |limit| {
            Self::Text(if form == Form::FormatPreserving {
                TextMask::shape(label, limit)
            } else {
                TextMask::pseudonym(label, limit)
            })
        };
        let turn = moment::Turn::Permute;
        Some(match scalar {
            Scalar::Text { limit } => text(limit),
            Scalar::Citext => text(None),
            Scalar::Bpchar { width } => text(width),
            Scalar::Int2 => Self::Integer(INT2),
            Scalar::Int4 => Self::Integer(INT4),
            Scalar::Int8 => Self::Integer(INT8),
            Scalar::Numeric { scale } if scale.is_none_or(|scale| scale >= 0) => Self::Decimal(None),
            Scalar::Float4 => Self::Float4(None),
            Scalar::Float8 => Self::Float8(None),
            Scalar::Date => Self::Day(turn),
            Scalar::Timestamp { places } => Self::Moment(turn, Clock::Naive, places.into()),
            Scalar::Timestamptz { places } => Self::Moment(turn, Clock::Zoned, places.into()),
            Scalar::Uuid => Self::Uuid,
            Scalar::Inet => Self::Address(net::Kind::Inet, net::Turn::Permute),
            Scalar::Cidr => Self::Address(net::Kind::Cidr, net::Turn::Permute),
            Scalar::Macaddr => Self::Hardware(Hardware::Six),
            Scalar::Macaddr8 => Self::Hardware(Hardware::Eight),
            Scalar::Bytea => Self::Bytea,
            Scalar::Json | Scalar::Jsonb => Self::Json(JsonMask::default()),
            Scalar::Numeric { .. } | Scalar::Bool | Scalar::Time | Scalar::Point | Scalar::Other => return None,
        })
    }

    fn coarse(label: &Label, scalar: Scalar) -> Option<Self> {
        let bucket = if *label == Label::Location {
            Bucket::Place
        } else {
            Bucket::Lead
        };
        let turn = moment::Turn::YearStart;
        Some(match scalar {
            Scalar::Text { .. } | Scalar::Bpchar { .. } if *label == Label::Postcode => Self::Text(TextMask::Head(2)),
            Scalar::Int2 => Self::CoarseInteger(INT2, bucket),
            Scalar::Int4 => Self::CoarseInteger(INT4, bucket),
            Scalar::Int8 => Self::CoarseInteger(INT8, bucket),
            Scalar::Numeric { scale } if scale.is_none_or(|scale| scale >= 0) => Self::Decimal(Some(bucket)),
            Scalar::Float4 => Self::Float4(Some(bucket)),
            Scalar::Float8 => Self::Float8(Some(bucket)),
            Scalar::Date => Self::Day(turn),
            Scalar::Timestamp { places } => Self::Moment(turn, Clock::Naive, places.into()),
            Scalar::Timestamptz { places } => Self::Moment(turn, Clock::Zoned, places.into()),
            Scalar::Inet => Self::Address(net::Kind::Inet, net::Turn::Network),
            Scalar::Cidr => Self::Address(net::Kind::Cidr, net::Turn::Network),
            Scalar::Text { .. }
            | Scalar::Citext
            | Scalar::Bpchar { .. }
            | Scalar::Numeric { .. }
            | Scalar::Bool
            | Scalar::Time
            | Scalar::Uuid
            | Scalar::Macaddr
            | Scalar::Macaddr8
            | Scalar::Json
            | Scalar::Jsonb
            | Scalar::Bytea
            | Scalar::Point
            | Scalar::Other => return None,
        })
    }

    pub(super) const fn is_injective(&self) -> bool {
        match self {
            Self::Text(mask) => mask.is_injective(),
            Self::Integer(_)
            | Self::Decimal(None)
            | Self::Day(moment::Turn::Permute)
            | Self::Moment(moment::Turn::Permute, _, _)
            | Self::Uuid
            | Self::Address(net::Kind::Inet, net::Turn::Permute)
            | Self::Hardware(_)
            | Self::Bytea => true,
            // Floats hold more than the digits that are masked, IPv6 networks less than a hash.
            Self::Float8(_)
            | Self::Float4(_)
            | Self::Address(_, _)
            | Self::Null
            | Self::Constant
            | Self::CoarseInteger(_, _)
            | Self::Decimal(Some(_))
            | Self::Day(moment::Turn::YearStart)
            | Self::Moment(moment::Turn::YearStart, _, _)
            | Self::Json(_) => false,
        }
    }

    pub(super) const fn is_recognisable(&self) -> bool {
        match self {
            Self::Text(mask) => mask.is_recognisable(),
            Self::Uuid | Self::Bytea => true,
            Self::Null
            | Self::Constant
            | Self::Integer(_)
            | Self::CoarseInteger(_, _)
            | Self::Decimal(_)
            | Self::Float8(_)
            | Self::Float4(_)
            | Self::Day(_)
            | Self::Moment(_, _, _)
            | Self::Address(_, _)
            | Self::Hardware(_)
            | Self::Json(_) => false,
        }
    }

    pub(super) fn could_be_own(&self, key: &MaskKey, scalar: Scalar, cell: &[u8]) -> bool {
        match self {
            Self::Text(mask) => mask.could_be_own(key, unpadded(scalar, cell)),
            Self::Uuid => octets::read_uuid(cell).is_some_and(|uuid| octets::could_be_own_uuid(key, uuid)),
            Self::Bytea => octets::could_be_own_bytea(key, cell),
            Self::Null
            | Self::Constant
            | Self::Integer(_)
            | Self::CoarseInteger(_, _)
            | Self::Decimal(_)
            | Self::Float8(_)
            | Self::Float4(_)
            | Self::Day(_)
            | Self::Moment(_, _, _)
            | Self::Address(_, _)
            | Self::Hardware(_)
            | Self::Json(_) => false,
        }
    }

    /// Writes the mask of a value in text. `None` is NULL.
    pub(super) fn push(&self, key: &MaskKey, scalar: Scalar, cell: &[u8], out: &mut Vec<u8>) -> Option<()> {
        match self {
            Self::Null => return None,
            Self::Constant => {
                let start = out.len();
                fixed::push(scalar, cell, out)?;
                fit(scalar, start, out);
            }
            Self::Text(mask) => {
                let start = out.len();
                mask.apply(key, &folded(scalar, cell), out);
                fit(scalar, start, out);
            }
            Self::Integer(kind) => push_number(number::mask_integer(key, *kind, read(cell)?), out),
            Self::CoarseInteger(kind, bucket) => push_number(bucket.integer(*kind, read(cell)?), out),
            Self::Decimal(bucket) => match Decimal::read(cell) {
                Some(decimal) => decimal.push_mask(key, *bucket, out),
                None if is_special(cell) => out.extend_from_slice(cell),
                None => return None,
            },
            Self::Float8(_) | Self::Float4(_) if is_special(cell) => out.extend_from_slice(cell),
            // Few digits can print the greatest number as one beyond it.
            Self::Float8(bucket) => {
                let value = read::<f64>(cell)?.clamp(f64::MIN, f64::MAX);
                number::push_float(number::mask_float8(key, *bucket, value), FLOAT8, out)?;
            }
            Self::Float4(bucket) => {
                let value = read::<f32>(cell)?.clamp(f32::MIN, f32::MAX);
                number::push_float(number::mask_float4(key, *bucket, value), FLOAT4, out)?;
            }
            Self::Day(turn) => moment::push_day(key, *turn, cell, out),
            Self::Moment(turn, clock, places) => moment::push_moment(key, *turn, *clock, *places, cell, out),
            Self::Uuid => octets::push_uuid(octets::mask_uuid(key, octets::read_uuid(cell)?), out),
            Self::Address(kind, turn) => net::push_address(key, *kind, *turn, cell, out)?,
            Self::Hardware(kind) => octets::push_hardware(key, *kind, cell, Some(b':'), out)?,
            Self::Bytea => octets::push_bytea(key, cell, out)?,
            Self::Json(mask) => mask.apply(cell, out)?,
        }
        Some(())
    }

    /// Writes the mask of a value in binary. `None` is NULL.
    pub(super) fn push_binary(&self, key: &MaskKey, scalar: Scalar, cell: &[u8], out: &mut Vec<u8>) -> Option<()> {
        match self {
            Self::Null => return None,
            Self::Constant => {
                let start = out.len();
                fixed::push_binary(scalar, out)?;
                fit(scalar, start, out);
            }
            Self::Text(_) => self.push(key, scalar, cell, out)?,
            Self::Integer(kind) => {
                let image = number::mask_integer(key, *kind, signed(cell)?);
                push_signed(image, cell.len(), out)?;
            }
            Self::CoarseInteger(kind, bucket) => {
                push_signed(bucket.integer(*kind, signed(cell)?), cell.len(), out)?;
            }
            Self::Decimal(bucket) => number::push_numeric_binary(key, *bucket, cell, out)?,
            Self::Float8(bucket) => {
                let value = f64::from_be_bytes(cell.try_into().ok()?);
                let image = number::mask_float8(key, *bucket, value).map_or(Some(value), number::Image::to_float)?;
                // What else a NaN's bits say stays here.
                let image = if image.is_nan() { f64::NAN } else { image };
                out.extend_from_slice(&image.to_be_bytes());
            }
            Self::Float4(bucket) => {
                let value = f32::from_be_bytes(cell.try_into().ok()?);
                let image = number::mask_float4(key, *bucket, value).map_or(Some(value), number::Image::to_float)?;
                let image = if image.is_nan() { f32::NAN } else { image };
                out.extend_from_slice(&image.to_be_bytes());
            }
            Self::Day(turn) => {
                let day = i32::from_be_bytes(cell.try_into().ok()?);
                let image = if matches!(day, i32::MIN | i32::MAX) {
                    day
                } else {
                    i32::try_from(moment::mask_day(key, *turn, day.into())).ok()?
                };
                out.extend_from_slice(&image.to_be_bytes());
            }
            Self::Moment(turn, _, places) => {
                let micros = i64::from_be_bytes(cell.try_into().ok()?);
                let image = if matches!(micros, i64::MIN | i64::MAX) {
                    micros
                } else {
                    moment::mask_micros(key, *turn, *places, micros)
                };
                out.extend_from_slice(&image.to_be_bytes());
            }
            Self::Uuid => out.extend_from_slice(&octets::mask_uuid(key, cell.try_into().ok()?)),
            Self::Address(kind, turn) => net::push_address_binary(key, *kind, *turn, cell, out)?,
            Self::Hardware(kind) => octets::mask_hardware(key, *kind, cell, out)?,
            Self::Bytea => Template::bare(None).apply(key, cell, out),
            Self::Json(mask) if scalar == Scalar::Jsonb => {
                let (version, document) = cell.split_first()?;
                out.push(*version);
                mask.apply(document, out)?;
            }
            Self::Json(mask) => mask.apply(cell, out)?,
        }
        Some(())
    }

    /// The SQL form, of the column's type.
    pub(super) fn sql(&self, column: &ColumnType, argument: &str, key: &SqlKey) -> String {
        let block = &key.block();
        let expression = match self {
            Self::Null => "NULL".to_owned(),
            // Each path has a key of its own.
            Self::Json(mask) => return column.cast_scalar(&mask.sql(argument)),
            Self::Constant => {
                let value = fixed::text(column.scalar()).unwrap_or_default();
                let limit = limit(column.scalar()).unwrap_or(value.len());
                let fits = literal(value.get(..limit).unwrap_or(value));
                // NULL stays NULL without an equality that a type might lack.
                let constant = column.cast_scalar(&fits);
                // A CASE with a NULL branch has lost the typmod.
                return column.cast_scalar(&format!("CASE WHEN ({argument}) IS NULL THEN NULL ELSE {constant} END"));
            }
            Self::Text(mask) => {
                let text = format!("({} COLLATE pg_catalog.\"C\")", cast(argument, "text"));
                let text = match column.scalar() {
                    Scalar::Citext => call("lower", &[&text]),
                    _ => text,
                };
                mask.sql(block, &text)
            }
            Self::Integer(kind) => number::integer_sql(block, *kind, argument),
            Self::CoarseInteger(_, bucket) => number::coarse_integer_sql(block, *bucket, argument),
            Self::Decimal(bucket) => number::decimal_sql(block, NUMERIC, *bucket, &cast(argument, "numeric")),
            Self::Float8(bucket) => number::float_sql(block, FLOAT8, *bucket, argument),
            Self::Float4(bucket) => number::float_sql(block, FLOAT4, *bucket, argument),
            Self::Day(turn) => moment::day_sql(block, *turn, &cast(argument, "date")),
            Self::Moment(turn, clock, places) => {
                let name = match clock {
                    Clock::Naive => "timestamp",
                    Clock::Zoned => "timestamptz",
                };
                moment::moment_sql(block, *turn, *clock, *places, &cast(argument, name))
            }
            Self::Uuid => octets::uuid_sql(block, argument),
            Self::Address(kind, turn) => net::address_sql(block, *kind, *turn, argument),
            Self::Hardware(kind) => octets::hardware_sql(block, *kind, argument),
            Self::Bytea => sql::bytes(&Template::bare(None).sql_of_bytes(block, &cast(argument, "bytea"))),
        };
        column.cast_scalar(&expression)
    }
}

/// The most characters of a text.
const fn limit(scalar: Scalar) -> Option<usize> {
    if let Scalar::Text { limit } | Scalar::Bpchar { width: limit } = scalar {
        limit
    } else {
        None
    }
}

/// Cuts a constant to the column's limit and pads with blanks what is padded.
fn fit(scalar: Scalar, start: usize, out: &mut Vec<u8>) {
    let Some(limit) = limit(scalar) else {
        return;
    };
    let written = out.get(start..).unwrap_or_default();
    let characters = written.iter().filter(|byte| **byte & 0xc0 != 0x80).count();
    if characters > limit {
        // Only constants can be too long, and they are ASCII.
        out.truncate(start + limit);
    } else if matches!(scalar, Scalar::Bpchar { .. }) {
        out.extend(std::iter::repeat_n(b' ', limit - characters));
    }
}

/// A text as its mask sees it: without padding, and in lower case where case doesn't count.
fn folded(scalar: Scalar, cell: &[u8]) -> Cow<'_, [u8]> {
    let cell = unpadded(scalar, cell);
    if scalar == Scalar::Citext && cell.iter().any(u8::is_ascii_uppercase) {
        Cow::Owned(cell.to_ascii_lowercase())
    } else {
        Cow::Borrowed(cell)
    }
}

fn unpadded(scalar: Scalar, mut cell: &[u8]) -> &[u8] {
    if matches!(scalar, Scalar::Bpchar { .. }) {
        while let [rest @ .., b' '] = cell {
            cell = rest;
        }
    }
    cell
}

fn is_special(cell: &[u8]) -> bool {
    matches!(cell, b"NaN" | b"Infinity" | b"-Infinity")
}

fn read<T: std::str::FromStr>(cell: &[u8]) -> Option<T> {
    std::str::from_utf8(cell).ok()?.parse().ok()
}

fn push_number(number: i64, out: &mut Vec<u8>) {
    use std::io::Write as _;
    // A vector takes every write.
    let _written = write!(out, "{number}");
}

/// A big-endian integer of two, four or eight bytes.
fn signed(cell: &[u8]) -> Option<i64> {
    if let Ok(bytes) = cell.try_into() {
        return Some(i16::from_be_bytes(bytes).into());
    }
    if let Ok(bytes) = cell.try_into() {
        return Some(i32::from_be_bytes(bytes).into());
    }
    cell.try_into().ok().map(i64::from_be_bytes)
}

fn push_signed(number: i64, bytes: usize, out: &mut Vec<u8>) -> Option<()> {
    let all = number.to_be_bytes();
    out.extend_from_slice(all.get(all.len().checked_sub(bytes)?..)?);
    Some(())
}
