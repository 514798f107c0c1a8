//! Addresses in every spelling, and what a name may stand for.

use super::*;
use proptest::prelude::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap_or_else(|_| panic!("{text}"))
}

#[test]
fn every_range_is_told() {
    const NEVER: &str = "never";
    for (expected, addresses) in [
        (
            "public",
            "1.1.1.1 8.8.8.8 100.63.255.255 100.128.0.1 172.15.255.255 172.32.0.0 192.0.1.0 \
             192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 223.255.255.255 11.0.0.1 \
             126.255.255.255 128.0.0.1 169.253.0.1 169.255.0.1 2606:4700::1111 2a00:1450::1 \
             2001:4860:4860::8888 2001:200::1 2620:4f:8000::1 64:ff9b::8.8.8.8 ::ffff:8.8.8.8",
        ),
        (
            "loopback",
            "127.0.0.1 127.255.255.255 127.1.2.3 ::1 ::ffff:127.0.0.1 ::127.0.0.1 \
             ::ffff:0:127.0.0.1 64:ff9b::127.0.0.1 64:ff9b::7f00:1 2002:7f00:1::",
        ),
        (
            "private",
            "10.0.0.0 10.255.255.255 100.64.0.1 100.127.255.255 172.16.0.1 172.31.255.255 \
             192.168.0.0 192.168.255.255 fc00::1 fd12:3456::1 fdff::1 fec0::1 ::ffff:10.1.2.3 \
             ::ffff:c0a8:101 64:ff9b::192.168.1.1 64:ff9b:1::1 64:ff9b:1:808:8:800::8 2002:a00:1::1",
        ),
        (
            "special",
            "192.0.0.1 192.0.2.1 192.88.99.1 198.18.0.1 198.19.255.255 198.51.100.7 203.0.113.9 \
             240.0.0.1 255.255.255.254 2001::1 2001:2::1 2001:db8::1 2001:10::1 2001:20::1 3fff::1 \
             4000::1 100::1 5f00::1 1::1 2002:808:808::1 ::8.8.8.8 ::ffff:0:8.8.8.8 \
             2606:4700::5efe:10.0.0.1 2606:4700::200:5efe:1.1.1.1 e000::1",
        ),
        (
            NEVER,
            "0.0.0.0 0.1.2.3 169.254.0.1 169.254.169.254 169.254.170.2 100.100.100.200 \
             192.0.0.192 168.63.129.16 224.0.0.1 239.255.255.255 255.255.255.255 :: fe80::1 febf::1 \
             ff02::1 fd00:ec2::254 fd20:ce::254 ::ffff:169.254.169.254 ::ffff:a9fe:a9fe \
             0:0:0:0:0:ffff:a9fe:a9fe ::169.254.169.254 ::ffff:0:169.254.169.254 \
             ::ffff:0.0.0.0 64:ff9b::169.254.169.254 64:ff9b::a9fe:a9fe \
             64:ff9b:1::a9fe:a9fe 64:ff9b:1:a9fe:a9:fe00:: 64:ff9b:1:0:a9:fea9:fe00:0 \
             64:ff9b:1:a9:fe:a9fe:: 2002:a9fe:a9fe::1 2001:0:1:2::5601:5601 \
             2606:4700::5efe:169.254.169.254",
        ),
    ] {
        for text in addresses.split_whitespace() {
            let told = match class(ip(text)) {
                Class::Public => "public",
                Class::Loopback => "loopback",
                Class::Private => "private",
                Class::Special => "special",
                Class::Never(_) => NEVER,
            };
            assert_eq!(told, expected, "{text}");
        }
    }
}

#[test]
fn a_host_reaches_what_it_says_and_a_name_what_is_public() {
    for (host, good, bad) in [
        (
            "mcp.example.com",
            "1.1.1.1 2606:4700::1 64:ff9b::1.1.1.1",
            "127.0.0.1 10.0.0.1 ::1 fd12::1 192.0.2.1 169.254.169.254 ::ffff:10.0.0.1 0.0.0.0",
        ),
        (
            "localhost",
            "127.0.0.1 127.8.8.8 ::1",
            "1.1.1.1 10.0.0.1 0.0.0.0",
        ),
        ("a.LocalHost.", "127.0.0.1", "1.1.1.1"),
        ("localhost.example", "1.1.1.1", "127.0.0.1"),
        (
            "10.0.0.1",
            "10.0.0.1 ::ffff:10.0.0.1",
            "10.0.0.2 1.1.1.1 127.0.0.1",
        ),
        ("127.0.0.1", "127.0.0.1", "127.0.0.2 ::1"),
        ("::1", "::1", "127.0.0.1"),
        ("192.0.2.1", "192.0.2.1", "192.0.2.2"),
        ("mcp_server", "1.1.1.1", "172.18.0.2"),
    ] {
        let reach = Reach::of(host);
        for text in good.split_whitespace() {
            assert_eq!(reach.judge(ip(text)), Ok(()), "{host} at {text}");
        }
        for text in bad.split_whitespace() {
            let told = reach.judge(ip(text)).expect_err(text).to_string();
            assert!(told.contains('`'), "{told}");
        }
    }
}

