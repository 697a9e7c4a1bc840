//! The socket between a supervisor and one of its workers.

use std::io::ErrorKind::{Interrupted, WouldBlock};
use std::io::{self, IoSlice, IoSliceMut, Read as _, Write as _};
use std::mem::MaybeUninit;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;

use rustix::io::{FdFlags, fcntl_setfd, retry_on_intr};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

use crate::listen::Listener;

/// The most listeners that workers can share.
const MOST: usize = 64;

/// The longest message to a worker, in octets: a socket holds it, though nobody reads yet.
const LONGEST: u16 = 16 * 1024;

/// What a worker tells its supervisor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Word {
    /// It serves.
    Ready = b'R',
    /// It was asked to end, and wants another to take its place first.
    Replace = b'T',
}

/// What a supervisor tells a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Order {
    /// Take no more connections, and leave the listeners to the other workers.
    Retire = b'r',
    /// Close the listeners and idle connections as well.
    Stop = b's',
    /// End at once.
    Cut = b'c',
    /// The supervisor is gone: this is never sent.
    Orphaned = 0,
}

/// Sends `listeners` and a `message` as the first that a worker gets, which may not have been started yet.
pub(super) fn send_listeners(
    mut channel: &UnixStream,
    listeners: &[Listener],
    message: &[u8],
) -> io::Result<()> {
    if listeners.len() > MOST {
        return Err(io::Error::other(format!("workers can share {MOST} listeners at most")));
    }
    let descriptors: Vec<_> = listeners.iter().map(|listener| listener.as_fd()).collect();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    // There is room for as many.
    ancillary.push(SendAncillaryMessage::ScmRights(&descriptors));
    // Descriptors need an octet to go with.
    let octet = [IoSlice::new(b"L")];
    retry_on_intr(|| sendmsg(channel, &octet, &mut ancillary, SendFlags::empty()))?;
    let length = u16::try_from(message.len()).ok().filter(|length| *length <= LONGEST);
    let length = length.ok_or_else(|| io::Error::other("too much is told to workers"))?;
    channel.write_all(&length.to_be_bytes())?;
    channel.write_all(message)
}

/// Receives the listeners and the message. Call it before there are other threads: until it returns, processes that
/// are started inherit the listeners.
pub(super) fn receive_listeners(mut channel: &UnixStream) -> io::Result<(Vec<Listener>, Vec<u8>)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut octet = [0];
    let mut slices = [IoSliceMut::new(&mut octet)];
    retry_on_intr(|| recvmsg(channel, &mut slices, &mut ancillary, RecvFlags::empty()))?;
    let mut listeners = Vec::new();
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(descriptors) = message {
            for descriptor in descriptors {
                fcntl_setfd(&descriptor, FdFlags::CLOEXEC)?;
                listeners.push(descriptor.try_into()?);
            }
        }
    }
    let mut length = [0; 2];
    channel.read_exact(&mut length)?;
    let mut message = vec![0; u16::from_be_bytes(length).into()];
    channel.read_exact(&mut message)?;
    Ok((listeners, message))
}

/// Tells the supervisor something. If it is gone, that shows otherwise.
pub(super) fn send_word(mut channel: &UnixStream, word: Word) {
    let _ = channel.write_all(&[word as u8]);
}

/// What the worker says, if anything. The channel doesn't block.
pub(super) fn next_word(channel: &UnixStream) -> Option<Word> {
    let octet = read(channel).ok()?;
    [Word::Ready, Word::Replace].into_iter().find(|word| Some(*word as u8) == octet)
}

/// Tells a worker what to do. If that fails, it has ended, which shows otherwise.
pub(super) fn send_order(mut channel: &UnixStream, order: Order) {
    let _ = channel.write_all(&[order as u8]);
}

/// The next order to this worker, if there is one. The channel doesn't block.
pub(super) fn next_order(channel: &UnixStream) -> Option<Order> {
    match read(channel) {
        Ok(octet) => {
            let orders = [Order::Retire, Order::Stop, Order::Cut];
            let order = orders.into_iter().find(|order| Some(*order as u8) == octet);
            Some(order.unwrap_or(Order::Orphaned))
        }
        Err(error) if matches!(error.kind(), WouldBlock | Interrupted) => None,
        Err(_) => Some(Order::Orphaned),
    }
}

/// An octet; nothing at the end.
fn read(mut channel: &UnixStream) -> io::Result<Option<u8>> {
    let mut octet = [0];
    Ok((channel.read(&mut octet)? > 0).then_some(octet[0]))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::os::unix::net::UnixListener;

    use rustix::io::fcntl_getfd;

    use super::*;

    #[test]
    fn listeners_arrive_before_orders_and_are_not_inherited() -> io::Result<()> {
        let (ours, theirs) = UnixStream::pair()?;
        let folder = tempfile::tempdir()?;
        let unix = UnixListener::bind(folder.path().join("socket"))?;
        let sent = [TcpListener::bind("127.0.0.1:0")?.into(), unix.into()];
        send_listeners(&ours, &sent, b"a message")?;
        send_order(&ours, Order::Retire);
        send_order(&ours, Order::Stop);
        let (received, message) = receive_listeners(&theirs)?;
        assert_eq!(message, b"a message");
        for (sent, received) in sent.iter().zip(&received) {
            assert_eq!(sent.local_addr(), received.local_addr());
            assert_eq!(sent.path(), received.path());
            assert!(fcntl_getfd(received)?.contains(FdFlags::CLOEXEC));
        }
        assert_eq!(received.len(), 2);
        theirs.set_nonblocking(true)?;
        assert_eq!(next_order(&theirs), Some(Order::Retire));
        assert_eq!(next_order(&theirs), Some(Order::Stop));
        assert_eq!(next_order(&theirs), None);
        drop(ours);
        assert_eq!(next_order(&theirs), Some(Order::Orphaned));
        Ok(())
    }

    #[test]
    fn a_worker_is_ready_when_it_says_so() -> io::Result<()> {
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        assert_eq!(next_word(&ours), None);
        send_word(&theirs, Word::Ready);
        send_word(&theirs, Word::Replace);
        assert_eq!(next_word(&ours), Some(Word::Ready));
        assert_eq!(next_word(&ours), Some(Word::Replace));
        drop(theirs);
        assert_eq!(next_word(&ours), None);
        Ok(())
    }

    #[test]
    fn too_many_listeners_are_refused() -> io::Result<()> {
        let (ours, _theirs) = UnixStream::pair()?;
        let one = Listener::from(TcpListener::bind("127.0.0.1:0")?);
        let many = (0..=MOST).map(|_| one.try_clone()).collect::<io::Result<Vec<_>>>()?;
        assert!(send_listeners(&ours, &many, b"").is_err());
        let long = vec![0; usize::from(LONGEST) + 1];
        assert!(send_listeners(&ours, &[one], &long).is_err());
        Ok(())
    }
}
