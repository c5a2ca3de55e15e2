//! The provisioning service: Intel's PCS v4 interface, as far as verifiers use it, and the caching services' `rootcacrl`.
//! Beside it `/platform`, from which the agent learns whose service this is.

use crate::certificates::pem;
use crate::collateral::{EVALUATION, Issuer, hex};
use crate::identity::PCE_ID;
use crate::keys::Platform;
use axum::extract::{Query, State};
use axum::http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::SystemTime;

const TCB_INFO_CHAIN: HeaderName = HeaderName::from_static("tcb-info-issuer-chain");
const QE_IDENTITY_CHAIN: HeaderName = HeaderName::from_static("sgx-enclave-identity-issuer-chain");
const PCK_CRL_CHAIN: HeaderName = HeaderName::from_static("sgx-pck-crl-issuer-chain");

/// What the handlers share.
pub struct Service {
    pub issuer: Issuer,
    /// `GET /platform`.
    pub description: Value,
}

/// What the agent is told about the platform.
pub fn description(platform: &Platform) -> Value {
    json!({
        "pid": std::process::id(),
        "rootCertificate": STANDARD.encode(&platform.root),
        "ppid": hex(&platform.ppid),
        "fmspc": hex(&platform.fmspc),
        "pceid": hex(&PCE_ID),
    })
}

/// The routes.
pub fn router(service: Arc<Service>) -> Router {
    Router::new()
        .route("/platform", get(async |State(service): Shared| Json(service.description.clone())))
        .route("/sgx/certification/v4/tcb", get(tcb_info))
        .route("/sgx/certification/v4/qe/identity", get(qe_identity))
        .route("/sgx/certification/v4/pckcrl", get(pck_crl))
        .route("/sgx/certification/v4/rootcacrl", get(root_crl))
        .fallback(async || PcsError::NotFound("there is no such resource"))
        .with_state(service)
}

type Shared = State<Arc<Service>>;

/// Errors with the statuses of Intel's service.
#[derive(Debug)]
enum PcsError {
    Invalid(&'static str),
    NotFound(&'static str),
    Internal(der::Error),
}

impl From<der::Error> for PcsError {
    fn from(error: der::Error) -> Self {
        Self::Internal(error)
    }
}

impl IntoResponse for PcsError {
    fn into_response(self) -> Response {
        let (status, message) = match self {
            Self::Invalid(what) => (StatusCode::BAD_REQUEST, what),
            Self::NotFound(what) => (StatusCode::NOT_FOUND, what),
            Self::Internal(error) => {
                tracing::error!(%error, "cannot issue collateral");
                (StatusCode::INTERNAL_SERVER_ERROR, "cannot issue collateral; see platform.log")
            }
        };
        (status, Json(json!({ "statusCode": status.as_u16(), "message": message }))).into_response()
    }
}

type Answer = Result<Response, PcsError>;

/// Answers with an issuer chain, percent-encoded in its header.
fn answer(kind: &'static str, chain: Option<(HeaderName, &str)>, body: impl Into<axum::body::Body>) -> Response {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Some((name, chain)) = chain {
        let encoded = utf8_percent_encode(chain, NON_ALPHANUMERIC).to_string();
        // Percent-encoding leaves nothing that a header cannot hold.
        headers.extend(HeaderValue::try_from(encoded).ok().map(|value| (name, value)));
    }
    (headers, body.into()).into_response()
}

/// Which evaluation of the security versions is asked for; there is one.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Evaluation {
    update: Option<String>,
    tcb_evaluation_data_number: Option<String>,
}

impl Evaluation {
    fn check(&self) -> Result<(), PcsError> {
        match (self.update.as_deref(), self.tcb_evaluation_data_number.as_deref()) {
            (None | Some("early" | "standard"), None) => Ok(()),
            (None, Some(number)) => match number.parse::<u32>() {
                Ok(EVALUATION) => Ok(()),
                Ok(_) => Err(PcsError::NotFound("there is no evaluation with this number")),
                Err(_) => Err(PcsError::Invalid("tcbEvaluationDataNumber is a number")),
            },
            (Some(_), Some(_)) => Err(PcsError::Invalid("update and tcbEvaluationDataNumber exclude each other")),
            (Some(_), None) => Err(PcsError::Invalid("update is early or standard")),
        }
    }
}

#[derive(Deserialize)]
struct TcbQuery {
    fmspc: Option<String>,
}

async fn tcb_info(State(service): Shared, Query(query): Query<TcbQuery>, Query(evaluation): Query<Evaluation>) -> Answer {
    let fmspc = query.fmspc.filter(|text| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let fmspc = fmspc.ok_or(PcsError::Invalid("fmspc has 12 hexadecimal digits"))?;
    evaluation.check()?;
    if service.description["fmspc"] != fmspc.to_lowercase() {
        return Err(PcsError::NotFound("there is no TCB information for this FMSPC"));
    }
    let collateral = service.issuer.at(SystemTime::now())?;
    Ok(answer("application/json", Some((TCB_INFO_CHAIN, &service.issuer.signing_chain)), collateral.tcb_info.clone()))
}

async fn qe_identity(State(service): Shared, Query(evaluation): Query<Evaluation>) -> Answer {
    evaluation.check()?;
    let collateral = service.issuer.at(SystemTime::now())?;
    Ok(answer("application/json", Some((QE_IDENTITY_CHAIN, &service.issuer.signing_chain)), collateral.qe_identity.clone()))
}

#[derive(Deserialize)]
struct ListQuery {
    ca: Option<String>,
    encoding: Option<String>,
}

async fn pck_crl(State(service): Shared, Query(query): Query<ListQuery>) -> Answer {
    let in_der = match query.encoding.as_deref() {
        None | Some("pem") => false,
        Some("der") => true,
        Some(_) => return Err(PcsError::Invalid("encoding is pem or der")),
    };
    match query.ca.as_deref() {
        Some("processor") => {}
        Some("platform") => return Err(PcsError::NotFound("this platform's certificate is one of the Processor CA")),
        _ => return Err(PcsError::Invalid("ca is processor or platform")),
    }
    let collateral = service.issuer.at(SystemTime::now())?;
    let chain = Some((PCK_CRL_CHAIN, &service.issuer.ca_chain[..]));
    Ok(if in_der {
        answer("application/pkix-crl", chain, collateral.pck_crl.clone())
    } else {
        answer("application/x-pem-file", chain, pem("X509 CRL", &[&collateral.pck_crl])?)
    })
}

/// In hexadecimal, as caching services answer.
async fn root_crl(State(service): Shared) -> Answer {
    let collateral = service.issuer.at(SystemTime::now())?;
    Ok(answer("application/pkix-crl", None, hex(&collateral.root_crl)))
}
