//! From the raw policy to the checked one.
//!
//! Names are resolved, patterns and expressions compiled, paths expanded. What
//! could only fail at request time fails here, with its place in the file.

mod agent;
mod condition;
mod constraint;
mod contradiction;
mod login;
mod paths;
mod places;
mod programs;
mod remote;
mod results;
mod rule;
mod serve;
mod sets;
mod variable;

use super::diagnostic::{Problems, Span};
use super::index::Rules;
use super::raw::{List, Raw, RawEnv, RawServer, Text};
use super::{
    AskAgent, Code, EnvValue, PinMode, Policy, PolicyBase, Scope, Server, Sources, shown, suggest,
};
use crate::engine::message::Method;
use crate::engine::types::{AgentName, ServerName};
pub(super) use condition::stretch;
use paths::Roots;
use sets::Sets;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What the parts of a policy need while they are compiled.
struct Compiler<'a> {
    sources: &'a Sources,
    roots: Roots<'a>,
    servers: Vec<ServerName>,
    agents: Vec<AgentName>,
    sets: Sets,
    problems: &'a mut Problems,
}

/// Compiles. The result is only good for use if `problems` has no errors.
pub(super) fn compile(
    raw: Raw,
    file: &str,
    sources: &Sources,
    base: &PolicyBase,
    problems: &mut Problems,
) -> Policy {
    let Raw {
        servers,
        agents,
        paths,
        pins,
        audit_dir,
        serve,
        strict,
        defaults,
        rules,
        sets,
        once,
    } = raw;
    let roots = Roots::new(base, sources, paths.workspace.as_ref(), problems);
    let mut compiler = Compiler {
        sources,
        roots,
        servers: servers
            .iter()
            .filter_map(|s| ServerName::new(&*s.name.value).ok())
            .collect(),
        agents: agents
            .iter()
            .filter_map(|a| AgentName::new(&*a.name.value).ok())
            .collect(),
        sets: Sets::default(),
        problems,
    };
    let named = [
        names("server", servers.iter().map(|server| &server.name)),
        names("agent", agents.iter().map(|agent| &agent.name)),
        names("set", sets.iter().map(|set| &set.name)),
    ];
    compiler.problems.turn_to(Code::TOP);
    compiler.stand_once(&once, named.into_iter().flatten());
    compiler.problems.turn_to(Code::SET);
    compiler.all_sets(sets);
    compiler.problems.turn_to(Code::TOP);
    let defaults = compiler.defaults(defaults);
    let rules = Arc::new(Rules::new(compiler.rules(rules, &defaults)));
    compiler.unused_sets();
    Policy {
        mode: defaults.mode,
        servers: compiler.all_servers(servers),
        agents: compiler.all_agents(agents),
        paths: compiler.paths(paths),
        workspace: compiler.roots.workspace().map(str::to_owned),
        pins: pins.unwrap_or(PinMode::Require),
        audit_dir: audit_dir.and_then(|dir| {
            compiler.problems.turn_to(Code::TOP);
            compiler.path(&dir)
        }),
        serve: compiler.serve(serve),
        strict,
        file: file.to_owned(),
        rules,
        scope: Scope::Named,
        oddities: Vec::new(),
        digest: Some(sources.digest()),
    }
}

/// Names as messages have them, with their places.
fn names<'n>(what: &str, names: impl Iterator<Item = &'n Text>) -> Vec<(String, &'n Span)> {
    let called = |name: &'n Text| {
        let told = format!("the {what} {}", shown::quoted(&name.value));
        (told, &name.span)
    };
    names.map(called).collect()
}

