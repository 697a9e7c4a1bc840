//! The loop: waits for events, and gives each connection that has one its turn.

use std::any::Any;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::os::fd::AsRawFd as _;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Context;
use std::time::Duration;

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use slab::Slab;
use thimble_core::server::Service;
use thimble_host::buffers::OwnedBuffers;
use thimble_host::clock::moment;
use thimble_host::listen::{self, Accepted, Listener, RUN_OUT, has_run_out};
use thimble_host::nonblocking::{
    self, Connection, Drivers, Handover, Link, Listener as _, Secured, bare, secure, serve_once,
};
use thimble_host::place::{LOOK_AGAIN, Place, tell_one};
use thimble_host::settings::Settings;

use super::elsewhere::Helpers;
use super::programs::{self, Programs};
use super::socket::{Socket, Sockets};
use super::stop::Stop;
use super::wake::{Queue, TaskWaker};
use super::wheel::{NEVER, Wheel};

/// Events that are taken from the system at a time, as many as have their turns in a round.
const EVENTS: usize = 64;

/// Connections that are accepted before others have their turn.
const BATCH: usize = 64;

/// Of all listeners.
const LISTENER: Token = Token(usize::MAX - 1);
const WOKEN: Token = Token(usize::MAX - 2);

/// What this loop has for its connections.
#[derive(Debug)]
struct Loop;

impl nonblocking::Reactor for Loop {
    type Socket = Secured<Socket>;
    type Listener = Stop;
    type Place = Rc<Place>;
    type Elsewhere = Helpers;

    fn connection(link: &Link<Self>) -> Option<&(dyn Any + Send + Sync)> {
        Some(bare(&link.socket).client())
    }
}

type Task<M, F> = nonblocking::Task<Loop, M, F, ()>;

/// A loop before it runs.
#[derive(Debug)]
pub(super) struct Reactor {
    poll: Poll,
    /// None once the server stops.
    listeners: VecDeque<Listener>,
    sockets: Rc<Sockets>,
    programs: Rc<Programs>,
    queue: Arc<Queue>,
    wheel: Wheel,
    stop: Stop,
    /// Connections at a time.
    most: usize,
    /// Connections with a request under way.
    busy: Arc<AtomicUsize>,
}

/// A connection that is served.
struct Served<M, F> {
    task: Task<M, F>,
    place: Rc<Place>,
    /// While a request is under way.
    waker: Option<Box<TaskWaker>>,
    /// Whether it counts among those with a request under way.
    is_busy: bool,
}

/// A loop that runs.
struct Running<'r, M, F> {
    reactor: &'r mut Reactor,
    settings: &'r Settings,
    drivers: Rc<Drivers<Loop, M, F>>,
    served: Slab<Served<M, F>>,
    /// Wakers that nobody uses.
    #[expect(clippy::vec_box, reason = "an idle connection has room for a pointer only")]
    wakers: Vec<Box<TaskWaker>>,
    /// Those that were accepted when the server stopped.
    left: VecDeque<Accepted>,
    /// Whether clients may wait to be accepted.
    clients_wait: bool,
    /// When to look again whether they can be.
    look_again: Option<Duration>,
}

impl Reactor {
    pub(super) fn new(listeners: Vec<Listener>, stop: &Stop, most: usize) -> io::Result<Self> {
        let poll = Poll::new()?;
        for listener in &listeners {
            listener.set_nonblocking(true)?;
            let mut source = SourceFd(&listener.as_raw_fd());
            poll.registry().register(&mut source, LISTENER, Interest::READABLE)?;
        }
        let queue = Arc::new(Queue::new(poll.registry(), WOKEN)?);
        let sockets = Rc::new(Sockets::new(poll.registry().try_clone()?));
        let programs = Rc::new(Programs::new(&sockets, stop));
        let busy = Arc::<AtomicUsize>::default();
        stop.enlist(&queue, &busy);
        let (wheel, stop, listeners) = (Wheel::new(moment()), stop.clone(), listeners.into());
        Ok(Self { poll, listeners, sockets, programs, queue, wheel, stop, most, busy })
    }

