//! A browser that a test drives: headless Chromium behind chromedriver, spoken to in
//! the JSON of the W3C's protocol over plain HTTP.

use super::PATIENCE;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Where browsers are, beside the path.
const BROWSERS: &[&str] = &["chromium", "chromium-browser", "google-chrome", "chrome"];

/// axe-core, which the gate installs.
const AXE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/target/axe/node_modules/axe-core/axe.min.js"
);

/// A script that returns what axe-core finds to be in somebody's way on a page; a test that goes
/// without it must say so.
pub(crate) fn axe() -> Option<String> {
    let Ok(axe) = std::fs::read_to_string(AXE) else {
        super::say_not_run("axe-core, for it is not in target/axe; the gate puts it there");
        return None;
    };
    Some(format!(
        "{axe};\nconst found = await axe.run();
         return found.violations.map(({{id, nodes}}) => [id, nodes[0].html, nodes[0].failureSummary]);"
    ))
}

/// Keys that no character stands for (`WebDriver`, §17.4.2).
pub(crate) mod key {
    pub(crate) const BACKSPACE: &str = "\u{e003}";
    pub(crate) const TAB: &str = "\u{e004}";
    pub(crate) const ENTER: &str = "\u{e007}";
    pub(crate) const ESCAPE: &str = "\u{e00c}";
    pub(crate) const UP: &str = "\u{e013}";
    pub(crate) const DOWN: &str = "\u{e015}";
}

/// Runs chromedriver, and ends it, and the browsers that it has started, when standard input ends:
/// however the test ends that has the other side. All are in the shell's process group.
const GUARD: &str = "\"$1\" --port=0 & exec >&-; read -r _; kill -KILL 0";

/// How many times to try to start chromedriver. It ends if the port that it got for one version of
/// IP is taken for the other, and other tests take ports all the time.
const STARTS: usize = 5;

/// A browser with one window.
pub(crate) struct Browser {
    /// Before the profile, which is removed after the browser's end.
    _driver: Driver,
    port: u16,
    session: String,
    profile: tempfile::TempDir,
}

/// chromedriver, and the browser that it has started; both end when this is dropped.
struct Driver(Child);

