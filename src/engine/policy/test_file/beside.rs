//! What a call is about, the calls before it, and what the server answers.

use super::{Checker, Completed, Completion, Earlier, Expect, NO_SUBJECT, Subject, TestResult};
use crate::engine::policy::AskAgent;
use crate::engine::policy::raw::{At, RawBefore, RawCall, RawCompletion, RawResult, Text};
use crate::engine::policy::{shown, suggest};

impl Checker<'_> {
    pub(super) fn subject(&mut self, raw: &RawCall) -> Option<Subject> {
        let completion = raw.completion.as_ref().map(|c| &c.span);
        let names = [&raw.tool, &raw.prompt, &raw.resource, &raw.asks];
        let names = names.into_iter().flatten().map(|text| &text.span);
        let mut given = names.chain(completion);
        let (first, second) = (given.next(), given.next());
        if let Some(second) = second {
            let message = "a call is about one thing";
            self.problems.error(second.clone(), message, NO_SUBJECT);
            return None;
        }
        if first.is_none() {
            let message = "a call does not say what it calls";
            self.problems.error(raw.span.clone(), message, NO_SUBJECT);
            return None;
        }
        let of = match (&raw.resource, &raw.asks) {
            (Some(_), _) => Some("a resource takes no arguments"),
            (_, Some(_)) => Some("what a server asks has no arguments here"),
            _ => None,
        };
        if let (Some(args), Some(message)) = (&raw.args, of) {
            self.problems.error(args.span.clone(), message, "remove it");
        }
        if let Some(completion) = &raw.completion {
            return self.completed(completion).map(Subject::Completion);
        }
        if let Some(text) = &raw.asks {
            return self.asked(text).map(Subject::Asks);
        }
        let tool = raw.tool.as_ref().map(|text| self.named(text));
        let prompt = raw.prompt.as_ref().map(|text| self.named(text));
        let tool = tool.map(Subject::Tool);
        let other = tool.or(prompt.map(Subject::Prompt));
        match (other, &raw.resource) {
            (None, Some(uri)) => {
                let name = self.named(uri);
                self.expand(&name, uri).map(Subject::Resource)
            }
            (other, _) => other,
        }
    }

    fn named(&mut self, text: &Text) -> String {
        if text.value.is_empty() {
            let message = "this is no name";
            self.problems.error(text.span.clone(), message, NO_SUBJECT);
        }
        text.value.clone()
    }

    fn completed(&mut self, raw: &At<RawCompletion>) -> Option<Completion> {
        let of = match (&raw.value.prompt, &raw.value.resource) {
            (Some(name), None) => Completed::Prompt(self.named(name)),
            (None, Some(uri)) => {
                let name = self.named(uri);
                Completed::Resource(self.expand(&name, uri)?)
            }
            _ => {
                let message = "a completion is of a prompt or of a resource";
                let help = "write `completion = { prompt = \"NAME\" }` or `{ resource = \"URI\" }`";
                self.problems.error(raw.span.clone(), message, help);
                return None;
            }
        };
        let or = |text: &Option<Text>, other: &str| {
            let own = text.as_ref().map(|text| text.value.clone());
            own.unwrap_or_else(|| other.to_owned())
        };
        Some(Completion {
            of,
            argument: or(&raw.value.argument, "argument"),
            value: or(&raw.value.value, ""),
        })
    }

    fn asked(&mut self, text: &Text) -> Option<&'static str> {
        let known = AskAgent::METHODS;
        let found = known.iter().find(|word| **word == text.value).copied();
        if found.is_none() {
            let message = format!(
                "{} is nothing that a server asks",
                shown::quoted(&text.value)
            );
            let help = suggest::help(&text.value, &known);
            self.problems.error(text.span.clone(), message, help);
        }
        found
    }

    /// What is answered; the error: a mistake, which was told.
    pub(super) fn answer(
        &mut self,
        raw: &RawCall,
        expect: Expect,
        subject: Option<&Subject>,
    ) -> Result<Option<TestResult>, ()> {
        let Some(result) = &raw.result else {
            if matches!(expect, Expect::Withhold(_)) {
                let message = "nothing is answered that could be withheld";
                let help = "write the answer as `result`, or `result_bytes`";
                self.problems.error(raw.span.clone(), message, help);
                return Err(());
            }
            return Ok(None);
        };
        let (message, help) = match (expect, subject) {
            (Expect::Deny(_), _) => (
                "a call that is denied has no answer",
                "remove it; if the call passes and its answer does not, write `withhold`",
            ),
            (_, Some(Subject::Asks(_))) => ("the answers of an agent are not judged", "remove it"),
            _ => return self.result(result).map(Some).ok_or(()),
        };
        self.problems.error(result.span.clone(), message, help);
        Err(())
    }

    fn result(&mut self, raw: &At<RawResult>) -> Option<TestResult> {
        let at = At {
            value: String::new(),
            span: raw.span.clone(),
        };
        Some(match &raw.value {
            RawResult::Bytes(bytes) => TestResult::Bytes(*bytes),
            RawResult::Text(text) => TestResult::Text(self.expand(text, &at)?),
            RawResult::Table(table) => TestResult::Json(self.json(table, &at)?),
        })
    }

    /// The calls before one. What they do not say, it says.
    pub(super) fn before(&mut self, raw: &RawCall) -> Option<Vec<Earlier>> {
        let all = raw.before.iter().flatten().cloned();
        // Every mistake is told.
        let all: Vec<_> = all.map(|one| self.earlier(one, raw)).collect();
        all.into_iter().collect()
    }

    fn earlier(&mut self, raw: RawBefore, of: &RawCall) -> Option<Earlier> {
        let RawBefore {
            call,
            times,
            answered,
            ago,
        } = raw;
        let call = RawCall {
            before: None,
            result: None,
            would: None,
            rule: None,
            reason: None,
            ..call.within(of)
        };
        Some(Earlier {
            call: self.call(call, Expect::Permit)?,
            times,
            answered,
            ago,
        })
    }
}
