//! Where credentials came from, as far as the SDK tells.

use aws_credential_types::Credentials;
use aws_credential_types::credential_feature::AwsCredentialFeature as Feature;
use aws_smithy_runtime_api::client::identity::Identity;
use aws_smithy_types::config_bag::FrozenLayer;

/// Where credentials came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Variables of the environment, which stay as they are for as long as this process runs.
    Environment,
    Profile,
    Process,
    WebIdentity,
    Role,
    Sso,
    Container,
    Instance,
    /// A provider of the caller's, or one that does not say.
    Provider,
}

impl Origin {
    /// Where `credentials` came from.
    pub(crate) fn of(credentials: &Credentials) -> Self {
        let identity = Identity::from(credentials.clone());
        let layer = identity.property::<FrozenLayer>();
        let features: Vec<_> = layer.into_iter().flat_map(|layer| layer.load::<Feature>()).collect();
        // A role that is assumed with keys of the environment can be assumed anew.
        if features == [&Feature::CredentialsEnvVars] {
            return Origin::Environment;
        }
        let said = |origin: &(Feature, Origin)| features.contains(&&origin.0);
        FEATURES.iter().find(|origin| said(origin)).map_or(Origin::Provider, |(_, origin)| *origin)
    }

    /// As a message names it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Origin::Environment => "the environment",
            Origin::Profile => "the profile's files",
            Origin::Process => "the profile's credential_process",
            Origin::WebIdentity => "the web identity",
            Origin::Role => "the profile's role",
            Origin::Sso => "the SSO session",
            Origin::Container => "the container's endpoint",
            Origin::Instance => "the instance's metadata service",
            Origin::Provider => "their source",
        }
    }
}

/// What says more comes first: what is found by a profile says so as well.
const FEATURES: [(Feature, Origin); 10] = [
    (Feature::CredentialsStsAssumeRoleWebId, Origin::WebIdentity),
    (Feature::CredentialsProfileStsWebIdToken, Origin::WebIdentity),
    (Feature::CredentialsEnvVarsStsWebIdToken, Origin::WebIdentity),
    (Feature::CredentialsStsAssumeRole, Origin::Role),
    (Feature::CredentialsProcess, Origin::Process),
    (Feature::CredentialsSso, Origin::Sso),
    (Feature::CredentialsProfileSso, Origin::Sso),
    (Feature::CredentialsHttp, Origin::Container),
    (Feature::CredentialsImds, Origin::Instance),
    (Feature::CredentialsProfile, Origin::Profile),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_more_is_named() {
        for (features, origin) in [
            (vec![], Origin::Provider),
            (vec![Feature::CredentialsEnvVars], Origin::Environment),
            (vec![Feature::CredentialsProfile], Origin::Profile),
            (vec![Feature::CredentialsProcess, Feature::CredentialsProfile], Origin::Process),
            (
                vec![Feature::CredentialsEnvVars, Feature::CredentialsStsAssumeRole, Feature::CredentialsProfile],
                Origin::Role,
            ),
            (vec![Feature::CredentialsImds], Origin::Instance),
        ] {
            let mut credentials = Credentials::new("AKIDTEST", "a-secret-key", None, None, "tests");
            if !features.is_empty() {
                credentials.get_property_mut_or_default::<Vec<Feature>>().extend(features.clone());
            }
            assert_eq!(Origin::of(&credentials), origin, "{features:?}");
        }
    }
}
