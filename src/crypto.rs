//! The cryptography of TLS connections.

/// Lets rustls use ring. Another part of the process may have installed a provider; any provider
/// works.
pub fn install_provider() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}
