//! The pool: workers that each accept a connection and serve it to its end.
//!
//! A worker without a connection waits in accept, and serves the connection that it accepts: connections
//! are not handed from thread to thread. The last worker that waits is the exception. It starts a new
//! worker with the connection and goes on accepting, so that many clients at once are let in as fast as
//! threads can be started. At the limit, it has the idlest connection give way, and further connections
//! wait in the listener's queue.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Scope};

use thimble_host::clock::moment;
use thimble_host::contain::dispose;
use thimble_host::listen::{self, RUN_OUT, has_run_out, is_time_out};
use thimble_host::place::LOOK_AGAIN;

use crate::connection::Connection;
use crate::stop::Stop;
use crate::workers::{Take, Workers};

/// Only the pages that a worker touches count; this is room for the deepest of services.
const STACK: usize = 256 * 1024;

/// Memory that has to be there when a worker begins, in octets. It is not taken: what is smaller than
/// buffers and stacks can't be waited for, and this is what it is left.
const LEFT: usize = 4 * 1024 * 1024;

/// What the workers do.
pub(crate) trait Work: Sync {
    /// What a worker keeps from connection to connection.
    type Buffers: Send;

    /// What a new worker begins with.
    fn buffers(&self) -> io::Result<Self::Buffers>;

    /// Serves a connection to its end.
    fn serve(&self, buffers: &mut Self::Buffers, connection: &Connection);
}

struct Pool<'env, W> {
    stop: &'env Stop,
    work: &'env W,
    workers: Mutex<Workers>,
    /// Somebody is done with a connection.
    done: Condvar,
    /// Whether a thread was asked for that has not begun.
    begins: AtomicBool,
}

/// Where a connection is while a thread is started for it: should that fail, it is still here.
type Handed = Arc<Mutex<Option<Connection>>>;

/// Accepts and serves connections, at most `most` at a time, until `stop` says so and the last one
/// is done.
pub(crate) fn run<W: Work>(stop: &Stop, work: &W, most: usize) -> io::Result<()> {
    let workers = Mutex::new(Workers::new(most.max(1), moment()));
    let pool = Pool { stop, work, workers, done: Condvar::new(), begins: AtomicBool::new(false) };
    thread::scope(|scope| {
        pool.workers().join();
        pool.start(scope, Handed::default())
    })
}

impl<W: Work> Pool<'_, W> {
    /// Starts a worker with a connection, if there is one, and with its buffers: a thread that would
    /// have to wait for them would keep its client waiting, while others are done with theirs.
    fn start<'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        first: Handed,
    ) -> io::Result<()> {
        // A thread that begins takes some memory, or ends the process if there is none.
        while listen::memory_is_limited() && self.begins.load(Ordering::SeqCst) {
            thread::yield_now();
        }
        Vec::<u8>::new().try_reserve_exact(LEFT).map_err(|_| io::ErrorKind::OutOfMemory)?;
        let buffers = self.work.buffers()?;
        let worker = thread::Builder::new().name("thimble".into()).stack_size(STACK);
        self.begins.store(true, Ordering::SeqCst);
        let started = worker.spawn_scoped(scope, move || {
            self.begins.store(false, Ordering::SeqCst);
            self.be_a_worker(scope, buffers, &first);
        });
        started.inspect_err(|_| self.begins.store(false, Ordering::SeqCst)).map(drop)
    }

    fn be_a_worker<'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        mut buffers: W::Buffers,
        first: &Handed,
    ) {
        if let Some(connection) = take_out(first) {
            self.serve(&mut buffers, connection);
        }
        loop {
            let goes = match self.next() {
                Next::Connection(connection) => {
                    self.hand_over(scope, connection).is_some_and(|connection| {
                        self.serve(&mut buffers, connection);
                        self.workers().retire_surplus(moment())
                    })
                }
                Next::Nothing => self.workers().retire_idle(),
                Next::Failed => false,
                Next::Over => break,
            };
            if goes {
                return;
            }
        }
        self.workers().leave();
    }

    /// Waits for a connection.
    fn next(&self) -> Next {
        if self.stop.is_retired() {
            return self.stop.take_left().map_or(Next::Over, Next::Connection);
        }
        match self.stop.accept() {
            Ok(accepted) => Next::Connection(Connection::new(accepted)),
            Err(error) if is_time_out(&error) => Next::Nothing,
            Err(error) if has_run_out(&error) && !self.stop.is_retired() => {
                thread::sleep(if self.stop.make_room() { LOOK_AGAIN } else { RUN_OUT });
                Next::Failed
            }
            Err(_) => Next::Failed,
        }
    }

    /// Starts a worker for `connection`, if one is needed; otherwise it comes back.
    fn hand_over<'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        connection: Connection,
    ) -> Option<Connection> {
        let take = self.workers().take();
        let connection = match take {
            Take::Serve => return Some(connection),
            Take::Wait => connection,
            Take::Start => {
                let handed = Handed::new(Mutex::new(Some(connection)));
                self.start(scope, Arc::clone(&handed)).err()?;
                self.workers().fail_to_start();
                take_out(&handed)?
            }
        };
        self.wait_for_place(&connection);
        Some(connection)
    }

    /// Waits until another one waits, so that this one can serve `connection`.
    fn wait_for_place(&self, connection: &Connection) {
        let mut workers = self.workers();
        while !workers.take_turns() {
            // Without another thread, this one has to do.
            if workers.take_alone() {
                connection.be_alone();
                return;
            }
            drop(workers);
            self.stop.make_room();
            workers = self.workers();
            if !workers.has_another() {
                let waited = self.done.wait_timeout(workers, LOOK_AGAIN);
                workers = waited.unwrap_or_else(PoisonError::into_inner).0;
            }
        }
    }

    fn serve(&self, buffers: &mut W::Buffers, connection: Connection) {
        let enlisted = self.stop.enlist(connection);
        // What a panic leaves in the buffers is octets, and the next connection takes none of them for
        // its own.
        let serve = AssertUnwindSafe(|| self.work.serve(buffers, enlisted.connection()));
        if let Err(payload) = catch_unwind(serve) {
            dispose(payload);
        }
        drop(enlisted);
        self.workers().finish();
        self.done.notify_one();
    }

    fn workers(&self) -> MutexGuard<'_, Workers> {
        self.workers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What waiting for a connection came to.
