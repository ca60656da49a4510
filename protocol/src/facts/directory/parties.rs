//! A party's verified keys, and an institution's card.

use super::reasons::Reason;
use super::{nodes, standing};
use crate::clock;
use crate::codec::{DecodeError, Decoder, Wire, wire_struct};
use crate::id::PartyId;
use crate::identity::{Card, KeyLog, KeyRing, KnownKeys};
use crate::limits;
use crate::names::{self, Bearer, Digits};
use crate::refusal::{Handled, refuse};
use crate::rows;
use crate::statement::{Signed, Unverified};
use crate::store::{ReadTxn, StoreError, Table, Txn};
use crate::time::{SECOND_MS, Timestamp};
use crate::turn::{Page, Part};

/// Party -> [`PartyRow`].
const PARTIES: Table = Table::rows("party");

wire_struct! {
    /// A party's key log as it was learned.
    #[derive(Debug, Clone)]
    pub struct LearnedLogRow {
        /// The log, verified.
        1 => log: KeyLog,
        /// When each of its rotations was learned here.
        2 => learned: Vec<Timestamp>,
    }
}

wire_struct! {
    /// What is known of a party.
    #[derive(Debug, Clone)]
    pub struct PartyRow {
        /// Its verified key log.
        1 => keys: LearnedLogRow,
        /// An institution's newest card.
        2 => card: Option<Unverified<Card>>,
        /// A patient's newest key ring.
        3 => ring: Option<Unverified<KeyRing>>,
    }
}

/// What is known of a party.
pub(super) fn party(
    txn: &(impl ReadTxn + ?Sized),
    party: PartyId,
) -> Result<Option<PartyRow>, StoreError> {
    rows::get(txn, PARTIES, &party.0)
}

/// Keeps what is known of a party.
pub(super) fn put_party(
    txn: &mut dyn Txn,
    party: PartyId,
    row: &PartyRow,
) -> Result<(), StoreError> {
    rows::put(txn, PARTIES, &party.0, row)
}

/// The verified keys of a party.
pub(crate) fn keys(
    txn: &(impl ReadTxn + ?Sized),
    party: PartyId,
) -> Result<Option<KnownKeys>, StoreError> {
    // Asked for with every message: what else the row holds is read over.
    let Some(row) = txn.get(PARTIES, &party.0)? else { return Ok(None) };
    first_field::<LearnedLogRow>(&row)
        .and_then(|row| {
            let keys = row.log.from_own_store().map_err(|error| error.to_string())?;
            Ok(Some(keys.learned(&row.learned, Timestamp(u64::MAX))))
        })
        .map_err(|why| StoreError::Corrupt { table: PARTIES.name(), why })
}

/// The value at key 1 of an encoded structure of our own.
fn first_field<T: Wire>(row: &[u8]) -> Result<T, String> {
    let mut d = Decoder::new(row, row.len()).map_err(|error| error.to_string())?;
    let read = |d: &mut Decoder<'_>| {
        d.map()?;
        match d.key(None)? {
            1 => T::decode(d),
            other => Err(DecodeError::UnknownKey(other)),
        }
    };
    read(&mut d).map_err(|error| error.to_string())
}

/// Takes over a party's key log, never a shorter or contradicting one; gives the keys that now count.
pub(crate) fn learn_keys(txn: &mut dyn Txn, log: KeyLog) -> Handled<KnownKeys> {
    // The very log that is known was verified when it came.
    if let Some(known) = keys(txn, log.party_unverified())?
        && *known.log() == log
    {
        return Ok(known);
    }
    let new = log.verify()?;
    let party = new.party();
    let row = rows::get::<PartyRow>(txn, PARTIES, &party.0)?;
    let merged = match keys(txn, party)? {
        Some(known) => match known.clone().merge(new)? {
            merged if merged == known => return Ok(known),
            merged => merged,
        },
        None => new,
    };
    // Who handles a message has put down the time at its beginning. A store that handled nothing yet knows no time.
    let merged = match clock::read(txn, Timestamp(0))? {
        Timestamp(0) => merged,
        now => merged.learned(&[], now),
    };
    // An institution's new key alone counts, from now on: what the earlier ones certified is to be certified again.
    if row.as_ref().is_some_and(|row| row.card.is_some()) {
        let number = merged.current_number();
        tracing::info!(institution = %party.short(), number, "an institution has a new key");
        nodes::distrust(txn, party)?;
        standing::distrust(txn, party)?;
    }
    let row = PartyRow {
        keys: LearnedLogRow { log: merged.log().clone(), learned: merged.learned_at().to_vec() },
        card: row.as_ref().and_then(|row| row.card.clone()),
        ring: row.and_then(|row| row.ring),
    };
    rows::put(txn, PARTIES, &party.0, &row)?;
    Ok(merged)
}

/// Our own card counts whatever was said before, even by a clock that was ahead.
pub(crate) fn set_own_card(txn: &mut dyn Txn, card: &Signed<Card>) -> Result<(), StoreError> {
    let Some(row) = rows::get::<PartyRow>(txn, PARTIES, &card.institution.0)? else {
        return Ok(());
    };
    put_card(txn, row, card.to_unverified())
}

