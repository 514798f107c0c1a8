//! The tokens of a login, used and refreshed.
//!
//! All processes that reach a server share one login, and a refresh token may be
//! good for one use: whoever refreshes holds the lock of the file, looks first
//! whether another has done it, and writes before anybody uses what came. A
//! refresh that has begun is ended, even if nobody waits for it any more.

use super::super::failure::Failure;
use super::answer::{self, Refused};
use super::endpoint::Question;
use super::login::Challenge;
use super::settings::{Settings, proven};
use super::{Bearer, REFUSED, usable};
use crate::engine::policy::is_scope;
use crate::engine::url::ServerUrl;
use crate::state::lockfile::Stamp;
use crate::state::login::{Guard, Login, Store, Tokens};
use crate::transport::http::client::credentials::sensitive;
use crate::transport::http::secret::Secret;
use hyper::{HeaderMap, StatusCode};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync;
use tokio::time::sleep;

/// How long another process may have the lock: it asks a server meanwhile.
const LOCKED: Duration = Duration::from_secs(45);
/// How long between two tries.
const PAUSE: Duration = Duration::from_millis(20);
/// Longest list of scopes that is remembered, in bytes.
const SCOPES: usize = 2048;

/// A login, as it is used.
#[derive(Debug)]
pub struct Kept {
    settings: Settings,
    slot: sync::Mutex<Slot>,
}

#[derive(Debug, Default)]
struct Slot {
    /// The state of the file that `login` was read from.
    seen: Option<Stamp>,
    login: Option<Login>,
    /// Counts the access tokens.
    serial: u64,
    failed: Option<(Failure, Instant)>,
}

