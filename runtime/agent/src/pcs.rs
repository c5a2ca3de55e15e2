//! `GET /v1/platform/pcs/…`: the emulated platform's provisioning service, for those who reach only the agent.

use crate::api::Shared;
use crate::error::ApiError;
use crate::sgx::Sgx;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Request, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use std::io;
use std::time::Duration;
use tokio::net::UnixStream;

const PREFIX: &str = "/v1/platform/pcs";
const TIMEOUT: Duration = Duration::from_secs(10);
const MAX_TARGET: usize = 2048;
const MAX_BODY: usize = 4 << 20;
const HEADERS: [&str; 4] = ["content-type", "tcb-info-issuer-chain", "sgx-enclave-identity-issuer-chain", "sgx-pck-crl-issuer-chain"];

/// An answer of the service.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// Gets `target` (path and query) over a connected socket, within ten seconds.
///
/// # Errors
/// The service does not answer, or answers too much.
pub async fn get(stream: UnixStream, target: &str) -> io::Result<Answer> {
    let exchange = async {
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        let connection = tokio::spawn(connection);
        let request =
            Request::get(target).header(header::HOST, "pcs").header(header::CONNECTION, "close").body(Empty::<Bytes>::new()).map_err(io::Error::other)?;
        let response = sender.send_request(request).await.map_err(io::Error::other)?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, MAX_BODY).collect().await.map_err(io::Error::other)?.to_bytes();
        connection.abort();
        Ok(Answer { status: head.status, headers: head.headers, body })
    };
    tokio::time::timeout(TIMEOUT, exchange).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// Status, body and issuer chain stay as the service sends them.
pub async fn serve(State(agent): Shared, uri: Uri) -> Result<Response, ApiError> {
    let Some(Sgx::Emulated(platform)) = agent.sgx.as_deref() else {
        return Err(ApiError::new(
            StatusCode::NOT_FOUND,
            "AE-AGENT-PLATFORM",
            "this node has no emulated platform",
            "ask the vendor's provisioning service, or a node whose GET /v1 shows an emulated platform",
        ));
    };
    let target = uri.path_and_query().and_then(|target| target.as_str().strip_prefix(PREFIX)).filter(|target| target.len() <= MAX_TARGET);
    let target = target.ok_or_else(|| ApiError::malformed("the path is too long"))?;
    let silent = |error: io::Error| {
        ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "AE-AGENT-PLATFORM",
            format!("the emulated platform does not answer: {error}"),
            "try again: it is started anew when it ends; look at agent.log and sgx/platform.log in the node's folder",
        )
    };
    let stream = platform.connect().await.map_err(silent)?;
    let Answer { status, headers: found, body } = get(stream, target).await.map_err(silent)?;
    let mut response = (status, Body::from(body)).into_response();
    for name in HEADERS {
        if let Some(value) = found.get(name) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    Ok(response)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use authentic_testing::fuzz::Harness;
    use tokio::io::AsyncWriteExt;

    /// Answers of a platform that somebody has replaced.
    #[test]
    fn answers_of_a_hostile_platform() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let samples = [
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 12\r\n\r\n{\"pid\": 100}".to_vec(),
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntcb-info-issuer-chain: abc\r\n\r\n5\r\nhello\r\n3\r\nyou\r\n0\r\n\r\n".to_vec(),
            b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_vec(),
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 200 OK\r\n\r\nuntil the end".to_vec(),
        ];
        let harness = Harness { name: "answers of a hostile platform", memory: 2 << 20, slow: 4 };
        harness
            .run(|random| {
                let answer = random.changed(&samples);
                runtime.block_on(async {
                    let (ours, mut theirs) = UnixStream::pair().unwrap();
                    theirs.write_all(&answer).await.unwrap();
                    theirs.shutdown().await.unwrap();
                    get(ours, "/platform").await.is_ok_and(|answer| answer.body.len() <= MAX_BODY)
                })
            })
            .reaches(20);
    }
}
