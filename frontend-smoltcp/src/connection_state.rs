//! The state of a connection besides that of its socket: its phase and its deadline.

use core::cell::Cell;

use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp::{Socket, State};
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::IpEndpoint;
use thimble_core::server::{Budget, Deadlines, Phase};

/// How long a new connection may go without a request before it can be evicted, how long an evicted
/// connection may take to close before the next one is evicted, and how long a reset may take to
/// leave.
pub(crate) const GRACE: Duration = Duration::from_secs(1);

/// How long a persistent connection is idle before it can be evicted. A client that got a reply less
/// than this ago is probably about to send its next request, which would be lost. Its connection is
/// marked instead, so that the next reply says `Connection: close`.
const MIN_IDLE: Duration = Duration::from_millis(200);

/// The phase of a connection. Around the phases in which it is served stand the states of TCP, under
/// their names in RFC 9293 §3.3.2 where there is one for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConnectionPhase {
    /// LISTEN: the socket has no client.
    Listen,
    /// SYN-RECEIVED: the handshake is under way.
    SynReceived,
    /// Served, and not waiting for the client.
    Busy,
    /// Served, and waiting for the client to send or to receive.
    Awaiting(Phase),
    /// FIN-WAIT-1, CLOSING or LAST-ACK: the client has not acknowledged the FIN yet.
    FinSent,
    /// FIN-WAIT-2: the client has acknowledged everything, and has not sent its own FIN.
    FinWait2,
    /// TIME-WAIT: both FINs were received. The last acknowledgement leaves at the end of this poll.
    TimeWait,
    /// The connection was aborted, and its RST may not have left yet.
    Reset,
}

/// The state of one connection besides that of its socket.
#[derive(Debug)]
pub(crate) struct ConnectionState {
    pub(crate) handle: Cell<SocketHandle>,
    phase: Cell<ConnectionPhase>,
    /// When the phase began.
    since: Cell<Instant>,
    deadline: Cell<Instant>,
    /// What was left of the client's time when octets last moved, at `moved`.
    budget: Cell<Budget>,
    moved: Cell<Instant>,
    /// The client's endpoint, from the handshake on.
    client: Cell<Option<IpEndpoint>>,
    /// Whether a reply was completed on this connection.
    served: Cell<bool>,
    /// Whether another client needs the socket. The connection ends after the reply in progress, or
    /// as soon as it is idle.
    evicted: Cell<bool>,
}

impl ConnectionState {
    pub(crate) fn new() -> Self {
        Self {
            handle: Cell::default(),
            phase: Cell::new(ConnectionPhase::Listen),
            since: Cell::new(Instant::ZERO),
            deadline: Cell::new(NEVER),
            budget: Cell::new(Budget::new()),
            moved: Cell::new(Instant::ZERO),
            client: Cell::new(None),
            served: Cell::new(false),
            evicted: Cell::new(false),
        }
    }

    pub(crate) fn phase(&self) -> ConnectionPhase {
        self.phase.get()
    }

    /// Enters `phase` and sets its deadline. Does nothing if the connection is in this phase already.
    pub(crate) fn enter(&self, phase: ConnectionPhase, now: Instant, deadlines: &Deadlines) {
        if self.phase.get() == phase {
            return;
        }
        let time = match phase {
            ConnectionPhase::Listen | ConnectionPhase::Busy => Duration::MAX,
            ConnectionPhase::SynReceived => deadlines.handshake.into(),
            ConnectionPhase::Awaiting(phase) => {
                let mut budget = Budget::new();
                budget.enter(phase, deadlines);
                self.budget.set(budget);
                left(&budget)
            }
            ConnectionPhase::FinSent => deadlines.reply.into(),
            ConnectionPhase::FinWait2 => deadlines.linger.into(),
            ConnectionPhase::TimeWait => Duration::ZERO,
            ConnectionPhase::Reset => GRACE,
        };
        if matches!(phase, ConnectionPhase::Listen) {
            self.served.set(false);
            self.evicted.set(false);
        }
        self.phase.set(phase);
        self.since.set(now);
        self.moved.set(now);
        self.deadline.set(later(now, time));
    }

