//! The institution's own keys: how they stand, rotated with its 24 words, written down elsewhere.

use std::path::{Path, PathBuf};

use chartmesh_node::api::SecretsView;
use chartmesh_node::config::{Config, Settings, UnlockWith};
use chartmesh_node::guard;
use chartmesh_node::keystore::{KeystoreError, Passphrase, Unlock};
use chartmesh_node::run::{self, KeysError, NodeIdentity, Rotation};
use chartmesh_node::store::OpenError;
use chartmesh_protocol::codec::Wire as _;
use chartmesh_protocol::identity::{Fingerprint, InstitutionPhrase, KeyLog, KnownKeys, Role};
use chartmesh_protocol::limits::{INSTITUTION_ROTATIONS_MAX, LIST_STATEMENT_BYTES_MAX};
use chartmesh_protocol::peer::{KeysView, StatusView};
use serde_json::json;

use crate::command::status;
use crate::command::token::read_file;
use crate::context::Context;
use crate::exit::{Exit, Failure, Outcome};
use crate::output::{Cell, Style, faint};
use crate::secret;

/// Say how the institution's keys stand, rotate them, write them down elsewhere
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Args {
    /// Say which key counts, what guards it, and whether the members have taken it up
    #[command(after_help = "Example:\n  chartmesh key status")]
    Status,
    /// Replace the institution's keys, with its 24 words, while its node is off
    #[command(
        long_about = "Replaces the institution's keys with those that follow from its 24 words: yearly, or at once when a copy of the keystore may be in other hands. The institution stays who it is: its id, its fingerprint, its patients and its place in the federation do not change. Whoever has the earlier keys speaks for it no more to anybody who has heard of the new ones, and cannot rotate: that takes the words. What the institution has opens as before, here and to a thief who gets hold of it. Permissions are sealed to a new key at once, which the thief does not have; the earlier ones, of the last months, are deleted within a week.\n\nStop the node first, and start it afterwards: it tells everybody it knows. Codes that were given out before name the earlier node: give out new ones. A thief who also gets hold of this disk, later, opens the store on it: its key does not change.",
        after_help = "Example:\n  chartmesh stop && chartmesh key rotate && chartmesh run"
    )]
    Rotate {
        /// Read the 24 words from FILE instead of the terminal
        #[arg(long, value_name = "FILE")]
        words_file: Option<PathBuf>,
        /// Take over the newer keys that the institution has already, instead of making others: they were made at another
        /// node of it, or at this one before it was put back from a copy. FILE is what a member's `chartmesh token keys
        /// NAME` prints, or an identity.json
        #[arg(long, value_name = "FILE")]
        keys: Option<PathBuf>,
        /// Replace the keys although this node's data seem to be an older copy: the key here is the newest that others know
        #[arg(long, conflicts_with = "keys")]
        although_put_back: bool,
    },
    /// Seal the keystore under another passphrase, while its node is off
    #[command(
        after_help = "Example:\n  chartmesh stop && chartmesh key passphrase && chartmesh run"
    )]
    Passphrase {
        /// Read the new passphrase from the first line of FILE instead of the terminal
        #[arg(long, value_name = "FILE")]
        new_passphrase_file: Option<PathBuf>,
    },
    /// Seal a copy of the keystore under a passphrase of its own, for a safe or for another machine
    #[command(
        long_about = "Seals a copy of the keystore, and who it belongs to, under a passphrase of its own, in a new file: for a safe, or for making the node again with `chartmesh init --import FILE`. Let one node of an institution run at a time: both would sign for it in the federation, and two that contradict each other are taken for a dishonest member. Whoever has the file and its passphrase reads all of this institution's charts that they get hold of, and speaks for it until it rotates. The keys that permissions are sealed to on their way, new ones each month, are in the node's store and not in the file: a node that is made from it makes its own, and what was under way is given again. They cannot rotate: the 24 words are not in it. A relay has no words, and its keys are not rotated: whoever has its export speaks for it until another relay takes its place; its patients' keys, which are sealed under their own passphrases, are not in it.",
        after_help = "Example:\n  chartmesh key export /media/stick/alder.keys"
    )]
    Export {
        /// A file that is not there yet
        file: PathBuf,
        /// Read the passphrase for the export from the first line of FILE instead of the terminal
        #[arg(long, value_name = "FILE")]
        export_passphrase_file: Option<PathBuf>,
    },
}

