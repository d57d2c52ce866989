//! Connection failures, by their effect on the request: surely not sent, or perhaps accepted.

use std::error::Error;
use std::time::Duration;

use crate::api::http::error::{ApiErrorKind, chain};
use crate::api::http::excerpt::excerpt;
use crate::api::http::redact::Redactor;

/// Distinguishes failures before the request was sent from failures after it may have been sent.
pub(in crate::api) fn kind(error: &reqwest::Error, limit: Duration) -> ApiErrorKind {
    match tls_fault(error) {
        Some(_) if error.is_connect() => ApiErrorKind::Tls,
        // In TLS 1.3 a refused client certificate is reported only after the handshake.
        Some(rustls::Error::AlertReceived(alert)) if is_about_certificates(*alert) => {
            ApiErrorKind::Tls
        }
        _ if error.is_connect() || error.is_builder() => ApiErrorKind::Connect,
        _ if error.is_timeout() => ApiErrorKind::Timeout { after: limit },
        _ => ApiErrorKind::Reset,
    }
}

fn is_about_certificates(alert: rustls::AlertDescription) -> bool {
    use rustls::AlertDescription as Alert;
    matches!(
        alert,
        Alert::CertificateRequired
            | Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateExpired
            | Alert::CertificateUnknown
            | Alert::UnknownCA
            | Alert::AccessDenied
            | Alert::HandshakeFailure
    )
}

/// Returns the TLS failure behind an error. An `io::Error` hides the error that it wraps from the
/// chain of sources.
fn tls_fault<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(fault) = error.downcast_ref::<rustls::Error>() {
            return Some(fault);
        }
        next = match error.downcast_ref::<std::io::Error>() {
            Some(wrapper) => wrapper
                .get_ref()
                .map(|inner| inner as &(dyn Error + 'static)),
            None => error.source(),
        };
    }
    None
}

/// The cause of a failure, redacted.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(in crate::api) struct Cause(String);

impl Cause {
    /// Returns the failure itself and all its sources.
    pub(in crate::api) fn whole(error: &(dyn Error + 'static), redactor: &Redactor) -> Self {
        Self::redacted(&chain(error), redactor)
    }

    /// Returns the deepest cause of a failure: the layers of the HTTP client above it add no
    /// information.
    pub(in crate::api) fn of(error: &(dyn Error + 'static), redactor: &Redactor) -> Self {
        let mut deepest = error;
        while let Some(source) = deepest.source() {
            deepest = source;
        }
        Self::redacted(&deepest.to_string(), redactor)
    }

    fn redacted(text: &str, redactor: &Redactor) -> Self {
        Self(excerpt(text.as_bytes(), redactor).unwrap_or_default())
    }
}
