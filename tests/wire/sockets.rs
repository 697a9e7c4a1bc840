//! Raw sockets against the command: pipelined, half-closed, resetting, trickling, late and slow
//! clients.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::net::sockopt;
use rustix::process::{Resource, geteuid, getrlimit, setrlimit};
use thimble_tests::command::folder::{Folder, PAGE, noise};
use thimble_tests::command::{Signal, Thimble, run, thimble, unprivileged};
use thimble_tests::until::until;
use thimble_tests::wire::client::{Client, TIME_LIMIT, get, post};

const LARGE: usize = 40_000_000;

fn serve(folder: &Folder) -> Thimble {
    Thimble::serve(folder.path(), &["-q"])
}

/// What the server still does for others is the proof that a rude client did no harm.
fn assert_still_serves(thimble: &Thimble) {
    let mut client = thimble.connect();
    client.send(get("/note.txt")).unwrap();
    let reply = client.reply().unwrap();
    assert_eq!((reply.status, reply.content.as_slice()), (200, b"one line\n".as_slice()));
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let folder = Folder::with_pages().unwrap();
    let middle = noise(300_000);
    folder.file("middle.bin", &middle).unwrap();
    let thimble = serve(&folder);
    let mut client = thimble.connect();
    let head = get("/middle.bin").replace("GET", "HEAD");
    let last = get("/note.txt").replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
    let requests = [
        get("/note.txt"),
        get("/middle.bin"),
        head,
        post("/", "firstname=Ada"),
        get("/gone"),
        post("/", "firstname=Grace"),
        last,
        get("/never"),
    ];
    client.send(requests.concat()).unwrap();
    assert_eq!(client.reply().unwrap().content, b"one line\n");
    assert!(client.reply().unwrap().content == middle);
    let head = client.reply_to_head().unwrap();
    assert_eq!(head.field("Content-Length"), Some("300000"));
    let first = client.reply().unwrap().text();
    assert!(first.contains("Ada") && first.starts_with("<!DOCTYPE html>"), "{first}");
    assert_eq!(client.reply().unwrap().status, 404);
    let second = client.reply().unwrap().text();
    assert!(second.contains("Grace") && !second.contains("Ada"), "{second}");
    let last = client.reply().unwrap();
    assert_eq!((last.status, last.field("Connection")), (200, Some("close")));
    assert_eq!(client.drain().unwrap(), b"", "nothing is answered after Connection: close");
}

#[test]
fn five_hundred_pipelined_requests() {
    let folder = Folder::with_pages().unwrap();
    let thimble = serve(&folder);
    let mut client = thimble.connect();
    let mut sender = Client::over(client.stream().try_clone().unwrap()).unwrap();
    let sent = thread::spawn(move || sender.send(get("/note.txt").repeat(500)));
    for _ in 0..500 {
        assert_eq!(client.reply().unwrap().content, b"one line\n");
    }
    sent.join().unwrap().unwrap();
}

#[test]
fn a_half_closed_client_gets_its_whole_reply() {
    let folder = Folder::with_pages().unwrap();
    let large = noise(LARGE);
    folder.file("large.bin", &large).unwrap();
    let thimble = serve(&folder);
    let requests =
        [(get("/note.txt"), b"one line\n".as_slice()), (get("/large.bin"), large.as_slice())];
    for (request, content) in requests {
        let mut client = thimble.connect();
        client.send(request).unwrap();
        client.half_close().unwrap();
        let reply = client.reply().unwrap();
        assert_eq!(reply.status, 200);
        assert!(reply.content == content, "{} bytes", reply.content.len());
        assert_eq!(client.drain().unwrap(), b"");
    }
    let mut client = thimble.connect();
    client.send(post("/", "firstname=Ada")).unwrap();
    client.half_close().unwrap();
    assert!(client.reply().unwrap().text().contains("Ada"));
}

#[test]
fn a_request_cut_short_gets_no_200() {
    let folder = Folder::with_pages().unwrap();
    let thimble = serve(&folder);
    let whole = post("/", "firstname=Ada");
    for length in [1, 20, whole.len() - 14, whole.len() - 1] {
        let mut client = thimble.connect();
        client.send(whole.get(..length).unwrap()).unwrap();
        client.half_close().unwrap();
        let left = client.drain().unwrap();
        assert!(!left.starts_with(b"HTTP/1.1 2"), "{length}: {}", String::from_utf8_lossy(&left));
    }
    assert_still_serves(&thimble);
}

