//! Names that lead to forbidden addresses, asked of a real resolver: one of our own, in a mount namespace of our own.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use dlcs_model::FailureCode::{BlockedAddress, OriginRedirect, OriginUnreachable};
use dlcs_model::RetryClass::{Transient, Unsure};
use dlcs_model::{Credentials, SftpLogin};
use fetcher::access::Access;
use tokio::net::TcpListener;

use crate::bench::Bench;
use crate::server::Hostile;

/// Set in the process that has the resolver.
const INSIDE: &str = "DLCS_TEST_RESOLVER";
const RESOLVER: (Ipv4Addr, u16) = (Ipv4Addr::new(127, 0, 0, 77), 53);
/// The address of this machine that the guard lets through here.
const LISTED: &str = "127.0.0.2";

#[test]
fn no_name_leads_to_a_forbidden_address() {
    if std::env::var_os(INSIDE).is_some() {
        return tokio::runtime::Runtime::new().unwrap().block_on(ask_by_name());
    }
    let folder = tempfile::tempdir().unwrap();
    let files = [
        ("resolv.conf", format!("nameserver {}\noptions timeout:1 attempts:1\n", RESOLVER.0)),
        ("nsswitch.conf", "hosts: dns\n".to_owned()),
    ];
    let mut script = String::new();
    for (name, text) in &files {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        script += &format!("mount --bind {} /etc/{name} && ", path.display());
    }
    script += "exec \"$0\" --exact --nocapture names::no_name_leads_to_a_forbidden_address";
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "sh", "-c", &script]).arg(std::env::current_exe().unwrap());
    let output = command.env(INSIDE, "1").output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && told.contains("1 passed"), "{told}");
}

/// What a name is answered with, one time after the other; the last for ever. `Err` is a code of failure.
type Answers = Vec<Result<Vec<IpAddr>, u8>>;

/// A resolver that knows these names.
struct Resolver(Arc<Mutex<HashMap<String, Answers>>>);

impl Resolver {
    fn start() -> Self {
        let socket = UdpSocket::bind(RESOLVER).unwrap();
        let names = Arc::new(Mutex::new(HashMap::new()));
        let known = names.clone();
        std::thread::spawn(move || {
            let mut packet = [0; 512];
            while let Ok((length, peer)) = socket.recv_from(&mut packet) {
                socket.send_to(&reply(&packet[..length], &known), peer).unwrap();
            }
        });
        Self(names)
    }

    /// A new name for these answers.
    fn name(&self, answers: Answers) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("n{}.dlcs.example", NUMBER.fetch_add(1, Ordering::Relaxed));
        self.0.lock().unwrap().insert(name.clone(), answers);
        name
    }
}

/// The answer to a question (RFC 1035, section 4.1).
fn reply(question: &[u8], names: &Mutex<HashMap<String, Answers>>) -> Vec<u8> {
    const ADDRESS: u16 = 1;
    const IPV6_ADDRESS: u16 = 28;
    const NO_SUCH_NAME: u8 = 3;
    let (mut labels, mut at) = (Vec::new(), 12);
    while question[at] != 0 {
        let length = usize::from(question[at]);
        labels.push(String::from_utf8_lossy(&question[at + 1..=at + length]).into_owned());
        at += length + 1;
    }
    let kind = u16::from_be_bytes([question[at + 1], question[at + 2]]);
    let mut names = names.lock().unwrap();
    let answers = names.get_mut(&labels.join(".").to_lowercase());
    let answer = answers.map_or(Err(NO_SUCH_NAME), |answers| {
        // Both kinds of addresses are asked for at once; the second question ends the turn.
        if answers.len() > 1 && kind == IPV6_ADDRESS { answers.remove(0) } else { answers[0].clone() }
    });
    let (code, addresses) = answer.map_or_else(|code| (code, Vec::new()), |addresses| (0, addresses));
    let addresses: Vec<_> = addresses.into_iter().filter(|address| address.is_ipv4() == (kind == ADDRESS)).collect();
    let mut reply = question[..2].to_vec();
    reply.extend([0x81, 0x80 | code, 0, 1, 0, u8::try_from(addresses.len()).unwrap(), 0, 0, 0, 0]);
    reply.extend(&question[12..at + 5]);
    for address in addresses {
        let bytes = match address {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        };
        reply.extend([0xC0, 12, 0, kind.to_be_bytes()[1], 0, 1, 0, 0, 0, 0, 0, u8::try_from(bytes.len()).unwrap()]);
        reply.extend(bytes);
    }
    reply
}

