//! Every kind of page in Chromium, on a phone and a desktop, in the light and in the dark: read by
//! axe-core, measured, and gone through by keyboard.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failure here is the test's failure"
)]

mod chromium;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use chromium::{Browser, ask, block_on, screenshot};
use fantoccini::Client;
use fantoccini::wd::WebDriverCompatibleCommand;
use serde_json::{Value, json};
use thimble_tests::command::Thimble;
use thimble_tests::command::folder::{Folder, noise, site};
use url::{ParseError, Url};

const SCREENS: [(&str, u32, u32); 2] = [("phone", 390, 844), ("desktop", 1280, 800)];
const SCHEMES: [&str; 2] = ["light", "dark"];

/// Says all that is wrong with a page as it is shown now, in lines.
const JUDGE: &str = "
    const [width, scheme, done] = arguments;
    const page = document.documentElement;
    const faults = [];
    if (innerWidth !== width) faults.push(`is laid out for ${innerWidth} px`);
    if (page.scrollWidth > page.clientWidth) faults.push(`scrolls to ${page.scrollWidth} px`);

    const [red, green, blue] = getComputedStyle(document.body).backgroundColor.match(/[\\d.]+/g);
    const isDark = +red + +green + +blue < 384;
    if (isDark !== (scheme === 'dark')) faults.push(`its ground is (${red}, ${green}, ${blue})`);

    // A finger's target; a link within a sentence needs no more than its line (WCAG 2.5.8).
    for (const element of document.querySelectorAll('a[href], button, input, select, textarea')) {
        const target = (element.closest('label') ?? element).getBoundingClientRect();
        const isInline = getComputedStyle(element).display === 'inline' && element.matches('p *, dd *, li *')
            && element.parentElement.textContent !== element.textContent;
        const isHidden = target.right <= 0;
        const isSmall = target.width < 24 || target.height < 44;
        if (width < 600 && scheme === 'light' && isSmall && !isInline && !isHidden) {
            faults.push(`${element.outerHTML.slice(0, 90)} is a target of ${target.width} by ${target.height} px`);
        }
    }

    // In the dark, colors are all that differs.
    const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
    const runOnly = scheme === 'dark' ? ['color-contrast'] : tags;
    axe.run(document, { runOnly, resultTypes: ['violations'] }).then(({ violations, passes }) => {
        if (!passes.some(rule => rule.id === 'color-contrast')) faults.push('no contrast was measured');
        for (const { id, help, nodes } of violations) {
            for (const node of nodes) {
                faults.push(`${id}: ${help}: ${node.html.slice(0, 200)}: ${node.any.map(({ message }) => message)}`);
            }
        }
        done(faults);
    }, error => done([`axe-core failed: ${error}`]));
";

