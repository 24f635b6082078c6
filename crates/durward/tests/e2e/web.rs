//! Deciding by HTTP: by people on pages, by programs in JSON, and by nobody who hasn't logged in.

mod access;
pub(crate) mod browser;

use std::process::Stdio;

use durward_testkit::RawClient;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::holds::house::{House, PATIENCE, ROWS};
use crate::support;
use browser::{Browser, Site, body};

const CLOSE_ALL: &str = "UPDATE orders SET status = 'closed' WHERE price >= 0";

/// Has somebody ask for something; the request's number.
pub(crate) fn ask(client: &mut RawClient, statement: &str) -> String {
    let answer = client.query(statement).expect("an answer");
    let error = answer.error().unwrap_or_else(|| panic!("{statement} ran"));
    assert_eq!(error.sqlstate(), "WD001", "{error}");
    let detail: Value = serde_json::from_str(&error.field(b'D').expect("a detail")).expect("JSON");
    detail["id"].as_str().expect("an id").to_owned()
}

pub(crate) fn person(house: &House, name: &str, groups: &[&str]) -> String {
    let mut arguments = vec![
        "identities",
        "add",
        name,
        "--kind",
        "person",
        "--database",
        "holds",
        "--json",
    ];
    for group in groups {
        arguments.extend(["--group", group]);
    }
    let output = house.command(&arguments);
    let issued: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    issued["password"].as_str().expect("a password").to_owned()
}

#[test]
fn what_is_approved_on_its_page_runs_in_the_waiting_psql() {
    let house = House::open();
    let waiting = support::command("psql", &house.access("engineer"))
        .args(["--no-psqlrc", "--quiet", "-c", CLOSE_ALL])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("psql runs");
    let id = house.pending();
    let site = Site::of(&house);
    site.run(async {
        let mut browser = Browser::new(&site);
        let stranger = browser.get(&format!("/requests/{id}")).await;
        assert_eq!(stranger.url().path(), "/login", "nothing is seen without a login");
        browser.log_in("operator", &house.access("operator").password).await;
        let page = body(browser.get(&format!("/requests/{id}")).await).await;
        for words in [
            "engineer wants to UPDATE 199 rows of public.orders",
            "a password that the gateway issued",
            "people-many-rows",
            "No reason was given.",
            "UPDATE orders SET status = &#39;closed&#39; WHERE price &gt;= 0",
        ] {
            let found = page.contains(words) || page.replace('\'', "&#39;").contains(words);
            assert!(found, "no {words} in {page}");
        }
        let decided = browser.decide(&id, "approve", &[("note", "after the audit")]).await;
        assert_eq!(decided.status(), StatusCode::OK);
        assert_eq!(decided.url().path(), format!("/requests/{id}"));
    });
    let outcome = support::finish(waiting, PATIENCE);
    assert!(outcome.succeeded(), "{}", outcome.text());
    let link = format!("{}/requests/{id}", house.web());
    for words in [link.as_str(), "is approved: by operator", "after the audit"] {
        assert!(outcome.stderr.contains(words), "no {words} in {}", outcome.stderr);
    }
    assert_eq!(house.closed(), ROWS);
    let record = house.command(&["audit", "tail", "--lines", "200", "--json"]);
    let record = String::from_utf8_lossy(&record.stdout).into_owned();
    assert!(record.contains("operator (web login by pw-"), "{record}");
    assert!(record.contains("web_login"), "{record}");
}

