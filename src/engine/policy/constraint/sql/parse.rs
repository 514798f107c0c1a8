//! SQL text to statements, where every database of a dialect reads the same.
//!
//! Tokens are looked at before they are parsed: comments that one database
//! executes, strings that end elsewhere in another, and depth that the parser
//! could not bear.

use sqlparser::ast::Statement;
use sqlparser::dialect::{
    Dialect as Grammar, GenericDialect, MySqlDialect, PostgreSqlDialect, SQLiteDialect,
};
use sqlparser::keywords::Keyword;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, Tokenizer, Whitespace};

/// Longest text that is parsed.
const LONGEST: usize = 64 * 1024;
/// Deepest nesting of brackets and the like.
const DEPTH: usize = 8;
/// Deepest recursion of the parser, whose frames are large.
const RECURSION: usize = 18;
/// Most tokens that may each make the tree one deeper: a chain of operators is
/// a tree as deep as it is long.
const OPERATORS: usize = 300;

/// Whose SQL it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine::policy) enum Dialect {
    Postgres,
    Sqlite,
    Mysql,
    Generic,
}

impl Dialect {
    /// Its names in a policy.
    pub(in crate::engine::policy) const ALL: [(&'static str, Self); 4] = [
        ("postgres", Self::Postgres),
        ("sqlite", Self::Sqlite),
        ("mysql", Self::Mysql),
        ("generic", Self::Generic),
    ];
}

/// The statements of a text; `None` where it is not understood, or too much.
pub(super) fn parse(text: &str, dialect: Dialect) -> Option<Vec<Statement>> {
    let odd = |c: char| {
        (c.is_control() && !matches!(c, '\n' | '\r' | '\t')) || (!c.is_ascii() && c.is_whitespace())
    };
    // Whether a backslash ends a string is a setting in MySQL.
    let escapes = matches!(dialect, Dialect::Mysql | Dialect::Generic) && text.contains('\\');
    // The tokenizer would take some of them for what they hold; whether it is
    // executed is a matter of the database's version.
    let hints = ["/*!", "/*M!", "/*+"].iter().any(|h| text.contains(h));
    if text.len() > LONGEST || text.contains(odd) || escapes || hints {
        return None;
    }
    let grammar: &dyn Grammar = match dialect {
        Dialect::Postgres => &PostgreSqlDialect {},
        Dialect::Sqlite => &SQLiteDialect {},
        Dialect::Mysql => &MySqlDialect {},
        Dialect::Generic => &GenericDialect {},
    };
    let tokens = Tokenizer::new(grammar, text)
        .tokenize_with_location()
        .ok()?;
    if !bears(tokens.iter().map(|token| &token.token), dialect) {
        return None;
    }
    let statements = Parser::new(grammar)
        .with_recursion_limit(RECURSION)
        .with_tokens_with_locations(tokens)
        .parse_statements()
        .ok()?;
    (!statements.is_empty()).then_some(statements)
}

/// Whether the tokens mean the same everywhere, and are not too many.
fn bears<'t>(tokens: impl Iterator<Item = &'t Token>, dialect: Dialect) -> bool {
    let (mut depth, mut operators) = (0_usize, 0_usize);
    for token in tokens {
        match token {
            Token::Whitespace(space) => {
                if !is_plain_space(space, dialect) {
                    return false;
                }
            }
            Token::LParen | Token::LBracket | Token::LBrace => depth = depth.saturating_add(1),
            Token::RParen | Token::RBracket | Token::RBrace => depth = depth.saturating_sub(1),
            Token::DollarQuotedString(_) if dialect != Dialect::Postgres => return false,
            // Escapes of their own, which every database counts differently.
            Token::EscapedStringLiteral(_)
            | Token::UnicodeStringLiteral(_)
            | Token::QuoteDelimitedStringLiteral(_)
            | Token::NationalQuoteDelimitedStringLiteral(_)
            | Token::SingleQuotedRawStringLiteral(_)
            | Token::DoubleQuotedRawStringLiteral(_)
            | Token::TripleSingleQuotedString(_)
            | Token::TripleDoubleQuotedString(_)
            | Token::TripleSingleQuotedRawStringLiteral(_)
            | Token::TripleDoubleQuotedRawStringLiteral(_)
            | Token::TripleSingleQuotedByteStringLiteral(_)
            | Token::TripleDoubleQuotedByteStringLiteral(_)
            | Token::Backslash
            | Token::Char(_) => return false,
            Token::Comma
            | Token::Period
            | Token::SemiColon
            | Token::Number(..)
            | Token::SingleQuotedString(_)
            | Token::DoubleQuotedString(_)
            | Token::NationalStringLiteral(_)
            | Token::HexStringLiteral(_)
            | Token::Placeholder(_)
            | Token::DollarQuotedString(_)
            | Token::EOF => {}
            Token::Word(word) if word.keyword == Keyword::NoKeyword => {}
            _ => operators = operators.saturating_add(1),
        }
        if depth > DEPTH || operators > OPERATORS {
            return false;
        }
    }
    true
}

/// Space, or a comment that is one for every database.
fn is_plain_space(space: &Whitespace, dialect: Dialect) -> bool {
    match space {
        Whitespace::Space | Whitespace::Newline | Whitespace::Tab => true,
        // MySQL wants a space behind `--`, and knows `#`, as nobody else does.
        Whitespace::SingleLineComment { comment, prefix } => {
            let spaced = comment.is_empty() || comment.starts_with(char::is_whitespace);
            let ended = !comment
                .trim_end_matches(['\n', '\r'])
                .contains(['\n', '\r']);
            ended && ((prefix == "--" && spaced) || (prefix == "#" && dialect == Dialect::Mysql))
        }
        // Only some nest.
        Whitespace::MultiLineComment(comment) => !comment.contains("/*"),
    }
}
