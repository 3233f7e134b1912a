//! What the services that speak S3's API take: one table, a row each.

use crate::host::host;
use sealift::{Error, ErrorKind, Growth, PartPolicy, Result};

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const TIB: u64 = 1 << 40;

/// The smallest part but the last that S3 and all of these services take ("Amazon S3 multipart upload limits",
/// docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html).
const MIN_PART: u64 = 5 * MIB;

/// A service that speaks S3's API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Provider {
    /// Amazon S3.
    Aws,
    /// Cloudflare R2.
    CloudflareR2,
    /// Google Cloud Storage's XML API.
    GoogleXml,
    /// Backblaze B2.
    BackblazeB2,
    /// Scaleway Object Storage.
    Scaleway,
    /// Tigris.
    Tigris,
    /// Wasabi.
    Wasabi,
    /// DigitalOcean Spaces.
    DigitalOceanSpaces,
    /// Akamai (Linode) Object Storage.
    Akamai,
    /// Alibaba Cloud Object Storage Service.
    AlibabaOss,
    /// IBM Cloud Object Storage.
    IbmCos,
    /// Any other service: MinIO, Ceph, Garage, LocalStack, …
    Generic,
}

/// Which checksums a service takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checksums {
    /// CRC64NVME over each part and over the whole object.
    FullObject,
    /// None that S3 added since 2022. Parts are checked by nothing but the connection; the whole by its size.
    None,
}

/// Whether a service stores an object only if none exists, when it is told to (`If-None-Match: *`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conditions {
    /// It does.
    Honoured,
    /// It rejects or ignores conditions, or does not say.
    Unknown,
    /// It may be any service: one that keeps conditions, rejects them, or ignores them. Before the first object is stored
    /// on a condition, it is proven on a scratch object, or refused.
    ToBeProven,
}

/// A row of the table.
#[derive(Debug)]
struct Row {
    provider: Provider,
    name: &'static str,
    /// What the endpoint's host is, or ends with after a dot.
    hosts: &'static [&'static str],
    max_parts: u32,
    max_part: u64,
    max_object: u64,
    growth: Growth,
    max_in_flight: usize,
    checksums: Checksums,
    /// Of PutObject and CompleteMultipartUpload.
    conditional_puts: Conditions,
    path_style: PathStyle,
}

/// Whether a service takes a bucket's name in the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PathStyle {
    Taken,
    Refused,
}

const GROWING: Growth = Growth::Growing { first: 8 * MIB, least: MIN_PART };

/// What S3 itself took for a decade, which the others follow where they do not say otherwise.
const GENERIC: Row = Row {
    provider: Provider::Generic,
    name: "the S3 service",
    hosts: &[],
    max_parts: 10_000,
    max_part: 5 * GIB,
    max_object: 5 * TIB,
    growth: GROWING,
    // Rarely reached: all uploads together find out how many are worth having, and memory has room for few.
    max_in_flight: 32,
    // MinIO takes CRC64NVME since 2025 (github.com/minio/minio/pull/20855). A server that does not know it says so, and
    // `Checksums::None` (`--checksums none`) is for it: better than silently checking less.
    checksums: Checksums::FullObject,
    // MinIO honours If-None-Match (github.com/minio/minio-js/pull/1366); Ceph at the end of a multipart upload since
    // 2025 (github.com/ceph/ceph/pull/64830). Others ignore it, or look first and write later.
    conditional_puts: Conditions::ToBeProven,
    path_style: PathStyle::Taken,
};

