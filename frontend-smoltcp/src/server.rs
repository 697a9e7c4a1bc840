//! [`Server`]: a service on a TCP port, and [`Serving`]: a server that runs.

use core::cell::{Cell, RefCell, RefMut};

use smoltcp::iface::{Interface, PollIngressSingleResult, PollResult, SocketSet};
use smoltcp::phy::Device;
use smoltcp::socket::tcp::{Socket, SocketBuffer};
use smoltcp::time::Instant;
use thimble_core::server::{Buffers, Driver, RefusalPage};
use thimble_core::{Clock, Deadlines, Limits, NoClock, Service};

use crate::backlog::Backlog;
use crate::connection::TcpConnection;
use crate::connection_state::ConnectionState;
use crate::memory::{ConnectionMemory, Memory};
use crate::pinned::{pin_all, poll_once};
use crate::serve::serve_clients;
use crate::server_state::ServerState;
use crate::syn_filter::SynFilter;

/// The maximum number of frames that one call of [`Serving::poll`] takes from the device.
const FRAMES_PER_POLL: usize = 16;

/// A service together with its settings: port, clock, limits and deadlines.
///
/// ```
/// use std::time::{SystemTime, UNIX_EPOCH};
///
/// use thimble_smoltcp::{Clock, Deadlines, Limits, Server, UnixTime};
/// # use thimble_smoltcp::{Answer, Exchange, Service, Status, Transport};
///
/// /// On a device: the time of a real-time clock, or of SNTP, and `None` until that is set.
/// struct Time;
///
/// impl Clock for Time {
///     fn now(&self) -> Option<UnixTime> {
///         let since = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
///         Some(UnixTime(since.as_secs()))
///     }
/// }
///
/// # struct Hello;
/// # impl Service for Hello {
/// #     async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
/// #         Ok(exchange.respond(Status::OK).text("Hello, world!\n"))
/// #     }
/// # }
/// let mut limits = Limits::DEVICE;
/// limits.form = 512;
/// let server = Server::new(Hello).port(8080).clock(Time).limits(limits).deadlines(Deadlines::DEVICE);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Server<S, C = NoClock> {
    driver: Driver<S, C>,
    deadlines: Deadlines,
    port: u16,
}

impl<S: Service> Server<S> {
    /// A server of `service` on port 80, without a clock, with [`Limits::DEVICE`] and
    /// [`Deadlines::DEVICE`].
    pub const fn new(service: S) -> Self {
        let driver = Driver::new(service, NoClock, Limits::DEVICE);
        Self { driver, deadlines: Deadlines::DEVICE, port: 80 }
    }
}

impl<S: Service, C: Clock> Server<S, C> {
    /// Sets the clock. With one, replies have a Date field.
    pub fn clock<C2: Clock>(self, clock: C2) -> Server<S, C2> {
        let mut driver = Driver::new(self.driver.service, clock, self.driver.limits);
        driver.refusal_page = self.driver.refusal_page;
        Server { driver, deadlines: self.deadlines, port: self.port }
    }

    /// Sets how large requests may be.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.driver.limits = limits;
        self
    }

    /// Sets how long clients may take.
    pub fn deadlines(mut self, deadlines: Deadlines) -> Self {
        self.deadlines = deadlines;
        self
    }

    /// Sets the page by which a refusal is shown to clients that accept HTML. By default, every client
    /// gets a line of text, and the program contains no page.
    pub fn refusal_page(mut self, page: &'static RefusalPage) -> Self {
        self.driver.refusal_page = Some(page);
        self
    }

    /// Sets the port to listen on. It must not be 0: no socket would listen.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Adds `N` sockets to `sockets` and calls `body`, usually an endless loop around
    /// [`Serving::poll`]. The server answers during those calls, and ends when `body` returns.
    ///
    /// `sockets` may hold other sockets, which [`Serving::network`] gives access to.
    ///
    /// # Panics
    /// If `sockets` has no room for `N` more.
    pub fn run<
        'm,
        const N: usize,
        const RECEIVE: usize,
        const SEND: usize,
        const HEAD: usize,
        const REPLY: usize,
    >(
        &self,
        memory: &'m mut Memory<N, RECEIVE, SEND, HEAD, REPLY>,
        interface: &mut Interface,
        sockets: SocketSet<'m>,
        body: impl FnOnce(&mut Serving<'_, 'm>),
    ) {
        let Memory { connections, backlog } = memory;
        let states: [ConnectionState; N] = core::array::from_fn(|_| ConnectionState::new());
        let server = ServerState {
            sockets: RefCell::new(sockets),
            connections: &states,
            now: Cell::new(Instant::ZERO),
            deadlines: self.deadlines,
            port: self.port,
            listening_left: Cell::new(0),
            backlog: RefCell::new(Backlog(backlog.as_flattened_mut())),
            connection_count: Cell::new(0),
            reply_count: Cell::new(0),
        };
        let mut futures = connections.iter_mut().zip(&states).map(|(memory, state)| {
            let ConnectionMemory { receive, send, head, reply } = memory;
            let mut socket =
                Socket::new(SocketBuffer::new(&mut receive[..]), SocketBuffer::new(&mut send[..]));
            // Replies are written in few pieces, so Nagle's algorithm would only delay the last one.
            socket.set_nagle_enabled(false);
            // Acknowledgements leave at the end of each poll, together with a reply if there is one.
            socket.set_ack_delay(None);
            state.handle.set(server.sockets.borrow_mut().add(socket));
            let connection = TcpConnection { server: &server, state };
            serve_clients(
                &self.driver,
                connection,
                Buffers { rx: head, tx: reply, fields: &mut [] },
            )
        });
        let mut body = Some(body);
        pin_all(&mut futures, 0, [const { None }; N], &mut |futures| {
            let poll_connections = &mut || {
                for (state, future) in states.iter().zip(futures.iter_mut().flatten()) {
                    if server.is_due(state) {
                        poll_once(future.as_mut());
                    }
                }
            };
            // The first poll makes the sockets listen.
            poll_connections();
            if let Some(body) = body.take() {
                body(&mut Serving { interface, server: &server, poll_connections });
            }
        });
    }
}

