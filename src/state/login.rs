//! Logins at the authorization servers of remote servers, one file for each.
//!
//! A file holds tokens: mode 0600 in a directory of mode 0700, replaced as a
//! whole, and never shown. It says for which server, by which authorization
//! server and to which client the tokens were given, and is good for nothing
//! else. Whoever changes it holds a lock beside it: a refresh token may be good
//! for one use only, and of two processes that use it one would lose.

use super::lockfile::Stamp;
use super::text::{self, TextError};
use crate::engine::types::{Digest, ServerName};
use crate::engine::url::ServerUrl;
use crate::transport::http::secret::Secret;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Largest file, in bytes.
const MAX_BYTES: usize = 256 << 10;
const VERSION: u32 = 1;

/// What a login has brought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Login {
    version: u32,
    /// The server's URL, without its query.
    pub server: String,
    /// The authorization server.
    pub issuer: String,
    /// For which resource the tokens are (RFC 8707).
    pub resource: Option<String>,
    /// Where tokens are refreshed.
    pub token_endpoint: String,
    /// Where they are given up (RFC 7009).
    pub revocation_endpoint: Option<String>,
    /// Who lockgate is there.
    pub client: Client,
    /// The scopes that were asked for, separated by spaces.
    pub scope: Option<String>,
    /// Scopes that the server has asked for since.
    pub wanted: Option<String>,
    /// The tokens, while there are any.
    pub tokens: Option<Tokens>,
}

/// Who lockgate is to the authorization server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// Its name there.
    pub id: String,
    /// Its secret, where lockgate has registered itself and got one.
    #[serde(with = "hidden_option")]
    pub secret: Option<Secret>,
    /// When that ends, in seconds since 1970.
    pub secret_ends: Option<u64>,
    /// How it proves itself.
    pub method: Method,
    /// Whether lockgate has registered itself.
    pub registered: bool,
    /// Where the browser comes back to.
    pub redirect: String,
}

/// How a client proves itself at the token endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Method {
    /// By nothing.
    #[serde(rename = "none")]
    None,
    /// HTTP Basic.
    #[serde(rename = "client_secret_basic")]
    Basic,
    /// In the form.
    #[serde(rename = "client_secret_post")]
    Post,
    /// By a key of its own, which is not kept here.
    #[serde(rename = "private_key_jwt")]
    Key,
}

/// Tokens of the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tokens {
    /// What the server is shown.
    #[serde(with = "hidden")]
    pub access: Secret,
    /// What gets the next one.
    #[serde(with = "hidden_option")]
    pub refresh: Option<Secret>,
    /// When the first ends, in seconds since 1970, where it is said.
    pub ends: Option<u64>,
    /// When it was given.
    pub given: u64,
}

impl Login {
    /// A login without tokens.
    pub fn new(server: &ServerUrl, issuer: &str, token_endpoint: &str, client: Client) -> Self {
        Self {
            version: VERSION,
            server: server.without_query().to_owned(),
            issuer: issuer.to_owned(),
            resource: None,
            token_endpoint: token_endpoint.to_owned(),
            revocation_endpoint: None,
            client,
            scope: None,
            wanted: None,
            tokens: None,
        }
    }
}

