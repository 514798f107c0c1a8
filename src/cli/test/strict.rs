//! `strict = true`: a policy that is in force only while its tests hold and
//! `check` has nothing to say.

use super::{Ran, files};
use crate::cli::Fault;
use crate::cli::setup::{Revision, Setup};
use crate::engine::policy::Severity;

/// Refuses a strict policy that does not hold what it promises. One that is not
/// strict, and the baseline, have nothing to hold.
pub(in crate::cli) fn check_strict(setup: &Setup) -> Result<(), Fault> {
    let Some(file) = setup.file.as_ref().filter(|_| setup.policy.strict) else {
        return Ok(());
    };
    let shown = file.display();
    let found = setup.policy.check_against(&setup.pins);
    let grave = found.iter().filter(|d| d.severity != Severity::Note);
    if let Some(first) = grave.clone().next() {
        let (first, more) = (&first.message, grave.count().saturating_sub(1));
        let more = match more {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        return Err(Fault::Policy(format!(
            "`{shown}` is strict, and this is to be mended first: {first}{more}; see \
             `lockgate check {shown}`"
        )));
    }
    check_tests(&setup.revision())
}

/// Refuses a policy whose tests do not hold, or that has none.
pub(in crate::cli) fn check_tests(read: &Revision) -> Result<(), Fault> {
    let Some(file) = &read.file else {
        return Ok(());
    };
    let shown = file.display();
    let tests = files::tests_of(file)?;
    if tests.is_empty() {
        let test = file.with_extension("test.toml");
        return Err(Fault::Policy(format!(
            "`{shown}` is strict, and has no tests: write `{}`",
            test.display()
        )));
    }
    let ran = Ran::new(file, read, &tests)?;
    let wrong = match (ran.mistakes.first(), ran.failed()) {
        (Some(mistakes), _) => format!("the tests of `{}` cannot be read", mistakes.file),
        (None, 0) => return Ok(()),
        (None, 1) => "one of its tests fails".to_owned(),
        (None, many) => format!("{many} calls of its tests fail"),
    };
    Err(Fault::Policy(format!(
        "`{shown}` is strict, and {wrong}: see `lockgate test {shown}`"
    )))
}
