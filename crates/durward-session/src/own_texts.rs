//! Texts of the gateway's own that the server keeps prepared for a session, because the same one comes again and again:
//! parsing and planning cost it more than running a change of one row.

use crate::forward::OWN_NAME;

/// The texts that are kept.
///
/// Unit: texts. Reason: a session repeats a few statements, each with two texts.
const KEPT_MAX: usize = 16;

/// Names that are still to be closed.
///
/// Unit: names. Reason: one goes with each run; what is more was left by errors.
const GONE_MAX: usize = 64;

/// The texts of one session.
#[derive(Debug, Default)]
pub(crate) struct OwnTexts {
    kept: Vec<Kept>,
    /// Names that stand for nothing any more, and may still be there.
    gone: Vec<u32>,
    next: u32,
    generation: u64,
}

#[derive(Debug)]
struct Kept {
    text: Box<str>,
    types: Box<[u32]>,
    number: Option<u32>,
    /// The server has said that it is there.
    is_there: bool,
}

/// How one run of a text is sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Sending {
    /// The statement's name.
    pub(crate) name: Vec<u8>,
    /// It has to be prepared first.
    pub(crate) prepares: bool,
    /// The name that is closed along with it; of one that stands for nothing the server says so too.
    pub(crate) closes: Vec<u8>,
}

impl OwnTexts {
    /// What was prepared under another catalog is prepared again.
    pub(crate) fn follow(&mut self, generation: u64) {
        if self.generation != generation {
            self.generation = generation;
            self.forget();
        }
    }

    /// How a text is sent: kept from the second time on.
    pub(crate) fn sending(&mut self, text: &str, types: &[u32]) -> Sending {
        let once = Sending {
            name: OWN_NAME.to_vec(),
            prepares: true,
            closes: OWN_NAME.to_vec(),
        };
        let place = self
            .kept
            .iter()
            .position(|kept| *kept.text == *text && *kept.types == *types);
        let Some(place) = place else {
            if self.kept.len() >= KEPT_MAX {
                let oldest = self.kept.remove(0);
                self.gone.extend(oldest.number);
            }
            self.kept.push(Kept {
                text: text.into(),
                types: types.into(),
                number: None,
                is_there: false,
            });
            return once;
        };
        let kept = self.kept.remove(place);
        let (number, prepares) = match kept.number {
            Some(number) if kept.is_there => (number, false),
            left => {
                self.gone.extend(left);
                self.next = self.next.wrapping_add(1);
                (self.next, true)
            }
        };
        self.kept.push(Kept {
            number: Some(number),
            ..kept
        });
        self.gone.truncate(GONE_MAX);
        Sending {
            name: name(number),
            prepares,
            closes: self.gone.pop().map_or_else(|| OWN_NAME.to_vec(), name),
        }
    }

    /// The server has run all that was sent.
    pub(crate) fn are_there(&mut self) {
        for kept in self.kept.iter_mut().filter(|kept| kept.number.is_some()) {
            kept.is_there = true;
        }
    }

    /// Something has failed, or the client may have dropped what is prepared.
    pub(crate) fn forget(&mut self) {
        self.gone.extend(self.kept.drain(..).filter_map(|kept| kept.number));
        self.gone.truncate(GONE_MAX);
    }
}

fn name(number: u32) -> Vec<u8> {
    let mut name = OWN_NAME.to_vec();
    name.extend(format!("_{number}").bytes());
    name
}

#[cfg(test)]
mod tests {
    use super::{KEPT_MAX, OwnTexts, Sending};

    fn sent(sending: &Sending) -> String {
        let text = |name: &[u8]| String::from_utf8_lossy(name).replace("durward_gateway", "g");
        let verb = if sending.prepares { "prepares " } else { "" };
        format!("{verb}{} closes {}", text(&sending.name), text(&sending.closes))
    }

    #[test]
    fn what_comes_again_is_kept_until_something_fails() {
        let mut texts = OwnTexts::default();
        assert_eq!(sent(&texts.sending("a", &[])), "prepares g closes g");
        texts.are_there();
        assert_eq!(sent(&texts.sending("a", &[])), "prepares g_1 closes g");
        // Nobody has said that it is there.
        assert_eq!(sent(&texts.sending("a", &[])), "prepares g_2 closes g_1");
        texts.are_there();
        assert_eq!(sent(&texts.sending("a", &[])), "g_2 closes g");
        // Other types make another statement.
        assert_eq!(sent(&texts.sending("a", &[23])), "prepares g closes g");
        texts.forget();
        assert_eq!(sent(&texts.sending("a", &[])), "prepares g closes g");
        texts.are_there();
        assert_eq!(sent(&texts.sending("a", &[])), "prepares g_3 closes g_2");
        texts.are_there();
        texts.follow(7);
        texts.follow(7);
        assert_eq!(sent(&texts.sending("a", &[])), "prepares g closes g");
        for number in 0..KEPT_MAX {
            texts.sending(&number.to_string(), &[]);
        }
        assert_eq!(sent(&texts.sending("a", &[])), "prepares g closes g");
    }
}
