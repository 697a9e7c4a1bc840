//! A server with a service of its own, over real sockets: the same for each frontend.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use thimble_tests::until::until;

use super::frontend::{
    Answer, Deadlines, Event, Exchange, Limits, Log, Method, Server, Service, Status, Stop,
    Transport,
};

/// Greets, echoes, swallows, sends much, and panics, as it is asked.
pub(crate) struct Rooms;

/// As many octets as no kernel holds at once.
static MUCH: LazyLock<Vec<u8>> = LazyLock::new(|| vec![b'x'; LARGE]);
const LARGE: usize = 32 << 20;

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("as the client asked")
    }
}

impl Service for Rooms {
    async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
        match (exchange.method(), exchange.segments()) {
            (Method::Get, ["hello"]) => Ok(exchange.respond(Status::OK).text("hello\n")),
            (Method::Get, ["large"]) => Ok(exchange.respond(Status::OK).content(&MUCH)),
            (Method::Get, ["panic"]) => panic!("as the client asked"),
            (Method::Get, ["panic-twice"]) => std::panic::panic_any(Bomb),
            (Method::Post, ["late-panic"]) => {
                let mut out = exchange.respond(Status::OK).stream();
                out.write(b"some of it").await?;
                panic!("as the client asked")
            }
            (Method::Post, ["echo"]) => {
                let (mut body, respond) = exchange.open().await?;
                let mut out = respond.status(Status::OK).stream();
                while let Some(piece) = body.chunk().await? {
                    out.write(piece).await?;
                }
                out.finish()
            }
            (Method::Post, ["sink"]) => {
                let (mut body, respond) = exchange.open().await?;
                while body.chunk().await?.is_some() {}
                Ok(respond.status(Status::NO_CONTENT).empty())
            }
            (Method::Get, ["wrong"]) => {
                Ok(exchange.respond(Status::OK).field("Connection", "close").text("never sent"))
            }
            (Method::Get, ["addresses"]) => {
                let (peer, local) = (exchange.peer(), exchange.local());
                let text = format!("{peer:?} {local:?} {}", exchange.is_secure());
                exchange.respond(Status::OK).send(text.as_bytes()).await
            }
            (Method::Get, ["events"]) => {
                let mut events = exchange.events().await?;
                let last =
                    events.last_id().and_then(|id| id.parse::<u32>().ok()).unwrap_or_default();
                for number in [1, 2] {
                    let number = last.saturating_add(number).to_string();
                    let event = Event::new("two\nlines").name("count").id(&number);
                    // As one that comes later.
                    let pause = || thread::sleep(Duration::from_millis(10));
                    if events.wait(async { pause() }).await.is_some() {
                        events.send(&event).await?;
                    }
                }
                events.keep_alive().await?;
                // Nothing else ever happens.
                let more = events.wait(std::future::pending::<()>()).await;
                assert!(more.is_none() && !events.is_open());
                events.finish()
            }
            (Method::Get, ["pieces", count]) => {
                let count = count.parse().unwrap_or(0);
                // Others say what they have to say.
                thread::sleep(Duration::from_millis(10));
                let mut out = exchange.respond(Status::OK).stream();
                for _ in 0..count {
                    out.write(b"piece").await?;
                    out.flush().await?;
                }
                out.finish()
            }
            (Method::Get, ["broken"]) => Ok(exchange.fail(&"no such\ntable")),
            _ => Ok(exchange.respond(Status::NOT_FOUND).empty()),
        }
    }
}

/// Runs `client` against a server, which is stopped afterwards, also after a failed assertion.
fn against<R>(
    set_up: impl FnOnce(Server) -> Server,
    client: impl FnOnce(SocketAddr, &Stop) -> io::Result<R>,
) -> io::Result<R> {
    struct Stopping<'a>(&'a Stop);
    impl Drop for Stopping<'_> {
        fn drop(&mut self) {
            self.0.stop();
        }
    }
    let server = set_up(Server::bind("127.0.0.1:0")?);
    let (address, stop) = (server.local_addr()?, server.stop());
    thread::scope(|scope| {
        let run = scope.spawn(|| super::run(server));
        let stopping = Stopping(&stop);
        let outcome = client(address, &stop);
        drop(stopping);
        run.join().unwrap_or_else(|_| Err(io::Error::other("a panic")))?;
        outcome
    })
}

fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    Ok(stream)
}

