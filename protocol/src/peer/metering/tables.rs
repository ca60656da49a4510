//! Every table of the store, with what bounds it against others. SPEC.md's table is made from this one, and a test finds
//! every table of the sources in it.

use crate::store::Table;

/// What bounds a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bounds {
    /// Only this node's own people make it grow, by what they do and ask for.
    Ours,
    /// A bound of `limits.rs`, or what the federation's members agreed on; why it suffices.
    Bounded(&'static str),
    /// Each row has its bill: under the institution that caused it, and the patient for whom it is.
    Counted,
    /// Rows come and go with those of a counted table, so many for each at most.
    With(&'static str, &'static str),
    /// As time goes by: what bounds how fast.
    Grows(&'static str),
}

/// The counted tables. A table's place is in the keys of its bills: new ones go to the end.
pub(super) const COUNTED: [Table; 13] = [
    RESERVATION,
    KEPT,
    ENTRY,
    CATALOGUE,
    Table("party"),
    Table("revocations"),
    Table("revocation_state"),
    Table("consent_request"),
    Table("consent_received"),
    COMPARTMENT,
    TREATS,
    Table("misfiled"),
    Table("misfiled_said"),
];

pub(super) const RESERVATION: Table = Table("backup_reservation");
pub(super) const KEPT: Table = Table("backup_kept");
pub(super) const ENTRY: Table = Table("entry");
pub(super) const CATALOGUE: Table = Table("catalogue");
pub(super) const COMPARTMENT: Table = Table("compartment");
pub(super) const TREATS: Table = Table("treats");

use Bounds::{Bounded, Counted, Grows, Ours, With};

const MEMBERS: &str = "`VIEW_MEMBERS_MAX`, and what [FED-20] keeps of each";
const DEPOSIT: &str = "backup_reservation";

/// Every table, by name.
pub const TABLES: &[(&str, Bounds)] = &[
    (
        "access_log",
        Grows(
            "a line for each read that was answered, which is never taken out: in a day an eighth of `TICKETS_WEIGHT_MAX` for each institution; of refusals `REFUSED_LINES_PER_DAY_MAX`",
        ),
    ),
    ("access_log_head", With("access_log", "one for each patient")),
    ("access_log_refused", With("access_log", "one for each patient and party")),
    ("backup_deferred", Ours),
    ("backup_deposit", Ours),
    ("backup_elsewhere", With("entry", "`TOKEN_PARTIES_MAX`")),
    ("backup_held_at", With("entry", "`TOKEN_PARTIES_MAX`")),
    ("backup_kept", Counted),
    ("backup_kept_by", With("backup_kept", "one")),
    ("backup_place", With(DEPOSIT, "`PAGE_ENTRIES_MAX`")),
    ("backup_reservation", Counted),
    ("backup_reservation_end", With(DEPOSIT, "one")),
    ("backup_restore", Ours),
    ("backup_unkept", Ours),
    ("backup_used", With(DEPOSIT, "`TOKEN_CHAIN_LINKS_MAX`")),
    ("catalogue", Counted),
    ("catalogue_entry", With("catalogue", "as many as its bill counts, or one for each entry")),
    ("catalogue_inner", With("catalogue", "a sixteenth of its entries")),
    ("catalogue_root", With("catalogue", "one")),
    (
        "catalogue_sent_again",
        Bounded("one for each reader and compartment of a patient whom this relay serves"),
    ),
    ("chart", With("party", "one, and those that were opened here")),
    ("chart_of", With("party", "one, and those that were opened here")),
    ("clock", Ours),
    ("clock_lowered", Ours),
    ("code", Ours),
    ("code_end", Ours),
    ("code_for", Ours),
    ("code_given", Ours),
    ("compartment", Counted),
    ("compartment_of", Ours),
    ("compartment_retired", With("party", "`RETIRED_COMPARTMENTS_MAX`")),
    ("consent_again", Bounded("one for each who deals with a patient")),
    ("consent_compared", Ours),
    ("consent_deposit_for", With("consent_request", "a page of its entries each")),
    ("consent_due", With("consent_request", "one")),
    ("consent_given", Bounded("what the patient permitted, and `PASSED_ON_MAX` for each")),
    ("consent_lacked", Bounded("one for each who deals with a patient")),
    ("consent_order", Bounded("`ORDERS_OPEN_MAX` for each patient")),
    ("consent_read", Ours),
    ("consent_received", Counted),
    ("consent_received_for", With("consent_received", "one")),
    ("consent_received_of", With("consent_received", "one")),
    ("consent_request", Counted),
    ("consent_unasked", With("party", "one")),
    ("contact", Bounded("what the patient did, and `PASSED_ON_MAX` for each permission")),
    ("copied", Bounded("one")),
    ("copied_heard", With("party", "one")),
    ("custody_brought", Bounded("one for each who deals with a patient")),
    ("custody_sought", Ours),
    ("enrolled", Ours),
    ("enrolling", Ours),
    ("enrolment_begun", Ours),
    ("enrolment_pending", Bounded("one for each code that was given out here")),
    ("enrolment_pending_chart", Bounded("one for each code that was given out here")),
    ("entry", Counted),
    ("entry_holder", With("entry", "`TOKEN_PARTIES_MAX`")),
    ("entry_in", With("entry", "one")),
    ("entry_index", Ours),
    ("federation_admit", Ours),
    ("federation_application", Bounded("`APPLICATIONS_TOLD_MAX` for each member")),
    ("federation_asked", With("party", "one")),
    ("federation_changes", Bounded(MEMBERS)),
    ("federation_charter", Bounded("one")),
    ("federation_expel", Ours),
    ("federation_expelled", Bounded("one for each whom the members put out")),
    ("federation_followed", Ours),
    ("federation_fork", Bounded("`FORKS_KEPT`")),
    ("federation_gone", Bounded("one for each who was a member")),
    ("federation_held", Bounded(MEMBERS)),
    ("federation_how_far", Bounded("one")),
    ("federation_member", Bounded(MEMBERS)),
    ("federation_next", Bounded("one")),
    ("federation_oldest", Bounded("one")),
    ("federation_part", Bounded("one")),
    ("federation_passed", Bounded("`SEALS_KEPT`, and one for each view before")),
    ("federation_position", Bounded("one")),
    ("federation_pulsed", Bounded("one")),
    ("federation_refused", Bounded("one")),
    ("federation_rotated", Bounded(MEMBERS)),
    ("federation_said", Bounded(MEMBERS)),
    ("federation_seal", Bounded("`SEALS_KEPT`")),
    ("federation_sent", With("party", "one")),
    ("federation_since", Bounded("one")),
    ("federation_step", Bounded("`SEALS_KEPT`")),
    ("federation_view", Bounded("one")),
    ("federation_wish", Bounded("one")),
    (
        "grant_key",
        Bounded(
            "`GRANT_KEY_KEPT_DAYS` over `GRANT_KEY_SHOWN_DAYS`, and one for each rotation of a week",
        ),
    ),
    ("inbox_floor", With("party", "one")),
    (
        "inbox_kept",
        With("party", "`INBOX_STREAMS_MAX` times `INBOX_OUTCOMES_MAX`, and `INBOX_BYTES_MAX`"),
    ),
    ("inbox_stream", With("party", "`INBOX_STREAMS_MAX`")),
    ("log_collected", Ours),
    ("log_collected_head", Ours),
    ("log_collected_volume", Ours),
    (
        "log_countersigned",
        Bounded("`COUNTERSIGNED_MAX` for each holder and reader that the patient deals with"),
    ),
    ("log_shown", Ours),
    ("misfiled", Counted),
    ("misfiled_said", Counted),
    ("misfiled_sealed", Ours),
    ("misfiled_to_seal", Ours),
    (
        "misfiled_unseen",
        Bounded(
            "`MISFILED_UNSEEN_MAX` for each author and patient of whom there is a chart, or whom this relay serves",
        ),
    ),
    ("misfiled_untold", With("misfiled_said", "one for each who may have its entries")),
    ("name", With("party", "one, and those of charts and patients here")),
    ("news_asked", With("party", "one")),
    ("news_told", Ours),
    ("node", With("party", "`NODES_OF_ONE_MAX`")),
    ("node_certificate", With("party", "`NODES_OF_ONE_MAX`")),
    ("node_of", With("party", "`NODES_OF_ONE_MAX`")),
    ("node_told", With("party", "one")),
    (
        "object_hold",
        With("backup_kept", "two for each of its objects, whose bytes its bill counts"),
    ),
    ("object_lost", With("backup_kept", "one for each of its objects")),
    (
        "object_small",
        With("backup_kept", "one for each of its objects, whose bytes its bill counts"),
    ),
    ("outbox", Bounded("`OUTBOX_PER_PARTY_MAX`")),
    ("outbox_due", Bounded("one for each institution")),
    ("outbox_ordered", Bounded("`OUTBOX_PER_PARTY_MAX`")),
    ("outbox_stream", Bounded("one for each institution")),
    ("party", Counted),
    ("patient", Ours),
    ("quota_bill", With("any counted table", "one")),
    ("quota_limit", Ours),
    ("quota_use", With("any counted table", "three")),
    ("record_unannounced", Ours),
    ("relay_certificate", Bounded("one for each member")),
    ("relay_certified", Bounded("one for each relay with a patient who enrolled here")),
    ("relay_of", With("party", "one")),
    ("revocation_freshness", With("revocations", "one")),
    ("revocation_state", Counted),
    ("revocations", Counted),
    ("standing", With("party", "one")),
    ("started", Bounded("one")),
    ("ticket", Bounded("`TICKETS_WEIGHT_MAX` for each institution")),
    ("ticket_end", Bounded("`TICKETS_WEIGHT_MAX` for each institution")),
    ("ticket_object", Bounded("`TICKETS_WEIGHT_MAX` for each institution")),
    ("ticket_weight", With("party", "one")),
    ("transfer", With(DEPOSIT, "`DEPOSIT_OBJECTS_MAX`")),
    ("treats", Counted),
    ("treats_author", With("entry", "one")),
];
