use super::*;
use crate::engine::message::Document;
use crate::engine::types::{AgentName, ServerName};
use std::sync::Arc;

fn read(text: &str) -> Document {
    Document::read(text.as_bytes().to_vec(), &Limits::DEFAULT).unwrap()
}

fn pending(method: &str, token: &str) -> Pending {
    let names = (AgentName::new("a").unwrap(), ServerName::new("s").unwrap());
    let names = (Arc::from(names.0.as_str()), Arc::from(names.1.as_str()));
    let (kind, verdict) = (
        crate::engine::record::RecordKind::Request,
        crate::engine::record::RecordVerdict::Forward,
    );
    let record = Record::new(Direction::ToServer, kind, verdict, names, 0);
    Pending {
        method: Method::of(method),
        subject: Subject::of(&record),
        cursor: None,
        bound: None,
        token: Some(token.to_owned()),
        leases: Vec::new(),
        results: Vec::new(),
        lists: Lists::default(),
    }
}

fn withheld(detail: &str) -> Known {
    Known::Withheld(Reason::UnpinnedTool, detail.to_owned())
}

/// A request and its answer.
fn asked(session: &mut Session, method: &str, token: &str, result: &str) {
    let id = session.own_id();
    session.down.add(id.clone(), pending(method, token));
    assert!(session.down.knows_token(token), "{token}");
    session.answered(Direction::ToAgent, &id, read(result).root());
}

#[test]
fn tools_are_bounded_in_number_and_in_bytes() {
    let mut tools = Tools::default();
    for n in 0..20_000 {
        tools.remember(&format!("t{n}"), withheld("")).unwrap();
    }
    let more = tools.remember("more", withheld(""));
    assert_eq!(more, Err(Reason::TooManyTools));
    assert!(tools.overflow);
    // What is known may be learned again.
    tools.remember("t7", withheld("again")).unwrap();
    tools.forget();
    assert!(!tools.overflow);
    let large = "x".repeat(1024 * 1024);
    let kept = (0..100).filter(|n| tools.remember(&format!("t{n}"), withheld(&large)).is_ok());
    assert_eq!(kept.count(), 31);
    // Nor by being learned again and again.
    for _ in 0..100 {
        tools.remember("t7", withheld(&large)).unwrap();
    }
}

#[test]
fn names_are_bounded_in_a_walk_and_walks_in_a_session() {
    let mut walk = Walk::default();
    let page = walk.turn(None);
    let fits = |n: &usize| walk.stands(&format!("t{n}"), page) == Some(true);
    assert_eq!((0..30_000).filter(fits).count(), 20_000);
    for n in 0..3_000 {
        walk.turn(Some(&format!("c{n}")));
    }
    assert_eq!(walk.turn(Some("again")), Walk::PAGES - 1);
    let mut walks = Tools::default().walks;
    for n in 0..20 {
        let mut walk = walks.take(None);
        walk.turn(None);
        walk.goes_on(Some(&format!("c{n}")));
        walks.put(walk);
    }
    assert!(
        !walks.take(Some("c0")).is_whole(),
        "the oldest is forgotten"
    );
    assert!(walks.take(Some("c19")).is_whole());
}

#[test]
fn only_tasks_keep_a_token() {
    let mut session = Session::new("n");
    for (method, result) in [
        ("ping", r#"{"taskId":"t","status":"working"}"#),
        ("tasks/get", r#"{"taskId":"t","status":"working"}"#),
        ("tools/call", r#"{"taskId":"t"}"#),
        ("tools/call", r#"{"taskId":"t","status":"odd"}"#),
        ("tools/call", r#"{"taskId":5,"status":"working"}"#),
        ("tools/call", r#"{"taskId":"t","status":"completed"}"#),
    ] {
        asked(&mut session, method, "p", result);
        assert!(!session.down.knows_token("p"), "{method} {result}");
    }
    let works = r#"{"task":{"taskId":"t1","status":"working"}}"#;
    for end in [
        ("tasks/get", r#"{"taskId":"t1","status":"failed"}"#),
        ("tasks/cancel", r#"{"taskId":"t1","status":"cancelled"}"#),
        (
            "tasks/result",
            r#"{"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"t1"}}}"#,
        ),
    ] {
        asked(&mut session, "tools/call", "p", works);
        assert!(session.down.knows_token("p"));
        asked(&mut session, end.0, "q", end.1);
        assert!(!session.down.knows_token("p"), "{}", end.0);
        assert!(session.tasks.contains("t1"), "it can still be asked about");
    }
    asked(&mut session, "tools/call", "p", works);
    let ended = read(r#"{"taskId":"t1","status":"completed"}"#);
    assert!(!session.task_says(Direction::ToServer, ended.root()));
    assert!(session.down.knows_token("p"));
    assert!(session.task_says(Direction::ToAgent, ended.root()));
    assert!(!session.down.knows_token("p"));
}

#[test]
fn tokens_and_tasks_are_bounded_and_deny_nobody() {
    let mut session = Session::new("n");
    for n in 0..10_050 {
        let result = format!(r#"{{"taskId":"t{n}","status":"working"}}"#);
        asked(&mut session, "tools/call", &format!("p{n}"), &result);
    }
    assert!(!session.tasks.contains("t49") && !session.down.knows_token("p49"));
    assert!(session.tasks.contains("t50") && session.down.knows_token("p50"));
    let id = session.own_id();
    assert_eq!(session.down.may_add(&id), Ok(()));
    let long = format!(r#"{{"taskId":"{}","status":"working"}}"#, "t".repeat(5_000));
    asked(&mut session, "tools/call", "long", &long);
    assert!(!session.down.knows_token("long"));
}

#[test]
fn a_token_lives_as_long_as_one_of_its_requests() {
    let mut session = Session::new("n");
    let ids = [session.own_id(), session.own_id()];
    for id in &ids {
        session.down.add(id.clone(), pending("ping", "p"));
    }
    session.down.end(&ids[0]);
    assert!(session.down.knows_token("p"));
    session.down.end(&ids[1]);
    assert!(!session.down.knows_token("p"));
}

#[test]
fn a_session_is_one_principals() {
    let agent = || AgentName::new("a").unwrap();
    let known = |user: &str, scopes: &[&str]| {
        Arc::new(Principal {
            scopes: Some(scopes.iter().map(|s| Arc::from(*s)).collect()),
            ..Principal::told_apart(agent(), &[user])
        })
    };
    let mut session = Session::new("n");
    assert_eq!(session.renew(known("alice", &[])), Err(OtherPrincipal));
    assert_eq!(session.principal(), None);
    let mut session = session.acting(known("alice", &[]));
    assert_eq!(session.renew(known("alice", &["s"])), Ok(()));
    assert_eq!(session.renew(known("bob", &["t"])), Err(OtherPrincipal));
    assert_eq!(
        session.renew(Arc::new(Principal::named(agent()))),
        Err(OtherPrincipal)
    );
    assert_eq!(session.principal(), Some(&*known("alice", &["s"])));
}