/// The one place where secrets become text, for this file.
mod hidden {
    use super::Secret;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(secret: &Secret, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(secret.expose())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Secret, D::Error> {
        String::deserialize(from).map(Secret::new)
    }
}

mod hidden_option {
    use super::Secret;
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    #[expect(clippy::ref_option, reason = "what serde calls")]
    pub(super) fn serialize<S: Serializer>(
        secret: &Option<Secret>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        secret.as_ref().map(Secret::expose).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Secret>, D::Error> {
        Ok(Option::<String>::deserialize(from)?.map(Secret::new))
    }
}

/// Why a login cannot be read or kept. Nothing of it is in the message.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// The file system said no.
    #[error("cannot {what} `{}`: {error}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// With which file.
        path: PathBuf,
        /// What came back.
        error: io::Error,
    },
    /// The file is there and holds no login.
    #[error("`{}` cannot be used: {why}", path.display())]
    Unfit {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

/// The file of one server's login.
#[derive(Debug, Clone)]
pub struct Store {
    path: PathBuf,
}

/// Held while a login is changed.
#[derive(Debug)]
pub struct Guard {
    _file: File,
}

impl Store {
    /// In this directory. Another URL is another server, whatever its name is.
    pub fn new(dir: &Path, server: &ServerName, url: &ServerUrl) -> Self {
        let digest = Digest::of(&[url.whole().as_bytes()]).to_string();
        let short: String = digest.chars().skip("sha256:".len()).take(16).collect();
        Self {
            path: dir.join(format!("{server}-{short}.json")),
        }
    }

    /// Tells one state of the file from another without reading it.
    pub fn stamp(&self) -> Option<Stamp> {
        Stamp::of(&self.path)
    }

    /// The login, if there is one.
    ///
    /// # Errors
    /// Where the file is there and cannot be used, or others may read it.
    pub fn load(&self) -> Result<Option<Login>, LoginError> {
        let meta = match fs::symlink_metadata(&self.path) {
            Ok(meta) => meta,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(self.failed("look at", e)),
        };
        if !meta.is_file() {
            return Err(self.unfit("expected a regular file"));
        }
        if meta.uid() != rustix::process::geteuid().as_raw() {
            return Err(self.unfit("it belongs to somebody else"));
        }
        if meta.mode() & 0o077 != 0 {
            return Err(self.unfit("others may read it or change it; say `chmod 600 FILE`"));
        }
        let text = match text::read(&self.path, MAX_BYTES) {
            Ok(text) => text,
            Err(TextError::Io(e)) => return Err(self.failed("read", e)),
            Err(e) => return Err(self.unfit(&e.to_string())),
        };
        // What the reader says can quote what it read.
        let login: Login = serde_json::from_str(&text)
            .map_err(|_| self.unfit("it holds no login; log in again, or remove it"))?;
        if login.version != VERSION {
            return Err(self.unfit("another version of lockgate has written it; log in again"));
        }
        Ok(Some(login))
    }

    /// The right to change the login, unless another process has it right now.
    ///
    /// # Errors
    /// Where the file system says no.
    pub fn try_lock(&self) -> Result<Option<Guard>, LoginError> {
        self.dir()?;
        let beside = self.path.with_extension("guard");
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&beside)
            .map_err(|e| self.failed("lock", e))?;
        loop {
            return match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => Ok(Some(Guard { _file: file })),
                Err(Errno::INTR) => continue,
                Err(Errno::WOULDBLOCK) => Ok(None),
                Err(e) => Err(self.failed("lock", e.into())),
            };
        }
    }

    /// Keeps a login in place of the one before.
    ///
    /// # Errors
    /// Where the file system says no.
    pub fn save(&self, _: &Guard, login: &Login) -> Result<(), LoginError> {
        let write = |e| self.failed("write", e);
        let text = serde_json::to_vec_pretty(login).map_err(|e| write(e.into()))?;
        // Made with mode 0600.
        let mut file = tempfile::NamedTempFile::new_in(self.dir()?).map_err(write)?;
        file.write_all(&text).map_err(write)?;
        file.as_file().sync_all().map_err(write)?;
        file.persist(&self.path).map_err(|e| write(e.error))?;
        Ok(())
    }

    /// Forgets the login.
    ///
    /// # Errors
    /// Where the file system says no.
    pub fn remove(&self, _: &Guard) -> Result<(), LoginError> {
        match fs::remove_file(&self.path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(self.failed("remove", e)),
            _ => Ok(()),
        }
    }

