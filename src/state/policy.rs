//! The files of a policy on disk: one, those that it includes, or a directory.
//!
//! What could be put among them decides as much as what is in them (A4), so that
//! this also says which places nobody may write to: every file as it is named and
//! as it resolves, and every directory of which a pattern or the policy itself
//! takes all files.

use super::text::{self, TextError};
use crate::engine::policy::{Include, MAX_BYTES, NewSource, Sources, Span};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Most files of a policy.
const FILES: usize = 256;
/// Most entries of a directory that are looked at.
const ENTRIES: usize = 10_000;

/// A policy, as read from disk.
#[derive(Debug)]
pub struct PolicyFiles {
    /// What it says.
    pub sources: Sources,
    /// The directory that the policy stands in, absolute.
    pub dir: PathBuf,
    /// What belongs to it: files, and directories whose files do.
    pub own: Vec<PathBuf>,
}

/// Where files of a policy are: on disk, or in a revision. Paths are absolute.
pub trait Tree {
    /// Where a path leads in the end.
    ///
    /// # Errors
    /// There is nothing, or it cannot be told.
    fn real(&self, path: &Path) -> io::Result<PathBuf>;
    /// Whether it is a directory.
    fn is_dir(&self, path: &Path) -> bool;
    /// Whether it is a symbolic link.
    ///
    /// # Errors
    /// There is nothing, or it cannot be told.
    fn is_link(&self, path: &Path) -> io::Result<bool>;
    /// A text of at most so many bytes.
    ///
    /// # Errors
    /// It is no such text.
    fn text(&self, path: &Path, most: usize) -> Result<String, TextError>;
    /// The names in a directory, of which at most so many are wanted.
    ///
    /// # Errors
    /// It is no directory, or cannot be read.
    fn names(&self, dir: &Path, most: usize) -> io::Result<Vec<String>>;
}

/// The file system.
struct Disk;

impl Tree for Disk {
    fn real(&self, path: &Path) -> io::Result<PathBuf> {
        path.canonicalize()
    }

    fn is_dir(&self, path: &Path) -> bool {
        fs::metadata(path).is_ok_and(|m| m.is_dir())
    }

    fn is_link(&self, path: &Path) -> io::Result<bool> {
        Ok(fs::symlink_metadata(path)?.is_symlink())
    }

    fn text(&self, path: &Path, most: usize) -> Result<String, TextError> {
        text::read(path, most)
    }

    fn names(&self, dir: &Path, most: usize) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(dir)?.take(most) {
            names.extend(entry?.file_name().into_string());
        }
        Ok(names)
    }
}

/// Why there is no policy to look at.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// The file itself cannot be read.
    #[error(transparent)]
    Text(#[from] TextError),
    /// It cannot be told where it is.
    #[error("cannot tell where it is: {0}")]
    Place(#[source] io::Error),
    /// A directory without policies.
    #[error("expected at least one file `*.toml` in the directory")]
    Empty,
    /// A directory of too many.
    #[error("expected at most {FILES} files")]
    TooMany,
}

/// Reads the policy of a file or a directory. What it includes and cannot be read
/// is a mistake of the policy, with its place.
///
/// # Errors
/// The file or the directory itself cannot be read.
pub fn read(path: &Path) -> Result<PolicyFiles, PolicyError> {
    let absolute = std::path::absolute(path).map_err(PolicyError::Place)?;
    read_in(&Disk, path, &absolute)
}

/// The same in some tree; `shown` is what people call the path.
///
/// # Errors
/// The file or the directory itself cannot be read.
pub fn read_in(tree: &dyn Tree, shown: &Path, absolute: &Path) -> Result<PolicyFiles, PolicyError> {
    let is_dir = tree.is_dir(absolute);
    let parent = absolute.parent().unwrap_or(Path::new("/"));
    let dir = if is_dir { absolute } else { parent }.to_owned();
    let mut reading = Reading {
        tree,
        main: dir.clone(),
        sources: Sources::default(),
        own: vec![absolute.to_owned()],
        read: BTreeSet::new(),
        open: Vec::new(),
    };
    reading.own.extend(tree.real(absolute));
    if is_dir {
        reading.directory(&named(shown, absolute))?;
    } else {
        reading.file(&named(shown, absolute), None)?;
    }
    let Reading { sources, own, .. } = reading;
    Ok(PolicyFiles { sources, dir, own })
}

/// Every file of TOML in a directory that belongs to a policy or tests one.
///
/// # Errors
/// The directory cannot be read, or a link leads out of it.
pub fn written(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut names = policies(&Disk, dir, "*.toml")?;
    names.extend(fitting(&Disk, dir, "*.test.toml")?);
    names.sort();
    let files = names.into_iter().map(|name| dir.join(name));
    files
        .map(|file| inside(&Disk, &file).map(|()| file))
        .collect()
}

/// A file as it was named, and where it is.
#[derive(Debug, Clone)]
struct Named {
    shown: PathBuf,
    absolute: PathBuf,
}

fn named(shown: &Path, absolute: &Path) -> Named {
    Named {
        shown: shown.to_owned(),
        absolute: absolute.to_owned(),
    }
}

struct Reading<'t> {
    tree: &'t dyn Tree,
    /// The directory of the whole policy.
    main: PathBuf,
    sources: Sources,
    own: Vec<PathBuf>,
    /// Every file that was read, as it resolves.
    read: BTreeSet<PathBuf>,
    /// Those that include the one at hand, outermost first.
    open: Vec<PathBuf>,
}

