//! Tokens of SQL, in a standard reading and in that of `MySQL`, which differ in
//! what a backslash, `#`, `--x` and `/*!` mean. Nothing is an error: what does
//! not end goes on to the end of the text. One pass.

/// How a text is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// `''` ends and goes on, comments nest, `$tag$` quotes.
    Standard,
    /// `\'` is a quote, `#` starts a comment, `/*! … */` is code.
    Mysql,
}

/// One token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A keyword or name, lower case.
    Word(String),
    /// A literal, its escapes resolved.
    Text(String),
    /// A name in double quotes or backquotes that could be a file's.
    Name(String),
    /// A whole number.
    Number(u32),
    /// Any other character.
    Mark(char),
}

pub(super) fn tokens(text: &str, dialect: Dialect) -> Vec<Token> {
    let mut lexer = Lexer {
        rest: text.chars(),
        dialect,
        tokens: Vec::new(),
    };
    lexer.run();
    lexer.tokens
}

struct Lexer<'a> {
    rest: std::str::Chars<'a>,
    dialect: Dialect,
    tokens: Vec<Token>,
}

impl Lexer<'_> {
    fn run(&mut self) {
        let mysql = self.dialect == Dialect::Mysql;
        while let Some(c) = self.rest.next() {
            let token = match c {
                c if c.is_whitespace() => continue,
                '-' if self.dashes(mysql) => {
                    self.line();
                    continue;
                }
                '#' if mysql => {
                    self.line();
                    continue;
                }
                '/' if self.peek() == Some('*') => {
                    self.comment(mysql);
                    continue;
                }
                '\'' => Token::Text(self.quoted('\'', mysql)),
                '"' | '`' => self.name(c, mysql && c == '"'),
                '$' if !mysql => self.dollar(),
                '0'..='9' => self.number(c),
                c if is_name(c) => self.word(c),
                other => Token::Mark(other),
            };
            self.tokens.push(token);
        }
    }

    fn peek(&self) -> Option<char> {
        self.rest.clone().next()
    }

    /// Whether `-` starts a comment.
    fn dashes(&self, mysql: bool) -> bool {
        let mut ahead = self.rest.clone();
        ahead.next() == Some('-') && (!mysql || ahead.next().is_none_or(char::is_whitespace))
    }

    fn line(&mut self) {
        while self.rest.next().is_some_and(|c| c != '\n') {}
    }

    fn comment(&mut self, mysql: bool) {
        self.rest.next();
        if mysql && self.peek() == Some('!') {
            // Its body is code; the end is two marks that mean nothing.
            self.rest.next();
            while self.peek().is_some_and(|c| c.is_ascii_digit()) {
                self.rest.next();
            }
            return;
        }
        let mut depth = 1_usize;
        while depth > 0 {
            match (self.rest.next(), self.peek()) {
                (None, _) => return,
                (Some('*'), Some('/')) => {
                    self.rest.next();
                    depth = depth.saturating_sub(1);
                }
                (Some('/'), Some('*')) if !mysql => {
                    self.rest.next();
                    depth = depth.saturating_add(1);
                }
                _ => {}
            }
        }
    }

    /// Up to the closing quote; a doubled one is a character.
    fn quoted(&mut self, quote: char, escapes: bool) -> String {
        let mut text = String::new();
        while let Some(c) = self.rest.next() {
            if c == quote {
                if self.peek() != Some(quote) {
                    break;
                }
                self.rest.next();
            } else if c == '\\' && escapes {
                match self.rest.next() {
                    Some(next) if next == quote => text.push(next),
                    Some(next) => {
                        text.push('\\');
                        text.push(next);
                    }
                    None => {}
                }
                continue;
            }
            text.push(c);
        }
        text
    }

    /// A quoted name: a file only by its form, which a column does not have.
    fn name(&mut self, quote: char, escapes: bool) -> Token {
        let name = self.quoted(quote, escapes);
        let is_file = name.contains(['/', '\\'])
            || name.starts_with(['.', '~'])
            || (quote == '"' && name.contains('.'));
        if is_file {
            Token::Name(name)
        } else {
            Token::Word(name.to_lowercase())
        }
    }

    /// `$$…$$`, `$tag$…$tag$`; `$1` is a parameter.
    fn dollar(&mut self) -> Token {
        let rest = self.rest.as_str();
        let end = rest.find(|c: char| !is_name(c)).unwrap_or(rest.len());
        let Some((tag, after)) = rest.split_at_checked(end) else {
            return Token::Mark('$');
        };
        let Some(body) = after.strip_prefix('$') else {
            return Token::Mark('$');
        };
        if tag.starts_with(|c: char| c.is_ascii_digit()) || tag.len() > 64 {
            return Token::Mark('$');
        }
        let close = format!("${tag}$");
        let (text, after) = body.split_once(&close).unwrap_or((body, ""));
        self.rest = after.chars();
        Token::Text(text.to_owned())
    }

    /// A number; `0x2f65` is a literal.
    fn number(&mut self, first: char) -> Token {
        let rest = self.rest.as_str();
        let end = rest.find(|c: char| !is_name(c)).unwrap_or(rest.len());
        let (digits, after) = rest.split_at_checked(end).unwrap_or_default();
        self.rest = after.chars();
        if first == '0'
            && let Some(hex) = digits.strip_prefix(['x', 'X'])
            && hex.len() > 2
        {
            return Token::Text(from_hex(hex));
        }
        Token::Number(
            format!("{first}{}", digits.get(..8).unwrap_or(digits))
                .parse()
                .unwrap_or(0),
        )
    }

    /// A word, or the literal that it is the prefix of.
    fn word(&mut self, first: char) -> Token {
        let rest = self.rest.as_str();
        let end = rest.find(|c: char| !is_name(c)).unwrap_or(rest.len());
        let (more, after) = rest.split_at_checked(end).unwrap_or_default();
        self.rest = after.chars();
        let word = format!("{first}{more}").to_lowercase();
        let unicode = after
            .strip_prefix('&')
            .filter(|a| word == "u" && a.starts_with('\''));
        if let Some(after) = unicode {
            self.rest = after.chars();
        }
        if self.peek() != Some('\'') {
            return Token::Word(word);
        }
        match word.as_str() {
            "e" => {
                self.rest.next();
                let text = self.escaped();
                Token::Text(text)
            }
            "x" => {
                self.rest.next();
                Token::Text(from_hex(&self.quoted('\'', false)))
            }
            "u" if unicode.is_some() => {
                self.rest.next();
                Token::Text(from_unicode(&self.quoted('\'', false)))
            }
            "q" | "nq" => {
                self.rest.next();
                self.oracle()
            }
            _ => Token::Word(word),
        }
    }

    /// `q'[…]'` of Oracle.
    fn oracle(&mut self) -> Token {
        let open = self.rest.next().unwrap_or('\'');
        let close = match open {
            '[' => "]'".to_owned(),
            '(' => ")'".to_owned(),
            '{' => "}'".to_owned(),
            '<' => ">'".to_owned(),
            other => format!("{other}'"),
        };
        let rest = self.rest.as_str();
        let (text, after) = rest.split_once(&close).unwrap_or((rest, ""));
        self.rest = after.chars();
        Token::Text(text.to_owned())
    }

    /// The body of `E'…'`: `\x73`, `\163`, `\u0073`.
    fn escaped(&mut self) -> String {
        let mut text = String::new();
        while let Some(c) = self.rest.next() {
            match c {
                '\'' if self.peek() == Some('\'') => {
                    self.rest.next();
                    text.push('\'');
                }
                '\'' => break,
                '\\' => {
                    let Some(kind) = self.rest.next() else { break };
                    let value = match kind {
                        'x' => self.digits(16, 2),
                        'u' => self.digits(16, 4),
                        'U' => self.digits(16, 8),
                        '0'..='7' => {
                            let head = kind.to_digit(8).unwrap_or(0);
                            let (tail, count) = self.counted(8, 2);
                            Some(
                                head.saturating_mul(8_u32.saturating_pow(count))
                                    .saturating_add(tail),
                            )
                        }
                        _ => None,
                    };
                    text.push(value.and_then(char::from_u32).unwrap_or(kind));
                }
                other => text.push(other),
            }
        }
        text
    }

    fn digits(&mut self, radix: u32, most: u32) -> Option<u32> {
        let (value, count) = self.counted(radix, most);
        (count > 0).then_some(value)
    }

    fn counted(&mut self, radix: u32, most: u32) -> (u32, u32) {
        let (mut value, mut count) = (0_u32, 0_u32);
        while count < most
            && let Some(digit) = self.peek().and_then(|c| c.to_digit(radix))
        {
            self.rest.next();
            value = value.saturating_mul(radix).saturating_add(digit);
            count = count.saturating_add(1);
        }
        (value, count)
    }
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Bytes written as digits; what is no text is dropped.
fn from_hex(digits: &str) -> String {
    let mut bytes = Vec::with_capacity(digits.len() / 2);
    let mut rest = digits.chars().filter_map(|c| c.to_digit(16));
    while let (Some(high), Some(low)) = (rest.next(), rest.next()) {
        bytes.extend(u8::try_from(high.saturating_mul(16).saturating_add(low)));
    }
    // UTF-16, as `N'…'` is stored, has zeros in between.
    bytes.retain(|b| *b != 0);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// `\0061` and `\+000061` of `U&'…'`.
fn from_unicode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        let mut ahead = rest.clone();
        let long = ahead.clone().next() == Some('+');
        if long {
            ahead.next();
        }
        let hex: String = ahead.clone().take(if long { 6 } else { 4 }).collect();
        match u32::from_str_radix(&hex, 16).ok().and_then(char::from_u32) {
            Some(value) => {
                out.push(value);
                for _ in 0..hex.chars().count() {
                    ahead.next();
                }
                rest = ahead;
            }
            None => out.push(c),
        }
    }
    out
}
