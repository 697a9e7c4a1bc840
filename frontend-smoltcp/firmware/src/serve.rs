//! The loop that serves: network, address, sleep.

use cortex_m::singleton;
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet, SocketStorage};
use smoltcp::socket::dhcpv4;
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{EthernetAddress, IpCidr, Ipv4Address, Ipv4Cidr};
use thimble_smoltcp::{Memory, Server, Service, Serving};

use crate::board::Board;
use crate::ethernet::ADDRESS;
use crate::say::say_number;

/// Connections: one more than are served in peace.
pub const CONNECTIONS: usize = 4;

/// The memory of all connections.
pub type Connections = Memory<CONNECTIONS, 1536, 2048, 4096, 1024>;

/// Room for their sockets, and for DHCP's.
type Sockets = [SocketStorage<'static>; CONNECTIONS + 1];

/// The address where no server gives one, after so long.
const STATIC: Ipv4Cidr = Ipv4Cidr::new(Ipv4Address::new(10, 0, 2, 15), 24);
const ROUTER: Ipv4Address = Ipv4Address::new(10, 0, 2, 2);
const PATIENCE: Duration = Duration::from_secs(5);

/// Serves until the power goes. `watch` sees the server and the time before each sleep.
///
/// # Panics
/// When it is called for the second time.
pub fn serve<S: Service>(
    board: &mut Board,
    memory: &'static mut Connections,
    server: &Server<S>,
    mut watch: impl FnMut(&Serving<'_, '_>, Instant),
) -> ! {
    let mut config = Config::new(EthernetAddress(ADDRESS).into());
    let now = board.clock.now();
    config.random_seed = now.total_micros().unsigned_abs();
    let mut interface = Interface::new(config, &mut board.ethernet, now);
    let sockets = singleton!(: Sockets = [const { SocketStorage::EMPTY }; CONNECTIONS + 1]);
    let mut sockets = SocketSet::new(sockets.expect("serving begins once").as_mut_slice());
    let dhcp = sockets.add(dhcpv4::Socket::new());
    server.run(memory, &mut interface, sockets, |serving| {
        let mut is_configured = false;
        loop {
            let now = board.clock.now();
            let mut next = serving.poll(now, &mut board.ethernet);
            is_configured |= lease(serving, dhcp);
            if !is_configured {
                if now > Instant::ZERO + PATIENCE {
                    configure(serving, STATIC, Some(ROUTER));
                    is_configured = true;
                } else {
                    next = Some(next.unwrap_or(now).min(now + Duration::from_millis(100)));
                }
            }
            watch(serving, now);
            board.sleep(next);
        }
    });
    unreachable!("the loop does not end");
}

/// Takes over what a DHCP server said, if it did. An address that was taken away stays until there
/// is another one.
fn lease(serving: &mut Serving<'_, '_>, dhcp: SocketHandle) -> bool {
    let (_, mut sockets) = serving.network();
    let Some(dhcpv4::Event::Configured(config)) =
        sockets.get_mut::<dhcpv4::Socket<'_>>(dhcp).poll()
    else {
        return false;
    };
    let (address, router) = (config.address, config.router);
    drop(sockets);
    configure(serving, address, router);
    true
}

fn configure(serving: &mut Serving<'_, '_>, address: Ipv4Cidr, router: Option<Ipv4Address>) {
    let (interface, _) = serving.network();
    interface.update_ip_addrs(|addresses| {
        addresses.clear();
        let _ = addresses.push(IpCidr::Ipv4(address));
    });
    interface.routes_mut().remove_default_ipv4_route();
    if let Some(router) = router {
        let _ = interface.routes_mut().add_default_ipv4_route(router);
    }
    let [a, b, c, d] = address.address().octets().map(u32::from);
    say_number("at http://", a, ".");
    say_number("", b, ".");
    say_number("", c, ".");
    say_number("", d, "/\n");
}
