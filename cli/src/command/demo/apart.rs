//! What somebody says who may not: an entry of one who does not treat the patient, and a vote of one who was expelled.

use super::deciding::{approve, ask, fetch, grants, of_kinds};
use super::founding::members;
use super::process::until;
use super::records::entries;
use super::region::{Region, now};
use super::requests::until_state;
use super::tell::{line, readers, step};
use anyhow::{Context, ensure};
use chartmesh_kit::{Far, Terminal, backdated};
use chartmesh_protocol::backup;
use chartmesh_protocol::consent::command::Revoke;
use chartmesh_protocol::consent::view::GrantView;
use chartmesh_protocol::consent::{Narrow, RequestState, Wish};
use chartmesh_protocol::federation::command::Expel;
use chartmesh_protocol::federation::view::{FederationView, Status};
use chartmesh_protocol::id::{EntryId, PartyId};
use chartmesh_protocol::membership::Standpoint;
use chartmesh_protocol::peer::ask;
use chartmesh_protocol::record::{EntryStanding, Kind};
use chartmesh_protocol::time::DAY_MS;
use serde_json::json;

/// An entry of one who may not add any more.
pub(super) async fn unlisted(region: &Region) -> anyhow::Result<()> {
    step("Minami Clinic may add a report, and no more; what it records all the same stands apart");
    let Region { a, b, provider, relay, patient, .. } = region;
    may_add_no_more(region).await?;
    let made = make_up(region).await?;
    ensure!(
        !entries(relay, *patient, true).await?.iter().any(|entry| entry.entry == made),
        "the relay took an entry of one who may not add"
    );
    line(format!(
        "the relay does not take \"No known allergies\"; {} keeps it for {}",
        provider.name, b.name
    ));
    let wish = Wish { standing: Some(now().plus_ms(DAY_MS)), ..of_kinds([Kind::Reports]) };
    let request = ask(a, *patient, wish).await?;
    approve(relay, *patient, request, Narrow::default()).await?;
    until_state(a, &[request], RequestState::Approved).await?;
    let done = fetch(a, request, provider.id).await?;
    ensure!(done.state == RequestState::Done, "fetching failed: {}", done.reason);
    let got = entries(a, *patient, false).await?;
    let got = got.into_iter().find(|entry| entry.entry == made).context("it did not come")?;
    ensure!(got.standing == Some(EntryStanding::Unlisted), "it stands among the others");
    line(format!(
        "{} reads reports at {}: it comes, stands apart with {}'s fingerprint, and is in no export",
        a.name, provider.name, b.name
    ));
    readers("as before");
    Ok(())
}

/// The patient takes back that the clinic may add.
async fn may_add_no_more(region: &Region) -> anyhow::Result<()> {
    let Region { b, relay, patient, .. } = region;
    let adds = |grant: &GrantView| {
        grant.grantee == b.id
            && grant.state == "live"
            && grant.operations.iter().any(|operation| operation == "write")
    };
    let live = grants(relay).await?;
    let tokens: Vec<_> = live.iter().filter(|one| adds(one)).map(|one| one.token).collect();
    ensure!(!tokens.is_empty(), "it may add nothing already");
    relay.command(Revoke { patient: *patient, tokens }, Some(*patient)).await?;
    Ok(())
}

async fn make_up(region: &Region) -> anyhow::Result<EntryId> {
    let Region { b, provider, patient, work, .. } = region;
    let file = work.join("allergies.txt");
    std::fs::write(&file, "No known allergies.\n")?;
    let what = json!({"user": "Dr. Mori", "kind": "reports", "title": "No known allergies"});
    let (made, _) = b.import(*patient, &[file], what).await?;
    let made = made.first().copied().context("nothing was recorded")?;
    let keep = backup::command::Keep {
        holder: provider.id,
        subject: *patient,
        entries: vec![made],
        for_patient: false,
        not_before: None,
    };
    b.command(keep, None).await?;
    until("the entry at the provider", || async {
        let kept = entries(provider, *patient, false).await?;
        Ok(kept.iter().any(|entry| entry.entry == made && entry.whole).then_some(()))
    })
    .await?;
    Ok(made)
}

/// A founder is expelled, and votes as of before with the help of a member.
pub(super) async fn void(region: &Region) -> anyhow::Result<()> {
    step("Minami Clinic, a founder, is expelled; what it signs for the time before is void");
    let Region { a, b, provider, .. } = region;
    let before = members(a).await?;
    for sponsor in [a, provider] {
        let reason = "its terminal was stolen, and it does not answer".to_owned();
        sponsor.command(Expel { party: b.id, reason }, None).await?;
    }
    for node in [a, provider] {
        until(&format!("{} to list no {}", node.name, b.name), || async {
            Ok((!is_member(&members(node).await?, b.id)).then_some(()))
        })
        .await?;
    }
    let after = members(a).await?;
    line(format!("{} and {} expel it: view {} is sealed", a.name, provider.name, after.number));
    let federation = before.federation.context("it is in a federation")?;
    let view = before.view.context("it has a view")?;
    let then = Standpoint { federation, number: before.number, view };
    // Both sign, as two of three could then.
    let votes = backdated(&[&b.dir, &provider.dir], then, a.id)?;
    let known = provider.all(ask::Peers::default(), None).await?;
    let far = Far::of(&known, a.id).context("the hospital is not known")?;
    let mut terminal = Terminal::of(&provider.dir, far).await?;
    let _ = terminal.tell(&votes).await?;
    terminal.stop().await;
    let now = members(a).await?;
    ensure!(
        (now.number, now.view) == (after.number, after.view)
            && is_member(&now, a.id)
            && now.forks.is_empty(),
        "votes of an earlier view changed the newest"
    );
    line(format!(
        "{}'s terminal brings votes of both to expel {}, signed for view {}: nobody stands there any more, nothing changes",
        provider.name, a.name, before.number
    ));
    readers("as before: expelling takes nobody's record away");
    Ok(())
}

fn is_member(view: &FederationView, party: PartyId) -> bool {
    view.parties.iter().any(|one| one.party == party && matches!(one.status, Status::Member))
}
