//! What goes wrong with programs: what their clients are told, what the log says, and that nothing is left
//! of them.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use rustix::net::sockopt;
use rustix::process::{Pid, Signal, test_kill_process};
use thimble_tests::command::Thimble;
use thimble_tests::command::processes::{children, signal, threads};
use thimble_tests::command::scripts::{Scripts, TEXT, ask, get, request, wait_for_the_end};
use thimble_tests::until::until;
use thimble_tests::wire::client::Client;

/// What a script does to tell its number and then never end by itself.
const FOR_EVER: &str = "echo $$; exec sleep 1000";

/// Waits until the process with this number is gone.
fn wait_until_gone(id: i32) {
    let id = Pid::from_raw(id).unwrap();
    let what = format!("{id} ends");
    until(&what, Duration::from_mins(1), || test_kill_process(id).is_err().then_some(()));
}

#[test]
fn each_fault_has_its_status_and_a_line_in_the_log() {
    let scripts = Scripts::new().unwrap();
    scripts.script("nothing", "").unwrap();
    scripts.script("exits", "exit 3").unwrap();
    scripts.script("cut", "printf 'Content-Type: a/b\\n'").unwrap();
    scripts.script("text", "echo Hello, world").unwrap();
    scripts.script("raw", "printf 'HTTP/1.1 200 OK\\n\\n'").unwrap();
    scripts.script("nofield", "printf 'X-A: b\\n\\nbody'").unwrap();
    scripts.script("status", "printf 'Status: 1000\\n\\n'").unwrap();
    scripts.script("interim", "printf 'Status: 100\\n\\n'").unwrap();
    scripts.script("twice", "printf 'Status: 200\\nStatus: 404\\n\\n'").unwrap();
    scripts
        .script("chunked", "printf 'Content-Type: a/b\\nTransfer-Encoding: chunked\\n\\n'")
        .unwrap();
    scripts
        .script("inject", "printf 'Content-Type: a/b\\nX-A: b\\rSet-Cookie: c=d\\n\\n'")
        .unwrap();
    scripts.script("long", "echo Content-Type: a/b; printf 'X-A: %20000s\\n\\n' x").unwrap();
    scripts.script("killed", "kill -9 $$").unwrap();
    scripts.script("endless", "yes 'X-A: b'").unwrap();
    scripts.program("cgi-bin/noexec", "neither a program nor a script\n").unwrap();
    scripts.program("cgi-bin/lost", "#!/no/such/interpreter\n").unwrap();
    let thimble = scripts.serve(&[] as &[&str]);
    for (name, said) in [
        ("nothing", "it sent nothing"),
        ("exits", "it ended by exit status: 3"),
        ("exits", "it sent nothing"),
        ("cut", "it ended within the head of its reply"),
        ("text", "a line of its reply's head is no field line"),
        ("raw", "a line of its reply's head is no field line"),
        ("nofield", "its reply has neither Content-Type, Location nor Status"),
        ("status", "its Status is no code from 200 to 599"),
        ("interim", "its Status is no code from 200 to 599"),
        ("twice", "two lines of Content-Length, Content-Type, Location or Status"),
        ("chunked", "it sent Transfer-Encoding"),
        ("inject", "a line of its reply's head is no field line"),
        ("long", "the head of its reply is too long"),
        ("endless", "the head of its reply is too long"),
        ("killed", "it ended by signal: 9 (SIGKILL)"),
        ("noexec", "it can't be run: Exec format error (os error 8) (does its first line begin"),
        (
            "lost",
            "it can't be run: No such file or directory (os error 2) (is there what its first",
        ),
    ] {
        let mut client = thimble.connect();
        client.send(request(&format!("GET /cgi-bin/{name}"), "", b"")).unwrap();
        let reply = client.reply().unwrap();
        assert_eq!(
            (reply.status, reply.text().as_str()),
            (502, "502 Bad Gateway: the program failed\n")
        );
        let line = format!("{}: cgi-bin/{name}: ", thimble.name());
        thimble.log_line(|found| found.starts_with(&line) && found.contains(said));
        // The connection goes on.
        client.send(request("GET /none", "", b"")).unwrap();
        assert_eq!(client.reply().unwrap().status, 404);
    }
    wait_for_the_end(&thimble);
}

