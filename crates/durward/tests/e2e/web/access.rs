//! Access for a time and reviews of what ran without an approval, by HTTP: by whoever is logged in, and for nobody else.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::browser::{Browser, Site, body};
use super::{CLOSE_ALL, ask};
use crate::holds::house::House;

const POLICY: &str = r#"
    @rule("people-break-glass")
    @break_glass("yes")
    permit (principal is User, action == Action::"write", resource);
"#;

async fn send(site: &Site, path: &str, who: (&str, &str), said: &Value) -> (StatusCode, Value) {
    let sent = site
        .client()
        .post(site.url(path))
        .basic_auth(who.0, Some(who.1))
        .header("content-type", "application/json")
        .body(said.to_string());
    let answer = sent.send().await.expect("an answer");
    let status = answer.status();
    let text = answer.text().await.expect("a body");
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}

#[test]
fn an_agent_asks_for_itself_and_gives_back() {
    let house = House::open_under(POLICY);
    let mut agent = house.connect("agent", "");
    let site = Site::of(&house);
    let (agents, engineers) = (house.access("agent").password, house.access("engineer").password);
    let its = ("agent", agents.as_str());
    let wish = json!({"on": ["public.orders"], "classes": ["write"], "seconds": 600, "reason": "ticket <b>7</b>"});
    let id = site.run(async {
        for (wrong, status) in [
            (
                json!({"on": ["public.orders"], "classes": ["write"], "seconds": 600}),
                422,
            ),
            (
                json!({"on": ["public.orders"], "seconds": 600, "reason": "x", "labls": ["email"]}),
                400,
            ),
            (json!({"on": ["hr.nothing"], "seconds": 600, "reason": "x"}), 422),
            (json!({"database": "other", "seconds": 600, "reason": "x"}), 403),
            (json!({"seconds": 6_000_000, "reason": "x"}), 422),
        ] {
            let (got, said) = send(&site, "/api/v1/access", its, &wrong).await;
            assert_eq!(got.as_u16(), status, "{wrong}: {said}");
        }
        let (status, request) = send(&site, "/api/v1/access", its, &wish).await;
        assert_eq!(
            (status, &request["state"]),
            (StatusCode::OK, &"pending".into()),
            "{request}"
        );
        let (_, again) = send(&site, "/api/v1/access", its, &wish).await;
        assert_eq!(again["id"], request["id"], "the same is joined");
        let id = request["id"].as_str().expect("an id").to_owned();
        // Neither itself nor the person behind it decides; what it says is shown as text.
        for who in [its, ("engineer", engineers.as_str())] {
            let (status, said) = site.decide(&id, "approve", who, &json!({})).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{said}");
        }
        let mut browser = Browser::new(&site);
        browser.log_in("operator", &house.access("operator").password).await;
        let page = body(browser.get(&format!("/requests/{id}")).await).await;
        for words in [
            "Exactly what is asked for",
            "write statements, on public.orders",
            "ticket &lt;b&gt;7",
        ] {
            assert!(page.contains(words), "no {words} in {page}");
        }
        let decided = body(browser.decide(&id, "approve", &[]).await).await;
        assert!(decided.contains("approved by operator"), "{decided}");
        assert!(
            decided.contains(&format!("/requests/{id}/revoke")),
            "it can't be taken back on its page"
        );
        id
    });
    // The agent's own hold is lifted; that of the person behind it stands, and is asked for.
    let held = agent.query(CLOSE_ALL).expect("an answer");
    assert!(
        held.error()
            .is_some_and(|error| error.to_string().contains("more than 100 rows"))
    );
    let few = "UPDATE orders SET status = 'closed' WHERE price < 50";
    assert_eq!(agent.query(few).expect("an answer").commands(), ["UPDATE 50"]);
    site.run(async {
        let stranger = ("service", house.access("service").password);
        let path = format!("/api/v1/access/{id}/revoke");
        let (status, _) = send(&site, &path, (stranger.0, &stranger.1), &json!({})).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "it sees its own alone");
        let mut browser = Browser::new(&site);
        browser.log_in("operator", &house.access("operator").password).await;
        let page = body(browser.decide(&id, "revoke", &[("note", "enough")]).await).await;
        assert!(page.contains("revoked by operator: enough"), "{page}");
        // Given again, it gives it back by itself.
        let (_, again) = send(&site, "/api/v1/access", its, &wish).await;
        let id = again["id"].as_str().expect("an id");
        browser.decide(id, "approve", &[]).await;
        let path = format!("/api/v1/access/{id}/revoke");
        let (status, revoked) = send(&site, &path, its, &json!({"note": "done"})).await;
        assert_eq!(
            (status, &revoked["state"]),
            (StatusCode::OK, &"revoked".into()),
            "{revoked}"
        );
        let (status, _) = send(&site, &path, its, &json!({})).await;
        assert_eq!(status, StatusCode::CONFLICT);
    });
    ask(&mut agent, few);
}

#[test]
fn what_ran_without_an_approval_is_reviewed_on_its_page() {
    let house = House::open_under(POLICY);
    let begun = [("options", "-c durward.approval=break-glass -c durward.reason=stuck")];
    let mut person = durward_testkit::RawClient::connect_with(&house.access("engineer"), &begun).expect("a login");
    assert_eq!(person.query(CLOSE_ALL).expect("an answer").commands(), ["UPDATE 199"]);
    let site = Site::of(&house);
    site.run(async {
        let mut own = Browser::new(&site);
        own.log_in("engineer", &house.access("engineer").password).await;
        let page = body(own.get("/requests/c1").await).await;
        assert!(
            page.contains("The glass was broken") && page.contains("state break-glass"),
            "{page}"
        );
        assert!(
            !page.contains("/requests/c1/review"),
            "there is a form to review one's own"
        );
        let answer = site
            .decide(
                "c1",
                "review",
                ("engineer", &house.access("engineer").password),
                &json!({}),
            )
            .await;
        assert_eq!(answer.0, StatusCode::FORBIDDEN, "{}", answer.1);
        let mut other = Browser::new(&site);
        other.log_in("operator", &house.access("operator").password).await;
        let list = body(other.get("/").await).await;
        assert!(list.contains("state break-glass"), "{list}");
        let reviewed = body(other.decide("c1", "review", &[("note", "it was stuck")]).await).await;
        assert!(reviewed.contains("reviewed by operator: it was stuck"), "{reviewed}");
        assert!(!body(other.get("/").await).await.contains("state break-glass"));
    });
}
