//! Programs that the tests need beside cargo: where one is missing, the test
//! fails and says which package to install; nothing is skipped in silence.

use std::path::Path;
use std::process::Command;

/// A script or lock file of `tests/peers`.
pub(crate) fn script(name: &str) -> String {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers");
    dir.join(name).display().to_string()
}

/// What `program` prints; fails with the Debian package that brings it.
pub(crate) fn need(program: &str, args: &[&str], package: &str) -> Result<String, String> {
    let missing =
        || format!("this test needs `{program}`: install it with `apt-get install -y {package}`");
    let output = Command::new(program).args(args).output();
    let output = output.map_err(|_| missing())?;
    if !output.status.success() {
        return Err(missing());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
