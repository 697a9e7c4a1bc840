//! The two halves of a connection, with deadlines.

use std::any::Any;
use std::cell::Cell;
use std::fmt::Display;
use std::fs::File;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use thimble_core::message::Refusal;
use thimble_core::server::blocking::Close;
use thimble_core::server::{Deadlines, Half, NEEDS_TLS, Phase, Record};
use thimble_host::buffers::idle_error;
use thimble_host::clock::moment;
use thimble_host::listen::{self, ACCEPT_TIME_OUT, SEND_TIME_OUT};
use thimble_host::pending::Pending;
use thimble_host::place::{HURRY, LOOK_AGAIN, Waits};
use thimble_host::send::{self, PIECE, SHORT_PIECE};
use thimble_host::{Log, block_on};

use crate::connection::Connection;
use crate::deadline::{Arm, Wait};
use crate::stop::Stop;

/// A connection that has used this much of its buffers gives them back while it is idle.
const USED: usize = 16 * 1024;

/// How often a half that was ended looks for octets that were on their way.
const LOOK: Duration = Duration::from_millis(5);

/// The receiving half.
#[derive(Debug)]
pub(crate) struct Rx<'conn> {
    connection: &'conn Connection,
    stop: &'conn Stop,
    log: &'conn Log,
    wait: Wait,
    /// Since when the phase lasts.
    since: Duration,
    /// Ended while a request was on its way.
    ended: bool,
    /// Since when the client has to hurry.
    hurried: Option<Duration>,
    used: &'conn Cell<usize>,
}

/// The transmitting half.
#[derive(Debug)]
pub(crate) struct Tx<'conn> {
    connection: &'conn Connection,
    stop: &'conn Stop,
    log: &'conn Log,
    wait: Wait,
    used: &'conn Cell<usize>,
    /// What the application did wrong in the reply that is being made.
    failure: Option<String>,
    pending: Pending,
}

/// Both halves of `connection`. They add to `used` what goes through their buffers; it is zero
/// when those are fresh.
pub(crate) fn halves<'conn>(
    connection: &'conn Connection,
    stop: &'conn Stop,
    log: &'conn Log,
    deadlines: Deadlines,
    used: &'conn Cell<usize>,
) -> (Rx<'conn>, Tx<'conn>) {
    let longest = if connection.is_alone() { LOOK_AGAIN } else { Duration::MAX };
    let rx = Wait::new(deadlines, ACCEPT_TIME_OUT).at_most(longest);
    let tx = Wait::new(deadlines, SEND_TIME_OUT).at_most(longest);
    (
        Rx {
            connection,
            stop,
            log,
            wait: rx,
            since: Duration::ZERO,
            ended: false,
            hurried: None,
            used,
        },
        Tx { connection, stop, log, wait: tx, used, failure: None, pending: Pending::default() },
    )
}

