//! The kinds of secret values, by the formats that their vendors publish.

use super::shape::Part::{Gap, Lit, Run};
use super::shape::Set::{
    Alnum, Base58, Base64, Digit, Dotted, Hex, Lines, Password, Upper, Url, User, Word,
};
use super::shape::{Detector, Part, Set};

type Words = &'static [&'static str];
type Parts = &'static [Part];

/// A keyword long enough to be found anywhere.
const fn token(
    name: &'static str,
    keywords: Words,
    parts: Parts,
    source: &'static str,
) -> Detector {
    Detector {
        name,
        keywords,
        parts,
        before: None,
        starts_word: false,
        any_case: false,
        source,
    }
}

/// A keyword that means something only where a word starts.
const fn word(name: &'static str, keywords: Words, parts: Parts, source: &'static str) -> Detector {
    Detector {
        starts_word: true,
        ..token(name, keywords, parts, source)
    }
}

/// A value that only its name tells.
const fn named(
    name: &'static str,
    keywords: Words,
    parts: Parts,
    source: &'static str,
) -> Detector {
    Detector {
        any_case: true,
        ..token(name, keywords, parts, source)
    }
}

/// A keyword in the middle.
const fn inside(
    name: &'static str,
    before: (Set, usize, usize),
    keywords: Words,
    parts: Parts,
    source: &'static str,
) -> Detector {
    Detector {
        before: Some(before),
        ..token(name, keywords, parts, source)
    }
}

const ANY: usize = usize::MAX - 1;

