//! `ls`, `stat`, `rm` and `mv`: objects without their content.

use crate::args::{Ls, Mv, Rm, Stat, Summary};
use crate::failure::Failure;
use crate::report;
use crate::target::Target;
use futures::{StreamExt, TryStreamExt};

pub(super) async fn ls(args: Ls) -> Result<(), Failure> {
    let target = Target::open_prefix(&args.storage, &args.name).await?;
    let mut objects = target.bucket.list(&target.key_prefix()).boxed();
    while let Some(info) = objects.try_next().await? {
        let name = target.name_of(&info.key);
        match args.storage.json {
            true => report::line(report::object_json(name, &info)),
            false if args.names => report::line(name),
            false => report::line(report::object(name, &info)),
        }
    }
    Ok(())
}

pub(super) async fn mv(args: Mv) -> Result<(), Failure> {
    let target = Target::open_object(&args.storage, &args.from).await?;
    let (from, to) = (target.key()?, target.key_of(&args.to)?);
    target.bucket.rename(&from, &to).await?;
    match args.storage.summary() {
        Summary::Json => report::line(report::moved_json(&target.location(&from), &target.location(&to))),
        Summary::Text => report::line(format_args!("moved {} to {}", target.location(&from), target.location(&to))),
        Summary::None => {}
    }
    Ok(())
}

pub(super) async fn stat(args: Stat) -> Result<(), Failure> {
    let target = Target::open_object(&args.storage, &args.name).await?;
    let info = target.bucket.stat(&target.key()?).await?;
    let name = target.name_of(&info.key);
    match args.storage.json {
        true => report::line(report::object_json(name, &info)),
        false => report::line(report::object(name, &info)),
    }
    Ok(())
}

pub(super) async fn rm(args: Rm) -> Result<(), Failure> {
    let [first, rest @ ..] = args.names.as_slice() else { return Ok(()) };
    let target = Target::open_object(&args.storage, first).await?;
    let mut keys = vec![target.key()?];
    for name in rest {
        keys.push(target.key_of(name)?);
    }
    // Asked first, so that a name that is wrong removes nothing.
    for key in &keys {
        target.bucket.stat(key).await?;
    }
    for key in &keys {
        target.bucket.remove(key).await?;
    }
    Ok(())
}
