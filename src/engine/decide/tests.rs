use super::*;
use crate::engine::guard::paths::HostFacts;
use crate::engine::policy::PolicyBase;
use crate::engine::principal::Principal;

const POLICY: &str = r#"version = 1
[agent.a]
jwt = { issuer = "https://idp.example" }
[server.s]
command = ["s"]
[pins]
mode = "tofu"
[[rule]]
id = "echo"
effect = "permit"
tools = ["echo"]
scopes = ["s"]
"#;

fn engine() -> Engine {
    let base = PolicyBase {
        dir: "/work".to_owned(),
        home: "/home/u".to_owned(),
    };
    let policy = Policy::parse("p.toml", POLICY, &base).unwrap();
    let guard = PathGuard::new(HostFacts::default(), policy.paths.clone());
    let names = (AgentName::new("a").unwrap(), ServerName::new("s").unwrap());
    Engine::new(policy, names.0, names.1, ServerPins::default(), guard)
}

fn with(scopes: &[&str]) -> Arc<Principal> {
    Arc::new(Principal {
        scopes: Some(scopes.iter().map(|s| Arc::from(*s)).collect()),
        ..Principal::named(AgentName::new("a").unwrap())
    })
}

/// The verdict and reason of a call that was sent with one token and waited for
/// the server's tools, while another token came.
fn waited(sent: &[&str], later: &[&str]) -> (RecordVerdict, Option<&'static str>) {
    let engine = engine();
    let mut session = Session::new("n").acting(with(sent));
    let decide = |session: &mut Session, direction, line: &str| {
        let opened = engine.open(direction, line.as_bytes().to_vec());
        let opened = engine.inquire(session, opened);
        engine.decide(session, opened, &Context::default())
    };
    let call =
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{}}}"#;
    let held = decide(&mut session, Direction::ToServer, call);
    assert_eq!(held.record().verdict, RecordVerdict::Hold);
    session.renew(with(later)).unwrap();
    let id = session.verification.as_ref().unwrap().id.to_json();
    let tools = r#"[{"name":"echo","inputSchema":{"type":"object"}}]"#;
    let answer = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"tools":{tools}}}}}"#);
    let mut verified = decide(&mut session, Direction::ToAgent, &answer);
    let waiting = verified.take_released().remove(0);
    let waiting = engine.inquire(&session, waiting);
    let decision = engine.decide(&mut session, waiting, &Context::default());
    assert_eq!(session.principal(), Some(&*with(later)));
    (decision.record().verdict, decision.record().reason)
}

/// Otherwise a call could wait for somebody's better token.
#[test]
fn what_waits_is_judged_by_the_token_that_it_came_with() {
    for (sent, later, expected) in [
        (&["s"][..], &["s"][..], (RecordVerdict::Forward, None)),
        (&["s"], &[], (RecordVerdict::Forward, None)),
        (
            &[],
            &["s"],
            (RecordVerdict::Deny, Some("insufficient-scope")),
        ),
    ] {
        assert_eq!(waited(sent, later), expected, "{sent:?} {later:?}");
    }
}