#[rustfmt::skip]
pub(super) const DETECTORS: &[Detector] = &[
    token("age-secret-key", &["AGE-SECRET-KEY-1"], &[Run(Upper, 58, 58)], "https://age-encryption.org/v1"),
    word("airtable-token", &["pat"], &[Run(Alnum, 14, 14), Lit("."), Run(Hex, 64, 64)], "https://airtable.com/developers/web/api/authentication"),
    token("anthropic-key", &["sk-ant-"], &[Run(Url, 32, 255)], "https://docs.anthropic.com/en/api/overview"),
    token("atlassian-token", &["ATATT3xFfGF0", "ATCTT3xFfGN0"], &[Run(Url, 60, 400)], "https://support.atlassian.com/atlassian-account/docs/manage-api-tokens-for-your-atlassian-account/"),
    word("aws-access-key-id", &["AKIA", "ASIA"], &[Run(Upper, 16, 16)], "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html"),
    named("aws-secret-key", &["aws_secret_access_key", "secretaccesskey", "aws_secret_key"], &[Gap, Run(Base64, 40, 40)], "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html"),
    inside("azure-client-secret", (Dotted, 3, 3), &["7Q~", "8Q~"], &[Run(Dotted, 31, 34)], "https://learn.microsoft.com/en-us/purview/sit-defn-azure-ad-client-secret"),
    named("azure-shared-key", &["accountkey=", "sharedaccesskey="], &[Run(Base64, 42, 88), Lit("=")], "https://learn.microsoft.com/en-us/azure/storage/common/storage-configure-connection-string"),
    token("brevo-key", &["xkeysib-"], &[Run(Hex, 64, 64), Lit("-"), Run(Alnum, 16, 16)], "https://developers.brevo.com/docs/getting-started"),
    token("buildkite-token", &["bkua_"], &[Run(Hex, 40, 40)], "https://buildkite.com/docs/platform/security/tokens"),
    token("circleci-token", &["CCIPAT_", "CCIPRJ_"], &[Run(Word, 40, 80)], "https://circleci.com/docs/managing-api-tokens/"),
    word("crates-io-token", &["cio"], &[Run(Alnum, 32, 32)], "https://doc.rust-lang.org/cargo/reference/publishing.html"),
    token("cloudflare-origin-key", &["v1.0-"], &[Run(Hex, 24, 24), Lit("-"), Run(Hex, 146, 146)], "https://developers.cloudflare.com/fundamentals/api/get-started/ca-keys/"),
    word("databricks-token", &["dapi"], &[Run(Hex, 32, 32)], "https://docs.databricks.com/aws/en/dev-tools/auth/pat"),
    named("datadog-key", &["dd_api_key", "dd_app_key", "dd-api-key"], &[Gap, Run(Hex, 32, 40)], "https://docs.datadoghq.com/account_management/api-app-keys/"),
    token("digitalocean-token", &["dop_v1_", "doo_v1_", "dor_v1_"], &[Run(Hex, 64, 64)], "https://docs.digitalocean.com/reference/api/create-personal-access-token/"),
    named("discord-bot-token", &["discord_token", "discord_bot_token", "authorization: bot"], &[Gap, Run(Url, 23, 28), Lit("."), Run(Url, 6, 7), Lit("."), Run(Url, 27, 38)], "https://discord.com/developers/docs/reference#authentication"),
    token("discord-webhook", &["discord.com/api/webhooks/", "discordapp.com/api/webhooks/"], &[Run(Digit, 17, 20), Lit("/"), Run(Url, 60, 80)], "https://discord.com/developers/docs/resources/webhook"),
    token("docker-token", &["dckr_pat_", "dckr_oat_"], &[Run(Url, 27, 64)], "https://docs.docker.com/security/access-tokens/"),
    word("doppler-token", &["dp.pt.", "dp.st.", "dp.ct.", "dp.sa.", "dp.scim.", "dp.audit."], &[Run(Dotted, 40, 96)], "https://docs.doppler.com/docs/service-tokens"),
    token("figma-token", &["figd_", "figu_"], &[Run(Url, 40, 64)], "https://developers.figma.com/docs/rest-api/authentication/"),
    word("fly-token", &["fm1r_", "fm2_", "fo1_"], &[Run(Dotted, 40, ANY)], "https://fly.io/docs/security/tokens/"),
    token("gcp-api-key", &["AIza"], &[Run(Url, 35, 35)], "https://cloud.google.com/docs/authentication/api-keys"),
    token("gcp-client-secret", &["GOCSPX-"], &[Run(Url, 28, 28)], "https://support.google.com/cloud/answer/15549257"),
    word("gcp-access-token", &["ya29."], &[Run(Dotted, 30, ANY)], "https://cloud.google.com/docs/authentication/token-types"),
    token("github-token", &["ghp_", "gho_", "ghu_", "ghs_", "ghr_"], &[Run(Alnum, 36, 255)], "https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/about-authentication-to-github"),
    token("github-fine-grained-token", &["github_pat_"], &[Run(Word, 60, 255)], "https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/managing-your-personal-access-tokens"),
    token("gitlab-token", &["glpat-", "gldt-", "glrt-", "glsoat-", "glcbt-", "glptt-", "glft-", "glimt-", "glagent-", "gloas-"], &[Run(Dotted, 20, 320)], "https://docs.gitlab.com/security/tokens/"),
    token("grafana-token", &["glsa_"], &[Run(Alnum, 32, 32), Lit("_"), Run(Hex, 8, 8)], "https://grafana.com/docs/grafana/latest/administration/service-accounts/"),
    word("grafana-cloud-token", &["glc_"], &[Run(Base64, 32, ANY)], "https://grafana.com/docs/grafana-cloud/account-management/authentication-and-permissions/access-policies/"),
    word("groq-key", &["gsk_"], &[Run(Alnum, 52, 52)], "https://console.groq.com/docs/quickstart"),
    token("heroku-key", &["HRKU-"], &[Run(Url, 36, 80)], "https://devcenter.heroku.com/articles/authentication"),
    word("huggingface-token", &["hf_", "api_org_"], &[Run(Alnum, 34, 40)], "https://huggingface.co/docs/hub/security-tokens"),
    word("jwt", &["eyJ"], &[Run(Url, 10, ANY), Lit(".eyJ"), Run(Url, 10, ANY), Lit("."), Run(Url, 16, ANY)], "https://www.rfc-editor.org/rfc/rfc7519"),
    token("linear-key", &["lin_api_", "lin_oauth_"], &[Run(Alnum, 32, 64)], "https://linear.app/developers/graphql"),
    word("mailgun-key", &["key-"], &[Run(Hex, 32, 32)], "https://documentation.mailgun.com/docs/mailgun/user-manual/api-key-mgmt/rbac-mgmt"),
    word("mapbox-secret-token", &["sk.eyJ"], &[Run(Url, 40, ANY), Lit("."), Run(Url, 16, ANY)], "https://docs.mapbox.com/api/accounts/tokens/"),
    token("netlify-token", &["nfp_"], &[Run(Alnum, 36, 48)], "https://docs.netlify.com/api-and-cli-guides/cli-guides/get-started-with-cli/"),
    token("new-relic-key", &["NRAK-"], &[Run(Upper, 27, 27)], "https://docs.newrelic.com/docs/apis/intro-apis/new-relic-api-keys/"),
    token("notion-token", &["ntn_"], &[Run(Alnum, 40, 60)], "https://developers.notion.com/docs/authorization"),
    word("notion-secret", &["secret_"], &[Run(Alnum, 43, 43)], "https://developers.notion.com/docs/authorization"),
    token("npm-token", &["npm_"], &[Run(Alnum, 36, 36)], "https://docs.npmjs.com/about-access-tokens"),
    token("1password-service-token", &["ops_eyJ"], &[Run(Base64, 100, 2000)], "https://developer.1password.com/docs/service-accounts/security/"),
    token("openai-key", &["sk-proj-", "sk-svcacct-", "sk-admin-"], &[Run(Url, 40, 255)], "https://platform.openai.com/docs/api-reference/authentication"),
    inside("openai-legacy-key", (Url, 20, 160), &["T3BlbkFJ"], &[Run(Url, 20, 160)], "https://platform.openai.com/docs/api-reference/authentication"),
    token("perplexity-key", &["pplx-"], &[Run(Alnum, 40, 64)], "https://docs.perplexity.ai/getting-started/quickstart"),
    token("planetscale-token", &["pscale_tkn_", "pscale_pw_", "pscale_oauth_"], &[Run(Dotted, 32, 64)], "https://planetscale.com/docs/api/reference/service-tokens"),
    token("postman-key", &["PMAK-"], &[Run(Hex, 24, 24), Lit("-"), Run(Hex, 34, 34)], "https://learning.postman.com/docs/developer/postman-api/authentication/"),
    token("private-key", &["-----BEGIN PRIVATE KEY-----", "-----BEGIN RSA PRIVATE KEY-----", "-----BEGIN EC PRIVATE KEY-----", "-----BEGIN DSA PRIVATE KEY-----", "-----BEGIN OPENSSH PRIVATE KEY-----", "-----BEGIN ENCRYPTED PRIVATE KEY-----", "-----BEGIN PGP PRIVATE KEY BLOCK-----"], &[Run(Lines, 40, ANY)], "https://www.rfc-editor.org/rfc/rfc7468"),
    word("pulumi-token", &["pul-"], &[Run(Hex, 40, 40)], "https://www.pulumi.com/docs/administration/access-identity/access-tokens/"),
    token("pypi-token", &["pypi-AgEIcHlwaS5vcmc", "pypi-AgENdGVzdC5weXBp"], &[Run(Url, 50, 400)], "https://pypi.org/help/#apitoken"),
    word("replicate-token", &["r8_"], &[Run(Alnum, 37, 40)], "https://replicate.com/docs/reference/http"),
    token("rubygems-key", &["rubygems_"], &[Run(Hex, 48, 48)], "https://guides.rubygems.org/api-key-scopes/"),
    token("sendgrid-key", &["SG."], &[Run(Url, 22, 22), Lit("."), Run(Url, 43, 43)], "https://www.twilio.com/docs/sendgrid/api-reference/api-keys"),
    token("sentry-token", &["sntrys_", "sntryu_"], &[Run(Base64, 60, 400)], "https://docs.sentry.io/account/auth-tokens/"),
    token("shopify-token", &["shpat_", "shpca_", "shppa_", "shpss_", "shpua_"], &[Run(Alnum, 32, 32)], "https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens"),
    token("slack-token", &["xoxb-", "xoxp-", "xoxa-", "xoxr-", "xoxs-", "xoxc-", "xoxd-", "xoxe-", "xoxe.xox", "xapp-", "xwfp-"], &[Run(Dotted, 20, 400)], "https://docs.slack.dev/authentication/tokens"),
    token("slack-webhook", &["hooks.slack.com/services/", "hooks.slack.com/workflows/", "hooks.slack.com/triggers/"], &[Run(Base64, 30, 128)], "https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks"),
    token("sonar-token", &["sqp_", "squ_", "sqa_"], &[Run(Hex, 40, 40)], "https://docs.sonarsource.com/sonarqube-server/user-guide/managing-tokens/"),
    token("square-token", &["sq0atp-", "sq0csp-", "sq0idp-"], &[Run(Url, 22, 43)], "https://developer.squareup.com/docs/build-basics/access-tokens"),
    word("square-access-token", &["EAAA"], &[Run(Url, 60, 60)], "https://developer.squareup.com/docs/build-basics/access-tokens"),
    token("stripe-key", &["sk_live_", "rk_live_", "sk_test_", "rk_test_"], &[Run(Alnum, 24, 247)], "https://docs.stripe.com/keys"),
    token("stripe-webhook-secret", &["whsec_"], &[Run(Base64, 32, 64)], "https://docs.stripe.com/webhooks/signature"),
    token("supabase-key", &["sbp_"], &[Run(Hex, 40, 40)], "https://supabase.com/docs/reference/api/introduction"),
    token("supabase-secret-key", &["sb_secret_"], &[Run(Url, 22, 64)], "https://supabase.com/docs/guides/api/api-keys"),
    token("tailscale-key", &["tskey-auth-", "tskey-api-", "tskey-client-", "tskey-webhook-"], &[Run(Url, 20, 80)], "https://tailscale.com/kb/1085/auth-keys"),
    inside("telegram-bot-token", (Digit, 8, 10), &[":AA"], &[Run(Url, 32, 34)], "https://core.telegram.org/bots/features#botfather"),
    inside("terraform-token", (Alnum, 14, 14), &[".atlasv1."], &[Run(Url, 60, 70)], "https://developer.hashicorp.com/terraform/cloud-docs/users-teams-organizations/api-tokens"),
    word("twilio-key", &["SK"], &[Run(Hex, 32, 32)], "https://www.twilio.com/docs/iam/api-keys"),
    named("twilio-auth-token", &["twilio_auth_token"], &[Gap, Run(Hex, 32, 32)], "https://www.twilio.com/docs/iam/api-keys"),
    token("url-password", &["://"], &[Run(User, 0, 64), Lit(":"), Run(Password, 8, 128), Lit("@")], "https://www.rfc-editor.org/rfc/rfc3986#section-3.2.1"),
    word("vault-token", &["hvs.", "hvb.", "hvr."], &[Run(Url, 24, 300)], "https://developer.hashicorp.com/vault/docs/concepts/tokens"),
    word("wallet-key", &["xprv", "yprv", "zprv", "tprv"], &[Run(Base58, 107, 108)], "https://github.com/bitcoin/bips/blob/master/bip-0032.mediawiki"),
    named("wireguard-key", &["privatekey", "presharedkey"], &[Gap, Run(Base64, 43, 43), Lit("=")], "https://www.wireguard.com/quickstart/"),
    token("xai-key", &["xai-"], &[Run(Alnum, 80, 80)], "https://docs.x.ai/docs/tutorial"),
];
