//! A PostgreSQL of the test's own, on a free port.

use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::{env, fs};

use rustix::process::geteuid;
use tempfile::TempDir;

/// A cluster of databases in a temporary folder. It ends when dropped.
#[derive(Debug)]
pub struct Cluster {
    folder: TempDir,
    programs: PathBuf,
    port: u16,
}

impl Cluster {
    /// Makes a cluster and starts it.
    pub fn start() -> Self {
        let cluster = Self::made();
        cluster.go(&[]);
        cluster
    }

    /// Makes a cluster that takes TLS, and starts it: the certificate, for `localhost`, is its own root.
    pub fn start_with_tls() -> Self {
        let cluster = Self::made();
        let (key, certificate) = (cluster.data("server.key"), cluster.certificate());
        let mut made = Command::new("openssl");
        made.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
            .args(["-nodes", "-days", "2", "-subj", "/CN=localhost"])
            .args(["-addext", "subjectAltName=DNS:localhost"])
            .args(["-addext", "basicConstraints=critical,CA:FALSE"])
            .args(["-keyout", &key, "-out", &certificate])
            .stderr(Stdio::null());
        assert!(made.status().expect("openssl runs").success(), "no certificate is made");
        // PostgreSQL takes only a key of its own user that others can't read.
        let owner = fs::metadata(cluster.data("")).expect("initdb made it").uid();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("the key is ours");
        chown(&key, Some(owner), None).expect("the key is ours, or we are root");
        let file = format!("ssl_cert_file={certificate}");
        cluster.go(&["ssl=on", &file]);
        cluster
    }

    fn made() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        // PostgreSQL refuses to run as root, and its own user has to write there.
        let open = fs::Permissions::from_mode(0o777);
        fs::set_permissions(folder.path(), open).expect("the folder is ours");
        let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let port = port.expect("a port is free").port();
        let cluster = Self { folder, programs: programs(), port };
        let (data, user) = (cluster.data(""), ["-U", "thimble", "-A", "trust", "--no-sync"]);
        cluster.run(cluster.server("initdb").args(["-D", &data]).args(user));
        cluster
    }

    /// Starts it again, with these settings besides.
    pub fn go(&self, settings: &[&str]) {
        let port = self.port;
        let mut options = format!(
            "-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
        );
        for setting in settings {
            options.push_str(" -c ");
            options.push_str(setting);
        }
        let (data, log) = (self.data(""), self.data("log"));
        let start = ["-D", &data, "-w", "-l", &log, "-o", &options, "start"];
        self.run(self.server("pg_ctl").args(start));
    }

    /// Stops it, as if the power went.
    pub fn stop(&self) {
        self.run(self.server("pg_ctl").args([
            "-D",
            &self.data(""),
            "-w",
            "-m",
            "immediate",
            "stop",
        ]));
    }

    /// The URL of its database. `query` is what follows the question mark.
    pub fn url(&self, query: &str) -> String {
        format!("postgres://thimble@localhost:{}/postgres?{query}", self.port)
    }

    /// The certificate of a cluster with TLS.
    pub fn certificate(&self) -> String {
        format!("{}/server.crt", self.folder.path().display())
    }

    /// What the database says to `sql`: a line for each row.
    pub fn query(&self, sql: &str) -> String {
        let mut psql = Command::new(self.programs.join("psql"));
        let output = psql
            .args(["-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql])
            .arg(self.url("sslmode=disable"))
            .env("PGCLIENTENCODING", "UTF8")
            .output()
            .expect("psql runs");
        assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    fn data(&self, name: &str) -> String {
        format!("{}/data/{name}", self.folder.path().display())
    }

    /// A program that only the cluster's own user may run.
    fn server(&self, program: &str) -> Command {
        let program = self.programs.join(program);
        if !geteuid().is_root() {
            return Command::new(program);
        }
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--"]).arg(program);
        command
    }

    fn run(&self, command: &mut Command) {
        let status = command.current_dir(self.folder.path()).stdout(Stdio::null()).status();
        assert!(status.is_ok_and(|status| status.success()), "{command:?}");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if fs::exists(self.data("postmaster.pid")).unwrap_or(false) {
            self.stop();
        }
    }
}

/// Where PostgreSQL's programs are: Debian has them beside the path.
fn programs() -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    let on_path: Vec<_> = env::split_paths(&path).collect();
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut all = on_path.into_iter().chain(debian.map(|version| version.path().join("bin")));
    let has_all = |folder: &PathBuf| {
        ["initdb", "pg_ctl", "psql"].iter().all(|program| folder.join(program).exists())
    };
    all.find(has_all).expect("install PostgreSQL: tests/run does")
}
