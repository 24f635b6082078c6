//! Requests in Slack, as far as a stand-in for it goes: posted, decided, kept up, and by nobody who isn't known.

use std::process::Stdio;

use durward_testkit::slack::{Interaction, Message, SIGNING_SECRET, Slack, TOKEN, sign, sign_at};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{CLOSE_ALL, CLOSE_SOME};
use crate::holds::house::{House, PATIENCE, ROWS};
use crate::support;
use crate::web::browser::Site;
use crate::web::{ask, person};

const CHANNELS: [&str; 2] = ["C0001", "C0002"];

fn house(slack: &Slack) -> House {
    let url = format!("--slack-url={}", slack.url());
    let arguments = [
        url.as_str(),
        "--slack-token=env:SLACK_TOKEN",
        "--slack-signing-secret=env:SLACK_SECRET",
        "--slack-channels=C0001,C0002",
        "--slack-users=UBOB=bob,carol@example.com=carol,UENGINEER=engineer",
    ];
    House::open_given(&arguments, &[("SLACK_TOKEN", TOKEN), ("SLACK_SECRET", SIGNING_SECRET)])
}

async fn send(site: &Site, interaction: &Interaction) -> (StatusCode, Value) {
    let sent = site
        .client()
        .post(site.url("/api/slack/actions"))
        .header("content-type", "application/x-www-form-urlencoded")
        .header("x-slack-request-timestamp", &interaction.timestamp)
        .header("x-slack-signature", &interaction.signature)
        .body(interaction.body.clone())
        .send()
        .await
        .expect("an answer");
    let status = sent.status();
    let text = sent.text().await.expect("a body");
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}

/// The first message about a request in each channel.
fn posted(slack: &Slack, id: &str) -> Vec<Message> {
    slack.until(id, |messages, _| {
        let about = messages
            .iter()
            .filter(|message| message.thread.is_none() && message.text.starts_with(&format!("{id} ")));
        let about: Vec<Message> = about.cloned().collect();
        (about.len() == CHANNELS.len()).then_some(about)
    })
}

/// Waits until both copies say how it ended, and both threads do.
fn kept_up(slack: &Slack, id: &str, words: &str) {
    for copy in posted(slack, id) {
        slack.until(words, |messages, _| {
            let now = messages
                .iter()
                .find(|message| message.ts == copy.ts && message.channel == copy.channel)?;
            let says = now.updates > 0 && now.blocks.to_string().contains(words);
            let closed = !now.blocks.to_string().contains("durward_approve");
            let mut thread = messages
                .iter()
                .filter(|message| message.thread.as_deref() == Some(&copy.ts) && message.channel == copy.channel);
            (says && closed && thread.any(|reply| reply.text.contains(words))).then_some(())
        });
    }
}

/// The dialog that opens next.
fn dialog(slack: &Slack, before: usize) -> Value {
    slack.until("a dialog", |_, views| views.get(before).cloned())
}

fn views(slack: &Slack) -> usize {
    slack.until("views", |_, views| Some(views.len()))
}