#[test]
fn who_takes_too_long_is_ended() {
    let scripts = Scripts::new().unwrap();
    let id = scripts.folder.at("id").unwrap();
    scripts.script("silent", &format!("exec >{} 2>&1; {FOR_EVER}", id.display())).unwrap();
    scripts.script("stalls", &format!("{TEXT}{FOR_EVER}")).unwrap();
    scripts
        .script("slow", &format!("{TEXT}for i in 1 2 3 4 5 6 7 8 9; do echo $i; sleep 0.3; done"))
        .unwrap();
    // Closing its output is no reply; holding it open without a word is no end.
    scripts.script("quiet", "sleep 1000").unwrap();
    let thimble = scripts.serve(&["--cgi-timeout", "2"]);
    let reply = get(&thimble, "/cgi-bin/quiet").unwrap();
    assert_eq!(
        (reply.status, reply.text().as_str()),
        (504, "504 Gateway Timeout: the program took too long\n")
    );
    thimble.log_line(|line| line.contains("cgi-bin/quiet: the program took too long"));
    // One that says something every now and then has all the time it wants.
    assert_eq!(get(&thimble, "/cgi-bin/slow").unwrap().text(), "1\n2\n3\n4\n5\n6\n7\n8\n9\n");
    // Once some of the reply has left, only cutting it tells the client.
    let mut client = thimble.connect();
    client.send(request("GET /cgi-bin/stalls", "", b"")).unwrap();
    let mut seen = String::new();
    let cut = loop {
        match client.some() {
            Ok(octets) if octets.is_empty() => break false,
            Ok(octets) => seen += &String::from_utf8_lossy(&octets),
            Err(_) => break true,
        }
    };
    assert!(cut && !seen.ends_with("0\r\n\r\n"), "{seen}");
    let number = seen.lines().find_map(|line| line.parse().ok().filter(|id| *id > 1000));
    wait_until_gone(number.unwrap_or_else(|| panic!("{seen}")));
    wait_for_the_end(&thimble);
}

#[test]
fn a_program_has_its_time_for_itself_and_a_client_has_its_own() {
    let scripts = Scripts::new().unwrap();
    scripts.script("count", &format!("n=$(wc -c); {TEXT}echo $n")).unwrap();
    scripts.script("early", &format!("{TEXT}echo begun; cat")).unwrap();
    scripts.script("stuck", "cat >/dev/null; sleep 1000").unwrap();
    scripts.script("floods", &format!("{TEXT}yes")).unwrap();
    let thimble = scripts.serve(&["--cgi-timeout", "1", "--content-timeout", "4"]);
    // A slow client takes longer than the program may.
    for name in ["count", "early"] {
        let mut client = thimble.connect();
        client
            .send(request(&format!("POST /cgi-bin/{name}"), "Content-Length: 3\r\n", b""))
            .unwrap();
        for octet in ["a", "b", "c"] {
            thread::sleep(Duration::from_millis(1300));
            client.send(octet).unwrap();
        }
        let reply = client.reply().unwrap();
        let content = if name == "count" { "3\n" } else { "begun\nabc" };
        assert_eq!((reply.status, reply.text().as_str()), (200, content), "{name}");
    }
    // One that sends nothing any more has no more than its own.
    let begun = Instant::now();
    let mut client = thimble.connect();
    client.send(request("POST /cgi-bin/count", "Content-Length: 10\r\n", b"half")).unwrap();
    let late = client.reply().unwrap();
    assert_eq!((late.status, late.field("Connection")), (408, Some("close")));
    assert!(begun.elapsed() >= Duration::from_secs(3), "{:?}", begun.elapsed());
    thimble.log_line(|line| line.contains("cgi-bin/count: the content came too slowly"));
    // The program has what there is, and it is its own time that passes.
    let begun = Instant::now();
    let stuck = ask(&thimble, "POST /cgi-bin/stuck", "Content-Length: 2\r\n", b"ab").unwrap();
    assert_eq!(stuck.status, 504);
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    // A client that doesn't read keeps a program waiting, too, whatever it may still send.
    let mut client = thimble.connect();
    client.send(request("POST /cgi-bin/floods", "Content-Length: 9\r\n", b"some")).unwrap();
    thread::sleep(Duration::from_millis(2500));
    assert!(!client.some().unwrap().is_empty());
    let log = thimble.log();
    assert!(!log.contains("floods"), "{log}");
    drop(client);
    wait_for_the_end(&thimble);
}

