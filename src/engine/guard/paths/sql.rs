//! Which files an SQL statement opens, and what it runs.
//!
//! Not a parser of any dialect. Tokens (`sql/lexer.rs`) are read by position: a
//! literal is a file behind `FROM`, `ATTACH`, `INTO OUTFILE` and the like, and as an
//! argument of a function that is not known to work on text only. A literal
//! that is compared, stored or shown is none. Linear in the text.

mod lexer;
mod opening;

use super::role::listed;
use super::shape;
use lexer::{Dialect, Token};
pub(super) use opening::is_statement;

/// What a statement does with a literal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// Opens it.
    Read,
    /// Writes to it.
    Written,
    /// Runs it as a program.
    Runs,
    /// Executes it as SQL.
    Statement,
}

/// A literal that a statement does something with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reach {
    pub(super) text: String,
    pub(super) how: How,
}

/// Words behind which a literal is a file.
const BEFORE_FILE: &str = "
    from attach database infile import program install load outfile dumpfile into to bulk
    describe desc summarize join export location filename pivot unpivot table extension
";
/// Those behind which it is written to.
const BEFORE_TARGET: &str = "to into outfile dumpfile export";
/// Statements in which every literal is a file, a program or a statement.
const WHOLE: &str = "
    attach import export vacuum restore backup bulk exec execute prepare install describe
    desc summarize do
";
/// Statements whose settings may be files.
const SETTINGS: &str = "set alter pragma backup restore";
/// Words before `(` that call nothing.
const NO_CALL: &str = "
    values in and or not on where from select as using exists any all some over by join when
    then else case set returning into table distinct interval limit like ilike between is
    having union except intersect check enum default key unique primary references with
    partition filter within varchar char decimal numeric only options
";
/// Words before a name that is no function: `INSERT INTO t (…)`.
const NAMES_TABLE: &str =
    "into table exists references on view index constraint type domain key update join with";
/// Functions of text: what they are given is not opened by them.
const OF_TEXT: &str = "
    lower upper length len char_length character_length octet_length substr substring trim
    ltrim rtrim btrim replace instr position overlay extract split_part split concat concat_ws
    coalesce nullif ifnull isnull nvl iif if like soundex contains count sum min max avg
    quote quote_literal quote_ident printf format md5 sha1 sha256 sha2 sha512 encode decode hex
    unhex array array_agg string_agg group_concat listagg similarity levenshtein left right lpad
    rpad startswith starts_with endswith ends_with charindex patindex cast convert try_cast
    match against highlight snippet bm25 vector embedding websearch_to_tsquery
    plainto_tsquery phraseto_tsquery ts_headline any_value unnest row array_contains
    array_position list_contains field elt find_in_set greatest least ascii unicode reverse
    repeat translate collate nchar chr char chars ts_rank basename dirname parse_path
";
/// Functions that open or run what they are given; where one is called, every
/// literal of the text may come to it through a name.
const OPENERS: &str = "
    load_file readfile writefile pg_read_file pg_read_binary_file pg_ls_dir pg_stat_file
    lo_import lo_export read_csv read_csv_auto read_json read_json_auto read_text read_blob
    read_parquet parquet_scan sniff_csv utl_file bfilename openrowset load_extension fileio_read
    fsdir xp_dirtree xp_fileexist xp_subdirs
";
/// Words that say that something is run.
const RUNNERS: &str = "xp_cmdshell sp_oacreate sys_exec sys_eval program executable system";

/// Everything that `text` opens, writes, runs or executes.
pub(super) fn reaches(text: &str) -> Vec<Reach> {
    let mut found = opening::commands(text);
    for dialect in [Dialect::Standard, Dialect::Mysql] {
        // The second reading differs only where one of these stands.
        if dialect == Dialect::Mysql
            && !["\\", "#", "--", "/*", "$"]
                .iter()
                .any(|s| text.contains(s))
        {
            break;
        }
        let tokens = lexer::tokens(text, dialect);
        let mut reading = Reading::of(&tokens);
        reading.run();
        for reach in reading.found {
            if found.len() > 64 || !found.contains(&reach) {
                found.push(reach);
            }
        }
    }
    found
}

/// The literals that are files.
#[cfg(test)]
pub(super) fn files(text: &str) -> Vec<String> {
    let is_file = |r: &Reach| matches!(r.how, How::Read | How::Written);
    reaches(text)
        .into_iter()
        .filter(is_file)
        .map(|r| r.text)
        .collect()
}

