//! TLS: what clients get by it, which certificates serve, and what becomes of those who speak it badly.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::fs;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256, date_time_ymd};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use thimble_tests::command::folder::{Folder, PAGE};
use thimble_tests::command::processes::{children, threads};
use thimble_tests::command::scripts::{Scripts, TEXT};
use thimble_tests::command::{Signal, Thimble, run, thimble};
use thimble_tests::until::until;
use thimble_tests::wire::client::{Client, TIME_LIMIT};

/// A certificate and its key in a folder that is not served.
struct Pair {
    folder: Folder,
    certificate: PathBuf,
    key: PathBuf,
}

impl Pair {
    fn new() -> Self {
        let folder = Folder::new().unwrap();
        let (certificate, key) = (folder.at("cert.pem").unwrap(), folder.at("key.pem").unwrap());
        let pair = Self { folder, certificate, key };
        pair.renew();
        pair
    }

    /// Puts another certificate and key into the files.
    fn renew(&self) {
        self.with_years(2020, 2999);
    }

    fn with_years(&self, from: i32, until: i32) {
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let mut params = CertificateParams::new(names).unwrap();
        params.not_before = date_time_ymd(from, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().unwrap();
        fs::write(&self.certificate, params.self_signed(&key).unwrap().pem()).unwrap();
        fs::write(&self.key, key.serialize_pem()).unwrap();
    }

    fn flags(&self) -> [&str; 4] {
        ["--tls-cert", text(&self.certificate), "--tls-key", text(&self.key)]
    }

    fn serve(&self, folder: &Folder, flags: &[&str]) -> Thimble {
        Thimble::serve(folder.path(), &[&self.flags(), flags].concat())
    }

    /// Serves a few pages.
    fn serve_pages(&self, flags: &[&str]) -> Thimble {
        for (name, content) in [("index.html", PAGE), ("note.txt", "one line\n")] {
            self.folder.file(&format!("pages/{name}"), content).unwrap();
        }
        Thimble::serve(self.folder.path().join("pages"), &[&self.flags(), flags].concat())
    }

    fn der(&self) -> CertificateDer<'static> {
        CertificateDer::from_pem_file(&self.certificate).unwrap()
    }

    /// A connection that trusts this certificate alone; the handshake comes with the first octets.
    fn connect(&self, thimble: &Thimble) -> Tls {
        connect(thimble, self.der())
    }

    /// What curl writes.
    fn curl(&self, arguments: &[&str]) -> Vec<u8> {
        let output = self.try_curl(arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    fn try_curl(&self, arguments: &[&str]) -> std::process::Output {
        run(Command::new("curl")
            .args(["-q", "--noproxy", "*", "-sS", "--max-time", "60", "--cacert"])
            .arg(&self.certificate)
            .args(arguments))
    }
}

type Tls = StreamOwned<ClientConnection, TcpStream>;

fn connect(thimble: &Thimble, root: CertificateDer<'static>) -> Tls {
    let mut roots = RootCertStore::empty();
    roots.add(root).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let stream = TcpStream::connect(thimble.address()).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(TIME_LIMIT)).unwrap();
    stream.set_write_timeout(Some(TIME_LIMIT)).unwrap();
    StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), stream)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// All that comes until the server says that nothing follows. An end without that is an error.
fn all(tls: &mut Tls) -> io::Result<String> {
    let mut octets = Vec::new();
    tls.read_to_end(&mut octets)?;
    Ok(String::from_utf8_lossy(&octets).into_owned())
}

/// What comes until `end` is in it.
fn until_end(tls: &mut Tls, end: &str) -> String {
    let mut octets = Vec::new();
    while !octets.windows(end.len()).any(|window| window == end.as_bytes()) {
        let mut piece = [0; 4096];
        let count = tls.read(&mut piece).unwrap();
        assert!(count > 0, "{}", String::from_utf8_lossy(&octets));
        octets.extend(piece.iter().take(count));
    }
    String::from_utf8_lossy(&octets).into_owned()
}