    /// A connection of the listener whose turn it is, or of the next that has one.
    fn accept_next(&mut self) -> io::Result<Accepted> {
        for _ in 0..self.listeners.len() {
            let Some(listener) = self.listeners.front() else { break };
            let accepted = listen::accept_now(listener);
            self.listeners.rotate_left(1);
            match accepted {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                accepted => return accepted,
            }
        }
        Err(io::ErrorKind::WouldBlock.into())
    }

    /// Serves `service` until the server is stopped and the last connection is done.
    pub(super) fn run<S: Service>(&mut self, service: &S, settings: &Settings) -> io::Result<()> {
        let _here = programs::enter(&self.programs);
        let serving = &settings.serving(service);
        let drive = |handover: Rc<Handover<Loop>>, mut buffers: OwnedBuffers| async move {
            loop {
                let mut connection = handover.next().await;
                let after = serve_once(serving, settings, &mut connection, &mut buffers).await;
                handover.done((connection, after));
            }
        };
        let mut running = Running {
            reactor: self,
            settings,
            drivers: Rc::new(Drivers::new(settings, drive)?),
            served: Slab::new(),
            wakers: Vec::new(),
            left: VecDeque::new(),
            clients_wait: true,
            look_again: None,
        };
        running.run()
    }
}

impl<M, F> Running<'_, M, F>
where
    M: Fn(Rc<Handover<Loop>>, OwnedBuffers) -> F,
    F: Future<Output = Infallible>,
{
    fn run(&mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(EVENTS);
        let (mut keys, mut is_told) = (Vec::new(), (false, false, false));
        loop {
            let stop = &self.reactor.stop;
            let stop = (stop.is_retired(), stop.is_stopping(), stop.is_cutting());
            if stop != is_told {
                is_told = stop;
                self.hear_of_stop();
            }
            self.accept();
            if self.reactor.listeners.is_empty() && self.served.is_empty() && self.left.is_empty() {
                return Ok(());
            }
            self.reactor.sockets.take_again(&mut keys);
            let time_out = if keys.is_empty() { self.time_out() } else { Some(Duration::ZERO) };
            if let Err(error) = self.reactor.poll.poll(&mut events, time_out)
                && error.kind() != io::ErrorKind::Interrupted
            {
                return Err(error);
            }
            self.reactor.sockets.begin_round(events.iter().count() + keys.len());
            for event in &events {
                match event.token() {
                    Token(key) if key < programs::FIRST => {
                        self.reactor.sockets.heard(key, event);
                        self.turn(key);
                    }
                    LISTENER => self.clients_wait = true,
                    WOKEN => self.reactor.queue.take(&mut keys),
                    Token(number) => {
                        let key = self.reactor.programs.heard(number, event);
                        keys.extend(key.filter(|key| !keys.contains(key)));
                    }
                }
            }
            self.reactor.programs.take_due(&mut keys);
            for key in keys.drain(..) {
                self.turn(key);
            }
            while let Some((tick, due)) = self.reactor.wheel.take_due(moment()) {
                for key in due {
                    if self.reactor.sockets.slot(key).scheduled == tick {
                        let never = (NEVER, NEVER);
                        let sockets = &self.reactor.sockets;
                        sockets.update(key, |slot| (slot.scheduled, slot.due) = never);
                        self.turn(key);
                    }
                }
            }
        }
    }

    /// How long to wait for an event.
    fn time_out(&self) -> Option<Duration> {
        let now = moment();
        let until_due = self.reactor.wheel.left(now);
        let until_look = self.look_again.map(|at| at.saturating_sub(now));
        let can_accept = self.clients_wait && self.look_again.is_none();
        let at_once = can_accept.then_some(Duration::ZERO);
        let until_program = self.reactor.programs.left(now);
        [until_due, until_look, at_once, until_program].into_iter().flatten().min()
    }

    /// Lets a connection go on, until it has to wait.
    fn turn(&mut self, key: usize) {
        let Some(served) = self.served.get_mut(key) else { return };
        let Reactor { sockets, queue, busy, wheel, .. } = &mut *self.reactor;
        sockets.begin_turn(key);
        let waker = served.waker.take().or_else(|| self.wakers.pop());
        let waker = waker.unwrap_or_else(|| Box::new(TaskWaker::new(queue)));
        let mut context = Context::from_waker(waker.of(key));
        let is_over = Pin::new(&mut served.task).poll(&mut context).is_ready();
        let is_idle = is_over || served.task.is_idle();
        if is_idle {
            self.wakers.push(waker);
        } else {
            served.waker = Some(waker);
        }
        let is_busy = !is_idle && served.place.is_under_way();
        if is_busy != served.is_busy {
            served.is_busy = is_busy;
            // Only this thread writes it.
            let count = busy.load(Ordering::Relaxed);
            let count = if is_busy { count.saturating_add(1) } else { count.saturating_sub(1) };
            busy.store(count, Ordering::Relaxed);
        }
        if is_over {
            self.served.remove(key);
            // Now there is a place and a descriptor.
            self.look_again = None;
            return;
        }
        let slot = sockets.slot(key);
        if slot.due < slot.scheduled {
            let scheduled = wheel.add(key, slot.due);
            sockets.update(key, |slot| slot.scheduled = scheduled);
        }
    }

    /// Accepts those who wait, as far as there are places.
    fn accept(&mut self) {
        if self.look_again.is_some_and(|at| at > moment()) {
            return;
        }
        self.look_again = None;
        for _ in 0..BATCH {
            if self.left.is_empty() && !self.clients_wait {
                return;
            }
            if self.served.len() >= self.reactor.most {
                self.make_room();
                return;
            }
            let accepted = self.left.pop_front().map_or_else(|| self.reactor.accept_next(), Ok);
            match accepted {
                Ok(accepted) => self.serve(accepted),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.clients_wait = false;
                }
                Err(error) if has_run_out(&error) => {
                    self.tell_one();
                    self.look_again = Some(moment().saturating_add(RUN_OUT));
                    return;
                }
                Err(_) => {}
            }
        }
    }

    fn serve(&mut self, (stream, peer): Accepted) {
        let vacant = self.served.vacant_entry();
        let (key, place) = (vacant.key(), Rc::<Place>::default());
        // Without memory for it, the client is reset.
        let socket = secure(self.reactor.sockets.add(key, stream), self.settings);
        let Ok(socket) = socket else { return };
        let stop = self.reactor.stop.clone();
        let connection = Connection::new(socket, peer, Rc::clone(&place), stop);
        let task = Task::new(&self.drivers, connection, ());
        vacant.insert(Served { task, place, waker: None, is_busy: false });
        self.turn(key);
    }

    /// Without any place, a connection that can do without its own gives it up, as long as a client waits.
    fn make_room(&mut self) {
        if self.left.is_empty() && !self.reactor.listeners.iter().any(listen::has_client) {
            self.clients_wait = false;
            return;
        }
        self.tell_one();
        if self.served.len() >= self.reactor.most {
            self.look_again = Some(moment().saturating_add(LOOK_AGAIN));
        }
    }

    /// Has the connection that can do without its place best give it up.
    fn tell_one(&mut self) {
        let places = self.served.iter().map(|(key, served)| (key, &*served.place));
        if let Some((key, _)) = tell_one(places, moment()) {
            self.turn(key);
        }
    }

    /// The server accepts no more, stops, or gives up what is under way.
    fn hear_of_stop(&mut self) {
        if !self.reactor.listeners.is_empty() {
            // A listener that is closed resets those that nobody has accepted.
            self.left.extend(std::iter::from_fn(|| self.reactor.accept_next().ok()));
            self.reactor.listeners.clear();
            self.clients_wait = !self.left.is_empty();
        }
        let keys: Vec<_> = self.served.iter().map(|(key, _)| key).collect();
        for key in keys {
            if let Some(served) = self.served.get(key)
                && self.reactor.stop.is_stopping()
            {
                served.place.tell_if_idle();
            }
            self.turn(key);
        }
    }
}
