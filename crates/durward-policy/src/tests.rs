//! The decisions, the loading and the wording, by topic.

mod support;
