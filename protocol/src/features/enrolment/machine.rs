//! Transitions.

use super::reasons::Reason;
use super::wire::{Answer, Enrol, Message, Renewal};
use crate::codec::{Bytes, Wire};
use crate::codes::{self, Code, CodeFor, CodeView};
use crate::contacts;
use crate::directory::{self, Standing};
use crate::entries;
use crate::id::{ChartId, PartyId};
use crate::identity::{RelayCertificate, Role};
use crate::limits;
use crate::members;
use crate::outbox;
use crate::patients::{self, PatientView};
use crate::permission;
use crate::refusal::{Failure, Handled, Refusal, refuse};
use crate::rows;
use crate::statement::{Signed, Unverified};
use crate::store::{ReadTxn, StoreError, Table};
use crate::time::Timestamp;
use crate::turn::{BACKDATED_MS, Context, Notice, Sender};

/// Member -> the relay certificate that it gave us.
const CERTIFICATES: Table = Table("relay_certificate");

/// Relay -> when we last certified it.
const CERTIFIED: Table = Table("relay_certified");

/// Makes a code for a chart.
pub(super) fn code(
    ctx: &mut Context<'_>,
    chart: ChartId,
    valid_ms: Option<u64>,
    addresses: Vec<String>,
) -> Handled<CodeView> {
    ctx.own.require(Role::Hospital)?;
    if is_taken(ctx, chart)? {
        return refuse(Reason::ChartTaken);
    }
    let anchor = members::position(ctx.txn)?;
    let purpose = CodeFor::Enrolment(chart);
    let (code, expires) = codes::issue(ctx, purpose, anchor, valid_ms, addresses)?;
    Ok(CodeView { code: code.to_text(), expires })
}

/// Enrols a patient with a code.
pub(super) fn enrol(ctx: &mut Context<'_>, patient: PartyId, code: &str) -> Handled<PatientView> {
    ctx.own.require(Role::Patient)?;
    patients::patient(ctx.txn, patient)?;
    let code = Code::parse(code, 'e')?;
    codes::introduce(ctx.txn, &code)?;
    // Somebody has just typed it in, and a code that failed before it is no reason to wait.
    outbox::hurry(ctx, code.institution)?;
    // A ring about to expire would leave the hospital without compartments.
    if ctx.keys.is_some_and(|keys| keys.patient == patient) {
        ctx.notify_now(Notice::Publish { patient })?;
    }
    let (Some(known), Some(ring)) =
        (directory::keys(ctx.txn, patient)?, directory::ring(ctx.txn, patient)?)
    else {
        return refuse(patients::Reason::KeysMissing);
    };
    if ring.expires <= ctx.now {
        return refuse(Reason::RingExpired);
    }
    contacts::ask_contact(ctx.txn, patient, code.institution)?;
    let message = Enrol {
        secret: code.secret,
        log: known.log().clone(),
        ring: ring.to_unverified(),
        revocations: permission::revocation_state(ctx.txn, patient)?,
    };
    ctx.send(code.institution, &Message::Enrol(message))?;
    // The institution's answer comes later, and shows in the patient's view.
    patients::view(ctx.txn, patient, ctx.now)
}

/// Takes over a relay certificate that a member gave us.
pub(super) fn learn_certificate(
    ctx: &mut Context<'_>,
    member: PartyId,
    certificate: Unverified<RelayCertificate>,
) -> Handled<()> {
    let Some(keys) = directory::keys(ctx.txn, member)? else { return Ok(()) };
    if certificate.claims().relay != ctx.own.party() {
        return refuse(Reason::OtherRelaysCertificate);
    }
    certificate.clone().certify(&keys, ctx.now)?;
    Ok(rows::put(ctx.txn, CERTIFICATES, &member.0, &certificate)?)
}

/// Certifies a relay, if we are a member.
fn certify(ctx: &mut Context<'_>, relay: PartyId) -> Handled<Option<Unverified<RelayCertificate>>> {
    if !members::is_member(ctx.txn, ctx.own.party())? {
        return Ok(None);
    }
    let issued = ctx.now.minus_ms(BACKDATED_MS);
    let certificate = RelayCertificate {
        member: ctx.own.party(),
        key: ctx.own.key_number(),
        relay,
        issued,
        expires: issued.plus_ms(limits::CERTIFICATE_MS_MAX),
    };
    rows::put(ctx.txn, CERTIFIED, &relay.0, &ctx.now)?;
    Ok(Some(Signed::sign(certificate, ctx.own.institution_key()).to_unverified()))
}

