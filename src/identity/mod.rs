//! Who connects: API keys, tokens, client certificates, and who starts `run`.
//!
//! A credential that is presented becomes a [`Principal`] or a refusal. Exactly
//! one credential is taken, from `Authorization` or from TLS; never one from a
//! query, a cookie, or from what a client says about itself. What a policy
//! trusts is checked in `engine/policy`; here it is compared.
//!
//! Attacks answered (A3): forged and foreign tokens, a token for somebody else
//! (the confused deputy), one that is stolen and bound, keys that are guessed,
//! and a flood that makes lockgate ask an issuer. Deliberately absent: passing a
//! token on. It stays with its request only where it is exchanged for a server's.

mod certificate;
mod issuer;
mod jwt;
mod key;
mod launch;
mod metadata;
mod refused;

pub use certificate::ClientCertificate;
pub use key::NewKey;
pub use launch::{NotTheAgent, check as check_launch};
pub use refused::Refused;

use crate::engine::policy::{CertificateMatch, JwtTrust, KeyHash, OAuth, Policy};
use crate::engine::principal::{Principal, ShownToken};
use crate::engine::types::AgentName;
use crate::engine::url::ServerUrl;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;
use issuer::{Fetcher, Issuer};
use jwt::{Claims, Moment, Token};
use key::PresentedKey;
use refused::Why;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::SystemTime;

/// Admits agents that connect.
#[derive(Debug)]
pub struct Gate {
    /// By key id.
    keys: BTreeMap<String, (AgentName, KeyHash)>,
    certificates: Vec<(AgentName, CertificateMatch)>,
    tokens: Vec<Trust>,
    /// By `iss`.
    issuers: BTreeMap<String, Arc<Issuer>>,
    /// What some rule needs.
    scopes: BTreeSet<Arc<str>>,
    /// Some server's tokens are got in exchange for what is shown here.
    exchanges: bool,
}

/// Tokens of an agent.
#[derive(Debug)]
struct Trust {
    agent: AgentName,
    jwt: JwtTrust,
    audience: Audience,
}

/// Whom a token has to be for.
#[derive(Debug)]
enum Audience {
    /// As the policy says.
    Said(String),
    /// For the address at which lockgate is reached, with or without a last `/`.
    Ours(String),
}

impl Audience {
    fn is_in(&self, listed: &[String]) -> bool {
        listed.iter().any(|one| match self {
            Self::Said(audience) => one == audience,
            Self::Ours(audience) => one.strip_suffix('/').unwrap_or(one) == audience,
        })
    }
}

/// Why nobody could be admitted.
#[derive(Debug, thiserror::Error)]
pub enum GateError {
    /// A token's audience cannot be told.
    #[error(
        "`[agent.{0}] jwt` has no `audience`, and the address at which lockgate is reached is not configured: say one of them"
    )]
    Audience(AgentName),
    /// Keys could not be fetched from anybody.
    #[error("the keys of issuers cannot be fetched: {0}")]
    Fetch(#[from] issuer::SetUpError),
}

/// What somebody shows.
#[derive(Debug, Clone, Copy)]
pub struct Presented<'a> {
    /// The headers of his request.
    pub headers: &'a HeaderMap,
    /// The certificate that TLS has verified.
    pub certificate: Option<&'a ClientCertificate>,
}

impl Gate {
    /// A gate for the agents of a policy. `resource` is the address at which
    /// lockgate is reached, if it is configured (RFC 8707, RFC 9728).
    pub fn new(policy: &Policy, resource: Option<&str>) -> Result<Self, GateError> {
        let mut gate = Self {
            keys: BTreeMap::new(),
            certificates: Vec::new(),
            tokens: Vec::new(),
            issuers: BTreeMap::new(),
            scopes: policy.scopes(),
            exchanges: policy.servers.values().any(
                |server| matches!(&server.oauth, Some(OAuth::Client(client)) if client.exchange),
            ),
        };
        let trusted = || policy.agents.values().filter_map(|a| a.jwt.as_ref());
        let urls = trusted().flat_map(|jwt| [Some(&jwt.issuer), jwt.jwks_url.as_ref()]);
        let speaks_tls = urls.flatten().any(ServerUrl::is_secure);
        let fetcher = trusted().next().map(|_| Fetcher::new(speaks_tls));
        let fetcher = fetcher.transpose()?;
        for (name, agent) in &policy.agents {
            let keys = agent.keys.iter();
            gate.keys
                .extend(keys.map(|k| (k.id().to_owned(), (name.clone(), k.clone()))));
            let certificate = agent.mtls.iter().cloned();
            gate.certificates
                .extend(certificate.map(|c| (name.clone(), c)));
            if let (Some(jwt), Some(fetcher)) = (&agent.jwt, &fetcher) {
                gate.trust(name, jwt, fetcher, resource)?;
            }
        }
        Ok(gate)
    }

