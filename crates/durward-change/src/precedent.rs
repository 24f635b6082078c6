//! What became of requests like this one.

use crate::request::{Request, RequestId};

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