#[test]
fn a_program_whose_client_leaves_ends_with_all_that_it_has_started() {
    let scripts = Scripts::new().unwrap();
    let ids = scripts.folder.at("ids").unwrap();
    fs::write(&ids, "").unwrap();
    let note = format!("echo $$ >> {}", ids.display());
    scripts
        .script("before", &format!("{note}; sleep 1000 & echo $! >> {}; wait", ids.display()))
        .unwrap();
    scripts.script("after", &format!("{TEXT}echo one; {note}; sleep 1000")).unwrap();
    scripts
        .script("stubborn", &format!("trap '' TERM; {note}; while true; do sleep 1; done"))
        .unwrap();
    scripts.script("floods", &format!("{note}; {TEXT}yes")).unwrap();
    let thimble = scripts.serve(&[] as &[&str]);
    for (name, processes) in [("before", 2), ("after", 1), ("stubborn", 1), ("floods", 1)] {
        for pipelined in ["", "GET /next HTTP/1.1\r\nHost: a\r\n\r\n"] {
            fs::write(&ids, "").unwrap();
            let mut client = thimble.connect();
            let line = format!("GET /cgi-bin/{name}");
            client.send([request(&line, "", b""), pipelined.into()].concat()).unwrap();
            let started = until("it starts", Duration::from_mins(1), || {
                let text = fs::read_to_string(&ids).unwrap();
                let ids: Vec<i32> = text.lines().map(|line| line.parse().unwrap()).collect();
                (ids.len() == processes).then_some(ids)
            });
            drop(client);
            for id in started {
                wait_until_gone(id);
            }
        }
    }
    thimble.log_line(|line| line.contains("cgi-bin/before: the client left"));
    wait_for_the_end(&thimble);
}

/// The lines that the log has of this request.
fn lines_of(log: &str, line: &str) -> Vec<String> {
    let line = format!("\"{line} HTTP/1.1\"");
    log.lines().filter(|found| found.contains(&line)).map(str::to_owned).collect()
}

#[test]
fn a_client_that_leaves_before_the_reply_has_one_line_in_the_log_and_a_reason() {
    let scripts = Scripts::new().unwrap();
    let gate = scripts.folder.at("gate").unwrap();
    let wait = format!("while [ ! -e {} ]; do sleep 0.02; done", gate.display());
    scripts.script("waits", &format!("{TEXT}echo in; {wait}")).unwrap();
    for name in ["closes", "resets", "sends", "chunks", "queued"] {
        scripts.script(name, "exec sleep 1000").unwrap();
    }
    let thimble = scripts.serve(&["--cgi-max", "1"]);
    let leave = |name: &str, line: &str, fields: &str, content: &[u8], reason: &str| {
        let mut client = thimble.connect();
        client.send(request(line, fields, content)).unwrap();
        thread::sleep(Duration::from_millis(300));
        if name == "resets" {
            sockopt::set_socket_linger(client.stream(), Some(Duration::ZERO)).unwrap();
        }
        drop(client);
        let told = format!("{}: cgi-bin/{name}: {reason}", thimble.name());
        thimble.log_line(|found| found == told);
        thimble.log_line(|found| !lines_of(found, line).is_empty());
    };
    let left = "the client left";
    leave("closes", "GET /cgi-bin/closes", "", b"", left);
    leave("resets", "GET /cgi-bin/resets", "", b"", left);
    let fields = "Content-Length: 9\r\n";
    leave("sends", "POST /cgi-bin/sends", fields, b"some", "the request ended within its content");
    let fields = "Transfer-Encoding: chunked\r\n";
    leave("chunks", "POST /cgi-bin/chunks", fields, b"1\r\na\r\n0\r\n\r\n", left);
    wait_for_the_end(&thimble);
    let mut held = thimble.connect();
    held.send(request("GET /cgi-bin/waits", "", b"")).unwrap();
    while !held.some().unwrap().ends_with(b"in\n\r\n") {}
    leave("queued", "GET /cgi-bin/queued", "", b"", left);
    fs::write(&gate, "").unwrap();
    wait_for_the_end(&thimble);
    thread::sleep(Duration::from_millis(300));
    let log = thimble.log();
    for line in [
        "GET /cgi-bin/closes",
        "GET /cgi-bin/resets",
        "POST /cgi-bin/sends",
        "POST /cgi-bin/chunks",
        "GET /cgi-bin/queued",
    ] {
        assert_eq!(lines_of(&log, line).len(), 1, "{line}: {log}");
    }
}

