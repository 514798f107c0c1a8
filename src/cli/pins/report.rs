//! How everything stands, for programs.

use crate::engine::pin::{Change, Plan};
use crate::engine::types::ServerName;
use serde_json::json;

/// One JSON object; `approved`: so many definitions were approved just now.
pub(super) fn report(server: &ServerName, plan: &Plan, approved: Option<usize>) -> String {
    let tools: Vec<_> = plan
        .drift
        .entries
        .iter()
        .map(|entry| {
            let (standing, detail) = match &entry.change {
                Change::Unchanged(review) => (review.as_str(), json!(null)),
                Change::New { findings, .. } => ("new", json!({ "findings": findings })),
                Change::Changed { fields, findings } => {
                    ("changed", json!({ "fields": fields, "findings": findings }))
                }
                Change::Removed => ("removed", json!(null)),
                Change::Duplicate(count) => ("duplicate", json!({ "count": count })),
                Change::Unusable(why) => ("unusable", json!({ "why": why })),
            };
            json!({ "name": entry.name, "standing": standing, "detail": detail })
        })
        .collect();
    let changed: Vec<_> = plan
        .server
        .iter()
        .map(|c| {
            let weight = c.weight.as_str();
            json!({ "what": c.what, "weight": weight, "before": c.before, "after": c.after })
        })
        .collect();
    let mut all = json!({
        "server": server,
        "drift": !plan.is_empty(),
        "tools": tools,
        "changed": changed,
    });
    if let (Some(approved), Some(all)) = (approved, all.as_object_mut()) {
        all.insert("approved".to_owned(), json!(approved));
    }
    all.to_string()
}