    /// The directory, which is made where it is missing.
    fn dir(&self) -> Result<&Path, LoginError> {
        let dir = self.path.parent().unwrap_or(Path::new("."));
        let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
        let meta = made.and_then(|()| fs::metadata(dir));
        let meta = meta.map_err(|e| self.failed("make the directory of", e))?;
        let own = meta.uid() == rustix::process::geteuid().as_raw();
        if !own || meta.mode() & 0o022 != 0 {
            return Err(self.unfit("others may change its directory"));
        }
        Ok(dir)
    }

    fn failed(&self, what: &'static str, error: io::Error) -> LoginError {
        let path = self.path.clone();
        LoginError::Io { what, path, error }
    }

    fn unfit(&self, why: &str) -> LoginError {
        LoginError::Unfit {
            path: self.path.clone(),
            why: why.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn store(dir: &Path) -> Store {
        let url = ServerUrl::parse("https://mcp.example/mcp?key=s3cret").unwrap();
        Store::new(dir, &ServerName::new("tracker").unwrap(), &url)
    }

    fn login() -> Login {
        let client = Client {
            id: "c".to_owned(),
            secret: Some(Secret::new("s3cret-1")),
            secret_ends: None,
            method: Method::Basic,
            registered: true,
            redirect: "http://127.0.0.1:1/callback".to_owned(),
        };
        let url = ServerUrl::parse("https://mcp.example/mcp?key=s3cret").unwrap();
        let mut login = Login::new(&url, "https://i.example", "https://i.example/t", client);
        login.tokens = Some(Tokens {
            access: Secret::new("s3cret-2"),
            refresh: Some(Secret::new("s3cret-3")),
            ends: Some(1),
            given: 0,
        });
        login
    }

    #[test]
    fn a_login_is_kept_for_its_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(&dir.path().join("a/tokens"));
        assert_eq!(store.load().unwrap(), None);
        let guard = store.try_lock().unwrap().unwrap();
        assert!(store.try_lock().unwrap().is_none(), "one at a time");
        store.save(&guard, &login()).unwrap();
        drop(guard);
        assert!(store.try_lock().unwrap().is_some());
        let kept = store.load().unwrap().unwrap();
        assert_eq!(kept, login());
        assert!(!format!("{kept:?}{store:?}").contains("s3cret"));
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!(mode(&store.path), 0o600);
        assert_eq!(mode(store.path.parent().unwrap()), 0o700);
        let guard = store.try_lock().unwrap().unwrap();
        store.remove(&guard).unwrap();
        store.remove(&guard).unwrap();
        assert_eq!(store.load().unwrap(), None);
    }

    #[test]
    fn what_others_could_have_read_or_written_is_not_used() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        let guard = store.try_lock().unwrap().unwrap();
        store.save(&guard, &login()).unwrap();
        let chmod = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        };
        for mode in [0o604, 0o620, 0o640] {
            chmod(&store.path, mode);
            let told = store.load().unwrap_err().to_string();
            assert!(told.contains("chmod 600"), "{told}");
        }
        chmod(&store.path, 0o600);
        let text = fs::read_to_string(&store.path).unwrap();
        for bad in [
            text.replace("\"version\": 1", "\"version\": 2"),
            text.replace("\"issuer\"", "\"issuers\""),
            text.replace("\"s3cret-2\"", "[\"s3cret-2\"]"),
            String::new(),
        ] {
            fs::write(&store.path, bad).unwrap();
            let told = store.load().unwrap_err().to_string();
            assert!(
                told.contains("log in again") && !told.contains("s3cret"),
                "{told}"
            );
        }
        let real = store.path.with_extension("real");
        fs::rename(&store.path, &real).unwrap();
        std::os::unix::fs::symlink(&real, &store.path).unwrap();
        assert!(store.load().is_err(), "a link");
        chmod(dir.path(), 0o777);
        assert!(store.save(&guard, &login()).is_err(), "anybody's directory");
    }
}