#[test]
fn clients_that_reset_harm_nobody() {
    let folder = Folder::with_pages().unwrap();
    folder.file("large.bin", noise(LARGE)).unwrap();
    let mut thimble = serve(&folder);
    for round in 0..30 {
        let mut client = thimble.connect();
        match round % 3 {
            0 => client.send("GET / HT").unwrap(),
            1 => client.send(post("/", "firstname=Ada").trim_end_matches("Ada")).unwrap(),
            _ => {
                client.send(get("/large.bin")).unwrap();
                client.take(100_000).unwrap();
            }
        }
        sockopt::set_socket_linger(client.stream(), Some(Duration::ZERO)).unwrap();
    }
    assert_still_serves(&thimble);
    assert!(thimble.is_running());
}

#[test]
fn one_byte_at_a_time_gives_the_same_replies() {
    let folder = Folder::with_pages().unwrap();
    let thimble = serve(&folder);
    let requests = format!("\r\n{}{}", post("/", "firstname=Zo%C3%AB+%3Cb%3E"), get("/note.txt"));
    let mut whole = thimble.connect();
    whole.send(&requests).unwrap();
    let mut slow = thimble.connect();
    for byte in requests.bytes() {
        slow.send([byte]).unwrap();
        thread::sleep(Duration::from_micros(200));
    }
    for _ in 0..2 {
        let (wanted, found) = (whole.reply().unwrap(), slow.reply().unwrap());
        assert_eq!((wanted.status, wanted.content), (found.status, found.content));
    }
}

#[test]
fn a_refusal_is_read_while_the_upload_goes_on() {
    let folder = Folder::with_pages().unwrap();
    let thimble = serve(&folder);
    let head = "POST / HTTP/1.1\r\nHost: thimble\r\nContent-Length: 9000000\r\n\
                Content-Type: application/x-www-form-urlencoded\r\n\r\n";
    let unread = "PUT / HTTP/1.1\r\nHost: thimble\r\nContent-Length: 9000000\r\n\r\n";
    for (head, status) in [(head, 413), (unread, 405)] {
        let mut client = thimble.connect();
        client.send(head).unwrap();
        let mut sender = client.stream().try_clone().unwrap();
        let sending = thread::spawn(move || sender.write_all(&noise(9_000_000)));
        let reply = client.reply().unwrap();
        assert_eq!(reply.status, status);
        assert_eq!(reply.field("Connection"), Some("close"), "{}", reply.head);
        // Whether all of it could be sent is the server's choice; that it ends is not.
        let _ = sending.join().unwrap();
    }
    assert_still_serves(&thimble);
}

#[test]
fn a_client_that_sends_all_before_it_reads_sees_the_refusal() {
    let folder = Folder::with_pages().unwrap();
    let thimble = Thimble::serve(folder.path(), &["-q", "--max-form", "1000"]);
    let mut client = thimble.connect();
    client.send(post("/", &"x".repeat(60_000))).unwrap();
    thread::sleep(Duration::from_millis(300));
    assert_eq!(client.reply().unwrap().status, 413);
}

#[test]
fn what_follows_a_refusal_is_not_read_as_a_request() {
    let folder = Folder::with_pages().unwrap();
    let thimble = serve(&folder);
    let inner = get("/note.txt");
    let smuggled = [
        "POST / HTTP/1.1\r\nHost: thimble\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: thimble\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : thimble\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
    ];
    for outer in smuggled {
        let mut client = thimble.connect();
        client.send(format!("{outer}{inner}")).unwrap();
        assert_eq!(client.reply().unwrap().status, 400, "{outer}");
        assert_eq!(client.drain().unwrap(), b"", "{outer}");
    }
}

#[test]
fn a_slow_reader_gets_every_byte() {
    let folder = Folder::with_pages().unwrap();
    let large = noise(LARGE);
    folder.file("large.bin", &large).unwrap();
    let thimble = serve(&folder);
    let mut client = thimble.connect();
    sockopt::set_socket_recv_buffer_size(client.stream(), 32 * 1024).unwrap();
    client.send(get("/large.bin")).unwrap();
    let mut received = Vec::with_capacity(LARGE);
    while received.len() < 4_000_000 {
        let more = client.some().unwrap();
        assert!(!more.is_empty(), "the reply ends early");
        received.extend(more);
        thread::sleep(Duration::from_millis(2));
    }
    thread::sleep(Duration::from_secs(2));
    let wanted = LARGE + head_length(&received) - received.len();
    received.extend(client.take(wanted).unwrap());
    assert!(received.get(head_length(&received)..).unwrap() == large);
}

fn head_length(received: &[u8]) -> usize {
    let end = received.windows(4).position(|four| four == b"\r\n\r\n");
    end.unwrap() + 4
}

