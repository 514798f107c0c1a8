//! The environment of a wrapped server: a short list of harmless variables and
//! what the policy names. Pure; nothing is inherited by accident.
//!
//! Deliberately not on the list: tokens and keys of any kind, ways to a key ring
//! or agent (`SSH_AUTH_SOCK`, `DBUS_SESSION_BUS_ADDRESS`, `XDG_RUNTIME_DIR`), and
//! every variable that makes a program load or run something (`NODE_OPTIONS`,
//! `LD_PRELOAD`, `DYLD_*`, `PYTHONPATH`, `BASH_ENV`, `GIT_SSH_COMMAND`, ...). The
//! policy can name any of them.
//!
//! Answers the server (A1) that reads the user's other secrets from its
//! environment: `GITHUB_TOKEN` given to one server used to be seen by all.

#[cfg(test)]
mod tests;

use crate::engine::policy::EnvValue;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;

/// Passed on as they are.
///
/// A proxy's URL may hold a password and is passed on all the same: without it
/// the server has no network at all, and the password opens only that proxy.
const INHERITED: &[&str] = &[
    // Who and where.
    "HOME",
    "LOGNAME",
    "PATH",
    "SHELL",
    "USER",
    "TMPDIR",
    "TMP",
    "TEMP",
    // Language, time, terminal.
    "LANG",
    "LANGUAGE",
    "TZ",
    "TERM",
    "COLORTERM",
    "NO_COLOR",
    // Directories of the XDG base directory specification. Not XDG_RUNTIME_DIR,
    // which leads to the session bus and its key ring.
    "XDG_BIN_HOME",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_DIRS",
    "XDG_CONFIG_HOME",
    "XDG_DATA_DIRS",
    "XDG_DATA_HOME",
    "XDG_STATE_HOME",
    // Certificate authorities of this site: file names.
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NODE_EXTRA_CA_CERTS",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "AWS_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "PIP_CERT",
    "UV_SYSTEM_CERTS",
    "UV_NATIVE_TLS",
    "npm_config_cafile",
    "NPM_CONFIG_CAFILE",
    // Proxies of this site.
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "all_proxy",
    "npm_config_proxy",
    "npm_config_https_proxy",
    "npm_config_noproxy",
    // Where runtimes and their caches are.
    "ASDF_DATA_DIR",
    "ASDF_DIR",
    "BUN_INSTALL",
    "CARGO_HOME",
    "CONDA_PREFIX",
    "COREPACK_HOME",
    "DENO_DIR",
    "DOTNET_ROOT",
    "FNM_DIR",
    "FNM_MULTISHELL_PATH",
    "JAVA_HOME",
    "MISE_DATA_DIR",
    "NVM_BIN",
    "NVM_DIR",
    "PNPM_HOME",
    "PYENV_ROOT",
    "PYENV_VERSION",
    "RBENV_ROOT",
    "RUSTUP_HOME",
    "VIRTUAL_ENV",
    "VOLTA_HOME",
    // How packages are fetched.
    "npm_config_cache",
    "NPM_CONFIG_CACHE",
    "npm_config_offline",
    "npm_config_prefer_offline",
    "PIP_CACHE_DIR",
    "PIP_NO_INDEX",
    "UV_CACHE_DIR",
    "UV_HTTP_TIMEOUT",
    "UV_INDEX_STRATEGY",
    "UV_LINK_MODE",
    "UV_OFFLINE",
    "UV_PYTHON_DOWNLOADS",
    "UV_PYTHON_INSTALL_DIR",
    "UV_PYTHON_PREFERENCE",
    "UV_TOOL_BIN_DIR",
    "UV_TOOL_DIR",
];

/// Passed on by the start of their name.
const INHERITED_PREFIXES: &[&str] = &["LC_"];

/// Package indexes: passed on unless the URL holds a user or password, which
/// opens more than a server needs to see.
const INDEXES: &[&str] = &[
    "npm_config_registry",
    "NPM_CONFIG_REGISTRY",
    "PIP_EXTRA_INDEX_URL",
    "PIP_INDEX_URL",
    "UV_DEFAULT_INDEX",
    "UV_EXTRA_INDEX_URL",
    "UV_INDEX",
    "UV_INDEX_URL",
];

/// The environment of a server.
#[derive(Clone, PartialEq, Eq)]
pub struct ChildEnv {
    /// Exactly what the server gets.
    pub vars: BTreeMap<OsString, OsString>,
    /// The names that it does not get, and why.
    pub withheld: BTreeMap<OsString, Withheld>,
}

