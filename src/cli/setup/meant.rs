//! Of a revision: whom and what the words of a question mean.

use super::{Fault, Revision, own_files, who};
use crate::engine::types::{AgentName, ServerName};
use std::path::PathBuf;

impl Revision {
    /// Where audit files go.
    pub(in crate::cli) fn audit_dir(&self) -> PathBuf {
        let written = self.policy.audit_dir.as_ref().map(PathBuf::from);
        written.unwrap_or_else(|| self.places.audit())
    }

    /// Lockgate's own files, as far as they depend on the policy alone.
    pub(in crate::cli) fn own_files(&self) -> Vec<PathBuf> {
        own_files(&self.places, &self.own, self.audit_dir(), &self.lockfile)
    }

    /// What has to be said where nothing is denied.
    pub(in crate::cli) fn audit_note(&self) -> Option<&'static str> {
        let audits = self.policy.only_audits();
        audits.then_some("the policy only audits: what no rule permits passes all the same")
    }

    /// The servers that are meant: the one that is named, or all.
    pub(in crate::cli) fn servers_named(
        &self,
        name: Option<&str>,
    ) -> Result<Vec<ServerName>, Fault> {
        let known: Vec<_> = match self.file {
            Some(_) => self.policy.servers.keys().cloned().collect(),
            None => self.pins.servers.keys().cloned().collect(),
        };
        who::one_or_all("server", name, known)
    }

    /// The agents that are meant, likewise.
    pub(in crate::cli) fn agents_named(&self, name: Option<&str>) -> Result<Vec<AgentName>, Fault> {
        let known: Vec<_> = match self.file {
            Some(_) => self.policy.agents.keys().cloned().collect(),
            None => vec![who::agent(&self.policy, false, name)?],
        };
        who::one_or_all("agent", name, known)
    }
}
