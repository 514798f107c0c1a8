//! Constraints whose text depends on who asks: `${agent}` and `${user}`.
//!
//! What a variable stands for is always taken as it is: a user called `*` is no
//! wildcard, and in a glob a name with a separator in it, which could stand for
//! more than one part of a path, cannot be told. Nor can a user where there is
//! none.

use super::PathJudge;
use super::constraint::{Holding, glob};
use super::pattern::has_dot_segment;
use crate::engine::message::Json;

/// What a request says and a policy does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variable {
    /// The agent's name in the policy.
    Agent,
    /// The user on whose behalf it acts.
    User,
}

/// A text with variables in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    Text(String),
    Variable(Variable),
}

/// What a text with variables has to do with a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Varying {
    /// The value is one of them. `equals` has one.
    OneOf(Vec<Template>),
    /// The value fits it.
    Glob(Template),
}

/// Longest name that is put into a glob, in bytes.
const LONGEST: usize = 1024;

impl Template {
    pub(super) fn new(pieces: Vec<Piece>) -> Self {
        Self { pieces }
    }

    /// The text, if no variable is in it.
    pub(super) fn fixed(&self) -> Option<String> {
        let text = |piece: &Piece| match piece {
            Piece::Text(text) => Some(text.clone()),
            Piece::Variable(_) => None,
        };
        self.pieces.iter().map(text).collect()
    }

    /// The text for this request; `None`: it cannot be told.
    fn filled(
        &self,
        asked: &dyn PathJudge,
        spell: impl Fn(&str) -> Option<String>,
    ) -> Option<String> {
        let text = |piece: &Piece| match piece {
            Piece::Text(text) => Some(text.clone()),
            Piece::Variable(variable) => {
                spell(asked.variable(*variable).filter(|name| !name.is_empty())?)
            }
        };
        self.pieces.iter().map(text).collect()
    }

    /// The text with a letter for each variable, to see whether it is a glob.
    pub(super) fn with_letters(&self) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Variable(_) => "x".to_owned(),
        };
        self.pieces.iter().map(piece).collect()
    }

    fn written(&self) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Variable(Variable::Agent) => "${agent}".to_owned(),
            Piece::Variable(Variable::User) => "${user}".to_owned(),
        };
        self.pieces.iter().map(piece).collect()
    }
}

/// A name as one part of a path, spelled for a glob.
fn one_part(name: &str) -> Option<String> {
    let is_part = name.len() <= LONGEST
        && !name.contains(['/', '\\'])
        && !name.contains(char::is_control)
        && !matches!(name, "." | "..");
    is_part.then(|| globset::escape(name))
}

impl Varying {
    /// Its texts as the policy has them.
    pub(super) fn written(&self) -> Vec<String> {
        match self {
            Self::OneOf(all) => all.iter().map(Template::written).collect(),
            Self::Glob(glob) => vec![glob.written()],
        }
    }

    /// How a value stands to it; `None` cannot be told.
    pub(super) fn try_judge(&self, value: Json<'_>, asked: &dyn PathJudge) -> Option<Holding> {
        let value = value.as_str()?;
        match self {
            Self::OneOf(all) => {
                let mut known = true;
                for template in all {
                    match template.filled(asked, |name| Some(name.to_owned())) {
                        Some(text) if text == *value => return Some(Holding::Yes),
                        Some(_) => {}
                        None => known = false,
                    }
                }
                known.then_some(Holding::No)
            }
            Self::Glob(template) => {
                if has_dot_segment(&value) {
                    return None;
                }
                let source = template.filled(asked, one_part)?;
                Some(glob(&source).ok()?.is_match(value.as_ref()).into())
            }
        }
    }
}