fn send(mut stream: &TcpStream, request: &str) -> io::Result<()> {
    stream.write_all(request.as_bytes())
}

/// What arrives until the end.
fn rest(mut stream: &TcpStream) -> io::Result<String> {
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply)?;
    Ok(String::from_utf8_lossy(&reply).into_owned())
}

/// What arrives at once.
fn some(mut stream: &TcpStream) -> io::Result<String> {
    let mut reply = [0; 4096];
    let count = stream.read(&mut reply)?;
    Ok(String::from_utf8_lossy(reply.get(..count).unwrap_or_default()).into_owned())
}

/// Waits until the reply has begun, and reads nothing of it.
fn await_reply(stream: &TcpStream) -> io::Result<()> {
    assert_eq!(stream.peek(&mut [0])?, 1, "the server closes");
    Ok(())
}

/// A client in the middle of a request to `/echo`, as the server knows: two octets are missing.
fn half_sent(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = connect(address)?;
    send(
        &stream,
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n",
    )?;
    assert_eq!(some(&stream)?, "HTTP/1.1 100 Continue\r\n\r\n");
    send(&stream, "a")?;
    Ok(stream)
}

const HELLO: &str = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n";

fn brief() -> Deadlines {
    let mut deadlines = Deadlines::default();
    deadlines.idle = Duration::from_millis(1500);
    deadlines.head = Duration::from_millis(800);
    deadlines.content = Duration::from_millis(900);
    deadlines.reply = Duration::from_millis(900);
    deadlines.linger = Duration::from_millis(300);
    deadlines
}

