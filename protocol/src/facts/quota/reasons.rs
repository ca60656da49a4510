//! Why no more is kept for somebody.

use crate::reason::reasons;

reasons! {
    /// Why no more is kept for somebody.
    pub(crate) enum Reason: 33 "quota" {
        1 => Bytes { used: u64, asked: u64, most: u64 }: LimitReached
            "this institution may take up {most} bytes there, takes up {used}, and asked for {asked} more: have what is no longer needed deleted, or ask that node's operator for more (`chartmesh quota set`)",
        2 => Entries { used: u64, asked: u64, most: u64 }: LimitReached
            "this institution may have {most} things kept there, has {used}, and asked for {asked} more: have what is no longer needed deleted, or ask that node's operator for more (`chartmesh quota set`)",
        3 => PatientBytes { most: u64 }: LimitReached
            "what is kept for the patient there may take up {most} bytes, and would take up more: have what is no longer needed deleted, or ask that node's operator for more (`chartmesh quota set`)",
        4 => PatientEntries { most: u64 }: LimitReached
            "{most} things may be kept for the patient there, and there would be more: have what is no longer needed deleted, or ask that node's operator for more (`chartmesh quota set`)",
        5 => Relays: LimitReached
            "that node keeps as much for the relays that this member certified as it is set to; ask its operator for more (`chartmesh quota set --relays`)",
        6 => SaysNothing: Invalid "say how many bytes, how many things, or both",
        7 => ShareBytes { used: u64, asked: u64 }: LimitReached
            "this institution takes up {used} bytes for this patient there, asked for {asked} more, and may take only a part of what the others leave of the patient's room: ask the patient for a permission with a larger quota, or that node's operator for more room for the patient (`chartmesh quota set`)",
        8 => ShareEntries { used: u64, asked: u64 }: LimitReached
            "this institution has {used} things kept for this patient there, asked for {asked} more, and may have only a part of what the others leave of the patient's room: ask the patient for a permission with a larger quota, or that node's operator for more room for the patient (`chartmesh quota set`)",
        9 => Permitted { entries: u64, bytes: u64 }: LimitReached
            "the patient permits this institution to have {entries} things and {bytes} bytes kept for the patient, and there would be more: ask the patient for a permission with a larger quota",
        10 => NoLimitOfAShare: Invalid
            "a share follows from the patient's room and from what the patient permitted: set the patient's",
    }
}
