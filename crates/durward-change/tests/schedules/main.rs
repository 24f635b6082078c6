//! Requests under every order of events and faults that a seed gives: never more than one run for an approval, never a
//! run without one, and no decision that was acknowledged is lost.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test: whatever fails here says why and ends it"
)]

mod disk;
mod others;
mod world;

use world::World;

const SCHEDULES: u64 = 12_000;
const STEPS: u32 = 60;

#[test]
fn never_two_runs_for_one_approval_and_none_without() {
    let mut reached = world::Reached::default();
    for seed in 1..=SCHEDULES {
        let mut world = World::new(seed);
        for _ in 0..STEPS {
            world.step();
        }
        world.restart();
        reached.add(&world.reached);
    }
    // A schedule that tries too little finds nothing.
    for (what, times) in reached.list() {
        assert!(times > SCHEDULES / 80, "{what}: only {times} times");
    }
    assert!(reached.runs > SCHEDULES / 2, "only {} statements ran", reached.runs);
}
