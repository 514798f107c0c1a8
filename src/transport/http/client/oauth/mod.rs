//! Tokens for the server: lockgate as a client of its authorization server.
//!
//! Client credentials (RFC 6749, 4.4), or the exchange of a principal's own
//! token (RFC 8693); for one resource (RFC 8707). The agent's token itself never
//! goes to the server: that would make lockgate a confused deputy, and MCP
//! forbids it.
//!
//! Neither grant needs a refresh token. Where a person has logged in, `kept`
//! uses and refreshes what [`login`] has got.

mod answer;
mod assertion;
mod endpoint;
mod kept;
pub mod login;
mod settings;

pub use assertion::{Key, KeyError};
pub use kept::Kept;
pub use settings::{KnownClient, Settings};

use super::connect::DialError;
use super::failure::Failure;
use super::link::lock;
use super::names::{LookUp, System};
use crate::engine::guard::address::Reach;
use crate::engine::policy::TokenPlace;
use crate::engine::principal::ShownToken;
use crate::engine::types::Digest;
use crate::transport::http::secret::{Secret, Source};
use answer::Granted;
use endpoint::{Endpoint, Question};
use hyper::header::HeaderValue;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync;

/// Most tokens for which one of the server's is kept.
const KEPT: usize = 1024;
/// How long a refusal is the answer to everybody who asks.
const REFUSED: Duration = Duration::from_secs(5);
/// How long an issuer's metadata are believed.
const METADATA: Duration = Duration::from_hours(1);
/// A token is not used in the last so much of its life.
const MARGIN: Duration = Duration::from_secs(30);

/// What proves lockgate to an authorization server.
#[derive(Debug)]
pub enum ClientProof {
    /// A secret that both know.
    Secret(Source),
    /// A key of its own.
    Key(Key),
}

/// The same as it is sent, once.
#[derive(Debug)]
enum Evidence {
    Secret(Secret),
    Assertion(Secret),
}

impl ClientProof {
    /// What proves the client of this name to whoever is called `audience`.
    fn evidence(&self, client: &str, audience: &str) -> Result<Evidence, Failure> {
        match self {
            Self::Key(key) => key.assertion(client, audience).map(Evidence::Assertion),
            Self::Secret(secret) => {
                let secret = secret.read().map_err(|e| {
                    tracing::error!("{e}");
                    Failure::Credentials
                })?;
                Ok(Evidence::Secret(secret))
            }
        }
    }
}

/// What lockgate says of itself and of what it wants.
#[derive(Debug)]
pub struct Client {
    /// Who lockgate is.
    pub id: String,
    /// What proves it.
    pub proof: ClientProof,
    /// The scopes, separated by spaces.
    pub scope: Option<String>,
    /// For which resource.
    pub resource: Option<String>,
    /// For which audience.
    pub audience: Option<String>,
    /// A principal's token is exchanged; there is none for lockgate itself.
    pub exchange: bool,
}

/// Gets tokens and keeps them while they are good.
#[derive(Debug)]
pub struct Tokens {
    place: TokenPlace,
    reach: Reach,
    look_up: Arc<dyn LookUp>,
    client: Client,
    endpoint: sync::Mutex<Option<(Arc<Endpoint>, Instant)>>,
    /// By the digest of the token that was shown; lockgate's own has none. All are
    /// for the one scope, resource and audience.
    slots: Mutex<BTreeMap<Option<Digest>, Arc<sync::Mutex<Slot>>>>,
    serial: AtomicU64,
}

/// What was got for one token. Whoever fetches it holds the slot, so that the
/// others wait for the same one.
#[derive(Debug, Default)]
enum Slot {
    #[default]
    Empty,
    Good(Bearer, Instant),
    Bad(Failure, Instant),
}

/// A token as the server sees it.
#[derive(Debug, Clone)]
pub(super) struct Bearer {
    /// Marked as sensitive.
    pub(super) header: HeaderValue,
    /// It was not got for this very request: a newer one may do better.
    pub(super) is_kept: bool,
    serial: u64,
}

/// The token with which the agent's message came that is sent now, where there
/// is one. Never that of another message, be it of the same principal.
pub type Subject = Option<Arc<ShownToken>>;

impl Tokens {
    /// Nothing is asked yet.
    ///
    /// # Errors
    /// Where the place can never be dialled.
    pub fn new(place: TokenPlace, reach: Reach, client: Client) -> Result<Self, DialError> {
        let look_up = Arc::new(System);
        let (TokenPlace::Endpoint(url) | TokenPlace::Issuer(url)) = &place;
        // Told at the start.
        let endpoint = Endpoint::new(url, &reach, Arc::<System>::clone(&look_up))?;
        let known = matches!(place, TokenPlace::Endpoint(_));
        let far = Instant::now().checked_add(Duration::from_hours(24 * 365 * 10));
        let endpoint = far.filter(|_| known).map(|far| (Arc::new(endpoint), far));
        Ok(Self {
            place,
            reach,
            look_up,
            client,
            endpoint: sync::Mutex::new(endpoint),
            slots: Mutex::default(),
            serial: AtomicU64::default(),
        })
    }

