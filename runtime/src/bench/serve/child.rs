//! A server in a process of its own, which ends when this value goes.

use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::process::{ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a server may take to begin, or to end when it is told to.
const PATIENCE: Duration = Duration::from_secs(10);

/// A process that was started here.
#[derive(Debug)]
pub(in crate::bench) struct Child {
    process: std::process::Child,
    /// Open as long as the process is: it may write to it.
    output: Option<BufReader<ChildStdout>>,
}

impl Child {
    /// Starts a program that neither reads what we read nor writes where we write.
    pub(in crate::bench) fn start(command: &mut Command) -> Result<Self, String> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let started = command.spawn();
        let mut process = started.map_err(|why| format!("{:?} cannot be run: {why}", command.get_program()))?;
        let output = process.stdout.take().map(BufReader::new);
        Ok(Self { process, output })
    }

    /// Its number.
    pub(in crate::bench) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Whether it is still there.
    pub(in crate::bench) fn lives(&mut self) -> bool {
        matches!(self.process.try_wait(), Ok(None))
    }

    /// Sends it a signal: until it has been waited for, its number is nobody else's.
    pub(in crate::bench) fn signal(&mut self, signal: Signal) -> Result<(), String> {
        let pid = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw).filter(|_| self.lives());
        let pid = pid.ok_or("it has ended")?;
        kill_process(pid, signal).map_err(|why| format!("it takes no signal: {why}"))
    }

    /// Reads where it listens from the first line that it prints, which says `http://ADDRESS/`.
    pub(in crate::bench) fn told_address(&mut self) -> Result<SocketAddr, String> {
        let mut line = String::new();
        let output = self.output.as_mut().expect("its output is piped");
        output.read_line(&mut line).map_err(|why| format!("its output cannot be read: {why}"))?;
        let address = line.split("http://").nth(1).and_then(|rest| rest.split('/').next()?.parse().ok());
        address.ok_or_else(|| format!("it does not say where it listens: {line:?}"))
    }

    /// Waits until somebody listens there, while the process lives.
    pub(in crate::bench) fn await_listening(&mut self, address: SocketAddr) -> Result<(), String> {
        let since = Instant::now();
        while since.elapsed() < PATIENCE {
            if let Ok(Some(status)) = self.process.try_wait() {
                return Err(format!("it has ended ({status}) before it listened"));
            }
            if TcpStream::connect(address).is_ok() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Err(format!("nobody listens at {address}"))
    }

    /// CPU time that the threads of the process have spent, in seconds; `None` where the kernel keeps no such account.
    pub(in crate::bench) fn cpu_seconds(&self) -> Option<f64> {
        let threads = fs::read_dir(format!("/proc/{}/task", self.process.id())).ok()?;
        let spent = threads.map(|thread| nanoseconds(&fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?));
        Some(spent.sum::<Option<u64>>()? as f64 / 1e9)
    }
}

impl Drop for Child {
    /// Tells it to end, and makes it if it does not.
    fn drop(&mut self) {
        if !self.lives() {
            return;
        }
        if let Some(pid) = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw) {
            // A process that has ended but was not waited for still has its number: it is nobody else's.
            let _ = kill_process(pid, Signal::TERM);
        }
        let since = Instant::now();
        while since.elapsed() < PATIENCE {
            if !matches!(self.process.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Time on a core, time waiting for one, number of turns.
fn nanoseconds(schedstat: &str) -> Option<u64> {
    schedstat.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_ends_with_its_value_and_says_where_it_listens() {
        let mut child =
            Child::start(Command::new("sh").args(["-c", "echo serving at http://127.0.0.1:7/; exec sleep 60"]))
                .expect("a shell");
        assert_eq!(child.told_address(), Ok("127.0.0.1:7".parse().expect("an address")));
        let proc = format!("/proc/{}", child.process.id());
        assert!(std::path::Path::new(&proc).exists() && child.cpu_seconds().is_some());
        drop(child);
        assert!(!std::path::Path::new(&proc).exists());
        assert!(Child::start(&mut Command::new("there-is-no-such-program")).is_err());
        let mut mute = Child::start(&mut Command::new("true")).expect("it is everywhere");
        assert!(mute.told_address().is_err());
    }
}
