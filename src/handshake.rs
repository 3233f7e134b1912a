//! What the words of a failed TLS handshake mean to a person.

/// What to do about a connection that failed for `cause`, as rustls words it; `None` if it is not about TLS.
///
/// ```
/// let hint = sealift::handshake_hint("invalid peer certificate: UnknownIssuer");
/// assert!(hint.is_some_and(|hint| hint.contains("SSL_CERT_FILE")));
/// assert_eq!(sealift::handshake_hint("Connection refused (os error 111)"), None);
/// ```
pub fn handshake_hint(cause: &str) -> Option<&'static str> {
    let says = |words: &[&str]| words.iter().any(|word| cause.contains(word));
    if says(&["InvalidContentType", "InvalidProtocolVersion"]) {
        Some("what answers there does not speak TLS: say http:// instead of https://, or another port")
    } else if says(&["CaUsedAsEndEntity"]) {
        Some("what it shows as its own certificate is an authority's: have one made for it, with CA:FALSE")
    } else if says(&["UnknownIssuer", "BadSignature"]) {
        Some(
            "its certificate is of an authority that is not trusted here: name the authority's certificate by --ca-file, \
             or by SSL_CERT_FILE",
        )
    } else if says(&["NotValidForName", "certificate not valid for name"]) {
        Some("its certificate is for another name: check the endpoint's host")
    } else if says(&["Expired", "certificate expired", "NotValidYet", "certificate not valid yet"]) {
        Some("its certificate is not valid at this time: check the clock here, and have the certificate renewed")
    } else {
        None
    }
}