    /// A token that is good now: in exchange for the token `subject`, or for
    /// lockgate itself. `stale` is one that the server has refused.
    pub(super) async fn bearer(
        &self,
        subject: Option<&ShownToken>,
        stale: Option<&Bearer>,
    ) -> Result<Bearer, Failure> {
        let subject = match (self.client.exchange, subject) {
            (true, None) => {
                let why = "its tokens are got for the token of the agent's user, and this agent has none (stdio)";
                return Err(Failure::Token(why.to_owned()));
            }
            (true, subject) => subject,
            (false, _) => None,
        };
        let slot = self.slot(subject);
        let mut slot = slot.lock().await;
        let now = Instant::now();
        match &*slot {
            Slot::Good(bearer, until)
                if *until > now && stale.is_none_or(|s| s.serial != bearer.serial) =>
            {
                return Ok(bearer.clone());
            }
            Slot::Bad(failure, until) if *until > now => return Err(failure.clone()),
            _ => {}
        }
        match self.granted(subject).await {
            Ok(granted) => {
                let bearer = Bearer {
                    header: granted.header,
                    is_kept: true,
                    serial: self.serial.fetch_add(1, Ordering::Relaxed),
                };
                // It says what its subject's said, and no longer than that did.
                let left = subject.map_or(Duration::MAX, |s| left(s, SystemTime::now()));
                let until = Instant::now().checked_add(usable(granted.lasts.min(left)));
                *slot = Slot::Good(bearer.clone(), until.unwrap_or(now));
                Ok(Bearer {
                    is_kept: false,
                    ..bearer
                })
            }
            Err(failure) => {
                tracing::warn!("no token for the server: {failure}");
                let until = Instant::now().checked_add(REFUSED);
                *slot = Slot::Bad(failure.clone(), until.unwrap_or(now));
                Err(failure)
            }
        }
    }

    fn slot(&self, subject: Option<&ShownToken>) -> Arc<sync::Mutex<Slot>> {
        let key = subject.map(|s| Digest::of(&[s.expose().as_bytes()]));
        let mut slots = lock(&self.slots);
        if slots.len() >= KEPT && !slots.contains_key(&key) {
            let now = Instant::now();
            // One that is held is being fetched.
            slots.retain(|_, slot| slot.try_lock().map_or(true, |slot| slot.is_good(now)));
            // All are good: whoever loses his asks again.
            if slots.len() >= KEPT {
                slots.pop_first();
            }
        }
        Arc::clone(slots.entry(key).or_default())
    }

    async fn granted(&self, subject: Option<&ShownToken>) -> Result<Granted, Failure> {
        let endpoint = self.endpoint().await?;
        let client = &self.client;
        // An issuer is known by its name (RFC 7523bis); of an endpoint there is no
        // other than its own.
        let (TokenPlace::Endpoint(audience) | TokenPlace::Issuer(audience)) = &self.place;
        let evidence = client.proof.evidence(&client.id, audience.whole())?;
        let mut pairs = match subject {
            None => vec![("grant_type", "client_credentials")],
            Some(subject) => vec![
                (
                    "grant_type",
                    "urn:ietf:params:oauth:grant-type:token-exchange",
                ),
                ("subject_token", subject.expose()),
                ("subject_token_type", ACCESS_TOKEN),
                ("requested_token_type", ACCESS_TOKEN),
            ],
        };
        for (key, value) in [
            ("scope", &client.scope),
            ("resource", &client.resource),
            ("audience", &client.audience),
        ] {
            pairs.extend(value.as_deref().map(|value| (key, value)));
        }
        let (proof, header) = settings::shown(&client.id, &evidence)?;
        pairs.extend(proof);
        let (status, body) = endpoint.ask(Question::Form(&pairs, header)).await?;
        answer::granted(status, body, subject)
    }

    /// Whom to ask; an issuer says it, and is believed for a while.
    async fn endpoint(&self) -> Result<Arc<Endpoint>, Failure> {
        let mut known = self.endpoint.lock().await;
        let now = Instant::now();
        if let Some((endpoint, _)) = known.as_ref().filter(|(_, until)| *until > now) {
            return Ok(Arc::clone(endpoint));
        }
        let (TokenPlace::Endpoint(issuer) | TokenPlace::Issuer(issuer)) = &self.place;
        let url = endpoint::discover(issuer, &self.reach, &self.look_up).await?;
        let endpoint = Endpoint::new(&url, &self.reach, Arc::clone(&self.look_up));
        let endpoint = Arc::new(endpoint.map_err(|e| Failure::Token(e.to_string()))?);
        let until = now.checked_add(METADATA).unwrap_or(now);
        *known = Some((Arc::clone(&endpoint), until));
        Ok(endpoint)
    }
}

const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// How long of its life a token is used.
fn usable(lasts: Duration) -> Duration {
    lasts.saturating_sub(MARGIN.min(lasts / 5))
}

/// How long a token that was shown is good yet.
fn left(subject: &ShownToken, now: SystemTime) -> Duration {
    // Where nobody can tell the time, it has ended.
    let now = now.duration_since(UNIX_EPOCH);
    now.map_or(Duration::ZERO, |now| subject.ends().saturating_sub(now))
}

impl Slot {
    fn is_good(&self, now: Instant) -> bool {
        matches!(self, Self::Good(_, until) if *until > now)
    }
}

#[cfg(test)]
mod tests;
