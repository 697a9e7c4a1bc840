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
const PAUSE: Duration = Duration::from_millis(200);

/// Where a connection is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Nobody is there.
    Listening,
    /// In the handshake.
    Opening,
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
    Ending,
    /// The client has acknowledged everything, and may say that it is done.
    Parting,
    /// Both sides have ended; the last acknowledgement leaves with the next frames.
    Ended,
    /// To be reset.
    Aborting,
}

impl From<Phase> for Stage {
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
pub(crate) struct Slot {
    pub(crate) handle: Cell<SocketHandle>,
    stage: Cell<Stage>,
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
    let_go: Cell<bool>,
}

impl Slot {
    pub(crate) fn new() -> Self {
        Self {
            handle: Cell::default(),
            stage: Cell::new(Stage::Listening),
            since: Cell::new(Instant::ZERO),
            deadline: Cell::new(NEVER),
            budget: Cell::new(Budget::new()),
            moved: Cell::new(Instant::ZERO),
            client: Cell::new(None),
            served: Cell::new(false),
            let_go: Cell::new(false),
        }
    }

    pub(crate) fn stage(&self) -> Stage {
        self.stage.get()
    }

    /// Enters a stage, unless it lasts already.
    pub(crate) fn enter(&self, stage: Stage, now: Instant, deadlines: &Deadlines) {
        if self.stage.get() == stage {
            return;
        }
        let time = match stage {
            Stage::Listening | Stage::Busy => Duration::MAX,
            Stage::Opening => deadlines.handshake.into(),
            Stage::Idle => self.begin(Phase::Idle, deadlines),
            Stage::Head => self.begin(Phase::Head, deadlines),
            Stage::Content => self.begin(Phase::Content, deadlines),
            Stage::Reply => self.begin(Phase::Reply, deadlines),
            Stage::Drain => self.begin(Phase::Drain, deadlines),
            Stage::Ending => deadlines.reply.into(),
            Stage::Parting => deadlines.linger.into(),
            Stage::Ended => Duration::ZERO,
            Stage::Aborting => GRACE,
        };
        if matches!(stage, Stage::Listening) {
            self.served.set(false);
            self.let_go.set(false);
        }
        self.stage.set(stage);
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
        match self.stage.get() {
            // It isn't idle any more, whatever comes of it.
            Stage::Idle => self.enter(Stage::Busy, now, deadlines),
            Stage::Content | Stage::Reply | Stage::Drain => {
                let mut budget = self.budget.get();
                let waited = now - self.moved.replace(now);
                budget.spend(waited.into(), octets, deadlines);
                self.budget.set(budget);
                self.deadline.set(later(now, left(&budget)));
            }
            _ => {}
        }
    }

    pub(crate) fn is_over(&self, now: Instant) -> bool {
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

    pub(crate) fn is_opening(&self, client: IpEndpoint) -> bool {
        self.stage.get() == Stage::Opening && self.client.get() == Some(client)
    }

    pub(crate) fn let_go(&self) {
        self.let_go.set(true);
    }

    /// Whether it was waiting for the client only, and has to end for another one's sake.
    pub(crate) fn is_let_go(&self) -> bool {
        self.let_go.get() && matches!(self.stage.get(), Stage::Idle | Stage::Parting)
    }

    /// When the connection may be let go: after a moment if it is a persistent one that is idle, a
    /// while later if its first request is awaited. `None` when it isn't idle.
    pub(crate) fn expendable_at(&self) -> Option<Instant> {
        let patience = if self.served.get() { PAUSE } else { GRACE };
        (self.stage.get() == Stage::Idle).then(|| self.since.get() + patience)
    }

    /// Whether the connection is a persistent one that is idle, and may be let go in a moment.
    pub(crate) fn is_spare(&self) -> bool {
        self.stage.get() == Stage::Idle && self.served.get()
    }

    /// Whether a place will be free before long.
    pub(crate) fn is_leaving(&self, now: Instant) -> bool {
        match self.stage.get() {
            Stage::Listening | Stage::Parting | Stage::Ended | Stage::Aborting => true,
            Stage::Ending => now < self.since.get() + GRACE,
            Stage::Idle => self.let_go.get(),
            _ => self.let_go.get() && now < self.since.get() + GRACE,
        }
    }

    /// Whether the future has something to do, as far as that depends on the socket and the time. A
    /// handler may wait for anything.
    pub(crate) fn is_due(&self, socket: &Socket<'_>, now: Instant) -> bool {
        let is_ready = match self.stage.get() {
            Stage::Listening => socket.state() != State::Listen,
            Stage::Opening => socket.state() != State::SynReceived,
            Stage::Idle | Stage::Head => {
                socket.can_recv() || !socket.may_recv() || self.is_let_go()
            }
            _ => true,
        };
        is_ready || self.is_over(now)
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
