//! The firmware on a microcontroller that QEMU emulates.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::collections::HashSet;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use thimble_image::Builder;
use thimble_tests::cases::{self, Case, End, Root, Setting, Sizes};
use thimble_tests::client::Client;
use thimble_tests::converse::converse;
use thimble_tests::fixture;
use thimble_tests::folder::site;
use thimble_tests::memory::Then;
use thimble_tests::qemu::Guest;
use thimble_tests::replay::{Replay, entity_tag, entity_tag_request};
use thimble_tests::report::report;
use thimble_tests::transcript::{FOLLOW_UP, Transcript};

const IMAGE: &str = "thimble-lm3s6965evb";
/// Octets of stack that are never used, whatever happens.
const SPARE: usize = 3072;

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: thimble\r\n\r\n")
}

fn post(form: &str) -> String {
    let length = form.len();
    format!(
        "POST / HTTP/1.1\r\nHost: thimble\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {length}\r\n\r\n{form}"
    )
}

#[test]
fn every_row_is_answered_as_by_a_server_in_memory() {
    let above = TempDir::with_prefix("thimble-").unwrap();
    let open = |root: Root| {
        let folder = above.path().join(root.name());
        if !folder.exists() {
            fixture::write(root.name(), &folder).unwrap();
        }
        Builder::new(folder).gzip(false).hidden(true).leak().unwrap()
    };
    // It knows no time.
    let all = cases::all_asking(|root, path, coding| {
        let setting = Setting { root, ..Setting::USUAL };
        let request = entity_tag_request(path, coding);
        let mut replay = Replay::of_a_device(setting, open(root));
        entity_tag(replay.run_all(&[&request], Then::Wait).as_ref().ok(), coding)
    });
    let all = all.unwrap();
    let unclocked = |case: &Case| Setting { clock: false, ..case.setting };
    for setting in all.iter().map(unclocked).collect::<HashSet<_>>() {
        let mut cases = all.clone();
        cases.retain(|case| unclocked(case) == setting);
        let mut replay = Replay::of_a_device(setting, open(setting.root));
        let mut flags = Vec::new();
        for (flag, is_set) in [
            ("small", setting.limits == Sizes::Small),
            ("404", setting.root == Root::Fixture404),
            ("no-listing", !setting.listing),
            ("hidden", setting.hidden),
        ] {
            flags.extend(is_set.then_some(flag));
        }
        let guest = Guest::boot_with("cases", &flags);
        report(&cases, |case| {
            let memory = match replay.run(case, &[&case.send]) {
                Ok(transcript) => transcript.without_interim(),
                Err(fault) => return vec![fault],
            };
            let follow_up = if case.end == End::Open && !case.shut { FOLLOW_UP } else { b"" };
            let sent = [&case.send, follow_up].concat();
            let guest = converse(&sent, case.shut, guest.address())
                .and_then(|output| Transcript::read(&output, &memory.to_head(), memory.closed));
            match guest {
                Ok(guest) if guest.without_interim() == memory => Vec::new(),
                Ok(guest) => vec![format!("by the guest:\n{guest}\n  in memory:\n{memory}")],
                Err(fault) => vec![format!("by the guest: {fault}")],
            }
        });
    }
}

#[test]
fn the_readme_handler_runs_unchanged() {
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md")).unwrap();
    let image =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../frontend-smoltcp/firmware/src/bin/hello.rs");
    let image = fs::read_to_string(image).unwrap();
    let handler = readme.split("struct Hello;").nth(1).unwrap().split("fn main").next().unwrap();
    assert!(image.contains(handler), "the handler of `hello` is not the README's");

    let guest = Guest::boot("hello");
    let mut client = guest.connect();
    client.send(get("/")).unwrap();
    assert_eq!(client.reply().unwrap().content, b"Hello, world!\n");
    client.send(post("name=Ada").replace("POST /", "POST /hello")).unwrap();
    assert_eq!(client.reply().unwrap().content, b"Ada");
}