/// What a bracket belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bracket {
    /// The call of a function, or a statement, that may open what it is given,
    /// or write to it.
    Call { writes: bool },
    /// `FROM` in it names a text: `trim('/' FROM x)`.
    Trims,
    /// Its numbers are characters: `CHAR(47, 101)`.
    Spells,
    /// Anything else.
    Group,
}

/// A bracket that is open.
struct Frame {
    of: Bracket,
    /// The literals of the argument being read, glued.
    glued: String,
    /// Those of the argument before.
    before: String,
    /// How many literals the argument has.
    parts: usize,
}

impl Frame {
    fn of(of: Bracket) -> Self {
        Self {
            of,
            glued: String::new(),
            before: String::new(),
            parts: 0,
        }
    }

    fn opens(&self) -> bool {
        matches!(self.of, Bracket::Call { .. })
    }

    fn writes(&self) -> bool {
        self.of == Bracket::Call { writes: true }
    }
}

/// One pass over the tokens.
struct Reading<'a> {
    tokens: &'a [Token],
    frames: Vec<Frame>,
    /// Which of them open what they are given.
    calls: Vec<usize>,
    /// The first word of the statement being read.
    first: &'a str,
    /// Some function of the text opens files.
    opener: bool,
    /// Something in the text runs programs.
    runner: bool,
    /// The literal before was a file.
    was_file: bool,
    found: Vec<Reach>,
}

impl<'a> Reading<'a> {
    fn of(tokens: &'a [Token]) -> Self {
        let called = |at: usize| {
            matches!(
                tokens.get(at.saturating_add(1)),
                Some(Token::Mark('(' | '.'))
            )
        };
        let any = |list: &str, must: bool| {
            tokens.iter().enumerate().any(|(at, token)| {
                matches!(token, Token::Word(w) if listed(list, w)) && (!must || called(at))
            })
        };
        Self {
            opener: any(OPENERS, true),
            runner: any(RUNNERS, false),
            tokens,
            frames: Vec::new(),
            calls: Vec::new(),
            first: "",
            was_file: false,
            found: Vec::new(),
        }
    }

