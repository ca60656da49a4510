//! Which existing test proves which rule, where the test does not say so itself.

/// Rule, file, test.
pub(crate) const PROVED_BY: &[(&str, &str, &str)] = &[
    ("ENC-6", "protocol/src/codec/tests.rs", "nesting_and_size_are_bounded"),
    ("ENC-10", "protocol/src/codec/tests.rs", "nesting_and_size_are_bounded"),
    ("ENC-11", "protocol/src/capability/properties.rs", "sets_have_one_order_and_a_bound"),
    ("ENC-12", "protocol/src/capability/tests.rs", "good_vectors_are_permitted"),
    (
        "ID-3",
        "protocol/src/identity/key_log.rs",
        "the_longer_of_two_logs_wins_unless_they_contradict",
    ),
    (
        "ID-4",
        "protocol/src/identity/key_log.rs",
        "the_id_survives_rotation_and_only_the_committed_key_rotates",
    ),
    ("OBJ-1", "protocol/src/object/vectors.rs", "bad_vectors_are_refused_for_their_reason"),
    ("OBJ-2", "protocol/src/object/tests.rs", "another_key_is_refused_by_the_commitment"),
    ("OBJ-3", "protocol/src/object/vectors.rs", "vectors_are_what_the_code_makes"),
    ("OBJ-4", "protocol/src/object/vectors.rs", "bad_vectors_are_refused_for_their_reason"),
    ("OBJ-5", "protocol/src/object/tests.rs", "padme_keeps_the_leading_bits"),
    (
        "OBJ-6",
        "protocol/src/object/tests.rs",
        "another_object_under_the_same_key_is_refused_by_its_id",
    ),
    (
        "OBJ-8",
        "protocol/src/wrap.rs",
        "a_wrap_opens_for_its_object_its_party_and_its_recipient_only",
    ),
    (
        "CAP-1",
        "protocol/src/capability/tests.rs",
        "each_reason_has_a_case_that_is_refused_for_it_alone",
    ),
    (
        "CAP-2",
        "protocol/src/capability/tests.rs",
        "each_reason_has_a_case_that_is_refused_for_it_alone",
    ),
    (
        "CAP-3",
        "protocol/src/capability/tests.rs",
        "each_reason_has_a_case_that_is_refused_for_it_alone",
    ),
    (
        "CAP-4",
        "protocol/src/capability/reason.rs",
        "names_are_those_of_the_wire_and_a_stranger_learns_nothing",
    ),
    (
        "CAP-5",
        "protocol/src/capability/properties.rs",
        "a_child_that_narrows_permits_nothing_that_its_parent_does_not",
    ),
    (
        "CAP-6",
        "protocol/src/capability/tests.rs",
        "each_reason_has_a_case_that_is_refused_for_it_alone",
    ),
    (
        "CAP-7",
        "protocol/src/capability/tests.rs",
        "each_reason_has_a_case_that_is_refused_for_it_alone",
    ),
    (
        "CAP-8",
        "protocol/src/capability/tests.rs",
        "each_reason_has_a_case_that_is_refused_for_it_alone",
    ),
    (
        "CAP-9",
        "protocol/src/capability/tests.rs",
        "each_reason_has_a_case_that_is_refused_for_it_alone",
    ),
    (
        "CAP-10",
        "protocol/src/capability/tests.rs",
        "each_reason_has_a_case_that_is_refused_for_it_alone",
    ),
    (
        "CAP-11",
        "protocol/src/capability/properties.rs",
        "what_verifies_is_permitted_by_every_link_and_what_one_link_permits_verifies",
    ),
    (
        "CAP-12",
        "protocol/src/capability/tests.rs",
        "a_grant_opens_for_its_grantee_and_with_its_permission_only",
    ),
    ("CAP-13", "protocol/src/capability/tests.rs", "tables_of_words_are_unchanged"),
    (
        "CAP-14",
        "protocol/src/capability/tests.rs",
        "a_transfer_in_flight_ends_with_what_permitted_it",
    ),
    ("CAP-15", "protocol/src/capability/revocation.rs", "only_the_patients_current_key_revokes"),
    (
        "CAP-16",
        "protocol/src/capability/revocation.rs",
        "no_order_of_arrival_brings_a_revoked_token_back",
    ),
    (
        "FED-1",
        "protocol/src/membership/tests/ledger.rs",
        "a_charter_is_checked_before_it_founds_anything",
    ),
    ("FED-2", "protocol/src/membership/tests/ledger.rs", "heads_have_one_form"),
    (
        "FED-3",
        "protocol/src/membership/tests/ledger.rs",
        "what_names_a_refused_statement_goes_with_it",
    ),
    ("FED-4", "protocol/src/membership/tests/vectors.rs", "vectors_are_judged_as_they_say"),
    (
        "FED-5",
        "protocol/src/membership/tests/attacks.rs",
        "the_founder_alone_admits_nobody_after_the_charter",
    ),
    (
        "FED-6",
        "protocol/src/membership/tests/attacks.rs",
        "who_left_comes_back_with_k_sponsors_who_knew_or_did_not_know",
    ),
    (
        "FED-7",
        "protocol/src/membership/tests/attacks.rs",
        "a_proposal_may_keep_out_somebody_who_left",
    ),
    (
        "FED-8",
        "protocol/src/membership/tests/attacks.rs",
        "only_members_at_the_time_of_a_proposal_vote_once_each_and_not_the_one_concerned",
    ),
    (
        "FED-9",
        "protocol/src/membership/tests/attacks.rs",
        "one_founder_of_two_cannot_expel_the_other_by_naming_only_the_charter",
    ),
    (
        "FED-10",
        "protocol/src/membership/tests/attacks.rs",
        "an_admission_back_dated_by_an_expelled_member_does_not_count",
    ),
    ("FED-11", "protocol/src/membership/tests/ledger.rs", "only_the_authors_own_keys_sign"),
    (
        "FED-12",
        "protocol/src/membership/tests/properties.rs",
        "every_order_of_arrival_gives_the_same_members",
    ),
    (
        "FED-13",
        "protocol/src/membership/tests/ledger.rs",
        "nodes_that_diverged_exchange_pages_until_they_agree",
    ),
    ("NET-1", "node/src/net/peer_id.rs", "a_node_id_survives_the_way_through_a_peer_id"),
    ("NET-2", "node/src/net/codec.rs", "refused_and_busy_are_told_apart"),
    ("NET-3", "node/src/net/codec.rs", "a_length_above_the_cap_is_refused_before_the_body"),
    ("NET-4", "node/src/net/tests/strangers.rs", "a_stranger_can_open_hello_and_nothing_else"),
    (
        "NET-10",
        "node/src/bulk/tests.rs",
        "a_permission_revoked_midway_stops_the_transfer_within_the_bound",
    ),
    ("NET-8", "node/src/bulk/wire.rs", "requests_of_wrong_version_length_or_start_are_told_apart"),
    (
        "NET-9",
        "node/src/objects/tests.rs",
        "a_flipped_bit_anywhere_in_pairs_or_bytes_is_not_the_object",
    ),
    (
        "STO-1",
        "node/src/keystore/tests.rs",
        "every_altered_byte_is_noticed_and_never_called_a_wrong_passphrase",
    ),
    ("STO-2", "node/src/keystore/secrets.rs", "the_encoding_is_as_documented"),
    (
        "STO-3",
        "node/src/store/header.rs",
        "every_altered_bit_of_the_header_is_noticed_and_never_called_a_wrong_key",
    ),
    ("STO-4", "node/src/objects/progress.rs", "the_newest_valid_slot_counts"),
    (
        "CAT-3",
        "protocol/src/record/catalogue/tests.rs",
        "only_the_relay_that_the_key_ring_names_counts",
    ),
    (
        "CAT-4",
        "protocol/src/record/catalogue/tests.rs",
        "additions_lead_to_the_root_and_a_missed_one_is_answered_with_the_whole_list_once",
    ),
    (
        "CAT-5",
        "scenarios/tests/catalogue.rs",
        "a_holder_that_hides_the_newest_addition_is_noticed_and_one_that_sends_it_clears_it",
    ),
    ("HEA-2", "scenarios/tests/heads.rs", "a_forged_countersignature_is_refused"),
    (
        "HEA-3",
        "scenarios/tests/heads.rs",
        "it_does_not_matter_whether_the_head_or_the_log_comes_first",
    ),
    ("ENR-1", "scenarios/tests/road.rs", "the_whole_road_once"),
    ("CUS-1", "scenarios/tests/road.rs", "the_whole_road_once"),
];
