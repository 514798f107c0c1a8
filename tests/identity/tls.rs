//! TLS of the listener: handshakes in memory, certificates made here.

use super::{NOW, admit, at, gate};
use lockgate::identity::ClientCertificate;
use lockgate::transport::http::tls::{Tls, TlsFiles};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, SanType,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use std::path::Path;
use std::sync::Arc;
use tokio_rustls::TlsConnector;

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
        .distinguished_name
        .push(DnType::CommonName, "authority");
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// What somebody has: a certificate and its key.
struct Identity {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

fn server(authority: &Authority) -> Identity {
    let params = CertificateParams::new(vec!["gate.example".to_owned()]).unwrap();
    signed(authority, &params)
}

fn client(authority: &Authority, uris: &[&str]) -> Identity {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::OrganizationName, "Acme, Inc");
    params.distinguished_name.push(DnType::CommonName, "build");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let uri = |uri: &&str| SanType::URI((*uri).try_into().unwrap());
    params.subject_alt_names = uris.iter().map(uri).collect();
    signed(authority, &params)
}

fn signed(authority: &Authority, params: &CertificateParams) -> Identity {
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, authority).unwrap();
    Identity { certificate, key }
}

fn write(dir: &Path, server: &Identity, clients: Option<&Authority>) -> TlsFiles {
    let files = TlsFiles {
        certificate: dir.join("cert.pem"),
        key: dir.join("key.pem"),
        client_authorities: clients.map(|_| dir.join("clients.pem")),
    };
    std::fs::write(&files.certificate, server.certificate.pem()).unwrap();
    std::fs::write(&files.key, server.key.serialize_pem()).unwrap();
    if let (Some(path), Some(clients)) = (&files.client_authorities, clients) {
        std::fs::write(path, clients.pem()).unwrap();
    }
    files
}

