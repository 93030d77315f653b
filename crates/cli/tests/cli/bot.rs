//! A script that drives `madang-cli listen --stdin`.

use std::{
    collections::VecDeque,
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio},
};

use serde_json::{Value, json};

pub(crate) struct Bot {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    /// Lines that were read while looking for another.
    kept: VecDeque<Value>,
    next: u64,
}

impl Bot {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("started");
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().expect("piped"));
        Self { child, input, output, kept: VecDeque::new(), next: 1 }
    }

    pub(crate) fn write(&mut self, line: &str) {
        writeln!(self.input.as_mut().expect("open"), "{line}").expect("written");
    }

    pub(crate) fn close_input(&mut self) {
        self.input = None;
    }

    /// The next line.
    pub(crate) fn line(&mut self) -> Value {
        self.kept.pop_front().unwrap_or_else(|| self.read())
    }

    fn read(&mut self) -> Value {
        let mut line = String::new();
        assert!(self.output.read_line(&mut line).expect("readable") > 0, "the node has ended");
        serde_json::from_str(&line).expect("one JSON object a line")
    }

    /// The first line that fits, among those kept and those to come. Lines before it are kept.
    fn find(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        if let Some(place) = self.kept.iter().position(&fits) {
            return self.kept.remove(place).expect("it is there");
        }
        loop {
            let line = self.read();
            if fits(&line) {
                return line;
            }
            self.kept.push_back(line);
        }
    }

    pub(crate) fn event(&mut self, word: &str) -> Value {
        self.find(|line| line["event"] == word)
    }

    pub(crate) fn event_with(&mut self, word: &str, field: &str, value: &Value) -> Value {
        self.find(|line| line["event"] == word && line[field] == *value)
    }

    fn answer(&mut self, mut command: Value) -> Value {
        let id = json!(self.next);
        self.next += 1;
        command["id"] = id.clone();
        self.write(&command.to_string());
        self.find(|line| line.get("answer") == Some(&id))
    }

    /// Asks, and returns the result.
    pub(crate) fn ask(&mut self, command: Value) -> Value {
        let mut answer = self.answer(command);
        assert_eq!(answer["ok"], true, "{answer}");
        answer["result"].take()
    }

    /// Asks what must fail, and returns the error.
    pub(crate) fn ask_to_fail(&mut self, command: Value) -> Value {
        let mut answer = self.answer(command);
        assert_eq!(answer["ok"], false, "{answer}");
        answer["error"].take()
    }

    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        // The shell has it built in; a bare machine has no program of this name.
        let kill = format!("kill -s {name} {id}");
        assert!(Command::new("sh").args(["-c", &kill]).status().expect("ran").success());
    }

    pub(crate) fn ended(&mut self) -> ExitStatus {
        self.input = None;
        self.child.wait().expect("waited")
    }
}

impl Drop for Bot {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
