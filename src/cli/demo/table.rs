//! The table that the demo prints: plain text, at most 98 columns wide.

use super::Evidence;
use std::fmt::Write;
use std::path::Path;

const WHAT: usize = 44;
const HAPPENED: usize = 27;

/// One line of the table.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) attack: bool,
    /// What was tried.
    pub(super) what: String,
    /// What the agent was told.
    pub(super) happened: String,
    /// What reached the server.
    pub(super) received: String,
    /// Attacks are stopped, honest calls get through.
    pub(super) as_it_should: bool,
}

/// Draws rows and counts them.
#[derive(Debug)]
pub(super) struct Table {
    color: bool,
    attacks: u32,
    honest: u32,
    wrong: u32,
}

impl Table {
    /// An empty table; `color` where a terminal shows it.
    pub(super) fn new(color: bool) -> Self {
        Self {
            color,
            attacks: 0,
            honest: 0,
            wrong: 0,
        }
    }

    /// Whether everything went as it should.
    pub(super) fn is_fine(&self) -> bool {
        self.wrong == 0
    }

    /// What stands above the table.
    pub(super) fn head(&self, root: &Path) -> String {
        format!(
            "\n{title}\n\n\
             \x20 agent (scripted)  -->  lockgate run  -->  hostile MCP server (a real process)\n\n\
             \x20 No policy is written: this is the built-in baseline. The home directory, its\n\
             \x20 secrets and all logs are made for this demo, in\n\
             \x20 {root}\n\n\
             \x20 {what:<width$}  {happened:<HAPPENED$}  {received}",
            title = self.bold("lockgate demo"),
            root = root.display(),
            what = "WHAT WAS TRIED",
            width = WHAT + 2,
            happened = "WHAT HAPPENED",
            received = "THE SERVER RECEIVED",
        )
    }

    /// The head of an act.
    pub(super) fn act(&self, title: &str, told: &str) -> String {
        format!("\n  {}\n  {}", self.bold(title), self.dim(told))
    }

    /// One line, counted.
    pub(super) fn row(&mut self, row: &Row) -> String {
        let count = if row.attack {
            &mut self.attacks
        } else {
            &mut self.honest
        };
        *count = count.saturating_add(1);
        let mark = if row.as_it_should {
            self.paint("32", "✓")
        } else {
            self.wrong = self.wrong.saturating_add(1);
            self.paint("1;31", "✗")
        };
        let happened = fit(&row.happened, HAPPENED);
        let happened = self.paint(if row.attack { "33" } else { "0" }, &happened);
        format!(
            "  {mark} {}  {happened}  {}",
            fit(&row.what, WHAT),
            row.received
        )
    }

    /// What stands below the table.
    pub(super) fn end(&self, root: &Path, evidence: &Evidence) -> String {
        let mut end = String::new();
        let verdict = if self.is_fine() {
            format!(
                "{} attacks, none reached the server. {} honest calls, all answered, byte for byte.",
                self.attacks, self.honest
            )
        } else {
            format!(
                "{} of {} did not go as they should: see the lines marked ✗.",
                self.wrong,
                self.attacks.saturating_add(self.honest)
            )
        };
        let verdict = self.paint(if self.is_fine() { "1;32" } else { "1;31" }, &verdict);
        let _infallible = writeln!(end, "\n  {verdict}\n");
        let _infallible = writeln!(end, "  Evidence, one record for every decision:");
        let _infallible = writeln!(end, "    {}", evidence.file);
        for line in evidence.verdict.split(['\n', ';', ',']) {
            let _infallible = writeln!(end, "    {}", line.trim());
        }
        let _infallible = writeln!(end, "  What the server wrote down itself:");
        let _infallible = writeln!(end, "    {}", root.join("server.log").display());
        let _infallible = write!(
            end,
            "\n  {}",
            self.dim(
                "Remove the directory when you like. Next: put lockgate in front of your own\n  \
                 servers, README.md says how."
            )
        );
        end
    }

    fn bold(&self, text: &str) -> String {
        self.paint("1", text)
    }

    fn dim(&self, text: &str) -> String {
        self.paint("2", text)
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.color {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

/// Padded or cut to `width` columns.
fn fit(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return format!("{text:<width$}");
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    format!("{kept}…")
}
