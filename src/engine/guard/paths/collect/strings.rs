//! One string by its role and shape: the decision table of the guard.

use super::{Collector, Effect, Manner, NESTED, is_web};
use crate::engine::guard::catalogue;
use crate::engine::guard::paths::command::{self, Use};
use crate::engine::guard::paths::role::{self, Deed, Role};
use crate::engine::guard::paths::{code, glob, shape, uri};
use crate::engine::message::{Document, Json, Limits};

impl Collector {
    pub(super) fn string(&mut self, value: Json<'_>, role: Role) {
        // What is typed into a terminal may be called a text.
        if role == Role::Content
            && self.nature.does(Deed::Executes)
            && self.at.last().is_some_and(|key| role::is_typed(key))
            && let Some(text) = value.as_str()
            && shape::is_line(&text)
        {
            self.script(&text);
            return;
        }
        // What is only stored or sent is not unescaped: it may be megabytes.
        if role == Role::Content && self.nature.does(Deed::Writes) {
            return;
        }
        let long = value.raw().len() > shape::PATH_MAX;
        if long && matches!(role, Role::Content | Role::Aside) {
            return;
        }
        let Some(text) = value.as_str() else { return };
        let text = text.trim();
        if text.is_empty() || self.is_node(role) {
            return;
        }
        if long && role == Role::Neutral && self.speaks_sql() {
            self.sql(text);
            return;
        }
        if long && matches!(role, Role::Path | Role::Pattern | Role::Neutral) {
            self.long(text, role);
            return;
        }
        match role {
            Role::Pattern => self.pattern(text),
            Role::Command => self.script(text),
            Role::Manifest if long || text.contains('\n') => self.manifest(text),
            Role::Path | Role::Manifest => self.path(text),
            Role::Code if self.nature.does(Deed::Reviews) && !self.nature.does(Deed::Executes) => {}
            Role::Code => self.code(text),
            Role::Content => {
                if shape::is_anchored(text) && shape::is_single(text) {
                    self.push(text, Manner::default());
                }
            }
            Role::Aside => {
                if !self.nature.does(Deed::Greps)
                    && starts_absolute(text)
                    && shape::is_single(text)
                    && !glob::is_glob(text)
                {
                    self.push(text, Manner::default());
                }
            }
            Role::Neutral => self.neutral(text),
        }
    }

    /// Whether what is read names nodes of a graph, which are no files.
    fn is_node(&self, role: Role) -> bool {
        let query = || self.at.last().is_some_and(|key| role::is_query(key));
        self.nature.does(Deed::Relates)
            && (role == Role::Aside || (role == Role::Neutral && query()))
    }

    /// Longer than any path: refused where it is one by role, and otherwise
    /// its two ends are looked at, so that padding does not hide a path.
    fn long(&mut self, text: &str, role: Role) {
        if role == Role::Path && !text.contains(char::is_whitespace) && !text.starts_with("data:") {
            self.push(
                "",
                Manner {
                    named: true,
                    opaque: Some("longer than any path"),
                    ..Manner::default()
                },
            );
            return;
        }
        if self.nature.does(Deed::Executes) {
            self.script(text);
            return;
        }
        let is_word = |part: &&str| !part.contains(char::is_whitespace) && part.contains("/.");
        let tail =
            (0..4).find_map(|n| text.get(text.len().saturating_sub(1024).saturating_add(n)..));
        if let Some(tail) = tail.filter(is_word) {
            self.push(
                tail,
                Manner {
                    part: true,
                    ..Manner::default()
                },
            );
        }
    }

    fn path(&mut self, text: &str) {
        if self.json(text, Role::Path) {
            return;
        }
        let effect = self.effect();
        self.push(
            text,
            Manner {
                named: true,
                effect,
                // `.*` is every hidden file there is.
                walk: shape::is_hidden_glob(text).then(Vec::new),
                ..Manner::default()
            },
        );
        self.inner_uris(text, effect);
        let listed = text.contains([',', ';', '\n'])
            || (text.contains(char::is_whitespace) && !shape::is_single(text));
        if listed {
            let spaced = !text.contains([',', ';', '\n']);
            for piece in text.split([',', ';', '\n']).flat_map(|p| {
                let at: &[char] = if spaced { &[' ', '\t'] } else { &['\n'] };
                p.split(at)
            }) {
                let piece = piece.trim();
                if !spaced || shape::is_anchored(piece) || piece.starts_with('-') {
                    self.push(
                        piece,
                        Manner {
                            named: true,
                            effect,
                            part: true,
                            ..Manner::default()
                        },
                    );
                    self.pieces(piece, effect);
                }
            }
        }
        self.pieces(text, effect);
    }