#[test]
fn programs_list_wait_and_decide_in_json() {
    let house = House::open();
    let mut agent = house.connect("agent", "");
    let id = ask(&mut agent, CLOSE_ALL);
    let other = ask(&mut house.connect("engineer", "error"), CLOSE_ALL);
    let site = Site::of(&house);
    site.run(async {
        let password = |who: &str| house.access(who).password;
        let (status, list) = site.json("operator", &password("operator"), "/api/v1/requests").await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(list["requests"].as_array().map(Vec::len), Some(2));
        let (_, own) = site.json("agent", &password("agent"), "/api/v1/requests").await;
        assert_eq!(
            own["requests"].as_array().map(Vec::len),
            Some(1),
            "a program sees its own"
        );
        let foreign = site
            .json("agent", &password("agent"), &format!("/api/v1/requests/{other}"))
            .await;
        assert_eq!(foreign.0, StatusCode::NOT_FOUND);
        let (_, request) = site
            .json("agent", &password("agent"), &format!("/api/v1/requests/{id}"))
            .await;
        assert_eq!(request["url"], format!("{}/requests/{id}", house.web()));
        // Whoever may not decide doesn't, whatever they show.
        for (who, password, expected) in [
            ("agent", password("agent"), StatusCode::FORBIDDEN),
            ("service", password("service"), StatusCode::FORBIDDEN),
            ("engineer", password("engineer"), StatusCode::FORBIDDEN),
            ("operator", "dwp_guess".to_owned(), StatusCode::UNAUTHORIZED),
            ("nobody", password("operator"), StatusCode::UNAUTHORIZED),
        ] {
            let answer = site
                .decide(&id, "approve", (who, &password), &json!({"confirm": true}))
                .await;
            let expected = if who == "service" {
                StatusCode::NOT_FOUND
            } else {
                expected
            };
            assert_eq!(answer.0, expected, "{who}: {}", answer.1);
        }
        let version = request["version"].as_str().expect("a version").to_owned();
        let path = format!("/api/v1/requests/{id}?wait=40&after={version}");
        let (agents, operators, said) = (password("agent"), password("operator"), json!({"note": "go"}));
        let (waited, approved) = tokio::join!(
            site.json("agent", &agents, &path),
            site.decide(&id, "approve", ("operator", &operators), &said),
        );
        assert_eq!(approved.0, StatusCode::OK, "{}", approved.1);
        assert_eq!(waited.1["state"], "approved", "{}", waited.1);
        // The first decision counts.
        let late = site
            .decide(&id, "reject", ("operator", &password("operator")), &json!({}))
            .await;
        assert_eq!(late.0, StatusCode::CONFLICT, "{}", late.1);
        let wrong = site
            .decide(
                &other,
                "reject",
                ("operator", &password("operator")),
                &json!({"nite": "x"}),
            )
            .await;
        assert_eq!(wrong.0, StatusCode::BAD_REQUEST, "{}", wrong.1);
    });
    let answer = agent.query(CLOSE_ALL).expect("an answer");
    assert_eq!(answer.commands(), [format!("UPDATE {ROWS}")]);
}

#[test]
fn what_happens_is_streamed() {
    let house = House::open();
    let mut agent = house.connect("agent", "");
    let id = ask(&mut agent, CLOSE_ALL);
    let site = Site::of(&house);
    let password = house.access("operator").password;
    site.run(async {
        let mut stream = site
            .client()
            .get(site.url("/api/v1/events"))
            .basic_auth("operator", Some(&password))
            .send()
            .await
            .expect("an answer");
        let mut text = String::new();
        let mut decided = false;
        while !text.contains("event: rejected") {
            let chunk = stream.chunk().await.expect("it goes on").expect("it goes on");
            text.push_str(&String::from_utf8_lossy(&chunk));
            if text.contains("event: pending") && !decided {
                decided = true;
                let body = json!({"note": "not before Monday"});
                let answer = site.decide(&id, "reject", ("operator", &password), &body).await;
                assert_eq!(answer.0, StatusCode::OK);
            }
        }
        assert!(text.contains("not before Monday"), "{text}");
    });
}

