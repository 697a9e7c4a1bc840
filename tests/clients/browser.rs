//! Chromium, driven by chromedriver, against the demo site.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a failure here is the test's failure"
)]

mod chromium;

use std::fs::{self, File};
use std::time::{Duration, Instant, SystemTime};

use chromium::{Browser, ask, block_on, screenshot};
use fantoccini::{Client, Locator};
use serde_json::{Value, json};
use thimble_tests::board::qemu::Guest;
use thimble_tests::command::folder::{Folder, noise, site};
use thimble_tests::command::{Signal, Thimble};

const NAME: &str = "<script>alert(1)</script> Zoë 🪡";

/// The names and values of the receipt, once the page's scripts have run.
async fn receipt(client: &Client) -> Value {
    let shown = "const complete = () => document.readyState === 'complete';
        const shown = () => [...document.querySelectorAll('dl.form dt')]
            .map(term => [term.textContent, term.nextSibling.textContent]);
        const done = arguments[arguments.length - 1];
        if (complete()) done(shown()); else addEventListener('load', () => done(shown()));";
    client.execute_async(shown, Vec::new()).await.unwrap()
}

#[test]
fn a_person_clicks_through_the_site() {
    let thimble = Thimble::serve(site(), &["-q"]);
    click_through(&thimble.url("/"));
}

#[test]
fn a_person_clicks_through_the_site_on_a_microcontroller() {
    let guest = Guest::boot("thimble-lm3s6965evb");
    click_through(&format!("http://{}/", guest.address()));
}

fn click_through(url: &str) {
    let mut browser = Browser::start();
    block_on(async {
        let client = browser.open(&["--window-size=1000,900"], json!({})).await;
        client.goto(url).await.unwrap();
        assert!(!client.title().await.unwrap().is_empty());
        assert_eq!(ask(&client, "document.compatMode").await, "CSS1Compat");
        assert_ne!(ask(&client, "document.styleSheets.length").await, 0);
        let width = "document.querySelector('img[src$=\"test.jpg\"]').naturalWidth";
        assert!(ask(&client, width).await.as_u64().unwrap() > 0);
        screenshot(&client, "page.png").await;

        let scripts = ask(&client, "document.scripts.length").await;
        let field = client.find(Locator::Css("[name=firstname]")).await.unwrap();
        field.send_keys(NAME).await.unwrap();
        assert_eq!(field.prop("value").await.unwrap().as_deref(), Some(NAME));
        for (name, text) in [("email", "zoe@example.org"), ("message", "two\nlines")] {
            let field = client.find(Locator::Css(&format!("[name={name}]"))).await.unwrap();
            field.send_keys(text).await.unwrap();
        }
        for choice in ["option[value=K]", "[name=light][value=blink]", "[name=sound]"] {
            client.find(Locator::Css(choice)).await.unwrap().click().await.unwrap();
        }
        let button = "form button:not([type=button]), form input[type=submit]";
        client.find(Locator::Css(button)).await.unwrap().click().await.unwrap();
        let shown = client.wait().for_element(Locator::Css("dl.form dd")).await.unwrap();
        assert!(client.get_alert_text().await.is_err(), "an alert is open");
        assert_eq!(shown.text().await.unwrap(), NAME);
        assert_eq!(ask(&client, "document.scripts.length").await, scripts);
        assert_eq!(
            receipt(&client).await,
            json!([
                ["First name", NAME],
                ["Email for alarms", "zoe@example.org"],
                ["Message on the display", "two\nlines"],
                ["Temperature in", "K"],
                ["Status light", "blink"],
                ["Sound an alarm", "on"],
                // No file was chosen.
                ["Picture for the display", ""],
            ])
        );
        let filled = json!([NAME, "zoe@example.org", "two\nlines", "K", "blink", true]);
        let fields = "(fields => [fields.firstname.value, fields.email.value, fields.message.value,
            fields.unit.value, fields.light.value, fields.sound.checked])(document.forms[0].elements)";
        assert_eq!(ask(&client, fields).await, filled);
        screenshot(&client, "form.png").await;

        let links = client.find_all(Locator::Css("a[href]")).await.unwrap();
        let home = client.current_url().await.unwrap();
        let mut followed = false;
        for link in links {
            let target = link.prop("href").await.unwrap().unwrap();
            let target = home.join(&target).unwrap();
            if target.origin() == home.origin() && target.path() != home.path() {
                link.click().await.unwrap();
                followed = true;
                break;
            }
        }
        assert!(followed, "the page has no link to a second page");
        let second = client.current_url().await.unwrap();
        assert!(second.path().trim_matches('/').len() > 1, "{second}");
        assert!(!client.title().await.unwrap().is_empty());
        assert_ne!(ask(&client, "document.styleSheets.length").await, 0);
        screenshot(&client, "second.png").await;
        client.close().await.unwrap();
    });
}