#[test]
fn idle_and_trickling_connections_do_not_hinder_a_new_one() {
    let folder = Folder::with_pages().unwrap();
    let thimble = serve(&folder);
    let before = status_of(thimble.id(), "VmRSS:");
    let mut others: Vec<_> = (0..300).map(|_| thimble.connect()).collect();
    for (number, client) in others.iter_mut().enumerate() {
        match number % 3 {
            0 => {}
            1 => client.send("GET / HT").unwrap(),
            _ => {
                client.send(get("/note.txt")).unwrap();
                assert_eq!(client.reply().unwrap().status, 200);
            }
        }
    }
    let start = Instant::now();
    for _ in 0..20 {
        assert_still_serves(&thimble);
    }
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    let grown = status_of(thimble.id(), "VmRSS:").saturating_sub(before);
    assert!(grown < 64 * 1024, "{grown} KiB for 300 connections");
    for client in others.iter_mut().skip(1).step_by(3) {
        client.send("TP/1.1\r\nHost: thimble\r\n\r\n").unwrap();
        assert_eq!(client.reply().unwrap().text(), PAGE);
    }
    drop(others);
    until("threads are retired", Duration::from_secs(30), || {
        (status_of(thimble.id(), "Threads:") <= 20).then_some(())
    });
}

/// A number in `/proc/ID/status`; memory is in KiB there.
fn status_of(id: u32, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn above_max_conns_a_connection_waits_for_its_turn() {
    let folder = Folder::with_pages().unwrap();
    let thimble = Thimble::serve(folder.path(), &["-q", "--max-conns", "2"]);
    let mut first = thimble.connect();
    first.send(get("/note.txt")).unwrap();
    first.reply().unwrap();
    let mut second = thimble.connect();
    second.send("GET /note.txt HTT").unwrap();
    thread::sleep(Duration::from_millis(300));
    let mut third = thimble.connect();
    third.send(get("/note.txt")).unwrap();
    second.send("P/1.1\r\nHost: thimble\r\nConnection: close\r\n\r\n").unwrap();
    assert_eq!(second.reply().unwrap().content, b"one line\n");
    drop(second);
    drop(first);
    assert_eq!(third.reply().unwrap().content, b"one line\n");
}

/// The command, not yet started, under a limit of the system in the words of the shell's `ulimit`.
fn limited(limit: &str, folder: &Folder) -> Command {
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("ulimit {limit}; exec \"$0\" \"$@\""));
    let command_line = thimble();
    command.arg(command_line.get_program()).args(command_line.get_args());
    command.arg(folder.path()).args(["-q", "-p", "0"]);
    command
}

#[test]
fn out_of_file_descriptors_it_waits_and_goes_on() {
    let folder = Folder::with_pages().unwrap();
    let mut thimble = Thimble::start(&mut limited("-n 40", &folder));
    let mut others: Vec<_> = (0..80).map(|_| thimble.connect()).collect();
    thread::sleep(Duration::from_millis(500));
    assert!(thimble.is_running());
    let mut last = thimble.connect();
    last.send(get("/note.txt")).unwrap();
    for client in &mut others {
        // Those that cannot be served yet are not served wrongly either.
        client.send("GET /note.txt").unwrap();
    }
    drop(others);
    // Accepted with the last descriptor there is, it may find none left for the file.
    let reply = until("another reply than 503", TIME_LIMIT, || {
        let reply = last.reply().unwrap();
        last = thimble.connect();
        last.send(get("/note.txt")).unwrap();
        (reply.status != 503).then_some(reply)
    });
    assert_eq!((reply.status, reply.text().as_str()), (200, "one line\n"));
}

/// With the fewest descriptors it takes, silent clients make way; with fewer, it says so and serves nothing.
#[test]
fn it_serves_with_few_file_descriptors_or_says_that_they_are_too_few() {
    let folder = Folder::with_pages().unwrap();
    let thimble = Thimble::start(&mut limited("-n 24", &folder));
    let silent: Vec<_> = (0..60).map(|_| thimble.connect()).collect();
    assert_still_serves(&thimble);
    drop(silent);
    let output = run(&mut limited("-n 12", &folder));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.ends_with(
        ": the limit on open files is 12: raise it to 24 or more, as by ulimit -n 24\n"
    ));
    assert_eq!(
        (output.status.code(), output.stdout.as_slice(), error.lines().count()),
        (Some(1), &b""[..], 1)
    );
}