#[test]
fn pages_picture_form_and_status() {
    let guest = Guest::boot(IMAGE);
    let mut client = guest.connect();
    for (path, file) in
        [("/", "index.html"), ("/test.jpg", "test.jpg"), ("/style.css", "style.css")]
    {
        client.send(get(path)).unwrap();
        let reply = client.reply().unwrap();
        assert_eq!((reply.status, reply.field("Date")), (200, None));
        assert!(reply.content == fs::read(site().join(file)).unwrap(), "{path}");
    }
    client.send(post("firstname=Ada+%3Cb%3E")).unwrap();
    let page = client.reply().unwrap().text();
    assert!(page.contains("<dd>Ada &lt;b&gt;</dd>"), "{page}");
    client.send(get("/submissions")).unwrap();
    let page = client.reply().unwrap().text();
    assert!(page.contains("<dd>Ada &lt;b&gt;</dd>"), "{page}");
    client.send(get("/status")).unwrap();
    let page = client.reply().unwrap().text();
    assert!(page.contains("<dt>requests<dd>5\n"), "{page}");
    assert!(page.contains("<dt>connections<dd>1\n"), "{page}");
    assert!(free_stack(&page) > SPARE, "{page}");
}

fn free_stack(page: &str) -> usize {
    fact(page, "free stack, octets")
}

/// A number on the status page.
fn fact(page: &str, name: &str) -> usize {
    let (_, rest) = page.split_once(&format!("<dt>{name}<dd>")).unwrap();
    rest.split_once('\n').unwrap().0.parse().unwrap()
}

#[test]
fn a_guest_with_nothing_to_do_sleeps() {
    let guest = Guest::boot(IMAGE);
    let mut client = guest.connect();
    client.send(get("/")).unwrap();
    assert_eq!(client.reply().unwrap().status, 200);
    let before = guest.cpu_time();
    thread::sleep(Duration::from_secs(3));
    let spent = guest.cpu_time().saturating_sub(before);
    assert!(spent < Duration::from_millis(500), "{spent:?} in 3 s");
}

#[test]
fn the_clock_keeps_time_in_its_sleep() {
    let guest = Guest::boot(IMAGE);
    let uptime = || {
        let mut client = guest.connect();
        client.send(get("/status")).unwrap();
        (fact(&client.reply().unwrap().text(), "uptime, seconds"), Instant::now())
    };
    let (first, begun) = uptime();
    // Several turns of its counter.
    thread::sleep(Duration::from_secs(8));
    let (last, ended) = uptime();
    let passed = usize::try_from((ended - begun).as_secs()).unwrap();
    assert!((passed - 1..=passed + 1).contains(&(last - first)), "{passed}: {first} to {last}");
}

#[test]
fn what_is_over_a_limit_has_its_status() {
    let guest = Guest::boot(IMAGE);
    let many = |count| "A: b\r\n".repeat(count);
    let field = format!("A: {}\r\n", "b".repeat(2600));
    let form = "a".repeat(2049);
    for (request, status) in [
        (get(&format!("/{}", "a".repeat(1100))), 414),
        (get("/").replace("\r\n\r\n", &format!("\r\n{}\r\n", many(64))), 431),
        (get("/").replace("\r\n\r\n", &format!("\r\n{field}\r\n")), 431),
        (post(&form), 413),
        (get("/").replace("\r\n\r\n", &format!("\r\n{}\r\n", many(63))), 200),
        (post(&"a".repeat(2048)), 200),
    ] {
        let mut client = guest.connect();
        client.send(&request).unwrap();
        assert_eq!(client.reply().unwrap().status, status, "{} octets", request.len());
    }
}

/// What a browser does: several connections at once, each for some requests, and a new one when one
/// is closed.
#[test]
fn six_parallel_connections_on_fewer_sockets() {
    let guest = Guest::boot(IMAGE);
    let address = guest.address();
    let picture = fs::read(site().join("test.jpg")).unwrap();
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                let mut client = Client::connect(address).unwrap();
                for round in 0..10 {
                    let path = ["/test.jpg", "/", "/style.css"][round % 3];
                    let reply = again(&mut client, address, path);
                    assert_eq!(reply.status, 200);
                    if path == "/test.jpg" {
                        assert!(reply.content == picture);
                    }
                    if reply.field("Connection") == Some("close") {
                        client = Client::connect(address).unwrap();
                    }
                }
            });
        }
    });
    assert!(!guest.said().contains("panic"), "{}", guest.said());
}

/// The reply to a GET, on a new connection if the one there is was let go meanwhile.
fn again(client: &mut Client, address: SocketAddr, path: &str) -> thimble_tests::client::Reply {
    for _ in 0..20 {
        if client.send(get(path)).is_ok()
            && let Ok(reply) = client.reply()
        {
            return reply;
        }
        *client = Client::connect(address).unwrap();
    }
    panic!("no reply to {path}");
}

