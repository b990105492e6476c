//! Chromium, as far as the tests need it: over its debugging protocol.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use io2_tests::temp::TempDir;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{Message, WebSocket, client};

const LONG: Duration = Duration::from_secs(120);

/// A browser without a window, until this is dropped.
pub(crate) struct Browser {
    child: Child,
    address: String,
    _profile: TempDir,
}

impl Browser {
    /// Starts one; `None` where there is none, which is said.
    pub(crate) fn start() -> Option<Browser> {
        let wanted = std::env::var("IO2_TEST_BROWSER").ok();
        let names = match &wanted {
            Some(name) => vec![name.as_str()],
            None => vec!["chromium", "chromium-browser", "google-chrome"],
        };
        let profile = TempDir::new();
        let started = names.iter().find_map(|name| {
            let mut command = Command::new(name);
            command
                .args([
                    "--headless=new",
                    "--no-sandbox",
                    "--disable-gpu",
                    "--disable-dev-shm-usage",
                ])
                .args(["--no-first-run", "--remote-debugging-port=0"])
                .arg(format!("--user-data-dir={}", profile.path().display()))
                .arg("about:blank")
                .stdout(Stdio::null())
                .stderr(Stdio::piped());
            command.spawn().ok()
        });
        let Some(mut child) = started else {
            assert_eq!(wanted, None, "IO2_TEST_BROWSER cannot be started");
            eprintln!("not tested: no chromium on this machine");
            return None;
        };
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        let address = loop {
            line.clear();
            assert!(
                lines.read_line(&mut line).unwrap() > 0,
                "the browser has ended"
            );
            if let Some(address) = line.trim().strip_prefix("DevTools listening on ws://") {
                break address.to_owned();
            }
        };
        // What else it says would fill the pipe.
        std::thread::spawn(move || lines.read_to_end(&mut Vec::new()));
        Some(Browser {
            child,
            address,
            _profile: profile,
        })
    }

    /// Opens a page in a window of that width.
    pub(crate) fn open(&mut self, url: &str, width: u32) -> Tab {
        let (host, _) = self.address.split_once('/').unwrap();
        let stream = TcpStream::connect(host).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        let (socket, _) = client(format!("ws://{}", self.address), stream).unwrap();
        let mut tab = Tab {
            socket,
            session: None,
            next: 0,
            complaints: Vec::new(),
        };
        let target = tab.call("Target.createTarget", json!({ "url": "about:blank" }));
        let target = json!({ "targetId": target["targetId"], "flatten": true });
        let session = tab.call("Target.attachToTarget", target);
        tab.session = session["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log"] {
            tab.call(&format!("{domain}.enable"), json!({}));
        }
        let size =
            json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false });
        tab.call("Emulation.setDeviceMetricsOverride", size);
        tab.call("Page.navigate", json!({ "url": url }));
        let start = Instant::now();
        while tab.run("location.protocol === 'http:' && document.readyState === 'complete'") != true
        {
            assert!(start.elapsed() < LONG, "the page does not load");
            std::thread::sleep(Duration::from_millis(50));
        }
        tab
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A page.
pub(crate) struct Tab {
    socket: WebSocket<TcpStream>,
    session: Option<String>,
    next: u64,
    complaints: Vec<String>,
}

impl Tab {
    /// The value of a script.
    #[track_caller]
    pub(crate) fn run(&mut self, script: &str) -> Value {
        let parameters = json!({ "expression": script, "returnByValue": true });
        let mut done = self.call("Runtime.evaluate", parameters);
        assert_eq!(done["exceptionDetails"], Value::Null, "{script}");
        done["result"]["value"].take()
    }

    /// Presses the mouse's button.
    pub(crate) fn click(&mut self, x: f64, y: f64) {
        for what in ["mousePressed", "mouseReleased"] {
            let event = json!({ "type": what, "x": x, "y": y, "button": "left", "clickCount": 1 });
            self.call("Input.dispatchMouseEvent", event);
        }
    }

    /// Presses a key.
    pub(crate) fn key(&mut self, key: &str, code: u32) {
        for what in ["keyDown", "keyUp"] {
            let event =
                json!({ "type": what, "key": key, "code": key, "windowsVirtualKeyCode": code });
            self.call("Input.dispatchKeyEvent", event);
        }
    }

    /// What went wrong in the page so far: exceptions, and what the policy forbade.
    pub(crate) fn complaints(&self) -> &[String] {
        &self.complaints
    }

    fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.next += 1;
        let mut request = json!({ "id": self.next, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            request["sessionId"] = json!(session);
        }
        self.socket
            .send(Message::text(request.to_string()))
            .unwrap();
        loop {
            let Message::Text(text) = self.socket.read().unwrap() else {
                continue;
            };
            let mut message: Value = serde_json::from_str(&text).unwrap();
            if message["id"] == self.next {
                assert_eq!(message["error"], Value::Null, "{method}");
                return message["result"].take();
            }
            let error = message["params"]["entry"]["level"] == "error";
            if error || message["method"] == "Runtime.exceptionThrown" {
                self.complaints.push(text.to_string());
            }
        }
    }
}
