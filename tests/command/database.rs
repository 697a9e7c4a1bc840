//! Forms that the command keeps in a database: what it acknowledges is there, whatever happens.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Output, Stdio};
use std::thread;
use std::time::Duration;

use regex_lite::Regex;
use rusqlite::{Connection, OpenFlags};
use serde_json::json;
use thimble_tests::command::folder::Folder;
use thimble_tests::command::forms::{ask, post};
use thimble_tests::command::{Signal, Thimble, run, thimble};
use thimble_tests::wire::client::Reply;

fn get(thimble: &Thimble, target: &str) -> Reply {
    ask(thimble, &format!("GET {target} HTTP/1.1\r\nHost: thimble\r\n\r\n"))
}

/// The fields of all rows, the oldest first, as whoever reads the database sees them.
fn fields(database: &Path) -> Vec<String> {
    let reader = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let mut select = reader.prepare("SELECT fields FROM form ORDER BY id").unwrap();
    let rows = select.query_map([], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

#[test]
fn a_form_is_in_the_database_when_its_page_comes_back() {
    let folder = Folder::with_pages().unwrap();
    let database = folder.path().join("forms.db");
    let flags = ["--submissions", "--database", database.to_str().unwrap()];
    let thimble = Thimble::serve(folder.path(), &flags);
    let reply = ask(&thimble, &post("name=%F0%9F%AA%A1&name=%00%22\\&empty="));
    assert_eq!(reply.status, 200);
    assert_eq!(fields(&database), [r#"[["name","🪡"],["name","\u0000\"\\"],["empty",""]]"#]);
    let reader = Connection::open(&database).unwrap();
    let (path, remote, age): (String, String, i64) = reader
        .query_row("SELECT path, remote, unixepoch() - received_at FROM form", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .unwrap();
    assert_eq!((path.as_str(), remote.as_str()), ("/", "127.0.0.1"));
    assert!((0..60).contains(&age));

    // What others write shows as well, by pages, the latest first.
    for number in 0..60 {
        let fields = format!(
            r#"[["n","number {number:02}"],["file","a.txt",{{"type":"text/plain","size":1}}]]"#
        );
        let insert = "INSERT INTO form (path, fields) VALUES ('/', ?)";
        reader.execute(insert, [fields]).unwrap();
    }
    let first = get(&thimble, "/submissions").text();
    assert_eq!(first.matches("number ").count(), 50);
    assert!(first.contains("number 59") && !first.contains("number 09"));
    assert!(first.contains("<a href=\"?from=50\">"));
    let second = get(&thimble, "/submissions?from=50").text();
    assert_eq!(second.matches("number ").count(), 10);
    assert!(second.contains("number 09") && second.contains("a.txt") && second.contains('🪡'));
    assert!(!second.contains("?from="));
}

#[test]
fn what_is_acknowledged_is_kept_when_the_server_is_killed() {
    let folder = Folder::with_pages().unwrap();
    let database = folder.path().join("forms.db");
    let flags = ["--quiet", "--database", database.to_str().unwrap()];
    let mut acknowledged = 0;
    for round in 0..3 {
        let thimble = Thimble::serve(folder.path(), &flags);
        let clients: Vec<_> = (0..8)
            .map(|client| {
                let mut connection = thimble.connect();
                thread::spawn(move || {
                    let request = |number: u32| post(&format!("id={round}.{client}.{number}"));
                    let answered = |number: &u32| {
                        connection.send(request(*number)).is_ok()
                            && connection.reply().is_ok_and(|reply| reply.status == 200)
                    };
                    (0..u32::MAX)
                        .take_while(answered)
                        .map(move |n| format!("{round}.{client}.{n}"))
                        .collect()
                })
            })
            .collect();
        // Some have been answered by then, and some are under way.
        while fields(&database).len() < acknowledged + 100 {
            thread::sleep(Duration::from_millis(1));
        }
        thimble.signal(Signal::KILL);
        let ids =
            clients.into_iter().flat_map(|client| client.join().unwrap_or_else(|_| Vec::new()));
        let ids: Vec<String> = ids.collect();
        let kept = fields(&database);
        for id in &ids {
            assert!(kept.contains(&format!(r#"[["id","{id}"]]"#)), "{id} was acknowledged");
        }
        assert!(ids.len() > 50, "{}", ids.len());
        acknowledged = kept.len();
    }
}

#[test]
fn what_cannot_be_kept_is_refused_and_what_cannot_be_used_is_said() {
    let folder = Folder::with_pages().unwrap();
    let text =
        folder.file("text", "no database, but long enough to be looked at".repeat(50)).unwrap();
    for (name, reason) in [
        (text.as_path(), "is no SQLite database"),
        (folder.path(), "is a folder: name a file for the database"),
        (Path::new(""), "the database has no name: name a file"),
        (Path::new("mysql://ada:secret@host/forms"), "only postgres:// is known"),
    ] {
        let ended = run(thimble().arg(folder.path()).args(["-p", "0", "--database"]).arg(name));
        assert!(!ended.status.success());
        let said = String::from_utf8(ended.stderr).unwrap();
        assert!(said.contains(reason) && said.lines().count() == 1, "{said}");
        assert!(!said.contains("secret"), "{said}");
    }

    let database = folder.path().join("forms.db");
    let flags = ["--database", database.to_str().unwrap()];
    let thimble = Thimble::serve(folder.path(), &flags);
    // Another program spoils the table.
    Connection::open(&database).unwrap().execute_batch("ALTER TABLE form RENAME TO other").unwrap();
    let refused = ask(&thimble, &post("a=1"));
    assert_eq!((refused.status, refused.field("Retry-After")), (503, Some("5")));
    thimble.log_line(|line| line.contains("the database '") && line.contains("no such table"));
    Connection::open(&database).unwrap().execute_batch("ALTER TABLE other RENAME TO form").unwrap();
    assert_eq!(ask(&thimble, &post("a=2")).status, 200);
    assert_eq!(fields(&database), [r#"[["a","2"]]"#]);
    assert!(fs::metadata(&database).is_ok());
}

#[test]
fn pipelined_forms_are_kept_in_their_order_and_none_is_acknowledged_that_is_not() {
    for frontend in ["--quiet", "--event-loop"] {
        let folder = Folder::with_pages().unwrap();
        let database = folder.path().join("forms.db");
        let flags = ["--database", database.to_str().unwrap(), frontend];
        let thimble = Thimble::serve(folder.path(), &flags);
        let forms: Vec<_> = (0..40).map(|number| format!("n={number}")).collect();
        let all: String = forms.iter().map(|form| post(form)).collect();
        let mut client = thimble.connect();
        // More of the form after it comes later, and so does the end of the last one.
        let (first, rest) = all.split_at(all.len() / 2);
        client.send(first).unwrap();
        thread::sleep(Duration::from_millis(20));
        client.send(rest).unwrap();
        for form in &forms {
            let reply = client.reply().unwrap();
            assert!(reply.status == 200 && reply.text().contains(&form.replace("n=", "<dd>")));
        }
        let expected: Vec<_> = (0..40).map(|number| format!(r#"[["n","{number}"]]"#)).collect();
        assert_eq!(fields(&database), expected);

        let spoil = "CREATE TRIGGER spoil BEFORE INSERT ON form WHEN NEW.fields LIKE '%bad%' \
             BEGIN SELECT RAISE(ABORT, 'bad'); END";
        Connection::open(&database).unwrap().execute_batch(spoil).unwrap();
        let mut has_closed = false;
        for turn in 0..20 {
            let before = fields(&database).len();
            let head = "HEAD / HTTP/1.1\r\nHost: thimble\r\n\r\n";
            let mut all: String = (0..turn).map(|_| post("a=good")).collect();
            all += &[&post("a=bad"), &*post("a=behind"), head].concat();
            let mut client = thimble.connect();
            client.send(all).unwrap();
            let mut acknowledged = 0;
            let refused = loop {
                let reply = client.reply().unwrap();
                if reply.status != 200 {
                    break reply;
                }
                acknowledged += 1;
            };
            assert_eq!((refused.status, refused.field("Retry-After")), (503, Some("5")));
            assert!(refused.text().contains("the form can't be kept for now"));
            assert!(acknowledged <= turn);
            let kept = fields(&database);
            let kept = kept.get(before..).unwrap();
            let good = kept.iter().filter(|fields| fields.contains("good")).count();
            assert!(kept.iter().all(|fields| !fields.contains("bad")));
            // All before the first that failed, and no other, was acknowledged.
            if refused.field("Connection") == Some("close") {
                assert_eq!(acknowledged, good);
                assert_eq!(client.drain().unwrap(), b"", "what follows is not answered");
                has_closed = true;
            }
        }
        assert!(has_closed);
        assert_eq!(ask(&thimble, &post("a=2")).status, 200);
    }
}

/// What `--export` writes for the database at `path`, and the rest of what it said.
fn export(path: &Path, format: &str) -> Output {
    run(thimble().arg("--database").arg(path).args(["--export", format]))
}

#[test]
fn what_was_submitted_is_exported_while_it_is_served() {
    let folder = Folder::with_pages().unwrap();
    let database = folder.path().join("forms.db");
    let thimble = Thimble::serve(folder.path(), &["--database", database.to_str().unwrap()]);
    for form in
        ["name=%3D1%2B1&name=two&%40field=%2B49", "note=a%2C%22b%22%0D%0Ac&name=%F0%9F%AA%A1"]
    {
        assert_eq!(ask(&thimble, &post(form)).status, 200);
    }
    // It is where everybody can download it.
    thimble.log_line(|line| line.contains("is in the folder that is served"));
    let csv = export(&database, "csv");
    assert!(csv.status.success() && csv.stderr.is_empty());
    let csv = String::from_utf8(csv.stdout).unwrap();
    let times = Regex::new(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ").unwrap();
    assert_eq!(
        times.replace_all(&csv, "TIME"),
        "id,received_at,path,remote,name,'@field,note\r\n\
         1,TIME,/,127.0.0.1,\"'=1+1\ntwo\",'+49,\r\n\
         2,TIME,/,127.0.0.1,🪡,,\"a,\"\"b\"\"\r\nc\"\r\n"
    );
    let json = String::from_utf8(export(&database, "json").stdout).unwrap();
    let read: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(read[0]["fields"], json!([["name", "=1+1"], ["name", "two"], ["@field", "+49"]]));
    assert_eq!(
        (&read[1]["id"], &read[1]["path"], &read[1]["remote"]),
        (&json!(2), &json!("/"), &json!("127.0.0.1"))
    );
    assert!(times.is_match(read[1]["received_at"].as_str().unwrap()));
}

#[test]
fn an_export_makes_nothing_and_says_why_it_fails() {
    let folder = Folder::with_pages().unwrap();
    let missing = folder.path().join("missing.db");
    let text =
        folder.file("text", "no database, but long enough to be looked at".repeat(50)).unwrap();
    for (path, reason) in [(&missing, "there is no database"), (&text, "is no SQLite database")] {
        let ended = export(path, "csv");
        let said = String::from_utf8(ended.stderr).unwrap();
        assert!(!ended.status.success() && ended.stdout.is_empty());
        assert!(said.contains(reason) && said.lines().count() == 1, "{said}");
    }
    assert!(!missing.exists());
    for flags in [&["--export", "csv"][..], &["--database", "a", "--export", "xml"]] {
        assert!(!run(thimble().args(flags)).status.success(), "{flags:?}");
    }
}

#[test]
fn a_large_export_takes_little_memory_and_ends_quietly_with_its_reader() {
    let folder = Folder::with_pages().unwrap();
    let database = folder.path().join("forms.db");
    drop(Thimble::serve(folder.path(), &["--database", database.to_str().unwrap()]));
    let rows = "WITH RECURSIVE n(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM n WHERE n < 100000)
        INSERT INTO form (path, fields)
        SELECT '/', json_array(json_array('text', hex(zeroblob(500)))) FROM n";
    Connection::open(&database).unwrap().execute_batch(rows).unwrap();
    for format in ["csv", "json"] {
        let mut child = thimble()
            .arg("--database")
            .arg(&database)
            .args(["--export", format])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // 100 MB of text go through it.
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut lines = 0;
        let mut line = String::new();
        while lines < 90_000 && out.read_line(&mut line).unwrap() > 0 {
            line.clear();
            lines += 1;
        }
        assert_eq!(lines, 90_000);
        #[cfg(target_os = "linux")]
        {
            let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
            let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
            let kib: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
            assert!(kib < 40_000, "{kib} KiB");
        }
        drop(out);
        let ended = child.wait_with_output().unwrap();
        assert!(ended.status.success() && ended.stderr.is_empty(), "{ended:?}");
    }
}