/// Octets that tell pieces that are missing or in another order.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..length).map(|_| next()).collect()
}

/// What openssl says of a connection on which nothing is asked.
fn s_client(thimble: &Thimble, arguments: &[&str]) -> String {
    let address = thimble.address().to_string();
    let output = run(Command::new("openssl")
        .args(["s_client", "-connect", &address])
        .args(arguments)
        .stdin(std::process::Stdio::null()));
    let said = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&said).into_owned()
}

/// The command doesn't start with these flags, and says why in one line that has `wanted`.
fn is_refused(flags: &[&str], wanted: &str) {
    let folder = Folder::with_pages().unwrap();
    for more in [&[][..], &["--workers", "2"]] {
        let output = run(thimble().arg(folder.path()).args(["-p", "0"]).args(flags).args(more));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(wanted), "{flags:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{flags:?} {more:?}: {said}");
    }
}

#[test]
fn curl_gets_pages_and_files_and_sends_forms() {
    let (pair, folder, kept) = (Pair::new(), Folder::with_pages().unwrap(), Folder::new().unwrap());
    let big = noise(5_000_000);
    let path = folder.file("big.bin", &big).unwrap();
    let thimble = pair.serve(&folder, &["--uploads", text(kept.path())]);
    assert!(thimble.banner().contains(" at https://127.0.0.1:"), "{}", thimble.banner());
    let (root, note, url) = (thimble.url("/"), thimble.url("/note.txt"), thimble.url("/big.bin"));
    assert_eq!(pair.curl(&[&root]), PAGE.as_bytes());
    assert!(pair.curl(&[&url]) == big, "the file came otherwise");
    assert_eq!(pair.curl(&["-r", "4000000-4000099", &url]), big[4_000_000..4_000_100]);
    let head = String::from_utf8(pair.curl(&["-I", &url])).unwrap();
    assert!(head.starts_with("HTTP/1.1 200 ") && head.contains("Content-Length: 5000000\r\n"));
    assert!(!head.contains("Strict-Transport-Security"), "{head}");
    let posted = String::from_utf8(pair.curl(&["-d", "name=Ada", &root])).unwrap();
    assert!(posted.contains("Ada"), "{posted}");
    pair.curl(&["-F", &format!("file=@{}", text(&path)), &root]);
    assert!(fs::read(kept.path().join("big.bin")).unwrap() == big, "the upload is kept otherwise");
    let connects =
        pair.curl(&["-w", "%{num_connects} ", "-o", "/dev/null", &root, "-o", "/dev/null", &note]);
    assert_eq!(connects, b"1 0 ");
    let moved = pair.curl(&["-w", "%{http_code} %{redirect_url}", &thimble.url("/sub")]);
    let moved = String::from_utf8(moved).unwrap();
    assert!(
        moved.ends_with(&format!("301 {}", thimble.url("/sub/")))
            || moved.ends_with(&format!("308 {}", thimble.url("/sub/"))),
        "{moved}"
    );
    for flag in ["--tlsv1.3", "--tls-max=1.2", "--http1.0", "--http2"] {
        let flag: Vec<_> = flag.split('=').collect();
        assert_eq!(pair.curl(&[&flag[..], &[&note]].concat()), b"one line\n", "{flag:?}");
    }
    // For a proxy, and for one that is none.
    for target in ["https://localhost/note.txt", "http://localhost/note.txt"] {
        assert_eq!(pair.curl(&["--request-target", target, &root]), b"one line\n", "{target}");
    }
}

