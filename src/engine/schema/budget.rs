//! What judging by a schema may cost, told before it is compiled, and what
//! judging one value by it costs, told before it is judged.
//!
//! A schema is a program of the server's that lockgate runs. Forty
//! definitions that refer twice to the next one are three kilobytes and a
//! trillion steps; parts of a schema that ask each other what they have looked
//! at (`unevaluatedProperties`) double at each level without any reference.
//! Deliberately absent: cleverness that would tell which of the steps a
//! validator can save.

use super::graph::{Graph, Node, NodeId};
use super::{Engine, Schema};
use serde_json::Value;

/// How a value may be applied to itself by parts of parts, at one place.
const DEEPEST: usize = 32;
/// Most applications at one place of a value.
const MOST: u64 = 20_000;
/// Most states of all patterns: about 25 MB.
const STATES: u64 = 256_000;
/// Most steps for one value.
const STEPS: u64 = 8_000_000;

/// Refuses a schema that costs too much whatever the value is.
pub(super) fn check(graph: &Graph) -> Result<(), String> {
    let patterns = graph.nodes.iter().flat_map(|node| {
        let matching = node.matching.iter().map(|(states, _)| *states);
        matching.chain([node.pattern])
    });
    let states = patterns.fold(0_u64, u64::saturating_add);
    if states > STATES {
        return Err(format!("its patterns have more than {STATES} states"));
    }
    let mut costs = vec![None; graph.nodes.len()];
    for id in 0..graph.nodes.len() {
        cost(graph, id, 0, &mut costs)?;
    }
    Ok(())
}

/// What one schema costs at one place.
#[derive(Debug, Clone, Copy)]
struct Cost {
    judging: u64,
    asking: u64,
    depth: usize,
}

fn cost(
    graph: &Graph,
    id: NodeId,
    above: usize,
    costs: &mut [Option<Cost>],
) -> Result<Cost, String> {
    let known = costs.get(id).copied().flatten();
    let depth = known.map_or(0, |c| c.depth);
    // Also what refers to itself without going into the value, which would
    // never end: it is as deep as one likes.
    if above.saturating_add(depth) >= DEEPEST {
        return Err(format!("more than {DEEPEST} parts of parts at one place"));
    }
    if let Some(known) = known {
        return Ok(known);
    }
    let mut sum = Cost {
        judging: 1,
        asking: 1,
        depth: 0,
    };
    let node = graph.nodes.get(id);
    for part in node.iter().flat_map(|n| &n.same) {
        let part = cost(graph, *part, above.saturating_add(1), costs)?;
        sum.judging = sum.judging.saturating_add(part.judging);
        sum.asking = sum.asking.saturating_add(part.judging);
        sum.asking = sum.asking.saturating_add(part.asking);
        sum.depth = sum.depth.max(part.depth.saturating_add(1));
    }
    if node.is_some_and(|n| n.asks_again) {
        sum.judging = sum.judging.saturating_add(sum.asking);
    }
    if sum.judging.max(sum.asking) > MOST {
        return Err(format!("more than {MOST} steps at one place of a value"));
    }
    if let Some(slot) = costs.get_mut(id) {
        *slot = Some(sum);
    }
    Ok(sum)
}

/// Whether judging `value` stays within the bound. Counts at most as many
/// steps as there may be.
pub(super) fn affords(graph: &Graph, engine: Engine, value: &Value) -> bool {
    let mut purse = Purse {
        graph,
        engine,
        left: STEPS,
    };
    purse.judge(0, value).is_some()
}

struct Purse<'g> {
    graph: &'g Graph,
    engine: Engine,
    left: u64,
}

impl<'g> Purse<'g> {
    fn spend(&mut self, steps: u64) -> Option<()> {
        self.left = self.left.checked_sub(steps)?;
        Some(())
    }

    /// `None`: it costs too much. INVARIANT: the graph has passed [`check`], so
    /// that parts of parts come to an end.
    fn judge(&mut self, id: NodeId, value: &Value) -> Option<()> {
        let graph: &'g Graph = self.graph;
        let Some(node) = graph.nodes.get(id) else {
            return Some(());
        };
        self.spend(node.weight.saturating_add(1))?;
        for part in &node.same {
            self.judge(*part, value)?;
        }
        if node.asks_again {
            self.ask(node, value)?;
        }
        match value {
            Value::String(text) => self.text(node, text),
            Value::Array(items) => self.array(node, items),
            Value::Object(members) => self.object(node, members),
            Value::Null | Value::Bool(_) | Value::Number(_) => Some(()),
        }
    }

    /// What it costs to ask which members or items have been looked at.
    fn ask(&mut self, node: &'g Node, value: &Value) -> Option<()> {
        self.spend(many(match value {
            Value::Array(items) => items.len(),
            Value::Object(members) => members.len(),
            _ => 1,
        }))?;
        for part in &node.same {
            self.judge(*part, value)?;
            if let Some(part) = self.graph.nodes.get(*part) {
                self.ask(part, value)?;
            }
        }
        Some(())
    }

    fn text(&mut self, node: &Node, text: &str) -> Option<()> {
        let length = many(text.len());
        self.spend(length / 64)?;
        self.matching(node.pattern, length)
    }

    /// Holds a text against a pattern.
    fn matching(&mut self, states: u64, length: u64) -> Option<()> {
        let once = states.saturating_mul(length);
        self.spend(once / 64)?;
        match self.engine {
            Engine::Linear => Some(()),
            // Each beginning is cheaper than one step, but there are many.
            Engine::Backtracking => {
                let times = length.min(many(Schema::BACKTRACKS));
                self.spend(once.saturating_mul(times) / 8_192)
            }
        }
    }

    fn array(&mut self, node: &'g Node, items: &[Value]) -> Option<()> {
        if node.compares {
            items.iter().try_for_each(|item| self.whole(item))?;
        }
        for (part, item) in node.placed.iter().zip(items) {
            self.judge(*part, item)?;
        }
        for part in &node.items {
            items.iter().try_for_each(|item| self.judge(*part, item))?;
        }
        Some(())
    }

    fn object(&mut self, node: &'g Node, members: &serde_json::Map<String, Value>) -> Option<()> {
        self.spend(many(node.named.len()) / 8)?;
        for (name, member) in members {
            match node.named.get(name) {
                Some(part) => self.judge(*part, member)?,
                None => {
                    for part in &node.others {
                        self.judge(*part, member)?;
                    }
                }
            }
            for (states, part) in &node.matching {
                self.spend(1)?;
                self.matching(*states, many(name.len()))?;
                self.judge(*part, member)?;
            }
            for part in &node.names {
                self.name(*part, name)?;
            }
        }
        Some(())
    }

    /// Judges a name; names are strings.
    fn name(&mut self, id: NodeId, name: &str) -> Option<()> {
        let graph: &'g Graph = self.graph;
        let Some(node) = graph.nodes.get(id) else {
            return Some(());
        };
        self.spend(node.weight.saturating_add(1))?;
        for part in &node.same {
            self.name(*part, name)?;
        }
        self.text(node, name)
    }

    /// Reads a whole value once.
    fn whole(&mut self, value: &Value) -> Option<()> {
        self.spend(1)?;
        match value {
            Value::String(text) => self.spend(many(text.len()) / 64),
            Value::Array(items) => items.iter().try_for_each(|item| self.whole(item)),
            Value::Object(members) => members.values().try_for_each(|member| self.whole(member)),
            Value::Null | Value::Bool(_) | Value::Number(_) => Some(()),
        }
    }
}

fn many(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
