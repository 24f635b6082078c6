//! The decisions, the loading and the wording, by topic.

mod access;
mod caching;
mod chains;
mod evasions;
mod loading;
mod marks;
mod pack;
mod properties;
mod reasons;
mod refusals;
mod support;
mod user_policies;
