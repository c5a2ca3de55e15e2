//! Random requests to both sockets of a real platform process: it answers or closes, and its memory stays bounded.
#![allow(clippy::unwrap_used)]

use authentic_aesm::message::{InitQuoteRequest, KeyCountRequest, KeyIdsRequest, QuoteRequest, QuoteSizeRequest, Request, frame};
use authentic_testing::hostile::{call, http, peak_memory};
use authentic_testing::memory::Counting;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

#[global_allocator]
static MEMORY: Counting = Counting;

const PLATFORM: usize = 64 << 20;

struct Platform(Child, std::path::PathBuf);

impl Platform {
    fn start(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("authentic-platform-{name}-{}", std::process::id()));
        let binary = env!("CARGO_BIN_EXE_authentic-sgx-platform");
        let child = Command::new(binary).arg("--folder").arg(&folder).stdout(Stdio::null()).spawn().unwrap();
        let start = Instant::now();
        while !folder.join("pcs.socket").exists() {
            assert!(start.elapsed() < Duration::from_secs(30), "the platform does not start");
            std::thread::sleep(Duration::from_millis(5));
        }
        Self(child, folder)
    }

    fn check(&self) {
        let peak = peak_memory(self.0.id());
        println!("the platform had at most {peak} bytes of {PLATFORM}");
        assert!(peak < PLATFORM, "the platform had {peak} bytes");
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
        let _ = std::fs::remove_dir_all(&self.1);
    }
}

#[test]
fn requests_to_the_provisioning_service() {
    let platform = Platform::start("pcs");
    let v4 = |rest: &str| http("GET", &format!("/sgx/certification/v4/{rest}"), "");
    let samples = [
        http("GET", "/platform", ""),
        v4("tcb?fmspc=000000000000&update=early"),
        v4("tcb?fmspc=000000000000&tcbEvaluationDataNumber=17"),
        v4("qe/identity?update=standard"),
        v4("pckcrl?ca=processor&encoding=der"),
        v4("pckcrl?ca=platform"),
        v4("rootcacrl"),
    ];
    call("requests to the provisioning service", &platform.1.join("pcs.socket"), &samples, b"HTTP/1.1 200").reaches(20);
    platform.check();
}

#[test]
fn requests_to_the_quoting_service() {
    let platform = Platform::start("aesm");
    let key = Some(vec![1; 256]);
    let samples = [
        frame(&Request { init_quote: Some(InitQuoteRequest { att_key_id: None, b_pub_key_id: true, buf_size: Some(32), timeout: None }), ..Request::default() }),
        frame(&Request { quote_size: Some(QuoteSizeRequest { att_key_id: key.clone(), timeout: Some(1) }), ..Request::default() }),
        frame(&Request { quote: Some(QuoteRequest { report: vec![5; 432], att_key_id: key, buf_size: 8192, ..QuoteRequest::default() }), ..Request::default() }),
        frame(&Request { key_count: Some(KeyCountRequest { timeout: None }), ..Request::default() }),
        frame(&Request { key_ids: Some(KeyIdsRequest { buf_size: 256, timeout: None }), ..Request::default() }),
        vec![0xff, 0xff, 0xff, 0x7f, 1, 2, 3],
    ];
    call("connections to the quoting service", &platform.1.join("aesm.socket"), &samples, b"").inputs.checked_sub(1).expect("some inputs");
    platform.check();
}
