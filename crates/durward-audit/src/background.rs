//! Work that nobody waits for.

/// How much the calling thread gives way from here on, by the scale of `nice(2)`: about a tenth of a contended processor
/// is left to it.
const NICE: i32 = 10;

/// Lets statements go before the calling thread where processors are short. For a thread that shares no lock with them:
/// they would wait for it all the longer.
pub(crate) fn give_way() {
    // Where the system doesn't allow it, things are as they were.
    rustix::process::nice(NICE).ok();
}
