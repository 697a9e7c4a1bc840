//! An image of the firmware, booted on QEMU's lm3s6965evb.

#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "only tests call this, and a failure here is the test's failure"
)]

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::wire::client::Client;

/// How long a guest may take to say what is waited for.
const TIMEOUT: Duration = Duration::from_mins(1);

/// A guest that runs, ended when dropped.
#[derive(Debug)]
pub struct Guest {
    child: Child,
    address: SocketAddr,
    said: PathBuf,
    _folder: TempDir,
}

impl Guest {
    /// Boots an image, and waits until it has its address.
    pub fn boot(image: &str) -> Self {
        Self::boot_with(image, &[])
    }

    /// The same, with flags that the image can read.
    pub fn boot_with(image: &str, flags: &[&str]) -> Self {
        let guest = Self::start(image, flags, "user");
        guest.until_said("at http://", 1);
        guest
    }

    /// Boots an image in a network: QEMU's own (`user`, and options of it), or another one that it
    /// knows, and then nothing of this machine leads to the guest.
    ///
    /// Only `cases` reads flags, over semihosting; for all others there is none, as on a board without
    /// a debugger.
    pub fn start(image: &str, flags: &[&str], network: &str) -> Self {
        let arguments = [&[image], flags].concat().join(",arg=");
        let enable = if image == "cases" { "on" } else { "off" };
        let folder = TempDir::with_prefix("thimble-guest-").expect("there is room");
        let said = folder.path().join("said");
        let log = File::create(&said).expect("there is room");
        let free = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
        let address = free.expect("a port is free");
        let forward = format!("{network},hostfwd=tcp:{address}-:80");
        let network = if network.starts_with("user") { &forward } else { network };
        let child = Command::new("qemu-system-arm")
            .args(["-M", "lm3s6965evb", "-display", "none", "-monitor", "none", "-serial", "stdio"])
            .arg("-semihosting-config")
            .arg(format!("enable={enable},target=native,arg={arguments}"))
            .arg("-kernel")
            .arg(images().join(image))
            .args(["-nic", network])
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a descriptor is left"))
            .stderr(log)
            .spawn()
            .expect("qemu-system-arm is installed: tests/run does it");
        Self { child, address, said, _folder: folder }
    }

    /// Waits until it has said something that often.
    pub fn until_said(&self, what: &str, times: usize) {
        let begun = Instant::now();
        while self.said().matches(what).count() < times {
            assert!(begun.elapsed() < TIMEOUT, "not {what:?}, but: {}", self.said());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Where it can be reached.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it said on its serial port: where it is, and why it started anew.
    pub fn said(&self) -> String {
        fs::read_to_string(&self.said).unwrap_or_default()
    }

    /// The time that QEMU has had of this machine's processors, to a hundredth of a second.
    pub fn cpu_time(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()));
        let stat = stat.expect("the guest runs");
        // Behind its name, which stands in parentheses: its state is the third field.
        let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields).split_whitespace();
        let ticks = fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok());
        Duration::from_millis(ticks.sum::<u64>() * 10)
    }

    /// A new connection to it.
    pub fn connect(&self) -> Client {
        Client::connect(self.address).expect("QEMU accepts connections")
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The folder of the images, built.
fn images() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("frontend-smoltcp");
        let folder = folder.join("firmware");
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--release", "--bins"])
            .env_remove("RUSTFLAGS")
            .current_dir(&folder)
            .status();
        assert!(built.is_ok_and(|status| status.success()), "the firmware does not build");
        let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
        target.unwrap_or_else(|| folder.join("target")).join("thumbv7m-none-eabi/release")
    })
}
