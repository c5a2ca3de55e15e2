//! The line to a board that this node does not run: a network interface, or Ethernet frames in UDP datagrams.

use crate::link::ETHERTYPE;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

/// Opens a line: `eth1`, an interface, or `udp:4001:192.0.2.7:4002`, an own port and where the board's frames come from.
///
/// # Errors
/// `InvalidInput` for another form; what the system says of the interface or the port.
pub fn open(device: &str) -> io::Result<Socket> {
    match device.strip_prefix("udp:") {
        Some(ends) => udp(ends),
        None => interface(device),
    }
}

fn udp(ends: &str) -> io::Result<Socket> {
    let form = || io::Error::new(io::ErrorKind::InvalidInput, "a UDP line is udp:PORT:ADDRESS:PORT");
    let (port, remote) = ends.split_once(':').ok_or_else(form)?;
    let port: u16 = port.parse().map_err(|_| form())?;
    let remote: SocketAddr = remote.parse().map_err(|_| form())?;
    let local: SocketAddr = match remote {
        SocketAddr::V4(other) if other.ip().is_loopback() => (Ipv4Addr::LOCALHOST, port).into(),
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, port).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, port).into(),
    };
    let socket = Socket::new(Domain::for_address(remote), Type::DGRAM, Some(Protocol::UDP))?;
    socket.bind(&local.into())?;
    // From here on the system drops what others send.
    socket.connect(&remote.into())?;
    Ok(socket)
}

/// Frames of the link alone, in both directions (packet(7)).
fn interface(name: &str) -> io::Result<Socket> {
    let socket = Socket::new(Domain::PACKET, Type::RAW, Some(Protocol::from(i32::from(ETHERTYPE.to_be()))))?;
    let index = rustix::net::netdevice::name_to_index(&socket, name)?;
    // SAFETY: zero is a valid value of every field, and the length is that of the structure that is filled in.
    let ((), address) = unsafe {
        SockAddr::try_init(|storage, length| {
            let link = storage.cast::<libc::sockaddr_ll>();
            (*link).sll_family = libc::AF_PACKET as u16;
            (*link).sll_protocol = ETHERTYPE.to_be();
            (*link).sll_ifindex = index as i32;
            *length = size_of::<libc::sockaddr_ll>() as u32;
            Ok(())
        })
    }?;
    socket.bind(&address)?;
    Ok(socket)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_another_form_is_refused() {
        for device in ["udp:", "udp:1", "udp:x:127.0.0.1:2", "udp:1:127.0.0.1", "udp:70000:127.0.0.1:1"] {
            assert_eq!(open(device).unwrap_err().kind(), io::ErrorKind::InvalidInput, "{device}");
        }
    }

    #[test]
    fn frames_pass_between_two_ends_and_those_of_others_do_not() {
        use std::io::{Read, Write};
        let free = || std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let (one, two, other) = (free(), free(), free());
        let (a, b) = (one.local_addr().unwrap().port(), two.local_addr().unwrap().port());
        drop((one, two));
        let mut here = open(&format!("udp:{a}:127.0.0.1:{b}")).unwrap();
        let mut there = open(&format!("udp:{b}:127.0.0.1:{a}")).unwrap();
        other.send_to(b"forged", ("127.0.0.1", a)).unwrap();
        there.write_all(b"frame").unwrap();
        let mut space = [0; 16];
        assert_eq!(here.read(&mut space).unwrap(), 5);
        assert_eq!(&space[..5], b"frame");
    }
}
