//! Tokens with a prefix that their issuer reserved.

use super::super::text::{ANY_LENGTH, Token, is_alphanumeric, is_base64, is_base64url, is_hex};

/// Tokens by their prefix, with what follows and how much of it.
pub(in super::super) const TOKENS: &[Token] = &[
    // Clouds and hosts: documentation of Amazon Web Services (IAM identifiers), Google Cloud, Alibaba, Tencent,
    // DigitalOcean, Heroku, Fly, Vercel, Netlify, Cloudflare, Scaleway, Tailscale.
    token("aws-access-key-id", "AKIA", is_upper32, 16, 16),
    token("aws-access-key-id", "ASIA", is_upper32, 16, 16),
    token("aws-access-key-id", "ABIA", is_upper32, 16, 16),
    token("aws-access-key-id", "ACCA", is_upper32, 16, 16),
    weak("aws-access-key-id", "A3T", is_upper_alphanumeric, 17, 17),
    token("aws-session-token", "IQoJb3JpZ2lu", is_base64, 80, ANY_LENGTH),
    token("aws-session-token", "FwoGZXIvYXdz", is_base64, 80, ANY_LENGTH),
    token("aws-bedrock-key", "ABSKQmVkcm9ja0FQSUtleS", is_base64, 60, ANY_LENGTH),
    token("gcp-api-key", "AIza", is_base64url, 35, 35),
    token("google-oauth-token", "ya29.", is_base64url, 20, ANY_LENGTH),
    token("google-oauth-client-secret", "GOCSPX-", is_base64url, 28, 28),
    weak("google-refresh-token", "1//0", is_base64url, 38, ANY_LENGTH),
    weak("alibaba-access-key-id", "LTAI", is_alphanumeric, 12, 26),
    weak("tencent-secret-id", "AKID", is_alphanumeric, 32, 32),
    token("digitalocean-token", "dop_v1_", is_hex, 64, 64),
    token("digitalocean-token", "doo_v1_", is_hex, 64, 64),
    token("digitalocean-token", "dor_v1_", is_hex, 64, 64),
    token("heroku-key", "HRKU-", is_base64url, 36, 70),
    token("fly-token", "fo1_", is_base64url, 43, 43),
    token("fly-token", "fm1r_", is_base64, 80, ANY_LENGTH),
    token("fly-token", "fm1a_", is_base64, 80, ANY_LENGTH),
    token("fly-token", "fm2_", is_base64, 80, ANY_LENGTH),
    token("vercel-token", "vcp_", is_alphanumeric, 24, 64),
    token("vercel-token", "vci_", is_alphanumeric, 24, 64),
    token("vercel-token", "vca_", is_alphanumeric, 24, 64),
    token("vercel-token", "vcr_", is_alphanumeric, 24, 64),
    token("vercel-token", "vck_", is_alphanumeric, 24, 64),
    token("netlify-token", "nfp_", is_alphanumeric, 36, 64),
    token("netlify-token", "nfo_", is_alphanumeric, 36, 64),
    token("netlify-token", "nfc_", is_alphanumeric, 36, 64),
    token("netlify-token", "nfb_", is_alphanumeric, 36, 64),
    token("cloudflare-token", "cfk_", is_alphanumeric, 44, 64),
    token("cloudflare-token", "cfut_", is_alphanumeric, 44, 64),
    token("cloudflare-token", "cfat_", is_alphanumeric, 44, 64),
    token("cloudflare-origin-ca-key", "v1.0-", is_hex_or_dash, 171, 171),
    token("tailscale-key", "tskey-", is_base64url, 20, ANY_LENGTH),
    token("openshift-token", "sha256~", is_base64url, 43, 43),
    // Code hosts and their registries: documentation of GitHub (token formats), GitLab (token overview), Atlassian,
    // npm, PyPI, RubyGems, Docker, NuGet, crates and others.
    token("github-token", "ghp_", is_alphanumeric, 36, 251),
    token("github-token", "gho_", is_alphanumeric, 36, 251),
    token("github-token", "ghu_", is_alphanumeric, 36, 251),
    token("github-token", "ghs_", is_word_dotted, 36, ANY_LENGTH),
    token("github-token", "ghr_", is_alphanumeric, 36, 251),
    token("github-fine-grained-token", "github_pat_", is_word, 82, 251),
    token("gitlab-token", "glpat-", is_base64url_dotted, 20, 300),
    token("gitlab-token", "gldt-", is_base64url, 20, 300),
    token("gitlab-token", "glrt-", is_base64url_dotted, 20, 300),
    token("gitlab-token", "glrtr-", is_base64url, 20, 300),
    token("gitlab-token", "glcbt-", is_base64url, 20, 300),
    token("gitlab-token", "glptt-", is_base64url, 20, 300),
    token("gitlab-token", "glft-", is_base64url, 20, 300),
    token("gitlab-token", "glsoat-", is_base64url, 20, 300),
    token("gitlab-token", "glimt-", is_base64url, 20, 300),
    token("gitlab-token", "glagent-", is_base64url, 20, 300),
    token("gitlab-token", "gloas-", is_base64url, 20, 300),
    token("gitlab-token", "glffct-", is_base64url, 20, 300),
    token("gitlab-runner-token", "GR1348941", is_base64url, 20, 50),
    weak("bitbucket-token", "ATBB", is_alphanumeric, 28, 60),
    token("atlassian-token", "ATATT3", is_base64url_padded, 60, ANY_LENGTH),
    token("atlassian-token", "ATCTT3", is_base64url_padded, 60, ANY_LENGTH),
    token("npm-token", "npm_", is_alphanumeric, 36, 36),
    token("pypi-token", "pypi-AgEIcHlwaS5vcmc", is_base64url, 50, ANY_LENGTH),
    token(
        "pypi-token",
        "pypi-AgENdGVzdC5weXBpLm9yZw",
        is_base64url,
        50,
        ANY_LENGTH,
    ),
    token("rubygems-key", "rubygems_", is_hex, 48, 48),
    token("docker-token", "dckr_pat_", is_base64url, 27, 40),
    token("docker-token", "dckr_oat_", is_base64url, 27, 40),
    weak("nuget-key", "oy2", is_alphanumeric, 43, 43),
    weak("crates-io-token", "cio", is_alphanumeric, 32, 32),
    token("clojars-token", "CLOJARS_", is_alphanumeric, 60, 60),
    token("buildkite-token", "bkua_", is_hex, 40, 40),
    token("circleci-token", "CCIPAT_", is_word, 40, 90),
    token("circleci-token", "CCIPRJ_", is_word, 40, 90),
    token("sonarqube-token", "squ_", is_hex, 40, 40),
    token("sonarqube-token", "sqp_", is_hex, 40, 40),
    token("sonarqube-token", "sqa_", is_hex, 40, 40),
    token("sourcegraph-token", "sgp_", is_word, 40, 80),
    weak("artifactory-key", "AKCp", is_alphanumeric, 60, 80),
    weak("artifactory-token", "cmVmd", is_alphanumeric, 59, 59),
    weak("sourcegraph-token", "slk_", is_hex, 64, 64),
    // Messages: documentation of Slack (token types), SendGrid, Twilio, Mailgun, Brevo, Resend, Matrix.
    token("slack-token", "xoxb-", is_base64url, 20, ANY_LENGTH),
    token("slack-token", "xoxp-", is_base64url, 20, ANY_LENGTH),
    token("slack-token", "xoxa-", is_base64url, 20, ANY_LENGTH),
    token("slack-token", "xoxr-", is_base64url, 20, ANY_LENGTH),
    token("slack-token", "xoxs-", is_base64url, 20, ANY_LENGTH),
    token("slack-token", "xoxo-", is_base64url, 20, ANY_LENGTH),
    token("slack-token", "xoxc-", is_base64url, 20, ANY_LENGTH),
    token("slack-token", "xoxd-", is_percent_encoded, 20, ANY_LENGTH),
    token("slack-token", "xoxe-", is_base64url, 20, ANY_LENGTH),
    token("slack-token", "xoxe.xoxp-", is_base64url, 20, ANY_LENGTH),
    token("slack-token", "xoxe.xoxb-", is_base64url, 20, ANY_LENGTH),
    token("slack-token", "xapp-", is_base64url, 30, ANY_LENGTH),
    token("sendgrid-key", "SG.", is_base64url_dotted, 60, 72),
    weak("twilio-key", "SK", is_hex, 32, 32),
    weak("twilio-account-sid", "AC", is_hex, 32, 32),
    weak("mailgun-key", "key-", is_alphanumeric, 32, 32),
    token("brevo-key", "xkeysib-", is_alphanumeric_or_dash, 80, 90),
    token("brevo-key", "xsmtpsib-", is_alphanumeric_or_dash, 80, 90),
    token("matrix-token", "syt_", is_word, 30, ANY_LENGTH),
    // Payments and shops: documentation of Stripe, PayPal (Braintree), Square, Shopify, Flutterwave, Shippo, EasyPost,
    // Razorpay.
    token("stripe-key", "sk_live_", is_alphanumeric, 20, 250),
    token("stripe-key", "sk_test_", is_alphanumeric, 20, 250),
    token("stripe-key", "rk_live_", is_alphanumeric, 20, 250),
    token("stripe-key", "rk_test_", is_alphanumeric, 20, 250),
    token("stripe-key", "sk_prod_", is_alphanumeric, 20, 250),
    token("stripe-key", "rk_prod_", is_alphanumeric, 20, 250),
    token("duffel-token", "duffel_live_", is_base64url_padded, 43, 43),
    token("duffel-token", "duffel_test_", is_base64url_padded, 43, 43),
    token("stripe-webhook-secret", "whsec_", is_base64, 24, 80),
    weak("paypal-token", "A21AA", is_base64url, 80, ANY_LENGTH),
    token("braintree-token", "access_token$production$", is_word_dollar, 40, 60),
    token("braintree-token", "access_token$sandbox$", is_word_dollar, 40, 60),
    token("square-token", "sq0atp-", is_base64url, 22, 60),
    token("square-token", "sq0csp-", is_base64url, 43, 60),
    weak("square-token", "EAAA", is_base64url, 60, 60),
    token("shopify-token", "shpat_", is_any_hex, 32, 32),
    token("shopify-token", "shpca_", is_any_hex, 32, 32),
    token("shopify-token", "shppa_", is_any_hex, 32, 32),
    token("shopify-token", "shpss_", is_any_hex, 32, 32),
    token("flutterwave-key", "FLWSECK-", is_base64url, 32, 60),
    token("flutterwave-key", "FLWSECK_TEST-", is_base64url, 12, 60),
    token("shippo-token", "shippo_live_", is_hex, 40, 40),
    token("shippo-token", "shippo_test_", is_hex, 40, 40),
    weak("easypost-key", "EZAK", is_alphanumeric, 54, 54),
    weak("easypost-key", "EZTK", is_alphanumeric, 54, 54),
    token("razorpay-key", "rzp_live_", is_alphanumeric, 14, 24),
    // Models: documentation of OpenAI, Anthropic, Hugging Face, Replicate, Groq, Perplexity, xAI, OpenRouter,
    // LangSmith.
    weak("openai-key", "sk-", is_alphanumeric, 48, 51),
    token("openai-key", "sk-proj-", is_base64url, 40, ANY_LENGTH),
    token("openai-key", "sk-svcacct-", is_base64url, 40, ANY_LENGTH),
    token("openai-key", "sk-admin-", is_base64url, 40, ANY_LENGTH),
    token("anthropic-key", "sk-ant-", is_base64url, 40, ANY_LENGTH),
    token("openrouter-key", "sk-or-v1-", is_hex, 64, 64),
    token("hugging-face-token", "hf_", is_alphanumeric, 34, 40),
    token("hugging-face-token", "api_org_", is_alphanumeric, 34, 40),
    weak("replicate-token", "r8_", is_alphanumeric, 37, 40),
    token("groq-key", "gsk_", is_alphanumeric, 50, 60),
    token("perplexity-key", "pplx-", is_alphanumeric, 40, 64),
    token("xai-key", "xai-", is_alphanumeric, 70, 90),
    token("langsmith-key", "lsv2_", is_word, 40, 60),
    // Running and watching: documentation of New Relic, Sentry, Grafana, HashiCorp, Databricks, Pulumi, Doppler,
    // Dynatrace, Age, 1Password, Postman and others.
    token("new-relic-key", "NRAK-", is_alphanumeric, 27, 27),
    token("new-relic-key", "NRII-", is_base64url, 32, 32),
    token("new-relic-key", "NRAA-", is_alphanumeric, 20, 60),
    token("new-relic-key", "NRRA-", is_alphanumeric, 20, 60),
    token("sentry-token", "sntrys_", is_base64_word, 60, ANY_LENGTH),
    token("sentry-token", "sntryu_", is_hex, 64, 64),
    token("sentry-token", "sntrya_", is_hex, 64, 64),
    token("grafana-token", "glsa_", is_word, 41, 41),
    token("grafana-token", "glc_", is_base64, 32, ANY_LENGTH),
    token("vault-token", "hvs.", is_base64url, 24, ANY_LENGTH),
    token("vault-token", "hvb.", is_base64url, 24, ANY_LENGTH),
    token("vault-token", "hvr.", is_base64url, 24, ANY_LENGTH),
    weak("databricks-token", "dapi", is_hex_or_dash, 32, 34),
    weak("databricks-token", "dose", is_hex_or_dash, 32, 34),
    token("pulumi-token", "pul-", is_hex, 40, 40),
    token("doppler-token", "dp.pt.", is_alphanumeric, 40, 44),
    token("doppler-token", "dp.st.", is_base64url_dotted, 40, 80),
    token("doppler-token", "dp.ct.", is_alphanumeric, 40, 44),
    token("doppler-token", "dp.sa.", is_alphanumeric, 40, 44),
    token("doppler-token", "dp.scim.", is_alphanumeric, 40, 44),
    token("doppler-token", "dp.audit.", is_alphanumeric, 40, 44),
    token("dynatrace-token", "dt0c01.", is_word_dotted, 80, 100),
    token("dynatrace-token", "dt0s01.", is_word_dotted, 80, 100),
    token("age-secret-key", "AGE-SECRET-KEY-1", is_upper_alphanumeric, 58, 58),
    token("age-secret-key", "AGE-SECRET-KEY-PQ-1", is_upper_alphanumeric, 58, 120),
    token("1password-token", "ops_eyJ", is_base64, 100, ANY_LENGTH),
    token("1password-secret-key", "A3-", is_upper_or_dash, 35, 36),
    weak("clickhouse-key", "4b1d", is_alphanumeric, 38, 38),
    token("infracost-key", "ico-", is_alphanumeric, 32, 32),
    token("frame-io-token", "fio-u-", is_base64url_padded, 64, 64),
    token("adobe-client-secret", "p8e-", is_alphanumeric, 32, 32),
    token("intra42-secret", "s-s4t2ud-", is_hex, 64, 64),
    token("intra42-secret", "s-s4t2af-", is_hex, 64, 64),
    token("scalingo-token", "tk-us-", is_base64url, 48, 48),
    token("postman-key", "PMAK-", is_hex_or_dash, 59, 59),
    token("prefect-key", "pnu_", is_alphanumeric, 36, 36),
    token("planetscale-secret", "pscale_tkn_", is_base64url_dotted, 32, 64),
    token("planetscale-secret", "pscale_pw_", is_base64url_dotted, 32, 64),
    token("planetscale-secret", "pscale_oauth_", is_base64url_dotted, 32, 64),
    token("supabase-token", "sbp_", is_hex, 40, 40),
    token("supabase-token", "sb_secret_", is_base64url, 20, 60),
    token("contentful-token", "CFPAT-", is_base64url, 43, 43),
    token("snowflake-token", "ver:1-hint:", is_base64_dash, 40, ANY_LENGTH),
    weak("octopus-key", "API-", is_upper_alphanumeric, 25, 36),
    // Where people work: documentation of Linear, Notion, Airtable, Figma, Asana's kin, Meta, X, Dropbox, Typeform,
    // Readme.
    token("linear-key", "lin_api_", is_alphanumeric, 40, 48),
    token("linear-key", "lin_oauth_", is_alphanumeric, 40, 64),
    weak("notion-token", "secret_", is_alphanumeric, 43, 43),
    token("notion-token", "ntn_", is_alphanumeric, 40, 60),
    token("figma-token", "figd_", is_base64url, 38, 60),
    token("figma-token", "figu_", is_base64url, 38, 60),
    weak("meta-token", "EAA", is_alphanumeric, 80, ANY_LENGTH),
    weak(
        "x-bearer-token",
        "AAAAAAAAAAAAAAAAAAAAA",
        is_percent_encoded,
        60,
        ANY_LENGTH,
    ),
    weak("dropbox-token", "sl.", is_base64url, 120, ANY_LENGTH),
    token("typeform-token", "tfp_", is_base64url, 40, 70),
    token("readme-key", "rdme_", is_alphanumeric, 70, 70),
    weak("adafruit-key", "aio_", is_alphanumeric, 28, 28),
    token("mapbox-token", "sk.eyJ", is_base64url_dotted, 60, ANY_LENGTH),
];

