//! Who and what the policy speaks about at all, and who can be several agents.

use crate::engine::policy::diagnostic::{Diagnostic, Problems};
use crate::engine::policy::remote::{ClientProof, Credential, LoginClient, OAuth};
use crate::engine::policy::{Code, EnvValue, Policy, Server};

impl Policy {
    pub(super) fn check_principals(&self, problems: &mut Problems) {
        if self.agents.is_empty() {
            let message = "the policy has no agent: it permits nothing";
            let help = "add `[agent.NAME]` with `stdio = true`";
            problems.tell(Code::NO_AGENT, 0..0, message, help);
        }
        if self.servers.is_empty() {
            let message = "the policy has no server: it permits nothing";
            let help = "add `[server.NAME]` with `command = [...]` or `url = \"...\"`";
            problems.tell(Code::NO_SERVER, 0..0, message, help);
        }
        self.check_launches(problems);
    }

    /// Two agents that one process can be: `--agent` says which, so that whoever
    /// writes the command line chooses. (Tokens and certificates: `compile`.)
    fn check_launches(&self, problems: &mut Problems) {
        let launched = || {
            let all = self.agents.iter();
            all.filter_map(|(name, agent)| Some((name, agent, agent.stdio.as_ref()?)))
        };
        for (at, (name, agent, launch)) in launched().enumerate() {
            let both = |a: bool, b: bool, same: bool| !a || !b || same;
            let mut before = launched().take(at).filter(|(_, _, other)| {
                both(
                    launch.uid.is_some(),
                    other.uid.is_some(),
                    launch.uid == other.uid,
                ) && both(
                    launch.parent.is_some(),
                    other.parent.is_some(),
                    launch.parent == other.parent,
                )
            });
            if let Some((other, _, _)) = before.next() {
                let message =
                    format!("whoever starts `lockgate run` can be both `{other}` and `{name}`");
                let help = "`--agent` chooses, and takes the wider one as gladly: tell them apart \
                            by `uid` or `parent` if one may more than the other";
                problems.tell(Code::SAME_LAUNCH, agent.span.clone(), message, help);
            }
        }
    }

    /// The variables of lockgate's own environment that the policy names and
    /// `is_set` does not know: what starts a server may run elsewhere.
    pub fn check_environment(&self, is_set: impl Fn(&str) -> bool) -> Vec<Diagnostic> {
        let mut problems = Problems::about(Code::NO_VARIABLE);
        for (name, server) in &self.servers {
            for variable in variables(server).filter(|variable| !is_set(variable)) {
                let message = format!("server `{name}` gets `{variable}`, which is not set here");
                let help = format!(
                    "set `{variable}` where lockgate runs: without it, the server is not started"
                );
                problems.tell(Code::NO_VARIABLE, server.span.clone(), message, help);
            }
        }
        problems.into_sorted()
    }
}

fn variables(server: &Server) -> impl Iterator<Item = &str> {
    let secret = server.oauth.as_ref().and_then(|oauth| match oauth {
        OAuth::Client(client) => Some(client.proof.source()),
        OAuth::Login(login) => match &login.client {
            Some(LoginClient::Registered { proof, .. }) => proof.as_ref().map(ClientProof::source),
            Some(LoginClient::Document { key, .. }) => key.as_ref().map(|key| &key.key),
            None => None,
        },
    });
    let credentials = server.headers.values().chain(secret);
    let given = credentials.filter_map(|credential| match credential {
        Credential::Given(value) => Some(value),
        Credential::File(_) => None,
    });
    server
        .env
        .values()
        .chain(given)
        .filter_map(|value| match value {
            EnvValue::From(name) => Some(name.as_str()),
            EnvValue::Literal(_) => None,
        })
}
