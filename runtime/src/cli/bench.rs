//! `neurath bench`: measurements that anyone can repeat.

use crate::bench::check::{self, Size};
use crate::cli::input::Session;
use crate::cli::{Answer, Exit};

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

/// What is measured.
#[derive(Debug, clap::Subcommand)]
enum What {
    /// The checker: states per second beside stateright and Spin, what the reduction leaves, sizes, simulated runs.
    Check {
        /// One round, and smaller instances: under a minute.
        #[arg(long)]
        fast: bool,
    },
}

/// Runs the verb.
pub fn run(args: Args, session: &mut Session) -> Answer {
    match args.what {
        What::Check { fast } => {
            let size = if fast { Size::FAST } else { Size::FULL };
            let report = check::measure(size, &mut |line| session.tell(line))?;
            if session.json() {
                session.value(&report.json());
            } else {
                session.say(report);
            }
            Ok(Exit::Done)
        }
    }
}
