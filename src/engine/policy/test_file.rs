//! Tests of a policy: calls, and what has to become of them.
//!
//! Read as strictly as the policy itself: a test that nobody understands as it
//! is written guards nothing.

mod beside;

use super::code::Code;
use super::diagnostic::{Diagnostic, Problems};
use super::literal::Literal;
use super::raw::{At, RawArguments, RawCall, RawTest, Text, read_tests};
use super::{Effect, Policy, PolicyBase, UnixTime, shown, suggest};
use crate::engine::message::{Document, Kind, Limits};
use crate::engine::principal::{Groups, Principal};
use crate::engine::reason::Reason;
use crate::engine::types::{AgentName, ServerName};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// One `*.test.toml`, read beside its policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestFile {
    /// Its tests, in order.
    pub tests: Vec<Test>,
}

/// One `[[test]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Test {
    /// What it is called.
    pub name: Option<String>,
    /// 1-based line of its head.
    pub line: usize,
    /// The calls that it makes.
    pub calls: Vec<Call>,
}

/// One call, and what has to become of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// 1-based line.
    pub line: usize,
    /// Who calls.
    pub agent: AgentName,
    /// With which token, where one is told of.
    pub principal: Option<Principal>,
    /// On which server.
    pub server: ServerName,
    /// What.
    pub subject: Subject,
    /// The arguments: the text of a JSON object.
    pub arguments: String,
    /// The symbolic links that there are: place, and where it leads.
    pub links: BTreeMap<String, String>,
    /// When; nothing: a time that cannot be told.
    pub at: Option<UnixTime>,
    /// The calls that came before, in order.
    pub before: Vec<Earlier>,
    /// What the server answers, if the call passes.
    pub answer: Option<TestResult>,
    /// What has to become of it.
    pub expect: Expect,
    /// What would have to become of it, were nothing in audit mode.
    pub would: Option<WouldBe>,
    /// A rule that has to be among those that determine it.
    pub rule: Option<String>,
}

/// What a call is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// `tools/call`
    Tool(String),
    /// `prompts/get`
    Prompt(String),
    /// `resources/read`
    Resource(String),
    /// `completion/complete`
    Completion(Completion),
    /// What the server asks of the agent, as `ask_agent` names it.
    Asks(&'static str),
}

/// What is completed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// Of what.
    pub of: Completed,
    /// Which of its arguments.
    pub argument: String,
    /// As far as it is typed.
    pub value: String,
}

/// What has arguments that can be completed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Completed {
    /// A prompt, by name.
    Prompt(String),
    /// A resource template, by uri.
    Resource(String),
}

/// Calls that came before the one that is judged: each has to pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earlier {
    /// What was called.
    pub call: Call,
    /// How often.
    pub times: u64,
    /// Whether the server has answered.
    pub answered: bool,
    /// How long before.
    pub ago: Duration,
}

/// What a server answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TestResult {
    /// With this text.
    Text(String),
    /// With this object, as JSON text.
    Json(String),
    /// With text, so that the whole has so many bytes.
    Bytes(u64),
}

/// What has to become of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// It passes.
    Permit,
    /// It is denied, for this reason where one is named.
    Deny(Option<&'static str>),
    /// It passes, and its answer is withheld, for this reason where one is named.
    Withhold(Option<&'static str>),
}

/// What would become of a call, were nothing in audit mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WouldBe {
    /// It would pass, and its answer too.
    Permit,
    /// It would be denied.
    Deny,
    /// Its answer would be withheld.
    Withhold,
}

impl TestFile {
    /// Reads a test file beside its policy. The error is everything that is
    /// wrong with it, in the order of the file; see [`render`](super::render).
    pub fn parse(text: &str, policy: &Policy, base: &PolicyBase) -> Result<Self, Vec<Diagnostic>> {
        let mut problems = Problems::about(Code::TESTS);
        if text.len() > super::MAX_BYTES {
            let message = format!("the file is larger than {} bytes", super::MAX_BYTES);
            problems.error(0..0, message, "split it");
            return Err(problems.into_sorted());
        }
        let raw = read_tests(text, &mut problems);
        let mut checker = Checker {
            text,
            policy,
            base,
            problems: &mut problems,
        };
        let tests = raw.into_iter().map(|test| checker.test(test)).collect();
        if problems.has_errors() {
            return Err(problems.into_sorted());
        }
        Ok(Self { tests })
    }
}

struct Checker<'a> {
    text: &'a str,
    policy: &'a Policy,
    base: &'a PolicyBase,
    problems: &'a mut Problems,
}

const NO_SUBJECT: &str = "write `tool`, `prompt`, `resource`, `completion` or `asks`";

