//! What `sealift --version` says besides the release: the commit, where it is built from a checkout, the clouds, and what else
//! was built in.

use std::env;
use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let is_built_in = |feature: &&str| env::var_os(format!("CARGO_FEATURE_{}", feature.to_uppercase())).is_some();
    let clouds: Vec<_> = ["s3", "gcs", "azure"].into_iter().filter(is_built_in).collect();
    let clouds = if clouds.is_empty() { vec!["no cloud"] } else { clouds };
    let features: Vec<_> = clouds.into_iter().chain(["otel"].into_iter().filter(is_built_in)).collect();
    let of_what: Vec<_> = commit().into_iter().chain([features.join(" ")]).collect();
    println!("cargo:rustc-env=SEALIFT_BUILD={}", of_what.join(", "));
}

/// The commit that is checked out; none in a package, which may lie in the checkout of something else.
fn commit() -> Option<String> {
    let root = Path::new("..");
    let is_ours = root.join("Cargo.lock").exists() && !Path::new(".cargo_vcs_info.json").exists();
    let is_ours = is_ours && root.join(".git").exists();
    if !is_ours {
        return None;
    }
    // What is checked out changes with one of the two: which branch it is, and where that is.
    for path in ["HEAD", "logs/HEAD"] {
        if let Some(path) = git(&["rev-parse", "--git-path", path]).filter(|path| Path::new(path).exists()) {
            println!("cargo:rerun-if-changed={path}");
        }
    }
    git(&["rev-parse", "--short=7", "HEAD"])
}

fn git(arguments: &[&str]) -> Option<String> {
    let told = Command::new("git").args(arguments).output().ok().filter(|told| told.status.success())?;
    let told = String::from_utf8(told.stdout).ok()?.trim().to_owned();
    Some(told).filter(|told| !told.is_empty())
}