#[test]
fn what_is_listed_is_allowed_and_nothing_else() {
    for (listed, good, bad) in [
        (
            "private",
            "10.0.0.1 fd12::1 172.18.0.2",
            "1.1.1.1 127.0.0.1 169.254.0.1",
        ),
        ("public private", "10.0.0.1 1.1.1.1", "127.0.0.1 192.0.2.1"),
        ("loopback", "127.0.0.1 ::1", "10.0.0.1 1.1.1.1"),
        (
            "10.1.0.0/16",
            "10.1.2.3 ::ffff:10.1.2.3",
            "10.2.0.1 ::a01:203 1.1.1.1",
        ),
        ("fd12::/16", "fd12:ffff::1", "fd13::1 10.0.0.1"),
        ("192.0.2.7/32", "192.0.2.7", "192.0.2.8"),
        (
            "0.0.0.0/0",
            "10.0.0.1 127.0.0.1 1.1.1.1",
            "0.0.0.0 169.254.169.254 255.255.255.255 ::1",
        ),
        (
            "::/0",
            "::1 fd12::1",
            ":: fe80::1 ff02::1 fd00:ec2::254 ::ffff:169.254.169.254 10.0.0.1",
        ),
        ("100.64.0.0/10", "100.64.0.1", "100.100.100.200"),
    ] {
        let listed: Result<Vec<_>, _> = listed.split(' ').map(Allowed::parse).collect();
        let reach = Reach::only(listed.unwrap());
        for text in good.split_whitespace() {
            assert_eq!(reach.judge(ip(text)), Ok(()), "{reach:?} {text}");
        }
        for text in bad.split_whitespace() {
            assert!(reach.judge(ip(text)).is_err(), "{reach:?} {text}");
        }
    }
}

#[test]
fn one_bad_address_refuses_a_name() {
    let reach = Reach::of("mcp.example.com");
    let good = [ip("1.1.1.1"), ip("2606:4700::1")];
    assert_eq!(reach.judge_all(good), Ok(()));
    let mixed = [ip("1.1.1.1"), ip("127.0.0.1")];
    let refused = reach.judge_all(mixed).unwrap_err();
    assert_eq!(refused.address, ip("127.0.0.1"));
}

#[test]
fn what_is_no_network_is_told() {
    for (text, why) in [
        ("", InvalidAllowed::Text),
        ("Private", InvalidAllowed::Text),
        ("10.0.0.1", InvalidAllowed::Text),
        ("10.0.0.0/33", InvalidAllowed::Text),
        ("10.0.0.0/08", InvalidAllowed::Text),
        ("10.0.0.0/+8", InvalidAllowed::Text),
        ("10.0.0/8", InvalidAllowed::Text),
        ("fd12::/129", InvalidAllowed::Text),
        ("::ffff:10.0.0.0/104", InvalidAllowed::Text),
        ("10.0.0.1/8", InvalidAllowed::Bits),
        ("fd12::1/16", InvalidAllowed::Bits),
        (
            "169.254.0.0/16",
            InvalidAllowed::Never("link-local, where clouds give away credentials"),
        ),
        (
            "255.255.255.255/32",
            InvalidAllowed::Never("a group of machines"),
        ),
        (
            "fd00:ec2::254/128",
            InvalidAllowed::Never("the metadata service of a cloud"),
        ),
    ] {
        assert_eq!(Allowed::parse(text), Err(why), "{text}");
    }
}

proptest! {
    /// An IPv4 address in IPv6 clothes is never more than what it is.
    #[test]
    fn clothes_change_nothing(bits in any::<u32>()) {
        let plain = IpAddr::V4(bits.into());
        let mapped = IpAddr::V6(core::net::Ipv4Addr::from_bits(bits).to_ipv6_mapped());
        prop_assert_eq!(class(plain), class(mapped));
        let low = u128::from(bits);
        for other in [low, (0x64_ff9b << 96) | low, (0x2002 << 112) | (low << 80)] {
            let other = class(IpAddr::V6(other.into()));
            let inner = class(plain);
            prop_assert!(other == inner || inner == Class::Public || bits < 2, "{:?}", other);
            prop_assert!(other != Class::Public || inner == Class::Public);
        }
    }
}
