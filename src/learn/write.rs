//! A proposal as a whole policy, or as an addition to one.

use super::{Proposal, roots};
use crate::engine::pin::visible;
use crate::layout::{self, LayoutError};
use std::collections::{BTreeMap, BTreeSet};
use toml_edit::{Array, DocumentMut, Item, Table, Value};

/// The policy that a proposal is made beside.
#[derive(Debug, Clone)]
pub struct Existing<'a> {
    /// The texts of its files.
    pub files: Vec<&'a str>,
    /// The number of the file that is extended. `None`: for each server the one
    /// that it stands in.
    pub into: Option<usize>,
    /// Its `[paths]` as they are in force: read, write.
    pub roots: [&'a [String]; 2],
    /// Its workspace, absolute.
    pub workspace: Option<&'a str>,
    /// The ids of its rules.
    pub ids: BTreeSet<String>,
    /// The agents, and the servers, that it names.
    pub agents: BTreeSet<String>,
    /// See there.
    pub servers: BTreeSet<String>,
}

/// Why a proposal cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// The existing policy is no TOML.
    #[error("{0}")]
    Syntax(String),
    /// It writes a table in a way that cannot be added to.
    #[error("`{0}` of the policy is written in one line: write it as a table, so that it can grow")]
    Form(&'static str),
    /// The result cannot be laid out.
    #[error(transparent)]
    Layout(#[from] LayoutError),
}

impl Proposal {
    /// A whole policy: what the existing one says besides its permits, if there
    /// is one, and what was learned.
    pub fn whole(
        &self,
        existing: Option<&Existing<'_>>,
        home: &str,
        head: &str,
    ) -> Result<String, WriteError> {
        let mut text = String::new();
        for line in head.lines() {
            text.push_str(&format!("# {}\n", visible(line)).replace("# \n", "#\n"));
        }
        text.push('\n');
        let workspace = existing.and_then(|e| e.workspace);
        let mut ids = BTreeSet::new();
        let mut known = (BTreeSet::new(), BTreeSet::new());
        let base = match existing {
            None => "version = 1\n\n".to_owned(),
            Some(existing) => {
                let document = self.kept(existing)?;
                ids = forbids(&document);
                known = (existing.agents.clone(), existing.servers.clone());
                document.to_string()
            }
        };
        let mut document = parsed(&base)?;
        if let Some(paths) = document.get_mut("paths").and_then(Item::as_table_like_mut) {
            paths.remove("read");
            paths.remove("write");
        }
        self.set_roots(&mut document, [&[], &[]], workspace, home)?;
        ask_nothing(&mut document)?;
        text.push_str(&document.to_string());
        text.push('\n');
        text.push_str(&self.principals(&known.0, &known.1));
        text.push_str(&self.rules_text(&mut ids));
        Ok(layout::format(&text)?)
    }

    /// The files of the existing policy that get what it misses, by number, with
    /// their new texts. What is in them stays as it is.
    pub fn merged(
        &self,
        existing: &Existing<'_>,
        home: &str,
    ) -> Result<BTreeMap<usize, String>, WriteError> {
        let mut changed = BTreeMap::new();
        if self.is_empty() {
            return Ok(changed);
        }
        let files = existing.files.iter().map(|text| parsed(text));
        let mut files: Vec<DocumentMut> = files.collect::<Result<_, _>>()?;
        let homes = Homes {
            into: existing.into,
            files: &files,
        };
        let mut additions = self.additions(existing, &homes);
        let paths = homes.having("paths", None);
        let paths = paths.or_else(|| additions.keys().next().copied());
        for number in additions.keys() {
            // What is added is written as tables.
            for name in ["rule", "server", "agent"] {
                let file = files.get(*number).and_then(|file| file.get(name));
                if file.is_some_and(Item::is_value) {
                    return Err(WriteError::Form(name));
                }
            }
        }
        if let Some((number, file)) = paths.and_then(|n| files.get_mut(n).map(|f| (n, f))) {
            let before = file.to_string();
            self.set_roots(file, existing.roots, existing.workspace, home)?;
            if file.to_string() != before {
                additions.entry(number).or_default();
            }
        }
        for (number, added) in additions {
            let mut text = files
                .get(number)
                .map(ToString::to_string)
                .unwrap_or_default();
            let added = layout::format(&added)?;
            if !added.is_empty() {
                let end = text.trim_end_matches(['\n', '\r', ' ', '\t']).len();
                text.truncate(end);
                text.push_str("\n\n");
                text.push_str(&added);
            }
            changed.insert(number, text);
        }
        Ok(changed)
    }

    /// What each file gets at its end.
    fn additions(&self, existing: &Existing<'_>, homes: &Homes<'_>) -> BTreeMap<usize, String> {
        let mut additions: BTreeMap<usize, String> = BTreeMap::new();
        for server in self.servers.difference(&existing.servers) {
            let agents = self.rules.iter().filter(|rule| rule.server == *server);
            let home = homes.of(server, agents.flat_map(|rule| &rule.agents));
            additions
                .entry(home)
                .or_default()
                .push_str(&new_server(server));
        }
        for agent in self.agents.difference(&existing.agents) {
            let known = homes.into.or_else(|| homes.having("agent", None));
            let text = additions.entry(known.unwrap_or(0)).or_default();
            text.push_str(&new_agent(agent));
        }
        let mut ids = existing.ids.clone();
        for rule in &self.rules {
            let home = homes.of(&rule.server, &rule.agents);
            let text = rule.to_toml(&mut ids).unwrap_or_default();
            additions.entry(home).or_default().push_str(&text);
        }
        additions
    }

    /// Whether the existing rules with a `path` hold for more places then.
    pub fn widens(&self, existing: &Existing<'_>) -> bool {
        let [reads, writes] = existing.roots;
        let readable: Vec<String> = reads.iter().chain(writes).cloned().collect();
        let missing =
            |of: &BTreeSet<String>, known: &[String]| of.iter().any(|r| !roots::covers(known, r));
        missing(&self.reads, &readable) || missing(&self.writes, writes)
    }

    fn rules_text(&self, ids: &mut BTreeSet<String>) -> String {
        let rules = self.rules.iter().filter_map(|rule| rule.to_toml(ids));
        rules.collect()
    }

    /// Agents and servers that the policy does not name yet.
    fn principals(&self, agents: &BTreeSet<String>, servers: &BTreeSet<String>) -> String {
        let servers = self.servers.difference(servers);
        let agents = self.agents.difference(agents);
        let servers = servers.map(|server| new_server(server));
        servers
            .chain(agents.map(|agent| new_agent(agent)))
            .collect()
    }

    /// What stays of an existing policy: everything but its permits, and of
    /// servers and agents those that were seen.
    fn kept(&self, existing: &Existing<'_>) -> Result<DocumentMut, WriteError> {
        let text = existing.files.first().copied().unwrap_or_default();
        let mut document = parsed(text)?;
        for (name, seen) in [("server", &self.servers), ("agent", &self.agents)] {
            if let Some(table) = document.get_mut(name).and_then(Item::as_table_mut) {
                table.retain(|key, _| seen.contains(key));
            }
        }
        if let Some(rules) = document
            .get_mut("rule")
            .and_then(Item::as_array_of_tables_mut)
        {
            rules.retain(|rule| rule.get("effect").and_then(Item::as_str) != Some("permit"));
        } else if document.get("rule").is_some() {
            return Err(WriteError::Form("rule"));
        }
        Ok(document)
    }

    /// Adds the roots that `[paths]` does not have.
    fn set_roots(
        &self,
        document: &mut DocumentMut,
        [reads, writes]: [&[String]; 2],
        workspace: Option<&str>,
        home: &str,
    ) -> Result<(), WriteError> {
        let readable: Vec<String> = reads.iter().chain(writes).cloned().collect();
        let new = |of: &BTreeSet<String>, known: &[String]| -> Vec<String> {
            let missing = of.iter().filter(|root| !roots::covers(known, root));
            missing.map(|root| spelled(root, workspace, home)).collect()
        };
        let new = [
            ("read", new(&self.reads, &readable)),
            ("write", new(&self.writes, writes)),
        ];
        if new.iter().all(|(_, roots)| roots.is_empty()) {
            return Ok(());
        }
        let paths = document
            .entry("paths")
            .or_insert_with(|| Item::Table(Table::new()));
        let paths = paths.as_table_like_mut().ok_or(WriteError::Form("paths"))?;
        for (name, roots) in new {
            if roots.is_empty() {
                continue;
            }
            let list = paths
                .entry(name)
                .or_insert_with(|| Value::from(Array::new()).into());
            let list = list.as_array_mut().ok_or(WriteError::Form("paths"))?;
            for root in roots {
                list.push(root);
            }
        }
        Ok(())
    }
}

/// In which files of a policy things stand.
struct Homes<'a> {
    into: Option<usize>,
    files: &'a [DocumentMut],
}

