//! Tasks that permitted requests have become (2025-11-25, and the extension of
//! 2026-07-28). A task lives as long as its side likes, so the oldest is
//! forgotten where there are too many.

use super::Pending;
use crate::engine::message::{Direction, Json, KnownMethod, Method};
use crate::engine::policy::Demands;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Tasks of both sides.
#[derive(Debug, Default)]
pub(in crate::engine) struct Tasks {
    /// Those of the server, which it tells the agent of.
    server: Side,
    /// Those of the agent.
    agent: Side,
}

#[derive(Debug, Default)]
struct Side {
    /// By id.
    tasks: BTreeMap<String, Task>,
    /// Oldest first.
    order: VecDeque<String>,
}

#[derive(Debug, Default)]
struct Task {
    /// The progress token that goes on.
    token: Option<String>,
    /// What is said of it has to be as the answer to its request.
    results: Vec<Arc<Demands>>,
}

/// How a task stands, as a side says it.
#[derive(Debug, PartialEq, Eq)]
enum Status {
    Open,
    Ended,
}

impl Tasks {
    /// Most tasks of a side that are remembered.
    const MOST: usize = 10_000;
    /// Longest id of a task that is remembered, in bytes.
    const LONGEST: usize = 1024;

    /// Whether a task of that id is known.
    pub(in crate::engine) fn contains(&self, id: &str) -> bool {
        self.server.tasks.contains_key(id) || self.agent.tasks.contains_key(id)
    }

    /// What answers about a task of the server have to be.
    pub(in crate::engine) fn demands(&self, id: &str) -> Vec<Arc<Demands>> {
        let task = self.server.tasks.get(id);
        task.map(|task| task.results.clone()).unwrap_or_default()
    }

    fn side(&mut self, way: Direction) -> &mut Side {
        match way {
            Direction::ToAgent => &mut self.server,
            Direction::ToServer => &mut self.agent,
        }
    }

    /// Takes in what an answer says of tasks. Gives the progress tokens that
    /// are free now.
    pub(super) fn answered(
        &mut self,
        way: Direction,
        pending: Pending,
        result: Json<'_>,
    ) -> Vec<String> {
        let mut free = Vec::new();
        match (task_of(&pending.method, result), pending.token) {
            (Some((id, Status::Open)), token) => {
                let results = pending.results;
                free.extend(self.side(way).add(id, Task { token, results }));
                return free;
            }
            (Some((id, Status::Ended)), token) => {
                let results = pending.results;
                let task = Task {
                    token: None,
                    results,
                };
                free.extend(self.side(way).add(id, task));
                free.extend(token);
            }
            (None, token) => free.extend(token),
        }
        if let Some(id) = ended_by(&pending.method, result) {
            free.extend(self.side(way).end(&id));
        }
        free
    }

    /// Takes in what a side says of one of its tasks. Gives the progress tokens
    /// that are free now; `None` for a task that is not known.
    pub(super) fn says(&mut self, way: Direction, task: Json<'_>) -> Option<Vec<String>> {
        let id = task.get("taskId").and_then(Json::as_str)?;
        let side = self.side(way);
        if !side.tasks.contains_key(&*id) {
            return None;
        }
        let ended = status(task) == Some(Status::Ended);
        let free = ended.then(|| side.end(&id)).flatten();
        Some(free.into_iter().collect())
    }
}

impl Side {
    /// Remembers a task. Gives the tokens of what is forgotten for it.
    fn add(&mut self, id: String, mut task: Task) -> Vec<String> {
        let mut free = Vec::new();
        if id.len() > Tasks::LONGEST {
            free.extend(task.token);
            return free;
        }
        let before = self.tasks.remove(&id);
        match before {
            Some(before) => {
                free.extend(before.token);
                // Another request by the same name takes no demand away.
                for one in before.results {
                    if !task.results.contains(&one) {
                        task.results.push(one);
                    }
                }
            }
            None => self.order.push_back(id.clone()),
        }
        self.tasks.insert(id, task);
        if self.order.len() > Tasks::MOST
            && let Some(oldest) = self.order.pop_front()
        {
            free.extend(self.tasks.remove(&oldest).and_then(|task| task.token));
        }
        free
    }

    /// A task has ended; it can still be asked about. Gives its token.
    fn end(&mut self, id: &str) -> Option<String> {
        self.tasks.get_mut(id).and_then(|task| task.token.take())
    }
}

/// The task that a request has become by its result.
fn task_of(method: &Method, result: Json<'_>) -> Option<(String, Status)> {
    let Method::Known(
        KnownMethod::CallTool
        | KnownMethod::GetPrompt
        | KnownMethod::ReadResource
        | KnownMethod::Complete
        | KnownMethod::CreateMessage
        | KnownMethod::Elicit,
    ) = method
    else {
        return None;
    };
    let task = result.get("task").unwrap_or(result);
    let id = task.get("taskId").and_then(Json::as_str)?;
    Some((id.into_owned(), status(task)?))
}

/// The task that has ended, as a result about it says.
fn ended_by(method: &Method, result: Json<'_>) -> Option<String> {
    let task = match method {
        Method::Known(KnownMethod::GetTask | KnownMethod::CancelTask) => {
            (status(result)? == Status::Ended).then_some(result)
        }
        // Its result is there, so it has ended.
        Method::Known(KnownMethod::TaskResult) => result
            .get("_meta")?
            .get("io.modelcontextprotocol/related-task"),
        _ => None,
    };
    let id = task?.get("taskId").and_then(Json::as_str)?;
    Some(id.into_owned())
}

fn status(task: Json<'_>) -> Option<Status> {
    match &*task.get("status").and_then(Json::as_str)? {
        "working" | "input_required" => Some(Status::Open),
        "completed" | "failed" | "cancelled" => Some(Status::Ended),
        _ => None,
    }
}
