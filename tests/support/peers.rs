//! The real MCP servers and clients, installed once into `target/peers` from
//! the lock files in `tests/peers`: exact versions, checked by digest, no
//! package's own scripts run.
//!
//! Deliberately no skipping: where a program is missing, the test fails and
//! says which package to install.

use super::need::{need, script};
use sha2::{Digest, Sha256};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// Where the peers are installed.
#[derive(Debug)]
pub(crate) struct Peers {
    root: PathBuf,
}

/// The peers, installed on first use.
pub(crate) fn peers() -> &'static Peers {
    static PEERS: OnceLock<Peers> = OnceLock::new();
    PEERS.get_or_init(|| Peers::install().unwrap_or_else(|why| panic!("{why}")))
}

impl Peers {
    fn install() -> Result<Self, String> {
        let node = need("node", &["--version"], "nodejs")?;
        need("npm", &["--version"], "npm")?;
        let python = need("python3", &["--version"], "python3")?;
        need("python3", &["-c", "import ensurepip, venv"], "python3-venv")?;
        need("git", &["--version"], "git")?;
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent();
        let root = target.expect("has a parent").join("peers");
        Self::locked(&root, &format!("{node}{python}"))
            .map_err(|e| format!("the peers cannot be installed: {e}"))?;
        Ok(Self { root })
    }

    /// Test programs run side by side: the first one installs, the others wait.
    fn locked(root: &Path, versions: &str) -> io::Result<()> {
        fs::create_dir_all(root)?;
        let lock = fs::File::create(root.join("lock"))?;
        lock.lock()?;
        let mut hash = Sha256::new();
        // A virtual environment holds absolute paths: a moved one is stale.
        hash.update(root.as_os_str().as_encoded_bytes());
        hash.update(versions);
        for file in [
            "package.json",
            "package-lock.json",
            "requirements.txt",
            "requirements-1.txt",
        ] {
            hash.update(fs::read(script(file))?);
        }
        let wanted = format!("{:x?}", hash.finalize().as_slice());
        let stamp = root.join("stamp");
        if fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
            return Ok(());
        }
        npm(&root.join("js"))?;
        pip(&root.join("py"), "requirements.txt")?;
        pip(&root.join("py1"), "requirements-1.txt")?;
        fs::write(stamp, wanted)
    }

    /// The directory that holds `node_modules`.
    pub(crate) fn js(&self) -> String {
        self.root.join("js").display().to_string()
    }

    /// The Python that has the peers.
    pub(crate) fn python(&self) -> String {
        self.root.join("py/bin/python").display().to_string()
    }

    /// The Python that has the first generation of the SDK.
    pub(crate) fn python_1(&self) -> String {
        self.root.join("py1/bin/python").display().to_string()
    }

    /// A Node that the official conformance suite runs on, which needs a newer
    /// one than distributions have: from npm, or the machine's own.
    pub(crate) fn new_node(&self) -> String {
        let arch = match std::env::consts::ARCH {
            "x86_64" => "x64",
            _ => "arm64",
        };
        let path = format!("js/node_modules/node-linux-{arch}/bin/node");
        let own = self.root.join(path);
        if cfg!(target_os = "linux") && own.is_file() {
            return own.display().to_string();
        }
        let version = need("node", &["--version"], "nodejs").unwrap_or_default();
        let major = version.trim_start_matches('v').split('.').next();
        let major = major.and_then(|m| m.parse::<u32>().ok());
        assert!(
            major.is_some_and(|m| m >= 22),
            "the conformance suite needs Node 22 or later, found {version}"
        );
        "node".to_owned()
    }

    /// The official conformance suite, with what runs it.
    pub(crate) fn conformance(&self) -> Vec<String> {
        let path = "js/node_modules/@modelcontextprotocol/conformance/dist/index.js";
        vec![self.new_node(), self.root.join(path).display().to_string()]
    }

    /// The program of a server from npm.
    pub(crate) fn js_server(&self, package: &str) -> Vec<String> {
        let path = format!("js/node_modules/@modelcontextprotocol/{package}/dist/index.js");
        vec![
            "node".to_owned(),
            self.root.join(path).display().to_string(),
        ]
    }

    /// The program of a server from `PyPI`.
    pub(crate) fn python_server(&self, name: &str) -> Vec<String> {
        vec![self.root.join("py/bin").join(name).display().to_string()]
    }
}

fn fresh(dir: &Path) -> io::Result<()> {
    match fs::remove_dir_all(dir) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => fs::create_dir_all(dir),
    }
}

fn npm(dir: &Path) -> io::Result<()> {
    fresh(dir)?;
    for file in ["package.json", "package-lock.json", ".npmrc"] {
        fs::copy(script(file), dir.join(file))?;
    }
    done(
        Command::new("npm")
            .args(["ci", "--ignore-scripts"])
            .current_dir(dir),
    )
}

fn pip(dir: &Path, requirements: &str) -> io::Result<()> {
    fresh(dir)?;
    done(Command::new("python3").args(["-m", "venv"]).arg(dir))?;
    done(
        Command::new(dir.join("bin/python"))
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--require-hashes",
                "--no-deps",
            ])
            .args(["--only-binary", ":all:", "-r", &script(requirements)]),
    )
}

fn done(command: &mut Command) -> io::Result<()> {
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!(
        "{command:?} ended with {}:\n{said}",
        output.status
    )))
}
