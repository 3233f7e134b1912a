//! What does not work on which server, and what Sealift answers there. What is not named works as on S3.

use crate::features::Feature::{self, *};
use crate::referee::Referee;
use Expected::{Less, NotTried, Refused, WorksOr, Wrong};

/// What a feature comes to on a server. In words, `…` stands for anything.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Expected {
    /// As on S3.
    Works,
    /// As on S3, unless two requests meet, which they do now and then: refused then, as below.
    WorksOr(i32, &'static str),
    /// It is done, with less than S3 gives, and these words say so.
    Less(&'static str),
    /// It is not done: the exit code, and the words.
    Refused(i32, &'static str),
    /// Known to be wrong: the exit code, the words, and what the server shows against them.
    Wrong(i32, &'static str, &'static str),
    /// It cannot be tried there, because of this.
    NotTried(&'static str),
}

impl Expected {
    pub(crate) fn of(referee: &Referee, feature: Feature) -> Expected {
        let row = exceptions(referee).iter().find(|(exception, _)| *exception == feature);
        row.map_or(Expected::Works, |(_, expected)| *expected)
    }
}

fn exceptions(referee: &Referee) -> &'static [(Feature, Expected)] {
    match referee.variable {
        "SEALIFT_TEST_REFEREE_SEAWEEDFS" => SEAWEEDFS,
        "SEALIFT_TEST_REFEREE_MOTO" => MOTO,
        "SEALIFT_TEST_REFEREE_RCLONE" => RCLONE,
        "SEALIFT_TEST_REFEREE_RCLONE_TLS" => RCLONE_TLS,
        "SEALIFT_TEST_REFEREE_S3RVER" => S3RVER,
        "SEALIFT_TEST_REFEREE_LOCALBUCKET" => LOCALBUCKET,
        other => panic!("{other} has a table"),
    }
}

const HTTP_ONLY: Expected = NotTried("—");

/// A real store. It does not tell in its list of uploads how they are marked.
const SEAWEEDFS: &[(Feature, Expected)] = &[
    (
        MoveForeign,
        Refused(
            10,
            "move s3://BUCKET/foreign-from: its copy is not told from other content of the same size; the original is kept; \
             left behind: perhaps the object s3://BUCKET/foreign-to: a copy that is not proven to be the same (`sealift rm` \
             removes it)",
        ),
    ),
    (
        LongSegment,
        Refused(1, "put s3://BUCKET/…: 400 KeyTooLongError: Your key is too long. (request id …); nothing was stored"),
    ),
    (ListUploads, Less(UNMARKED)),
    (Authority, HTTP_ONLY),
];

/// It keeps no checksum, looks at no signature, and its list of parts is not S3's XML. To keep a condition it looks first and
/// stores later, which the proof catches once in a hundred times.
const MOTO: &[(Feature, Expected)] = &[
    (Proof, Less(SEALED_BY_LOOK)),
    (Damage, Less(SEALED_BY_LOOK)),
    (IfAbsent, WorksOr(2, BOTH_WON)),
    (IfAbsentLarge, WorksOr(2, BOTH_WON)),
    (Checksum, Less(ONLY_SIZE)),
    (ListUploads, Refused(1, NO_PARTS)),
    (ListParts, Refused(1, NO_PARTS)),
    (Sweep, Refused(1, NO_PARTS_SWEPT)),
    (Secret, Less(SEALED_BY_LOOK)),
    (Authority, HTTP_ONLY),
];

/// Its answer to the start of an upload is not S3's XML, of two conditional puts at once both win, and what it tells as its
/// checksum is what it was told.
const RCLONE: &[(Feature, Expected)] = &[
    (
        Damage,
        Wrong(0, "sealed s3://BUCKET/damaged: … (confirmed by the service's checksum)", "something else is stored"),
    ),
    (IfAbsent, Refused(2, BOTH_WON)),
    (IfAbsentLarge, Refused(2, BOTH_WON)),
    // As on s3rver.
    (Complete, Less(SEALED_BY_LOOK)),
    (LongSegment, Refused(1, TOO_LONG_FOR_RCLONE)),
    (ListUploads, Less(UNMARKED)),
    (Authority, HTTP_ONLY),
];

const RCLONE_TLS: &[(Feature, Expected)] = &[
    // What damages it speaks HTTP.
    (Damage, NotTried("—")),
    (IfAbsent, Refused(2, BOTH_WON)),
    (IfAbsentLarge, Refused(2, BOTH_WON)),
    // As on s3rver.
    (Complete, Less(SEALED_BY_LOOK)),
    (LongSegment, Refused(1, TOO_LONG_FOR_RCLONE)),
    (ListUploads, Less(UNMARKED)),
];

/// It passes over conditions, checksums and signatures, aborts nothing, and lists neither uploads nor parts.
const S3RVER: &[(Feature, Expected)] = &[
    (Proof, Less(SEALED_BY_LOOK)),
    (Damage, Less(SEALED_BY_LOOK)),
    (IfAbsent, Refused(2, BOTH_WON)),
    (IfAbsentLarge, Refused(2, BOTH_WON)),
    // The other object is replaced: Sealift was told that it would not be, and does not try.
    (Complete, Less(SEALED_BY_LOOK)),
    (
        Abort,
        Wrong(
            10,
            "the producer sh exited with status 3; left behind: the incomplete upload of s3://BUCKET/given-up, upload id …: \
             it could not be aborted (`sealift sweep` removes it, with --foreign where the service does not tell of its mark)",
            "`sealift sweep` cannot",
        ),
    ),
    (Checksum, Less(ONLY_SIZE)),
    (ControlKey, Refused(1, NOT_XML)),
    (LongSegment, Refused(1, "look at s3://BUCKET/…: 500 (tried … times in … s); nothing was stored")),
    (ListUploads, Refused(1, NO_UPLOADS)),
    (ListParts, Refused(1, NO_UPLOADS)),
    (Sweep, Refused(1, NO_UPLOADS)),
    (Secret, Less(SEALED_BY_LOOK)),
    (Authority, HTTP_ONLY),
];

/// It drops metadata, so that no object can be told to be Sealift's, looks at no signature, and lists neither uploads nor parts.
const LOCALBUCKET: &[(Feature, Expected)] = &[
    (Proof, Less(SEALED_BY_ETAG)),
    (Damage, Wrong(0, SEALED_BY_ETAG, "something else is stored")),
    (Checksum, Less(ONLY_SIZE)),
    (
        LongSegment,
        Refused(
            6,
            "look at s3://BUCKET/…: cannot talk to …: connection closed before message completed (tried … times in … s); \
             nothing was stored; check the endpoint, the network, proxies and certificates",
        ),
    ),
    (ListUploads, Refused(1, NO_UPLOADS)),
    (ListParts, Refused(1, NO_UPLOADS)),
    (Sweep, Refused(1, NO_UPLOADS)),
    (Secret, Less(SEALED_BY_ETAG)),
    (Authority, HTTP_ONLY),
];

const SEALED_BY_LOOK: &str = "sealed s3://BUCKET/…: … (confirmed by a look at its token and size)";
/// Of a server that drops the metadata, and the token with it.
const SEALED_BY_ETAG: &str = "sealed s3://BUCKET/…: … (confirmed by a look at its ETag and size)";
const ONLY_SIZE: &str = "read s3://BUCKET/…: …, only its size was checked: nothing keeps a checksum of it";
const UNMARKED: &str = "not marked as Sealift's, kept";
const BOTH_WON: &str = "store s3://BUCKET/…: … cannot be relied on not to replace an object that exists: two puts at once, each \
                        on the condition that there is no object, both won; nothing was stored; let it be replaced, under a \
                        name that nothing else uses; or, if you know that the service keeps conditions, say so: \
                        --conditional-writes honoured";
const NO_PARTS: &str = "not swept: list the parts of s3://BUCKET/…: … answered with success, and the answer cannot be used: \
                        error parsing XML: encountered invalid XML root: expected ListPartsResult but got …; check that the \
                        endpoint is that of the S3 service, and what stands between here and it\n{…}";
const NO_PARTS_SWEPT: &str = "not swept: list the parts of s3://BUCKET/…: … answered with success, and the answer cannot be \
                              used: error parsing XML: encountered invalid XML root: expected ListPartsResult but got …; 0 \
                              removed before, as listed; check that the endpoint is that of the S3 service, and what \
                              stands between here and it";
const NO_UPLOADS: &str = "list the incomplete uploads of s3://BUCKET/…: 501 NotImplemented: …";
const NOT_XML: &str = "list s3://BUCKET/: … answered with success, and the answer cannot be used: invalid character data at …; \
                       check that the endpoint is that of the S3 service, and what stands between here and it";
const TOO_LONG_FOR_RCLONE: &str = "put s3://BUCKET/…: 500 InternalError: Internal Error (request id …) (tried … times in … s); \
                                   nothing was stored";
