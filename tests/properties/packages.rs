//! The packages: who links one frontend compiles nothing of another, and nothing of a command.

#![expect(clippy::expect_used, reason = "a failure here is the test's failure")]

use std::collections::BTreeSet;
use std::process::Command;

/// The frontends, with what each may use of this project.
const FRONTENDS: [(&str, &[&str]); 3] = [
    ("thimble-std", &["thimble-core", "thimble-host"]),
    ("thimble-tokio", &["thimble-core", "thimble-host"]),
    ("thimble-smoltcp", &["thimble-core"]),
];

/// What only the commands need.
const OF_COMMANDS: [&str; 7] =
    ["clap", "if-addrs", "listenfd", "open", "qrcode", "sd-notify", "signal-hook"];

#[test]
fn frontends_use_what_they_share_and_not_each_other() {
    for (frontend, shared) in FRONTENDS {
        let used = packages(&[frontend, "--all-features"]);
        let ours = used.iter().filter(|name| name.starts_with("thimble-") && *name != frontend);
        assert!(ours.eq(shared), "{frontend} uses {used:?}");
    }
}

#[test]
fn libraries_compile_nothing_of_a_command() {
    for package in ["thimble-host", "thimble-std", "thimble-tokio"] {
        let of_commands = |used: BTreeSet<String>| {
            OF_COMMANDS.iter().filter(|name| used.contains(**name)).count()
        };
        let (library, command) =
            (&[package, "--no-default-features"], &[package, "--all-features"]);
        assert_eq!(of_commands(packages(library)), 0, "{package}");
        assert_eq!(of_commands(packages(command)), OF_COMMANDS.len(), "{package}");
    }
}

/// The names of a package and of all that it links; `arguments` are its name and its features.
fn packages(arguments: &[&str]) -> BTreeSet<String> {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--quiet", "--locked", "--offline", "--edges", "normal", "--prefix", "none"])
        .args(["--format", "{p}", "--package"])
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let text = String::from_utf8_lossy(&tree.stdout);
    text.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}
