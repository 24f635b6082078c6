//! Times as people write them: RFC 3339 in UTC, and how long ago.

use serde::{Serialize, Serializer};

const SECOND: u64 = 1_000_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// A moment in microseconds since 1970-01-01 00:00 UTC, shown as `2026-11-21T02:42:51.123456Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Moment(pub u64);

impl Moment {
    /// Reads `2026-11-21`, `2026-11-21T02:42`, `2026-11-21 02:42:51.5Z` (all UTC), or how long before `now`: `90s`,
    /// `15m`, `2h`, `3d`.
    pub fn parse(text: &str, now: Self) -> Option<Self> {
        let text = text.trim();
        ago(text, now).or_else(|| date_and_time(text))
    }
}

fn ago(text: &str, now: Moment) -> Option<Moment> {
    let unit = match text.chars().next_back()? {
        's' => SECOND,
        'm' => MINUTE,
        'h' => HOUR,
        'd' => DAY,
        _ => return None,
    };
    let count: u64 = text.get(..text.len() - 1)?.parse().ok()?;
    Some(Moment(now.0.saturating_sub(count.checked_mul(unit)?)))
}

fn date_and_time(text: &str) -> Option<Moment> {
    let text = text.strip_suffix('Z').unwrap_or(text);
    let (date, time) = text.split_once(['T', ' ']).unwrap_or((text, "00:00"));
    let mut date = date.splitn(3, '-').map(str::parse::<u64>);
    let (year, month, day) = (date.next()?.ok()?, date.next()?.ok()?, date.next()?.ok()?);
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || day == 0 || day > days_in_month(year, month) {
        return None;
    }
    let days = (1970..year)
        .map(|year| if is_leap(year) { 366 } else { 365 })
        .sum::<u64>()
        + (1..month).map(|month| days_in_month(year, month)).sum::<u64>()
        + day
        - 1;
    Some(Moment(days * DAY + time_of_day(time)?))
}

fn time_of_day(text: &str) -> Option<u64> {
    let (clock, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut parts = clock.splitn(3, ':').map(str::parse::<u64>);
    let (hour, minute) = (parts.next()?.ok()?, parts.next()?.ok()?);
    let second = parts.next().transpose().ok()?.unwrap_or(0);
    if hour > 23 || minute > 59 || second > 59 || fraction.len() > 6 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let microseconds: u64 = format!("{fraction:0<6}").parse().ok()?;
    Some(hour * HOUR + minute * MINUTE + second * SECOND + microseconds)
}

const fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

const fn days_in_month(year: u64, month: u64) -> u64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

impl std::fmt::Display for Moment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Days to a date in the proleptic Gregorian calendar, counted from 0000-03-01 (Hinnant, `civil_from_days`).
        let days = self.0 / DAY + 719_468;
        let (era, day_of_era) = (days / 146_097, days % 146_097);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 {
            month_from_march + 3
        } else {
            month_from_march - 9
        };
        let year = year_of_era + era * 400 + u64::from(month <= 2);
        let (hour, minute) = (self.0 % DAY / HOUR, self.0 % HOUR / MINUTE);
        let (second, microsecond) = (self.0 % MINUTE / SECOND, self.0 % SECOND);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{microsecond:06}Z"
        )
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_read_as_they_are_shown() {
        for (moment, text) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (951_782_400 * SECOND, "2000-02-29T00:00:00.000000Z"),
            (1_795_228_971_123_456, "2026-11-21T02:42:51.123456Z"),
        ] {
            assert_eq!(Moment(moment).to_string(), text);
            assert_eq!(Moment::parse(text, Moment(0)), Some(Moment(moment)));
        }
    }

    #[test]
    fn people_write_less() {
        let now = Moment(1_795_228_971 * SECOND);
        for (text, expected) in [
            ("2026-11-21", Some("2026-11-21T00:00:00.000000Z")),
            ("2026-11-21 02:42", Some("2026-11-21T02:42:00.000000Z")),
            ("2026-11-21T02:42:51.5Z", Some("2026-11-21T02:42:51.500000Z")),
            ("15m", Some("2026-11-21T02:27:51.000000Z")),
            ("1d", Some("2026-11-20T02:42:51.000000Z")),
            ("2026-02-30", None),
            ("2026-13-01", None),
            ("25:00", None),
            ("yesterday", None),
            ("", None),
        ] {
            assert_eq!(
                Moment::parse(text, now).map(|moment| moment.to_string()).as_deref(),
                expected,
                "{text}"
            );
        }
    }
}
