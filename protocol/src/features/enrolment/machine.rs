//! Transitions.

use super::number;
use super::pending::{self, PendingRow};
use super::reasons::Reason;
use super::view::CardView;
use super::wire::{
    Accepted, AcceptedAnswer, Answer, Confirmed, Enrol, Message, Renewal, Reveal, Undone,
};
use crate::codec::{Bytes, Wire, wire_struct};
use crate::codes::{self, Code, CodeFor, CodeView, PatientCard};
use crate::contacts::{self, EnrollingRow};
use crate::directory::{self, Standing};
use crate::entries;
use crate::id::{ChartId, CodeId, PartyId};
use crate::identity::{RelayCertificate, Role};
use crate::limits;
use crate::members;
use crate::membership::Standpoint;
use crate::misfiled;
use crate::outbox;
use crate::patients::{self, PatientView};
use crate::permission;
use crate::refusal::{Failure, Handled, Refusal, refuse};
use crate::rows;
use crate::statement::{Signed, Unverified};
use crate::store::{ReadTxn, StoreError, Table};
use crate::time::Timestamp;
use crate::turn::{BACKDATED_MS, Context, Notice, Own, Sender};

/// Member -> the relay certificate that it gave us.
const CERTIFICATES: Table = Table::rows("relay_certificate");
/// Relay -> [`RelayCertifiedRow`].
const CERTIFIED: Table = Table::rows("relay_certified");
/// Patient, institution -> [`BegunRow`], at the relay.
const BEGUN: Table = Table::rows("enrolment_begun");

wire_struct! {
    /// When this institution last certified a relay, and with which key.
    #[derive(Debug, Clone)]
    pub struct RelayCertifiedRow {
        /// When.
        1 => at: Timestamp,
        /// The key's number.
        2 => key: u32,
    }
}

wire_struct! {
    /// An enrolment that this relay began.
    #[derive(Clone)]
    pub struct BegunRow {
        /// The code.
        1 => code: CodeId,
        /// What was said, hashed.
        2 => transcript: [u8; 32],
        /// Our part of the number.
        3 => random: [u8; 32],
        /// Where the institution stood when it gave out the code.
        4 => anchor: Option<Standpoint>,
    }
}

impl core::fmt::Debug for BegunRow {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "BegunRow({:?})", self.code)
    }
}

fn begun_key(patient: PartyId, institution: PartyId) -> Vec<u8> {
    rows::pair(&patient.0, &institution.0)
}

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
    let left = misfiled::left(ctx.txn, entries::subject_of_chart(chart))?;
    if left > 0 {
        return refuse(Reason::SealedAnew { chart, left });
    }
    pending::forget_old(ctx)?;
    let valid_ms = valid_ms.unwrap_or(limits::CODE_DESK_MS);
    let anchor = members::position(ctx.txn)?;
    Ok(codes::issue(ctx, CodeFor::Enrolment(chart), anchor, valid_ms, addresses)?.into())
}

/// Takes back the codes of a chart, and ends an enrolment in it that was begun and not made.
pub(super) fn cancel(ctx: &mut Context<'_>, chart: ChartId) -> Handled<()> {
    ctx.own.require(Role::Hospital)?;
    let begun = pending::pending_in(ctx.txn, chart, ctx.now)?;
    let codes = codes::cancel(ctx, &CodeFor::Enrolment(chart))?;
    match begun {
        Some((patient, row)) => pending::undo(ctx, patient, &row),
        None if codes > 0 => Ok(()),
        None => refuse(Reason::NobodyCame),
    }
}