#[test]
fn a_server_that_is_made_to_end_says_so_and_resets() {
    let scripts = Scripts::new().unwrap();
    let id = scripts.folder.at("id").unwrap();
    scripts.script("hang", &format!("exec 2>{}; echo $$ >&2; sleep 1000", id.display())).unwrap();
    // In HTTP/1.0 there is no interim reply, which a client that has shut its side would get otherwise.
    for half_closes in [false, true] {
        let _ = fs::remove_file(&id);
        let mut thimble = scripts.serve(&[] as &[&str]);
        let mut client = thimble.connect();
        if half_closes {
            client.send("GET /cgi-bin/hang HTTP/1.0\r\n\r\n").unwrap();
            client.half_close().unwrap();
        } else {
            client.send(request("GET /cgi-bin/hang", "", b"")).unwrap();
        }
        until("it starts", Duration::from_mins(1), || {
            fs::read_to_string(&id).ok().filter(|text| text.ends_with('\n'))
        });
        thread::sleep(Duration::from_millis(100));
        thimble.signal(Signal::INT);
        thread::sleep(Duration::from_millis(300));
        thimble.signal(Signal::INT);
        let seen = client.some();
        let kind = seen.as_ref().map_err(std::io::Error::kind);
        assert_eq!(kind, Err(std::io::ErrorKind::ConnectionReset), "{seen:?}");
        assert!(thimble.ended_within(Duration::from_mins(1)).is_some());
        let log = thimble.log();
        assert!(!log.contains("the client left"), "{log}");
        assert!(log.matches("\"GET /cgi-bin/hang").count() <= 1, "{log}");
    }
}

#[test]
fn what_a_program_starts_does_not_hold_its_reply() {
    let scripts = Scripts::new().unwrap();
    let background = format!("{TEXT}sleep 1000 & echo $!");
    scripts.script("background", &background).unwrap();
    // It has closed its output, and goes on.
    scripts.script("goes-on", &format!("{TEXT}echo $$; exec >&- 2>&-; exec sleep 1000")).unwrap();
    let thimble = scripts.serve(&["-q", "--cgi-timeout", "50"]);
    let begun = Instant::now();
    for name in ["background", "goes-on"] {
        let reply = get(&thimble, &format!("/cgi-bin/{name}")).unwrap();
        let id = Pid::from_raw(reply.text().trim().parse().unwrap()).unwrap();
        // Nobody has ended it: it may have work to do.
        assert!(test_kill_process(id).is_ok(), "{name}");
        rustix::process::kill_process(id, Signal::KILL).unwrap();
    }
    assert!(begun.elapsed() < Duration::from_secs(40));
    wait_for_the_end(&thimble);
}

/// What follows a redirect is read and dropped, without any wait for the client.
#[test]
fn a_program_that_never_stops_talking_holds_up_nobody_else() {
    let scripts = Scripts::new().unwrap();
    scripts.folder.file("note.txt", "a note").unwrap();
    scripts.script("talks", "printf 'Location: /note.txt\n\n'; exec yes").unwrap();
    let thimble = scripts.serve(&["-q"]);
    let mut client = thimble.connect();
    client.send(request("GET /cgi-bin/talks", "", b"")).unwrap();
    let begun = Instant::now();
    for _ in 0..20 {
        assert_eq!(get(&thimble, "/note.txt").unwrap().text(), "a note");
    }
    assert!(begun.elapsed() < Duration::from_secs(40));
    drop(client);
    wait_for_the_end(&thimble);
}

#[test]
fn standard_error_is_logged_line_by_line() {
    let scripts = Scripts::new().unwrap();
    let say = "printf 'one\\ntwo \\033[2J\\007\\\\\\n\\r\\nno end' >&2";
    scripts.script("warns", &format!("{say}\n{TEXT}echo fine")).unwrap();
    scripts
        .script("much", &format!("{TEXT}yes 'a warning' | head -c 2000000 >&2; echo fine"))
        .unwrap();
    let thimble = scripts.serve(&[] as &[&str]);
    assert_eq!(get(&thimble, "/cgi-bin/warns").unwrap().text(), "fine\n");
    for line in ["one", "two \\x1b[2J\\x07\\x5c", "no end"] {
        let wanted = format!("{}: cgi-bin/warns: {line}", thimble.name());
        thimble.log_line(|found| found == wanted);
    }
    assert_eq!(get(&thimble, "/cgi-bin/much").unwrap().text(), "fine\n");
}

