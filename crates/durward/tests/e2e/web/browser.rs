use std::time::Duration;

use reqwest::header::{LOCATION, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};
use serde_json::Value;

use crate::holds::house::House;

/// The console of a house, and what talks to it.
pub(crate) struct Site {
    base: String,
    client: Client,
    runtime: tokio::runtime::Runtime,
}

impl Site {
    pub(crate) fn of(house: &House) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let client = Client::builder()
            .redirect(Policy::none())
            .timeout(Duration::from_secs(60))
            .build()
            .expect("a client");
        Self {
            base: house.web().to_owned(),
            client,
            runtime,
        }
    }

    pub(crate) fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    pub(crate) async fn json(&self, user: &str, password: &str, path: &str) -> (StatusCode, Value) {
        let asked = self.client.get(self.url(path)).basic_auth(user, Some(password));
        read(asked.send().await.expect("an answer")).await
    }

    /// Decides as a program does.
    pub(crate) async fn decide(&self, id: &str, verb: &str, login: (&str, &str), body: &Value) -> (StatusCode, Value) {
        self.send(&format!("/api/v1/requests/{id}/{verb}"), login, body).await
    }

    /// Sends JSON as a program does.
    pub(crate) async fn send(&self, path: &str, login: (&str, &str), body: &Value) -> (StatusCode, Value) {
        let asked = self
            .client
            .post(self.url(path))
            .basic_auth(login.0, Some(login.1))
            .json(body);
        read(asked.send().await.expect("an answer")).await
    }

    /// Sends a form as a page would.
    pub(crate) async fn post(&self, path: &str, cookie: &str, form: &str, origin: Option<&str>) -> Response {
        let mut asked = self
            .client
            .post(self.url(path))
            .header("content-type", "application/x-www-form-urlencoded")
            .header("cookie", cookie)
            .body(form.to_owned());
        if let Some(origin) = origin {
            asked = asked.header("origin", origin);
        }
        asked.send().await.expect("an answer")
    }
}

async fn read(answer: Response) -> (StatusCode, Value) {
    let status = answer.status();
    (status, answer.json().await.unwrap_or(Value::Null))
}

/// The text of a page.
pub(crate) async fn body(answer: Response) -> String {
    answer.text().await.expect("a page")
}

/// Somebody's browser: it keeps its cookie and follows where it is sent.
pub(crate) struct Browser<'a> {
    site: &'a Site,
    cookie: String,
}

impl<'a> Browser<'a> {
    pub(crate) fn new(site: &'a Site) -> Self {
        Self {
            site,
            cookie: String::new(),
        }
    }

    pub(crate) fn cookie(&self) -> String {
        self.cookie.clone()
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        let mut path = path.to_owned();
        for _ in 0..5 {
            let asked = self
                .site
                .client
                .get(self.site.url(&path))
                .header("cookie", &self.cookie);
            let answer = asked.send().await.expect("an answer");
            match answer.headers().get(LOCATION) {
                Some(way) => path = way.to_str().expect("a way").to_owned(),
                None => return answer,
            }
        }
        panic!("it leads in circles");
    }

    /// Logs in; the cookie's attributes.
    pub(crate) async fn log_in(&mut self, user: &str, password: &str) -> String {
        let form = format!("user={user}&password={password}&next=%2F");
        let answer = self.site.post("/login", "", &form, Some(&self.site.base)).await;
        assert_eq!(answer.status(), StatusCode::SEE_OTHER, "{user} can't log in");
        let cookie = answer
            .headers()
            .get(SET_COOKIE)
            .expect("a cookie")
            .to_str()
            .expect("ASCII");
        let (pair, attributes) = cookie.split_once(';').expect("attributes");
        self.cookie = pair.to_owned();
        attributes.to_owned()
    }

    /// The token of a form on a request's page.
    pub(crate) async fn token(&self, id: &str, verb: &str) -> String {
        let page = body(self.get(&format!("/requests/{id}")).await).await;
        let form = format!("action=\"/requests/{id}/{verb}\"");
        let (_, behind) = page
            .split_once(&form)
            .unwrap_or_else(|| panic!("no form to {verb} in {page}"));
        let (_, behind) = behind.split_once("name=\"token\" value=\"").expect("a token");
        behind.split('"').next().expect("a token").to_owned()
    }

    /// Clicks on a button of a request's page, and goes where that leads.
    pub(crate) async fn decide(&self, id: &str, verb: &str, fields: &[(&str, &str)]) -> Response {
        let token = self.token(id, verb).await;
        let mut form = format!("token={token}");
        for (name, value) in fields {
            let value: String = value.bytes().map(|byte| format!("%{byte:02X}")).collect();
            form.push_str(&format!("&{name}={value}"));
        }
        let path = format!("/requests/{id}/{verb}");
        let answer = self.site.post(&path, &self.cookie, &form, Some(&self.site.base)).await;
        match answer.headers().get(LOCATION) {
            Some(way) => self.get(way.to_str().expect("a way")).await,
            None => answer,
        }
    }
}
