//! `GET /metrics`: counts of the event port and of every instance, in the text format of Prometheus.

use crate::api::Shared;
use crate::error::ApiError;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfInstance {
    instance: String,
    module: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct InState {
    state: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfConnection {
    instance: String,
    module: String,
    connection: u32,
    direction: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfRefusal {
    instance: String,
    module: String,
    connection: u32,
    reason: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfTrigger {
    instance: String,
    module: String,
    trigger: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfSocket {
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfBoard {
    what: &'static str,
}

/// The families of one scrape; hosts count, the agent only reports.
#[derive(Default)]
struct Families {
    instances: Family<InState, Gauge>,
    sockets: Family<OfSocket, Counter>,
    pending: Gauge,
    entries: Family<OfInstance, Counter>,
    peers: Family<OfInstance, Gauge>,
    sent: Family<OfConnection, Counter>,
    resent: Family<OfConnection, Counter>,
    received: Family<OfConnection, Counter>,
    delivered: Family<OfConnection, Counter>,
    gaps: Family<OfConnection, Counter>,
    dropped: Family<OfConnection, Counter>,
    queued: Family<OfConnection, Gauge>,
    connected: Family<OfConnection, Gauge>,
    refused: Family<OfRefusal, Counter>,
    fired: Family<OfTrigger, Counter>,
    full: Family<OfTrigger, Counter>,
    board: Family<OfBoard, Counter>,
}

impl Families {
    fn registry(&self) -> Registry {
        let mut registry = Registry::with_prefix("authentic");
        registry.register("instances", "Instances by state", self.instances.clone());
        registry.register("event_sockets", "Event sockets by what became of them", self.sockets.clone());
        registry.register("event_sockets_pending", "Event sockets whose hello is awaited", self.pending.clone());
        registry.register("entries", "Entries into the enclave", self.entries.clone());
        registry.register("peer_sockets", "Event sockets from peers", self.peers.clone());
        registry.register("frames_sent", "Frames the module emitted", self.sent.clone());
        registry.register("frames_resent", "Frames sent again", self.resent.clone());
        registry.register("frames_received", "Frames that came for the connection", self.received.clone());
        registry.register("events_delivered", "Events and requests the module processed", self.delivered.clone());
        registry.register("events_skipped", "Events skipped on a latest connection", self.gaps.clone());
        registry.register("frames_dropped", "Latest frames replaced by newer ones before they were sent", self.dropped.clone());
        registry.register("frames_queued", "Frames waiting to be sent or acknowledged", self.queued.clone());
        registry.register("connected", "Whether the connection has an open socket", self.connected.clone());
        registry.register("frames_refused", "Frames the module refused", self.refused.clone());
        registry.register("trigger_fired", "Calls of the trigger's entry", self.fired.clone());
        registry.register("trigger_skipped", "Ticks skipped because a window was full", self.full.clone());
        registry.register("board", "What happened on the node's board and its line", self.board.clone());
        registry
    }
}

/// `GET /metrics`.
pub async fn serve(State(agent): Shared) -> Result<Response, ApiError> {
    let families = Families::default();
    let counts = &agent.events.counts;
    let sockets: [(&'static str, &AtomicU64); 7] = [
        ("accepted", &counts.accepted),
        ("passed", &counts.passed),
        ("malformed", &counts.malformed),
        ("unknown", &counts.unknown),
        ("silent", &counts.silent),
        ("evicted", &counts.evicted),
        ("refused", &counts.refused),
    ];
    for (outcome, count) in sockets {
        families.sockets.get_or_create(&OfSocket { outcome }).inc_by(count.load(Ordering::Relaxed));
    }
    families.pending.set(i64::try_from(agent.events.pending()).unwrap_or(i64::MAX));
    for state in ["running", "failed", "exited"] {
        drop(families.instances.get_or_create(&InState { state: state.into() }));
    }
    for instance in agent.supervisor.list() {
        let view = instance.view().await;
        let (id, module) = (instance.slot().to_string(), instance.file.name.clone());
        families.instances.get_or_create(&InState { state: view.state().into() }).inc();
        let of_instance = OfInstance { instance: id.clone(), module: module.clone() };
        families.entries.get_or_create(&of_instance).inc_by(view.entries);
        families.peers.get_or_create(&of_instance).set(view.sockets.into());
        for connection in &view.connections {
            let labels =
                OfConnection { instance: id.clone(), module: module.clone(), connection: connection.connection, direction: connection.direction.clone() };
            families.sent.get_or_create(&labels).inc_by(connection.sent.0);
            families.resent.get_or_create(&labels).inc_by(connection.resent.0);
            families.received.get_or_create(&labels).inc_by(connection.received.0);
            families.delivered.get_or_create(&labels).inc_by(connection.delivered.0);
            families.gaps.get_or_create(&labels).inc_by(connection.gaps.0);
            families.dropped.get_or_create(&labels).inc_by(connection.dropped.0);
            families.queued.get_or_create(&labels).set(connection.queued.into());
            families.connected.get_or_create(&labels).set(connection.connected.into());
            for (reason, count) in &connection.refused {
                let labels = OfRefusal { instance: id.clone(), module: module.clone(), connection: connection.connection, reason: reason.clone() };
                families.refused.get_or_create(&labels).inc_by(*count);
            }
        }
        for trigger in &view.triggers {
            let labels = OfTrigger { instance: id.clone(), module: module.clone(), trigger: trigger.name.clone() };
            families.fired.get_or_create(&labels).inc_by(trigger.fired);
            families.full.get_or_create(&labels).inc_by(trigger.full);
        }
    }
    if let Some(status) = agent.board.status().await {
        let counts = [
            ("boots", status.boots),
            ("repeated", status.repeated),
            ("spoiled", status.spoiled),
            ("unexpected", status.unexpected),
            ("violations", status.violations),
        ];
        for (what, count) in counts {
            families.board.get_or_create(&OfBoard { what }).inc_by(count);
        }
    }
    let mut output = String::new();
    text::encode(&mut output, &families.registry()).map_err(|error| ApiError::host_silent(error.to_string()))?;
    Ok(([(CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], output).into_response())
}