/// Where memory runs out, clients wait for those before them.
///
/// glibc maps 64 MiB for the heap of each thread, if only for a moment; meanwhile there may be no octet for
/// another thread, which ends the process as a program in Rust does. A server of many threads needs to be told
/// to use one heap for all of them.
#[test]
#[cfg(target_os = "linux")]
fn out_of_memory_it_waits_and_goes_on() {
    let folder = Folder::with_pages().unwrap();
    let command = thimble();
    let is_tokio = command.get_program().to_string_lossy().ends_with("tokio");
    let has_many_threads = !is_tokio && command.get_args().all(|flag| flag != "--event-loop");
    for mebibytes in [40, 60, 100, 200, 300] {
        let mut command = limited(&format!("-v {}", mebibytes * 1024), &folder);
        if has_many_threads {
            command.env("MALLOC_ARENA_MAX", "1");
        }
        let mut thimble = Thimble::start(&mut command);
        // One that says nothing would make way.
        let clients = (0..60).map(|_| {
            let mut client = thimble.connect();
            client.send(get("/note.txt")).unwrap();
            client
        });
        for mut client in clients.collect::<Vec<_>>() {
            assert_eq!(client.reply().unwrap().text(), "one line\n", "{mebibytes} MiB");
        }
        assert_still_serves(&thimble);
        assert!(thimble.is_running());
    }
}

/// Whether the server that `command` starts answers, or ends before.
fn gets_as_far_as_to_serve(command: &mut Command) -> bool {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut banner = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut banner).unwrap();
    let answers = |address: SocketAddr| {
        let mut client = Client::connect(address).ok()?;
        client.send(get("/note.txt")).ok()?;
        client.reply().ok()
    };
    let place = banner.rsplit_once("://").and_then(|(_, place)| place.split_once('/'));
    let reply = place.and_then(|(place, _)| answers(place.parse().unwrap()));
    child.kill().unwrap();
    child.wait().unwrap();
    reply.is_some()
}

/// With as many threads as it takes to start, and none for anything else, everything is served, one after the
/// other if need be; and nothing is said that sounds like a failure.
#[test]
#[cfg(target_os = "linux")]
fn without_another_thread_it_serves_everything() {
    // The limit binds no other user's processes, and root's not at all.
    const NOBODY_ELSE: u32 = 61_011;
    if !geteuid().is_root() {
        eprintln!("not tested: only root can start it as a user who runs nothing else");
        return;
    }
    let folder = Folder::with_pages().unwrap();
    let large = noise(3_000_000);
    folder.file("large.bin", &large).unwrap();
    folder.file("list/a", "").unwrap();
    let copy = unprivileged(folder.path());
    let start = |processes: u64| {
        let limit = format!("--nproc={processes}");
        let id = format!("{NOBODY_ELSE}");
        let mut command = Command::new("setpriv");
        command.args(["--reuid", &id, "--regid", &id, "--clear-groups", "prlimit", &limit]);
        command.arg(copy.get_program()).args(copy.get_args());
        command.arg(folder.path()).args(["-p", "0", "-q"]);
        command
    };
    let fewest = (1..100).find(|processes| gets_as_far_as_to_serve(&mut start(*processes)));
    let thimble = Thimble::start(&mut start(fewest.unwrap()));
    let mut clients: Vec<_> = (0..12).map(|_| thimble.connect()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        client.send(get(["/large.bin", "/list/", "/note.txt"][number % 3])).unwrap();
    }
    for (number, client) in clients.iter_mut().enumerate() {
        let reply = client.reply().unwrap();
        assert_eq!(reply.status, 200);
        assert!(number % 3 != 0 || reply.content == large);
    }
    assert_still_serves(&thimble);
    assert_eq!(thimble.log(), "");
}

/// A thousand each of clients that say nothing more, that drip a head and that read nothing, where 1,024 have
/// a place: those who came last give way to an honest one, within what the kind that yields last may take.
#[test]
fn three_thousand_hostile_clients_do_not_keep_an_honest_one_out() {
    let folder = Folder::with_pages().unwrap();
    folder.file("large.bin", noise(LARGE)).unwrap();
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
    let thimble = serve(&folder);
    let mut hostile = Vec::new();
    for number in 0..3000 {
        let mut client = thimble.connect();
        let sent = match number % 3 {
            0 => get("/note.txt"),
            1 => "GET / HTTP/1.1\r\nX-Long: ".to_owned(),
            _ => get("/large.bin"),
        };
        if number % 3 == 2 {
            sockopt::set_socket_recv_buffer_size(client.stream(), 4096).unwrap();
        }
        // One that gave way already is reset.
        let _ = client.send(sent);
        hostile.push(client);
    }
    let start = Instant::now();
    let goes_on = AtomicBool::new(true);
    thread::scope(|scope| {
        scope.spawn(|| {
            while goes_on.load(Ordering::Relaxed) {
                for client in hostile.iter_mut().skip(1).step_by(3) {
                    let _ = client.send("x");
                }
                thread::sleep(Duration::from_millis(500));
            }
        });
        for _ in 0..3 {
            assert_still_serves(&thimble);
        }
        goes_on.store(false, Ordering::Relaxed);
    });
    assert!(start.elapsed() < Duration::from_secs(45), "{:?}", start.elapsed());
}