impl Reading<'_> {
    /// Reads all policies of a directory.
    fn directory(&mut self, dir: &Named) -> Result<(), PolicyError> {
        let files = policies(self.tree, &dir.absolute, "*.toml").map_err(TextError::Io)?;
        if files.is_empty() {
            return Err(PolicyError::Empty);
        }
        if files.len() > FILES {
            return Err(PolicyError::TooMany);
        }
        for name in files {
            let file = named(&dir.shown.join(&name), &dir.absolute.join(&name));
            inside(self.tree, &file.absolute).map_err(TextError::Io)?;
            self.file(&file, None)?;
        }
        Ok(())
    }

    /// Reads a file and what it includes; each once.
    fn file(&mut self, file: &Named, from: Option<&Include>) -> Result<(), PolicyError> {
        let real = self.tree.real(&file.absolute).map_err(TextError::Io)?;
        if let (true, Some(include)) = (self.open.contains(&real), from) {
            let message = format!("`{}` includes itself in the end", file.shown.display());
            self.object(&include.span, message, "take this, or what leads here, out");
            return Ok(());
        }
        if !self.read.insert(real.clone()) {
            return Ok(());
        }
        let left = MAX_BYTES.saturating_sub(self.sources.bytes());
        let text = self.tree.text(&file.absolute, left)?;
        let dir = file.absolute.parent().unwrap_or(Path::new("/"));
        let key = file.absolute.strip_prefix(&self.main);
        let number = self.sources.add(NewSource {
            name: file.shown.display().to_string(),
            key: key.unwrap_or(&file.absolute).display().to_string(),
            dir: dir.display().to_string(),
            text,
        });
        self.own.extend([file.absolute.clone(), real.clone()]);
        self.open.push(real);
        for include in self.sources.follow(number) {
            self.include(file, &include);
        }
        self.open.pop();
        Ok(())
    }

    /// Reads what a file includes.
    fn include(&mut self, by: &Named, include: &Include) {
        let included = match self.resolved(by, include) {
            Ok(files) => files,
            Err((message, help)) => return self.object(&include.span, message, help),
        };
        for file in included {
            if self.sources.count() >= FILES {
                let message = format!("the policy has more than {FILES} files");
                return self.object(&include.span, message, "put some of them together");
            }
            if let Err(error) = self.file(&file, Some(include)) {
                let message = format!("cannot read `{}`: {error}", file.shown.display());
                let help = match &error {
                    PolicyError::Text(e) if e.is_missing() => {
                        "what is included is looked for beside the file that includes it"
                    }
                    PolicyError::Text(TextError::TooLarge(_)) => {
                        "all files of a policy have 4 MiB together"
                    }
                    _ => "include regular files of text",
                };
                self.object(&include.span, message, help);
            }
        }
    }

    /// The files that are meant. The error: message and help.
    fn resolved(
        &mut self,
        by: &Named,
        include: &Include,
    ) -> Result<Vec<Named>, (String, &'static str)> {
        let written = Path::new(&include.path);
        let odd = |why: &str, help| Err((format!("`{}` {why}", include.path), help));
        let (Some(name), false) = (
            written.file_name().and_then(OsStr::to_str),
            include.path.contains(char::is_control) || include.path.ends_with('/'),
        ) else {
            return Err((
                "this is no path of a file".to_owned(),
                "write `include = [\"base.toml\", \"rules/*.toml\"]`",
            ));
        };
        let above = written.parent().unwrap_or(Path::new(""));
        if above.to_string_lossy().contains('*') {
            return odd(
                "has a `*` in the name of a directory",
                "only the last part of a path may have one",
            );
        }
        let beside = |file: &Path| file.parent().unwrap_or(Path::new("")).join(above);
        let dir = named(&beside(&by.shown), &beside(&by.absolute));
        let unreadable = |e: &dyn std::fmt::Display| {
            let message = format!("cannot include `{}`: {e}", include.path);
            (message, "include files, or links to files beside them")
        };
        if !name.contains('*') {
            let file = named(&dir.shown.join(name), &dir.absolute.join(name));
            inside(self.tree, &file.absolute).map_err(|e| unreadable(&e))?;
            return Ok(vec![file]);
        }
        if above.as_os_str().is_empty() {
            // Nobody may write where a new file becomes a part of the policy.
            return odd(
                "takes all such files beside this one",
                "put them into a directory of their own: `include = [\"rules/*.toml\"]`",
            );
        }
        let names = policies(self.tree, &dir.absolute, name).map_err(|e| unreadable(&e))?;
        if names.is_empty() {
            return odd("fits no file", "remove it, or add one");
        }
        self.own.push(dir.absolute.clone());
        self.own.extend(self.tree.real(&dir.absolute));
        let mut files = Vec::new();
        for name in names {
            let file = named(&dir.shown.join(&name), &dir.absolute.join(&name));
            inside(self.tree, &file.absolute).map_err(|e| unreadable(&e))?;
            files.push(file);
        }
        Ok(files)
    }

    fn object(&mut self, span: &Span, message: String, help: &str) {
        self.sources.object(span.clone(), message, help.to_owned());
    }
}

