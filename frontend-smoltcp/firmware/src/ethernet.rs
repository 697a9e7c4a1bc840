//! A driver for the Ethernet controller of the LM3S6965, without an interrupt handler.

use smoltcp::phy::{self, Device, DeviceCapabilities, Medium};
use smoltcp::time::Instant;

use crate::board::{read, write};

const BASE: usize = 0x4004_8000;
/// Interrupt status when read, acknowledgement when written.
const RIS: usize = BASE;
/// Interrupt mask.
const IM: usize = BASE + 0x04;
/// Receive and transmit control.
const RCTL: usize = BASE + 0x08;
const TCTL: usize = BASE + 0x0c;
/// The receive FIFO when read, the transmit FIFO when written, one word at a time.
const DATA: usize = BASE + 0x10;
/// The MAC address: its first four octets, and the other two.
const IA0: usize = BASE + 0x14;
const IA1: usize = BASE + 0x18;
/// The number of frames in the receive FIFO.
const NP: usize = BASE + 0x34;
/// Writing 1 starts a transmission. It reads as 1 until that is complete.
const TR: usize = BASE + 0x38;

/// The interrupt for a received frame. No other interrupt is acknowledged: acknowledging a transmit
/// error would empty the transmit FIFO, even while a frame is being written to it.
const RX: u32 = 0x01;

/// The maximum length of a frame without its checksum, and the length of its header, in octets.
const FRAME: usize = 1514;
const HEADER: usize = 14;
/// Octets that the length in front of a received frame counts besides the frame: its own two, and
/// the checksum.
const BESIDES: usize = 2 + 4;

/// The MAC address, from the range for local administration.
pub const ADDRESS: [u8; 6] = [0x02, 0x00, 0x74, 0x68, 0x6d, 0x62];

/// Buffers for one received frame and for one frame to be sent.
pub struct Frames {
    rx: [u8; FRAME],
    tx: [u8; FRAME],
}

impl Frames {
    /// Empty buffers.
    pub const EMPTY: Self = Self { rx: [0; FRAME], tx: [0; FRAME] };
}

/// The Ethernet controller.
pub struct Ethernet {
    frames: &'static mut Frames,
}

impl Ethernet {
    pub(crate) fn new(frames: &'static mut Frames) -> Self {
        let [front @ .., last, end] = ADDRESS;
        write(IM, RX);
        write(IA0, u32::from_le_bytes(front));
        write(IA1, u32::from_le_bytes([last, end, 0, 0]));
        // Full duplex; the controller adds checksum and padding.
        write(TCTL, 1 << 4 | 1 << 2 | 1 << 1 | 1);
        // Frames with a wrong checksum are dropped.
        write(RCTL, 1 << 3 | 1);
        Self { frames }
    }

    /// Whether the receive FIFO holds a frame.
    pub fn has_frame(&self) -> bool {
        read(NP) != 0
    }
}

/// Acknowledges the interrupt for a received frame.
pub(crate) fn acknowledge() {
    write(RIS, RX);
}

impl Device for Ethernet {
    type RxToken<'a> = RxFrame<'a>;
    type TxToken<'a> = TxFrame<'a>;

    fn receive(&mut self, _: Instant) -> Option<(RxFrame<'_>, TxFrame<'_>)> {
        self.has_frame().then_some(())?;
        let Frames { rx, tx } = self.frames;
        let [a, b, c, d] = read(DATA).to_le_bytes();
        let total = usize::from(u16::from_le_bytes([a, b]));
        let length = total.saturating_sub(BESIDES);
        let [first, second, rest @ ..] = rx;
        (*first, *second) = (c, d);
        let mut words = rest.as_chunks_mut::<4>().0.iter_mut();
        for _ in 1..total.div_ceil(4) {
            let word = read(DATA).to_le_bytes();
            // Words that don't fit are read all the same, since the next frame follows them.
            if let Some(place) = words.next() {
                *place = word;
            }
        }
        Some((RxFrame(rx.get(..length).unwrap_or_default()), TxFrame(tx)))
    }

    fn transmit(&mut self, _: Instant) -> Option<TxFrame<'_>> {
        (read(TR) & 1 == 0).then_some(TxFrame(&mut self.frames.tx))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = FRAME;
        capabilities
    }
}

/// A received frame; empty if the frame was too long.
pub struct RxFrame<'d>(&'d [u8]);

impl phy::RxToken for RxFrame<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, pass: F) -> R {
        pass(self.0)
    }
}

/// The buffer for a frame to be sent.
pub struct TxFrame<'d>(&'d mut [u8; FRAME]);

impl phy::TxToken for TxFrame<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, fill: F) -> R {
        let frame = self.0.get_mut(..length).unwrap_or_default();
        let result = fill(frame);
        // smoltcp may send while it receives, when the last transmission is not complete yet.
        while read(TR) & 1 != 0 {}
        // The length does not count the header. Its word also holds the first two octets.
        let count = u16::try_from(length.saturating_sub(HEADER)).unwrap_or_default();
        let [a, b] = count.to_le_bytes();
        if let [c, d, rest @ ..] = frame {
            write(DATA, u32::from_le_bytes([a, b, *c, *d]));
            let (words, rest) = rest.as_chunks();
            for word in words {
                write(DATA, u32::from_le_bytes(*word));
            }
            let mut last = [0; 4];
            for (place, octet) in last.iter_mut().zip(rest) {
                *place = *octet;
            }
            if !rest.is_empty() {
                write(DATA, u32::from_le_bytes(last));
            }
        }
        write(TR, 1);
        result
    }
}
