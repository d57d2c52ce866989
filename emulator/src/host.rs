//! The check of the host name in a request.
//!
//! A web page can make a browser send requests to a loopback port under a host name of its own (DNS
//! rebinding). That name is in the `Host` header, so only names of this machine are accepted.

use std::net::IpAddr;

use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{Version, header};

use super::refusal::Refusal;

/// Refuses a request whose host name is not a name of this machine.
pub(crate) fn check(parts: &Parts) -> Result<(), Refusal> {
    let hosts = parts.headers.get_all(header::HOST).iter();
    let hosts: Result<Vec<&str>, _> = hosts.map(|host| host.to_str()).collect();
    let of_header = match hosts.as_deref() {
        Ok([host]) => Some(*host),
        // HTTP/1.0 has no such header, and no browser sends it.
        Ok([]) if parts.version == Version::HTTP_10 => None,
        _ => return Err(Refusal::NoHost),
    };
    let of_uri = parts.uri.authority().map(Authority::as_str);
    if of_uri.into_iter().chain(of_header).all(is_loopback) {
        Ok(())
    } else {
        Err(Refusal::WrongHost)
    }
}

/// Returns true if `NAME` or `NAME:PORT` is this machine.
fn is_loopback(text: &str) -> bool {
    let Ok(authority) = text.parse::<Authority>() else {
        return false;
    };
    if authority.as_str().contains('@') {
        return false;
    }
    let host = authority.host();
    if let Ok(address) = host.trim_matches(['[', ']']).parse::<IpAddr>() {
        return address.to_canonical().is_loopback();
    }
    let name = host.strip_suffix('.').unwrap_or(host);
    // No public name has this suffix (RFC 6761).
    name.eq_ignore_ascii_case("localhost") || name.to_ascii_lowercase().ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn verdict(version: Version, uri: &str, hosts: &[&str]) -> &'static str {
        let mut request = Request::builder().version(version).uri(uri);
        for host in hosts {
            request = request.header(header::HOST, *host);
        }
        match check(&request.body(()).unwrap().into_parts().0) {
            Ok(()) => "ok",
            Err(Refusal::NoHost) => "no host",
            Err(_) => "wrong host",
        }
    }

    #[test]
    fn only_names_of_this_machine_are_answered() {
        for (hosts, expected) in [
            (&["127.0.0.1:8080"][..], "ok"),
            (&["127.0.0.1"], "ok"),
            (&["127.8.8.8:1"], "ok"),
            (&["localhost:8080"], "ok"),
            (&["LocalHost"], "ok"),
            (&["localhost."], "ok"),
            (&["emulator.localhost:8080"], "ok"),
            (&["[::1]:8080"], "ok"),
            (&["[::ffff:127.0.0.1]"], "ok"),
            (&["evil.example:8080"], "wrong host"),
            (&["127.0.0.1.evil.example"], "wrong host"),
            (&["localhost.evil.example"], "wrong host"),
            (&["evillocalhost"], "wrong host"),
            (&["localhost@evil.example"], "wrong host"),
            (&["0.0.0.0:8080"], "wrong host"),
            (&["[::]:8080"], "wrong host"),
            (&["10.0.0.1"], "wrong host"),
            (&["2130706433"], "wrong host"),
            (&[""], "wrong host"),
            (&[], "no host"),
            (&["localhost", "evil.example"], "no host"),
            (&["localhost", "localhost"], "no host"),
        ] {
            assert_eq!(
                verdict(Version::HTTP_11, "/x", hosts),
                expected,
                "{hosts:?}"
            );
        }
    }

    #[test]
    fn the_request_line_names_a_host_too() {
        let host = &["localhost"];
        assert_eq!(
            verdict(Version::HTTP_11, "http://evil.example/x", host),
            "wrong host"
        );
        assert_eq!(verdict(Version::HTTP_11, "http://localhost/x", host), "ok");
    }

    #[test]
    fn http_1_0_needs_no_host() {
        assert_eq!(verdict(Version::HTTP_10, "/x", &[]), "ok");
        assert_eq!(
            verdict(Version::HTTP_10, "/x", &["evil.example"]),
            "wrong host"
        );
    }
}