impl Args {
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        let config = context.config(Settings::default())?;
        let identity = NodeIdentity::of(&config.data_dir)
            .map_err(|error| Failure::new(Exit::NotFound, error.to_string()))?;
        match self {
            Self::Status => {
                let answer = context.node()?.status().await.ok();
                status_of(context, &config, &identity, answer.as_ref())
            }
            Self::Rotate { words_file, keys, although_put_back } => {
                let rotation = match (keys, although_put_back) {
                    (Some(file), _) => Rotation::Follow(read_log(&file)?),
                    (None, true) => Rotation::AlthoughPutBack,
                    (None, false) => Rotation::Made,
                };
                rotate(context, &config, &identity, words_file.as_deref(), rotation).await
            }
            Self::Passphrase { new_passphrase_file } => {
                passphrase(context, &config, new_passphrase_file.as_deref()).await
            }
            Self::Export { file, export_passphrase_file } => {
                export(context, &config, &file, export_passphrase_file.as_deref())
            }
        }
    }
}

fn status_of(
    context: &Context,
    config: &Config,
    identity: &NodeIdentity,
    running: Option<&StatusView>,
) -> Outcome {
    let keys = verified(identity)?;
    let (number, since) = (keys.current_number(), keys.rotated_at());
    let left = match identity.role {
        Role::Patient => 0,
        Role::Hospital | Role::Backup => {
            INSTITUTION_ROTATIONS_MAX.saturating_sub(usize::try_from(number).unwrap_or(usize::MAX))
        }
    };
    let guard = SecretsView::of(&config.unlock, &config.data_dir);
    let fingerprint = Fingerprint::of(keys.party());
    let in_view = running.and_then(|status| status.key.in_view);
    let answer = json!({
        "institution": keys.party(), "words": fingerprint.words(), "digits": fingerprint.digits(),
        "number": number, "since": since, "rotations_left": left,
        "unlock": guard.unlock, "key_file": guard.key_file, "unprotected": guard.unprotected,
        "running": running.is_some(), "in_view": in_view,
    });
    context.out.answer(&answer, |out| {
        let since = since.map_or("its first key".to_owned(), |at| format!("since {}", at.utc_text()));
        let members = match (running, in_view) {
            (None, _) => faint("the node does not run; it says when it does"),
            (_, None) => faint("no member of a federation"),
            (_, Some(known)) if known == number => Cell::new("know this key", Style::Good),
            (_, Some(known)) if known > number => Cell::new(status::newer(known), Style::Bad),
            (_, Some(known)) => Cell::new(
                format!("know number {known}, and take this one up as soon as enough of them have sealed that"),
                Style::Waiting,
            ),
        };
        let left = match identity.role {
            Role::Patient => "none: a relay's keys are not rotated, another relay takes their place".to_owned(),
            Role::Hospital | Role::Backup => format!("{left} of {INSTITUTION_ROTATIONS_MAX}, with the 24 words"),
        };
        let [keys, _] = status::secrets(&guard);
        out.facts(&[
            ("name", Cell::new(&identity.name, Style::Strong)),
            ("fingerprint", fingerprint.words().into()),
            ("key", format!("number {number}, {since}").into()),
            ("members", members),
            ("rotations left", left.into()),
            keys,
        ]);
    });
    Ok(())
}

async fn rotate(
    context: &Context,
    config: &Config,
    identity: &NodeIdentity,
    words_file: Option<&Path>,
    rotation: Rotation,
) -> Outcome {
    guard::lock_memory();
    if identity.role == Role::Patient {
        return Err(refused(&KeysError::Relay));
    }
    is_off(context).await?;
    let taken_over = matches!(rotation, Rotation::Follow(_));
    let words = secret::words("The institution's", words_file)?;
    let phrase = parse(&words)?;
    let unlock = unlock(context, config)?;
    let made = run::rotate(config, &unlock, &phrase, rotation).map_err(|error| refused(&error))?;
    let keys = verified(&made)?;
    let number = keys.current_number();
    let answer = json!({
        "institution": keys.party(), "number": number, "since": keys.rotated_at(), "node": made.node,
    });
    context.out.answer(&answer, |out| {
        out.line(match taken_over {
            true => format!("this node has the institution's key number {number} now, which was made elsewhere; nothing was replaced"),
            false => format!("the institution's key is now number {number}; its id and its fingerprint stay"),
        });
        out.note(if taken_over { TAKEN_OVER } else { REPLACED });
        out.next("chartmesh run");
    });
    Ok(())
}

/// What follows when the keys were replaced.
const REPLACED: &str = "Start the node now: until somebody has heard of the new key, the earlier one counts there.\nGive out new codes: those from before name the earlier node. If its passphrase is in other hands as well:\n`chartmesh key passphrase`.";

/// What follows when they were replaced before, elsewhere.
const TAKEN_OVER: &str = "Start the node now: it is heard again, as another node than before. Give out new codes for those that it\ngave out: they name the earlier node.";