    fn word(&self, at: Option<usize>) -> &'a str {
        match at.and_then(|at| self.tokens.get(at)) {
            Some(Token::Word(word)) => word,
            _ => "",
        }
    }

    fn run(&mut self) {
        let tokens = self.tokens;
        for (at, token) in tokens.iter().enumerate() {
            match token {
                Token::Mark(';') => {
                    while !self.frames.is_empty() {
                        self.close();
                    }
                    self.first = "";
                }
                Token::Word(word) => {
                    if self.first.is_empty() && !listed("explain analyze verbose begin", word) {
                        self.first = word;
                        if listed(WHOLE, word) {
                            let writes = listed("export vacuum backup", word);
                            self.push(Frame::of(Bracket::Call { writes }));
                        }
                    } else if listed("then begin else loop perform", word) {
                        // A statement of its own inside of a block.
                        self.first = "";
                    }
                }
                Token::Mark('(' | '[') => self.open(at),
                Token::Mark(')' | ']') => self.close(),
                Token::Mark(',') => self.next_argument(),
                Token::Mark(_) => {}
                Token::Number(value) => self.character(*value),
                Token::Text(text) | Token::Name(text) => self.literal(at, text),
            }
        }
        while !self.frames.is_empty() {
            self.close();
        }
    }

    fn open(&mut self, at: usize) {
        let name = self.word(at.checked_sub(1));
        let owner = self.word(at.checked_sub(2));
        let of_text = listed(OF_TEXT, name)
            || [
                "json", "regexp", "str", "to_", "date", "time", "array_", "list_",
            ]
            .iter()
            .any(|start| name.starts_with(start));
        let calls = !name.is_empty()
            && self.tokens.get(at) == Some(&Token::Mark('('))
            && !listed(NO_CALL, name)
            && !of_text
            && !listed(NAMES_TABLE, owner);
        let writes = ["write", "export", "dump"].iter().any(|s| name.contains(s));
        self.push(Frame::of(match name {
            "trim" | "extract" | "substring" | "overlay" | "position" => Bracket::Trims,
            "char" | "chr" | "nchar" => Bracket::Spells,
            _ if calls => Bracket::Call { writes },
            _ => Bracket::Group,
        }));
    }

    /// The innermost call that opens what it is given.
    fn opening(&mut self) -> Option<&mut Frame> {
        self.frames.get_mut(*self.calls.last()?)
    }

    fn push(&mut self, frame: Frame) {
        if frame.opens() {
            self.calls.push(self.frames.len());
        }
        self.frames.push(frame);
    }

    fn next_argument(&mut self) {
        if self.frames.last().is_some_and(Frame::opens) {
            self.end_argument();
        }
    }

    fn close(&mut self) {
        self.next_argument();
        if self.frames.pop().is_some_and(|f| f.opens()) {
            self.calls.pop();
        }
    }

    /// What an argument was put together to, alone and below the one before it:
    /// `fopen('/etc', 'shadow')`.
    fn end_argument(&mut self) {
        let Some(frame) = self.frames.last_mut() else {
            return;
        };
        let glued = std::mem::take(&mut frame.glued);
        let before = std::mem::replace(&mut frame.before, glued.clone());
        let parts = std::mem::take(&mut frame.parts);
        let writes = frame.writes();
        if glued.is_empty() {
            return;
        }
        if !before.is_empty() && before.len() <= 4096 && glued.len() <= 4096 {
            self.emit(format!("{before}/{glued}"), writes);
        }
        if parts > 1 {
            self.emit(glued, writes);
        }
    }

    /// `CHAR(47, 101)` and `CHR(47) || CHR(101)` are text.
    fn character(&mut self, value: u32) {
        if self.frames.last().is_some_and(|f| f.of == Bracket::Spells)
            && let Some(c) = char::from_u32(value)
            && let Some(frame) = self.opening()
        {
            frame.glued.push(c);
            frame.parts = frame.parts.saturating_add(2);
        }
    }

    fn literal(&mut self, at: usize, text: &str) {
        let by_position = self.is_file(at);
        let before = self.word(self.before(at));
        let opened = self.opening().map(|frame| {
            frame.glued.push_str(text);
            frame.parts = frame.parts.saturating_add(1);
            frame.writes()
        });
        self.was_file = by_position;
        if listed(RUNNERS, before) {
            self.found.push(Reach {
                text: text.to_owned(),
                how: How::Runs,
            });
        }
        if by_position || opened.is_some() || self.opener {
            let writes = listed(BEFORE_TARGET, before)
                || opened == Some(true)
                || listed(SETTINGS, self.first);
            self.emit(text.to_owned(), writes);
        } else if (self.runner && shape::is_line(text)) || self.is_body(at, text) {
            self.act(text.to_owned());
        }
    }

    /// The token before the one at `at`, brackets and `schema.` left out.
    fn before(&self, at: usize) -> Option<usize> {
        let mut at = at.checked_sub(1)?;
        for _ in 0..4 {
            match self.tokens.get(at)? {
                Token::Mark('(' | '[') => at = at.checked_sub(1)?,
                Token::Mark('.') => at = at.checked_sub(2)?,
                _ => break,
            }
        }
        Some(at)
    }

    /// Whether the literal at `at` stands where a file is named.
    fn is_file(&self, at: usize) -> bool {
        let Some(before) = self.before(at) else {
            return false;
        };
        let earlier = self.word(before.checked_sub(1));
        match self.tokens.get(before) {
            Some(Token::Word(word)) => {
                let of_text = match word.as_str() {
                    "to" => earlier == "similar",
                    "from" => {
                        earlier == "distinct"
                            || self.frames.last().is_some_and(|f| f.of == Bracket::Trims)
                    }
                    _ => false,
                };
                listed(BEFORE_FILE, word) && !of_text
            }
            Some(Token::Mark('=')) => listed(SETTINGS, self.first) || listed("disk url", earlier),
            // `FROM 'a', 'b'`
            Some(Token::Mark(',')) => self.was_file,
            _ => false,
        }
    }

    /// The body of a function or block.
    fn is_body(&self, at: usize, text: &str) -> bool {
        text.contains(char::is_whitespace)
            && self.first == "create"
            && self.word(at.checked_sub(1)) == "as"
    }

    fn emit(&mut self, text: String, writes: bool) {
        let how = if writes { How::Written } else { How::Read };
        if text.contains(char::is_whitespace) {
            self.act(text.clone());
        }
        if shape::is_single(&text) || shape::is_spaced_path(&text) {
            self.found.push(Reach { text, how });
        }
    }

    /// Reads a literal as what it says to do.
    fn act(&mut self, text: String) {
        let of_server = text.trim_start().starts_with("xp_");
        if is_statement(&text) || of_server || matches!(self.first, "do" | "create") {
            self.found.push(Reach {
                text,
                how: How::Statement,
            });
        } else if shape::is_command(&text) {
            self.found.push(Reach {
                text,
                how: How::Runs,
            });
        }
    }
}

#[cfg(test)]
mod tests;
