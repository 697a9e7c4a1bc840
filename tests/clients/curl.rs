//! curl, as people call it, against the command.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use thimble_tests::command::folder::{Folder, PAGE, noise, site};
use thimble_tests::command::{Thimble, run};

/// Runs curl, which must succeed, and returns what it wrote to stdout and stderr.
fn curl(arguments: &[&str]) -> (Vec<u8>, String) {
    let output = run(Command::new("curl")
        .args(["-q", "--noproxy", "*", "--silent", "--show-error", "--max-time", "60"])
        .args(arguments)
        .stdin(Stdio::null()));
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "curl {arguments:?}: {log}");
    (output.stdout, log)
}

fn text(arguments: &[&str]) -> String {
    String::from_utf8(curl(arguments).0).unwrap()
}

/// The page around the submitted fields is the page.
fn assert_page_around(reply: &str, page: &str) {
    let (before, after) = page.split_once("<!-- form -->").unwrap();
    assert!(reply.starts_with(before), "{reply}");
    assert!(reply.ends_with(after), "{reply}");
}

#[test]
fn every_file_of_the_site_over_one_connection() {
    let thimble = Thimble::serve(site(), &["-q"]);
    let files: Vec<_> = files_below(&site());
    assert!(files.len() >= 4, "{files:?}");
    let target = Folder::new().unwrap();
    let saved: Vec<_> = (0..files.len())
        .map(|number| target.path().join(number.to_string()).display().to_string())
        .collect();
    let urls: Vec<_> = files.iter().map(|file| thimble.url(&format!("/{file}"))).collect();
    let mut arguments = vec!["--fail", "--write-out", "%{num_connects}\n"];
    for (url, file) in urls.iter().zip(&saved) {
        arguments.extend(["--output", file, url]);
    }
    let connects = text(&arguments);
    let connects: Vec<_> = connects.lines().collect();
    assert_eq!(connects.first(), Some(&"1"));
    assert_eq!(connects.iter().filter(|count| **count == "0").count(), files.len() - 1);
    for (file, saved) in files.iter().zip(&saved) {
        assert_eq!(fs::read(saved).unwrap(), fs::read(site().join(file)).unwrap(), "{file}");
    }
}

fn files_below(root: &Path) -> Vec<String> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                folders.push(path);
            } else if !name.starts_with('.') {
                files.push(name);
            }
        }
    }
    files
}

#[test]
fn next_mixes_methods_on_one_connection() {
    let folder = Folder::with_pages().unwrap();
    let thimble = Thimble::serve(folder.path(), &["-q"]);
    let (page, note, gone) = (thimble.url("/"), thimble.url("/note.txt"), thimble.url("/gone"));
    let show = "\n%{num_connects} %{http_code}\n";
    #[rustfmt::skip]
    let out = text(&[
        "--write-out", show, &note,
        "--next", "--silent", "--noproxy", "*", "--write-out", show, "--data", "a=1", &page,
        "--next", "--silent", "--noproxy", "*", "--write-out", show, "--head", "--output", "/dev/null", &page,
        "--next", "--silent", "--noproxy", "*", "--write-out", show, "--output", "/dev/null", &gone,
        "--next", "--silent", "--noproxy", "*", "--write-out", show, &note,
    ]);
    assert!(out.starts_with("one line\n\n1 200\n<!DOCTYPE html>"), "{out}");
    assert!(out.ends_with("\n0 200\n\n0 200\n\n0 404\none line\n\n0 200\n"), "{out}");
}

#[test]
fn http_1_0_gets_the_same_bytes_without_chunks() {
    let folder = Folder::with_pages().unwrap();
    let large = noise(3_000_000);
    folder.file("large.bin", &large).unwrap();
    let thimble = Thimble::serve(folder.path(), &["-q"]);
    let (out, log) = curl(&["--http1.0", "--verbose", &thimble.url("/large.bin")]);
    assert!(out == large);
    assert!(log.contains("> GET /large.bin HTTP/1.0"), "{log}");
    assert!(!log.to_ascii_lowercase().contains("< transfer-encoding"), "{log}");
    let posted = text(&["--http1.0", "--include", "--data", "firstname=Ada", &thimble.url("/")]);
    let (head, content) = posted.split_once("\r\n\r\n").unwrap();
    assert!(!head.to_ascii_lowercase().contains("transfer-encoding"), "{head}");
    assert_page_around(content, PAGE);
}

#[test]
fn an_upload_is_refused_and_the_next_request_is_served() {
    let folder = Folder::with_pages().unwrap();
    let thimble = Thimble::serve(folder.path(), &["-q"]);
    let (page, note) = (thimble.url("/"), thimble.url("/note.txt"));
    for (method, status) in [("PUT", "405"), ("POST", "415")] {
        let mut command = Command::new("curl");
        command
            .args(["-q", "--noproxy", "*", "--silent", "--show-error", "--max-time", "60"])
            .args(["--request", method, "--upload-file", "-", "--output", "/dev/null"])
            .args(["--dump-header", "-", &page])
            .args(["--next", "--silent", "--noproxy", "*", &note])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut upload = child.stdin.take().unwrap();
        // curl may have its answer and stop reading before it has read all.
        let _ = upload.write_all(&noise(200_000));
        drop(upload);
        let output = child.wait_with_output().unwrap();
        let out = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{method}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(out.contains(&format!("HTTP/1.1 {status} ")), "{method}: {out}");
        assert_eq!(status == "405", out.to_ascii_lowercase().contains("\nallow: "), "{out}");
        assert!(out.ends_with("\r\n\r\none line\n"), "{method}: {out}");
    }
}