#[test]
fn only_so_many_run_at_a_time() {
    let scripts = Scripts::new().unwrap();
    let gate = scripts.folder.at("gate").unwrap();
    let wait = format!("while [ ! -e {} ]; do sleep 0.02; done", gate.display());
    scripts.script("waits", &format!("{TEXT}echo in; {wait}")).unwrap();
    scripts.script("quick", &format!("{TEXT}echo done")).unwrap();
    let thimble = scripts.serve(&["-q", "--cgi-max", "2"]);
    let occupy = || {
        let mut client = thimble.connect();
        client.send(request("GET /cgi-bin/waits", "", b"")).unwrap();
        let mut seen = Vec::new();
        while !seen.ends_with(b"in\n\r\n") {
            seen.extend(client.some().unwrap());
        }
        client
    };
    let held = (occupy(), occupy());
    // The third one waits in vain.
    let busy = get(&thimble, "/cgi-bin/quick").unwrap();
    assert_eq!((busy.status, busy.field("Retry-After")), (503, Some("5")));
    // A file waits for none of them.
    scripts.folder.file("file.txt", "a file\n").unwrap();
    assert_eq!(get(&thimble, "/file.txt").unwrap().status, 200);
    // Those who still wait when there is room have their turn, whoever left the queue before them.
    let mut waiting: Vec<_> = (0..4).map(|_| thimble.connect()).collect();
    for client in &mut waiting {
        client.send(request("GET /cgi-bin/quick", "", b"")).unwrap();
    }
    drop(waiting.remove(1));
    thread::sleep(Duration::from_millis(100));
    fs::write(&gate, "").unwrap();
    for mut client in waiting {
        assert_eq!(client.reply().unwrap().text(), "done\n");
    }
    drop(held);
    wait_for_the_end(&thimble);
}

#[test]
fn who_leaves_before_its_turn_starts_no_program() {
    let scripts = Scripts::new().unwrap();
    let [gate, note] = ["gate", "note"].map(|name| scripts.folder.at(name).unwrap());
    let wait = format!("while [ ! -e {} ]; do sleep 0.02; done", gate.display());
    scripts.script("waits", &format!("{TEXT}echo in; {wait}")).unwrap();
    scripts
        .script("notes", &format!("echo $QUERY_STRING >>{}; {TEXT}cat", note.display()))
        .unwrap();
    let thimble = scripts.serve(&["--cgi-max", "1"]);
    let mut held = thimble.connect();
    held.send(request("GET /cgi-bin/waits", "", b"")).unwrap();
    let mut seen = Vec::new();
    while !seen.ends_with(b"in\n\r\n") {
        seen.extend(held.some().unwrap());
    }
    let queued: Vec<_> = [
        request("GET /cgi-bin/notes?closed", "", b""),
        request("POST /cgi-bin/notes?sends", "Content-Length: 3\r\n", b"a"),
        request(
            "POST /cgi-bin/notes?chunks",
            "Transfer-Encoding: chunked\r\n",
            b"1\r\na\r\n0\r\n\r\n",
        ),
        request("POST /cgi-bin/notes?waits", "Content-Length: 3\r\nExpect: 100-continue\r\n", b""),
    ]
    .into_iter()
    .map(|request| {
        let mut client = thimble.connect();
        client.send(request).unwrap();
        client
    })
    .collect();
    // This one only ends its side, and reads on.
    let mut half = thimble.connect();
    half.send(request("GET /cgi-bin/notes?half", "", b"")).unwrap();
    half.half_close().unwrap();
    thread::sleep(Duration::from_millis(300));
    drop(queued);
    thread::sleep(Duration::from_millis(700));
    fs::write(&gate, "").unwrap();
    // It was asked whether it is there.
    let replies = [half.reply().unwrap().status, half.reply().unwrap().status];
    assert_eq!(replies, [100, 200]);
    assert_eq!(get(&thimble, "/cgi-bin/notes?last").unwrap().status, 200);
    wait_for_the_end(&thimble);
    let noted = fs::read_to_string(note).unwrap();
    assert_eq!(noted, "half\nlast\n", "{}", thimble.log());
}

