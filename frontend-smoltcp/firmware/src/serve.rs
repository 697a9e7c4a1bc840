//! The main loop: it configures the network, polls the server, and sleeps.

use cortex_m::singleton;
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet, SocketStorage};
use smoltcp::socket::dhcpv4;
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{EthernetAddress, IpCidr, Ipv4Address, Ipv4Cidr};
use thimble_smoltcp::{Memory, Server, Service, Serving};

use crate::board::Board;
use crate::ethernet::ADDRESS;
use crate::seed::Seed;
use crate::uart::{print, print_number};

/// The number of sockets. One of them listens, so one less than this is the number of persistent
/// connections.
pub const CONNECTIONS: usize = 4;

/// The memory of all connections.
pub type ServerMemory = Memory<CONNECTIONS, 1536, 2048, 4096, 1024>;

/// Storage for the sockets of the connections and one for DHCP.
type Sockets = [SocketStorage<'static>; CONNECTIONS + 1];

/// The address and the router if no DHCP server answers within [`DHCP_TIMEOUT`]: those of a guest in
/// QEMU's user network.
const FALLBACK_ADDRESS: Ipv4Cidr = Ipv4Cidr::new(Ipv4Address::new(10, 0, 2, 15), 24);
const FALLBACK_ROUTER: Ipv4Address = Ipv4Address::new(10, 0, 2, 2);
const DHCP_TIMEOUT: Duration = Duration::from_secs(5);

/// Serves until the power is switched off. `after_poll` is called after each poll, with the server and
/// the time.
///
/// # Panics
/// If it is called a second time.
pub fn serve<S: Service>(
    board: &mut Board,
    memory: &'static mut ServerMemory,
    server: &Server<S>,
    mut after_poll: impl FnMut(&Serving<'_, '_>, Instant),
) -> ! {
    let mut seed = Seed::new();
    let mut interface = interface(&seed, board);
    let sockets = singleton!(: Sockets = [const { SocketStorage::EMPTY }; CONNECTIONS + 1]);
    let mut sockets = SocketSet::new(sockets.expect("serving begins once").as_mut_slice());
    let dhcp = sockets.add(dhcpv4::Socket::new());
    server.run(memory, &mut interface, sockets, |serving| {
        let mut is_configured = false;
        let mut is_seeded = false;
        let mut dhcp_deadline = Instant::ZERO + DHCP_TIMEOUT;
        loop {
            if !is_seeded {
                seed.add_cycle();
                // This frame may be a client's first. When it arrives adds to the seed.
                if is_configured && board.ethernet.has_frame() {
                    reseed(serving, &seed, board);
                    is_seeded = true;
                }
            }
            let now = board.clock.now();
            let mut next = serving.poll(now, &mut board.ethernet);
            match lease(serving, dhcp) {
                Some(Lease::Bound) => is_configured = true,
                Some(Lease::Expired) if is_configured => {
                    deconfigure(serving);
                    is_configured = false;
                    dhcp_deadline = now + DHCP_TIMEOUT;
                }
                _ => {}
            }
            if !is_configured {
                if now > dhcp_deadline {
                    configure(serving, FALLBACK_ADDRESS, Some(FALLBACK_ROUTER));
                    is_configured = true;
                } else {
                    next = Some(next.unwrap_or(now).min(now + Duration::from_millis(100)));
                }
            }
            after_poll(serving, now);
            board.sleep(next);
        }
    });
    unreachable!("the loop does not end");
}

/// An interface without an address.
fn interface(seed: &Seed, board: &mut Board) -> Interface {
    let mut config = Config::new(EthernetAddress(ADDRESS).into());
    config.random_seed = seed.value();
    Interface::new(config, &mut board.ethernet, board.clock.now())
}

/// Gives the interface another seed. smoltcp takes a seed only when an interface is created, so a new
/// interface replaces the old one, and takes over its addresses and routes.
fn reseed(serving: &mut Serving<'_, '_>, seed: &Seed, board: &mut Board) {
    let mut fresh = interface(seed, board);
    let (interface, _) = serving.network();
    interface.update_ip_addrs(|addresses| {
        fresh.update_ip_addrs(|fresh| core::mem::swap(fresh, addresses));
    });
    core::mem::swap(fresh.routes_mut(), interface.routes_mut());
    *interface = fresh;
}

/// A change of the address that DHCP gave.
enum Lease {
    Bound,
    Expired,
}

/// Applies what DHCP changed since the last call, if anything.
fn lease(serving: &mut Serving<'_, '_>, dhcp: SocketHandle) -> Option<Lease> {
    let (_, mut sockets) = serving.network();
    let event = sockets.get_mut::<dhcpv4::Socket<'_>>(dhcp).poll()?;
    let dhcpv4::Event::Configured(config) = event else { return Some(Lease::Expired) };
    let (address, router) = (config.address, config.router);
    drop(sockets);
    configure(serving, address, router);
    Some(Lease::Bound)
}

/// Removes the address, which may be given to another host once the lease has expired (RFC 2131
/// §4.4.5). smoltcp drops the connections to it.
fn deconfigure(serving: &mut Serving<'_, '_>) {
    let (interface, _) = serving.network();
    interface.update_ip_addrs(|addresses| addresses.truncate(0));
    interface.routes_mut().remove_default_ipv4_route();
    print(&["the lease has ended\n"]);
}

/// Sets the address and the router, and prints the URL of the server.
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
    print_number("at http://", a, ".");
    print_number("", b, ".");
    print_number("", c, ".");
    print_number("", d, "/\n");
}
