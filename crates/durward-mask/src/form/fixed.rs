//! Values that say nothing: one for each type.

use super::MASKED;
use super::column::Scalar;
use super::moment::{Clock, push_fixed_day, push_fixed_moment};

const NO_UUID: &str = "00000000-0000-4000-8000-000000000000";

/// Whether a type has a fixed value.
pub(super) const fn exists(scalar: Scalar) -> bool {
    !matches!(scalar, Scalar::Other)
}

/// Writes the fixed value of a type as the cell before it was written.
pub(super) fn push(scalar: Scalar, cell: &[u8], out: &mut Vec<u8>) -> Option<()> {
    match scalar {
        Scalar::Date => push_fixed_day(cell, out),
        Scalar::Timestamp { .. } => push_fixed_moment(Clock::Naive, cell, out),
        Scalar::Timestamptz { .. } => push_fixed_moment(Clock::Zoned, cell, out),
        // The two output formats differ in their first bytes.
        Scalar::Bytea if cell.starts_with(b"\\x") => out.extend_from_slice(b"\\x5b6d61736b65645d"),
        Scalar::Bool => out.push(b'f'),
        Scalar::Numeric { scale } => {
            out.push(b'0');
            let places = places(scale);
            if places > 0 {
                out.push(b'.');
                out.extend(std::iter::repeat_n(b'0', places.into()));
            }
        }
        Scalar::Text { .. }
        | Scalar::Citext
        | Scalar::Bpchar { .. }
        | Scalar::Int2
        | Scalar::Int4
        | Scalar::Int8
        | Scalar::Float4
        | Scalar::Float8
        | Scalar::Time
        | Scalar::Uuid
        | Scalar::Inet
        | Scalar::Cidr
        | Scalar::Macaddr
        | Scalar::Macaddr8
        | Scalar::Json
        | Scalar::Jsonb
        | Scalar::Bytea
        | Scalar::Point
        | Scalar::Other => out.extend_from_slice(text(scalar)?.as_bytes()),
    }
    Some(())
}

/// Writes the fixed value of a type in binary.
pub(super) fn push_binary(scalar: Scalar, out: &mut Vec<u8>) -> Option<()> {
    let bytes: &[u8] = match scalar {
        Scalar::Text { .. } | Scalar::Citext | Scalar::Bpchar { .. } | Scalar::Bytea | Scalar::Json => {
            out.extend_from_slice(text(scalar)?.as_bytes());
            return Some(());
        }
        Scalar::Bool => &[0],
        Scalar::Int2 => &[0; 2],
        Scalar::Int4 | Scalar::Float4 | Scalar::Date => &[0; 4],
        Scalar::Int8 | Scalar::Float8 | Scalar::Time | Scalar::Timestamp { .. } | Scalar::Timestamptz { .. } => &[0; 8],
        // No digits, weight and sign; the scale.
        Scalar::Numeric { scale } => {
            out.extend_from_slice(&[0; 6]);
            &places(scale).to_be_bytes()
        }
        Scalar::Uuid => &[0, 0, 0, 0, 0, 0, 0x40, 0, 0x80, 0, 0, 0, 0, 0, 0, 0],
        // Family, bits, whether it is a network, and four bytes.
        Scalar::Inet => &[2, 32, 0, 4, 0, 0, 0, 0],
        Scalar::Cidr => &[2, 32, 1, 4, 0, 0, 0, 0],
        Scalar::Macaddr => &[0; 6],
        Scalar::Macaddr8 => &[0; 8],
        // The version comes first.
        Scalar::Jsonb => b"\x01null",
        Scalar::Point => &[0; 16],
        Scalar::Other => return None,
    };
    out.extend_from_slice(bytes);
    Some(())
}

/// The fixed value of a type in text, in the styles that the server reads whatever its settings are.
pub(super) const fn text(scalar: Scalar) -> Option<&'static str> {
    Some(match scalar {
        Scalar::Text { .. } | Scalar::Citext | Scalar::Bpchar { .. } | Scalar::Bytea => MASKED,
        Scalar::Bool => "false",
        Scalar::Int2 | Scalar::Int4 | Scalar::Int8 | Scalar::Numeric { .. } | Scalar::Float4 | Scalar::Float8 => "0",
        Scalar::Date => "2000-01-01",
        Scalar::Time => "00:00:00",
        Scalar::Timestamp { .. } => "2000-01-01 00:00:00",
        Scalar::Timestamptz { .. } => "2000-01-01 00:00:00+00",
        Scalar::Uuid => NO_UUID,
        Scalar::Inet => "0.0.0.0",
        Scalar::Cidr => "0.0.0.0/32",
        Scalar::Macaddr => "00:00:00:00:00:00",
        Scalar::Macaddr8 => "00:00:00:00:00:00:00:00",
        Scalar::Json | Scalar::Jsonb => "null",
        Scalar::Point => "(0,0)",
        Scalar::Other => return None,
    })
}

/// Decimal places of a numeric's zero.
fn places(scale: Option<i32>) -> u16 {
    scale.and_then(|scale| u16::try_from(scale).ok()).unwrap_or_default()
}