impl fmt::Debug for ChildEnv {
    /// Values can be secrets; names are not.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChildEnv")
            .field("vars", &self.vars.keys())
            .field("withheld", &self.withheld)
            .finish()
    }
}

/// Why a variable is not passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withheld {
    /// It is not on the safe list and the policy does not name it.
    NotNamed,
    /// It is a package index with a user or password in its URL. Worth a warning:
    /// without it, an installer takes the same name from the public index.
    Credential,
}

/// Why there is no environment. Lists every mistake, not only the first.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join(", and "))]
pub struct EnvError(
    /// At least one.
    pub Vec<EnvMistake>,
);

/// What is wrong with one variable that the policy names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvMistake {
    /// The policy takes its value from a variable that is not set.
    #[error(
        "variable `{}`, which the policy gives to the server as `{}`, is not set; set it where lockgate is started",
        from.escape_debug(), name.escape_debug()
    )]
    MissingVariable {
        /// The server's variable.
        name: String,
        /// The variable of lockgate's environment that is not set.
        from: String,
    },
    /// No process can have a variable of this name, which may be a value.
    #[error("expected the name of an environment variable without `=` and NUL in the policy")]
    InvalidName,
    /// No process can have a variable of this value; it may be a secret.
    #[error("the value that the policy gives to `{}` contains NUL", .0.escape_debug())]
    InvalidValue(String),
}

/// The environment of a server whose policy says `policy`, when lockgate's own
/// is `inherited`. What the policy names replaces what would be inherited.
///
/// # Errors
/// A variable that the policy names has no value or cannot exist. Leaving it out
/// instead could start the server with less protection than its owner expects.
pub fn child_env(
    inherited: &BTreeMap<OsString, OsString>,
    policy: &BTreeMap<String, EnvValue>,
) -> Result<ChildEnv, EnvError> {
    let mut mistakes = Vec::new();
    let mut vars = BTreeMap::new();
    for (name, value) in policy {
        match named_value(name, value, inherited) {
            Ok(value) => drop(vars.insert(OsString::from(name), value)),
            Err(mistake) => mistakes.push(mistake),
        }
    }
    if !mistakes.is_empty() {
        return Err(EnvError(mistakes));
    }
    let mut withheld = BTreeMap::new();
    for (name, value) in inherited {
        if vars.contains_key(name) {
            continue;
        }
        match judge(name, value) {
            None => drop(vars.insert(name.clone(), value.clone())),
            Some(why) => drop(withheld.insert(name.clone(), why)),
        }
    }
    Ok(ChildEnv { vars, withheld })
}

fn named_value(
    name: &str,
    value: &EnvValue,
    inherited: &BTreeMap<OsString, OsString>,
) -> Result<OsString, EnvMistake> {
    if name.is_empty() || name.contains(['=', '\0']) {
        return Err(EnvMistake::InvalidName);
    }
    match value {
        EnvValue::Literal(text) if text.contains('\0') => {
            Err(EnvMistake::InvalidValue(name.to_owned()))
        }
        EnvValue::Literal(text) => Ok(text.into()),
        EnvValue::From(from) => match inherited.get(OsStr::new(from)) {
            Some(value) => Ok(value.clone()),
            None => Err(EnvMistake::MissingVariable {
                name: name.to_owned(),
                from: from.clone(),
            }),
        },
    }
}

/// Why an inherited variable is withheld, if it is.
fn judge(name: &OsStr, value: &OsStr) -> Option<Withheld> {
    // No name on the lists is anything but ASCII.
    let name = name.to_str().unwrap_or_default();
    let listed = INHERITED.contains(&name)
        || INHERITED_PREFIXES
            .iter()
            .any(|prefix| name.starts_with(prefix));
    if listed {
        None
    } else if !INDEXES.contains(&name) {
        Some(Withheld::NotNamed)
    } else if holds_credential(&value.to_string_lossy()) {
        Some(Withheld::Credential)
    } else {
        None
    }
}

/// Whether one of the URLs in `value` holds a user or password (RFC 3986 section
/// 3.2.1). An `@` after a slash is a scope (`https://host/@acme/`), any other
/// means a credential, so that a password with a slash in it is one too.
fn holds_credential(value: &str) -> bool {
    value.split_ascii_whitespace().any(|word| {
        let Some((_, rest)) = word.split_once("://") else {
            return false;
        };
        let before = rest.bytes().zip(rest.bytes().skip(1));
        before
            .into_iter()
            .any(|(before, byte)| byte == b'@' && before != b'/')
    })
}
