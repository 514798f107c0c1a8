//! TLS of a live listener: certificates of both sides.

use crate::gate::{Gate, hello, until};
use crate::raw::{Reply, Stream, Wire};
use crate::support::home::Home;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair,
};
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

type Authority = CertifiedIssuer<'static, KeyPair>;
type Identity = (rcgen::Certificate, KeyPair);

impl Stream for StreamOwned<ClientConnection, TcpStream> {}

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn server(by: &Authority) -> Identity {
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let key = KeyPair::generate().unwrap();
    (params.signed_by(&key, by).unwrap(), key)
}

fn client(by: &Authority, name: &str) -> Identity {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let key = KeyPair::generate().unwrap();
    (params.signed_by(&key, by).unwrap(), key)
}

/// What `hello` is answered; the error is that of the handshake, or of a
/// connection that ends after it.
fn ask(gate: &Gate, trusted: &Authority, identity: Option<&Identity>) -> Result<Reply, String> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = match identity {
        None => config.with_no_client_auth(),
        Some((certificate, key)) => {
            let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
            let chain = vec![certificate.der().clone()];
            config.with_client_auth_cert(chain, key).unwrap()
        }
    };
    let name = ServerName::try_from("localhost").unwrap();
    let mut tls = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut tcp = TcpStream::connect(("127.0.0.1", gate.port)).unwrap();
    tcp.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    while tls.is_handshaking() {
        tls.complete_io(&mut tcp).map_err(|e| e.to_string())?;
    }
    let mut wire = Wire::over(StreamOwned::new(tls, tcp));
    wire.send(hello().bytes());
    wire.reply().ok_or_else(|| "it has ended".to_owned())
}

#[test]
fn certificates_are_shown_asked_for_and_renewed() {
    let (first, second, clients, strangers) = (authority(), authority(), authority(), authority());
    let home = Home::new();
    let (certificate, key) = server(&first);
    home.write("policy/key.pem", key.serialize_pem());
    home.write("policy/cert.pem", certificate.pem());
    home.write("policy/clients.pem", clients.pem());
    let renewed = server(&second);
    let policy = "[serve]\ntls = { certificate = \"cert.pem\", key = \"key.pem\", client_authorities = \"clients.pem\" }\n\
        [agent.builder]\nmtls = { subject = \"CN=builder\" }\n\
        [[rule]]\nid = \"all\"\neffect = \"permit\"\ntools = [\"*\"]\n";
    let gate = Gate::with(home, "legacy", policy);
    let status = |identity: Option<&Identity>| ask(&gate, &first, identity).map(|r| r.status);
    assert_eq!(status(Some(&client(&clients, "builder"))), Ok(200));
    assert_eq!(status(Some(&client(&clients, "somebody"))), Ok(403));
    let stranger = client(&strangers, "builder");
    assert!(status(Some(&stranger)).is_err(), "nobody vouches for it");
    until("the evidence", || {
        let all = gate.refusals();
        let refused = |r: &&serde_json::Value| r["reason"] == "certificate-refused";
        all.iter()
            .find(refused)
            .map(|r| r["from"] == "127.0.0.1")
            .filter(|same| *same)
    });
    assert!(
        matches!(status(None), Ok(401) | Err(_)),
        "{:?}",
        status(None)
    );
    // Without TLS there is nothing.
    let mut plain = Wire::to(gate.port);
    plain.send(hello().bytes());
    assert!(plain.reply().is_none());
    until("the evidence", || {
        let all = gate.refusals();
        all.iter()
            .any(|r| r["reason"] == "tls-failed")
            .then_some(())
    });
    assert_eq!(gate.count("initialize"), 1);
    let builder = client(&clients, "builder");
    assert!(ask(&gate, &second, Some(&builder)).is_err());
    let (certificate, key) = renewed;
    gate.home.write("policy/new.pem", key.serialize_pem());
    gate.home.write("policy/new.crt", certificate.pem());
    for (from, to) in [("new.pem", "key.pem"), ("new.crt", "cert.pem")] {
        let folder = gate.home.root().join("policy");
        std::fs::rename(folder.join(from), folder.join(to)).unwrap();
    }
    until("the new certificate", || {
        ask(&gate, &second, Some(&builder)).ok()
    });
    gate.home.write("policy/cert.pem", "nonsense");
    assert!(
        ask(&gate, &second, Some(&builder)).is_ok(),
        "the last good one stays"
    );
}
