//! The address guard: decides which addresses an origin may have, for every protocol and every hop.
//!
//! A host is resolved once, the answer is judged as a whole, and the connection goes to exactly the addresses that
//! were judged. Whatever is refused is refused with one constant sentence, so that nobody can map our network by it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::str::FromStr;

use dlcs_model::{Failure, FailureCode, RetryClass};
use url::{Host, Url};

/// The ports of the protocols that origins may name.
const STANDARD_PORTS: [u16; 5] = [21, 22, 80, 443, 990];

/// What may be contacted.
#[derive(Debug, Clone, Default)]
pub struct Guard {
    /// Networks that are let through on any port, though they may be private.
    pub allow: Vec<Network>,
    /// Ports beyond the standard ones on which public addresses are contacted.
    pub ports: Vec<u16>,
}

/// Which rule an address has to satisfy; it follows from the port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Public addresses, and the networks that the operator lets through.
    Public,
    /// Those networks only.
    Listed,
}

impl Guard {
    /// Judges a URL before anything is resolved; see [`Self::judge`].
    ///
    /// # Errors
    /// `blocked-address`.
    pub fn check(&self, url: &Url) -> Result<Reach, Failure> {
        let port = url.port_or_known_default().ok_or_else(blocked)?;
        Ok(self.judge(url.host_str().ok_or_else(blocked)?, port)?.1)
    }

    /// Judges a host, as a URL has it, and a port: which rule the port calls for, and, if the host is an address in
    /// any spelling, whether that satisfies it.
    ///
    /// # Errors
    /// `blocked-address`.
    pub fn judge(&self, host: &str, port: u16) -> Result<(Host, Reach), Failure> {
        let standard = STANDARD_PORTS.contains(&port) || self.ports.contains(&port);
        let reach = if standard { Reach::Public } else { Reach::Listed };
        // Of protocols that are not the web's a URL holds the host as it was written.
        let host = Host::parse(host).map_err(|_| blocked())?;
        let literal = match &host {
            Host::Ipv4(address) => Some(IpAddr::V4(*address)),
            Host::Ipv6(address) => Some(IpAddr::V6(*address)),
            Host::Domain(_) => None,
        };
        let possible = match literal {
            Some(address) => self.admits(address, reach),
            None => reach == Reach::Public || !self.allow.is_empty(),
        };
        if possible { Ok((host, reach)) } else { Err(blocked()) }
    }

    /// Resolves a name, once. The answer holds the only addresses that may be connected to.
    ///
    /// # Errors
    /// `blocked-address` if any address of the answer is not admitted; `origin-unreachable` if there is none.
    pub async fn resolve(&self, name: &str, reach: Reach) -> Result<Vec<SocketAddr>, Failure> {
        let answer = tokio::net::lookup_host((name, 0)).await.map_err(|error| unresolved(&error))?;
        self.admit(answer.collect(), reach)
    }

    /// The addresses, if every one of them is admitted.
    fn admit(&self, addresses: Vec<SocketAddr>, reach: Reach) -> Result<Vec<SocketAddr>, Failure> {
        if addresses.is_empty() {
            return Err(Failure::new(FailureCode::OriginUnreachable, "the origin's name has no address"));
        }
        if addresses.iter().all(|address| self.admits(address.ip(), reach)) { Ok(addresses) } else { Err(blocked()) }
    }

    /// Whether one address satisfies a rule.
    pub(crate) fn admits(&self, address: IpAddr, reach: Reach) -> bool {
        let address = address.to_canonical();
        let listed = self.allow.iter().any(|network| network.contains(address));
        listed || (reach == Reach::Public && is_public(address) && !is_own(address))
    }
}

/// Whatever is refused, for whatever reason, is refused with these words.
pub(crate) fn blocked() -> Failure {
    Failure::new(FailureCode::BlockedAddress, "the origin's address is not one that images are fetched from")
}

fn unresolved(error: &std::io::Error) -> Failure {
    let mut failure = Failure::new(FailureCode::OriginUnreachable, "the origin's name cannot be resolved");
    // The resolver's way of saying that the name does not exist; anything else is a resolver in trouble.
    if error.to_string().contains("not known") || error.to_string().contains("No address associated") {
        failure.class = RetryClass::Unsure;
    }
    failure
}

/// Whether an address is global unicast, by the registries of special-purpose addresses (RFC 6890 and after).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !matches!(
        (a, b, c),
        (0 | 10 | 127 | 224..=255, _, _)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (192, 168, _)
            | (198, 18..=19, _)
            | (198, 51, 100)
            | (203, 0, 113)
    )
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    // Only 2000::/3 is handed out as global unicast: loopback, NAT64, local and multicast ranges lie outside.
    let global = a & 0xE000 == 0x2000;
    let protocol_assignments = a == 0x2001 && b < 0x0200;
    let documentation = (a == 0x2001 && b == 0x0DB8) || (a == 0x3FFF && b < 0x1000);
    let six_to_four = a == 0x2002;
    global && !protocol_assignments && !documentation && !six_to_four
}

