//! The server: a service on a port.

use core::cell::{Cell, RefCell, RefMut};

use smoltcp::iface::{Interface, PollIngressSingleResult, PollResult, SocketSet};
use smoltcp::phy::Device;
use smoltcp::socket::tcp::{Socket, SocketBuffer};
use smoltcp::time::Instant;
use thimble_core::server::{Buffers, RefusalPage, Server as Core};
use thimble_core::{Clock, Deadlines, Limits, NoClock, Service};

use crate::backlog::Backlog;
use crate::connection::serve_clients;
use crate::connection_state::ConnectionState;
use crate::memory::{ConnectionMemory, Memory};
use crate::pinned::{pin_all, poll_once};
use crate::server_state::ServerState;
use crate::syn_filter::SynFilter;
use crate::transport::TcpConnection;

/// Frames that one call of [`Serving::poll`] takes from the device at most.
const FRAMES_PER_POLL: usize = 16;

/// A service, and how it is served.
///
/// ```
/// use std::time::{SystemTime, UNIX_EPOCH};
///
/// use thimble_smoltcp::{Clock, Deadlines, Limits, Server, UnixTime};
/// # use thimble_smoltcp::{Answer, Exchange, Service, Status, Transport};
///
/// /// On a device: what a real-time clock says, or SNTP, once it said something.
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
    core: Core<S, C>,
    deadlines: Deadlines,
    port: u16,
}

impl<S: Service> Server<S> {
    /// A server of `service` on port 80, without a clock, with [`Limits::DEVICE`] and
    /// [`Deadlines::DEVICE`].
    pub const fn new(service: S) -> Self {
        let core = Core::new(service, NoClock, Limits::DEVICE);
        Self { core, deadlines: Deadlines::DEVICE, port: 80 }
    }
}

impl<S: Service, C: Clock> Server<S, C> {
    /// Tells the time by `clock`, so that replies have a Date.
    pub fn clock<C2: Clock>(self, clock: C2) -> Server<S, C2> {
        let mut core = Core::new(self.core.service, clock, self.core.limits);
        core.refusal_page = self.core.refusal_page;
        Server { core, deadlines: self.deadlines, port: self.port }
    }

    /// What clients may send.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.core.limits = limits;
        self
    }

    /// How long clients may take.
    pub fn deadlines(mut self, deadlines: Deadlines) -> Self {
        self.deadlines = deadlines;
        self
    }

    /// Shows refusals by `page` to clients that accept HTML. By default, all get a line of text,
    /// and the image holds no such page.
    pub fn refusal_page(mut self, page: &'static RefusalPage) -> Self {
        self.core.refusal_page = Some(page);
        self
    }

    /// The port it listens on; not 0.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Serves while `body` runs, whenever that calls [`Serving::poll`]: as a rule it is a loop that
    /// does so, and never ends.
    ///
    /// `sockets` has room for `N` more, and may hold others that `body` cares for.
    ///
    /// # Panics
    /// When `sockets` has no room.
    pub fn run<
        'm,
        const N: usize,
        const WINDOW: usize,
        const SEND: usize,
        const HEAD: usize,
        const REPLY: usize,
    >(
        &self,
        memory: &'m mut Memory<N, WINDOW, SEND, HEAD, REPLY>,
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
            let ConnectionMemory { window, send, head, reply } = memory;
            let mut socket =
                Socket::new(SocketBuffer::new(&mut window[..]), SocketBuffer::new(&mut send[..]));
            // A reply leaves in few writes as it is; waiting for an acknowledgement only delays it.
            socket.set_nagle_enabled(false);
            // An acknowledgement leaves after the connections went on, with a reply if there is one.
            socket.set_ack_delay(None);
            state.handle.set(server.sockets.borrow_mut().add(socket));
            let connection = TcpConnection { server: &server, state };
            serve_clients(&self.core, connection, Buffers { rx: head, tx: reply, fields: &mut [] })
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
            // The sockets listen from now on.
            poll_connections();
            if let Some(body) = body.take() {
                body(&mut Serving { interface, server: &server, poll_connections });
            }
        });
    }
}

/// A server that runs.
///
/// This one answers over a loopback, on which a client of smoltcp's is, too:
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
/// // Sockets of one's own go into the same set.
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
///         // A device sleeps here, until a frame arrives or the time has come.
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
    /// Takes the frames that `device` has received, a few at most, lets each connection go on, and
    /// sends what there is to be sent. `now` never goes back.
    ///
    /// Returns when to call again at the latest; in between, when there is another frame. `None`:
    /// not before there is.
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
        if server.evict_idle() {
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

    /// Takes one frame. Returns whether there was one.
    fn receive(&mut self, now: Instant, device: &mut (impl Device + ?Sized)) -> bool {
        let server = self.server;
        let mut device = SynFilter { device, server };
        let mut sockets = server.sockets.borrow_mut();
        let received = self.interface.poll_ingress_single(now, &mut device, &mut sockets);
        received != PollIngressSingleResult::None
    }

    /// The interface, and all sockets, the connections' among them.
    pub fn network(&mut self) -> (&mut Interface, RefMut<'_, SocketSet<'m>>) {
        (self.interface, self.server.sockets.borrow_mut())
    }

    /// Connections since the start.
    pub fn connections(&self) -> u32 {
        self.server.connection_count.get()
    }

    /// Replies since the start, refusals among them.
    pub fn replies(&self) -> u32 {
        self.server.reply_count.get()
    }
}

impl core::fmt::Debug for Serving<'_, '_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Serving").field("server", &self.server).finish_non_exhaustive()
    }
}
