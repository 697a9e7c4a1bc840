//! Forms that the command keeps in a database: what it acknowledges is there, whatever happens.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use thimble_tests::command::folder::Folder;
use thimble_tests::command::{Signal, Thimble, run, thimble};
use thimble_tests::wire::client::Reply;

fn post(form: &str) -> String {
    format!(
        "POST / HTTP/1.1\r\nHost: thimble\r\nContent-Length: {}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\n\r\n{form}",
        form.len()
    )
}

fn ask(thimble: &Thimble, request: &str) -> Reply {
    let mut client = thimble.connect();
    client.send(request).unwrap();
    client.reply().unwrap()
}

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
        let fields = format!(r#"[["n","number {number:02}"],["file","a.txt",{{"size":1}}]]"#);
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
    let ended = run(thimble().arg(folder.path()).args(["-p", "0", "--database"]).arg(&text));
    assert!(!ended.status.success());
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(said.contains("is no SQLite database") && said.lines().count() == 1, "{said}");

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
