//! Words of a shell command line, well enough to see every path in it.
//!
//! Not a shell: it drops quotes, keeps backslashes for the spellings, notes
//! redirections, and hands out the bodies of substitutions and here-documents
//! to be read in turn. It errs towards more words. Linear in the text.

/// One word of a command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Word {
    /// Without its quotes.
    pub(super) text: String,
    /// Some part was quoted.
    pub(super) quoted: bool,
    /// The target of `<`, `>` or `>>`.
    pub(super) redirect: bool,
    /// The target of `>` or `>>`.
    pub(super) written: bool,
}

/// One command: its words, and the here-document that it reads.
#[derive(Debug, Clone, Default)]
pub(super) struct Command {
    /// In order.
    pub(super) words: Vec<Word>,
    /// Bodies of here-documents.
    pub(super) documents: Vec<String>,
    /// Whether its output goes to the next command.
    pub(super) piped: bool,
}

/// A command line, split.
#[derive(Debug, Clone, Default)]
pub(super) struct Script {
    /// Commands, in order.
    pub(super) commands: Vec<Command>,
    /// Bodies of `$(…)`, backquotes, `<(…)`.
    pub(super) nested: Vec<String>,
}

/// Splits a command line.
pub(super) fn parse(text: &str) -> Script {
    let text = text
        .replace("${IFS}", " ")
        .replace("$IFS$9", " ")
        .replace("$IFS", " ");
    let mut reader = Reader {
        rest: text.chars(),
        ..Reader::default_of()
    };
    reader.run();
    reader.script
}

/// The one word that `echo word` or `printf word` prints.
fn plainly_printed(body: &str) -> Option<String> {
    let mut words = body.split_whitespace();
    if !matches!(words.next()?, "echo" | "printf") {
        return None;
    }
    let word = words.next().filter(|_| words.next().is_none())?;
    let word = word.trim_matches(['"', '\'']);
    word.bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"._-/~".contains(&b))
        .then(|| word.to_owned())
}

struct Reader<'a> {
    rest: std::str::Chars<'a>,
    script: Script,
    command: Command,
    word: Option<Word>,
    redirect: Option<bool>,
    /// Delimiters of here-documents that start on the next line.
    waiting: Vec<String>,
    document_next: bool,
}

