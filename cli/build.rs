//! What `sealift --version` says besides the release: the commit, where it is built from a checkout, and the clouds.

use std::env;
use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let clouds = ["s3", "gcs", "azure"].into_iter().filter(|cloud| {
        let feature = format!("CARGO_FEATURE_{}", cloud.to_uppercase());
        env::var_os(feature).is_some()
    });
    let clouds: Vec<_> = clouds.collect();
    let clouds = if clouds.is_empty() { "no cloud".to_owned() } else { clouds.join(" ") };
    let of_what: Vec<_> = commit().into_iter().chain([clouds]).collect();
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
