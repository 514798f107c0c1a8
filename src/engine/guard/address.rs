//! Which addresses of the network a server's name may stand for.
//!
//! Answers server-side request forgery and DNS rebinding (A1, A3): a name that
//! looks public can be made to point at this machine, into the local network, or
//! at the address where a cloud gives away credentials. What an address is, the
//! special-purpose registries of IANA say; addresses that carry another one
//! inside are what they carry.
//!
//! Deliberately absent: looking names up. Addresses come in as values, and the
//! one that is dialled is the one that was judged.

mod ranges;

pub use ranges::{Class, class};

use core::fmt;
use core::net::IpAddr;

/// The addresses that one server may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// The address that the operator wrote in the name's place.
    exact: Option<IpAddr>,
    allowed: Vec<Allowed>,
}

/// A part of the network that the operator allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowed {
    /// What anybody can reach.
    Public,
    /// Networks of a house, a company, a carrier.
    Private,
    /// This machine.
    Loopback,
    /// A network by its address and the length of its prefix.
    Net(IpAddr, u8),
}

/// Why a text is no part of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAllowed {
    /// It is none of the words and no network.
    #[error(
        "expected `public`, `private`, `loopback`, or a network such as `10.1.0.0/16` or `fd12::/48`"
    )]
    Text,
    /// The network's address has bits behind its prefix.
    #[error("the network's address has bits set behind its prefix")]
    Bits,
    /// Nothing in it may be dialled.
    #[error("nothing in this network is ever dialled: {0}")]
    Never(&'static str),
}

/// An address that is not dialled, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub struct Refused {
    /// Which.
    pub address: IpAddr,
    /// What it is.
    pub class: Class,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, class } = self;
        write!(f, "`{address}` is {}", class.what())?;
        match class {
            Class::Never(_) => f.write_str(", which lockgate never dials"),
            _ => f.write_str(
                ", and nothing allows that for this server; if it is meant, list it in the \
                 policy's `addresses`",
            ),
        }
    }
}

impl Allowed {
    /// Reads one.
    pub fn parse(text: &str) -> Result<Self, InvalidAllowed> {
        match text {
            "public" => return Ok(Self::Public),
            "private" => return Ok(Self::Private),
            "loopback" => return Ok(Self::Loopback),
            _ => {}
        }
        let (address, length) = text.split_once('/').ok_or(InvalidAllowed::Text)?;
        let address: IpAddr = address.parse().map_err(|_| InvalidAllowed::Text)?;
        // `+8` and `08` are numbers to this parser, and to others they are not.
        let plain = length.parse::<u8>().ok();
        let plain = plain.filter(|n| n.to_string() == length && *n <= width(address));
        let length = plain.ok_or(InvalidAllowed::Text)?;
        if masked(address, length) != number(address) {
            return Err(InvalidAllowed::Bits);
        }
        if address.to_canonical() != address {
            // Such addresses are judged as the IPv4 addresses that they are.
            return Err(InvalidAllowed::Text);
        }
        match (class(address), class(last(address, length))) {
            (Class::Never(what), Class::Never(other)) if what == other => {
                Err(InvalidAllowed::Never(what))
            }
            _ => Ok(Self::Net(address, length)),
        }
    }

    fn has(self, address: IpAddr, class: Class) -> bool {
        match self {
            Self::Public => class == Class::Public,
            Self::Private => class == Class::Private,
            Self::Loopback => class == Class::Loopback,
            Self::Net(net, length) => {
                net.is_ipv4() == address.is_ipv4() && masked(address, length) == masked(net, length)
            }
        }
    }
}

impl Reach {
    /// Of a host as the operator wrote it, where nothing else is said: itself if
    /// it is an address, this machine if it is called so, else what is public.
    pub fn of(host: &str) -> Self {
        if let Ok(address) = host.parse() {
            return Self {
                exact: Some(address),
                allowed: Vec::new(),
            };
        }
        let only = if is_local_name(host) {
            Allowed::Loopback
        } else {
            Allowed::Public
        };
        Self::only(vec![only])
    }

    /// What is listed, and nothing else.
    pub fn only(allowed: Vec<Allowed>) -> Self {
        Self {
            exact: None,
            allowed,
        }
    }

    /// Whether an address may be dialled.
    ///
    /// # Errors
    /// What it is instead.
    pub fn judge(&self, address: IpAddr) -> Result<(), Refused> {
        let class = class(address);
        let refused = Refused { address, class };
        if matches!(class, Class::Never(_)) {
            return Err(refused);
        }
        let address = address.to_canonical();
        let exact = self.exact.map(|exact| exact.to_canonical());
        let mut allowed = self.allowed.iter();
        if exact == Some(address) || allowed.any(|a| a.has(address, class)) {
            return Ok(());
        }
        Err(refused)
    }

    /// Whether all that a name stands for may be dialled. One bad address is
    /// enough: whoever answers for the name is playing with it.
    ///
    /// # Errors
    /// The first that may not.
    pub fn judge_all(&self, addresses: impl IntoIterator<Item = IpAddr>) -> Result<(), Refused> {
        addresses.into_iter().try_for_each(|a| self.judge(a))
    }
}

/// Whether a name stands for this machine (RFC 6761, 6.3).
pub fn is_local_name(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let last = host.rsplit('.').next().unwrap_or_default();
    last.eq_ignore_ascii_case("localhost")
}

fn width(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(a) => u128::from(a.to_bits()),
        IpAddr::V6(a) => a.to_bits(),
    }
}

/// The address without what is behind the prefix.
fn masked(address: IpAddr, length: u8) -> u128 {
    number(address) & !behind(address, length)
}

/// The last address of a network.
fn last(address: IpAddr, length: u8) -> IpAddr {
    let bits = number(address) | behind(address, length);
    match address {
        IpAddr::V4(_) => IpAddr::V4(u32::try_from(bits).unwrap_or(u32::MAX).into()),
        IpAddr::V6(_) => IpAddr::V6(bits.into()),
    }
}

/// The bits behind the prefix.
fn behind(address: IpAddr, length: u8) -> u128 {
    let count = u32::from(width(address).saturating_sub(length));
    !u128::MAX.checked_shl(count).unwrap_or(0)
}

#[cfg(test)]
mod tests;
