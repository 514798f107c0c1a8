//! `lockgate.lock`: what a person has approved that a model may see.
//!
//! TOML, sorted, one spelling for every value: the same pins are always the
//! same bytes, and a change of one definition is a change of a few lines in a
//! pull request. `docs/lockfile.md` describes the format. Reading (`read`)
//! believes nothing: digests are computed again from the definitions.

mod read;

use super::toml_text::{key, string, strings, text};
use super::{Approval, Identity, Launch, Lockfile, ServerPins, Timestamp, Tombstone, ToolPin};
use crate::engine::types::Digest;
use std::fmt;

/// The version of the format.
pub const VERSION: i64 = 1;

const HEAD: &str = "\
# lockgate.lock: the tool definitions that lockgate lets a model see.
# Written by `lockgate pin` and `lockgate approve`; review changes like code.
";

/// What is wrong with a lockfile, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct LockfileError {
    /// 1-based line.
    pub line: usize,
    /// What was expected, what stands there, and what to do.
    pub message: String,
}

impl Lockfile {
    /// Reads a lockfile. Every digest is computed again; where one does not
    /// agree with its definition the file was edited by hand and is refused.
    ///
    /// # Errors
    /// All mistakes at once, in the order of the file. A file that is not
    /// TOML of this format has one.
    pub fn parse(text: &str) -> Result<Self, Vec<LockfileError>> {
        read::read(text)
    }
}

impl fmt::Display for Lockfile {
    /// The bytes of the file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HEAD)?;
        writeln!(f, "version = {VERSION}")?;
        for (name, pins) in &self.servers {
            let path = format!("server.{}", key(name.as_str()));
            server(f, &path, pins)?;
        }
        Ok(())
    }
}

fn server(f: &mut fmt::Formatter<'_>, path: &str, pins: &ServerPins) -> fmt::Result {
    // The header stands even for a server without anything: it was pinned.
    write!(f, "\n[{path}]\n")?;
    if let Some(launch) = &pins.launch {
        write_launch(f, path, launch)?;
    }
    if let Some(identity) = &pins.identity {
        write_identity(f, path, identity)?;
    }
    for (name, pin) in &pins.tools {
        write_tool(f, &format!("{path}.tool.{}", key(name)), pin)?;
    }
    for (name, tombstone) in &pins.removed {
        write_tombstone(f, &format!("{path}.removed.{}", key(name)), tombstone)?;
    }
    Ok(())
}

fn write_launch(f: &mut fmt::Formatter<'_>, path: &str, launch: &Launch) -> fmt::Result {
    write!(f, "\n[{path}.launch]\n")?;
    writeln!(f, "transport = {}", string(launch.transport.as_str()))?;
    if !launch.command.is_empty() {
        writeln!(f, "command = {}", strings(&launch.command))?;
    }
    optional(f, "url", launch.url.as_deref())?;
    optional(f, "executable", launch.executable.as_deref())?;
    digest(f, "executable_digest", launch.executable_digest)?;
    if let Some(package) = &launch.package {
        write!(f, "\n[{path}.launch.package]\n")?;
        writeln!(f, "registry = {}", string(package.registry.as_str()))?;
        writeln!(f, "name = {}", string(&package.name))?;
        optional(f, "version", package.version.as_deref())?;
    }
    Ok(())
}

fn write_identity(f: &mut fmt::Formatter<'_>, path: &str, identity: &Identity) -> fmt::Result {
    write!(f, "\n[{path}.identity]\n")?;
    optional(f, "name", identity.name.as_deref())?;
    optional(f, "title", identity.title.as_deref())?;
    optional(f, "version", identity.version.as_deref())?;
    optional(f, "protocol", identity.protocol.as_deref())?;
    if let Some(instructions) = &identity.instructions {
        writeln!(f, "instructions = {}", text(instructions))?;
    }
    Ok(())
}

fn write_tool(f: &mut fmt::Formatter<'_>, path: &str, pin: &ToolPin) -> fmt::Result {
    write!(f, "\n[{path}]\n")?;
    writeln!(f, "review = {}", string(pin.review.as_str()))?;
    write_approval(f, &pin.approval)?;
    digest(f, "digest", Some(pin.digest.whole))?;
    writeln!(f, "definition = '''\n{}\n'''", pin.definition)?;
    write!(f, "\n[{path}.fields]\n")?;
    for (name, value) in &pin.digest.fields {
        writeln!(f, "{} = {}", key(name), string(&value.to_string()))?;
    }
    Ok(())
}

fn write_approval(f: &mut fmt::Formatter<'_>, approval: &Approval) -> fmt::Result {
    optional(f, "approved_by", approval.by.as_deref())?;
    time(f, "approved_at", approval.at)?;
    optional(f, "lockgate", approval.lockgate.as_deref())
}

fn write_tombstone(f: &mut fmt::Formatter<'_>, path: &str, stone: &Tombstone) -> fmt::Result {
    write!(f, "\n[{path}]\n")?;
    digest(f, "digest", Some(stone.whole))?;
    digest(f, "description", stone.description)?;
    digest(f, "schema", stone.schema)?;
    time(f, "removed_at", stone.removed_at)
}

fn optional(f: &mut fmt::Formatter<'_>, name: &str, value: Option<&str>) -> fmt::Result {
    value.map_or(Ok(()), |value| writeln!(f, "{name} = {}", string(value)))
}

fn digest(f: &mut fmt::Formatter<'_>, name: &str, value: Option<Digest>) -> fmt::Result {
    value.map_or(Ok(()), |value| {
        writeln!(f, "{name} = {}", string(&value.to_string()))
    })
}

fn time(f: &mut fmt::Formatter<'_>, name: &str, value: Option<Timestamp>) -> fmt::Result {
    value.map_or(Ok(()), |value| writeln!(f, "{name} = {value}"))
}

#[cfg(test)]
mod tests;