    fn trust(
        &mut self,
        agent: &AgentName,
        jwt: &JwtTrust,
        fetcher: &Fetcher,
        resource: Option<&str>,
    ) -> Result<(), GateError> {
        let audience = match (&jwt.audience, resource) {
            (Some(said), _) => Audience::Said(said.clone()),
            (None, Some(ours)) => Audience::Ours(ours.strip_suffix('/').unwrap_or(ours).to_owned()),
            (None, None) => return Err(GateError::Audience(agent.clone())),
        };
        let issuer = jwt.issuer.whole().to_owned();
        self.issuers.entry(issuer).or_insert_with(|| {
            let keys = jwt.jwks_url.clone();
            Arc::new(Issuer::new(jwt.issuer.clone(), keys, fetcher.clone()))
        });
        self.tokens.push(Trust {
            agent: agent.clone(),
            jwt: jwt.clone(),
            audience,
        });
        Ok(())
    }

    /// Whether some agent of the policy has a credential for the network, so
    /// that nobody is admitted without one.
    pub fn demands(&self) -> bool {
        !(self.keys.is_empty() && self.certificates.is_empty() && self.tokens.is_empty())
    }

    /// Protected resource metadata (RFC 9728), if some agent comes with a token.
    pub fn metadata(&self, resource: &str) -> Option<String> {
        let issuers: Vec<_> = self.issuers.keys().map(String::as_str).collect();
        metadata::document(resource, &issuers, &self.scopes)
    }

    /// Tells who shows this. Total: whatever is odd is refused.
    pub async fn admit(
        &self,
        presented: &Presented<'_>,
        now: SystemTime,
    ) -> Result<Arc<Principal>, Refused> {
        let bearer = bearer(presented.headers)?;
        let by_certificate = presented
            .certificate
            .map(|certificate| self.by_certificate(certificate));
        let principal = match (bearer, by_certificate) {
            (None, None) => return Err(Why::NoCredential.into()),
            (None, Some(found)) => found?,
            // A certificate may be what the network asks of everybody. Where it
            // names an agent it is a credential, and one of two would be a guess.
            (Some(_), Some(Ok(_) | Err(Why::Agents))) => return Err(Why::TwoCredentials.into()),
            (Some(token), None | Some(Err(_))) => {
                if token.starts_with(key::PREFIX) {
                    self.by_key(token)?
                } else {
                    self.by_token(token, presented.certificate, now).await?
                }
            }
        };
        Ok(Arc::new(principal))
    }

    fn by_key(&self, token: &str) -> Result<Principal, Why> {
        let key = PresentedKey::read(token).ok_or(Why::Key)?;
        let (agent, hash) = self.keys.get(key.id).ok_or(Why::Key)?;
        if hash.fits(key.secret) {
            Ok(Principal::named(agent.clone()))
        } else {
            Err(Why::Key)
        }
    }

    fn by_certificate(&self, certificate: &ClientCertificate) -> Result<Principal, Why> {
        let ClientCertificate {
            subject, spiffe, ..
        } = certificate;
        let meant = self
            .certificates
            .iter()
            .filter(|(_, wanted)| wanted.covers(subject, spiffe.as_deref()));
        let agent = only(meant.map(|(agent, _)| agent))?;
        let facts = match spiffe {
            Some(id) => ["spiffe", id],
            None => ["subject", subject],
        };
        Ok(Principal::told_apart(agent.clone(), &facts))
    }

