//! systemd: the sockets that it hands over, and what it wants to be told. Other programs that do the same by
//! the same variables of the environment are as good.

use std::env;
use std::io;

use listenfd::ListenFd;
use sd_notify::NotifyState;
use socket2::SockRef;

use crate::listen::Listener;

/// The listeners of TCP and Unix sockets that were handed over by `LISTEN_FDS`, with those of another process
/// left alone (`LISTEN_PID`): none without a socket unit. Call it once, before there are other threads.
///
/// # Errors
/// One line that says which socket is none that clients can connect to, by its name in `LISTEN_FDNAMES`.
pub fn listeners() -> Result<Vec<Listener>, String> {
    let names = env::var("LISTEN_FDNAMES").unwrap_or_default();
    let mut names = names.split(':');
    let mut sockets = ListenFd::from_env();
    let mut listeners = Vec::new();
    for at in 0..sockets.len() {
        let name = names.next().filter(|name| !name.is_empty()).unwrap_or("unnamed");
        let tcp = sockets.take_tcp_listener(at).ok().flatten().map(Listener::from);
        let unix = || sockets.take_unix_listener(at).ok().flatten().map(Listener::from);
        let Some(listener) = tcp.or_else(unix).filter(is_listening) else {
            return Err(format!(
                "the socket '{name}' that systemd hands over is none that clients connect to: give its \
                 unit ListenStream= with a port, an address or a path, and no Accept=yes"
            ));
        };
        listeners.push(listener);
    }
    Ok(listeners)
}

fn is_listening(listener: &Listener) -> bool {
    // It fails on a connection. What is listening already stays as it is.
    SockRef::from(listener).listen(4096).is_ok()
}

/// Tells systemd that the server serves, or has reloaded.
pub fn ready() {
    tell(&[NotifyState::Ready]);
}

/// Tells systemd that the server reloads, until it is [`ready`] again.
pub fn reloading() {
    // Without the time, systemd takes no notice.
    if let Ok(now) = NotifyState::monotonic_usec_now() {
        tell(&[NotifyState::Reloading, now]);
    }
}

/// Tells systemd that the server finishes what is under way.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

fn tell(states: &[NotifyState<'_>]) {
    // Without systemd, there is nobody to be told, and nothing to do about it.
    let _: io::Result<()> = sd_notify::notify(states);
}