/// Fields of every kind come back as they were sent, but no password and no file.
#[test]
fn a_form_is_filled_again() {
    let folder = Folder::new().unwrap();
    folder.file("form.js", fs::read(site().join("form.js")).unwrap()).unwrap();
    let page = "<!DOCTYPE html><title></title><script src=form.js defer></script>
        <form method=post><label>Name <input name=name></label>
        <fieldset><legend>Lines</legend><input name=line><input name=line></fieldset>
        <label>Secret <input type=password name=secret></label>
        <input type=hidden name=hidden value=same><input type=file name=file>
        <label for=many>Many</label>
        <select id=many name=many multiple><option>a<option selected>b<option>c</select>
        <fieldset><legend>Days</legend><label><input type=checkbox name=day value=1 checked>One</label>
        <label><input type=checkbox name=day value=2>Two</label></fieldset>
        <label><input type=checkbox name=yes checked>Yes</label>
        <label>Color <input type=color name=__proto__></label>
        <button name=button value=pressed>Send</button></form>";
    folder.file("index.html", page).unwrap();
    let thimble = Thimble::serve(folder.path(), &["-q"]);
    let mut browser = Browser::start();
    block_on(async {
        let client = browser.open(&[], json!({})).await;
        client.goto(&thimble.url("/")).await.unwrap();
        let fill = "const fields = document.forms[0].elements;
            [fields.name.value, fields.secret.value] = ['<b>&amp;', 'secret'];
            [fields.line[0].value, fields.line[1].value] = ['first', 'second'];
            [fields.many[0].selected, fields.many[1].selected] = [true, false];
            fields.many[2].selected = true;
            [fields.day[0].checked, fields.day[1].checked] = [false, true];
            fields.yes.checked = false;
            fields.namedItem('__proto__').value = '#010203';";
        client.execute(fill, Vec::new()).await.unwrap();
        client.find(Locator::Css("button")).await.unwrap().click().await.unwrap();
        client.wait().for_element(Locator::Css("dl.form")).await.unwrap();
        assert_eq!(
            receipt(&client).await,
            json!([
                ["Name", "<b>&amp;"],
                ["Lines", "first"],
                ["Lines", "second"],
                ["Secret", "secret"],
                ["hidden", "same"],
                ["file", ""],
                ["Many", "a"],
                ["Many", "c"],
                ["Days", "2"],
                ["Color", "#010203"],
                ["button", "pressed"],
            ])
        );
        let fields = "[...document.forms[0].elements].filter(field => field.name).map(field =>
            field.options ? [...field.selectedOptions].map(option => option.value)
            : field.type === 'checkbox' ? field.checked : field.value)";
        assert_eq!(
            ask(&client, fields).await,
            json!([
                "<b>&amp;",
                "first",
                "second",
                "",
                "same",
                "",
                ["a", "c"],
                false,
                true,
                false,
                "#010203",
                "pressed",
            ])
        );
        client.close().await.unwrap();
    });
}

#[test]
fn the_page_fits_a_phone_in_the_dark() {
    let thimble = Thimble::serve(site(), &["-q"]);
    let mut browser = Browser::start();
    block_on(async {
        let dark = ["--blink-settings=preferredColorScheme=0"];
        let phone = json!({ "deviceMetrics": { "width": 360, "height": 740, "pixelRatio": 2.0 } });
        let client = browser.open(&dark, phone).await;
        client.goto(&thimble.url("/")).await.unwrap();
        assert_eq!(ask(&client, "matchMedia('(prefers-color-scheme: dark)').matches").await, true);
        assert_eq!(ask(&client, "document.documentElement.clientWidth").await, 360);
        assert_eq!(ask(&client, "document.documentElement.scrollWidth").await, 360);
        screenshot(&client, "phone.png").await;
        let text = brightness(&client, "document.body", "color").await;
        let page = brightness(&client, "document.documentElement", "backgroundColor").await;
        let body = brightness(&client, "document.body", "backgroundColor").await;
        assert!(text > 128.0, "dark text: {text}");
        assert!(page.min(body) < 128.0, "bright ground: {page}, {body}");
        client.close().await.unwrap();
    });
}