#[test]
fn forged_and_foreign_requests_do_nothing() {
    let house = House::open();
    let id = ask(&mut house.connect("agent", ""), CLOSE_ALL);
    let other = ask(&mut house.connect("agent", ""), &CLOSE_ALL.replace(">=", ">"));
    let site = Site::of(&house);
    let password = house.access("operator").password;
    site.run(async {
        let mut browser = Browser::new(&site);
        browser.log_in("operator", &password).await;
        let token = browser.token(&id, "approve").await;
        let approve = format!("/requests/{id}/approve");
        let origin = house.web();
        let form = format!("token={token}");
        for (what, path, cookie, form, origin, expected) in [
            ("no token", &*approve, None, "", Some(origin), StatusCode::FORBIDDEN),
            (
                "a token of zeros",
                &approve,
                None,
                &*format!("token={}", "0".repeat(64)),
                Some(origin),
                StatusCode::FORBIDDEN,
            ),
            (
                "another form's token",
                &format!("/requests/{other}/approve"),
                None,
                &form,
                Some(origin),
                StatusCode::FORBIDDEN,
            ),
            (
                "the other button's token",
                &format!("/requests/{id}/reject"),
                None,
                &form,
                Some(origin),
                StatusCode::FORBIDDEN,
            ),
            (
                "a foreign page",
                &approve,
                None,
                &form,
                Some("https://evil.example"),
                StatusCode::FORBIDDEN,
            ),
            (
                "a sandboxed page",
                &approve,
                None,
                &form,
                Some("null"),
                StatusCode::FORBIDDEN,
            ),
            ("no origin", &approve, None, &form, None, StatusCode::FORBIDDEN),
            (
                "a forged cookie",
                &approve,
                Some("durward=00ff".to_owned()),
                &form,
                Some(origin),
                StatusCode::SEE_OTHER,
            ),
            (
                "two cookies",
                &approve,
                Some(format!("{}; durward=1", browser.cookie())),
                &form,
                Some(origin),
                StatusCode::SEE_OTHER,
            ),
        ] {
            let cookie = cookie.unwrap_or_else(|| browser.cookie());
            let answer = site.post(path, &cookie, form, origin).await;
            assert_eq!(answer.status(), expected, "{what}");
        }
        // The cookie alone changes nothing through the programs' interface.
        let answer = site
            .client()
            .post(site.url(&format!("/api/v1{approve}")))
            .header("cookie", browser.cookie())
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        for (name, value) in [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")] {
            let answer = site
                .client()
                .post(site.url(&format!("/api/v1{approve}")))
                .basic_auth("operator", Some(&password))
                .header(name, value)
                .send()
                .await
                .expect("an answer");
            assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{name}");
        }
        // A name that somebody lets point here.
        for path in ["/", "/login", "/api/openapi.json", &format!("/api/v1/requests/{id}")] {
            let answer = site
                .client()
                .get(site.url(path))
                .header("host", "rebound.example")
                .header("cookie", browser.cookie())
                .send()
                .await
                .expect("an answer");
            assert_eq!(answer.status(), StatusCode::MISDIRECTED_REQUEST, "{path}");
        }
        let answer = site.post("/logout", &browser.cookie(), "", Some(origin)).await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "a foreign logout");
    });
    assert_eq!(
        (house.state(&id), house.state(&other)),
        ("pending".into(), "pending".into())
    );
}

#[test]
fn answers_say_what_browsers_may_do_with_them() {
    let house = House::open();
    let site = Site::of(&house);
    site.run(async {
        for path in [
            "/login",
            "/assets/style.css",
            "/api/openapi.json",
            "/nowhere",
            "/api/v1/requests",
        ] {
            let answer = site.client().get(site.url(path)).send().await.expect("an answer");
            let header = |name: &str| {
                answer
                    .headers()
                    .get(name)
                    .and_then(|value| value.to_str().ok())
                    .unwrap_or_default()
            };
            let policy = header("content-security-policy");
            assert!(
                policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
                "{path}"
            );
            assert!(!policy.contains("unsafe"), "{policy}");
            assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
            assert_eq!(header("cache-control"), "no-store", "{path}");
        }
        let mut browser = Browser::new(&site);
        let attributes = browser.log_in("operator", &house.access("operator").password).await;
        assert!(
            attributes.contains("HttpOnly") && attributes.contains("SameSite=Strict"),
            "{attributes}"
        );
    });
}

#[test]
fn guesses_are_limited_and_recorded() {
    let house = House::open();
    let site = Site::of(&house);
    site.run(async {
        let mut last = StatusCode::OK;
        for guess in 0..60 {
            let form = format!("user=operator&password=guess{guess}&next=%2F");
            last = site.post("/login", "", &form, Some(house.web())).await.status();
            if last == StatusCode::TOO_MANY_REQUESTS {
                break;
            }
            assert_eq!(last, StatusCode::UNAUTHORIZED);
        }
        assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
    });
    let record = house.command(&["audit", "tail", "--lines", "20", "--json"]);
    let record = String::from_utf8_lossy(&record.stdout).into_owned();
    assert!(record.contains("wrong password"), "{record}");
    assert!(!record.contains("guess1"), "a guess is in the record");
}

#[test]
fn a_second_and_a_late_click_change_nothing() {
    let house = House::open();
    let mut agent = house.connect("agent", "");
    let id = ask(&mut agent, CLOSE_ALL);
    let site = Site::of(&house);
    site.run(async {
        let mut browser = Browser::new(&site);
        browser.log_in("operator", &house.access("operator").password).await;
        let token = browser.token(&id, "approve").await;
        let late = browser.token(&id, "reject").await;
        let approve = format!("/requests/{id}/approve");
        let form = format!("token={token}");
        let cookie = browser.cookie();
        let click = || site.post(&approve, &cookie, &form, Some(house.web()));
        let clicks = tokio::join!(click(), click(), click());
        let mut codes = [clicks.0.status(), clicks.1.status(), clicks.2.status()];
        codes.sort();
        assert_eq!(
            codes,
            [StatusCode::SEE_OTHER, StatusCode::CONFLICT, StatusCode::CONFLICT]
        );
        let form = format!("token={late}");
        let answer = site
            .post(
                &format!("/requests/{id}/reject"),
                &browser.cookie(),
                &form,
                Some(house.web()),
            )
            .await;
        assert_eq!(answer.status(), StatusCode::CONFLICT);
        assert!(body(answer).await.contains("approved already"));
    });
    let (_, request) = house.approvals(&["show", &id, "--json"]);
    assert_eq!(request["approvals"].as_array().map(Vec::len), Some(1), "{request}");
    assert_eq!(request["state"], "approved");
}

