//! Deadlines, which take seconds to see. All of them run at once, so that together they take as
//! long as the longest.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::io::ErrorKind;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::{Arguments, Trial, run};
use rustix::net::sockopt;
use thimble_tests::command::Thimble;
use thimble_tests::command::folder::{Folder, PAGE, noise};
use thimble_tests::until::until;
use thimble_tests::wire::client::{Client, get};

fn main() -> ExitCode {
    let scenarios: [(&str, fn()); 12] = [
        ("a_head_that_stops_gets_408", a_head_that_stops_gets_408),
        ("a_head_that_drips_gets_408", a_head_that_drips_gets_408),
        ("the_second_head_has_its_deadline_too", the_second_head_has_its_deadline_too),
        (
            "an_idle_connection_is_closed_without_a_reply",
            an_idle_connection_is_closed_without_a_reply,
        ),
        ("a_connection_that_never_asks_is_closed", a_connection_that_never_asks_is_closed),
        ("content_that_drips_is_given_up", content_that_drips_is_given_up),
        ("a_reader_that_stops_gives_its_place_up", a_reader_that_stops_gives_its_place_up),
        ("a_client_that_reads_nothing_is_given_up", a_client_that_reads_nothing_is_given_up),
        (
            "a_slow_reader_lives_however_short_its_time_is",
            a_slow_reader_lives_however_short_its_time_is,
        ),
        ("a_reader_that_pauses_for_a_minute_gets_all", a_reader_that_pauses_for_a_minute_gets_all),
        ("an_honest_slow_download_is_finished", an_honest_slow_download_is_finished),
        ("an_honest_slow_form_is_read", an_honest_slow_form_is_read),
    ];
    let trials: Vec<_> = scenarios
        .into_iter()
        .map(|(name, scenario)| {
            Trial::test(name, move || {
                scenario();
                Ok(())
            })
        })
        .collect();
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(trials.len());
    run(&arguments, trials).exit_code()
}

fn serve(flags: &[&str]) -> (Folder, Thimble) {
    let folder = Folder::with_pages().unwrap();
    let thimble = Thimble::serve(folder.path(), &[&["-q"], flags].concat());
    (folder, thimble)
}

/// Bounds wide enough for a busy machine: the deadline is 20 s.
fn assert_408_in_time(client: &mut Client, start: Instant) {
    let reply = client.reply().unwrap();
    let waited = start.elapsed();
    assert_eq!(reply.status, 408);
    assert_eq!(reply.field("Connection"), Some("close"), "{}", reply.head);
    assert!((10..60).contains(&waited.as_secs()), "{waited:?}");
    assert_eq!(client.drain().unwrap(), b"");
}

fn a_head_that_stops_gets_408() {
    let (_folder, thimble) = serve(&[]);
    let mut client = thimble.connect();
    let start = Instant::now();
    client.send("GET / HTTP/1.1\r\nHost: thim").unwrap();
    assert_408_in_time(&mut client, start);
}

fn a_head_that_drips_gets_408() {
    let (_folder, thimble) = serve(&[]);
    let mut client = thimble.connect();
    let start = Instant::now();
    let mut sender = Client::over(client.stream().try_clone().unwrap()).unwrap();
    client.send("GET / HTTP/1.1\r\nHost: thimble\r\nX-Long: ").unwrap();
    thread::spawn(move || {
        for _ in 0..60 {
            if sender.send("x").is_err() {
                break;
            }
            thread::sleep(Duration::from_secs(1));
        }
    });
    assert_408_in_time(&mut client, start);
}

fn the_second_head_has_its_deadline_too() {
    let (_folder, thimble) = serve(&[]);
    let mut client = thimble.connect();
    client.send(get("/note.txt")).unwrap();
    client.reply().unwrap();
    thread::sleep(Duration::from_secs(3));
    let start = Instant::now();
    client.send("GET").unwrap();
    assert_408_in_time(&mut client, start);
}

