//! What opening does with the log: what redb has not durably is read from the packs, and set again.

use std::io;

use redb::{Database, Durability, ReadableDatabase as _};

use super::accounts::{Accounts, Position};
use super::error::OpenFault;
use super::log::Recovered;
use super::pack::{Found, PAGE_LEN, PackError, Packs};

/// Applies all whole groups that are behind redb's durable position. Nothing of what is read here is written but to
/// memory: a store opens on a disk that is full.
pub(super) fn recover(
    database: &Database,
    packs: &Packs,
) -> Result<(Accounts, Recovered), OpenFault> {
    let mut accounts = Accounts::read(&database.begin_read().map_err(redb::Error::from)?)?;
    let durable = accounts.position;
    let mut there = packs.list()?;
    if there.last().is_some_and(|last| *last < durable.pack)
        || (there.is_empty() && durable.pack > 0)
    {
        return Err(damaged(durable.pack, "it is not there"));
    }
    let next_pack = there.last().copied().unwrap_or_default().max(durable.pack) + 1;
    if let Some(last) = there.last().copied()
        && last > durable.pack
        && packs.len(last)? <= PAGE_LEN
        && matches!(packs.open(last), Err(PackError::Header(_)))
    {
        // It was being made, and there is no group in it.
        packs.remove(&[last])?;
        there.pop();
    }
    let mut transaction = database.begin_write().map_err(redb::Error::from)?;
    transaction.set_durability(Durability::None).map_err(redb::Error::from)?;
    let mut last = durable;
    for number in there.iter().copied().filter(|number| *number >= durable.pack.max(1)) {
        let pack = packs.open(number).map_err(|error| unusable(number, error))?;
        let mut at = durable.at;
        if number != durable.pack {
            // It was begun when all groups before its first were durable.
            if pack.first != accounts.position.group {
                return Err(damaged(last.pack, "its last groups are damaged or missing"));
            }
            at = PAGE_LEN;
        }
        while let Found::Group(sets, next) = pack.group(accounts.position.group, at)? {
            let group = accounts.position.group + 1;
            let next = Position { group, pack: number, at: next };
            accounts.apply(&transaction, &sets, next)?;
            at = next.at;
        }
        last = Position { group: accounts.position.group, pack: number, at };
    }
    let applied = accounts.position.group - durable.group;
    let mut uncut = None;
    if last.pack > 0 {
        let pack = packs.open(last.pack).map_err(|error| unusable(last.pack, error))?;
        if pack.goes_on(last.group, last.at)? {
            return Err(damaged(last.pack, "a group before its last is damaged"));
        }
        if applied > 0 {
            // A process that was killed had perhaps not synced what it wrote, and from here on it is seen.
            pack.sync()?;
            transaction.commit().map_err(redb::Error::from)?;
            tracing::info!(
                groups = applied,
                "what the store had not durably was read from its log"
            );
        } else {
            transaction.abort().map_err(redb::Error::from)?;
        }
        if pack.len()? > last.at {
            uncut = Some((last.pack, last.at));
        }
    }
    // Where a pack without groups is the last, what is behind those of the one before it was cut when it was begun.
    let uncut =
        uncut.filter(|(pack, at)| (*pack, *at) == (accounts.position.pack, accounts.position.at));
    check(&mut accounts, packs, &there)?;
    Ok((accounts, Recovered { durable, uncut: uncut.map(|(pack, _)| pack), next_pack }))
}

/// Whether all packs that rows name are there. Those that nothing names are what a crash left of taking them away.
fn check(accounts: &mut Accounts, packs: &Packs, there: &[u32]) -> Result<(), OpenFault> {
    // A pack of which nothing lives may be gone already, and redb not know it durably.
    accounts.packs.retain(|number, account| account.live > 0 || there.contains(number));
    for (number, account) in &accounts.packs {
        if account.live > 0 {
            packs.open(*number).map_err(|error| unusable(*number, error))?;
            if packs.len(*number)? + PAGE_LEN <= account.end {
                return Err(damaged(*number, "it is too short"));
            }
        }
    }
    let unnamed =
        |number: &u32| *number < accounts.position.pack && !accounts.packs.contains_key(number);
    let unnamed: Vec<_> = there.iter().copied().filter(unnamed).collect();
    Ok(packs.remove(&unnamed)?)
}

fn damaged(pack: u32, why: &'static str) -> OpenFault {
    OpenFault::Pack { pack, why: why.to_owned() }
}

fn unusable(pack: u32, error: PackError) -> OpenFault {
    match error {
        PackError::Io(error) if error.kind() == io::ErrorKind::NotFound => {
            damaged(pack, "it is not there")
        }
        PackError::Io(error) => error.into(),
        PackError::Header(error) => OpenFault::Pack { pack, why: error.to_string() },
    }
}
