//! What proves lockgate to the server: fixed headers, secrets in files, tokens.

use super::failure::Failure;
use super::oauth::{Bearer, Kept, Subject, Tokens};
use crate::transport::http::secret::{FileError, Secret, SecretFile, Source};
use hyper::header::{HeaderName, HeaderValue};
use hyper::{HeaderMap, StatusCode};
use std::sync::Arc;

/// The headers that the operator adds to every request. No two of one name.
#[derive(Debug, Default)]
pub struct Credentials(Vec<(HeaderName, Source)>);

/// Why there is no header of a secret. Nothing of the secret is in it.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// It is no header.
    #[error(
        "the value of the header `{0}` does not fit into one: expected visible ASCII on one line"
    )]
    Unfit(HeaderName),
    /// Its file cannot be used.
    #[error("the value of the header `{0}`: {1}")]
    File(HeaderName, FileError),
}

impl Credentials {
    /// No headers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a header.
    ///
    /// # Errors
    /// See [`CredentialError`]; a file is read at once, so that it is told at
    /// the start if it cannot be.
    pub fn add(&mut self, name: HeaderName, source: Source) -> Result<(), CredentialError> {
        value(&name, &source)?;
        self.0.push((name, source));
        Ok(())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The headers as they are now.
    pub(super) fn read(&self) -> Result<Vec<(HeaderName, HeaderValue)>, Failure> {
        let read = |(name, source): &(HeaderName, Source)| match value(name, source) {
            Ok(value) => Ok((name.clone(), value)),
            Err(e) => {
                // A path is the operator's business, not the agent's.
                tracing::error!("{e}");
                Err(Failure::Credentials)
            }
        };
        self.0.iter().map(read).collect()
    }
}

fn value(name: &HeaderName, source: &Source) -> Result<HeaderValue, CredentialError> {
    let secret = source.read();
    let secret = secret.map_err(|e| CredentialError::File(name.clone(), e))?;
    sensitive(secret.expose()).ok_or_else(|| CredentialError::Unfit(name.clone()))
}

/// A header value that is not shown.
pub(super) fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Where the token of a request comes from.
#[derive(Debug, Clone, Default)]
pub struct Proof(Option<Way>);

#[derive(Debug, Clone)]
enum Way {
    /// Lockgate gets them itself.
    Got(Arc<Tokens>),
    /// Somebody has logged in.
    Kept(Arc<Kept>),
}

impl Proof {
    /// By these tokens.
    pub fn by(tokens: Arc<Tokens>) -> Self {
        Self(Some(Way::Got(tokens)))
    }

    /// By a login.
    pub fn kept(kept: Arc<Kept>) -> Self {
        Self(Some(Way::Kept(kept)))
    }

    /// The token to show on behalf of `subject`; another one than `stale`, which
    /// the server refused.
    pub(super) async fn bearer(
        &self,
        subject: &Subject,
        stale: Option<&Bearer>,
    ) -> Result<Option<Bearer>, Failure> {
        // On the heap, like all that is rare: a future is as large as the largest
        // that it may wait for, and is moved as it is.
        match &self.0 {
            None => Ok(None),
            Some(Way::Got(tokens)) => {
                let bearer = Box::pin(tokens.bearer(subject.as_deref(), stale)).await;
                bearer.map(Some)
            }
            Some(Way::Kept(kept)) => Box::pin(Kept::bearer(kept, stale)).await.map(Some),
        }
    }

    /// What a person has to do, where the server refuses what it was shown.
    pub(super) async fn refused(&self, status: StatusCode, headers: &HeaderMap) -> Option<Failure> {
        match &self.0 {
            Some(Way::Kept(kept)) => Box::pin(kept.refused(status, headers)).await,
            _ => None,
        }
    }
}

impl From<SecretFile> for Source {
    fn from(file: SecretFile) -> Self {
        Self::File(file)
    }
}

impl From<Secret> for Source {
    fn from(secret: Secret) -> Self {
        Self::Fixed(secret)
    }
}