/// Nobody should look for words or passphrases for nothing. Where it matters, the store's lock decides.
async fn is_off(context: &Context) -> Outcome {
    match context.node()?.status().await {
        Ok(_) => Err(Failure::new(Exit::State, "the node runs, with the keys as they are")
            .next("chartmesh stop, then this command again, then chartmesh run")),
        Err(_) => Ok(()),
    }
}

async fn passphrase(context: &Context, config: &Config, file: Option<&Path>) -> Outcome {
    guard::lock_memory();
    if config.unlock != UnlockWith::Passphrase {
        return Err(Failure::new(
            Exit::State,
            "the keystore is sealed under a key file or a credential, not under a passphrase",
        )
        .next("chartmesh key export FILE, then chartmesh init --import FILE --dir ANOTHER with what is to unlock it"));
    }
    is_off(context).await?;
    let old = unlock(context, config)?;
    let new = secret::another(file, "the node")?;
    run::reseal(config, &old, &Unlock::Passphrase(new)).map_err(|error| refused(&error))?;
    context.out.answer(&json!({ "done": true }), |out| {
        out.line("the keystore is sealed under the new passphrase");
        out.note("Copies of it that were made before still open with the old one.");
    });
    Ok(())
}

/// What an export is to whoever has it.
const OF_INSTITUTION: &str = "Whoever has this file and its passphrase reads all of this institution's charts that they get hold\nof, and speaks for it until it rotates its keys. They cannot rotate: that takes the 24 words, which\nare not in it. Keep it in another place than the words.";

/// Likewise of a relay, which has no words.
const OF_RELAY: &str = "Whoever has this file and its passphrase speaks for this relay until another takes its place: a relay\nhas no words, and its keys are not rotated. Its patients' keys are not in it; their 24 words replace\nthose. Keep it where nobody else gets at it.";

fn export(
    context: &Context,
    config: &Config,
    file: &Path,
    export_passphrase_file: Option<&Path>,
) -> Outcome {
    guard::lock_memory();
    if file.exists() {
        return Err(Failure::new(
            Exit::State,
            format!("{} is there already; name a new file", file.display()),
        ));
    }
    let unlock = unlock(context, config)?;
    let passphrase = secret::another(export_passphrase_file, "the export")?;
    let identity =
        run::export(config, &unlock, file, &passphrase).map_err(|error| refused(&error))?;
    let answer = json!({ "file": file, "institution": identity.institution() });
    context.out.answer(&answer, |out| {
        out.line(format!("the keys of `{}` are in {}", identity.name, file.display()));
        out.note(match identity.role {
            Role::Patient => OF_RELAY,
            Role::Hospital | Role::Backup => OF_INSTITUTION,
        });
        out.next(format!("on another machine: chartmesh init --import {}", file.display()));
    });
    Ok(())
}

/// An institution's 24 words, as they were typed.
pub(super) fn parse(words: &str) -> Outcome<InstitutionPhrase> {
    InstitutionPhrase::parse(words).map_err(|error| Failure::usage(error.to_string()))
}

/// A key log in a file: as `token keys` prints it, or in an `identity.json`.
pub(super) fn read_log(file: &Path) -> Outcome<KeyLog> {
    let text = String::from_utf8(read_file(file)?).unwrap_or_default();
    let of_view = |view: KeysView| KeyLog::from_bytes(&view.log.0, LIST_STATEMENT_BYTES_MAX).ok();
    let log = serde_json::from_str(&text).ok().and_then(of_view);
    log.or_else(|| NodeIdentity::from_json(&text).ok().map(|identity| identity.key_log)).ok_or_else(
        || {
            Failure::usage(format!("{} holds no key log", file.display()))
                .next("have a member make it with `chartmesh token keys NAME`, or take a copy of the node's identity.json")
        },
    )
}

fn verified(identity: &NodeIdentity) -> Outcome<KnownKeys> {
    let known = identity.key_log.clone().verify();
    known.map_err(|error| Failure::new(Exit::Failed, format!("identity.json: {error}")))
}

fn unlock(context: &Context, config: &Config) -> Outcome<Unlock> {
    config.unlock(|| {
        let typed = context.global.passphrase.existing("the node")?;
        Ok::<_, Failure>(Passphrase::new(typed.to_string()))
    })
}

fn refused(error: &KeysError) -> Failure {
    let exit = match error {
        KeysError::Identity(_) => Exit::NotFound,
        KeysError::Keystore(KeystoreError::Sealed { .. } | KeystoreError::Unlock(_)) => {
            Exit::Locked
        }
        KeysError::Store(OpenError::InUse { .. })
        | KeysError::Relay
        | KeysError::NothingNew
        | KeysError::PutBack { .. }
        | KeysError::OldKeys { .. } => Exit::State,
        KeysError::Rotate(_) | KeysError::KeyLog(_) => Exit::NotAuthentic,
        _ => Exit::Failed,
    };
    Failure::new(exit, error.to_string())
}