    /// A uri inside of another one, a page of the browser's own, a script.
    fn inner_uris(&mut self, text: &str, effect: Effect) {
        if !text.contains(':') {
            return;
        }
        for inner in uri::inner(text).into_iter().chain(uri::page(text)) {
            self.push(
                inner,
                Manner {
                    named: true,
                    effect,
                    ..Manner::default()
                },
            );
        }
        if let Some(script) = uri::script(text) {
            self.uses(command::uses_of_code(&script));
        }
    }

    /// Of all that a manifest says, what it takes from the machine: `hostPath`.
    /// What it mounts inside of a container is the container's.
    fn manifest(&mut self, text: &str) {
        if self.json(text, Role::Manifest) {
            return;
        }
        for after in text.split("hostPath").skip(1) {
            let value = after.split("path:").nth(1).unwrap_or_default();
            let value = value
                .lines()
                .next()
                .unwrap_or_default()
                .split([',', '}', '#'])
                .next()
                .unwrap_or_default()
                .trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\''));
            self.push(
                value,
                Manner {
                    named: true,
                    walk: Some(Vec::new()),
                    ..Manner::default()
                },
            );
        }
    }

    /// What the tool does to what the argument being read names.
    fn effect(&self) -> Effect {
        let key = self.at.iter().rev().find(|s| s.parse::<usize>().is_err());
        let target = key.is_some_and(|key| super::is_target(key));
        // `copy(source, destination)` changes its destination only.
        let copied = key.is_some_and(|key| role::is_source(key)) && self.nature.does(Deed::Copies);
        if copied {
            return Effect::Read;
        }
        if self.nature.does(Deed::Removes) && !target {
            Effect::Remove
        } else if self.nature.does(Deed::Changes) {
            Effect::Change
        } else {
            Effect::Read
        }
    }

    fn pattern(&mut self, text: &str) {
        if self.json(text, Role::Pattern) {
            return;
        }
        self.inside |= code::is_quantified(text);
        for piece in text
            .split([',', ' ', '\n'])
            .filter(|p| !p.is_empty() && !p.starts_with('!'))
        {
            self.narrowed.push(piece.to_owned());
            self.push(
                piece,
                Manner {
                    named: true,
                    part: !shape::is_anchored(piece),
                    sought: !shape::is_anchored(piece),
                    ..Manner::default()
                },
            );
        }
        if text.contains('{') {
            self.push(
                text,
                Manner {
                    named: true,
                    part: true,
                    sought: true,
                    ..Manner::default()
                },
            );
        }
    }

    fn neutral(&mut self, text: &str) {
        if self.json(text, Role::Neutral) {
            return;
        }
        if self.speaks_sql()
            && (shape::is_sql(text) || text.contains(['\'', '"', '`', '(', '$', ';']))
        {
            self.sql(text);
            return;
        }
        if self.nature.does(Deed::Executes) {
            if shape::is_sql(text) {
                self.sql(text);
            } else {
                self.script(text);
            }
            return;
        }
        if shape::is_single(text) && self.is_no_name() {
            // What a search looks for, or a page holds, opens nothing; a place does.
            for place in text.split([':', '=', ',', '|', '@']).chain([text]) {
                if shape::is_anchored(place) {
                    self.push(place, Manner::default());
                }
            }
        } else if shape::is_single(text) {
            if shape::may_be_path(text) || catalogue::ends_some_place(&text.to_lowercase()) {
                self.push(
                    text,
                    Manner {
                        effect: self.effect(),
                        ..Manner::default()
                    },
                );
            }
            self.pieces(text, Effect::Read);
        } else if shape::is_spaced_path(text) {
            self.push(text, Manner::default());
        } else if shape::is_line(text) {
            self.script(text);
        } else if shape::is_sql(text) {
            self.sql(text);
        } else if text
            .lines()
            .all(|l| shape::is_anchored(l.trim()) && shape::is_single(l.trim()))
        {
            for line in text.lines() {
                self.push(line.trim(), Manner::default());
            }
        }
    }

    /// Whether the argument being read is SQL by its name or the tool's.
    fn speaks_sql(&self) -> bool {
        let key = self.at.iter().rev().find(|s| s.parse::<usize>().is_err());
        key.is_some_and(|key| {
            role::is_statement(key) || (self.nature.does(Deed::Queries) && role::is_query(key))
        })
    }

    /// Whether the argument being read is what a search looks for, or a value
    /// on a page.
    fn is_no_name(&self) -> bool {
        self.nature.does(Deed::Browses)
            || (self.nature.does(Deed::Seeks)
                && self.at.last().is_some_and(|key| role::is_query(key)))
    }

    /// The parts of one word that may be paths of their own: `HEAD:.env`,
    /// `--file=/etc/shadow`, `@/etc/shadow`, `-I/etc`, `a..b`.
    fn pieces(&mut self, text: &str, effect: Effect) {
        if text.len() > 4096 || !text.contains(['=', ':', '@', ',', '-', '|']) || is_web(text) {
            return;
        }
        let writes = text.starts_with("--out") || text.starts_with("-o");
        let effect = if writes {
            effect.max(Effect::Change)
        } else {
            effect
        };
        let add = |collector: &mut Self, piece: &str| {
            if piece.len() > 1
                && piece.len() < text.len()
                && (shape::may_be_path(piece) || shape::is_anchored(piece))
            {
                collector.push(
                    piece,
                    Manner {
                        effect,
                        named: true,
                        part: true,
                        ..Manner::default()
                    },
                );
            }
        };
        for piece in text.split(['=', '@', ',', '|']) {
            add(self, piece);
            if let Some((_, after)) = piece
                .split_once(':')
                .filter(|(before, _)| before.len() != 1)
            {
                add(self, after);
            }
        }
        if let Some((before, _)) = text.rsplit_once(':').filter(|(before, _)| before.len() > 1) {
            add(self, before);
        }
        if text.starts_with('-')
            && let Some(at) = text.find(['/', '~', '.', '$'])
            && let Some(rest) = text.get(at..)
        {
            add(self, rest);
        }
    }

    fn script(&mut self, text: &str) {
        if self.json(text, Role::Command) {
            return;
        }
        self.uses(command::uses(text));
        if shape::is_spaced_path(text) || shape::is_single(text) {
            self.push(
                text,
                Manner {
                    named: true,
                    ..Manner::default()
                },
            );
        }
    }

    fn code(&mut self, text: &str) {
        if shape::is_sql(text) {
            self.sql(text);
        }
        self.uses(command::uses_of_code(text));
        if shape::is_single(text) && shape::is_anchored(text) {
            self.push(
                text,
                Manner {
                    named: true,
                    ..Manner::default()
                },
            );
        }
    }

    /// SQL names files where it reads from them, and nowhere else.
    fn sql(&mut self, text: &str) {
        self.uses(command::uses_of_sql(text));
    }

    pub(super) fn uses(&mut self, uses: Option<Vec<Use>>) {
        let Some(uses) = uses else {
            self.push(
                "",
                Manner {
                    named: true,
                    opaque: Some("a script too long or too deep to judge"),
                    ..Manner::default()
                },
            );
            return;
        };
        for one in uses {
            if !shape::may_be_path(&one.path)
                && one.from.is_none()
                && one.walk.is_none()
                && one.tells.is_none()
                && !catalogue::ends_some_place(&one.path.to_lowercase())
            {
                continue;
            }
            let manner = Manner {
                named: true,
                effect: one.effect,
                walk: one.walk,
                opens: one.opens,
                from: one.from,
                blind: one.blind,
                kept: one.kept,
                tells: one.tells,
                ..Manner::default()
            };
            self.push(&one.path, manner);
            if !one.blind {
                self.pieces(&one.path, one.effect);
            }
        }
    }

    /// JSON inside a string is read as JSON.
    fn json(&mut self, text: &str, role: Role) -> bool {
        if !text.starts_with(['{', '[', '"']) || self.nested >= NESTED {
            return false;
        }
        let Ok(document) = Document::read(text.as_bytes().to_vec(), &Limits::DEFAULT) else {
            return false;
        };
        self.nested = self.nested.saturating_add(1);
        self.value(document.root(), role, None);
        self.nested = self.nested.saturating_sub(1);
        true
    }
}

fn starts_absolute(text: &str) -> bool {
    text.starts_with(['/', '~', '$', '%'])
        || text.starts_with("../")
        || text
            .get(..5)
            .is_some_and(|s| s.eq_ignore_ascii_case("file:"))
}
