//! Two hospitals, a backup provider and a patient's relay that belong together.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use crate::{Api, Asked, Node, until};

/// Opens the patient's keys on the relay.
pub const PASSPHRASE: &str = "tests only: seven salmon swim upstream";

/// Everybody, with one patient enrolled at hospital A.
#[derive(Debug)]
pub struct Region {
    /// The hospital where the patient is enrolled.
    pub a: Node,
    /// Another hospital.
    pub b: Node,
    /// The backup provider.
    pub provider: Node,
    /// The patient's relay.
    pub relay: Node,
    /// The patient's id in hex.
    pub patient: String,
    /// The chart at hospital A.
    pub chart: String,
    /// The patient's 24 words.
    pub words: String,
}

impl Region {
    /// Founds the federation and enrols a patient of this name.
    ///
    /// # Panics
    /// When a step fails.
    #[must_use]
    pub fn found(root: &Path, patient: &str) -> Self {
        let a = Node::create(root, "hospital", "Kita Hospital");
        let b = Node::create(root, "hospital", "Minami Clinic");
        let provider = Node::create(root, "backup", "Midori Backup");
        let relay = Node::create(root, "patient", "Sakura Relay");
        a.cli(&["federation", "found", "Kita region"]);
        join(&a, &b);
        admit(&a, &b);
        until("the founding", || is_member(&b, &b).then_some(()));
        join(&b, &provider);
        admit(&b, &provider);
        until("A to hear of the applicant", || standing(&a, &provider.id));
        admit(&a, &provider);
        for (at, who) in [(&a, &provider), (&b, &provider), (&provider, &provider), (&provider, &a)]
        {
            until("the membership", || is_member(at, who).then_some(()));
        }
        let made = relay
            .post("/v1/patients", &json!({"name": patient, "passphrase": PASSPHRASE}))
            .expect("a new patient");
        let id = made["patient"]["patient"].as_str().expect("an id").to_owned();
        let words = made["words"].as_str().expect("24 words").to_owned();
        let chart = a.cli(&["patient", "new", patient, "--identifier", "mrn=KH-77120934"]);
        let chart = chart["chart"].as_str().expect("an id").to_owned();
        let code = a.cli(&["patient", "enrol", &chart]);
        let region = Self { a, b, provider, relay, patient: id, chart, words };
        region.unlock();
        let code = code["code"].as_str().expect("a code");
        enrol(&region.a, &region.chart, &region.relay, &region.patient, code);
        until("the enrolment", || {
            let charts = region.a.list(json!({"charts": {}}), None).ok()?;
            charts.iter().any(|chart| chart["subject"] == region.patient.as_str()).then_some(())
        });
        region
    }

    /// Unlocks the patient's keys, as after a restart of the relay.
    ///
    /// # Panics
    /// When the relay refuses.
    pub fn unlock(&self) {
        let path = format!("/v1/patients/{}/unlock", self.patient);
        let body = json!({"passphrase": PASSPHRASE, "minutes": 60});
        self.relay.post(&path, &body).expect("the keys open");
    }

    /// The patient has hospital A deposit entries with the provider: waits until they are there, and
    /// the relay knows it, for permissions name only holders that the relay knows.
    ///
    /// # Panics
    /// When a step fails.
    pub fn deposit(&self, entries: &[String]) {
        self.seen_at_relay(entries);
        let upload = json!({
            "patient": self.patient, "hospital": self.a.id, "depositary": self.provider.id,
            "wish": {"entries": entries},
        });
        let command = json!({"consent": {"upload": upload}});
        let orders = self.relay.command(command, Some(&self.patient)).expect("an order");
        let orders = orders.as_array().cloned().unwrap_or_default();
        until("the deposit", || {
            let views = self.relay.list(json!({"requests": {}}), None).ok()?;
            let state = |order: &Value| {
                let view = views.iter().find(|view| view["request"] == order["request"])?;
                assert_ne!(view["state"], "failed", "{view}");
                (view["state"] == "done").then_some(())
            };
            orders.iter().all(|order| state(order).is_some()).then_some(())
        });
    }

    /// Waits until the relay lists these entries.
    pub fn seen_at_relay(&self, entries: &[String]) {
        until("the entries at the relay", || {
            let query = json!({"entries": {"subject": self.patient}});
            let seen = self.relay.list(query, Some(&self.patient)).ok()?;
            let has = |entry: &String| seen.iter().any(|seen| seen["entry"] == entry.as_str());
            entries.iter().all(has).then_some(())
        });
    }
}

/// A patient of `relay` enrols with a code: the desk types the number, and the patient says so.
///
/// # Panics
/// When a step fails.
pub fn enrol(hospital: &Node, chart: &str, relay: &Node, patient: &str, code: &str) {
    let number = begin_to_enrol(hospital, relay, patient, code);
    until("the relay's part", || {
        let begun = hospital.list(json!({"enrolments": {}}), None).ok()?;
        begun.iter().any(|one| one["chart"] == chart && one["to_compare"] == true).then_some(())
    });
    hospital.cli(&["patient", "compare", chart, &number]);
    relay.cli(&["patient", "accept", patient, &hospital.id, "--wait"]);
}