/// The mean of red, green and blue in a computed style, however its color is written; 255 where it
/// is transparent.
async fn brightness(client: &Client, element: &str, property: &str) -> f64 {
    let script = format!(
        "const dot = document.createElement('canvas').getContext('2d');
         dot.fillStyle = getComputedStyle({element}).{property};
         dot.fillRect(0, 0, 1, 1);
         const [red, green, blue, alpha] = dot.getImageData(0, 0, 1, 1).data;
         return alpha === 0 ? 255 : (red + green + blue) / 3;"
    );
    let mean = client.execute(&script, Vec::new()).await.unwrap();
    mean.as_f64().unwrap()
}

/// What a server replied before is not shown when something else is there today.
#[test]
fn what_changed_is_shown() {
    let folder = Folder::new().unwrap();
    let old = SystemTime::now() - Duration::from_secs(1_000_000);
    let script = |title: &str| {
        let path = folder.file("app.js", format!("document.title = '{title}';")).unwrap();
        // By its age alone, a browser keeps it for more than a day.
        File::options().write(true).open(path).unwrap().set_modified(old).unwrap();
    };
    folder
        .file("index.html", "<!DOCTYPE html><title></title><script src=app.js></script>")
        .unwrap();
    folder.file("docs.html/index.html", "<!DOCTYPE html><title>a folder</title>").unwrap();
    script("first");
    let thimble = Thimble::serve(folder.path(), &["-q"]);
    let mut browser = Browser::start();
    block_on(async {
        let client = browser.open(&[], json!({})).await;
        client.goto(&thimble.url("/")).await.unwrap();
        assert_eq!(client.title().await.unwrap(), "first");
        client.goto(&thimble.url("/docs.html")).await.unwrap();
        assert!(client.current_url().await.unwrap().as_str().ends_with("/docs.html/"));
        assert_eq!(client.title().await.unwrap(), "a folder");

        script("other");
        fs::remove_dir_all(folder.path().join("docs.html")).unwrap();
        folder.file("docs.html", "<!DOCTYPE html><title>a page</title>").unwrap();
        client.goto(&thimble.url("/")).await.unwrap();
        assert_eq!(client.title().await.unwrap(), "other");
        client.goto(&thimble.url("/docs.html")).await.unwrap();
        assert!(client.current_url().await.unwrap().as_str().ends_with("/docs.html"));
        assert_eq!(client.title().await.unwrap(), "a page");
        client.close().await.unwrap();
    });
}

/// What another site had posted runs in no script of the page that shows it.
#[test]
fn what_was_posted_does_not_run() {
    let folder = Folder::new().unwrap();
    let script = "<script>const page = `<body><!-- form --></body>`; var ended = true;";
    let form = "<form method=post><input name='${document.title=\"stolen\"}'><button>";
    for (name, page) in [
        (
            "a.html",
            format!(
                "<!DOCTYPE html><title>a</title><body>{form}a</button></form>{script}</script>"
            ),
        ),
        (
            "b.html",
            format!(
                "<!DOCTYPE html><title>b</title><p title='<!-- form -->'>{form}b</button></form>{script}"
            ),
        ),
    ] {
        folder.file(name, page).unwrap();
    }
    let thimble = Thimble::serve(folder.path(), &["-q"]);
    let mut browser = Browser::start();
    block_on(async {
        let client = browser.open(&[], json!({})).await;
        for (name, shown) in [("a", 1), ("b", 0)] {
            client.goto(&thimble.url(&format!("/{name}.html"))).await.unwrap();
            client.find(Locator::Css("button")).await.unwrap().click().await.unwrap();
            client.wait().for_element(Locator::Css("form")).await.unwrap();
            assert_eq!(client.title().await.unwrap(), name);
            let count = ask(&client, "document.querySelectorAll('dl.form').length").await;
            assert_eq!(count, shown, "{name}");
        }
        client.close().await.unwrap();
    });
}