/// A newer card: the institution is found by its name.
fn put_card(
    txn: &mut dyn Txn,
    mut row: PartyRow,
    card: Unverified<Card>,
) -> Result<(), StoreError> {
    let party = card.claims().institution;
    let before = row.card.as_ref().map(|card| card.claims().name.as_str());
    let after = [card.claims().name.as_str()];
    names::rename(txn, Bearer::Institution, &party.0, before.as_slice(), &after)?;
    row.card = Some(card);
    rows::put(txn, PARTIES, &party.0, &row)
}

/// Takes over an institution's card if it is newer than the one known: of a later key, or issued later.
/// A clock that runs ahead is no reason not to talk: a card from the future counts until one comes that is
/// not, and keeps none out. [ID-10]
pub(crate) fn learn_card(
    txn: &mut dyn Txn,
    card: Unverified<Card>,
    keys: &KnownKeys,
) -> Handled<()> {
    // The very card that is known was verified when it came, and the key that is current then counts now.
    let known = rows::get::<PartyRow>(txn, PARTIES, &card.claims().institution.0)?;
    if known.as_ref().and_then(|row| row.card.as_ref()) == Some(&card)
        && keys.party() == card.claims().institution
        && keys.current_number() == card.claims().key
    {
        return Ok(());
    }
    let claims = card.claims();
    let signer = keys.key(claims.key).filter(|_| keys.party() == claims.institution);
    let verified = signer.is_some_and(|key| card.check(&key).is_ok());
    if !verified || claims.key != keys.current_number() {
        return refuse(Reason::CardNotSigned);
    }
    if !names::can_be_named(&claims.name) {
        return refuse(Reason::CardNameOutOfBounds { most: limits::NAME_BYTES_MAX });
    }
    if !claims.ends_in_time() {
        return refuse(Reason::CardTooLong { days: limits::GRANT_KEY_SEALED_TO_DAYS });
    }
    let Some(row) = known else {
        return refuse(Reason::CardOfUnknown);
    };
    // Who handles a message has put down the time at its beginning.
    let now = clock::read(txn, Timestamp(0))?;
    let rank = |card: &Card| {
        let ahead = card.issued.since(now) > limits::CLOCK_TOLERANCE_SECONDS * SECOND_MS;
        (!ahead, card.key, card.issued)
    };
    if row.card.as_ref().is_none_or(|known| rank(known.claims()) < rank(claims)) {
        put_card(txn, row, card)?;
    }
    Ok(())
}

/// An institution's newest card.
pub(crate) fn card(
    txn: &(impl ReadTxn + ?Sized),
    party: PartyId,
) -> Result<Option<Signed<Card>>, StoreError> {
    Ok(rows::get::<PartyRow>(txn, PARTIES, &party.0)?
        .and_then(|row| row.card)
        .map(Unverified::from_own_store))
}

/// The card that something can be sealed to: signed with the key that counts now, since a thief of an earlier one may have
/// the grant keys of then, too [ID-17]; and not beyond its end, when its node deletes the key soon. [ID-20]
pub(crate) fn card_to_seal_to(
    txn: &(impl ReadTxn + ?Sized),
    institution: PartyId,
    now: Timestamp,
) -> Handled<Signed<Card>> {
    let Some(card) = card(txn, institution)? else {
        return refuse(Reason::InstitutionUnknown { institution });
    };
    if keys(txn, institution)?.is_none_or(|keys| keys.current_number() != card.key) {
        return refuse(Reason::CardOfEarlierKey { institution });
    }
    match now < card.until {
        true => Ok(card),
        false => refuse(Reason::CardEnded { institution }),
    }
}

/// Every institution known here, with its card.
pub(crate) fn institutions(txn: &(impl ReadTxn + ?Sized)) -> Result<Vec<Signed<Card>>, StoreError> {
    Ok(rows::all::<PartyRow>(txn, PARTIES, &[])?
        .into_iter()
        .filter_map(|(_, row)| row.card.map(Unverified::from_own_store))
        .collect())
}

/// The institutions of a page of all parties, which patients are, too.
pub(crate) fn institutions_page(txn: &dyn ReadTxn, part: &Part) -> Handled<Page<Signed<Card>>> {
    let page = part.rows::<PartyRow>(txn, PARTIES, &[], PartyId::LEN)?;
    page.show(|(_, row)| Ok(row.card.map(Unverified::from_own_store)))
}

/// Up to `limit` parties whose ids begin so, institutions and patients.
pub(crate) fn beginning(
    txn: &(impl ReadTxn + ?Sized),
    digits: &Digits,
    limit: usize,
) -> Result<Vec<PartyId>, StoreError> {
    let keys = digits.keys(txn, PARTIES, &[], limit)?;
    keys.iter().map(|key| rows::tail(PARTIES, key).map(PartyId)).collect()
}