/// A patient of `relay` begins to enrol with a code; gives the number to tell the desk.
///
/// # Panics
/// When a step fails.
#[must_use]
pub fn begin_to_enrol(hospital: &Node, relay: &Node, patient: &str, code: &str) -> String {
    let view = relay.cli(&["patient", "enrol", patient, code, "--wait"]);
    let enrolling = view["enrolling"].as_array().cloned().unwrap_or_default();
    let of = enrolling.iter().find(|one| one["institution"] == hospital.id.as_str());
    let number = of.and_then(|one| one["number"].as_str());
    number.expect("a number to tell the desk").to_owned()
}

/// `guest` applies with an invite of `host`.
///
/// # Panics
/// When a step fails.
pub fn join(host: &Node, guest: &Node) {
    let invite = host.cli(&["federation", "invite"]);
    guest.cli(&["federation", "join", invite["code"].as_str().expect("a code")]);
    until("the application", || standing(host, &guest.id));
}

/// `sponsor` admits `who`.
pub fn admit(sponsor: &Node, who: &Node) {
    sponsor.cli(&["federation", "admit", &who.id]);
}

/// How an institution stands, as one node sees it.
#[must_use]
pub fn standing(at: &Api, party: &str) -> Option<String> {
    let view = at.query(json!("members"), None).ok()?;
    let parties = view["parties"].as_array()?;
    let view = parties.iter().find(|view| view["party"] == party)?;
    view["status"].as_str().map(str::to_owned)
}

/// Whether `at` lists `who` as a member.
#[must_use]
pub fn is_member(at: &Node, who: &Node) -> bool {
    standing(at, &who.id).as_deref() == Some("member")
}

/// Messages that a node has for another, as `chartmesh peers` shows them.
#[must_use]
pub fn waiting(at: &Node, whom: &Node) -> u64 {
    let peers = at.cli(&["peers"]);
    let peers = peers.as_array().cloned().unwrap_or_default();
    let found = peers.iter().find(|peer| peer["institution"] == whom.id.as_str());
    found.map_or(0, |peer| peer["waiting"].as_u64().unwrap_or_default())
}

/// Hospital A refers the patient to hospital B and the patient permits it, narrowed; gives the
/// request once the permission is at B.
///
/// # Panics
/// When a step fails.
#[must_use]
pub fn grant(region: &Region, wish: &Value, narrow: &Value, message: &str) -> String {
    let request = refer(region, wish, message);
    approve(region, &request, narrow);
    request
}

/// Hospital A refers the patient to hospital B; gives the request once it is at the relay.
///
/// # Panics
/// When a step fails.
#[must_use]
pub fn refer(region: &Region, wish: &Value, message: &str) -> String {
    let Region { a, b, relay, patient, .. } = region;
    let refer = json!({
        "patient": patient, "to": b.id, "purpose": "care-management", "user": "Dr. Sato",
        "message": message, "wish": wish,
    });
    let asked = a.command(json!({"consent": {"referral": refer}}), None).expect("a request");
    let request = asked["request"].as_str().expect("an id").to_owned();
    until("the request at the relay", || {
        let found = relay.list(json!({"requests": {}}), None).ok()?;
        found.iter().any(|view| view["request"] == request.as_str()).then_some(())
    });
    request
}

/// The patient permits a request, narrowed; waits until the permission is at B.
///
/// # Panics
/// When a step fails.
pub fn approve(region: &Region, request: &str, narrow: &Value) {
    let Region { b, relay, patient, .. } = region;
    let approve = json!({"request": request, "narrow": narrow});
    relay.command(json!({"consent": {"approve": approve}}), Some(patient)).expect("a permission");
    until("the permission", || {
        let found = b.list(json!({"grants": {}}), None).ok()?;
        found.iter().any(|view| view["request"] == request).then_some(())
    });
}

/// Hospital B fetches from a holder; gives how it ended.
///
/// # Errors
/// When the node refuses or goes away.
pub fn fetch(b: &Api, request: &str, holder: &str) -> Asked<Value> {
    let fetch = json!({"request": request, "holder": holder, "user": "Dr. Mori"});
    b.command(json!({"consent": {"fetch": fetch}}), None)?;
    let mut broken = None;
    let ended = until("the fetch to end", || match b.list(json!({"requests": {}}), None) {
        Err(error) => {
            broken = Some(error);
            Some(Value::Null)
        }
        Ok(all) => all.into_iter().find(|view| {
            view["request"] == request && (view["state"] == "done" || view["state"] == "failed")
        }),
    });
    broken.map_or(Ok(ended), Err)
}

/// The entries of a patient that are whole at a node, by id.
///
/// # Panics
/// When the node does not answer.
#[must_use]
pub fn whole_entries(at: &Api, subject: &str) -> BTreeMap<String, Value> {
    let entries = at.list(json!({"entries": {"subject": subject}}), None).expect("an answer");
    let listed = entries.len();
    let whole: BTreeMap<_, _> = entries
        .into_iter()
        .map(|entry| (entry["entry"].as_str().expect("an id").to_owned(), entry))
        .collect();
    assert_eq!(listed, whole.len(), "an entry is listed twice");
    whole.into_iter().filter(|(_, entry)| entry["whole"] == true).collect()
}
