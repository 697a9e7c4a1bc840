//! Forms in a PostgreSQL that is started here.

use std::thread;
use std::time::{Duration, Instant};

use thimble_std::thimble_host::database::{Postgres, Row, Store as _};
use thimble_tests::command::folder::Folder;
use thimble_tests::command::forms::{ask, post};
use thimble_tests::command::postgres::Cluster;
use thimble_tests::command::{Thimble, run, thimble};

const PATHS: &str = "SELECT string_agg(path, '' ORDER BY id) FROM form";

fn row(path: &str, fields: &str) -> Row {
    Row { received_at: Some(7), path: path.into(), remote: None, fields: fields.into() }
}

#[test]
fn rows_are_committed_in_order_also_after_the_server_was_away() {
    let cluster = Cluster::start();
    let mut database = Postgres::open(&cluster.url("")).unwrap();
    // Another server sets it up as well, and finds that it is.
    let mut other = Postgres::open(&cluster.url("")).unwrap();
    database.commit(&[row("/a", r#"[["b","1"],["a","\u0000\u00e9"]]"#), row("/b", "[]")]).unwrap();
    other.commit(&[row("/c", "[]")]).unwrap();
    let all = "SELECT string_agg(id || path || received_at || fields, ',' ORDER BY id) FROM form";
    assert_eq!(
        cluster.query(all),
        "1/a7[[\"b\", \"1\"], [\"a\", \"\u{fffd}\u{e9}\"]],2/b7[],3/c7[]"
    );
    let broken = database.commit(&[row("/d", "{}"), row("/e", "[]")]).unwrap_err();
    assert!(broken.contains("violates check"), "{broken}");

    cluster.stop();
    let begun = Instant::now();
    for _ in 0..20 {
        assert!(database.commit(&[row("/f", "[]")]).is_err());
    }
    assert!(begun.elapsed() < Duration::from_secs(20), "refused at once while it is away");
    cluster.go(&[]);
    let limit = Instant::now() + Duration::from_mins(1);
    while let Err(error) = database.commit(&[row("/g", "[]")]) {
        assert!(Instant::now() < limit, "{error}");
        thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(cluster.query(PATHS), "/a/b/c/g");
}

#[test]
fn a_schema_of_others_is_left_alone() {
    let cluster = Cluster::start();
    cluster.query("CREATE TABLE form (a int)");
    let refused = Postgres::open(&cluster.url("")).unwrap_err();
    assert!(refused.contains("of another program"), "{refused}");
    cluster.query("DROP TABLE form");
    drop(Postgres::open(&cluster.url("")).unwrap());
    cluster.query("INSERT INTO thimble_schema VALUES (99)");
    let refused = Postgres::open(&cluster.url("")).unwrap_err();
    assert!(refused.contains("a newer Thimble (schema 99"), "{refused}");
}

#[test]
fn tls_is_as_the_url_says() {
    let cluster = Cluster::start_with_tls();
    let is_tls = |query: &str| {
        let mut database = Postgres::open(&cluster.url(query))?;
        database.commit(&[row("/", "[]")])?;
        Ok::<_, String>(cluster.query(
            "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
             WHERE application_name = 'thimble'",
        ))
    };
    assert_eq!(is_tls("sslmode=disable").as_deref(), Ok("f"));
    assert_eq!(is_tls("sslmode=prefer").as_deref(), Ok("t"));
    assert_eq!(is_tls("sslmode=require").as_deref(), Ok("t"));
    let root = format!("sslmode=verify-full&sslrootcert={}", cluster.certificate());
    assert_eq!(is_tls(&root).as_deref(), Ok("t"));
    assert!(is_tls("sslmode=verify-full").unwrap_err().contains("certificate"));
}

#[test]
fn servers_share_a_database_and_wait_for_it() {
    let (folder, cluster) = (Folder::with_pages().unwrap(), Cluster::start());
    let url = cluster.url("sslmode=disable");
    let flags = ["--submissions", "--database", &url];
    let servers = [0; 2].map(|_| Thimble::serve(folder.path(), &flags));
    for number in 0..10 {
        for (name, server) in ["a", "b"].iter().zip(&servers) {
            assert_eq!(ask(server, &post(&format!("{name}={number}"))).status, 200);
        }
    }
    assert_eq!(cluster.query("SELECT count(*) FROM form WHERE remote = '127.0.0.1'"), "20");
    let shown = ask(&servers[0], "GET /submissions HTTP/1.1\r\nHost: thimble\r\n\r\n").text();
    assert_eq!(shown.matches("<dt>").count(), 20, "{shown}");

    cluster.stop();
    let kept = |server| {
        let reply = ask(server, &post("while=away"));
        assert!(
            reply.status == 200 || (reply.status == 503 && reply.field("Retry-After").is_some()),
            "{}",
            reply.status
        );
        reply.status == 200
    };
    for server in &servers {
        assert!(!kept(server));
        server.log_line(|line| line.contains("database"));
    }
    cluster.go(&[]);
    for server in &servers {
        let limit = Instant::now() + Duration::from_mins(1);
        while !kept(server) {
            assert!(Instant::now() < limit, "{}", server.log());
            thread::sleep(Duration::from_millis(50));
        }
    }
    assert_eq!(cluster.query("SELECT count(*) FROM form"), "22");
}

#[test]
fn what_it_holds_is_exported() {
    let cluster = Cluster::start();
    let export = |format: &str| {
        run(thimble().args(["--database", &cluster.url("sslmode=disable"), "--export", format]))
    };
    let refused = export("json");
    assert!(!refused.status.success() && refused.stdout.is_empty());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("is not set up"));
    assert_eq!(cluster.query("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"), "0");

    let mut database = Postgres::open(&cluster.url("")).unwrap();
    let rows: Vec<_> = (0..40).map(|n| row("/", &format!(r#"[["n","{n}"],["n","=1"]]"#))).collect();
    database.commit(&rows).unwrap();
    let csv = String::from_utf8(export("csv").stdout).unwrap();
    assert!(
        csv.starts_with("id,received_at,path,remote,n\r\n1,1970-01-01T00:00:07Z,/,,\"0\n=1\"\r\n")
    );
    assert!(csv.ends_with("\r\n40,1970-01-01T00:00:07Z,/,,\"39\n=1\"\r\n"), "{csv}");
    let json: serde_json::Value = serde_json::from_slice(&export("json").stdout).unwrap();
    assert_eq!(json.as_array().unwrap().len(), 40);
    assert_eq!(json[39]["fields"], serde_json::json!([["n", "39"], ["n", "=1"]]));
}
