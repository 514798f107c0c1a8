//! A command line in the small grammar that all shells agree on.
//!
//! Words of plain letters, `'...'`, `"..."`, and `;`, `&&`, `||`, `|` and line
//! ends between commands. Everything else (variables, substitutions, globs,
//! redirections, escapes, groups, comments, assignments, background jobs) makes
//! a shell do what is not written in the line, or not every shell the same.

/// The commands of a line, word by word; `None` where it is not understood.
pub(super) fn commands(text: &str) -> Option<Vec<Vec<String>>> {
    let mut reader = Reader::default();
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\'' => loop {
                match rest.next()? {
                    '\'' => {
                        reader.word.get_or_insert_default();
                        break;
                    }
                    c => reader.push(c)?,
                }
            },
            '"' => loop {
                match rest.next()? {
                    '"' => {
                        reader.word.get_or_insert_default();
                        break;
                    }
                    '$' | '`' | '\\' | '!' => return None,
                    c => reader.push(c)?,
                }
            },
            ' ' | '\t' => reader.end_word(),
            ';' | '\n' => reader.end_command(c == ';')?,
            '&' | '|' => {
                let doubled = rest.next_if_eq(&c).is_some();
                if c == '&' && !doubled {
                    return None;
                }
                reader.end_command(true)?;
                reader.open = true;
            }
            // At the start of a word they mean a home, a comment, a program.
            '~' | '#' | '=' if reader.word.is_none() => return None,
            c if is_letter(c) || "~#=".contains(c) => reader.push(c)?,
            _ => return None,
        }
    }
    reader.end_command(false)?;
    let plain = |command: &Vec<String>| command.first().is_some_and(|program| is_plain(program));
    let all = reader.commands;
    (!all.is_empty() && !reader.open && all.iter().all(plain)).then_some(all)
}

/// Whether a program is called by nothing but its name or path. An assignment
/// is none, and neither is a word that shells keep for themselves.
pub(super) fn is_plain(program: &str) -> bool {
    const KEPT: &str = "
        if then else elif fi for while until do done case esac select function in time coproc
        alias builtin declare enable export hash local readonly set shopt source trap typeset
        unalias unset .
    ";
    let letter = |c: char| c.is_ascii_alphanumeric() || "_-./+".contains(c);
    !program.is_empty()
        && program.chars().all(letter)
        && !program.starts_with('-')
        && !KEPT.split_whitespace().any(|word| word == program)
}

/// Letters that mean themselves in every shell.
fn is_letter(c: char) -> bool {
    c.is_ascii_alphanumeric()
        || "_-./:@%+,".contains(c)
        || (!c.is_ascii() && !c.is_whitespace() && !c.is_control())
}

#[derive(Default)]
struct Reader {
    commands: Vec<Vec<String>>,
    command: Vec<String>,
    word: Option<String>,
    /// A `|` or the like waits for its second command.
    open: bool,
}

impl Reader {
    fn push(&mut self, c: char) -> Option<()> {
        let odd = c.is_control() && !matches!(c, '\n' | '\t');
        if odd {
            return None;
        }
        self.word.get_or_insert_default().push(c);
        Some(())
    }

    fn end_word(&mut self) {
        self.command.extend(self.word.take());
    }

    /// `None`: an operator without a command before it.
    fn end_command(&mut self, needed: bool) -> Option<()> {
        self.end_word();
        if self.command.is_empty() {
            return (!needed).then_some(());
        }
        self.open = false;
        self.commands.push(std::mem::take(&mut self.command));
        Some(())
    }
}
