//! The tree of a revision, read with git: blobs and lists of names, nothing
//! filtered, paged or fetched, no hook, and nothing of the working directory.

use crate::engine::policy::MAX_BYTES;
use crate::state::policy::Tree;
use crate::state::text::TextError;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};
use std::rc::Rc;

/// Most bytes of a list of names.
const MAX_LIST: usize = 16 << 20;
/// Where the top of a repository is taken to be. What an absolute path names is
/// not in it.
const TOP: &str = "/\u{1}revision";

/// Where the top of a repository is taken to be.
pub(super) fn top() -> PathBuf {
    PathBuf::from(TOP)
}

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    Dir,
    /// A link, or another repository.
    Other,
}

type Names = Rc<BTreeMap<String, Kind>>;

/// A revision of the repository that a policy is in.
#[derive(Debug)]
pub(super) struct Revision {
    /// Where git is started.
    dir: PathBuf,
    name: String,
    /// The directory of the policy, from the top of the repository.
    prefix: String,
    lists: RefCell<BTreeMap<String, Names>>,
}

impl Revision {
    /// The one of this name, beside a policy on disk.
    pub(super) fn beside(policy: &Path, name: &str) -> io::Result<Self> {
        let parent = policy.parent().filter(|dir| !dir.as_os_str().is_empty());
        let dir = if policy.is_dir() {
            policy
        } else {
            parent.unwrap_or(Path::new("."))
        };
        let words = ["rev-parse", "--show-prefix"];
        let prefix = run(dir, &words, MAX_BYTES)?;
        let prefix = String::from_utf8(prefix)
            .map_err(|_| io::Error::other("the path of the policy is no UTF-8"))?;
        Ok(Self {
            dir: dir.to_owned(),
            name: name.to_owned(),
            prefix: prefix.trim_end_matches(['\n', '/']).to_owned(),
            lists: RefCell::default(),
        })
    }

    /// Where a policy on disk is in it.
    pub(super) fn place(&self, policy: &Path) -> PathBuf {
        let dir = top().join(&self.prefix);
        match policy.file_name() {
            Some(name) if !policy.is_dir() => dir.join(name),
            _ => dir,
        }
    }

    fn list(&self, dir: &str) -> io::Result<Names> {
        if let Some(known) = self.lists.borrow().get(dir) {
            return Ok(Rc::clone(known));
        }
        let object = format!("{}:{dir}", self.name);
        let words = ["ls-tree", "-z", "--full-tree", &object];
        let listed = run(&self.dir, &words, MAX_LIST)?;
        let mut names = BTreeMap::new();
        for entry in listed.split(|byte| *byte == 0) {
            // MODE TYPE OBJECT\tNAME; what is no UTF-8 cannot be named.
            let Some((head, name)) = std::str::from_utf8(entry)
                .ok()
                .and_then(|entry| entry.split_once('\t'))
            else {
                continue;
            };
            let kind = match head.split(' ').next() {
                Some("100644" | "100755") => Kind::File,
                Some("040000") => Kind::Dir,
                _ => Kind::Other,
            };
            names.insert(name.to_owned(), kind);
        }
        let names = Rc::new(names);
        let mut lists = self.lists.borrow_mut();
        lists.insert(dir.to_owned(), Rc::clone(&names));
        Ok(names)
    }

    fn kind(&self, path: &Path) -> io::Result<Kind> {
        let path = inner(path)?;
        if path.is_empty() {
            return self.list("").map(|_| Kind::Dir);
        }
        let (dir, name) = path.rsplit_once('/').unwrap_or(("", &path));
        let kind = self.list(dir)?.get(name).copied();
        kind.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no such file in the revision"))
    }
}

/// A path from the top of the repository, without `.` and `..`.
pub(super) fn inner(path: &Path) -> io::Result<String> {
    let outside = || io::Error::new(io::ErrorKind::NotFound, "it is not in the revision");
    let mut parts: Vec<&str> = Vec::new();
    for part in path.strip_prefix(TOP).map_err(|_| outside())?.components() {
        match part {
            Component::Normal(name) => parts.push(name.to_str().ok_or_else(outside)?),
            Component::ParentDir => drop(parts.pop().ok_or_else(outside)?),
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return Err(outside()),
        }
    }
    Ok(parts.join("/"))
}

impl Tree for Revision {
    fn real(&self, path: &Path) -> io::Result<PathBuf> {
        self.kind(path)?;
        Ok(top().join(inner(path)?))
    }

    fn is_dir(&self, path: &Path) -> bool {
        self.kind(path).is_ok_and(|kind| kind == Kind::Dir)
    }

    fn is_link(&self, path: &Path) -> io::Result<bool> {
        if self.kind(path)? == Kind::Other {
            // Where it leads is not looked up.
            return Err(io::Error::other(
                "it is a symbolic link or another repository, and neither is followed in a revision",
            ));
        }
        Ok(false)
    }

    fn text(&self, path: &Path, most: usize) -> Result<String, TextError> {
        if self.kind(path)? != Kind::File {
            return Err(TextError::NotAFile);
        }
        let object = format!("{}:{}", self.name, inner(path)?);
        let bytes = run(&self.dir, &["cat-file", "blob", &object], most)?;
        String::from_utf8(bytes).map_err(|_| io::Error::other("it is no UTF-8").into())
    }

    fn names(&self, dir: &Path, most: usize) -> io::Result<Vec<String>> {
        let names = self.list(&inner(dir)?)?;
        let files = names.iter().filter(|(_, kind)| **kind != Kind::Dir);
        Ok(files.map(|(name, _)| name.clone()).take(most).collect())
    }
}

/// What git prints, at most so many bytes.
fn run(dir: &Path, words: &[&str], most: usize) -> io::Result<Vec<u8>> {
    let mut git = Command::new("git");
    git.args(["--no-pager", "--no-replace-objects"])
        .args(words)
        .current_dir(dir)
        .env_clear()
        .env("GIT_NO_LAZY_FETCH", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_OPTIONAL_LOCKS", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    for kept in ["PATH", "HOME", "XDG_CONFIG_HOME"] {
        git.envs(std::env::var_os(kept).map(|value| (kept, value)));
    }
    let mut child = git
        .spawn()
        .map_err(|e| io::Error::other(format!("git does not start: {e}")))?;
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    let read = match child.stdout.take() {
        Some(out) => out.take(limit).read_to_end(&mut bytes),
        None => Ok(0),
    };
    if bytes.len() > most {
        // It would wait for a reader of the rest.
        let _ = child.kill();
        let _ = child.wait();
        return Err(io::Error::other("it is larger than a policy may be"));
    }
    let ended = child.wait();
    if read.is_err() || !ended.is_ok_and(|status| status.success()) {
        return Err(io::Error::other("git does not give it"));
    }
    Ok(bytes)
}
