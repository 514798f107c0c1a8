//! Listeners that are not to be started.

use crate::support::home::Home;
use crate::support::lockgate::Run;
use crate::support::process::Process;

fn refused(listen: &str, policy: &str) -> String {
    let home = Home::new();
    let policy = format!("version = 1\n[server.s]\ncommand = [\"cat\"]\n{policy}");
    let mut argv = Run::policy(&home, &policy).serve(&[]);
    let at = argv.iter().position(|word| word == "127.0.0.1:0").unwrap();
    argv[at] = listen.to_owned();
    let mut process = Process::start(&home, &argv);
    assert!(process.rest().is_empty());
    assert!(!process.finish().success());
    process.stderr()
}

#[test]
fn nobody_is_let_in_from_elsewhere_without_a_credential() {
    for listen in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let told = refused(listen, "[agent.me]\nstdio = true\n");
        assert!(
            told.contains("no agent of the policy has a credential"),
            "{told}"
        );
    }
    let told = refused("127.0.0.1:0", "[agent.me]\nstdio = { uid = 4242 }\n");
    assert!(told.contains("can prove to be `me`"), "{told}");
    let key = lockgate::identity::NewKey::make().unwrap();
    let policy = format!("[agent.me]\nkey = \"{}\"\n", key.hash());
    let told = refused("0.0.0.0:0", &policy);
    assert!(told.contains("no name is known"), "{told}");
}
