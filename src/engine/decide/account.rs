//! What the permit rules about a request miss: for people who ask why, before
//! it is decided. Nothing is decided here.

use super::{Context, Engine};
use crate::engine::guard::paths::{Access, PathFacts, PathGuard};
use crate::engine::message::{CallTool, KnownMethod, Message, Method, Named, Opened};
use crate::engine::policy::{AccessRequest, Action, NearMiss, PathJudge};
use crate::engine::session::Session;

impl Engine {
    /// Every permit rule about what a request calls, reads or gets, the nearest
    /// first, and what each misses. Nothing where it asks for none of these.
    pub fn near_misses(
        &self,
        session: &Session,
        opened: &Opened,
        context: &Context,
    ) -> Vec<NearMiss> {
        let Ok(Message::Request { method, params, .. }) = opened.message() else {
            return Vec::new();
        };
        let named = |key| Named::read(params, key).ok().map(|named| named.0);
        let is_call = method == Method::Known(KnownMethod::CallTool);
        let call = is_call.then(|| CallTool::read(params).ok()).flatten();
        let (text, action): (_, fn(&str) -> Action<'_>) = match method {
            Method::Known(KnownMethod::CallTool) => {
                let name = call.as_ref().map(|call| call.name.clone());
                (name, |name| Action::CallTool(name))
            }
            Method::Known(KnownMethod::GetPrompt) => {
                (named("name"), |name| Action::GetPrompt(name))
            }
            Method::Known(KnownMethod::ReadResource) => {
                (named("uri"), |uri| Action::ReadResource(uri))
            }
            _ => return Vec::new(),
        };
        let Some(text) = text else { return Vec::new() };
        let request = AccessRequest {
            agent: &self.agent,
            principal: session.principal(),
            server: &self.server,
            action: action(&text),
            arguments: call.as_ref().and_then(|call| call.arguments),
        };
        let judge = Judge(&self.guard, &context.facts);
        self.policy.near_misses(&request, &judge, context.time)
    }
}

struct Judge<'a>(&'a PathGuard, &'a PathFacts);

impl PathJudge for Judge<'_> {
    fn within(&self, value: &str, access: Access) -> Result<(), String> {
        self.0.within(value, access, self.1)
    }
}
