//! Rows in a PostgreSQL database, which many servers may share.

mod reader;
mod tls;

use std::time::{Duration, Instant};

use postgres::config::Host;
use postgres::error::SqlState;
use postgres::{Client, Config, GenericClient};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::row::without_nul;
use super::{Row, Store};

pub use reader::Reader;

/// What is set if the URL says nothing: how long to wait for a connection, and for a server that
/// has gone without a word.
const CONNECT: Duration = Duration::from_secs(5);
const UNANSWERED: Duration = Duration::from_secs(10);

/// After so long without a use, a connection is tried before it is relied upon.
const STALE: Duration = Duration::from_secs(1);

/// The pause after a first failure to connect; it doubles with each further one, up to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LAST_PAUSE: Duration = Duration::from_secs(5);

/// What leads from one version of the schema to the next; the first from nothing.
const MIGRATIONS: [&str; 1] = ["
    CREATE TABLE form (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        received_at bigint,
        path text NOT NULL,
        remote text,
        fields jsonb NOT NULL CHECK (jsonb_typeof(fields) = 'array')
    );
"];

/// One statement, and so one transaction.
const INSERT: &str = "
    INSERT INTO form (received_at, path, remote, fields)
    SELECT received_at, path, remote, fields::jsonb
    FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[])
        WITH ORDINALITY AS row (received_at, path, remote, fields, place)
    ORDER BY place
";

const LATEST: &str = "
    SELECT received_at, path, remote, fields::text FROM form ORDER BY id DESC LIMIT $1 OFFSET $2
";

/// A database that is named by a URL: `postgres://user:password@host/name?sslmode=verify-full`.
///
/// While it can't be reached, rows are refused at once, and the connection is tried again after a
/// pause that grows up to five seconds. U+0000, which PostgreSQL can't hold, is kept as U+FFFD.
///
/// | `sslmode` | TLS | the server's certificate |
/// |---|---|---|
/// | `disable` | never | |
/// | `prefer`, if nothing is said | if the server can | not checked |
/// | `require` | always | not checked |
/// | `verify-full` | always | has to be issued for the host, by the system's authorities or those in `sslrootcert` |
pub struct Postgres {
    config: Config,
    tls: MakeRustlsConnect,
    client: Option<Client>,
    last_used: Instant,
    pause: Duration,
    /// When it may be tried again to connect.
    again_at: Option<Instant>,
}

impl std::fmt::Debug for Postgres {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The configuration holds a password.
        out.debug_struct("Postgres").finish_non_exhaustive()
    }
}

impl Postgres {
    /// Connects to the database at `url`, and brings its schema up to date.
    ///
    /// # Errors
    /// One line that says why it can't be used, without the password.
    pub fn open(url: &str) -> Result<Self, String> {
        let mut database = Self::to(url)?;
        database.connect()?;
        database.migrate()?;
        Ok(database)
    }

