//! What a keyed function is asked for, so that no two purposes share their inputs. A purpose stands in the bits from 48
//! on of a tweak; the bits below say which permutation of the purpose is meant.

/// Digits of a text.
pub(super) const DIGITS: u64 = 1 << 48;
/// Letters and digits of a text.
pub(super) const MIXED: u64 = 2 << 48;
/// Numbers.
pub(super) const NUMBER: u64 = 3 << 48;
/// Days.
pub(super) const DAY: u64 = 4 << 48;
/// Whole seconds of days.
pub(super) const SECOND: u64 = 5 << 48;
/// Fractions of seconds of days.
pub(super) const FRACTION: u64 = 6 << 48;
/// IPv4 addresses and networks.
pub(super) const IPV4: u64 = 7 << 48;
/// Hardware addresses of 48 bits.
pub(super) const MAC48: u64 = 8 << 48;
/// Hardware addresses of 64 bits.
pub(super) const MAC64: u64 = 9 << 48;
/// Check characters.
pub(super) const CHECK: u64 = 10 << 48;