impl Driver {
    /// Also returns the port on which it listens.
    fn start(program: &Path) -> Option<(Self, u16)> {
        let mut guard = Command::new("sh");
        guard
            .args(["-c", GUARD, "sh"])
            .arg(program)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut driver = Self(guard.spawn().ok()?);
        let output = driver.0.stdout.take()?;
        let mut lines = BufReader::new(output).lines().map_while(Result::ok);
        let port = lines.find_map(|line| {
            let (_, port) = line.split_once("started successfully on port ")?;
            port.trim_end_matches('.').parse().ok()
        });
        Some((driver, port?))
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

impl Browser {
    /// Starts a browser, unless there is none.
    pub(crate) fn start() -> Option<Self> {
        Self::start_with(&[])
    }

    /// The same with further arguments.
    pub(crate) fn start_with(arguments: &[&str]) -> Option<Self> {
        let browser = BROWSERS.iter().find_map(|name| super::find_program(name))?;
        let program = super::find_program("chromedriver")?;
        let (driver, port) = (0..STARTS)
            .find_map(|_| Driver::start(&program))
            .expect("chromedriver says where it listens");
        let profile = tempfile::tempdir().expect("a temporary directory");
        let mut this = Self {
            _driver: driver,
            port,
            session: String::new(),
            profile,
        };
        let profile = format!("--user-data-dir={}", this.profile.path().display());
        let usual = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-proxy-server",
            "--no-first-run",
            "--disable-background-networking",
            &profile,
        ];
        let arguments = [&usual, arguments].concat();
        let options = json!({"binary": browser, "args": arguments});
        let capabilities = json!({"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL"},
            "timeouts": {"script": 20_000, "pageLoad": 20_000},
        }}});
        let started = this.call("POST", "/session", &capabilities);
        let session = started["sessionId"].as_str().expect("a session").to_owned();
        this.session = format!("/session/{session}");
        Some(this)
    }

    /// The directory of the browser's own files, which is in its command line.
    pub(crate) fn profile(&self) -> &Path {
        self.profile.path()
    }

    /// Opens a page and waits until it is loaded.
    pub(crate) fn open(&self, url: &str) {
        self.post("/url", &json!({"url": url}));
    }

    /// Runs the body of an `async` function in the page and returns what that does.
    pub(crate) fn run(&self, script: &str) -> Value {
        let script = format!(
            "const done = arguments[arguments.length - 1];\n\
             (async () => {{ {script} }})().then(done, error => done('failed: ' + error));"
        );
        self.post("/execute/async", &json!({"script": script, "args": []}))
    }

    /// Chooses files in the field that `selector` finds.
    pub(crate) fn choose(&self, selector: &str, files: &[&Path]) {
        let paths: Vec<_> = files
            .iter()
            .map(|file| file.display().to_string())
            .collect();
        let path = format!("{}/value", self.element(selector));
        self.post(&path, &json!({"text": paths.join("\n")}));
    }

    /// Drops files on the page at this place, as from a window beside the browser.
    pub(crate) fn drop_files(&self, (x, y): (u32, u32), files: &[&Path]) {
        let paths: Vec<_> = files.iter().map(|file| file.to_string_lossy()).collect();
        let data = json!({"items": [], "files": paths, "dragOperationsMask": 1});
        for kind in ["dragEnter", "dragOver", "drop"] {
            let event = json!({"type": kind, "x": x, "y": y, "data": data});
            self.devtools("Input.dispatchDragEvent", &event);
        }
    }

    /// Lets pages run no script of their own, or lets them again.
    pub(crate) fn disable_scripts(&self, are_disabled: bool) {
        let value = json!({"value": are_disabled});
        self.devtools("Emulation.setScriptExecutionDisabled", &value);
    }

    /// Clicks at what `selector` finds.
    pub(crate) fn click(&self, selector: &str) {
        self.post(&format!("{}/click", self.element(selector)), &json!({}));
    }

    /// The path of an element in the page.
    fn element(&self, selector: &str) -> String {
        let body = json!({"using": "css selector", "value": selector});
        let found = self.post("/element", &body);
        let element = found
            .as_object()
            .and_then(|ids| ids.values().next()?.as_str());
        format!("/element/{}", element.expect("an element"))
    }

    /// The messages that the page has left in the console since the last time.
    pub(crate) fn console(&self) -> Vec<String> {
        let entries = self.post("/se/log", &json!({"type": "browser"}));
        let entries = entries.as_array().cloned().unwrap_or_default();
        let text = |entry: &Value| entry["message"].as_str().unwrap_or_default().to_owned();
        entries.iter().map(text).collect()
    }

    /// Presses keys one after the other: characters, or those that [`key`] names.
    pub(crate) fn press(&self, keys: &str) {
        let press = |key: char| {
            [
                json!({"type": "keyDown", "value": key}),
                json!({"type": "keyUp", "value": key}),
            ]
        };
        let actions: Vec<_> = keys.chars().flat_map(press).collect();
        let keyboard = json!({"type": "key", "id": "keyboard", "actions": actions});
        self.post("/actions", &json!({"actions": [keyboard]}));
    }

    /// Waits until an expression is true in the page, or in the one after it.
    pub(crate) fn wait_for(&self, condition: &str) {
        let deadline = Instant::now() + PATIENCE;
        let script = json!({"script": format!("return {condition};"), "args": []});
        let path = format!("{}/execute/sync", self.session);
        // The page may be gone before it has an answer.
        let is_true = || self.ask("POST", &path, &script)["value"] == true;
        while !is_true() {
            assert!(Instant::now() < deadline, "never {condition}");
        }
    }

    /// Makes the window as large as that of another device.
    pub(crate) fn resize(&self, width: u32, height: u32) {
        self.devtools(
            "Emulation.setDeviceMetricsOverride",
            &json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": true}),
        );
    }

    /// Prefers `light` or `dark` pages.
    pub(crate) fn prefer(&self, scheme: &str) {
        let feature = json!({"name": "prefers-color-scheme", "value": scheme});
        let features = json!({"features": [feature]});
        self.devtools("Emulation.setEmulatedMedia", &features);
    }

    fn devtools(&self, command: &str, parameters: &Value) {
        let body = json!({"cmd": command, "params": parameters});
        self.post("/goog/cdp/execute", &body);
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        self.call("POST", &format!("{}{path}", self.session), body)
    }

    /// One exchange with chromedriver; an error of its own ends the test.
    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let answer = self.ask(method, path, body);
        let value = &answer["value"];
        assert!(value["error"].is_null(), "{path}: {value}");
        value.clone()
    }

    /// One exchange with chromedriver, whatever the answer is.
    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = body.to_string();
        let mut stream =
            TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).expect("chromedriver listens");
        let limit = PATIENCE + Duration::from_secs(40);
        stream.set_read_timeout(Some(limit)).expect("it can be set");
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).expect("it is sent");
        let mut reader = BufReader::new(stream);
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).expect("chromedriver answers");
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().expect("a length");
            }
        }
        let mut answer = vec![0; length];
        reader.read_exact(&mut answer).expect("the answer arrives");
        serde_json::from_slice(&answer).expect("JSON")
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() && !std::thread::panicking() {
            self.call("DELETE", &self.session.clone(), &json!({}));
        }
    }
}
