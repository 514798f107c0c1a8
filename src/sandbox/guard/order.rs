//! The guardian's command line, written and read in one place.

use rustix::process::Pid;
use std::ffi::OsString;
use std::time::Duration;

/// The first argument that makes lockgate a guardian. Not for people: it is in
/// no help text.
pub const COMMAND: &str = "__guard";

/// What a guardian is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The process whose death ends the server.
    pub parent: Pid,
    /// What the server gets between TERM and KILL.
    pub grace: Duration,
    /// The server's program, looked up in `PATH` unless it holds a slash.
    pub program: OsString,
    /// Its arguments, without the program.
    pub args: Vec<OsString>,
}

/// A command line that is no order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected `__guard PARENT-PID GRACE-MS -- PROGRAM ARG...`; this is lockgate's own, use `lockgate run -- PROGRAM ARG...`"
)]
pub struct NoOrder;

impl Order {
    /// The arguments that [`Order::parse`] reads, [`COMMAND`] first.
    pub fn to_args(&self) -> Vec<OsString> {
        let mut args = vec![
            COMMAND.into(),
            self.parent.as_raw_nonzero().to_string().into(),
            self.grace.as_millis().to_string().into(),
            "--".into(),
            self.program.clone(),
        ];
        args.extend(self.args.iter().cloned());
        args
    }

    /// Reads what follows [`COMMAND`].
    pub fn parse(mut args: impl Iterator<Item = OsString>) -> Result<Self, NoOrder> {
        let mut number = || args.next()?.to_str()?.parse::<u32>().ok();
        let parent = number().ok_or(NoOrder)?;
        let grace = number().ok_or(NoOrder)?;
        let parent = i32::try_from(parent)
            .ok()
            .and_then(Pid::from_raw)
            .ok_or(NoOrder)?;
        if args.next().is_none_or(|separator| separator != "--") {
            return Err(NoOrder);
        }
        Ok(Self {
            parent,
            grace: Duration::from_millis(grace.into()),
            program: args.next().ok_or(NoOrder)?,
            args: args.collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &[&str]) -> Result<Order, NoOrder> {
        Order::parse(line.iter().map(OsString::from))
    }

    #[test]
    fn what_is_written_is_read() {
        let order = Order {
            parent: Pid::from_raw(4711).unwrap(),
            grace: Duration::from_millis(2500),
            program: "--".into(),
            args: vec!["-y".into(), "--".into(), "a b".into(), "".into()],
        };
        let args = order.to_args();
        assert_eq!(args[0], COMMAND);
        assert_eq!(Order::parse(args.into_iter().skip(1)), Ok(order));
    }

    #[test]
    fn anything_else_is_no_order() {
        for line in [
            &[][..],
            &["1"],
            &["1", "2"],
            &["1", "2", "--"],
            &["1", "2", "cat", "--"],
            &["0", "2", "--", "cat"],
            &["-1", "2", "--", "cat"],
            &["4294967295", "2", "--", "cat"],
            &["1", "-2", "--", "cat"],
            &["1", "2s", "--", "cat"],
            &["x", "2", "--", "cat"],
        ] {
            assert_eq!(parse(line), Err(NoOrder), "{line:?}");
        }
    }
}
