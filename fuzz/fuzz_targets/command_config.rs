//! The YAML of the command adapter: it is a configuration or an error, and neither shows a variable's value.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealift_command::CommandConfig;

/// No input holds it.
const SECRET: &str = "QmluZ28tQ2VydGFpbmx5Tm90SW5BbklucHV0";
/// What makes a configuration whole.
const COMMANDS: &str = "
commands:
  create_backup: a
  create_for_write: b
  open_for_read: c
  save_metadata_line: d
  list_metadata_files: e
";

fuzz_target!(|yaml: &str| {
    read(yaml);
    // The same around a value: up to its end of line, and what comes after.
    let (before, after) = yaml.split_once('\n').unwrap_or((yaml, ""));
    if !before.contains(['\r', '\u{85}', '\u{2028}', '\u{2029}']) {
        read(&format!("env_vars:\n- key: SAS\n  value: {before}{SECRET}\n{COMMANDS}{after}"));
        read(&format!("env_vars:\n- key: SAS\n  value: {SECRET}{before}\n{COMMANDS}{after}"));
    }
});

fn read(yaml: &str) {
    match CommandConfig::from_yaml(yaml, "config.yaml") {
        Ok(config) => {
            let set = config.env_vars.iter().filter(|variable| variable.value.contains(SECRET));
            assert!(set.count() == 0 || !format!("{config:?}").contains(SECRET), "the value is shown");
            for variable in &config.env_vars {
                assert!(!variable.key.is_empty() && !variable.key.contains(['=', '\0']), "{:?}", variable.key);
                assert!(!variable.value.contains('\0'), "no variable's value");
            }
        }
        Err(error) => assert!(!format!("{error} {error:?}").contains(SECRET), "{error}"),
    }
}
