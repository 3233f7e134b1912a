//! The documents and what stands in them: headings, fenced blocks, tables.

use std::path::{Path, PathBuf};

/// One document.
#[derive(Debug)]
pub(crate) struct Document {
    /// Its path in the repository.
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) blocks: Vec<Block>,
}

/// A fenced block.
#[derive(Debug)]
pub(crate) struct Block {
    /// The first word behind the fence.
    pub(crate) language: String,
    pub(crate) text: String,
    /// The heading that it stands below.
    pub(crate) heading: String,
    /// The line of its fence.
    pub(crate) line: usize,
}

/// A command of a block for a shell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Line {
    /// To be run as it stands there.
    Command(String),
    /// The same behind the five fields of a crontab.
    Cron(String),
    /// A variable for those after it.
    Variable(String, String),
}

/// The repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository").to_owned()
}

/// README.md and its like, and docs/*.md, in order.
pub(crate) fn all() -> Vec<Document> {
    let mut paths = Vec::new();
    for folder in [root(), root().join("docs")] {
        let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
        paths.extend(entries.filter(|path| path.extension().is_some_and(|extension| extension == "md")));
    }
    paths.sort();
    let name = |path: &Path| path.strip_prefix(root()).expect("below").display().to_string();
    paths.iter().map(|path| read(&name(path))).collect()
}

/// The document of this path in the repository.
pub(crate) fn read(name: &str) -> Document {
    let text = std::fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    Document { name: name.to_owned(), blocks: blocks(&text), text }
}

fn blocks(text: &str) -> Vec<Block> {
    let (mut found, mut open, mut heading): (Vec<Block>, Option<Block>, String) = (Vec::new(), None, String::new());
    for (number, line) in text.lines().enumerate() {
        match (&mut open, line.trim_start().strip_prefix("```")) {
            (Some(_), Some(_)) => found.extend(open.take()),
            (Some(block), None) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, Some(words)) => {
                let language = words.split([' ', ',']).next().unwrap_or_default().to_owned();
                open = Some(Block { language, text: String::new(), heading: heading.clone(), line: number + 1 });
            }
            (None, None) if line.starts_with('#') => heading = line.trim_start_matches('#').trim().to_owned(),
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block has no end: {open:?}");
    found
}

impl Document {
    /// Each block for a shell, with the output that stands below it, if one does. In a `console` block, commands are the lines
    /// behind a `$`, and the others their output.
    pub(crate) fn for_a_shell(&self) -> Vec<(&Block, Option<String>)> {
        let follows = |at: usize| {
            let (block, next) = (&self.blocks[at], self.blocks.get(at + 1)?);
            (next.language == "text" && next.heading == block.heading).then(|| next.text.clone())
        };
        let between = |block: &Block| {
            let output: Vec<&str> = block.text.lines().filter(|line| !line.starts_with("$ ")).collect();
            (!output.is_empty()).then(|| output.join("\n"))
        };
        let found = self.blocks.iter().enumerate().filter_map(|(at, block)| match block.language.as_str() {
            "sh" | "bash" | "shell" => Some((block, follows(at))),
            "console" => Some((block, between(block))),
            _ => None,
        });
        found.collect()
    }

    /// The rows of the table below this heading, without its head: the cells of each.
    pub(crate) fn table(&self, heading: &str) -> Vec<Vec<String>> {
        let below = self.text.split_once(&format!("# {heading}\n")).unwrap_or_else(|| panic!("no heading {heading}")).1;
        let rows = below.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
        rows.skip(2).map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()).collect()
    }
}

/// What stands in backticks.
pub(crate) fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// The commands of a block, each on one line, without comments that stand alone.
pub(crate) fn lines(block: &Block) -> Vec<Line> {
    let joined = block.text.replace("\\\n", " ");
    let lines = joined.lines().filter_map(|line| match block.language.as_str() {
        "console" => line.strip_prefix("$ "),
        _ => Some(line),
    });
    lines.map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).map(line).collect()
}

fn line(text: &str) -> Line {
    let assignment = text.strip_prefix("export ").unwrap_or(text);
    if let Some((name, value)) = assignment.split_once('=')
        && !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
        && !value.contains(' ')
    {
        return Line::Variable(name.to_owned(), value.to_owned());
    }
    let field = |word: &str| word.bytes().all(|byte| byte.is_ascii_digit() || b"*,-/".contains(&byte));
    let words: Vec<&str> = text.splitn(6, ' ').collect();
    match words.split_last() {
        Some((command, fields)) if fields.len() == 5 && fields.iter().all(|word| !word.is_empty() && field(word)) => {
            Line::Cron(command.trim().to_owned())
        }
        _ => Line::Command(text.to_owned()),
    }
}

#[test]
fn blocks_and_their_lines_are_found() {
    let text = "# One\n```console\n$ x\ny\n```\n```sh\na \\\n  b\n# c\n15 4 * * 0  d e\nX=1\n```\nand\n```text\nout\n```\n## Two\n```text\nno\n```\n";
    let document = Document { name: String::new(), blocks: blocks(text), text: text.to_owned() };
    let [(console, between), (block, output)] = &document.for_a_shell()[..] else { panic!("{document:?}") };
    assert_eq!((lines(console), between.as_deref()), (vec![Line::Command("x".to_owned())], Some("y")));
    assert_eq!((block.heading.as_str(), output.as_deref(), block.line), ("One", Some("out\n"), 6));
    let expected = [
        Line::Command("a    b".to_owned()),
        Line::Cron("d e".to_owned()),
        Line::Variable("X".to_owned(), "1".to_owned()),
    ];
    assert_eq!(lines(block), expected);
}
