//! `[paths]`: from what a person writes to absolute paths.
//!
//! The work is on the text alone: what a path resolves to on disk is a fact
//! that the path guard asks for with each call.

use super::{Compiler, Problems, shown};
use crate::engine::guard::paths::PathRules;
use crate::engine::policy::constraint::glob;
use crate::engine::policy::raw::{At, List, RawPaths, Text};
use crate::engine::policy::{Code, PolicyBase, Sources};

const WORKSPACE: &str = "${workspace}";
const HOME: &str = "${home}";

/// What stands for the built-in catalogue in `secret`.
const DEFAULTS: &str = "+defaults";

/// What paths are relative to.
#[derive(Debug)]
pub(super) struct Roots<'a> {
    base: &'a PolicyBase,
    sources: &'a Sources,
    workspace: Option<String>,
    /// How what is put into a path is spelled there.
    spelled: fn(&str) -> String,
}

impl<'a> Roots<'a> {
    pub(super) fn new(
        base: &'a PolicyBase,
        sources: &'a Sources,
        workspace: Option<&Text>,
        problems: &mut Problems,
    ) -> Self {
        let mut roots = Self {
            base,
            sources,
            workspace: None,
            spelled: str::to_owned,
        };
        if !base.dir.starts_with('/') || !base.home.starts_with('/') {
            let help = "give lockgate an absolute path to the policy, and set HOME";
            problems.tell(
                Code::UNREADABLE,
                0..0,
                "the place of the policy is not known",
                help,
            );
        }
        problems.turn_to(Code::PATHS);
        roots.workspace = workspace.and_then(|text| roots.path(text, problems));
        roots
    }

    pub(super) fn workspace(&self) -> Option<&str> {
        self.workspace.as_deref()
    }

    pub(super) fn home(&self) -> &str {
        &self.base.home
    }

    /// Replaces `${workspace}`, and nothing else.
    fn expand(&self, text: &Text, problems: &mut Problems) -> Option<String> {
        if !text.value.contains(WORKSPACE) {
            return Some(text.value.clone());
        }
        let Some(workspace) = &self.workspace else {
            let help = "write `workspace = \".\"` in `[paths]`";
            problems.error(
                text.span.clone(),
                "the policy does not say what `${workspace}` is",
                help,
            );
            return None;
        };
        Some(text.value.replace(WORKSPACE, &(self.spelled)(workspace)))
    }

    /// An absolute path without `.`, `..` and repeated separators.
    pub(super) fn path(&self, text: &Text, problems: &mut Problems) -> Option<String> {
        let home = text.value.strip_prefix(HOME);
        let home = home.filter(|rest| rest.is_empty() || rest.starts_with('/'));
        let text = &At {
            value: home.map_or_else(|| text.value.clone(), |rest| format!("~{rest}")),
            span: text.span.clone(),
        };
        let written = &text.value;
        let wrong = if written.trim().is_empty() {
            Some((
                "a path is empty",
                "write `.` for the directory of the policy",
            ))
        } else if written.contains(char::is_control) {
            Some(("a path has a control character", "remove it"))
        } else if written
            .strip_prefix(WORKSPACE)
            .unwrap_or(written)
            .contains('$')
        {
            let help = "only a leading `${workspace}`, `${home}` or `~` is known here";
            Some(("a path has a variable", help))
        } else if written.starts_with('~') && written != "~" && !written.starts_with("~/") {
            Some((
                "a path names the home of another user",
                "write the path in full",
            ))
        } else {
            None
        };
        if let Some((message, help)) = wrong {
            problems.error(text.span.clone(), message, help);
            return None;
        }
        let expanded = self.expand(text, problems)?;
        let dir = self.sources.dir_at(text.span.start);
        Some(self.absolute(&expanded, dir.unwrap_or(&self.base.dir)))
    }

    /// `dir`: of the file that says it.
    fn absolute(&self, path: &str, dir: &str) -> String {
        let full = match path.strip_prefix('~') {
            Some(rest) => format!("{}/{rest}", (self.spelled)(&self.base.home)),
            None if path.starts_with('/') => path.to_owned(),
            None => format!("{}/{path}", (self.spelled)(dir)),
        };
        let mut parts: Vec<&str> = Vec::new();
        for part in full.split('/') {
            match part {
                "" | "." => {}
                ".." => {
                    parts.pop();
                }
                _ => parts.push(part),
            }
        }
        format!("/{}", parts.join("/"))
    }
}

impl Compiler<'_> {
    pub(super) fn path(&mut self, text: &Text) -> Option<String> {
        self.roots.path(text, self.problems)
    }

    pub(super) fn paths(&mut self, raw: RawPaths) -> PathRules {
        let RawPaths {
            workspace: _,
            read,
            write,
            secret,
        } = raw;
        self.problems.turn_to(Code::PATHS);
        let read = self.directories(read);
        let write = self.directories(write);
        let Some(secret) = secret else {
            return PathRules {
                read,
                write,
                secret: Vec::new(),
                defaults: true,
            };
        };
        let (defaults, own): (Vec<_>, Vec<_>) = secret
            .value
            .into_iter()
            .partition(|text| text.value == DEFAULTS);
        if defaults.is_empty() {
            let message = "the built-in catalogue of secret places is turned off";
            let help = "add `\"+defaults\"` to `secret` to keep it";
            self.problems
                .tell(Code::NO_CATALOGUE, secret.span, message, help);
        }
        PathRules {
            read,
            write,
            secret: own.iter().filter_map(|text| self.secret(text)).collect(),
            defaults: !defaults.is_empty(),
        }
    }

    fn directories(&mut self, list: Option<List>) -> Vec<String> {
        let mut paths = Vec::new();
        for text in list.map(|list| list.value).unwrap_or_default() {
            let bare = text.value.replace(WORKSPACE, "");
            // A variable has braces too: the path itself tells of it.
            if !bare.contains('$') && bare.contains(['*', '?', '[', '{']) {
                let message = format!("{} looks like a pattern", shown::quoted(&text.value));
                let help = "write a directory, which stands for all within it, or a file";
                self.problems.error(text.span, message, help);
            } else {
                paths.extend(self.path(&text));
            }
        }
        paths
    }

    /// A glob; what directories are called is no glob in it.
    fn secret(&mut self, text: &Text) -> Option<String> {
        if text.value.starts_with('+') {
            let message = format!("{} is not known", shown::quoted(&text.value));
            let help = "expected a path, a glob, or `+defaults` for the built-in catalogue";
            self.problems.error(text.span.clone(), message, help);
            return None;
        }
        let escaped = Roots {
            spelled: globset::escape,
            workspace: self.roots.workspace.clone(),
            ..self.roots
        };
        let path = escaped.path(text, self.problems)?;
        if let Err(error) = glob(&path) {
            let message = format!("{} is no glob", shown::quoted(&text.value));
            self.problems.error(text.span.clone(), message, error);
            return None;
        }
        Some(path)
    }
}
