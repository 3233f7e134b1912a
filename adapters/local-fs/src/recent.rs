//! The tokens of this process's last commits, which plain files have no place for.

use crate::read::etag;
use sealift::Token;
use std::collections::VecDeque;
use std::fs::Metadata;
use std::sync::{Mutex, PoisonError};

/// How many commits are remembered: many more than can be unsettled at a time.
const REMEMBERED: usize = 1024;

/// Tokens by the tags of their files.
#[derive(Debug, Default)]
pub(crate) struct Recent(Mutex<VecDeque<(String, Token)>>);

impl Recent {
    /// Remembers the token of a file that is about to be committed, and returns its tag. Where that comes to nothing, no
    /// file ever has this tag.
    pub(crate) fn remember(&self, metadata: &Metadata, token: Token) -> String {
        let tag = etag(metadata);
        let mut commits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if commits.len() == REMEMBERED {
            commits.pop_front();
        }
        commits.push_back((tag.clone(), token));
        tag
    }

    /// The token of the commit that made the file with this tag, if it was one of the last ones here.
    pub(crate) fn token(&self, tag: &str) -> Option<String> {
        let commits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        commits.iter().rev().find(|(known, _)| known == tag).map(|(_, token)| token.to_string())
    }
}