    async fn by_token(
        &self,
        text: &str,
        certificate: Option<&ClientCertificate>,
        now: SystemTime,
    ) -> Result<Principal, Why> {
        let token = Token::read(text)?;
        let issuer = self.issuers.get(&token.issuer).ok_or(Why::Issuer)?;
        let trusts: Vec<_> = self
            .tokens
            .iter()
            .filter(|trust| trust.jwt.issuer.whole() == token.issuer)
            .filter(|trust| trust.jwt.algorithms.contains(&token.algorithm))
            .collect();
        if trusts.is_empty() {
            return Err(Why::Algorithm);
        }
        issuer.verify(&token, now).await?;
        // From here on, what it says is what the issuer says.
        let claims = Claims::read(token.payload.root())?;
        let trust = meant(&trusts, &claims, now)?;
        is_shown_by_its_owner(&claims, certificate)?;
        let token = self
            .exchanges
            .then(|| Arc::new(ShownToken::new(text, claims.ends())));
        Ok(Principal {
            token,
            ..principal(trust, &claims)
        })
    }
}

/// The agent whose token it is.
fn meant<'t>(trusts: &[&'t Trust], claims: &Claims<'_>, now: SystemTime) -> Result<&'t Trust, Why> {
    let ours = trusts.iter().filter(|t| t.audience.is_in(&claims.audience));
    let mut why = Why::Audience;
    let mut good = Vec::new();
    for trust in ours {
        match claims.at(now, trust.jwt.skew) {
            Moment::Good => good.push(*trust),
            Moment::Expired => why = Why::Expired,
            Moment::NotYet => why = Why::NotYet,
        }
    }
    if good.is_empty() {
        return Err(why);
    }
    let client = claims.client.as_deref();
    let meant = good.into_iter();
    only(meant.filter(|trust| trust.jwt.covers(&claims.subject, client)))
}

/// A token that is bound to a key is good only with that key.
fn is_shown_by_its_owner(
    claims: &Claims<'_>,
    certificate: Option<&ClientCertificate>,
) -> Result<(), Why> {
    match &claims.bound {
        jwt::Bound::No => Ok(()),
        jwt::Bound::Certificate(thumbprint) => {
            let shown = certificate.map(|c| URL_SAFE_NO_PAD.encode(c.thumbprint.0));
            if shown.as_deref() == Some(thumbprint) {
                Ok(())
            } else {
                Err(Why::Bound)
            }
        }
        jwt::Bound::Otherwise => Err(Why::Bound),
    }
}

fn principal(trust: &Trust, claims: &Claims<'_>) -> Principal {
    let issuer = trust.jwt.issuer.whole();
    let client = claims.client.as_deref();
    let mut facts = vec!["token", issuer, &claims.subject, client.unwrap_or_default()];
    facts.extend(claims.actors.iter().map(AsRef::as_ref));
    // A client that asks for a token of its own is its subject, and no user.
    let is_user = client != Some(&claims.subject);
    Principal {
        user: is_user.then(|| Arc::from(claims.subject.as_str())),
        groups: claims.groups(&trust.jwt.groups),
        scopes: Some(claims.scopes.clone()),
        actors: claims.actors.clone(),
        ..Principal::told_apart(trust.agent.clone(), &facts)
    }
}

/// The only one: with two, a choice would be a guess.
fn only<T>(mut all: impl Iterator<Item = T>) -> Result<T, Why> {
    match (all.next(), all.next()) {
        (Some(one), None) => Ok(one),
        (None, _) => Err(Why::Agent),
        (Some(_), Some(_)) => Err(Why::Agents),
    }
}

/// The bearer token of a request, if it has one.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Why> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(Why::TwoCredentials);
    }
    let value = value.to_str().map_err(|_| Why::Malformed)?;
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Why::Scheme);
    }
    // token68 of RFC 9110, section 11.2.
    let letters = token.trim_end_matches('=');
    let letter = |b: u8| b.is_ascii_alphanumeric() || b"-._~+/".contains(&b);
    if letters.is_empty() || !letters.bytes().all(letter) {
        return Err(Why::Malformed);
    }
    Ok(Some(token))
}
