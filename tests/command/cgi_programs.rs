//! Programs that others wrote for the Common Gateway Interface, and in several languages.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Command;

use thimble_tests::command::folder::{noise, site};
use thimble_tests::command::scripts::{Scripts, ask, get, post};
use thimble_tests::command::{Thimble, run};

/// Runs git, with nobody's settings but these.
fn git<A: AsRef<OsStr>>(folder: &Path, arguments: &[A]) -> String {
    let mut command = Command::new("git");
    command
        .current_dir(folder)
        .args(["-c", "user.name=Ada", "-c", "user.email=ada@example.com"])
        .args(["-c", "init.defaultBranch=main", "-c", "protocol.version=2"])
        .args(arguments)
        .env_remove("GIT_DIR")
        .env("HOME", folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0");
    let output = run(&mut command);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{text}");
    String::from_utf8(output.stdout).unwrap()
}

/// Clones, pushes and fetches by git's own program for CGI: gzip'd and chunked requests, long replies,
/// PATH_INFO with slashes, and queries.
#[test]
fn git_clones_and_pushes() {
    let scripts = Scripts::new().unwrap();
    let place = scripts.folder.path();
    let root = place.join("repositories");
    fs::create_dir(&root).unwrap();
    git(&root, &["init", "--bare", "--quiet", "it.git"]);
    let script = format!(
        "export GIT_PROJECT_ROOT={} GIT_HTTP_EXPORT_ALL=1 GIT_CONFIG_NOSYSTEM=1\n\
         exec git http-backend",
        root.display()
    );
    scripts.script("git", &script).unwrap();
    let thimble = scripts.serve(&["-q", "--cgi-env", "REMOTE_USER=ada"]);
    let url = thimble.url("/cgi-bin/git/it.git");

    let (one, two) = (place.join("one"), place.join("two"));
    git(place, &["clone", "--quiet", &url, "one"]);
    fs::write(one.join("small"), "a line\n").unwrap();
    git(&one, &["add", "."]);
    git(&one, &["commit", "--quiet", "-m", "One"]);
    git(&one, &["push", "--quiet", "origin", "main"]);
    git(place, &["clone", "--quiet", &url, "two"]);
    // More than git sends with a length, and many names, so that what is asked for is long.
    fs::write(one.join("large"), noise(5_000_000)).unwrap();
    git(&one, &["add", "."]);
    git(&one, &["commit", "--quiet", "-m", "Two"]);
    for number in 0..200 {
        git(&one, &["tag", &format!("tag-{number}")]);
    }
    git(&one, &["push", "--quiet", "--tags", "origin", "main"]);
    git(&two, &["pull", "--quiet", "--tags"]);
    assert!(fs::read(two.join("large")).unwrap() == noise(5_000_000));
    assert_eq!(git(&two, &["rev-parse", "main"]), git(&one, &["rev-parse", "main"]));
    assert_eq!(git(&two, &["tag"]).lines().count(), 200);
    git(&two, &["fsck", "--strict"]);
}

#[test]
fn programs_in_several_languages_run() {
    let scripts = Scripts::new().unwrap();
    let reply = "Content-Type: text/plain\\n\\n";
    let perl = format!(
        "#!/usr/bin/env perl\nuse strict;\nread(STDIN, my $content, $ENV{{CONTENT_LENGTH}});\n\
         print \"{reply}$ENV{{REQUEST_METHOD}} $ENV{{PATH_INFO}} $content\";\n"
    );
    scripts.program("cgi-bin/perl", perl).unwrap();
    let python = format!(
        "#!/usr/bin/env python3\nimport os, sys\n\
         content = sys.stdin.read(int(os.environ['CONTENT_LENGTH']))\n\
         print('{reply}', end='')\n\
         print(os.environ['REQUEST_METHOD'], os.environ['PATH_INFO'], content, end='')\n"
    );
    scripts.program("cgi-bin/python", &python).unwrap();
    scripts.folder.file("cgi-bin/by-name.py", python).unwrap();
    let shell = format!(
        "#!/bin/sh\nprintf '{reply}%s %s ' \"$REQUEST_METHOD\" \"$PATH_INFO\"\n\
         exec head -c \"$CONTENT_LENGTH\"\n"
    );
    scripts.program("cgi-bin/shell", shell).unwrap();
    let c = format!(
        "#include <stdio.h>\n#include <stdlib.h>\nint main(void) {{\n\
         printf(\"{reply}%s %s \", getenv(\"REQUEST_METHOD\"), getenv(\"PATH_INFO\"));\n\
         for (int left = atoi(getenv(\"CONTENT_LENGTH\")); left > 0; left--) putchar(getchar());\n\
         return 0;\n}}\n"
    );
    let source = scripts.folder.file("it.c", c).unwrap();
    let compiled = scripts.folder.at("cgi-bin/compiled").unwrap();
    let output = run(Command::new("cc").args(["-O1", "-o"]).args([&compiled, &source]));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let thimble = scripts.serve(&["-q", "--interpreter", ".py=python3"]);
    for name in ["perl", "python", "by-name.py", "shell", "compiled"] {
        let reply = post(&thimble, &format!("/cgi-bin/{name}/a%20b"), b"x=y").unwrap();
        assert_eq!((reply.status, reply.text().as_str()), (200, "POST /a b x=y"), "{name}");
    }
}

#[test]
fn php_runs_as_an_interpreter() {
    if Command::new("php-cgi").arg("-v").output().is_err() {
        println!("php-cgi is not installed: nothing is tested with it");
        return;
    }
    let scripts = Scripts::new().unwrap();
    let php = "<?php header('Status: 201 Made'); header('X-A: b'); setcookie('c', 'd');\n\
        echo $_SERVER['REQUEST_METHOD'], ' ', $_GET['q'] ?? '-', ' ', $_POST['name'] ?? '-', ' ', $_SERVER['PATH_INFO'] ?? '-';\n";
    scripts.folder.file("cgi-bin/it.php", php).unwrap();
    let thimble = scripts.serve(&["-q", "--interpreter", ".php=php-cgi"]);
    let fields = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 8\r\n";
    let reply = ask(&thimble, "POST /cgi-bin/it.php/info?q=1", fields, b"name=Ada").unwrap();
    assert_eq!((reply.status, reply.text().as_str()), (201, "POST 1 Ada /info"), "{}", reply.head);
    assert_eq!((reply.field("X-A"), reply.field("Set-Cookie")), (Some("b"), Some("c=d")));
    // `?-s` would show its source, were it an option.
    let reply = get(&thimble, "/cgi-bin/it.php?-s").unwrap();
    assert_eq!((reply.status, reply.text().as_str()), (201, "GET - - -"));
}

#[test]
fn the_demo_site_has_a_form_in_python_and_one_in_sh() {
    let thimble = Thimble::serve(site(), &["-q", "--cgi"]);
    let form = "firstname=Zo%C3%AB+%26+co&message=%3Cb%3E%25%0D%0A%22x%22&empty=&odd";
    for name in ["post.py", "post.sh"] {
        let path = format!("/cgi-bin/{name}");
        let page = get(&thimble, &path).unwrap();
        assert_eq!(
            (page.status, page.field("Content-Type")),
            (200, Some("text/html; charset=utf-8"))
        );
        assert!(page.text().contains("<form method=\"post\">"));
        let fields = format!(
            "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n",
            form.len()
        );
        let answer =
            ask(&thimble, &format!("POST {path}"), &fields, form.as_bytes()).unwrap().text();
        assert!(answer.contains("<dt>firstname</dt><dd>Zo\u{eb} &amp; co</dd>"), "{answer}");
        assert!(answer.contains("<dt>message</dt><dd>&lt;b&gt;%"), "{answer}");
        assert!(answer.contains("<dt>empty</dt><dd></dd>"), "{answer}");
    }
    // Without the flag they are files like any other, as a reader of the site may want them.
    let plain = Thimble::serve(site(), &["-q"]);
    let source = get(&plain, "/cgi-bin/post.py").unwrap();
    assert!(source.status == 200 && source.text().starts_with("#!"), "{}", source.head);
}