impl Kept {
    /// Nothing is read yet.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            slot: sync::Mutex::default(),
        }
    }

    /// A token that is good now. `stale` is one that the server has refused.
    pub(in super::super) async fn bearer(
        this: &Arc<Self>,
        stale: Option<&Bearer>,
    ) -> Result<Bearer, Failure> {
        let stale = stale.map(|stale| stale.serial);
        let mut slot = this.slot.lock().await;
        this.look(&mut slot)?;
        if let Some(bearer) = this.good(&slot, stale)? {
            return Ok(bearer);
        }
        drop(slot);
        let this = Arc::clone(this);
        let refreshing = tokio::spawn(async move { this.refreshed(stale).await });
        let lost = |_| Err(Failure::Token("the refresh was broken off".to_owned()));
        refreshing.await.unwrap_or_else(lost)
    }

    /// Reads the file, if it is not what was read.
    fn look(&self, slot: &mut Slot) -> Result<(), Failure> {
        // Before the content: what changes in between is read next time.
        let stamp = self.settings.store.stamp();
        if stamp.is_some() && stamp == slot.seen {
            return Ok(());
        }
        let login = self.settings.store.load().map_err(|e| {
            tracing::error!("{e}");
            Failure::Credentials
        })?;
        let access = |login: &Option<Login>| {
            let tokens = login.as_ref().and_then(|login| login.tokens.as_ref());
            tokens.map(|tokens| tokens.access.clone())
        };
        if access(&login) != access(&slot.login) {
            slot.serial = slot.serial.saturating_add(1);
            slot.failed = None;
        }
        slot.login = login;
        slot.seen = stamp;
        Ok(())
    }

    /// The token as it is, if it is good; `None` if it can be refreshed.
    fn good(&self, slot: &Slot, stale: Option<u64>) -> Result<Option<Bearer>, Failure> {
        let login = slot.login.as_ref();
        let login = login.ok_or_else(|| self.told("nobody has logged in to it"))?;
        if let Some(why) = self.settings.misfit(login) {
            return Err(self.told(why));
        }
        let tokens = login.tokens.as_ref();
        let tokens = tokens.ok_or_else(|| self.told("its login has ended"))?;
        let refused = stale == Some(slot.serial);
        if !refused && is_fresh(tokens, now()) {
            return self.header(tokens, slot.serial).map(Some);
        }
        if tokens.refresh.is_none() {
            return Err(self.told(if refused {
                "the server does not accept its login any more"
            } else {
                "its login has ended"
            }));
        }
        match &slot.failed {
            Some((failure, until)) if *until > Instant::now() => Err(failure.clone()),
            _ => Ok(None),
        }
    }

    fn header(&self, tokens: &Tokens, serial: u64) -> Result<Bearer, Failure> {
        let header = sensitive(&format!("Bearer {}", tokens.access.expose()));
        Ok(Bearer {
            header: header.ok_or_else(|| self.told("its login is no good"))?,
            is_kept: true,
            serial,
        })
    }

    /// Refreshes, unless another has done it meanwhile.
    async fn refreshed(&self, stale: Option<u64>) -> Result<Bearer, Failure> {
        let mut slot = self.slot.lock().await;
        let guard = locked(&self.settings.store).await?;
        self.look(&mut slot)?;
        if let Some(bearer) = self.good(&slot, stale)? {
            return Ok(bearer);
        }
        let Some(login) = slot.login.clone() else {
            return Err(self.told("nobody has logged in to it"));
        };
        let refreshed = self.refresh(&guard, login).await;
        if let Err(failure) = &refreshed {
            tracing::warn!("no token for the server: {failure}");
            let until = Instant::now().checked_add(REFUSED);
            slot.failed = until.map(|until| (failure.clone(), until));
        }
        refreshed?;
        self.look(&mut slot)?;
        let tokens = slot.login.as_ref().and_then(|login| login.tokens.as_ref());
        let tokens = tokens.ok_or_else(|| self.told("its login has ended"))?;
        // However short its life is, it is good for this request.
        Ok(Bearer {
            is_kept: false,
            ..self.header(tokens, slot.serial)?
        })
    }

    async fn refresh(&self, guard: &Guard, mut login: Login) -> Result<(), Failure> {
        let save = |login: &Login| {
            let saved = self.settings.store.save(guard, login);
            saved.map_err(|e| {
                tracing::error!("{e}");
                Failure::Credentials
            })
        };
        let before = login.tokens.clone().and_then(|tokens| tokens.refresh);
        let before = before.ok_or_else(|| self.told("its login has ended"))?;
        let url = ServerUrl::parse(&login.token_endpoint);
        let url = url.map_err(|_| self.told("its login is no good"))?;
        let evidence = self.settings.evidence(&login)?;
        let (mut pairs, header) = proven(&login.client, evidence.as_ref())?;
        pairs.push(("grant_type", "refresh_token"));
        pairs.push(("refresh_token", before.expose()));
        let resource = login.resource.as_deref().filter(|r| !r.is_empty());
        pairs.extend(resource.map(|resource| ("resource", resource)));
        let endpoint = self.settings.endpoint(&url)?;
        let (status, body) = endpoint.ask(Question::Form(&pairs, header)).await?;
        match answer::read(status, body) {
            Ok(answer) => {
                login.tokens = Some(tokens(answer, Some(before)));
                save(&login)
            }
            Err(Refused::Said(_, Some("invalid_grant" | "invalid_client"))) => {
                login.tokens = None;
                save(&login)?;
                Err(self.told("its login has ended, and the authorization server wants another"))
            }
            Err(refused) => {
                let command = &self.settings.command;
                let advice = format!("if that goes on, a person has to say `{command}`");
                Err(Failure::Token(refused.told(&advice)))
            }
        }
    }

    /// What a person has to do, where the server refuses a token.
    pub(in super::super) async fn refused(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
    ) -> Option<Failure> {
        if status == StatusCode::UNAUTHORIZED {
            return Some(self.told("the server does not accept its login"));
        }
        let challenge = Challenge::of(headers).filter(|_| status == StatusCode::FORBIDDEN)?;
        if challenge.error.as_deref() != Some("insufficient_scope") {
            return None;
        }
        let wanted = challenge.scope.unwrap_or_default();
        // Which they are is a stranger's text: for people, not for the agent.
        tracing::warn!("the server wants a login with other scopes: `{wanted}`");
        if self.settings.scope.is_some() {
            let why = "the server wants scopes that `scope` in the policy does not have (the log \
                       of lockgate says which); add them if they should be had";
            return Some(self.told(why));
        }
        if let Err(failure) = self.remember(&wanted).await {
            tracing::warn!("they are not remembered: {failure}");
        }
        Some(self.told("the server wants a login with more scopes"))
    }

    /// So that the next login asks for them, too.
    async fn remember(&self, wanted: &str) -> Result<(), Failure> {
        let store = &self.settings.store;
        let guard = locked(store).await?;
        let unfit = |e| {
            tracing::error!("{e}");
            Failure::Credentials
        };
        let Some(mut login) = store.load().map_err(unfit)? else {
            return Ok(());
        };
        let all = union([login.wanted.as_deref(), Some(wanted)]);
        if all == login.wanted || all.as_ref().is_some_and(|all| all.len() > SCOPES) {
            return Ok(());
        }
        login.wanted = all;
        store.save(&guard, &login).map_err(unfit)
    }

    fn told(&self, why: &str) -> Failure {
        Failure::Login(format!(
            "{why}; a person has to say `{}`",
            self.settings.command
        ))
    }
}