enum Next {
    Connection(Connection),
    /// None, for a while.
    Nothing,
    /// None that could be accepted.
    Failed,
    /// There will be none.
    Over,
}

fn take_out(handed: &Handed) -> Option<Connection> {
    handed.lock().unwrap_or_else(PoisonError::into_inner).take()
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{SocketAddr, TcpListener, TcpStream};
    use std::sync::atomic::AtomicUsize;
    use std::time::{Duration, Instant};

    use thimble_host::place::Waits;

    use super::*;
    use crate::accept::Listeners;

    /// Echoes octet by octet until the end; panics at `!`.
    #[derive(Default)]
    struct Echo {
        /// Whether connections wait for a request, and give way to others, or for more of one.
        idles: bool,
        workers: AtomicUsize,
        served: AtomicUsize,
    }

    struct Counted<'a>(&'a AtomicUsize);

    impl Drop for Counted<'_> {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }

    impl<'a> Work for &'a Echo {
        type Buffers = Counted<'a>;

        fn buffers(&self) -> io::Result<Counted<'a>> {
            self.workers.fetch_add(1, Ordering::SeqCst);
            Ok(Counted(&self.workers))
        }

        fn serve(&self, _: &mut Counted<'a>, connection: &Connection) {
            let mut octet = [0];
            loop {
                let waits = if self.idles { Waits::Idle } else { Waits::Content };
                connection.place().wait(waits, moment());
                let mut stream = connection.stream();
                match stream.read(&mut octet) {
                    Ok(0) => break listen::close_in_order(connection.stream()),
                    Ok(_) => assert_ne!(octet, *b"!", "as the client asked"),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                    Err(_) => break,
                }
                connection.place().go_on();
                let _ = stream.write_all(&octet);
            }
            self.served.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Stops even when an assertion fails, so that the test ends.
    struct Stopping<'a>(&'a Stop);

    impl Drop for Stopping<'_> {
        fn drop(&mut self) {
            self.0.stop();
        }
    }

    /// Waits until there are so many workers.
    fn has_workers(echo: &Echo, count: usize) -> bool {
        let end = Instant::now() + Duration::from_secs(10);
        while echo.workers.load(Ordering::SeqCst) != count && Instant::now() < end {
            thread::sleep(Duration::from_millis(10));
        }
        echo.workers.load(Ordering::SeqCst) == count
    }

    /// Runs `client` against a pool of at most `most` workers.
    fn against(echo: &Echo, most: usize, client: impl FnOnce(SocketAddr, &Stop) -> io::Result<()>) {
        against_all(echo, most, 1, |addresses, stop| match addresses {
            [address] => client(*address, stop),
            _ => Err(io::ErrorKind::Other.into()),
        });
    }

    /// The same, with so many listeners.
    fn against_all(
        echo: &Echo,
        most: usize,
        listeners: usize,
        client: impl FnOnce(&[SocketAddr], &Stop) -> io::Result<()>,
    ) {
        let bind = |_| listen::bind("127.0.0.1:0");
        let bound = (0..listeners).map(bind).collect::<io::Result<Vec<_>>>();
        let outcome = bound.and_then(|listeners| {
            let addresses = listeners.iter().map(TcpListener::local_addr);
            let addresses = addresses.collect::<io::Result<Vec<_>>>()?;
            let stop = Stop::new(Listeners::new(listeners.into_iter().map(Into::into))?);
            thread::scope(|scope| {
                let pool = scope.spawn(|| run(&stop, &echo, most));
                let stopping = Stopping(&stop);
                let outcome = client(&addresses, &stop);
                drop(stopping);
                pool.join().unwrap_or_else(|_| Err(io::Error::other("panic"))).and(outcome)
            })
        });
        assert!(outcome.is_ok(), "{outcome:?}");
        assert_eq!(echo.workers.load(Ordering::SeqCst), 0, "every worker has left");
    }

    fn say(mut stream: &TcpStream, octet: u8) -> io::Result<u8> {
        stream.write_all(&[octet])?;
        let mut answer = [0];
        stream.read_exact(&mut answer)?;
        Ok(answer[0])
    }

    fn connect(address: SocketAddr) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        Ok(stream)
    }

    #[test]
    fn connections_over_the_limit_wait() {
        against(&Echo::default(), 2, |address, _| {
            let (first, second, third) = (connect(address)?, connect(address)?, connect(address)?);
            assert_eq!((say(&first, b'a')?, say(&second, b'b')?), (b'a', b'b'));
            third.set_read_timeout(Some(Duration::from_millis(300)))?;
            assert!(say(&third, b'c').is_err());
            third.set_read_timeout(Some(Duration::from_secs(10)))?;
            drop(first);
            let mut answer = [0];
            (&third).read_exact(&mut answer)?;
            assert_eq!(answer, *b"c");
            assert_eq!(say(&second, b'd')?, b'd');
            Ok(())
        });
    }

    #[test]
    fn workers_come_with_the_crowd_and_go_after_it() {
        let echo = Echo::default();
        against(&echo, 100, |address, _| {
            let crowd = (0..50).map(|_| connect(address)).collect::<io::Result<Vec<_>>>()?;
            for stream in &crowd {
                assert_eq!(say(stream, b'x')?, b'x');
            }
            assert!(has_workers(&echo, 51));
            drop(crowd);
            assert!(has_workers(&echo, 1));
            assert_eq!(say(&connect(address)?, b'y')?, b'y');
            Ok(())
        });
    }

    #[test]
    fn workers_take_from_all_listeners_and_are_no_more_for_that() {
        let echo = Echo::default();
        against_all(&echo, 2, 3, |addresses, stop| {
            let clients =
                addresses.iter().map(|at| connect(*at)).collect::<io::Result<Vec<_>>>()?;
            let [first, second, third] = clients.as_slice() else { panic!("three") };
            // Two of them are served.
            let mut told = 0;
            for stream in [first, second, third] {
                stream.set_read_timeout(Some(Duration::from_millis(300)))?;
                told += usize::from(say(stream, b'a').is_ok());
            }
            assert_eq!(told, 2);
            drop(clients);
            for _ in 0..20 {
                for address in addresses {
                    assert_eq!(say(&connect(*address)?, b'b')?, b'b');
                }
            }
            assert!(has_workers(&echo, 1));
            for address in addresses.iter().rev() {
                assert_eq!(say(&connect(*address)?, b'c')?, b'c');
            }
            let begun = Instant::now();
            stop.stop();
            assert!(addresses.iter().all(|address| TcpStream::connect(address).is_err()));
            assert!(begun.elapsed() < Duration::from_millis(200));
            Ok(())
        });
    }

    #[test]
    fn a_panic_cuts_its_connection_and_nothing_else() {
        against(&Echo::default(), 1, |address, _| {
            let stream = connect(address)?;
            assert!(say(&stream, b'!').is_err());
            assert_eq!(say(&connect(address)?, b'z')?, b'z');
            Ok(())
        });
    }

    #[test]
    fn stopping_ends_idle_connections_at_once() {
        let echo = Echo { idles: true, ..Echo::default() };
        against(&echo, 10, |address, stop| {
            let idle = connect(address)?;
            assert_eq!(say(&idle, b'a')?, b'a');
            thread::sleep(Duration::from_millis(20));
            stop.stop();
            let begun = Instant::now();
            assert_eq!((&idle).read(&mut [0])?, 0);
            assert!(begun.elapsed() < Duration::from_millis(200));
            assert!(TcpStream::connect(address).is_err(), "it listens no more");
            Ok(())
        });
        assert_eq!(echo.served.load(Ordering::SeqCst), 1);
    }
}
