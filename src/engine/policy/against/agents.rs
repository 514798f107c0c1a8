//! Who can be which agent, in one policy and not in the other.

use super::{More, Pair, listed};
use crate::engine::policy::Code;
use crate::engine::policy::agent::{Agent, CertificateMatch, JwtTrust, Launch};
use crate::engine::policy::pattern::Pattern;

impl Pair<'_> {
    pub(super) fn agents(&self, found: &mut Vec<More>) {
        for (name, agent) in &self.wide.agents {
            let told = match self.narrow.agents.get(name) {
                None => {
                    let reach = self.reach_of(name);
                    let what = if reach.is_empty() {
                        format!("there is an agent `{name}`; nothing pinned is permitted to it")
                    } else {
                        let reach = listed(reach.iter().map(String::as_str));
                        format!("there is an agent `{name}`, which can call {reach}")
                    };
                    found.push(self.more(Code::AGENT_WIDER, &agent.span, &what));
                    continue;
                }
                Some(known) => wider(agent, known),
            };
            for way in told {
                let what = format!("agent `{name}`: {way}");
                found.push(self.more(Code::AGENT_WIDER, &self.agent_span(name), &what));
            }
        }
    }
}

/// How more can be an agent than before.
fn wider(agent: &Agent, known: &Agent) -> Vec<String> {
    let mut told = Vec::new();
    match (&agent.stdio, &known.stdio) {
        (Some(_), None) => told.push("whoever starts `lockgate run` can be it".to_owned()),
        (Some(now), Some(was)) => launch(now, was, &mut told),
        (None, _) => {}
    }
    for key in agent.keys.iter().filter(|key| !known.keys.contains(key)) {
        told.push(format!("the key `{}` proves it", key.id()));
    }
    match (&agent.jwt, &known.jwt) {
        (Some(_), None) => told.push("a token can prove it".to_owned()),
        (Some(now), Some(was)) => token(now, was, &mut told),
        (None, _) => {}
    }
    match (&agent.mtls, &known.mtls) {
        (Some(_), None) => told.push("a client certificate can prove it".to_owned()),
        (Some(now), Some(was)) if !certificate_within(now, was) => {
            told.push("other client certificates prove it".to_owned());
        }
        (Some(_) | None, _) => {}
    }
    told
}

fn launch(now: &Launch, was: &Launch, told: &mut Vec<String>) {
    if was.uid.is_some() && now.uid != was.uid {
        told.push("another user, or any, can start it".to_owned());
    }
    if was.parent.is_some() && now.parent != was.parent {
        told.push("another program, or any, can start it".to_owned());
    }
}

fn token(now: &JwtTrust, was: &JwtTrust, told: &mut Vec<String>) {
    let within = |now: &Option<Pattern>, was: &Option<Pattern>| match (now, was) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(now), Some(was)) => was.contains(now),
    };
    for (differs, way) in [
        (
            now.issuer != was.issuer,
            "tokens of another issuer prove it",
        ),
        (
            now.audience != was.audience,
            "tokens for another audience prove it",
        ),
        (
            !within(&now.subject, &was.subject),
            "tokens with other subjects prove it",
        ),
        (
            !within(&now.client, &was.client),
            "tokens of other clients prove it",
        ),
        (
            now.jwks_url != was.jwks_url,
            "the keys of its issuer come from elsewhere",
        ),
        (
            now.groups != was.groups,
            "groups are read from another claim",
        ),
        (now.skew > was.skew, "tokens stay good for longer"),
        (
            !now.algorithms
                .iter()
                .all(|one| was.algorithms.contains(one)),
            "more signature algorithms are taken",
        ),
    ] {
        if differs {
            told.push(way.to_owned());
        }
    }
}

/// Whether all certificates of one match are surely the other's.
fn certificate_within(now: &CertificateMatch, was: &CertificateMatch) -> bool {
    match (now, was) {
        (CertificateMatch::Spiffe(now), CertificateMatch::Spiffe(was)) => was.contains(now),
        _ => now == was,
    }
}
