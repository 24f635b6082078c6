//! What became of requests like this one.

use crate::request::{Asked, MeasuredRows, Request, RequestId};
use crate::state::State;

/// Earlier requests for the same command on the same objects of the same database, newest first, at most `most` of them.
/// They are alike in what they touch, not in their conditions or values.
pub fn similar<'a>(request: &Request, newest_first: &'a [Request], most: usize) -> Vec<&'a Request> {
    let touched = &request.asked.touched;
    let is_like = |other: &&Request| {
        let its = &other.asked.touched;
        is_before(other.id, request.id)
            && other.asked.database == request.asked.database
            && its.command == touched.command
            && its.changes == touched.changes
    };
    newest_first.iter().filter(is_like).take(most).collect()
}

/// The requests that people have approved, and that ran, for the same chain, database and shape, with no fewer rows than
/// `rows`.
pub fn precedents(asked: &Asked, rows: u64, all: &[Request]) -> Vec<RequestId> {
    let Some(shape) = &asked.shape else {
        return Vec::new();
    };
    let is_one = |request: &&Request| {
        let its = &request.asked;
        let enough = match its.rows {
            MeasuredRows::Counted(counted) | MeasuredRows::AtMost(counted) => counted >= rows,
            MeasuredRows::MoreThan(_)
            | MeasuredRows::Estimated { .. }
            | MeasuredRows::NotMeasured(_)
            | MeasuredRows::Failed => false,
        };
        let by_people = request.by_policy.is_none() && request.approvals.iter().any(|given| !given.self_confirmed);
        let same = its.database == asked.database
            && its.principal.subject == asked.principal.subject
            && its.principal.actors == asked.principal.actors
            && its.shape.as_ref() == Some(shape);
        request.state == State::Used && by_people && same && enough
    };
    all.iter().filter(is_one).map(|request| request.id).collect()
}

fn is_before(one: RequestId, other: RequestId) -> bool {
    one.0 < other.0
}

#[cfg(test)]
mod tests {
    use super::similar;
    use crate::{Desk, Manner, MemoryStore, NoRecorder, example};

    #[test]
    fn alike_are_earlier_ones_that_touch_the_same() {
        let desk = Desk::open(MemoryStore::default(), NoRecorder).unwrap();
        let mut asked = example();
        asked.touched.command = "UPDATE".into();
        asked.touched.changes = vec!["public.orders".to_owned()];
        for (digest, database, command, table) in [
            ("01", "shop", "UPDATE", "public.orders"),
            ("02", "shop", "DELETE", "public.orders"),
            ("03", "shop", "UPDATE", "public.payments"),
            ("04", "other", "UPDATE", "public.orders"),
            ("05", "shop", "UPDATE", "public.orders"),
            ("06", "shop", "UPDATE", "public.orders"),
        ] {
            asked.digest = digest.to_owned();
            asked.database = database.to_owned();
            asked.touched.command = command.into();
            asked.touched.changes = vec![table.to_owned()];
            desk.present(&asked, Manner::Parked, 0).unwrap();
        }
        let all = desk.list();
        let fifth = all.iter().find(|request| request.id.0 == 5).unwrap();
        let like: Vec<u64> = similar(fifth, &all, 5).iter().map(|request| request.id.0).collect();
        assert_eq!(like, [1]);
    }
}
