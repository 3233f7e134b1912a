//! Which credentials a request was signed with: many are under way while credentials are renewed.

use aws_credential_types::Credentials;
use aws_sdk_s3::config::interceptors::{
    BeforeDeserializationInterceptorContextMut, BeforeSerializationInterceptorContextRef,
};
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_smithy_types::config_bag::{Storable, StoreReplace};
use std::error::Error as StdError;
use std::sync::{Arc, OnceLock};

/// The credentials that a request is signed with.
#[derive(Debug, Clone, Default)]
pub(crate) struct Used(Arc<OnceLock<Credentials>>);

impl Used {
    /// Says which. A request is sent once, so it is said once.
    pub(crate) fn set(&self, credentials: Credentials) {
        let _ = self.0.set(credentials);
    }

    pub(crate) fn get(&self) -> Option<&Credentials> {
        self.0.get()
    }
}

impl Storable for Used {
    type Storer = StoreReplace<Used>;
}

/// Keeps with each answer what its request was signed with.
#[derive(Debug)]
pub(crate) struct Signed;

impl Intercept for Signed {
    fn name(&self) -> &'static str {
        "Signed"
    }

    fn read_before_execution(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        config: &mut ConfigBag,
    ) -> Result<(), Box<dyn StdError + Send + Sync>> {
        config.interceptor_state().store_put(Used::default());
        Ok(())
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), Box<dyn StdError + Send + Sync>> {
        if let Some(used) = config.load::<Used>() {
            context.response_mut().add_extension(used.clone());
        }
        Ok(())
    }
}
