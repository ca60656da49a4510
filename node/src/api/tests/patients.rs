//! Patients' keys at a relay.

use chartmesh_protocol::custody::view::RotatedView;
use chartmesh_protocol::identity::Role;
use chartmesh_protocol::refusal::RefusalCode;
use serde_json::json;

use super::super::NewPatientView;
use super::Home;

const PASSPHRASE: &str = "correct horse battery";

async fn relay() -> (Home, NewPatientView) {
    let home = Home::new(Role::Patient).await;
    let asked = json!({"name": "Hanako", "passphrase": PASSPHRASE});
    let made = home.client.post("/v1/patients", &asked).await.get();
    (home, made)
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_open_with_the_passphrase_and_stay_open_until_they_are_locked() {
    let (home, made) = relay().await;
    let patient = made.patient.patient;
    assert_eq!(made.words.split(' ').count(), 24);
    // Needs the keys: signs anew.
    let (refresh, command) = ("/v1/command/custody/refresh", json!({"patient": patient}));
    let locked = json!({"command": command, "patient": patient});
    let with = |passphrase: &str| json!({"command": command, "patient": patient, "passphrase": passphrase});
    home.client.post(refresh, &locked).await.refused(423, RefusalCode::Locked);
    let wrong = home.client.post(refresh, &with("wrong")).await;
    let why = wrong.refused(423, RefusalCode::Locked);
    assert!(why.contains("passphrase is wrong") && !why.contains(PASSPHRASE), "{why}");
    home.client.post(refresh, &with(PASSPHRASE)).await.bytes();
    home.client.post(refresh, &locked).await.refused(423, RefusalCode::Locked);

    let unlock = format!("/v1/patients/{patient}/unlock");
    let wrong = json!({"passphrase": "wrong", "minutes": 5});
    home.client.post(&unlock, &wrong).await.refused(423, RefusalCode::Locked);
    let long = json!({"passphrase": PASSPHRASE, "minutes": 100_000});
    home.client.post(&unlock, &long).await.refused(400, RefusalCode::Invalid);
    let right = json!({"passphrase": PASSPHRASE, "minutes": 5});
    home.client.post(&unlock, &right).await.bytes();
    home.client.post(refresh, &locked).await.bytes();
    home.client.post(&format!("/v1/patients/{patient}/lock"), &json!({})).await.bytes();
    home.client.post(refresh, &locked).await.refused(423, RefusalCode::Locked);
    home.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_takes_the_words_and_the_passphrase_may_change() {
    let (home, made) = relay().await;
    let patient = made.patient.patient;
    let rotate = format!("/v1/patients/{patient}/rotate");
    let others: NewPatientView = home
        .client
        .post("/v1/patients", &json!({"name": "Taro", "passphrase": "another correct horse"}))
        .await
        .get();
    let wrong = json!({"words": others.words, "passphrase": "a new battery staple"});
    home.client.post(&rotate, &wrong).await.refused(422, RefusalCode::NotAuthentic);
    let few = json!({"words": "abandon ability", "passphrase": "a new battery staple"});
    home.client.post(&rotate, &few).await.refused(400, RefusalCode::Invalid);
    let unknown = json!({"words": made.words, "passphrase": "a new battery staple", "drop": ["00".repeat(16)]});
    home.client.post(&rotate, &unknown).await.refused(404, RefusalCode::NotFound);
    let right = json!({"words": made.words.to_uppercase(), "passphrase": "a new battery staple"});
    let rotated: RotatedView = home.client.post(&rotate, &right).await.get();
    assert_eq!(rotated.number, 1);
    let unlock = format!("/v1/patients/{patient}/unlock");
    let old = json!({"passphrase": PASSPHRASE});
    home.client.post(&unlock, &old).await.refused(423, RefusalCode::Locked);
    home.client.post(&unlock, &json!({"passphrase": "a new battery staple"})).await.bytes();
    home.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patient_is_made_at_a_relay_only_and_never_without_a_passphrase() {
    let home = Home::new(Role::Hospital).await;
    let asked = json!({"name": "Hanako", "passphrase": PASSPHRASE});
    home.client.post("/v1/patients", &asked).await.refused(409, RefusalCode::WrongRole);
    home.stop().await;
    let home = Home::new(Role::Patient).await;
    for weak in ["  ", "x", "fourteen chars"] {
        let asked = json!({"name": "Hanako", "passphrase": weak});
        home.client.post("/v1/patients", &asked).await.refused(400, RefusalCode::Invalid);
    }
    home.stop().await;
}
