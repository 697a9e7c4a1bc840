//! smoltcp's loopback device in simulated time, with clients on the same interface as the server.

#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::redundant_closure_for_method_calls,
    reason = "only tests call this, and a failure here is the test's failure; the method alone would \
              be one for sockets of a single lifetime"
)]

use std::cell::Cell;
use std::rc::Rc;

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{
    ChecksumCapabilities, Device, DeviceCapabilities, FaultInjector, Loopback, Medium, RxToken,
};
use smoltcp::socket::tcp::{RecvError, Socket, SocketBuffer, State};
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{EthernetAddress, HardwareAddress, IpAddress, IpCidr};
use thimble_core::server::{Clock, Service};
use thimble_smoltcp::{Memory, Server, Serving};

/// The address of everybody but one client.
const ADDRESS: IpAddress = IpAddress::v4(127, 0, 0, 1);
/// The address of that one.
const OTHER_ADDRESS: IpAddress = IpAddress::v4(127, 0, 0, 2);

/// The port of the server.
const PORT: u16 = 80;

/// How long a client waits for anything, in simulated time.
const TIMEOUT: Duration = Duration::from_secs(3600);

/// What goes wrong on the way, in percent of the frames.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// Lost, each way.
    pub drop: u8,
    /// With a wrong bit, each way.
    pub corrupt: u8,
    /// Overtaken by the next one.
    pub reorder: u8,
}

/// A loopback device whose frames have checksums, and may overtake each other.
#[derive(Debug)]
pub struct Wire {
    lower: Loopback,
    held: Option<Vec<u8>>,
    reorder: u8,
    state: u32,
    /// Whether a frame went one way or the other.
    moved: Rc<Cell<bool>>,
}

impl Wire {
    fn is_overtaken(&mut self) -> bool {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 17;
        self.state ^= self.state << 5;
        self.state % 100 < u32::from(self.reorder)
    }

    fn next(&mut self, now: Instant) -> Option<Vec<u8>> {
        Some(self.lower.receive(now)?.0.consume(<[u8]>::to_vec))
    }
}

/// A frame that has arrived.
#[derive(Debug)]
pub struct Frame(Vec<u8>);

impl RxToken for Frame {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, pass: F) -> R {
        pass(&self.0)
    }
}

impl Device for Wire {
    type RxToken<'a> = Frame;
    type TxToken<'a> = <Loopback as Device>::TxToken<'a>;

    fn receive(&mut self, now: Instant) -> Option<(Frame, Self::TxToken<'_>)> {
        let mut frame = match self.held.take() {
            Some(frame) => frame,
            None => self.next(now)?,
        };
        if self.is_overtaken()
            && let Some(later) = self.next(now)
        {
            self.held = Some(std::mem::replace(&mut frame, later));
        }
        self.moved.set(true);
        Some((Frame(frame), self.lower.transmit(now)?))
    }

    fn transmit(&mut self, now: Instant) -> Option<Self::TxToken<'_>> {
        self.moved.set(true);
        self.lower.transmit(now)
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = self.lower.capabilities();
        capabilities.checksum = ChecksumCapabilities::default();
        capabilities.max_transmission_unit = 1514;
        capabilities
    }
}

/// A server that runs, the device between it and its clients, and their clock.
pub struct Bench<'b, 'run, 'm> {
    /// The server.
    pub serving: &'b mut Serving<'run, 'm>,
    /// The device.
    pub device: FaultInjector<Wire>,
    /// What time it is.
    pub now: Instant,
    moved: Rc<Cell<bool>>,
    local_port: u16,
}

/// Runs `server` on a loopback device of `medium` while `body` runs.
pub fn run<
    S: Service,
    C: Clock,
    const N: usize,
    const RECEIVE: usize,
    const SEND: usize,
    const HEAD: usize,
    const REPLY: usize,