    /// Not connected yet.
    fn to(url: &str) -> Result<Self, String> {
        let tls::Settings { url, mode, verifier } = tls::settings(url)?;
        let mut config: Config =
            url.parse().map_err(|error| format!("the database's URL makes no sense: {error}"))?;
        config.ssl_mode(mode.unwrap_or(config.get_ssl_mode()));
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(UNANSWERED);
        }
        if config.get_application_name().is_none() {
            config.application_name("thimble");
        }
        let tls = MakeRustlsConnect::new(tls::client(verifier)?);
        let (client, last_used) = (None, Instant::now());
        Ok(Self { config, tls, client, last_used, pause: FIRST_PAUSE, again_at: None })
    }

    /// A new connection.
    fn connected(&self) -> Result<Client, String> {
        self.config.connect(self.tls.clone()).map_err(|error| {
            format!("can't connect to the database{}: {}", self.place(), explain(&error))
        })
    }

    /// Where the database is.
    fn place(&self) -> String {
        let ports = self.config.get_ports();
        let hosts = self.config.get_hosts().iter().enumerate().map(|(at, host)| match host {
            Host::Tcp(host) => {
                let port = ports.get(at).or_else(|| ports.first()).unwrap_or(&5432);
                format!("{host}:{port}")
            }
            Host::Unix(path) => path.display().to_string(),
        });
        let hosts = hosts.collect::<Vec<_>>().join(" or ");
        if hosts.is_empty() { hosts } else { format!(" at {hosts}") }
    }

    fn connect(&mut self) -> Result<(), String> {
        self.client = Some(self.connected()?);
        Ok(())
    }

    /// Brings the schema up to date, in one transaction.
    fn migrate(&mut self) -> Result<(), String> {
        let Some(client) = &mut self.client else { return Ok(()) };
        let failed =
            |error: postgres::Error| format!("the database can't be set up: {}", explain(&error));
        let mut transaction = client.transaction().map_err(failed)?;
        // Servers that start together do this one after the other.
        transaction.batch_execute("SELECT pg_advisory_xact_lock(6083911757)").map_err(failed)?;
        transaction
            .batch_execute("CREATE TABLE IF NOT EXISTS thimble_schema (version integer NOT NULL)")
            .map_err(failed)?;
        let (version, missing) = missing(&mut transaction)?;
        for (migration, version) in missing.iter().zip(version + 1..) {
            transaction.batch_execute(migration).map_err(|error| {
                if error.code() == Some(&SqlState::DUPLICATE_TABLE) {
                    return "the database has a table 'form' of another program: name a database of its own".into();
                }
                failed(error)
            })?;
            transaction
                .execute("INSERT INTO thimble_schema (version) VALUES ($1)", &[&version])
                .map_err(failed)?;
        }
        transaction.commit().map_err(failed)
    }

    /// A connection that was in use just now, or answers.
    fn client(&mut self) -> Result<&mut Client, String> {
        let is_stale = self.last_used.elapsed() > STALE;
        let usable = self.client.as_mut().is_some_and(|client| {
            !client.is_closed() && (!is_stale || client.is_valid(CONNECT).is_ok())
        });
        if !usable {
            self.client = None;
            if self.again_at.is_some_and(|again_at| Instant::now() < again_at) {
                return Err("the database is away".into());
            }
            if let Err(error) = self.connect() {
                self.again_at = Some(Instant::now() + self.pause);
                self.pause = LAST_PAUSE.min(self.pause * 2);
                return Err(error);
            }
            (self.pause, self.again_at) = (FIRST_PAUSE, None);
        }
        self.client.as_mut().ok_or_else(|| "the database is away".into())
    }
}

impl Postgres {
    /// What to say of an error, after which the connection may be of no more use.
    fn failed(&mut self, error: &postgres::Error) -> String {
        if error.as_db_error().is_none() {
            self.client = None;
        }
        format!("the database refused: {}", explain(error))
    }
}

impl Store for Postgres {
    fn commit(&mut self, rows: &[Row]) -> Result<(), String> {
        let received: Vec<_> = rows.iter().map(|row| row.received_at).collect();
        let paths: Vec<_> = rows.iter().map(|row| &*row.path).collect();
        let remotes: Vec<_> = rows.iter().map(|row| row.remote.as_deref()).collect();
        let fields: Vec<_> = rows.iter().map(|row| without_nul(&row.fields)).collect();
        let client = self.client()?;
        let outcome = client.execute(INSERT, &[&received, &paths, &remotes, &fields]);
        self.last_used = Instant::now();
        outcome.map(drop).map_err(|error| self.failed(&error))
    }

    fn latest(&mut self, skipped: u64, count: u64) -> Result<Vec<Row>, String> {
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let outcome = self.client()?.query(LATEST, &[&number(count), &number(skipped)]);
        self.last_used = Instant::now();
        let rows = outcome.map_err(|error| self.failed(&error))?;
        let read = |row: &postgres::Row| {
            Ok(Row {
                received_at: row.try_get(0)?,
                path: row.try_get(1)?,
                remote: row.try_get(2)?,
                fields: row.try_get(3)?,
            })
        };
        rows.iter().map(read).collect::<Result<_, _>>().map_err(|error| self.failed(&error))
    }
}

/// The schema's version, and the migrations that it lacks.
fn missing(client: &mut impl GenericClient) -> Result<(i32, &'static [&'static str]), String> {
    let version = client
        .query_one("SELECT coalesce(max(version), 0) FROM thimble_schema", &[])
        .and_then(|row| row.try_get(0))
        .map_err(|error| format!("the database can't be set up: {}", explain(&error)))?;
    match usize::try_from(version).ok().and_then(|done| MIGRATIONS.get(done..)) {
        Some(missing) => Ok((version, missing)),
        None => Err(format!(
            "the database was set up by a newer Thimble (schema {version}, known up to {}): use that",
            MIGRATIONS.len()
        )),
    }
}

/// One line on what went wrong.
fn explain(error: &postgres::Error) -> String {
    if let Some(error) = error.as_db_error() {
        return error.message().escape_debug().to_string();
    }
    let source = std::error::Error::source(error);
    source.map_or_else(|| error.to_string(), ToString::to_string).escape_debug().to_string()
}
