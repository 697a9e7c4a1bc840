//! Rows in a PostgreSQL that is started here, on a port of its own.
#![cfg(feature = "postgres")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failure here is the test's failure"
)]

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use postgres::{Client, NoTls};
use tempfile::TempDir;
use thimble_host::database::{Postgres, Row, Store as _};

/// A cluster in a temporary folder. It ends with the test.
struct Cluster {
    folder: TempDir,
    programs: PathBuf,
    port: u16,
}

impl Cluster {
    fn start(tls: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // PostgreSQL refuses to run as root.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let cluster = Self { folder, programs: programs(), port };
        let data = cluster.data();
        cluster.run("initdb", &["-D", &data, "-U", "thimble", "-A", "trust", "--no-sync"]);
        if tls {
            let made = Command::new("openssl")
                .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
                .args(["-nodes", "-days", "2", "-subj", "/CN=localhost"])
                .args(["-addext", "subjectAltName=DNS:localhost"])
                .args(["-addext", "basicConstraints=critical,CA:FALSE"])
                .args(["-keyout", &format!("{data}/server.key")])
                .args(["-out", &format!("{data}/server.crt")])
                .stderr(Stdio::null())
                .status();
            assert!(made.unwrap().success());
            // The cluster's own user has to be the owner.
            let owner = fs::metadata(&data).unwrap();
            let user = std::os::unix::fs::MetadataExt::uid(&owner);
            std::os::unix::fs::chown(format!("{data}/server.key"), Some(user), None).unwrap();
            fs::set_permissions(format!("{data}/server.key"), fs::Permissions::from_mode(0o600))
                .unwrap();
        }
        cluster.go(tls);
        cluster
    }

    fn go(&self, tls: bool) {
        let ssl = if tls { "-c ssl=on" } else { "" };
        let port = self.port;
        let options = format!(
            "-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off {ssl}"
        );
        self.run(
            "pg_ctl",
            &[
                "-D",
                &self.data(),
                "-w",
                "-l",
                &format!("{}/log", self.data()),
                "-o",
                &options,
                "start",
            ],
        );
    }

    fn stop(&self) {
        self.run("pg_ctl", &["-D", &self.data(), "-w", "-m", "immediate", "stop"]);
    }

    fn data(&self) -> String {
        self.folder.path().join("data").to_str().unwrap().to_owned()
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let program = self.programs.join(program);
        let is_root = rustix::process::geteuid().is_root();
        let mut command = if is_root { Command::new("runuser") } else { Command::new(&program) };
        if is_root {
            command.args(["-u", "postgres", "--"]).arg(&program);
        }
        let status = command.args(arguments).current_dir("/").stdout(Stdio::null()).status();
        assert!(status.unwrap().success(), "{} {arguments:?}", program.display());
    }

    fn url(&self, query: &str) -> String {
        format!("postgres://thimble@localhost:{}/postgres?{query}", self.port)
    }

    fn query(&self, sql: &str) -> String {
        let url = self.url("sslmode=disable");
        Client::connect(&url, NoTls).unwrap().query_one(sql, &[]).unwrap().get(0)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if Path::new(&format!("{}/postmaster.pid", self.data())).exists() {
            self.stop();
        }
    }
}

/// Where PostgreSQL's programs are: Debian has them beside the path.
fn programs() -> PathBuf {
    let on_path = env::split_paths(&env::var_os("PATH").unwrap_or_default()).collect::<Vec<_>>();
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut all = on_path.into_iter().chain(debian.map(|version| version.path().join("bin")));
    all.find(|folder| folder.join("initdb").exists()).expect("install PostgreSQL: tests/run does")
}

fn row(path: &str, fields: &str) -> Row {
    Row { received_at: Some(7), path: path.into(), remote: None, fields: fields.into() }
}

#[test]
fn rows_are_committed_in_order_also_after_the_server_was_away() {
    let cluster = Cluster::start(false);
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
    assert!(
        database
            .commit(&[row("/d", "{}"), row("/e", "[]")])
            .unwrap_err()
            .contains("violates check")
    );

    cluster.stop();
    let begun = Instant::now();
    for _ in 0..20 {
        assert!(database.commit(&[row("/f", "[]")]).is_err());
    }
    assert!(begun.elapsed() < Duration::from_secs(20), "refused at once while it is away");
    cluster.go(false);
    let limit = Instant::now() + Duration::from_mins(1);
    while let Err(error) = database.commit(&[row("/g", "[]")]) {
        assert!(Instant::now() < limit, "{error}");
        thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(cluster.query("SELECT string_agg(path, '' ORDER BY id) FROM form"), "/a/b/c/g");
}

#[test]
fn a_schema_of_others_is_left_alone() {
    let cluster = Cluster::start(false);
    Client::connect(&cluster.url(""), NoTls)
        .unwrap()
        .batch_execute("CREATE TABLE form (a int)")
        .unwrap();
    let refused = Postgres::open(&cluster.url("")).unwrap_err();
    assert!(refused.contains("of another program"), "{refused}");
    Client::connect(&cluster.url(""), NoTls).unwrap().batch_execute("DROP TABLE form").unwrap();
    drop(Postgres::open(&cluster.url("")).unwrap());
    let newer = "INSERT INTO thimble_schema VALUES (99)";
    Client::connect(&cluster.url(""), NoTls).unwrap().batch_execute(newer).unwrap();
    let refused = Postgres::open(&cluster.url("")).unwrap_err();
    assert!(refused.contains("a newer Thimble (schema 99"), "{refused}");
}

#[test]
fn tls_is_as_the_url_says() {
    let cluster = Cluster::start(true);
    let is_tls = |query: &str| {
        let mut database = Postgres::open(&cluster.url(query))?;
        database.commit(&[row("/", "[]")])?;
        let ssl = "SELECT string_agg(ssl::text, '') FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'thimble'";
        Ok::<_, String>(cluster.query(ssl))
    };
    assert_eq!(is_tls("sslmode=disable").as_deref(), Ok("false"));
    assert_eq!(is_tls("sslmode=prefer").as_deref(), Ok("true"));
    assert_eq!(is_tls("sslmode=require").as_deref(), Ok("true"));
    let certificate = cluster.folder.path().join("server.crt");
    fs::copy(format!("{}/server.crt", cluster.data()), &certificate).unwrap();
    let root = format!("sslmode=verify-full&sslrootcert={}", certificate.display());
    assert_eq!(is_tls(&root).as_deref(), Ok("true"));
    assert!(is_tls("sslmode=verify-full").unwrap_err().contains("certificate"));
}