#[test]
fn a_program_inherits_nothing() {
    let scripts = Scripts::new().unwrap();
    scripts.script("open", &format!("{TEXT}exec ls -l /proc/self/fd")).unwrap();
    scripts
        .script("signals", &format!("{TEXT}exec grep -E '^Sig(Blk|Ign)' /proc/self/status"))
        .unwrap();
    scripts.script("group", &format!("{TEXT}exec cut -d' ' -f1,5 /proc/self/stat")).unwrap();
    let thimble = scripts.serve(&["-q"]);
    // Others are under way.
    let mut others: Vec<_> = (0..5).map(|_| thimble.connect()).collect();
    for client in &mut others {
        client.send("POST /cgi-bin/open HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n").unwrap();
    }
    let text = get(&thimble, "/cgi-bin/open").unwrap().text();
    let open = text.lines().filter_map(|line| line.split_once(" -> "));
    let mut names: Vec<_> = open
        .map(|(start, target)| (start.rsplit(' ').next().unwrap(), target))
        // Whoever runs this test may have given something to it, and so to the server.
        .filter(|(name, target)| {
            let own = fs::read_link(format!("/proc/self/fd/{name}")).unwrap_or_default();
            own.to_str() != Some(*target) || *name == "0"
        })
        .map(|(name, _)| name)
        .collect();
    names.sort_unstable();
    // Besides the first three, the folder that lists them.
    assert_eq!(names, ["0", "1", "2", "3"], "{text}");
    assert!(text.contains("0 -> /dev/null") && text.contains("3 -> /proc/"), "{text}");
    let signals = get(&thimble, "/cgi-bin/signals").unwrap().text();
    for line in signals.lines() {
        let (name, mask) = line.split_once('\t').unwrap();
        // Whoever runs this test may ignore some, as nohup does.
        let own = fs::read_to_string("/proc/self/status").unwrap();
        let own = own.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('\t')).unwrap();
        let [mask, own] = [mask, own].map(|mask| u64::from_str_radix(mask, 16).unwrap());
        // The two that lie behind these are the C library's own; 13 is SIGPIPE, which Rust's programs ignore.
        let ordinary = mask & 0x7fff_ffff & !(own & !(1 << 12));
        assert_eq!(ordinary, 0, "{signals}");
    }
    let group = get(&thimble, "/cgi-bin/group").unwrap().text();
    let (id, leader) = group.trim().split_once(' ').unwrap();
    assert_eq!(id, leader, "it leads a group of its own");
}

#[test]
fn nothing_is_left_after_many() {
    let scripts = Scripts::new().unwrap();
    scripts.script("quick", &format!("{TEXT}echo done")).unwrap();
    scripts.script("echo", &format!("{TEXT}cat")).unwrap();
    scripts.script("dies", "kill -9 $$").unwrap();
    let thimble = scripts.serve(&["-q"]);
    let descriptors = || fs::read_dir(format!("/proc/{}/fd", thimble.id())).unwrap().count();
    let mut clients: Vec<_> = (0..4).map(|_| thimble.connect()).collect();
    let mut before = None;
    for round in 0..25 {
        for client in &mut clients {
            client.send(request("GET /cgi-bin/quick", "", b"")).unwrap();
            client.send(request("POST /cgi-bin/echo", "Content-Length: 2\r\n", b"ab")).unwrap();
            client.send(request("GET /cgi-bin/dies", "", b"")).unwrap();
        }
        for client in &mut clients {
            assert_eq!(client.reply().unwrap().text(), "done\n");
            assert_eq!(client.reply().unwrap().text(), "ab");
            assert_eq!(client.reply().unwrap().status, 502);
        }
        if round == 4 {
            before = Some(descriptors());
        }
    }
    wait_for_the_end(&thimble);
    assert!(descriptors() <= before.unwrap(), "{} descriptors", descriptors());
}

#[test]
fn a_stopping_server_lets_programs_finish_and_ends_those_that_do_not() {
    let scripts = Scripts::new().unwrap();
    let gate = scripts.folder.at("gate").unwrap();
    let wait = format!("while [ ! -e {} ]; do sleep 0.02; done", gate.display());
    scripts.script("waits", &format!("{TEXT}echo in; {wait}; echo out")).unwrap();
    scripts.script("for-ever", &format!("{TEXT}{FOR_EVER}")).unwrap();
    let mut thimble = scripts.serve(&["-q"]);
    let mut client = thimble.connect();
    client.send(request("GET /cgi-bin/waits", "", b"")).unwrap();
    assert!(!client.some().unwrap().is_empty());
    let mut other = thimble.connect();
    other.send(request("GET /cgi-bin/for-ever", "", b"")).unwrap();
    let mut seen = String::new();
    let number: i32 = until("it starts", Duration::from_mins(1), || {
        seen += &String::from_utf8_lossy(&other.some().unwrap());
        seen.lines().find_map(|line| line.parse().ok().filter(|id| *id > 1000))
    });
    thimble.signal(Signal::TERM);
    fs::write(&gate, "").unwrap();
    let mut rest = String::new();
    while !rest.contains("out") {
        rest += &String::from_utf8_lossy(&client.some().unwrap());
    }
    // The second signal ends the rest at once.
    thimble.signal(Signal::TERM);
    assert!(thimble.ended_within(Duration::from_mins(1)).is_some());
    wait_until_gone(number);
}