#[test]
fn versions_and_protocols_are_those_that_are_sound() {
    let pair = Pair::new();
    let thimble = pair.serve_pages(&[]);
    let weak = ["-cipher", "ALL:@SECLEVEL=0"];
    for (arguments, wanted) in [
        (vec!["-tls1_3", "-alpn", "h2,http/1.1"], "TLSv1.3, Cipher is TLS_AES"),
        (vec!["-tls1_2", "-alpn", "http/1.1"], "TLSv1.2, Cipher is ECDHE-ECDSA"),
        (vec!["-tls1_2", "-alpn", "h2,http/1.1"], "ALPN protocol: http/1.1"),
        (vec!["-tls1_3"], "No ALPN negotiated"),
        (vec!["-servername", "whatever.example"], "Verify return code"),
        (vec!["-noservername"], "Verify return code"),
        (vec!["-tls1_2"], "Secure Renegotiation IS supported"),
        (vec!["-alpn", "h2"], "alert no application protocol"),
        ([&["-tls1_1"], &weak[..]].concat(), "alert"),
        ([&["-tls1"], &weak[..]].concat(), "alert"),
        (vec!["-tls1_2", "-cipher", "AES128-SHA"], "alert handshake failure"),
    ] {
        let said = s_client(&thimble, &arguments);
        assert!(said.contains(wanted), "{arguments:?}: {said}");
    }
    assert!(thimble.log().lines().all(|line| line.contains("\"-\"") || line.is_empty()));
}

#[test]
fn what_comes_in_the_clear_is_told_how_to_come() {
    let pair = Pair::new();
    let thimble = pair.serve_pages(&[]);
    let content = "x".repeat(100_000);
    let post = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n{content}");
    for request in
        ["GET / HTTP/1.1\r\nHost: a\r\n\r\n", &post, "GET / HTTP/1.0\r\n\r\n", "HELP\r\n"]
    {
        let mut client = thimble.connect();
        client.send(request).unwrap();
        let reply = client.reply().unwrap();
        let start = request.get(..20).unwrap_or(request);
        assert_eq!((reply.status, reply.field("Connection")), (400, Some("close")), "{start}");
        assert!(request == "HELP\r\n" || reply.text().contains("use https://"), "{reply:?}");
        assert!(reply.field("Date").is_some(), "{start}");
        client.half_close().unwrap();
        assert_eq!(client.drain().unwrap(), b"", "{start}");
    }
    // Octet by octet, and with a page for a browser.
    let mut client = thimble.connect();
    for octet in "GET / HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\n\r\n".bytes() {
        client.send([octet]).unwrap();
    }
    let reply = client.reply().unwrap();
    assert_eq!(
        (reply.status, reply.field("Content-Type")),
        (400, Some("text/html; charset=utf-8"))
    );
    assert!(reply.text().contains("https://"), "{reply:?}");
    // Whoever speaks TLS where it isn't spoken is refused, as ever.
    let folder = Folder::with_pages().unwrap();
    let plain = Thimble::serve(folder.path(), &["-q"]);
    let said = s_client(&plain, &[]);
    assert!(said.contains("wrong version number"), "{said}");
}

