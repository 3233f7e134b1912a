//! `help`, `completions` and `man`: what there is to say about sealift, in the forms in which it is looked for.

use crate::args::{Cli, Completions, EXIT_CODES, Help, Man};
use crate::failure::Failure;
use crate::report;
use clap::{Command, CommandFactory};

/// What is explained besides the commands.
const TOPICS: [(&str, &str); 4] = [
    ("storage", include_str!("../topics/storage.txt")),
    ("names", include_str!("../topics/names.txt")),
    ("config", include_str!("../topics/config.txt")),
    ("exit-codes", EXIT_CODES),
];

pub(super) fn help(args: &Help) -> Result<(), Failure> {
    // A command may be called as a topic is: the topic is what the help of the command says where to find.
    if let [topic] = args.of.as_slice()
        && let Some((_, text)) = TOPICS.iter().find(|(name, _)| name == topic)
    {
        report::text(&format!("{}\n", text.trim_end()));
        return Ok(());
    }
    let mut command = Cli::command();
    command.build();
    for name in &args.of {
        command = match command.find_subcommand(name) {
            Some(below) => below.clone(),
            None => return Err(unknown(&command, name)),
        };
    }
    report::text(&command.render_long_help().to_string());
    Ok(())
}

fn unknown(command: &Command, name: &str) -> Failure {
    let commands = command.get_subcommands().map(Command::get_name);
    let topics = TOPICS.map(|(topic, _)| topic).join(", ");
    Failure::usage(format!(
        "help {name}: there is no such command or topic; topics are {topics}, and commands {}",
        commands.collect::<Vec<_>>().join(", ")
    ))
}

pub(super) fn completions(args: &Completions) -> Result<(), Failure> {
    let mut told = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "sealift", &mut told);
    report::text(&String::from_utf8_lossy(&told));
    Ok(())
}

pub(super) fn man(args: &Man) -> Result<(), Failure> {
    let failed = |error| Failure::from_io(error, &format!("write the manual to {}", args.folder.display()));
    std::fs::create_dir_all(&args.folder).map_err(failed)?;
    clap_mangen::generate_to(Cli::command(), &args.folder).map_err(failed)
}