/// A script that tells its number and those of others that it has started, and ends by no TERM.
const STUBBORN: &str = "trap '' TERM; (trap '' TERM; exec sleep 1000) & echo $$ $!; wait; wait";

/// Has a stubborn script run for a client. Returns the client, and the numbers of the processes.
fn run_stubborn(thimble: &Thimble) -> (Client, Vec<i32>) {
    let mut client = thimble.connect();
    client.send(request("GET /cgi-bin/stubborn", "", b"")).unwrap();
    let mut seen = String::new();
    let ids = until("it starts", Duration::from_mins(1), || {
        seen += &String::from_utf8_lossy(&client.some().unwrap());
        let ids: Vec<_> = seen.lines().rev().find(|line| line.contains(' '))?.split(' ').collect();
        let ids: Option<Vec<_>> = ids.into_iter().map(|id| id.trim().parse().ok()).collect();
        ids.filter(|ids| ids.len() == 2)
    });
    (client, ids)
}

#[test]
fn a_server_that_is_made_to_end_leaves_no_program() {
    let scripts = Scripts::new().unwrap();
    scripts.script("stubborn", &format!("{TEXT}{STUBBORN}")).unwrap();
    for flags in [&["-q"] as &[&str], &["-q", "--workers", "2"]] {
        for signal in [Signal::INT, Signal::TERM] {
            let mut thimble = scripts.serve(flags);
            let (_first, mut ids) = run_stubborn(&thimble);
            let (second, more) = run_stubborn(&thimble);
            ids.extend(more);
            // That one was told to end, and has not.
            drop(second);
            thread::sleep(Duration::from_millis(100));
            thimble.signal(signal);
            thread::sleep(Duration::from_millis(200));
            thimble.signal(signal);
            assert!(thimble.ended_within(Duration::from_mins(1)).is_some());
            for id in ids {
                wait_until_gone(id);
            }
        }
    }
}

#[test]
fn a_worker_that_is_killed_leaves_no_program() {
    let scripts = Scripts::new().unwrap();
    scripts.script("stubborn", &format!("{TEXT}{STUBBORN}")).unwrap();
    scripts.script("goes-on", &format!("{TEXT}echo $$; exec >&- 2>&-; exec sleep 1000")).unwrap();
    let thimble = scripts.serve(&["-q", "--workers", "1"]);
    let workers = || {
        let all = children(thimble.id()).into_iter().map(|child| child.id);
        all.filter(|id| threads(*id).iter().any(|name| name == "thimble-orders"))
            .collect::<Vec<_>>()
    };
    // It was left on purpose by a worker that is replaced in order.
    let reply = get(&thimble, "/cgi-bin/goes-on").unwrap();
    let left: i32 = reply.text().trim().parse().unwrap();
    let first = until("one serves", Duration::from_mins(1), || workers().first().copied());
    thimble.signal(Signal::HUP);
    until("it is replaced", Duration::from_mins(1), || {
        let is_there = children(thimble.id()).iter().any(|child| child.id == first);
        (!is_there && !workers().is_empty()).then_some(())
    });
    let (client, ids) = run_stubborn(&thimble);
    let killed = *workers().first().unwrap();
    signal(killed, Signal::KILL);
    for id in ids {
        wait_until_gone(id);
    }
    drop(client);
    assert!(test_kill_process(Pid::from_raw(left).unwrap()).is_ok(), "it goes on");
    rustix::process::kill_process(Pid::from_raw(left).unwrap(), Signal::KILL).unwrap();
    // Nobody else waits for it.
    wait_until_gone(left);
    until("another serves", Duration::from_mins(1), || workers().first().copied());
    assert_eq!(children(thimble.id()).len(), 1);
}
