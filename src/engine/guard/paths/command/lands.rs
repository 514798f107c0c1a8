//! Where copies and downloads land: the directory that a command names, and
//! the last part of what it brings there.

use super::flags::{names_key, skips_next};
use super::{Reader, Word};
use crate::engine::guard::paths::collect::Effect;
use crate::engine::guard::paths::role::listed;

/// Programs whose last argument may be a directory that the others go to.
const COPIERS: &str = "
    cp mv ln install scp rsync copy move copy-item move-item xcopy aws gsutil rclone sftp
";
/// Most names that are placed for one command.
const MOST: usize = 64;

impl Reader {
    /// `cp x/mcp.json ~/.cursor/` and `wget -P ~/.cursor https://h/mcp.json`.
    pub(super) fn lands(&mut self, name: &str, arguments: &[Word]) {
        let mut skip = false;
        let plain: Vec<&str> = arguments
            .iter()
            .map(|w| w.text.as_str())
            .filter(|t| {
                let skipped = std::mem::replace(
                    &mut skip,
                    skips_next(name, arguments, t) || names_key(name, t),
                );
                !skipped && !t.starts_with('-')
            })
            .collect();
        if listed(COPIERS, name) {
            let named = value_of(arguments, &["-t", "--target-directory"]);
            let last = plain.last().copied().filter(|_| named.is_none());
            let Some(folder) = named.or(last) else { return };
            for source in plain.into_iter().take(MOST).filter(|t| *t != folder) {
                self.land(folder, source);
            }
            return;
        }
        let keeps_name = match name {
            "wget" | "aria2c" => true,
            "curl" => arguments.iter().any(|w| {
                w.text.starts_with("--remote-name")
                    || (w.text.starts_with('-')
                        && !w.text.starts_with("--")
                        && w.text.contains('O'))
            }),
            _ => false,
        };
        if keeps_name {
            let flags: &[&str] = match name {
                "wget" => &["-P", "--directory-prefix"],
                "curl" => &["--output-dir"],
                _ => &["-d", "--dir"],
            };
            let folder = value_of(arguments, flags).unwrap_or(".");
            for address in plain.into_iter().filter(|t| t.contains('/')).take(MOST) {
                let path = address.split(['?', '#']).next().unwrap_or_default();
                self.land(folder, path);
            }
        }
    }

    fn land(&mut self, folder: &str, source: &str) {
        let base = source
            .trim_end_matches(['/', '\\'])
            .rsplit(['/', '\\', ':'])
            .next()
            .unwrap_or_default();
        // A name made of what cannot be told is no name.
        if matches!(base, "" | "." | "..") || base.len() > 255 || base.contains(['*', '$', '?']) {
            return;
        }
        let folder = folder.trim_end_matches(['/', '\\']);
        self.used(&format!("{folder}/{base}"), Effect::Change, None);
    }
}

/// The value of the first of these flags.
fn value_of<'a>(arguments: &'a [Word], flags: &[&str]) -> Option<&'a str> {
    arguments.iter().enumerate().find_map(|(n, word)| {
        let text = word.text.as_str();
        flags.iter().find_map(|flag| {
            let rest = text.strip_prefix(flag)?;
            if rest.is_empty() {
                return arguments.get(n.saturating_add(1)).map(|w| w.text.as_str());
            }
            let long = flag.starts_with("--");
            rest.strip_prefix('=')
                .or((!long && rest.starts_with(['/', '~', '.', '$'])).then_some(rest))
        })
    })
}
