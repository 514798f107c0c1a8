//! What an address is.
//!
//! The tables are the IANA special-purpose address registries (RFC 6890 and
//! what followed), and the addresses of metadata services that are no part of
//! them. The first row that holds an address says what it is.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What an address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Reachable by everybody.
    Public,
    /// This machine.
    Loopback,
    /// A network of a house, a company, a carrier.
    Private,
    /// For documents, measurements, old ways of tunnelling, or nothing yet.
    Special,
    /// What nobody means to be a server; the text says what it is.
    Never(&'static str),
}

impl Class {
    /// For people, after "is".
    pub fn what(self) -> &'static str {
        match self {
            Self::Public => "a public address",
            Self::Loopback => "this machine",
            Self::Private => "an address of a private network",
            Self::Special => "an address for special purposes",
            Self::Never(what) => what,
        }
    }

    /// The same address inside another: what is public behind a way that nobody
    /// uses any more is not public.
    fn inside_an_old_way(self) -> Self {
        match self {
            Self::Public => Self::Special,
            other => other,
        }
    }
}

const METADATA: Class = Class::Never("the metadata service of a cloud");
const LINK_LOCAL: Class = Class::Never("link-local, where clouds give away credentials");
const MULTICAST: Class = Class::Never("a group of machines");
const NOBODY: Class = Class::Never("no address of a machine");

/// Network, prefix, what it is.
const V4: &[([u8; 4], u8, Class)] = &[
    // Alibaba, Oracle, Azure; the others are link-local.
    ([100, 100, 100, 200], 32, METADATA),
    ([192, 0, 0, 192], 32, METADATA),
    ([168, 63, 129, 16], 32, METADATA),
    ([169, 254, 0, 0], 16, LINK_LOCAL),
    ([0, 0, 0, 0], 8, NOBODY),
    ([255, 255, 255, 255], 32, MULTICAST),
    ([224, 0, 0, 0], 4, MULTICAST),
    ([127, 0, 0, 0], 8, Class::Loopback),
    ([10, 0, 0, 0], 8, Class::Private),
    ([100, 64, 0, 0], 10, Class::Private),
    ([172, 16, 0, 0], 12, Class::Private),
    ([192, 168, 0, 0], 16, Class::Private),
    ([192, 0, 0, 0], 24, Class::Special),
    ([192, 0, 2, 0], 24, Class::Special),
    ([192, 88, 99, 0], 24, Class::Special),
    ([198, 18, 0, 0], 15, Class::Special),
    ([198, 51, 100, 0], 24, Class::Special),
    ([203, 0, 113, 0], 24, Class::Special),
    ([240, 0, 0, 0], 4, Class::Special),
];

/// The same for addresses that carry no other one.
const V6: &[([u16; 8], u8, Class)] = &[
    // Amazon, Google.
    ([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254], 128, METADATA),
    ([0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254], 128, METADATA),
    ([0, 0, 0, 0, 0, 0, 0, 0], 128, NOBODY),
    ([0, 0, 0, 0, 0, 0, 0, 1], 128, Class::Loopback),
    ([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10, LINK_LOCAL),
    ([0xff00, 0, 0, 0, 0, 0, 0, 0], 8, MULTICAST),
    ([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7, Class::Private),
    // Site-local, which some networks still have.
    ([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10, Class::Private),
    // Protocol assignments, benchmarks, ORCHID and the like.
    ([0x2001, 0, 0, 0, 0, 0, 0, 0], 23, Class::Special),
    ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32, Class::Special),
    ([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20, Class::Special),
    ([0x2000, 0, 0, 0, 0, 0, 0, 0], 3, Class::Public),
];

/// What an address is.
pub fn class(address: IpAddr) -> Class {
    match address {
        IpAddr::V4(address) => class_v4(address),
        IpAddr::V6(address) => class_v6(address),
    }
}

fn class_v4(address: Ipv4Addr) -> Class {
    let within = |net: [u8; 4], length: u8| {
        let kept = prefix(32, length);
        u128::from(address.to_bits()) & kept == u128::from(u32::from_be_bytes(net)) & kept
    };
    let row = V4.iter().find(|(net, length, _)| within(*net, *length));
    row.map_or(Class::Public, |(.., class)| *class)
}

fn class_v6(address: Ipv6Addr) -> Class {
    if let Some(class) = carried(address) {
        return class;
    }
    let within = |net: [u16; 8], length: u8| {
        let kept = prefix(128, length);
        address.to_bits() & kept == Ipv6Addr::from(net).to_bits() & kept
    };
    let row = V6.iter().find(|(net, length, _)| within(*net, *length));
    // Most of the space is given to nobody.
    row.map_or(Class::Special, |(.., class)| *class)
}

/// What an address is that carries an IPv4 address.
fn carried(address: Ipv6Addr) -> Option<Class> {
    let bits = address.to_bits();
    let at = |shift: u32| class_v4(v4(bits >> shift));
    Some(match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => return None,
        // Mapped: another spelling of the IPv4 address. NAT64: the edge of the
        // network makes an IPv4 connection of it.
        [0, 0, 0, 0, 0, 0xffff, _, _] | [0x64, 0xff9b, 0, 0, 0, 0, _, _] => at(0),
        // NAT64 of the local network, which puts it where it likes (RFC 6052).
        [0x64, 0xff9b, 1, ..] => {
            // Two halves around the eight bits that are always zero.
            let split = (((bits >> 64) & 0xffff) << 16) | ((bits >> 40) & 0xffff);
            let split = class_v4(v4(split));
            let late = (((bits >> 64) & 0xff) << 24) | ((bits >> 32) & 0xff_ffff);
            let places = [at(0), at(24), split, class_v4(v4(late))];
            // Zeros are likely to be no address at all.
            let worst = |c: &Class| [METADATA, LINK_LOCAL].contains(c);
            places.into_iter().find(worst).unwrap_or(Class::Private)
        }
        // Compatible, translated, 6to4, Teredo, ISATAP: given up long ago.
        [0, 0, 0, 0, 0 | 0xffff, 0, _, _] => at(0).inside_an_old_way(),
        [0x2002, ..] => at(80).inside_an_old_way(),
        [0x2001, 0, ..] => match class_v4(v4(!bits)) {
            never @ Class::Never(_) => never,
            _ => Class::Special,
        },
        [_, _, _, _, 0 | 0x200, 0x5efe, _, _] => match at(0) {
            never @ Class::Never(_) => never,
            _ => Class::Special,
        },
        _ => return None,
    })
}

/// The last 32 bits as an address.
fn v4(bits: u128) -> Ipv4Addr {
    Ipv4Addr::from_bits(u32::try_from(bits & 0xffff_ffff).unwrap_or(0))
}

/// The bits that a prefix fixes.
fn prefix(width: u32, length: u8) -> u128 {
    let behind = width.saturating_sub(u32::from(length));
    u128::MAX.checked_shl(behind).unwrap_or(0)
}
