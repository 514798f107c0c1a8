//! A policy that takes the place of another may change what an agent may see: it
//! is told, as a server tells it, where it was told that it would be.

use super::Engine;
use super::finish::own;
use crate::engine::decision::{Decision, Frame};
use crate::engine::message::{Direction, Id, KnownMethod};
use crate::engine::record::RecordKind;
use crate::engine::route::Route;
use crate::engine::session::{Known, Listed, Session};

impl Engine {
    /// What the agent is told when this engine takes the place of `before`.
    pub fn announce(&self, before: &Self, session: &mut Session) -> Vec<Decision> {
        let changed = Listed::ALL.into_iter();
        let changed = changed.filter(|list| self.shows_otherwise(before, session, *list));
        let mut told = Vec::new();
        for list in changed.collect::<Vec<_>>() {
            let subscriptions = session.down.listening(list).cloned();
            let mut notes: Vec<_> = subscriptions.map(Some).collect();
            if session.announced.has(list) {
                notes.push(None);
            }
            let notes = notes.into_iter();
            told.extend(notes.map(|to| self.note_of(session, list.changed(), to.as_ref())));
        }
        told
    }

    fn shows_otherwise(&self, before: &Self, session: &Session, list: Listed) -> bool {
        let (new, old) = (&self.policy, &before.policy);
        if new.lists_alike(old, &self.agent, &self.server, list.changed()) {
            return false;
        }
        // Where it is known what there is, it is seen whether that makes a
        // difference.
        let known = &session.tools.known;
        let verified = known
            .iter()
            .filter(|(_, k)| matches!(k, Known::Verified(_)));
        let mut names = verified.map(|(name, _)| name);
        let differs = |name: &String| {
            self.may_ever_call(session, name) != before.may_ever_call(session, name)
        };
        list != Listed::Tools || known.is_empty() || names.any(differs)
    }

    fn note_of(&self, session: &mut Session, method: KnownMethod, to: Option<&Id>) -> Decision {
        let name = method.name();
        let params = to.map_or_else(String::new, |id| {
            let id = id.to_json();
            format!(r#","params":{{"_meta":{{"io.modelcontextprotocol/subscriptionId":{id}}}}}"#)
        });
        let bytes = format!(r#"{{"jsonrpc":"2.0","method":"{name}"{params}}}"#).into_bytes();
        let mut record = self.record_of(session, Direction::ToAgent, bytes.len());
        record.kind = RecordKind::Own;
        record.method = Some(name.into());
        record.detail = Some("the policy has changed what the agent may see".to_owned());
        let route = Route::read(&bytes);
        own(
            session,
            record,
            (Direction::ToAgent, Frame::new(bytes, route)),
        )
    }
}
