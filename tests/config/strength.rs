//! Who is stronger: the program's defaults, the file, its profile, the environment, the command line.

use crate::{Home, is_there};
use sealift_tests::cli::run;

#[tokio::test]
async fn the_file_the_environment_and_the_command_line() {
    let home = Home::with("");
    let [by_file, by_environment, by_flag] = ["file", "environment", "flag"].map(|name| home.storage(name));
    home.write("config.toml", &format!("storage = 'file://{}'\n", by_file.display()));
    home.put(home.sealift(&["put", "a"])).await.expect_code(0);
    assert!(is_there(&by_file, "a"));
    let mut put = home.sealift(&["put", "a"]);
    put.env("SEALIFT_STORAGE", format!("file://{}", by_environment.display()));
    home.put(put).await.expect_code(0);
    assert!(is_there(&by_environment, "a"));
    let mut put = home.sealift(&["put", "b", "--storage", &format!("file://{}", by_flag.display())]);
    put.env("SEALIFT_STORAGE", format!("file://{}", by_environment.display()));
    home.put(put).await.expect_code(0);
    assert!(is_there(&by_flag, "b") && !is_there(&by_environment, "b"));
}

#[tokio::test]
async fn a_profile_is_stronger_than_the_rest_of_the_file_and_a_command_than_all() {
    let home = Home::with("");
    let folder = home.storage("all");
    let storage = format!("storage = 'file://{}'", folder.display());
    home.write(
        "config.toml",
        &format!(
            "{storage}\nprefix = 'p'\n[put]\nprefix = 'of-put'\n[profile.x]\nprefix = 'of-x'\n\
             [profile.x.put]\nprefix = 'of-x-put'\n"
        ),
    );
    for (arguments, stored) in [
        (&["put", "a"][..], "of-put/a"),
        (&["--profile", "x", "put", "a"], "of-x-put/a"),
        (&["put", "a", "--profile=x", "--prefix", "said"], "said/a"),
    ] {
        home.put(home.sealift(arguments)).await.expect_code(0);
        assert!(is_there(&folder, stored), "{arguments:?}");
    }
    let mut listed = home.sealift(&["ls", "--names"]);
    listed.env("SEALIFT_PROFILE", "x");
    assert_eq!(run(listed).await.expect_code(0).text(), "");
    home.put(home.sealift(&["put", "b", "--prefix", "of-x"])).await.expect_code(0);
    let mut listed = home.sealift(&["ls", "--names"]);
    listed.env("SEALIFT_PROFILE", "x");
    assert_eq!(run(listed).await.expect_code(0).text(), "b\n");
}

/// What the command line says leaves no room for what stands against it in the file.
#[tokio::test]
async fn what_cannot_stand_beside_what_is_said_gives_way() {
    let home = Home::with(
        "storage = 's3-native'\nbucket = 'of-the-file'\nprefix = 'p'\nconditional-writes = 'honoured'\njson = true\n\
         account-name = 'acct'\nconcurrent-downloads = 4\n[put]\nname-template = '{date}'\n",
    );
    let folder = home.storage("elsewhere");
    let url = format!("file://{}/a", folder.display());
    let ended = home.put(home.sealift(&["put", &url, "--quiet"])).await.expect_code(0);
    assert_eq!(ended.text(), "", "--quiet stands against json, and is stronger");
    assert!(is_there(&folder, "a"));
    let mut put = home.sealift(&["put", "b"]);
    put.env("SEALIFT_STORAGE", format!("file://{}", folder.display()));
    assert_eq!(home.put(put).await.expect_code(0).json()["operation"], "put", "json holds");
    assert!(is_there(&folder, "b"));
    // Without --aptos, of which this is an option.
    run(home.sealift(&["ls", &format!("file://{}", folder.display())])).await.expect_code(0);
    // A name from the template: neither NAME nor --name-template is on the command line.
    let mut put = home.sealift(&["put"]);
    put.env("SEALIFT_STORAGE", format!("file://{}", folder.display()));
    home.put(put).await.expect_code(0);
    let dates = std::fs::read_dir(&folder)
        .expect("there")
        .filter_map(|entry| entry.expect("one").file_name().into_string().ok());
    assert!(dates.into_iter().any(|name| name.len() == 10 && name.starts_with("20")));
}

/// Two places are one too many where nobody can tell which is meant: a flag that names a bucket beside a file's URL must not
/// be passed over.
#[tokio::test]
async fn a_bucket_beside_a_url_is_refused() {
    let home = Home::with("storage = 's3://prod/p'\n");
    let said = run(home.sealift(&["rm", "x", "--bucket", "test"])).await.expect_code(2).stderr;
    assert!(said.contains("--bucket") && said.contains("leave out"), "{said}");
}

#[tokio::test]
async fn it_is_said_where_each_value_is_from() {
    let home = Home::with("");
    let storage = format!("file://{}", home.storage("all").display());
    home.write(
        "config.toml",
        &format!("# mine\nmemory = '64MiB'\ngive-up-after = '10s'\n\n[profile.x.put]\nstorage = '{storage}'\nif-absent = true\n"),
    );
    let mut show = home.sealift(&["--profile", "x", "config", "show", "put", "--memory=32MiB"]);
    show.env("SEALIFT_CA_FILE", "/etc/ca.pem");
    let told = run(show).await.expect_code(0).text();
    let file = home.file().display().to_string();
    for line in [
        "memory = 32MiB  # the command line".to_owned(),
        format!("give-up-after = 10s  # {file}:3"),
        format!("storage = {storage}  # {file}:6 [profile.x.put]"),
        format!("if-absent = true  # {file}:7 [profile.x.put]"),
        "ca-file = /etc/ca.pem  # the environment, SEALIFT_CA_FILE".to_owned(),
        "allow-empty = false  # default".to_owned(),
    ] {
        assert!(told.lines().any(|told| told == line), "{line}\n{told}");
    }
    let told = run(home.sealift(&["config", "show"])).await.expect_code(0).text();
    assert!(told.starts_with(&format!("# {file}, with the profiles x\n")), "{told}");
    assert!(told.contains("memory = 64MiB  # line 2\n") && !told.contains("if-absent"), "{told}");
    let json = run(home.sealift(&["config", "show", "--json", "get"])).await.expect_code(0).text();
    let memory = json.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
    let memory = memory.into_iter().find(|value| value["option"] == "memory").expect("told");
    assert_eq!((memory["value"].as_str(), memory["from"].as_str()), (Some("64MiB"), Some(&*format!("{file}:2"))));
    // A family of commands is none.
    let said = run(home.sealift(&["config", "show", "backup"])).await.expect_code(2).stderr;
    assert!(said.contains("continuously"), "{said}");
    run(home.sealift(&["config", "show", "backup", "continuously"])).await.expect_code(0);
}

#[tokio::test]
async fn a_secret_in_the_environment_is_not_shown() {
    let home = Home::with("");
    let mut show = home.sealift(&["config", "show", "ls"]);
    show.env("SEALIFT_STORAGE", format!("az://c/p?sv=1&sig={}", sealift_tests::cli::SECRET));
    let told = run(show).await.expect_code(0).text();
    assert!(told.contains("storage = (not shown)  # the environment, SEALIFT_STORAGE"), "{told}");
}
