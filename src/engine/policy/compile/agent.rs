//! `[agent.NAME]`: how an agent proves that it is one.

use super::Compiler;
use crate::engine::policy::agent::{
    Agent, Algorithm, CertificateMatch, JwtTrust, KeyHash, Launch, SpiffePattern,
};
use crate::engine::policy::diagnostic::Span;
use crate::engine::policy::pattern::Pattern;
use crate::engine::policy::raw::{At, List, RawAgent, RawJwt, RawMtls, RawStdio, Text};
use crate::engine::policy::{Code, shown, suggest};
use crate::engine::types::AgentName;
use crate::engine::url::ServerUrl;
use std::collections::{BTreeMap, BTreeSet};

impl Compiler<'_> {
    pub(super) fn all_agents(&mut self, raw: Vec<RawAgent>) -> BTreeMap<AgentName, Agent> {
        let mut agents = BTreeMap::new();
        let mut key_ids = BTreeSet::new();
        self.problems.turn_to(Code::AGENT);
        for raw in raw {
            let Some(name) = self.name(&raw.name, AgentName::new) else {
                continue;
            };
            let says_no = matches!(raw.stdio, Some(RawStdio::Plain(false)));
            let agent = self.agent(raw, &mut key_ids);
            if says_no && !agent.is_remote() {
                let message = format!("nobody can be the agent `{name}`");
                let help = "`stdio = true` lets an agent that starts `lockgate run` be it";
                self.problems
                    .tell(Code::NOBODY, agent.span.clone(), message, help);
            }
            agents.insert(name, agent);
        }
        self.ambiguous(&agents);
        agents
    }

    fn agent(&mut self, raw: RawAgent, key_ids: &mut BTreeSet<String>) -> Agent {
        let RawAgent {
            name,
            stdio,
            keys,
            jwt,
            mtls,
        } = raw;
        Agent {
            stdio: stdio.and_then(|stdio| self.launch(stdio)),
            keys: keys
                .into_iter()
                .filter_map(|key| self.key(&name, &key, key_ids))
                .collect(),
            jwt: jwt.and_then(|jwt| self.jwt(jwt)),
            mtls: mtls.and_then(|mtls| self.mtls(mtls)),
            span: name.span,
        }
    }

    fn launch(&mut self, raw: RawStdio) -> Option<Launch> {
        let (uid, parent) = match raw {
            RawStdio::Plain(may) => return may.then(Launch::default),
            RawStdio::Launch { uid, parent } => (uid, parent),
        };
        let uid = uid.and_then(|At { value, span }| {
            let uid = u32::try_from(value).ok();
            if uid.is_none() {
                let help = "`id -u` says your own";
                self.problems.error(span, "this is no user id", help);
            }
            uid
        });
        Some(Launch {
            uid,
            parent: parent.and_then(|parent| self.path(&parent)),
        })
    }

    fn key(
        &mut self,
        agent: &Text,
        text: &Text,
        key_ids: &mut BTreeSet<String>,
    ) -> Option<KeyHash> {
        // Never quoted: it may be a key.
        let agent = &agent.value;
        let Some(key) = KeyHash::parse(&text.value) else {
            let message = "expected `key` to be the hash of a key, and no key in the clear";
            let help = format!(
                "`lockgate key new --agent {agent}` makes a key and prints the line that belongs here; \
                 a key that stood here is known to whoever read this file"
            );
            self.problems
                .of(Code::KEY_IN_CLEAR)
                .error(text.span.clone(), message, help);
            return None;
        };
        if !key_ids.insert(key.id().to_owned()) {
            let message = "two keys have the same id";
            let help = format!(
                "make another one: `lockgate key new --agent {agent}`; a key is of one agent"
            );
            self.problems
                .of(Code::SAME_KEY)
                .error(text.span.clone(), message, help);
            return None;
        }
        Some(key)
    }

    fn jwt(&mut self, raw: RawJwt) -> Option<JwtTrust> {
        let issuer = raw.issuer.and_then(|url| self.trusted_url(&url));
        let jwks_url = raw.jwks_url.map(|url| self.trusted_url(&url));
        let audience = raw.audience.map(|text| self.said("audience", text));
        let subject = raw.subject.map(|text| self.said("subject", text));
        let client = raw.client.map(|text| self.said("client", text));
        let groups = raw.groups.map(|text| self.said("groups", text));
        let algorithms = raw.algorithms.map(|list| self.algorithms(list));
        let skew = match raw.skew {
            None => Some(JwtTrust::SKEW),
            Some(At { value, span }) => self.skew(value, span),
        };
        Some(JwtTrust {
            issuer: issuer?,
            audience,
            subject: subject.map(Pattern::new),
            client: client.map(Pattern::new),
            algorithms: algorithms.unwrap_or_else(|| Algorithm::ALL.to_vec()),
            jwks_url: match jwks_url {
                None => None,
                Some(url) => Some(url?),
            },
            groups: groups.unwrap_or_else(|| "groups".to_owned()),
            skew: skew?,
        })
    }

    fn skew(&mut self, value: u64, span: Span) -> Option<u32> {
        let skew = u32::try_from(value)
            .ok()
            .filter(|s| *s <= JwtTrust::MOST_SKEW);
        if skew.is_none() {
            let message = format!(
                "expected `skew` to be at most {} seconds",
                JwtTrust::MOST_SKEW
            );
            let help = "set the clocks right: until then, what has expired stays good";
            self.problems.error(span, message, help);
        }
        skew
    }

    /// A text that must say something: an empty one would be met by an empty
    /// claim.
    fn said(&mut self, what: &str, text: Text) -> String {
        if text.value.trim().is_empty() || text.value.contains(char::is_control) {
            let message = format!("`{what}` says nothing");
            let help = "leave it out, or say what the token has to have";
            self.problems.error(text.span, message, help);
        }
        text.value
    }

    /// An address whose answers are trusted: nobody on the way may change them.
    fn trusted_url(&mut self, text: &Text) -> Option<ServerUrl> {
        let url = match ServerUrl::parse(&text.value) {
            Ok(url) => url,
            Err(why) => {
                let message = "this is no URL of an issuer";
                self.problems
                    .error(text.span.clone(), message, why.to_string());
                return None;
            }
        };
        if !url.is_secure() && !url.is_loopback() {
            let message = "whoever is on the way could sign tokens";
            let help = "write `https://`; `http://` is for this machine only";
            self.problems.error(text.span.clone(), message, help);
            return None;
        }
        Some(url)
    }

    fn algorithms(&mut self, list: List) -> Vec<Algorithm> {
        let known: Vec<_> = Algorithm::ALL.iter().map(|a| a.name()).collect();
        let mut algorithms = Vec::new();
        for text in list.value {
            if let Some(algorithm) = Algorithm::of(&text.value) {
                algorithms.push(algorithm);
                continue;
            }
            let quoted = shown::quoted(&text.value);
            let shared = text.value.starts_with("HS") || text.value.eq_ignore_ascii_case("none");
            let (message, help) = if shared {
                let help = format!(
                    "{}: with these, only the issuer can sign",
                    suggest::expected(&known)
                );
                (format!("{quoted} proves nothing"), help)
            } else {
                let help = suggest::help(&text.value, &known);
                (format!("lockgate verifies no {quoted}"), help)
            };
            self.problems.error(text.span, message, help);
        }
        algorithms
    }

    fn mtls(&mut self, raw: RawMtls) -> Option<CertificateMatch> {
        if let Some(text) = raw.spiffe {
            let pattern = SpiffePattern::parse(&text.value);
            if pattern.is_none() {
                let message = format!("{} is no SPIFFE id", shown::quoted(&text.value));
                let help = "expected `spiffe://trust-domain/path`; `*` stands for a run of characters within one segment of the path";
                self.problems.error(text.span, message, help);
            }
            return pattern.map(CertificateMatch::Spiffe);
        }
        let subject = raw.subject?;
        let has_name = subject.value.split_once('=').is_some_and(|(key, name)| {
            !key.is_empty() && !name.is_empty() && !subject.value.contains(char::is_control)
        });
        if !has_name {
            let message = format!(
                "{} is no subject of a certificate",
                shown::quoted(&subject.value)
            );
            let help = "write all of it as `openssl x509 -noout -subject -nameopt RFC2253` prints it, such as `CN=build,O=Acme`";
            self.problems.error(subject.span, message, help);
            return None;
        }
        Some(CertificateMatch::Subject(subject.value))
    }

    /// Which keys an issuer has must not depend on whom it speaks about.
    fn one_place_of_keys(&mut self, one: &Agent, other: &Agent) {
        if let (Some(a), Some(b)) = (&one.jwt, &other.jwt)
            && a.issuer == b.issuer
            && a.jwks_url != b.jwks_url
        {
            let message = "one issuer has its keys in two places";
            let help = "give both agents the same `jwks_url`, or none";
            self.problems.error(other.span.clone(), message, help);
        }
    }

    /// A credential that is two agents' is nobody's: it is refused when it comes.
    fn ambiguous(&mut self, agents: &BTreeMap<AgentName, Agent>) {
        for (at, (name, agent)) in agents.iter().enumerate() {
            for (other_name, other) in agents.iter().skip(at.saturating_add(1)) {
                self.one_place_of_keys(agent, other);
                let tokens = agent.jwt.as_ref().zip(other.jwt.as_ref());
                let certificates = agent.mtls.as_ref().zip(other.mtls.as_ref());
                let what = if tokens.is_some_and(|(a, b)| a.meets(b)) {
                    ("token", "`subject` or `client`")
                } else if certificates.is_some_and(|(a, b)| a.meets(b)) {
                    ("certificate", "`spiffe` or `subject`")
                } else {
                    continue;
                };
                let message = format!("a {} can be both `{name}` and `{other_name}`", what.0);
                let help = format!("it would be refused: tell them apart by {}", what.1);
                self.problems
                    .tell(Code::TWO_AGENTS, other.span.clone(), message, help);
            }
        }
    }
}
