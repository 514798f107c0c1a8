//! `command` and `sql`: what may be run, compiled.

use super::Compiler;
use crate::engine::policy::constraint::{Commands, Dialect, Queries, Statement, is_runner};
use crate::engine::policy::diagnostic::Span;
use crate::engine::policy::pattern::Pattern;
use crate::engine::policy::raw::{List, RawCommand, RawSql, Text};
use crate::engine::policy::{Code, shown, suggest};

impl Compiler<'_> {
    pub(super) fn commands(&mut self, raw: RawCommand, span: &Span) -> Option<Commands> {
        let Some(programs) = raw.programs else {
            let help = "write `command = { programs = [\"git\", \"ls\"] }`";
            self.problems
                .error(span.clone(), "`command` names no programs", help);
            return None;
        };
        for program in &programs.value {
            let quoted = shown::quoted(&program.value);
            let odd = |c: char| c.is_whitespace() || c.is_control() || "*?'\"$`;|&<>=".contains(c);
            if program.value.is_empty() || program.value.contains(odd) {
                let message = format!("{quoted} is no program");
                let help =
                    "write its name or path as a caller does, without arguments and wildcards";
                self.problems.error(program.span.clone(), message, help);
                return None;
            }
            if is_runner(&program.value) {
                let message = format!("{quoted} runs whatever its arguments say");
                let help = "list the programs that are meant, or narrow its `args`";
                if raw.args.is_none() {
                    self.problems
                        .tell(Code::RUNNER, program.span.clone(), message, help);
                }
            }
        }
        Some(Commands {
            programs: programs.value.into_iter().map(|p| p.value).collect(),
            args: raw.args.map(|args| {
                let args = args.value.into_iter();
                args.map(|text| Pattern::new(text.value)).collect()
            }),
            shell: raw.shell,
        })
    }

    pub(super) fn queries(&mut self, raw: RawSql, span: &Span) -> Option<Queries> {
        if raw.statements.is_none() && raw.tables.is_none() {
            let help = "write `sql = { statements = [\"select\"], tables = [\"orders\"], dialect = \"postgres\" }`";
            let message = "`sql` names neither statements nor tables";
            self.problems.error(span.clone(), message, help);
            return None;
        }
        let Some(dialect) = raw.dialect else {
            let help = "write `dialect = \"postgres\"`, `\"sqlite\"`, `\"mysql\"` or `\"generic\"`: databases read the same text in different ways";
            self.problems
                .error(span.clone(), "`sql` does not say its dialect", help);
            return None;
        };
        let dialect = self.one_word(&dialect, "a dialect", &Dialect::ALL);
        let statements = raw.statements.map(|list| {
            let kinds: Vec<_> = list
                .value
                .iter()
                .map(|text| self.one_word(text, "a kind of statement", &Statement::ALL))
                .collect();
            kinds.into_iter().collect::<Option<Vec<_>>>()
        });
        let statements = match statements {
            Some(None) => return None,
            Some(kinds) => kinds,
            None => None,
        };
        let texts = |list: &Option<List>| -> Vec<Text> {
            list.iter()
                .flat_map(|list| list.value.iter().cloned())
                .collect()
        };
        let (tables, functions) = (texts(&raw.tables), texts(&raw.functions));
        let words = |texts: &'_ [Text]| -> Vec<String> {
            texts.iter().map(|text| text.value.clone()).collect()
        };
        let (names, functions) = (words(&tables), words(&functions));
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let functions: Vec<_> = functions.iter().map(String::as_str).collect();
        let listed = raw.tables.is_some().then_some(names.as_slice());
        match Queries::new(dialect?, statements, listed, &functions) {
            Ok(queries) => Some(queries),
            Err(n) => {
                let text = tables.get(n);
                let span = text.map_or(span, |text| &text.span).clone();
                let quoted = text.map_or_else(String::new, |text| shown::quoted(&text.value));
                let help = "write `orders`, `public.orders` or `public.*`, without quotes";
                self.problems
                    .error(span, format!("{quoted} is no name of a table"), help);
                None
            }
        }
    }

    fn one_word<T: Copy>(&mut self, text: &Text, what: &str, all: &[(&str, T)]) -> Option<T> {
        if let Some((_, value)) = all.iter().find(|(word, _)| *word == text.value) {
            return Some(*value);
        }
        let known: Vec<_> = all.iter().map(|(word, _)| *word).collect();
        let message = format!("{} is not {what}", shown::quoted(&text.value));
        let help = suggest::help(&text.value, &known);
        self.problems.error(text.span.clone(), message, help);
        None
    }
}
