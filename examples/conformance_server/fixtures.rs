//! What the server has and says, as data.

use rmcp::model::{Prompt, Resource, ResourceTemplate, Tool};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

/// All of it.
pub(crate) static FIXTURES: LazyLock<Fixtures> = LazyLock::new(|| {
    let value = serde_json::from_str(include_str!("fixtures.json")).unwrap_or_default();
    read(&value)
});

#[derive(Deserialize)]
pub(crate) struct Fixtures {
    pub(crate) tools: Vec<ToolFixture>,
    /// What a result may need of the client, by name.
    pub(crate) inputs: Map<String, Value>,
    pub(crate) resources: Vec<Resource>,
    pub(crate) contents: Vec<Value>,
    pub(crate) templates: Vec<ResourceTemplate>,
    pub(crate) prompts: Vec<PromptFixture>,
}

impl Fixtures {
    pub(crate) fn tool(&self, name: &str) -> Option<&ToolFixture> {
        self.tools.iter().find(|tool| tool.definition.name == name)
    }
}

/// A tool and what a call of it does; one without any of these does what
/// `calls.rs` says.
#[derive(Deserialize)]
#[serde(from = "Map<String, Value>")]
pub(crate) struct ToolFixture {
    pub(crate) definition: Tool,
    /// Always the same.
    pub(crate) result: Option<Value>,
    /// A request to the client, whose answer is the result.
    pub(crate) asks: Option<Value>,
    /// The inputs that it needs, all at once.
    pub(crate) inputs: Vec<String>,
    /// The inputs that it needs, one after the other.
    pub(crate) rounds: Vec<String>,
    /// Whether the client has to bring back a state that nobody has touched.
    pub(crate) sealed: bool,
    /// Whether it does without the inputs that the client cannot give.
    pub(crate) if_able: bool,
}

impl From<Map<String, Value>> for ToolFixture {
    fn from(mut from: Map<String, Value>) -> Self {
        let nothing = || json!({ "type": "object", "properties": {} });
        from.entry("inputSchema").or_insert_with(nothing);
        let mut take = |name: &str| from.remove(name);
        let (result, asks) = (take("result"), take("asks"));
        let inputs = read(&take("inputs").unwrap_or_else(|| json!([])));
        let rounds = read(&take("rounds").unwrap_or_else(|| json!([])));
        let (sealed, if_able) = (take("sealed").is_some(), take("if_able").is_some());
        Self {
            definition: read(&Value::Object(from)),
            result,
            asks,
            inputs,
            rounds,
            sealed,
            if_able,
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct PromptFixture {
    #[serde(flatten)]
    pub(crate) definition: Prompt,
    #[serde(default)]
    pub(crate) inputs: Vec<String>,
    pub(crate) result: Value,
}

/// A value of rmcp's, from what is written down in this folder.
#[expect(clippy::panic, reason = "a mistake in the data of this very program")]
pub(crate) fn read<T: DeserializeOwned>(value: &Value) -> T {
    T::deserialize(value).unwrap_or_else(|error| panic!("{error}: {value}"))
}