#[test]
fn a_chunked_form_is_read_like_any_other() {
    let folder = Folder::with_pages().unwrap();
    let thimble = Thimble::serve(folder.path(), &["-q"]);
    let form = "firstname=Ada&lastname=Lovelace";
    let plain = text(&["--fail", "--data", form, &thimble.url("/")]);
    #[rustfmt::skip]
    let chunked = text(&[
        "--fail", "--header", "Transfer-Encoding: chunked", "--data", form, &thimble.url("/"),
    ]);
    assert_eq!(plain, chunked);
    assert_page_around(&chunked, PAGE);
    assert!(chunked.contains("Lovelace"), "{chunked}");
}

#[test]
fn a_form_may_come_with_files() {
    let folder = Folder::with_pages().unwrap();
    let thimble = Thimble::serve(folder.path(), &["-q"]);
    let large = folder.file("a \"large\" one; x=y.bin", noise(3_000_000)).unwrap();
    let file = format!("file=@\"{}\"", large.display().to_string().replace('"', "\\\""));
    #[rustfmt::skip]
    let shown = text(&[
        "--fail", "--form", "first \"name\"=Zoë\r\n<b>", "--form", &file,
        "--form", "none=;type=text/html", &thimble.url("/"),
    ]);
    assert_page_around(&shown, PAGE);
    for part in [
        "<dt>first &quot;name&quot;</dt><dd>Zoë\r\n&lt;b&gt;</dd>",
        "<dd><bdi>a &quot;large&quot; one; x=y.bin</bdi> <small>(<bdi>application/octet-stream</bdi>, 3000000 bytes)</small></dd>",
        "<dt>none</dt><dd></dd>",
    ] {
        assert!(shown.contains(part), "{shown}");
    }
}

#[test]
fn a_large_form_waits_for_100_continue() {
    let folder = Folder::with_pages().unwrap();
    let thimble = Thimble::serve(folder.path(), &["-q"]);
    let name = "thimble ".repeat(40_000);
    let form = folder.file("form", format!("firstname={}", name.replace(' ', "+"))).unwrap();
    let form = format!("@{}", form.display());
    #[rustfmt::skip]
    let (out, log) = curl(&[
        "--fail", "--verbose", "--header", "Expect: 100-continue", "--expect100-timeout", "50",
        "--data-binary", &form, &thimble.url("/"),
    ]);
    let out = String::from_utf8(out).unwrap();
    assert!(log.contains("< HTTP/1.1 100 "), "{log}");
    assert!(log.contains("< HTTP/1.1 200 "), "{log}");
    assert_page_around(&out, PAGE);
    assert!(out.contains(&name), "{}", out.len());
}

#[test]
fn a_form_too_large_is_refused_before_it_is_sent() {
    let folder = Folder::with_pages().unwrap();
    let thimble = Thimble::serve(folder.path(), &["-q", "--max-form", "1000"]);
    let form = folder.file("form", format!("a={}", "x".repeat(1001))).unwrap();
    let form = format!("@{}", form.display());
    #[rustfmt::skip]
    let out = text(&[
        "--header", "Expect: 100-continue", "--expect100-timeout", "50", "--data-binary", &form,
        "--output", "/dev/null", "--write-out", "%{http_code} %{size_upload}", &thimble.url("/"),
    ]);
    assert_eq!(out, "413 0");
    let fits = folder.file("form", format!("a={}", "x".repeat(998))).unwrap();
    let fits = format!("@{}", fits.display());
    let out = text(&["--fail", "--data-binary", &fits, &thimble.url("/")]);
    assert!(out.contains(&"x".repeat(998)), "{out}");
}

#[test]
fn head_declares_what_get_sends() {
    let thimble = Thimble::serve(site(), &["-q"]);
    let picture = fs::read(site().join("test.jpg")).unwrap();
    let head = text(&["--fail", "--head", &thimble.url("/test.jpg")]);
    let got =
        text(&["--fail", "--output", "/dev/null", "--dump-header", "-", &thimble.url("/test.jpg")]);
    let fields = |head: &str| -> Vec<String> {
        head.lines().filter(|line| !line.starts_with("Date:")).map(str::to_owned).collect()
    };
    assert_eq!(fields(&head), fields(&got));
    let head = head.to_ascii_lowercase();
    assert!(head.contains(&format!("content-length: {}\r\n", picture.len())), "{head}");
    assert!(head.contains("content-type: image/jpeg\r\n"), "{head}");
    assert!(head.contains("last-modified: "), "{head}");
}

#[test]
fn a_name_with_markup_comes_back_as_text() {
    let folder = Folder::with_pages().unwrap();
    let thimble = Thimble::serve(folder.path(), &["-q"]);
    let out = text(&[
        "--fail",
        "--data-urlencode",
        "firstname=<script>alert(1)</script> & \"Zoë\" 🪡",
        "--data-urlencode",
        "<b>=2",
        &thimble.url("/"),
    ]);
    assert_page_around(&out, PAGE);
    assert!(out.contains("&lt;script&gt;alert(1)&lt;/script&gt; &amp; "), "{out}");
    assert!(out.contains("Zoë"), "{out}");
    assert!(out.contains("🪡"), "{out}");
    assert!(out.contains("&lt;b&gt;"), "{out}");
    assert!(!out.contains("<script"), "{out}");
    assert!(!out.contains("<b>"), "{out}");
}

#[test]
fn a_folder_without_its_slash_redirects() {
    let folder = Folder::with_pages().unwrap();
    let thimble = Thimble::serve(folder.path(), &["-q"]);
    let out = text(&[
        "--fail",
        "--location",
        "--write-out",
        "%{num_redirects} %{num_connects} %{url_effective}",
        &thimble.url("/sub?q=1"),
    ]);
    let end = out.strip_prefix(PAGE).unwrap();
    assert!(end.starts_with(&format!("1 1 {}", thimble.url("/sub/"))), "{end}");
}