    /// Records that `octets` were sent or received, and moves the deadline accordingly.
    pub(crate) fn progress(&self, octets: usize, now: Instant, deadlines: &Deadlines) {
        match self.phase.get() {
            // Whatever was received, the connection is no longer idle.
            ConnectionPhase::Awaiting(Phase::Idle) => {
                self.enter(ConnectionPhase::Busy, now, deadlines);
            }
            ConnectionPhase::Awaiting(Phase::Content | Phase::Reply | Phase::Drain) => {
                let mut budget = self.budget.get();
                let waited = now - self.moved.replace(now);
                budget.spend_micros(waited.total_micros(), octets, deadlines);
                self.budget.set(budget);
                self.deadline.set(later(now, left(&budget)));
            }
            _ => {}
        }
    }

    /// Whether the deadline of the phase has passed.
    pub(crate) fn is_timed_out(&self, now: Instant) -> bool {
        self.deadline.get() <= now
    }

    /// The deadline of the phase, or `None` if it has none.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        Some(self.deadline.get()).filter(|&deadline| deadline != NEVER)
    }

    /// Records that a reply is complete.
    pub(crate) fn set_served(&self) {
        self.served.set(true);
    }

    /// Records the endpoint of the client.
    pub(crate) fn set_client(&self, client: Option<IpEndpoint>) {
        self.client.set(client);
    }

    /// Whether a handshake with `client` is under way.
    pub(crate) fn is_in_handshake_with(&self, client: IpEndpoint) -> bool {
        self.phase.get() == ConnectionPhase::SynReceived && self.client.get() == Some(client)
    }

    /// Makes the connection end after the reply in progress, or as soon as it is idle.
    pub(crate) fn evict(&self) {
        self.evicted.set(true);
    }

    /// Whether the connection was evicted and has nothing left to send, so that it ends now.
    pub(crate) fn is_evicted_now(&self) -> bool {
        let is_waiting = matches!(
            self.phase.get(),
            ConnectionPhase::Awaiting(Phase::Idle) | ConnectionPhase::FinWait2
        );
        self.evicted.get() && is_waiting
    }

    /// When the connection may be evicted: [`MIN_IDLE`] after its last reply, or [`GRACE`] after the
    /// handshake while no request arrived. `None` if it is not idle.
    pub(crate) fn evictable_at(&self) -> Option<Instant> {
        let min_idle = if self.served.get() { MIN_IDLE } else { GRACE };
        let is_idle = self.phase.get() == ConnectionPhase::Awaiting(Phase::Idle);
        is_idle.then(|| self.since.get() + min_idle)
    }

    /// Whether the connection has served a request and is idle, so that it can be evicted within
    /// [`MIN_IDLE`].
    pub(crate) fn is_idle_after_reply(&self) -> bool {
        self.phase.get() == ConnectionPhase::Awaiting(Phase::Idle) && self.served.get()
    }

    /// Whether the socket listens, or is expected to within [`GRACE`].
    pub(crate) fn will_listen_soon(&self, now: Instant) -> bool {
        match self.phase.get() {
            ConnectionPhase::Listen
            | ConnectionPhase::FinWait2
            | ConnectionPhase::TimeWait
            | ConnectionPhase::Reset => true,
            ConnectionPhase::FinSent => now < self.since.get() + GRACE,
            ConnectionPhase::Awaiting(Phase::Idle) => self.evicted.get(),
            _ => self.evicted.get() && now < self.since.get() + GRACE,
        }
    }

    /// Whether the connection's future may make progress, judged by the socket and the time. While a
    /// handler runs this is always true, since the handler may be waiting for something else.
    pub(crate) fn is_due(&self, socket: &Socket<'_>, now: Instant) -> bool {
        let is_ready = match self.phase.get() {
            ConnectionPhase::Listen => socket.state() != State::Listen,
            ConnectionPhase::SynReceived => socket.state() != State::SynReceived,
            ConnectionPhase::Awaiting(Phase::Idle | Phase::Head) => {
                socket.can_recv() || !socket.may_recv() || self.is_evicted_now()
            }
            _ => true,
        };
        is_ready || self.is_timed_out(now)
    }
}

fn left(budget: &Budget) -> Duration {
    Duration::from_micros(budget.left_micros())
}

/// The deadline of a phase without one.
const NEVER: Instant = Instant::from_micros_const(i64::MAX);

/// `from + by`, or [`NEVER`] if that is out of range.
fn later(from: Instant, by: Duration) -> Instant {
    let by = i64::try_from(by.total_micros()).unwrap_or(i64::MAX);
    Instant::from_micros(from.total_micros().saturating_add(by))
}