>(
    server: &Server<S, C>,
    memory: &mut Memory<N, RECEIVE, SEND, HEAD, REPLY>,
    medium: Medium,
    faults: Faults,
    body: impl FnOnce(&mut Bench<'_, '_, '_>),
) {
    let moved = Rc::new(Cell::new(false));
    let wire = Wire {
        lower: Loopback::new(medium),
        held: None,
        reorder: faults.reorder,
        state: 0x1234_5678,
        moved: moved.clone(),
    };
    let mut device = FaultInjector::new(wire, 0x9876_5432);
    device.set_drop_chance(faults.drop);
    device.set_corrupt_chance(faults.corrupt);
    let address = match medium {
        Medium::Ip => HardwareAddress::Ip,
        Medium::Ethernet => EthernetAddress([2, 0, 0, 0, 0, 1]).into(),
    };
    let mut interface = Interface::new(Config::new(address), &mut device, Instant::ZERO);
    interface.update_ip_addrs(|addresses| {
        let _ = addresses.push(IpCidr::new(ADDRESS, 8));
        let _ = addresses.push(IpCidr::new(OTHER_ADDRESS, 8));
    });
    server.run(memory, &mut interface, SocketSet::new(Vec::new()), |serving| {
        body(&mut Bench { serving, device, now: Instant::ZERO, moved, local_port: 49_152 });
    });
}

impl Bench<'_, '_, '_> {
    /// Begins a connection to the server.
    pub fn connect(&mut self) -> SocketHandle {
        self.connect_with(16 * 1024)
    }

    /// The same, to take so many octets at most before they are read.
    pub fn connect_with(&mut self, window: usize) -> SocketHandle {
        self.local_port = self.local_port.checked_add(1).unwrap_or(49_152);
        self.connect_from(ADDRESS, window)
    }

    /// Begins a connection from another host, and from the same port as the one before.
    pub fn connect_from_elsewhere(&mut self) -> SocketHandle {
        self.connect_from(OTHER_ADDRESS, 16 * 1024)
    }

    fn connect_from(&mut self, address: IpAddress, window: usize) -> SocketHandle {
        let buffer = |length| SocketBuffer::new(vec![0; length]);
        let mut socket = Socket::new(buffer(window), buffer(16 * 1024));
        socket.set_nagle_enabled(false);
        let (interface, mut sockets) = self.serving.network();
        socket
            .connect(interface.context(), (ADDRESS, PORT), (address, self.local_port))
            .expect("a client may connect");
        sockets.add(socket)
    }

    /// Does something with a client's socket.
    pub fn client<R>(&mut self, handle: SocketHandle, act: impl FnOnce(&mut Socket<'_>) -> R) -> R {
        act(self.serving.network().1.get_mut::<Socket<'_>>(handle))
    }

    /// The state of a client's socket.
    pub fn state(&mut self, handle: SocketHandle) -> State {
        self.client(handle, |socket| socket.state())
    }

    /// Lets the server and the network go on, and some time pass: a millisecond while frames are on
    /// their way, otherwise until something is due.
    pub fn step(&mut self) {
        let next = self.serving.poll(self.now, &mut self.device);
        let soon = self.now + Duration::from_millis(1);
        let most = self.now + Duration::from_millis(50);
        let next = if self.moved.take() { soon } else { next.unwrap_or(most) };
        self.now = next.clamp(soon, most);
    }

    /// Goes on until `done`.
    pub fn until(&mut self, what: &str, mut done: impl FnMut(&mut Self) -> bool) {
        let end = self.now + TIMEOUT;
        while !done(self) {
            assert!(self.now < end, "{what}: not within {TIMEOUT}");
            self.step();
        }
    }

    /// Goes on for so long.
    pub fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.step();
        }
    }

    /// Sends all of `octets`.
    pub fn send(&mut self, handle: SocketHandle, mut octets: &[u8]) {
        self.until("all is sent", |bench| {
            let count =
                bench.client(handle, |socket| socket.send_slice(octets)).unwrap_or_default();
            octets = octets.get(count..).unwrap_or_default();
            octets.is_empty()
        });
    }

    /// Receives until there is what `enough` wants, or the end.
    pub fn receive(
        &mut self,
        handle: SocketHandle,
        enough: impl Fn(&[u8]) -> bool,
    ) -> Result<Vec<u8>, RecvError> {
        let mut received = Vec::new();
        let mut error = None;
        self.until("the reply arrives", |bench| {
            let mut piece = [0; 4096];
            bench.client(handle, |socket| {
                loop {
                    match socket.recv_slice(&mut piece) {
                        Ok(0) => return enough(&received),
                        Ok(count) => received.extend(piece.iter().take(count)),
                        Err(fault) => {
                            error = Some(fault);
                            return true;
                        }
                    }
                }
            })
        });
        match error {
            Some(RecvError::InvalidState) => Err(RecvError::InvalidState),
            _ => Ok(received),
        }
    }

    /// A whole exchange: sends `octets`, `piece` of them at a time, shuts the sending side if `shut`,
    /// and receives until the server ends the connection.
    ///
    /// # Errors
    /// It is reset; or stays open for an hour.
    pub fn converse(&mut self, octets: &[u8], piece: usize, shut: bool) -> Result<Vec<u8>, String> {
        let handle = self.connect();
        let (mut rest, mut received, end) = (octets, Vec::new(), self.now + TIMEOUT);
        let outcome = loop {
            let ended = self.client(handle, |socket| {
                if socket.may_send() {
                    let count = rest.len().min(piece);
                    let now = rest.get(..count).unwrap_or_default();
                    let count = socket.send_slice(now).unwrap_or_default();
                    rest = rest.get(count..).unwrap_or_default();
                    if rest.is_empty() && shut {
                        socket.close();
                    }
                }
                let mut piece = [0; 4096];
                loop {
                    match socket.recv_slice(&mut piece) {
                        Ok(0) => return None,
                        Ok(count) => received.extend(piece.iter().take(count)),
                        Err(RecvError::InvalidState)
                            if matches!(socket.state(), State::SynSent | State::SynReceived) =>
                        {
                            return None;
                        }
                        Err(error) => return Some(error),
                    }
                }
            });
            match ended {
                Some(RecvError::Finished) => break Ok(received),
                Some(error) => {
                    break Err(format!(
                        "{error} after {}",
                        crate::cases::transcript::Octets(&received)
                    ));
                }
                None if self.now > end => {
                    let received = crate::cases::transcript::Octets(&received);
                    break Err(format!("the connection stays open after {received}"));
                }
                None => self.step(),
            }
        };
        self.close(handle);
        outcome
    }

    /// Ends a client, after its connection if that has not ended yet.
    pub fn close(&mut self, handle: SocketHandle) {
        self.client(handle, |socket| socket.close());
        self.until("the connection ends", |bench| {
            matches!(bench.state(handle), State::Closed | State::TimeWait)
        });
        // It still acknowledges the server's end.
        self.pass(Duration::from_millis(100));
        self.serving.network().1.remove(handle);
    }
}