/// Names of files in a directory that fit a pattern, in order. Hidden files are
/// none, nor are tests of policies.
fn policies(tree: &dyn Tree, dir: &Path, pattern: &str) -> io::Result<Vec<String>> {
    let mut names = fitting(tree, dir, pattern)?;
    names.retain(|name| !name.ends_with(".test.toml"));
    Ok(names)
}

/// The same with tests.
fn fitting(tree: &dyn Tree, dir: &Path, pattern: &str) -> io::Result<Vec<String>> {
    let mut names = tree.names(dir, ENTRIES.saturating_add(1))?;
    if names.len() > ENTRIES {
        return Err(io::Error::other(format!(
            "expected at most {ENTRIES} files"
        )));
    }
    names.retain(|name| !name.starts_with('.') && fits(pattern, name));
    names.sort();
    Ok(names)
}

/// Whether a name is the pattern with a run of characters for each `*`.
fn fits(pattern: &str, name: &str) -> bool {
    let escaped: Vec<_> = pattern.split('*').map(regex::escape).collect();
    let whole = format!(r"\A{}\z", escaped.join(".*"));
    regex::Regex::new(&whole).is_ok_and(|regex| regex.is_match(name))
}

/// A link may lead to another file of its directory, as a config map's do, and
/// nowhere else.
fn inside(tree: &dyn Tree, file: &Path) -> io::Result<()> {
    if !tree.is_link(file)? {
        return Ok(());
    }
    let dir = tree.real(file.parent().unwrap_or(Path::new("/")))?;
    if tree.real(file)?.starts_with(dir) {
        return Ok(());
    }
    Err(io::Error::other(format!(
        "`{}` is a symbolic link that leads out of its directory",
        file.display()
    )))
}

#[cfg(test)]
mod tests;