/// The lock of a login, as soon as no other process has it.
pub(super) async fn locked(store: &Store) -> Result<Guard, Failure> {
    let deadline = Instant::now().checked_add(LOCKED);
    loop {
        let lock = store.try_lock().map_err(|e| {
            tracing::error!("{e}");
            Failure::Credentials
        })?;
        if let Some(guard) = lock {
            return Ok(guard);
        }
        if deadline.is_none_or(|deadline| Instant::now() > deadline) {
            let why = "another process of lockgate has its login locked for too long";
            return Err(Failure::Token(why.to_owned()));
        }
        sleep(PAUSE).await;
    }
}

/// What an answer has brought. A refresh token that is not replaced stays good.
pub(super) fn tokens(answer: answer::Answer, before: Option<Secret>) -> Tokens {
    let given = now();
    let ends = answer
        .lasts
        .map(|lasts| given.saturating_add(lasts.as_secs()));
    Tokens {
        access: answer.access,
        refresh: answer.refresh.or(before),
        ends,
        given,
    }
}

/// All scopes of these lists, each once.
pub(super) fn union<const N: usize>(lists: [Option<&str>; N]) -> Option<String> {
    let lists = lists.into_iter().flatten().filter(|list| is_scope(list));
    let mut seen = BTreeSet::new();
    let words: Vec<&str> = lists
        .flat_map(|list| list.split(' '))
        .filter(|word| seen.insert(*word))
        .collect();
    (!words.is_empty()).then(|| words.join(" "))
}

/// Seconds since 1970.
pub(super) fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| now.as_secs())
}

/// A token of which nothing is said is good until the server says otherwise.
fn is_fresh(tokens: &Tokens, now: u64) -> bool {
    tokens.ends.is_none_or(|ends| {
        let lasts = usable(Duration::from_secs(ends.saturating_sub(tokens.given)));
        now < tokens.given.saturating_add(lasts.as_secs())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_added_once_and_only_if_they_are_some() {
        for (lists, expected) in [
            ([None, None], None),
            ([Some(""), None], None),
            ([Some("b a"), Some("a c")], Some("b a c")),
            ([Some("a"), Some("b\"c")], Some("a")),
            ([Some("a\nb"), Some("c")], Some("c")),
        ] {
            assert_eq!(union(lists).as_deref(), expected, "{lists:?}");
        }
    }

    #[test]
    fn a_token_is_used_until_shortly_before_its_end() {
        let tokens = |ends| Tokens {
            access: Secret::new("t"),
            refresh: None,
            ends,
            given: 1000,
        };
        for (ends, now, expected) in [
            (None, u64::MAX, true),
            (Some(1000), 1000, false),
            (Some(1100), 1079, true),
            (Some(1100), 1080, false),
            (Some(4600), 4569, true),
            (Some(4600), 4570, false),
            // A clock that was set back.
            (Some(1100), 0, true),
        ] {
            assert_eq!(is_fresh(&tokens(ends), now), expected, "{ends:?} {now}");
        }
    }
}
