//! Every bound, each with its reason. SPEC.md's table of limits is generated from this file.

/// Declares bounds and the table that SPEC.md carries.
macro_rules! limits {
    ($($(#[doc = $doc:literal])+ $name:ident : $ty:ty = $value:expr;)*) => {
        $($(#[doc = $doc])+ pub const $name: $ty = $value;)*

        /// Name, value and reason of every bound, for SPEC.md.
        pub const TABLE: &[(&str, u64, &str)] = &[
            $((stringify!($name), $name as u64, concat!($($doc),+)),)*
        ];
    };
}

limits! {
    /// Nesting of arrays and maps in one encoding: what our deepest message needs, with two to spare.
    DEPTH_MAX: u8 = 8;
    /// Bytes in one text: a title, a reason, a name; a narrative belongs into an object.
    TEXT_BYTES_MAX: usize = 4096;
    /// Bytes of a name: a patient's, a federation's, of who asks, reads or passes on.
    NAME_BYTES_MAX: usize = 200;
    /// Characters of a name in a sentence: longer ones are no names.
    NAME_SHOWN_CHARS_MAX: usize = 100;
    /// Bytes of a reason that somebody gives: why a member is to be expelled, why a patient refuses.
    REASON_BYTES_MAX: usize = 1000;
    /// Identifiers of one chart: a few numbers of each institution that a patient has been to.
    IDENTIFIERS_MAX: usize = 64;
    /// Items in one list: a Bundle of a whole life has under a thousand entries.
    LIST_ITEMS_MAX: usize = 4096;
    /// Bytes of memory that decoding takes for each byte of input, at most: lists of what can be empty
    /// have bounds of their own.
    DECODED_PER_BYTE_MAX: usize = 16;
    /// Bytes of a `hello`: what a stranger can make us read before he is known.
    HELLO_BYTES_MAX: usize = 16 * 1024;
    /// Bytes of a control request: one step of a feature, never a record's content.
    REQUEST_BYTES_MAX: usize = 1024 * 1024;
    /// Bytes of a control response: a page of labels and manifests.
    RESPONSE_BYTES_MAX: usize = 10 * 1024 * 1024;
    /// Bytes that an envelope adds to its body: ids, a proof of possession, signatures.
    ENVELOPE_BYTES_MAX: usize = 4096;
    /// Bytes of a row of the store, which is ours: whatever fits a message fits a row.
    ROW_BYTES_MAX: usize = 16 * 1024 * 1024;
    /// Rows whose time has come, of one kind, that one event works off: the rest is for the next.
    DUE_ROWS_MAX: usize = 256;
    /// Bytes of a chain of capability tokens: small enough for an HTTP header.
    TOKEN_CHAIN_BYTES_MAX: usize = 8 * 1024;
    /// Links of a chain of capability tokens: patient to institution, twice delegated.
    TOKEN_CHAIN_LINKS_MAX: usize = 3;
    /// Bytes of a proof that whoever presents a token has its key: the hash of what it is presented with,
    /// a time and a signature.
    POSSESSION_BYTES_MAX: usize = 512;
    /// Entries that one token can name: what fits a token of one link.
    TOKEN_ENTRIES_MAX: usize = 256;
    /// Compartments that one token can name: every kind of record, in several epochs.
    TOKEN_COMPARTMENTS_MAX: usize = 128;
    /// Institutions that one token can name as holders, or to be passed on to: a region's clinics.
    TOKEN_PARTIES_MAX: usize = 64;
    /// Bytes of the keys in one grant before sealing: a key for all that one token can name, and its end.
    GRANT_KEYS_BYTES_MAX: usize = 24 * 1024;
    /// Days for which a node's cards show one grant key, before it makes another.
    GRANT_KEY_SHOWN_DAYS: u64 = 30;
    /// Days, from when a grant key was made, until which grants are sealed to it; and the most by which a card's `until` is
    /// after its `issued`. Who hears a node says `hello` to it once a week, so its last card shows a key of at most 37
    /// days: a hospital that is off over a holiday, for 15 days, is given permissions meanwhile.
    GRANT_KEY_SEALED_TO_DAYS: u64 = 52;
    /// Days, from when a grant key was made, until it is deleted: what was sealed on its last day has three weeks to
    /// arrive. A thief opens grants of so many days.
    GRANT_KEY_KEPT_DAYS: u64 = 75;
    /// Days after which grant keys from before a rotation are deleted: what was on its way has arrived, since who has not
    /// said `hello` in the week of a certificate says it again, and seals to the new card.
    GRANT_KEY_ROTATED_DAYS: u64 = 7;
    /// Milliseconds before an institution that refused a permission for its key is given it once more with the same key:
    /// whoever refuses without end costs a patient's relay little.
    GIVEN_AGAIN_MS: u64 = 24 * 3600 * 1000;
    /// Cards with other keys to which permissions are sealed again for one institution and patient in a day: a node that was put
    /// back, or moved, shows one or two; who shows one after the other and refuses each costs a relay no more.
    GIVEN_AGAIN_CARDS_MAX: usize = 4;
    /// Days a token is valid at most: a forgotten grant ends by itself.
    TOKEN_DAYS_MAX: u64 = 90;
    /// Seconds by which a token's `nbf` may lie in our future: clocks differ; `exp` has no tolerance.
    CLOCK_TOLERANCE_SECONDS: u64 = 120;
    /// Days by which a holder's news of revocations may lag, where the permission does not say, for an institution that
    /// does not treat the patient: docs/scenarios/freshness.md has what each number of days costs and withstands.
    NEWS_DAYS_DEFAULT: u64 = 7;
    /// Hours after which news of revocations is old: it is said where a permission is used, and newer news is fetched.
    NEWS_OLD_HOURS: u64 = 24;
    /// Hours between two words of a relay, while it is awake, that nothing was revoked since.
    FRESHNESS_HOURS: u64 = 12;
    /// Minutes between two questions for news of one patient.
    NEWS_ASKED_MINUTES: u64 = 10;
    /// Parties of a permission that are asked for news, besides the relay.
    NEWS_ASKED_MAX: usize = 4;
    /// Days a key ring is valid at most: a lost patient's compartments stop taking deposits.
    KEY_RING_DAYS_MAX: u64 = 30;
    /// Days by which a key ring may be dated ahead: whose clock is further ahead has certificates that
    /// nobody takes yet, and cannot be heard at all.
    KEY_RING_AHEAD_DAYS: u64 = 7;
    /// Compartments in one key ring: every kind of record, with room for new kinds.
    COMPARTMENTS_MAX: usize = 64;
    /// Retired compartments remembered of one patient: every kind in seventy epochs; the oldest go first.
    RETIRED_COMPARTMENTS_MAX: usize = 1024;
    /// Entries that one fetch brings: more than a life has; a holder cannot fill a reader's disk.
    FETCH_ENTRIES_MAX: u64 = 100_000;
    /// Times that one permission is passed on, as its patient's relay remembers it: no grantee fills it.
    PASSED_ON_MAX: usize = 256;
    /// Rotations in one key log: far more than a life sees; bounds what a stranger makes us verify.
    ROTATIONS_MAX: usize = 64;
    /// Rotations of an institution, which keep no tokens: with them its `hello`, whose other lists are as
    /// long as they may be, fits HELLO_BYTES_MAX.
    INSTITUTION_ROTATIONS_MAX: usize = 40;
    /// Token ids that a rotation can keep: keeps the statement below a control request.
    KEPT_TOKENS_MAX: usize = 1024;
    /// Revoked ids in one revocation state: pruned after their expiry, so 90 days' worth.
    REVOKED_MAX: usize = 2048;
    /// Bytes of one signed statement (certificate, label, membership): small enough to hold thousands.
    STATEMENT_BYTES_MAX: usize = 16 * 1024;
    /// Bytes of a signed statement that carries long lists (rotation, revocation, key ring, catalogue).
    LIST_STATEMENT_BYTES_MAX: usize = 256 * 1024;
    /// Bytes of outcomes that are kept for one institution, in all its streams: whoever acknowledges has one or two of them, and
    /// takes nobody's disk by not doing so.
    INBOX_BYTES_MAX: u64 = 16 * 1024 * 1024;
    /// Entries that one statement takes out of a record: what a holder works off at a time.
    MISFILED_ENTRIES_MAX: usize = 1000;
    /// Entries of one author and patient that are remembered as misfiled though they never were here: so that a holder which has
    /// not heard cannot bring them.
    MISFILED_UNSEEN_MAX: usize = 1000;
    /// Milliseconds a node's certificate is valid at most: a stolen node key dies by itself.
    CERTIFICATE_MS_MAX: u64 = 30 * 24 * 3600 * 1000;
    /// Days for which it is shown that a patient's relay did not take an entry: who looks once a month sees it.
    UNTAKEN_SHOWN_DAYS: u64 = 30;
    /// Days for which a node that was put back from an older copy says so in every `hello`: a member that was away for a
    /// month hears of it, too.
    PUT_BACK_SAID_DAYS: u64 = 30;
    /// Days after which whoever says again that a node was put back makes it ask again: a liar costs others a little, once
    /// a week.
    PUT_BACK_ANEW_DAYS: u64 = 7;
    /// Starts of which a node remembers until when its store knew: more than people try in a day.
    STARTS_KEPT: usize = 32;
    /// Epochs of a kind behind the last known one, or the last found, in which a relay that was put back looks for those that it
    /// forgot: one begins when a standing permission ends, and each costs a derivation.
    EPOCHS_SOUGHT: usize = 16;
    /// Institutions named whose numbers say that a node was put back.
    PUT_BACK_NAMED_MAX: usize = 16;
    /// Bytes of content in one object, 1 TiB: longer than any recorded operation. At this length one key
    /// encrypts 2^36 blocks, which leaves AES-GCM's distinguishing bound near 2^-57; and all offsets stay
    /// far from overflowing.
    PLAINTEXT_BYTES_MAX: u64 = 1 << 40;
    /// Bytes of a sealed object that travels and is stored inside messages and rows: one chunk.
    SMALL_OBJECT_BYTES_MAX: usize = 64 * 1024;
    /// Content objects in one entry: what one manifest of 64 KiB can name; a longer series is several entries.
    ENTRY_CONTENTS_MAX: usize = 256;
    /// Bytes of a manifest before sealing: fits a small object.
    MANIFEST_BYTES_MAX: usize = 63 * 1024;
    /// Entries in one page of a listing or one read: keeps a response below its limit.
    PAGE_ENTRIES_MAX: usize = 100;
    /// Bytes of bundles in one response: below RESPONSE_BYTES_MAX with room for the frame around it.
    PAGE_BYTES_MAX: usize = 8 * 1024 * 1024;
    /// Members up to which each tells all others what it heard; with more, some of them.
    TOLD_ON_ALL_MAX: usize = 8;
    /// For how long, in milliseconds, an institution is not asked again for seals that it has not brought: whatever
    /// was lost on the way is brought by a later `hello`.
    ASK_AGAIN_MS: u64 = 60 * 60 * 1000;
    /// Members of one view: a region's institutions. Its seal, of 520 signatures, stays below SEAL_BYTES_MAX.
    VIEW_MEMBERS_MAX: usize = 1024;
    /// Expelled ids that a view names, the newest: 34 bytes each, so that with its members it fits REQUEST_BYTES_MAX.
    VIEW_EXPELLED_MAX: usize = 4096;
    /// Bytes of a view: its members with the longest names, and those that it names as expelled.
    VIEW_BYTES_MAX: usize = 512 * 1024;
    /// What one view changes at most: many at once where a region comes in, and little enough to read.
    CHANGES_MAX: usize = 64;
    /// Bytes of what one view changes: 40 applications with the longest names.
    CHANGE_BYTES_MAX: usize = 20 * 1024;
    /// Bytes of a speech or a seal: a change, and signatures of more than half of the largest view.
    SEAL_BYTES_MAX: usize = 64 * 1024;
    /// Bytes of a report: a change, and signatures of two quorums of the largest view.
    REPORT_BYTES_MAX: usize = 112 * 1024;
    /// Bytes of a member's ballot: what an operator supports at a time, a dozen applications or more.
    BALLOT_BYTES_MAX: usize = 8 * 1024;
    /// Institutions that one ballot would admit, and that one would expel.
    BALLOT_WISHES_MAX: usize = 16;
    /// Seals that are kept with what they changed: years of coming and going; older anchors need a new code.
    SEALS_KEPT: usize = 4096;
    /// Bytes of the seals, and of the introductions, in one answer: with charter and view below RESPONSE_BYTES_MAX.
    FOLLOW_BYTES_MAX: usize = 2 * 1024 * 1024;
    /// Forks that are kept, and shown: one is enough to know whom not to trust.
    FORKS_KEPT: usize = 64;
    /// Views by which whoever stands at another successor is shown how it was sealed here.
    FORK_SHOWN_MAX: u32 = 16;
    /// Bytes of what is told of a view in one message: below REQUEST_BYTES_MAX.
    TOLD_BYTES_MAX: usize = 768 * 1024;
    /// Milliseconds that an application is good for: as long as an invite, and a month to decide.
    APPLICATION_MS_MAX: u64 = 45 * 24 * 60 * 60 * 1000;
    /// Applications of which one institution tells.
    APPLICATIONS_TOLD_MAX: usize = 64;
    /// Members of a federation that a relay leaves with a hospital of its patients: where one of two is gone, nothing can be
    /// decided any more, and who is left founds anew.
    LEFT_TOGETHER_MAX: usize = 2;
    /// Milliseconds after which a member that was put back from a copy asks the others again how far they are.
    HOW_FAR_MS: u64 = 60 * 1000;
    /// Milliseconds between a member's pulses: who is silent for a day is not waited for.
    PULSE_MS: u64 = 6 * 60 * 60 * 1000;
    /// Bytes of the answer to a `hello`: a `hello`, or a seal by which an expelled party learns of it.
    HELLO_REPLY_BYTES_MAX: usize = 66 * 1024;
    /// Ballots of one member that are told on in an hour, to everybody; the newest counts at once.
    BALLOTS_PER_HOUR_MAX: u64 = 16;
    /// Times that a member may take something back in one view before speakers wait until its ballot has stood for a day.
    TAKEN_BACK_MAX: u32 = 2;
    /// Rounds of one view of which signatures are kept: the newest. Who lags further behind is shown the newest.
    ROUNDS_KEPT: usize = 8;
    /// Words of one kind that are kept of a member in one round, where it has one: two prove that it lies.
    WORDS_OF_ROUND_MAX: usize = 2;
    /// Rounds by which a member that was put back from a copy may have the others hurry on: it joins so many later.
    HURRY_ROUNDS_MAX: u32 = 2;
    /// Milliseconds that a member waits for a round to end in a seal, at first; doubled with each round.
    ROUND_MS_MIN: u64 = 10 * 60 * 1000;
    /// The same, at most: who was away for a night is waited for.
    ROUND_MS_MAX: u64 = 6 * 60 * 60 * 1000;
    /// Sponsors that a charter must ask for at least: with one, a single dishonest member admits anyone.
    THRESHOLD_MIN: u16 = 2;
    /// Sponsors that a charter can ask for an admission.
    THRESHOLD_MAX: u16 = 16;
    /// Messages waiting for one party: a far side that is away for a month, at a hundred a day.
    OUTBOX_PER_PARTY_MAX: usize = 4096;
    /// The part of that which is for what others have an institution say, one in so many: its own people are never kept
    /// from speaking by a patient's orders.
    OUTBOX_OF_OTHERS: usize = 4;
    /// Of what patients' orders leave of that, one patient's may take one part in so many: however many order, the next
    /// finds room.
    OUTBOX_LEFT_TO_OTHERS: u64 = 4;
    /// Messages waiting for one party up to which it is told what others can cause without end, and what is told again
    /// anyway (listings, heads, announcements): people's questions and decisions find the other half.
    OUTBOX_TOLD_MAX: usize = OUTBOX_PER_PARTY_MAX / 2;
    /// Orders of one patient that wait at a hospital: a record of 16,384 entries at once.
    ORDERS_OPEN_MAX: usize = 64;
    /// Messages for one party beyond OUTBOX_PER_PARTY_MAX: a patient's new keys and revocations, and what is said once,
    /// which others must not crowd out.
    OUTBOX_URGENT_MAX: usize = 512;
    /// Streams of one institution that are remembered: its nodes, and a new one after each restored copy.
    INBOX_STREAMS_MAX: usize = 64;
    /// Outcomes of one stream kept for a sender that acknowledges none: messages go one at a time.
    INBOX_OUTCOMES_MAX: usize = 8;
    /// Milliseconds between tries to deliver, at first.
    RETRY_MS_MIN: u64 = 1000;
    /// Milliseconds between tries to deliver, at most.
    RETRY_MS_MAX: u64 = 5 * 60 * 1000;
    /// The same to an institution that nobody but others knows where to find, and that never answered there.
    RETRY_TOLD_MS_MAX: u64 = 60 * 60 * 1000;
    /// Addresses that one party's word has a node dial in an hour where nobody is: a region's members, each looked for in
    /// vain once or twice. Beyond that its word is not followed until the next hour.
    TOLD_IN_VAIN_PER_HOUR_MAX: u64 = 1024;
    /// Bytes of what a hospital writes to a patient with its request for consent: a few sentences.
    CONSENT_MESSAGE_BYTES_MAX: usize = 1000;
    /// Milliseconds a request for consent stays open when whoever asked says nothing else.
    CONSENT_MS_DEFAULT: u64 = 7 * 24 * 3600 * 1000;
    /// Milliseconds a request for consent stays open at most.
    CONSENT_MS_MAX: u64 = 90 * 24 * 3600 * 1000;
    /// Permissions under one request: a quarter of a million entries, or those of a standing one through
    /// ninety days of new keys; a relay that sends more fills a disk.
    REQUEST_PERMISSIONS_MAX: usize = 1024;
    /// Requests of which one party brings permissions a day to an institution that did not ask: patients whom
    /// others refer. Each opens a chart, also when the patient is made up.
    UNASKED_PERMISSIONS_PER_DAY_MAX: u64 = 256;
    /// Things that an institution may have kept at a node, unless its operator says otherwise: entries, requests, permissions;
    /// what a hospital makes known of some tens of thousands of patients.
    QUOTA_ENTRIES: u64 = 1_000_000;
    /// Things that may be kept for one patient at a node, unless its operator says otherwise: as many as a catalogue lists.
    QUOTA_PATIENT_ENTRIES: u64 = 100_000;
    /// Bytes that an institution may have kept at a hospital or a relay, unless its operator says otherwise: labels,
    /// permissions and keys; to keep contents for others is not their business.
    QUOTA_BYTES: u64 = 10 << 30;
    /// Bytes that may be kept for one patient at a hospital or a relay, unless its operator says otherwise: labels of as many
    /// entries as there may be, or an emergency's images.
    QUOTA_PATIENT_BYTES: u64 = 4 << 30;
    /// Bytes that an institution may deposit at a provider, unless its operator says otherwise: a year of a hospital's
    /// images. A contract will say.
    QUOTA_PROVIDER_BYTES: u64 = 1 << 40;
    /// Bytes that may be deposited for one patient at a provider, unless its operator says otherwise: a life with many
    /// studies and some recorded operations.
    QUOTA_PROVIDER_PATIENT_BYTES: u64 = 100 << 30;
    /// Of what the others leave of a patient's room at a node, an institution may take one part in so many: one that lies fills a
    /// quarter, three that lie together leave more than two fifths.
    QUOTA_SHARE: u64 = 4;
    /// Bytes that an institution may add to a record under one permission at each holder, unless the patient says otherwise: some
    /// recorded operations.
    QUOTA_ADDED_BYTES: u64 = 10 << 30;
    /// Entries that an institution may add to a record under one permission at each holder, unless the patient says otherwise: a
    /// month in hospital.
    QUOTA_ADDED_ENTRIES: u64 = 1000;
    /// Milliseconds a ticket for pulling objects is valid.
    TICKET_MS: u64 = 24 * 3600 * 1000;
    /// What the tickets of one institution weigh at most, one for each object and 8 for each ticket: a day's reading, of half a
    /// million pages; their rows stay below a few hundred megabytes.
    TICKETS_WEIGHT_MAX: u64 = 4 << 20;
    /// Milliseconds a depositary keeps a deposit's place while the data do not come.
    RESERVATION_MS: u64 = 7 * 24 * 3600 * 1000;
    /// Objects in one deposit: its receipt, which names each, stays below LIST_STATEMENT_BYTES_MAX.
    DEPOSIT_OBJECTS_MAX: usize = 3500;
    /// Milliseconds an enrolment code can be used when nothing else is said: at a desk, while both are there.
    CODE_DESK_MS: u64 = 15 * 60 * 1000;
    /// Milliseconds an invite can be used when nothing else is said.
    CODE_INVITE_MS: u64 = 7 * 24 * 3600 * 1000;
    /// Milliseconds a code can be used at most: an enrolment by letter.
    CODE_MS_MAX: u64 = 14 * 24 * 3600 * 1000;
    /// Nodes that a code names: an institution's, as one can type or scan.
    CODE_NODES_MAX: usize = 8;
    /// Bytes of the proof that somebody has a code: ids, nonces and a signature.
    CODE_PROOF_BYTES_MAX: usize = 512;
    /// Milliseconds for which an enrolment that was begun can be made: the patient may compare at the next visit.
    PENDING_MS: u64 = 30 * 24 * 3600 * 1000;
    /// Wrong numbers after which an enrolment ends: whoever guesses has three chances in a million.
    COMPARE_SLIPS_MAX: u32 = 3;
    /// Open requests for consent that one asker may have at one patient's relay.
    OPEN_REQUESTS_MAX: usize = 64;
    /// Milliseconds for which a request that expired or was refused counts among them, from when it was
    /// asked: nobody fills a relay with requests that expire at once.
    ENDED_REQUEST_COUNTS_MS: u64 = 7 * 24 * 3600 * 1000;
    /// Entries of one compartment that its catalogue lists to readers, who keep a row for each: a
    /// measurement every quarter of an hour for three years. Beyond, count and root travel alone.
    CATALOGUE_ENTRIES_MAX: usize = 100_000;
    /// Entries in one message of a catalogue: 54 bytes each, a fifth of REQUEST_BYTES_MAX.
    CATALOGUE_PAGE_MAX: usize = LIST_ITEMS_MAX;
    /// Institutions of which one patient says that they treat the patient, or did: a life's.
    TREATERS_MAX: usize = 1024;
    /// The same, in one message.
    TREATERS_TOLD_MAX: usize = 256;
    /// Catalogues in one message: of all that one token can name.
    CATALOGUE_SECTIONS_MAX: usize = TOKEN_COMPARTMENTS_MAX + 1;
    /// Catalogues that a reader keeps of one patient: every kind in more than thirty epochs. Each is looked at for an entry.
    CATALOGUES_KEPT_MAX: usize = 512;
    /// Entries that are named where some do not come, or have another label; the rest are counted.
    CATALOGUE_SHOWN_MAX: usize = 64;
    /// Countersigned heads of one holder's log about one patient that are kept for one reader: what agrees
    /// with the collected log makes room. Also how many messages may wait for a relay before no more follow.
    COUNTERSIGNED_MAX: usize = 256;
    /// Entries that one line of an access log names; the rest are counted.
    LOG_LINE_ENTRIES_MAX: usize = 64;
    /// Lines of an access log in one page.
    LOG_PAGE_MAX: usize = 1000;
    /// Refusals of one party about one patient that a holder's log lists a day: nobody reads more.
    REFUSED_LINES_PER_DAY_MAX: usize = 64;
    /// Notices that one event may set off in a row: features call each other at most this deep.
    NOTICE_DEPTH_MAX: usize = 8;
    /// Arguments of one reason for a refusal: no words need more.
    REASON_ARGS_MAX: usize = 4;
    /// Network addresses kept for one node, and nodes that an introduction names.
    ADDRESSES_MAX: usize = 16;
    /// Nodes remembered of one institution: a cluster's, and those of earlier copies; it can make any number.
    NODES_OF_ONE_MAX: usize = 64;
    /// Bytes of the addresses that are passed on of an institution's nodes that have not proven themselves.
    HINTED_BYTES_MAX: usize = 4096;
    /// Bytes of a name as it is compared: several times what cards and charts call anybody.
    NAME_COMPARED_BYTES_MAX: usize = 256;
    /// Items in one page of a listing that a front door asks for: a few megabytes of JSON.
    LISTED_MAX: usize = 1000;
    /// Items in such a page when nothing else is said: what a person looks at.
    LISTED_DEFAULT: usize = 100;
    /// Things that one search by a name or the beginning of an id finds: what a person chooses from.
    FOUND_MAX: usize = 100;
}