fn an_idle_connection_is_closed_without_a_reply() {
    let (_folder, thimble) = serve(&[]);
    let mut client = thimble.connect();
    client.send(get("/note.txt")).unwrap();
    client.reply().unwrap();
    thread::sleep(Duration::from_secs(2));
    client.send(get("/note.txt")).unwrap();
    client.reply().unwrap();
    let start = Instant::now();
    assert_eq!(client.drain().unwrap(), b"");
    assert!((15..75).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
}

fn a_connection_that_never_asks_is_closed() {
    let (_folder, thimble) = serve(&[]);
    let mut client = thimble.connect();
    let start = Instant::now();
    let all = client.drain().unwrap();
    assert!(
        all.is_empty() || all.starts_with(b"HTTP/1.1 408 "),
        "{}",
        String::from_utf8_lossy(&all)
    );
    assert!((10..75).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
}

fn content_that_drips_is_given_up() {
    let (_folder, thimble) = serve(&[]);
    let mut client = thimble.connect();
    let start = Instant::now();
    client
        .send(
            "POST / HTTP/1.1\r\nHost: thimble\r\nContent-Length: 100000\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n\r\nfirstname=",
        )
        .unwrap();
    let mut sender = Client::over(client.stream().try_clone().unwrap()).unwrap();
    thread::spawn(move || {
        for _ in 0..80 {
            if sender.send("x").is_err() {
                break;
            }
            thread::sleep(Duration::from_secs(1));
        }
    });
    assert_eq!(client.reply().unwrap().status, 408);
    assert!((10..75).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
}

fn a_reader_that_stops_gives_its_place_up() {
    let (folder, thimble) = serve(&["--max-conns", "1"]);
    folder.file("large.bin", noise(40_000_000)).unwrap();
    let mut stalled = thimble.connect();
    sockopt::set_socket_recv_buffer_size(stalled.stream(), 16 * 1024).unwrap();
    stalled.send(get("/large.bin")).unwrap();
    stalled.take(100).unwrap();
    let start = Instant::now();
    let mut next = thimble.connect();
    // The system's own probes of a closed window may move a few octets, the last a minute later.
    next.stream().set_read_timeout(Some(Duration::from_mins(3))).unwrap();
    next.send(get("/note.txt")).unwrap();
    assert_eq!(next.reply().unwrap().text(), "one line\n");
    assert!((10..150).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
}

/// It takes the time that the flag says, however much the kernels still find room for meanwhile.
fn a_client_that_reads_nothing_is_given_up() {
    let give_up = |seconds: u64| {
        let (folder, thimble) = serve(&["--reply-timeout", &seconds.to_string()]);
        folder.file("large.bin", noise(40_000_000)).unwrap();
        let mut client = thimble.connect();
        sockopt::set_socket_recv_buffer_size(client.stream(), 16 * 1024).unwrap();
        let start = Instant::now();
        client.send(get("/large.bin")).unwrap();
        let end = until("the end of the connection", Duration::from_mins(1), || {
            client.stream().take_error().unwrap()
        });
        assert_eq!(end.kind(), ErrorKind::ConnectionReset);
        let (took, wanted) = (start.elapsed(), Duration::from_secs(seconds));
        let most = wanted + wanted / 5 + Duration::from_secs(2);
        assert!((wanted..most).contains(&took), "{seconds} s: {took:?}");
    };
    thread::scope(|scope| {
        for seconds in [1, 2, 5, 12] {
            scope.spawn(move || give_up(seconds));
        }
    });
}

/// Steadily, though by less than what wakes a server that waits. Its system tells of nothing that it has read before
/// that is a sixteenth of a buffer of 6 MiB, which is a second here.
fn a_slow_reader_lives_however_short_its_time_is() {
    let (folder, thimble) = serve(&["--reply-timeout", "2"]);
    let large = noise(16_000_000);
    folder.file("large.bin", &large).unwrap();
    let mut client = thimble.connect();
    client.send(get("/large.bin")).unwrap();
    let start = Instant::now();
    let mut received = Vec::new();
    while start.elapsed() < Duration::from_secs(15) {
        received.extend(client.take(40_000).unwrap());
        thread::sleep(Duration::from_millis(100));
    }
    let head = received.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    received.extend(client.take(head + large.len() - received.len()).unwrap());
    assert!(received.get(head..).unwrap() == large);
}

fn a_reader_that_pauses_for_a_minute_gets_all() {
    let (folder, thimble) = serve(&[]);
    let large = noise(40_000_000);
    folder.file("large.bin", &large).unwrap();
    let mut client = thimble.connect();
    client.send(get("/large.bin")).unwrap();
    client.stream().peek(&mut [0]).unwrap();
    thread::sleep(Duration::from_mins(1));
    assert!(client.reply().unwrap().content == large);
}

/// At a few KiB/s the kernel's buffers hold minutes of the reply, in which the server can write
/// nothing although the client does read.
fn an_honest_slow_download_is_finished() {
    let (folder, thimble) = serve(&[]);
    let large = noise(20_000_000);
    folder.file("large.bin", &large).unwrap();
    let mut client = thimble.connect();
    client.send(get("/large.bin")).unwrap();
    let start = Instant::now();
    let mut received = Vec::new();
    while start.elapsed() < Duration::from_secs(33) {
        let more = client.some().unwrap();
        assert!(!more.is_empty(), "given up after {:?}", start.elapsed());
        received.extend(more);
        thread::sleep(Duration::from_secs(3));
    }
    assert!(received.len() < 500_000, "{} bytes are not slow", received.len());
    let head = received.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    received.extend(client.take(head + large.len() - received.len()).unwrap());
    assert!(received.get(head..).unwrap() == large);
}

fn an_honest_slow_form_is_read() {
    let (_folder, thimble) = serve(&[]);
    let mut client = thimble.connect();
    let pieces = 17;
    let piece = "x".repeat(4096);
    client
        .send(format!(
            "POST / HTTP/1.1\r\nHost: thimble\r\nContent-Length: {}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n\r\na=",
            2 + pieces * piece.len()
        ))
        .unwrap();
    for _ in 0..pieces {
        client.send(&piece).unwrap();
        thread::sleep(Duration::from_secs(2));
    }
    let reply = client.reply().unwrap();
    assert_eq!(reply.status, 200);
    assert!(reply.text().contains(&piece.repeat(pieces)));
    assert!(reply.content.len() > PAGE.len());
}
