//! What a server is besides its tools: how it is started and who it says it is.
//!
//! Pinned so that a review sees a new package version or a new executable
//! beside the tools that changed with it. The facts (resolved path, hash of
//! the file) come in as values; nothing here looks at the machine.

use crate::engine::types::Digest;
use std::fmt;

/// How a server is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// A child process on its standard input and output.
    Stdio,
    /// Streamable HTTP.
    Http,
}

impl Transport {
    /// As the lockfile spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stdio => "stdio",
            Self::Http => "http",
        }
    }

    /// Reads that spelling.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Stdio, Self::Http]
            .into_iter()
            .find(|t| t.as_str() == text)
    }
}

/// Where a package comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registry {
    /// npm, by `npx` and its kin.
    Npm,
    /// The Python Package Index, by `uvx` and its kin.
    PyPi,
}

impl Registry {
    /// As the lockfile spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Npm => "npm",
            Self::PyPi => "pypi",
        }
    }

    /// Reads that spelling.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Npm, Self::PyPi]
            .into_iter()
            .find(|r| r.as_str() == text)
    }
}

/// The package that a command line runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Where it comes from.
    pub registry: Registry,
    /// Its name, as the command line gives it.
    pub name: String,
    /// Its exact version; `None` where the command line leaves it open
    /// (no version, a tag such as `latest`, a range).
    pub version: Option<String>,
}

impl Package {
    /// Tells the package from `npx`, `bunx`, `pnpm dlx`, `yarn dlx`, `uvx`,
    /// `uv tool run` and `pipx run` command lines; `None` for any other.
    pub fn of_command(command: &[String]) -> Option<Self> {
        let program = command.first()?.rsplit(['/', '\\']).next()?;
        let program = program.trim_end_matches(".cmd").trim_end_matches(".exe");
        let words: Vec<&str> = command.iter().skip(1).map(String::as_str).collect();
        let (registry, rest) = match (program, words.as_slice()) {
            ("npx" | "bunx" | "pnpx", rest) => (Registry::Npm, rest),
            ("pnpm" | "yarn", ["dlx", rest @ ..]) | ("npm", ["exec" | "x", rest @ ..]) => {
                (Registry::Npm, rest)
            }
            ("uvx", rest) | ("uv", ["tool", "run", rest @ ..]) | ("pipx", ["run", rest @ ..]) => {
                (Registry::PyPi, rest)
            }
            _ => return None,
        };
        let spec = package_word(registry, rest)?;
        Some(match registry {
            Registry::Npm => Self::npm(spec),
            Registry::PyPi => Self::pypi(spec),
        })
    }

    fn npm(spec: &str) -> Self {
        // A scope starts with `@`: only a later one separates the version.
        let at = spec.rfind('@').filter(|at| *at > 0);
        let (name, version) = match at.and_then(|at| spec.split_at_checked(at)) {
            Some((name, version)) => (name, version.strip_prefix('@')),
            None => (spec, None),
        };
        Self {
            registry: Registry::Npm,
            name: name.to_owned(),
            version: version.filter(|v| exact(v)).map(str::to_owned),
        }
    }

    fn pypi(spec: &str) -> Self {
        let (name, version) = spec
            .split_once("==")
            .or_else(|| spec.split_once('@'))
            .map_or((spec, None), |(name, version)| (name, Some(version)));
        let end = name.find(['[', '<', '>', '=', '~', '!', ' ']);
        let name = end.and_then(|end| name.get(..end)).unwrap_or(name);
        Self {
            registry: Registry::PyPi,
            name: name.to_owned(),
            version: version.filter(|v| exact(v)).map(str::to_owned),
        }
    }
}

impl fmt::Display for Package {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.registry.as_str(), self.name)?;
        match &self.version {
            Some(version) => write!(f, " {version}"),
            None => f.write_str(" (no exact version)"),
        }
    }
}

/// An exact version starts with a digit, has a dot, and is no range.
fn exact(version: &str) -> bool {
    version.starts_with(|c: char| c.is_ascii_digit())
        && version.contains('.')
        && version
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || ".+-!_".contains(c))
        && !version.split('.').any(|part| part == "x" || part == "X")
}

/// The word of the command line that names the package.
fn package_word<'a>(registry: Registry, words: &[&'a str]) -> Option<&'a str> {
    let (naming, with_value): (&[&str], &[&str]) = match registry {
        Registry::Npm => (&["-p", "--package"], &["-c", "--call", "-w", "--workspace"]),
        Registry::PyPi => (
            &["--from", "--spec"],
            &[
                "-p",
                "--python",
                "--with",
                "--index",
                "--index-url",
                "--extra-index-url",
            ],
        ),
    };
    let mut first = None;
    let mut words = words.iter().copied();
    while let Some(word) = words.next() {
        let named = naming
            .iter()
            .filter_map(|option| word.strip_prefix(option))
            .find_map(|rest| rest.strip_prefix('='));
        if let Some(named) = named {
            return Some(named);
        }
        if naming.contains(&word) {
            return words.next();
        }
        if with_value.contains(&word) {
            words.next();
        } else if !word.starts_with('-') {
            first = Some(word);
            break;
        }
    }
    first
}

/// Whether the program of a command line only runs another: its digest says
/// nothing about the server, and changes with every update of a runtime.
pub fn runs_another(command: &[String]) -> bool {
    const LAUNCHERS: [&str; 16] = [
        "node", "bun", "deno", "uv", "npm", "pnpm", "yarn", "java", "ruby", "perl", "php", "sh",
        "bash", "env", "docker", "podman",
    ];
    let program = command.first().and_then(|word| word.rsplit('/').next());
    Package::of_command(command).is_some()
        || program.is_some_and(|name| LAUNCHERS.contains(&name) || name.starts_with("python"))
}

impl Launch {
    /// Whether it starts another server than `other` does: another package, or
    /// where there is none, another command line.
    pub fn differs(&self, other: &Self) -> bool {
        match (&self.package, &other.package) {
            (Some(one), Some(another)) => one != another,
            _ => self.command != other.command,
        }
    }
}

/// How a server is started, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    /// How it is reached.
    pub transport: Transport,
    /// argv, as the policy writes it (`${workspace}` unexpanded); empty for a
    /// server that is not started by lockgate.
    pub command: Vec<String>,
    /// Where it listens, for HTTP.
    pub url: Option<String>,
    /// The file that the first word of `command` stands for, absolute.
    pub executable: Option<String>,
    /// SHA-256 of that file. Both are `None` where it [`runs_another`].
    pub executable_digest: Option<Digest>,
    /// The package that `command` runs.
    pub package: Option<Package>,
}

/// Who a server says it is (`initialize`, `server/discover`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// `serverInfo.name`
    pub name: Option<String>,
    /// `serverInfo.title`
    pub title: Option<String>,
    /// `serverInfo.version`
    pub version: Option<String>,
    /// `protocolVersion`
    pub protocol: Option<String>,
    /// `instructions`, whole: the model reads it.
    pub instructions: Option<String>,
}

#[cfg(test)]
mod tests;