/// What the keyboard reaches, of radio buttons the chosen one, and where among it the focus is.
const FOCUS: &str = "(all => {
    const radios = field => field.type !== 'radio' || field.checked;
    const reached = [...all].filter(radios);
    const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
    const isShown = outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2;
    return [reached.length, reached.indexOf(document.activeElement), isShown];
})(document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea'))";

/// A command of the DevTools protocol, which chromedriver passes on.
#[derive(Debug)]
struct DevTools(Value);

impl WebDriverCompatibleCommand for DevTools {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (hyper::Method, Option<String>) {
        (hyper::Method::POST, Some(self.0.to_string()))
    }
}

async fn tell(client: &Client, command: &str, params: Value) {
    client.issue_cmd(DevTools(json!({ "cmd": command, "params": params }))).await.unwrap();
}

/// The source of axe-core.
fn axe() -> String {
    let venv = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("venv");
    let found = fs::read_dir(venv.join("lib")).ok().and_then(|versions| {
        let mut packages = versions
            .filter_map(Result::ok)
            .map(|version| version.path().join("site-packages/axe_playwright_python/axe.min.js"));
        packages.find_map(|script| fs::read_to_string(script).ok())
    });
    found.unwrap_or_else(|| {
        panic!("axe-core is missing in {}: tests/run installs it", venv.display())
    })
}

/// A browser that judges pages.
struct Looks {
    client: Client,
    axe: String,
    faults: Vec<String>,
}

impl Looks {
    async fn open(browser: &mut Browser) -> Self {
        let client = browser.open(&["--hide-scrollbars"], json!({})).await;
        Self { client, axe: axe(), faults: Vec::new() }
    }

    async fn goto(&self, url: &str) {
        self.client.goto(url).await.unwrap();
    }

    /// Runs a script that leads to another page, and waits for that.
    async fn leave(&self, script: &str) {
        let script = format!("document.title = 'left'; {script}");
        self.client.execute(&script, Vec::new()).await.unwrap();
        let start = Instant::now();
        let is_there = "document.readyState === 'complete' && document.title !== 'left'";
        while ask(&self.client, is_there).await != true {
            assert!(start.elapsed() < Duration::from_secs(30), "no page comes");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Posts a field to a path of the site whose page is open.
    async fn post(&self, path: &str, length: usize) {
        let script = "const form = document.body.appendChild(document.createElement('form'));
            const field = form.appendChild(document.createElement('input'));
            [form.method, form.action, field.name, field.value] = ['post', PATH, 'a', 'b'.repeat(LENGTH)];
            form.submit();";
        let path = json!(path).to_string();
        self.leave(&script.replace("PATH", &path).replace("LENGTH", &length.to_string())).await;
    }

    /// Takes down what is wrong with the page that is open, which is called `name`.
    async fn judge(&mut self, name: &str, title: &str) {
        assert_eq!(self.client.title().await.unwrap(), title, "{name}");
        self.client.execute(&self.axe, Vec::new()).await.unwrap();
        for (screen, width, height) in SCREENS {
            let is_phone = screen == "phone";
            let metrics = json!({
                "width": width, "height": height, "deviceScaleFactor": 1, "mobile": is_phone,
            });
            tell(&self.client, "Emulation.setDeviceMetricsOverride", metrics).await;
            let touch = json!({ "enabled": is_phone });
            tell(&self.client, "Emulation.setTouchEmulationEnabled", touch).await;
            for scheme in SCHEMES {
                let feature = json!({ "name": "prefers-color-scheme", "value": scheme });
                let media = json!({ "features": [feature] });
                tell(&self.client, "Emulation.setEmulatedMedia", media).await;
                let wanted = vec![json!(width), json!(scheme)];
                let faults = self.client.execute_async(JUDGE, wanted).await.unwrap();
                let place = format!("{name}, {screen}, {scheme}");
                for fault in faults.as_array().unwrap() {
                    self.faults.push(format!("{place}: {}", fault.as_str().unwrap()));
                }
                screenshot(&self.client, &format!("looks-{name}-{screen}-{scheme}.png")).await;
            }
        }
        self.go_through(name).await;
    }

    /// Goes through the page by the tabulator key.
    async fn go_through(&mut self, name: &str) {
        let mut next = 0;
        loop {
            for kind in ["keyDown", "keyUp"] {
                let key = json!({
                    "type": kind, "key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9,
                });
                tell(&self.client, "Input.dispatchKeyEvent", key).await;
            }
            let focus = ask(&self.client, FOCUS).await;
            if focus[0] == next {
                break;
            }
            if focus[1] != next {
                self.faults.push(format!("{name}: focus {next} goes to {focus}"));
                break;
            }
            if focus[2] != true {
                self.faults.push(format!("{name}: focus {next} doesn't show"));
            }
            next += 1;
        }
    }

    async fn close(self) {
        assert!(
            self.faults.is_empty(),
            "{} faults:\n{}",
            self.faults.len(),
            self.faults.join("\n")
        );
        self.client.close().await.unwrap();
    }
}

#[test]
fn the_demo_site_and_its_forms() {
    let thimble = Thimble::serve(site(), &["-q", "--submissions", "--max-form", "4k"]);
    let mut browser = Browser::start();
    block_on(async {
        let mut looks = Looks::open(&mut browser).await;
        looks.goto(&thimble.url("/submissions")).await;
        looks.judge("submissions-empty", "Submissions").await;
        looks.goto(&thimble.url("/about/")).await;
        looks.judge("about", "How it works – Thimble").await;
        looks.goto(&thimble.url("/missing")).await;
        looks.judge("own-404", "Nothing here – Thimble").await;
        looks.goto(&thimble.url("/")).await;
        looks.judge("site", "Thimble").await;

        let fill = "const { firstname, message, picture } = document.forms[0].elements;
            firstname.value = '<b>Zoë</b>';
            message.value = 'two\\nlines, and one ' + 'long'.repeat(100);
            const transfer = new DataTransfer();
            transfer.items.add(new File(['content'], 'مرحبا.txt', { type: 'text/plain' }));
            picture.files = transfer.files;
            document.forms[0].requestSubmit();";
        looks.leave(fill).await;
        looks.judge("receipt", "Thimble").await;
        looks.goto(&thimble.url("/submissions")).await;
        looks.judge("submissions", "Submissions").await;

        let more = "const done = arguments[0], body = new URLSearchParams({ name: 'Ada' });
            Promise.all(Array.from({ length: 60 }, () => fetch('/', { method: 'POST', body }))).then(done)";
        looks.client.execute_async(more, Vec::new()).await.unwrap();
        looks.goto(&thimble.url("/submissions?from=5")).await;
        looks.judge("submissions-many", "Submissions").await;

        looks.goto(&thimble.url("/")).await;
        looks.post("/", 5000).await;
        looks.judge("413", "413 Content Too Large").await;
        looks.close().await;
    });
}

#[test]
fn folders_and_refusals() {
    let folder = Folder::new().unwrap();
    let kept = folder.path().join("drop");
    folder
        .file("a folder/of/folders/that lie/deep beneath others/with-a-name-that-is-long/b.txt", "")
        .unwrap();
    folder.file(&format!("{}.bin", "long".repeat(40)), noise(3_000_000)).unwrap();
    for name in ["note.txt", "Zoë 🪡.html", "مرحبا.txt", "two words & more.txt"] {
        folder.file(name, "content").unwrap();
    }
    folder.link("link", "note.txt").unwrap();
    fs::create_dir(folder.path().join("empty")).unwrap();
    let thimble = Thimble::serve(folder.path(), &["-q", "--uploads", kept.to_str().unwrap()]);
    let mut browser = Browser::start();
    block_on(async {
        let mut looks = Looks::open(&mut browser).await;
        looks.goto(&thimble.url("/")).await;
        looks.judge("listing", "Index of /").await;
        looks.goto(&thimble.url("/empty/")).await;
        looks.judge("listing-empty", "Index of /empty/").await;
        let deep = "/a folder/of/folders/that lie/deep beneath others/with-a-name-that-is-long/";
        looks.goto(&thimble.url(deep)).await;
        looks.judge("listing-deep", &format!("Index of {deep}")).await;

        looks.goto(&thimble.url("/drop/")).await;
        looks.judge("uploads-empty", "Index of /drop/").await;
        let send = "const transfer = new DataTransfer();
            for (const name of ['a.txt', 'b.txt']) transfer.items.add(new File(['content'], name));
            document.querySelector('[type=file]').files = transfer.files;
            document.forms[0].requestSubmit();";
        looks.leave(send).await;
        looks.judge("uploads", "Index of /drop/").await;

        looks.goto(&thimble.url("/missing")).await;
        looks.judge("404", "404 Not Found").await;
        looks.post("/note.txt", 1).await;
        looks.judge("405", "405 Method Not Allowed").await;
        looks.close().await;
    });
}

#[test]
fn who_has_no_password() {
    let flags = ["-q", "--auth", "ada:secret", "--auth-for", "write"];
    let thimble = Thimble::serve(site(), &flags);
    let mut browser = Browser::start();
    block_on(async {
        let mut looks = Looks::open(&mut browser).await;
        looks.goto(&thimble.url("/")).await;
        // Not by going there: the browser would ask for a password, and show nothing meanwhile.
        let show = "const asked = { method: 'POST', credentials: 'omit', headers: { Accept: 'text/html' } };
            fetch('/', asked).then(reply => reply.text()).then(page => {
                document.open();
                document.write(page);
                document.close();
            });";
        looks.leave(show).await;
        looks.judge("401", "401 Unauthorized").await;
        looks.close().await;
    });
}

/// What is looked for is found where it is.
#[test]
fn faults_are_found() {
    let folder = Folder::new().unwrap();
    let page = "<!DOCTYPE html><title>Faults</title><meta name=viewport content=width=device-width>
        <style>body{background:#fff;color:#bbb} a{outline:0} pre{width:50em}</style>
        <p>Grey <a href=/ tabindex=2>a</a><pre>wide</pre><a href=/ tabindex=1></a>";
    folder.file("index.html", page).unwrap();
    let thimble = Thimble::serve(folder.path(), &["-q"]);
    let mut browser = Browser::start();
    block_on(async {
        let mut looks = Looks::open(&mut browser).await;
        looks.goto(&thimble.url("/")).await;
        looks.judge("faults", "Faults").await;
        let faults = looks.faults.join("\n");
        for fault in [
            "phone, light: scrolls to",
            "phone, dark: its ground is (255, 255, 255)",
            "is a target of",
            "desktop, light: color-contrast:",
            "html-has-lang:",
            "link-name:",
            "landmark-one-main:",
            "faults: focus 0 ",
        ] {
            assert!(faults.contains(fault), "not found: {fault}\n{faults}");
        }
        looks.client.close().await.unwrap();
    });
}
