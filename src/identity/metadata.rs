//! Protected resource metadata (RFC 9728): where clients get their tokens.

use std::collections::BTreeSet;
use std::sync::Arc;

/// The document for `resource`; `None` if no agent comes with a token.
pub(super) fn document(
    resource: &str,
    issuers: &[&str],
    scopes: &BTreeSet<Arc<str>>,
) -> Option<String> {
    if issuers.is_empty() {
        return None;
    }
    let mut document = serde_json::json!({
        "resource": resource,
        "authorization_servers": issuers,
        "bearer_methods_supported": ["header"],
    });
    if let (false, Some(members)) = (scopes.is_empty(), document.as_object_mut()) {
        members.insert("scopes_supported".to_owned(), serde_json::json!(scopes));
    }
    Some(document.to_string())
}