impl Checker<'_> {
    fn line_of(&self, offset: usize) -> usize {
        let before = self.text.get(..offset).unwrap_or(self.text);
        before.matches('\n').count().saturating_add(1)
    }

    fn test(&mut self, raw: RawTest) -> Test {
        let RawTest {
            name,
            own,
            expect,
            permit,
            deny,
            withhold,
        } = raw;
        let line = self.line_of(own.span.start);
        let mut calls = Vec::new();
        let lists = [
            (permit, Expect::Permit),
            (deny, Expect::Deny(None)),
            (withhold, Expect::Withhold(None)),
        ];
        let has_lists = lists.iter().any(|(list, _)| list.is_some());
        match expect {
            Some(expect) if has_lists => {
                let help = "`permit`, `deny` and `withhold` say it already: leave `expect` out";
                let message = "a test with a list of calls expects something of its own";
                self.problems.error(expect.span, message, help);
            }
            Some(At {
                value: Some(expect),
                ..
            }) => calls.extend(self.call(own.clone(), expect)),
            // For its other mistakes.
            Some(_) => drop(self.call(own.clone(), Expect::Deny(None))),
            None if !has_lists => {
                let help = "write `expect = \"permit\"` or `expect = \"deny\"`, or list calls in \
                            `permit` and `deny`";
                let message = "a test does not say what it expects";
                self.problems.error(own.span.clone(), message, help);
            }
            None => {}
        }
        for (list, expect) in lists {
            for call in list.into_iter().flat_map(|list| list.value) {
                // What a test says of reasons is about its denials, and what it
                // says of answers about what is answered.
                let (reason, result) = (call.reason.clone(), call.result.clone());
                let mut call = call.within(&own);
                match expect {
                    Expect::Permit => call.reason = reason,
                    Expect::Deny(_) => call.result = result,
                    Expect::Withhold(_) => {}
                }
                calls.extend(self.call(call, expect));
            }
        }
        Test {
            name: name.map(|name| name.value),
            line,
            calls,
        }
    }

    /// Tells all that is wrong with a call before it gives up on it.
    fn call(&mut self, raw: RawCall, expect: Expect) -> Option<Call> {
        let permits = expect == Expect::Permit;
        let line = self.line_of(raw.span.start);
        let agents: Vec<_> = self.policy.agents.keys().cloned().collect();
        let servers: Vec<_> = self.policy.servers.keys().cloned().collect();
        let agent = self.one_of("agent", raw.agent.as_ref(), &agents, &raw);
        let server = self.one_of("server", raw.server.as_ref(), &servers, &raw);
        let subject = self.subject(&raw);
        let arguments = self.arguments(raw.args.as_ref());
        let links = raw
            .links
            .iter()
            .filter_map(|link| self.link(link))
            .collect();
        self.rule(raw.rule.as_ref(), permits && raw.would.is_none());
        let reason = raw.reason.as_ref().map(|text| self.reason(text, permits));
        let answer = self.answer(&raw, expect, subject.as_ref());
        let before = self.before(&raw);
        let agent = agent?;
        Some(Call {
            line,
            principal: principal(&raw, &agent),
            agent,
            server: server?,
            subject: subject?,
            arguments: arguments?,
            links,
            at: raw.at.map(|at| at.value),
            before: before?,
            answer: answer.ok()?,
            expect: match expect {
                Expect::Permit => Expect::Permit,
                Expect::Deny(of_ask) => Expect::Deny(reason.flatten().or(of_ask)),
                Expect::Withhold(_) => Expect::Withhold(reason.flatten()),
            },
            would: raw.would,
            rule: raw.rule.map(|rule| rule.value),
        })
    }

    /// An agent or a server of the policy: the one that is named, or the only
    /// one.
    fn one_of<T: Clone + ToString>(
        &mut self,
        what: &str,
        text: Option<&Text>,
        known: &[T],
        raw: &RawCall,
    ) -> Option<T> {
        let names: Vec<_> = known.iter().map(ToString::to_string).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let Some(text) = text else {
            if let [only] = known {
                return Some(only.clone());
            }
            let message = format!("a call has no `{what}`, and the policy has {}", names.len());
            self.problems
                .error(raw.span.clone(), message, suggest::expected(&names));
            return None;
        };
        let found = names.iter().position(|name| *name == text.value);
        if found.is_none() {
            let message = format!("the policy has no {what} {}", shown::quoted(&text.value));
            let help = suggest::help(&text.value, &names);
            self.problems.error(text.span.clone(), message, help);
        }
        found.and_then(|at| known.get(at)).cloned()
    }

    /// The arguments as JSON text, with `${workspace}` replaced in values.
    fn arguments(&mut self, args: Option<&At<RawArguments>>) -> Option<String> {
        let Some(args) = args else {
            return Some("{}".to_owned());
        };
        let at = At {
            value: String::new(),
            span: args.span.clone(),
        };
        let text = match &args.value {
            RawArguments::Table(table) => self.json(table, &at)?,
            RawArguments::Json(text) if text.contains(WORKSPACE) => {
                let path = quoted(&self.expand(WORKSPACE, &at)?);
                let inner = path.strip_prefix('"').and_then(|p| p.strip_suffix('"'));
                text.replace(WORKSPACE, inner.unwrap_or_default())
            }
            RawArguments::Json(text) => text.clone(),
        };
        let help = "write a JSON object";
        match Document::read(text.clone().into_bytes(), &Limits::DEFAULT) {
            Ok(document) if document.root().kind() == Kind::Object => Some(text),
            Ok(document) => {
                let found = document.root().kind().name();
                let message = format!("arguments are an object, found {found}");
                self.problems.error(args.span.clone(), message, help);
                None
            }
            Err(error) => {
                let message = format!("these are no arguments: {error}");
                self.problems.error(args.span.clone(), message, help);
                None
            }
        }
    }

    fn json(&mut self, literal: &Literal, at: &Text) -> Option<String> {
        Some(match literal {
            Literal::Bool(value) => value.to_string(),
            // JSON has neither a plus nor separators.
            Literal::Number(_, spelled) => spelled.replace(['+', '_'], ""),
            Literal::String(text) => quoted(&self.expand(text, at)?),
            Literal::Array(items) => {
                let items: Option<Vec<_>> = items.iter().map(|i| self.json(i, at)).collect();
                format!("[{}]", items?.join(","))
            }
            Literal::Object(members) => {
                let members: Option<Vec<_>> = members
                    .iter()
                    .map(|(key, value)| Some(format!("{}:{}", quoted(key), self.json(value, at)?)))
                    .collect();
                format!("{{{}}}", members?.join(","))
            }
        })
    }

    fn expand(&mut self, text: &str, at: &Text) -> Option<String> {
        if !text.contains(WORKSPACE) {
            return Some(text.to_owned());
        }
        let Some(workspace) = &self.policy.workspace else {
            let message = "the policy does not say what `${workspace}` is";
            let help = "write `workspace = \".\"` in its `[paths]`";
            self.problems.error(at.span.clone(), message, help);
            return None;
        };
        Some(text.replace(WORKSPACE, workspace))
    }

    fn link(&mut self, (place, target): &(Text, Text)) -> Option<(String, String)> {
        let from = self.path(place)?;
        let to = self.path(target)?;
        let is_plain = from.starts_with('/')
            && from.len() > 1
            && !from
                .split('/')
                .skip(1)
                .any(|part| matches!(part, "" | "." | ".."));
        if !is_plain {
            let message = "a link has an absolute path, without `.`, `..` and double slashes";
            let help = "write it in full, or with a leading `${workspace}` or `~`";
            self.problems.error(place.span.clone(), message, help);
            return None;
        }
        Some((from, to))
    }

    fn path(&mut self, text: &Text) -> Option<String> {
        let expanded = self.expand(&text.value, text)?;
        Some(match expanded.strip_prefix('~') {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => {
                format!("{}{rest}", self.base.home)
            }
            _ => expanded,
        })
    }

    fn rule(&mut self, rule: Option<&Text>, permits: bool) {
        let Some(text) = rule else { return };
        let rules = self.policy.rules_for_display();
        let found = rules.iter().find(|r| r.rule.id == text.value);
        let (message, help) = match found {
            None => {
                let ids: Vec<_> = rules.iter().map(|r| r.rule.id.as_str()).collect();
                let message = format!("the policy has no rule {}", shown::quoted(&text.value));
                (message, suggest::help(&text.value, &ids))
            }
            Some(found) if permits && found.effect != Effect::Permit => {
                let message = format!("{} permits nothing", shown::quoted(&text.value));
                (message, "name a permit rule".to_owned())
            }
            Some(_) => return,
        };
        self.problems.error(text.span.clone(), message, help);
    }

    fn reason(&mut self, text: &Text, permits: bool) -> Option<&'static str> {
        if permits {
            let message = "a call that is permitted has no `reason`";
            self.problems
                .error(text.span.clone(), message, "remove it, or name the `rule`");
            return None;
        }
        let codes: Vec<_> = Reason::ALL.iter().map(|reason| reason.code()).collect();
        let found = codes.iter().find(|code| **code == text.value).copied();
        if found.is_none() {
            let message = format!("{} is no reason", shown::quoted(&text.value));
            let help = suggest::help(&text.value, &codes);
            self.problems.error(text.span.clone(), message, help);
        }
        found
    }
}

const WORKSPACE: &str = "${workspace}";

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Somebody with such a token, if one is told of.
fn principal(raw: &RawCall, agent: &AgentName) -> Option<Principal> {
    let texts = |list: &Option<super::raw::List>| {
        let list = list.iter().flat_map(|list| &list.value);
        list.map(|text| Arc::from(text.value.as_str())).collect()
    };
    let has_token = raw.user.is_some() || raw.groups.is_some() || raw.scopes.is_some();
    has_token.then(|| Principal {
        user: raw.user.as_ref().map(|user| Arc::from(user.value.as_str())),
        groups: Groups::Known(texts(&raw.groups)),
        scopes: Some(texts(&raw.scopes)),
        // What limits have counted of an agent is each user's own.
        ..match &raw.user {
            Some(user) => Principal::told_apart(agent.clone(), &[&user.value]),
            None => Principal::named(agent.clone()),
        }
    })
}