/// Enrols a patient with a code.
pub(super) fn enrol(ctx: &mut Context<'_>, patient: PartyId, code: &str) -> Handled<PatientView> {
    ctx.own.require(Role::Patient)?;
    patients::patient(ctx.txn, patient)?;
    let code = Code::parse(code, 'e')?;
    let institution = code.institution;
    let Some(known) = directory::keys(ctx.txn, patient)? else {
        return refuse(patients::Reason::KeysMissing);
    };
    let begun = rows::get::<BegunRow>(ctx.txn, BEGUN, &begun_key(patient, institution))?;
    if begun.is_some_and(|begun| begun.code == code.id()) {
        // Typed once more: it goes on as it stands, with the number that was told.
        outbox::hurry(ctx, institution)?;
        return patients::view(ctx.txn, patient, ctx.now);
    }
    let id = codes::take(ctx, &code)?;
    // Somebody has just typed it in, and a code that failed before it is no reason to wait.
    outbox::hurry(ctx, institution)?;
    let random = ctx.random();
    let commitment = number::commitment(&random, patient, institution);
    let message = Enrol { code: id, log: known.log().clone(), commitment };
    let transcript = number::transcript(institution, ctx.own.party(), &message);
    let row = BegunRow { code: id, transcript, random, anchor: code.anchor };
    rows::put(ctx.txn, BEGUN, &begun_key(patient, institution), &row)?;
    contacts::ask_contact(ctx.txn, patient, institution)?;
    ctx.send(institution, &Message::Enrol(message))?;
    // The institution's answer comes later, and shows in the patient's view.
    patients::view(ctx.txn, patient, ctx.now)
}

/// A patient comes with a code: nothing is opened for the patient yet.
pub(super) fn enrolled(ctx: &mut Context<'_>, sender: &Sender, enrol: Enrol) -> Handled<Bytes> {
    let CodeFor::Enrolment(chart) = codes::redeem(ctx, enrol.code, sender.institution)? else {
        return refuse(codes::CodeError::OtherKind);
    };
    if is_taken(ctx, chart)? {
        return refuse(Reason::ChartTaken);
    }
    let patient = enrol.log.clone().verify()?.party();
    // Whoever knows a patient's key log can come with it, and is not to hear whether the patient is known here: that is said
    // to the patient's relay, now where the patient has named it, or else with the patient's word.
    let relay = sender.institution;
    let theirs = directory::relay_of(ctx.txn, patient)? == Some(relay);
    let begun = pending::pending(ctx.txn, (patient, relay), ctx.now)?;
    if let Some(row) = begun.as_ref().filter(|row| row.chart == chart) {
        // With another code of the same desk: it begins once more.
        pending::delete(ctx.txn, patient, row)?;
    }
    let elsewhere = begun.is_some_and(|row| row.chart != chart);
    if elsewhere || (theirs && in_another_chart(ctx, patient, chart)?) {
        return refuse(Reason::InAnotherChart);
    }
    if pending::pending_in(ctx.txn, chart, ctx.now)?.is_some() {
        return refuse(Reason::AnotherBegan);
    }
    let row = PendingRow {
        chart,
        relay: sender.institution,
        code: enrol.code,
        transcript: number::transcript(ctx.own.party(), sender.institution, &enrol),
        commitment: enrol.commitment,
        ours: ctx.random(),
        theirs: None,
        slips: 0,
        compared: false,
        since: ctx.now,
    };
    pending::put(ctx.txn, patient, &row)?;
    Ok(Bytes(Answer { random: row.ours }.to_bytes()))
}

/// The institution has given its part of the number, or refused.
pub(super) fn answered(
    ctx: &mut Context<'_>,
    to: PartyId,
    enrol: &Enrol,
    result: Result<Bytes, Refusal>,
) -> Handled<()> {
    codes::forget(ctx.txn, to, enrol.code)?;
    let patient = enrol.log.party_unverified();
    let key = begun_key(patient, to);
    // Of an older code whose answer comes late, nothing is made.
    let begun = rows::get::<BegunRow>(ctx.txn, BEGUN, &key)?.filter(|row| row.code == enrol.code);
    let Some(begun) = begun else { return Ok(()) };
    let answer = match result {
        Ok(answer) => answer,
        Err(refusal) => {
            tracing::warn!(reason = refusal.name(), "an enrolment was refused");
            return ended(ctx, patient, to, refusal);
        }
    };
    let Ok(answer) = Answer::from_bytes(&answer.0, limits::RESPONSE_BYTES_MAX) else {
        return refuse(Reason::AnswerMalformed);
    };
    let number = number::number(&begun.transcript, &answer.random, &begun.random);
    contacts::change(ctx.txn, patient, to, |row| row.number = Some(number))?;
    ctx.send(to, &Message::Reveal(Reveal { patient, random: begun.random }))?;
    Ok(())
}

/// An enrolment has come to nothing, at the relay.
fn ended(
    ctx: &mut Context<'_>,
    patient: PartyId,
    institution: PartyId,
    why: Refusal,
) -> Handled<()> {
    ctx.txn.delete(BEGUN, &begun_key(patient, institution))?;
    Ok(contacts::contact_refused(ctx.txn, patient, institution, why)?)
}

