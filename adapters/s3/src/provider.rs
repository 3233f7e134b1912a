//! What the services that speak S3's API take: one table, a row each.

use sealift::{Error, ErrorKind, Growth, PartPolicy, Result};

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const TIB: u64 = 1 << 40;

/// The smallest part but the last that S3 takes (AWS, "Amazon S3 multipart upload limits").
const MIN_PART: u64 = 5 * MIB;

/// A service that speaks S3's API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Provider {
    /// Amazon S3.
    Aws,
    /// Cloudflare R2.
    CloudflareR2,
    /// Backblaze B2.
    BackblazeB2,
    /// Scaleway Object Storage.
    Scaleway,
    /// Tigris.
    Tigris,
    /// Google Cloud Storage's XML API.
    GoogleXml,
    /// Any other service.
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

/// A row of the table.
#[derive(Debug)]
struct Row {
    provider: Provider,
    /// What the endpoint's host ends with.
    hosts: &'static [&'static str],
    max_parts: u32,
    max_part: u64,
    max_object: u64,
    growth: Growth,
    max_in_flight: usize,
    checksums: Checksums,
}

const GROWING: Growth = Growth::Growing { first: 8 * MIB };

/// The limits are those of each service's documentation; the concurrency is a choice.
const TABLE: &[Row] = &[
    // "Amazon S3 multipart upload limits": 10,000 parts of 5 MiB to 5 GiB, objects of 48.8 TiB.
    Row {
        provider: Provider::Aws,
        hosts: &["amazonaws.com", "amazonaws.com.cn"],
        max_parts: 10_000,
        max_part: 5 * GIB,
        max_object: 10_000 * 5 * GIB,
        growth: GROWING,
        max_in_flight: 8,
        checksums: Checksums::FullObject,
    },
    // "R2 limits" and "Upload objects": 10,000 parts, all but the last of the same size; 5 GiB a part, 5 TiB an object,
    // each less a margin of 5 MiB and 5 GiB. Many parts at once are answered 429.
    Row {
        provider: Provider::CloudflareR2,
        hosts: &["r2.cloudflarestorage.com"],
        max_parts: 10_000,
        max_part: 5 * GIB - 5 * MIB,
        max_object: 5 * TIB - 5 * GIB,
        growth: Growth::Equal { size: 32 * MIB },
        max_in_flight: 3,
        checksums: Checksums::None,
    },
    // "Large files": 10,000 parts of up to 5 GB, 10 TB an object.
    Row {
        provider: Provider::BackblazeB2,
        hosts: &["backblazeb2.com"],
        max_parts: 10_000,
        max_part: 5_000_000_000,
        max_object: 10_000_000_000_000,
        growth: GROWING,
        max_in_flight: 4,
        checksums: Checksums::None,
    },
    // "Object Storage multipart uploads": 1,000 parts of 5 MB to 5 GB, 5 TB an object.
    Row {
        provider: Provider::Scaleway,
        hosts: &["scw.cloud"],
        max_parts: 1_000,
        max_part: 5_000_000_000,
        max_object: 5_000_000_000_000,
        growth: GROWING,
        max_in_flight: 4,
        checksums: Checksums::None,
    },
    // S3's limits; it slows down clients that send many parts at once.
    Row {
        provider: Provider::Tigris,
        hosts: &["tigris.dev", "storage.dev"],
        max_parts: 10_000,
        max_part: 5 * GIB,
        max_object: 5 * TIB,
        growth: GROWING,
        max_in_flight: 2,
        checksums: Checksums::None,
    },
    // "XML API multipart uploads": 10,000 parts of 5 MiB to 5 GiB, 5 TiB an object.
    Row {
        provider: Provider::GoogleXml,
        hosts: &["storage.googleapis.com"],
        max_parts: 10_000,
        max_part: 5 * GIB,
        max_object: 5 * TIB,
        growth: GROWING,
        max_in_flight: 4,
        checksums: Checksums::None,
    },
    // What S3 itself took for a decade, which the others (MinIO, Wasabi, Ceph, LocalStack …) follow. Servers that reject
    // the checksums say so, and `--checksums none` is for them.
    Row {
        provider: Provider::Generic,
        hosts: &[],
        max_parts: 10_000,
        max_part: 5 * GIB,
        max_object: 5 * TIB,
        growth: GROWING,
        max_in_flight: 4,
        checksums: Checksums::FullObject,
    },
];

impl Provider {
    /// The service behind an endpoint; AWS where there is none.
    pub fn of_endpoint(endpoint: Option<&str>) -> Self {
        let Some(endpoint) = endpoint else { return Provider::Aws };
        let host = host(endpoint);
        let matches = |suffix: &&str| host == *suffix || host.ends_with(&format!(".{suffix}"));
        let row = TABLE.iter().find(|row| row.hosts.iter().any(matches));
        row.map_or(Provider::Generic, |row| row.provider)
    }

    /// The checksums it takes.
    pub fn checksums(self) -> Checksums {
        self.row().checksums
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
                "{size} bytes is outside of 5 MiB to {} bytes, which {self:?} takes",
                row.max_part
            ));
        }
        if let Some(size) = expected_size
            && size > row.max_object
        {
            return invalid(format!("{size} bytes are expected, and {self:?} takes {} at most", row.max_object));
        }
        // A tenth of the parts in reserve, for streams that come out longer than expected.
        let wanted = expected_size.unwrap_or(0).div_ceil(u64::from(row.max_parts) * 9 / 10).next_multiple_of(MIB);
        let size_of = |default: u64| part_size.unwrap_or(default).max(wanted).min(row.max_part);
        let growth = match row.growth {
            Growth::Growing { first } => Growth::Growing { first: size_of(first) },
            Growth::Equal { size } => Growth::Equal { size: size_of(size) },
        };
        Ok(PartPolicy {
            max_parts: row.max_parts,
            max_part: row.max_part,
            max_object: row.max_object,
            growth,
            max_in_flight: row.max_in_flight,
        })
    }

    fn row(self) -> &'static Row {
        // The table's last row is the one for every service without a row of its own.
        let generic = &TABLE[TABLE.len() - 1];
        TABLE.iter().find(|row| row.provider == self).unwrap_or(generic)
    }
}

fn host(endpoint: &str) -> &str {
    let authority = endpoint.split_once("://").map_or(endpoint, |(_, rest)| rest);
    let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    host.rsplit_once(':').map_or(host, |(host, _)| host)
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
            (Some("http://127.0.0.1:4566"), Provider::Generic),
            (Some("https://notamazonaws.com"), Provider::Generic),
        ] {
            assert_eq!(Provider::of_endpoint(endpoint), provider, "{endpoint:?}");
        }
    }

    #[test]
    fn every_row_reaches_far() {
        for row in TABLE {
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
        assert_eq!(Provider::Aws.part_policy(Some(64 * MIB), None).expect("valid").first_part(), 64 * MIB);
    }
}