/// Whether this machine itself has the address: then the way there starts at it. Nothing is sent.
fn is_own(address: IpAddr) -> bool {
    let any: SocketAddr = match address {
        IpAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        IpAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let source = UdpSocket::bind(any).and_then(|socket| {
        socket.connect((address, 9))?;
        socket.local_addr()
    });
    source.is_ok_and(|source| source.ip() == address)
}

/// A network in CIDR notation; a bare address is a network of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    fn contains(self, address: IpAddr) -> bool {
        let (network, address, width) = match (self.address, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => (u128::from(network.to_bits()), address.to_bits().into(), 32),
            (IpAddr::V6(network), IpAddr::V6(address)) => (network.to_bits(), address.to_bits(), 128),
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return false,
        };
        let host_bits = width - u32::from(self.prefix);
        (network ^ address).checked_shr(host_bits).unwrap_or(0) == 0
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        let address: IpAddr = address.parse().map_err(|_| format!("{address:?} is no IP address"))?;
        let widest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Ok(widest), str::parse).ok().filter(|prefix| *prefix <= widest);
        let prefix = prefix.ok_or_else(|| format!("{text:?} has no prefix length from 0 to {widest}"))?;
        Ok(Self { address, prefix })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn code(result: Result<impl fmt::Debug, Failure>) -> FailureCode {
        result.unwrap_err().code
    }

    #[test]
    fn only_global_unicast_is_public() {
        let refused = "0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 100.127.255.255 127.0.0.1 127.255.0.1 169.254.169.254 \
            172.16.0.1 172.31.255.255 192.0.0.8 192.0.2.1 192.88.99.1 192.168.0.1 198.18.0.1 198.19.255.255 198.51.100.7 \
            203.0.113.9 224.0.0.1 239.1.1.1 240.0.0.1 255.255.255.255 :: ::1 ::127.0.0.1 ::ffff:127.0.0.1 \
            ::ffff:10.0.0.1 64:ff9b::7f00:1 64:ff9b:1::1 100::1 2001::1 2001:0:7f00:1:: 2001:10::1 2001:20::1 \
            2001:1ff::1 2001:db8::1 2002:7f00:1::1 3fff::1 3fff:fff::1 4000::1 5f00::1 fc00::1 fd12::1 fe80::1 \
            fec0::1 ff02::1 ff0e::1";
        for text in refused.split_whitespace() {
            assert!(!Guard::default().admits(address(text), Reach::Public), "{text}");
        }
        let public = "1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.1 99.255.1.1 100.63.0.1 100.128.0.1 126.1.1.1 128.0.0.1 \
            169.253.0.1 172.15.0.1 172.32.0.1 192.0.1.1 192.0.3.1 192.88.98.1 192.167.0.1 198.17.0.1 198.20.0.1 \
            198.51.99.1 203.0.112.1 223.255.255.255 2001:200::1 2001:4860:4860::8888 2400:cb00::1 2606:4700::1111 \
            2a00:1450::1 3ffe::1 3fff:1000::1 ::ffff:8.8.8.8";
        for text in public.split_whitespace() {
            assert!(Guard::default().admits(address(text), Reach::Public), "{text}");
            assert!(!Guard::default().admits(address(text), Reach::Listed), "{text}");
        }
    }

    #[test]
    fn a_mixed_answer_is_refused_whole() {
        let answer = |texts: &[&str]| texts.iter().map(|text| SocketAddr::new(address(text), 0)).collect::<Vec<_>>();
        let guard = Guard::default();
        assert_eq!(guard.admit(answer(&["1.1.1.1", "2606:4700::1111"]), Reach::Public).unwrap().len(), 2);
        for mixed in [["1.1.1.1", "127.0.0.1"], ["10.0.0.1", "1.1.1.1"], ["1.1.1.1", "::1"]] {
            assert_eq!(code(guard.admit(answer(&mixed), Reach::Public)), FailureCode::BlockedAddress);
        }
        assert_eq!(code(guard.admit(Vec::new(), Reach::Public)), FailureCode::OriginUnreachable);
    }

    #[test]
    fn listed_networks_are_let_through_on_any_port_and_nothing_else_is() {
        let guard =
            Guard { allow: vec!["127.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()], ports: vec![8080] };
        let check = |text: &str| guard.check(&Url::parse(text).unwrap());
        assert_eq!(check("http://127.9.9.9:1234/").unwrap(), Reach::Listed);
        assert_eq!(check("http://[fd00::1]:99/").unwrap(), Reach::Listed);
        assert_eq!(check("http://[::ffff:127.0.0.1]/").unwrap(), Reach::Public);
        assert_eq!(check("http://1.1.1.1:8080/").unwrap(), Reach::Public);
        for text in ["http://10.0.0.1/", "http://1.1.1.1:8081/", "http://[::1]/", "http://128.0.0.1:22222/"] {
            assert_eq!(code(check(text)), FailureCode::BlockedAddress, "{text}");
        }
    }

    #[tokio::test]
    async fn a_name_that_does_not_exist_gets_one_more_try() {
        let failure = Guard::default().resolve("no-such-host.invalid", Reach::Public).await.unwrap_err();
        assert_eq!(failure.code, FailureCode::OriginUnreachable);
        assert_eq!(code(Guard::default().resolve("localhost", Reach::Public).await), FailureCode::BlockedAddress);
    }

    #[test]
    fn this_machine_is_not_an_origin() {
        assert!(is_own(address("127.0.0.1")));
        assert!(!is_own(address("1.1.1.1")));
    }

    #[test]
    fn networks_are_read_and_matched() {
        let network: Network = "10.20.0.0/14".parse().unwrap();
        assert!(network.contains(address("10.23.255.255")) && !network.contains(address("10.24.0.0")));
        assert!(!network.contains(address("::1")));
        let everything: Network = "0.0.0.0/0".parse().unwrap();
        assert!(everything.contains(address("255.1.1.1")));
        let one: Network = "::1".parse().unwrap();
        assert!(one.contains(address("::1")) && !one.contains(address("::2")));
        for bad in ["", "10.0.0.0/33", "host/8", "10.0.0.0/", "::/129", "10.0.0/8"] {
            assert!(bad.parse::<Network>().is_err(), "{bad}");
        }
    }
}