/// The limits are those of each service's documentation, which each row names; the concurrency is a choice. Where the
/// documentation does not say that CRC64NVME is taken or a condition is kept, the row says that it is not.
const TABLE: &[Row] = &[
    // "Amazon S3 multipart upload limits" (docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html): 10,000 parts of
    // 5 MiB to 5 GiB, objects of 48.8 TiB. "How to prevent object overwrites with conditional writes"
    // (…/userguide/conditional-writes.html).
    Row {
        provider: Provider::Aws,
        name: "Amazon S3",
        hosts: &["amazonaws.com", "amazonaws.com.cn"],
        max_object: 10_000 * 5 * GIB,
        max_in_flight: 64,
        conditional_puts: Conditions::Honoured,
        ..GENERIC
    },
    // "Limits" (developers.cloudflare.com/r2/platform/limits): 10,000 parts; 5 GiB a part and 5 TiB an object, less
    // 5 MiB and 5 GiB. "Multipart upload" (…/r2/objects/multipart-objects): all parts but the last of the same size.
    // "S3 API compatibility" (…/r2/api/s3/api): CRC64NVME over the full object. "Conditional operations"
    // (…/r2/api/s3/conditional-operations): on PutObject and CompleteMultipartUpload.
    Row {
        provider: Provider::CloudflareR2,
        name: "Cloudflare R2",
        hosts: &["r2.cloudflarestorage.com"],
        max_part: 5 * GIB - 5 * MIB,
        max_object: 5 * TIB - 5 * GIB,
        growth: Growth::Equal { size: 32 * MIB },
        max_in_flight: 3,
        conditional_puts: Conditions::Honoured,
        ..GENERIC
    },
    // "XML API multipart uploads" and "Quotas and limits" (cloud.google.com/storage/docs/multipart-uploads,
    // cloud.google.com/storage/quotas): 10,000 parts of 5 MiB to 5 GiB, 5 TiB an object; preconditions are not
    // supported in multipart uploads.
    Row {
        provider: Provider::GoogleXml,
        name: "Google Cloud Storage (XML API)",
        hosts: &["storage.googleapis.com"],
        conditional_puts: Conditions::Unknown,
        checksums: Checksums::None,
        ..GENERIC
    },
    // "Create Large Files with the Native API" (backblaze.com/docs/cloud-storage-create-large-files-with-the-native-api):
    // 10,000 parts of 5 MB to 5 GB, 10 TB an object. Its "S3-Compatible API" documentation names neither CRC64NVME
    // nor conditions on PutObject, and it rejects headers that it does not know.
    Row {
        provider: Provider::BackblazeB2,
        name: "Backblaze B2",
        hosts: &["backblazeb2.com"],
        max_part: 5_000_000_000,
        max_object: 10_000_000_000_000,
        conditional_puts: Conditions::Unknown,
        checksums: Checksums::None,
        ..GENERIC
    },
    // "Managing multipart uploads" (scaleway.com/en/docs/object-storage/api-cli/multipart-uploads): 1,000 parts of 5 MB
    // to 5 GB, 5 TB an object. "Using conditional writes" (…/api-cli/using-conditional-writes).
    Row {
        provider: Provider::Scaleway,
        name: "Scaleway Object Storage",
        hosts: &["scw.cloud"],
        max_parts: 1_000,
        max_part: 5_000_000_000,
        max_object: 5_000_000_000_000,
        checksums: Checksums::None,
        conditional_puts: Conditions::Honoured,
        ..GENERIC
    },
    // "Conditional Operations (preconditions)" (tigrisdata.com/docs/objects/conditionals). No limits of its own are
    // documented. It slows down clients that send many parts at once.
    Row {
        provider: Provider::Tigris,
        name: "Tigris",
        hosts: &["tigris.dev", "storage.dev"],
        max_in_flight: 2,
        checksums: Checksums::None,
        conditional_puts: Conditions::Honoured,
        ..GENERIC
    },
    // "What are the minimum and maximum object sizes that can be stored in Wasabi?" (docs.wasabi.com): 5 GB a put, 5 TB
    // an object.
    Row {
        provider: Provider::Wasabi,
        name: "Wasabi",
        hosts: &["wasabisys.com"],
        max_part: 5_000_000_000,
        max_object: 5_000_000_000_000,
        conditional_puts: Conditions::Unknown,
        checksums: Checksums::None,
        ..GENERIC
    },
    // "Spaces Limits" (docs.digitalocean.com/products/spaces/details/limits): 10,000 parts of 5 MiB to 5 GB, 5 TB an
    // object, ten concurrent puts to one object.
    Row {
        provider: Provider::DigitalOceanSpaces,
        name: "DigitalOcean Spaces",
        hosts: &["digitaloceanspaces.com"],
        max_part: 5_000_000_000,
        max_object: 5_000_000_000_000,
        max_in_flight: 10,
        conditional_puts: Conditions::Unknown,
        checksums: Checksums::None,
        ..GENERIC
    },
    // "AWS CLI and SDKs support details" (techdocs.akamai.com/cloud-computing/docs/aws-cli-sdks-support-details): none of the
    // checksums that S3 added. Unverified: its limits, which are taken as Ceph's, and conditions.
    Row {
        provider: Provider::Akamai,
        name: "Akamai Object Storage",
        hosts: &["linodeobjects.com", "akamaiobjects.com"],
        max_part: 5_000_000_000,
        max_object: 5_000_000_000_000,
        conditional_puts: Conditions::Unknown,
        checksums: Checksums::None,
        ..GENERIC
    },
    // "Compatibility with Amazon S3" (alibabacloud.com/help/en/oss/developer-reference/compatibility-with-amazon-s3): only
    // virtual-hosted requests, and no list of uploads. "Limits" (alibabacloud.com/help/doc-detail/54464.htm): 5 GB a put,
    // 48.8 TB an object. Unverified: conditions, and checksums; neither is named there.
    Row {
        provider: Provider::AlibabaOss,
        name: "Alibaba Cloud OSS",
        hosts: &["aliyuncs.com"],
        max_part: 5_000_000_000,
        max_object: 48_800_000_000_000,
        conditional_puts: Conditions::Unknown,
        checksums: Checksums::None,
        path_style: PathStyle::Refused,
        ..GENERIC
    },
    // "Storing large objects" (cloud.ibm.com/docs/cloud-object-storage?topic=cloud-object-storage-large-objects): 10,000
    // parts of 5 MB to 5 GB, 10 TB an object. "Upload a part" of the same software (ibm.com/docs/en/coss/3.20.1): CRC64NVME.
    // "Uploading objects in multiple parts" there: conditions are taken when an upload starts, and ignored at its end.
    Row {
        provider: Provider::IbmCos,
        name: "IBM Cloud Object Storage",
        hosts: &["appdomain.cloud", "objectstorage.softlayer.net"],
        max_part: 5_000_000_000,
        max_object: 10_000_000_000_000,
        conditional_puts: Conditions::Unknown,
        ..GENERIC
    },
    // NetApp StorageGRID has no host of its own, so it is any other service; it needs --checksums none. Unverified: that of
    // the checksums that S3 added it knows SHA-256 alone.
    GENERIC,
];

