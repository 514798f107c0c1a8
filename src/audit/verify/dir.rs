//! A directory of audit files: each by itself, and the links between them.

use super::super::place::EXTENSION;
use super::{Fault, Report, State, VerifyError, verify_file};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The audit files of a directory, oldest first.
pub fn audit_files(dir: &Path) -> Result<Vec<PathBuf>, VerifyError> {
    let failed = |source| VerifyError {
        path: dir.to_owned(),
        source,
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|e| e == EXTENSION) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Verifies every audit file of a directory. Where a chain goes over several
/// files, all of them have to be there. A file that cannot be read hides
/// nothing about the others.
pub fn verify_dir(dir: &Path) -> Result<Vec<Report>, VerifyError> {
    let files = audit_files(dir)?;
    let mut reports = BTreeMap::new();
    for path in files {
        let name = path.file_name().unwrap_or_default();
        let name = name.to_string_lossy().into_owned();
        let report = verify_file(&path).unwrap_or_else(|e| {
            let error = e.source.to_string();
            Report::new(&path, State::Unreadable { error })
        });
        reports.insert(name, report);
    }
    let found: Vec<_> = reports
        .iter()
        .filter_map(|(name, report)| mislinked(name, report, &reports))
        .collect();
    for (name, line, fault) in found {
        if let Some(report) = reports.get_mut(&name)
            && !report.is_tampered()
        {
            report.state = State::Tampered { line, fault };
        }
    }
    Ok(reports.into_values().collect())
}

/// Which file of the chain of `name` is not as its neighbour says.
fn mislinked(
    name: &str,
    report: &Report,
    all: &BTreeMap<String, Report>,
) -> Option<(String, u64, Fault)> {
    if let Some(link) = &report.continues {
        let Some(before) = all.get(&link.file) else {
            return Some((name.to_owned(), 1, Fault::MissingFile(link.file.clone())));
        };
        if matches!(before.state, State::Unreadable { .. }) {
            return None;
        }
        let sealed = matches!(before.state, State::Sealed { .. });
        if !sealed && before.head != link.hash {
            let line = before.lines.saturating_add(1);
            let fault = Fault::MissingLines(name.to_owned());
            return Some((link.file.clone(), line, fault));
        }
        if before.head != link.hash || before.next.as_deref() != Some(name) {
            return Some((name.to_owned(), 1, Fault::Successor(link.file.clone())));
        }
    }
    let next = report.next.as_ref()?;
    match all.get(next) {
        None => Some((
            name.to_owned(),
            report.lines,
            Fault::MissingFile(next.clone()),
        )),
        // It was made before it was named, and may be all that a crash left.
        Some(after) if after.lines == 0 => None,
        Some(after) if after.continues.as_ref().is_some_and(|l| l.file == name) => None,
        Some(_) => Some((next.clone(), 1, Fault::Successor(name.to_owned()))),
    }
}
