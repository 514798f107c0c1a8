//! What a verified token says.

use crate::engine::message::{Json, Kind};
use crate::engine::principal::Groups;
use crate::identity::refused::Why;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Most actors that act for one another.
const ACTORS: usize = 8;

/// The claims that lockgate looks at, of their types.
#[derive(Debug)]
pub(in crate::identity) struct Claims<'a> {
    all: Json<'a>,
    /// `sub`.
    pub(in crate::identity) subject: String,
    /// `client_id`, or `azp`.
    pub(in crate::identity) client: Option<String>,
    /// `aud`, as a list.
    pub(in crate::identity) audience: Vec<String>,
    /// `scope`, or `scp`.
    pub(in crate::identity) scopes: BTreeSet<Arc<str>>,
    /// `act`, the outermost first.
    pub(in crate::identity) actors: Vec<Arc<str>>,
    /// `cnf`.
    pub(in crate::identity) bound: Bound<'a>,
    expires: f64,
    not_before: f64,
}

/// Whether somebody has to prove more than that he has the token.
#[derive(Debug)]
pub(in crate::identity) enum Bound<'a> {
    No,
    /// That he has a certificate of this thumbprint (RFC 8705).
    Certificate(std::borrow::Cow<'a, str>),
    /// Something else.
    Otherwise,
}

/// How a token stands to the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::identity) enum Moment {
    Good,
    Expired,
    NotYet,
}

impl<'a> Claims<'a> {
    pub(in crate::identity) fn read(all: Json<'a>) -> Result<Self, Why> {
        let client = match (text(all, "client_id")?, text(all, "azp")?) {
            (Some(one), Some(other)) if one != other => return Err(Why::Claims),
            (one, other) => one.or(other),
        };
        // Both keep a token from being used too early.
        let not_before = [date(all, "nbf")?, date(all, "iat")?];
        Ok(Self {
            all,
            subject: text(all, "sub")?
                .filter(|s| !s.is_empty())
                .ok_or(Why::Claims)?,
            client,
            audience: texts(all.get("aud").ok_or(Why::Claims)?).ok_or(Why::Claims)?,
            scopes: scopes(all)?,
            actors: actors(all)?,
            bound: bound(all),
            expires: date(all, "exp")?.ok_or(Why::Claims)?,
            not_before: not_before.into_iter().flatten().fold(0.0, f64::max),
        })
    }

    /// Whether it holds at that time, on a clock that may be off.
    pub(in crate::identity) fn at(&self, now: SystemTime, skew: u32) -> Moment {
        let Ok(now) = now.duration_since(UNIX_EPOCH) else {
            return Moment::Expired;
        };
        let (now, skew) = (now.as_secs_f64(), f64::from(skew));
        if now >= self.expires + skew {
            Moment::Expired
        } else if now + skew < self.not_before {
            Moment::NotYet
        } else {
            Moment::Good
        }
    }

    /// When it ends, after the beginning of 1970.
    pub(in crate::identity) fn ends(&self) -> Duration {
        // One that no time can be told for ends never, or has ended.
        let never = if self.expires > 0.0 {
            Duration::MAX
        } else {
            Duration::ZERO
        };
        Duration::try_from_secs_f64(self.expires).unwrap_or(never)
    }

    /// The user's groups. A token without the claim does not say that there are
    /// none: issuers leave it out where it was not asked for, and where it would
    /// be too long.
    pub(in crate::identity) fn groups(&self, claim: &str) -> Groups {
        let listed = self.all.get(claim).and_then(texts);
        listed.map_or(Groups::Unknown, |groups| {
            Groups::Known(groups.into_iter().map(Arc::from).collect())
        })
    }
}

/// A claim that is a string; another type is an error.
pub(super) fn text(object: Json<'_>, key: &str) -> Result<Option<String>, Why> {
    match object.get(key) {
        None => Ok(None),
        Some(value) => match value.as_str() {
            Some(text) => Ok(Some(text.into_owned())),
            None => Err(Why::Claims),
        },
    }
}

/// A string, or a list of strings.
fn texts(value: Json<'_>) -> Option<Vec<String>> {
    match value.kind() {
        Kind::Array => value
            .items()
            .map(|item| item.as_str().map(String::from))
            .collect(),
        _ => value.as_str().map(|text| vec![text.into_owned()]),
    }
}

/// Seconds since 1970, perhaps with a fraction.
fn date(all: Json<'_>, key: &str) -> Result<Option<f64>, Why> {
    let Some(value) = all.get(key) else {
        return Ok(None);
    };
    let seconds = value.as_number().and_then(|n| n.parse::<f64>().ok());
    match seconds.filter(|s| s.is_finite() && *s >= 0.0) {
        Some(seconds) => Ok(Some(seconds)),
        None => Err(Why::Claims),
    }
}

/// `scope` is one string (RFC 8693); `scp` is what others write, as a list too.
fn scopes(all: Json<'_>) -> Result<BTreeSet<Arc<str>>, Why> {
    let split = |text: &str| -> Vec<Arc<str>> {
        let words = text.split(' ').filter(|word| !word.is_empty());
        words.map(Arc::from).collect()
    };
    if let Some(text) = text(all, "scope")? {
        return Ok(split(&text).into_iter().collect());
    }
    let Some(value) = all.get("scp") else {
        return Ok(BTreeSet::new());
    };
    let listed = texts(value).ok_or(Why::Claims)?;
    Ok(listed.iter().flat_map(|text| split(text)).collect())
}

/// The chain of `act` (RFC 8693, section 4.1).
fn actors(all: Json<'_>) -> Result<Vec<Arc<str>>, Why> {
    let mut actors = Vec::new();
    let mut next = all.get("act");
    while let Some(act) = next {
        if act.kind() != Kind::Object || actors.len() == ACTORS {
            return Err(Why::Claims);
        }
        let name = match text(act, "sub")? {
            Some(name) => Some(name),
            None => text(act, "client_id")?,
        };
        actors.push(Arc::from(name.ok_or(Why::Claims)?));
        next = act.get("act");
    }
    Ok(actors)
}

fn bound(all: Json<'_>) -> Bound<'_> {
    let Some(confirmation) = all.get("cnf") else {
        return Bound::No;
    };
    let thumbprint = confirmation.get("x5t#S256").and_then(Json::as_str);
    match thumbprint {
        Some(thumbprint) if confirmation.members().count() == 1 => Bound::Certificate(thumbprint),
        _ => Bound::Otherwise,
    }
}