impl Rx<'_> {
    /// One call. Nothing: the time-out passed, or a signal came.
    fn try_read(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        let begun = moment();
        let most = buffer.len().min(listen::RECEIVE);
        let outcome = self.connection.read(buffer.get_mut(..most).unwrap_or_default());
        let ended = self.ended && !self.is_draining();
        if matches!(outcome, Ok(0)) && ended {
            thread::sleep(LOOK);
        }
        let waited = moment().saturating_sub(begun);
        self.wait.spend(waited, *outcome.as_ref().unwrap_or(&0));
        match outcome {
            Ok(0) if ended => Ok(None),
            Ok(octets) => Ok(Some(octets)),
            Err(error) if is_passing(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Says what is waited for, to those who may need the place.
    fn rest(&self) {
        let place = self.connection.place();
        match self.wait.phase() {
            Some(Phase::Idle) => {
                place.wait_for_request(self.since);
                if self.stop.is_stopping() {
                    self.connection.end_if_idle();
                }
            }
            Some(Phase::Head) => place.wait(Waits::Head, self.since),
            Some(Phase::Content) => place.wait(Waits::Content, moment()),
            Some(Phase::Drain) => place.wait(Waits::Parting, moment()),
            Some(Phase::Reply) | None => {}
        }
    }

    /// A wait has brought so many octets.
    ///
    /// # Errors
    /// The client's time is over: the place was needed.
    fn wake(&mut self, octets: usize) -> io::Result<()> {
        if !self.connection.place().go_on() {
            return Ok(());
        }
        match self.wait.phase() {
            Some(Phase::Head) if self.stop.is_stopping() => self.ended = true,
            Some(Phase::Head | Phase::Content) => return Err(io::ErrorKind::TimedOut.into()),
            // A request that was on its way is answered.
            _ => self.ended |= octets > 0,
        }
        Ok(())
    }

    /// Whether the server stops, and waits no longer than [`HURRY`] for what comes before a request or after the
    /// last reply.
    ///
    /// # Errors
    /// That time is over.
    fn hurries(&mut self) -> io::Result<bool> {
        let phase = self.wait.phase();
        if !matches!(phase, Some(Phase::Head | Phase::Drain)) || !self.stop.is_stopping() {
            return Ok(false);
        }
        let since = *self.hurried.get_or_insert_with(moment);
        if moment().saturating_sub(since) >= HURRY {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let waits = if phase == Some(Phase::Head) { Waits::Head } else { Waits::Parting };
        self.connection.place().wait(waits, self.since);
        Ok(true)
    }

    fn is_in_hurried_head(&self) -> bool {
        self.ended && self.stop.is_stopping() && self.wait.phase() == Some(Phase::Head)
    }

    fn is_draining(&self) -> bool {
        self.wait.phase() == Some(Phase::Drain)
    }

    fn arm(&self, arm: Arm) -> io::Result<()> {
        match arm {
            Arm::Stands => Ok(()),
            Arm::Set(time_out) => self.connection.stream().set_read_timeout(Some(time_out)),
        }
    }
}

impl embedded_io::ErrorType for Rx<'_> {
    type Error = io::Error;
}

impl embedded_io::Read for Rx<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.connection.shut_if_put_off()?;
        let idle = self.wait.phase() == Some(Phase::Idle);
        let mut is_greeting = idle && self.connection.is_greeting();
        if is_greeting {
            // Both come at once from whoever has a request.
            self.wait.enter(Phase::Head);
        }
        self.rest();
        let mut arm = self.wait.first()?;
        loop {
            if self.hurries()? {
                arm = Arm::Set(LOOK);
            }
            self.arm(arm)?;
            if let Some(octets) = self.try_read(buffer)? {
                self.wake(octets)?;
                // What is over is only what was heard, and not what the client has sent.
                if octets > 0 || !self.is_in_hurried_head() {
                    add(self.used, octets);
                    return Ok(octets);
                }
            }
            if is_greeting && !self.connection.is_greeting() {
                is_greeting = false;
                self.phase(Phase::Idle);
                self.rest();
            }
            if idle && self.used.get() > USED {
                return Err(idle_error());
            }
            self.stop.make_room_beside(self.connection);
            arm = self.wait.again()?;
        }
    }
}

impl Half for Rx<'_> {
    fn phase(&mut self, phase: Phase) {
        if self.wait.phase() != Some(phase) {
            self.since = moment();
            self.hurried = None;
        }
        self.wait.enter(phase);
    }

    fn head(&mut self, head: &[u8]) {
        self.wait.over();
        self.log.request(head);
    }

    fn has_octets(&self) -> bool {
        self.connection.has_octets()
    }
}

impl embedded_io::ErrorType for Tx<'_> {
    type Error = io::Error;
}

