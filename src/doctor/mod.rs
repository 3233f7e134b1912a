//! Examination of a bucket: what it, its service and these credentials can do is tried on scratch objects, and what follows
//! for each command is told ([`Bucket::examine`](crate::Bucket::examine)). What was made is removed again, or named.
//!
//! `examination` is the order of it, and the other modules are what is tried: `surroundings`, `objects`, `conditions`,
//! `checksums`, `uploads`, `copies`; of archives behind commands, `archives`. `scratch` owns what was made. `features` says what follows; `report` is all of it as
//! values. What only an adapter can tell is [`Examined`].

mod archives;
mod checksums;
mod conditions;
mod copies;
mod examination;
mod features;
mod objects;
mod report;
mod scratch;
mod surroundings;
mod uploads;

pub use crate::examined::{Capability, Examined, Finding, Kept, Sent, Settings, Verdict};
pub use archives::examine_archive;
pub use examination::{Environment, Examination, Lasting};
pub(crate) use examination::{end_incomplete_uploads, examine};
pub use features::{Answer, Feature, SetUp};
pub use report::Report;
pub use scratch::FOLDER;
