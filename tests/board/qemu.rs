//! The firmware on a microcontroller that QEMU emulates.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failure here is the test's failure"
)]

use std::collections::HashSet;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use thimble_image::Builder;
use thimble_test_fixtures as fixtures;
use thimble_tests::board::qemu::Guest;
use thimble_tests::cases::replay::{Replay, entity_tag, entity_tag_request};
use thimble_tests::cases::report::report;
use thimble_tests::cases::transcript::{FOLLOW_UP, Transcript};
use thimble_tests::cases::{self, Case, End, Layer, Root, Setting, Sizes};
use thimble_tests::command::folder::site;
use thimble_tests::memory::Then;
use thimble_tests::wire::client::{Client, get, post};
use thimble_tests::wire::converse::converse;

const IMAGE: &str = "thimble-lm3s6965evb";
/// Octets of stack that are never used, whatever happens.
const SPARE: usize = 3072;

#[test]
fn every_row_is_answered_as_by_a_server_in_memory() {
    let above = TempDir::with_prefix("thimble-").unwrap();
    let open = |root: Root| {
        let folder = above.path().join(root.name());
        if !folder.exists() {
            fixtures::write(root.name(), &folder).unwrap();
        }
        Builder::new(folder).without_gzip().include_hidden().leak().unwrap()
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
            (setting.layer.name(), setting.layer != Layer::None),
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
    client.send(post("/hello", "name=Ada")).unwrap();
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
    client.send(post("/", "firstname=Ada+%3Cb%3E")).unwrap();
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
        (post("/", &form), 413),
        (get("/").replace("\r\n\r\n", &format!("\r\n{}\r\n", many(63))), 200),
        (post("/", &"a".repeat(2048)), 200),
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
fn again(
    client: &mut Client,
    address: SocketAddr,
    path: &str,
) -> thimble_tests::wire::client::Reply {
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

#[test]
fn where_nobody_gives_a_lease_the_address_is_static() {
    let begun = Instant::now();
    let (guest, mut wire) = Wire::to("hello");
    guest.until_said("at http://10.0.2.15/", 1);
    assert!(begun.elapsed() >= Duration::from_secs(5), "{:?}", begun.elapsed());
    wire.ask_for([10, 0, 2, 15]);
    wire.until_answered();
}

#[test]
fn an_address_whose_lease_has_ended_is_used_no_longer() {
    let (guest, mut wire) = Wire::to("hello");
    wire.lease(4);
    guest.until_said("at http://10.0.9.15/", 1);
    wire.ask_for([10, 0, 9, 15]);
    wire.until_answered();
    guest.until_said("the lease has ended", 1);
    wire.ask_for([10, 0, 9, 15]);
    // Nobody gives another one.
    guest.until_said("at http://10.0.2.15/", 1);
    wire.ask_for([10, 0, 2, 15]);
    assert_eq!(wire.until_answered(), [10, 0, 2, 15]);
}

#[test]
fn no_start_has_the_initial_sequence_numbers_of_another() {
    let mut seen = HashSet::new();
    for _ in 0..5 {
        let (guest, mut wire) = Wire::to("hello");
        wire.lease(3600);
        guest.until_said("at http://10.0.9.15/", 1);
        for port in 1..=4 {
            wire.syn(port);
            let number = wire.number_for(port);
            assert!(seen.insert(number), "{number} again, after {seen:?}");
        }
    }
}

/// A network of nothing but a guest and this test, which speaks Ethernet to it over TCP.
struct Wire(TcpStream);

impl Wire {
    const GUEST: [u8; 6] = [2, 0, 0x74, 0x68, 0x6d, 0x62];
    const HERE: [u8; 6] = [2, 0, 0, 0, 0, 2];

    fn to(image: &str) -> (Guest, Self) {
        let wire = TcpListener::bind("127.0.0.1:0").unwrap();
        let network = format!("socket,connect={}", wire.local_addr().unwrap());
        let guest = Guest::start(image, &[], &network);
        let wire = wire.accept().unwrap().0;
        wire.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
        (guest, Self(wire))
    }

    fn send(&mut self, destination: [u8; 6], kind: [u8; 2], content: &[u8]) {
        let mut frame = [&destination, &Self::HERE, &kind[..], content].concat();
        frame.resize(frame.len().max(60), 0);
        self.0.write_all(&u32::try_from(frame.len()).unwrap().to_be_bytes()).unwrap();
        self.0.write_all(&frame).unwrap();
    }

    /// The next frame from the guest.
    fn next(&self) -> Vec<u8> {
        let mut length = [0; 4];
        (&self.0).read_exact(&mut length).unwrap();
        let mut frame = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap()];
        (&self.0).read_exact(&mut frame).unwrap();
        frame
    }

    /// Asks who has an address, as a neighbour in its network (RFC 826).
    fn ask_for(&mut self, address: [u8; 4]) {
        let [a, b, c, _] = address;
        let mut question = b"\0\x01\x08\0\x06\x04\0\x01".to_vec();
        question.extend([&Self::HERE[..], &[a, b, c, 2], &[0; 6], &address].concat());
        self.send([0xff; 6], [8, 6], &question);
    }

    /// The address that the guest says it has, as soon as it does.
    fn until_answered(&self) -> [u8; 4] {
        loop {
            let frame = self.next();
            if frame[12..14] == [8, 6] && frame[20..22] == [0, 2] {
                return frame[28..32].try_into().unwrap();
            }
        }
    }

    /// Gives the guest the address 10.0.9.15 for so many seconds (RFC 2131).
    fn lease(&mut self, seconds: u32) {
        for (asked, answer) in [(1, 2), (3, 5)] {
            let question = loop {
                let frame = self.next();
                let is_asked = frame[12..14] == [8, 0] && frame[36..38] == [0, 67];
                if is_asked && frame[282..285] == [53, 1, asked] {
                    break frame;
                }
            };
            let mut message = vec![2, 1, 6, 0];
            message.extend(&question[46..50]);
            message
                .extend([&[0; 8][..], &[10, 0, 9, 15], &[0; 8], &Self::GUEST, &[0; 202]].concat());
            message.extend([99, 130, 83, 99, 53, 1, answer, 54, 4, 10, 0, 9, 2, 51, 4]);
            message.extend(seconds.to_be_bytes());
            message.extend([1, 4, 255, 255, 255, 0, 3, 4, 10, 0, 9, 2, 255]);
            let length = u16::try_from(message.len() + 8).unwrap().to_be_bytes();
            // Without a checksum, as UDP allows.
            let datagram = [&[0, 67, 0, 68], &length[..], &[0; 2], &message].concat();
            self.send_packet(17, [255; 4], &datagram);
        }
    }

    /// Asks for a connection, from a port.
    fn syn(&mut self, port: u8) {
        let segment = [0, port, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 5 << 4, 2, 4, 0, 0, 0, 0, 0];
        let pseudo = [10, 0, 9, 2, 10, 0, 9, 15, 0, 6, 0, 20];
        let mut summed = segment.to_vec();
        summed[16..18].copy_from_slice(&checksum(&[&pseudo[..], &segment].concat()));
        self.send_packet(6, [10, 0, 9, 15], &summed);
    }

    /// The initial sequence number by which the guest accepts the connection from a port.
    fn number_for(&mut self, port: u8) -> u32 {
        loop {
            let frame = self.next();
            if frame[12..14] == [8, 6] && frame[20..22] == [0, 1] && frame[38..42] == [10, 0, 9, 2]
            {
                // It asks who has the address here.
                let (answer, addresses) = (b"\0\x01\x08\0\x06\x04\0\x02", [10, 0, 9]);
                let answer = [&answer[..], &Self::HERE, &addresses, &[2], &Self::GUEST, &addresses];
                self.send(Self::GUEST, [8, 6], &[&answer.concat()[..], &[15]].concat());
            }
            let is_from_it = frame[12..14] == [8, 0] && frame[23] == 6;
            if is_from_it && frame[36..38] == [0, port] && frame[47] == 0x12 {
                return u32::from_be_bytes(frame[38..42].try_into().unwrap());
            }
        }
    }

    fn send_packet(&mut self, protocol: u8, destination: [u8; 4], content: &[u8]) {
        let [high, low] = u16::try_from(content.len() + 20).unwrap().to_be_bytes();
        let mut packet = vec![0x45, 0, high, low, 0, 0, 0, 0, 64, protocol, 0, 0, 10, 0, 9, 2];
        packet.extend(destination);
        let sum = checksum(&packet);
        packet[10..12].copy_from_slice(&sum);
        packet.extend(content);
        self.send(Self::GUEST, [8, 0], &packet);
    }
}

/// The checksum of the internet's protocols (RFC 1071), of an even number of octets.
fn checksum(octets: &[u8]) -> [u8; 2] {
    let words = octets.as_chunks().0.iter().map(|word| u32::from(u16::from_be_bytes(*word)));
    let sum: u32 = words.sum();
    let sum = (sum & 0xffff) + (sum >> 16);
    (!u16::try_from((sum & 0xffff) + (sum >> 16)).unwrap()).to_be_bytes()
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
