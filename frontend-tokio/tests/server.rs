//! What a server over tokio has besides what every server has.
#![cfg(target_os = "linux")]

use std::cell::Cell;
use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use thimble_tokio::{
    Answer, Deadlines, Exchange, Folder, Method, Options, Server, Service, Site, Status, Stop,
    Transport,
};

/// Counts its requests, in a cell that is no other thread's business, and says its thread.
#[derive(Default)]
struct Local {
    requests: Rc<Cell<u32>>,
}

impl Service for Local {
    async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
        if exchange.method() != Method::Get {
            return Ok(exchange.allow(&[Method::Get]));
        }
        self.requests.set(self.requests.get() + 1);
        let text = format!("{:?} {}", thread::current().id(), self.requests.get());
        exchange.respond(Status::OK).send(text.as_bytes()).await
    }
}

/// Runs `client` against a server, which is stopped afterwards, also after a failed assertion.
fn against(
    server: Server,
    run: impl FnOnce(Server) -> io::Result<()> + Send,
    client: impl FnOnce(SocketAddr) -> io::Result<()>,
) -> io::Result<()> {
    struct Stopping(Stop);
    impl Drop for Stopping {
        fn drop(&mut self) {
            self.0.stop();
        }
    }
    let (address, stop) = (server.local_addr()?, server.stop());
    thread::scope(|scope| {
        let run = scope.spawn(|| run(server));
        let stopping = Stopping(stop);
        let outcome = client(address);
        drop(stopping);
        run.join().unwrap_or_else(|_| Err(io::Error::other("a panic"))).and(outcome)
    })
}

fn connect(address: SocketAddr) -> io::Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    Ok(BufReader::new(stream))
}

