//! One policy beside an older one: what became wider, and what narrower.
//!
//! The direction that matters is sound: what the new policy permits and the old
//! one did not is told. Where that cannot be decided (two expressions), it is
//! told that it may be so. The other direction is a courtesy.

mod agents;
mod rules;
mod servers;

use super::diagnostic::{Diagnostic, Problems, Severity, Span};
use super::{Code, PinMode, Policy};
use crate::engine::pin::Lockfile;
use crate::engine::types::{AgentName, ServerName};

/// Most words that one message lists.
const SHOWN: usize = 12;

/// Two policies, and which of them is looked at for more than the other has.
struct Pair<'a> {
    /// The one that may take more.
    wide: &'a Policy,
    /// The one that it is measured by.
    narrow: &'a Policy,
    lockfile: &'a Lockfile,
    /// Whether `wide` is the new one.
    forward: bool,
}

/// What one side has and the other has not.
struct More {
    code: Code,
    /// In the text of `wide`.
    span: Span,
    message: String,
    help: String,
}

impl Policy {
    /// What this policy permits beyond `old`, as warnings, and what it permits
    /// no longer, as notes. Places are in the text of this policy.
    pub fn check_against_older(&self, old: &Self, lockfile: &Lockfile) -> Vec<Diagnostic> {
        let mut problems = Problems::about(Code::MAY_BE_WIDER);
        let wider = Pair {
            wide: self,
            narrow: old,
            lockfile,
            forward: true,
        };
        for more in wider.all() {
            problems.tell(more.code, more.span, more.message, more.help);
        }
        let narrower = Pair {
            wide: old,
            narrow: self,
            lockfile,
            forward: false,
        };
        // What may be narrower is no news.
        let sure = narrower
            .all()
            .into_iter()
            .filter(|more| more.code != Code::MAY_BE_WIDER);
        for more in sure {
            problems
                .of(Code::NARROWER)
                .add(Severity::Note, more.span, more.message, more.help);
        }
        problems.into_sorted()
    }
}

impl Pair<'_> {
    fn all(&self) -> Vec<More> {
        let mut found = Vec::new();
        self.agents(&mut found);
        self.servers(&mut found);
        self.settings(&mut found);
        self.rules(&mut found);
        found
    }

    /// What the side that is looked at has more.
    fn more(&self, code: Code, span: &Span, what: &str) -> More {
        let (message, help) = if self.forward {
            (
                format!("wider: {what}"),
                "look whether this is meant; it was not so in the older policy".to_owned(),
            )
        } else {
            let gone = if code == Code::FORBID_GONE {
                ""
            } else {
                "no longer: "
            };
            (
                format!("narrower: {gone}{what}"),
                "nothing to do, if this is meant".to_owned(),
            )
        };
        More {
            code,
            // Places of the older text mean nothing in the new one.
            span: if self.forward { span.clone() } else { 0..0 },
            message,
            help,
        }
    }

    /// `[paths]`, `[pins]`, `[defaults]`, `strict` and `[serve]`.
    fn settings(&self, found: &mut Vec<More>) {
        let (wide, narrow) = (&self.wide.paths, &self.narrow.paths);
        let readable: Vec<_> = narrow.read.iter().chain(&narrow.write).collect();
        let writable: Vec<_> = narrow.write.iter().collect();
        for (verb, roots, known) in [
            ("read", &wide.read, &readable),
            ("written", &wide.write, &writable),
        ] {
            let within = |root: &String| known.iter().any(|known| lies_in(root, known));
            for root in roots.iter().filter(|root| !within(root)) {
                let what = format!("`{root}` may be {verb}");
                found.push(self.more(Code::PATHS_WIDER, &(0..0), &what));
            }
        }
        for glob in narrow
            .secret
            .iter()
            .filter(|glob| !wide.secret.contains(glob))
        {
            let what = format!("`{glob}` is no secret place");
            found.push(self.more(Code::PATHS_WIDER, &(0..0), &what));
        }
        if narrow.defaults && !wide.defaults {
            let what = "the built-in catalogue of secret places is turned off";
            found.push(self.more(Code::PATHS_WIDER, &(0..0), what));
        }
        if self.wide.pins == PinMode::Tofu && self.narrow.pins == PinMode::Require {
            let what = "tools without a pin are taken on first sight";
            found.push(self.more(Code::SETTING_WIDER, &(0..0), what));
        }
        if self.wide.only_audits() && !self.narrow.only_audits() {
            let what = "what no rule permits passes, and is recorded only";
            found.push(self.more(Code::SETTING_WIDER, &(0..0), what));
        }
        if self.narrow.strict && !self.wide.strict {
            let what = "the policy is in force whatever its tests and `check` say";
            found.push(self.more(Code::SETTING_WIDER, &(0..0), what));
        }
        self.listener(found);
    }

    fn listener(&self, found: &mut Vec<More>) {
        let (wide, narrow) = (&self.wide.serve, &self.narrow.serve);
        let mut tell = |what: &str| found.push(self.more(Code::SETTING_WIDER, &(0..0), what));
        for host in wide
            .hosts
            .iter()
            .filter(|host| !narrow.hosts.contains(host))
        {
            tell(&format!("the listener answers to the host `{host}`"));
        }
        for origin in wide
            .origins
            .iter()
            .filter(|one| !narrow.origins.contains(one))
        {
            tell(&format!("web pages of `{origin}` may call the listener"));
        }
        if wide.sse && !narrow.sse {
            tell("the HTTP+SSE transport is served");
        }
        if wide.tls != narrow.tls && (self.forward || narrow.tls.is_none()) {
            tell(if wide.tls.is_none() {
                "the listener speaks no TLS of its own"
            } else {
                "the listener has other TLS files, and may trust other authorities"
            });
        }
    }

    /// What the other policy is called beside the one that is looked at.
    fn other(&self) -> &'static str {
        if self.forward { "older" } else { "newer" }
    }

    fn agent_span(&self, name: &AgentName) -> Span {
        self.wide
            .agents
            .get(name)
            .map_or(0..0, |agent| agent.span.clone())
    }

    fn server_span(&self, name: &ServerName) -> Span {
        self.wide
            .servers
            .get(name)
            .map_or(0..0, |server| server.span.clone())
    }
}

/// Whether a path is a directory or below it; both absolute and plain.
fn lies_in(path: &str, root: &str) -> bool {
    let below = path.strip_prefix(root.trim_end_matches('/'));
    path == root || below.is_some_and(|rest| rest.starts_with('/'))
}

/// Words in backticks, a bounded number.
fn listed<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    let names: Vec<_> = names.into_iter().collect();
    let mut shown: Vec<_> = names
        .iter()
        .take(SHOWN)
        .map(|name| super::shown::quoted(name))
        .collect();
    let more = names.len().saturating_sub(SHOWN);
    if more > 0 {
        shown.push(format!("{more} more"));
    }
    shown.join(", ")
}
