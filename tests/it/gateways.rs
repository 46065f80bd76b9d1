//! What tests with real SMS gateways have in common: their programs, the settings that docs/sms-gateways.md tells people
//! to paste, and looking until something is there.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Longer than anything takes that a test waits for.
const PATIENCE: Duration = Duration::from_secs(90);
/// Between two looks at what another process does.
const LOOK: Duration = Duration::from_millis(25);

/// A program that runs beside the test. Ends, by its process id, when dropped.
pub struct Program {
    child: Child,
    output: PathBuf,
}

impl Program {
    /// Starts one; what it says goes to a file.
    pub fn start(mut command: Command, output: &Path) -> Program {
        let file = File::options().create(true).append(true).open(output).unwrap();
        let child = command
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}; run deploy/setup test"));
        Program { child, output: output.to_owned() }
    }

    /// The pen that writes to it, if it was started with one.
    pub fn stdin(&mut self) -> &mut std::process::ChildStdin {
        self.child.stdin.as_mut().expect("it was started with a pipe")
    }

    /// Everything that it said.
    pub fn output(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.output).unwrap_or_default()).into_owned()
    }

    /// Waits until it has said `text`.
    pub async fn says(&self, text: &str) {
        until(&format!("{text:?} in {}", self.output.display()), async || {
            self.output().contains(text).then_some(())
        })
        .await;
    }

    /// Asks it to end (SIGTERM) and waits until it has.
    pub fn stop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}:\n{}", self.output.display(), self.output());
        }
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// A command that reads nothing.
pub fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null());
    command
}

/// Looks until there is something.
#[expect(clippy::disallowed_methods, reason = "it waits for a process, in real time")]
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(start.elapsed() < PATIENCE, "nobody has seen {what}");
        // Another process: there is no event to wait for.
        tokio::time::sleep(LOOK).await;
    }
}

/// What docs/sms-gateways.md shows in a section: its blocks in their order.
pub fn documented(section: &str) -> Vec<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/sms-gateways.md");
    let text = std::fs::read_to_string(file).unwrap();
    let heading = format!("{section}\n");
    let section = text.split("\n## ").find(|part| part.starts_with(&heading)).unwrap();
    // Every other piece is between fences; its first line names the language.
    let blocks = section.split("\n```").skip(1).step_by(2);
    blocks.map(|block| block.split_once('\n').unwrap().1.to_owned() + "\n").collect()
}

/// A documented text with a test's own values. Each must be there to be replaced.
pub fn adapted(mut text: String, changes: &[(&str, &str)]) -> String {
    for (theirs, ours) in changes {
        assert!(text.contains(theirs), "{theirs:?} is not in what is documented:\n{text}");
        text = text.replace(theirs, ours);
    }
    text
}

/// What a hotline needs beside its gateway: the port that the gateway posts to, and more answers than a day's.
pub fn hotline(gateway: &str, web_port: u16) -> String {
    format!(
        "{gateway}
        [sms.limits]
        answers_per_day = 1000
        pause = 0
        per_minute = 600
        [web]
        listen = '127.0.0.1:{web_port}'
        "
    )
}

/// The code that somebody is told: `Kode 4821-7362`.
pub fn code_in(text: &str) -> String {
    let code = text.split_once("Kode ").and_then(|(_, rest)| rest.get(..9));
    code.unwrap_or_else(|| panic!("no code in {text:?}")).to_owned()
}
