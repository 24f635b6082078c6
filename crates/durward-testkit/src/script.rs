//! Both ends of a scripted session: [`ScriptClient`] says exactly what a test tells it to, right or wrong, and
//! [`StandIn`] is a server that answers as told, or dies, hangs and lies as told. Both keep what they saw.

mod answer;
mod client;
mod shown;
mod stand_in;

pub use answer::Answer;
pub use client::ScriptClient;
pub use shown::shown;
pub use stand_in::{Heard, StandIn};

#[cfg(test)]
mod tests;
