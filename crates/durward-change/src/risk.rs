//! Whether what is asked is of high risk: plain rules over what is known of it, each with its reason in words.

use durward_model::RiskTerm;

use crate::adviser::AdvisedRisk;
use crate::request::{Asked, MeasuredRows};

/// The commands that change rows.
const ROW_COMMANDS: [&str; 5] = ["INSERT", "UPDATE", "DELETE", "MERGE", "COPY"];

/// Hazards by which something is lost.
const LOSING: [&str; 3] = ["truncate", "drop", "data_loss"];

/// Hazards by which something is no longer kept from others, or no longer seen.
const OPENING: [&str; 10] = [
    "protection_removed",
    "privilege_change",
    "role_change",
    "server_program",
    "server_file",
    "configuration",
    "planted_code",
    "untrusted_code",
    "evidence_write",
    "hides_tracks",
];

/// From where on risk is high, and what that takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RiskRules {
    /// More rows than these.
    pub rows_max: u64,
    /// More rows than these, where labelled columns are touched.
    pub labelled_rows_max: u64,
    /// How many different people must approve.
    pub approvers: u32,
}

impl Default for RiskRules {
    fn default() -> Self {
        Self {
            rows_max: 10_000,
            labelled_rows_max: 1_000,
            approvers: 2,
        }
    }
}

impl RiskRules {
    /// Why the risk is high; empty where it isn't.
    pub(crate) fn reasons(&self, asked: &Asked) -> Vec<String> {
        match asked.terms.risk {
            RiskTerm::Ordinary => return Vec::new(),
            RiskTerm::High => {
                let rules: Vec<&str> = asked.rules.iter().map(|rule| &**rule).collect();
                return vec![format!("policy says so ({})", rules.join(", "))];
            }
            RiskTerm::ByFacts => {}
        }
        let mut reasons = Vec::new();
        let undo = asked
            .undo_in_words()
            .filter(|_| changes_rows(asked) && !only_adds(asked));
        if let Some(undo) = undo.filter(|undo| undo.starts_with("none")) {
            reasons.push(format!("it can't be taken back ({undo})"));
        }
        let hazards = |kinds: &[&str]| -> Vec<&str> {
            let named = asked.touched.hazards.iter().filter(|hazard| {
                let (kind, object) = hazard.split_once(' ').unwrap_or((hazard, ""));
                kinds.contains(&kind) && !object.starts_with("pg_temp")
            });
            named.map(String::as_str).collect()
        };
        let (losing, opening) = (hazards(&LOSING), hazards(&OPENING));
        let emptied = asked.ddl.iter().filter(|effect| effect.loses_data && losing.is_empty());
        reasons.extend(emptied.map(|effect| format!("data is lost by it ({})", effect.name)));
        if !losing.is_empty() {
            reasons.push(format!("data is lost by it ({})", losing.join(", ")));
        }
        if !opening.is_empty() {
            reasons.push(format!("rights, protections or traces change ({})", opening.join(", ")));
        }
        reasons.extend(self.by_rows(asked));
        if let Some(advice) = asked.advice.as_ref().filter(|advice| advice.risk == AdvisedRisk::High) {
            reasons.push(format!("the adviser says so ({})", advice.why));
        }
        if let Some(access) = &asked.access
            && access.relations.is_none()
            && (!access.labels.is_empty() || access.classes.iter().any(|class| class != "read"))
        {
            reasons.push("it is access to a whole database, and more than reading masks".to_owned());
        }
        reasons
    }

    fn by_rows(&self, asked: &Asked) -> Option<String> {
        if !changes_rows(asked) {
            return None;
        }
        let labelled = !asked.touched.labels.is_empty();
        let most = if labelled {
            self.labelled_rows_max.min(self.rows_max)
        } else {
            self.rows_max
        };
        let is_more = match asked.rows {
            MeasuredRows::Counted(rows) | MeasuredRows::AtMost(rows) => rows > most,
            MeasuredRows::MoreThan(rows) => rows >= most,
            // One statement is bounded when it runs, whatever it turns out to do.
            MeasuredRows::Estimated { rows, .. } => rows > most || asked.shape.is_none(),
            MeasuredRows::NotMeasured(_) | MeasuredRows::Failed => asked.shape.is_none(),
        };
        let of = if labelled { "rows with labelled columns" } else { "rows" };
        is_more.then(|| match asked.rows {
            MeasuredRows::NotMeasured(_) | MeasuredRows::Failed => {
                "how many rows it changes is neither known nor can be bounded".to_owned()
            }
            _ => format!("it may change more than {most} {of}"),
        })
    }

