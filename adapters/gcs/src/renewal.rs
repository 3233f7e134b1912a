//! What becomes of a token that the service does not take.

/// Of which of the sources that replaced each other a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Generation(pub(crate) u64);

/// What became of a token that was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Renewal {
    /// There is another, or it is asked for with the next request.
    Sought,
    /// Who gives tokens gave the same again.
    Same,
    /// No token was sent, or no other can be asked for.
    None,
}
