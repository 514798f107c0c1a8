//! The facts of a client certificate that TLS has verified.
//!
//! Nothing is verified here: whoever calls this has a chain from a handshake.

use crate::engine::types::Digest;
use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

/// A verified client certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// Its subject as RFC 4514 spells it.
    pub subject: String,
    /// Its SPIFFE id, if it is an X.509-SVID.
    pub spiffe: Option<String>,
    /// SHA-256 over all of it (RFC 8705 binds tokens to this).
    pub thumbprint: Digest,
}

impl ClientCertificate {
    /// Reads a certificate's facts. `None` if it cannot be read, and then it
    /// proves nothing.
    pub fn read(der: &[u8]) -> Option<Self> {
        let certificate = Certificate::from_der(der).ok()?;
        let tbs = certificate.tbs_certificate();
        let names = tbs.get_extension::<SubjectAltName>().ok()?;
        let uris: Vec<_> = names
            .iter()
            .flat_map(|(_, names)| &names.0)
            .filter_map(|name| match name {
                GeneralName::UniformResourceIdentifier(uri) => Some(uri.as_str()),
                _ => None,
            })
            .collect();
        // An SVID has exactly one URI (X.509-SVID, section 2): with two, nobody
        // knows who it is.
        let spiffe = match uris.as_slice() {
            [uri] if uri.starts_with("spiffe://") => Some((*uri).to_owned()),
            _ => None,
        };
        Some(Self {
            subject: tbs.subject().to_string(),
            spiffe,
            thumbprint: Digest::of(&[der]),
        })
    }
}
