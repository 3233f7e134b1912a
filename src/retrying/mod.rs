//! The decorator around a store and its uploads that sends again what failed in passing.

mod store;
mod upload;

pub use store::RetryingStore;