    /// The rows beyond which a statement of ordinary risk, whose number isn't known, is taken back when it runs: more
    /// would have been of high risk.
    pub(crate) fn rows_backstop(&self, asked: &Asked) -> Option<u64> {
        let is_unknown = match asked.rows {
            MeasuredRows::MoreThan(_)
            | MeasuredRows::Estimated { .. }
            | MeasuredRows::NotMeasured(_)
            | MeasuredRows::Failed => true,
            MeasuredRows::Counted(_) | MeasuredRows::AtMost(_) => false,
        };
        let is_bounded = changes_rows(asked) && asked.shape.is_some() && asked.terms.risk == RiskTerm::ByFacts;
        let labelled = !asked.touched.labels.is_empty();
        let most = if labelled {
            self.labelled_rows_max.min(self.rows_max)
        } else {
            self.rows_max
        };
        (is_unknown && is_bounded).then_some(most)
    }
}

/// Whether what was there stays as it is: a COPY whose rows go into one table and set nothing else off.
fn only_adds(asked: &Asked) -> bool {
    &*asked.touched.command == "COPY" && asked.touched.changes.len() == 1
}

fn changes_rows(asked: &Asked) -> bool {
    ROW_COMMANDS.contains(&&*asked.touched.command)
}

#[cfg(test)]
mod tests {
    use durward_model::RiskTerm;

    use super::RiskRules;
    use crate::access::Access;
    use crate::adviser::{Advice, AdvisedRisk};
    use crate::request::{Asked, Effect, MeasuredRows, Touched, example};

    fn asked(command: &str, rows: MeasuredRows) -> Asked {
        let mut asked = example();
        asked.touched.command = command.into();
        asked.shape = Some("00".to_owned());
        asked.rows = rows;
        asked
    }

    fn effect(undo: &str) -> Option<Effect> {
        Some(Effect {
            digest: String::new(),
            key: Vec::new(),
            columns: Vec::new(),
            samples: Vec::new(),
            undo: undo.to_owned(),
            carried: Vec::new(),
        })
    }

    fn advice(risk: AdvisedRisk) -> Option<Advice> {
        Some(Advice {
            risk,
            why: "odd".to_owned(),
        })
    }

