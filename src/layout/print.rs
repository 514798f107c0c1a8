//! Writing a document in the one layout.
//!
//! Comments stay with the key, the table or the list item that they stand above
//! or behind. What does not fit in a line is broken: lists over several lines,
//! inline tables into tables.

use super::comments::comments;
use super::order::Shape;
use std::fmt::Write as _;
use toml_edit::{
    Array, ArrayOfTables, DocumentMut, InlineTable, Item, Key, RawString, Table, Value,
};

/// Longest line that is not broken, in characters.
const WIDTH: usize = 100;

/// Lines, from the top of the file.
#[derive(Default)]
struct Out {
    text: String,
}

/// A table that was written as one, or as an inline table that is too long.
enum Section<'a> {
    Table(&'a Table),
    Inline(&'a InlineTable),
}

/// One table below another, with what stands above and behind its head.
struct Below<'a> {
    path: Vec<&'a Key>,
    section: Section<'a>,
    many: bool,
    shape: Shape,
    above: String,
    behind: String,
}

/// A key and its value within a table.
struct Line<'a> {
    path: Vec<&'a Key>,
    value: &'a Value,
}

pub(super) fn document(document: &DocumentMut) -> String {
    let mut out = Out::default();
    let header = header(document);
    out.remark(&header);
    let whole = Below {
        path: Vec::new(),
        section: Section::Table(document.as_table()),
        many: false,
        shape: Shape::Root,
        above: String::new(),
        behind: String::new(),
    };
    out.table(&whole, &header);
    out.gap();
    out.remark(raw(Some(document.trailing())));
    let text = out.text.trim_matches('\n');
    if text.is_empty() {
        String::new()
    } else {
        format!("{text}\n")
    }
}

/// What stands at the top of the file, apart from its first key or table, and
/// does not move with it.
fn header(document: &DocumentMut) -> String {
    let root = document.as_table();
    let key = root.get_values().into_iter().next();
    let first = match key {
        Some((path, _)) => raw(path.last().and_then(|key| key.leaf_decor().prefix())).to_owned(),
        None => first_table(root)
            .map(|table| raw(table.decor().prefix()).to_owned())
            .unwrap_or_default(),
    };
    let lines: Vec<&str> = first.lines().map(str::trim).collect();
    let last = lines.iter().rposition(|line| line.is_empty());
    let has_comment = |lines: &&[&str]| lines.iter().any(|line| !line.is_empty());
    let head = last.and_then(|last| lines.get(..=last)).filter(has_comment);
    head.map(|lines| lines.join("\n") + "\n")
        .unwrap_or_default()
}

/// The table that comes first in the text.
fn first_table(table: &Table) -> Option<&Table> {
    let mut found: Vec<&Table> = Vec::new();
    for (_, item) in table {
        match item {
            Item::Table(below) if below.is_implicit() => found.extend(first_table(below)),
            Item::Table(below) => found.push(below),
            Item::ArrayOfTables(all) => found.extend(all.iter().next()),
            Item::None | Item::Value(_) => {}
        }
    }
    found.into_iter().min_by_key(|table| table.position())
}

fn raw(text: Option<&RawString>) -> &str {
    text.and_then(RawString::as_str).unwrap_or_default()
}

impl Out {
    fn line(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    /// One empty line, unless there is one or nothing stands above.
    fn gap(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    /// Comments above something, and the empty lines between them.
    fn remark(&mut self, text: &str) {
        let mut lines = text.split('\n').peekable();
        while let Some(line) = lines.next() {
            match line.trim() {
                // What follows the last line end is only an indentation.
                "" if lines.peek().is_none() => {}
                "" => self.gap(),
                comment => self.line(comment),
            }
        }
    }

    /// A table with all below it. `header` is at the top of the file already.
    fn table(&mut self, table: &Below<'_>, header: &str) {
        let (lines, below) = parts(table);
        if table.is_shown(&lines, &below) {
            self.gap();
            let above = without(&table.above, header);
            self.remark(above.trim_start_matches(['\n', ' ', '\t', '\r']));
            let (open, close) = if table.many { ("[[", "]]") } else { ("[", "]") };
            let head = format!("{open}{}{close}", dotted(&table.path));
            self.line(&behind(head, &table.behind));
        }
        let mut first = true;
        for line in &lines {
            let above = line
                .path
                .last()
                .map_or("", |key| raw(key.leaf_decor().prefix()));
            let above = without(above, header);
            let above = if first && !table.path.is_empty() {
                above.trim_start_matches(['\n', ' ', '\t', '\r'])
            } else {
                above
            };
            self.remark(above);
            first = false;
            let head = format!("{} = ", dotted(&line.path));
            let shape = line.shape(table.shape);
            let value = written(line.value, shape, &head, "");
            let suffix = raw(line.value.decor().suffix());
            self.line(&behind(format!("{head}{value}"), suffix));
        }
        for below in below {
            self.table(&below, header);
        }
    }
}

/// `text` without the header, if it begins with it.
fn without<'a>(text: &'a str, header: &str) -> &'a str {
    if header.is_empty() {
        return text;
    }
    let mut rest = text;
    for expected in header.lines() {
        let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
        if line.trim() != expected {
            return text;
        }
        rest = after;
    }
    rest
}

