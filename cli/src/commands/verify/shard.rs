//! Which part of a plan this process verifies.

use crate::failure::Failure;
use sealift::verify::Shard;

/// What runs the same on many machines, and how it tells each which one it is.
struct Scheduler {
    name: &'static str,
    /// The number of this one, counted from `first`.
    index: &'static str,
    first: First,
    /// How many there are, where it says that.
    count: Option<&'static str>,
}

enum First {
    Zero,
    /// What this variable says.
    Said(&'static str),
}

/// By their documentation: Kubernetes "Indexed Job", AWS Batch "Job environment variables", Cloud Run "Container runtime
/// contract, jobs", Slurm "Job Array Support".
const SCHEDULERS: [Scheduler; 4] = [
    Scheduler { name: "Kubernetes", index: "JOB_COMPLETION_INDEX", first: First::Zero, count: None },
    Scheduler {
        name: "AWS Batch",
        index: "AWS_BATCH_JOB_ARRAY_INDEX",
        first: First::Zero,
        count: Some("AWS_BATCH_JOB_ARRAY_SIZE"),
    },
    Scheduler {
        name: "Cloud Run",
        index: "CLOUD_RUN_TASK_INDEX",
        first: First::Zero,
        count: Some("CLOUD_RUN_TASK_COUNT"),
    },
    Scheduler {
        name: "Slurm",
        index: "SLURM_ARRAY_TASK_ID",
        first: First::Said("SLURM_ARRAY_TASK_MIN"),
        count: Some("SLURM_ARRAY_TASK_COUNT"),
    },
];

/// The shard that --shard and --shards say.
pub(in crate::commands) fn said(shard: &str, shards: Option<u32>) -> Result<Shard, Failure> {
    match shard {
        "auto" => auto(|name| std::env::var(name).ok(), shards),
        _ if shards.is_some() => Err(Failure::usage("--shards is for --shard auto: K/N says it already")),
        shard => shard.parse().map_err(|why| Failure::usage(format!("--shard {shard}: {why}, or auto"))),
    }
}

fn auto(variable: impl Fn(&str) -> Option<String>, shards: Option<u32>) -> Result<Shard, Failure> {
    let mut found = SCHEDULERS.iter().filter(|scheduler| variable(scheduler.index).is_some());
    let Some(scheduler) = found.next() else {
        let names: Vec<_> = SCHEDULERS.iter().map(|scheduler| scheduler.index).collect();
        return Err(Failure::usage(format!("--shard auto: none of {} is set", names.join(", "))));
    };
    if let Some(other) = found.next() {
        return Err(Failure::usage(format!(
            "--shard auto: {} and {} are both set; say --shard K/N",
            scheduler.index, other.index
        )));
    }
    let number = |name: &str| {
        let text = variable(name).ok_or_else(|| Failure::usage(format!("--shard auto: {name} is not set")))?;
        text.parse::<u32>().map_err(|_| Failure::usage(format!("--shard auto: {name} is {text:?}, which is no number")))
    };
    let first = match scheduler.first {
        First::Zero => 0,
        First::Said(name) => number(name)?,
    };
    let of = match (shards, scheduler.count) {
        (Some(shards), _) => shards,
        (None, Some(name)) => number(name)?,
        (None, None) => {
            return Err(Failure::usage(format!(
                "{} does not say how many there are: say it by --shards N",
                scheduler.name
            )));
        }
    };
    let index = number(scheduler.index)?;
    index.checked_sub(first).and_then(|at| Shard::new(at.checked_add(1)?, of)).ok_or_else(|| {
        Failure::usage(format!("--shard auto: {}={index} is none of {of}, counted from {first}", scheduler.index))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shard(variables: &[(&str, &str)], shards: Option<u32>) -> Result<String, String> {
        let variable =
            |name: &str| variables.iter().find(|(own, _)| *own == name).map(|(_, value)| (*value).to_owned());
        auto(variable, shards).map(|shard| shard.to_string()).map_err(|failure| failure.to_string())
    }

    #[test]
    fn each_scheduler_is_understood() {
        assert_eq!(shard(&[("JOB_COMPLETION_INDEX", "0")], Some(7)), Ok("1/7".into()));
        assert_eq!(
            shard(&[("AWS_BATCH_JOB_ARRAY_INDEX", "6"), ("AWS_BATCH_JOB_ARRAY_SIZE", "7")], None),
            Ok("7/7".into())
        );
        assert_eq!(shard(&[("CLOUD_RUN_TASK_INDEX", "2"), ("CLOUD_RUN_TASK_COUNT", "4")], None), Ok("3/4".into()));
        let slurm = [("SLURM_ARRAY_TASK_ID", "5"), ("SLURM_ARRAY_TASK_MIN", "3"), ("SLURM_ARRAY_TASK_COUNT", "4")];
        assert_eq!(shard(&slurm, None), Ok("3/4".into()));
    }

    #[test]
    fn what_is_no_shard_is_told() {
        for (variables, shards, says) in [
            (&[][..], None, "none of"),
            (&[("JOB_COMPLETION_INDEX", "0")][..], None, "--shards N"),
            (&[("JOB_COMPLETION_INDEX", "7")], Some(7), "none of 7"),
            (&[("JOB_COMPLETION_INDEX", "x")], Some(7), "no number"),
            (&[("CLOUD_RUN_TASK_INDEX", "2")], None, "CLOUD_RUN_TASK_COUNT is not set"),
            (&[("CLOUD_RUN_TASK_INDEX", "2"), ("JOB_COMPLETION_INDEX", "2")], Some(9), "both set"),
            (
                &[("SLURM_ARRAY_TASK_ID", "1"), ("SLURM_ARRAY_TASK_MIN", "3"), ("SLURM_ARRAY_TASK_COUNT", "4")],
                None,
                "none of 4",
            ),
        ] {
            let said = shard(variables, shards).expect_err("no shard");
            assert!(said.contains(says), "{said}");
        }
    }
}
