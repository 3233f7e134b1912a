//! Numbers of what is done at a time on the command line.

use crate::machine::under_way_at_once;
use std::num::NonZeroUsize;

/// A number of things at a time, or as many as the process may have descriptors for.
pub(crate) fn at_once(text: &str) -> Result<NonZeroUsize, String> {
    let said: NonZeroUsize = text.parse().map_err(|_| "it is a whole number, 1 or more".to_owned())?;
    Ok(under_way_at_once(said))
}
