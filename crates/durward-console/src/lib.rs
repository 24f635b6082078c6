//! Approvals by HTTP: a JSON interface and one page for each request, behind a login of its own.
//!
//! It must not know any database protocol, SQL or session: it shows what lies on the desk and passes decisions on, and the
//! desk decides what counts. No page needs a script, and nothing is loaded from elsewhere.
//!
//! The three types to know: [`Console`] (what is served), [`Site`] (where, and under which names) and
//! [`Decider`](decide::Decider) (who decides, by the identities that exist).
//!
//! ```
//! use durward_console::Site;
//!
//! let site = Site::at("127.0.0.1:7480".parse()?, None)?;
//! assert_eq!(site.link("c12"), "http://127.0.0.1:7480/requests/c12");
//! assert!(site.is_host("localhost:7480"));
//! assert!(!site.is_host("rebound.example:7480"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod access;
mod access_wishes;
mod adviser;
mod api;
mod app;
mod change_sets;
pub mod decide;
mod events;
mod guard;
mod limits;
mod pages;
mod problem;
mod replays;
mod server;
mod signed_decisions;
mod site;
mod slack;
mod standard_webhook;
mod tickets;
mod webhook;
mod words;

pub use access_wishes::{AccessDesk, AccessWish};
pub use adviser::HttpAdviser;
pub use app::{Console, ConsoleParts};
pub use change_sets::{Answer, ChangeSets};
pub use server::serve;
pub use signed_decisions::{Sender, SenderError};
pub use site::{Site, SiteError};
pub use slack::{SLACK_URL, Slack, SlackError, SlackName, SlackSettings, SlackUser};
pub use webhook::{Webhook, WebhookError};
