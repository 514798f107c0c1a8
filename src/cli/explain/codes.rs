//! `lockgate explain LG0101`: what a diagnostic means.

use crate::cli::Fault;
use crate::engine::policy::{Code, Severity};

/// Every code, a line each.
pub(super) fn list() -> String {
    let lines = Code::ALL.iter().map(|entry| {
        let severity = match entry.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        };
        format!("{}  {severity:<7}  {}", entry.code, entry.title)
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// What a code means, an example, and how to mend it.
pub(super) fn page(code: Code) -> Result<&'static str, Fault> {
    code.page().ok_or_else(|| {
        Fault::Usage(format!(
            "there is no diagnostic `{code}`: `lockgate explain --list` has them all; for a tool \
             of that name, look at its rules with `lockgate check`"
        ))
    })
}
