//! `path` constraints: whether every reading of a value lies within the roots.

use super::{Access, PathFact, PathFacts, PathGuard, judge, lexical};

/// Fails closed: a value that has one reading outside the roots is outside.
pub(super) fn within(
    guard: &PathGuard,
    value: &str,
    access: Access,
    facts: &PathFacts,
) -> Result<(), String> {
    let candidate = guard.candidate_of_path("", value);
    if let Some(finding) = judge::inspect(guard, std::slice::from_ref(&candidate), facts)
        .into_iter()
        .next()
    {
        return Err(finding.detail);
    }
    let rules = &guard.rules;
    let (roots, table): (Vec<&String>, &str) = match access {
        Access::Read => (
            rules.read.iter().chain(&rules.write).collect(),
            "`[paths] read` or `write`",
        ),
        Access::Write => (rules.write.iter().collect(), "`[paths] write`"),
    };
    let outside = |path: &str| {
        format!(
            "expected a path within {table}, found {}",
            judge::shown(path)
        )
    };
    if candidate.spellings.is_empty() {
        return Err(outside(value));
    }
    let fold = guard.host.case_insensitive;
    for path in &candidate.spellings {
        if !roots.iter().any(|root| contains(root, path, fold)) {
            return Err(outside(path));
        }
    }
    for question in &candidate.asked {
        let Some(PathFact::Resolved(path)) = facts.0.get(question) else {
            return Err(outside(question));
        };
        // A root may itself be a link: compare with where it leads as well.
        let inside = roots.iter().any(|root| {
            contains(root, path, fold)
                || matches!(facts.0.get(*root), Some(PathFact::Resolved(real)) if contains(real, path, fold))
        });
        if !inside {
            return Err(outside(path));
        }
    }
    Ok(())
}

fn contains(root: &str, path: &str, fold: bool) -> bool {
    let parts = |text: &str| -> Vec<String> {
        let folded = lexical::folded(text);
        let text = if fold { folded.to_lowercase() } else { folded };
        text.split('/')
            .filter(|p| !p.is_empty())
            .map(str::to_owned)
            .collect()
    };
    !root.is_empty() && parts(path).starts_with(&parts(root))
}
