//! What is known of a connection besides its socket, and its deadlines.

use core::cell::Cell;

use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp::{Socket, State};
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::IpEndpoint;
use thimble_core::server::{Budget, Deadlines, Phase};

/// A client whose first request doesn't come may be sent away after this, when its place is needed.
/// And so much time has one that was asked to leave, before the next one is.
pub(crate) const GRACE: Duration = Duration::from_secs(1);

/// A client that was answered so lately may be about to ask again. Its connection doesn't end without
/// a word yet: rather the next reply says that it is the last one.
const MIN_IDLE: Duration = Duration::from_millis(200);

/// Where a connection is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConnectionPhase {
    /// Nobody is there.
    Listen,
    /// In the handshake.
    SynReceived,
    /// Served: nobody waits for the client.
    Busy,
    /// Served: waits for a request.
    Idle,
    /// Served: waits for the rest of a head.
    Head,
    /// Served: waits for content.
    Content,
    /// Served: waits until the client takes the reply.
    Reply,
    /// Served, and to be closed: waits for what the client still sends.
    Drain,
    /// The sending side is shut, and the client has not acknowledged everything.
    FinSent,
    /// The client has acknowledged everything, and may say that it is done.
    FinWait2,
    /// Both sides have ended; the last acknowledgement leaves with the next frames.
    TimeWait,
    /// To be reset.
    Reset,
}

impl From<Phase> for ConnectionPhase {
    fn from(phase: Phase) -> Self {
        match phase {
            Phase::Idle => Self::Idle,
            Phase::Head => Self::Head,
            Phase::Content => Self::Content,
            Phase::Reply => Self::Reply,
            Phase::Drain => Self::Drain,
        }
    }
}

/// One connection.
#[derive(Debug)]
pub(crate) struct ConnectionState {
    pub(crate) handle: Cell<SocketHandle>,
    phase: Cell<ConnectionPhase>,
    since: Cell<Instant>,
    deadline: Cell<Instant>,
    /// What the client has left of its time, when last something moved.
    budget: Cell<Budget>,
    moved: Cell<Instant>,
    /// The client, from the handshake on.
    client: Cell<Option<IpEndpoint>>,
    /// Whether a request was answered.
    served: Cell<bool>,
    /// Whether it is to end after the reply that is being made, or as soon as it is idle.
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

    /// Enters a stage, unless it lasts already.
    pub(crate) fn enter(&self, phase: ConnectionPhase, now: Instant, deadlines: &Deadlines) {
        if self.phase.get() == phase {
            return;
        }
        let time = match phase {
            ConnectionPhase::Listen | ConnectionPhase::Busy => Duration::MAX,
            ConnectionPhase::SynReceived => deadlines.handshake.into(),
            ConnectionPhase::Idle => self.begin(Phase::Idle, deadlines),
            ConnectionPhase::Head => self.begin(Phase::Head, deadlines),
            ConnectionPhase::Content => self.begin(Phase::Content, deadlines),
            ConnectionPhase::Reply => self.begin(Phase::Reply, deadlines),
            ConnectionPhase::Drain => self.begin(Phase::Drain, deadlines),
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

    /// Begins to count the time of a phase, and returns it.
    fn begin(&self, phase: Phase, deadlines: &Deadlines) -> Duration {
        let mut budget = Budget::new();
        budget.enter(phase, deadlines);
        self.budget.set(budget);
        left(&budget)
    }

    /// So many octets went one way or the other.
    pub(crate) fn progress(&self, octets: usize, now: Instant, deadlines: &Deadlines) {
        match self.phase.get() {
            // It isn't idle any more, whatever comes of it.
            ConnectionPhase::Idle => self.enter(ConnectionPhase::Busy, now, deadlines),
            ConnectionPhase::Content | ConnectionPhase::Reply | ConnectionPhase::Drain => {
                let mut budget = self.budget.get();
                let waited = now - self.moved.replace(now);
                budget.spend(waited.into(), octets, deadlines);
                self.budget.set(budget);
                self.deadline.set(later(now, left(&budget)));
            }
            _ => {}
        }
    }

    pub(crate) fn is_timed_out(&self, now: Instant) -> bool {
        self.deadline.get() <= now
    }

    /// When something is due without a frame; `None` if never.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        Some(self.deadline.get()).filter(|&deadline| deadline != NEVER)
    }

    /// A reply is complete.
    pub(crate) fn served(&self) {
        self.served.set(true);
    }

    /// In the handshake, with this client.
    pub(crate) fn opening(&self, client: Option<IpEndpoint>) {
        self.client.set(client);
    }

    pub(crate) fn is_in_handshake_with(&self, client: IpEndpoint) -> bool {
        self.phase.get() == ConnectionPhase::SynReceived && self.client.get() == Some(client)
    }

    pub(crate) fn evict(&self) {
        self.evicted.set(true);
    }

    /// Whether it was waiting for the client only, and has to end for another one's sake.
    pub(crate) fn must_leave(&self) -> bool {
        self.evicted.get()
            && matches!(self.phase.get(), ConnectionPhase::Idle | ConnectionPhase::FinWait2)
    }

    /// When the connection may be let go: after a moment if it is a persistent one that is idle, a
    /// while later if its first request is awaited. `None` when it isn't idle.
    pub(crate) fn evictable_at(&self) -> Option<Instant> {
        let min_idle = if self.served.get() { MIN_IDLE } else { GRACE };
        (self.phase.get() == ConnectionPhase::Idle).then(|| self.since.get() + min_idle)
    }

    /// Whether the connection is a persistent one that is idle, and may be let go in a moment.
    pub(crate) fn is_persistent_and_idle(&self) -> bool {
        self.phase.get() == ConnectionPhase::Idle && self.served.get()
    }

    /// Whether a place will be free before long.
    pub(crate) fn will_listen_soon(&self, now: Instant) -> bool {
        match self.phase.get() {
            ConnectionPhase::Listen
            | ConnectionPhase::FinWait2
            | ConnectionPhase::TimeWait
            | ConnectionPhase::Reset => true,
            ConnectionPhase::FinSent => now < self.since.get() + GRACE,
            ConnectionPhase::Idle => self.evicted.get(),
            _ => self.evicted.get() && now < self.since.get() + GRACE,
        }
    }

    /// Whether the future has something to do, as far as that depends on the socket and the time. A
    /// handler may wait for anything.
    pub(crate) fn is_due(&self, socket: &Socket<'_>, now: Instant) -> bool {
        let is_ready = match self.phase.get() {
            ConnectionPhase::Listen => socket.state() != State::Listen,
            ConnectionPhase::SynReceived => socket.state() != State::SynReceived,
            ConnectionPhase::Idle | ConnectionPhase::Head => {
                socket.can_recv() || !socket.may_recv() || self.must_leave()
            }
            _ => true,
        };
        is_ready || self.is_timed_out(now)
    }
}

fn left(budget: &Budget) -> Duration {
    budget.left().unwrap_or_default().into()
}

/// A deadline that doesn't pass.
const NEVER: Instant = Instant::from_micros_const(i64::MAX);

fn later(from: Instant, by: Duration) -> Instant {
    let by = i64::try_from(by.total_micros()).unwrap_or(i64::MAX);
    Instant::from_micros(from.total_micros().saturating_add(by))
}