fn addresses(text: &str) -> Vec<IpAddr> {
    text.split_whitespace().map(|address| address.parse().unwrap()).collect()
}

async fn ask_by_name() {
    let canary = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = canary.local_addr().unwrap().port();
    let hits = Arc::new(AtomicU32::new(0));
    for listener in [canary, TcpListener::bind(SocketAddr::new("::1".parse().unwrap(), port)).await.unwrap()] {
        let hits = hits.clone();
        tokio::spawn(async move {
            while listener.accept().await.is_ok() {
                hits.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    let resolver = Resolver::start();
    let forbidden = addresses(
        "0.0.0.0 10.0.0.1 100.64.0.1 100.100.100.200 127.0.0.1 127.0.0.53 127.255.255.254 169.254.169.254 172.16.0.1 172.31.9.9 \
         192.0.0.192 192.0.2.1 192.88.99.1 192.168.1.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 240.0.0.1 255.255.255.255 \
         :: ::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::127.0.0.1 64:ff9b::7f00:1 64:ff9b:1::7f00:1 100::1 2001::1 2001:db8::1 \
         2002:7f00:1::1 3fff::1 5f00::1 fc00::1 fd00:ec2::254 fe80::1 fec0::1 ff02::1",
    );
    let mut names: Vec<String> = Vec::new();
    for address in forbidden {
        names.push(resolver.name(vec![Ok(vec![address])]));
        // One good address beside it changes nothing, whichever comes first.
        names.push(resolver.name(vec![Ok(vec![LISTED.parse().unwrap(), address])]));
    }
    let bench = Bench::new(&[&format!("--fetch-allow-networks={LISTED}/32"), &format!("--fetch-ports={port}")]);
    let login = SftpLogin::Password("secret".into());
    let sftp = Access::With(Credentials::Sftp { user: "me".to_owned(), login, host_key: None });
    let mut asked = 0;
    for scheme in ["http", "https", "ftp", "ftps", "sftp"] {
        let access = if scheme == "sftp" { &sftp } else { &Access::Open };
        let urls: Vec<_> = names.iter().map(|name| format!("{scheme}://{name}:{port}/x")).collect();
        let server = Hostile::start(urls.clone()).await;
        for (index, url) in urls.iter().enumerate() {
            let failure = bench.fetch_as(url, access).await.unwrap_err();
            assert_eq!(failure.code, BlockedAddress, "{url}: {failure}");
            let redirected = bench.fetch(&server.url(&format!("/to/{index}"))).await.unwrap_err();
            let expected = if scheme.starts_with("http") { BlockedAddress } else { OriginRedirect };
            assert_eq!(redirected.code, expected, "to {url}: {redirected}");
            asked += 2;
        }
    }
    assert!(asked >= 600, "{asked}");
    // A name that changes is judged each time: what was good once opens nothing.
    let (good, bad) = (Ok(addresses(LISTED)), Ok(addresses("127.0.0.1")));
    let turning = format!("http://{}:{port}/x", resolver.name(vec![good, bad]));
    assert_eq!(bench.fetch(&turning).await.unwrap_err().code, OriginUnreachable);
    assert_eq!(bench.fetch(&turning).await.unwrap_err().code, BlockedAddress);
    assert_eq!(hits.load(Ordering::Relaxed), 0);

    let server = Hostile::start(Vec::new()).await;
    let named = |name: &str| server.url("/good").replace(LISTED, name);
    bench.fetch(&named(&resolver.name(vec![Ok(addresses(LISTED))]))).await.unwrap();
    let many = (1..=24).map(|last| IpAddr::V4(Ipv4Addr::new(127, 0, 0, last))).collect();
    assert_eq!(bench.fetch(&named(&resolver.name(vec![Ok(many)]))).await.unwrap_err().code, BlockedAddress);
    let none = bench.fetch("http://nowhere.dlcs.example/x").await.unwrap_err();
    assert_eq!((none.code, none.class), (OriginUnreachable, Unsure), "{none}");
    let troubled = bench.fetch(&format!("http://{}/x", resolver.name(vec![Err(2)]))).await.unwrap_err();
    assert_eq!((troubled.code, troubled.class), (OriginUnreachable, Transient), "{troubled}");
}
