//! A server has a limited number of places for connections. When all are taken and a client waits, the
//! connection that can best do without its place gives it up.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// What the server waits for on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Waits {
    /// Nothing: the server is busy with a request.
    Not,
    /// The next request of a client that has had a reply.
    Idle,
    /// The client's end of the connection, after the last reply.
    Parting,
    /// The first octet of a new client.
    Fresh,
    /// The rest of a head.
    Head,
    /// More of a request's content.
    Content,
    /// Room to send more of a reply, which the client makes by reading.
    Reply,
    /// Nothing any more: the connection was told to give its place up.
    Told,
}

impl Waits {
    const ALL: [Self; 8] = [
        Self::Not,
        Self::Idle,
        Self::Parting,
        Self::Fresh,
        Self::Head,
        Self::Content,
        Self::Reply,
        Self::Told,
    ];

    /// How long a connection may wait like this before it can lose its place; `None` means for ever. The
    /// kinds lose their places in the order in which they are declared.
    ///
    /// A client that was just answered may be about to send another request. The first request of a new
    /// client follows its handshake at once. A client that was refused may still be sending, and without
    /// its place it couldn't read why. A head takes one round trip. A client that has neither sent nor
    /// read anything for ten or thirty seconds may be gone.
    const fn grace(self) -> Option<Duration> {
        match self {
            Self::Not | Self::Told => None,
            Self::Idle => Some(Duration::from_millis(200)),
            Self::Fresh => Some(Duration::from_millis(20)),
            Self::Parting => Some(Duration::from_secs(1)),
            Self::Head => Some(Duration::from_secs(2)),
            Self::Content => Some(Duration::from_secs(10)),
            Self::Reply => Some(Duration::from_secs(30)),
        }
    }

    const fn is_idle(self) -> bool {
        matches!(self, Self::Idle | Self::Fresh)
    }
}

/// How long a client has for the rest of a head, or to end its side of the connection, once the server stops.
pub const HURRY: Duration = Duration::from_millis(500);

/// How long to wait before looking again for a connection that can give its place up.
pub const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// The place of one connection, which other threads may take back.
#[derive(Debug, Default)]
pub struct Place {
    /// What the server waits for, and since when, in milliseconds.
    state: AtomicU64,
    /// Whether the reply under way, or the next one, is the last.
    is_last: AtomicBool,
    was_answered: AtomicBool,
}

impl Place {
    /// Records that the server has waited for the client since `since`, by [`moment`](crate::clock::moment).
    ///
    /// Call this, then check whether the server is stopping. The thread that stops it sets its flag, then
    /// calls [`tell_if_idle`](Self::tell_if_idle). One of the two always sees what the other did.
    pub fn wait(&self, waits: Waits, since: Duration) {
        let (from, to) = (self.state.load(Ordering::Relaxed), pack(waits, since));
        if unpack(from).0 != Waits::Told {
            let _ = self.state.compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst);
        }
    }

    /// Records that the server has waited for a request since `since`.
    pub fn wait_for_request(&self, since: Duration) {
        let answered = self.was_answered.load(Ordering::Relaxed);
        self.wait(if answered { Waits::Idle } else { Waits::Fresh }, since);
    }

    /// Records that the wait is over. Returns whether the connection was told to give its place up meanwhile.
    pub fn go_on(&self) -> bool {
        unpack(self.state.swap(0, Ordering::SeqCst)).0 == Waits::Told
    }

    /// Records that a reply was sent to its end.
    pub fn answered(&self) {
        self.was_answered.store(true, Ordering::Relaxed);
    }

    /// Whether the reply under way, or the next one, is the last and carries `Connection: close`.
    pub fn is_last(&self) -> bool {
        self.is_last.load(Ordering::Relaxed)
    }

    /// Makes the reply under way, or the next one, the last.
    pub fn end_after_reply(&self) {
        self.is_last.store(true, Ordering::Relaxed);
    }

    /// Whether the connection was told to give its place up.
    pub fn is_told(&self) -> bool {
        unpack(self.state.load(Ordering::SeqCst)).0 == Waits::Told
    }

    /// Whether a request or reply is under way: it has a whole head, and not all of its reply has gone.
    pub fn is_under_way(&self) -> bool {
        matches!(
            unpack(self.state.load(Ordering::SeqCst)).0,
            Waits::Not | Waits::Content | Waits::Reply
        )
    }

    /// Tells the connection to give its place up if it waits for a request. Returns whether it did.
    /// Otherwise the connection ends after its reply.
    pub fn tell_if_idle(&self) -> bool {
        self.tell_if(Waits::is_idle)
    }

    /// The same, also if it waits for the rest of a head, or for the client's end of the connection.
    pub fn tell_if_not_under_way(&self) -> bool {
        self.tell_if(|waits| waits.is_idle() || matches!(waits, Waits::Head | Waits::Parting))
    }

    fn tell_if(&self, is_meant: impl Fn(Waits) -> bool) -> bool {
        let told = |state| is_meant(unpack(state).0).then_some(pack(Waits::Told, Duration::ZERO));
        self.end_after_reply();
        self.state.fetch_update(Ordering::SeqCst, Ordering::SeqCst, told).is_ok()
    }
}