/// With the comment that stands behind it.
fn behind(line: String, suffix: &str) -> String {
    match suffix.trim() {
        "" => line,
        comment => format!("{line} {comment}"),
    }
}

impl Below<'_> {
    /// Whether it has a head of its own.
    fn is_shown(&self, lines: &[Line<'_>], below: &[Below<'_>]) -> bool {
        let implicit = match self.section {
            Section::Table(table) => table.is_implicit(),
            Section::Inline(_) => false,
        };
        let needed = !implicit || !lines.is_empty() || below.is_empty();
        !self.path.is_empty() && (self.many || needed)
    }
}

impl Line<'_> {
    fn shape(&self, of: Shape) -> Shape {
        let keys = self.path.iter();
        keys.fold(of, |shape, key| shape.below(key.get()))
    }
}

/// The lines of a table, and the tables below it, both in their order.
fn parts<'a>(table: &Below<'a>) -> (Vec<Line<'a>>, Vec<Below<'a>>) {
    let values = match table.section {
        Section::Table(of) => of.get_values(),
        Section::Inline(of) => of.get_values(),
    };
    let mut lines: Vec<Line<'a>> = Vec::new();
    let mut below: Vec<(usize, Below<'a>)> = Vec::new();
    let rank = |keys: &[&Key]| {
        let key = keys.first().map_or("", |key| key.get());
        (table.shape.is_last(key), table.shape.rank(key))
    };
    for (path, value) in values {
        let line = Line { path, value };
        match too_long(&line, table) {
            Some(section) => below.push((rank(&line.path).1, section)),
            None => lines.push(line),
        }
    }
    lines.sort_by_key(|line| rank(&line.path));
    if let Section::Table(of) = table.section {
        tables(of, table, &table.path, table.shape, &mut below);
    }
    below.sort_by_key(|(rank, _)| *rank);
    (lines, below.into_iter().map(|(_, below)| below).collect())
}

/// The tables right below a table; those below its dotted keys included.
fn tables<'a>(
    of: &'a Table,
    table: &Below<'a>,
    path: &[&'a Key],
    shape: Shape,
    found: &mut Vec<(usize, Below<'a>)>,
) {
    for (name, item) in of {
        let Some(key) = of.key(name) else { continue };
        let path: Vec<&Key> = path.iter().copied().chain([key]).collect();
        let shape = shape.below(name);
        let top = path.get(table.path.len()).map_or(name, |key| key.get());
        let rank = table.shape.rank(top);
        match item {
            Item::Table(below) if below.is_dotted() => tables(below, table, &path, shape, found),
            Item::Table(below) => found.push((rank, Below::of(below, path, shape, false))),
            Item::ArrayOfTables(all) => found.extend(each(all, &path, shape, rank)),
            Item::None | Item::Value(_) => {}
        }
    }
}

fn each<'a>(
    all: &'a ArrayOfTables,
    path: &[&'a Key],
    shape: Shape,
    rank: usize,
) -> impl Iterator<Item = (usize, Below<'a>)> {
    let path = path.to_vec();
    all.iter()
        .map(move |table| (rank, Below::of(table, path.clone(), shape, true)))
}

impl<'a> Below<'a> {
    fn of(table: &'a Table, path: Vec<&'a Key>, shape: Shape, many: bool) -> Self {
        Self {
            path,
            section: Section::Table(table),
            many,
            shape,
            above: raw(table.decor().prefix()).to_owned(),
            behind: raw(table.decor().suffix()).to_owned(),
        }
    }
}

/// A line whose inline table does not fit becomes a table.
fn too_long<'a>(line: &Line<'a>, table: &Below<'a>) -> Option<Below<'a>> {
    let ([key], Value::InlineTable(inline)) = (line.path.as_slice(), line.value) else {
        return None;
    };
    let shape = table.shape.below(key.get());
    let head = format!("{} = ", spelled(key));
    let text = written(line.value, shape, &head, "");
    let fits = chars(&head).saturating_add(chars(&text)) <= WIDTH;
    // At the top of the file, a table would take in the keys that follow.
    if fits || inline.is_empty() || has_comments(line.value) || table.path.is_empty() {
        return None;
    }
    Some(Below {
        path: table.path.iter().copied().chain([*key]).collect(),
        section: Section::Inline(inline),
        many: false,
        shape,
        above: raw(key.leaf_decor().prefix()).to_owned(),
        behind: raw(inline.decor().suffix()).to_owned(),
    })
}

fn chars(text: &str) -> usize {
    text.chars().count()
}

fn has_comments(value: &Value) -> bool {
    let bare = value.clone().decorated("", "");
    !comments(&bare.to_string()).is_empty()
}

fn dotted(path: &[&Key]) -> String {
    let keys: Vec<_> = path.iter().map(|key| spelled(key)).collect();
    keys.join(".")
}

fn spelled(key: &Key) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let name = key.get();
    if !name.is_empty() && name.chars().all(bare) {
        name.to_owned()
    } else {
        quoted(name)
    }
}

/// A string in the quotes that need no escapes: `"`, or `'` where those do not
/// do.
fn quoted(text: &str) -> String {
    if !text.contains('\'') && text.contains(['"', '\\']) && !text.contains(char::is_control) {
        return format!("'{text}'");
    }
    let mut out = "\"".to_owned();
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c.is_control() => {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A value on one line after `head`, or a list over several, each line of which
/// begins with `indent`.
fn written(value: &Value, shape: Shape, head: &str, indent: &str) -> String {
    match value {
        Value::String(text) => {
            let own = text.display_repr();
            // Whoever breaks a string over lines has a reason.
            if own.starts_with("\"\"\"") || own.starts_with("'''") {
                return own.into_owned();
            }
            quoted(text.value())
        }
        Value::Integer(number) => number.display_repr().into_owned(),
        Value::Float(number) => number.display_repr().into_owned(),
        Value::Boolean(word) => word.display_repr().into_owned(),
        Value::Datetime(time) => time.display_repr().into_owned(),
        Value::InlineTable(_) if has_comments(value) => value.clone().decorated("", "").to_string(),
        Value::InlineTable(table) => inline(table, shape),
        Value::Array(array) => list(array, value, shape, head, indent),
    }
}

fn inline(table: &InlineTable, shape: Shape) -> String {
    let mut lines: Vec<Line<'_>> = table
        .get_values()
        .into_iter()
        .map(|(path, value)| Line { path, value })
        .collect();
    lines.sort_by_key(|line| {
        let key = line.path.first().map_or("", |key| key.get());
        (shape.is_last(key), shape.rank(key))
    });
    let parts: Vec<_> = lines
        .iter()
        .map(|line| {
            let value = flat(line.value, line.shape(shape));
            format!("{} = {value}", dotted(&line.path))
        })
        .collect();
    if parts.is_empty() {
        "{}".to_owned()
    } else {
        format!("{{ {} }}", parts.join(", "))
    }
}

/// A value on one line, however long.
fn flat(value: &Value, shape: Shape) -> String {
    match value {
        Value::Array(array) if !has_comments(value) => {
            let items: Vec<_> = array.iter().map(|item| flat(item, shape)).collect();
            format!("[{}]", items.join(", "))
        }
        _ => written(value, shape, "", ""),
    }
}

fn list(array: &Array, value: &Value, shape: Shape, head: &str, indent: &str) -> String {
    if has_comments(value) {
        return commented(array, shape, indent);
    }
    let line = flat(value, shape);
    if array.is_empty() || chars(head).saturating_add(chars(&line)) <= WIDTH {
        return line;
    }
    let inner = format!("{indent}  ");
    let mut text = "[\n".to_owned();
    let mut row = inner.clone();
    for item in array {
        let item = flat(item, shape);
        let used = chars(&row).saturating_add(chars(&item)).saturating_add(2);
        if row != inner && used > WIDTH {
            text.push_str(row.trim_end());
            text.push('\n');
            row.clone_from(&inner);
        }
        row.push_str(&item);
        row.push_str(", ");
    }
    text.push_str(row.trim_end());
    format!("{text}\n{indent}]")
}

/// A list with comments in it: an item on each line.
fn commented(array: &Array, shape: Shape, indent: &str) -> String {
    let inner = format!("{indent}  ");
    let mut text = "[".to_owned();
    let remark = |text: &mut String, between: &str| {
        for (n, line) in between.split('\n').enumerate() {
            let line = line.trim().trim_start_matches(',').trim_start();
            match (n, line) {
                (_, "") => {}
                // Behind the item before.
                (0, comment) => *text = format!("{text} {comment}"),
                (_, comment) => *text = format!("{text}\n{inner}{comment}"),
            }
        }
    };
    for item in array {
        remark(&mut text, raw(item.decor().prefix()));
        let value = written(item, shape, &inner, &inner);
        text = format!("{text}\n{inner}{value},");
        remark(&mut text, raw(item.decor().suffix()));
    }
    remark(&mut text, raw(Some(array.trailing())));
    format!("{text}\n{indent}]")
}
