//! What stands in scripts and is no script: SQL statements, program text that
//! opens places through a library, and globs that take in hidden files.

use super::{Reader, Word};
use crate::engine::guard::paths::collect::Effect;
use crate::engine::guard::paths::role::listed;
use crate::engine::guard::paths::sql::{self, How};
use crate::engine::guard::paths::{code, shape};

/// Programs that read what they are given; `for` gives it to others.
const READERS: &str = "
    cat bat batcat less more head tail tac nl base64 base32 xxd od hexdump strings cp copy tar zip
    gzip 7z scp rsync curl sort cut paste fold rev awk sed grep egrep fgrep rg for xargs tee dd nc
    openssl python python3 perl ruby node jq yq mv diff cmp uuencode pr fmt expand column split
";

impl Reader {
    /// What an SQL statement opens and runs.
    pub(super) fn sql(&mut self, text: &str, depth: usize) {
        if !self.affords(text, depth) {
            return;
        }
        let inner = depth.saturating_add(1);
        for reach in sql::reaches(text) {
            match reach.how {
                How::Read => self.word(&reach.text, Effect::Read),
                How::Written => self.word(&reach.text, Effect::Change),
                How::Runs => self.script(&reach.text, inner),
                How::Statement => self.sql(&reach.text, inner),
            }
        }
    }

    /// What program text opens without naming it.
    pub(super) fn embedded(&mut self, text: &str) {
        for (root, names) in code::roots(text) {
            self.used(&root, Effect::Read, Some(names));
        }
        for place in code::opened_by_library(text) {
            self.used(place, Effect::Read, None);
        }
    }

    /// `cat .*` reads every hidden file; a shell expands no quoted word.
    pub(super) fn hidden(&mut self, name: &str, arguments: &[Word]) {
        if !listed(READERS, name) {
            return;
        }
        for word in arguments.iter().filter(|w| !w.quoted) {
            if shape::is_hidden_glob(&word.text) {
                self.used(&word.text, Effect::Read, Some(Vec::new()));
            }
        }
    }
}