fn pack(waits: Waits, since: Duration) -> u64 {
    let millis = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
    millis << 3 | u64::from(waits as u8)
}

fn unpack(state: u64) -> (Waits, Duration) {
    let waits = Waits::ALL.into_iter().find(|waits| u64::from(*waits as u8) == state & 7);
    (waits.unwrap_or(Waits::Not), Duration::from_millis(state >> 3))
}

/// Tells one connection to give its place up, and returns it with what the server was waiting for: the one
/// that has been idle for longest, or if none is idle, one that keeps the server waiting.
///
/// If there is none of those, a busy connection ends after its reply.
pub fn tell_one<'p, T>(
    places: impl Iterator<Item = (T, &'p Place)>,
    now: Duration,
) -> Option<(T, Waits)> {
    let mut busy = None;
    let mut best: Option<((u8, Duration), u64, &Place, T)> = None;
    for (connection, place) in places {
        let state = place.state.load(Ordering::SeqCst);
        let (waits, since) = unpack(state);
        if waits.grace().is_some_and(|grace| now.saturating_sub(since) >= grace) {
            let key = (waits as u8, since);
            if best.as_ref().is_none_or(|(least, ..)| key < *least) {
                best = Some((key, state, place, connection));
            }
        } else if waits != Waits::Told && !place.is_last() {
            busy = Some(place);
        }
    }
    let Some((_, state, place, connection)) = best else {
        if let Some(place) = busy {
            place.end_after_reply();
        }
        return None;
    };
    place.end_after_reply();
    let told = pack(Waits::Told, Duration::ZERO);
    let was = place.state.compare_exchange(state, told, Ordering::SeqCst, Ordering::SeqCst).ok()?;
    Some((connection, unpack(was).0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn places(waits: &[(Waits, u64)]) -> Vec<Place> {
        let place = |(waits, since): &(Waits, u64)| {
            let place = Place::default();
            place.wait(*waits, at(*since));
            place
        };
        waits.iter().map(place).collect()
    }

    /// Who gives way at 100 s.
    fn told(places: &[Place]) -> Option<(usize, Waits)> {
        tell_one(places.iter().enumerate(), at(100))
    }

    #[test]
    fn the_idlest_goes_first_and_then_who_keeps_the_server_waiting() {
        let places = places(&[
            (Waits::Reply, 69),
            (Waits::Head, 90),
            (Waits::Head, 98),
            (Waits::Fresh, 20),
            (Waits::Idle, 99),
            (Waits::Idle, 50),
            (Waits::Parting, 99),
            (Waits::Not, 0),
            (Waits::Reply, 71),
            (Waits::Content, 90),
            (Waits::Content, 91),
        ]);
        let order: Vec<_> =
            std::iter::from_fn(|| told(&places)).map(|(connection, _)| connection).collect();
        assert_eq!(order, [5, 4, 6, 3, 1, 2, 9, 0]);
    }

    #[test]
    fn nobody_is_told_in_the_middle_of_a_request() {
        let places = places(&[(Waits::Not, 0), (Waits::Idle, 100), (Waits::Reply, 71)]);
        for _ in 0..4 {
            assert_eq!(told(&places), None);
        }
        // But each hears with its reply that the connection ends.
        assert!(places.iter().all(Place::is_last));
        assert!(!places.iter().any(Place::is_told));
    }

    #[test]
    fn who_may_be_about_to_send_more_has_a_moment() {
        for (waits, moment) in [
            (Waits::Idle, 200),
            (Waits::Parting, 1000),
            (Waits::Fresh, 20),
            (Waits::Head, 2000),
            (Waits::Content, 10_000),
            (Waits::Reply, 30_000),
        ] {
            for (waited, is_told) in [(moment - 1, false), (moment, true)] {
                let place = Place::default();
                place.wait(waits, at(100).saturating_sub(Duration::from_millis(waited)));
                assert_eq!(told(&[place]).is_some(), is_told, "{waits:?} {waited}");
            }
        }
    }

    #[test]
    fn who_was_told_hears_it_once_the_wait_is_over() {
        let places = places(&[(Waits::Idle, 0)]);
        let Some(place) = places.first() else { return };
        assert_eq!(told(&places), Some((0, Waits::Idle)));
        assert!(place.is_told());
        place.wait_for_request(at(100));
        assert!(place.go_on());
        assert!(!place.is_told());
    }

    #[test]
    fn only_who_is_idle_is_told_when_the_server_stops() {
        for (waits, is_idle, is_under_way) in [
            (Waits::Idle, true, false),
            (Waits::Fresh, true, false),
            (Waits::Head, false, false),
            (Waits::Parting, false, false),
            (Waits::Content, false, true),
            (Waits::Reply, false, true),
            (Waits::Not, false, true),
        ] {
            let one = || places(&[(waits, 0)]).remove(0);
            assert_eq!(one().is_under_way(), is_under_way, "{waits:?}");
            assert_eq!(one().tell_if_idle(), is_idle, "{waits:?}");
            assert_eq!(one().tell_if_not_under_way(), !is_under_way, "{waits:?}");
        }
    }
}