/// The relay reveals its part of the number.
pub(super) fn revealed(ctx: &mut Context<'_>, sender: &Sender, reveal: &Reveal) -> Handled<Bytes> {
    let mut row = begun_by(ctx, sender, reveal.patient)?;
    let committed = number::commitment(&reveal.random, reveal.patient, ctx.own.party());
    if committed != row.commitment {
        return refuse(Reason::OtherCommitment);
    }
    row.theirs = Some(reveal.random);
    pending::put(ctx.txn, reveal.patient, &row)?;
    Ok(Bytes::default())
}

fn begun_by(ctx: &Context<'_>, sender: &Sender, patient: PartyId) -> Handled<PendingRow> {
    match pending::pending(ctx.txn, (patient, sender.institution), ctx.now)? {
        Some(row) => Ok(row),
        None => refuse(Reason::NotBegun),
    }
}

/// The relay did not get its part across.
pub(super) fn not_revealed(
    ctx: &mut Context<'_>,
    to: PartyId,
    patient: PartyId,
    why: Refusal,
) -> Handled<()> {
    ended(ctx, patient, to, why)
}

/// The institution has compared the number: the patient is to say so, too.
pub(super) fn confirmed(
    ctx: &mut Context<'_>,
    sender: &Sender,
    confirmed: &Confirmed,
) -> Handled<Bytes> {
    let patient = confirmed.patient;
    match contacts::enrolling_with(ctx.txn, patient, sender.institution)? {
        Some(EnrollingRow { number: Some(_), refused: None, .. }) => {}
        _ => return refuse(Reason::NotBegun),
    }
    contacts::change(ctx.txn, patient, sender.institution, |row| row.confirmed = true)?;
    Ok(Bytes::default())
}

/// At the relay: the patient says that the desk accepted the number. The institution gets what it seals to.
pub(super) fn accept(
    ctx: &mut Context<'_>,
    patient: PartyId,
    institution: PartyId,
) -> Handled<PatientView> {
    ctx.own.require(Role::Patient)?;
    patients::patient(ctx.txn, patient)?;
    match contacts::enrolling_with(ctx.txn, patient, institution)? {
        Some(EnrollingRow { accepted: true, refused: None, .. }) => {
            return refuse(Reason::SaidAlready);
        }
        Some(EnrollingRow { confirmed: true, refused: None, .. }) => {}
        Some(EnrollingRow { refused: None, .. }) => return refuse(Reason::NotConfirmed),
        _ => return refuse(Reason::NotBegun),
    }
    // The patient's word that it treats the patient; and a ring about to expire would leave it without compartments.
    contacts::enrol(ctx.txn, patient, institution)?;
    ctx.notify_now(Notice::Publish { patient })?;
    let (Some(known), Some(ring)) =
        (directory::keys(ctx.txn, patient)?, directory::ring(ctx.txn, patient)?)
    else {
        return refuse(patients::Reason::KeysMissing);
    };
    if ring.expires <= ctx.now {
        return refuse(Reason::RingExpired);
    }
    contacts::change(ctx.txn, patient, institution, |row| row.accepted = true)?;
    // What it records may arrive before its answer does.
    contacts::add_contact(ctx.txn, patient, institution)?;
    let message = Accepted {
        log: known.log().clone(),
        ring: ring.to_unverified(),
        news: permission::news(ctx, patient, institution)?,
        compartments: directory::compartments(ctx.txn, patient)?,
    };
    ctx.send(institution, &Message::Accepted(message))?;
    patients::view(ctx.txn, patient, ctx.now)
}

