//! The servers.

use sealift_tests::cli::SECRET;

/// One server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Referee {
    /// With its version, which `localstack/` pins.
    pub(crate) name: &'static str,
    /// The variable that holds its URL.
    pub(crate) variable: &'static str,
    /// The variable that holds the URL by which the tests look at it, without TLS.
    pub(crate) seen_by: &'static str,
    pub(crate) key: &'static str,
    pub(crate) secret: &'static str,
    /// The variable that holds the file of its authority.
    pub(crate) authority: Option<&'static str>,
}

const HTTP: Referee = Referee { name: "", variable: "", seen_by: "", key: "test", secret: SECRET, authority: None };

pub(crate) const SEAWEEDFS: Referee = Referee {
    name: "SeaweedFS 4.48",
    variable: "SEALIFT_TEST_REFEREE_SEAWEEDFS",
    seen_by: "SEALIFT_TEST_REFEREE_SEAWEEDFS",
    ..HTTP
};

pub(crate) const MOTO: Referee =
    Referee { name: "moto 5.2.5", variable: "SEALIFT_TEST_REFEREE_MOTO", seen_by: "SEALIFT_TEST_REFEREE_MOTO", ..HTTP };

pub(crate) const RCLONE: Referee = Referee {
    name: "rclone 1.75.2",
    variable: "SEALIFT_TEST_REFEREE_RCLONE",
    seen_by: "SEALIFT_TEST_REFEREE_RCLONE",
    ..HTTP
};

pub(crate) const RCLONE_TLS: Referee = Referee {
    name: "rclone 1.75.2, TLS",
    variable: "SEALIFT_TEST_REFEREE_RCLONE_TLS",
    authority: Some("SEALIFT_TEST_REFEREE_RCLONE_CA"),
    ..RCLONE
};

pub(crate) const S3RVER: Referee = Referee {
    name: "s3rver 3.7.1",
    variable: "SEALIFT_TEST_REFEREE_S3RVER",
    seen_by: "SEALIFT_TEST_REFEREE_S3RVER",
    // It takes no others.
    key: "S3RVER",
    secret: "S3RVER",
    ..HTTP
};

pub(crate) const LOCALBUCKET: Referee = Referee {
    name: "localbucket 1.2.1",
    variable: "SEALIFT_TEST_REFEREE_LOCALBUCKET",
    seen_by: "SEALIFT_TEST_REFEREE_LOCALBUCKET",
    ..HTTP
};

impl Referee {
    pub(crate) const ALL: [Referee; 6] = [SEAWEEDFS, MOTO, RCLONE, RCLONE_TLS, S3RVER, LOCALBUCKET];

    /// Whether it is there to be tested.
    pub(crate) fn runs(&self) -> bool {
        std::env::var_os(self.variable).is_some()
    }

    /// Its URL.
    pub(crate) fn endpoint(&self) -> String {
        said(self.variable)
    }

    /// The URL by which the tests look at it.
    pub(crate) fn seen_at(&self) -> String {
        said(self.seen_by)
    }

    /// The variables that lead the command to it, with `secret` as its secret key.
    pub(crate) fn variables(&self, endpoint: String, secret: &str) -> Vec<(&'static str, String)> {
        let mut variables = vec![
            ("AWS_ENDPOINT_URL", endpoint),
            ("AWS_ACCESS_KEY_ID", self.key.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", secret.to_owned()),
        ];
        variables.extend(self.authority.map(|variable| ("SSL_CERT_FILE", said(variable))));
        variables
    }
}

fn said(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| panic!("{variable} is set: localstack/up prints it"))
}
