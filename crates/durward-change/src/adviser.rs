//! Somebody or something that is asked for an opinion about the risk of a request, and decides nothing.

use std::fmt::Debug;
use std::pin::Pin;

use serde::{Deserialize, Serialize};

use crate::request::Asked;

/// How risky an adviser calls something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdvisedRisk {
    /// Terms of a policy that ask for it may count on it.
    Low,
    /// People decide.
    Ordinary,
    /// It takes what high risk does.
    High,
}

impl AdvisedRisk {
    /// The word used in output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Ordinary => "ordinary",
            Self::High => "high",
        }
    }
}

/// What an adviser says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Advice {
    /// How risky.
    pub risk: AdvisedRisk,
    /// Why, in a line.
    pub why: String,
}

/// An adviser's opinion, or none: it wasn't there, took too long, or made no sense.
pub type Opinion<'a> = Pin<Box<dyn Future<Output = Option<Advice>> + Send + 'a>>;

/// Whoever is asked. It must answer within a few seconds, or not at all.
pub trait Adviser: Debug + Send + Sync {
    /// What it says about a request that is about to be laid on the desk.
    fn advise<'a>(&'a self, asked: &'a Asked) -> Opinion<'a>;
}
