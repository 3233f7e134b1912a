//! x
#![allow(missing_docs)]
use sealift_tests as _;