impl Compiler<'_> {
    /// File and line of a place.
    fn place_of(&self, offset: usize) -> (String, usize) {
        let place = self.sources.place(offset);
        place.map_or_else(Default::default, |place| {
            (place.file.to_owned(), place.line)
        })
    }

    /// What has a name, and a table that is there once, stand in one file.
    fn stand_once<'n>(
        &mut self,
        tables: &'n [(&'static str, Span)],
        named: impl Iterator<Item = (String, &'n Span)>,
    ) {
        let tables = tables
            .iter()
            .map(|(name, span)| (format!("`[{name}]`"), span));
        let mut seen: BTreeMap<String, &Span> = BTreeMap::new();
        for (what, span) in tables.chain(named) {
            if let Some(first) = seen.get(&what) {
                let (file, line) = self.place_of(first.start);
                let message = format!("{what} stands in two files of the policy");
                let help = format!("the first is in line {line} of `{file}`: leave one");
                self.problems.error(span.clone(), message, help);
            }
            seen.entry(what).or_insert(span);
        }
    }

    fn all_servers(&mut self, raw: Vec<RawServer>) -> BTreeMap<ServerName, Server> {
        let mut servers = BTreeMap::new();
        self.problems.turn_to(Code::SERVER);
        for server in raw {
            if let Some(name) = self.name(&server.name, ServerName::new) {
                servers.insert(name, self.server(server));
            }
        }
        servers
    }

    /// A name of our own, such as a server's.
    fn name<T, E: std::fmt::Display>(
        &mut self,
        text: &Text,
        check: impl Fn(String) -> Result<T, E>,
    ) -> Option<T> {
        match check(text.value.clone()) {
            Ok(name) => Some(name),
            Err(error) => {
                let message = format!("{} is no name", shown::quoted(&text.value));
                self.problems.of(Code::BAD_NAME).error(
                    text.span.clone(),
                    message,
                    error.to_string(),
                );
                None
            }
        }
    }

    fn server(&mut self, raw: RawServer) -> Server {
        self.one_way(&raw);
        let RawServer {
            name,
            command,
            url,
            headers,
            addresses,
            oauth,
            env,
            cwd,
            allow_methods,
            bridge,
            ask_agent,
            of_a_kind: _,
        } = raw;
        let (file, line) = self.place_of(
            ask_agent
                .as_ref()
                .map_or(name.span.start, |list| list.span.start),
        );
        let written = command.iter().flat_map(|list| &list.value);
        Server {
            command_written: written.map(|word| word.value.clone()).collect(),
            command: command
                .map(|command| self.command(command))
                .unwrap_or_default(),
            oauth: oauth.and_then(|oauth| self.oauth(oauth, &name, &headers)),
            addresses: addresses.map(|list| self.addresses(url.as_ref(), &list)),
            url: url.and_then(|url| self.url(&url)),
            headers: headers
                .into_iter()
                .map(|(name, value)| self.header(&name, value))
                .collect(),
            env: env
                .into_iter()
                .map(|(name, value)| self.env(&name, value))
                .collect(),
            cwd: cwd.and_then(|cwd| self.path(&cwd)),
            bridge: bridge.unwrap_or(false),
            allow_methods: allow_methods
                .map(|list| self.allow_methods(list))
                .unwrap_or_default(),
            ask_agent: AskAgent {
                file,
                line,
                ..ask_agent
                    .map(|list| self.ask_agent(list))
                    .unwrap_or_default()
            },
            span: name.span,
        }
    }

    fn command(&mut self, list: List) -> Vec<String> {
        let mut command = Vec::new();
        for (at, word) in list.value.into_iter().enumerate() {
            if at == 0 && word.value.trim().is_empty() {
                let help = "the first word of `command` is the program to start";
                self.problems
                    .error(word.span.clone(), "the program has no name", help);
            }
            self.no_nul(&word);
            command.extend(self.launched(&word));
        }
        command
    }

    fn no_nul(&mut self, text: &Text) {
        if text.value.contains('\0') {
            let help = "remove it: the operating system ends the text there";
            self.problems
                .error(text.span.clone(), "this text has a NUL character", help);
        }
    }

    fn env(&mut self, name: &Text, value: RawEnv) -> (String, EnvValue) {
        self.variable(name);
        let value = match value {
            RawEnv::Literal(text) => RawEnv::Literal(Text {
                value: self.launched(&text).unwrap_or_default(),
                ..text
            }),
            from @ RawEnv::From(_) => from,
        };
        let given = self.given(value);
        (name.value.clone(), given)
    }

    fn given(&mut self, value: RawEnv) -> EnvValue {
        match value {
            RawEnv::Literal(text) => {
                self.no_nul(&text);
                EnvValue::Literal(text.value)
            }
            RawEnv::From(from) => {
                self.variable(&from);
                EnvValue::From(from.value)
            }
        }
    }

    fn variable(&mut self, name: &Text) {
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let fits =
            name.value.chars().all(word) && !name.value.starts_with(|c: char| c.is_ascii_digit());
        if name.value.is_empty() || !fits {
            // Not quoted: a value in the place of a name may be a secret.
            let help = "expected letters, digits and `_`, not starting with a digit";
            self.problems.error(
                name.span.clone(),
                "this is no name of an environment variable",
                help,
            );
        }
    }

    fn allow_methods(&mut self, list: List) -> Vec<String> {
        for method in &list.value {
            let quoted = shown::quoted(&method.value);
            if matches!(Method::of(&method.value), Method::Known(_)) {
                let message = format!("the protocol defines {quoted}");
                let help = "remove it: `allow_methods` is for methods that no revision defines";
                self.problems.error(method.span.clone(), message, help);
            } else if method.value.is_empty()
                || method
                    .value
                    .contains(|c: char| c == '*' || c.is_whitespace() || c.is_control())
            {
                let message = format!("{quoted} is no method");
                let help = "write each method in full, without wildcards";
                self.problems.error(method.span.clone(), message, help);
            }
        }
        list.value.into_iter().map(|method| method.value).collect()
    }

    fn ask_agent(&mut self, list: List) -> AskAgent {
        for method in &list.value {
            if !AskAgent::METHODS.contains(&method.value.as_str()) {
                self.no_asking(method);
            }
        }
        AskAgent {
            methods: list.value.into_iter().map(|method| method.value).collect(),
            ..AskAgent::default()
        }
    }

    fn no_asking(&mut self, method: &Text) {
        let message = format!(
            "a server cannot ask {} of an agent",
            shown::quoted(&method.value)
        );
        let help = suggest::help(&method.value, &AskAgent::METHODS);
        self.problems.error(method.span.clone(), message, help);
    }
}
