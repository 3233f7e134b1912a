//! Azure as the arguments and the environment describe it. Keys and signatures come from the environment, in the names
//! that Azure's own command line takes, or from a file: everybody on the machine can read a command line.

use super::Streams;
use crate::args::{ChecksumsArg, StorageArgs};
use crate::failure::Failure;
use sealift::Bucket;
use sealift_azure::{AzureOptions, AzureStore, Checksums, Credentials, Secret};

pub(super) async fn open(args: &StorageArgs, container: String, streams: Streams) -> Result<Bucket, Failure> {
    let options = options(args, container, |name| std::env::var(name).ok())?;
    Ok(streams.of(AzureStore::connect(options).await?))
}

fn options(
    args: &StorageArgs,
    container: String,
    environment: impl Fn(&str) -> Option<String>,
) -> Result<AzureOptions, Failure> {
    let variable = |name: &str| environment(name).filter(|value| !value.is_empty());
    let account = args.azure.account_name.clone().or_else(|| variable("AZURE_STORAGE_ACCOUNT"));
    let connection = variable("AZURE_STORAGE_CONNECTION_STRING");
    let described = connection.is_some();
    let mut options = match (connection, account) {
        (Some(connection), account) => {
            let options = AzureOptions::from_connection_string(&Secret::new(connection), container)?;
            match account.filter(|account| *account != options.account) {
                Some(account) => {
                    return Err(Failure::usage(format!(
                        "AZURE_STORAGE_CONNECTION_STRING is for the account {}, and {account} was named; unset one",
                        options.account
                    )));
                }
                None => options,
            }
        }
        (None, Some(account)) => AzureOptions::new(account, container),
        (None, None) => {
            return Err(Failure::usage(format!(
                "az://{container}: in which storage account? Say --account-name, or set AZURE_STORAGE_ACCOUNT or \
                 AZURE_STORAGE_CONNECTION_STRING"
            )));
        }
    };
    if let Some(endpoint) = &args.endpoint_url {
        options.endpoint = Some(endpoint.clone());
    }
    if args.anonymous {
        options.credentials = Credentials::Anonymous;
    } else if let Some(file) = &args.azure.sas_file {
        options.credentials = Credentials::SasFile(file.clone());
    } else if !described {
        // The key first, as `az` does it.
        if let Some(key) = variable("AZURE_STORAGE_KEY") {
            options.credentials = Credentials::SharedKey(Secret::new(key));
        } else if let Some(sas) = variable("AZURE_STORAGE_SAS_TOKEN") {
            // What it holds is not shown.
            options.credentials = Credentials::from_sas(&sas).ok_or_else(|| {
                Failure::usage("AZURE_STORAGE_SAS_TOKEN holds no shared access signature (sv=…&sig=…)")
            })?;
        }
    }
    options.part_size = args.part_size.map(|size| size.as_u64());
    options.expected_size = args.expected_size.map(|size| size.as_u64());
    options.checksums = match args.checksums {
        None => None,
        Some(ChecksumsArg::None) => Some(Checksums::None),
        Some(ChecksumsArg::FullObject) => {
            return Err(Failure::usage("--checksums full-object: Azure keeps no checksum over a whole object"));
        }
    };
    match &args.region {
        Some(_) => Err(Failure::usage("--region: a storage account is in one region, which is not said")),
        None => Ok(options),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Cli;
    use clap::Parser;
    use std::path::Path;

    fn read(arguments: &[&str], environment: &[(&str, &str)]) -> Result<AzureOptions, String> {
        let cli = Cli::try_parse_from([&["sealift", "stat", "x"], arguments].concat()).expect("arguments");
        let crate::args::Command::Stat(stat) = cli.command else { panic!("stat") };
        let environment =
            |name: &str| environment.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned());
        options(&stat.storage, "c".into(), environment).map_err(|failure| failure.to_string())
    }

    const ACCOUNT: (&str, &str) = ("AZURE_STORAGE_ACCOUNT", "acct");
    const KEY: (&str, &str) = ("AZURE_STORAGE_KEY", "c2VjcmV0");
    const SAS: (&str, &str) = ("AZURE_STORAGE_SAS_TOKEN", "?sv=1&sig=c2VjcmV0");
    const CONNECTION: (&str, &str) =
        ("AZURE_STORAGE_CONNECTION_STRING", "AccountName=other;AccountKey=c2VjcmV0;BlobEndpoint=http://h/other");

    #[test]
    fn where_account_and_credentials_come_from() {
        let ok = |arguments: &[&str], environment: &[(&str, &str)]| read(arguments, environment).expect("fine");
        let entra = ok(&[], &[ACCOUNT, ("AZURE_STORAGE_KEY", "")]);
        assert_eq!(entra.account, "acct");
        assert!(matches!(entra.credentials, Credentials::Entra(_)));
        assert_eq!(ok(&["--account-name=named"], &[ACCOUNT]).account, "named");
        assert!(matches!(ok(&[], &[ACCOUNT, KEY, SAS]).credentials, Credentials::SharedKey(_)));
        assert!(matches!(ok(&[], &[ACCOUNT, SAS]).credentials, Credentials::Sas(_)));
        assert!(matches!(ok(&["--anonymous"], &[ACCOUNT, KEY]).credentials, Credentials::Anonymous));
        let by_file = ok(&["--sas-file=/a/file"], &[ACCOUNT, KEY]);
        assert!(matches!(by_file.credentials, Credentials::SasFile(file) if file == Path::new("/a/file")));
        let described = ok(&[], &[CONNECTION, SAS]);
        assert_eq!((described.account.as_str(), described.endpoint.as_deref()), ("other", Some("http://h/other")));
        assert!(matches!(described.credentials, Credentials::SharedKey(_)));
        assert_eq!(ok(&["--endpoint-url=http://p"], &[CONNECTION]).endpoint.as_deref(), Some("http://p"));
    }

    #[test]
    fn what_does_not_fit_is_refused_without_showing_a_secret() {
        for (arguments, environment, said) in [
            (vec![], vec![KEY], "--account-name"),
            (vec!["--account-name=acct"], vec![CONNECTION], "unset one"),
            (vec![], vec![("AZURE_STORAGE_CONNECTION_STRING", "AccountKey=c2VjcmV0")], "AccountName"),
            (vec![], vec![ACCOUNT, ("AZURE_STORAGE_SAS_TOKEN", "c2VjcmV0")], "no shared access signature"),
            (vec!["--region=x"], vec![ACCOUNT], "--region"),
            (vec!["--checksums=full-object"], vec![ACCOUNT], "--checksums"),
        ] {
            let error = read(&arguments, &environment).expect_err(said);
            assert!(error.contains(said) && !error.contains("c2VjcmV0"), "{error}");
        }
    }
}
