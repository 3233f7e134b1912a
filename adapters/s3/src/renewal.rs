//! What an answer says of the credentials, and what becomes of them.

use crate::origin::Origin;
use sealift::Passing;

/// What an answer says of credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Complaint {
    Expired,
    NotTaken,
    /// Maybe nothing.
    Doubt,
}

/// What became of credentials that were refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Renewal {
    /// Others are used from now on, or looked for with the next request.
    Sought,
    /// There are no others: what to say of that, what to do, and whether it may pass.
    None { words: String, hint: &'static str, passing: Option<Passing> },
}

impl Complaint {
    /// What an answer says of credentials, if anything (AWS, "Error responses", List of error codes; MinIO says
    /// `InvalidTokenId`).
    pub(crate) fn of(status: u16, code: &str) -> Option<Self> {
        match (status, code) {
            (_, "ExpiredToken" | "ExpiredTokenException" | "TokenRefreshRequired" | "RequestExpired") => {
                Some(Complaint::Expired)
            }
            (_, "InvalidToken" | "InvalidTokenId" | "InvalidAccessKeyId" | "InvalidClientTokenId") => {
                Some(Complaint::NotTaken)
            }
            // A secret that was replaced, or something else between here and the service.
            (_, "SignatureDoesNotMatch") => Some(Complaint::Doubt),
            // The answer to a HEAD has no code: it may be a permission, or the region.
            (400 | 401 | 403, "") => Some(Complaint::Doubt),
            _ => None,
        }
    }

    /// That there are no other credentials, if it is the credentials at all.
    pub(crate) fn is_final(self, origin: Origin) -> Option<Renewal> {
        let fact = match self {
            Complaint::Expired => "the credentials have expired and were not renewed",
            Complaint::NotTaken => "the service does not take the credentials",
            Complaint::Doubt => return None,
        };
        Some(match origin {
            Origin::Environment => Renewal::None {
                words: format!("{fact}: they are of the environment, which stays as it is"),
                hint: "set new ones and start again; credentials of a profile, a process or a role are renewed",
                passing: None,
            },
            origin => Renewal::None {
                words: format!("{fact}: {} gives the same as before", origin.name()),
                hint: "renew them where they come from, and try again; `aws sts get-caller-identity` tells whether they \
                       are taken",
                passing: None,
            },
        })
    }
}