/// A server that runs, for the `body` of [`Server::run`].
///
/// In this example the server and a client share a loopback device:
///
/// ```
/// use smoltcp::iface::{Config, Interface, SocketSet};
/// use smoltcp::phy::{Loopback, Medium};
/// use smoltcp::socket::tcp;
/// use smoltcp::time::Instant;
/// use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr};
/// # use thimble_smoltcp::{Answer, Exchange, Service, Status, Transport};
/// use thimble_smoltcp::{Memory, Server};
///
/// # struct Hello;
/// # impl Service for Hello {
/// #     async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
/// #         Ok(exchange.respond(Status::OK).text("Hello, world!\n"))
/// #     }
/// # }
/// let mut device = Loopback::new(Medium::Ethernet);
/// let config = Config::new(EthernetAddress([2, 0, 0, 0, 0, 1]).into());
/// let mut interface = Interface::new(config, &mut device, Instant::ZERO);
/// interface.update_ip_addrs(|addresses| {
///     let _ = addresses.push(IpCidr::new(IpAddress::v4(127, 0, 0, 1), 8));
/// });
///
/// // The program's own sockets go into the same set.
/// let buffer = || tcp::SocketBuffer::new(vec![0; 1024]);
/// let mut sockets = SocketSet::new(vec![]);
/// let client = sockets.add(tcp::Socket::new(buffer(), buffer()));
///
/// let mut memory = Memory::<2>::new();
/// let mut reply = Vec::new();
/// Server::new(Hello).run(&mut memory, &mut interface, sockets, |serving| {
///     let (interface, mut sockets) = serving.network();
///     let socket = sockets.get_mut::<tcp::Socket>(client);
///     let server = (IpAddress::v4(127, 0, 0, 1), 80);
///     socket.connect(interface.context(), server, 49152).unwrap();
///     drop(sockets);
///
///     let mut now = Instant::ZERO;
///     let mut request = &b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"[..];
///     while reply.is_empty() && now < Instant::from_secs(10) {
///         // A device would sleep here until a frame arrives or the returned time has come.
///         now = serving.poll(now, &mut device).unwrap_or(now).max(now);
///         let (_, mut sockets) = serving.network();
///         let socket = sockets.get_mut::<tcp::Socket>(client);
///         if socket.can_send() {
///             request = &request[socket.send_slice(request).unwrap()..];
///         }
///         let _ = socket.recv(|octets| {
///             reply.extend_from_slice(octets);
///             (octets.len(), ())
///         });
///     }
///     assert_eq!((serving.connections(), serving.replies()), (1, 1));
/// });
/// assert!(reply.ends_with(b"Hello, world!\n"));
/// ```
pub struct Serving<'run, 'm> {
    interface: &'run mut Interface,
    server: &'run ServerState<'run, 'm>,
    poll_connections: &'run mut dyn FnMut(),
}

impl<'m> Serving<'_, 'm> {
    /// Receives up to 16 frames from `device`, serves the connections, and sends what is ready.
    /// `now` is the current time, counted from any fixed point; it must not decrease from call to call.
    ///
    /// Call it again when the device has received a frame, and at the returned time at the latest;
    /// `None` means that only a frame requires another call. A handler that waits for something else
    /// than its connection makes progress in these calls only.
    pub fn poll(&mut self, now: Instant, device: &mut (impl Device + ?Sized)) -> Option<Instant> {
        let server = self.server;
        server.now.set(now);
        self.interface.poll_maintenance(now);
        server.begin_ingress();
        let mut frames = 0;
        while frames < FRAMES_PER_POLL && self.receive(now, device) {
            frames += 1;
        }
        (self.poll_connections)();
        if server.evict_one() {
            (self.poll_connections)();
        }
        let mut sockets = server.sockets.borrow_mut();
        let next = loop {
            let sent = self.interface.poll_egress(now, device, &mut sockets);
            let next = self.interface.poll_at(now, &sockets);
            if sent == PollResult::None || next.is_none_or(|next| next > now) {
                break next;
            }
        };
        let next = [next, (frames == FRAMES_PER_POLL).then_some(now), server.poll_at()];
        next.into_iter().flatten().min().map(|next| next.max(now))
    }

    /// Receives one frame. Returns whether there was one.
    fn receive(&mut self, now: Instant, device: &mut (impl Device + ?Sized)) -> bool {
        let server = self.server;
        let mut device = SynFilter { device, server };
        let mut sockets = server.sockets.borrow_mut();
        let received = self.interface.poll_ingress_single(now, &mut device, &mut sockets);
        received != PollIngressSingleResult::None
    }

    /// The interface and all sockets. The server's own `N` sockets are among them, and must not be
    /// changed.
    pub fn network(&mut self) -> (&mut Interface, RefMut<'_, SocketSet<'m>>) {
        (self.interface, self.server.sockets.borrow_mut())
    }

    /// The number of connections accepted since the start. It wraps around.
    pub fn connections(&self) -> u32 {
        self.server.connection_count.get()
    }

    /// The number of replies since the start, including refusals. It wraps around.
    pub fn replies(&self) -> u32 {
        self.server.reply_count.get()
    }
}

impl core::fmt::Debug for Serving<'_, '_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Serving").field("server", &self.server).finish_non_exhaustive()
    }
}
