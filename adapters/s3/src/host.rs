//! The host of an endpoint.

/// The host of a URL; an IPv6 address with its brackets.
pub(crate) fn host(endpoint: &str) -> &str {
    let authority = endpoint.split_once("://").map_or(endpoint, |(_, rest)| rest);
    let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    match host.rsplit_once(':') {
        // The brackets of an IPv6 address hold colons too.
        Some((host, port)) if !port.ends_with(']') => host,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_taken_out_of_endpoints() {
        for (endpoint, expected) in [
            ("http://user:key@host:1/x?y#z", "host"),
            ("host", "host"),
            ("https://[::1]:9000/", "[::1]"),
            ("https://[::1]", "[::1]"),
        ] {
            assert_eq!(host(endpoint), expected);
        }
    }
}
