//! The baseline for speed: it answers whatever it receives with the same octets, without parsing.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use smoltcp::iface::{Config, Interface, SocketSet, SocketStorage};
use smoltcp::socket::tcp::{Socket, SocketBuffer, State};
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr};
use thimble_firmware::board::Board;
use thimble_firmware::ethernet::{ADDRESS, Frames};
use thimble_firmware::uart::print;

const REPLY: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n\
    Content-Length: 14\r\n\r\nHello, world!\n";

#[entry]
fn main() -> ! {
    static mut FRAMES: Frames = Frames::EMPTY;
    static mut RX: [[u8; 1536]; 4] = [[0; 1536]; 4];
    static mut TX: [[u8; 2048]; 4] = [[0; 2048]; 4];
    let mut board = Board::take(FRAMES);
    let now = board.clock.now();
    let config = Config::new(EthernetAddress(ADDRESS).into());
    let mut interface = Interface::new(config, &mut board.ethernet, now);
    interface.update_ip_addrs(|addresses| {
        let _ = addresses.push(IpCidr::new(IpAddress::v4(10, 0, 2, 15), 24));
    });
    let mut storage = [const { SocketStorage::EMPTY }; 4];
    let mut sockets = SocketSet::new(&mut storage[..]);
    let buffers = RX.iter_mut().zip(TX);
    let mut handles = buffers.map(|(rx, tx)| {
        let mut socket =
            Socket::new(SocketBuffer::new(&mut rx[..]), SocketBuffer::new(&mut tx[..]));
        socket.set_nagle_enabled(false);
        sockets.add(socket)
    });
    let handles: [_; 4] = core::array::from_fn(|_| handles.next().unwrap_or_default());
    print(&["at http://10.0.2.15/\n"]);
    loop {
        let now = board.clock.now();
        interface.poll(now, &mut board.ethernet, &mut sockets);
        for handle in handles {
            let socket = sockets.get_mut::<Socket<'_>>(handle);
            if !socket.is_open() {
                let _ = socket.listen(80);
            }
            let received = socket.recv(|octets| (octets.len(), octets.len())).unwrap_or_default();
            if received > 0 {
                let _ = socket.send_slice(REPLY);
            }
            if socket.state() == State::CloseWait {
                socket.close();
            }
        }
        interface.poll(now, &mut board.ethernet, &mut sockets);
        let next = interface.poll_at(now, &sockets);
        board.sleep(next);
    }
}