impl Tx<'_> {
    /// Calls until it went, time ran out, or it failed. `call` says how many octets went.
    fn send(
        &mut self,
        mut call: impl FnMut(&Connection) -> io::Result<usize>,
    ) -> io::Result<usize> {
        block_on(poll_fn(|context| self.pending.poll_done(context)))?;
        let mut arm = self.wait.first()?;
        let mut since = None;
        loop {
            if let Arm::Set(time_out) = arm {
                self.connection.stream().set_write_timeout(Some(time_out))?;
            }
            let begun = moment();
            let outcome = call(self.connection);
            let waited = moment().saturating_sub(begun);
            self.wait.spend(waited, *outcome.as_ref().unwrap_or(&0));
            match outcome {
                Err(error) if is_passing(&error) => {
                    arm = self.wait.again()?;
                    let since = *since.get_or_insert(begun);
                    self.connection.place().wait(Waits::Reply, since);
                    self.stop.make_room_beside(self.connection);
                }
                outcome => {
                    if since.is_some() {
                        self.connection.place().go_on();
                    }
                    return outcome;
                }
            }
        }
    }
}

impl embedded_io::Write for Tx<'_> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let piece = octets.get(..PIECE).unwrap_or(octets);
        let count = self.send(|connection| connection.write(piece, false))?;
        add(self.used, count);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Close for Tx<'_> {
    fn close(&mut self) -> io::Result<()> {
        self.connection.shut_before_reading();
        Ok(())
    }

    fn write_more(&mut self, octets: &[u8]) -> io::Result<usize> {
        let piece = octets.get(..PIECE).unwrap_or(octets);
        let count = self.send(|connection| connection.write(piece, true))?;
        add(self.used, count);
        Ok(count)
    }

    fn send_file(
        &mut self,
        file: &(dyn Any + Send + Sync),
        offset: u64,
        length: u64,
    ) -> io::Result<Option<u64>> {
        let file = file.downcast_ref::<File>().filter(|_| self.connection.sends_files());
        let Some(file) = file else { return Ok(None) };
        // A longer piece would wait for a slow client for longer than anybody looks.
        let sent = self
            .send(|connection| send::file(connection.stream(), file, offset, length, SHORT_PIECE));
        send::or_not_at_all(sent)
    }
}

impl Half for Tx<'_> {
    const REPLIES_WAIT: bool = true;

    fn phase(&mut self, phase: Phase) {
        self.wait.enter(phase);
    }

    fn head(&mut self, head: &[u8]) {
        self.log.reply(head);
    }

    fn peer(&self) -> Option<SocketAddr> {
        self.connection.peer()
    }

    fn local(&self) -> Option<SocketAddr> {
        self.connection.stream().local_addr().ok()?.as_socket()
    }

    fn connection(&self) -> Option<&(dyn Any + Send + Sync)> {
        Some(self.connection)
    }

    fn awaited(&self) -> Option<&(dyn Any + Send + Sync)> {
        Some(&self.pending)
    }

    fn untrue(&mut self) -> Option<usize> {
        self.pending.untrue(self.log, self.connection.peer())
    }

    fn has_failed(&self) -> bool {
        self.pending.has_failed()
    }

    fn is_secure(&self) -> bool {
        self.connection.is_secure() == Some(true)
    }

    fn refuses(&self) -> Option<&'static Refusal> {
        (self.connection.is_secure() == Some(false)).then_some(NEEDS_TLS)
    }

    fn failed(&mut self, error: &dyn Display) {
        self.failure = Some(error.to_string());
    }

    fn replied(&mut self, record: &Record<'_>) {
        self.wait.over();
        self.connection.place().answered();
        if let Some(failure) = self.failure.take() {
            self.log.failure(self.connection.peer(), record, &failure);
        }
        self.log.access(self.connection.peer(), record);
    }

    fn stopping(&self) -> bool {
        self.stop.is_retired() || self.connection.place().is_last() || self.refuses().is_some()
    }

    fn poll_stopping(&mut self, context: &Context<'_>) -> Poll<()> {
        // In this order, it is heard of in any case.
        self.connection.wake_when_it_stops(context.waker());
        if self.stopping() { Poll::Ready(()) } else { Poll::Pending }
    }
}

fn add(used: &Cell<usize>, octets: usize) {
    used.set(used.get().saturating_add(octets));
}

fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::net::TcpStream;
    use std::time::Instant;

    use embedded_io::Read as _;

    use super::*;
    use crate::accept::Listeners;

    fn over<R>(
        check: impl FnOnce(&TcpStream, &Connection, Rx<'_>, Tx<'_>) -> io::Result<R>,
    ) -> io::Result<R> {
        let listener = listen::bind("127.0.0.1:0")?;
        let client = TcpStream::connect(listener.local_addr()?)?;
        let stop = Stop::new(Listeners::new(vec![listener.into()])?);
        let connection = Connection::new(stop.accept()?);
        let mut deadlines = Deadlines::DESKTOP;
        deadlines.idle = Duration::from_millis(1400);
        deadlines.content = Duration::from_millis(300);
        let (log, used) = (Log::none(), Cell::new(0));
        let (rx, tx) = halves(&connection, &stop, &log, deadlines, &used);
        check(&client, &connection, rx, tx)
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_request_that_began_before_the_stop_is_read_to_its_end() -> io::Result<()> {
        over(|mut client, connection, mut rx, _| {
            let mut octets = [0; 8];
            rx.phase(Phase::Idle);
            client.write_all(b"ab")?;
            thread::sleep(Duration::from_millis(20));
            connection.place().wait_for_request(moment());
            connection.end_if_idle();
            assert_eq!(rx.read(&mut octets)?, 2);
            rx.phase(Phase::Content);
            thread::scope(|scope| {
                scope.spawn(|| {
                    thread::sleep(Duration::from_millis(60));
                    let _ = client.write_all(b"cde");
                });
                assert_eq!(rx.read(&mut octets).ok(), Some(3));
            });
            let error = rx.read(&mut octets).err().map(|error| error.kind());
            assert_eq!(error, Some(io::ErrorKind::TimedOut));
            Ok(())
        })
    }

    #[test]
    fn used_buffers_are_given_back_while_idle_without_lengthening_the_deadline() -> io::Result<()> {
        over(|mut client, _, mut rx, _| {
            let mut octets = vec![0; 2 * USED];
            client.write_all(&octets)?;
            rx.phase(Phase::Content);
            while rx.used.get() < octets.len() {
                rx.read(&mut octets)?;
            }
            let begun = Instant::now();
            rx.phase(Phase::Idle);
            let error = rx.read(&mut octets).err().map(|error| error.kind());
            assert_eq!(error, Some(io::ErrorKind::WouldBlock));
            rx.used.set(0);
            rx.phase(Phase::Idle);
            let error = rx.read(&mut octets).err().map(|error| error.kind());
            assert_eq!(error, Some(io::ErrorKind::TimedOut));
            let took = begun.elapsed().as_millis();
            assert!((1350..1900).contains(&took), "{took}");
            Ok(())
        })
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_only_thread_looks_for_clients_that_wait() -> io::Result<()> {
        for phase in [Phase::Idle, Phase::Drain] {
            let listener = listen::bind("127.0.0.1:0")?;
            let address = listener.local_addr()?;
            let stop = Stop::new(Listeners::new(vec![listener.into()])?);
            let _client = TcpStream::connect(address)?;
            let connection = Connection::new(stop.accept()?);
            connection.be_alone();
            let enlisted = stop.enlist(connection);
            let (log, used) = (Log::none(), Cell::new(0));
            let (mut rx, _) = halves(enlisted.connection(), &stop, &log, Deadlines::DESKTOP, &used);
            rx.phase(phase);
            let begun = Instant::now();
            let _waits = TcpStream::connect(address)?;
            assert_eq!(rx.read(&mut [0])?, 0, "it is told to go");
            assert!(begun.elapsed() < Duration::from_secs(4), "{phase:?} {:?}", begun.elapsed());
        }
        Ok(())
    }

    #[test]
    fn one_write_takes_no_more_than_the_kernel_likes() -> io::Result<()> {
        over(|_, _, _, mut tx| {
            tx.phase(Phase::Reply);
            assert_eq!(embedded_io::Write::write(&mut tx, &vec![0; PIECE + 1])?, PIECE);
            Ok(())
        })
    }
}
