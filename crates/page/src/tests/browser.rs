//! Chromium, spoken to over pipes (Chrome DevTools Protocol): messages are JSON that ends with a zero byte.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

pub(super) struct Browser {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    last: u64,
    session: Option<String>,
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Browser {
    /// `None`, recorded as a skip, if it is not installed.
    pub(super) fn start(profile: &Path) -> Option<Self> {
        let version = Command::new("chromium").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        if version.is_err() {
            heijunka_tests::skip("chromium", "apt-get install chromium").unwrap();
            return None;
        }
        // It reads from descriptor 3 and writes to 4.
        let options = "--headless --no-sandbox --disable-gpu --remote-debugging-pipe";
        let line = format!("exec chromium {options} \"--user-data-dir=$0\" about:blank 3<&0 4>&1");
        let mut process = Command::new("sh")
            .args(["-c", &line])
            .arg(profile)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (input, output) = (process.stdin.take().unwrap(), BufReader::new(process.stdout.take().unwrap()));
        let mut browser = Self { process, input, output, last: 0, session: None };
        let target = browser.call("Target.createTarget", &json!({ "url": "about:blank" }));
        let attached =
            browser.call("Target.attachToTarget", &json!({ "targetId": target["targetId"], "flatten": true }));
        browser.session = Some(attached["sessionId"].as_str().unwrap().to_owned());
        Some(browser)
    }

    /// The result of a command.
    pub(super) fn call(&mut self, method: &str, parameters: &Value) -> Value {
        self.last += 1;
        let mut message = json!({ "id": self.last, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        self.input.write_all(format!("{message}\0").as_bytes()).unwrap();
        loop {
            let mut answer = Vec::new();
            self.output.read_until(0, &mut answer).unwrap();
            assert_eq!(answer.pop(), Some(0), "the browser has ended");
            let answer: Value = serde_json::from_slice(&answer).unwrap();
            if answer["id"] == self.last {
                assert!(answer["error"].is_null(), "{method}: {answer}");
                return answer["result"].clone();
            }
        }
    }

    /// Opens a page of that size in pixels.
    pub(super) fn open(&mut self, url: &str, width: u32, height: u32, dark: bool) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.call("Emulation.setDeviceMetricsOverride", &size);
        let scheme = json!({ "name": "prefers-color-scheme", "value": if dark { "dark" } else { "light" } });
        self.call("Emulation.setEmulatedMedia", &json!({ "features": [scheme] }));
        self.call("Page.navigate", &json!({ "url": url }));
    }

    /// What an expression comes to, once it is neither false nor nothing.
    pub(super) fn wait_for(&mut self, expression: &str) -> Value {
        let waiting = format!(
            "new Promise(done => {{ const look = () => {{ const found = {expression}; \
             if (found) done(found); else setTimeout(look, 20) }}; look() }})"
        );
        let parameters = json!({ "expression": waiting, "awaitPromise": true, "returnByValue": true });
        loop {
            // A page that gives way to the next one answers nothing.
            let value = self.call("Runtime.evaluate", &parameters)["result"]["value"].clone();
            if !value.is_null() && value != json!({}) {
                return value;
            }
        }
    }

    /// Writes a picture of the whole window.
    pub(super) fn picture(&mut self, path: &Path) {
        use base64::Engine;
        let shot = self.call("Page.captureScreenshot", &json!({ "format": "png" }));
        let bytes = base64::engine::general_purpose::STANDARD.decode(shot["data"].as_str().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}
