//! TLS with rustls and ring: roots from a file alone, as the machines of a plant have no others.

use std::error::Error;
use std::io;
use std::sync::Arc;

use rumqttc::v5::mqttbytes::Error as CodecError;
use rumqttc::v5::{ConnectionError, MqttOptions, StateError, TlsError as ConnectError};
use rumqttc::{TlsConfiguration, Transport};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use super::{Tls, TlsError, TlsFiles, TlsTrouble};

pub(crate) type Inner = Arc<ClientConfig>;

pub(crate) fn build(files: &TlsFiles<'_>) -> Result<Inner, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let verifier = verifier(files, &provider)?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsError::Ca { detail: error.to_string() })?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let Some((certificate, key)) = files.client else { return Ok(Arc::new(config.with_no_client_auth())) };
    let certificate = certificates(certificate).map_err(|detail| TlsError::ClientCertificate { detail })?;
    let config = config.with_client_auth_cert(certificate, private_key(key)?).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => TlsError::KeyMismatch,
        rustls::Error::InvalidCertificate(_) => TlsError::ClientCertificate { detail: error.to_string() },
        error => TlsError::ClientKey { detail: error.to_string() },
    })?;
    Ok(Arc::new(config))
}

pub(crate) fn client_name(files: &TlsFiles<'_>) -> Option<String> {
    let own = certificates(files.client?.0).ok()?;
    super::subject::common_name(own.first()?)
}

/// rustls' own verifier; if another name is asked for than the address, with that name in its place.
fn verifier(files: &TlsFiles<'_>, provider: &Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>, TlsError> {
    let unusable = |detail: String| TlsError::Ca { detail };
    let mut roots = RootCertStore::empty();
    for root in certificates(files.ca).map_err(unusable)? {
        roots.add(root).map_err(|error| unusable(error.to_string()))?;
    }
    let ordinary = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .build()
        .map_err(|error| unusable(error.to_string()))?;
    let Some(name) = files.server_name else { return Ok(ordinary) };
    let name = ServerName::try_from(name.to_owned()).map_err(|_| TlsError::ServerName { name: name.to_owned() })?;
    Ok(Arc::new(NamedVerifier { ordinary, name }))
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match all {
        Ok(all) if all.is_empty() => Err("no -----BEGIN CERTIFICATE----- in it".to_owned()),
        Ok(all) => Ok(all),
        Err(error) => Err(error.to_string()),
    }
}

fn private_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, TlsError> {
    use rustls::pki_types::pem::Error as PemError;
    PrivateKeyDer::from_pem_slice(pem).map_err(|error| {
        let text = String::from_utf8_lossy(pem);
        if text.contains("BEGIN ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED") {
            return TlsError::KeyProtected;
        }
        let detail = match error {
            PemError::NoItemsFound => "no -----BEGIN PRIVATE KEY----- in it".to_owned(),
            // The parser's own words could show parts of the key.
            _ => "its text is damaged".to_owned(),
        };
        TlsError::ClientKey { detail }
    })
}

pub(crate) fn with_tls(options: &mut MqttOptions, tls: &Tls) {
    let config = TlsConfiguration::Rustls(Arc::clone(&tls.inner));
    options.set_transport(Transport::tls_with_config(config));
}

/// Accepts a certificate for one name, whatever the address is; all else is up to rustls.
#[derive(Debug)]
struct NamedVerifier {
    ordinary: Arc<WebPkiServerVerifier>,
    name: ServerName<'static>,
}

impl ServerCertVerifier for NamedVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _address: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.ordinary.verify_server_cert(end_entity, intermediates, &self.name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.ordinary.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.ordinary.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.ordinary.supported_verify_schemes()
    }
}

/// What TLS has to do with an error of rumqttc's event loop, if anything. `client_certificate`: whether one was shown.
pub(crate) fn trouble_of(error: &ConnectionError, client_certificate: bool) -> Option<TlsTrouble> {
    match error {
        ConnectionError::Tls(ConnectError::Io(error)) => Some(match rustls_error(error) {
            Some(error) => TlsTrouble::of(error, client_certificate),
            None if is_ending(error) => TlsTrouble::NotTls,
            None => TlsTrouble::Other { detail: error.to_string() },
        }),
        ConnectionError::Tls(ConnectError::TLS(error)) => Some(TlsTrouble::of(error, client_certificate)),
        ConnectionError::Tls(error) => Some(TlsTrouble::Other { detail: error.to_string() }),
        // With TLS 1.3 the broker's verdict on the client's certificate comes after the handshake.
        ConnectionError::Io(error)
        | ConnectionError::MqttState(StateError::Io(error) | StateError::Deserialization(CodecError::Io(error))) => {
            rustls_error(error).map(|error| TlsTrouble::of(error, client_certificate))
        }
        _ => None,
    }
}

fn rustls_error(error: &io::Error) -> Option<&rustls::Error> {
    let inner: &(dyn Error + 'static) = error.get_ref()?;
    inner.downcast_ref()
}

fn is_ending(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    matches!(error.kind(), Kind::UnexpectedEof | Kind::ConnectionReset | Kind::ConnectionAborted | Kind::BrokenPipe)
}