/// The content of the reply to GET.
fn get(stream: &mut BufReader<TcpStream>, path: &str) -> io::Result<Vec<u8>> {
    write!(stream.get_mut(), "GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")?;
    let (mut line, mut length) = (String::new(), 0);
    loop {
        line.clear();
        if stream.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(value) = line.strip_prefix("Content-Length: ") {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut content = vec![0; length];
    stream.read_exact(&mut content)?;
    Ok(content)
}

#[test]
fn each_thread_has_a_service_of_its_own_and_a_share_of_the_clients() -> io::Result<()> {
    let server = Server::bind("127.0.0.1:0")?.threads(3);
    against(
        server,
        |server| server.run_each(Local::default),
        |address| {
            let mut threads = std::collections::BTreeMap::<String, u32>::new();
            let mut connections = Vec::new();
            for _ in 0..200 {
                let mut stream = connect(address)?;
                let said = String::from_utf8_lossy(&get(&mut stream, "/")?).into_owned();
                let (thread, count) = said.rsplit_once(' ').unwrap_or_default();
                let requests = threads.entry(thread.to_owned()).or_default();
                *requests += 1;
                assert_eq!(count, requests.to_string(), "{thread}");
                connections.push(stream);
            }
            assert_eq!(threads.len(), 3, "{threads:?}");
            Ok(())
        },
    )
}

#[test]
fn a_port_in_use_is_an_error_though_threads_share_theirs() -> io::Result<()> {
    let server = Server::bind("127.0.0.1:0")?.threads(2);
    against(
        server,
        |server| server.run_each(Local::default),
        |address| {
            get(&mut connect(address)?, "/")?;
            let error = Server::bind(address).err().map(|error| error.kind());
            assert_eq!(error, Some(io::ErrorKind::AddrInUse));
            Ok(())
        },
    )?;
    // A listener that shares its port with others of this user is one in use as well.
    let taken = TcpListener::bind("127.0.0.1:0")?;
    assert!(Server::bind(taken.local_addr()?).is_err());
    Ok(())
}

/// However many threads there are, a place goes to whoever's client is here.
#[test]
fn places_are_shared_by_all_threads() -> io::Result<()> {
    let server = Server::bind("127.0.0.1:0")?.threads(4).max_conns(1);
    against(
        server,
        |server| server.run_each(Local::default),
        |address| {
            for _ in 0..50 {
                get(&mut connect(address)?, "/")?;
            }
            Ok(())
        },
    )
}

#[test]
fn files_of_every_size_come_whole() -> io::Result<()> {
    let root = tempfile::tempdir()?;
    let content: Vec<u8> =
        (0_u32..800_000).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    let sizes = [0, 1, 24 * 1024, 24 * 1024 + 1, 32 * 1024, 53 * 1024, 512 * 1024, 3_000_000];
    for size in sizes {
        fs::write(root.path().join(size.to_string()), &content[..size])?;
    }
    thread::sleep(Duration::from_millis(80));
    let site = Site::new(Folder::open(root.path())?);
    against(
        Server::bind("127.0.0.1:0")?.threads(2),
        |server| server.run(site),
        |address| {
            let mut stream = connect(address)?;
            for _ in 0..3 {
                for size in sizes {
                    let got = get(&mut stream, &format!("/{size}"))?;
                    assert!(got == content[..size], "{size}: {}", got.len());
                }
            }
            // Replaced between two requests.
            fs::write(root.path().join("new"), "new")?;
            fs::rename(root.path().join("new"), root.path().join("1"))?;
            assert_eq!(get(&mut stream, "/1")?, b"new");
            Ok(())
        },
    )
}

/// A file that isn't in memory is read by another thread, and comes whole all the same.
#[test]
fn a_cold_file_comes_whole() -> io::Result<()> {
    use rustix::fs::{Advice, fadvise};
    let root = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let content: Vec<u8> = (0_u32..1_000_000).flat_map(u32::to_le_bytes).collect();
    let path = root.path().join("large");
    fs::write(&path, &content)?;
    let site = Site::new(Folder::open(root.path())?);
    against(
        Server::bind("127.0.0.1:0")?.threads(1),
        |server| server.run(site),
        |address| {
            let mut stream = connect(address)?;
            for _ in 0..3 {
                let file = fs::File::open(&path)?;
                file.sync_all()?;
                fadvise(&file, 0, None, Advice::DontNeed)?;
                assert!(get(&mut stream, "/large")? == content);
            }
            Ok(())
        },
    )
}

#[test]
fn one_connection_in_a_runtime_of_ones_own_ends_by_deadline_and_by_stop() -> io::Result<()> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let mut deadlines = Deadlines::default();
    deadlines.idle = Duration::from_millis(400);
    let stop = Stop::new();
    let (usual, brief) =
        (Options::default().stop(stop.clone()), Options::default().deadlines(deadlines));
    let root = tempfile::tempdir()?;
    fs::write(root.path().join("file"), "content")?;
    let site = std::sync::Arc::new(Site::new(Folder::open(root.path())?));
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let serve = |options: Options| -> io::Result<_> {
        let client = connect(address)?;
        let (stream, _) = listener.accept()?;
        stream.set_nonblocking(true)?;
        let _runtime = runtime.enter();
        let stream = tokio::net::TcpStream::from_std(stream)?;
        let site = std::sync::Arc::clone(&site);
        let task = runtime.spawn(async move { options.serve(stream, &*site).await });
        Ok((client, task))
    };
    let (mut usual, mut brief) = (serve(usual)?, serve(brief)?);
    for (client, _) in [&mut usual, &mut brief] {
        assert_eq!(get(client, "/file")?, b"content");
    }
    let begun = Instant::now();
    assert_eq!(brief.0.read(&mut [0])?, 0);
    let took = begun.elapsed();
    assert!(took > Duration::from_millis(300) && took < Duration::from_secs(5), "{took:?}");
    assert!(!usual.1.is_finished());
    let begun = Instant::now();
    stop.stop();
    assert_eq!(usual.0.read(&mut [0])?, 0);
    assert!(begun.elapsed() < Duration::from_secs(1));
    for (_, task) in [usual, brief] {
        assert!(runtime.block_on(task).is_ok_and(|ended| ended.is_ok()));
    }
    // A client that says nothing at all has the same time.
    let options = Options::default().deadlines(deadlines);
    let (mut silent, task) = serve(options)?;
    assert_eq!(silent.read(&mut [0])?, 0);
    assert!(runtime.block_on(task).is_ok());
    Ok(())
}

#[test]
fn a_listener_in_a_runtime_of_ones_own_is_served_until_it_is_stopped() -> io::Result<()> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let root = tempfile::tempdir()?;
    fs::write(root.path().join("file"), "content")?;
    let site = std::sync::Arc::new(Site::new(Folder::open(root.path())?));
    let stop = Stop::new();
    let options = Options::default().stop(stop.clone());
    let (address, serving) = runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let serving = options.serve_each(listener, move |stream, options| {
            let site = std::sync::Arc::clone(&site);
            async move { options.serve(stream, &*site).await }
        });
        io::Result::Ok((address, tokio::spawn(serving)))
    })?;
    let (mut first, mut second) = (connect(address)?, connect(address)?);
    for _ in 0..2 {
        assert_eq!(get(&mut first, "/file")?, b"content");
        assert_eq!(get(&mut second, "/file")?, b"content");
    }
    assert!(!serving.is_finished());
    stop.stop();
    runtime.block_on(serving)?;
    assert_eq!((first.read(&mut [0])?, second.read(&mut [0])?), (0, 0));
    assert!(TcpStream::connect(address).is_err());
    Ok(())
}

#[test]
fn so_is_a_unix_socket() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let root = tempfile::tempdir()?;
    fs::write(root.path().join("file"), "content")?;
    let site = std::sync::Arc::new(Site::new(Folder::open(root.path())?));
    let path = root.path().join("socket");
    let stop = Stop::new();
    let options = Options::default().stop(stop.clone());
    let listener = {
        let _runtime = runtime.enter();
        tokio::net::UnixListener::bind(&path)?
    };
    let serving = options.serve_each(listener, move |stream, options| {
        let site = std::sync::Arc::clone(&site);
        async move { options.serve(stream, &*site).await }
    });
    thread::scope(|scope| {
        let client = scope.spawn(|| {
            let mut stream = UnixStream::connect(&path)?;
            write!(stream, "GET /file HTTP/1.0\r\n\r\n")?;
            let mut reply = String::new();
            stream.read_to_string(&mut reply)?;
            stop.stop();
            io::Result::Ok(reply)
        });
        runtime.block_on(serving);
        let reply = client.join().unwrap_or_else(|_| Err(io::Error::other("a panic")))?;
        assert!(reply.ends_with("\r\n\r\ncontent"), "{reply}");
        Ok(())
    })
}
