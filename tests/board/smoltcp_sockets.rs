//! How few sockets serve many clients over smoltcp, and clients that are rude, late or gone.

#![expect(
    clippy::redundant_closure_for_method_calls,
    clippy::unwrap_used,
    reason = "a failure here is the test's failure; the method alone is for one lifetime"
)]

use smoltcp::iface::SocketHandle;
use smoltcp::phy::Medium;
use smoltcp::socket::tcp::State;
use smoltcp::time::{Duration, Instant};
use thimble_smoltcp::{Deadlines, Memory, Server};
use thimble_test_app::App;
use thimble_tests::board::loopback::{Bench, Faults, run};
use thimble_tests::memory::Fixture;

const HELLO: &[u8] = b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n";
const LAST: &[u8] = b"GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

/// Runs `body` beside a server of three sockets.
fn on_three_sockets(body: impl FnOnce(&mut Bench<'_, '_, '_>)) {
    let app = App::new(Fixture::load().unwrap());
    let mut memory = Box::new(Memory::<3>::new());
    run(&Server::new(&app), &mut memory, Medium::Ethernet, Faults::default(), body);
}

/// A client whose request was answered, and whose connection goes on.
fn served(bench: &mut Bench<'_, '_, '_>) -> SocketHandle {
    let client = connected(bench);
    let reply = ask(bench, client, HELLO);
    assert!(!reply.contains("Connection: close"), "{reply}");
    client
}

fn connected(bench: &mut Bench<'_, '_, '_>) -> SocketHandle {
    let client = bench.connect();
    bench.until("the handshake", |bench| bench.state(client) == State::Established);
    client
}

fn ask(bench: &mut Bench<'_, '_, '_>, client: SocketHandle, request: &[u8]) -> String {
    bench.send(client, request);
    let reply = bench.receive(client, |octets| octets.ends_with(b"hello\n")).unwrap();
    String::from_utf8(reply).unwrap()
}

fn seconds_since(bench: &Bench<'_, '_, '_>, begun: Instant) -> u64 {
    (bench.now - begun).secs()
}

#[test]
fn the_connection_that_is_idle_longest_goes_first() {
    on_three_sockets(|bench| {
        let first = served(bench);
        bench.pass(Duration::from_secs(1));
        let second = served(bench);
        bench.pass(Duration::from_secs(1));
        // The first is used again, so the second is idle longest.
        ask(bench, first, HELLO);
        let begun = bench.now;
        let third = served(bench);
        bench.until("one goes", |bench| bench.state(second) == State::CloseWait);
        assert_eq!(seconds_since(bench, begun), 0);
        assert_eq!(bench.state(first), State::Established);
        assert_eq!(bench.state(third), State::Established);
        ask(bench, first, HELLO);
    });
}

#[test]
fn who_says_nothing_makes_room_after_a_second() {
    on_three_sockets(|bench| {
        let silent: Vec<_> = (0..3).map(|_| connected(bench)).collect();
        let begun = bench.now;
        let next = bench.connect();
        assert!(ask(bench, next, HELLO).starts_with("HTTP/1.1 200 "));
        assert!(seconds_since(bench, begun) <= 4, "{}", bench.now - begun);
        assert_eq!(bench.state(silent[0]), State::CloseWait);
    });
}

#[test]
fn a_client_that_finds_no_socket_is_not_reset_but_waits() {
    on_three_sockets(|bench| {
        let busy: Vec<_> = (0..3).map(|_| connected(bench)).collect();
        for client in &busy {
            bench.send(*client, b"GET /hello HTTP/1.1\r\n");
        }
        bench.pass(Duration::from_millis(20));
        let late = bench.connect();
        let begun = bench.now;
        while seconds_since(bench, begun) < 5 {
            bench.step();
            assert_eq!(bench.state(late), State::SynSent);
        }
        // A reply says that its connection ends, for another one's sake.
        let reply = ask(bench, busy[0], b"Host: a\r\n\r\n");
        assert!(reply.contains("\r\nConnection: close\r\n"), "{reply}");
        bench.close(busy[0]);
        assert!(ask(bench, late, LAST).starts_with("HTTP/1.1 200 "));
    });
}

#[test]
fn a_client_that_waits_is_served_as_soon_as_there_is_room() {
    on_three_sockets(|bench| {
        let busy: Vec<_> = (0..3).map(|_| connected(bench)).collect();
        for client in &busy {
            bench.send(*client, b"GET /hello HTTP/1.1\r\n");
        }
        bench.pass(Duration::from_millis(20));
        let late = [bench.connect(), bench.connect()];
        bench.pass(Duration::from_millis(200));
        for client in &busy {
            ask(bench, *client, b"Host: a\r\n\r\n");
        }
        // Long before they ask for the second time.
        bench.pass(Duration::from_millis(50));
        assert!(late.iter().all(|client| bench.state(*client) == State::Established));
        assert!(ask(bench, late[1], HELLO).starts_with("HTTP/1.1 200 "));
        assert!(ask(bench, late[0], HELLO).starts_with("HTTP/1.1 200 "));
        assert_eq!(bench.serving.connections(), 5);
    });
}

#[test]
fn two_hosts_with_the_same_port_are_two_clients() {
    on_three_sockets(|bench| {
        // In the handshake at the same time,
        let pair = [bench.connect(), bench.connect_from_elsewhere()];
        bench.until("both handshakes", |bench| {
            pair.iter().all(|client| bench.state(*client) == State::Established)
        });
        for client in pair {
            bench.close(client);
        }
        // and waiting.
        let busy: Vec<_> = (0..3).map(|_| connected(bench)).collect();
        for client in &busy {
            bench.send(*client, b"GET /hello HTTP/1.1\r\n");
        }
        bench.pass(Duration::from_millis(20));
        let late = [bench.connect(), bench.connect_from_elsewhere()];
        bench.pass(Duration::from_millis(200));
        for client in &busy {
            ask(bench, *client, b"Host: a\r\n\r\n");
        }
        bench.pass(Duration::from_millis(50));
        assert!(late.iter().all(|client| bench.state(*client) == State::Established));
    });
}

/// Four for each socket, none of whom has to ask twice.
#[test]
fn many_clients_wait_in_the_order_in_which_they_came() {
    on_three_sockets(|bench| {
        let busy: Vec<_> = (0..3).map(|_| connected(bench)).collect();
        for client in &busy {
            bench.send(*client, b"GET /hello HTTP/1.1\r\n");
        }
        bench.pass(Duration::from_millis(20));
        let mut late = Vec::new();
        for _ in 0..12 {
            late.push(bench.connect());
            bench.pass(Duration::from_millis(10));
        }
        let begun = bench.now;
        for client in &busy {
            ask(bench, *client, b"Host: a\r\n\r\n");
            bench.close(*client);
        }
        for client in late {
            assert!(ask(bench, client, LAST).starts_with("HTTP/1.1 200 "));
            bench.close(client);
        }
        assert!(seconds_since(bench, begun) < 3, "{}", bench.now - begun);
    });
}

/// Clients that have waited for longer than a handshake may take have not asked again yet.
#[test]
fn a_client_waits_for_some_seconds_and_is_served_without_asking_again() {
    on_three_sockets(|bench| {
        let busy: Vec<_> = (0..3).map(|_| connected(bench)).collect();
        for client in &busy {
            bench.send(*client, b"GET /hello HTTP/1.1\r\n");
        }
        bench.pass(Duration::from_millis(20));
        let late = bench.connect();
        // It asks for the fourth time after seven seconds.
        bench.pass(Duration::from_millis(6800));
        assert_eq!(bench.state(late), State::SynSent);
        ask(bench, busy[0], b"Host: a\r\n\r\n");
        bench.close(busy[0]);
        assert_eq!(bench.state(late), State::Established);
    });
}

/// One client more than sockets, and none of them idle for long: one always has to leave.
#[test]
fn busy_clients_hear_that_their_connection_ends() {
    on_three_sockets(|bench| {
        let mut clients = [(); 4].map(|()| bench.connect());
        let (mut answered, mut announced) = (0, 0);
        for turn in 0..600 {
            let client = &mut clients[turn % 4];
            match bench.state(*client) {
                State::SynSent => bench.pass(Duration::from_millis(1)),
                State::Established => {
                    let reply = ask(bench, *client, HELLO);
                    answered += 1;
                    if reply.contains("\r\nConnection: close\r\n") {
                        announced += 1;
                        bench.close(*client);
                        *client = bench.connect();
                    }
                }
                state => panic!("{state} without a word, after {answered} replies"),
            }
        }
        assert!(answered > 300 && announced > 50, "{answered} replies, {announced} the last");
    });
}

#[test]
fn five_hundred_connections_one_after_the_other() {
    on_three_sockets(|bench| {
        let begun = bench.now;
        for _ in 0..500 {
            assert!(bench.converse(LAST, usize::MAX, false).unwrap().ends_with(b"hello\n"));
        }
        assert_eq!((bench.serving.connections(), bench.serving.replies()), (500, 500));
        // A socket that waited out TIME-WAIT would be away for ten seconds each time.
        assert!(seconds_since(bench, begun) < 100, "{}", bench.now - begun);
    });
}

#[test]
fn clients_that_reset_or_vanish_leave_their_sockets_free() {
    on_three_sockets(|bench| {
        for round in 0..30 {
            let client = connected(bench);
            match round % 3 {
                0 => bench.send(client, b"GET / HT"),
                1 => bench.send(
                    client,
                    b"POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n1",
                ),
                _ => bench.send(client, HELLO),
            }
            bench.step();
            bench.client(client, |socket| socket.abort());
            bench.pass(Duration::from_millis(20));
            bench.serving.network().1.remove(client);
        }
        let clients = [served(bench), served(bench)];
        assert!(clients.iter().all(|client| bench.state(*client) == State::Established));
    });
}

#[test]
fn a_handshake_that_is_not_finished_holds_no_socket_for_long() {
    on_three_sockets(|bench| {
        for _ in 0..6 {
            let client = bench.connect();
            // It is gone once it has asked.
            bench.step();
            bench.serving.network().1.remove(client);
        }
        let begun = bench.now;
        let next = bench.connect();
        assert!(ask(bench, next, HELLO).starts_with("HTTP/1.1 200 "));
        assert!(seconds_since(bench, begun) < 10, "{}", bench.now - begun);
    });
}

#[test]
fn each_phase_has_its_deadline() {
    const DEADLINES: Deadlines = Deadlines::DEVICE;
    let content = b"POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n1".as_slice();
    for (sent, status, deadline) in [
        (b"".as_slice(), "", DEADLINES.idle),
        (b"GET /hello HTTP/1.1\r\nHo", "HTTP/1.1 408 ", DEADLINES.head),
        (content, "HTTP/1.1 408 ", DEADLINES.content),
    ] {
        on_three_sockets(|bench| {
            let client = connected(bench);
            bench.send(client, sent);
            let begun = bench.now;
            let reply = bench.receive(client, |_| false).unwrap();
            let took = seconds_since(bench, begun);
            assert!(String::from_utf8(reply).unwrap().starts_with(status));
            assert!(
                (deadline.as_secs()..deadline.as_secs() + 2).contains(&took),
                "{status}: {took} s"
            );
        });
    }
}

#[test]
fn who_does_not_read_is_reset_in_the_end() {
    on_three_sockets(|bench| {
        // More than its window, both rings and the transmit buffer hold.
        let client = bench.connect_with(512);
        bench.until("the handshake", |bench| bench.state(client) == State::Established);
        bench.send(client, &HELLO.repeat(300));
        let begun = bench.now;
        bench.until("the reset", |bench| bench.state(client) == State::Closed);
        let took = seconds_since(bench, begun);
        let reply = Deadlines::DEVICE.reply.as_secs();
        assert!((reply..reply + 15).contains(&took), "{took} s");
        let next = served(bench);
        assert_eq!(bench.state(next), State::Established);
    });
}

#[test]
fn a_server_with_nothing_to_do_sleeps() {
    on_three_sockets(|bench| {
        let next = bench.serving.poll(bench.now, &mut bench.device);
        assert_eq!(next, None);
        served(bench);
        bench.pass(Duration::from_secs(1));
        // Until the client was idle for too long.
        let next = bench.serving.poll(bench.now, &mut bench.device).unwrap();
        let idle = Duration::from(Deadlines::DEVICE.idle);
        assert!(next > bench.now + idle - Duration::from_secs(2), "{}", next - bench.now);
    });
}
