//! The one layout of policy files: what `lockgate fmt` writes.
//!
//! Nothing is lost: the result has the same values and the same comments, or
//! there is none. Deliberately absent: any look at what the policy means, so
//! that a file with mistakes of the language is laid out as well. Only what is
//! no TOML is refused.

mod comments;
mod order;
mod print;

use toml_edit::DocumentMut;

/// Why a file is not laid out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// It is no TOML.
    #[error("{0}")]
    Syntax(String),
    /// A comment stands where the layout has no place for it.
    #[error("cannot keep the comment `{0}`: move it above its key or its table")]
    Comment(String),
    /// The result would say something else; nothing is written then.
    #[error("cannot be laid out without a change of what it says")]
    Meaning,
}

/// Lays out a TOML text. The result of the result is the result.
pub fn format(text: &str) -> Result<String, LayoutError> {
    let syntax = |e: toml_edit::TomlError| LayoutError::Syntax(e.to_string());
    let document: DocumentMut = text.parse().map_err(syntax)?;
    let result = print::document(&document);
    let values = |text: &str| {
        text.parse::<toml::Table>()
            .map_err(|e| LayoutError::Syntax(e.to_string()))
    };
    if values(text)? != values(&result).map_err(|_| LayoutError::Meaning)? {
        return Err(LayoutError::Meaning);
    }
    match comments::lost(text, &result) {
        Some(comment) => Err(LayoutError::Comment(comment)),
        None => Ok(result),
    }
}

#[cfg(test)]
mod tests;
