//! TLS of the listener: certificates from PEM files, taken anew when the files
//! change, and client certificates that are verified where an authority for
//! them is named.
//!
//! A new file that cannot be used changes nothing and is told in the log: a
//! renewal that goes wrong must not end the service, and never its checks.
//! Whether a client has to have a certificate is the policy's business
//! (`identity`); one that is shown and does not verify ends the handshake.

use crate::engine::types::Digest;
use crate::identity::ClientCertificate;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig, ServerConnection};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio_rustls::TlsAcceptor;

/// How often files are looked at, at most.
const LOOK: Duration = Duration::from_secs(1);
/// Largest PEM file, in bytes.
const LARGEST: u64 = 4 << 20;

/// Where certificates are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The chain, the server's own certificate first.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// Who may sign client certificates; `None`: nobody is asked for one.
    pub client_authorities: Option<PathBuf>,
}

/// Why TLS cannot be spoken. Nothing of a file is quoted.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read `{0}`: {1}")]
    Read(PathBuf, std::io::Error),
    /// There is nothing in it.
    #[error("expected `{0}` to hold {1} in PEM form")]
    Content(PathBuf, &'static str),
    /// Key and certificate do not belong together, or are of no use.
    #[error("certificate `{0}` with this key cannot be used: {1}")]
    Pair(PathBuf, rustls::Error),
    /// No authority in it can be used.
    #[error("the authorities of client certificates in `{0}` cannot be used: {1}")]
    Authorities(PathBuf, String),
    /// The library refuses.
    #[error("TLS cannot be set up: {0}")]
    SetUp(rustls::Error),
}

/// TLS as it is configured now.
#[derive(Debug)]
pub struct Tls {
    files: TlsFiles,
    alpn: Vec<Vec<u8>>,
    current: Mutex<Current>,
}

struct Current {
    acceptor: TlsAcceptor,
    /// Of the bytes that were looked at last, good or bad.
    seen: Option<Digest>,
    /// When the files were looked at, or somebody began to.
    looked: Instant,
    /// Somebody looks at them.
    looking: bool,
}

impl std::fmt::Debug for Current {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Current({:?})", self.seen)
    }
}

impl Tls {
    /// Reads the files. `alpn`: the protocols that are offered, best first.
    pub fn load(files: &TlsFiles, alpn: &[&[u8]]) -> Result<Self, TlsError> {
        let alpn: Vec<_> = alpn.iter().map(|name| name.to_vec()).collect();
        let read = Read::new(files)?;
        let current = Current {
            acceptor: read.acceptor(files, &alpn)?,
            seen: Some(read.digest()),
            looked: Instant::now(),
            looking: false,
        };
        Ok(Self {
            files: files.clone(),
            alpn,
            current: Mutex::new(current),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// With what the files held when they were looked at last, and were of use.
    pub fn acceptor(&self) -> TlsAcceptor {
        self.lock().acceptor.clone()
    }

    /// For the next connection, which looks at the files if it is time for that.
    /// While one looks, the others do not wait: the disk may not answer.
    pub async fn acceptor_now(self: &Arc<Self>) -> TlsAcceptor {
        let due = {
            let mut current = self.lock();
            let due = !current.looking && current.looked.elapsed() >= LOOK;
            current.looking |= due;
            due
        };
        if due {
            let tls = Arc::clone(self);
            // A look that fails has told why, and leaves what was in use.
            if tokio::task::spawn_blocking(move || tls.reload())
                .await
                .is_err()
            {
                self.lock().looking = false;
            }
        }
        self.acceptor()
    }

    /// Looks at the files now, whenever it was done last.
    pub fn reload(&self) {
        let read = Read::new(&self.files);
        // Once for each content, and once for files that are away.
        let seen = read.as_ref().ok().map(Read::digest);
        let mut current = self.lock();
        current.looking = false;
        current.looked = Instant::now();
        if seen == current.seen {
            return;
        }
        current.seen = seen;
        let acceptor = read.and_then(|read| read.acceptor(&self.files, &self.alpn));
        match acceptor {
            Ok(acceptor) => {
                current.acceptor = acceptor;
                tracing::info!("TLS: the new certificate is in use");
            }
            Err(why) => tracing::error!(
                "TLS: the files have changed and cannot be used, so the old certificate stays in use: {why}"
            ),
        }
    }

    /// The certificate that a client has shown and that is verified. `None`: it
    /// has shown none, or one that cannot be read.
    pub fn certificate_of(connection: &ServerConnection) -> Option<ClientCertificate> {
        let chain = connection.peer_certificates()?;
        ClientCertificate::read(chain.first()?)
    }
}

/// The bytes of all files.
struct Read {
    certificate: Vec<u8>,
    key: Vec<u8>,
    client_authorities: Option<(PathBuf, Vec<u8>)>,
}

impl Read {
    fn new(files: &TlsFiles) -> Result<Self, TlsError> {
        let client_authorities = match &files.client_authorities {
            None => None,
            Some(path) => Some((path.clone(), bytes(path)?)),
        };
        Ok(Self {
            certificate: bytes(&files.certificate)?,
            key: bytes(&files.key)?,
            client_authorities,
        })
    }

    fn digest(&self) -> Digest {
        let of = |bytes: &[u8]| Digest::of(&[bytes]).0;
        let authorities = self.client_authorities.as_ref();
        let authorities = authorities.map(|(_, bytes)| of(bytes)).unwrap_or_default();
        Digest::of(&[&of(&self.certificate), &of(&self.key), &authorities])
    }

    fn acceptor(&self, files: &TlsFiles, alpn: &[Vec<u8>]) -> Result<TlsAcceptor, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(TlsError::SetUp)?;
        let builder = match &self.client_authorities {
            None => builder.with_no_client_auth(),
            Some((path, pem)) => {
                let wrong = |why: &dyn std::fmt::Display| {
                    TlsError::Authorities(path.clone(), why.to_string())
                };
                let mut roots = RootCertStore::empty();
                for authority in certificates(path, pem)? {
                    roots.add(authority).map_err(|e| wrong(&e))?;
                }
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                        .allow_unauthenticated()
                        .build();
                builder.with_client_cert_verifier(verifier.map_err(|e| wrong(&e))?)
            }
        };
        let key = PrivateKeyDer::from_pem_slice(&self.key)
            .map_err(|_| TlsError::Content(files.key.clone(), "a private key"))?;
        let mut config = builder
            .with_single_cert(certificates(&files.certificate, &self.certificate)?, key)
            .map_err(|e| TlsError::Pair(files.certificate.clone(), e))?;
        config.alpn_protocols = alpn.to_vec();
        if self.client_authorities.is_some() {
            // A resumed session would outlive the certificate that it began with.
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        }
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

fn certificates(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let wrong = || TlsError::Content(path.to_owned(), "certificates");
    let all = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    all.ok().filter(|all| !all.is_empty()).ok_or_else(wrong)
}

fn bytes(path: &Path) -> Result<Vec<u8>, TlsError> {
    use std::io::Read as _;
    let read = || {
        let mut bytes = Vec::new();
        let file = std::fs::File::open(path)?;
        file.take(LARGEST).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    read().map_err(|e| TlsError::Read(path.to_owned(), e))
}
