//! Whole exchanges over a connection in memory, for `tests/bench/exchange_instructions` to count.
//!
//! usage: `cargo run --release --example exchange -p thimble-host -- ROW TIMES`
//!
//! As the frontends for desktops do, it serves a connection until it is idle, and serves it again when
//! the next octets are there. The clock stands still, so that every run takes the same instructions.

use std::hint::{black_box, spin_loop};
use std::task::Waker;
use std::thread;
use std::time::Duration;
use std::{env, fs, io};

use embedded_io::ErrorKind;
use tempfile::TempDir;
use thimble_core::framing::Date;
use thimble_core::grammar::date::UnixTime;
use thimble_core::message::FieldEntry;
use thimble_core::semantics::negotiate::Coding;
use thimble_core::server::blocking::block_on;
use thimble_core::server::{Buffers, Clock, Driver, Ended, Half, Transmit};
use thimble_core::service::Pages;
use thimble_core::service::image::{Child, Directory, File, Image, Kind, Representation};
use thimble_core::service::layers::{BasicAuth, Cors, Hosts};
use thimble_core::{Error, Exchange, Limits, Method, Responded, Service, Site, Status, Transport};
use thimble_host::Folder;
use thimble_host::clock::date;

/// Octets of a transmit buffer, and field lines that look-ups know the places of, as the frontends for
/// desktops have.
const TRANSMIT: usize = 32 * 1024;
const FIELDS: usize = 32;

const TIME: UnixTime = UnixTime(1_700_000_000);
static CONTENT: [u8; 1024] = [b'a'; 1024];

static IMAGE: Image = Image::new(&[Directory {
    children: &[Child {
        name: b"1k.bin",
        is_link: false,
        kind: Kind::File(File {
            content_type: "application/octet-stream",
            identity: Representation {
                coding: Coding::Identity,
                content: &CONTENT,
                etag: "0123456789abcdef",
                modified: Some(TIME),
            },
            coded: &[],
            form_place: None,
        }),
    }],
    listed: &[0],
}]);

const HELLO: &str = "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n";
const BROWSER: &str = "GET /hello HTTP/1.1\r\n\
    Host: localhost:8080\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n\
    Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8\r\n\
    Accept-Language: en-US,en;q=0.5\r\n\
    Accept-Encoding: gzip, deflate, br, zstd\r\n\
    Connection: keep-alive\r\n\
    Upgrade-Insecure-Requests: 1\r\n\
    Sec-Fetch-Dest: document\r\n\
    Sec-Fetch-Mode: navigate\r\n\
    Sec-Fetch-Site: none\r\n\r\n";
const MISSING: &str = "GET /missing HTTP/1.1\r\nHost: localhost\r\n\r\n";
const FILE: &str = "GET /1k.bin HTTP/1.1\r\nHost: localhost\r\n\r\n";
const FORM: &str = "POST /form HTTP/1.1\r\nHost: localhost\r\n\
    Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 84\r\n\r\n\
    name=Ann+Lee&street=Elm+Street+12&city=Springfield&country=Somewhere&note=none+today";

/// Two routes, and files.
struct Bench<S>(S);

impl<S: Service> Service for Bench<S> {
    async fn call<'c, T: Transport>(
        &'c self,
        exchange: Exchange<'c, T>,
    ) -> Result<Responded<'c, T>, Error<T::Error>> {
        match (exchange.method(), exchange.segments()) {
            (Method::Get, ["hello"]) => Ok(exchange.respond(Status::OK).text("Hello, World!")),
            (Method::Post, ["form"]) => {
                let (form, respond) = exchange.form().await?;
                let name = form.get("name").unwrap_or_default();
                let reply = respond.status(Status::OK).content_type("text/plain; charset=utf-8");
                reply.send(name.as_bytes()).await
            }
            _ => self.0.call(exchange).await,
        }
    }
}

struct Still;

impl Clock for Still {
    fn now(&self) -> Option<UnixTime> {
        Some(black_box(TIME))
    }

    fn date(&self) -> Option<Date> {
        self.now().map(date)
    }
}

/// Both halves: what the client sent, and how much the server sent.
struct Wire<'o> {
    rx: Incoming<'o>,
    tx: Outgoing,
}

struct Incoming<'o>(&'o [u8]);

#[derive(Default)]
struct Outgoing(usize);

impl<'o> Transport for Wire<'o> {
    type Error = ErrorKind;
    type Rx = Incoming<'o>;
    type Tx = Outgoing;

    fn halves(&mut self) -> (&mut Incoming<'o>, &mut Outgoing) {
        (&mut self.rx, &mut self.tx)
    }
}

impl embedded_io::ErrorType for Incoming<'_> {
    type Error = ErrorKind;
}

impl embedded_io_async::Read for Incoming<'_> {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ErrorKind> {
        io::Read::read(&mut self.0, buffer).map_err(|_| ErrorKind::Other)
    }
}

impl Half for Incoming<'_> {}

