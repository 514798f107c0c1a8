//! `audit` beside the plain cases of `run`.

use super::user::User;

#[test]
fn nothing_recorded_yet_is_no_failure() {
    let user = User::new();
    for verb in ["verify", "tail", "show"] {
        user.plain(&["audit", verb], "")
            .is(0, &["nothing recorded yet in"]);
    }
    user.plain(&["audit", "verify", "nowhere"], "").is(1, &[]);
}

#[test]
fn another_file_is_not_tampered_evidence() {
    let user = User::new();
    for verb in ["verify", "show"] {
        let done = user.plain(&["audit", verb, "lockgate.toml"], "");
        done.is(1, &["not an audit file"]);
        done.says_no("TAMPERED");
    }
    // A name or a header that says evidence is held to it.
    user.write("x.jsonl", "version = 1\n");
    user.write("copy", "{\"format\":\"lockgate-audit-v1\"}\n");
    for file in ["x.jsonl", "copy"] {
        user.plain(&["audit", "verify", file], "")
            .is(6, &["TAMPERED"]);
    }
}