#[test]
fn ones_own_is_not_approved_and_groups_and_counts_hold() {
    let house = House::open();
    let password = person(&house, "ada", &[]);
    let own = ask(&mut house.connect("agent", ""), CLOSE_ALL);
    let site = Site::of(&house);
    site.run(async {
        // The agent acts for the engineer.
        let mut browser = Browser::new(&site);
        browser.log_in("engineer", &house.access("engineer").password).await;
        let page = body(browser.get(&format!("/requests/{own}")).await).await;
        assert!(page.contains("somebody else must decide it"), "{page}");
        assert!(
            !page.contains(&format!("/requests/{own}/approve")),
            "there is a form to approve it"
        );
        let answer = site.decide(&own, "approve", ("ada", &password), &json!({})).await;
        assert_eq!(answer.0, StatusCode::OK, "{}", answer.1);
        assert_eq!(answer.1["approvals"][0]["by"], "ada");
    });
    assert_eq!(house.command(&["identities", "revoke", "ada"]).status.code(), Some(0));
    let next = ask(&mut house.connect("agent", ""), &CLOSE_ALL.replace(">=", ">"));
    site.run(async {
        let answer = site.decide(&next, "approve", ("ada", &password), &json!({})).await;
        assert_eq!(answer.0, StatusCode::UNAUTHORIZED, "a revoked person decides nothing");
    });
}

#[test]
fn what_others_wrote_is_shown_and_never_acted_upon() {
    let house = House::open();
    let mut agent = house.connect("agent", "");
    let markup = "<script>alert(1)</script><img src=x onerror=alert(2)>\" onclick=\"x";
    let set = format!("SET durward.reason = '{markup}'");
    assert_eq!(agent.query(&set).expect("an answer").sqlstate(), None);
    let statement = format!(
        "UPDATE orders SET status = '{markup}\u{202e}\u{200b}\u{1b}[2J' /* </code></pre><form action=//evil.example> */ WHERE price >= 0"
    );
    let id = ask(&mut agent, &statement);
    let site = Site::of(&house);
    site.run(async {
        let mut browser = Browser::new(&site);
        browser.log_in("operator", &house.access("operator").password).await;
        for path in ["/".to_owned(), format!("/requests/{id}")] {
            let page = body(browser.get(&path).await).await;
            for harmful in [
                "<script>alert",
                "<img",
                "<form action=//",
                "\u{202e}",
                "\u{200b}",
                "\u{1b}",
            ] {
                assert!(!page.contains(harmful), "{harmful:?} in {page}");
            }
            assert!(page.contains("&lt;script&gt;alert(1)"), "{page}");
            assert!(page.contains("\\u{202e}") && page.contains("\\u{1b}"), "{page}");
        }
        let lines = browser.decide(&id, "reject", &[("note", "a\nb")]).await;
        assert_eq!(lines.status(), StatusCode::BAD_REQUEST, "a note is one line");
        let page = body(browser.decide(&id, "reject", &[("note", markup)]).await).await;
        assert!(
            !page.contains("<script>alert") && page.contains("&lt;script&gt;alert(1)"),
            "{page}"
        );
    });
}

#[test]
fn requests_of_other_databases_are_not_there() {
    let house = House::open();
    let id = ask(&mut house.connect("agent", ""), CLOSE_ALL);
    let output = house.command(&[
        "identities",
        "add",
        "eve",
        "--kind",
        "person",
        "--database",
        "elsewhere",
        "--json",
    ]);
    let issued: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let password = issued["password"].as_str().expect("a password");
    let site = Site::of(&house);
    site.run(async {
        let (status, list) = site.json("eve", password, "/api/v1/requests?all=true").await;
        assert_eq!(
            (status, list["requests"].as_array().map(Vec::len)),
            (StatusCode::OK, Some(0))
        );
        let answer = site.decide(&id, "approve", ("eve", password), &json!({})).await;
        assert_eq!(answer.0, StatusCode::NOT_FOUND);
    });
    assert_eq!(house.state(&id), "pending");
}
