//! TLS with a certificate made for this run.

use anyhow::Context;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use std::path::Path;
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

/// Takes TLS connections to 127.0.0.1. Who trusts the certificate in the file `trust` trusts them.
pub(crate) fn acceptor(trust: &Path) -> anyhow::Result<TlsAcceptor> {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["127.0.0.1".to_owned()])?;
    std::fs::write(trust, cert.pem()).with_context(|| trust.display().to_string())?;
    let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
    let mut config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![cert.into()], key.into())?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