/// The patient has said so: the enrolment is made.
pub(super) fn accepted(
    ctx: &mut Context<'_>,
    sender: &Sender,
    accepted: Accepted,
) -> Handled<Bytes> {
    let patient = accepted.log.party_unverified();
    let row = begun_by(ctx, sender, patient)?;
    if !row.compared {
        return refuse(Reason::NotCompared);
    }
    if codes::contested(ctx.txn, row.code)?.is_some() {
        return refuse(codes::Reason::Frozen);
    }
    if is_taken(ctx, row.chart)? {
        return refuse(Reason::ChartTaken);
    }
    if in_another_chart(ctx, patient, row.chart)? {
        return refuse(Reason::InAnotherChart);
    }
    let known = directory::learn_keys(ctx.txn, accepted.log)?;
    directory::learn_ring(ctx.txn, accepted.ring, &known, ctx.now)?;
    directory::learn_compartments(ctx.txn, patient, &accepted.compartments)?;
    permission::learn_news(ctx, accepted.news, &known)?;
    if directory::relay_of(ctx.txn, patient)? != Some(sender.institution) {
        return refuse(Reason::OtherRelay);
    }
    let anchor = codes::anchor_of(ctx.txn, row.code)?;
    pending::delete(ctx.txn, patient, &row)?;
    directory::set_standing(ctx.txn, sender.institution, &Standing::EnrolledRelay)?;
    ctx.notify(Notice::Enrolled { chart: row.chart, patient });
    let certificate = certify(ctx, sender.institution)?;
    let federation = members::snapshot(ctx, anchor)?;
    Ok(Bytes(AcceptedAnswer { certificate, federation }.to_bytes()))
}

/// The institution has enrolled the patient, or refused.
pub(super) fn made(
    ctx: &mut Context<'_>,
    to: PartyId,
    patient: PartyId,
    result: Result<Bytes, Refusal>,
) -> Handled<()> {
    let answer = match result {
        Ok(answer) => answer,
        Err(refusal) => return ended(ctx, patient, to, refusal),
    };
    let Ok(answer) = AcceptedAnswer::from_bytes(&answer.0, limits::RESPONSE_BYTES_MAX) else {
        return refuse(Reason::AnswerMalformed);
    };
    let key = begun_key(patient, to);
    let begun = rows::get::<BegunRow>(ctx.txn, BEGUN, &key)?;
    if let (Some(federation), Some(anchor)) = (answer.federation, begun.and_then(|row| row.anchor))
    {
        ctx.notify_now(Notice::Snapshot { from: to, federation, anchor })?;
    }
    if let Some(certificate) = answer.certificate {
        learn_certificate(ctx, to, certificate)?;
    }
    ctx.txn.delete(BEGUN, &key)?;
    Ok(contacts::contact_agreed(ctx.txn, patient, to)?)
}

/// At the relay: the patient does not go on with an enrolment that was begun.
pub(super) fn withdraw(
    ctx: &mut Context<'_>,
    patient: PartyId,
    institution: PartyId,
) -> Handled<PatientView> {
    ctx.own.require(Role::Patient)?;
    patients::patient(ctx.txn, patient)?;
    match contacts::enrolling_with(ctx.txn, patient, institution)? {
        Some(EnrollingRow { refused: None, .. }) => {}
        Some(_) => {
            // It came to nothing, which the patient has seen now.
            contacts::dismiss(ctx.txn, patient, institution)?;
            return patients::view(ctx.txn, patient, ctx.now);
        }
        None => return refuse(Reason::NotBegun),
    }
    ended(ctx, patient, institution, Reason::Withdrawn.into())?;
    ctx.send_urgently(institution, &Message::Undone(Undone { patient }))?;
    patients::view(ctx.txn, patient, ctx.now)
}

/// At the relay: an institution does not treat the patient any more.
pub(super) fn end(
    ctx: &mut Context<'_>,
    patient: PartyId,
    institution: PartyId,
) -> Handled<PatientView> {
    ctx.own.require(Role::Patient)?;
    patients::patient(ctx.txn, patient)?;
    if !contacts::leave(ctx.txn, patient, institution)? {
        return refuse(Reason::NotEnrolled);
    }
    ctx.notify_now(Notice::Publish { patient })?;
    patients::view(ctx.txn, patient, ctx.now)
}

/// At the institution: the enrolment was undone, though it was made.
pub(crate) fn unenrolled(ctx: &mut Context<'_>, patient: PartyId) -> Handled<()> {
    let Some(relay) = directory::relay_of(ctx.txn, patient)? else { return Ok(()) };
    ctx.send_urgently(relay, &Message::Undone(Undone { patient }))?;
    Ok(())
}

