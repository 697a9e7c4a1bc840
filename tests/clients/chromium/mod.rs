//! Chromium, driven by chromedriver.

use std::fs;
use std::future::Future;
use std::io::{BufRead as _, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Chromium with an empty profile, and its driver; both end with this.
pub(crate) struct Browser {
    driver: Child,
    _said: Lines<BufReader<ChildStdout>>,
    port: u16,
    chromium: Option<Pid>,
    profile: TempDir,
}

impl Browser {
    pub(crate) fn start() -> Self {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("chromedriver is installed: tests/run does it");
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        // The first line that names a port repeats the 0 of the flag.
        let port = lines
            .by_ref()
            .map_while(Result::ok)
            .filter_map(|line| line.rsplit_once(" on port ")?.1.trim_end_matches('.').parse().ok())
            .find(|port| *port != 0)
            .expect("chromedriver says its port");
        let profile = TempDir::with_prefix("thimble-browser-").unwrap();
        Self { driver, _said: lines, port, chromium: None, profile }
    }

    pub(crate) async fn open(&mut self, more: &[&str], device: Value) -> Client {
        let profile = format!("--user-data-dir={}", self.profile.path().display());
        let mut flags = vec![
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--no-proxy-server",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            &profile,
        ];
        flags.extend(more);
        let Value::Object(wanted) = json!({
            "goog:chromeOptions": { "args": flags, "mobileEmulation": device },
            "unhandledPromptBehavior": "ignore",
        }) else {
            unreachable!()
        };
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(wanted)
            .connect(&format!("http://127.0.0.1:{}", self.port))
            .await
            .unwrap();
        let id = client.capabilities().and_then(|got| got.get("goog:processID")?.as_i64());
        self.chromium = Pid::from_raw(i32::try_from(id.unwrap()).unwrap());
        client
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if let Some(id) = self.chromium {
            // Its id may be another process's once it has ended by itself.
            let named = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
            let profile = self.profile.path().display().to_string();
            if String::from_utf8_lossy(&named).contains(&profile) {
                let _ = kill_process(id, Signal::KILL);
            }
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

pub(crate) fn block_on(future: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future);
}

pub(crate) async fn ask(client: &Client, expression: &str) -> Value {
    client.execute(&format!("return {expression}"), Vec::new()).await.unwrap()
}

/// Writes what the browser shows to a file under `target` and says where.
pub(crate) async fn screenshot(client: &Client, name: &str) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("screenshots");
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join(name);
    fs::write(&path, client.screenshot().await.unwrap()).unwrap();
    println!("screenshot: {}", path.display());
}