#[test]
fn a_statement_is_decided_in_slack_once_and_by_those_who_are_known() {
    let slack = Slack::start(&CHANNELS);
    slack.add_user("UCAROL", "Carol@example.com", true);
    slack.add_user("UMALLORY", "carol@example.com", false);
    let mut house = house(&slack);
    for name in ["bob", "carol"] {
        person(&house, name, &[]);
    }
    // Slack is asked again where it has had enough, and once more after a call was given up.
    slack.limit(7);
    let waiting = support::command("psql", &house.access("engineer"))
        .args(["--no-psqlrc", "--quiet", "-c", CLOSE_ALL])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("psql runs");
    let id = house.pending();
    let message = posted(&slack, &id).remove(0);
    let shown = message.blocks.to_string();
    for words in [
        "engineer wants to UPDATE 199 rows of public.orders",
        CLOSE_ALL,
        "people-many-rows",
        "No reason was given.",
        &format!("{}/requests/{id}", house.web()),
    ] {
        assert!(shown.contains(words), "no {words} in {shown}");
    }
    assert!(!shown.contains("mrkdwn"), "{shown}");

    let site = Site::of(&house);
    site.run(async {
        let click = slack.click("UBOB", &message, "durward_approve");
        let forged = Interaction {
            signature: click.signature.replace(['1', '2', '3'], "0"),
            ..click.clone()
        };
        let changed = Interaction {
            body: click.body.replace("UBOB", "UCAROL"),
            ..click.clone()
        };
        let of =
            |team: &str| json!({"type": "block_actions", "team": {"id": team}, "user": {"id": "UBOB"}, "actions": []});
        let seconds: u64 = click.timestamp.parse().expect("a time");
        for (what, interaction, expected) in [
            ("forged", forged, StatusCode::UNAUTHORIZED),
            ("changed", changed, StatusCode::UNAUTHORIZED),
            (
                "late",
                sign_at(&of("T0000TEAM"), seconds - 301, SIGNING_SECRET),
                StatusCode::UNAUTHORIZED,
            ),
            (
                "another app's",
                sign_at(&of("T0000TEAM"), seconds, "another app's secret"),
                StatusCode::UNAUTHORIZED,
            ),
            ("another workspace's", sign(&of("T0000OTHER")), StatusCode::FORBIDDEN),
        ] {
            assert_eq!(send(&site, &interaction).await.0, expected, "{what}");
        }
        // Whoever isn't known here is told so, and decides nothing.
        for (user, words) in [
            ("UEVE", "Slack didn't say who you are"),
            ("UMALLORY", "isn't known here"),
            ("UENGINEER", "somebody else must decide it"),
        ] {
            let before = views(&slack);
            assert_eq!(
                send(&site, &slack.click(user, &message, "durward_approve")).await.0,
                StatusCode::OK
            );
            let told = dialog(&slack, before);
            assert!(
                told["submit"].is_null() && told.to_string().contains(words),
                "{user}: {told}"
            );
        }
        // Two clicks are two dialogs, and one decision.
        let before = views(&slack);
        assert_eq!(send(&site, &click).await.0, StatusCode::OK);
        assert_eq!(send(&site, &click).await.0, StatusCode::CONFLICT, "a replay");
        let first = dialog(&slack, before);
        assert_eq!(
            send(&site, &slack.click("UBOB", &message, "durward_approve")).await.0,
            StatusCode::OK
        );
        let second = dialog(&slack, before + 1);
        // A dialog that somebody else sends off decides as somebody else.
        let (_, told) = send(&site, &slack.submit("UENGINEER", &first, None)).await;
        assert_eq!(told["response_action"], "errors", "{told}");
        let submitted = slack.submit("UBOB", &first, Some("after the <audit>"));
        assert_eq!(send(&site, &submitted).await, (StatusCode::OK, Value::Null));
        assert_eq!(send(&site, &submitted).await.0, StatusCode::CONFLICT, "a replay");
        let (_, told) = send(&site, &slack.submit("UBOB", &second, None)).await;
        assert!(
            told["errors"]["note"]
                .as_str()
                .is_some_and(|said| said.contains("already")),
            "{told}"
        );
    });
    let outcome = support::finish(waiting, PATIENCE);
    assert!(outcome.succeeded(), "{}", outcome.text());
    assert!(
        outcome.stderr.contains("is approved: by bob: after the <audit>"),
        "{}",
        outcome.stderr
    );
    assert_eq!((house.closed(), house.state(&id).as_str()), (ROWS, "used"));
    kept_up(&slack, &id, "approved by bob");
    let (_, request) = house.approvals(&["show", &id, "--json"]);
    assert_eq!(request["approvals"][0]["account"], "slack UBOB", "{request}");
    assert!(slack.calls().iter().filter(|call| *call == "auth.test").count() <= 2);

    let mut agent = house.connect("agent", "");
    let id = ask(&mut agent, CLOSE_SOME);
    let message = posted(&slack, &id).remove(1);
    site.run(async {
        let before = views(&slack);
        assert_eq!(
            send(&site, &slack.click("UCAROL", &message, "durward_reject")).await.0,
            StatusCode::OK
        );
        let view = dialog(&slack, before);
        let (_, told) = send(&site, &slack.submit("UCAROL", &view, None)).await;
        assert_eq!(told["errors"]["note"], "say why not");
        let (status, _) = send(&site, &slack.submit("UCAROL", &view, Some("not before Monday"))).await;
        assert_eq!(status, StatusCode::OK);
    });
    let refused = agent.query(CLOSE_SOME).expect("an answer");
    let error = refused.error().expect("an error").to_string();
    assert!(error.contains("rejected by carol: not before Monday"), "{error}");
    kept_up(&slack, &id, "rejected by carol");

    // What was posted before a restart is kept up after it.
    let id = ask(&mut agent, &CLOSE_SOME.replace("120", "130"));
    posted(&slack, &id);
    house.restart();
    house.approvals(&["reject", &id, "--as", "bob", "--note", "no more of it"]);
    kept_up(&slack, &id, "no more of it");
}