/// The far side took an enrolment back; the institution may do so with one that was made, too.
pub(super) fn undone(ctx: &mut Context<'_>, sender: &Sender, undone: &Undone) -> Handled<Bytes> {
    let patient = undone.patient;
    if ctx.own.role() == Role::Patient {
        match contacts::enrolling_with(ctx.txn, patient, sender.institution)? {
            Some(EnrollingRow { refused: None, .. }) => {
                ended(ctx, patient, sender.institution, Reason::TakenBack.into())?;
            }
            _ if contacts::leave(ctx.txn, patient, sender.institution)? => {
                let why = Reason::WrongPerson.into();
                // That it does not treat the patient is signed once the keys are at hand.
                contacts::note_undone(ctx.txn, patient, sender.institution, why)?;
            }
            _ => return refuse(Reason::NotBegun),
        }
    } else {
        let row = begun_by(ctx, sender, patient)?;
        pending::delete(ctx.txn, patient, &row)?;
    }
    Ok(Bytes::default())
}

/// The card that a patient shows at a desk.
pub(super) fn card(own: &Own, txn: &dyn ReadTxn, patient: PartyId) -> Handled<CardView> {
    own.require(Role::Patient)?;
    patients::patient(txn, patient)?;
    Ok(CardView { card: PatientCard { patient, relay: own.party() }.to_text() })
}

/// At the relay: an institution with which a patient has enrolled certifies it anew.
pub(super) fn renewed(
    ctx: &mut Context<'_>,
    member: PartyId,
    certificate: Unverified<RelayCertificate>,
) -> Handled<Bytes> {
    if !contacts::anybody_enrolled(ctx.txn, member)? {
        return refuse(Reason::NobodyEnrolled);
    }
    learn_certificate(ctx, member, certificate)?;
    Ok(Bytes::default())
}

/// Takes over a relay certificate that a member gave us.
fn learn_certificate(
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
    let row = RelayCertifiedRow { at: ctx.now, key: ctx.own.key_number() };
    rows::put(ctx.txn, CERTIFIED, &relay.0, &row)?;
    Ok(Some(Signed::sign(certificate, ctx.own.institution_key()).to_unverified()))
}

/// A relay that enrolled with us said `hello`: its certificate is renewed well before it ends, and at once when it is by
/// an earlier key of ours.
pub(crate) fn greeted(ctx: &mut Context<'_>, party: PartyId) -> Handled<()> {
    if directory::standing(ctx.txn, party, ctx.now)? != Some(Standing::EnrolledRelay) {
        return Ok(());
    }
    let holds_on =
        rows::get::<RelayCertifiedRow>(ctx.txn, CERTIFIED, &party.0)?.is_some_and(|last| {
            last.key == ctx.own.key_number()
                && ctx.now.since(last.at) <= limits::CERTIFICATE_MS_MAX / 4
        });
    // Without room the `hello` would be refused for it, and nothing of what waits could go: the next one renews it.
    if !holds_on
        && outbox::has_room(ctx.txn, party)?
        && let Some(certificate) = certify(ctx, party)?
    {
        ctx.send(party, &Message::Certificate(Renewal { certificate }))?;
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

/// Whether the patient is enrolled here already. A chart that came by a permission or a restored copy goes up in the
/// one that the code is for.
fn in_another_chart(ctx: &Context<'_>, patient: PartyId, chart: ChartId) -> Handled<bool> {
    match entries::chart_of(ctx.txn, patient)? {
        Some(other) if other != chart => is_taken(ctx, other),
        _ => Ok(false),
    }
}

/// The certificate that a relay shows to an institution: that one's own, or else of those that hold the one of the member
/// with the lowest id, to everybody. So what members may learn of its patients' hospitals, all of them together, is one.
/// Nothing that a hearer says makes it show another. [NET-15]
pub(crate) fn certificate_for(
    txn: &(impl ReadTxn + ?Sized),
    to: PartyId,
    now: Timestamp,
) -> Result<Option<Unverified<RelayCertificate>>, StoreError> {
    let holds = |certificate: &Unverified<RelayCertificate>| {
        let keys = directory::keys(txn, certificate.claims().member)?;
        Ok(keys.is_some_and(|keys| certificate.clone().certify(&keys, now).is_ok()))
    };
    if let Some(own) = rows::get(txn, CERTIFICATES, &to.0)?
        && holds(&own)?
    {
        return Ok(Some(own));
    }
    for (_, certificate) in rows::all::<Unverified<RelayCertificate>>(txn, CERTIFICATES, &[])? {
        if members::is_member(txn, certificate.claims().member)? && holds(&certificate)? {
            return Ok(Some(certificate));
        }
    }
    Ok(None)
}
