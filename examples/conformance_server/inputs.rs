//! Results that need something of the client first (2026-07-28), and the state
//! that it has to bring back.

use crate::fixtures::{FIXTURES, ToolFixture, read};
use rmcp::ErrorData;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ClientCapabilities, ContentBlock,
    InputRequests, InputRequiredResult, InputResponses,
};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// Asks for those of `names` that have no answer yet; `None` once all have one.
pub(crate) fn missing(
    names: &[String],
    responses: Option<&InputResponses>,
) -> Option<InputRequiredResult> {
    // An answer that is no object is none.
    let answered = |name: &String| {
        let response = responses.and_then(|r| r.get(name));
        response.is_some_and(|r| json!(r).is_object())
    };
    let needed = requests(names.iter().filter(|name| !answered(name)));
    (!needed.is_empty()).then(|| InputRequiredResult::from_input_requests(needed))
}

fn requests<'a>(names: impl Iterator<Item = &'a String>) -> InputRequests {
    names
        .filter_map(|name| Some((name.clone(), read(FIXTURES.inputs.get(name)?))))
        .collect()
}

/// A call of a tool that needs inputs.
pub(crate) fn call(
    tool: &ToolFixture,
    request: &CallToolRequestParams,
    able: &ClientCapabilities,
) -> Result<CallToolResponse, ErrorData> {
    let responses = request.input_responses.as_ref();
    let state = request.request_state.as_deref();
    let opened = state.map(open).transpose()?;
    if !tool.rounds.is_empty() {
        let round = opened.unwrap_or(0);
        return Ok(match tool.rounds.get(round) {
            Some(name) => {
                let needed = requests(std::iter::once(name));
                InputRequiredResult::new(Some(needed), Some(seal(round + 1))).into()
            }
            None => done(),
        });
    }
    let can = |name: &&String| match name.as_str() {
        "greeting" => able.sampling.is_some(),
        "client_roots" => able.roots.is_some(),
        _ => able.elicitation.is_some(),
    };
    let names: Vec<String> = if tool.if_able {
        tool.inputs.iter().filter(can).cloned().collect()
    } else {
        tool.inputs.clone()
    };
    Ok(match missing(&names, responses) {
        Some(needed) if tool.sealed => {
            InputRequiredResult::new(needed.input_requests, Some(seal(1))).into()
        }
        Some(needed) => needed.into(),
        None if tool.sealed && opened.is_none() => {
            return Err(ErrorData::invalid_params("the state is missing", None));
        }
        None => done(),
    })
}

fn done() -> CallToolResponse {
    CallToolResult::success(vec![ContentBlock::text("All there: state-ok")]).into()
}

/// The state after a round, which the client cannot make up.
fn seal(round: usize) -> String {
    let digest = Sha256::digest(format!("no secret, this is an example: {round}"));
    let mut sealed = format!("{round}.");
    for byte in digest {
        let _infallible = write!(sealed, "{byte:02x}");
    }
    sealed
}

fn open(state: &str) -> Result<usize, ErrorData> {
    let round = state.split('.').next().and_then(|r| r.parse().ok());
    let round = round.filter(|round| seal(*round) == state);
    round.ok_or_else(|| ErrorData::invalid_params("the state is not what was sent", None))
}