impl Provider {
    /// The service behind an endpoint; AWS where there is none.
    pub fn of_endpoint(endpoint: Option<&str>) -> Self {
        let Some(endpoint) = endpoint else { return Provider::Aws };
        let host = host(endpoint).to_ascii_lowercase();
        let matches =
            |known: &&str| host.strip_suffix(known).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        let row = TABLE.iter().find(|row| row.hosts.iter().any(matches));
        row.map_or(Provider::Generic, |row| row.provider)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The checksums it takes.
    pub fn checksums(self) -> Checksums {
        self.row().checksums
    }

    /// Whether an object can be stored on the condition that none exists ([`IfExists::Fail`](sealift::IfExists::Fail)).
    pub fn conditional_puts(self) -> Conditions {
        self.row().conditional_puts
    }

    /// Whether a bucket can be named in the path of a request.
    pub(crate) fn takes_path_style(self) -> bool {
        self.row().path_style == PathStyle::Taken
    }

    /// Its part policy by default.
    pub fn default_part_policy(self) -> PartPolicy {
        let row = self.row();
        PartPolicy::new(row.growth)
            .with_max_parts(row.max_parts)
            .with_max_part(row.max_part)
            .with_max_object(row.max_object)
            .with_max_in_flight(row.max_in_flight)
    }

    /// Its part policy, with the size of the first parts and the expected size of the object, where they are given.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidConfig`] for sizes the service does not take.
    pub fn part_policy(self, part_size: Option<u64>, expected_size: Option<u64>) -> Result<PartPolicy> {
        let row = self.row();
        let invalid = |reason: String| Err(Error::new(ErrorKind::InvalidConfig, "set up", "the part size", reason));
        if let Some(size) = part_size
            && !(MIN_PART..=row.max_part).contains(&size)
        {
            return invalid(format!(
                "{size} bytes is outside of 5 MiB to {} bytes, which {} takes",
                row.max_part, row.name
            ));
        }
        if let Some(size) = expected_size
            && size > row.max_object
        {
            return invalid(format!("{size} bytes are expected, and {} takes {} at most", row.name, row.max_object));
        }
        // A tenth of the parts in reserve, for streams that come out longer than expected.
        let wanted = expected_size.unwrap_or(0).div_ceil(u64::from(row.max_parts) * 9 / 10).next_multiple_of(MIB);
        let size_of = |default: u64| part_size.unwrap_or(default).max(wanted).min(row.max_part);
        let growth = match row.growth {
            Growth::Growing { first, least } => Growth::Growing { first: size_of(first), least: size_of(least) },
            Growth::Equal { size } => Growth::Equal { size: size_of(size) },
        };
        Ok(self.default_part_policy().with_growth(growth))
    }

    fn row(self) -> &'static Row {
        TABLE.iter().find(|row| row.provider == self).unwrap_or(&GENERIC)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_told_by_their_host() {
        for (endpoint, provider) in [
            (None, Provider::Aws),
            (Some("https://s3.eu-west-1.amazonaws.com"), Provider::Aws),
            (Some("https://0123abcd.r2.cloudflarestorage.com"), Provider::CloudflareR2),
            (Some("https://s3.fr-par.scw.cloud/"), Provider::Scaleway),
            (Some("https://s3.us-west-004.backblazeb2.com:443"), Provider::BackblazeB2),
            (Some("https://storage.googleapis.com"), Provider::GoogleXml),
            (Some("https://ACCOUNT.eu.R2.cloudflarestorage.com"), Provider::CloudflareR2),
            (Some("https://fly.storage.tigris.dev"), Provider::Tigris),
            (Some("https://t3.storage.dev"), Provider::Tigris),
            (Some("https://s3.eu-central-1.wasabisys.com"), Provider::Wasabi),
            (Some("https://fra1.digitaloceanspaces.com"), Provider::DigitalOceanSpaces),
            (Some("https://us-east-1.linodeobjects.com"), Provider::Akamai),
            (Some("https://oss-cn-hangzhou.aliyuncs.com"), Provider::AlibabaOss),
            (Some("https://s3.us-south.cloud-object-storage.appdomain.cloud"), Provider::IbmCos),
            (Some("http://127.0.0.1:4566"), Provider::Generic),
            (Some("http://user:key@S3.SCW.Cloud/"), Provider::Scaleway),
            (Some("http://[::1]:9000"), Provider::Generic),
            (Some("https://minio.example:9000"), Provider::Generic),
            (Some("https://amazonaws.com.example"), Provider::Generic),
            (Some("https://notamazonaws.com"), Provider::Generic),
        ] {
            assert_eq!(Provider::of_endpoint(endpoint), provider, "{endpoint:?}");
        }
    }

    #[test]
    fn every_row_reaches_far() {
        for (index, row) in TABLE.iter().enumerate() {
            assert_eq!(row.provider.row().name, row.name, "one row for each");
            assert_eq!(TABLE.iter().position(|other| other.name == row.name), Some(index));
            assert!(row.max_part >= MIN_PART && row.max_in_flight >= 1 && row.max_object >= row.max_part);
            let policy = row.provider.part_policy(None, None).expect("valid");
            let reach = policy.longest_stream();
            let least = match policy.growth {
                Growth::Equal { .. } => 300 * GIB,
                Growth::Growing { .. } => 3 * TIB,
            };
            assert!(reach >= least, "{:?} ends at {reach}", row.provider);
            // Said in advance, the whole of what the service takes can be used.
            let largest = row.max_object.min(u64::from(row.max_parts) * row.max_part);
            let policy = row.provider.part_policy(None, Some(largest)).expect("valid");
            assert!(policy.longest_stream() >= largest, "{:?}", row.provider);
        }
    }

    #[test]
    fn sizes_that_a_service_does_not_take_are_refused() {
        assert!(Provider::Aws.part_policy(Some(MIN_PART - 1), None).is_err());
        assert!(Provider::Aws.part_policy(Some(5 * GIB + 1), None).is_err());
        assert!(Provider::Aws.part_policy(None, Some(50_000 * GIB + 1)).is_err());
        let error = Provider::Aws.part_policy(Some(1), None).expect_err("too small");
        assert_eq!(error.kind(), ErrorKind::InvalidConfig);
        assert_eq!(Provider::Aws.part_policy(Some(64 * MIB), None).expect("valid").first_part(), 64 * MIB);
    }
}