#[test]
fn twenty_thousand_requests() {
    let guest = Guest::boot(IMAGE);
    let url = format!("http://{}/style.css", guest.address());
    let (mut requests, begun) = (0, Instant::now());
    while requests < 20_000 {
        let output = Command::new("wrk").args(["-t1", "-c3", "-d4s", &url]).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(!text.contains("Socket errors") && !text.contains("Non-2xx"), "{text}");
        let line = text.lines().find(|line| line.contains(" requests in ")).unwrap();
        requests += line.split_whitespace().next().unwrap().parse::<usize>().unwrap();
        assert!(begun.elapsed() < Duration::from_mins(2), "{requests} requests");
    }
    // No socket was lost: as many connections as are served in peace, all at once.
    let mut clients: Vec<_> = (0..3).map(|_| guest.connect()).collect();
    for client in &mut clients {
        client.send(get("/")).unwrap();
        assert_eq!(client.reply().unwrap().status, 200);
    }
    for client in &mut clients {
        client.send(get("/status")).unwrap();
        let page = client.reply().unwrap().text();
        assert!(free_stack(&page) > SPARE, "{page}");
    }
}

#[test]
fn connections_that_are_left_open_harm_nobody() {
    let guest = Guest::boot(IMAGE);
    // In the middle of a head: until its deadline.
    let mut halves: Vec<_> = (0..2).map(|_| guest.connect()).collect();
    for client in &mut halves {
        client.send("GET / HTTP/1.1\r\nHo").unwrap();
    }
    // And many that say nothing.
    let idle: Vec<_> = (0..40).map(|_| TcpStream::connect(guest.address()).unwrap()).collect();
    let begun = Instant::now();
    let reply = again(&mut guest.connect(), guest.address(), "/");
    assert_eq!(reply.status, 200);
    println!("answered after {:?}", begun.elapsed());
    drop(idle);
    for client in &mut halves {
        assert_eq!(client.reply().unwrap().status, 408);
    }
    let mut stream = TcpStream::connect(guest.address()).unwrap();
    stream
        .write_all(get("/").replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n").as_bytes())
        .unwrap();
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).unwrap();
    assert!(reply.starts_with(b"HTTP/1.1 200 "));
}

#[test]
fn a_lease_is_taken_over() {
    let guest = Guest::start("hello", &[], "user,net=192.168.76.0/24");
    guest.until_said("at http://192.168.76.15/", 1);
    let mut client = guest.connect();
    client.send(get("/")).unwrap();
    assert_eq!(client.reply().unwrap().content, b"Hello, world!\n");
}

/// A network of nothing but a guest and this test, which speaks Ethernet to it over TCP.
#[test]
fn where_nobody_gives_a_lease_the_address_is_static() {
    let wire = TcpListener::bind("127.0.0.1:0").unwrap();
    let network = format!("socket,connect={}", wire.local_addr().unwrap());
    let begun = Instant::now();
    let guest = Guest::start("hello", &[], &network);
    let mut wire = wire.accept().unwrap().0;
    guest.until_said("at http://10.0.2.15/", 1);
    assert!(begun.elapsed() >= Duration::from_secs(5), "{:?}", begun.elapsed());
    // Who has 10.0.2.15, asks 10.0.2.2?
    let mut question = vec![0xff; 6];
    question.extend(b"\x02\0\0\0\0\x02\x08\x06\0\x01\x08\0\x06\x04\0\x01");
    question.extend(b"\x02\0\0\0\0\x02\x0a\0\x02\x02\0\0\0\0\0\0\x0a\0\x02\x0f");
    question.resize(60, 0);
    wire.write_all(&60u32.to_be_bytes()).unwrap();
    wire.write_all(&question).unwrap();
    wire.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    // What it sent until now, and the answer.
    loop {
        let mut length = [0; 4];
        wire.read_exact(&mut length).unwrap();
        let mut frame = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap()];
        wire.read_exact(&mut frame).unwrap();
        if frame[12..14] == [8, 6] && frame[20..22] == [0, 2] {
            assert_eq!((&frame[..6], &frame[28..32]), (&question[6..12], &[10, 0, 2, 15][..]));
            break;
        }
    }
}

#[test]
fn a_panic_says_where_and_the_board_starts_anew() {
    let guest = Guest::start("cases", &["panic"], "user");
    guest.until_said("panicked at src/bin/cases.rs:", 2);
}

#[test]
fn a_stack_that_is_full_is_noticed_and_the_board_starts_anew() {
    let guest = Guest::start("cases", &["overflow"], "user");
    guest.until_said("the stack is full", 2);
}
