//! What is tried on every server.

use crate::outcome::Seen;
use crate::scene::Scene;
use crate::{names, reading, uploads, writing};

/// Declares the features in the order of the table: each with its name there and the case that tries it.
macro_rules! features {
    ($($feature:ident: $name:literal, $case:path;)+) => {
        /// One thing that a backup needs of S3, or that a server may lack.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Feature { $($feature),+ }

        impl Feature {
            pub(crate) const ALL: [Feature; [$(Feature::$feature),+].len()] = [$(Feature::$feature),+];

            /// Its row in the table.
            pub(crate) fn name(self) -> &'static str {
                match self { $(Feature::$feature => $name),+ }
            }

            /// Tries it.
            pub(crate) async fn tried(self, scene: &Scene) -> Seen {
                match self { $(Feature::$feature => $case(scene).await),+ }
            }
        }
    };
}

features! {
    PutSmall: "put, one request", writing::small;
    PutLarge: "put, in parts", writing::large;
    PutEmpty: "put, no bytes", writing::empty;
    Replace: "replace", writing::replaced;
    Proof: "put is confirmed by a checksum", writing::confirmed;
    Damage: "put that arrives damaged", writing::damaged;
    Unchecked: "put in parts and get, `--checksums none`", writing::without_checksums;
    IfAbsent: "put `--if-absent`", writing::if_absent;
    IfAbsentLarge: "the same, in parts", writing::if_absent_large;
    Complete: "complete on a condition, told that it is kept", writing::conditional_complete;
    Abort: "given up: nothing is left", writing::given_up;
    Get: "get", reading::got;
    Checksum: "get is verified by a checksum", reading::verified;
    Stat: "stat", reading::looked_at;
    Missing: "an object that is missing", reading::missing;
    NoBucket: "a bucket that is missing", reading::without_bucket;
    List: "ls", reading::listed;
    Move: "mv", writing::moved;
    MoveForeign: "mv, what others stored", writing::foreign_moved;
    Remove: "rm", writing::removed;
    StrangeKey: "a strange key", names::strange;
    ControlKey: "ls, a key with a control character", names::with_control;
    LongKey: "a key of 1,024 bytes", names::long;
    LongSegment: "the same, without a slash", names::without_slash;
    ListUploads: "sweep tells its own uploads", uploads::told;
    ListParts: "sweep tells what they hold", uploads::weighed;
    Sweep: "sweep `--foreign --yes` removes", uploads::swept;
    Secret: "a wrong secret is refused", reading::wrong_secret;
    Authority: "an unknown authority is refused", reading::unknown_authority;
}