    #[test]
    fn what_is_of_high_risk_says_why() {
        let update = |rows| asked("UPDATE", rows);
        let unknown = || MeasuredRows::NotMeasured("a join".into());
        let with = |change: &dyn Fn(&mut Asked)| {
            let mut asked = update(MeasuredRows::Counted(3));
            change(&mut asked);
            asked
        };
        let copied = |changes: &[&str]| Touched {
            command: "COPY".into(),
            changes: changes.iter().map(|name| (*name).to_owned()).collect(),
            ..Touched::default()
        };
        let access = |labels: &[&str], classes: &[&str]| Access {
            relations: None,
            schemas: Vec::new(),
            labels: labels.iter().map(|label| (*label).to_owned()).collect(),
            classes: classes.iter().map(|class| (*class).to_owned()).collect(),
            seconds: 60,
        };
        for (what, asked, why) in [
            ("few rows", update(MeasuredRows::Counted(3)), ""),
            ("as many as may be", update(MeasuredRows::Counted(10_000)), ""),
            ("one more", update(MeasuredRows::AtMost(10_001)), "more than 10000 rows"),
            (
                "counting ended",
                update(MeasuredRows::MoreThan(10_000)),
                "more than 10000 rows",
            ),
            ("counting ended early", update(MeasuredRows::MoreThan(100)), ""),
            ("one statement of unknown size", update(unknown()), ""),
            (
                "several",
                with(&|asked| (asked.rows, asked.shape) = (unknown(), None)),
                "neither known",
            ),
            (
                "DDL of unknown size",
                Asked {
                    shape: None,
                    ..asked("CREATE TABLE", unknown())
                },
                "",
            ),
            (
                "labelled rows",
                with(&|asked| {
                    asked.touched.labels = vec!["email".to_owned()];
                    asked.rows = MeasuredRows::Counted(1_001);
                }),
                "1000 rows with labelled",
            ),
            (
                "no undo",
                with(&|asked| asked.effect = effect("none: not kept")),
                "can't be taken back (none: not kept)",
            ),
            (
                "rows that come to a table",
                Asked {
                    touched: copied(&["public.orders"]),
                    ..with(&|asked| asked.effect = effect("none: not kept"))
                },
                "",
            ),
            (
                "and set something else off",
                Asked {
                    touched: copied(&["public.orders", "public.totals"]),
                    ..with(&|asked| asked.effect = effect("none: not kept"))
                },
                "can't be taken back",
            ),
            (
                "some undo",
                with(&|asked| asked.effect = effect("partial: not what triggers did")),
                "",
            ),
            (
                "a drop",
                with(&|asked| asked.touched.hazards = vec!["drop public.orders".to_owned()]),
                "data is lost",
            ),
            (
                "a drop of one's own",
                with(&|asked| asked.touched.hazards = vec!["drop pg_temp_3.t".to_owned()]),
                "",
            ),
            (
                "a grant",
                with(&|asked| asked.touched.hazards = vec!["privilege_change".to_owned()]),
                "rights",
            ),
            (
                "a lock",
                with(&|asked| asked.touched.hazards = vec!["table_lock public.t".to_owned()]),
                "",
            ),
            (
                "advised",
                with(&|asked| asked.advice = advice(AdvisedRisk::High)),
                "the adviser says so (odd)",
            ),
            (
                "advised otherwise",
                with(&|asked| asked.advice = advice(AdvisedRisk::Low)),
                "",
            ),
            (
                "a drop that an adviser belittles",
                with(&|asked| {
                    asked.advice = advice(AdvisedRisk::Low);
                    asked.touched.hazards = vec!["drop public.orders".to_owned()];
                }),
                "data is lost",
            ),
            (
                "by policy",
                with(&|asked| asked.terms.risk = RiskTerm::High),
                "policy says so (people-bulk-write)",
            ),
            (
                "ordinary by policy",
                with(&|asked| {
                    asked.terms.risk = RiskTerm::Ordinary;
                    asked.rows = MeasuredRows::MoreThan(10_000);
                }),
                "",
            ),
            (
                "a whole database in clear",
                with(&|asked| asked.access = Some(access(&["all"], &["read"]))),
                "whole database",
            ),
            (
                "a whole database with masks",
                with(&|asked| asked.access = Some(access(&[], &["read"]))),
                "",
            ),
            (
                "writing to a whole database",
                with(&|asked| asked.access = Some(access(&[], &["write"]))),
                "whole database",
            ),
        ] {
            let reasons = RiskRules::default().reasons(&asked).join("; ");
            assert_eq!(reasons.is_empty(), why.is_empty(), "{what}: {reasons}");
            assert!(reasons.contains(why), "{what}: {reasons}");
        }
    }

    #[test]
    fn what_isnt_known_is_bounded_when_it_runs() {
        let rules = RiskRules::default();
        let unknown = asked("UPDATE", MeasuredRows::NotMeasured("a join".into()));
        assert_eq!(rules.rows_backstop(&unknown), Some(10_000));
        assert_eq!(rules.rows_backstop(&asked("UPDATE", MeasuredRows::Counted(3))), None);
        assert_eq!(rules.rows_backstop(&asked("ALTER TABLE", MeasuredRows::Failed)), None);
        assert_eq!(rules.rows_backstop(&Asked { shape: None, ..unknown }), None);
    }
}