impl Homes<'_> {
    /// The file in which the rules of a server belong: the one that is named, or
    /// the one with the server, or with one of the agents, or the first.
    fn of<'n>(&self, server: &str, agents: impl IntoIterator<Item = &'n String>) -> usize {
        let agents = agents.into_iter();
        let of_server = || self.having("server", Some(server));
        let of_agent = |agent: &String| self.having("agent", Some(agent));
        let found = self.into.or_else(of_server);
        let mut agents = agents.filter_map(of_agent);
        found.or_else(|| agents.next()).unwrap_or(0)
    }

    /// The file that has a table, with this key in it if one is named.
    fn having(&self, table: &str, key: Option<&str>) -> Option<usize> {
        let has = |file: &DocumentMut| {
            let table = file.get(table)?;
            key.is_none_or(|key| table.get(key).is_some()).then_some(())
        };
        self.files.iter().position(|file| has(file).is_some())
    }
}

fn new_server(name: &str) -> String {
    format!(
        "# What is started: add a `command` or a `url`, or say it behind `run`.\n\
         [server.{}]\nask_agent = []\n\n",
        key(name)
    )
}

fn new_agent(name: &str) -> String {
    format!(
        "# Whoever starts `lockgate run`; for agents that connect, say how they prove it.\n\
         [agent.{}]\nstdio = true\n\n",
        key(name)
    )
}

