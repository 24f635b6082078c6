//! What a client may set about its own holds: `durward.reason`, `durward.hold` and `durward.approval`. They look like settings, and the
//! server never hears of them.

use durward_model::Refusal;

/// What stands before the names of such settings.
pub(crate) const PREFIX: &str = "durward.";

/// The longest reason.
///
/// Unit: bytes. Reason: it is a line for people.
const REASON_BYTES_MAX: usize = 500;

/// What becomes of a session whose statement is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnHold {
    /// It waits.
    Wait,
    /// It is told at once, and asks again.
    Error,
}

/// One change of a lever; `None` puts it back to what the connection began with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Lever {
    Reason(Option<Box<str>>),
    Hold(Option<OnHold>),
    /// Whether what is held next runs without an approval.
    BreakGlass(bool),
}

impl Lever {
    /// Reads a setting's name, in lower case, and its value.
    pub(crate) fn of(name: &str, value: Option<&str>) -> Result<Self, Refusal> {
        match (name.strip_prefix(PREFIX), value) {
            (Some("reason"), value) => value.map(reason).transpose().map(Self::Reason),
            (Some("hold"), None) => Ok(Self::Hold(None)),
            (Some("hold"), Some(value)) => match value.to_ascii_lowercase().as_str() {
                "wait" => Ok(Self::Hold(Some(OnHold::Wait))),
                "error" => Ok(Self::Hold(Some(OnHold::Error))),
                _ => Err(invalid(name, value, "It is wait or error.")),
            },
            (Some("approval"), None) => Ok(Self::BreakGlass(false)),
            (Some("approval"), Some(value)) => match value.to_ascii_lowercase().as_str() {
                "ask" => Ok(Self::BreakGlass(false)),
                "break-glass" => Ok(Self::BreakGlass(true)),
                _ => Err(invalid(name, value, "It is ask or break-glass.")),
            },
            _ => Err(Refusal::new(
                "42704",
                "unknown-lever",
                format!("unrecognized configuration parameter \"{name}\""),
            )
            .with_hint("durward.reason, durward.hold and durward.approval can be set.")),
        }
    }
}

fn reason(value: &str) -> Result<Box<str>, Refusal> {
    if value.len() > REASON_BYTES_MAX || value.chars().any(char::is_control) {
        let hint = format!("It is one line of at most {REASON_BYTES_MAX} bytes.");
        return Err(invalid("durward.reason", "", &hint));
    }
    Ok(value.into())
}

fn invalid(name: &str, value: &str, hint: &str) -> Refusal {
    Refusal::new(
        "22023",
        "invalid-lever",
        format!("invalid value for parameter \"{name}\": \"{value}\""),
    )
    .with_hint(hint.to_owned())
}

/// The levers of one session.
#[derive(Debug, Clone, Default)]
pub(crate) struct Levers {
    reason: Option<Box<str>>,
    hold: Option<OnHold>,
    first_reason: Option<Box<str>>,
    first_hold: Option<OnHold>,
    breaks_glass: bool,
}

impl Levers {
    /// Those of a startup packet, in its order.
    pub(crate) fn of_startup<'a>(settings: impl Iterator<Item = (&'a str, &'a str)>) -> Result<Self, Refusal> {
        let mut levers = Self::default();
        for (name, value) in settings {
            levers.set(Lever::of(name, Some(value))?);
        }
        levers.first_reason.clone_from(&levers.reason);
        levers.first_hold = levers.hold;
        Ok(levers)
    }

    pub(crate) fn set(&mut self, lever: Lever) {
        match lever {
            Lever::Reason(reason) => self.reason = reason.or_else(|| self.first_reason.clone()),
            Lever::Hold(hold) => self.hold = hold.or(self.first_hold),
            Lever::BreakGlass(breaks) => self.breaks_glass = breaks,
        }
    }

    /// RESET ALL, DISCARD ALL.
    pub(crate) fn reset(&mut self) {
        self.set(Lever::Reason(None));
        self.set(Lever::Hold(None));
        self.set(Lever::BreakGlass(false));
    }

    /// Whether what is held next runs without an approval, where policy lets it.
    pub(crate) fn breaks_glass(&self) -> bool {
        self.breaks_glass
    }

    /// The glass is broken for one statement at a time.
    pub(crate) fn mend_glass(&mut self) {
        self.breaks_glass = false;
    }

    pub(crate) fn reason(&self) -> Option<&str> {
        self.reason.as_deref().filter(|reason| !reason.is_empty())
    }

    /// What the client wants; `None` where it hasn't said.
    pub(crate) fn on_hold(&self) -> Option<OnHold> {
        self.hold
    }
}

#[cfg(test)]
mod tests {
    use super::{Lever, Levers, OnHold};

    #[test]
    fn levers_go_back_to_what_the_connection_began_with() {
        let begun = [("durward.hold", "error"), ("durward.reason", "ticket 7")];
        let mut levers = Levers::of_startup(begun.into_iter()).unwrap();
        levers.set(Lever::of("durward.hold", Some("WAIT")).unwrap());
        levers.set(Lever::of("durward.reason", Some("")).unwrap());
        assert_eq!((levers.on_hold(), levers.reason()), (Some(OnHold::Wait), None));
        levers.reset();
        assert_eq!(
            (levers.on_hold(), levers.reason()),
            (Some(OnHold::Error), Some("ticket 7"))
        );
    }

    #[test]
    fn other_names_and_values_are_refused() {
        for (name, value) in [
            ("durward.hold", "no"),
            ("durward.holds", "wait"),
            ("durward.approval", "yes"),
            ("durward.reason", "a\nb"),
            ("work_mem", "1"),
        ] {
            assert!(Lever::of(name, Some(value)).is_err(), "{name} = {value}");
        }
    }
}