#[test]
fn it_serves_one_request_after_another() -> io::Result<()> {
    against(
        |server| server,
        |address, _| {
            let stream = connect(address)?;
            for _ in 0..3 {
                send(&stream, HELLO)?;
                assert!(some(&stream)?.ends_with("\r\n\r\nhello\n"));
            }
            send(&stream, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")?;
            assert!(some(&stream)?.starts_with("HTTP/1.1 200 "));
            Ok(())
        },
    )
}

#[test]
fn a_client_that_half_closes_gets_its_whole_reply() -> io::Result<()> {
    against(
        |server| server,
        |address, _| {
            let stream = connect(address)?;
            send(&stream, "GET /large HTTP/1.1\r\nHost: a\r\n\r\n")?;
            stream.shutdown(Shutdown::Write)?;
            assert!(rest(&stream)?.len() > LARGE);
            Ok(())
        },
    )
}

/// However many calls a server gives to one connection before others have their turn.
#[test]
fn a_client_that_has_half_closed_leaves_with_its_reply_and_others_go_on() -> io::Result<()> {
    let get = |count| format!("GET /pieces/{count} HTTP/1.1\r\nHost: a\r\n\r\n");
    against(
        |server| server,
        |address, _| {
            for count in 0..40 {
                let (other, stream) = (connect(address)?, connect(address)?);
                send(&stream, HELLO)?;
                assert!(some(&stream)?.ends_with("hello\n"));
                send(&other, &get(1))?;
                // While that is answered, the request comes together with the end.
                thread::sleep(Duration::from_millis(3));
                send(&stream, &get(count))?;
                stream.shutdown(Shutdown::Write)?;
                assert_eq!(rest(&stream)?.matches("piece").count(), count);
                send(&other, HELLO)?;
                other.shutdown(Shutdown::Write)?;
                assert!(rest(&other)?.ends_with("hello\n"));
            }
            Ok(())
        },
    )
}

#[test]
fn deadlines_end_what_waits() -> io::Result<()> {
    // What is sent, what is sent every 50 ms from then on, what comes, and after how many ms.
    let cases = [
        ("", "", "", 1500),
        (HELLO, "", "HTTP/1.1 200 ", 1500),
        ("GET /hello HT", "", "HTTP/1.1 408 ", 800),
        ("GET /hello HTTP/1.1\r\n", "a: b\r\n", "HTTP/1.1 408 ", 800),
        ("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n", "", "HTTP/1.1 408 ", 900),
        (
            "POST /sink HTTP/1.1\r\nHost: a\r\nContent-Length: 999\r\n\r\n",
            "x",
            "HTTP/1.1 408 ",
            900,
        ),
    ];
    against(
        |server| server.deadlines(brief()),
        |address, _| {
            thread::scope(|scope| {
                let runs: Vec<_> = cases
                    .iter()
                    .map(|(first, drip, start, millis)| {
                        scope.spawn(move || -> io::Result<()> {
                            let begun = Instant::now();
                            let mut stream = connect(address)?;
                            send(&stream, first)?;
                            let mut reply = Vec::new();
                            if drip.is_empty() {
                                stream.read_to_end(&mut reply)?;
                            } else {
                                stream.set_read_timeout(Some(Duration::from_millis(50)))?;
                                let mut piece = [0; 1024];
                                loop {
                                    match stream.read(&mut piece) {
                                        Ok(0) => break,
                                        Ok(count) => reply.extend_from_slice(&piece[..count]),
                                        Err(error) if error.kind() != io::ErrorKind::WouldBlock => {
                                            break;
                                        }
                                        Err(_) if begun.elapsed() > Duration::from_secs(10) => {
                                            break;
                                        }
                                        Err(_) => (),
                                    }
                                    if stream.write_all(drip.as_bytes()).is_err() {
                                        break;
                                    }
                                }
                            }
                            let took = begun.elapsed();
                            let reply = String::from_utf8_lossy(&reply);
                            assert!(reply.starts_with(start), "{first:?}: {reply:?}");
                            assert_eq!(reply.is_empty(), start.is_empty(), "{first:?}: {reply:?}");
                            let late = took.saturating_sub(Duration::from_millis(*millis));
                            assert!(
                                took >= Duration::from_millis(millis - 50),
                                "{first:?}: {took:?}"
                            );
                            assert!(late < Duration::from_millis(1500), "{first:?}: {took:?}");
                            Ok(())
                        })
                    })
                    .collect();
                runs.into_iter().try_for_each(|run| {
                    run.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
                })
            })
        },
    )
}

#[test]
fn a_client_that_reads_nothing_is_cut_and_one_that_reads_slowly_is_not() -> io::Result<()> {
    let deadlines = brief();
    against(
        |server| server.deadlines(deadlines),
        |address, stop| {
            let request = "GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
            let (stalled, mut slow) = (connect(address)?, connect(address)?);
            send(&stalled, request)?;
            send(&slow, request)?;
            let mut count = 0;
            let mut piece = vec![0; 1 << 20];
            let begun = Instant::now();
            while begun.elapsed() < Duration::from_secs(4) {
                count += slow.read(&mut piece)?;
                thread::sleep(Duration::from_millis(100));
            }
            count += rest(&slow)?.len();
            assert!(count > LARGE, "{count}");
            let got = rest(&stalled).map_or(0, |reply| reply.len());
            assert!(got < LARGE, "{got}");
            // Nothing of either is left.
            stop.stop();
            Ok(())
        },
    )
}

#[test]
fn a_panic_is_answered_and_harms_nobody_else() -> io::Result<()> {
    against(
        |server| server.max_conns(1),
        |address, _| {
            let stream = connect(address)?;
            send(&stream, "GET /panic HTTP/1.1\r\nHost: a\r\n\r\n")?;
            assert!(some(&stream)?.starts_with("HTTP/1.1 500 "));
            send(&stream, "POST /late-panic HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")?;
            let reply = rest(&stream).unwrap_or_default();
            assert!(!reply.contains(" 500 ") && !reply.ends_with("0\r\n\r\n"), "{reply}");
            let stream = connect(address)?;
            send(&stream, HELLO)?;
            assert!(some(&stream)?.ends_with("hello\n"));
            Ok(())
        },
    )
}

#[test]
fn stopping_finishes_what_is_in_flight() -> io::Result<()> {
    against(
        |server| server,
        |address, stop| {
            let (idle, half, large) = (connect(address)?, half_sent(address)?, connect(address)?);
            send(&idle, HELLO)?;
            assert!(some(&idle)?.ends_with("hello\n"));
            send(&large, "GET /large HTTP/1.1\r\nHost: a\r\n\r\n")?;
            await_reply(&large)?;
            stop.stop();
            let begun = Instant::now();
            assert_eq!(rest(&idle)?, "");
            assert!(
                begun.elapsed() < Duration::from_millis(500),
                "an idle connection ends at once"
            );
            send(&half, "bc")?;
            let reply = rest(&half)?;
            assert!(reply.starts_with("HTTP/1.1 200 ") && reply.contains("bc"), "{reply:?}");
            assert!(rest(&large)?.len() > LARGE);
            assert!(TcpStream::connect(address).is_err());
            Ok(())
        },
    )
}

#[test]
fn events_are_sent_at_once_and_end_when_it_stops() -> io::Result<()> {
    against(
        |server| server,
        |address, stop| {
            let begun = Instant::now();
            let stream = connect(address)?;
            send(&stream, "GET /events HTTP/1.1\r\nHost: a\r\nLast-Event-ID: 6\r\n\r\n")?;
            let mut reply = String::new();
            while !reply.contains(":\n\n") {
                let more = some(&stream)?;
                assert!(!more.is_empty(), "{reply}");
                reply += &more;
            }
            let (head, content) = reply.split_once("\r\n\r\n").unwrap_or_default();
            for field in ["Content-Type: text/event-stream", "Cache-Control: no-store"] {
                assert!(head.contains(field), "{head}");
            }
            for id in [7, 8] {
                let event = format!("event: count\nid: {id}\ndata: two\ndata: lines\n\n");
                assert!(content.contains(&event), "{content}");
            }
            // Without a body, it ends at once.
            let head = connect(address)?;
            send(&head, "HEAD /events HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")?;
            assert!(rest(&head)?.ends_with("\r\n\r\n"));
            stop.stop();
            assert!(rest(&stream)?.ends_with("0\r\n\r\n"));
            assert!(begun.elapsed() < Duration::from_secs(10));
            Ok(())
        },
    )
}

/// Nobody waits for what the next process tells.
#[test]
fn events_end_when_it_leaves_clients_to_others() -> io::Result<()> {
    against(
        |server| server,
        |address, stop| {
            let streams = (0..3).map(|_| connect(address)).collect::<io::Result<Vec<_>>>()?;
            for stream in &streams {
                send(stream, "GET /events HTTP/1.1\r\nHost: a\r\n\r\n")?;
                let mut reply = String::new();
                while !reply.contains(":\n\n") {
                    reply += &some(stream)?;
                }
            }
            stop.retire();
            for stream in &streams {
                assert!(some(stream)?.ends_with("0\r\n\r\n"));
            }
            Ok(())
        },
    )
}

#[test]
fn a_request_on_its_way_when_it_stops_is_answered_or_not_taken() -> io::Result<()> {
    for round in 0..100 {
        against(
            |server| server,
            |address, stop| {
                let stream = connect(address)?;
                send(&stream, HELLO)?;
                some(&stream)?;
                let (head, content) =
                    ("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n", "abc");
                let stopper = stop.clone();
                let stopping = thread::spawn(move || {
                    thread::sleep(Duration::from_micros(round * 2));
                    stopper.stop();
                });
                let sent = send(&stream, head);
                thread::sleep(Duration::from_millis(5));
                let sent = sent.and_then(|()| send(&stream, content));
                let reply = rest(&stream).unwrap_or_default();
                assert!(stopping.join().is_ok());
                // Either nothing came of it, and the client may try again; or all of it.
                let whole =
                    reply.starts_with("HTTP/1.1 200 ") && reply.contains("abc") && sent.is_ok();
                assert!(reply.is_empty() || whole, "{reply:?}");
                Ok(())
            },
        )?;
    }
    Ok(())
}

/// A log that can be read.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<u8>>>);

impl io::Write for Notes {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn the_log_has_heads_and_a_line_for_each_reply() -> io::Result<()> {
    let notes = Notes::default();
    let log = Log::to(notes.clone()).with_access().with_heads();
    against(
        |server| server.log(log.clone()),
        |address, _| {
            let stream = connect(address)?;
            send(&stream, "GET /hello HTTP/1.1\r\nHost: a\r\nX: \u{e9}\r\n\r\n")?;
            some(&stream)?;
            send(&stream, "GET /none HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")?;
            rest(&stream).map(drop)
        },
    )?;
    log.flush(Duration::from_secs(5));
    let text = notes.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let text = String::from_utf8_lossy(&text);
    let wanted = [
        "< GET /hello HTTP/1.1",
        "< Host: a",
        "< X: \\xc3\\xa9",
        "> HTTP/1.1 ",
        "> Content-Length: ",
        "127.0.0.1 - - [",
    ];
    let mut lines = text.lines();
    for start in wanted {
        assert!(lines.any(|line| line.starts_with(start)), "{start} is not in {text}");
    }
    assert!(text.contains("] \"GET /none HTTP/1.1\" 404 -\n"), "{text}");
    assert!(text.bytes().all(|octet| octet == b'\n' || (b' '..=b'~').contains(&octet)), "{text}");
    Ok(())
}

#[test]
fn the_log_says_what_the_application_did_wrong() -> io::Result<()> {
    let notes = Notes::default();
    let log = Log::to(notes.clone());
    against(
        |server| server.log(log.clone()),
        |address, _| {
            let stream = connect(address)?;
            for path in ["wrong", "broken", "panic"] {
                send(&stream, &format!("GET /{path} HTTP/1.1\r\nHost: a\r\n\r\n"))?;
                let reply = some(&stream)?;
                assert!(reply.starts_with("HTTP/1.1 500 "), "{reply}");
                assert!(!reply.contains("table"), "{reply}");
            }
            Ok(())
        },
    )?;
    log.flush(Duration::from_secs(5));
    let text = notes.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let text = String::from_utf8_lossy(&text);
    for line in [
        "\"GET /wrong HTTP/1.1\" 500 failed: Connection, Content-Length, ",
        "\"GET /broken HTTP/1.1\" 500 failed: no such\\x0atable\n",
        "\"GET /panic HTTP/1.1\" 500 failed: the service panicked\n",
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
    assert_eq!(text.lines().count(), 3, "{text}");
    Ok(())
}

#[test]
fn a_service_knows_the_addresses_of_a_connection() -> io::Result<()> {
    against(
        |server| server,
        |address, _| {
            let stream = connect(address)?;
            send(&stream, "GET /addresses HTTP/1.1\r\nHost: a\r\n\r\n")?;
            let expected = format!("Some({}) Some({address}) false", stream.local_addr()?);
            let reply = some(&stream)?;
            assert!(reply.ends_with(&expected), "{reply}");
            Ok(())
        },
    )
}

#[test]
fn limits_are_those_that_are_set() -> io::Result<()> {
    let mut limits = Limits::DESKTOP;
    limits.request_line = 20;
    against(
        |server| server.limits(limits),
        |address, _| {
            let stream = connect(address)?;
            send(&stream, "GET /too-long-for-that HTTP/1.1\r\nHost: a\r\n\r\n")?;
            assert!(rest(&stream)?.starts_with("HTTP/1.1 414 "));
            Ok(())
        },
    )
}

#[test]
fn the_idlest_gives_way_to_a_client_that_waits() -> io::Result<()> {
    against(
        |server| server.max_conns(4),
        |address, _| {
            let idle: Vec<_> = (0..4).map(|_| connect(address)).collect::<io::Result<_>>()?;
            for stream in &idle {
                send(stream, HELLO)?;
                assert!(some(stream)?.ends_with("hello\n"));
                // The first one is the idlest.
                thread::sleep(Duration::from_millis(100));
            }
            let begun = Instant::now();
            let new = connect(address)?;
            send(&new, HELLO)?;
            assert!(some(&new)?.ends_with("hello\n"));
            // The deadline of an idle connection is 30 s.
            assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
            let mut idle = idle.into_iter();
            assert_eq!(idle.next().map(|first| rest(&first)).transpose()?.as_deref(), Some(""));
            let last = idle.next_back();
            if let Some(stream) = &last {
                send(stream, HELLO)?;
                assert!(some(stream)?.ends_with("hello\n"), "only one had to go");
            }
            Ok(())
        },
    )
}

/// Each that says nothing gives way at once, not one a second.
#[test]
fn many_that_are_silent_keep_nobody_waiting() -> io::Result<()> {
    against(
        |server| server.max_conns(2),
        |address, _| {
            let silent: Vec<_> = (0..100).map(|_| connect(address)).collect::<io::Result<_>>()?;
            let begun = Instant::now();
            let new = connect(address)?;
            send(&new, HELLO)?;
            assert!(some(&new)?.ends_with("hello\n"));
            assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
            drop(silent);
            Ok(())
        },
    )
}

#[test]
fn nobody_gives_way_in_the_middle_of_a_request() -> io::Result<()> {
    against(
        |server| server.max_conns(2),
        |address, _| {
            let (half, other) = (half_sent(address)?, half_sent(address)?);
            let new = connect(address)?;
            send(&new, HELLO)?;
            thread::sleep(Duration::from_secs(3));
            for stream in [&half, &other] {
                send(stream, "bc")?;
                let reply = some(stream)?;
                assert!(reply.starts_with("HTTP/1.1 200 "), "{reply}");
            }
            assert!(some(&new)?.ends_with("hello\n"));
            Ok(())
        },
    )
}

#[test]
fn a_client_that_sends_all_before_it_reads_gets_the_refusal() -> io::Result<()> {
    against(
        |server| server,
        |address, _| {
            let content = vec![b'x'; 8 << 20];
            for (head, framing) in [
                ("POST /none HTTP/1.1\r\nHost: a\r\n", "Content-Length: 8388608\r\n\r\n"),
                ("POST /none HTTP/1.0\r\n", "Content-Length: 8388608\r\n\r\n"),
                (
                    "POST /none HTTP/1.1\r\nHost: a\r\n",
                    "Transfer-Encoding: chunked\r\n\r\n800000\r\n",
                ),
                ("POST / HTTP/1.1\r\nHost: a\r\nHost: b\r\n", "\r\n"),
            ] {
                let mut stream = connect(address)?;
                send(&stream, head)?;
                send(&stream, framing)?;
                for piece in content.chunks(1 << 20) {
                    stream.write_all(piece)?;
                    thread::sleep(Duration::from_millis(20));
                }
                let reply = some(&stream)?;
                assert!(reply.starts_with("HTTP/1.1 4"), "{head}: {reply}");
            }
            Ok(())
        },
    )
}

#[test]
fn an_octet_too_many_takes_nothing_from_the_reply() -> io::Result<()> {
    against(
        |server| server,
        |address, _| {
            for late in ["\r\n", HELLO] {
                let stream = connect(address)?;
                let request = "GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
                send(&stream, request)?;
                await_reply(&stream)?;
                send(&stream, late)?;
                assert!(rest(&stream)?.len() > LARGE);
            }
            Ok(())
        },
    )
}

#[test]
fn a_reply_that_is_cut_ends_by_a_reset() -> io::Result<()> {
    against(
        |server| server.deadlines(brief()),
        |address, _| {
            let stream = connect(address)?;
            send(&stream, "GET /large HTTP/1.0\r\n\r\n")?;
            let end = until("the end of the connection", Duration::from_secs(10), || {
                stream.take_error().transpose()
            })?;
            assert_eq!(end.kind(), io::ErrorKind::ConnectionReset);
            Ok(())
        },
    )
}

/// A reply whose length only its end tells: a client that is told to have all of it would be wrong.
#[test]
fn what_is_cut_after_the_stop_ends_by_a_reset() -> io::Result<()> {
    against(
        |server| server,
        |address, stop| {
            let (waits, busy) = (connect(address)?, connect(address)?);
            send(&waits, "POST /echo HTTP/1.0\r\nContent-Length: 100001\r\n\r\n")?;
            send(&waits, &"x".repeat(100_000))?;
            await_reply(&waits)?;
            send(&busy, "GET /large HTTP/1.0\r\n\r\n")?;
            await_reply(&busy)?;
            stop.stop();
            until("both wait for their clients", Duration::from_secs(10), || {
                (stop.unfinished() == 2).then_some(())
            });
            stop.cut();
            for stream in [&waits, &busy] {
                let end = rest(stream).err().map(|error| error.kind());
                assert_eq!(end, Some(io::ErrorKind::ConnectionReset));
            }
            Ok(())
        },
    )
}

#[test]
fn clients_in_the_queue_are_served_when_it_stops() -> io::Result<()> {
    against(
        |server| server.max_conns(1),
        |address, stop| {
            let half = half_sent(address)?;
            let queued: Vec<_> = (0..50).map(|_| connect(address)).collect::<io::Result<_>>()?;
            for stream in &queued {
                send(stream, HELLO)?;
            }
            stop.stop();
            send(&half, "bc")?;
            assert!(rest(&half)?.contains("bc"));
            for stream in queued {
                assert!(some(&stream)?.ends_with("hello\n"));
            }
            Ok(())
        },
    )
}

#[test]
fn a_panic_that_panics_again_loses_no_earlier_reply() -> io::Result<()> {
    against(
        |server| server,
        |address, _| {
            let stream = connect(address)?;
            let bomb = "GET /panic-twice HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
            send(&stream, &[HELLO, HELLO, bomb].concat())?;
            let replies = rest(&stream)?;
            assert_eq!(replies.matches("\r\n\r\nhello\n").count(), 2, "{replies}");
            assert!(replies.contains("HTTP/1.1 500 "), "{replies}");
            Ok(())
        },
    )
}
