//! `${NAME}` in the texts of constraints, from a closed list.

use super::Compiler;
use crate::engine::policy::Code;
use crate::engine::policy::constraint::{Constraint, glob};
use crate::engine::policy::diagnostic::Span;
use crate::engine::policy::literal::Literal;
use crate::engine::policy::raw::{At, Text};
use crate::engine::policy::suggest;
use crate::engine::policy::varying::{Piece, Template, Variable, Varying};

/// Every variable.
const NAMES: [&str; 4] = ["workspace", "home", "agent", "user"];

impl Compiler<'_> {
    /// `equals`, and `one_of` of texts.
    pub(super) fn one_of_texts(
        &mut self,
        name: &'static str,
        literals: Vec<At<Literal>>,
    ) -> Option<Constraint> {
        let mut templates = Vec::new();
        let mut fixed = Vec::new();
        let mut fine = true;
        for At { value, span } in literals {
            let Literal::String(text) = value else {
                fine &= self.no_variables_within(&value, &span);
                fixed.push(value);
                continue;
            };
            match self.template(&text, &span, str::to_owned) {
                Some(template) => {
                    fixed.extend(template.fixed().map(Literal::String));
                    templates.push(template);
                }
                None => fine = false,
            }
        }
        if !fine {
            return None;
        }
        let varies = templates.iter().any(|template| template.fixed().is_none());
        Some(match fixed.pop() {
            _ if varies => Constraint::Varying(name, Varying::OneOf(templates)),
            Some(only) if name == "equals" => Constraint::Equals(only),
            last => {
                fixed.extend(last);
                Constraint::OneOf(fixed)
            }
        })
    }

    pub(super) fn glob(&mut self, source: &str, span: &Span) -> Option<Constraint> {
        let template = self.template(source, span, globset::escape)?;
        // What a variable stands for is no more than letters in it.
        let shape = match template.fixed() {
            Some(fixed) => fixed,
            None => template.with_letters(),
        };
        match glob(&shape) {
            Ok(glob) if template.fixed().is_some() => Some(Constraint::Glob(glob)),
            Ok(_) => Some(Constraint::Varying("glob", Varying::Glob(template))),
            Err(why) => {
                let help = "`*` stops at `/`, `**` does not; escape with a backslash";
                self.problems.of(Code::BAD_GLOB).error(
                    span.clone(),
                    format!("not a glob: {why}"),
                    help,
                );
                None
            }
        }
    }

    /// Reads a text. `spell`: how what is known already is spelled in it.
    fn template(&mut self, text: &str, span: &Span, spell: fn(&str) -> String) -> Option<Template> {
        let mut pieces = Vec::new();
        let mut rest = text;
        let mut plain = String::new();
        while let Some((before, after)) = rest.split_once("${") {
            if let Some(before) = before.strip_suffix('$') {
                plain.push_str(before);
                plain.push_str("${");
                rest = after;
                continue;
            }
            plain.push_str(before);
            let Some((name, after)) = after.split_once('}') else {
                let help = "write `}` behind its name, or `$${` for the letters `${`";
                self.problems
                    .error(span.clone(), "a variable has no end", help);
                return None;
            };
            rest = after;
            match name {
                "workspace" => plain.push_str(&spell(&self.workspace(span)?)),
                "home" => plain.push_str(&spell(self.roots.home())),
                "agent" | "user" => {
                    pieces.push(Piece::Text(std::mem::take(&mut plain)));
                    let variable = match name {
                        "agent" => Variable::Agent,
                        _ => Variable::User,
                    };
                    pieces.push(Piece::Variable(variable));
                }
                other => {
                    let message = format!("there is no variable `${{{}}}`", other.escape_debug());
                    let help = format!(
                        "{}; `$${{` stands for the letters `${{`",
                        suggest::help(other, &NAMES)
                    );
                    self.problems.error(span.clone(), message, help);
                    return None;
                }
            }
        }
        plain.push_str(rest);
        pieces.push(Piece::Text(plain));
        Some(Template::new(pieces))
    }

    /// A word of a server's command line, or the value of one of its variables:
    /// what is known before anybody asks for anything. What is wrong is not
    /// quoted, since either may be a secret.
    pub(super) fn launched(&mut self, text: &Text) -> Option<String> {
        let mut plain = String::new();
        let mut rest = text.value.as_str();
        while let Some((before, after)) = rest.split_once("${") {
            if let Some(before) = before.strip_suffix('$') {
                plain.push_str(before);
                plain.push_str("${");
                rest = after;
                continue;
            }
            plain.push_str(before);
            // One without an end is none.
            let (name, after) = after.split_once('}').unwrap_or_default();
            rest = after;
            match name {
                "workspace" => plain.push_str(&self.workspace(&text.span)?),
                "home" => plain.push_str(self.roots.home()),
                _ => {
                    let message = match name {
                        "agent" | "user" => "who acts is not known where a server is started",
                        _ => "a server is given a variable that there is not",
                    };
                    let help = "only `${workspace}` and `${home}` are known here; `$${` stands \
                                for the letters `${`";
                    self.problems.error(text.span.clone(), message, help);
                    return None;
                }
            }
        }
        plain.push_str(rest);
        Some(plain)
    }

    fn workspace(&mut self, span: &Span) -> Option<String> {
        let workspace = self.roots.workspace().map(str::to_owned);
        if workspace.is_none() {
            let help = "write `workspace = \".\"` in `[paths]`";
            let message = "the policy does not say what `${workspace}` is";
            self.problems.error(span.clone(), message, help);
        }
        workspace
    }

    /// A text inside of a list or a table has no variables.
    fn no_variables_within(&mut self, literal: &Literal, span: &Span) -> bool {
        let has = has_variable(literal);
        if has {
            let message = "a text inside of a list or a table has no variables";
            let help = "constrain it by a pointer of its own, such as `\"/list/*\"`";
            self.problems.error(span.clone(), message, help);
        }
        !has
    }
}

fn has_variable(literal: &Literal) -> bool {
    match literal {
        Literal::String(text) => text.contains("${"),
        Literal::Array(items) => items.iter().any(has_variable),
        Literal::Object(members) => members.values().any(has_variable),
        Literal::Bool(_) | Literal::Number(..) => false,
    }
}