impl embedded_io::ErrorType for Outgoing {
    type Error = ErrorKind;
}

impl embedded_io_async::Write for Outgoing {
    async fn write(&mut self, octets: &[u8]) -> Result<usize, ErrorKind> {
        self.0 += black_box(octets).len();
        Ok(octets.len())
    }

    async fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}

impl Half for Outgoing {}

impl Transmit for Outgoing {
    async fn close(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}

/// Sends `octets` so many times, each time when the replies to the last are there. Returns the octets
/// of all replies.
fn serve(service: impl Service, octets: &[u8], times: usize) -> usize {
    let server = Driver::new(service, Still, Limits::DESKTOP);
    let mut wire = Wire { rx: Incoming(b""), tx: Outgoing::default() };
    let (mut rx, mut tx) = (vec![0; server.limits.receive_buffer()], vec![0; TRANSMIT]);
    let mut fields = [FieldEntry::default(); FIELDS];
    for _ in 0..times {
        wire.rx.0 = octets;
        let buffers = Buffers { rx: &mut rx, tx: &mut tx, fields: &mut fields };
        let ended = block_on(server.serve(&mut wire, buffers), Waker::noop(), spin_loop);
        assert_eq!(ended, Ok(Ended::Idle), "the connection ended");
    }
    wire.tx.0
}

/// A service within what the commands have around theirs, when nothing is asked for.
struct Layered<S> {
    is_needed: bool,
    hosts: Hosts<'static, ()>,
    cors: Cors<'static, ()>,
    auth: BasicAuth<'static, (), Option<&'static [(&'static str, &'static str)]>>,
    inner: S,
}

impl<S: Service> Service for Layered<S> {
    async fn call<'c, T: Transport>(
        &'c self,
        mut exchange: Exchange<'c, T>,
    ) -> Result<Responded<'c, T>, Error<T::Error>> {
        if self.is_needed {
            let passed = async {
                let exchange = self.hosts.pass(exchange)?;
                self.auth.pass(self.cors.pass(exchange)?).await
            };
            match passed.await {
                Ok(passed) => exchange = passed,
                Err(responded) => return Ok(responded),
            }
        }
        self.inner.call(exchange).await
    }
}

fn layered<S: Service>(inner: S) -> impl Service {
    let auth = BasicAuth::new((), black_box(None));
    let cors = Cors::new(()).origins(black_box(&[]));
    Layered { is_needed: black_box(false), hosts: Hosts::new(()), cors, auth, inner }
}

fn main() -> io::Result<()> {
    let mut arguments = env::args().skip(1);
    let (Some(row), Some(times)) = (arguments.next(), arguments.next()) else {
        return Err(io::Error::other("usage: exchange ROW TIMES"));
    };
    let times = times.parse().map_err(io::Error::other)?;
    let image = || Bench(Site::new(IMAGE));
    let replied = match row.as_str() {
        "hello" => serve(image(), HELLO.as_bytes(), times),
        "hello16" => serve(image(), HELLO.repeat(16).as_bytes(), times),
        "browser" => serve(image(), BROWSER.as_bytes(), times),
        "missing" => serve(image(), MISSING.as_bytes(), times),
        "image" => serve(image(), FILE.as_bytes(), times),
        "folder" => {
            let root = TempDir::new()?;
            fs::write(root.path().join("1k.bin"), CONTENT)?;
            serve(Bench(Site::new(Folder::open(root.path())?)), FILE.as_bytes(), times)
        }
        "picture" | "text" | "made" | "beside" => {
            let root = TempDir::new()?;
            let path = root.path().join("1k.bin");
            fs::write(&path, CONTENT)?;
            let text = root.path().join("text.txt");
            fs::write(&text, CONTENT.repeat(10))?;
            // What gzip makes of it has about as many octets.
            fs::write(root.path().join("text.txt.gz"), [0; 64])?;
            if row != "beside" {
                fs::remove_file(root.path().join("text.txt.gz"))?;
            }
            thread::sleep(Duration::from_millis(100));
            let request = match row.as_str() {
                "picture" => FILE,
                "text" => "GET /text.txt HTTP/1.1\r\nHost: localhost\r\n\r\n",
                _ => "GET /text.txt HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n",
            };
            let folder = Folder::open(root.path())?;
            #[cfg(feature = "gzip")]
            let folder = folder.compress(thimble_host::folder::Compression::new());
            serve(Bench(Site::new(folder)), request.as_bytes(), times)
        }
        "form" => serve(image(), FORM.as_bytes(), times),
        // As in the commands, when nothing is asked for.
        "layered" => serve(layered(Bench(Site::new(Pages::new(IMAGE)))), HELLO.as_bytes(), times),
        "layered-file" => {
            serve(layered(Bench(Site::new(Pages::new(IMAGE)))), FILE.as_bytes(), times)
        }
        _ => return Err(io::Error::other(format!("there is no row {row}"))),
    };
    println!("{replied} octets of replies");
    Ok(())
}