/// What servers ask is permitted by rules alone.
fn ask_nothing(document: &mut DocumentMut) -> Result<(), WriteError> {
    let Some(servers) = document.get_mut("server").and_then(Item::as_table_like_mut) else {
        return Ok(());
    };
    for (_, server) in servers.iter_mut() {
        let server = server
            .as_table_like_mut()
            .ok_or(WriteError::Form("server"))?;
        server.insert("ask_agent", Value::from(Array::new()).into());
    }
    Ok(())
}

fn parsed(text: &str) -> Result<DocumentMut, WriteError> {
    text.parse()
        .map_err(|e: toml_edit::TomlError| WriteError::Syntax(e.to_string()))
}

fn key(name: &str) -> String {
    let mut keys = Table::new();
    keys.insert(name, true.into());
    let text = keys.to_string();
    text.split(" = ").next().unwrap_or(name).trim().to_owned()
}

fn forbids(document: &DocumentMut) -> BTreeSet<String> {
    let rules = document.get("rule").and_then(Item::as_array_of_tables);
    let ids = rules
        .into_iter()
        .flatten()
        .filter_map(|rule| rule.get("id"));
    ids.filter_map(Item::as_str).map(str::to_owned).collect()
}

/// As a person would write it.
fn spelled(root: &str, workspace: Option<&str>, home: &str) -> String {
    for (dir, name) in [(workspace.unwrap_or_default(), "${workspace}"), (home, "~")] {
        let dir = dir.trim_end_matches('/');
        match root.strip_prefix(dir) {
            Some("") if !dir.is_empty() => return name.to_owned(),
            Some(rest) if !dir.is_empty() && rest.starts_with('/') => {
                return format!("{name}{rest}");
            }
            _ => {}
        }
    }
    root.to_owned()
}