/// A token whose prefix nothing else has.
const fn token(name: &'static str, prefix: &'static str, body: fn(u8) -> bool, least: usize, most: usize) -> Token {
    Token {
        name,
        prefix,
        body,
        least,
        most,
        weak: false,
    }
}

/// A token whose prefix words and encoded bytes have too.
const fn weak(name: &'static str, prefix: &'static str, body: fn(u8) -> bool, least: usize, most: usize) -> Token {
    Token {
        name,
        prefix,
        body,
        least,
        most,
        weak: true,
    }
}

const fn is_upper32(byte: u8) -> bool {
    matches!(byte, b'A'..=b'Z' | b'2'..=b'7')
}

const fn is_upper_alphanumeric(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit()
}

const fn is_upper_or_dash(byte: u8) -> bool {
    is_upper_alphanumeric(byte) || byte == b'-'
}

const fn is_any_hex(byte: u8) -> bool {
    byte.is_ascii_hexdigit()
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

const fn is_word_dotted(byte: u8) -> bool {
    is_base64url_dotted(byte)
}

const fn is_word_dollar(byte: u8) -> bool {
    is_word(byte) || byte == b'$'
}

const fn is_base64url_dotted(byte: u8) -> bool {
    is_base64url(byte) || byte == b'.'
}

const fn is_base64url_padded(byte: u8) -> bool {
    is_base64url(byte) || byte == b'='
}

const fn is_base64_word(byte: u8) -> bool {
    is_base64(byte) || byte == b'_'
}

const fn is_base64_dash(byte: u8) -> bool {
    is_base64(byte) || byte == b'-'
}

const fn is_hex_or_dash(byte: u8) -> bool {
    is_hex(byte) || byte == b'-'
}

const fn is_alphanumeric_or_dash(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-'
}

pub(super) const fn is_percent_encoded(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'%' | b'+' | b'/' | b'=' | b'-' | b'_')
}