#[test]
fn keys_and_certificates_that_are_of_no_use_are_named() {
    let (pair, other) = (Pair::new(), Pair::new());
    let [certificate, key] = [text(&pair.certificate), text(&pair.key)];
    is_refused(
        &["--tls-cert", certificate, "--tls-key", text(&other.key)],
        "that of another certificate",
    );
    is_refused(&["--tls-cert", certificate], "there is no private key in");
    is_refused(&["--tls-cert", key, "--tls-key", key], "there is no certificate in");
    is_refused(
        &["--tls-cert", "/no/such/file", "--tls-key", key],
        "there is no file '/no/such/file'",
    );
    is_refused(
        &["--tls-cert", certificate, "--tls-key", "/no/such/file"],
        "there is no file '/no/such/file'",
    );
    other.with_years(2001, 2020);
    is_refused(&other.flags(), "has expired at 2020-01-01");
    other.with_years(2998, 2999);
    is_refused(&other.flags(), "is not valid until 2998-01-01");
    let broken = pair
        .folder
        .file("broken.pem", "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n")
        .unwrap();
    is_refused(&["--tls-cert", text(&broken), "--tls-key", key], "can't be read");
    let broken = pair
        .folder
        .file("empty.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        .unwrap();
    is_refused(&["--tls-cert", text(&broken), "--tls-key", key], "can't be used");
    let encrypted = pair.folder.at("encrypted.pem").unwrap();
    for arguments in [
        vec!["pkey", "-aes256", "-passout", "pass:secret"],
        vec!["ec", "-aes256", "-passout", "pass:secret"],
    ] {
        let output = run(Command::new("openssl").args(arguments).args([
            "-in",
            key,
            "-out",
            text(&encrypted),
        ]));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        is_refused(
            &["--tls-cert", certificate, "--tls-key", text(&encrypted)],
            "is encrypted: decrypt it by openssl pkey",
        );
    }
    // Both in one file, and a key of RSA.
    let both = [fs::read(&pair.key).unwrap(), fs::read(&pair.certificate).unwrap()].concat();
    let both = pair.folder.file("both.pem", both).unwrap();
    let folder = Folder::with_pages().unwrap();
    let thimble = Thimble::serve(folder.path(), &["--tls-cert", text(&both)]);
    assert_eq!(pair.curl(&[&thimble.url("/note.txt")]), b"one line\n");
    let rsa = KeyPair::generate_for(&PKCS_RSA_SHA256);
    // ring makes no such keys.
    assert!(rsa.is_err());
    let output = run(Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"])
        .args(["-keyout", text(&other.key), "-out", text(&other.certificate)]));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let thimble = other.serve(&folder, &[]);
    assert_eq!(other.curl(&[&thimble.url("/note.txt")]), b"one line\n");
    // A key among the pages is not kept a secret from who runs it.
    let inside = folder.file("key.pem", fs::read(&pair.key).unwrap()).unwrap();
    let thimble =
        Thimble::serve(folder.path(), &["--tls-cert", certificate, "--tls-key", text(&inside)]);
    thimble.log_line(|line| line.contains("can be downloaded"));
}

#[test]
fn a_certificate_is_made_for_a_run() {
    let folder = Folder::with_pages().unwrap();
    let thimble = Thimble::serve(folder.path(), &["--tls"]);
    let line = thimble.out_line(|line| line.contains("fingerprint"));
    let printed = line.rsplit(' ').next().unwrap().to_owned();
    let pem = s_client(&thimble, &[]);
    let is_end = |line: &&str| *line == "-----END CERTIFICATE-----";
    let lines = pem.lines().skip_while(|line| !line.starts_with("-----BEGIN"));
    let mut lines: Vec<_> = lines.take_while(|line| !is_end(line)).collect();
    lines.push("-----END CERTIFICATE-----");
    let file = Folder::new().unwrap().path().with_extension("pem");
    fs::write(&file, lines.join("\n")).unwrap();
    let output = run(Command::new("openssl")
        .args([
            "x509",
            "-noout",
            "-fingerprint",
            "-sha256",
            "-ext",
            "subjectAltName,extendedKeyUsage",
            "-in",
        ])
        .arg(&file));
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(shown.contains(&format!("Fingerprint={printed}")), "{printed} {shown}");
    for name in
        ["DNS:localhost", "IP Address:127.0.0.1", "IP Address:0:0:0:0:0:0:0:1", "TLS Web Server"]
    {
        assert!(shown.contains(name), "{name}: {shown}");
    }
    // Whoever trusts it, gets pages.
    let trusting = run(Command::new("curl")
        .args(["-q", "--noproxy", "*", "-sS", "--cacert", text(&file)])
        .arg(thimble.url("/note.txt")));
    let _ = fs::remove_file(&file);
    assert_eq!(trusting.stdout, b"one line\n", "{}", String::from_utf8_lossy(&trusting.stderr));
    let mistrusting =
        run(Command::new("curl").args(["-q", "--noproxy", "*", "-sS", &thimble.url("/")]));
    assert_eq!(mistrusting.status.code(), Some(60), "curl knows it not");
}

#[test]
fn workers_have_the_same_certificate() {
    let folder = Folder::with_pages().unwrap();
    let thimble = Thimble::serve(folder.path(), &["--tls", "--workers", "2"]);
    let line = thimble.out_line(|line| line.contains("fingerprint"));
    let root = first_certificate(&s_client(&thimble, &[]));
    for round in 0..6 {
        let mut tls = connect(&thimble, root.clone());
        tls.write_all(b"GET /note.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
        assert!(all(&mut tls).unwrap().ends_with("one line\n"));
        if round == 2 {
            thimble.signal(Signal::HUP);
            thread::sleep(Duration::from_millis(500));
        }
    }
    assert_eq!(thimble.out().matches("fingerprint").count(), 1, "{line}");
}

fn first_certificate(said: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(said.as_bytes()).unwrap()
}

#[test]
fn files_are_read_again_at_a_hangup() {
    for workers in [&[][..], &["--workers", "2"]] {
        let pair = Pair::new();
        let thimble = pair.serve_pages(workers);
        let old = pair.der();
        let count = workers.len();
        let workers_before = until("all workers serve", TIME_LIMIT, || {
            Some(worker_ids(&thimble)).filter(|ids| ids.len() == count)
        });
        let mut before = connect(&thimble, old.clone());
        before.write_all(b"GET /note.txt HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        until_end(&mut before, "one line\n");
        pair.renew();
        let new = pair.der();
        assert_ne!(old, new);
        assert_eq!(first_certificate(&s_client(&thimble, &[])), old);
        thimble.signal(Signal::HUP);
        until("all workers are others", TIME_LIMIT, || {
            let workers = worker_ids(&thimble);
            let is_old = |worker| workers_before.contains(worker);
            (workers.len() == workers_before.len() && !workers.iter().any(is_old)).then_some(())
        });
        until("the new certificate is shown", TIME_LIMIT, || {
            (first_certificate(&s_client(&thimble, &[])) == new).then_some(())
        });
        if workers.is_empty() {
            // A connection that was open goes on.
            before.write_all(b"GET /note.txt HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
            until_end(&mut before, "one line\n");
        }
        fs::write(&pair.key, "nothing").unwrap();
        thimble.signal(Signal::HUP);
        thimble.log_line(|line| line.contains("there is no private key in"));
        thread::sleep(Duration::from_millis(300));
        assert_eq!(first_certificate(&s_client(&thimble, &[])), new, "the last good one stays");
        assert_eq!(pair.curl(&[&thimble.url("/note.txt")]), b"one line\n");
        thimble.signal(Signal::TERM);
    }
    // In the clear, it stops the server as ever.
    let folder = Folder::with_pages().unwrap();
    let mut plain = Thimble::serve(folder.path(), &["-q"]);
    plain.signal(Signal::HUP);
    assert!(plain.ended_within(TIME_LIMIT).unwrap().success());
}

/// The workers that serve: as many as the flag `--workers 2` has words.
fn worker_ids(thimble: &Thimble) -> Vec<u32> {
    let ids = children(thimble.id()).into_iter().map(|worker| worker.id);
    ids.filter(|id| threads(*id).iter().any(|name| name == "thimble-orders")).collect()
}

#[test]
fn who_stalls_in_a_handshake_gives_way() {
    let pair = Pair::new();
    let folder = Folder::with_pages().unwrap();
    let thimble = pair.serve(&folder, &["-q", "--head-timeout", "2", "--idle-timeout", "60"]);
    let mut idle = pair.connect(&thimble);
    idle.write_all(b"GET /note.txt HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    until_end(&mut idle, "one line\n");
    let silent = thimble.connect();
    let mut dripping = thimble.connect();
    let begun = Instant::now();
    // The start of a ClientHello, octet by octet.
    dripping.send([22, 3, 1, 1, 0, 1]).unwrap();
    while dripping.send([0]).is_ok() && begun.elapsed() < TIME_LIMIT / 2 {
        thread::sleep(Duration::from_millis(100));
    }
    assert!(begun.elapsed() >= Duration::from_millis(1500), "{:?}", begun.elapsed());
    assert!(begun.elapsed() < TIME_LIMIT / 2, "it goes on for ever");
    let (mut silent, mut octet) = (silent, [0]);
    assert!(!matches!(silent.stream().read(&mut octet), Ok(1..)));
    assert!(begun.elapsed() < TIME_LIMIT / 2, "{:?}", silent.some());
    // One that is idle has its own time.
    idle.write_all(b"GET /note.txt HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    until_end(&mut idle, "one line\n");
}

#[test]
fn places_are_given_up_in_handshakes_too() {
    let pair = Pair::new();
    let thimble = pair.serve_pages(&["-q", "--max-conns", "2"]);
    let stalled: Vec<Client> = (0..2).map(|_| thimble.connect()).collect();
    let mut tls = pair.connect(&thimble);
    tls.write_all(b"GET /note.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    assert!(all(&mut tls).unwrap().ends_with("one line\n"));
    drop(stalled);
}

#[test]
fn nothing_but_what_was_cut_ends_without_a_word() {
    let pair = Pair::new();
    let folder = Folder::with_pages().unwrap();
    folder.file("large.bin", noise(3_000_000)).unwrap();
    let thimble = pair.serve(&folder, &["-q", "--idle-timeout", "1"]);
    // After the last reply, short or long.
    for (path, version) in
        [("/note.txt", "1.1"), ("/large.bin", "1.1"), ("/note.txt", "1.0"), ("/none", "1.1")]
    {
        let mut tls = pair.connect(&thimble);
        let request = format!("GET {path} HTTP/{version}\r\nHost: a\r\nConnection: close\r\n\r\n");
        tls.write_all(request.as_bytes()).unwrap();
        let mut octets = Vec::new();
        assert!(tls.read_to_end(&mut octets).is_ok(), "{path} {version}");
    }
    // After a while without a request.
    let mut tls = pair.connect(&thimble);
    tls.write_all(b"GET /note.txt HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert!(all(&mut tls).unwrap().ends_with("one line\n"));
    // When the server stops.
    let other = pair.serve(&folder, &["-q"]);
    let mut tls = pair.connect(&other);
    tls.write_all(b"GET /note.txt HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    until_end(&mut tls, "one line\n");
    other.signal(Signal::TERM);
    assert_eq!(all(&mut tls).unwrap(), "");
    // A client that leaves in the same way is answered in the same way.
    let mut tls = pair.connect(&thimble);
    tls.write_all(b"GET /note.txt HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    tls.conn.send_close_notify();
    tls.flush().unwrap();
    assert!(all(&mut tls).unwrap().ends_with("one line\n"));
}

#[test]
fn content_that_is_cut_is_no_content() {
    let (pair, folder, kept) = (Pair::new(), Folder::with_pages().unwrap(), Folder::new().unwrap());
    let thimble = pair.serve(&folder, &["-q", "--uploads", text(kept.path())]);
    let form = "--x\r\nContent-Disposition: form-data; name=f; filename=a.txt\r\n\r\nhalf of it";
    for (framing, content) in [
        ("Content-Length: 500", form.to_owned()),
        ("Transfer-Encoding: chunked", format!("{:x}\r\n{form}\r\n", form.len())),
    ] {
        for says_so in [false, true] {
            let mut tls = pair.connect(&thimble);
            let head =
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=x";
            tls.write_all(format!("{head}\r\n{framing}\r\n\r\n{content}").as_bytes()).unwrap();
            if says_so {
                tls.conn.send_close_notify();
                tls.flush().unwrap();
            }
            tls.sock.shutdown(Shutdown::Write).unwrap();
            let reply = all(&mut tls).unwrap();
            assert!(reply.starts_with("HTTP/1.1 400 "), "{framing} {says_so}: {reply}");
        }
    }
    assert_eq!(fs::read_dir(kept.path()).unwrap().count(), 0);
    // A record that is no record ends it, whatever it was about to be.
    let mut tls = pair.connect(&thimble);
    tls.write_all(b"GET /note.txt HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    until_end(&mut tls, "one line\n");
    tls.sock.write_all(&[23, 3, 3, 0, 32]).unwrap();
    tls.sock.write_all(&[7; 32]).unwrap();
    let error = all(&mut tls).unwrap_err();
    assert!(
        matches!(
            error.kind(),
            ErrorKind::InvalidData | ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof
        ),
        "{error}"
    );
}

#[test]
fn requests_come_in_any_records() {
    let pair = Pair::new();
    let thimble = pair.serve_pages(&["-q"]);
    let get = "GET /note.txt HTTP/1.1\r\nHost: a\r\n\r\n";
    let last = "GET /note.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let mut tls = pair.connect(&thimble);
    tls.write_all(format!("{}{last}", get.repeat(300)).as_bytes()).unwrap();
    assert_eq!(all(&mut tls).unwrap().matches("HTTP/1.1 200 OK\r\n").count(), 301);
    let mut tls = pair.connect(&thimble);
    for octet in format!("{get}{last}").bytes() {
        tls.write_all(&[octet]).unwrap();
    }
    assert_eq!(all(&mut tls).unwrap().matches("HTTP/1.1 200 OK\r\n").count(), 2);
}

#[test]
fn slow_readers_cost_little_and_lose_nothing() {
    const READERS: usize = 20;
    let (pair, folder) = (Pair::new(), Folder::with_pages().unwrap());
    let large = noise(8_000_000);
    folder.file("large.bin", &large).unwrap();
    let thimble = pair.serve(&folder, &["-q"]);
    let memory = || {
        let status = fs::read_to_string(format!("/proc/{}/status", thimble.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<usize>().unwrap()
    };
    let before = memory();
    let mut readers: Vec<Tls> = (0..READERS)
        .map(|_| {
            let mut tls = pair.connect(&thimble);
            let request = b"GET /large.bin HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
            tls.write_all(request).unwrap();
            let mut octet = [0];
            tls.read_exact(&mut octet).unwrap();
            tls
        })
        .collect();
    thread::sleep(Duration::from_millis(500));
    let grown = memory().saturating_sub(before);
    assert!(grown < READERS * 512, "{grown} KiB for {READERS} readers");
    for tls in readers.iter_mut().take(3) {
        let mut octets = Vec::new();
        tls.read_to_end(&mut octets).unwrap();
        assert!(octets.ends_with(&large), "{} octets", octets.len());
    }
}

#[test]
fn programs_learn_of_it() {
    let (pair, scripts) = (Pair::new(), Scripts::new().unwrap());
    scripts.script("env", &format!("{TEXT}env")).unwrap();
    scripts.script("cat", &format!("{TEXT}cat")).unwrap();
    let thimble = pair.serve(&scripts.folder, &["--cgi"]);
    let port = thimble.address().port();
    let said = String::from_utf8(pair.curl(&[&thimble.url("/cgi-bin/env")])).unwrap();
    for line in
        ["HTTPS=on".to_owned(), "REQUEST_SCHEME=https".to_owned(), format!("SERVER_PORT={port}")]
    {
        assert!(said.lines().any(|said| said == line), "{line}: {said}");
    }
    let sent = noise(600_000);
    let file = pair.folder.file("sent", &sent).unwrap();
    let data = format!("@{}", text(&file));
    assert!(pair.curl(&["--data-binary", &data, &thimble.url("/cgi-bin/cat")]) == sent);
    // Content and reply at once, both slowly.
    let mut tls = pair.connect(&thimble);
    tls.write_all(
        b"POST /cgi-bin/cat HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\nConnection: close\r\n\r\n",
    )
    .unwrap();
    for piece in ["ab", "cd", "ef", "gh"] {
        tls.write_all(piece.as_bytes()).unwrap();
        until_end(&mut tls, &format!("{piece}\r\n"));
    }
    all(&mut tls).unwrap();
}
