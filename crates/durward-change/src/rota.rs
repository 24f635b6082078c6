//! Who is on call: the first shift of a list that the moment falls into.

use std::str::FromStr;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::party::{Party, PartyError};

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Minutes of a day.
const DAY: u16 = 24 * 60;

/// Shifts, in the order in which they count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rota(Vec<Shift>);

/// Some hours of some days of the week, by the clock of one time zone.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Shift {
    /// From Monday.
    days: [bool; 7],
    /// Minutes since midnight.
    from: u16,
    /// Minutes since midnight; at or before `from` it is of the next day.
    until: u16,
    zone: TimeZone,
    parties: Vec<Party>,
}

/// A shift that can't be read. The fault is with the configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RotaError {
    /// It isn't of the form that is read.
    #[error(
        "{0:?} is no shift: give [DAY-DAY] [HH:MM-HH:MM] [ZONE] = GROUP|…, such as mon-fri 08:00-18:00 Europe/Berlin = dba"
    )]
    Shift(String),
    /// There is no such time zone here.
    #[error("{0:?} is no time zone that this system knows")]
    Zone(String),
    /// It names nobody.
    #[error(transparent)]
    Party(#[from] PartyError),
}

impl Rota {
    /// Reads one shift from each text.
    ///
    /// # Errors
    /// When one can't be read.
    pub fn of<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, RotaError> {
        texts.into_iter().map(str::parse).collect::<Result<_, _>>().map(Self)
    }

    /// Whether nobody ever is on call.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Who is, at a time in seconds since 1970; nobody between shifts.
    pub fn on_call(&self, now: i64) -> &[Party] {
        let shift = self.0.iter().find(|shift| shift.holds(now));
        shift.map_or(&[], |shift| &shift.parties)
    }
}

impl Shift {
    fn holds(&self, now: i64) -> bool {
        let Ok(moment) = Timestamp::from_second(now) else {
            return false;
        };
        let here = moment.to_zoned(self.zone.clone());
        let minute = i32::from(here.hour()) * 60 + i32::from(here.minute());
        let today = usize::try_from(here.weekday().to_monday_zero_offset()).unwrap_or_default();
        let is_day = |day: usize| self.days.get(day % 7).copied().unwrap_or_default();
        let (from, until) = (i32::from(self.from), i32::from(self.until));
        if from < until {
            return is_day(today) && (from..until).contains(&minute);
        }
        // A night belongs to the day on which it begins.
        (is_day(today) && minute >= from) || (is_day(today + 6) && minute < until)
    }
}

impl FromStr for Shift {
    type Err = RotaError;

    fn from_str(text: &str) -> Result<Self, RotaError> {
        let unread = || RotaError::Shift(text.to_owned());
        let (times, parties) = text.split_once('=').unwrap_or(("", text));
        let mut shift = Self {
            days: [true; 7],
            from: 0,
            until: DAY,
            zone: TimeZone::UTC,
            parties: Party::list(parties)?,
        };
        let mut words = times.split_whitespace().peekable();
        if let Some(days) = words.peek().and_then(|word| days(word)) {
            shift.days = days;
            words.next();
        }
        if let Some((from, until)) = words.peek().and_then(|word| hours(word)) {
            (shift.from, shift.until) = (from, until);
            words.next();
        }
        if let Some(zone) = words.next() {
            if !zone.contains('/') && zone != "UTC" {
                return Err(unread());
            }
            shift.zone = TimeZone::get(zone).map_err(|_| RotaError::Zone(zone.to_owned()))?;
        }
        if words.next().is_some() {
            return Err(unread());
        }
        Ok(shift)
    }
}

/// `mon`, `mon-fri`, `sat-sun`, `fri-mon`.
fn days(word: &str) -> Option<[bool; 7]> {
    let number = |name: &str| DAYS.iter().position(|day| name.eq_ignore_ascii_case(day));
    let (first, last) = word.split_once('-').unwrap_or((word, word));
    let (first, last) = (number(first)?, number(last)?);
    let length = (last + 7 - first) % 7;
    let mut days = [false; 7];
    for (day, is_one) in days.iter_mut().enumerate() {
        *is_one = (day + 7 - first) % 7 <= length;
    }
    Some(days)
}

/// `08:00-18:00`, `22:00-06:00`, `00:00-24:00`.
fn hours(word: &str) -> Option<(u16, u16)> {
    let (from, until) = word.split_once('-')?;
    let (from, until) = (minutes(from)?, minutes(until)?);
    (from < DAY && from != until).then_some((from, until))
}

fn minutes(clock: &str) -> Option<u16> {
    let (hours, minutes) = clock.split_once(':')?;
    let digits = |text: &str| (text.len() == 2).then(|| text.parse::<u16>().ok()).flatten();
    let (hours, minutes) = (digits(hours)?, digits(minutes)?);
    let total = hours * 60 + minutes;
    (minutes < 60 && total <= DAY).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::Rota;
    use crate::party::in_words;

    fn at(time: &str) -> i64 {
        time.parse::<jiff::Timestamp>().unwrap().as_second()
    }

    #[test]
    fn the_first_shift_that_fits_is_on_call() {
        let rota = Rota::of([
            "mon-fri 08:00-18:00 Europe/Berlin = support",
            "fri 22:00-06:00 Europe/Berlin = night|identity:carol",
            "sat-sun UTC = weekend",
            "oncall",
        ])
        .unwrap();
        for (time, who) in [
            // 2026-11-26 is a Thursday; Berlin is an hour ahead in winter, two in summer.
            ("2026-11-26T07:00:00Z", "support"),
            ("2026-11-26T06:59:59Z", "oncall"),
            ("2026-11-26T17:00:00Z", "oncall"),
            ("2026-07-23T06:00:00Z", "support"),
            ("2026-11-27T21:00:00Z", "night or carol"),
            ("2026-11-28T04:59:00Z", "night or carol"),
            ("2026-11-28T05:00:00Z", "weekend"),
            ("2026-11-29T23:59:00Z", "weekend"),
            ("2026-11-30T00:00:00Z", "oncall"),
        ] {
            assert_eq!(in_words(rota.on_call(at(time))), who, "{time}");
        }
        let days = Rota::of(["sat-mon = a"]).unwrap();
        for (day, who) in [(27, ""), (28, "a"), (29, "a"), (30, "a")] {
            let time = format!("2026-11-{day}T12:00:00Z");
            assert_eq!(in_words(days.on_call(at(&time))), who, "{time}");
        }
    }

    #[test]
    fn unreadable_shifts_are_errors() {
        for text in [
            "",
            "mon-fri = ",
            "mon-fri 8:00-18:00 UTC = a",
            "mon-fri 08:00-08:00 UTC = a",
            "mon-fri 08:00-25:00 UTC = a",
            "mon-fri 08:60-09:00 UTC = a",
            "mon-fri 08:00-18:00 Europe/Atlantis = a",
            "mon-fri 08:00-18:00 UTC more = a",
            "monday = a",
            "mon = a b",
        ] {
            assert!(Rota::of([text]).is_err(), "{text}");
        }
    }
}
