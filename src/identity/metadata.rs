//! Protected resource metadata (RFC 9728): where clients get their tokens.

use crate::engine::policy::Policy;
use std::collections::BTreeSet;

/// The document for `resource`; `None` if no agent comes with a token.
pub(super) fn document(policy: &Policy, resource: &str) -> Option<String> {
    let trusted = policy.agents.values().filter_map(|a| a.jwt.as_ref());
    let issuers: BTreeSet<_> = trusted.map(|jwt| jwt.issuer.whole()).collect();
    if issuers.is_empty() {
        return None;
    }
    let mut document = serde_json::json!({
        "resource": resource,
        "authorization_servers": issuers,
        "bearer_methods_supported": ["header"],
    });
    let scopes = policy.scopes();
    if let (false, Some(members)) = (scopes.is_empty(), document.as_object_mut()) {
        members.insert("scopes_supported".to_owned(), serde_json::json!(scopes));
    }
    Some(document.to_string())
}
