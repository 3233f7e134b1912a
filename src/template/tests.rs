//! What is written is read, and nothing else is.

use super::*;

/// 2026-11-28 03:15:09.
const AT: u64 = 1_795_835_709;
const MIDNIGHT: u64 = 1_795_824_000;

fn template(text: &str) -> NameTemplate {
    text.parse().expect(text)
}

fn at(text: &str, name: &str) -> Option<u64> {
    template(text).read(name).and_then(|read| read.at)
}

#[test]
fn what_is_written_is_read() {
    for (text, name, read) in [
        ("db/{date}.sql.gz", "db/2026-11-28.sql.gz", MIDNIGHT),
        ("{datetime}", "20261128T031509Z", AT),
        ("a{timestamp}b", "a1795835709b", AT),
        ("{year}/{month}/{date}.gz", "2026/11/2026-11-28.gz", MIDNIGHT),
        ("{year}{month}{day}-{hour}{minute}", "20261128-0315", AT - 9),
        ("{date}-{hour}", "2026-11-28-03", MIDNIGHT + 3 * 3600),
        ("{{{date}}}", "{2026-11-28}", MIDNIGHT),
    ] {
        assert_eq!(template(text).name_at(AT).expect(text), name);
        assert_eq!(at(text, name), Some(read), "{text}");
    }
}

#[test]
fn random_times_come_back() {
    for text in [
        "x/{datetime}.gz",
        "{date}T{hour}:{minute}:{second}",
        "{timestamp}",
        "{year}{month}{day}{hour}{minute}{second}",
    ] {
        for _ in 0..500 {
            let at = u64::from(rand::random::<u32>()) * 10;
            let name = template(text).name_at(at).expect(text);
            assert_eq!(template(text).read(&name).and_then(|read| read.at), Some(at), "{name}");
        }
    }
}

#[test]
fn names_of_others_are_not_read() {
    for (text, name) in [
        ("db/{date}.sql.gz", "db/2026-11-28.sql.gz.1"),
        ("db/{date}.sql.gz", "xdb/2026-11-28.sql.gz"),
        ("db/{date}.sql.gz", "db/2026-02-30.sql.gz"),
        ("db/{date}.sql.gz", "db/2026-1-028.sql.gz"),
        ("db/{date}.sql.gz", "db/+026-11-28.sql.gz"),
        ("{datetime}", "20261128T036009Z"),
        ("{datetime}", "20261128t031509Z"),
        ("{datetime}", "1969-12-31"),
        ("{timestamp}", "01795835709"),
        ("{year}/{date}", "2025/2026-11-28"),
        ("{name}-{date}", "-2026-11-28"),
        ("{name}-{date}", "a/b-2026-11-28"),
        // Two readings.
        ("{name}-{date}{*}", "a-2026-11-28-2026-11-29.gz"),
        ("{a}-{b}-{date}", "x-y-z-2026-11-28"),
        ("{date}", "\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}"),
    ] {
        assert_eq!(template(text).read(name), None, "{text} {name}");
    }
}

#[test]
fn words_make_groups() {
    let by_name = template("{kind}/{name}-{date}.gz");
    let read = by_name.read("db/users-2026-11-28.gz").expect("read");
    assert_eq!((&read.group[..], read.at), (&["db".to_owned(), "users".to_owned()][..], Some(MIDNIGHT)));
    assert_eq!(by_name.label(&read.group), "db/users-{date}.gz");
    let anything = template("db/{name}.{*}");
    assert_eq!(anything.read("db/a.7").map(|read| (read.group, read.at)), Some((vec!["a".to_owned()], None)));
    assert!(anything.has_groups() && !anything.has_time() && !template("db/{name}").has_groups());
    assert_eq!((by_name.folder(), anything.folder(), template("a/b").folder()), ("", "db/", "a/"));
}

#[test]
fn a_template_that_nobody_could_read_is_refused() {
    for text in [
        "",
        "{",
        "}",
        "{date",
        "date}",
        "{}",
        "{a b}",
        "{name}{*}",
        "{name}-{name}-{date}",
        "{year}-{month}",
        "{date}{minute}",
        "{date}-{hour}-{second}",
        "{timestamp}{name}",
        &"{date}-".repeat(40),
    ] {
        assert!(text.parse::<NameTemplate>().is_err(), "{text}");
    }
    for text in ["a/b", "{name}/{date}", "{*}-{date}"] {
        assert!(template(text).name_at(AT).is_err(), "{text}");
    }
    assert!(template("{date}").name_at(u64::MAX).is_err());
}

#[test]
fn no_name_takes_long() {
    let long = "a-".repeat(512);
    let many = ["{a}-{b}-{c}-{d}-{e}-{f}-{g}-{h}-{date}", "{*}-{*}-{*}-{*}-{*}-{*}-{*}-{date}", "{*}-{*}-{*}-{*}a-"];
    for text in many {
        assert_eq!(template(text).read(&long), None, "{text}");
    }
}