/// A relay that enrolled with us said `hello`: its certificate is renewed well before it ends.
pub(crate) fn greeted(ctx: &mut Context<'_>, party: PartyId) -> Handled<()> {
    if directory::standing(ctx.txn, party, ctx.now)? != Some(Standing::EnrolledRelay) {
        return Ok(());
    }
    let last = rows::get::<Timestamp>(ctx.txn, CERTIFIED, &party.0)?.unwrap_or_default();
    if ctx.now.since(last) > limits::CERTIFICATE_MS_MAX / 4
        && let Some(certificate) = certify(ctx, party)?
    {
        let renewal = Message::Certificate(Renewal { certificate });
        ctx.send(party, &renewal)?;
    }
    Ok(())
}

/// Whether a patient is enrolled in a chart that a person here opened. Whoever brings a code for one that is no
/// more hears that of the code, and not which chart it was.
fn is_taken(ctx: &Context<'_>, chart: ChartId) -> Handled<bool> {
    match entries::chart(ctx.txn, chart) {
        Ok(row) => Ok(row.enrolled && row.registered),
        Err(Failure::Refused(_)) => refuse(codes::Reason::Unknown),
        Err(error) => Err(error),
    }
}

/// A patient comes with a code.
pub(super) fn enrolled(ctx: &mut Context<'_>, sender: &Sender, enrol: Enrol) -> Handled<Bytes> {
    let anchor = codes::anchor_of(ctx.txn, &enrol.secret)?;
    let CodeFor::Enrolment(chart) = codes::redeem(ctx, &enrol.secret)? else {
        return refuse(codes::CodeError::OtherKind);
    };
    if is_taken(ctx, chart)? {
        return refuse(Reason::ChartTaken);
    }
    let known = directory::learn_keys(ctx.txn, enrol.log)?;
    let patient = known.party();
    // A chart that came by a permission or a restored copy goes up in this one.
    if let Some(other) = entries::chart_of(ctx.txn, patient)?.filter(|other| *other != chart)
        && is_taken(ctx, other)?
    {
        return refuse(Reason::InAnotherChart);
    }
    directory::learn_ring(ctx.txn, enrol.ring, &known, ctx.now)?;
    if let Some(state) = enrol.revocations {
        permission::learn_revocations(ctx, state, &known)?;
    }
    if directory::relay_of(ctx.txn, patient)? != Some(sender.institution) {
        return refuse(Reason::OtherRelay);
    }
    directory::set_standing(ctx.txn, sender.institution, &Standing::EnrolledRelay)?;
    ctx.notify(Notice::Enrolled { chart, patient });
    let certificate = certify(ctx, sender.institution)?;
    let federation = members::snapshot(ctx, anchor)?;
    Ok(Bytes(Answer { certificate, federation }.to_bytes()))
}

/// The institution has enrolled the patient, or refused.
pub(super) fn answered(
    ctx: &mut Context<'_>,
    to: PartyId,
    enrol: &Enrol,
    result: Result<Bytes, Refusal>,
) -> Handled<()> {
    codes::introduced(ctx.txn, to)?;
    let patient = enrol.log.party_unverified();
    let answer = match result {
        Ok(answer) => answer,
        Err(refusal) => {
            tracing::warn!(reason = refusal.name(), "an enrolment was refused");
            return Ok(contacts::contact_refused(ctx.txn, patient, to, refusal)?);
        }
    };
    let Ok(answer) = Answer::from_bytes(&answer.0, limits::RESPONSE_BYTES_MAX) else {
        return refuse(Reason::AnswerMalformed);
    };
    if let Some(snapshot) = answer.federation {
        ctx.notify_now(Notice::Snapshot { from: to, federation: snapshot })?;
    }
    if let Some(certificate) = answer.certificate {
        learn_certificate(ctx, to, certificate)?;
    }
    Ok(contacts::contact_agreed(ctx.txn, patient, to)?)
}

/// The relay certificates that still hold, newest first.
pub(crate) fn certificates(
    txn: &(impl ReadTxn + ?Sized),
    now: Timestamp,
) -> Result<Vec<Unverified<RelayCertificate>>, StoreError> {
    let mut certificates: Vec<_> =
        rows::all::<Unverified<RelayCertificate>>(txn, CERTIFICATES, &[])?
            .into_iter()
            .map(|(_, certificate)| certificate)
            .filter(|certificate| now < certificate.claims().expires)
            .collect();
    certificates.sort_by_key(|certificate| core::cmp::Reverse(certificate.claims().issued));
    certificates.truncate(limits::RELAY_CERTIFICATES_MAX);
    Ok(certificates)
}