/// The server's certificate, and what the server knows of the client; the error
/// is the server's or the client's.
async fn handshake(
    tls: &Tls,
    roots: &Authority,
    client: Option<&Identity>,
) -> Result<(CertificateDer<'static>, Option<ClientCertificate>), String> {
    let mut store = RootCertStore::empty();
    store.add(roots.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(store);
    let mut config = match client {
        None => config.with_no_client_auth(),
        Some(identity) => {
            let key = PrivateKeyDer::try_from(identity.key.serialize_der()).unwrap();
            let chain = vec![identity.certificate.der().clone()];
            config.with_client_auth_cert(chain, key).unwrap()
        }
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let (near, far) = tokio::io::duplex(1 << 16);
    let name = ServerName::try_from("gate.example").unwrap();
    let connecting = TlsConnector::from(Arc::new(config)).connect(name, near);
    let (accepted, connected) = tokio::join!(tls.acceptor().accept(far), connecting);
    let accepted = accepted.map_err(|e| e.to_string())?;
    let connected = connected.map_err(|e| e.to_string())?;
    let (_, ours): (_, &ClientConnection) = connected.get_ref();
    let shown = ours.peer_certificates().unwrap()[0].clone();
    assert_eq!(ours.alpn_protocol(), Some(&b"http/1.1"[..]));
    Ok((shown, Tls::certificate_of(accepted.get_ref().1)))
}

#[tokio::test]
async fn a_client_certificate_says_who_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let (servers, clients, strangers) = (authority(), authority(), authority());
    let files = write(dir.path(), &server(&servers), Some(&clients));
    let tls = Tls::load(&files, &[b"http/1.1"]).unwrap();
    let svid = "spiffe://acme.example/ns/dev/sa/build";
    let subject = "CN=build,O=Acme\\, Inc";
    let gate = gate(&format!(
        "[agent.svid]\nmtls = {{ spiffe = \"spiffe://acme.example/ns/*/sa/build\" }}\n\
         [agent.named]\nmtls = {{ subject = '{subject}' }}\n"
    ));
    for (uris, spiffe, agent) in [
        (&[][..], None, Ok("named")),
        (&[svid], Some(svid), Err("ambiguous-agent")),
        (&["https://acme.example"], None, Ok("named")),
        // Two names are none.
        (
            &[svid, "spiffe://acme.example/ns/prod/sa/root"],
            None,
            Ok("named"),
        ),
        (&[svid, "https://acme.example"], None, Ok("named")),
    ] {
        let client = client(&clients, uris);
        let (_, found) = handshake(&tls, &servers, Some(&client)).await.unwrap();
        let found = found.unwrap();
        assert_eq!(found.spiffe.as_deref(), spiffe, "{uris:?}");
        assert_eq!(found.subject, subject);
        let admitted = admit(&gate, &[], Some(&found), at(NOW)).await;
        let admitted = admitted.map(|p| p.agent.to_string());
        assert_eq!(admitted.as_deref(), agent.as_ref().copied(), "{uris:?}");
    }
    let stranger = client(&strangers, &[svid]);
    let refused = handshake(&tls, &servers, Some(&stranger)).await;
    assert!(refused.is_err(), "{refused:?}");
    let (_, none) = handshake(&tls, &servers, None).await.unwrap();
    assert_eq!(none, None);
}

#[tokio::test]
async fn nobody_is_asked_for_a_certificate_without_authorities() {
    let dir = tempfile::tempdir().unwrap();
    let (servers, clients) = (authority(), authority());
    let tls = Tls::load(&write(dir.path(), &server(&servers), None), &[b"http/1.1"]).unwrap();
    let client = client(&clients, &["spiffe://acme.example/x"]);
    let (_, found) = handshake(&tls, &servers, Some(&client)).await.unwrap();
    assert_eq!(found, None);
}

#[tokio::test]
async fn new_files_are_taken_and_bad_ones_are_not() {
    let dir = tempfile::tempdir().unwrap();
    let servers = authority();
    let (first, second) = (server(&servers), server(&servers));
    let files = write(dir.path(), &first, None);
    let tls = Tls::load(&files, &[b"http/1.1"]).unwrap();
    let shown = async || handshake(&tls, &servers, None).await.unwrap().0;
    assert_eq!(shown().await, *first.certificate.der());
    // Half of a renewal: the key is another one's.
    std::fs::write(&files.certificate, second.certificate.pem()).unwrap();
    tls.reload();
    assert_eq!(shown().await, *first.certificate.der());
    std::fs::write(&files.key, second.key.serialize_pem()).unwrap();
    tls.reload();
    assert_eq!(shown().await, *second.certificate.der());
    for bad in [
        "",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ] {
        std::fs::write(&files.certificate, bad).unwrap();
        tls.reload();
        assert_eq!(shown().await, *second.certificate.der());
    }
    std::fs::remove_file(&files.certificate).unwrap();
    tls.reload();
    assert_eq!(shown().await, *second.certificate.der());
    write(dir.path(), &first, None);
    tls.reload();
    assert_eq!(shown().await, *first.certificate.der());
}

#[test]
fn what_cannot_be_loaded_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let servers = authority();
    let one = server(&servers);
    let files = write(dir.path(), &one, Some(&servers));
    let key = one.key.serialize_pem();
    for (path, content, expected) in [
        (&files.certificate, "", "expected"),
        (&files.certificate, &*key, "to hold certificates"),
        (&files.key, &*one.certificate.pem(), "a private key"),
        (
            &files.key,
            &*KeyPair::generate().unwrap().serialize_pem(),
            "cannot be used",
        ),
        (
            files.client_authorities.as_ref().unwrap(),
            "",
            "certificates",
        ),
    ] {
        write(dir.path(), &one, Some(&servers));
        std::fs::write(path, content).unwrap();
        let why = Tls::load(&files, &[]).unwrap_err().to_string();
        assert!(why.contains(expected), "{why}");
        assert!(!why.contains("BEGIN"), "{why}");
    }
    std::fs::remove_file(&files.key).unwrap();
    assert!(
        Tls::load(&files, &[])
            .unwrap_err()
            .to_string()
            .contains("key.pem")
    );
}