impl Reader<'_> {
    fn default_of() -> Self {
        Self {
            rest: "".chars(),
            script: Script::default(),
            command: Command::default(),
            word: None,
            redirect: None,
            waiting: Vec::new(),
            document_next: false,
        }
    }

    fn run(&mut self) {
        while let Some(c) = self.rest.next() {
            match c {
                '\'' | '"' => self.quoted(c),
                '`' => {
                    let body = self.until('`');
                    self.printed(body);
                }
                '$' if matches!(self.peek(), Some('\'' | '"')) => {}
                '$' if self.peek() == Some('(') => self.substitution(),
                '\\' => match self.rest.next() {
                    Some('\n') | None => {}
                    Some(next) => {
                        self.push('\\');
                        self.push(next);
                    }
                },
                '#' if self.word.is_none() => {
                    while self.peek().is_some_and(|c| c != '\n') {
                        self.rest.next();
                    }
                }
                '\n' => {
                    self.end_command(false);
                    self.documents();
                }
                c if c.is_whitespace() => self.end_word(),
                ';' | '&' | '(' | ')' => self.end_command(false),
                '|' => self.end_command(true),
                '<' | '>' => self.angle(c),
                c => self.push(c),
            }
        }
        self.end_command(false);
    }

    fn peek(&self) -> Option<char> {
        self.rest.clone().next()
    }

    fn push(&mut self, c: char) {
        self.word.get_or_insert_default().text.push(c);
    }

    fn push_str(&mut self, text: &str) {
        self.word.get_or_insert_default().text.push_str(text);
    }

    fn until(&mut self, end: char) -> String {
        let mut body = String::new();
        for c in self.rest.by_ref() {
            if c == end {
                break;
            }
            body.push(c);
        }
        body
    }

    /// Inside quotes; a double-quoted substitution is still one.
    fn quoted(&mut self, quote: char) {
        self.word.get_or_insert_default().quoted = true;
        while let Some(c) = self.rest.next() {
            if c == quote {
                return;
            }
            match c {
                '\\' if quote == '"' => {
                    if let Some(next) = self.rest.next() {
                        if next != '"' {
                            self.push('\\');
                        }
                        self.push(next);
                    }
                }
                '$' if quote == '"' && self.peek() == Some('(') => self.substitution(),
                '`' if quote == '"' => {
                    let body = self.until('`');
                    self.printed(body);
                }
                c => self.push(c),
            }
        }
    }

    /// After `$`, at `(`.
    fn substitution(&mut self) {
        self.rest.next();
        let (mut depth, mut body) = (0_usize, String::new());
        for c in self.rest.by_ref() {
            match c {
                '(' => depth = depth.saturating_add(1),
                ')' if depth == 0 => break,
                ')' => depth = depth.saturating_sub(1),
                _ => {}
            }
            body.push(c);
        }
        self.printed(body);
    }

    /// A substitution: what it prints where that can be told, or a mark for it.
    fn printed(&mut self, body: String) {
        match plainly_printed(&body) {
            Some(text) => self.push_str(&text),
            None => self.push_str("$()"),
        }
        self.script.nested.push(body);
    }

    fn angle(&mut self, c: char) {
        // `2>` is part of the operator, `file>` is not.
        if self
            .word
            .as_ref()
            .is_some_and(|w| w.text.bytes().all(|b| b.is_ascii_digit()) && !w.quoted)
        {
            self.word = None;
        }
        self.end_word();
        if self.peek() == Some('(') {
            self.substitution();
            return;
        }
        let mut count = 1_usize;
        while self.peek() == Some(c) {
            self.rest.next();
            count = count.saturating_add(1);
        }
        if matches!(self.peek(), Some('&' | '|')) {
            self.rest.next();
        }
        if c == '<' && count == 2 {
            if self.peek() == Some('-') {
                self.rest.next();
            }
            self.document_next = true;
        } else if c == '<' && count == 3 {
            // A here-string is data, as the arguments of echo are.
            self.redirect = None;
        } else {
            self.redirect = Some(c == '>');
        }
    }

    fn end_word(&mut self) {
        let Some(mut word) = self.word.take() else {
            return;
        };
        if self.document_next {
            self.document_next = false;
            self.waiting.push(word.text);
            return;
        }
        if let Some(written) = self.redirect.take() {
            word.redirect = true;
            word.written = written;
        }
        self.command.words.push(word);
    }

    fn end_command(&mut self, piped: bool) {
        self.end_word();
        self.redirect = None;
        if self.command.words.is_empty() {
            // `(a; b) | c`
            if let Some(last) = self.script.commands.last_mut().filter(|_| piped) {
                last.piped = true;
            }
            return;
        }
        let mut command = std::mem::take(&mut self.command);
        command.piped = piped;
        self.script.commands.push(command);
    }

    /// Bodies of the here-documents announced on the line that just ended.
    fn documents(&mut self) {
        for end in std::mem::take(&mut self.waiting) {
            let mut body = String::new();
            loop {
                let line: String = {
                    let mut line = String::new();
                    let mut more = false;
                    for c in self.rest.by_ref() {
                        more = true;
                        if c == '\n' {
                            break;
                        }
                        line.push(c);
                    }
                    if !more {
                        break;
                    }
                    line
                };
                if line.trim() == end {
                    break;
                }
                body.push_str(&line);
                body.push('\n');
            }
            if let Some(command) = self.script.commands.last_mut() {
                command.documents.push(body);
            }
        }
    }
}
