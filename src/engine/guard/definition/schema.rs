//! What a schema asks for: parameters that smuggle, remote references, and
//! sizes that no honest schema has.

use super::text::Plain;
use super::{Report, names, phrases, push_pointer};
use crate::engine::mask::names_a_secret;
use crate::engine::message::{Json, Kind};
use crate::engine::mirrored::{Mirrored, mirrored};
use crate::engine::schema::overload;

/// Bytes of a whole definition, its deepest nesting, its values, and bytes of
/// one string; each about five times the largest seen from published servers.
const BYTES: usize = 128 * 1024;
const DEPTH: usize = 32;
const VALUES: usize = 8_000;
const STRING: usize = 24 * 1024;

/// Parameters that ask for what the agent knows, by their words joined.
const SMUGGLING: [&str; 34] = [
    "sidenote",
    "sidenotes",
    "sidechannel",
    "conversation",
    "conversationhistory",
    "conversationcontext",
    "conversationlog",
    "fullconversation",
    "entireconversation",
    "wholeconversation",
    "chathistory",
    "chatcontext",
    "chatlog",
    "messagehistory",
    "previousmessages",
    "priormessages",
    "allmessages",
    "dialoghistory",
    "dialoguehistory",
    "prompthistory",
    "systemprompt",
    "systemmessage",
    "systeminstructions",
    "initialprompt",
    "hiddenprompt",
    "llmcontext",
    "modelcontext",
    "agentcontext",
    "assistantcontext",
    "chainofthought",
    "toolcallhistory",
    "availabletools",
    "toolslist",
    "listoftools",
];

/// Parameters that are innocent unless their description asks for more.
const ODD: [&str; 24] = [
    "context",
    "feedback",
    "note",
    "notes",
    "comment",
    "comments",
    "extra",
    "metadata",
    "meta",
    "debug",
    "debuginfo",
    "reason",
    "reasoning",
    "summary",
    "trace",
    "telemetry",
    "session",
    "info",
    "additionalinfo",
    "additionalcontext",
    "usercontext",
    "background",
    "details",
    "annotation",
];

/// Looks at the schemas of a tool, and at the size of the whole definition.
pub(super) fn inspect(definition: Json<'_>, report: &mut Report) {
    let bytes = definition.raw().len();
    if bytes > BYTES {
        let detail = format!("{bytes} bytes, more than {BYTES}");
        report.add("abusive-schema", "", detail);
    }
    for schema in ["inputSchema", "outputSchema"] {
        if let Some(value) = definition.get(schema) {
            let mut walk = Walk {
                report,
                values: 0,
                at: String::new(),
                input: schema == "inputSchema",
            };
            push_pointer(schema, &mut walk.at);
            walk.value(value, 0);
            // Lockgate is not the only one that would have to judge by it.
            if let Some(why) = overload(value) {
                report.add("abusive-schema", &format!("/{schema}"), why);
            }
        }
    }
    headers(definition, report);
    if let Some(text) = definition.get("description").and_then(Json::as_str)
        && text.len() > STRING
    {
        let detail = format!("{} bytes, more than {STRING}", text.len());
        report.add("abusive-schema", "/description", detail);
    }
}

/// Arguments that go into headers, where proxies log them.
fn headers(definition: Json<'_>, report: &mut Report) {
    match mirrored(definition) {
        Err(why) => report.add("invalid-mirror", "/inputSchema", why.to_string()),
        Ok(all) => {
            let secret = |m: &&Mirrored| m.path.last().is_some_and(|name| names_a_secret(name));
            for one in all.iter().filter(secret) {
                let mut at = "/inputSchema".to_owned();
                for step in &one.path {
                    push_pointer("properties", &mut at);
                    push_pointer(step, &mut at);
                }
                let detail = "a secret by its name, which goes into a header, where proxies log it";
                report.add("mirrored-secret", &at, detail);
            }
        }
    }
}

struct Walk<'r> {
    report: &'r mut Report,
    values: usize,
    at: String,
    input: bool,
}

impl Walk<'_> {
    fn value(&mut self, value: Json<'_>, depth: usize) {
        self.values = self.values.saturating_add(1);
        if self.values == VALUES {
            let detail = format!("more than {VALUES} values");
            self.report.add("abusive-schema", &self.at, detail);
        }
        if depth == DEPTH {
            let detail = format!("nested deeper than {DEPTH}");
            self.report.add("abusive-schema", &self.at, detail);
        }
        let length = self.at.len();
        let inner = depth.saturating_add(1);
        for (index, item) in value.items().enumerate() {
            push_pointer(&index.to_string(), &mut self.at);
            self.value(item, inner);
            self.at.truncate(length);
        }
        for (key, member) in value.members() {
            push_pointer(&key, &mut self.at);
            if matches!(&*key, "$ref" | "$dynamicRef" | "$recursiveRef") {
                self.reference(member);
            }
            if self.input && key == "properties" {
                self.parameters(member);
            }
            self.value(member, inner);
            self.at.truncate(length);
        }
    }

    fn reference(&mut self, target: Json<'_>) {
        if target.as_str().is_some_and(|to| !to.starts_with('#')) {
            let detail = "refers to a schema outside the definition";
            self.report.add("remote-schema", &self.at, detail);
        }
    }

    fn parameters(&mut self, properties: Json<'_>) {
        if properties.kind() != Kind::Object {
            return;
        }
        let length = self.at.len();
        for (name, schema) in properties.members() {
            push_pointer(&name, &mut self.at);
            if let Some(detail) = names::confusable(&name) {
                self.report.add("confusable-name", &self.at, detail);
            }
            if smuggles(&name, schema) {
                let detail = "asks for what the agent knows beyond this call";
                self.report.add("smuggling-parameter", &self.at, detail);
            }
            self.at.truncate(length);
        }
    }
}

/// Whether a parameter asks for the conversation, the prompt, or the like.
fn smuggles(name: &str, schema: Json<'_>) -> bool {
    let plain = Plain::of(name);
    let words = plain.words();
    let joined = words.concat();
    if SMUGGLING.contains(&joined.as_str())
        || words.starts_with(&["summary", "of"])
        || words.starts_with(&["content", "from"])
        || words.starts_with(&["contents", "of"])
    {
        return true;
    }
    let asks = |schema: Json<'_>| {
        let text = schema.get("description").and_then(Json::as_str);
        text.is_some_and(|text| phrases::asks_for_more(&Plain::of(&text)))
    };
    ODD.contains(&joined.as_str()) && asks(schema)
}
