//! How long requests may take.

use std::time::Duration;

/// The time to connect, per attempt, by default.
pub(crate) const CONNECT: Duration = Duration::from_secs(5);
/// The time for the answer to a request once all of it is sent, per attempt.
pub(crate) const ANSWER: Duration = Duration::from_secs(60);
/// The time for the answer to a complete or a copy: the service assembles the object first, which "could take several
/// minutes" (AWS, "CompleteMultipartUpload").
pub(crate) const COMPLETE: Duration = Duration::from_secs(600);
/// The time for credentials to come, also where they are renewed: an instance or a role's service that does not answer, a
/// process that hangs.
pub(crate) const CREDENTIALS: Duration = Duration::from_secs(30);
/// No limit but on connecting and on standing still: a large body on a slow line takes as long as it takes. To the SDK
/// a configuration without any limit means that none holds, not even the client's own on connecting, so there is one.
pub(crate) const UNLIMITED: Duration = Duration::from_secs(30 * 24 * 3600);
