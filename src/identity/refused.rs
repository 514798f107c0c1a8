//! Why somebody is not admitted, and what HTTP says about it.

use hyper::StatusCode;
use hyper::header::HeaderValue;
use std::fmt;
use std::sync::Arc;

/// Somebody is not admitted. What was presented is not in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    why: Why,
    scopes: Vec<Arc<str>>,
}

macro_rules! whys {
    ($($name:ident = $code:literal, $status:ident, $error:expr, $text:literal;)*) => {
        /// Why.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Why {
            $($name,)*
        }

        impl Why {
            fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)* }
            }

            /// The word of RFC 6750, section 3.1.
            fn error(self) -> Option<&'static str> {
                match self { $(Self::$name => $error,)* }
            }

            fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

const INVALID_REQUEST: Option<&str> = Some("invalid_request");
const INVALID_TOKEN: Option<&str> = Some("invalid_token");

// The texts stand in a header within quotes: no quotes and no backslash.
whys! {
    NoCredential = "no-credential", UNAUTHORIZED, None,
        "expected a credential: a token or key as `Authorization: Bearer ...`, or a client certificate";
    TwoCredentials = "two-credentials", BAD_REQUEST, INVALID_REQUEST,
        "expected one credential, found several";
    Malformed = "malformed-credential", BAD_REQUEST, INVALID_REQUEST,
        "expected `Authorization` to be `Bearer` and a token after one space";
    Scheme = "unknown-scheme", UNAUTHORIZED, None,
        "expected the scheme `Bearer` in `Authorization`";
    Key = "unknown-key", UNAUTHORIZED, INVALID_TOKEN,
        "the key is none of those that the policy has";
    TooLarge = "token-too-large", UNAUTHORIZED, INVALID_TOKEN,
        "the token is larger than any that is read";
    NoToken = "malformed-token", UNAUTHORIZED, INVALID_TOKEN,
        "expected a JSON Web Token, signed and compact";
    Algorithm = "algorithm", UNAUTHORIZED, INVALID_TOKEN,
        "the token is signed with an algorithm that the policy does not take";
    Header = "token-header", UNAUTHORIZED, INVALID_TOKEN,
        "the header of the token asks for something that is not understood";
    Issuer = "unknown-issuer", UNAUTHORIZED, INVALID_TOKEN,
        "the issuer of the token is none that the policy trusts";
    Unreachable = "issuer-unreachable", SERVICE_UNAVAILABLE, None,
        "the keys of the issuer of the token cannot be had now";
    Signer = "unknown-signer", UNAUTHORIZED, INVALID_TOKEN,
        "the issuer has no key by which the token could be signed";
    Signature = "bad-signature", UNAUTHORIZED, INVALID_TOKEN,
        "the signature of the token does not hold";
    Claims = "malformed-claims", UNAUTHORIZED, INVALID_TOKEN,
        "a claim of the token is missing, or not of its type";
    Audience = "wrong-audience", UNAUTHORIZED, INVALID_TOKEN,
        "the token is for somebody else";
    Expired = "expired", UNAUTHORIZED, INVALID_TOKEN,
        "the token has expired";
    NotYet = "not-yet-valid", UNAUTHORIZED, INVALID_TOKEN,
        "the token is not valid yet";
    Bound = "bound-token", UNAUTHORIZED, INVALID_TOKEN,
        "the token is bound to a key that was not shown";
    Agent = "unknown-agent", FORBIDDEN, None,
        "the credential is good, and no agent of the policy is meant by it";
    Agents = "ambiguous-agent", FORBIDDEN, None,
        "more than one agent of the policy is meant by the credential";
    Scope = "insufficient-scope", FORBIDDEN, Some("insufficient_scope"),
        "a token with more scopes is needed";
}

impl From<Why> for Refused {
    fn from(why: Why) -> Self {
        Self {
            why,
            scopes: Vec::new(),
        }
    }
}

impl Refused {
    /// A request that another token of the same user could make: `scopes` are
    /// those that the engine's record names.
    pub fn insufficient_scope(scopes: Vec<Arc<str>>) -> Self {
        Self {
            why: Why::Scope,
            scopes,
        }
    }

    /// 400 (what came is no one credential), 401, 403, or 503 (an issuer's keys
    /// cannot be had; another token would not help).
    pub fn status(&self) -> StatusCode {
        self.why.status()
    }

    /// Why: a stable kebab-case word.
    pub fn code(&self) -> &'static str {
        self.why.code()
    }

    /// `WWW-Authenticate` (RFC 6750, section 3; RFC 9728, section 5.1), where a
    /// credential would help.
    pub fn challenge(&self, metadata_url: Option<&str>) -> Option<HeaderValue> {
        let status = self.status();
        let asks = status == StatusCode::UNAUTHORIZED || self.why.error().is_some();
        if !asks {
            return None;
        }
        let mut parameters = Vec::new();
        let mut say = |name: &str, value: &str| {
            let fits = |b: u8| (b' '..=b'~').contains(&b) && !b"\"\\".contains(&b);
            if !value.is_empty() && value.bytes().all(fits) {
                parameters.push(format!("{name}=\"{value}\""));
            }
        };
        if let Some(error) = self.why.error() {
            say("error", error);
            say("error_description", self.why.text());
        }
        say("scope", &self.scopes.join(" "));
        say("resource_metadata", metadata_url.unwrap_or_default());
        let challenge = if parameters.is_empty() {
            "Bearer".to_owned()
        } else {
            format!("Bearer {}", parameters.join(", "))
        };
        HeaderValue::try_from(challenge).ok()
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.why.text())
    }
}

impl std::error::Error for Refused {}