/// Who made a listing of 30,000 names begin and left does not hold up the end; who stays gets all of it, or an
/// end that shows.
#[test]
fn a_stop_ends_soon_while_a_long_listing_is_made() {
    let folder = Folder::with_pages().unwrap();
    let prefix = "common".repeat(30);
    std::fs::create_dir(folder.path().join("long")).unwrap();
    for number in 0..30_000 {
        std::fs::File::create(folder.path().join(format!("long/{prefix}{number:06}"))).unwrap();
    }
    // An unoptimized server takes seconds for each listing.
    for (stays, delay, most) in [(false, 300, 25), (true, 150, 45)] {
        let mut thimble = serve(&folder);
        let mut clients = vec![thimble.connect()];
        for client in &mut clients {
            client.send(get("/long/")).unwrap();
        }
        thread::sleep(Duration::from_millis(delay));
        clients.truncate(usize::from(stays));
        let start = Instant::now();
        thimble.signal(Signal::TERM);
        for mut client in clients {
            if let Ok(reply) = client.reply() {
                assert!(reply.text().ends_with("</main>\n"), "a part that looks whole");
            }
        }
        assert!(thimble.ended_within(Duration::from_mins(1)).unwrap().success());
        let took = start.elapsed();
        assert!(took < Duration::from_secs(most), "{delay} ms: {took:?}");
    }
}

#[test]
fn a_connection_that_says_nothing_and_leaves_is_fine() {
    let folder = Folder::with_pages().unwrap();
    let thimble = serve(&folder);
    for _ in 0..50 {
        drop(TcpStream::connect(thimble.address()).unwrap());
    }
    let mut quiet = TcpStream::connect(thimble.address()).unwrap();
    quiet.shutdown(std::net::Shutdown::Write).unwrap();
    quiet.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
    let mut nothing = Vec::new();
    let end = quiet.read_to_end(&mut nothing);
    assert!(!matches!(&end, Err(error) if error.kind() == ErrorKind::WouldBlock), "{end:?}");
    assert_eq!(nothing, b"");
    assert_still_serves(&thimble);
}

/// A file that changes while it is sent: the connection, once the head and a little of the file have
/// come.
fn begun(thimble: &Thimble) -> TcpStream {
    let mut stream = TcpStream::connect(thimble.address()).unwrap();
    stream.set_read_timeout(Some(TIME_LIMIT)).unwrap();
    stream.write_all(get("/large").as_bytes()).unwrap();
    let mut start = [0; 1000];
    stream.read_exact(&mut start).unwrap();
    assert!(start.ends_with(b"xx"));
    stream
}

#[test]
fn a_file_that_shrinks_while_it_is_sent_cuts_the_connection() {
    let folder = Folder::with_pages().unwrap();
    let path = folder.file("large", vec![b'x'; LARGE]).unwrap();
    let thimble = serve(&folder);
    let mut stream = begun(&thimble);
    std::fs::File::options().write(true).open(path).unwrap().set_len(10).unwrap();
    let mut rest = Vec::new();
    // Reset or closed: what was declared hasn't come, and nothing else has in its place. Pages of the
    // file that were on their way to the network may have lost their octets with it.
    let _ = stream.read_to_end(&mut rest);
    assert!(rest.len() < LARGE - 1000 && rest.iter().all(|octet| matches!(octet, b'x' | 0)));
    assert_still_serves(&thimble);
}

#[test]
fn a_file_that_grows_while_it_is_sent_is_sent_as_declared() {
    let folder = Folder::with_pages().unwrap();
    let path = folder.file("large", vec![b'x'; LARGE]).unwrap();
    let thimble = serve(&folder);
    let mut stream = begun(&thimble);
    let mut file = std::fs::File::options().append(true).open(path).unwrap();
    file.write_all(&[b'y'; 1000]).unwrap();
    stream
        .write_all(get("/note.txt").replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n").as_bytes())
        .unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    let (content, next) = rest.split_at(rest.iter().position(|octet| *octet != b'x').unwrap());
    assert!(content.len() < LARGE && content.len() > LARGE - 1000);
    assert!(next.starts_with(b"HTTP/1.1 200 OK\r\n") && next.ends_with(b"one line\n"));
}