/// Files chosen in a listing are in the next one, and no other site sends any.
#[test]
fn a_person_uploads_files_in_a_listing() {
    let folder = Folder::new().unwrap();
    let kept = folder.path().join("kept");
    let thimble = Thimble::serve(folder.path(), &["-q", "--uploads", kept.to_str().unwrap()]);
    let other = Folder::new().unwrap();
    let form = format!(
        "<!DOCTYPE html><form method=post enctype=multipart/form-data action={}>\
         <input type=file name=file><button>Send</button></form>",
        thimble.url("/kept/")
    );
    other.file("index.html", form).unwrap();
    let elsewhere = Thimble::serve(other.path(), &["-q"]);
    let (first, second) = (noise(1_000_000), noise(3));
    let paths = [("Zoë 🪡.bin", &first), ("b.txt", &second)]
        .map(|(name, content)| other.file(name, content).unwrap().display().to_string());
    let mut browser = Browser::start();
    block_on(async {
        let client = browser.open(&[], json!({})).await;
        let send = async |files: &str| {
            let field = client.find(Locator::Css("input[type=file]")).await.unwrap();
            field.send_keys(files).await.unwrap();
            client.find(Locator::Css("button")).await.unwrap().click().await.unwrap();
        };
        client.goto(&thimble.url("/kept/")).await.unwrap();
        screenshot(&client, "uploads.png").await;
        send(&paths.join("\n")).await;
        for name in ["Zoë 🪡.bin", "b.txt"] {
            client.wait().for_element(Locator::LinkText(name)).await.unwrap();
        }
        assert_eq!(client.current_url().await.unwrap().as_str(), thimble.url("/kept/"));
        assert!(fs::read(kept.join("Zoë 🪡.bin")).unwrap() == first);
        assert!(fs::read(kept.join("b.txt")).unwrap() == second);

        client.goto(&elsewhere.url("/")).await.unwrap();
        send(&paths[1]).await;
        client.wait().for_element(Locator::Css("main h1")).await.unwrap();
        assert_eq!(client.title().await.unwrap(), "403 Forbidden");
        assert_eq!(fs::read_dir(&kept).unwrap().count(), 2);
        client.close().await.unwrap();
    });
}

/// A page that is open shows what its files say, and a person does nothing.
#[test]
fn pages_load_again_when_they_change() {
    let folder = Folder::new().unwrap();
    let page = |text: &str| {
        let html = format!(
            "<!DOCTYPE html><title>{text}</title><meta http-equiv=Content-Security-Policy \
             content=\"default-src 'self'\"><link rel=stylesheet href='a b.css'><body><p>{text}</p>\
             <form method=post><input name=a value=b><button>Send</button></form>"
        );
        folder.file("page.html", html).unwrap();
    };
    let style = |width: u32| folder.file("a b.css", format!("p{{width:{width}px}}")).unwrap();
    page("first");
    style(100);
    let mut thimble = Thimble::serve(folder.path(), &["-q", "--live"]);
    let url = thimble.url("/page.html");
    let port = thimble.url("").rsplit(':').next().unwrap().to_owned();
    let mut browser = Browser::start();
    block_on(async {
        let client = browser.open(&[], json!({})).await;
        let title = async |wanted: &str| shows(&client, "document.title", json!(wanted)).await;
        let width = "getComputedStyle(document.querySelector('p')).width";
        client.goto(&url).await.unwrap();
        title("first").await;
        page("second");
        title("second").await;

        // A style sheet is replaced in the page as it stands.
        client.execute("window.mark = 1", Vec::new()).await.unwrap();
        style(200);
        shows(&client, width, json!("200px")).await;
        assert_eq!(ask(&client, "window.mark").await, 1);
        let links = "document.querySelectorAll('link').length";
        shows(&client, links, json!(1)).await;

        // A form is not sent again, and no question is asked.
        client.find(Locator::Css("button")).await.unwrap().click().await.unwrap();
        client.wait().for_element(Locator::Css("dl.form")).await.unwrap();
        page("third");
        title("third").await;
        assert!(client.get_alert_text().await.is_err());
        assert_eq!(ask(&client, "document.querySelectorAll('dl.form').length").await, 0);

        // While there is no page, the last one stays.
        fs::remove_file(folder.path().join("page.html")).unwrap();
        tokio::time::sleep(Duration::from_millis(1500)).await;
        assert_eq!(client.title().await.unwrap(), "third");
        page("fourth");
        title("fourth").await;

        // A server that comes back has its pages loaded once.
        thimble.signal(Signal::TERM);
        assert!(thimble.ended_within(Duration::from_secs(10)).is_some());
        page("fifth");
        thimble = Thimble::serve(folder.path(), &["-q", "--live", "-p", &port]);
        title("fifth").await;
        client.execute("window.mark = 1", Vec::new()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(2500)).await;
        assert_eq!(ask(&client, "window.mark").await, 1);
        client.close().await.unwrap();
    });
    drop(thimble);
}

/// Waits until the page shows this.
async fn shows(client: &Client, expression: &str, wanted: Value) {
    let begun = Instant::now();
    loop {
        // While it loads, there may be nothing to ask.
        let script = format!("return {expression}");
        let found = client.execute(&script, Vec::new()).await.unwrap_or_default();
        if found == wanted {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{expression}: {found}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
